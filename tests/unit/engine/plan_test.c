/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans of small sites: what is decided, for how long, and what is left to ask. */
#include "unit/suite.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "engine/plan.h"
#include "policy/policy.h"

#define HIK "44:19:b6:00:00:"
#define AXIS "00:40:8c:00:00:"
#define PLAIN "52:54:00:00:00:01"

static const char head[] =
	"version: 1\n"
	"site: { name: t, timezone: UTC, sensitivity: plain }\n"
	"packs: [uk-nil]\n";
static const char site[] =
	"zones:\n"
	"  cctv: { interfaces: [cam0, cam1], networks: [10.20.0.0/16, \"fd00:20::/64\"], guarded: true }\n"
	"  lab: { interfaces: [lab0], networks: [10.21.0.0/16], guarded: true, unknown: rules, mode: observe }\n"
	"  office: { interfaces: [off0], networks: [10.9.0.0/16], guarded: restricted }\n"
	"  core: { interfaces: [core0], networks: [10.0.0.0/8, \"fd00:1::/48\"] }\n"
	"  outside: { interfaces: [out0] }\n"
	"devices:\n"
	"  - { name: nvr, macs: [\"" HIK "10\"], addresses: [10.20.1.10], tags: [recorder] }\n"
	"  - { name: camera, macs: [\"" AXIS "20\"], addresses: [10.20.2.20, \"fd00:20::20\"] }\n"
	"  - { name: other, macs: [\"" AXIS "21\"], addresses: [10.20.2.21] }\n"
	"  - { name: cleared, macs: [\"" HIK "30\"], addresses: [10.20.2.30],\n"
	"      cleared: { by: me, date: 2026-01-01, until: 2026-12-31, ticket: T, reason: r } }\n"
	"  - { name: bench, macs: [\"" AXIS "40\"], addresses: [10.21.0.40] }\n"
	"  - { name: desk, macs: [\"" HIK "50\"], addresses: [10.9.0.50] }\n"
	"  - { name: clerk, macs: [\"" AXIS "51\"], addresses: [10.9.0.51] }\n"
	"  - { name: roamer, macs: [\"" AXIS "70\"], tags: [recorder] }\n"
	"  - { name: wall, macs: [\"" AXIS "60\"], addresses: [10.1.5.12], tags: [recorder] }\n"
	"groups:\n"
	"  restricted: { packs: [uk-nil] }\n"
	"  recorders: { tags: [recorder] }\n"
	"hosts:\n"
	"  vms: { networks: [10.1.5.10, 10.1.5.11, \"fd00:1::5:10\"] }\n"
	"  clerks: { networks: [10.3.0.0/24] }\n"
	"  all-core: { networks: [10.1.0.0/16] }\n"
	"exceptions:\n"
	"  - { id: playback, from: clerks, to: nvr, services: [tcp/8000], starts: 2026-06-01, expires: 2027-03-31, owner: o,\n"
	"      ticket: t, reason: r }\n"
	"restrict:\n"
	"  - { id: isolated, group: restricted, reason: r }\n"
	"rules:\n"
	"  - { id: watched, from: vms, to: cctv, services: [tcp/555], action: drop, observe: true }\n"
	"  - { id: pulls, from: [vms, recorders], to: cctv, services: [tcp/554, tcp/555], action: allow }\n"
	"  - { id: no-ssh, from: any, to: cctv, services: [tcp/22], action: reject }\n"
	"  - { id: not-that, from: cctv, to: vms, services: [udp/55000], action: drop }\n"
	"  - { id: rtp, from: cctv, to: vms, services: [udp/50000-59999], action: allow }\n"
	"  - { id: anything, from: vms, to: camera, services: any, action: allow, expires: 2027-01-31 }\n"
	"  - { id: ping, from: vms, to: cctv, services: [icmp/echo-request, icmpv6/echo-request], action: allow }\n"
	"  - { id: dns, from: cctv, to: firewall, services: [udp/53], action: allow }\n"
	"  - { id: lab, from: lab, to: core, services: any, action: allow }\n"
	"  - { id: out, from: camera, to: outside, services: [tcp/443], action: allow }\n"
	"default: drop\n";

