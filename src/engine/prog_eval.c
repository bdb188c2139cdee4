/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A decision: a handful of table reads for each end, one for the service, three for each pair of dimensions in use.
 * Flows are decided side by side, step by step: a step of one does not hang on another's, so that the processor waits for the
 * memory of many at once; and what differs from flow to flow by chance is arithmetic, not a branch that nobody could foresee. */
#include "engine/prog_part.h"

#include "engine/trace.h"

enum { MANY = LPM_MANY / PROG_SIDES };
#define ALWAYS_INLINE inline __attribute__((always_inline))     /* one copy for each side */

/* Of each pair one is left once it is known who stands there. */
enum {
	END_GUARDED = PROG_GUARDS | PROG_GUARDS_RESTRICTED, END_ENFORCED = PROG_ENFORCES | PROG_ENFORCES_RESTRICTED,
	END_UNPROVED = PROG_PROOF | PROG_PROOF_RESTRICTED, END_UNKNOWN = PROG_MEANINGFUL,
};

/* Some flows under way; what is known of their ends as struct prog_end says, each thing for all of them in a row. */
struct work {
	uint32_t row[PROG_SIDES][MANY], flags[PROG_SIDES][MANY], joint[PROG_SIDES][MANY];
	uint32_t class[PROG_SIDES][PROG_DIMS][MANY];
	uint32_t service[MANY];
	struct prog_result best[MANY];
};

/* Which restrict entry it was, for the verdict. */
struct membership {
	uint8_t member;
	bool unknown;
};

static inline uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Where it stands, its identity as far as the place lets it count, and what that makes of the place. */
static ALWAYS_INLINE struct prog_end look_at(const struct prog *g, const struct flow_end *end, const struct prog_leaf *leaf,
					     bool sender, unsigned side)
{
	const struct prog_place *place = prog_place(g, end, leaf, sender);
	const struct prog_zone *zone = &g->zones[place->row];
	uint32_t row = prog_id_row(g, &end->id, place->flags & PROG_ROUTED);
	const struct prog_leaf *hosts = leaf;
	const struct prog_id *id;
	struct prog_end ret = { .row = place->row };

	if (end->firewall | (place->flags & PROG_STRAY)) {
		hosts = &g->leaves[0];
		if (end->firewall || !(g->ids[row].flags & PROG_RESTRICTED))
			row = end->firewall ? g->firewall : g->nobody;
	}
	id = &g->ids[row];
	ret.flags = (place->flags & id->heeds) | id->flags;
	if (ret.flags & END_UNKNOWN)
		id = &g->ids[id->as_unknown];
	ret.class[PROG_ZONE] = zone->class[side];
	ret.class[PROG_DEVICE] = id->class[side];
	ret.class[PROG_HOST] = hosts->host[side];
	if (!g->joins)
		return ret;
	ret.joint = zone->joint * g->n_joint_ids + id->joint;
	if (g->joint[side])
		ret.class[PROG_JOINT] = g->joint[side][(size_t)ret.joint * g->n_joint_hosts[side] + hosts->joint_host[side]];
	return ret;
}

static inline void keep_end(struct work *w, unsigned side, unsigned i, const struct prog_end *end)
{
	w->row[side][i] = end->row;
	w->flags[side][i] = end->flags;
	w->joint[side][i] = end->joint;
	for (unsigned d = 0; d < PROG_DIMS; d++)
		w->class[side][d][i] = end->class[d];
}

/* Leaves of the addresses, of both ends in turn; what comes next is on its way meanwhile. */
static inline void find_leaves(const struct prog *g, const struct flow *flows, unsigned n, uint32_t *ret)
{
	const struct addr *addrs[LPM_MANY];

	for (unsigned i = 0; i < n; i++) {
		addrs[2 * i] = &flows[i].from.addr;
		addrs[2 * i + 1] = &flows[i].to.addr;
		__builtin_prefetch(prog_device(g, &flows[i].from.id));
		__builtin_prefetch(prog_device(g, &flows[i].to.id));
	}
	lpm_find_many(g->lpm, addrs, 2 * n, ret);
	for (unsigned i = 0; i < 2 * n; i++)
		__builtin_prefetch(&g->leaves[ret[i]]);
}

static inline void look(const struct prog *g, const struct flow *flows, unsigned n, struct work *w)
{
	uint32_t leaves[LPM_MANY];

	find_leaves(g, flows, n, leaves);
	for (unsigned i = 0; i < n; i++) {
		const struct prog_end end = look_at(g, &flows[i].from, &g->leaves[leaves[2 * i]], !flows[i].turned, PROG_FROM);

		keep_end(w, PROG_FROM, i, &end);
	}
	for (unsigned i = 0; i < n; i++) {
		const struct prog_end end = look_at(g, &flows[i].to, &g->leaves[leaves[2 * i + 1]], flows[i].turned, PROG_TO);

		keep_end(w, PROG_TO, i, &end);
	}
}

static inline uint32_t service_of(const struct prog *g, const struct flow *f)
{
	const struct prog_proto *p = &g->protos[f->proto];

	if (p->ports && f->has_ports)
		return p->ports[f->dport];
	return p->types ? p->types[f->icmp_type] : p->without;
}

