/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"

#include <string.h>

#include "unit/suite.h"

START_TEST(grows_and_stays_terminated)
{
	struct buf b;

	buf_init(&b);
	ck_assert_str_eq(buf_cstr(&b), "");
	for (int i = 0; i < 1000; i++) {
		buf_printf(&b, "%d,", i % 10);
		ck_assert_uint_eq(strlen(buf_cstr(&b)), b.len);
	}
	ck_assert_uint_eq(b.len, 2000);
	buf_reset(&b);
	ck_assert_str_eq(buf_cstr(&b), "");
	buf_add(&b, "a\0b", 3);
	ck_assert_mem_eq(b.data, "a\0b", 4);
	buf_fini(&b);
}
END_TEST

START_TEST(fails_for_good_over_its_limit)
{
	struct buf b;

	buf_init(&b);
	b.max = 8;
	buf_str(&b, "12345678");
	ck_assert(!b.failed);
	buf_char(&b, '9');
	ck_assert(b.failed);
	ck_assert_str_eq(buf_cstr(&b), "12345678");
	buf_reset(&b);
	buf_printf(&b, "%s", "123456789");
	ck_assert(b.failed);
	ck_assert_str_eq(buf_cstr(&b), "");
	ck_assert_ptr_null(buf_take(&b, NULL));
	buf_fini(&b);
}
END_TEST

START_TEST(hands_its_bytes_on)
{
	struct buf b;
	size_t len = 9;
	char *s;

	buf_init(&b);
	s = buf_take(&b, &len);
	ck_assert_str_eq(s, "");
	ck_assert_uint_eq(len, 0);
	free(s);
	buf_str(&b, "ring");
	s = buf_take(&b, &len);
	ck_assert_str_eq(s, "ring");
	ck_assert_uint_eq(len, 4);
	ck_assert_uint_eq(b.len, 0);
	free(s);
	buf_fini(&b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("buf");

	tcase_add_test(tc, grows_and_stays_terminated);
	tcase_add_test(tc, fails_for_good_over_its_limit);
	tcase_add_test(tc, hands_its_bytes_on);
	return suite_run(tc);
}
