/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/tz.h"

#include <string.h>

#include "base/file.h"
#include "unit/suite.h"

static struct tz_rule rule_of(const char *s)
{
	struct tz_rule r;

	ck_assert_msg(tz_parse_rule(s, strlen(s), &r), "%s", s);
	return r;
}

START_TEST(reads_posix_rules)
{
	struct tz_rule r = rule_of("GMT0BST,M3.5.0/1,M10.5.0");

	ck_assert_int_eq(r.std_offset, 0);
	ck_assert_int_eq(r.dst_offset, 3600);
	ck_assert_int_eq(r.start.month, 3);
	ck_assert_int_eq(r.start.week, 5);
	ck_assert_int_eq(r.start.seconds, 3600);
	ck_assert_int_eq(r.end.seconds, 7200);
	r = rule_of("<-0330>3:30<-0230>,M3.2.0,J305/-1:30");
	ck_assert_int_eq(r.std_offset, -12600);
	ck_assert_int_eq(r.dst_offset, -9000);
	ck_assert_int_eq(r.end.kind, TZ_JULIAN);
	ck_assert_int_eq(r.end.seconds, -5400);
	r = rule_of("XYZ-5");
	ck_assert(!r.has_dst);
	ck_assert_int_eq(r.std_offset, 18000);
}
END_TEST

START_TEST(refuses_broken_rules)
{
	static const char *const bad[] = { "", "GM0", "GMT", "GMT0BST", "GMT0BST,M3.5.0", "GMT0BST,M13.5.0,M10.5.0", "<GMT0",
					   "GMT0BST,M3.6.0,M10.5.0", "GMT0BST,M3.5.7,M10.5.0", "GMT0BST,J0,J365", "GMT168",
					   "GMT0BST,M3.5.0/1,M10.5.0 ", "GMT99999999999999999999", "GMT0BST,366,1", "GMT0:60" };
	struct tz_rule r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(!tz_parse_rule(bad[i], strlen(bad[i]), &r), "%s", bad[i]);
}
END_TEST

/* The same moment by each kind of day: 1 March, day 60 without 29 February, day 59 from zero. */
START_TEST(counts_days_as_posix_does)
{
	struct tz tz = { .has_rule = true };
	int64_t march = tz_days(2027, 3, 1) * 86400, leap_march = tz_days(2028, 3, 1) * 86400;

	tz.rule = rule_of("AAA0BBB,J60/0,J300/0");
	ck_assert_int_eq(tz_offset(&tz, march - 1), 0);
	ck_assert_int_eq(tz_offset(&tz, march), 3600);
	ck_assert_int_eq(tz_offset(&tz, leap_march - 1), 0);
	ck_assert_int_eq(tz_offset(&tz, leap_march), 3600);
	tz.rule = rule_of("AAA0BBB,59/0,300/0");
	ck_assert_int_eq(tz_offset(&tz, march), 3600);
	ck_assert_int_eq(tz_offset(&tz, leap_march - 86400), 3600);
	ck_assert_int_eq(tz_offset(&tz, leap_march - 86401), 0);
	tz.rule = rule_of("AAA0BBB,M3.1.1/0,M10.1.0/0");        /* Monday, 1 March 2027 */
	ck_assert_int_eq(tz_offset(&tz, march), 3600);
	ck_assert_int_eq(tz_offset(&tz, march - 1), 0);
	tz.rule = rule_of("AAA0BBB,M2.5.0/0,M10.1.0/0");        /* the last Sunday of February: the 28th */
	ck_assert_int_eq(tz_offset(&tz, march - 86400), 3600);
	ck_assert_int_eq(tz_offset(&tz, march - 86401), 0);
}
END_TEST

START_TEST(dates_and_days_agree)
{
	int64_t year;
	unsigned month, day;

	for (int64_t d = tz_days(1600, 1, 1); d < tz_days(2400, 12, 31); d++) {
		tz_date(d, &year, &month, &day);
		ck_assert_int_eq(tz_days(year, month, day), d);
	}
	ck_assert_int_eq(tz_days(1970, 1, 1), 0);
	ck_assert_int_eq(tz_days(2022, 11, 24), 19320);
}
END_TEST

/* Every truncation and every flipped byte of a real file is either read or refused, never read beyond. */
START_TEST(survives_broken_files)
{
	struct err e;
	char *bytes = NULL, *cut;
	size_t len;
	struct tz tz;

	ck_assert_int_eq(file_read("/usr/share/zoneinfo/Europe/London", 1 << 18, &bytes, &len, &e), 0);
	ck_assert(tz_parse(bytes, len, &tz));
	for (size_t n = 0; n < len; n++) {
		cut = malloc(n ? n : 1);
		memcpy(cut, bytes, n);
		ck_assert(!tz_parse(cut, n, &tz));
		free(cut);
	}
	for (size_t i = 0; i < len * 3; i++) {
		static const char flips[] = { 1, (char)0x80, (char)0xff };
		char old = bytes[i / 3];

		bytes[i / 3] = (char)(old ^ flips[i % 3]);
		if (tz_parse(bytes, len, &tz)) {
			tz_offset(&tz, INT32_MIN);
			tz_offset(&tz, INT64_C(1) << 40);
		}
		bytes[i / 3] = old;
	}
	free(bytes);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("tz");

	tcase_add_test(tc, reads_posix_rules);
	tcase_add_test(tc, refuses_broken_rules);
	tcase_add_test(tc, counts_days_as_posix_does);
	tcase_add_test(tc, dates_and_days_agree);
	tcase_add_test(tc, survives_broken_files);
	return suite_run(tc);
}