/* Where each pair's lookup has come to, for all flows: the next read of all is on its way while the others are made. */
static inline void cross_all(const struct prog *g, const struct work *w, unsigned n, uint32_t at[][MANY])
{
	for (uint32_t p = 0; p < g->n_pairs; p++) {
		const struct prog_pair *pair = &g->pairs[p];
		const uint32_t *from = w->class[PROG_FROM][pair->from], *to = w->class[PROG_TO][pair->to];
		const struct cross c = pair->cross;

		for (unsigned i = 0; i < n; i++) {
			at[p][i] = cross_block(&c, from[i], to[i]);
			__builtin_prefetch(&c.blocks[at[p][i]]);
		}
	}
	for (uint32_t p = 0; p < g->n_pairs; p++) {
		const uint32_t *to = w->class[PROG_TO][g->pairs[p].to];
		const struct cross c = g->pairs[p].cross;

		for (unsigned i = 0; i < n; i++) {
			at[p][i] = cross_cell_of(&c, at[p][i], to[i]);
			__builtin_prefetch(&c.cells[at[p][i]]);
		}
	}
}

/* Flows of which one pair finds any entries, and these sets. */
struct found {
	uint32_t at[MANY + 1], set[MANY + 1];
};

/* Most pairs have none for most flows. */
static inline unsigned match(const uint32_t *cells, const uint32_t at[MANY], unsigned n, struct found *ret)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++) {
		const uint32_t set = cells[at[i]];

		ret->at[found] = i;
		ret->set[found] = set;
		found += set != 0;
	}
	return found;
}

static inline void add_result(const struct prog *g, uint32_t set, uint32_t service, struct prog_result *best)
{
	const struct prog_result *r = &g->results[cross_get(&g->services, set, service)];

	best->rule = least(best->rule, r->rule);
	best->observed = least(best->observed, r->observed);
}

static inline void match_all(const struct prog *g, const struct flow *flows, unsigned n, struct work *w)
{
	uint32_t cells[PROG_DIMS * PROG_DIMS][MANY];
	struct found found;

	for (unsigned i = 0; i < n; i++) {
		w->service[i] = service_of(g, &flows[i]);
		w->best[i] = (struct prog_result){ POLICY_NONE, POLICY_NONE };
	}
	cross_all(g, w, n, cells);
	for (uint32_t p = 0; p < g->n_pairs; p++) {
		const unsigned k = match(g->pairs[p].cross.cells, cells[p], n, &found);

		for (unsigned i = 0; i < k; i++) {
			const unsigned at = found.at[i];

			add_result(g, found.set[i], w->service[at], &w->best[at]);
		}
	}
}

/* restrict: by membership alone, unless both ends stand in one zone. */
static ALWAYS_INLINE struct membership restrict_between(const struct prog *g, const struct prog_end *from,
							const struct prog_end *to, struct prog_result *best)
{
	const struct prog_member *f = &g->members[g->member_of[from->joint]], *t = &g->members[g->member_of[to->joint]];
	const uint32_t first = least(f->first, t->first);
	struct membership m = { 0 };
	uint32_t bit;

	if (from->row == to->row && from->row < g->n_zones)
		return m;
	best->observed = least(best->observed, least(f->observed, t->observed));
	if (first > best->rule || first == POLICY_NONE)
		return m;
	best->rule = first;
	bit = first - g->policy->n_exceptions;
	m.member = (uint8_t)(pool_has(f->of, bit) | pool_has(t->of, bit) << 1);
	m.unknown = (!(m.member & 1) || from->flags & END_UNKNOWN) && (!(m.member & 2) || to->flags & END_UNKNOWN);
	return m;
}

static inline bool owes_proof(const struct flow *f, uint32_t sender)
{
	const struct flow_end *end = f->turned ? &f->to : &f->from;

	return ((sender & END_UNPROVED) != 0) & end->has_mac & (end->id.proof < WHO_VERIFIED);
}

/* It is not the entries that decide; or they allow what has to be verified first. */
static inline bool is_refused(const struct flow *f, uint32_t sender, bool allowed)
{
	return f->shape | (sender & PROG_SPOOF) | (owes_proof(f, sender) & (allowed | !(sender & PROG_RESTRICTED)));
}

static inline bool has_service(const struct flow *f)
{
	return f->has_ports & ((f->proto == 6) | (f->proto == 17));
}

static void refuse(const struct flow *f, uint32_t sender, struct verdict *v)
{
	const bool spoof = !f->shape && sender & PROG_SPOOF, decided = !f->shape && !spoof && sender & PROG_RESTRICTED;

	v->why = f->shape ? VERDICT_SHAPE : spoof ? VERDICT_SPOOF : VERDICT_UNVERIFIED;
	v->action = POLICY_DROP;
	v->rule = POLICY_NONE;
	v->remember = spoof & v->enforced & has_service(f);
	if (decided)
		return;
	v->observed = POLICY_NONE;
	v->member = 0;
	v->unknown = false;
}