enum { CAM0 = 1, CAM1, LAB0, OFF0, CORE0, OUT0, NONE0 = 90 };   /* kernel indexes: 1 and so on as the names stand in the zones */
#define NOW (INT64_C(1790000000) * 1000000000)                  /* September 2026 */
#define DAY(n) (INT64_C(n) * 86400 * 1000000000)
#define END_OF_2026 DAY(20819)
#define END_OF_JANUARY DAY(20850)
#define END_OF_MARCH DAY(20909)

static struct policy *p;
static struct who *w;
static struct prog *prog;
static struct plan *plan;

static void load(const char *text)
{
	const struct policy_paths paths = { .registry = "tests/agree/plan/registry.tsv", .makers = { "rules/makers", "" },
					    .packs = { "rules/packs", "" } };
	struct diag *d = diag_new();
	struct buf all, why;

	buf_init(&all);
	buf_init(&why);
	buf_str(&all, head);
	buf_str(&all, text);
	p = policy_load_text("site.yaml", buf_cstr(&all), all.len, NULL, &paths, NOW, d);
	diag_text(d, false, &why);
	ck_assert_msg(p != NULL, "%s", buf_cstr(&why));
	buf_fini(&all);
	buf_fini(&why);
	diag_free(d);
}

static void build(void)
{
	struct err e = { 0 };

	ck_assert_msg(who_build(p, NULL, &w, &e) == 0, "%s", e.msg);
	ck_assert_msg(prog_build(p, NOW, &prog, &e) == 0, "%s", e.msg);
	ck_assert_msg(plan_build(prog, w, &plan, &e) == 0, "%s", e.msg);
}

static void drop_all(void)
{
	plan_free(plan);
	prog_free(prog);
	who_free(w);
	policy_free(p);
}

struct row {
	const char *says;
	uint32_t iif;
	const char *mac, *src;          /* mac NULL: not seen */
	uint32_t oif;                   /* 0: the firewall */
	const char *dst;
	unsigned proto, dport;          /* dport: the type, for ICMP */
	enum plan_act act;
	const char *rule;
	int64_t ends_ns;
};

