/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policies as text, so that the whole chain is under test; what the reader refuses is tried again by the caller. */
#include "agree/gen.h"

#include "base/buf.h"

enum { IFACES = 6, NETS = 24 };

static const char *const nets[NETS] = {
	"10.0.0.0/8", "10.20.0.0/16", "10.20.4.0/24", "10.20.4.128/25", "10.20.4.200", "10.21.0.0/16", "10.16.0.0/12", "10.1.0.0/16",
	"192.168.0.0/16", "192.168.7.0/24", "192.168.7.16/28", "172.16.0.0/12", "fd00:20::/64", "fd00:20::/32", "fd00::/16",
	"fd00:20::4:0/112", "fd00:1::/48", "fd00:1::5:10", "0.0.0.0/1", "128.0.0.0/1", "2000::/3", "10.20.5.0/24",
	"10.20.5.128/25", "fd00:20::4:8000/113",
};
static const char *const host_nets[] = {
	"10.1.5.10", "10.1.5.0/24", "10.20.4.7", "10.20.4.0/26", "10.20.0.0/15", "8.8.8.8", "8.8.0.0/16", "0.0.0.0/0", "::/0",
	"fd00:1::5:10", "fd00:1::/64", "fd00:20::7", "192.168.7.20", "10.0.0.0/9", "2001:db8::/32", "172.16.0.1", "fd00:20::/96",
	"224.0.0.0/4", "fe80::/64", "10.20.4.200",
};
static const char *const makers[] = { "hikvision", "dahua", "axis", "hanwha", "huawei", "uniview", "bosch", "verkada", "hisilicon" };
static const char *const tags[] = { "cam", "rec", "lab", "old" };
static const char *const packs[] = { "uk-nil", "us-889", "fcc-covered" };
static const char *const pieces[] = {
	"tcp/554", "tcp/443", "tcp/1-1023", "tcp/8000-8010", "tcp/65535", "udp/53", "udp/50000-59999", "udp/0", "icmp/echo-request",
	"tcp/500-600", "udp/1-65535", "sctp/5000", "video", "time", "wide",
};
static const char *const dates[] = { "2026-06-30", "2026-09-21", "2026-09-22", "2027-03-31", "\"2026-09-21T12:00:00Z\"" };

struct names {
	uint32_t zones, devices, groups, hosts;
};

#define PICK(g, table) ((table)[gen_below((g), sizeof(table) / sizeof(*(table)))])

static void zone(struct gen *g, uint32_t i, bool *taken, struct buf *y)
{
	static const char *const guards[] = { "true", "true", "true", "false", "restricted", "false" };
	uint32_t n = gen_chance(g, 10) ? 0 : 1 + gen_below(g, 3);

	buf_printf(y, "  z%u: { guarded: %s", i, PICK(g, guards));
	if (gen_chance(g, 85) || !n)
		buf_printf(y, ", interfaces: [e%u%s]", gen_below(g, IFACES), gen_chance(g, 20) ? ", e9" : "");
	for (uint32_t k = 0, first = 1; k < n; k++) {
		uint32_t net = gen_below(g, NETS);

		if (taken[net])
			continue;
		taken[net] = true;
		buf_printf(y, "%s\"%s\"", first ? ", networks: [" : ", ", nets[net]);
		first = 0;
		if (k + 1 >= n)
			break;
	}
	if (buf_cstr(y)[y->len - 1] == '"')
		buf_char(y, ']');
	if (gen_chance(g, 30))
		buf_printf(y, ", unknown: %s", gen_chance(g, 60) ? "rules" : "restrict");
	if (gen_chance(g, 12))
		buf_str(y, ", routed: true");
	if (gen_chance(g, 25))
		buf_printf(y, ", mode: %s", gen_chance(g, 50) ? "observe" : "enforce");
	buf_str(y, " }\n");
}

static void zones(struct gen *g, struct names *n, struct buf *y)
{
	bool taken[NETS] = { false };

	n->zones = 1 + gen_below(g, 6);
	buf_str(y, "zones:\n");
	for (uint32_t i = 0; i < n->zones; i++)
		zone(g, i, taken, y);
}

