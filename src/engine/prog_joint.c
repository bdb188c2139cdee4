/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zones, and what is asked of a zone and an identity (and hosts) at once: the joint dimension and membership in restrict. */
#include "engine/prog_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum { CELLS_MAX = 1 << 24 };

static void apply_zone(const struct prog_build *b, unsigned side, uint32_t row, uint64_t *set)
{
	const struct policy *p = b->p;

	memcpy(set, b->base[side][PROG_ZONE], b->words * sizeof(*set));
	if (row >= p->n_zones) {
		prog_apply(b, side, row == p->n_zones ? POLICY_REF_EXTERNAL : POLICY_REF_FIREWALL, 0, set);
		return;
	}
	prog_apply(b, side, POLICY_REF_ZONE, row, set);
	for (uint32_t g = 0; g < p->n_groups; g++)
		for (uint32_t i = 0; b->group_asks[g] == PROG_ASKS_ZONE && i < p->groups[g].n_zones; i++)
			if (p->groups[g].zones[i] == row)
				prog_apply(b, side, POLICY_REF_GROUP, g, set);
}

/* Zones that nothing looks at closely are alike, but for what becomes of unknown devices there. */
static uint64_t joint_key(const struct prog_build *b, uint32_t row)
{
	const struct policy *p = b->p;

	if (row >= p->n_zones || b->zone_joint[row])
		return row + UINT64_C(2);
	return p->zones[row].unknown == POLICY_UNKNOWN_RESTRICT;
}

int prog_zones(struct prog_build *b)
{
	const uint32_t n = b->p->n_zones + 2;
	struct pool keys;
	int rc = 0;

	pool_init(&keys, 1, &b->budget);
	b->g->zones = prog_alloc(b, n, sizeof(*b->g->zones));
	for (uint32_t z = 0; b->g->zones && z < n && rc == 0; z++) {
		struct prog_zone *zone = &b->g->zones[z];
		const uint64_t key = joint_key(b, z);

		zone->zone = prog_zone_of_row(b, z);
		for (unsigned s = 0; s < PROG_SIDES; s++) {
			apply_zone(b, s, z, b->row);
			zone->class[s] = pool_add(&b->classes[s][PROG_ZONE], b->row);
			rc |= zone->class[s] == POOL_NONE ? -1 : 0;
		}
		zone->joint = pool_add(&keys, &key);
		if (zone->joint == POOL_NONE || (zone->joint == b->joint_zones.n && !VEC_PUSH(&b->joint_zones, z)))
			rc = -1;
	}
	pool_fini(&keys);
	b->g->n_joint_zones = (uint32_t)b->joint_zones.n;
	return rc < 0 || !b->g->zones ? prog_too_big(b) : 0;
}

static bool is_named(const struct prog_build *b, const struct policy_ref *r, const struct prog_combination *c)
{
	switch (r->kind) {
	case POLICY_REF_ANY: return true;
	case POLICY_REF_FIREWALL: return c->zone_row == b->p->n_zones + 1;
	case POLICY_REF_EXTERNAL: return c->zone_row == b->p->n_zones;
	case POLICY_REF_ZONE: return c->zone_row == r->index;
	case POLICY_REF_GROUP: return prog_is_member(b, r->index, c->who, prog_zone_of_row(b, c->zone_row));
	case POLICY_REF_DEVICE: return c->who->listed == r->index;
	case POLICY_REF_HOST: return pool_has(c->hosts, r->index);
	}
	return false;
}

bool prog_is_selected(const struct prog_build *b, const struct policy_sel *sel, const struct prog_combination *c)
{
	bool any = !sel->n && !sel->loc.line;

	for (uint32_t i = 0; i < sel->n && !any; i++)
		any = is_named(b, &sel->refs[i], c);
	return any != sel->negate;
}

static void match_jointly(const struct prog_build *b, unsigned side, const struct prog_combination *c, uint64_t *set)
{
	memset(set, 0, b->words * sizeof(*set));
	for (uint32_t entry = 0; entry < b->n_entries; entry++) {
		const struct policy_rule *r = &b->p->rules[b->entries[entry]];

		if (pool_has(b->joint_entries[side], entry) &&
		    prog_is_selected(b, side == PROG_FROM ? &r->from : &r->to, c))
			pool_set(set, entry);
	}
}

