/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agree-plan: what a plan answers, the naive evaluator answers too: for random policies and packets, by people who proved their
 * addresses and others, at the plan's moment and at later ones before the answer ends.
 *	agree-plan [--seed N] [--policies N] [--packets N]
 *	agree-plan --policy FILE [--least PERCENT]	how much is decided of the flows of devices that proved who they are */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agree/gen.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/now.h"
#include "engine/naive.h"
#include "engine/plan.h"
#include "ident/ident.h"
#include "policy/policy.h"

enum { IFACES = 64 };

struct run {
	struct gen gen;
	uint32_t packets;
	bool ordinary;                  /* nothing odd on the open side: as on a site */
	uint64_t policies, refused, flows, known, decided, allowed, denied, later;
	uint64_t known_allowed, known_denied, known_remembered, opened, opened_later;
	struct plan_stats most;
};

struct scene {
	struct policy *p;
	struct who *w;
	struct prog *prog;
	struct plan *plan;
	int64_t now;
};

static const struct policy_paths tiny = { .registry = "tests/agree/plan/registry.tsv", .makers = { "rules/makers", "" },
					  .packs = { "rules/packs", "" } };
static const struct policy_paths whole = { .registry = "rules/registry/ieee-prefixes.tsv", .makers = { "rules/makers", "" },
					   .packs = { "rules/packs", "" } };

static void must(int rc, const struct err *e, const char *what)
{
	if (rc >= 0)
		return;
	printf("Bail out! %s: %s\n", what, e->msg);
	exit(EXIT_FAILURE);
}

static struct ident *ident_of(const struct policy *p, int64_t now)
{
	const struct ident_limits limits = {
		.v4_per_mac = 1000, .v6_per_mac = 1000, .macs_per_minute = 10000, .macs = 10000, .bindings = 10000, .foreign = 10000,
		.forget_claim_ns = NOW_NS_PER_S * 3600, .forget_ns = NOW_NS_PER_S * 3600,
	};
	struct ident *id = ident_new(&limits, 7);
	struct err e = { 0 };

	must(id ? ident_set_policy(id, p, now, &e) : -1, &e, "identities");
	return id;
}

/* Some prove their addresses; early: before there is a plan, while things may still be odd. */
static void populate(struct run *r, const struct scene *s, struct ident *id, bool early)
{
	for (unsigned i = 0; i < 40; i++) {
		struct pkt k;

		gen_packet(&r->gen, s->p, &k);
		if (!s->p->ifaces[k.iif - 1].guarded && (!early || r->ordinary || gen_chance(&r->gen, 80)))
			continue;
		ident_leased(id, s->p->ifaces[k.iif - 1].name, &k.smac, &k.src, s->now);
		if (early && gen_chance(&r->gen, 5))
			ident_add_evidence(id, &k.smac, "sadp", "DS-2CD", IDENT_PROTOCOL, "hikvision", s->now);
	}
}

static const struct who_binding *any_binding(struct run *r, const struct who *w)
{
	return who_bindings(w) ? who_binding(w, gen_below(&r->gen, (uint32_t)who_bindings(w))) : NULL;
}

static const struct mac nobody = { { 0x52, 0x54, 0, 0, 0, 1 } };

/* From or to somebody who proved to be there, more often than not. */
static void any_packet(struct run *r, const struct scene *s, struct pkt *k)
{
	const struct who_binding *b = any_binding(r, s->w);
	const bool sends = gen_chance(&r->gen, 50);

	gen_packet(&r->gen, s->p, k);
	if (b && b->addr.family == k->src.family && gen_chance(&r->gen, 80)) {
		*(sends ? &k->src : &k->dst) = b->addr;
		*(sends ? &k->iif : &k->oif) = b->iface + 1;
		if (sends)
			k->smac = b->mac;
	}
	if (!s->p->ifaces[k->iif - 1].guarded && (r->ordinary || gen_chance(&r->gen, 70)))
		k->smac = nobody;
	if (gen_chance(&r->gen, 5)) {
		k->hook = PKT_INPUT;
		k->oif = 0;
	}
}

static bool is_bound(const struct who *w, const struct flow_end *end, const struct mac *m)
{
	for (size_t i = 0; i < who_bindings(w); i++) {
		const struct who_binding *b = who_binding(w, i);

		if (b->iface == end->iface && addr_equal(&b->addr, &end->addr) && (!m || addr_mac_equal(m, &b->mac)))
			return true;
	}
	return false;
}

