/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prefixes in one sorted array: whatever contains an address begins at or before it, so the longest match is found by
 * one binary search and a walk up the parents. */
#include "policy/policy_check.h"

#include <stdlib.h>

/* So many prefixes inside one are not looked through: such an owner counts as several. */
enum { MAX_NARROWER = 4096 };

static int by_net(const void *a, const void *b)
{
	const struct policy_net *x = a, *y = b;
	int order = addr_compare(&x->net.addr, &y->net.addr);

	if (order)
		return order;
	if (x->net.len != y->net.len)
		return x->net.len < y->net.len ? -1 : 1;
	return x->loc.line != y->loc.line ? (x->loc.line < y->loc.line ? -1 : 1) : (int)x->loc.col - (int)y->loc.col;
}

static bool inside(const struct prefix *in, const struct prefix *out)
{
	return in->len >= out->len && addr_prefix_contains(out, &in->addr);
}

void policy_nets_sort(struct policy_nets *t)
{
	uint32_t open = POLICY_NONE;

	if (t->n)
		qsort(t->at, t->n, sizeof(*t->at), by_net);
	for (uint32_t i = 0; i < t->n; i++) {
		while (open != POLICY_NONE && !inside(&t->at[i].net, &t->at[open].net))
			open = t->at[open].parent;
		t->at[i].parent = open;
		open = i;
	}
}

/* The last one that begins at or before the address; n: none does. */
static uint32_t last_before(const struct policy_nets *t, const struct addr *a)
{
	uint32_t lo = 0, hi = t->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (addr_compare(&t->at[mid].net.addr, a) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? lo - 1 : POLICY_NONE;
}

const struct policy_net *policy_nets_find(const struct policy_nets *t, const struct addr *a)
{
	uint32_t i = last_before(t, a);

	while (i != POLICY_NONE && !addr_prefix_contains(&t->at[i].net, a))
		i = t->at[i].parent;
	return i == POLICY_NONE ? NULL : &t->at[i];
}

uint32_t policy_nets_owner(const struct policy_nets *t, const struct prefix *p)
{
	struct addr last = addr_prefix_last(p);
	uint32_t i = last_before(t, &p->addr), end = last_before(t, &last), owner;

	while (i != POLICY_NONE && !inside(p, &t->at[i].net))
		i = t->at[i].parent;
	if (i == POLICY_NONE)
		return POLICY_NONE;
	owner = t->at[i].owner;
	if (end - i > MAX_NARROWER)
		return POLICY_NONE;
	for (i++; i <= end; i++)        /* narrower ones inside it */
		if (t->at[i].owner != owner && inside(&t->at[i].net, p))
			return POLICY_NONE;
	return owner;
}
