/* SPDX-License-Identifier: GPL-2.0-or-later */
/* now: int64_t nanoseconds reach from 1677 to 2262; dates outside are refused, not wrapped. */
#include "base/now.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/own.h"
#include "base/tz.h"

enum { YEAR_MIN = 1678, YEAR_MAX = 2261, ZONE_BYTES_MAX = 1 << 18, ZONE_NAME_MAX = 64, S_PER_DAY = 86400 };

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts = { 0 };

	clock_gettime(clock, &ts);
	return ts.tv_sec * NOW_NS_PER_S + ts.tv_nsec;
}

int64_t now_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t now_mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t now_thread_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static bool is_date(int year, unsigned month, unsigned day)
{
	static const unsigned char lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12 || day < 1)
		return false;
	return day <= lengths[month - 1] + (unsigned)(leap && month == 2);
}

/* Names that stay below the zone directory: no empty, "." or ".." component. */
static bool is_zone_name(const char *zone)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
	size_t n = strlen(zone);

	return n > 0 && n <= ZONE_NAME_MAX && strspn(zone, chars) == n && zone[0] != '/' && zone[n - 1] != '/';
}

/* tz points into *ret_bytes, which the caller frees. */
static bool load_zone(const char *zone, struct tz *ret, char **ret_bytes)
{
	char path[ZONE_NAME_MAX + 32];
	struct err e;
	size_t len;

	if (!is_zone_name(zone))
		return false;
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", zone);
	if (file_read(path, ZONE_BYTES_MAX, ret_bytes, &len, &e) < 0)
		return false;
	return tz_parse(*ret_bytes, len, ret);
}

bool now_zone_exists(const char *zone)
{
	AUTO_MEM char *bytes = NULL;
	struct tz tz;

	return load_zone(zone, &tz, &bytes);
}

/* The first moment of the day that starts at local second `local`.  The offsets a day before and a day after
 * are the candidates: the earlier one wins where midnight happens twice; where it is skipped, the
 * day starts at the jump, which is midnight by the offset before. */
static int64_t first_moment(const struct tz *tz, int64_t local)
{
	int64_t before = local - tz_offset(tz, local - S_PER_DAY), after = local - tz_offset(tz, local + S_PER_DAY);

	if (before + tz_offset(tz, before) != local && after + tz_offset(tz, after) == local)
		return after;
	return before;
}

bool now_civil(const char *zone, int year, unsigned month, unsigned day, int64_t *ret_wall_ns)
{
	AUTO_MEM char *bytes = NULL;
	struct tz tz;
	int64_t utc;

	if (!is_date(year, month, day))
		return false;
	utc = tz_days(year, month, day) * S_PER_DAY;
	if (zone && *zone) {
		int64_t local = utc;

		if (!load_zone(zone, &tz, &bytes))
			return false;
		utc = first_moment(&tz, local);
		if (utc + tz_offset(&tz, utc) - local >= S_PER_DAY)
			return false;           /* the zone skipped this day */
	}
	*ret_wall_ns = utc * NOW_NS_PER_S;
	return true;
}

const char *now_rfc3339(int64_t wall_ns, unsigned digits, char *buf, size_t size)
{
	static const unsigned divisor[] = { [0] = 1000000000, [3] = 1000000, [6] = 1000, [9] = 1 };
	int64_t ns = wall_ns % NOW_NS_PER_S, s = wall_ns / NOW_NS_PER_S, year, of_day;
	unsigned month, day;
	char fraction[16] = "";

	if (ns < 0) {
		ns += NOW_NS_PER_S;
		s--;
	}
	of_day = (s % S_PER_DAY + S_PER_DAY) % S_PER_DAY;
	tz_date((s - of_day) / S_PER_DAY, &year, &month, &day);
	if (digits == 3 || digits == 6 || digits == 9)
		snprintf(fraction, sizeof(fraction), ".%0*u", (int)digits, (unsigned)ns / divisor[digits]);
	snprintf(buf, size, "%04d-%02u-%02uT%02u:%02u:%02u%sZ", (int)year, month, day, (unsigned)(of_day / 3600),
		 (unsigned)(of_day / 60 % 60), (unsigned)(of_day % 60), fraction);
	return buf;
}

/* Exactly `n` digits; moves *s behind them. */
static bool digits_of(const char **s, unsigned n, unsigned *ret)
{
	unsigned value = 0;

	for (unsigned i = 0; i < n; i++, ++*s) {
		if (**s < '0' || **s > '9')
			return false;
		value = value * 10 + (unsigned)(**s - '0');
	}
	*ret = value;
	return true;
}

static bool eat(const char **s, char want)
{
	if (**s != want)
		return false;
	++*s;
	return true;
}

static bool read_date(const char **s, int *ret_year, unsigned *ret_month, unsigned *ret_day)
{
	unsigned year;

	if (!digits_of(s, 4, &year) || !eat(s, '-') || !digits_of(s, 2, ret_month) || !eat(s, '-') ||
	    !digits_of(s, 2, ret_day))
		return false;
	*ret_year = (int)year;
	return is_date(*ret_year, *ret_month, *ret_day);
}

/* ".123456789": more digits than nine are read and dropped. */
static bool read_fraction(const char **s, int64_t *ret_ns)
{
	int64_t unit = NOW_NS_PER_S / 10;

	*ret_ns = 0;
	if (!eat(s, '.'))
		return true;
	if (**s < '0' || **s > '9')
		return false;
	for (; **s >= '0' && **s <= '9'; ++*s, unit /= 10)
		*ret_ns += (**s - '0') * unit;
	return true;
}

static bool read_offset(const char **s, int *ret_seconds)
{
	unsigned hours, minutes;
	int sign;

	*ret_seconds = 0;
	if (eat(s, 'Z') || eat(s, 'z'))
		return true;
	sign = **s == '-' ? -1 : 1;
	if (!eat(s, '-') && !eat(s, '+'))
		return false;
	if (!digits_of(s, 2, &hours) || !eat(s, ':') || !digits_of(s, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_seconds = sign * (int)(hours * 3600 + minutes * 60);
	return true;
}

bool now_parse_rfc3339(const char *s, int64_t *ret_wall_ns)
{
	unsigned month, day, hour, minute, second;
	int year, offset;
	int64_t ns, total;

	if (!read_date(&s, &year, &month, &day) || !(eat(&s, 'T') || eat(&s, 't')))
		return false;
	if (!digits_of(&s, 2, &hour) || !eat(&s, ':') || !digits_of(&s, 2, &minute) || !eat(&s, ':') ||
	    !digits_of(&s, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 60)    /* 60: a leap second, the same moment as the next */
		return false;
	if (!read_fraction(&s, &ns) || !read_offset(&s, &offset) || *s)
		return false;
	total = tz_days(year, month, day) * S_PER_DAY + hour * 3600 + minute * 60 + second - offset;
	*ret_wall_ns = total * NOW_NS_PER_S + ns;
	return true;
}

bool now_parse_date(const char *s, int *ret_year, unsigned *ret_month, unsigned *ret_day)
{
	int year;
	unsigned month, day;

	if (!read_date(&s, &year, &month, &day) || *s)
		return false;
	*ret_year = year;
	*ret_month = month;
	*ret_day = day;
	return true;
}
