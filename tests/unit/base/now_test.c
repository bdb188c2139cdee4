/* SPDX-License-Identifier: GPL-2.0-or-later */
/* now: dates of real zones (tzdata 2025b), compared with what Python's zoneinfo says of them. */
#include "base/now.h"

#include <string.h>

#include "unit/suite.h"

static const char *midnight(const char *zone, const char *date)
{
	static char text[32];
	int64_t ns;
	int year;
	unsigned month, day;

	ck_assert(now_parse_date(date, &year, &month, &day));
	return now_civil(zone, year, month, day, &ns) ? now_rfc3339(ns, 0, text, sizeof(text)) : "none";
}

START_TEST(knows_when_a_day_starts)
{
	static const struct { const char *zone, *date, *want; } cases[] = {
		{ "Europe/London", "2027-03-28", "2027-03-28T00:00:00Z" },      /* the clock goes forward at 01:00 */
		{ "Europe/London", "2027-04-01", "2027-03-31T23:00:00Z" },
		{ "Europe/London", "2027-10-31", "2027-10-30T23:00:00Z" },
		{ "Europe/London", "2027-11-01", "2027-11-01T00:00:00Z" },
		{ "Europe/London", "1970-06-01", "1970-05-31T23:00:00Z" },      /* standard time was an hour ahead */
		{ "Europe/London", "1800-01-01", "1800-01-01T00:01:15Z" },      /* local mean time */
		{ "Europe/London", "2099-07-01", "2099-06-30T23:00:00Z" },      /* by the footer's rule */
		{ "Europe/Dublin", "2060-07-01", "2060-06-30T23:00:00Z" },      /* negative daylight saving */
		{ "Australia/Sydney", "2050-01-01", "2049-12-31T13:00:00Z" },   /* summer over the new year */
		{ "Australia/Sydney", "2027-10-03", "2027-10-02T14:00:00Z" },   /* the clock goes forward at 02:00 */
		{ "America/Havana", "2025-11-02", "2025-11-02T04:00:00Z" },     /* midnight twice: the first */
		{ "America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z" },  /* no midnight: 01:00 */
		{ "Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z" },
		{ "Pacific/Apia", "2011-12-30", "none" },                       /* skipped at the date line */
		{ "Asia/Kathmandu", "2026-02-28", "2026-02-27T18:15:00Z" },
		{ "UTC", "2028-02-29", "2028-02-29T00:00:00Z" },
		{ "", "1969-12-31", "1969-12-31T00:00:00Z" },
		{ NULL, "2022-11-24", "2022-11-24T00:00:00Z" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_str_eq(midnight(cases[i].zone, cases[i].date), cases[i].want);
}
END_TEST

START_TEST(knows_zones_by_safe_names_only)
{
	static const char *const none[] = { "Europe/Londres", "", "../../../etc/passwd", "/etc/localtime", "Europe/", "Europe",
					    "./UTC", "zone.tab", "tzdata.zi", "leapseconds" };

	ck_assert(now_zone_exists("Europe/London"));
	ck_assert(now_zone_exists("Etc/GMT+12"));
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		ck_assert(!now_zone_exists(none[i]));
}
END_TEST

START_TEST(reads_dates)
{
	static const char *const bad[] = { "2027-02-29", "2027-13-01", "2027-00-10", "2027-01-00", "2027-1-1", "27-01-01",
					   "2027-01-01 ", "2027-01-01T", "1600-01-01", "2300-01-01", "", "2100-02-29" };
	int year;
	unsigned month, day;

	ck_assert(now_parse_date("2028-02-29", &year, &month, &day));
	ck_assert_int_eq(year, 2028);
	ck_assert_uint_eq(month * 100 + day, 229);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert(!now_parse_date(bad[i], &year, &month, &day));
}
END_TEST

START_TEST(reads_and_writes_rfc3339)
{
	static const struct { const char *in, *want; } cases[] = {
		{ "2022-11-24T10:11:12Z", "2022-11-24T10:11:12.000000000Z" },
		{ "2022-11-24T10:11:12.5+01:00", "2022-11-24T09:11:12.500000000Z" },
		{ "2022-11-24t00:00:00.1234567899-05:30", "2022-11-24T05:30:00.123456789Z" },
		{ "1969-12-31T23:59:59.25Z", "1969-12-31T23:59:59.250000000Z" },
		{ "2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000000Z" },
	};
	static const char *const bad[] = { "2022-11-24", "2022-11-24T10:11Z", "2022-11-24T24:00:00Z", "2022-11-24T10:11:12",
					   "2022-11-24T10:11:12.Z", "2022-11-24T10:11:12+1:00", "2022-11-24T10:11:12Zx",
					   "2022-11-31T10:11:12Z", "2022-11-24 10:11:12Z", "2022-11-24T10:60:12Z" };
	char text[40];
	int64_t ns;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ck_assert(now_parse_rfc3339(cases[i].in, &ns));
		ck_assert_str_eq(now_rfc3339(ns, 9, text, sizeof(text)), cases[i].want);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert(!now_parse_rfc3339(bad[i], &ns));
	ck_assert_str_eq(now_rfc3339(-1, 3, text, sizeof(text)), "1969-12-31T23:59:59.999Z");
	ck_assert_str_eq(now_rfc3339(1500000, 6, text, sizeof(text)), "1970-01-01T00:00:00.001500Z");
	ck_assert_str_eq(now_rfc3339(0, 0, text, sizeof(text)), "1970-01-01T00:00:00Z");
}
END_TEST

START_TEST(clocks_go_forward)
{
	int64_t mono = now_mono_ns(), y2024;

	ck_assert(now_civil(NULL, 2024, 1, 1, &y2024));
	ck_assert_int_gt(now_wall_ns(), y2024);
	ck_assert_int_ge(now_mono_ns(), mono);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("now");

	tcase_add_test(tc, knows_when_a_day_starts);
	tcase_add_test(tc, knows_zones_by_safe_names_only);
	tcase_add_test(tc, reads_dates);
	tcase_add_test(tc, reads_and_writes_rfc3339);
	tcase_add_test(tc, clocks_go_forward);
	return suite_run(tc);
}