static inline uint32_t zone_of(const struct prog *g, const struct prog_end *end)
{
	return end->row < g->n_zones ? end->row : POLICY_NONE;
}

static ALWAYS_INLINE void conclude(const struct prog *g, const struct flow *f, const struct prog_end *from,
				   const struct prog_end *to, struct prog_result best, struct verdict *v)
{
	const uint32_t flags = from->flags | to->flags, sender = f->turned ? to->flags : from->flags;
	struct membership m = { 0 };
	const struct prog_outcome *o;

	v->from_zone = zone_of(g, from);
	v->to_zone = zone_of(g, to);
	if (!(flags & END_GUARDED)) {
		*v = (struct verdict){ .action = POLICY_ALLOW, .why = VERDICT_UNGUARDED, .rule = POLICY_NONE,
				       .observed = POLICY_NONE, .from_zone = v->from_zone, .to_zone = v->to_zone };
		return;
	}
	if (g->restricts)
		m = restrict_between(g, from, to, &best);
	o = &g->outcomes[least(best.rule, g->n_rules)];
	v->action = o->action;
	v->why = o->why;
	v->enforced = flags & END_ENFORCED;
	v->remember = v->enforced & (o->action == POLICY_DROP) & has_service(f);
	v->unknown = m.unknown;
	v->member = m.member;
	v->rule = best.rule;
	v->observed = best.observed < best.rule ? best.observed : POLICY_NONE;
	if (is_refused(f, sender, o->action == POLICY_ALLOW))
		refuse(f, sender, v);
}

static inline struct prog_end end_of(const struct work *w, unsigned side, unsigned i)
{
	return (struct prog_end){ .row = w->row[side][i], .flags = w->flags[side][i], .joint = w->joint[side][i] };
}

static inline void decide(const struct prog *g, const struct flow *flows, unsigned n, struct verdict *ret)
{
	struct work w;

	look(g, flows, n, &w);
	match_all(g, flows, n, &w);
	for (unsigned i = 0; i < n; i++) {
		const struct prog_end from = end_of(&w, PROG_FROM, i), to = end_of(&w, PROG_TO, i);

		conclude(g, &flows[i], &from, &to, w.best[i], &ret[i]);
	}
}

/* The same steps for one flow, which has nobody to wait with. */
static void decide_one(const struct prog *g, const struct flow *f, struct verdict *ret)
{
	struct prog_result best = { POLICY_NONE, POLICY_NONE };
	const uint32_t service = service_of(g, f);
	const struct prog_end from = look_at(g, &f->from, prog_leaf_of(g, &f->from.addr), !f->turned, PROG_FROM);
	const struct prog_end to = look_at(g, &f->to, prog_leaf_of(g, &f->to.addr), f->turned, PROG_TO);

	for (const struct prog_pair *pair = g->pairs; pair < g->pairs + g->n_pairs; pair++) {
		const uint32_t set = cross_get(&pair->cross, from.class[pair->from], to.class[pair->to]);

		if (set)
			add_result(g, set, service, &best);
	}
	conclude(g, f, &from, &to, best, ret);
}

void prog_eval_many(const struct prog *g, const struct flow *flows, unsigned n, struct verdict *ret)
{
	for (unsigned some; n > 0; n -= some, flows += some, ret += some) {
		some = least(n, MANY);
		if (some == 1)
			decide_one(g, flows, ret);
		else
			decide(g, flows, some, ret);
	}
}

struct verdict prog_eval(const struct prog *g, const struct flow *f, struct trace *tr)
{
	struct verdict v;

	decide_one(g, f, &v);
	if (tr && v.why != VERDICT_UNGUARDED)
		prog_explain(g, f, &v, tr);
	return v;
}

void prog_look(const struct prog *g, const struct flow_end *f, const struct prog_leaf *leaf, unsigned side, struct prog_end *ret)
{
	*ret = look_at(g, f, leaf, side == PROG_FROM, side);
}

bool prog_key(const struct prog *g, const struct prog_end *from, const struct prog_end *to, uint64_t key[static PROG_KEY_WORDS])
{
	const uint32_t flags = from->flags | to->flags;
	struct prog_result best = { POLICY_NONE, POLICY_NONE };
	struct membership m;

	if (!(flags & END_GUARDED) || !(flags & END_ENFORCED) || from->flags & PROG_SPOOF)
		return false;
	for (uint32_t i = 0; i < PROG_KEY_WORDS; i++)
		key[i] = 0;
	m = restrict_between(g, from, to, &best);
	for (uint32_t i = 0; i < g->n_pairs; i++) {
		const struct prog_pair *pair = &g->pairs[i];
		const uint32_t set = cross_get(&pair->cross, from->class[pair->from], to->class[pair->to]);

		if (g->set_first[set] < best.rule)
			key[i / 2] |= (uint64_t)set << i % 2 * 32;
	}
	key[PROG_KEY_WORDS - 2] = (uint64_t)best.rule << 32 | best.observed;
	key[PROG_KEY_WORDS - 1] = (uint64_t)m.member << 1 | m.unknown;
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
