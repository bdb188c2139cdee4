/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/uses.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static struct uses *u;
static char said[4096];

static void say(void *arg, const struct uses_rule *r, uint64_t grown)
{
	const size_t n = strlen(said);

	(void)arg;
	snprintf(said + n, sizeof(said) - n, "%s %llu;", r->id, (unsigned long long)grown);
}

static const char *told(void)
{
	said[0] = '\0';
	uses_tell(u, say, NULL);
	return said;
}

static void setup(void)
{
	u = uses_new();
}

static void teardown(void)
{
	uses_free(u);
}

START_TEST(growth_is_told_once)
{
	uses_take(u, "video", 3, 0);
	uses_take(u, "clock", 0, 0);
	uses_take(u, "ping", 1, 0);
	ck_assert_str_eq(told(), "ping 1;video 3;");
	ck_assert_str_eq(told(), "");
	uses_take(u, "video", 10, 0);
	uses_take(u, "video", 12, 0);           /* a reading that was begun again */
	ck_assert_str_eq(told(), "video 9;");
	ck_assert_uint_eq(uses_count(u), 3);
	ck_assert_str_eq(uses_at(u, 0)->id, "clock");
}
END_TEST

/* The counters outlive the daemon; a table that was made anew begins at 0. */
START_TEST(over_restarts)
{
	uses_kept(u, "video", 100);
	uses_kept(u, "ping", 7);
	ck_assert_str_eq(told(), "");
	uses_take(u, "video", 104, 0);
	uses_take(u, "ping", 7, 0);
	ck_assert_str_eq(told(), "video 4;");
	uses_take(u, "video", 2, 0);
	uses_take(u, "ping", 0, 0);
	ck_assert_str_eq(told(), "video 2;");
}
END_TEST

START_TEST(many)
{
	char id[16];

	for (unsigned i = 0; i < 3000; i++) {
		snprintf(id, sizeof(id), "r%u", i * 7919 % 3000);
		uses_take(u, id, i, 0);
	}
	ck_assert_uint_eq(uses_count(u), 3000);
	for (size_t i = 1; i < 3000; i++)
		ck_assert_int_lt(strcmp(uses_at(u, i - 1)->id, uses_at(u, i)->id), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("uses");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, growth_is_told_once);
	tcase_add_test(tc, over_restarts);
	tcase_add_test(tc, many);
	return suite_run(tc);
}