static void devices(struct gen *g, struct names *n, struct buf *y)
{
	static const char *const addrs[] = { "10.20.4.7", "10.20.4.130", "10.20.1.10", "\"fd00:20::7\"", "10.21.0.1", "10.1.5.10" };

	n->devices = gen_below(g, 7);
	buf_str(y, n->devices ? "devices:\n" : "");
	for (uint32_t i = 0; i < n->devices; i++) {
		buf_printf(y, "  - { name: d%u, macs: [\"02:00:00:00:01:%02x\"]", i, i);
		if (i < sizeof(addrs) / sizeof(*addrs) && gen_chance(g, 60))
			buf_printf(y, ", addresses: [%s]", addrs[i]);
		if (gen_chance(g, 60))
			buf_printf(y, ", maker: %s", PICK(g, makers));
		if (gen_chance(g, 50))
			buf_printf(y, ", tags: [%s%s]", PICK(g, tags), gen_chance(g, 30) ? ", x" : "");
		if (gen_chance(g, 25))
			buf_printf(y, ", cleared: { by: me, date: %s, until: 2027-03-31, ticket: T, reason: r }", PICK(g, dates));
		buf_str(y, " }\n");
	}
}

static void key(struct gen *g, const char *sep, const char *name, const char *prefix, uint32_t n, struct buf *y)
{
	uint32_t first = gen_below(g, n), second = gen_below(g, n);

	buf_printf(y, "%s%s: [%s%u", sep, name, prefix, first);
	if (second != first && gen_chance(g, 50))
		buf_printf(y, ", %s%u", prefix, second);
	buf_char(y, ']');
}

static void group(struct gen *g, const struct names *n, struct buf *y)
{
	const char *sep = "";

	buf_printf(y, "  g%u: { ", n->groups);
	if (gen_chance(g, 45)) {
		buf_printf(y, "packs: [%s]", PICK(g, packs));
		sep = ", ";
	}
	if (gen_chance(g, 20)) {
		buf_printf(y, "%smakers: [%s]", sep, PICK(g, makers));
		sep = ", ";
	}
	if (gen_chance(g, 25)) {
		buf_printf(y, "%stags: [%s]", sep, PICK(g, tags));
		sep = ", ";
	}
	if (n->devices && gen_chance(g, 15)) {
		key(g, sep, "devices", "d", n->devices, y);
		sep = ", ";
	}
	if (gen_chance(g, 25)) {
		key(g, sep, "zones", "z", n->zones, y);
		sep = ", ";
	}
	if (gen_chance(g, 15)) {
		buf_printf(y, "%sunknown: %s", sep, gen_chance(g, 60) ? "true" : "false");
		sep = ", ";
	}
	if (gen_chance(g, 20) || !*sep)
		buf_printf(y, "%senrolled: %s", sep, gen_chance(g, 50) ? "true" : "false");
	if (n->devices && gen_chance(g, 20))
		buf_printf(y, ", except: [d%u]", gen_below(g, n->devices));
	else if (n->groups && gen_chance(g, 25))
		buf_printf(y, ", except: [g%u]", gen_below(g, n->groups));
	buf_str(y, " }\n");
}

static void groups(struct gen *g, struct names *n, struct buf *y)
{
	const uint32_t count = 1 + gen_below(g, 5);

	buf_str(y, "groups:\n");
	for (n->groups = 0; n->groups < count; n->groups++)
		group(g, n, y);
}

static void hosts(struct gen *g, struct names *n, struct buf *y)
{
	n->hosts = gen_below(g, 5);
	buf_str(y, n->hosts ? "hosts:\n" : "");
	for (uint32_t i = 0; i < n->hosts; i++) {
		buf_printf(y, "  h%u: { networks: [\"%s\"", i, PICK(g, host_nets));
		if (gen_chance(g, 40))
			buf_printf(y, ", \"%s\"", PICK(g, host_nets));
		buf_str(y, "] }\n");
	}
}