/* Between a device that proved its address, behind a guarded interface, and an end that is not behind one. */
static bool is_known(const struct scene *s, const struct flow *f)
{
	const bool from = f->from.iface < s->p->n_ifaces && s->p->ifaces[f->from.iface].guarded;
	const bool to = f->to.iface < s->p->n_ifaces && s->p->ifaces[f->to.iface].guarded;

	if (from == to)
		return false;
	return from ? is_bound(s->w, &f->from, &f->from.mac) : is_bound(s->w, &f->to, NULL);
}

static void complain(const struct scene *s, const struct flow *f, const struct plan_answer *a, const struct verdict *v, int64_t when)
{
	struct buf out;

	buf_init(&out);
	policy_print(s->p, &out);
	gen_print_flow(s->p, f, &out);
	printf("%s\nmoment %" PRId64 ", plan's %" PRId64 "\n", buf_cstr(&out), when, s->now);
	printf("plan: act %u rule %s ends %" PRId64 "\n", a->act, a->rule == POLICY_NONE ? "-" : s->p->rules[a->rule].id, a->ends_ns);
	printf("naive: action %u why %u rule %s observed %u enforced %d remember %d\n", v->action, v->why,
	       v->rule == POLICY_NONE ? "-" : s->p->rules[v->rule].id, v->observed, v->enforced, v->remember);
	buf_fini(&out);
}

static bool fits(const struct plan_answer *a, const struct verdict *v)
{
	if (a->act == PLAN_ASK)
		return true;
	if (a->act == PLAN_REFUSE)
		return v->enforced && v->action != POLICY_ALLOW;
	if (v->rule != a->rule || v->observed != POLICY_NONE || !v->enforced)
		return false;
	return a->act == PLAN_ALLOW ? v->action == POLICY_ALLOW && a->rule != POLICY_NONE : v->action == POLICY_DROP && v->remember;
}

/* An allow still holds at any moment before its end. */
static bool holds_later(struct run *r, const struct scene *s, const struct flow *f, const struct plan_answer *a)
{
	const int64_t later = gen_moment(&r->gen, s->p);
	struct verdict v;

	if (a->act != PLAN_ALLOW || later <= s->now || (a->ends_ns && later >= a->ends_ns))
		return true;
	v = naive_eval(s->p, later, f);
	r->later++;
	if (v.action == POLICY_ALLOW)
		return true;
	complain(s, f, a, &v, later);
	return false;
}

/* What passes unjudged is never what restrict cuts, nor spoofed, misshapen or unverified, until the table stops it by itself. */
static bool opens_rightly(struct run *r, const struct scene *s, const struct flow *f)
{
	const struct plan_answer a = { .act = PLAN_ASK, .rule = POLICY_NONE };
	const int64_t until = plan_fails(s->plan)->until_ns;

	if (!plan_opens(s->plan, s->w, f))
		return true;
	r->opened++;
	for (unsigned i = 0; i < 2; i++) {
		const int64_t when = i ? gen_moment(&r->gen, s->p) : s->now;
		const struct verdict v = naive_eval(s->p, when, f);

		if (when < s->now || (until && when >= until))
			continue;
		r->opened_later += i;
		if (v.why == VERDICT_UNGUARDED || v.why == VERDICT_EXCEPTION || v.why == VERDICT_RULE || v.why == VERDICT_DEFAULT)
			continue;
		printf("passes unjudged:\n");
		complain(s, f, &a, &v, when);
		return false;
	}
	return true;
}

static bool one_packet(struct run *r, const struct scene *s)
{
	struct flow_ifpair pairs[IFACES];
	const struct flow_ifmap map = { pairs, s->p->n_ifaces < IFACES ? s->p->n_ifaces : IFACES };
	struct plan_answer a;
	struct verdict v;
	struct flow f;
	struct pkt k;
	bool known;

	for (uint32_t i = 0; i < map.n; i++)
		pairs[i] = (struct flow_ifpair){ i + 1, i };
	any_packet(r, s, &k);
	flow_of_pkt(&k, &map, s->w, &f);
	a = plan_eval(s->plan, s->w, &f);
	v = naive_eval(s->p, s->now, &f);
	known = is_known(s, &f) && !(v.why == VERDICT_RESTRICT && v.unknown);
	r->flows++;
	r->known += known;
	r->decided += known && (a.act == PLAN_ALLOW || a.act == PLAN_DROP);
	r->known_allowed += known && v.action == POLICY_ALLOW && v.enforced && v.observed == POLICY_NONE;
	r->known_remembered += known && v.remember && v.observed == POLICY_NONE && !v.unknown && v.why != VERDICT_SPOOF;
	r->allowed += a.act == PLAN_ALLOW;
	r->denied += a.act == PLAN_DROP;
	if (!fits(&a, &v))
		complain(s, &f, &a, &v, s->now);
	return fits(&a, &v) && holds_later(r, s, &f, &a) && opens_rightly(r, s, &f);
}

