/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decisions at a small site, one line each, by the compiled program and by the naive evaluator, from packet to verdict. */
#include "unit/suite.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/diag.h"
#include "engine/naive.h"
#include "engine/prog.h"
#include "engine/trace.h"
#include "policy/policy.h"

#define HIK "44:19:b6:00:00:"
#define AXIS "00:40:8c:00:00:"
#define STRANGER "00:00:5e:00:00:"

static const char site[] =
	"version: 1\n"
	"site: { name: t, timezone: UTC, sensitivity: plain }\n"
	"packs: [uk-nil]\n"
	"zones:\n"
	"  cctv: { interfaces: [cam0, cam1], networks: [10.20.0.0/16, \"fd00:20::/64\"], guarded: true }\n"
	"  lab: { interfaces: [lab0], networks: [10.21.0.0/16], guarded: true, unknown: rules, mode: observe }\n"
	"  office: { interfaces: [off0], networks: [10.9.0.0/16], guarded: restricted }\n"
	"  core: { interfaces: [core0], networks: [10.0.0.0/8, \"fd00:1::/48\"] }\n"
	"devices:\n"
	"  - { name: nvr, macs: [\"" HIK "10\"], addresses: [10.20.1.10], tags: [recorder] }\n"
	"  - { name: vax, macs: [\"" AXIS "10\"], addresses: [10.20.1.11], tags: [recorder] }\n"
	"  - { name: camera, macs: [\"" AXIS "20\"], addresses: [10.20.2.20, \"fd00:20::20\"] }\n"
	"  - { name: cleared, macs: [\"" HIK "30\"], addresses: [10.20.2.30],\n"
	"      cleared: { by: me, date: 2026-01-01, until: 2026-12-31, ticket: T, reason: r } }\n"
	"  - { name: desk, macs: [\"" HIK "40\"], addresses: [10.9.0.40] }\n"
	"groups:\n"
	"  restricted: { packs: [uk-nil] }\n"
	"  recorders: { tags: [recorder] }\n"
	"hosts:\n"
	"  vms: { networks: [10.1.5.10, \"fd00:1::5:10\"] }\n"
	"  clerks: { networks: [10.3.0.0/24] }\n"
	"  firewalls: { networks: [10.20.0.1] }\n"
	"exceptions:\n"
	"  - { id: playback, from: clerks, to: nvr, services: [tcp/8000], starts: 2026-06-01, expires: 2027-03-31, owner: o,\n"
	"      ticket: t, reason: r }\n"
	"restrict:\n"
	"  - { id: isolated, group: restricted, reason: r }\n"
	"rules:\n"
	"  - { id: watched, from: vms, to: cctv, services: [tcp/554], action: drop, observe: true }\n"
	"  - { id: pulls, from: [vms, recorders], to: cctv, services: [tcp/554, tcp/443], action: allow }\n"
	"  - { id: no-ssh, from: any, to: cctv, services: [tcp/22], action: reject }\n"
	"  - { id: rtp, from: cctv, to: [vms, recorders], services: [udp/50000-59999], action: allow }\n"
	"  - { id: ping, from: { not: [external, cctv] }, to: cctv, services: [icmp/echo-request], action: allow }\n"
	"  - { id: dns, from: cctv, to: firewall, services: [udp/53], action: allow }\n"
	"  - { id: web, from: core, to: firewalls, services: [tcp/80], action: allow }\n"
	"  - { id: lab, from: lab, to: core, services: any, action: allow }\n"
	"  - { id: other-site, sensitivity: [sensitive], from: any, to: any, services: any, action: allow }\n"
	"default: drop\n";

enum { CAM0 = 1, CAM1, LAB0, OFF0, CORE0, NONE0 = 90 };        /* kernel indexes: 1 and so on as the names stand in the zones */
#define NOW (INT64_C(1790000000) * 1000000000)                  /* September 2026 */
#define LATER (INT64_C(1810000000) * 1000000000)                /* May 2027 */

static struct policy *p;
static struct who *w;
static struct prog *now, *later;