static const struct row rows[] = {
	{ "what a camera sends", CAM0, AXIS "20", "10.20.2.20", CORE0, "10.1.5.10", 17, 50000, PLAN_ALLOW, "rtp", 0 },
	{ "wherever the host stands", CAM1, AXIS "20", "10.20.2.20", OUT0, "10.1.5.11", 17, 59999, PLAN_ALLOW, "rtp", 0 },
	{ "over IPv6", CAM0, AXIS "20", "fd00:20::20", CORE0, "fd00:1::5:10", 17, 54999, PLAN_ALLOW, "rtp", 0 },
	{ "but for one port", CAM0, AXIS "20", "10.20.2.20", CORE0, "10.1.5.10", 17, 55000, PLAN_DROP, "not-that", 0 },
	{ "the next port", CAM0, AXIS "20", "10.20.2.20", CORE0, "10.1.5.10", 17, 60000, PLAN_DROP, NULL, 0 },
	{ "the next address", CAM0, AXIS "20", "10.20.2.20", CORE0, "10.1.5.9", 17, 50000, PLAN_DROP, NULL, 0 },
	{ "a listed device is asked about", CAM0, AXIS "20", "10.20.2.20", CORE0, "10.1.5.12", 17, 50000, PLAN_ASK, NULL, 0 },
	{ "behind a listed device", CAM0, AXIS "20", "10.20.2.20", CORE0, "10.1.5.13", 17, 50000, PLAN_DROP, NULL, 0 },
	{ "denied pings are asked about", CAM0, AXIS "20", "10.20.2.20", CORE0, "10.1.5.10", 1, 8, PLAN_ASK, NULL, 0 },
	{ "other protocols are asked about", CAM0, AXIS "20", "10.20.2.20", CORE0, "10.1.5.10", 47, 0, PLAN_ASK, NULL, 0 },
	{ "refused with an answer", CORE0, PLAIN, "10.1.5.9", CAM0, "10.20.2.21", 6, 22, PLAN_ASK, NULL, 0 },
	{ "another MAC at the address", CAM0, AXIS "99", "10.20.2.20", CORE0, "10.1.5.10", 17, 50000, PLAN_ASK, NULL, 0 },
	{ "another address of the MAC", CAM0, AXIS "20", "10.20.2.99", CORE0, "10.1.5.10", 17, 50000, PLAN_ASK, NULL, 0 },
	{ "both ends guarded", CAM0, AXIS "20", "10.20.2.20", CAM1, "10.20.2.21", 6, 554, PLAN_ASK, NULL, 0 },
	{ "a guarded zone's address outside", CAM0, AXIS "20", "10.20.2.20", CORE0, "10.20.9.9", 6, 554, PLAN_ASK, NULL, 0 },
	{ "the world", CAM0, AXIS "21", "10.20.2.21", OUT0, "192.0.2.1", 6, 443, PLAN_DROP, NULL, 0 },
	{ "the world, where it depends on the interface", CAM0, AXIS "20", "10.20.2.20", OUT0, "192.0.2.1", 6, 443, PLAN_ASK, NULL, 0 },
	{ "the link", CAM0, AXIS "20", "10.20.2.20", OUT0, "224.0.0.5", 6, 80, PLAN_ASK, NULL, 0 },
	{ "a group", CAM0, AXIS "21", "10.20.2.21", OUT0, "239.1.2.3", 17, 80, PLAN_ASK, NULL, 0 },
	{ "an interface that no zone names", CAM0, AXIS "20", "10.20.2.20", NONE0, "10.1.5.10", 17, 50000, PLAN_ALLOW, "rtp", 0 },
	{ "the firewall", CAM0, AXIS "20", "10.20.2.20", 0, "10.20.0.1", 17, 53, PLAN_ALLOW, "dns", 0 },
	{ "what else of it", CAM0, AXIS "20", "10.20.2.20", 0, "10.20.0.1", 6, 53, PLAN_DROP, NULL, 0 },
	{ "what the VMS pulls", CORE0, PLAIN, "10.1.5.10", CAM0, "10.20.2.21", 6, 554, PLAN_ALLOW, "pulls", 0 },
	{ "from behind no MAC", CORE0, NULL, "10.1.5.10", CAM0, "10.20.2.21", 6, 554, PLAN_ALLOW, "pulls", 0 },
	{ "from a maker that means nothing", CORE0, AXIS "77", "10.1.5.10", CAM0, "10.20.2.21", 6, 554, PLAN_ALLOW, "pulls", 0 },
	{ "from a maker that is restricted", CORE0, HIK "77", "10.1.5.10", CAM0, "10.20.2.21", 6, 554, PLAN_ASK, NULL, 0 },
	{ "from a listed device's MAC", CORE0, AXIS "60", "10.1.5.10", CAM0, "10.20.2.21", 6, 554, PLAN_ASK, NULL, 0 },
	{ "from a listed device's address", CORE0, PLAIN, "10.1.5.12", CAM0, "10.20.2.21", 6, 554, PLAN_ASK, NULL, 0 },
	{ "observed", CORE0, PLAIN, "10.1.5.10", CAM0, "10.20.2.21", 6, 555, PLAN_ASK, NULL, 0 },
	{ "a spoof", OUT0, PLAIN, "10.1.5.10", CAM0, "10.20.2.21", 6, 554, PLAN_ASK, NULL, 0 },
	{ "the world to a camera", OUT0, PLAIN, "192.0.2.1", CAM0, "10.20.2.21", 6, 554, PLAN_DROP, NULL, 0 },
	{ "nobody there", CORE0, PLAIN, "10.1.5.10", CAM0, "10.20.2.99", 6, 554, PLAN_ASK, NULL, 0 },
	{ "a ping", CORE0, PLAIN, "10.1.5.10", CAM0, "10.20.2.21", 1, 8, PLAN_ALLOW, "ping", 0 },
	{ "a ping over IPv6", CORE0, PLAIN, "fd00:1::5:10", CAM0, "fd00:20::20", 58, 128, PLAN_ALLOW, "anything", END_OF_JANUARY },
	{ "anything ends", CORE0, PLAIN, "10.1.5.10", CAM0, "10.20.2.20", 17, 9, PLAN_ALLOW, "anything", END_OF_JANUARY },
	{ "requests only", CORE0, PLAIN, "10.1.5.10", CAM0, "10.20.2.20", 1, 3, PLAN_ASK, NULL, 0 },
	{ "ICMP of the other family", CORE0, PLAIN, "10.1.5.10", CAM0, "10.20.2.20", 58, 128, PLAN_ASK, NULL, 0 },
	{ "the exception", CORE0, PLAIN, "10.3.0.255", CAM0, "10.20.1.10", 6, 8000, PLAN_ALLOW, "playback", END_OF_MARCH },
	{ "no other port", CORE0, PLAIN, "10.3.0.255", CAM0, "10.20.1.10", 6, 8001, PLAN_DROP, "isolated", 0 },
	{ "nobody else", CORE0, PLAIN, "10.3.1.0", CAM0, "10.20.1.10", 6, 8000, PLAN_DROP, "isolated", 0 },
	{ "nor out of it", CAM1, HIK "10", "10.20.1.10", CORE0, "10.3.0.1", 6, 8000, PLAN_DROP, "isolated", 0 },
	{ "nor towards the firewall", CAM1, HIK "10", "10.20.1.10", 0, "10.20.0.1", 17, 53, PLAN_DROP, "isolated", 0 },
	{ "a cleared device", CORE0, PLAIN, "10.1.5.10", CAM0, "10.20.2.30", 6, 554, PLAN_ALLOW, "pulls", END_OF_2026 },
	{ "where nothing is enforced", LAB0, AXIS "40", "10.21.0.40", CORE0, "10.1.5.10", 6, 80, PLAN_ASK, NULL, 0 },
	{ "the office's restricted", OFF0, HIK "50", "10.9.0.50", CORE0, "10.1.5.10", 6, 80, PLAN_DROP, "isolated", 0 },
	{ "the office's others", OFF0, AXIS "51", "10.9.0.51", CORE0, "10.1.5.10", 6, 80, PLAN_ASK, NULL, 0 },
	{ "from the office", CORE0, PLAIN, "10.9.0.52", CAM0, "10.20.2.21", 6, 554, PLAN_ASK, NULL, 0 },
};

