/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agree: the compiled program and the naive evaluator give one answer, in every field, for random policies and flows.
 *	agree [--seed N] [--policies N] [--flows N]		stops at the first disagreement, prints it, exit 1 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agree/gen.h"
#include "base/buf.h"
#include "base/diag.h"
#include "engine/naive.h"
#include "engine/prog.h"
#include "engine/trace.h"
#include "policy/policy.h"

enum { SOME = 65 };                     /* flows at once, at most */

struct run {
	struct gen gen;
	uint32_t flows;                 /* for each program */
	uint64_t policies, refused, programs, decisions, packets, traces;
	uint64_t why[VERDICT_DEFAULT + 1], observed, enforced;
	bool verbose;
};

static const struct policy_paths paths = { .registry = "", .makers = { "rules/makers", "" }, .packs = { "rules/packs", "" } };
static const char *const whys[] = { "unguarded", "shape", "spoof", "unverified", "exception", "restrict", "rule", "default" };

static const char *id_of(const struct policy *p, uint32_t rule)
{
	return rule == POLICY_NONE ? "-" : p->rules[rule].id;
}

static const char *zone_name(const struct policy *p, uint32_t zone)
{
	return zone == POLICY_NONE ? "-" : p->zones[zone].name;
}

static void print_verdict(const struct policy *p, const char *who, const struct verdict *v)
{
	printf("%s: action %u why %s rule %s observed %s zones %s %s enforced %d remember %d unknown %d member %u\n", who, v->action,
	       whys[v->why], id_of(p, v->rule), id_of(p, v->observed), zone_name(p, v->from_zone), zone_name(p, v->to_zone),
	       v->enforced, v->remember, v->unknown, v->member);
}

static bool same(const struct verdict *a, const struct verdict *b)
{
	return a->action == b->action && a->why == b->why && a->enforced == b->enforced && a->remember == b->remember &&
	       a->unknown == b->unknown && a->member == b->member && a->rule == b->rule && a->observed == b->observed &&
	       a->from_zone == b->from_zone && a->to_zone == b->to_zone;
}

/* The steps end with the entry that decided, and the first observed one is the verdict's. */
static bool trace_fits(const struct trace *t, const struct verdict *v)
{
	uint32_t hit = POLICY_NONE, observed = POLICY_NONE;

	for (size_t i = 0; i < t->n; i++) {
		if (t->steps[i].miss == TRACE_HIT)
			hit = t->steps[i].rule;
		if (t->steps[i].miss == TRACE_OBSERVED && observed == POLICY_NONE)
			observed = t->steps[i].rule;
	}
	return observed == v->observed && t->spoof == (v->why == VERDICT_SPOOF) && (hit == v->rule || v->why == VERDICT_UNVERIFIED);
}

static void complain(const struct run *r, const struct policy *p, int64_t now, const struct flow *f, const struct verdict *naive,
		     const struct verdict *prog, const struct trace *t)
{
	struct buf out;

	buf_init(&out);
	policy_print(p, &out);
	gen_print_flow(p, f, &out);
	printf("%s\nmoment %" PRId64 ", policy %" PRIu64 "\n", buf_cstr(&out), now, r->policies);
	print_verdict(p, "naive", naive);
	print_verdict(p, "program", prog);
	for (size_t i = 0; t && i < t->n; i++)
		printf("trace: %s: %d\n", id_of(p, t->steps[i].rule), (int)t->steps[i].miss);
	buf_fini(&out);
}

/* Some come the whole way, from a packet. */
static void any_flow(struct run *r, const struct policy *p, const struct who *w, struct flow *ret)
{
	struct flow_ifpair pairs[16];
	struct flow_ifmap map = { pairs, p->n_ifaces < 16 ? p->n_ifaces : 16 };
	struct pkt k;

	if (!gen_chance(&r->gen, 25)) {
		gen_flow(&r->gen, p, ret);
		return;
	}
	for (uint32_t i = 0; i < map.n; i++)
		pairs[i] = (struct flow_ifpair){ i + 1, i };
	gen_packet(&r->gen, p, &k);
	flow_of_pkt(&k, &map, w, ret);
	r->packets++;
}