static void setup(void)
{
	const struct policy_paths paths = { .registry = "rules/registry/ieee-prefixes.tsv", .makers = { "rules/makers", "" },
					    .packs = { "rules/packs", "" } };
	struct diag *d = diag_new();
	struct err e = { 0 };
	struct buf b;

	buf_init(&b);
	p = policy_load_text("site.yaml", site, strlen(site), NULL, &paths, NOW, d);
	diag_text(d, false, &b);
	ck_assert_msg(p != NULL, "%s", buf_cstr(&b));
	ck_assert_msg(who_build(p, NULL, &w, &e) == 0, "%s", e.msg);
	ck_assert_msg(prog_build(p, NOW, &now, &e) == 0 && prog_build(p, LATER, &later, &e) == 0, "%s", e.msg);
	buf_fini(&b);
	diag_free(d);
}

static void teardown(void)
{
	prog_free(now);
	prog_free(later);
	who_free(w);
	policy_free(p);
}

struct row {
	const char *says;
	uint32_t iif;
	const char *mac, *src;          /* mac NULL: not seen */
	uint32_t oif;
	const char *dst;
	unsigned proto, dport;          /* dport: the type, for ICMP */
	enum pkt_hook hook;
	enum verdict_why why;
	enum policy_action action;
	const char *rule;
	bool reply;
};