static struct flow flow_of(const struct row *r)
{
	static const struct flow_ifpair pairs[] = { { CAM0, 0 }, { CAM1, 1 }, { LAB0, 2 }, { OFF0, 3 }, { CORE0, 4 }, { OUT0, 5 } };
	const struct flow_ifmap map = { pairs, 6 };
	struct pkt k = { .iif = r->iif, .oif = r->oif, .proto = (uint8_t)r->proto, .hook = r->oif ? PKT_FORWARD : PKT_INPUT,
			 .has_smac = r->mac != NULL };
	struct flow f;

	ck_assert(addr_parse(r->src, &k.src) && addr_parse(r->dst, &k.dst) && (!r->mac || addr_mac_parse(r->mac, &k.smac)));
	k.has_ports = r->proto == 6 || r->proto == 17;
	k.sport = k.has_ports ? 40000 : 0;
	k.dport = k.has_ports ? (uint16_t)r->dport : 0;
	k.icmp_type = k.has_ports ? 0 : (uint8_t)r->dport;
	flow_of_pkt(&k, &map, w, &f);
	return f;
}

static const char *id_of(uint32_t rule)
{
	return rule == POLICY_NONE ? "" : p->rules[rule].id;
}

static const struct row *row_named(const char *says)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strcmp(rows[i].says, says) == 0)
			return &rows[i];
	ck_abort_msg("no row '%s'", says);
	return NULL;
}

static struct plan_answer ask(const char *says)
{
	const struct flow f = flow_of(row_named(says));

	return plan_eval(plan, w, &f);
}

START_TEST(answers)
{
	load(site);
	build();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i];
		const struct plan_answer a = ask(r->says);

		ck_assert_msg(a.act == r->act, "%s: act %u", r->says, a.act);
		ck_assert_msg(strcmp(id_of(a.rule), r->rule ? r->rule : "") == 0, "%s: rule %s", r->says, id_of(a.rule));
		ck_assert_msg(a.ends_ns == r->ends_ns, "%s: ends %lld", r->says, (long long)a.ends_ns);
	}
	drop_all();
}
END_TEST