/* together: what the program said of it among others. */
static bool one_flow(struct run *r, const struct prog *prog, int64_t now, const struct flow *f, const struct verdict *together)
{
	const bool traced = r->decisions % 64 == 0;
	const struct policy *p = prog_policy(prog);
	struct verdict naive, compiled;
	struct trace t;
	bool ok;

	trace_init(&t);
	naive = naive_eval(p, now, f);
	compiled = prog_eval(prog, f, traced ? &t : NULL);
	ok = same(&naive, &compiled) && same(&naive, together) &&
	     (!traced || compiled.why == VERDICT_UNGUARDED || trace_fits(&t, &compiled));
	if (!ok)
		complain(r, p, now, f, &naive, same(&naive, &compiled) ? together : &compiled, traced ? &t : NULL);
	trace_fini(&t);
	r->decisions++;
	r->traces += traced;
	r->why[naive.why]++;
	r->observed += naive.observed != POLICY_NONE;
	r->enforced += naive.enforced;
	return ok;
}

/* Some, as a worker has them: up to two turns of the engine's at once. */
static bool some_flows(struct run *r, const struct prog *prog, const struct who *w, int64_t now, uint32_t n)
{
	struct verdict together[SOME];
	struct flow f[SOME];
	bool ok = true;

	for (uint32_t i = 0; i < n; i++)
		any_flow(r, prog_policy(prog), w, &f[i]);
	prog_eval_many(prog, f, n, together);
	for (uint32_t i = 0; i < n && ok; i++)
		ok = one_flow(r, prog, now, &f[i], &together[i]);
	return ok;
}

static bool one_program(struct run *r, const struct policy *p)
{
	const int64_t now = gen_moment(&r->gen, p);
	struct err e = { 0 };
	AUTO(prog) prog = NULL;
	AUTO(who) w = NULL;
	bool ok = true;

	if (prog_build(p, now, &prog, &e) < 0 || who_build(p, NULL, &w, &e) < 0) {
		printf("it cannot be built: %s\n", e.msg);
		return false;
	}
	r->programs++;
	for (uint32_t left = r->flows, n; left && ok; left -= n) {
		n = r->decisions % SOME + 1;
		n = n < left ? n : left;
		ok = some_flows(r, prog, w, now, n);
	}
	return ok;
}

static struct policy *load(struct run *r)
{
	struct policy *p = NULL;
	struct buf yaml, why;
	struct diag *d = diag_new();

	buf_init(&yaml);
	buf_init(&why);
	gen_policy(&r->gen, &yaml);
	if (d)
		p = policy_load_text("agree.yaml", yaml.data, yaml.len, NULL, &paths, 0, d);
	if (!p && r->verbose) {
		diag_text(d, false, &why);
		printf("%s", buf_cstr(&why));
	}
	diag_free(d);
	buf_fini(&why);
	buf_fini(&yaml);
	return p;
}

/* As the file says it, at two moments; then changed beyond what files say. */
static bool one_policy(struct run *r)
{
	struct policy *p = load(r);
	bool ok;

	if (!p) {
		r->refused++;
		return true;
	}
	r->policies++;
	ok = one_program(r, p) && one_program(r, p);
	for (unsigned i = 0; i < 2 && ok; i++) {
		gen_mutate(&r->gen, p);
		ok = one_program(r, p);
	}
	policy_free(p);
	return ok;
}

int main(int argc, char **argv)
{
	const uint64_t seed = gen_option(argc, argv, "--seed", 20261101), wanted = gen_option(argc, argv, "--policies", 1000);
	struct run r = { .gen = { seed * 2 + 1 }, .flows = (uint32_t)gen_option(argc, argv, "--flows", 100) };
	bool ok = true;

	r.verbose = gen_option(argc, argv, "--verbose", 0);
	while (ok && r.policies < wanted && r.refused < 10 * wanted + 10)
		ok = one_policy(&r);
	printf("# seed %" PRIu64 ": %" PRIu64 " policies (%" PRIu64 " refused), %" PRIu64 " programs, %" PRIu64 " decisions (%" PRIu64
	       " from packets), %" PRIu64 " traces\n#", seed, r.policies, r.refused, r.programs, r.decisions, r.packets, r.traces);
	for (unsigned i = 0; i <= VERDICT_DEFAULT; i++)
		printf(" %s %" PRIu64, whys[i], r.why[i]);
	printf(" observed %" PRIu64 " enforced %" PRIu64 "\n", r.observed, r.enforced);
	if (r.policies < wanted)
		ok = false;
	printf("%sok 1 - program and naive evaluator agree\n", ok ? "" : "not ");
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