static const struct row rows[] = {
	{ "core to core is nobody's business", CORE0, NULL, "10.1.0.1", CORE0, "10.2.0.1", 6, 80, 0, VERDICT_UNGUARDED, POLICY_ALLOW, NULL, 0 },
	{ "what the VMS pulls", CORE0, NULL, "10.1.5.10", CAM0, "10.20.2.20", 6, 443, 0, VERDICT_RULE, POLICY_ALLOW, "pulls", 0 },
	{ "over IPv6", CORE0, NULL, "fd00:1::5:10", CAM0, "fd00:20::20", 6, 554, 0, VERDICT_RULE, POLICY_ALLOW, "pulls", 0 },
	{ "not from next to it", CORE0, NULL, "10.1.5.11", CAM0, "10.20.2.20", 6, 443, 0, VERDICT_DEFAULT, POLICY_DROP, NULL, 0 },
	{ "not the next port", CORE0, NULL, "10.1.5.10", CAM0, "10.20.2.20", 6, 444, 0, VERDICT_DEFAULT, POLICY_DROP, NULL, 0 },
	{ "a restricted recorder is cut off", CORE0, NULL, "10.1.5.10", CAM0, "10.20.1.10", 6, 554, 0, VERDICT_RESTRICT, POLICY_DROP,
	  "isolated", 0 },
	{ "also when it opens", CAM0, HIK "10", "10.20.1.10", CORE0, "10.1.5.10", 17, 50000, 0, VERDICT_RESTRICT, POLICY_DROP, "isolated", 0 },
	{ "also under a strange address", CAM0, HIK "10", "10.20.99.99", CORE0, "10.1.5.10", 17, 50000, 0, VERDICT_RESTRICT, POLICY_DROP,
	  "isolated", 0 },
	{ "also towards the firewall", CAM0, HIK "10", "10.20.1.10", 0, "10.20.0.1", 17, 53, PKT_INPUT, VERDICT_RESTRICT, POLICY_DROP,
	  "isolated", 0 },
	{ "inside its zone the rules decide", CAM0, HIK "10", "10.20.1.10", CAM1, "10.20.2.20", 6, 554, 0, VERDICT_RULE, POLICY_ALLOW,
	  "pulls", 0 },
	{ "where a route leads to its zone by another way", CAM0, HIK "10", "10.20.1.10", CORE0, "10.20.2.20", 6, 554, 0,
	  VERDICT_RESTRICT, POLICY_DROP, "isolated", 0 },
	{ "and by a strange one", CAM0, HIK "10", "10.20.1.10", NONE0, "10.20.2.20", 6, 554, 0, VERDICT_RESTRICT, POLICY_DROP,
	  "isolated", 0 },
	{ "nor is a recorder there", CAM0, AXIS "20", "10.20.2.20", CORE0, "10.20.1.11", 17, 50000, 0, VERDICT_DEFAULT, POLICY_DROP,
	  NULL, 0 },
	{ "or a camera, for the core", CORE0, NULL, "10.1.5.10", CORE0, "10.20.2.20", 6, 443, 0, VERDICT_DEFAULT, POLICY_DROP, NULL, 0 },
	{ "the exception", CORE0, NULL, "10.3.0.9", CAM0, "10.20.1.10", 6, 8000, 0, VERDICT_EXCEPTION, POLICY_ALLOW, "playback", 0 },
	{ "one way only", CAM0, HIK "10", "10.20.1.10", CORE0, "10.3.0.9", 6, 8000, 0, VERDICT_RESTRICT, POLICY_DROP, "isolated", 0 },
	{ "its replies", CAM0, HIK "10", "10.20.1.10", CORE0, "10.3.0.9", 6, 8000, 0, VERDICT_EXCEPTION, POLICY_ALLOW, "playback", 1 },
	{ "a reply by the wrong device", CAM0, AXIS "20", "10.20.1.10", CORE0, "10.3.0.9", 6, 8000, 0, VERDICT_UNVERIFIED, POLICY_DROP,
	  NULL, 1 },
	{ "another device of that make", CAM0, HIK "77", "10.20.7.7", CORE0, "10.1.5.10", 17, 50000, 0, VERDICT_RESTRICT, POLICY_DROP,
	  "isolated", 0 },
	{ "a stranger counts as restricted", CAM0, STRANGER "01", "10.20.7.8", CORE0, "10.1.5.10", 17, 50000, 0, VERDICT_RESTRICT,
	  POLICY_DROP, "isolated", 0 },
	{ "a camera sends", CAM0, AXIS "20", "10.20.2.20", CORE0, "10.1.5.10", 17, 59999, 0, VERDICT_RULE, POLICY_ALLOW, "rtp", 0 },
	{ "from an address never proved", CAM0, AXIS "20", "10.20.2.21", CORE0, "10.1.5.10", 17, 59999, 0, VERDICT_UNVERIFIED, POLICY_DROP,
	  NULL, 0 },
	{ "under the core's address", CAM0, AXIS "20", "10.1.5.10", CORE0, "10.3.0.1", 6, 80, 0, VERDICT_SPOOF, POLICY_DROP, NULL, 0 },
	{ "the core under a camera's", CORE0, NULL, "10.20.2.20", CAM0, "10.20.1.11", 17, 50000, 0, VERDICT_SPOOF, POLICY_DROP, NULL, 0 },
	{ "a strange address on a camera port", CAM0, AXIS "20", "8.8.8.8", CORE0, "10.1.5.10", 17, 50000, 0, VERDICT_RESTRICT,
	  POLICY_DROP, "isolated", 0 },
	{ "refused with an answer", CORE0, NULL, "10.1.5.10", CAM0, "10.20.2.20", 6, 22, 0, VERDICT_RULE, POLICY_REJECT, "no-ssh", 0 },
	{ "a ping", CORE0, NULL, "10.7.7.7", CAM0, "10.20.2.20", 1, 8, 0, VERDICT_RULE, POLICY_ALLOW, "ping", 0 },
	{ "another type", CORE0, NULL, "10.7.7.7", CAM0, "10.20.2.20", 1, 13, 0, VERDICT_DEFAULT, POLICY_DROP, NULL, 0 },
	{ "a ping of the world", NONE0, NULL, "8.8.8.8", CAM0, "10.20.2.20", 1, 8, 0, VERDICT_DEFAULT, POLICY_DROP, NULL, 0 },
	{ "the firewall's own ping", 0, NULL, "10.20.0.1", CAM0, "10.20.2.20", 1, 8, PKT_OUTPUT, VERDICT_RULE, POLICY_ALLOW, "ping", 0 },
	{ "a name from the firewall", CAM0, AXIS "20", "10.20.2.20", 0, "10.20.0.1", 17, 53, PKT_INPUT, VERDICT_RULE, POLICY_ALLOW, "dns", 0 },
	{ "its address is no host's", CORE0, NULL, "10.7.7.7", 0, "10.20.0.1", 6, 80, PKT_INPUT, VERDICT_UNGUARDED, POLICY_ALLOW, NULL, 0 },
	{ "a cleared device", CAM0, HIK "30", "10.20.2.30", CORE0, "10.1.5.10", 17, 50000, 0, VERDICT_RULE, POLICY_ALLOW, "rtp", 0 },
	{ "the office is not guarded", OFF0, AXIS "50", "10.9.0.50", CORE0, "10.1.5.10", 6, 80, 0, VERDICT_UNGUARDED, POLICY_ALLOW, NULL, 0 },
	{ "but for restricted devices", OFF0, HIK "40", "10.9.0.40", CORE0, "10.1.5.10", 6, 80, 0, VERDICT_RESTRICT, POLICY_DROP,
	  "isolated", 0 },
	{ "unknown: rules", LAB0, STRANGER "02", "10.21.0.2", CORE0, "10.1.5.10", 6, 80, 0, VERDICT_RULE, POLICY_ALLOW, "lab", 0 },
	{ "link-local belongs to the interface", CAM0, AXIS "20", "fe80::20", CORE0, "fd00:1::5:10", 17, 50000, 0, VERDICT_UNVERIFIED,
	  POLICY_DROP, NULL, 0 },
};

