/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a row makes of some columns depends only on the entries that it shares with any of them: that set, with the number of
 * the columns, is the key under which finished strips and blocks are found again.  Where it shares none, all are alike. */
#include "engine/cross.h"

#include <string.h>

#include "base/own.h"
#include "base/vec.h"
#include "engine/bank.h"

enum { WIDTHS = 2 };

/* The words of a set that are not 0 lie within: most sets are a few bits of thousands. */
struct reach { size_t lo, hi; };

/* Strips (0) or blocks (1). */
struct width {
	uint32_t columns;
	uint64_t *any;          /* the union of each one's columns */
	struct bank keys;       /* words of a set that are not 0, each behind its place; then the number */
	uint32_t nothing;       /* of a row that shares nothing with it */
	VEC(uint32_t) made;     /* CROSS_BLOCK for each key */
};

struct making {
	const struct pool *rows, *columns;
	cross_cell cell;
	void *ctx;
	size_t words;
	struct reach *reaches;  /* of each column */
	uint64_t *key;          /* scratch */
	uint64_t *shared;       /* the same: 0 but while in use */
	struct pool_budget *budget;
	struct arena *kept;     /* of keys */
	uint32_t empty;         /* the cell of what shares nothing */
	struct width widths[WIDTHS];
};

struct row {
	const uint64_t *set;
	struct reach reach;
};

static struct reach reach_of(const uint64_t *set, size_t words)
{
	struct reach r = { 0, words };

	while (r.hi && !set[r.hi - 1])
		r.hi--;
	while (r.lo < r.hi && !set[r.lo])
		r.lo++;
	return r;
}

static struct reach within(struct reach a, struct reach b)
{
	const struct reach r = { a.lo > b.lo ? a.lo : b.lo, a.hi < b.hi ? a.hi : b.hi };

	return r.lo < r.hi ? r : (struct reach){ 0, 0 };
}

/* What both sets have, into a set that is 0 there; is it anything? */
static bool intersect(const uint64_t *a, const uint64_t *b, struct reach r, uint64_t *ret)
{
	uint64_t some = 0;

	for (size_t w = r.lo; w < r.hi; w++)
		some |= ret[w] = a[w] & b[w];
	return some;
}

static void clear(uint64_t *set, struct reach r)
{
	memset(set + r.lo, 0, (r.hi - r.lo) * sizeof(*set));
}

static uint32_t make_cell(struct making *m, const struct row *row, uint32_t column)
{
	struct reach both;
	uint32_t cell = m->empty;

	if (column >= m->columns->n)
		return cell;
	both = within(row->reach, m->reaches[column]);
	if (intersect(row->set, pool_at(m->columns, column), both, m->shared))
		cell = m->cell(m->ctx, m->shared);
	clear(m->shared, both);
	return cell;
}

/* number of those columns, as row sees them: where what was made of them begins; POOL_NONE: no room. */
static uint32_t find(struct making *m, unsigned at, const struct row *row, uint32_t number);

static bool make(struct making *m, unsigned at, const struct row *row, uint32_t number)
{
	struct width *width = &m->widths[at];
	uint32_t made[CROSS_BLOCK];

	for (uint32_t i = 0; i < CROSS_BLOCK; i++) {
		const uint32_t inner = number * CROSS_BLOCK + i;

		made[i] = at + 1 < WIDTHS ? find(m, at + 1, row, inner) : make_cell(m, row, inner);
		if (made[i] == POOL_NONE)
			return false;
	}
	for (uint32_t i = 0; i < CROSS_BLOCK; i++)
		if (!VEC_PUSH(&width->made, made[i]))
			return false;
	return pool_spend(m->budget, sizeof(made));
}

/* How long the key of what they share is; 0: nothing. */
static size_t key_of(struct making *m, const struct width *width, const struct row *row, uint32_t number)
{
	const uint64_t *any = width->any + (size_t)number * m->words;
	size_t n = 0;

	if ((uint64_t)number * width->columns >= m->columns->n)
		return 0;
	for (size_t w = row->reach.lo; w < row->reach.hi; w++) {
		const uint64_t both = row->set[w] & any[w];

		if (both) {
			m->key[n++] = w;
			m->key[n++] = both;
		}
	}
	if (n)
		m->key[n++] = number;
	return n * sizeof(*m->key);
}