START_TEST(replies_and_shapes)
{
	struct flow f;

	load(site);
	build();
	f = flow_of(row_named("what a camera sends"));
	f.shape = PKT_OPTIONS;
	ck_assert_uint_eq(plan_eval(plan, w, &f).act, PLAN_ASK);
	f.shape = 0;
	f.has_ports = false;
	ck_assert_uint_eq(plan_eval(plan, w, &f).act, PLAN_ASK);
	f.has_ports = f.turned = true;
	ck_assert_uint_eq(plan_eval(plan, w, &f).act, PLAN_ASK);
	f.turned = false;
	ck_assert_uint_eq(plan_eval(plan, w, &f).act, PLAN_ALLOW);
	drop_all();
}
END_TEST

/* What allows ends when something before it begins to deny, or when an authority may begin to restrict a maker. */
START_TEST(ends_by_others)
{
	load(site);
	p->rules[p->n_exceptions].starts = (struct policy_time){ .set = true, .ns = NOW + DAY(9) };
	build();
	ck_assert_int_eq(ask("what the VMS pulls").ends_ns, NOW + DAY(9));
	ck_assert_int_eq(ask("anything ends").ends_ns, NOW + DAY(9));
	ck_assert_int_eq(ask("the exception").ends_ns, END_OF_MARCH);
	ck_assert_uint_eq(ask("no other port").act, PLAN_DROP); /* by default, for now */
	drop_all();
	load(site);
	p->packs[0].authorities[0].valid_to = (struct policy_time){ .set = true, .ns = NOW + DAY(8) };
	build();
	ck_assert_int_eq(ask("what the VMS pulls").ends_ns, NOW + DAY(8));
	drop_all();
	load(site);
	for (uint32_t i = 0; i < p->n_rules; i++)
		if (strcmp(p->rules[i].id, "not-that") == 0)
			p->rules[i].starts = (struct policy_time){ .set = true, .ns = NOW + DAY(7) };
	build();
	ck_assert_int_eq(ask("what a camera sends").ends_ns, NOW + DAY(7));
	ck_assert_int_eq(ask("what the VMS pulls").ends_ns, 0);
	drop_all();
}
END_TEST

static uint32_t class_at(const char *addr, uint32_t iface)
{
	struct addr a;

	ck_assert(addr_parse(addr, &a));
	for (size_t i = 0; i < who_bindings(w); i++)
		if (who_binding(w, i)->iface == iface && addr_equal(&who_binding(w, i)->addr, &a))
			return plan_class_of(plan, who_binding(w, i));
	ck_abort_msg("no binding of %s", addr);
	return PLAN_NONE;
}

static bool are_neighbours(struct addr a, const struct addr *b)
{
	for (unsigned i = addr_bits(&a) / 8; i-- > 0 && !++a.b[i];)
		;
	return addr_equal(&a, b);
}

static void check_order(const struct plan_where *at)
{
	for (size_t i = 0; i < at->n_spans; i++) {
		ck_assert_uint_lt(at->spans[i].what, plan_whats(plan));
		ck_assert_int_le(addr_compare(&at->spans[i].lo, &at->spans[i].hi), 0);
		ck_assert(i == 0 || addr_compare(&at->spans[i - 1].hi, &at->spans[i].lo) < 0);
		ck_assert(i == 0 || at->spans[i - 1].what != at->spans[i].what ||
			  !are_neighbours(at->spans[i - 1].hi, &at->spans[i].lo));
	}
}

static void check_what(const struct plan_what *at)
{
	ck_assert(at->rest.act != PLAN_ALLOW && (at->n_services || at->rest.act == PLAN_DROP));
	for (size_t i = 0; i < at->n_services; i++) {
		const struct plan_service *s = &at->services[i];

		ck_assert(s->lo <= s->hi && (s->answer.act != PLAN_ASK || at->rest.act == PLAN_DROP));
		ck_assert(i == 0 || s[-1].proto < s->proto || (s[-1].proto == s->proto && s[-1].hi < s->lo));
	}
}

