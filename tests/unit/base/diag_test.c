/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/diag.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "unit/suite.h"

static struct loc at(const char *file, unsigned line, unsigned col)
{
	return (struct loc){ err_intern(file), line, col };
}

static void expect_text(const struct diag *d, bool colour, const char *want)
{
	struct buf b;

	buf_init(&b);
	diag_text(d, colour, &b);
	ck_assert_str_eq(buf_cstr(&b), want);
	buf_fini(&b);
}

START_TEST(points_at_the_character)
{
	static const char text[] = "version: 1\n  - \xc3\xa9t\xc3\xa9: prot\n\tport:\tx\r\nlast";
	struct diag *d = diag_new();

	diag_source(d, "web.yaml", text, strlen(text));
	diag_add(d, DIAG_ERROR, at("web.yaml", 2, 10), "unknown word '%s'", "prot");
	diag_add(d, DIAG_WARNING, at("web.yaml", 3, 8), "x is odd");
	diag_add(d, DIAG_NOTE, at("web.yaml", 4, 5), "at the end");
	expect_text(d, false, "web.yaml:2:10: error: unknown word 'prot'\n"
			      "    - \xc3\xa9t\xc3\xa9: prot\n"
			      "           ^\n"
			      "web.yaml:3:8: warning: x is odd\n"
			      "  \tport:\tx\n"
			      "  \t     \t^\n"
			      "web.yaml:4:5: note: at the end\n"
			      "  last\n"
			      "      ^\n");
	ck_assert_uint_eq(diag_errors(d), 1);
	ck_assert_uint_eq(diag_warnings(d), 1);
	diag_free(d);
	diag_free(NULL);
}
END_TEST

START_TEST(shows_the_second_place)
{
	static const char text[] = "a: 1\na: 2\n";
	struct diag *d = diag_new();

	diag_source(d, "p", text, strlen(text));
	diag_add2(d, DIAG_ERROR, at("p", 2, 1), at("p", 1, 1), "first defined here", "a is there twice");
	expect_text(d, true, "\33[1mp:2:1: \33[0m\33[1;31merror: \33[0ma is there twice\n  a: 2\n  \33[1;32m^\33[0m\n"
			     "\33[1mp:1:1: \33[0m\33[1;36mnote: \33[0mfirst defined here\n  a: 1\n  \33[1;32m^\33[0m\n");
	diag_free(d);
}
END_TEST

START_TEST(does_without_a_place_or_text)
{
	struct diag *d = diag_new();
	struct err e;

	err_plain(&e, ENOMEM, "out of memory");
	diag_err(d, &e);
	diag_add(d, DIAG_ERROR, at("gone", 3, 1), "no text of it");
	diag_add(d, DIAG_ERROR, at("whole", 0, 0), "a whole file");
	diag_source(d, "short", "x", 1);
	diag_add(d, DIAG_ERROR, at("short", 9, 1), "beyond the end");
	expect_text(d, false, "error: out of memory\ngone:3:1: error: no text of it\n"
			      "whole: error: a whole file\nshort:9:1: error: beyond the end\n");
	diag_free(d);
}
END_TEST

START_TEST(lets_no_control_character_through)
{
	struct diag *d = diag_new();

	diag_source(d, "p", "a\33[2Jb\xff\xc2\x9b", 9);
	diag_add(d, DIAG_ERROR, at("p", 1, 6), "name '%s'", "x\33]0;owned\a\n");
	expect_text(d, false, "p:1:6: error: name 'x?]0;owned?\?'\n  a?[2Jb\xef\xbf\xbd?\n       ^\n");
	diag_free(d);
}
END_TEST

START_TEST(shows_a_window_of_a_long_line)
{
	char text[1000], *caret, *line;
	struct diag *d = diag_new();
	struct buf b;

	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 40; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);         /* 20 characters in 40 bytes */
	text[519] = 'H';
	diag_source(d, "p", text, sizeof(text));
	diag_add(d, DIAG_ERROR, at("p", 1, 500), "here");
	buf_init(&b);
	diag_text(d, false, &b);
	line = strchr(b.data, '\n') + 1;
	caret = strchr(line, '\n') + 1;
	ck_assert_str_eq(strchr(caret, '^'), "^\n");
	/* the ellipsis is three bytes and one column */
	ck_assert_int_eq(line[strchr(caret, '^') - caret + 2], 'H');
	ck_assert_uint_lt(b.len, 300);
	buf_fini(&b);
	diag_free(d);
}
END_TEST

START_TEST(keeps_errors_before_warnings_at_the_limit)
{
	struct diag *d = diag_new();
	enum diag_level level;
	const char *msg;
	struct loc loc;
	struct buf b;

	for (int i = 0; i < 60; i++)
		diag_add(d, DIAG_WARNING, LOC_NONE, "warning %d", i);
	diag_add(d, DIAG_ERROR, LOC_NONE, "the error");
	ck_assert_uint_eq(diag_warnings(d), 60);
	ck_assert_uint_eq(diag_errors(d), 1);
	ck_assert(diag_get(d, 49, &level, &loc, &msg));
	ck_assert_str_eq(msg, "the error");
	ck_assert(diag_get(d, 48, &level, &loc, &msg));
	ck_assert_str_eq(msg, "warning 48");
	ck_assert(!diag_get(d, 50, &level, &loc, &msg));
	for (int i = 0; i < 60; i++)
		diag_add(d, DIAG_ERROR, LOC_NONE, "error %d", i);
	ck_assert(diag_get(d, 0, &level, &loc, &msg));
	ck_assert_str_eq(msg, "the error");
	ck_assert(diag_get(d, 49, &level, &loc, &msg));
	ck_assert_str_eq(msg, "error 48");
	buf_init(&b);
	diag_text(d, false, &b);
	ck_assert_ptr_nonnull(strstr(b.data, "error: error 48\n… and 71 more\n"));
	buf_fini(&b);
	diag_free(d);
}
END_TEST

START_TEST(speaks_json)
{
	struct diag *d = diag_new();
	struct buf b;

	diag_add2(d, DIAG_ERROR, at("p", 2, 1), at("q", 1, 3), "first defined here", "a \"twice\"");
	diag_add(d, DIAG_WARNING, LOC_NONE, "nowhere");
	buf_init(&b);
	diag_json(d, &b);
	ck_assert_str_eq(buf_cstr(&b),
			 "[{\"level\":\"error\",\"file\":\"p\",\"line\":2,\"column\":1,\"message\":\"a \\\"twice\\\"\","
			 "\"related\":{\"file\":\"q\",\"line\":1,\"column\":3,\"message\":\"first defined here\"}},"
			 "{\"level\":\"warning\",\"message\":\"nowhere\"}]");
	for (int i = 0; i < 50; i++)
		diag_add(d, DIAG_WARNING, LOC_NONE, "more");
	buf_reset(&b);
	diag_json(d, &b);
	ck_assert_ptr_nonnull(strstr(b.data, "\"omitted\":2}]"));
	buf_fini(&b);
	diag_free(d);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("diag");

	tcase_add_test(tc, points_at_the_character);
	tcase_add_test(tc, shows_the_second_place);
	tcase_add_test(tc, does_without_a_place_or_text);
	tcase_add_test(tc, lets_no_control_character_through);
	tcase_add_test(tc, shows_a_window_of_a_long_line);
	tcase_add_test(tc, keeps_errors_before_warnings_at_the_limit);
	tcase_add_test(tc, speaks_json);
	return suite_run(tc);
}
