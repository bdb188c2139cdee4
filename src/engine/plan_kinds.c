/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds of devices: bindings that prog_eval cannot tell apart; and those that may come: of any maker, or listed, on any guarded
 * interface, under any kind of address of its zones. */
#include "engine/plan_part.h"

#include <stdlib.h>
#include <string.h>

enum { LEAVES = 8, IDS = 64 };  /* of a zone; of those that may come */

struct coming {
	struct plan_build *b;
	VEC(struct who_id) ids;
	VEC(uint32_t) rows;     /* of the program, of ids */
	struct addr (*addrs)[LEAVES];   /* one of each leaf, by zone */
	uint8_t *n_addrs;
};

/* *ret: its number, PLAN_NONE: none. */
static int add_kind(struct plan_build *b, const struct who_binding *bind, bool there, uint32_t *ret)
{
	struct plan_kind k = { .end = { .iface = bind->iface, .iface_known = true, .has_mac = true, .mac = bind->mac,
					.addr = bind->addr, .id = bind->id }, .mixed = !there };
	uint64_t row[PLAN_KIND_WORDS];
	struct plan_kind *at;

	*ret = PLAN_NONE;
	if (!plan_kind_of(b->p, bind, row))
		return 0;
	k.number = pool_add(&b->p->kinds, row);
	k.until_ns = (int64_t)row[4];
	k.routed = (row[0] | row[1]) & PROG_ROUTED;
	k.restricted = b->g->ids[(uint32_t)(row[2] >> 32)].flags & PROG_RESTRICTED;
	k.known = b->g->ids[(uint32_t)(row[2] >> 32)].flags & PROG_KNOWN;
	if (k.number == POOL_NONE || (k.number == b->kinds.n && !VEC_PUSH(&b->kinds, k)))
		return plan_out_of_memory(b);
	at = &b->kinds.at[k.number];
	at->bindings += there;
	at->mixed |= there && (at->end.id.listed != bind->id.listed || at->end.id.maker != bind->id.maker);
	*ret = k.number;
	return 0;
}

static bool add_id(struct coming *c, struct who_id id)
{
	for (unsigned sticky = 0; sticky < 2; sticky++) {
		uint32_t row;
		bool old = c->ids.n >= IDS;

		id.sticky = sticky;
		id.proof = WHO_VERIFIED;
		row = prog_id_row(c->b->g, &id, false);
		for (size_t i = 0; i < c->rows.n && !old; i++)
			old = c->rows.at[i] == row;
		if (!old && (!VEC_PUSH(&c->ids, id) || !VEC_PUSH(&c->rows, row)))
			return false;
	}
	return true;
}

static bool find_ids(struct coming *c)
{
	bool ok = add_id(c, (struct who_id){ .listed = WHO_NONE, .maker = WHO_NONE });

	for (uint32_t m = 0; ok && m < c->b->policy->n_makers; m++)
		ok = add_id(c, (struct who_id){ .listed = WHO_NONE, .maker = m });
	for (size_t i = 0; ok && i < who_macs(c->b->w) && c->ids.n < IDS; i++) {
		struct mac m;
		const struct who_id id = who_mac(c->b->w, i, &m);

		/* One whose addresses are listed has its bindings already. */
		ok = id.listed == WHO_NONE || c->b->policy->devices[id.listed].n_addrs || add_id(c, id);
	}
	return ok;
}

/* Leaves are looked at in order, and each is taken once. */
static void find_addrs(struct coming *c, const bool *guarded, bool *seen)
{
	const struct plan_build *b = c->b;

	for (unsigned f = 0; f < 2; f++) {
		for (size_t i = 0; i < b->leaves[f].n; i++) {
			const struct plan_span_of *span = &b->leaves[f].at[i];
			const struct prog_leaf *l = &b->g->leaves[span->leaf];
			const uint32_t zone = prog_is_of_link(b->g, l) ? b->g->n_zones : l->zone;
			bool *old = &seen[span->leaf * 2 + f];

			if (*old || l->column == b->g->n_zones + PROG_UNSPECIFIED || c->n_addrs[zone] == LEAVES ||
			    (!guarded[zone] && !prog_is_of_link(b->g, l)))
				continue;
			*old = true;
			c->addrs[zone][c->n_addrs[zone]++] = span->lo;
		}
	}
}