static void ref(struct gen *g, const struct names *n, struct buf *y)
{
	const uint32_t what = gen_below(g, 20);

	if (what < 6)
		buf_printf(y, "z%u", gen_below(g, n->zones));
	else if (what < 10)
		buf_printf(y, "g%u", gen_below(g, n->groups));
	else if (what < 13 && n->devices)
		buf_printf(y, "d%u", gen_below(g, n->devices));
	else if (what < 18 && n->hosts)
		buf_printf(y, "h%u", gen_below(g, n->hosts));
	else
		buf_str(y, what == 18 ? "firewall" : "external");
}

static void sel(struct gen *g, const struct names *n, const char *name, struct buf *y)
{
	const bool negate = gen_chance(g, 20);
	const uint32_t count = 1 + (gen_chance(g, 40) ? gen_below(g, 3) : 0);

	buf_printf(y, ", %s: ", name);
	if (!negate && gen_chance(g, 12)) {
		buf_str(y, "any");
		return;
	}
	buf_str(y, negate ? "{ not: [" : "[");
	for (uint32_t i = 0; i < count; i++) {
		buf_str(y, i ? ", " : "");
		ref(g, n, y);
	}
	buf_str(y, negate ? "] }" : "]");
}

static void services(struct gen *g, struct buf *y)
{
	if (gen_chance(g, 25)) {
		buf_str(y, ", services: any");
		return;
	}
	buf_printf(y, ", services: [%s", PICK(g, pieces));
	while (gen_chance(g, 35))
		buf_printf(y, ", %s", PICK(g, pieces));
	buf_char(y, ']');
}

static void tail(struct gen *g, bool may_end, struct buf *y)
{
	if (gen_chance(g, 12))
		buf_str(y, ", starts: \"2026-09-21T12:00:00Z\"");
	if (may_end && gen_chance(g, 12))
		buf_printf(y, ", expires: %s", PICK(g, dates));
	if (may_end && gen_chance(g, 15))
		buf_str(y, ", observe: true");
	if (gen_chance(g, 15))
		buf_printf(y, ", sensitivity: [%s]", gen_chance(g, 50) ? "sensitive" : "plain");
	buf_str(y, " }\n");
}

static void entries(struct gen *g, const struct names *n, struct buf *y)
{
	static const char *const actions[] = { "allow", "allow", "allow", "drop", "reject" };
	uint32_t count = gen_below(g, 4);

	buf_str(y, count ? "exceptions:\n" : "");
	for (uint32_t i = 0; i < count; i++) {
		buf_printf(y, "  - { id: x%u, owner: o, ticket: t, reason: r, expires: %s", i, PICK(g, dates));
		sel(g, n, "from", y);
		sel(g, n, "to", y);
		services(g, y);
		tail(g, false, y);
	}
	count = gen_below(g, 4);
	buf_str(y, count ? "restrict:\n" : "");
	for (uint32_t i = 0; i < count; i++) {
		buf_printf(y, "  - { id: n%u, group: g%u%s", i, gen_below(g, n->groups), gen_chance(g, 20) ? ", action: reject" : "");
		tail(g, true, y);
	}
	count = gen_below(g, gen_chance(g, 5) ? 90 : 12);
	buf_str(y, count ? "rules:\n" : "");
	for (uint32_t i = 0; i < count; i++) {
		buf_printf(y, "  - { id: r%u, action: %s", i, PICK(g, actions));
		if (gen_chance(g, 90))
			sel(g, n, "from", y);
		if (gen_chance(g, 90))
			sel(g, n, "to", y);
		services(g, y);
		tail(g, true, y);
	}
}

/* What an authority only describes is undecided until somebody decides. */
static void assessed(struct gen *g, struct buf *y)
{
	static const char *const described[] = { "uniview", "huawei", "hisilicon", "zte" };
	const uint32_t n = gen_below(g, 5);

	buf_str(y, n ? "assessed:\n" : "");
	for (uint32_t i = 0; i < n && i < 4; i++)
		buf_printf(y, "  - { maker: %s, under: uk-nil, restricted: %s, by: me, date: 2026-01-01, ticket: T }\n", described[i],
			   gen_chance(g, 60) ? "true" : "false");
}