static uint32_t find(struct making *m, unsigned at, const struct row *row, uint32_t number)
{
	struct width *width = &m->widths[at];
	const size_t bytes = key_of(m, width, row, number), seen = width->keys.pieces.n;
	uint32_t id = bytes ? POOL_NONE : width->nothing;

	if (id == POOL_NONE)
		id = bank_add(&width->keys, m->kept, m->key, bytes);
	if (id >= UINT32_MAX / CROSS_BLOCK || (id == seen && (!pool_spend(m->budget, bytes) || !make(m, at, row, number))))
		return POOL_NONE;
	if (!bytes)
		width->nothing = id;
	return id * CROSS_BLOCK;
}

static bool prepare(struct making *m, unsigned at)
{
	struct width *width = &m->widths[at];

	width->any = calloc((m->columns->n / width->columns + (size_t)1) * m->words, sizeof(*width->any));
	if (!width->any)
		return false;
	for (uint32_t c = 0; c < m->columns->n; c++)
		for (size_t w = m->reaches[c].lo; w < m->reaches[c].hi; w++)
			width->any[c / width->columns * m->words + w] |= pool_at(m->columns, c)[w];
	return true;
}

static bool look_at_columns(struct making *m)
{
	m->reaches = calloc(m->columns->n + (size_t)1, sizeof(*m->reaches));
	for (uint32_t c = 0; m->reaches && c < m->columns->n; c++)
		m->reaches[c] = reach_of(pool_at(m->columns, c), m->words);
	return m->reaches && prepare(m, 0) && prepare(m, 1);
}

/* A strip's blocks, or a block's cells, come with one miss. */
static uint32_t *freeze(const struct width *width, struct arena *a)
{
	return arena_aligned(a, width->made.at, width->made.n * sizeof(*width->made.at));
}

static bool make_all(struct making *m, struct cross *ret, struct arena *a)
{
	const uint32_t per_row = (m->columns->n + CROSS_STRIP - 1) / CROSS_STRIP;
	uint32_t *at;

	if (!pool_spend(m->budget, (size_t)per_row * m->rows->n * sizeof(*at)))
		return false;
	m->key = calloc(2 * m->words + 1, sizeof(*m->key));
	m->kept = arena_new();
	m->shared = calloc(m->words + 1, sizeof(*m->shared));
	ret->per_row = per_row;
	at = ret->strips = arena_array(a, (size_t)per_row * m->rows->n, uint32_t);
	if (!m->key || !m->kept || !m->shared || !at || !look_at_columns(m))
		return false;
	m->empty = m->cell(m->ctx, m->shared);
	for (uint32_t r = 0; r < m->rows->n; r++) {
		const uint64_t *set = pool_at(m->rows, r);
		const struct row row = { set, reach_of(set, m->words) };

		for (uint32_t i = 0; i < per_row; i++, at++) {
			*at = find(m, 0, &row, i);
			if (*at == POOL_NONE)
				return false;
		}
	}
	ret->blocks = freeze(&m->widths[0], a);
	ret->cells = freeze(&m->widths[1], a);
	return ret->blocks && ret->cells;
}

bool cross_build(struct cross *ret, const struct pool *rows, const struct pool *columns, cross_cell cell, void *ctx,
		 struct arena *a)
{
	struct making m = { .rows = rows, .columns = columns, .cell = cell, .ctx = ctx, .words = rows->words,
			    .budget = rows->budget };
	bool ok;

	for (unsigned i = 0; i < WIDTHS; i++) {
		m.widths[i].columns = i ? CROSS_BLOCK : CROSS_STRIP;
		m.widths[i].nothing = POOL_NONE;
	}
	ok = make_all(&m, ret, a);
	for (unsigned i = 0; i < WIDTHS; i++) {
		bank_fini(&m.widths[i].keys);
		VEC_FREE(&m.widths[i].made);
		free(m.widths[i].any);
	}
	arena_free(m.kept);
	free(m.reaches);
	free(m.key);
	free(m.shared);
	return ok;
}
