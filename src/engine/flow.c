/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet's sender is one end, its receiver the other; which of them opened is another question.  An ICMP error belongs
 * to the connection that it quotes: the end on the sender's side keeps the sender's own identity, since anybody can quote
 * anything.  The gate's reply note says that the quoted packet was the opener's; else the lower port is the service. */
#include "engine/flow.h"

#include <string.h>

enum { MANY = 32 };                     /* looked ahead for at once */

static uint32_t iface_of(const struct flow_ifmap *map, uint32_t ifindex)
{
	size_t lo = 0, hi = map->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (map->pairs[mid].ifindex == ifindex)
			return map->pairs[mid].iface;
		if (map->pairs[mid].ifindex < ifindex)
			lo = mid + 1;
		else
			hi = mid;
	}
	return WHO_NONE;
}

static const struct who_id nobody = { .listed = WHO_NONE, .maker = WHO_NONE };

static struct flow_end end_of(const struct flow_ifmap *map, uint32_t ifindex, bool firewall, const struct addr *a)
{
	struct flow_end end = { .iface = WHO_NONE, .firewall = firewall, .addr = *a, .id = nobody };

	if (!firewall && ifindex) {
		end.iface = iface_of(map, ifindex);
		end.iface_known = true;
	}
	return end;
}

static struct flow_end sender_of(const struct pkt *p, const struct flow_ifmap *map, const struct who *w)
{
	struct flow_end end = end_of(map, p->iif, p->hook == PKT_OUTPUT, &p->src);

	if (end.firewall)
		return end;
	end.has_mac = p->has_smac;
	if (end.has_mac)
		end.mac = p->smac;
	end.id = who_source(w, end.iface, end.has_mac ? &end.mac : NULL, &p->src);
	return end;
}

static struct flow_end receiver_of(const struct pkt *p, const struct flow_ifmap *map, const struct who *w)
{
	struct flow_end end = end_of(map, p->oif, p->hook == PKT_INPUT, &p->dst);

	if (!end.firewall)
		end.id = who_address(w, end.iface_known && end.iface == WHO_NONE ? WHO_NOWHERE : end.iface, &p->dst);
	return end;
}

/* The error travels to the quoted packet's source; what was quoted went the other way. */
static void quote(const struct pkt *p, struct flow_end *sender, struct flow_end *receiver, struct flow *ret)
{
	/* A reply note says that the quoted packet was the opener's; without one (captures have none) guess by the ports. */
	const bool answer = p->direction != PKT_REPLY && p->quoted_sport < p->quoted_dport && p->quoted_sport;

	sender->addr = p->quoted_dst;
	receiver->addr = p->quoted_src;
	ret->turned = !answer;
	ret->proto = p->quoted_proto;
	ret->has_ports = p->quoted_sport || p->quoted_dport;
	ret->sport = answer ? p->quoted_dport : p->quoted_sport;
	ret->dport = answer ? p->quoted_sport : p->quoted_dport;
	ret->icmp_type = p->quoted_proto == 1 ? 8 : p->quoted_proto == 58 ? 128 : 0;
}

/* What an ICMP answer answers: the flow is the question. */
static uint8_t asked(uint8_t proto, uint8_t type)
{
	if (proto == 1 && type == 0)
		return 8;
	return proto == 58 && type == 129 ? 128 : type;
}

void flow_of_pkt(const struct pkt *p, const struct flow_ifmap *map, const struct who *w, struct flow *ret)
{
	struct flow_end sender = sender_of(p, map, w), receiver = receiver_of(p, map, w);

	*ret = (struct flow){ .proto = p->proto, .shape = p->shape };
	if (p->quoted && addr_equal(&p->quoted_src, &p->dst)) {
		quote(p, &sender, &receiver, ret);
	} else {
		ret->turned = p->direction == PKT_REPLY;
		ret->icmp_type = ret->turned ? asked(p->proto, p->icmp_type) : p->icmp_type;
		ret->has_ports = p->has_ports;
		ret->sport = ret->turned ? p->dport : p->sport;
		ret->dport = ret->turned ? p->sport : p->dport;
	}
	ret->from = ret->turned ? receiver : sender;
	ret->to = ret->turned ? sender : receiver;
}

void flow_of_pkts(const struct pkt *p, unsigned n, const struct flow_ifmap *map, const struct who *w, struct flow *ret)
{
	struct who_ahead ahead[MANY];

	for (unsigned some; n > 0; n -= some, p += some, ret += some) {
		some = n < MANY ? n : MANY;
		for (unsigned i = 0; i < some && some > 1; i++)
			who_ahead_slots(w, p[i].has_smac ? &p[i].smac : NULL, &p[i].src, &p[i].dst, &ahead[i]);
		for (unsigned i = 0; i < some && some > 1; i++)
			who_ahead_records(w, &ahead[i]);
		for (unsigned i = 0; i < some && some > 1; i++)
			who_ahead_holder(w, &ahead[i]);
		for (unsigned i = 0; i < some; i++)
			flow_of_pkt(&p[i], map, w, &ret[i]);
	}
}
