/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events from decisions.  Evidence is told strongest first: the policy's own entry, then the IEEE registrant. */
#include "run/words.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/word.h"
#include "ident/who.h"
#include "policy/policy.h"
#include "policy/registry.h"
#include "run/judge.h"

static const struct word protos[] = {
	{ "icmp", IPPROTO_ICMP }, { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "icmpv6", IPPROTO_ICMPV6 },
	{ "sctp", IPPROTO_SCTP }, { "gre", IPPROTO_GRE }, { "esp", IPPROTO_ESP }, { NULL, 0 },
};
static const struct word bases[] = {
	{ "named", POLICY_NAMED }, { "understood", POLICY_UNDERSTOOD }, { "described", POLICY_DESCRIBED }, { NULL, 0 },
};
static const struct word kinds[] = {
	{ "MA-L", REGISTRY_MA_L }, { "MA-M", REGISTRY_MA_M }, { "MA-S", REGISTRY_MA_S }, { "IAB", REGISTRY_IAB },
	{ "CID", REGISTRY_CID }, { NULL, 0 },
};

const char *words_service(uint8_t proto, bool has_ports, uint16_t port, uint8_t icmp_type, char *buf, size_t size)
{
	const char *name = word_name(protos, proto);
	char number[16];

	if (!name) {
		snprintf(number, sizeof(number), "proto/%u", proto);
		name = number;
	}
	if (has_ports)
		snprintf(buf, size, "%s/%u", name, port);
	else if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6)
		snprintf(buf, size, "%s/%u", name, icmp_type);
	else
		snprintf(buf, size, "%s", name);
	return buf;
}

const char *words_why(const struct verdict *v)
{
	static const char *const words[] = {
		[VERDICT_UNGUARDED] = "unguarded", [VERDICT_SHAPE] = "shape", [VERDICT_SPOOF] = "spoof",
		[VERDICT_UNVERIFIED] = "unverified", [VERDICT_EXCEPTION] = "exception", [VERDICT_RESTRICT] = "restrict",
		[VERDICT_RULE] = "rule", [VERDICT_DEFAULT] = "default",
	};

	return v->why == VERDICT_RESTRICT && v->unknown ? "unknown" : words[v->why];
}

const char *words_class(const struct judge *j, const struct flow_end *end, uint32_t zone)
{
	if (end->firewall || zone == POLICY_NONE || j->policy->zones[zone].guard == POLICY_OPEN)
		return "";
	if (prog_restriction(j->prog, &end->id).restricted)
		return "restricted";
	if (end->id.router)
		return "router";
	return end->id.listed == WHO_NONE && end->id.maker == WHO_NONE ? "unknown" : "permitted";
}

const char *words_authority(const struct judge *j, const struct prog_restriction *r, char *buf, size_t size)
{
	const struct policy_pack *pack;
	const struct policy_pack_entry *entry;
	const struct policy_authority *a;

	buf[0] = '\0';
	if (!r->restricted || r->pack >= j->policy->n_packs || r->entry >= j->policy->packs[r->pack].n_entries)
		return buf;
	pack = &j->policy->packs[r->pack];
	entry = &pack->entries[r->entry];
	a = entry->authority < pack->n_authorities ? &pack->authorities[entry->authority] : NULL;
	snprintf(buf, size, "%s: %s, %s%s%s", pack->name, word_name(bases, (int)entry->basis), a && a->id ? a->id : "",
		 a && a->date.text ? " " : "", a && a->date.text ? a->date.text : "");
	return buf;
}

static void registry_words(const struct policy *p, const struct mac *m, char *buf, size_t size)
{
	struct registry_hit hits[4];
	char mac[ADDR_MAC_TEXT];

	buf[0] = '\0';
	if (!p->registry || registry_find(p->registry, m, hits) == 0)
		return;
	addr_mac_text(m, mac, sizeof(mac));
	snprintf(buf, size, "registry: %s (%s %.*s/%u)", hits[0].name, word_name(kinds, (int)hits[0].kind), 8, mac, hits[0].bits);
}

static void evidence(const struct judge *j, const struct flow_end *end, unsigned slot, struct words *w, struct event_end *ret)
{
	const struct policy *p = j->policy;
	size_t n = 0;

	if (end->id.listed != WHO_NONE) {
		const struct policy_device *d = &p->devices[end->id.listed];

		snprintf(w->evidence[slot][n], WORDS_TEXT, "listed: %s (%s:%u)", d->name,
			 d->loc.file ? d->loc.file : "", d->loc.line);
		ret->evidence[n] = w->evidence[slot][n];
		n++;
	}
	if (ret->has_mac) {
		registry_words(p, &ret->mac, w->evidence[slot][n], WORDS_TEXT);
		if (w->evidence[slot][n][0])
			ret->evidence[n] = w->evidence[slot][n];
	}
}

void words_end(const struct judge *j, const struct flow_end *end, uint32_t zone, unsigned slot, struct words *w,
	       struct event_end *ret)
{
	const struct policy *p = j->policy;
	const struct prog_restriction r = end->firewall ? (struct prog_restriction){ 0 } : prog_restriction(j->prog, &end->id);
	const uint32_t listed = end->firewall ? WHO_NONE : end->id.listed;
	uint32_t maker = listed != WHO_NONE ? p->devices[listed].maker : end->id.maker;

