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

static struct addr step(struct addr a, int by)
{
	for (unsigned i = addr_bits(&a) / 8; i-- > 0;) {
		int v = a.b[i] + by;

		a.b[i] = (uint8_t)v;
		if (v >= 0 && v <= 255)
			break;
	}
	return a;
}

static void add_span(struct line *l, const struct addr *lo, const struct addr *hi, uint32_t what)
{
	struct plan_span *last = l->spans.n ? &l->spans.at[l->spans.n - 1] : NULL;
	struct plan_span s;
	struct addr next;

	if (last && last->what == what) {
		next = step(last->hi, 1);
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
			struct addr before = step(*hole, -1);

			add_span(l, &lo, &before, what);
		}
		if (addr_equal(hole, &of->hi))
			return;
		lo = step(*hole, 1);
	}
	add_span(l, &lo, &of->hi, what);
}

static int keep(struct plan_build *b, const struct line *l, uint32_t *ret)
{
	struct plan_stats *stats = &b->p->stats;
	const size_t before = b->wheres.pieces.n;
	uint32_t where;

	if (!l->spans.n)
		return 0;
	if (stats->spans + l->spans.n > PLAN_MAX_SPANS) {
		stats->spans_left_out = true;
		return 0;
	}
	where = plan_bank_add(&b->wheres, b->p->arena, l->spans.at, l->spans.n * sizeof(*l->spans.at));
	if (where == POOL_NONE)
		return plan_out_of_memory(b);
	stats->spans += where == before ? l->spans.n : 0;
	*ret = where;
	return 0;
}

int plan_spans(struct plan_build *b, unsigned side, uint32_t row, bool v6, uint32_t *ret)
{
	struct line l = { .b = b, .ok = true };
	uint32_t where = PLAN_NONE;
	int rc;

	for (size_t i = 0; i < b->leaves[v6].n && l.ok && b->p->stats.spans + l.spans.n <= PLAN_MAX_SPANS; i++) {
		const struct plan_span_of *of = &b->leaves[v6].at[i];
		const uint32_t place = b->place_of_leaf[side][of->leaf];
		uint32_t what = PLAN_NONE;

		if (place != PLAN_NONE)
			what = (uint32_t)(pool_at(&b->rows[side], row)[place / 2] >> place % 2 * 32);
		if (what != PLAN_NONE)
			add_interval(&l, of, what);
	}
	rc = l.ok ? keep(b, &l, &where) : plan_out_of_memory(b);
	VEC_FREE(&l.spans);
	if (rc == 0)
		*ret = where;
	return rc;
}
