/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agree/gen.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* xorshift64* (Vigna). */
uint64_t gen_next(struct gen *g)
{
	g->state ^= g->state >> 12;
	g->state ^= g->state << 25;
	g->state ^= g->state >> 27;
	return g->state * UINT64_C(0x2545f4914f6cdd1d);
}

uint32_t gen_below(struct gen *g, uint32_t n)
{
	return n ? (uint32_t)((gen_next(g) >> 32) % n) : 0;
}

bool gen_chance(struct gen *g, uint32_t percent)
{
	return gen_below(g, 100) < percent;
}

static struct addr near_prefix(struct gen *g, const struct prefix *p)
{
	struct addr last = addr_prefix_last(p), a = p->addr;

	switch (gen_below(g, 5)) {
	case 0: return p->addr;
	case 1: return last;
	case 2: return addr_step(p->addr, -1);
	case 3: return addr_step(last, 1);
	default:
		for (unsigned i = 0; i < addr_bits(&a) / 8; i++)
			a.b[i] |= (uint8_t)(gen_next(g) & (uint8_t)(p->addr.b[i] ^ last.b[i]));
		return a;
	}
}

static struct addr odd_addr(struct gen *g)
{
	static const char *const odd[] = {
		"0.0.0.0", "255.255.255.255", "224.0.0.1", "224.0.0.255", "224.0.1.0", "223.255.255.255", "::", "::1", "fe80::1",
		"febf:ffff::", "fec0::", "fe7f:ffff::1", "ff02::1", "ff12::fb", "ff05::2", "8.8.8.8", "2001:db8::1", "0.0.0.1", "::2",
		"255.255.255.254",
	};
	struct addr a = { 0 };

	addr_parse(odd[gen_below(g, sizeof(odd) / sizeof(*odd))], &a);
	return a;
}

static bool any_prefix(struct gen *g, const struct policy *p, struct prefix *ret)
{
	uint32_t zones = gen_chance(g, 60) ? p->n_zones : 0;
	const struct policy_zone *z = zones ? &p->zones[gen_below(g, zones)] : NULL;
	const struct policy_host *h = !zones && p->n_hosts ? &p->hosts[gen_below(g, p->n_hosts)] : NULL;

	if (z && z->n_nets)
		*ret = z->nets[gen_below(g, z->n_nets)];
	else if (h && h->n_nets)
		*ret = h->nets[gen_below(g, h->n_nets)];
	else
		return false;
	return true;
}

static struct addr try_addr(struct gen *g, const struct policy *p)
{
	const struct policy_device *d = p->n_devices ? &p->devices[gen_below(g, p->n_devices)] : NULL;
	struct prefix prefix;

	if (gen_chance(g, 12))
		return odd_addr(g);
	if (d && d->n_addrs && gen_chance(g, 20))
		return d->addrs[gen_below(g, d->n_addrs)];
	return any_prefix(g, p, &prefix) ? near_prefix(g, &prefix) : odd_addr(g);
}

struct addr gen_addr(struct gen *g, const struct policy *p, uint8_t family)
{
	struct addr a = try_addr(g, p);

	for (unsigned i = 0; family && a.family != family && i < 50; i++)
		a = try_addr(g, p);
	return a;
}

static uint16_t near_port(struct gen *g, const struct policy_port *s)
{
	switch (gen_below(g, 5)) {
	case 0: return s->lo;
	case 1: return s->hi;
	case 2: return (uint16_t)(s->lo - 1);
	case 3: return (uint16_t)(s->hi + 1);
	default: return (uint16_t)(s->lo + gen_below(g, (uint32_t)(s->hi - s->lo) + 1));
	}
}

