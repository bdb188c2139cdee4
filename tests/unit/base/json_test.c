/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

#include <math.h>

#include "base/buf.h"
#include "unit/suite.h"

START_TEST(nests_with_commas_where_they_belong)
{
	struct buf b;
	struct json j;

	buf_init(&b);
	json_init(&j, &b);
	json_object(&j, NULL);
	json_str(&j, "a", "x");
	json_str(&j, "left out", NULL);
	json_array(&j, "list");
	json_u64(&j, NULL, UINT64_MAX);
	json_i64(&j, NULL, INT64_MIN);
	json_object(&j, NULL);
	json_end(&j);
	json_array(&j, NULL);
	json_end_array(&j);
	json_end_array(&j);
	json_bool(&j, "yes", true);
	json_null(&j, "none");
	json_raw(&j, "raw", "[1]");
	json_end(&j);
	ck_assert_str_eq(buf_cstr(&b), "{\"a\":\"x\",\"list\":[18446744073709551615,-9223372036854775808,{},[]],"
				       "\"yes\":true,\"none\":null,\"raw\":[1]}");
	ck_assert(!b.failed);
	buf_fini(&b);
}
END_TEST

static void expect_string(const char *in, size_t n, const char *want)
{
	struct buf b;
	struct json j;

	buf_init(&b);
	json_init(&j, &b);
	json_strn(&j, NULL, in, n);
	ck_assert_str_eq(buf_cstr(&b), want);
	buf_fini(&b);
}

START_TEST(escapes_and_mends_strings)
{
	expect_string("a\"b\\c/\n\t\r\b\f\x01\x7f", 13, "\"a\\\"b\\\\c/\\n\\t\\r\\b\\f\\u0001\\u007f\"");
	expect_string("\0x", 2, "\"\\u0000x\"");
	expect_string("\xc3\xa9\xe2\x82\xac", 5, "\"\xc3\xa9\xe2\x82\xac\"");
	expect_string("a\xff\xc3", 3, "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
	expect_string("\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	expect_string("", 0, "\"\"");
}
END_TEST

START_TEST(writes_doubles_that_read_back)
{
	static const struct { double in; const char *want; } cases[] = {
		{ 0.1, "0.1" }, { 1e300, "1e+300" }, { 3, "3" }, { NAN, "null" }, { INFINITY, "null" },
		{ 1.0 / 3, "0.33333333333333331" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf b;
		struct json j;

		buf_init(&b);
		json_init(&j, &b);
		json_double(&j, NULL, cases[i].in);
		ck_assert_str_eq(buf_cstr(&b), cases[i].want);
		buf_fini(&b);
	}
}
END_TEST

START_TEST(fails_beyond_its_depth)
{
	struct buf b;
	struct json j;

	buf_init(&b);
	json_init(&j, &b);
	for (int i = 0; i < 32; i++)
		json_array(&j, NULL);
	ck_assert(!b.failed);
	json_array(&j, NULL);
	ck_assert(b.failed);
	buf_reset(&b);
	json_init(&j, &b);
	json_end(&j);
	ck_assert(b.failed);
	buf_fini(&b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("json");

	tcase_add_test(tc, nests_with_commas_where_they_belong);
	tcase_add_test(tc, escapes_and_mends_strings);
	tcase_add_test(tc, writes_doubles_that_read_back);
	tcase_add_test(tc, fails_beyond_its_depth);
	return suite_run(tc);
}