	*ret = (struct event_end){ .has_mac = end->has_mac, .mac = end->mac, .addr = end->addr };
	ret->zone = end->firewall ? "firewall" : zone == POLICY_NONE ? "external" : p->zones[zone].name;
	ret->zone_mode = zone == POLICY_NONE ? NULL : word_name(policy_mode_words, (int)p->zones[zone].mode);
	if (end->iface != WHO_NONE && end->iface < p->n_ifaces)
		ret->iface = p->ifaces[end->iface].name;
	ret->cls = words_class(j, end, zone);
	if (end->firewall)
		return;
	ret->device = end->id.device;
	ret->device_name = who_name(j->who, &end->id);
	if (listed != WHO_NONE) {
		ret->location = p->devices[listed].location;
		if (!ret->has_mac && p->devices[listed].n_macs == 1) {
			ret->has_mac = true;
			ret->mac = p->devices[listed].macs[0];
		}
		if (maker == POLICY_NONE)
			maker = p->devices[listed].registry_maker;
	}
	if (r.restricted && r.maker < p->n_makers)
		maker = r.maker;
	if (maker != POLICY_NONE && maker < p->n_makers)
		ret->maker = p->makers[maker].name;
	evidence(j, end, slot, w, ret);
	if (words_authority(j, &r, w->authority[slot], WORDS_TEXT)[0])
		ret->authority = w->authority[slot];
}

void words_site(const struct judge *j, struct words *w, struct event *ev)
{
	const struct policy *p = j->policy;

	ev->site = p->site.name;
	ev->sensitivity = p->site.sensitivity;
	ev->policy_revision = p->revision;
	ev->policy_digest = digest_hex(p->digest, sizeof(p->digest), w->digest, sizeof(w->digest));
}

static uint8_t severity_of(const struct policy *p, const struct verdict *v)
{
	if (v->rule != POLICY_NONE)
		return (uint8_t)p->rules[v->rule].severity;
	if (v->why == VERDICT_SPOOF)
		return POLICY_SEV_HIGH;
	return v->why == VERDICT_SHAPE ? POLICY_SEV_MEDIUM : POLICY_SEV_LOW;
}

static void rule_words(const struct policy *p, uint32_t index, struct words *w, struct event *ev)
{
	const struct policy_rule *r = &p->rules[index];

	ev->rule = r->id;
	ev->reason = r->reason;
	snprintf(w->place, sizeof(w->place), "%s:%u", r->loc.file ? r->loc.file : "", r->loc.line);
	ev->rule_place = w->place;
	if (r->section == POLICY_EXCEPTION)
		ev->exception = r->id;
}

static enum event_kind kind_of(const struct verdict *v)
{
	if (v->action == POLICY_ALLOW)
		return EVENT_EXCEPTION_USED;
	return v->enforced ? EVENT_BLOCKED : EVENT_WOULD_BLOCK;
}

static enum event_action action_of(const struct verdict *v)
{
	if (!v->enforced || v->action == POLICY_ALLOW)
		return EVENT_PASSED;
	return v->action == POLICY_REJECT ? EVENT_REJECTED : EVENT_DROPPED;
}

void words_event(const struct judge *j, const struct pkt *p, const struct flow *f, const struct verdict *v, struct words *w,
		 struct event *ret)
{
	*ret = (struct event){
		.kind = kind_of(v), .first_ns = p->when_ns, .last_ns = p->when_ns, .packets = 1, .bytes = p->bytes,
		.severity = severity_of(j->policy, v), .action = action_of(v), .opener_is_from = true,
		.proto = f->proto, .tcp_flags = p->tcp_flags, .icmp_type = f->icmp_type, .icmp_code = p->icmp_code,
		.why = words_why(v),
	};
	words_site(j, w, ret);
	words_end(j, &f->from, v->from_zone, 0, w, &ret->from);
	words_end(j, &f->to, v->to_zone, 1, w, &ret->to);
	if (f->has_ports) {
		ret->from.has_port = ret->to.has_port = true;
		ret->from.port = f->sport;
		ret->to.port = f->dport;
	}
	if (v->rule != POLICY_NONE)
		rule_words(j->policy, v->rule, w, ret);
	ret->service = words_service(f->proto, f->has_ports, f->dport, f->icmp_type, w->service, sizeof(w->service));
	community_id(&f->from.addr, &f->to.addr, f->proto, f->has_ports ? f->sport : f->icmp_type,
		     f->has_ports ? f->dport : p->icmp_code, 0, w->community, sizeof(w->community));
	if (w->community[0])
		ret->community_id = w->community;
	if (v->why == VERDICT_SPOOF)
		ret->technique = "T1036";
}

void words_observed(const struct judge *j, const struct verdict *v, struct words *w, struct event *ev)
{
	const struct policy_rule *r = &j->policy->rules[v->observed];

	ev->kind = r->action == POLICY_ALLOW ? EVENT_WOULD_ALLOW : EVENT_WOULD_BLOCK;
	ev->why = "observed";
	ev->action = EVENT_NOTHING;             /* what became of the packet is told by the decision's own event */
	ev->severity = (uint8_t)r->severity;
	ev->exception = NULL;
	rule_words(j->policy, v->observed, w, ev);
}
