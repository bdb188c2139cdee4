/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what is answered by kinds of addresses to intervals of addresses. */
#include "engine/plan_part.h"

#include <stdlib.h>
#include <string.h>

struct line {
	struct plan_build *b;
	size_t hole;            /* the next one */
	VEC(struct plan_span) spans;
	bool ok;
};

static void add_span(struct line *l, const struct addr *lo, const struct addr *hi, uint32_t what)
{
	struct plan_span *last = l->spans.n ? &l->spans.at[l->spans.n - 1] : NULL;
	struct plan_span s;
	struct addr next;

	if (last && last->what == what) {
		next = addr_step(last->hi, 1);
		if (addr_equal(&next, lo)) {
			last->hi = *hi;
			return;
		}
	}
	memset(&s, 0, sizeof(s));       /* they are compared as memory */
	s.lo = *lo;
	s.hi = *hi;
	s.what = what;
	l->ok = VEC_PUSH(&l->spans, s) && l->ok;
}

/* One interval, but for the holes in it. */
static void add_interval(struct line *l, const struct plan_span_of *of, uint32_t what)
{
	const struct plan_build *b = l->b;
	struct addr lo = of->lo;

	while (l->hole < b->holes.n && addr_compare(&b->holes.at[l->hole], &lo) < 0)
		l->hole++;
	for (; l->hole < b->holes.n && addr_compare(&b->holes.at[l->hole], &of->hi) <= 0; l->hole++) {
		const struct addr *hole = &b->holes.at[l->hole];

		if (addr_compare(&lo, hole) < 0) {
			struct addr before = addr_step(*hole, -1);

			add_span(l, &lo, &before, what);
		}
		if (addr_equal(hole, &of->hi))
			return;
		lo = addr_step(*hole, 1);
	}
	add_span(l, &lo, &of->hi, what);
}

/* thrifty: what allows nothing is left to ask.  false: there are more than fit. */
static bool draw(struct line *l, unsigned side, uint32_t row, bool v6, bool thrifty)
{
	const struct plan_build *b = l->b;
	const size_t most = thrifty ? PLAN_MAX_SPANS : PLAN_MAX_SPANS / 2;

	l->hole = l->spans.n = 0;
	for (size_t i = 0; i < b->leaves[v6].n && l->ok && b->p->stats.spans + l->spans.n <= most; i++) {
		const struct plan_span_of *of = &b->leaves[v6].at[i];
		const uint32_t place = b->place_of_leaf[side][of->leaf];
		uint32_t what = PLAN_NONE;

		if (place != PLAN_NONE)
			what = (uint32_t)(pool_at(&b->rows[side], row)[place / 2] >> place % 2 * 32);
		if (what != PLAN_NONE && (b->allows.at[what] || !thrifty))
			add_interval(l, of, what);
	}
	return b->p->stats.spans + l->spans.n <= most;
}

static int keep(struct plan_build *b, const struct line *l, uint32_t *ret)
{
	const size_t before = b->wheres.pieces.n;
	const uint32_t where = plan_bank_add(&b->wheres, b->p->arena, l->spans.at, l->spans.n * sizeof(*l->spans.at));

	if (where == POOL_NONE)
		return plan_out_of_memory(b);
	b->p->stats.spans += where == before ? l->spans.n : 0;
	*ret = where;
	return 0;
}

/* The first half of what fits is given to whatever comes, the rest to what allows something. */
int plan_spans(struct plan_build *b, unsigned side, uint32_t row, bool v6, uint32_t *ret)
{
	struct line l = { .b = b, .ok = true };
	uint32_t where = PLAN_NONE;
	bool fits = draw(&l, side, row, v6, false);
	int rc = 0;

	if (!fits) {
		b->p->stats.spans_left_out = true;
		fits = draw(&l, side, row, v6, true);
	}
	if (!l.ok)
		rc = plan_out_of_memory(b);
	else if (fits && l.spans.n)
		rc = keep(b, &l, &where);
	VEC_FREE(&l.spans);
	if (rc == 0)
		*ret = where;
	return rc;
}
