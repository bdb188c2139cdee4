/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nanoseconds for a decision by the size of the policy, as JSON lines:
 *	engine [rules devices prefixes]...
 * The policy is a large site: guarded networks with devices that are chosen by tag or by name, hosts in the core that hold the
 * prefixes, and rules of every pairing; the flows are those of listed devices and hosts, taken in random order.
 * ENGINE_BATCH=N: flows in batches of N alone; ENGINE_PASSES=N: and so often, without plans, for profilers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "engine/plan.h"
#include "engine/prog.h"
#include "policy/policy.h"

enum { ZONES = 40, TAGS = 64, SERVICES = 200, FLOWS = 1 << 16, BATCH = 128, TURN = 32 /* as run/worker.c */ };

struct site {
	struct policy p;
	struct arena *a;
	uint64_t seed;
	char tags[TAGS][8];
};

/* Of this thread: other programs on the machine do not count. */
static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint32_t below(struct site *s, uint32_t n)
{
	s->seed = s->seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((s->seed >> 33) % n);
}

static void make_zones(struct site *s)
{
	struct policy *p = &s->p;

	p->n_ifaces = p->n_zones = ZONES + 1;
	p->ifaces = arena_array(s->a, p->n_ifaces, struct policy_iface);
	p->zones = arena_array(s->a, p->n_zones, struct policy_zone);
	for (uint32_t i = 0; i <= ZONES; i++) {
		struct policy_zone *z = &p->zones[i];
		struct policy_iface *f = &p->ifaces[i];

		f->name = z->name = arena_printf(s->a, "z%u", i);
		z->ifaces = f->zones = arena_array(s->a, 1, uint32_t);
		*z->ifaces = i;
		z->n_ifaces = f->n_zones = z->n_nets = 1;
		z->nets = arena_array(s->a, 1, struct prefix);
		z->nets[0] = i < ZONES ? (struct prefix){ addr_v4((10U << 24) + (i + 64) * 65536), 16 } :
			     (struct prefix){ addr_v4(10U << 24), 10 };
		f->guarded = i < ZONES;
		z->guard = i < ZONES ? POLICY_GUARDED : POLICY_OPEN;
	}
}

