/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a row makes of a block depends only on the entries that it shares with any of the block's columns: that set, with the
 * block's number, is the key under which finished blocks are found again.  Where it shares none, all blocks are alike. */
#include "engine/cross.h"

#include <string.h>

#include "base/own.h"
#include "base/vec.h"
#include "engine/bank.h"

/* The words of a set that are not 0 lie within: most sets are a few bits of thousands. */
struct reach { size_t lo, hi; };

struct making {
	const struct pool *rows, *columns;
	cross_cell cell;
	void *ctx;
	size_t words;
	uint64_t *any;          /* per block: the union of its columns */
	struct reach *reaches;  /* of each column */
	uint64_t *key;          /* scratch */
	uint64_t *shared;       /* the same: 0 but while in use */
	struct pool_budget *budget;
	struct bank keys;       /* words of a set that are not 0, each behind its place; then the block */
	struct arena *kept;     /* of keys */
	uint32_t nothing;       /* the block of a row that shares nothing with it */
	uint32_t empty;         /* the cell of what shares nothing */
	VEC(uint32_t) cells;
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

static bool add_block(struct making *m, const uint64_t *row, struct reach reach, uint32_t block)
{
	for (uint32_t i = 0; i < CROSS_BLOCK; i++) {
		const uint32_t column = block * CROSS_BLOCK + i;
		uint32_t cell = m->empty;

		if (column < m->columns->n) {
			const struct reach both = within(reach, m->reaches[column]);

			if (intersect(row, pool_at(m->columns, column), both, m->shared))
				cell = m->cell(m->ctx, m->shared);
			clear(m->shared, both);
		}
		if (cell == POOL_NONE || !VEC_PUSH(&m->cells, cell))
			return false;
	}
	return pool_spend(m->budget, CROSS_BLOCK * sizeof(uint32_t));
}

/* How long the key of what they share is; 0: nothing. */
static size_t key_of(struct making *m, const uint64_t *row, struct reach reach, uint32_t block)
{
	const uint64_t *any = m->any + (size_t)block * m->words;
	size_t n = 0;

	for (size_t w = reach.lo; w < reach.hi; w++) {
		const uint64_t both = row[w] & any[w];

		if (both) {
			m->key[n++] = w;
			m->key[n++] = both;
		}
	}
	if (n)
		m->key[n++] = block;
	return n * sizeof(*m->key);
}

static bool add_row(struct making *m, const uint64_t *row, uint32_t n_blocks, uint32_t *ret)
{
	const struct reach reach = reach_of(row, m->words);

	for (uint32_t b = 0; b < n_blocks; b++) {
		const size_t bytes = key_of(m, row, reach, b), seen = m->keys.pieces.n;
		uint32_t id = bytes ? POOL_NONE : m->nothing;

		if (id == POOL_NONE)
			id = bank_add(&m->keys, m->kept, m->key, bytes);
		if (id == BANK_NONE || (id == seen && (!pool_spend(m->budget, bytes) || !add_block(m, row, reach, b))))
			return false;
		if (!bytes)
			m->nothing = id;
		ret[b] = id;
	}
	return true;
}

static bool look_at_columns(struct making *m, uint32_t n_blocks)
{
	m->any = calloc((size_t)n_blocks * m->words + 1, sizeof(*m->any));
	m->reaches = calloc(m->columns->n + (size_t)1, sizeof(*m->reaches));
	if (!m->any || !m->reaches)
		return false;
	for (uint32_t c = 0; c < m->columns->n; c++) {
		const uint64_t *set = pool_at(m->columns, c);
		const struct reach r = m->reaches[c] = reach_of(set, m->words);

		for (size_t w = r.lo; w < r.hi; w++)
			m->any[c / CROSS_BLOCK * m->words + w] |= set[w];
	}
	return true;
}

static bool make(struct making *m, struct cross *ret, struct arena *a)
{
	const uint32_t n_blocks = (m->columns->n + CROSS_BLOCK - 1) / CROSS_BLOCK;

	if (!pool_spend(m->budget, (size_t)n_blocks * m->rows->n * sizeof(uint32_t)))
		return false;
	m->key = calloc(2 * m->words + 1, sizeof(*m->key));
	m->kept = arena_new();
	m->shared = calloc(m->words + 1, sizeof(*m->shared));
	ret->per_row = n_blocks;
	ret->blocks = arena_array(a, (size_t)n_blocks * m->rows->n, uint32_t);
	if (!m->key || !m->kept || !m->shared || !ret->blocks || !look_at_columns(m, n_blocks))
		return false;
	m->empty = m->cell(m->ctx, m->shared);
	for (uint32_t r = 0; r < m->rows->n; r++)
		if (!add_row(m, pool_at(m->rows, r), n_blocks, ret->blocks + (size_t)r * n_blocks))
			return false;
	ret->cells = arena_memdup(a, m->cells.at, m->cells.n * sizeof(*m->cells.at));
	return ret->cells != NULL;
}

bool cross_build(struct cross *ret, const struct pool *rows, const struct pool *columns, cross_cell cell, void *ctx,
		 struct arena *a)
{
	struct making m = { .rows = rows, .columns = columns, .cell = cell, .ctx = ctx, .words = rows->words,
			    .nothing = POOL_NONE, .budget = rows->budget };
	const bool ok = make(&m, ret, a);

	bank_fini(&m.keys);
	arena_free(m.kept);
	VEC_FREE(&m.cells);
	free(m.any);
	free(m.reaches);
	free(m.key);
	free(m.shared);
	return ok;
}