void gen_service(struct gen *g, const struct policy *p, struct flow *f)
{
	static const uint8_t protos[] = { 6, 6, 6, 17, 17, 1, 58, 132, 47, 0, 255 };
	const struct policy_rule *r = p->n_rules ? &p->rules[gen_below(g, p->n_rules)] : NULL;
	const struct policy_port *s = r && r->services.n ? &r->services.ports[gen_below(g, r->services.n)] : NULL;

	f->proto = protos[gen_below(g, sizeof(protos))];
	f->dport = (uint16_t)gen_next(g);
	f->sport = (uint16_t)(1024 + gen_below(g, 60000));
	f->icmp_type = (uint8_t)(gen_chance(g, 50) ? gen_below(g, 20) : gen_next(g));
	if (s && gen_chance(g, 80)) {
		if (!s->any_proto && gen_chance(g, 90))
			f->proto = s->proto;
		if (s->has_ports)
			f->dport = near_port(g, s);
		if (s->has_icmp)
			f->icmp_type = (uint8_t)(s->icmp_type + gen_below(g, 3) - 1 + gen_chance(g, 50));
	}
	f->has_ports = (f->proto == 6 || f->proto == 17 || f->proto == 132) && gen_chance(g, 98);
	if (!f->has_ports)
		f->dport = f->sport = 0;
	if (f->proto != 1 && f->proto != 58)
		f->icmp_type = 0;
}

static struct who_id any_id(struct gen *g, const struct policy *p)
{
	struct who_id id = { .listed = WHO_NONE, .maker = WHO_NONE };

	if (p->n_devices && gen_chance(g, 45))
		id.listed = gen_below(g, p->n_devices);
	if (p->n_makers && gen_chance(g, id.listed == WHO_NONE ? 55 : 20))
		id.maker = gen_below(g, p->n_makers);
	id.sticky = gen_chance(g, 5);
	id.proof = (uint8_t)(gen_chance(g, 70) ? WHO_VERIFIED + gen_below(g, 2) : gen_below(g, WHO_VERIFIED));
	id.router = gen_chance(g, 3);
	return id;
}

/* An interface on which the address's zone stands, if it has one. */
static uint32_t iface_for(const struct policy *p, const struct addr *a, struct gen *g)
{
	for (uint32_t i = 0, z = gen_below(g, p->n_zones); i < p->n_zones; i++, z = (z + 1) % p->n_zones)
		for (uint32_t k = 0; k < p->zones[z].n_nets; k++)
			if (p->zones[z].n_ifaces && addr_prefix_contains(&p->zones[z].nets[k], a))
				return p->zones[z].ifaces[gen_below(g, p->zones[z].n_ifaces)];
	return gen_below(g, p->n_ifaces);
}

static void any_end(struct gen *g, const struct policy *p, uint8_t family, bool has_mac, struct flow_end *ret)
{
	*ret = (struct flow_end){ .iface = WHO_NONE, .addr = gen_addr(g, p, family), .id = { .listed = WHO_NONE, .maker = WHO_NONE } };
	ret->firewall = gen_chance(g, 6);
	if (ret->firewall)
		return;
	ret->iface_known = gen_chance(g, 85);
	if (ret->iface_known && p->n_ifaces && gen_chance(g, 93))
		ret->iface = gen_chance(g, 80) ? iface_for(p, &ret->addr, g) : gen_below(g, p->n_ifaces);
	ret->has_mac = has_mac && gen_chance(g, 90);
	if (ret->has_mac)
		ret->mac = (struct mac){ { 2, 0, 0, 0, (uint8_t)gen_below(g, 3), (uint8_t)gen_next(g) } };
	ret->id = any_id(g, p);
}

void gen_flow(struct gen *g, const struct policy *p, struct flow *ret)
{
	*ret = (struct flow){ .turned = gen_chance(g, 15), .shape = 0 };
	any_end(g, p, 0, !ret->turned, &ret->from);
	any_end(g, p, gen_chance(g, 97) ? ret->from.addr.family : 0, ret->turned, &ret->to);
	if (gen_chance(g, 1))
		ret->to.addr = (struct addr){ 0 };
	gen_service(g, p, ret);
	if (gen_chance(g, 3))
		ret->shape = (uint8_t)(1U << gen_below(g, 5));
}

struct mac gen_mac(struct gen *g, const struct policy *p)
{
	static const struct mac known[] = { { { 0x44, 0x19, 0xb6, 0, 2, 0 } }, { { 0x00, 0x40, 0x8c, 0, 2, 0 } }, { { 0, 0, 0x5e, 0, 2, 0 } } };
	const struct policy_device *d = p->n_devices ? &p->devices[gen_below(g, p->n_devices)] : NULL;
	struct mac m = known[gen_below(g, 3)];

	if (d && d->n_macs && gen_chance(g, 50))
		return d->macs[gen_below(g, d->n_macs)];
	m.b[5] = (uint8_t)gen_below(g, 4);
	return m;
}

