/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/pool.h"

#include <stdlib.h>
#include <string.h>

bool pool_spend(struct pool_budget *b, size_t bytes)
{
	if (bytes > b->max - b->used)
		return false;
	b->used += bytes;
	return true;
}

void pool_init(struct pool *p, size_t words, struct pool_budget *budget)
{
	*p = (struct pool){ .words = words, .budget = budget };
}

void pool_fini(struct pool *p)
{
	if (p->budget)
		p->budget->used -= p->cap * p->words * sizeof(*p->rows) + p->n_slots * sizeof(*p->slots);
	free(p->rows);
	free(p->slots);
	*p = (struct pool){ 0 };
}

/* Four lanes, since a multiplication has to wait for the one before it. */
static uint64_t hash(const uint64_t *row, size_t words)
{
	uint64_t h[4] = { words, 1, 2, 3 };

	for (size_t i = 0; i < words; i++) {
		h[i % 4] = (h[i % 4] ^ row[i]) * UINT64_C(0x9e3779b97f4a7c15);
		h[i % 4] ^= h[i % 4] >> 29;
	}
	for (unsigned i = 1; i < 4; i++)
		h[0] = (h[0] ^ h[i]) * UINT64_C(0xff51afd7ed558ccd) ^ h[0] >> 31;
	return h[0] ^ h[0] >> 32;
}

static bool grow_rows(struct pool *p)
{
	size_t cap = p->cap ? p->cap * 2 : 16, more = (cap - p->cap) * p->words * sizeof(*p->rows);
	uint64_t *rows;

	if (!pool_spend(p->budget, more))
		return false;
	rows = realloc(p->rows, cap * p->words * sizeof(*rows) + 1);
	if (!rows) {
		p->budget->used -= more;
		return false;
	}
	p->rows = rows;
	p->cap = cap;
	return true;
}

static bool grow_slots(struct pool *p)
{
	size_t n = p->n_slots ? p->n_slots * 2 : 32, more = (n - p->n_slots) * sizeof(*p->slots);
	uint32_t *slots;

	if (!pool_spend(p->budget, more))
		return false;
	slots = calloc(n, sizeof(*slots));
	if (!slots) {
		p->budget->used -= more;
		return false;
	}
	for (uint32_t i = 0; i < p->n; i++) {
		size_t at = hash(pool_at(p, i), p->words) & (n - 1);

		while (slots[at])
			at = (at + 1) & (n - 1);
		slots[at] = i + 1;
	}
	free(p->slots);
	p->slots = slots;
	p->n_slots = n;
	return true;
}

uint32_t pool_add(struct pool *p, const uint64_t *row)
{
	size_t at;

	if (p->n * 2 >= p->n_slots && !grow_slots(p))
		return POOL_NONE;
	at = hash(row, p->words) & (p->n_slots - 1);
	for (; p->slots[at]; at = (at + 1) & (p->n_slots - 1))
		if (memcmp(pool_at(p, p->slots[at] - 1), row, p->words * sizeof(*row)) == 0)
			return p->slots[at] - 1;
	if (p->n == p->cap && !grow_rows(p))
		return POOL_NONE;
	memcpy(p->rows + (size_t)p->n * p->words, row, p->words * sizeof(*row));
	p->slots[at] = p->n + 1;
	return p->n++;
}

uint32_t pool_find(const struct pool *p, const uint64_t *row)
{
	if (!p->n_slots)
		return POOL_NONE;
	for (size_t at = hash(row, p->words) & (p->n_slots - 1); p->slots[at]; at = (at + 1) & (p->n_slots - 1))
		if (memcmp(pool_at(p, p->slots[at] - 1), row, p->words * sizeof(*row)) == 0)
			return p->slots[at] - 1;
	return POOL_NONE;
}
