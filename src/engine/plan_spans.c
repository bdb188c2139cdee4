/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what is answered by kinds of addresses to intervals of addresses. */
#include "engine/plan_part.h"

#include <stdlib.h>
#include <string.h>

struct draft {
	VEC(struct plan_span) spans;
	bool ok;
};

static bool add_step(struct plan_line *l, const struct addr *lo, const struct addr *hi, uint32_t place)
{
	struct plan_step step = { .place = place };

	if (l->ends.n) {
		const struct addr next = addr_step(l->ends.at[l->ends.n - 1].hi, 1);

		step.follows = addr_equal(&next, lo);
		if (step.follows && l->steps.at[l->steps.n - 1].place == place) {
			l->ends.at[l->ends.n - 1].hi = *hi;
			return true;
		}
	}
	return VEC_PUSH(&l->steps, step) && VEC_PUSH(&l->ends, (struct plan_ends){ *lo, *hi });
}

/* One interval, but for the holes in it; *hole: the next one. */
static bool add_interval(const struct plan_build *b, struct plan_line *l, const struct plan_span_of *of, uint32_t place,
			 size_t *hole)
{
	struct addr lo = of->lo;
	bool ok = true;

	while (*hole < b->holes.n && addr_compare(&b->holes.at[*hole], &lo) < 0)
		++*hole;
	for (; *hole < b->holes.n && addr_compare(&b->holes.at[*hole], &of->hi) <= 0; ++*hole) {
		const struct addr *at = &b->holes.at[*hole];

		if (addr_compare(&lo, at) < 0) {
			const struct addr before = addr_step(*at, -1);

			ok = add_step(l, &lo, &before, place) && ok;
		}
		if (addr_equal(at, &of->hi))
			return ok;
		lo = addr_step(*at, 1);
	}
	return add_step(l, &lo, &of->hi, place) && ok;
}

int plan_draw_lines(struct plan_build *b)
{
	bool ok = true;

	for (unsigned f = 0; f < 2; f++) {
		for (unsigned s = 0; s < PROG_SIDES; s++) {
			size_t hole = 0;

			for (size_t i = 0; i < b->leaves[f].n && ok; i++) {
				const struct plan_span_of *of = &b->leaves[f].at[i];
				const uint32_t place = b->place_of_leaf[s][of->leaf];

				ok = place == PLAN_NONE || add_interval(b, &b->lines[s][f], of, place, &hole);
			}
		}
		VEC_FREE(&b->leaves[f]);
	}
	return ok ? 0 : plan_out_of_memory(b);
}

static void add_span(struct draft *d, const struct plan_line *l, size_t i, uint32_t what)
{
	struct plan_span s;

	memset(&s, 0, sizeof(s));       /* they are compared as memory */
	s.lo = l->ends.at[i].lo;
	s.hi = l->ends.at[i].hi;
	s.what = what;
	d->ok = VEC_PUSH(&d->spans, s) && d->ok;
}

/* thrifty: what allows nothing is left to ask.  false: there are more than fit. */
static bool draw(struct plan_build *b, const struct plan_line *l, const uint64_t *row, bool thrifty, struct draft *d)
{
	const size_t most = thrifty ? PLAN_MAX_SPANS : PLAN_MAX_SPANS / 2;
	uint32_t last = PLAN_NONE;      /* of the step before */

	d->spans.n = 0;
	for (size_t i = 0; i < l->steps.n && d->ok && b->p->stats.spans + d->spans.n <= most; i++) {
		const struct plan_step step = l->steps.at[i];
		uint32_t what = (uint32_t)(row[step.place / 2] >> step.place % 2 * 32);

		if (what != PLAN_NONE && thrifty && !b->allows.at[what])
			what = PLAN_NONE;
		if (what != PLAN_NONE && what == last && step.follows)
			d->spans.at[d->spans.n - 1].hi = l->ends.at[i].hi;
		else if (what != PLAN_NONE)
			add_span(d, l, i, what);
		last = what;
	}
	return b->p->stats.spans + d->spans.n <= most;
}

static const struct plan_span *spans_of(const struct plan_line *l, struct arena *a)
{
	struct plan_span *all = arena_array(a, l->ends.n + 1, struct plan_span);

	for (size_t i = 0; all && i < l->ends.n; i++)
		all[i] = (struct plan_span){ .lo = l->ends.at[i].lo, .hi = l->ends.at[i].hi };
	return all;
}

int plan_leaf_spans(struct plan_build *b, plan_leaf_fn is, uint32_t iface, struct plan_where *ret)
{
	struct plan_line l = { .steps = { 0 } };
	bool ok = true;

	for (unsigned f = 0; f < 2; f++) {
		size_t hole = 0;

		for (size_t i = 0; i < b->leaves[f].n && ok; i++)
			if (is(b, &b->g->leaves[b->leaves[f].at[i].leaf], iface))
				ok = add_interval(b, &l, &b->leaves[f].at[i], 0, &hole);
	}
	*ret = (struct plan_where){ spans_of(&l, b->p->arena), l.ends.n };
	VEC_FREE(&l.steps);
	VEC_FREE(&l.ends);
	return ok && ret->spans ? 0 : plan_out_of_memory(b);
}

static int keep(struct plan_build *b, const struct draft *d, uint32_t *ret)
{
	const size_t before = b->wheres.pieces.n;
	const uint32_t where = bank_add(&b->wheres, b->p->arena, d->spans.at, d->spans.n * sizeof(*d->spans.at));

	if (where == BANK_NONE)
		return plan_out_of_memory(b);
	b->p->stats.spans += where == before ? d->spans.n : 0;
	*ret = where;
	return 0;
}

/* The first half of what fits is given to whatever comes, the rest to what allows something. */
int plan_spans(struct plan_build *b, unsigned side, uint32_t row, bool v6, uint32_t *ret)
{
	const struct plan_line *l = &b->lines[side][v6];
	const uint64_t *whats = pool_at(&b->rows[side], row);
	struct draft d = { .ok = true };
	uint32_t where = PLAN_NONE;
	bool fits = draw(b, l, whats, false, &d);
	int rc = 0;

	if (!fits) {
		b->p->stats.spans_left_out = true;
		fits = draw(b, l, whats, true, &d);
	}
	if (!d.ok)
		rc = plan_out_of_memory(b);
	else if (fits && d.spans.n)
		rc = keep(b, &d, &where);
	VEC_FREE(&d.spans);
	if (rc == 0)
		*ret = where;
	return rc;
}
