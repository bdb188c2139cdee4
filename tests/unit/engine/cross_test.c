/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pools, spans and cross tables against doing it cell by cell. */
#include "unit/suite.h"

#include <string.h>

#include "engine/cross.h"
#include "engine/span.h"

enum { WORDS = 3 };

static struct pool_budget budget;
static uint64_t seed = 1;

static uint32_t below(uint32_t limit)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((seed >> 33) % limit);
}

static void setup(void)
{
	budget = (struct pool_budget){ .max = 1 << 24 };
}

static void random_row(uint64_t *row, unsigned bits)
{
	memset(row, 0, WORDS * sizeof(*row));
	for (unsigned i = 0; i < bits; i++)
		pool_set(row, below(WORDS * 64));
}

START_TEST(pool_numbers_rows)
{
	uint64_t row[WORDS];
	struct pool p;

	pool_init(&p, WORDS, &budget);
	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 1000; i++) {
			memset(row, 0, sizeof(row));
			row[0] = i * UINT64_C(0x100000001);
			row[2] = i % 7;
			ck_assert_uint_eq(pool_add(&p, row), i);
		}
	}
	ck_assert_uint_eq(p.n, 1000);
	ck_assert_uint_eq(pool_at(&p, 500)[2], 500 % 7);
	ck_assert_uint_gt(budget.used, 1000 * sizeof(row));
	pool_fini(&p);
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

START_TEST(pool_keeps_the_budget)
{
	uint64_t row[WORDS] = { 0 };
	struct pool p;

	budget.max = 4000;
	pool_init(&p, WORDS, &budget);
	while (pool_add(&p, row) != POOL_NONE)
		row[1]++;
	ck_assert_uint_gt(p.n, 10);
	ck_assert_uint_le(budget.used, 4000);
	row[1] = 3;
	ck_assert_uint_eq(pool_add(&p, row), 3);
	pool_fini(&p);
}
END_TEST

START_TEST(spans)
{
	static const struct span some[] = { { 0, 0, 1 }, { 10, 20, 2 }, { 15, 30, 2 }, { 20, 20, 3 }, { 65535, 65535, 4 }, { 0, 65535, 5 } };
	const uint64_t base[WORDS] = { 1 };
	uint32_t *table = malloc(65536 * sizeof(*table));
	struct pool classes;

	pool_init(&classes, WORDS, &budget);
	ck_assert(span_classes(some, sizeof(some) / sizeof(*some), base, &classes, table, 65536));
	for (uint32_t v = 0; v < 65536; v++) {
		uint64_t want[WORDS] = { 1 };

		for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++)
			if (some[i].lo <= v && v <= some[i].hi)
				pool_set(want, some[i].entry);
		ck_assert_mem_eq(pool_at(&classes, table[v]), want, sizeof(want));
	}
	ck_assert_uint_eq(classes.n, 5);
	pool_fini(&classes);
	free(table);
}
END_TEST

static uint32_t number(void *ctx, const uint64_t *shared)
{
	return pool_add(ctx, shared);
}

START_TEST(cells_agree)
{
	struct pool rows, columns, cells;
	struct arena *a = arena_new();
	uint64_t row[WORDS];
	struct cross c;

	seed = (uint64_t)_i;
	pool_init(&rows, WORDS, &budget);
	pool_init(&columns, WORDS, &budget);
	pool_init(&cells, WORDS, &budget);
	for (unsigned i = 0; i < 1U + 40U * (unsigned)_i; i++) {
		random_row(row, 6);
		pool_add(&rows, row);
		random_row(row, 9);
		pool_add(&columns, row);
	}
	ck_assert(cross_build(&c, &rows, &columns, number, &cells, a));
	for (uint32_t r = 0; r < rows.n; r++) {
		for (uint32_t k = 0; k < columns.n; k++) {
			for (unsigned w = 0; w < WORDS; w++)
				row[w] = pool_at(&rows, r)[w] & pool_at(&columns, k)[w];
			ck_assert_mem_eq(pool_at(&cells, cross_get(&c, r, k)), row, sizeof(row));
		}
	}
	pool_fini(&rows);
	pool_fini(&columns);
	pool_fini(&cells);
	arena_free(a);
}
END_TEST

START_TEST(cells_keep_the_budget)
{
	struct pool rows, columns, cells;
	struct arena *a = arena_new();
	uint64_t row[WORDS];
	struct cross c;

	budget.max = 200000;
	pool_init(&rows, WORDS, &budget);
	pool_init(&columns, WORDS, &budget);
	pool_init(&cells, WORDS, &budget);
	for (unsigned i = 0; i < 500; i++) {
		random_row(row, 20);
		pool_add(&rows, row);
		random_row(row, 20);
		pool_add(&columns, row);
	}
	ck_assert(!cross_build(&c, &rows, &columns, number, &cells, a));
	pool_fini(&rows);
	pool_fini(&columns);
	pool_fini(&cells);
	arena_free(a);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("cross");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, pool_numbers_rows);
	tcase_add_test(tc, pool_keeps_the_budget);
	tcase_add_test(tc, spans);
	tcase_add_loop_test(tc, cells_agree, 0, 5);
	tcase_add_test(tc, cells_keep_the_budget);
	return suite_run(tc);
}