static bool fill(struct prog_build *b, unsigned side, uint32_t *table, size_t cells)
{
	const uint32_t n_hosts = b->joint_hosts[side].n;

	for (size_t i = 0; i < cells; i++) {
		const size_t who = i / n_hosts % b->joint_who.n, zone = i / n_hosts / b->joint_who.n;
		const struct prog_combination c = { b->joint_zones.at[zone], &b->joint_who.at[who],
						    pool_at(&b->joint_hosts[side], (uint32_t)(i % n_hosts)) };

		match_jointly(b, side, &c, b->row);
		table[i] = pool_add(&b->classes[side][PROG_JOINT], b->row);
		if (table[i] == POOL_NONE)
			return false;
	}
	return true;
}

int prog_joint(struct prog_build *b)
{
	for (unsigned s = 0; s < PROG_SIDES; s++) {
		const size_t cells = b->joint_zones.n * b->joint_who.n * b->joint_hosts[s].n;
		bool any = false;

		memset(b->row, 0, b->words * sizeof(*b->row));
		if (pool_add(&b->classes[s][PROG_JOINT], b->row) == POOL_NONE)
			return prog_too_big(b);
		for (size_t i = 0; i < b->words; i++)
			any |= b->joint_entries[s][i] != 0;
		if (!any)
			continue;
		b->g->joint[s] = cells > CELLS_MAX ? NULL : prog_alloc(b, cells, sizeof(uint32_t));
		if (!b->g->joint[s] || !fill(b, s, b->g->joint[s], cells))
			return prog_too_big(b);
	}
	return 0;
}

/* Key: the entry that decides, the first observed one, then a bit for each restrict entry. */
static void membership(const struct prog_build *b, uint32_t zone_row, const struct prog_who *who, uint64_t *key)
{
	const struct policy *p = b->p;
	const uint32_t zone = prog_zone_of_row(b, zone_row);
	uint32_t first = POLICY_NONE, observed = POLICY_NONE;
	bool first_live = true;

	memset(key + 1, 0, (b->members.words - 1) * sizeof(*key));
	for (uint32_t i = 0; i < p->n_restrict; i++) {
		const struct policy_rule *r = &p->rules[p->n_exceptions + i];
		bool member;

		if (!policy_rule_live(r, b->g->now_ns))
			continue;
		member = prog_is_member(b, r->group, who, zone) ||
			 (first_live && who->unknown && zone != POLICY_NONE && p->zones[zone].unknown == POLICY_UNKNOWN_RESTRICT);
		first_live = false;
		if (!member)
			continue;
		pool_set(key + 1, i);
		if (r->observe && observed == POLICY_NONE)
			observed = p->n_exceptions + i;
		if (!r->observe && first == POLICY_NONE)
			first = p->n_exceptions + i;
	}
	key[0] = (uint64_t)first << 32 | observed;
}

static int freeze_members(struct prog_build *b)
{
	struct prog *g = b->g;
	const size_t words = b->members.words;
	uint64_t *bits = prog_alloc(b, b->members.n * words, sizeof(*bits));

	g->members = prog_alloc(b, b->members.n, sizeof(*g->members));
	g->n_members = b->members.n;
	if (!bits || !g->members)
		return prog_too_big(b);
	memcpy(bits, b->members.rows, b->members.n * words * sizeof(*bits));
	for (uint32_t i = 0; i < b->members.n; i++) {
		const uint64_t *row = bits + i * words;

		g->members[i] = (struct prog_member){ (uint32_t)(row[0] >> 32), (uint32_t)row[0], row + 1 };
		g->restricts |= row[0] != UINT64_MAX;
	}
	return 0;
}

int prog_members(struct prog_build *b)
{
	struct prog *g = b->g;
	const size_t words = 1 + (b->p->n_restrict + (size_t)63) / 64, cells = b->joint_zones.n * b->joint_who.n;
	uint64_t *key = prog_alloc(b, words, sizeof(*key));
	uint32_t *at;

	pool_init(&b->members, words, &b->budget);
	at = g->member_of = cells > CELLS_MAX ? NULL : prog_alloc(b, cells, sizeof(*at));
	if (!at || !key)
		return prog_too_big(b);
	for (size_t z = 0; z < b->joint_zones.n; z++) {
		for (size_t w = 0; w < b->joint_who.n; w++) {
			membership(b, b->joint_zones.at[z], &b->joint_who.at[w], key);
			*at = pool_add(&b->members, key);
			if (*at++ == POOL_NONE)
				return prog_too_big(b);
		}
	}
	if (freeze_members(b) < 0)
		return -1;
	g->joins = g->restricts || g->joint[PROG_FROM] || g->joint[PROG_TO];
	return 0;
}
