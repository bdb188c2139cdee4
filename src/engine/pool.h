/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pool: equal rows of 64-bit words become one: what was seen before has its number already.  Numbers count from 0 in the order
 * of arrival.  For building: one owner, one thread; rows stay where they are found only until the next pool_add. */
#ifndef ENGINE_POOL_H
#define ENGINE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_NONE UINT32_MAX

/* Bytes that all tables of one program may take while it is built. */
struct pool_budget {
	size_t used, max;
};

bool pool_spend(struct pool_budget *b, size_t bytes);   /* false: it is too much */

struct pool {
	uint64_t *rows;
	uint32_t *slots;        /* open addressing, number + 1 */
	size_t words, cap, n_slots;
	uint32_t n;
	struct pool_budget *budget;
};

void pool_init(struct pool *p, size_t words, struct pool_budget *budget);
void pool_fini(struct pool *p);
uint32_t pool_add(struct pool *p, const uint64_t *row);         /* POOL_NONE: memory or budget ran out */
uint32_t pool_find(const struct pool *p, const uint64_t *row);  /* POOL_NONE: it is not there */

static inline const uint64_t *pool_at(const struct pool *p, uint32_t i)
{
	return p->rows + (size_t)i * p->words;
}

/* Rows as sets. */
static inline void pool_set(uint64_t *row, size_t bit) { row[bit / 64] |= UINT64_C(1) << (bit % 64); }
static inline void pool_clear(uint64_t *row, size_t bit) { row[bit / 64] &= ~(UINT64_C(1) << (bit % 64)); }
static inline bool pool_has(const uint64_t *row, size_t bit) { return row[bit / 64] >> (bit % 64) & 1; }

#endif
