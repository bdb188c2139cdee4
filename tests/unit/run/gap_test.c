/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nobody tells of the drops before a start, while packets go on coming: never more than it was, and exactly that in the end. */
#include "run/gap.h"

#include "unit/suite.h"

enum { GAP = 700, RATE = 5000 };

static struct gap g;

static void begin(void)
{
	g = (struct gap){ 0 };
}

/* A turn while `rate` packets a second are dropped, 3 ms between the readings; `late` are judged by workers until the page is told. */
static void turned(uint64_t at_s, uint64_t rate, uint64_t late)
{
	const uint64_t before = GAP + at_s * rate, page = 10 * rate + rate / 1000, told = (at_s - 10) * rate;
	const struct gap_turn t = {
		.drops_before = before, .drops_after = before + rate * 3 / 1000, .accounted_before = told,
	};

	gap_look(&g, &t, page, told + page + late);
}

START_TEST(nothing_was_looked_at)
{
	ck_assert(!gap_is_exact(&g));
	ck_assert_uint_eq(gap_certain(&g), 0);
}
END_TEST

START_TEST(a_flood_leaves_bounds)
{
	for (uint64_t s = 10; s < 100; s += 10)
		turned(s, RATE, s % 20);
	ck_assert(!gap_is_exact(&g));
	ck_assert_uint_eq(gap_certain(&g), GAP - RATE / 1000);
	ck_assert_int_eq(g.most, GAP + RATE * 2 / 1000);
}
END_TEST

START_TEST(one_quiet_moment_is_enough)
{
	turned(10, RATE, 0);
	turned(20, 100, 1);
	ck_assert(!gap_is_exact(&g));
	turned(30, 100, 0);
	ck_assert(gap_is_exact(&g));
	ck_assert_uint_eq(gap_certain(&g), GAP);
}
END_TEST

/* More is told than was dropped: what a queue lost after its verdict was counted by a worker. */
START_TEST(there_is_no_gap_below_nothing)
{
	const struct gap_turn t = { .drops_before = 100, .drops_after = 100, .accounted_before = 110 };

	gap_look(&g, &t, 0, 110);
	ck_assert(gap_is_exact(&g));
	ck_assert_uint_eq(gap_certain(&g), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("gap");

	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_add_test(tc, nothing_was_looked_at);
	tcase_add_test(tc, a_flood_leaves_bounds);
	tcase_add_test(tc, one_quiet_moment_is_enough);
	tcase_add_test(tc, there_is_no_gap_below_nothing);
	return suite_run(tc);
}
