/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other ends: kinds of addresses and of interfaces that are not guarded, and the addresses that are left out one by one,
 * since the policy or a binding tells whose they are. */
#include "engine/plan_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE_WORDS = 2 };

int plan_out_of_memory(struct plan_build *b)
{
	return err_plain(b->e, ENOMEM, "out of memory");
}

/* Groups and what lies behind them are asked about: only routers of multicast would forward them. */
static bool add_leaf(void *ctx, const struct addr *lo, const struct addr *hi, uint32_t leaf)
{
	static const struct addr last4 = { 4, { 223, 255, 255, 255 } };
	static const struct addr last6 = { 6, { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
						0xff, 0xff } };
	const struct addr *last = lo->family == 4 ? &last4 : &last6;
	struct plan_build *b = ctx;

	if (addr_compare(lo, last) > 0)
		return true;
	last = addr_compare(hi, last) < 0 ? hi : last;
	return VEC_PUSH(&b->leaves[lo->family == 6], (struct plan_span_of){ *lo, *last, leaf });
}

/* Of an open zone, or of none, and anybody's there alike. */
static bool is_place(const struct plan_build *b, const struct prog_leaf *l)
{
	return !prog_is_of_link(b->g, l) && (l->zone >= b->g->n_zones || b->policy->zones[l->zone].guard == POLICY_OPEN);
}

static int add_place(struct plan_build *b, unsigned side, struct pool *kinds, const struct plan_span_of *span)
{
	const struct prog_leaf *l = &b->g->leaves[span->leaf];
	const uint64_t row[PLACE_WORDS] = { l->zone, (uint64_t)l->host[side] << 32 | l->joint_host[side] };
	const struct plan_place place = { span->lo, l->zone, span->leaf };
	const uint32_t at = pool_add(kinds, row);

	if (at == POOL_NONE || (at == b->places[side].n && !VEC_PUSH(&b->places[side], place)))
		return plan_out_of_memory(b);
	b->place_of_leaf[side][span->leaf] = at;
	return 0;
}

/* Leaves that differ only for the other side are one place. */
static int places_of(struct plan_build *b, unsigned side)
{
	struct pool kinds;
	int rc = 0;

	pool_init(&kinds, PLACE_WORDS, &b->p->budget);
	b->place_of_leaf[side] = malloc((b->g->n_leaves + (size_t)1) * sizeof(uint32_t));
	if (!b->place_of_leaf[side])
		return plan_out_of_memory(b);
	memset(b->place_of_leaf[side], 0xff, (b->g->n_leaves + (size_t)1) * sizeof(uint32_t));
	for (unsigned f = 0; f < 2; f++) {
		for (size_t i = 0; i < b->leaves[f].n && rc == 0; i++) {
			const struct plan_span_of *span = &b->leaves[f].at[i];

			if (b->place_of_leaf[side][span->leaf] == PLAN_NONE && is_place(b, &b->g->leaves[span->leaf]))
				rc = add_place(b, side, &kinds, span);
		}
	}
	pool_fini(&kinds);
	return rc;
}

static int compare_addrs(const void *a, const void *b)
{
	return addr_compare(a, b);
}

static bool matters(const struct plan_build *b, const struct addr *a)
{
	return b->place_of_leaf[PROG_TO][lpm_find(b->g->lpm, a)] != PLAN_NONE;
}

static bool find_holes(struct plan_build *b)
{
	size_t n = 0;

	for (uint32_t i = 0; i < b->policy->n_devices; i++) {
		const struct policy_device *d = &b->policy->devices[i];

		for (uint32_t k = 0; k < d->n_addrs; k++)
			if (matters(b, &d->addrs[k]) && !VEC_PUSH(&b->holes, d->addrs[k]))
				return false;
	}
	for (size_t i = 0; i < who_bindings(b->w); i++) {
		const struct who_binding *bind = who_binding(b->w, i);

		if (plan_is_open(b->policy, bind->iface) && matters(b, &bind->addr) && !VEC_PUSH(&b->holes, bind->addr))
			return false;
	}
	if (b->holes.n)
		qsort(b->holes.at, b->holes.n, sizeof(*b->holes.at), compare_addrs);
	for (size_t i = 0; i < b->holes.n; i++)
		if (!n || !addr_equal(&b->holes.at[i], &b->holes.at[n - 1]))
			b->holes.at[n++] = b->holes.at[i];
	b->holes.n = n;
	return true;
}

static const struct prog_place *row_of(const struct prog *g, bool sender, uint32_t iface)
{
	const size_t row = iface < g->n_ifaces ? iface : g->n_ifaces;

	return g->places[sender] + row * g->columns;
}

/* Interfaces whose places are equal are one; its number in kinds, PLAN_NONE: memory ran out. */
static uint32_t add_open(struct plan_build *b, bool sender, uint32_t iface)
{
	const size_t bytes = b->g->columns * sizeof(struct prog_place);
	const struct prog_place *row = row_of(b->g, sender, iface);
	const size_t n = sender ? b->open.n : b->open_to.n;
	const uint32_t *at = sender ? b->open.at : b->open_to.at;
	bool ok;

	for (uint32_t i = 0; i < n; i++)
		if (memcmp(row_of(b->g, sender, at[i]), row, bytes) == 0)
			return i;
	ok = sender ? VEC_PUSH(&b->open, iface) : VEC_PUSH(&b->open_to, iface);
	return ok ? (uint32_t)n : PLAN_NONE;
}

static bool find_open(struct plan_build *b)
{
	const uint32_t n = b->policy->n_ifaces;

	b->open_of_iface = malloc((n + (size_t)1) * sizeof(uint32_t));
	if (!b->open_of_iface || add_open(b, false, WHO_NONE) == PLAN_NONE)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		b->open_of_iface[i] = PLAN_NONE;
		if (!plan_is_open(b->policy, i))
			continue;
		b->open_of_iface[i] = add_open(b, true, i);
		if (b->open_of_iface[i] == PLAN_NONE || add_open(b, false, i) == PLAN_NONE)
			return false;
	}
	return true;
}

int plan_places(struct plan_build *b)
{
	if (!lpm_each(b->g->lpm, 4, add_leaf, b) || !lpm_each(b->g->lpm, 6, add_leaf, b))
		return plan_out_of_memory(b);
	if (places_of(b, PROG_FROM) < 0 || places_of(b, PROG_TO) < 0)
		return -1;
	return find_holes(b) && find_open(b) ? 0 : plan_out_of_memory(b);
}