START_TEST(shape_of_it)
{
	const struct plan_class *c;
	uint32_t camera;

	load(site);
	build();
	for (uint32_t i = 0; i < plan_wheres(plan); i++)
		check_order(plan_where(plan, i));
	for (uint32_t i = 0; i < plan_whats(plan); i++)
		check_what(plan_what(plan, i));
	camera = class_at("10.20.2.20", 0);
	ck_assert_uint_lt(camera, plan_classes(plan));
	ck_assert_uint_eq(class_at("10.20.2.20", 1), camera);           /* both interfaces are alike */
	ck_assert_uint_ne(class_at("10.20.2.21", 0), camera);           /* rules name it */
	ck_assert_uint_eq(class_at("10.1.5.12", 4), PLAN_NONE);         /* nobody guards it */
	ck_assert_uint_eq(class_at("10.21.0.40", 2), PLAN_NONE);        /* nothing is enforced there */
	c = plan_class(plan, camera);
	ck_assert_str_eq(c->name, "camera");
	ck_assert_uint_eq(c->to6, PLAN_NONE);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(c->from6[i], PLAN_NONE);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(c->from4[i], PLAN_NONE);
	ck_assert_uint_ne(c->from4[4], PLAN_NONE);
	ck_assert_uint_ne(c->from4[4], c->from4[5]);
	ck_assert(!plan_stats(plan).classes_left_out && !plan_stats(plan).spans_left_out && !plan_stats(plan).services_left_out);
	drop_all();
}
END_TEST

static bool is_expected(uint32_t iface, uint32_t class)
{
	for (uint32_t i = 0; i < plan_prospects(plan); i++)
		if (plan_prospect(plan, i)->iface == iface && plan_prospect(plan, i)->cls == class)
			return true;
	return false;
}

static struct who_binding newcomer(uint32_t iface, const char *mac, const char *addr)
{
	struct who_binding b = { .iface = iface };

	ck_assert(addr_parse(addr, &b.addr) && addr_mac_parse(mac, &b.mac));
	b.id = who_source(w, iface, &b.mac, &b.addr);
	b.id.proof = WHO_VERIFIED;
	return b;
}

/* Nobody of them was ever seen. */
START_TEST(those_to_come)
{
	struct who_binding b;
	uint32_t known, restricted;

	load(site);
	build();
	b = newcomer(0, AXIS "77", "10.20.7.7");
	known = plan_class_of(plan, &b);
	ck_assert_uint_lt(known, plan_classes(plan));
	ck_assert_uint_ne(plan_class(plan, known)->from4[4], PLAN_NONE);
	ck_assert(is_expected(0, known) && is_expected(1, known) && !is_expected(2, known) && !is_expected(4, known));
	b = newcomer(1, HIK "77", "10.20.7.7");
	restricted = plan_class_of(plan, &b);
	ck_assert(restricted != known && is_expected(1, restricted) && !is_expected(4, restricted));
	b = newcomer(3, HIK "77", "10.9.0.77");
	ck_assert(is_expected(3, plan_class_of(plan, &b)));
	b = newcomer(0, AXIS "70", "fd00:20::70");
	ck_assert(plan_class_of(plan, &b) != known && is_expected(0, plan_class_of(plan, &b)));
	b = newcomer(0, AXIS "77", "10.1.5.10");                        /* nobody may have that there */
	ck_assert_uint_eq(plan_class_of(plan, &b), PLAN_NONE);
	for (uint32_t i = 1; i < plan_prospects(plan); i++) {
		const struct plan_prospect *at = plan_prospect(plan, i);

		ck_assert(at[-1].iface < at->iface || (at[-1].iface == at->iface && at[-1].cls < at->cls));
	}
	drop_all();
}
END_TEST

START_TEST(printing)
{
	static const char path[] = "tests/golden/plan/site.plan";
	char *golden = NULL;
	struct err e = { 0 };
	struct buf out;
	size_t len;

	buf_init(&out);
	load(site);
	build();
	plan_print(plan, &out);
	if (getenv("UPDATE")) {
		ck_assert_msg(file_replace(path, buf_cstr(&out), out.len, 0644, &e) == 0, "%s", e.msg);
	} else {
		ck_assert_msg(file_read(path, 1 << 20, &golden, &len, &e) == 0, "%s", e.msg);
		ck_assert_msg(strcmp(golden, buf_cstr(&out)) == 0, "%s differs; now:\n%.3000s", path, buf_cstr(&out));
	}
	free(golden);
	buf_fini(&out);
	drop_all();
}
END_TEST

