/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cross: a table over two families of sets; a cell is made from what its row and its column have in common.  Columns go in
 * blocks, blocks in strips, both one cache line long, and those that would be equal are one: most rows differ from the others
 * in very few places.
 * Built once, then frozen; any number of threads may read. */
#ifndef ENGINE_CROSS_H
#define ENGINE_CROSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "engine/pool.h"

enum { CROSS_BITS = 4, CROSS_BLOCK = 1 << CROSS_BITS, CROSS_STRIP = 1 << 2 * CROSS_BITS };     /* columns */

struct cross {
	uint32_t *strips;       /* rows x per_row: where its blocks begin in blocks */
	uint32_t *blocks;       /* CROSS_BLOCK to a strip: where its cells begin in cells */
	uint32_t *cells;        /* CROSS_BLOCK to a block */
	uint32_t per_row;
};

/* What a cell says for the entries that its row and column share; POOL_NONE: memory ran out. */
typedef uint32_t (*cross_cell)(void *ctx, const uint64_t *shared);

/* false: memory or the budget of rows ran out.  The tables are counted against that budget and live in a. */
bool cross_build(struct cross *ret, const struct pool *rows, const struct pool *columns, cross_cell cell, void *ctx,
		 struct arena *a);

/* The three reads of a lookup, any of which may be a cache miss: a strip; what it says of the column stands there in blocks; and
 * that there in cells. */
static inline uint32_t cross_block(const struct cross *c, uint32_t row, uint32_t column)
{
	return c->strips[(size_t)row * c->per_row + column / CROSS_STRIP] + column / CROSS_BLOCK % CROSS_BLOCK;
}

static inline uint32_t cross_cell_of(const struct cross *c, uint32_t block, uint32_t column)
{
	return c->blocks[block] + column % CROSS_BLOCK;
}

static inline uint32_t cross_get(const struct cross *c, uint32_t row, uint32_t column)
{
	return c->cells[cross_cell_of(c, cross_block(c, row, column), column)];
}

#endif