static struct pkt pkt_of(const struct row *r)
{
	struct pkt k = { .iif = r->iif, .oif = r->oif, .proto = (uint8_t)r->proto, .hook = r->hook, .has_smac = r->mac != NULL,
			 .direction = r->reply ? PKT_REPLY : PKT_ORIGINAL };

	ck_assert(addr_parse(r->src, &k.src) && addr_parse(r->dst, &k.dst) && (!r->mac || addr_mac_parse(r->mac, &k.smac)));
	k.has_ports = r->proto == 6 || r->proto == 17;
	k.sport = k.dport = 40000;
	if (!k.has_ports)
		k.icmp_type = (uint8_t)r->dport;
	else if (r->reply)
		k.sport = (uint16_t)r->dport;
	else
		k.dport = (uint16_t)r->dport;
	return k;
}

static struct flow flow_of(const struct row *r)
{
	static const struct flow_ifpair pairs[] = { { CAM0, 0 }, { CAM1, 1 }, { LAB0, 2 }, { OFF0, 3 }, { CORE0, 4 } };
	const struct flow_ifmap map = { pairs, 5 };
	const struct pkt k = pkt_of(r);
	struct flow f;

	flow_of_pkt(&k, &map, w, &f);
	return f;
}

static const char *id_of(uint32_t rule)
{
	return rule == POLICY_NONE ? "" : p->rules[rule].id;
}

START_TEST(decisions)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i];
		const struct flow f = flow_of(r);
		const struct verdict both[] = { naive_eval(p, NOW, &f), prog_eval(now, &f, NULL) };

		for (unsigned k = 0; k < 2; k++) {
			ck_assert_msg(both[k].why == r->why, "%s (%u): why %u", r->says, k, both[k].why);
			ck_assert_msg(both[k].action == r->action, "%s (%u): action %u", r->says, k, both[k].action);
			ck_assert_msg(strcmp(id_of(both[k].rule), r->rule ? r->rule : "") == 0, "%s (%u): rule %s", r->says, k,
				      id_of(both[k].rule));
		}
	}
}
END_TEST

static struct verdict decide(const struct prog *prog, const char *says, struct trace *t)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].says, says) == 0) {
			const struct flow f = flow_of(&rows[i]);

			return prog_eval(prog, &f, t);
		}
	}
	ck_abort_msg("no row '%s'", says);
	return (struct verdict){ 0 };
}

START_TEST(time_passes)
{
	ck_assert_int_eq(decide(later, "the exception", NULL).why, VERDICT_RESTRICT);
	ck_assert_int_eq(decide(later, "a cleared device", NULL).why, VERDICT_RESTRICT);
	ck_assert_int_eq(decide(later, "what the VMS pulls", NULL).action, POLICY_ALLOW);
}
END_TEST