static bool one_scene(struct run *r, struct policy *p)
{
	struct scene s = { .p = p, .now = gen_moment(&r->gen, p) };
	struct ident *id = ident_of(p, s.now);
	struct plan_stats stats;
	struct err e = { 0 };
	bool ok = true;

	populate(r, &s, id, true);
	must(who_build(p, id, &s.w, &e), &e, "who");
	must(prog_build(p, s.now, &s.prog, &e), &e, "program");
	must(plan_build(s.prog, s.w, &s.plan, &e), &e, "plan");
	stats = plan_stats(s.plan);
	if (stats.classes > r->most.classes)
		r->most = stats;
	populate(r, &s, id, false);
	who_free(s.w);
	must(who_build(p, id, &s.w, &e), &e, "who");
	for (uint32_t i = 0; i < r->packets && ok; i++)
		ok = one_packet(r, &s);
	plan_free(s.plan);
	prog_free(s.prog);
	who_free(s.w);
	ident_free(id);
	return ok;
}

static struct policy *random_policy(struct run *r)
{
	struct policy *p = NULL;
	struct diag *d = diag_new();
	struct buf yaml;

	buf_init(&yaml);
	gen_policy(&r->gen, &yaml);
	if (d)
		p = policy_load_text("agree.yaml", yaml.data, yaml.len, NULL, &tiny, 0, d);
	if (p && gen_chance(&r->gen, 40))
		gen_mutate(&r->gen, p);
	if (p)
		gen_fail(&r->gen, p, true);
	diag_free(d);
	buf_fini(&yaml);
	return p;
}

static const char *option(int argc, char **argv, const char *name, const char *otherwise)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return argv[i + 1];
	return otherwise;
}

static bool one_policy(struct run *r, const char *path)
{
	struct diag *d = path ? diag_new() : NULL;
	struct policy *p = path ? policy_load(path, &whole, now_wall_ns(), d) : random_policy(r);
	bool ok = true;

	diag_free(d);
	if (!p || !p->n_ifaces) {
		r->refused++;
		policy_free(p);
		return !path;
	}
	r->policies++;
	ok = one_scene(r, p);
	policy_free(p);
	return ok;
}

static uint64_t percent(uint64_t part, uint64_t of)
{
	return of ? part * 100 / of : 0;
}

int main(int argc, char **argv)
{
	const char *path = option(argc, argv, "--policy", NULL);
	const uint64_t seed = strtoull(option(argc, argv, "--seed", "20261122"), NULL, 0);
	const uint64_t wanted = strtoull(option(argc, argv, "--policies", path ? "20" : "1500"), NULL, 0);
	const unsigned least = (unsigned)strtoul(option(argc, argv, "--least", "0"), NULL, 0);
	struct run r = { .gen = { seed * 2 + 1 }, .ordinary = path != NULL, .packets = (uint32_t)strtoul(option(argc, argv, "--packets", path ? "5000" : "200"), NULL, 0) };
	bool ok = true;

	while (ok && r.policies < wanted && r.refused < 10 * wanted + 10)
		ok = one_policy(&r, path);
	printf("# seed %" PRIu64 ": %" PRIu64 " policies (%" PRIu64 " refused), %" PRIu64 " flows: %" PRIu64 " allowed, %" PRIu64
	       " denied by plans; %" PRIu64 " allowed ones seen later\n", seed, r.policies, r.refused, r.flows, r.allowed, r.denied,
	       r.later);
	printf("# %" PRIu64 " flows of known devices with the open side: %" PRIu64 " decided (%" PRIu64 " %%, and %" PRIu64
	       " %% of what an entry allows or denies to be remembered)\n", r.known, r.decided, percent(r.decided, r.known),
	       percent(r.decided, r.known_allowed + r.known_remembered));
	printf("# the largest: %zu classes, %zu wheres, %zu whats, %zu spans, %zu services, %zu bytes\n", r.most.classes, r.most.wheres,
	       r.most.whats, r.most.spans, r.most.services, r.most.bytes);
	printf("# %" PRIu64 " flows would pass unjudged where fail: open says so, %" PRIu64 " of them looked at later too\n", r.opened,
	       r.opened_later);
	ok = ok && (path || (r.opened && r.opened_later)) && r.policies >= wanted && r.allowed && r.denied && percent(r.decided, r.known) >= least;
	printf("%sok 1 - plans answer as the naive evaluator does\n", ok ? "" : "not ");
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
