/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions besides the decision: what restricts an identity, and whether anything could ever be allowed to it. */
#include "engine/prog_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/own.h"

struct prog_restriction prog_restriction(const struct prog *g, const struct who_id *id)
{
	const struct policy_device *d = id->listed == WHO_NONE ? NULL : &g->policy->devices[id->listed];
	const uint32_t makers[] = { d ? d->maker : POLICY_NONE, d ? d->registry_maker : POLICY_NONE, id->maker };
	struct prog_restriction r = { .restricted = id->sticky, .maker = POLICY_NONE, .pack = POLICY_NONE, .entry = POLICY_NONE };

	for (unsigned i = 0; i < 3; i++) {
		const struct policy_basis_hit *hit = makers[i] == POLICY_NONE ? NULL : &g->maker_hit[makers[i]];

		if (!hit || !hit->restricted || r.maker != POLICY_NONE)
			continue;
		r = (struct prog_restriction){ .restricted = true, .maker = makers[i], .pack = hit->pack, .entry = hit->entry };
	}
	r.cleared = r.restricted && d && prog_is_cleared(d->cleared, g->now_ns);
	r.restricted &= !r.cleared;
	return r;
}

/* Entries that allow, told apart. */
struct allowing {
	struct prog_build *b;
	uint64_t *except, *rules;
	uint8_t *of[PROG_SIDES][PROG_DIMS];     /* by class */
};

static bool share(const uint64_t *a, const uint64_t *b, size_t words)
{
	for (size_t w = 0; w < words; w++)
		if (a[w] & b[w])
			return true;
	return false;
}

static uint8_t may_of(const struct allowing *a, const uint64_t *set)
{
	const size_t words = a->b->words;

	return (uint8_t)((share(set, a->except, words) ? PROG_MAY_EXCEPT : 0) | (share(set, a->rules, words) ? PROG_MAY_ALLOW : 0));
}

static bool sort_out(struct allowing *a)
{
	struct prog_build *b = a->b;

	a->except = prog_alloc(b, b->words, sizeof(*a->except));
	a->rules = prog_alloc(b, b->words, sizeof(*a->rules));
	if (!a->except || !a->rules)
		return false;
	for (uint32_t i = 0; i < b->n_entries; i++) {
		const struct policy_rule *r = &b->p->rules[b->entries[i]];

		if (r->observe || (r->section == POLICY_RULE && r->action != POLICY_ALLOW))
			continue;
		pool_set(r->section == POLICY_EXCEPTION ? a->except : a->rules, i);
	}
	for (unsigned s = 0; s < PROG_SIDES; s++) {
		for (unsigned d = 0; d < PROG_DIMS; d++) {
			const struct pool *p = &b->classes[s][d];

			a->of[s][d] = prog_alloc(b, p->n, 1);
			if (!a->of[s][d])
				return false;
			for (uint32_t i = 0; i < p->n; i++)
				a->of[s][d][i] = may_of(a, pool_at(p, i));
		}
	}
	return true;
}

static void unite(uint64_t *set, const uint64_t *with, size_t words)
{
	for (size_t w = 0; w < words; w++)
		set[w] |= with[w];
}

/* What every end could match on one side wherever it stands: as any device, jointly, by an address that nobody claims. */
static void anywhere(const struct allowing *a, unsigned side, uint64_t *set)
{
	static const unsigned dims[] = { PROG_DEVICE, PROG_JOINT };
	const struct prog_build *b = a->b;

	for (unsigned d = 0; d < 2; d++)
		for (uint32_t i = 0; i < b->classes[side][dims[d]].n; i++)
			unite(set, pool_at(&b->classes[side][dims[d]], i), b->words);
	for (uint32_t i = 0; i < b->g->n_leaves; i++)
		if (b->g->leaves[i].zone == b->p->n_zones)
			unite(set, pool_at(&b->classes[side][PROG_HOST], b->g->leaves[i].host[side]), b->words);
}

/* sets[side][zone]: what an end in the zone could match, whoever it is. */
static void fill_sets(const struct allowing *a, uint64_t *sets)
{
	const struct prog_build *b = a->b;
	const struct prog *g = b->g;
	const size_t rows = g->n_zones + (size_t)2, words = b->words;

	for (unsigned s = 0; s < PROG_SIDES; s++) {
		uint64_t *side = sets + s * rows * words, *outside = side + g->n_zones * words;

		anywhere(a, s, outside);
		for (uint32_t z = 0; z < rows; z++) {
			if (z != g->n_zones)
				memcpy(side + z * words, outside, words * sizeof(*side));
		}
		for (uint32_t z = 0; z < rows; z++)
			unite(side + z * words, pool_at(&b->classes[s][PROG_ZONE], g->zones[z].class[s]), words);
		for (uint32_t i = 0; i < g->n_leaves; i++)
			unite(side + g->leaves[i].zone * words, pool_at(&b->classes[s][PROG_HOST], g->leaves[i].host[s]), words);
	}
}

