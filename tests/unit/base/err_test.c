/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "unit/suite.h"

START_TEST(sets_and_tells_its_place)
{
	struct loc loc = { err_intern("web.yaml"), 14, 7 };
	struct err e = { 0 };
	char text[400];

	ck_assert_int_eq(err_set(&e, ERANGE, loc, "port %d is above 65535", 70000), -1);
	ck_assert_int_eq(e.code, ERANGE);
	ck_assert_str_eq(err_text(&e, text, sizeof(text)), "web.yaml:14:7: port 70000 is above 65535");
	e.loc.line = 0;
	ck_assert_str_eq(err_text(&e, text, sizeof(text)), "web.yaml: port 70000 is above 65535");
	ck_assert_int_eq(err_plain(&e, EINVAL, "no"), -1);
	ck_assert_str_eq(err_text(&e, text, sizeof(text)), "no");
}
END_TEST

START_TEST(wraps_without_losing_code_or_place)
{
	struct err e = { 0 };

	err_set(&e, ENOENT, (struct loc){ err_intern("a"), 1, 2 }, "nothing there");
	ck_assert_int_eq(err_wrap(&e, "rule '%s'", "x"), -1);
	ck_assert_str_eq(e.msg, "rule 'x': nothing there");
	ck_assert_int_eq(e.code, ENOENT);
	ck_assert_uint_eq(e.loc.line, 1);
}
END_TEST

START_TEST(names_the_system_error)
{
	struct err e = { 0 };

	ck_assert_int_eq(err_sys(&e, ENOENT, "cannot open '%s'", "x"), -1);
	ck_assert_str_eq(e.msg, "cannot open 'x': No such file or directory");
	ck_assert_int_eq(e.code, ENOENT);
}
END_TEST

START_TEST(cuts_between_characters)
{
	struct err e = { 0 };
	char pad[256] = "";

	memset(pad, 'x', 254);
	err_plain(&e, EINVAL, "%s\xc3\xa9", pad);       /* é would need bytes 254 and 255 */
	ck_assert_uint_eq(strlen(e.msg), 254);
	pad[253] = '\0';
	err_plain(&e, EINVAL, "%s\xc3\xa9", pad);
	ck_assert_uint_eq(strlen(e.msg), 255);
}
END_TEST

START_TEST(trims_half_characters_only)
{
	ck_assert_uint_eq(utf8_trim("a\xe2\x82\xac", 4), 4);
	ck_assert_uint_eq(utf8_trim("a\xe2\x82\xac", 3), 1);
	ck_assert_uint_eq(utf8_trim("a\xe2\x82\xac", 2), 1);
	ck_assert_uint_eq(utf8_trim("a\xf0\x9f\x94\x92", 4), 1);
	ck_assert_uint_eq(utf8_trim("a", 1), 1);
	ck_assert_uint_eq(utf8_trim("", 0), 0);
}
END_TEST

START_TEST(knows_what_is_no_utf8)
{
	static const char *const bad[] = { "\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
					   "\xf8\x88\x80\x80", "\xff" };
	uint32_t cp = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_uint_eq(utf8_next(bad[i], strlen(bad[i]), NULL), 0);
	ck_assert_uint_eq(utf8_next("\xf0\x9f\x94\x92", 4, &cp), 4);
	ck_assert_uint_eq(cp, 0x1f512);
	ck_assert_uint_eq(utf8_next("", 0, NULL), 0);
}
END_TEST

static void *intern_many(void *arg)
{
	const char **ret = arg;
	char name[16];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		ret[i] = err_intern(name);
	}
	return NULL;
}

START_TEST(interns_the_same_name_once_from_all_threads)
{
	static const char *got[4][1000];
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, intern_many, got[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 1000; i++) {
		ck_assert_ptr_eq(got[0][i], got[1][i]);
		ck_assert_ptr_eq(got[0][i], got[3][i]);
	}
	ck_assert_str_eq(got[2][999], "file-999");
	ck_assert_ptr_null(err_intern(NULL));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("err");

	tcase_add_test(tc, sets_and_tells_its_place);
	tcase_add_test(tc, wraps_without_losing_code_or_place);
	tcase_add_test(tc, names_the_system_error);
	tcase_add_test(tc, cuts_between_characters);
	tcase_add_test(tc, trims_half_characters_only);
	tcase_add_test(tc, knows_what_is_no_utf8);
	tcase_add_test(tc, interns_the_same_name_once_from_all_threads);
	return suite_run(tc);
}
