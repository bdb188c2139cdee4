/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a worker waits: sleeping while there is little, napping while there is much, and the way between the two. */
#include "run/worker_pace.h"

#include "base/now.h"
#include "unit/suite.h"

/* One batch every every_us for a while; returns the last answer. */
static int64_t feed(struct worker_pace *p, int64_t *now, unsigned batch, unsigned every_us, unsigned ms)
{
	int64_t nap = -1;

	for (unsigned us = 0; us < ms * 1000; us += every_us) {
		*now += every_us * INT64_C(1000);
		nap = worker_pace_next(p, batch, *now);
	}
	return nap;
}

START_TEST(few_packets_are_waited_for)
{
	struct worker_pace p = { 0 };
	int64_t now = 5 * NOW_NS_PER_S;

	ck_assert_int_eq(worker_pace_next(&p, 1, now), 0);
	ck_assert_int_eq(feed(&p, &now, 1, 50, 100), 0);        /* 20,000 a second, one by one */
	ck_assert_int_eq(feed(&p, &now, 32, 1600, 100), 0);     /* and in bursts */
}
END_TEST

START_TEST(many_are_napped_over)
{
	struct worker_pace p = { 0 };
	int64_t now = 5 * NOW_NS_PER_S;

	ck_assert_int_eq(feed(&p, &now, 1, 25, 50), WORKER_NAP_MAX_US * 1000);          /* 40,000 */
	ck_assert_int_eq(feed(&p, &now, 64, 320, 50), 320 * 1000);                      /* 200,000: a batch takes so long */
	ck_assert_int_eq(feed(&p, &now, 128, 64, 50), WORKER_NAP_MIN_US * 1000);        /* 2,000,000 */
}
END_TEST

START_TEST(naps_end_later_than_they_begin)
{
	struct worker_pace p = { 0 };
	int64_t now = 5 * NOW_NS_PER_S;

	ck_assert_int_eq(feed(&p, &now, 1, 36, 50), 0);         /* 27,800: not yet */
	ck_assert_int_gt(feed(&p, &now, 1, 25, 50), 0);
	ck_assert_int_gt(feed(&p, &now, 1, 36, 50), 0);         /* 27,800: still */
	ck_assert_int_eq(feed(&p, &now, 1, 48, 50), 0);         /* 20,800: 20,000 with what was late of it */
	ck_assert_int_gt(feed(&p, &now, 1, 25, 50), 0);
	ck_assert_int_eq(feed(&p, &now, 0, 400, 9), 0);         /* silence is noticed within two windows */
}
END_TEST

/* What was silent for long is slow at first, whatever comes at once. */
START_TEST(a_burst_after_silence)
{
	struct worker_pace p = { 0 };
	int64_t now = 5 * NOW_NS_PER_S;

	ck_assert_int_eq(feed(&p, &now, 1, 1000, 20), 0);
	now += 10 * NOW_NS_PER_S;
	ck_assert_int_eq(worker_pace_next(&p, 127, now), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("pace");

	tcase_add_test(tc, few_packets_are_waited_for);
	tcase_add_test(tc, many_are_napped_over);
	tcase_add_test(tc, naps_end_later_than_they_begin);
	tcase_add_test(tc, a_burst_after_silence);
	return suite_run(tc);
}
