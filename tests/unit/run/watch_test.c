/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long a table may have stood open: the last moment at which nf_tables' counter was below the change's. */
#include "run/watch_part.h"

#include "unit/suite.h"

static struct watch w;

static void sampled(int64_t at_ns, uint32_t genid)
{
	w.samples[w.n_samples++ % WATCH_SAMPLES] = (struct watch_sample){ at_ns, genid };
}

static void begin(void)
{
	w = (struct watch){ .ticks = 0 };
}

START_TEST(nothing_is_known)
{
	ck_assert_int_eq(watch_before(&w, 5), 0);
	sampled(100, 5);                /* seen too late */
	sampled(120, 7);
	ck_assert_int_eq(watch_before(&w, 5), 0);
	ck_assert_int_eq(watch_before(&w, 0), 0);
}
END_TEST

START_TEST(the_last_moment_before)
{
	sampled(100, 4);
	sampled(120, 4);
	sampled(140, 5);                /* the tick came before the notification was read */
	sampled(160, 6);
	ck_assert_int_eq(watch_before(&w, 5), 120);
	ck_assert_int_eq(watch_before(&w, 6), 140);
	ck_assert_int_eq(watch_before(&w, 4), 0);
}
END_TEST

START_TEST(old_samples_make_room)
{
	for (unsigned i = 0; i < 3 * WATCH_SAMPLES; i++)
		sampled(1000 + i, 10 + i);
	ck_assert_int_eq(watch_before(&w, 10 + 3 * WATCH_SAMPLES), 1000 + 3 * WATCH_SAMPLES - 1);
	ck_assert_int_eq(watch_before(&w, 10 + 2 * WATCH_SAMPLES + 1), 1000 + 2 * WATCH_SAMPLES);
	ck_assert_int_eq(watch_before(&w, 10 + WATCH_SAMPLES), 0);
}
END_TEST

START_TEST(the_counter_wraps)
{
	sampled(100, UINT32_MAX);
	sampled(120, 0);
	ck_assert_int_eq(watch_before(&w, 1), 120);
	ck_assert_int_eq(watch_before(&w, UINT32_MAX), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("watch");

	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_add_test(tc, nothing_is_known);
	tcase_add_test(tc, the_last_moment_before);
	tcase_add_test(tc, old_samples_make_room);
	tcase_add_test(tc, the_counter_wraps);
	return suite_run(tc);
}