static int expect_at(struct coming *c, uint32_t iface, uint32_t zone)
{
	struct plan_build *b = c->b;

	for (unsigned a = 0; a < c->n_addrs[zone]; a++) {
		for (size_t i = 0; i < c->ids.n && b->prospects.n < PLAN_MAX_PROSPECTS; i++) {
			const struct who_binding bind = { .iface = iface, .addr = c->addrs[zone][a], .id = c->ids.at[i] };
			uint32_t kind;

			if (add_kind(b, &bind, false, &kind) < 0)
				return -1;
			if (kind != PLAN_NONE && !VEC_PUSH(&b->prospects, (struct plan_prospect){ iface, kind }))
				return plan_out_of_memory(b);
		}
	}
	return 0;
}

/* On each guarded interface: addresses of its zones, of the link, and what nobody claims where a zone takes that. */
static int expect_all(struct coming *c)
{
	const struct policy *p = c->b->policy;

	for (uint32_t i = 0; i < p->n_ifaces; i++) {
		if (plan_is_open(p, i))
			continue;
		for (uint32_t k = 0; k < p->ifaces[i].n_zones; k++)
			if (expect_at(c, i, p->ifaces[i].zones[k]) < 0)
				return -1;
		if (expect_at(c, i, p->n_zones) < 0)
			return -1;
	}
	return 0;
}

static int find_coming(struct plan_build *b)
{
	const size_t n = b->policy->n_zones + (size_t)1;
	AUTO_MEM bool *guarded = calloc(n, sizeof(*guarded));
	AUTO_MEM bool *seen = calloc(2 * (b->g->n_leaves + (size_t)1), sizeof(*seen));
	struct coming c = { .b = b, .addrs = calloc(n, sizeof(*c.addrs)), .n_addrs = calloc(n, 1) };
	int rc = -1;

	if (!guarded || !seen || !c.addrs || !c.n_addrs || !find_ids(&c)) {
		plan_out_of_memory(b);
	} else {
		for (uint32_t z = 0; z < b->policy->n_zones; z++) {
			guarded[z] = b->policy->zones[z].guard != POLICY_OPEN;
			guarded[n - 1] |= guarded[z] && !b->policy->zones[z].n_nets;
		}
		find_addrs(&c, guarded, seen);
		rc = expect_all(&c);
	}
	VEC_FREE(&c.ids);
	VEC_FREE(&c.rows);
	free(c.addrs);
	free(c.n_addrs);
	return rc;
}

static int compare_kinds(const void *va, const void *vb)
{
	const struct plan_kind *a = va, *b = vb;

	if (a->bindings != b->bindings)
		return a->bindings > b->bindings ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

int plan_find_kinds(struct plan_build *b)
{
	uint32_t kind;

	for (size_t i = 0; i < who_bindings(b->w); i++)
		if (add_kind(b, who_binding(b->w, i), true, &kind) < 0)
			return -1;
	if (find_coming(b) < 0)
		return -1;
	if (b->kinds.n)
		qsort(b->kinds.at, b->kinds.n, sizeof(*b->kinds.at), compare_kinds);
	return 0;
}

static int compare_prospects(const void *va, const void *vb)
{
	const struct plan_prospect *a = va, *b = vb;

	if (a->iface != b->iface)
		return a->iface < b->iface ? -1 : 1;
	return (a->cls > b->cls) - (a->cls < b->cls);
}

/* From kinds to classes, each once. */
int plan_keep_prospects(struct plan_build *b)
{
	struct plan_prospect *all = b->prospects.at;
	size_t n = 0;

	for (size_t i = 0; i < b->prospects.n; i++)
		all[i].cls = b->p->class_of_kind[all[i].cls];
	if (b->prospects.n)
		qsort(all, b->prospects.n, sizeof(*all), compare_prospects);
	for (size_t i = 0; i < b->prospects.n; i++)
		if (all[i].cls != PLAN_NONE && (!n || compare_prospects(&all[n - 1], &all[i]) != 0))
			all[n++] = all[i];
	b->p->prospects = n ? arena_memdup(b->p->arena, all, n * sizeof(*all)) : NULL;
	b->p->n_prospects = n;
	return n && !b->p->prospects ? plan_out_of_memory(b) : 0;
}