void gen_policy(struct gen *g, struct buf *y)
{
	struct names n = { 0 };

	buf_printf(y, "version: 1\nsite: { name: agree, sensitivity: %s }\n", gen_chance(g, 50) ? "sensitive" : "plain");
	if (gen_chance(g, 20))
		buf_str(y, "mode: observe\n");
	if (gen_chance(g, 85))
		buf_printf(y, "packs: [%s]\n", PICK(g, packs));
	assessed(g, y);
	zones(g, &n, y);
	devices(g, &n, y);
	groups(g, &n, y);
	hosts(g, &n, y);
	buf_str(y, "services:\n  video: [tcp/554, tcp/443]\n  time: [udp/123]\n  wide: [tcp/0-65535, udp/1024-65535]\n");
	entries(g, &n, y);
	if (gen_chance(g, 40))
		buf_printf(y, "default: %s\n", gen_chance(g, 50) ? "reject" : "drop");
}

static void mutate_rule(struct gen *g, struct policy_rule *r)
{
	struct policy_sel *s = gen_chance(g, 50) ? &r->from : &r->to;

	if (s->n)
		s->negate ^= gen_chance(g, 30);
	r->observe ^= gen_chance(g, 15);
	r->disabled ^= gen_chance(g, 8);
	if (gen_chance(g, 10))
		r->services.any ^= true;
	for (uint32_t i = 0; i < r->services.n; i++)
		if (r->services.ports[i].has_ports && gen_chance(g, 20))
			r->services.ports[i].lo = (uint16_t)(r->services.ports[i].hi - gen_below(g, r->services.ports[i].hi + 1U));
	if (r->section == POLICY_RULE && gen_chance(g, 15))
		r->action = (enum policy_action)gen_below(g, 3);
	if (r->expires.text && gen_chance(g, 10))
		r->expires.set ^= true;
}

static void mutate_group(struct gen *g, struct policy_group *x)
{
	if (gen_chance(g, 20))
		x->unknown = (enum policy_tristate)gen_below(g, 3);
	if (gen_chance(g, 20))
		x->enrolled = (enum policy_tristate)gen_below(g, 3);
	if (gen_chance(g, 15))
		x->n_zones = 0;
	if (gen_chance(g, 15))
		x->n_packs = 0;
	if (gen_chance(g, 15))
		x->n_tags = 0;
}

static void mutate_zone(struct gen *g, struct policy_zone *z)
{
	if (gen_chance(g, 25))
		z->guard = (enum policy_guard)gen_below(g, 3);
	if (gen_chance(g, 15))
		z->unknown = (enum policy_unknown)gen_below(g, 2);
	if (gen_chance(g, 15))
		z->mode = (enum policy_mode)gen_below(g, 2);
	z->routed ^= gen_chance(g, 10);
	if (gen_chance(g, 8))
		z->n_nets = 0;
}

void gen_fail(const struct gen *g, struct policy *p, bool some)
{
	struct gen own = { g->state ^ UINT64_C(0xfa11) << 32 };         /* what comes after stays what it was */

	for (uint32_t i = 0; i < p->n_zones; i++)
		p->zones[i].fail = some && gen_chance(&own, 70) ? POLICY_FAIL_OPEN : POLICY_FAIL_CLOSED;
}

void gen_mutate(struct gen *g, struct policy *p)
{
	for (uint32_t i = 0; i < p->n_zones; i++)
		mutate_zone(g, &p->zones[i]);
	for (uint32_t i = 0; i < p->n_groups; i++)
		mutate_group(g, &p->groups[i]);
	for (uint32_t i = 0; i < p->n_rules; i++)
		mutate_rule(g, &p->rules[i]);
	for (uint32_t i = 0; i < p->n_devices; i++) {
		if (p->n_makers && gen_chance(g, 25))
			p->devices[i].registry_maker = gen_below(g, p->n_makers);
		p->devices[i].cleared = gen_chance(g, 90) ? p->devices[i].cleared : NULL;
	}
	for (uint32_t i = 0; i < p->n_packs; i++)
		p->packs[i].used ^= gen_chance(g, 15);
	p->fallback = gen_chance(g, 50) ? POLICY_DROP : POLICY_REJECT;
}
