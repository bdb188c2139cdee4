/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When conntrack's table is told to be full. */
#include "run/tight.h"

#include <string.h>

#include "base/now.h"
#include "unit/suite.h"

#define SECOND NOW_NS_PER_S

static struct tight t;
static struct ct_stats ct;
static struct tight_news news;
static int64_t now_ns;

static void begin(void)
{
	t = (struct tight){ .known = false };
	ct = (struct ct_stats){ .max = 1000, .entries = 10, .drop = 7, .early_drop = 70, .insert_failed = 3 };
	now_ns = 5 * SECOND;
}

static bool look(int seconds)
{
	now_ns += seconds * SECOND;
	memset(&news, 0, sizeof(news));
	return tight_look(&t, &ct, now_ns, &news);
}

static bool filled(uint64_t entries, int seconds)
{
	ct.entries = entries;
	return look(seconds);
}

START_TEST(what_was_before_is_no_news)
{
	ck_assert(!look(0));
	ck_assert(!look(100));
	ct.insert_failed += 5;                  /* two that opened the same flow at once, most often */
	ck_assert(!look(100));
}
END_TEST

/* Two packets of one flow wait for their verdicts; conntrack keeps the first, and counts the other as dropped. */
START_TEST(a_clash_is_no_news)
{
	ck_assert(!look(0));
	ct.drop++;
	ct.insert_failed++;
	ck_assert(!look(1));
	ck_assert(!look(100));
	ck_assert(filled(1000, 1));
	ck_assert_uint_eq(news.dropped, 0);
}
END_TEST

/* Each processor's counter has 32 bits. */
START_TEST(counters_wrap)
{
	ct.drop = UINT32_MAX - 1;
	ct.entries = 1000;
	ck_assert(look(0));
	ct.drop = 3;
	ck_assert(look(60));
	ck_assert_uint_eq(news.dropped, 5);
}
END_TEST

START_TEST(nearly_full_once)
{
	ck_assert(!filled(899, 0));
	ck_assert(filled(900, 1));
	ck_assert(news.near && !news.dropped && !news.evicted);
	ck_assert_str_eq(tight_words(&news), "conntrack's table is nearly full");
	ck_assert(!look(100));
	ck_assert(!filled(800, 100));
	ck_assert(!filled(900, 100));                  /* it was so all the time */
	ck_assert(!filled(799, 1));
	ck_assert(filled(900, 1));
}
END_TEST

START_TEST(full_at_the_start)
{
	ck_assert(filled(1000, 0));
	ck_assert(!look(100));
}
END_TEST

START_TEST(losses_once_a_minute_and_all_of_them)
{
	ck_assert(!look(0));
	ct.early_drop += 4;
	ct.insert_failed += 2;
	ck_assert(look(1));
	ck_assert_uint_eq(news.evicted, 4);
	ck_assert_uint_eq(news.not_inserted, 2);
	ck_assert(strstr(tight_words(&news), "made room"));
	ct.entries = 1000;
	ct.drop += 5;
	ck_assert(!look(30));
	ct.entries = 10;
	ct.drop += 6;
	ct.early_drop++;
	ck_assert(!look(29));
	ck_assert(look(1));
	ck_assert_uint_eq(news.dropped, 11);
	ck_assert_uint_eq(news.evicted, 1);
	ck_assert_uint_eq(news.not_inserted, 0);
	ck_assert(strstr(tight_words(&news), "were lost"));
	ck_assert(!look(100));
}
END_TEST

/* Nearly full while nothing may be told, and not any more when it may. */
START_TEST(what_is_over_is_not_told)
{
	ck_assert(!look(0));
	ct.early_drop++;
	ck_assert(look(1));
	ck_assert(!filled(990, 1));
	ck_assert(!filled(10, 100));
	ck_assert(filled(990, 1));
}
END_TEST

/* No size, no table. */
START_TEST(without_a_size)
{
	ct.max = 0;
	ck_assert(!look(0));
	ck_assert(!filled(100000, 1));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("tight");

	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_add_test(tc, what_was_before_is_no_news);
	tcase_add_test(tc, a_clash_is_no_news);
	tcase_add_test(tc, counters_wrap);
	tcase_add_test(tc, nearly_full_once);
	tcase_add_test(tc, full_at_the_start);
	tcase_add_test(tc, losses_once_a_minute_and_all_of_them);
	tcase_add_test(tc, what_is_over_is_not_told);
	tcase_add_test(tc, without_a_size);
	return suite_run(tc);
}
