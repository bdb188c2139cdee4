/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of groups: a group that means everybody, nobody, or something that cannot be seen. */
#include "policy/policy_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"

static bool is_empty(const struct policy_group *g)
{
	return !g->n_packs && !g->n_makers && !g->n_tags && !g->n_devices && !g->n_zones && g->unknown == POLICY_UNSET &&
	       g->enrolled == POLICY_UNSET;
}

/* Keys that exclude each other. */
static void check_contradiction(struct policy_check *c, const struct policy_group *g)
{
	const char *other = g->n_packs ? "packs" : g->n_makers ? "makers" : g->n_tags ? "tags" : g->n_devices ? "devices" :
			    g->enrolled == POLICY_YES ? "enrolled: true" : NULL;

	if (g->unknown == POLICY_YES && other)
		diag_add(c->d, DIAG_ERROR, g->loc, "nobody can be in group '%s': 'unknown: true' are devices without "
			 "evidence, and '%s' needs some; write two groups", g->name, other);
	else if (g->enrolled == POLICY_NO && (g->n_tags || g->n_devices))
		diag_add(c->d, DIAG_ERROR, g->loc, "nobody can be in group '%s': '%s' are of listed devices, and "
			 "'enrolled: false' leaves those out", g->name, g->n_tags ? "tags" : "devices");
}

static void check_packs(struct policy_check *c, const struct policy_group *g)
{
	bool any = false;

	for (uint32_t i = 0; i < g->n_packs; i++) {
		const struct policy_pack *pack = &c->p->packs[g->packs[i]];

		for (uint32_t k = 0; k < pack->n_entries && !any; k++)
			any = policy_maker_restricted(c->p, pack->entries[k].maker, &g->packs[i], 1, c->now_ns, NULL);
		if (!pack->used)
			diag_add(c->d, DIAG_WARNING, g->loc, "group '%s' goes by pack '%s', which the policy's packs: "
				 "does not list: reports leave it out; add it there", g->name, pack->name);
	}
	if (g->n_packs && !any)
		diag_add(c->d, DIAG_WARNING, g->loc, "group '%s' restricts nobody today: its packs name no maker that "
			 "is restricted",
			 g->name);
}

static void check_routed(struct policy_check *c, const struct policy_group *g)
{
	for (uint32_t i = 0; i < g->n_zones && (g->n_packs || g->n_makers); i++) {
		const struct policy_zone *z = &c->p->zones[g->zones[i]];

		if (z->routed)
			diag_add2(c->d, DIAG_WARNING, g->loc, z->loc, "the zone", "group '%s' goes by makers, and zone "
				  "'%s' is routed: no MAC is seen there, so only listed devices can be members",
				  g->name, z->name);
	}
}

static bool enter_tags(struct policy_check *c, struct policy_names *tags)
{
	bool failed = false;

	for (uint32_t i = 0; i < c->p->n_devices; i++)
		for (uint32_t k = 0; k < c->p->devices[i].n_tags; k++)
			policy_names_add(tags, (struct policy_name){ c->p->devices[i].tags[k], POLICY_NAME_DEVICE, i, LOC_NONE },
					 &failed);
	return !failed;
}

static void check_tags(struct policy_check *c, const struct policy_group *g, const struct policy_names *tags)
{
	for (uint32_t i = 0; i < g->n_tags; i++) {
		const char *near;

		if (policy_names_find(tags, g->tags[i]))
			continue;
		near = policy_names_nearest(tags, g->tags[i], ~0u);
		diag_add(c->d, DIAG_WARNING, g->loc, "no device has the tag '%s' that group '%s' goes by%s%s%s",
			 g->tags[i], g->name,
			 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	}
}

/* 0: not seen, 1: on the path, 2: done.  Depth is bounded by the number of groups; a loop is told once. */
static bool leads_back(struct policy_check *c, uint32_t at, uint8_t *state, unsigned depth)
{
	const struct policy_group *g = &c->p->groups[at];
	bool loop = depth > 1000;

	state[at] = 1;
	for (uint32_t i = 0; i < g->n_except && !loop; i++)
		if (g->except[i].kind == POLICY_REF_GROUP && state[g->except[i].index] != 2)
			loop = state[g->except[i].index] == 1 || leads_back(c, g->except[i].index, state, depth + 1);
	state[at] = 2;
	return loop;
}

static void check_loops(struct policy_check *c)
{
	uint8_t *state = calloc(c->p->n_groups + 1, 1);

	for (uint32_t i = 0; state && i < c->p->n_groups; i++)
		if (!state[i] && leads_back(c, i, state, 0))
			diag_add(c->d, DIAG_ERROR, c->p->groups[i].loc, "the except: of group '%s' leads back to "
				 "itself, or through more than 1000 groups", c->p->groups[i].name);
	if (!state)
		diag_add(c->d, DIAG_ERROR, LOC_NONE, "out of memory while checking groups");
	free(state);
}

void policy_check_groups(struct policy_check *c)
{
	struct policy_names tags = { 0 };
	bool tagged = enter_tags(c, &tags);

	for (uint32_t i = 0; i < c->p->n_groups; i++) {
		const struct policy_group *g = &c->p->groups[i];

		if (is_empty(g))
			diag_add(c->d, DIAG_ERROR, g->loc, "group '%s' is everybody: write packs, makers, tags, "
				 "devices, zones, unknown or enrolled", g->name);
		check_contradiction(c, g);
		check_packs(c, g);
		check_routed(c, g);
		if (tagged)
			check_tags(c, g, &tags);
	}
	check_loops(c);
	policy_names_fini(&tags);
}