START_TEST(other_fields)
{
	struct verdict v = decide(now, "a restricted recorder is cut off", NULL);

	ck_assert(v.member == 2 && !v.unknown && v.enforced && v.remember && v.observed == POLICY_NONE);
	ck_assert_str_eq(p->zones[v.from_zone].name, "core");
	ck_assert_str_eq(p->zones[v.to_zone].name, "cctv");
	v = decide(now, "a stranger counts as restricted", NULL);
	ck_assert(v.member == 1 && v.unknown);
	v = decide(now, "over IPv6", NULL);
	ck_assert_str_eq(id_of(v.observed), "watched");
	ck_assert(!v.remember);
	ck_assert_uint_eq(decide(now, "not the next port", NULL).observed, POLICY_NONE);
	ck_assert(!decide(now, "refused with an answer", NULL).remember);
	ck_assert(!decide(now, "another type", NULL).remember);
	ck_assert(!decide(now, "unknown: rules", NULL).enforced);
	ck_assert(!decide(now, "from an address never proved", NULL).remember);
	ck_assert(decide(now, "under the core's address", NULL).remember);
	v = decide(now, "also towards the firewall", NULL);
	ck_assert_uint_eq(v.to_zone, POLICY_NONE);
}
END_TEST

START_TEST(shape)
{
	struct flow f = flow_of(&rows[1]);

	f.shape = PKT_FRAGMENT;
	ck_assert_int_eq(prog_eval(now, &f, NULL).why, VERDICT_SHAPE);
	ck_assert(!prog_eval(now, &f, NULL).remember);
	f = flow_of(&rows[0]);
	f.shape = PKT_OPTIONS;
	ck_assert_int_eq(prog_eval(now, &f, NULL).why, VERDICT_UNGUARDED);
}
END_TEST

START_TEST(traces)
{
	static const struct { const char *rule; enum trace_miss miss; } want[] = {
		{ "playback", TRACE_FROM }, { "isolated", TRACE_NOT_MEMBER }, { "watched", TRACE_OBSERVED }, { "pulls", TRACE_HIT },
	};
	struct trace t;

	trace_init(&t);
	decide(now, "over IPv6", &t);
	ck_assert_uint_eq(t.n, sizeof(want) / sizeof(*want));
	for (size_t i = 0; i < t.n; i++) {
		ck_assert_str_eq(p->rules[t.steps[i].rule].id, want[i].rule);
		ck_assert_int_eq(t.steps[i].miss, want[i].miss);
	}
	trace_fini(&t);
	decide(now, "inside its zone the rules decide", &t);
	ck_assert_int_eq(t.steps[1].miss, TRACE_OWN_ZONE);
	trace_fini(&t);
	decide(later, "a ping of the world", &t);
	ck_assert_int_eq(t.steps[0].miss, TRACE_NOT_LIVE);
	ck_assert_int_eq(t.steps[t.n - 1].miss, TRACE_DISABLED);
	trace_fini(&t);
	decide(now, "under the core's address", &t);
	ck_assert(t.spoof && t.n == 0);
	trace_fini(&t);
}
END_TEST

static uint32_t below(uint32_t limit)
{
	static uint64_t seed = 1;

	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((seed >> 33) % limit);
}

/* One row's opener, another one's other end, any service. */
static struct flow mixed(void)
{
	const struct flow a = flow_of(&rows[below(sizeof(rows) / sizeof(*rows))]);
	const struct flow b = flow_of(&rows[below(sizeof(rows) / sizeof(*rows))]);
	struct flow f = below(2) ? a : b;

	f.from = a.from;
	f.to = b.to;
	f.turned = below(4) ? f.turned : !f.turned;
	f.shape = below(16) ? f.shape : PKT_FRAGMENT;
	return f;
}

static bool same(const struct verdict *a, const struct verdict *b)
{
	return a->action == b->action && a->why == b->why && a->enforced == b->enforced && a->remember == b->remember &&
	       a->unknown == b->unknown && a->member == b->member && a->rule == b->rule && a->observed == b->observed &&
	       a->from_zone == b->from_zone && a->to_zone == b->to_zone;
}

/* Whatever stands beside it, and wherever in the batch, a flow gets what it gets alone, and nothing is written beyond. */
START_TEST(many_as_one_by_one)
{
	static const unsigned sizes[] = { 0, 1, 2, 31, 32, 33, 63, 64, 65, 128 };
	const unsigned n = sizes[_i];
	struct verdict v[129], one;
	struct flow f[128];

	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < n; i++)
			f[i] = mixed();
		memset(v, 0x5a, sizeof(v));
		prog_eval_many(now, f, n, v);
		for (unsigned i = 0; i < n; i++) {
			one = prog_eval(now, &f[i], NULL);
			ck_assert_msg(same(&v[i], &one), "%u of %u", i, n);
			one = naive_eval(p, NOW, &f[i]);
			ck_assert_msg(same(&v[i], &one), "%u of %u, naive", i, n);
		}
		memset(&one, 0x5a, sizeof(one));
		ck_assert_mem_eq(&v[n], &one, sizeof(one));
	}
}
END_TEST