static bool is_plain(const struct addr *a)
{
	return a->family && !addr_is_of_link(a) && !addr_is_multicast(a) && a->b[0] != 127 && (a->family == 4 ? a->b[0] != 0 &&
	       a->b[0] < 224 : (a->b[0] & 0xe0) == 0x20 || (a->b[0] & 0xfe) == 0xfc);
}

struct addr gen_plain_addr(struct gen *g, const struct policy *p, uint8_t family)
{
	struct addr a;

	do
		a = gen_addr(g, p, family);
	while (!is_plain(&a) || (family && a.family != family));
	return a;
}

void gen_packet(struct gen *g, const struct policy *p, struct pkt *ret)
{
	struct flow f;

	do
		gen_service(g, p, &f);
	while (!f.has_ports && f.proto != 1 && f.proto != 58);
	*ret = (struct pkt){ .has_smac = 1, .smac = gen_mac(g, p), .bytes = 60 };
	ret->src = gen_plain_addr(g, p, f.proto == 58 ? 6 : f.proto == 1 ? 4 : 0);
	ret->dst = gen_plain_addr(g, p, ret->src.family);
	ret->iif = 1 + (gen_chance(g, 85) ? iface_for(p, &ret->src, g) : gen_below(g, p->n_ifaces));
	ret->oif = 1 + iface_for(p, &ret->dst, g);
	if (ret->oif == ret->iif)
		ret->oif = 1 + ret->iif % (p->n_ifaces ? p->n_ifaces : 1);
	ret->proto = f.proto == 132 ? 6 : f.proto;
	ret->has_ports = f.has_ports;
	ret->sport = f.sport;
	ret->dport = f.dport;
	ret->icmp_type = f.proto == 1 ? 8 : f.proto == 58 ? 128 : 0;
}

static int64_t near_time(struct gen *g, const struct policy_time *t)
{
	return t->ns + (int64_t)gen_below(g, 3) - 1;
}

static const int64_t noon = INT64_C(1790000000) * 1000000000;  /* September 2026 */

int64_t gen_moment(struct gen *g, const struct policy *p)
{
	const struct policy_rule *r = p->n_rules ? &p->rules[gen_below(g, p->n_rules)] : NULL;
	const struct policy_device *d = p->n_devices ? &p->devices[gen_below(g, p->n_devices)] : NULL;

	if (r && r->expires.set && gen_chance(g, 60))
		return near_time(g, &r->expires);
	if (r && r->starts.set && gen_chance(g, 60))
		return near_time(g, &r->starts);
	if (d && d->cleared && gen_chance(g, 40))
		return near_time(g, gen_chance(g, 50) ? &d->cleared->date : &d->cleared->until);
	return noon;
}

static void print_end(const struct policy *p, const char *what, const struct flow_end *e, struct buf *out)
{
	static const char *const proofs[] = { "none", "claimed", "verified", "pinned" };
	char text[ADDR_TEXT];

	buf_printf(out, "%s: %s", what, addr_text(&e->addr, text, sizeof(text)));
	if (e->firewall)
		buf_str(out, " firewall");
	if (e->iface_known)
		buf_printf(out, " on %s", e->iface == WHO_NONE ? "an unnamed interface" : p->ifaces[e->iface].name);
	buf_printf(out, "%s device %s maker %s proof %s%s\n", e->has_mac ? " with MAC" : "",
		   e->id.listed == WHO_NONE ? "-" : p->devices[e->id.listed].name,
		   e->id.maker == WHO_NONE ? "-" : p->makers[e->id.maker].name, proofs[e->id.proof & 3], e->id.sticky ? " sticky" : "");
}

void gen_print_flow(const struct policy *p, const struct flow *f, struct buf *out)
{
	print_end(p, "from", &f->from, out);
	print_end(p, "to", &f->to, out);
	buf_printf(out, "protocol %u%s dport %u type %u shape %u%s\n", f->proto, f->has_ports ? "" : " (no ports)", f->dport,
		   f->icmp_type, f->shape, f->turned ? ", sent by to" : "");
}

uint64_t gen_option(int argc, char **argv, const char *name, uint64_t otherwise)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return strtoull(argv[i + 1], NULL, 0);
	return otherwise;
}
