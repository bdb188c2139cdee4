/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tz: one time zone, read from TZif bytes (RFC 8536, version 2 and later).  Outside input: every count is
 * checked against the bytes that are there.  Beyond the last transition the POSIX rule of the footer holds.
 * A value without pointers into itself but into the bytes it was read from, which the caller keeps. */
#ifndef BASE_TZ_H
#define BASE_TZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The day of a year on which daylight saving starts or ends, and the second of that day, local time. */
struct tz_day {
	enum { TZ_JULIAN, TZ_ZERO_BASED, TZ_MONTH_WEEK } kind;
	int month, week, day;           /* JULIAN, ZERO_BASED: day alone */
	int32_t seconds;
};

struct tz_rule {
	int32_t std_offset, dst_offset; /* seconds east of UTC */
	bool has_dst;
	struct tz_day start, end;
};

struct tz {
	const unsigned char *times, *types, *infos;     /* times: 8 bytes each, infos: 6 bytes each */
	uint32_t n_times, n_infos;
	bool has_rule;
	struct tz_rule rule;
};

bool tz_parse(const void *bytes, size_t len, struct tz *ret);
/* Seconds east of UTC at that moment (seconds since the epoch). */
int32_t tz_offset(const struct tz *tz, int64_t utc);
/* A POSIX TZ string such as "GMT0BST,M3.5.0/1,M10.5.0". */
bool tz_parse_rule(const char *s, size_t len, struct tz_rule *ret);

/* Days since 1970-01-01 of a date of the Gregorian calendar, and back. */
int64_t tz_days(int64_t year, unsigned month, unsigned day);
void tz_date(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day);

#endif
