/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_model_find: sets and chains of a frozen model by name: big tables have thousands. */
#include "kern/table_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static const char *set_name(const struct table *t, uint32_t i) { return t->sets.at[i].name; }
static const char *chain_name(const struct table *t, uint32_t i) { return t->chains.at[i].name; }

static int compare_sets(const void *a, const void *b, void *t)
{
	return strcmp(set_name(t, *(const uint32_t *)a), set_name(t, *(const uint32_t *)b));
}

static int compare_chains(const void *a, const void *b, void *t)
{
	return strcmp(chain_name(t, *(const uint32_t *)a), chain_name(t, *(const uint32_t *)b));
}

static uint32_t *order(struct table *t, size_t n, int (*compare)(const void *, const void *, void *))
{
	uint32_t *all = arena_array(t->arena, n + 1, uint32_t);

	for (size_t i = 0; all && i < n; i++)
		all[i] = (uint32_t)i;
	if (all)
		qsort_r(all, n, sizeof(*all), compare, t);
	return all;
}

void table_model_index(struct table *t)
{
	t->sets_by_name = order(t, t->sets.n, compare_sets);
	t->chains_by_name = order(t, t->chains.n, compare_chains);
}

static size_t find(const struct table *t, const uint32_t *all, size_t n, const char *(*name_of)(const struct table *, uint32_t),
		   const char *name)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		const size_t mid = (lo + hi) / 2;
		const int c = strcmp(name, name_of(t, all[mid]));

		if (!c)
			return all[mid];
		if (c > 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return SIZE_MAX;
}

const struct table_set *table_model_find_set(const struct table *t, const char *name)
{
	const size_t i = find(t, t->sets_by_name, t->sets.n, set_name, name);

	return i == SIZE_MAX ? NULL : &t->sets.at[i];
}

const struct table_chain *table_model_find_chain(const struct table *t, const char *name)
{
	const size_t i = find(t, t->chains_by_name, t->chains.n, chain_name, name);

	return i == SIZE_MAX ? NULL : &t->chains.at[i];
}
