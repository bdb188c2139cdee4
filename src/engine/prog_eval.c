/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A decision: a handful of table reads for each end, one for the service, two for each pair of dimensions in use. */
#include "engine/prog_part.h"

#include "engine/trace.h"

static const struct prog_place nowhere = { POLICY_NONE, 0 };

/* Identity, as far as the place lets it count. */
static void identify(const struct prog *g, const struct flow_end *f, struct prog_end *e)
{
	uint32_t row = f->firewall ? g->firewall : prog_id_row(g, &f->id, e->flags & PROG_ROUTED);

	if (e->flags & PROG_STRAY && !(g->ids[row].flags & PROG_RESTRICTED))
		row = g->nobody;
	e->id = &g->ids[row];
	e->restricted = e->id->flags & PROG_RESTRICTED;
	e->unknown = e->flags & PROG_MEANINGFUL && !(e->id->flags & PROG_KNOWN);
}

static inline void look(const struct prog *g, const struct flow_end *f, const struct prog_leaf *leaf, bool sender,
			struct prog_end *e)
{
	e->leaf = leaf;
	e->place = f->firewall ? &nowhere : prog_place(g, f, e->leaf, sender);
	e->zone = e->place->zone;
	e->flags = e->place->flags;
	identify(g, f, e);
}

static inline bool is_guarded(const struct prog_end *e)
{
	return e->flags & (e->restricted ? PROG_GUARDS_RESTRICTED : PROG_GUARDS);
}

static inline bool enforces(const struct prog_end *e)
{
	return e->flags & (e->restricted ? PROG_ENFORCES_RESTRICTED : PROG_ENFORCES);
}

static bool is_unverified(const struct flow_end *f, const struct prog_end *e)
{
	return f->has_mac && f->id.proof < WHO_VERIFIED && e->id->flags & PROG_KNOWN && !e->leaf->unspecified &&
	       e->flags & (e->restricted ? PROG_PROOF_RESTRICTED : PROG_PROOF);
}

static inline void classify(const struct prog *g, const struct flow_end *f, unsigned side, struct prog_end *e)
{
	const struct prog_zone *zone = &g->zones[e->zone != POLICY_NONE ? e->zone : g->n_zones + f->firewall];
	const struct prog_leaf *hosts = f->firewall || e->flags & PROG_STRAY ? &g->leaves[0] : e->leaf;

	if (e->unknown)
		e->id = &g->ids[e->id->as_unknown];
	e->joint_zone = zone->joint;
	e->class[PROG_ZONE] = zone->class[side];
	e->class[PROG_DEVICE] = e->id->class[side];
	e->class[PROG_HOST] = hosts->host[side];
	e->class[PROG_JOINT] = 0;
	if (g->joint[side])
		e->class[PROG_JOINT] = g->joint[side][((size_t)zone->joint * g->n_joint_ids + e->id->joint) *
						      g->n_joint_hosts[side] + hosts->joint_host[side]];
}

static inline uint32_t service_of(const struct prog *g, const struct flow *f)
{
	const struct prog_proto *p = &g->protos[f->proto];

	if (p->ports && f->has_ports)
		return p->ports[f->dport];
	return p->types ? p->types[f->icmp_type] : p->without;
}

static inline uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline void add_result(const struct prog *g, uint32_t set, uint32_t service, struct prog_result *best)
{
	const struct prog_result *r = &g->results[cross_get(&g->services, set, service)];

	best->rule = least(best->rule, r->rule);
	best->observed = least(best->observed, r->observed);
}

/* restrict: by membership alone, unless both ends stand in one zone. */
static void restrict_between(const struct prog *g, const struct prog_end *from, const struct prog_end *to,
			     struct prog_result *best, struct verdict *v)
{
	const struct prog_member *f = &g->members[g->member_of[(size_t)from->joint_zone * g->n_joint_ids + from->id->joint]];
	const struct prog_member *t = &g->members[g->member_of[(size_t)to->joint_zone * g->n_joint_ids + to->id->joint]];
	const uint32_t first = least(f->first, t->first);
	uint32_t bit;

	if (from->zone == to->zone && from->zone != POLICY_NONE)
		return;
	best->observed = least(best->observed, least(f->observed, t->observed));
	if (first > best->rule || first == POLICY_NONE)
		return;
	best->rule = first;
	bit = first - g->policy->n_exceptions;
	v->member = (uint8_t)(pool_has(f->of, bit) | pool_has(t->of, bit) << 1);
	v->unknown = (!(v->member & 1) || from->unknown) && (!(v->member & 2) || to->unknown);
}

static void decide(const struct prog *g, const struct flow *f, const struct prog_end *from, const struct prog_end *to,
		   struct verdict *v)
{
	const uint32_t service = service_of(g, f);
	struct prog_result best = { POLICY_NONE, POLICY_NONE };