static struct who_id source(uint32_t iface, const char *mac, const char *addr)
{
	struct addr a;
	struct mac m;

	ck_assert(addr_parse(addr, &a) && addr_mac_parse(mac, &m));
	return who_source(w, iface, &m, &a);
}

START_TEST(restrictions)
{
	struct who_id id = source(0, HIK "77", "10.20.7.7");
	struct prog_restriction r = prog_restriction(now, &id);

	ck_assert(r.restricted && !r.cleared);
	ck_assert_str_eq(p->makers[r.maker].name, "hikvision");
	ck_assert_str_eq(p->packs[r.pack].name, "uk-nil");
	ck_assert_uint_lt(r.entry, p->packs[r.pack].n_entries);
	id = source(0, HIK "30", "10.20.2.30");
	r = prog_restriction(now, &id);
	ck_assert(!r.restricted && r.cleared);
	ck_assert(prog_restriction(later, &id).restricted);
	id = source(0, AXIS "20", "10.20.2.20");
	ck_assert(!prog_restriction(now, &id).restricted);
	id.sticky = true;
	ck_assert(prog_restriction(now, &id).restricted);
}
END_TEST

START_TEST(what_may_be_allowed)
{
	const struct who_id camera = source(0, AXIS "20", "10.20.2.20"), nvr = source(0, HIK "10", "10.20.1.10"),
			    desk = source(3, HIK "40", "10.9.0.40"), stranger = source(0, STRANGER "01", "10.20.7.8");

	ck_assert(prog_may_allow(now, 0, &camera));
	ck_assert(prog_may_allow(now, 0, &nvr));
	ck_assert(prog_may_allow(now, 0, &stranger));           /* inside its own zone */
	ck_assert(!prog_may_allow(now, 3, &desk));              /* no rule is for the office's restricted ones */
}
END_TEST

START_TEST(who_is_confined)
{
	const struct who_id camera = source(0, AXIS "20", "10.20.2.20"), nvr = source(0, HIK "10", "10.20.1.10"),
			    cleared = source(0, HIK "30", "10.20.2.30"), stranger = source(0, STRANGER "01", "10.20.7.8");

	ck_assert(!prog_confines(now, 0, &camera));
	ck_assert(prog_confines(now, 0, &nvr));                 /* whatever is excepted */
	ck_assert(prog_confines(now, 0, &stranger));
	ck_assert(!prog_confines(now, 0, &cleared));
	ck_assert(prog_confines(later, 0, &cleared));
}
END_TEST

START_TEST(printing)
{
	struct buf a, b;
	struct prog *again;
	struct err e;

	buf_init(&a);
	buf_init(&b);
	ck_assert_int_eq(prog_build(p, NOW, &again, &e), 0);
	prog_print(now, &a);
	prog_print(again, &b);
	ck_assert_str_eq(buf_cstr(&a), buf_cstr(&b));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&a), "zone cctv: "));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&a), "protocol 6 port 22-22: "));
	ck_assert_uint_gt(prog_bytes(now), 1000);
	ck_assert_ptr_eq(prog_policy(now), p);
	prog_free(again);
	buf_fini(&a);
	buf_fini(&b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("prog");

	tcase_add_unchecked_fixture(tc, setup, teardown);
	tcase_add_test(tc, decisions);
	tcase_add_test(tc, time_passes);
	tcase_add_test(tc, other_fields);
	tcase_add_test(tc, shape);
	tcase_add_loop_test(tc, many_as_one_by_one, 0, 10);
	tcase_add_test(tc, traces);
	tcase_add_test(tc, restrictions);
	tcase_add_test(tc, what_may_be_allowed);
	tcase_add_test(tc, who_is_confined);
	tcase_add_test(tc, printing);
	return suite_run(tc);
}