/* One network more or less is one class: what does not fit is asked, and said. */
START_TEST(limits)
{
	enum { MANY = PLAN_MAX_CLASSES + 20 };
	struct buf y;
	size_t classed = 0;

	buf_init(&y);
	buf_str(&y, "zones:\n  cctv: { interfaces: [cam0], networks: [10.20.0.0/16], guarded: true }\n"
		    "  core: { interfaces: [core0], networks: [10.0.0.0/8] }\ndevices:\n");
	for (unsigned i = 0; i < MANY; i++)
		buf_printf(&y, "  - { name: d%u, macs: [\"02:00:00:00:%02x:%02x\"], addresses: [10.20.%u.%u] }\n", i, i >> 8, i & 255,
			   1 + (i >> 7), 1 + (i & 127));
	buf_str(&y, "rules:\n");
	for (unsigned i = 0; i < MANY; i++)
		buf_printf(&y, "  - { id: r%u, from: d%u, to: core, services: [tcp/%u], action: allow }\n", i, i, i + 1);
	load(buf_cstr(&y));
	buf_fini(&y);
	build();
	ck_assert_uint_eq(plan_classes(plan), PLAN_MAX_CLASSES);
	ck_assert(plan_stats(plan).classes_left_out);
	for (size_t i = 0; i < who_bindings(w); i++)
		classed += plan_class_of(plan, who_binding(w, i)) != PLAN_NONE;
	ck_assert_uint_eq(classed, PLAN_MAX_CLASSES);
	drop_all();
}
END_TEST

/* Every device has a table of its own with twice as many spans as there are hosts: denials are the first to be asked about. */
START_TEST(what_allows_goes_first)
{
	enum { DEVICES = 600, HOSTS = 300 };
	struct buf y;
	struct row r = { .iif = 1, .mac = "02:00:00:00:02:57", .src = "10.20.5.88", .oif = 2, .dst = "10.1.2.87", .proto = 6, .dport = 300 };
	struct flow f;

	buf_init(&y);
	buf_str(&y, "zones:\n  cctv: { interfaces: [cam0], networks: [10.20.0.0/16], guarded: true }\n"
		    "  core: { interfaces: [core0], networks: [10.0.0.0/8] }\ndevices:\n");
	for (unsigned i = 0; i < DEVICES; i++)
		buf_printf(&y, "  - { name: d%u, macs: [\"02:00:00:00:%02x:%02x\"], addresses: [10.20.%u.%u] }\n", i, i >> 8, i & 255,
			   1 + (i >> 7), 1 + (i & 127));
	buf_str(&y, "hosts:\n");
	for (unsigned i = 0; i < HOSTS; i++)
		buf_printf(&y, "  h%u: { networks: [10.1.%u.%u] }\n", i, i >> 7, (i & 127) * 2 + 1);
	buf_str(&y, "rules:\n");
	for (unsigned i = 0; i < HOSTS; i++)
		buf_printf(&y, "  - { id: to%u, from: cctv, to: h%u, services: [tcp/%u], action: allow }\n", i, i, i + 1);
	for (unsigned i = 0; i < DEVICES; i++)
		buf_printf(&y, "  - { id: r%u, from: d%u, to: h0, services: [tcp/%u], action: allow }\n", i, i, i + 1000);
	load(buf_cstr(&y));
	buf_fini(&y);
	build();
	ck_assert(plan_stats(plan).spans_left_out && plan_stats(plan).spans <= PLAN_MAX_SPANS);
	f = flow_of(&r);
	ck_assert_uint_eq(plan_eval(plan, w, &f).act, PLAN_ALLOW);
	f.to.addr.b[3]++;
	ck_assert_uint_eq(plan_eval(plan, w, &f).act, PLAN_ASK);
	f.from.addr = addr_v4(10U << 24 | 20U << 16 | 1U << 8 | 1U);
	f.from.mac.b[4] = f.from.mac.b[5] = 0;
	ck_assert_uint_eq(plan_eval(plan, w, &f).act, PLAN_DROP);
	drop_all();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("plan");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, answers);
	tcase_add_test(tc, replies_and_shapes);
	tcase_add_test(tc, ends_by_others);
	tcase_add_test(tc, shape_of_it);
	tcase_add_test(tc, those_to_come);
	tcase_add_test(tc, printing);
	tcase_add_test(tc, limits);
	tcase_add_test(tc, what_allows_goes_first);
	return suite_run(tc);
}