static bool fill_zones(struct allowing *a)
{
	struct prog_build *b = a->b;
	struct prog *g = b->g;
	const size_t rows = g->n_zones + (size_t)2, words = b->words;
	AUTO_MEM uint64_t *sets = calloc(2 * rows * words, sizeof(*sets));
	uint8_t *outside;

	g->zone_may = prog_alloc(b, rows, 1);
	if (!sets || !g->zone_may)
		return false;
	fill_sets(a, sets);
	for (uint32_t i = 0; i < g->n_leaves; i++)
		for (unsigned s = 0; s < PROG_SIDES; s++)
			g->zone_may[g->leaves[i].zone] |= a->of[s][PROG_HOST][g->leaves[i].host[s]];
	outside = &g->zone_may[g->n_zones];     /* addresses that nobody claims may stand in any zone */
	for (size_t z = 0; z < rows; z++) {
		uint64_t *from = sets + z * words;
		const uint64_t *to = sets + (rows + z) * words;

		g->zone_may[z] |= z < g->n_zones ? *outside : 0;
		for (size_t w = 0; w < words; w++)
			from[w] &= to[w];
		if (share(from, a->rules, words))
			g->zone_may[z] |= PROG_MAY_INSIDE;
		for (unsigned s = 0; s < PROG_SIDES; s++)
			if (z != g->n_zones)
				g->zone_may[z] |= a->of[s][PROG_ZONE][g->zones[z].class[s]];
	}
	for (unsigned s = 0; s < PROG_SIDES; s++)
		*outside |= a->of[s][PROG_ZONE][g->zones[g->n_zones].class[s]];
	return true;
}

static bool fill_ids(struct allowing *a)
{
	struct prog_build *b = a->b;
	struct prog *g = b->g;
	uint8_t *at;

	g->id_may = prog_alloc(b, g->n_ids, 1);
	at = g->joint_may = prog_alloc(b, (size_t)g->n_joint_zones * g->n_joint_ids, 1);
	if (!g->id_may || !at)
		return false;
	for (uint32_t i = 0; i < g->n_ids; i++)
		for (unsigned s = 0; s < PROG_SIDES; s++)
			g->id_may[i] |= a->of[s][PROG_DEVICE][g->ids[i].class[s]];
	for (size_t i = 0; i < (size_t)g->n_joint_zones * g->n_joint_ids; i++)
		for (unsigned s = 0; s < PROG_SIDES; s++)
			for (uint32_t h = 0; g->joint[s] && h < g->n_joint_hosts[s]; h++)
				at[i] |= a->of[s][PROG_JOINT][g->joint[s][i * g->n_joint_hosts[s] + h]];
	return true;
}

int prog_may(struct prog_build *b)
{
	struct allowing a = { .b = b };

	return sort_out(&a) && fill_zones(&a) && fill_ids(&a) ? 0 : prog_too_big(b);
}

/* An identity in a zone (POLICY_NONE: where nobody's addresses are). */
struct place {
	uint32_t zone, row;
	size_t joint;
};

static struct place place_in(const struct prog *g, uint32_t zone, const struct who_id *id)
{
	const struct policy_zone *z = zone == POLICY_NONE ? NULL : &g->policy->zones[zone];
	struct place p = { .zone = z ? zone : g->n_zones, .row = prog_id_row(g, id, z && z->routed) };

	if (z && z->guard == POLICY_GUARDED && !(g->ids[p.row].flags & PROG_KNOWN))
		p.row = g->ids[p.row].as_unknown;
	p.joint = (size_t)g->zones[p.zone].joint * g->n_joint_ids + g->ids[p.row].joint;
	return p;
}

static bool is_confined(const struct prog *g, const struct place *p)
{
	return g->members[g->member_of[p->joint]].first != POLICY_NONE;
}

static bool may_in(const struct prog *g, uint32_t zone, const struct who_id *id)
{
	const struct place p = place_in(g, zone, id);
	const uint8_t may = g->zone_may[p.zone] | g->id_may[p.row] | g->joint_may[p.joint];

	if (!is_confined(g, &p))
		return may & (PROG_MAY_EXCEPT | PROG_MAY_ALLOW);
	return may & PROG_MAY_EXCEPT || (p.zone < g->n_zones && may & PROG_MAY_INSIDE);
}

bool prog_may_allow(const struct prog *g, uint32_t iface, const struct who_id *id)
{
	const struct policy_iface *at = iface < g->n_ifaces ? &g->policy->ifaces[iface] : NULL;

	for (uint32_t i = 0; at && i < at->n_zones; i++)
		if (may_in(g, at->zones[i], id))
			return true;
	return !at && may_in(g, POLICY_NONE, id);
}

bool prog_confines(const struct prog *g, uint32_t iface, const struct who_id *id)
{
	const struct policy_iface *at = iface < g->n_ifaces ? &g->policy->ifaces[iface] : NULL;

	for (uint32_t i = 0; at && i < at->n_zones; i++) {
		const struct place p = place_in(g, at->zones[i], id);

		if (is_confined(g, &p))
			return true;
	}
	return false;
}