static void make_devices(struct site *s, uint32_t n)
{
	struct policy *p = &s->p;

	p->n_devices = n;
	p->devices = arena_array(s->a, n, struct policy_device);
	for (uint32_t i = 0; i < n; i++) {
		struct policy_device *d = &p->devices[i];

		d->name = arena_printf(s->a, "d%u", i);
		d->maker = d->registry_maker = POLICY_NONE;
		d->n_addrs = d->n_tags = 1;
		d->addrs = arena_array(s->a, 1, struct addr);
		d->addrs[0] = addr_v4((10U << 24) + (i % ZONES + 64) * 65536 + 1 + i / ZONES);
		d->tags = arena_array(s->a, 1, const char *);
		d->tags[0] = s->tags[below(s, TAGS)];
		d->n_macs = 1;
		d->macs = arena_array(s->a, 1, struct mac);
		d->macs[0] = (struct mac){ { 2, 0, (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } };
	}
}

static void make_groups(struct site *s)
{
	s->p.n_groups = TAGS;
	s->p.groups = arena_array(s->a, TAGS, struct policy_group);
	for (uint32_t i = 0; i < TAGS; i++) {
		struct policy_group *g = &s->p.groups[i];

		snprintf(s->tags[i], sizeof(s->tags[i]), "t%u", i);
		g->name = s->tags[i];
		g->n_tags = 1;
		g->tags = arena_array(s->a, 1, const char *);
		g->tags[0] = s->tags[i];
	}
}

static void make_hosts(struct site *s, uint32_t prefixes, uint32_t rules)
{
	uint32_t n = prefixes < rules / 2 ? prefixes : rules / 2, each = prefixes / n;

	s->p.n_hosts = n;
	s->p.hosts = arena_array(s->a, n, struct policy_host);
	for (uint32_t i = 0; i < n; i++) {
		struct policy_host *h = &s->p.hosts[i];

		h->name = arena_printf(s->a, "h%u", i);
		h->n_nets = each;
		h->nets = arena_array(s->a, each, struct prefix);
		for (uint32_t k = 0; k < each; k++) {
			uint32_t at = (i * each + k) * 32;

			h->nets[k] = (struct prefix){ addr_v4((10U << 24) + at % (4U << 20)), (uint8_t)(at < 4U << 20 ? 28 : 30) };
			h->nets[k].addr.b[3] = (uint8_t)(h->nets[k].addr.b[3] + (at < 4U << 20 ? 0 : 16));
		}
	}
}

static void refer(struct site *s, struct policy_sel *sel, enum policy_ref_kind kind, uint32_t n)
{
	sel->refs = arena_array(s->a, 1, struct policy_ref);
	sel->n = 1;
	sel->refs[0] = (struct policy_ref){ .kind = kind, .index = below(s, n) };
}

static void make_rule(struct site *s, uint32_t i)
{
	static const enum policy_ref_kind inside[] = { POLICY_REF_ZONE, POLICY_REF_GROUP, POLICY_REF_DEVICE };
	struct policy_rule *r = &s->p.rules[i];
	struct policy_sel *in = i % 2 ? &r->from : &r->to, *out = i % 2 ? &r->to : &r->from;
	const unsigned kind = i % 3;

	r->section = POLICY_RULE;
	r->id = arena_printf(s->a, "r%u", i);
	r->group = POLICY_NONE;
	r->action = i % 5 ? POLICY_ALLOW : POLICY_DROP;
	refer(s, in, inside[kind], kind == 0 ? ZONES : kind == 1 ? TAGS : s->p.n_devices);
	refer(s, out, POLICY_REF_HOST, s->p.n_hosts);
	r->services.n = 1;
	r->services.ports = arena_array(s->a, 1, struct policy_port);
	r->services.ports[0] = (struct policy_port){ .proto = 6, .has_ports = true };
	r->services.ports[0].lo = r->services.ports[0].hi = (uint16_t)(1000 + below(s, SERVICES));
}

static struct addr addr_in(struct site *s, const struct prefix *p)
{
	struct addr a = p->addr;

	a.b[3] = (uint8_t)(a.b[3] + below(s, 4));
	return a;
}

static void make_flow(struct site *s, struct flow *f)
{
	const uint32_t device = below(s, s->p.n_devices);
	const struct policy_host *h = &s->p.hosts[below(s, s->p.n_hosts)];
	struct flow_end in = { .iface = device % ZONES, .iface_known = true, .has_mac = true, .addr = s->p.devices[device].addrs[0],
			       .id = { .listed = device, .maker = WHO_NONE, .proof = WHO_PINNED } };
	struct flow_end out = { .iface = ZONES, .iface_known = true, .addr = addr_in(s, &h->nets[below(s, h->n_nets)]),
				.id = { .listed = WHO_NONE, .maker = WHO_NONE } };
	const bool outwards = below(s, 2);

	*f = (struct flow){ .from = outwards ? in : out, .to = outwards ? out : in, .proto = 6, .has_ports = true };
	f->dport = (uint16_t)(990 + below(s, SERVICES + 20));
	f->sport = 40000;
}

/* A packet that makes the flow. */
static struct pkt packet_of(const struct site *s, const struct flow *f)
{
	struct pkt p = { .when_ns = 1, .iif = f->from.iface + 1, .oif = f->to.iface + 1, .src = f->from.addr, .dst = f->to.addr,
			 .proto = f->proto, .has_ports = true, .sport = f->sport, .dport = f->dport };

	p.has_smac = f->from.id.listed != WHO_NONE;
	if (p.has_smac)
		p.smac = s->p.devices[f->from.id.listed].macs[0];
	return p;
}

/* What is measured: a batch of flows, or of packets, to verdicts. */
struct run {
	const struct prog *prog;
	const struct who *who;                  /* NULL: flows */
	struct flow_ifmap map;
	const struct flow *flows;
	const struct pkt *pkts;
	unsigned batch;
};

static void copy_some(const struct run *r, uint32_t at, struct flow *flows, struct pkt *pkts)
{
	if (r->who)
		memcpy(pkts, &r->pkts[at], r->batch * sizeof(*pkts));
	else
		memcpy(flows, &r->flows[at], r->batch * sizeof(*flows));
	__asm__ volatile("" : : "r"(flows), "r"(pkts) : "memory");
}

/* One pass: every flow once, in batches. */
static int64_t pass(const struct run *r, bool decide, uint64_t *ret_sum)
{
	static struct flow flows[BATCH];
	static struct pkt pkts[BATCH];
	static struct verdict v[BATCH];
	const int64_t begin = cpu_ns();

	for (uint32_t i = 0; i < FLOWS; i += r->batch) {
		copy_some(r, i, flows, pkts);
		if (!decide)
			continue;
		for (unsigned k = 0, n; k < r->batch; k += n) {
			n = r->batch < TURN ? r->batch : TURN;
			if (r->who)
				flow_of_pkts(pkts + k, n, &r->map, r->who, flows + k);
			prog_eval_many(r->prog, flows + k, n, v + k);
		}
		for (unsigned k = 0; k < r->batch; k++)
			*ret_sum += v[k].rule;
	}
	return cpu_ns() - begin;
}

static int64_t fastest(const struct run *r, bool decide, uint64_t *ret_sum)
{
	const char *few = getenv("ENGINE_PASSES");             /* under a profiler */
	const unsigned passes = few ? (unsigned)strtoul(few, NULL, 10) : 32;
	int64_t best = INT64_MAX;

	for (unsigned i = 0; i < passes; i++) {
		int64_t ns;

		*ret_sum = 0;
		ns = pass(r, decide, ret_sum);
		best = ns < best ? ns : best;
	}
	return best;
}

/* ns of a decision.  As in a worker, what is decided was just made: it is copied from all of them, a batch at a time, which is
 * measured by itself and taken off.  The fastest pass counts: others on the machine take time and caches. */
static double cost(const struct run *r, uint64_t *ret_sum)
{
	uint64_t none;
	const int64_t copying = fastest(r, false, &none);

	return (double)(fastest(r, true, ret_sum) - copying) / FLOWS;
}

/* The same flows: alone, in batches as a busy worker has them, and from packets, who is who included. */
static void report(const struct site *s, const struct prog *prog, const struct who *w, const struct flow *flows)
{
	struct flow_ifpair pairs[ZONES + 1];
	struct run r = { .prog = prog, .map = { pairs, ZONES + 1 }, .flows = flows };
	struct pkt *pkts = calloc(FLOWS, sizeof(*pkts));
	const char *only = getenv("ENGINE_BATCH");
	uint64_t sum[2] = { 0 };

	for (uint32_t i = 0; i <= ZONES; i++)
		pairs[i] = (struct flow_ifpair){ i + 1, i };
	for (uint32_t i = 0; pkts && i < FLOWS; i++)
		pkts[i] = packet_of(s, &flows[i]);
	r.pkts = pkts;
	for (r.batch = 1; pkts && r.batch <= BATCH; r.batch *= r.batch == 1 ? 16 : 2) {
		if (only && strtoul(only, NULL, 10) != r.batch)
			continue;
		r.who = NULL;
		printf(",\"ns_%u\":%.1f", r.batch, cost(&r, &sum[0]));
		r.who = w;
		if (!only)
			printf(",\"packet_ns_%u\":%.1f", r.batch, cost(&r, &sum[1]));
		if (!only && sum[0] != sum[1])
			printf(",\"differ\":%u", r.batch);
	}
	printf(",\"sum\":%" PRIu64 "}\n", sum[0]);
	free(pkts);
}

/* Every device has proved its address. */
static int measure_plan(const struct site *s, const struct prog *prog, const struct who *w, uint32_t rules)
{
	struct plan_stats stats;
	struct plan *plan = NULL;
	struct err e = { 0 };
	int64_t begin = cpu_ns();

	if (plan_build(prog, w, &plan, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return -1;
	}
	begin = cpu_ns() - begin;
	stats = plan_stats(plan);
	printf("{\"bench\":\"plan\",\"rules\":%u,\"devices\":%u,\"build_ms\":%.1f,\"bytes\":%zu,\"classes\":%zu,\"wheres\":%zu,"
	       "\"whats\":%zu,\"spans\":%zu,\"services\":%zu,\"left_out\":\"%s%s%s\"}\n", rules, s->p.n_devices,
	       (double)begin / 1e6, stats.bytes, stats.classes, stats.wheres, stats.whats, stats.spans, stats.services,
	       stats.classes_left_out ? "c" : "", stats.spans_left_out ? "s" : "", stats.services_left_out ? "v" : "");
	plan_free(plan);
	return 0;
}

static void make_site(struct site *s, uint32_t rules, uint32_t devices, uint32_t prefixes)
{
	s->p.fallback = POLICY_DROP;
	make_zones(s);
	make_groups(s);
	make_devices(s, devices);
	make_hosts(s, prefixes, rules);
	s->p.n_rules = rules;
	s->p.rules = arena_array(s->a, rules, struct policy_rule);
	for (uint32_t i = 0; i < rules; i++)
		make_rule(s, i);
}

static int measure(uint32_t rules, uint32_t devices, uint32_t prefixes)
{
	struct site s = { .a = arena_new(), .seed = 7 };
	struct flow *flows = calloc(FLOWS, sizeof(*flows));
	struct err e = { 0 };
	struct prog *prog = NULL;
	struct who *w = NULL;
	int64_t begin;
	int rc;

	make_site(&s, rules, devices, prefixes);
	for (uint32_t i = 0; i < FLOWS; i++)
		make_flow(&s, &flows[i]);
	begin = cpu_ns();
	if (prog_build(&s.p, 0, &prog, &e) < 0 || who_build(&s.p, NULL, &w, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return -1;
	}
	printf("{\"bench\":\"engine\",\"rules\":%u,\"devices\":%u,\"prefixes\":%u,\"build_ms\":%.1f,\"bytes\":%zu", rules, devices,
	       prefixes, (double)(cpu_ns() - begin) / 1e6, prog_bytes(prog));
	report(&s, prog, w, flows);
	rc = getenv("ENGINE_PASSES") ? 0 : measure_plan(&s, prog, w, rules);
	who_free(w);
	prog_free(prog);
	arena_free(s.a);
	free(flows);
	return rc;
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[][3] = {
		{ 10, 100, 10 }, { 100, 1000, 1000 }, { 1000, 10000, 10000 }, { 10000, 100000, 100000 },
	};
	int rc = 0;

	for (int i = 1; i + 2 < argc; i += 3)
		rc |= measure((uint32_t)strtoul(argv[i], NULL, 10), (uint32_t)strtoul(argv[i + 1], NULL, 10),
			      (uint32_t)strtoul(argv[i + 2], NULL, 10));
	for (size_t i = 0; argc == 1 && i < sizeof(sizes) / sizeof(*sizes); i++)
		rc |= measure(sizes[i][0], sizes[i][1], sizes[i][2]);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
