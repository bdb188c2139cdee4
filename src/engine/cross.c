/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a row makes of a block depends only on the entries that it shares with any of the block's columns: that set, with the
 * block's number, is the key under which finished blocks are found again.  Where it shares none, all blocks are alike. */
#include "engine/cross.h"

#include <string.h>

#include "base/own.h"
#include "base/vec.h"

struct making {
	const struct pool *rows, *columns;
	cross_cell cell;
	void *ctx;
	size_t words;
	uint64_t *any;          /* per block: the union of its columns */
	uint64_t *none;         /* shares nothing */
	uint64_t *key, *shared; /* scratch */
	struct pool keys;
	uint32_t nothing;       /* the block of a row that shares nothing with it */
	VEC(uint32_t) cells;
};

static bool add_block(struct making *m, const uint64_t *row, uint32_t block)
{
	for (uint32_t i = 0; i < CROSS_BLOCK; i++) {
		const uint32_t column = block * CROSS_BLOCK + i;
		const uint64_t *set = column < m->columns->n ? pool_at(m->columns, column) : m->none;
		uint32_t cell;

		for (size_t w = 0; w < m->words; w++)
			m->shared[w] = row[w] & set[w];
		cell = m->cell(m->ctx, m->shared);
		if (cell == POOL_NONE || !VEC_PUSH(&m->cells, cell))
			return false;
	}
	return pool_spend(m->keys.budget, CROSS_BLOCK * sizeof(uint32_t));
}

static bool add_row(struct making *m, const uint64_t *row, uint32_t n_blocks, uint32_t *ret)
{
	for (uint32_t b = 0; b < n_blocks; b++) {
		const uint64_t *any = m->any + (size_t)b * m->words;
		uint64_t some = 0;
		uint32_t id, seen = m->keys.n;

		for (size_t w = 0; w < m->words; w++) {
			m->key[w] = row[w] & any[w];
			some |= m->key[w];
		}
		m->key[m->words] = some ? b : UINT64_MAX;
		id = some || m->nothing == POOL_NONE ? pool_add(&m->keys, m->key) : m->nothing;
		if (id == POOL_NONE || (id == seen && !add_block(m, row, b)))
			return false;
		if (!some)
			m->nothing = id;
		ret[b] = id;
	}
	return true;
}

static bool make(struct making *m, struct cross *ret, struct arena *a)
{
	const uint32_t n_blocks = (m->columns->n + CROSS_BLOCK - 1) / CROSS_BLOCK;

	if (!pool_spend(m->keys.budget, (size_t)n_blocks * m->rows->n * sizeof(uint32_t)))
		return false;
	m->any = calloc((size_t)n_blocks * m->words + 1, sizeof(*m->any));
	m->key = calloc(m->words + 1, sizeof(*m->key));
	m->shared = calloc(m->words + 1, sizeof(*m->shared));
	m->none = calloc(m->words + 1, sizeof(*m->none));
	ret->per_row = n_blocks;
	ret->blocks = arena_array(a, (size_t)n_blocks * m->rows->n, uint32_t);
	if (!m->any || !m->key || !m->shared || !m->none || !ret->blocks)
		return false;
	for (uint32_t c = 0; c < m->columns->n; c++)
		for (size_t w = 0; w < m->words; w++)
			m->any[c / CROSS_BLOCK * m->words + w] |= pool_at(m->columns, c)[w];
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
			    .nothing = POOL_NONE };
	bool ok;

	pool_init(&m.keys, m.words + 1, rows->budget);
	ok = make(&m, ret, a);
	pool_fini(&m.keys);
	VEC_FREE(&m.cells);
	free(m.any);
	free(m.key);
	free(m.shared);
	free(m.none);
	return ok;
}