	for (uint32_t i = 0; i < g->n_pairs; i++) {
		const struct prog_pair *pair = &g->pairs[i];
		const uint32_t set = cross_get(&pair->cross, from->class[pair->from], to->class[pair->to]);

		if (set)
			add_result(g, set, service, &best);
	}
	restrict_between(g, from, to, &best, v);
	v->rule = best.rule;
	v->observed = best.observed < best.rule ? best.observed : POLICY_NONE;
	if (best.rule == POLICY_NONE) {
		v->why = VERDICT_DEFAULT;
		v->action = g->policy->fallback;
	} else {
		const struct policy_rule *r = &g->policy->rules[best.rule];

		v->why = r->section == POLICY_EXCEPTION ? VERDICT_EXCEPTION :
			 r->section == POLICY_RESTRICT ? VERDICT_RESTRICT : VERDICT_RULE;
		v->action = r->section == POLICY_EXCEPTION ? POLICY_ALLOW : r->action;
	}
}

static void judge(const struct prog *g, const struct flow *f, struct prog_end *from, struct prog_end *to, struct verdict *v)
{
	const struct prog_end *sender = f->turned ? to : from;
	const bool unverified = is_unverified(f->turned ? &f->to : &f->from, sender);

	v->why = f->shape ? VERDICT_SHAPE : sender->flags & PROG_SPOOF ? VERDICT_SPOOF : VERDICT_UNVERIFIED;
	if (v->why == VERDICT_UNVERIFIED && (!unverified || sender->restricted)) {
		classify(g, &f->from, PROG_FROM, from);
		classify(g, &f->to, PROG_TO, to);
		decide(g, f, from, to, v);
		if (unverified && v->action == POLICY_ALLOW) {
			v->action = POLICY_DROP;
			v->why = VERDICT_UNVERIFIED;
			v->rule = POLICY_NONE;
		}
	}
	v->remember = v->enforced && v->action == POLICY_DROP && v->why != VERDICT_SHAPE && v->why != VERDICT_UNVERIFIED &&
		      f->has_ports && (f->proto == 6 || f->proto == 17);
}

struct verdict prog_eval(const struct prog *g, const struct flow *f, struct trace *tr)
{
	struct verdict v = { .action = POLICY_DROP, .rule = POLICY_NONE, .observed = POLICY_NONE };
	struct prog_end from, to;

	look(g, &f->from, prog_leaf_of(g, &f->from.addr), !f->turned, &from);
	look(g, &f->to, prog_leaf_of(g, &f->to.addr), f->turned, &to);
	v.from_zone = from.zone;
	v.to_zone = to.zone;
	if (!is_guarded(&from) && !is_guarded(&to)) {
		v.why = VERDICT_UNGUARDED;
		v.action = POLICY_ALLOW;
		return v;
	}
	v.enforced = enforces(&from) || enforces(&to);
	judge(g, f, &from, &to, &v);
	if (tr)
		prog_explain(g, f, &v, tr);
	return v;
}

void prog_look(const struct prog *g, const struct flow_end *f, const struct prog_leaf *leaf, unsigned side, struct prog_end *ret)
{
	look(g, f, leaf, side == PROG_FROM, ret);
	classify(g, f, side, ret);
}

bool prog_key(const struct prog *g, const struct prog_end *from, const struct prog_end *to, uint64_t key[static PROG_KEY_WORDS])
{
	struct prog_result best = { POLICY_NONE, POLICY_NONE };
	struct verdict v = { .unknown = false };

	if ((!is_guarded(from) && !is_guarded(to)) || !(enforces(from) || enforces(to)) || from->flags & PROG_SPOOF)
		return false;
	for (uint32_t i = 0; i < PROG_KEY_WORDS; i++)
		key[i] = 0;
	restrict_between(g, from, to, &best, &v);
	for (uint32_t i = 0; i < g->n_pairs; i++) {
		const struct prog_pair *pair = &g->pairs[i];
		const uint32_t set = cross_get(&pair->cross, from->class[pair->from], to->class[pair->to]);

		if (g->set_first[set] < best.rule)
			key[i / 2] |= (uint64_t)set << i % 2 * 32;
	}
	key[PROG_KEY_WORDS - 2] = (uint64_t)best.rule << 32 | best.observed;
	key[PROG_KEY_WORDS - 1] = (uint64_t)v.member << 1 | v.unknown;
	return true;
}

struct prog_result prog_key_result(const struct prog *g, const uint64_t key[static PROG_KEY_WORDS], uint32_t service)
{
	struct prog_result best = { POLICY_NONE, POLICY_NONE };

	for (uint32_t i = 0; i < g->n_pairs; i++) {
		const uint32_t set = (uint32_t)(key[i / 2] >> i % 2 * 32);

		if (set)
			add_result(g, set, service, &best);
	}
	return best;
}
