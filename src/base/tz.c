/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tz: the 64-bit block alone is used; the 32-bit block before it is only stepped over.  The calendar counts
 * years from March, so that the leap day is a year's last. */
#include "base/tz.h"

#include <string.h>

enum { HEADER = 44, S_PER_DAY = 86400, COUNT_MAX = 1 << 16 };

struct cursor {
	const char *at, *end;
	bool failed;
};

struct counts {
	uint32_t isut, isstd, leap, time, type, chars;
};

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* Floor division: times before 1970 are negative. */
static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t tz_days(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = floor_div(y, 400), of_era = y - era * 400;
	int64_t of_year = (153 * (int64_t)((month + 9) % 12) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void tz_date(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
	int64_t z = days + 719468, era = floor_div(z, 146097), of_era = z - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;

	*ret_day = (unsigned)(of_year - (153 * month + 2) / 5 + 1);
	*ret_month = (unsigned)(month < 10 ? month + 3 : month - 9);
	*ret_year = year + era * 400 + (*ret_month <= 2);
}

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* The footer: sticky cursor, one function per piece of the grammar. */

static bool eat(struct cursor *c, char want)
{
	if (c->at == c->end || *c->at != want)
		return false;
	c->at++;
	return true;
}

static int number(struct cursor *c, int min, int max)
{
	int n = 0;
	const char *from = c->at;

	while (c->at < c->end && *c->at >= '0' && *c->at <= '9' && n <= max)
		n = n * 10 + (*c->at++ - '0');
	if (c->at == from || n < min || n > max)
		c->failed = true;
	return c->failed ? min : n;
}

static void skip_name(struct cursor *c)
{
	const char *from = c->at;

	if (eat(c, '<')) {
		while (c->at < c->end && *c->at != '>')
			c->at++;
		c->failed |= !eat(c, '>');
		return;
	}
	while (c->at < c->end && ((*c->at | 32) >= 'a' && (*c->at | 32) <= 'z'))
		c->at++;
	c->failed |= c->at - from < 3;
}

/* [+-]hh[:mm[:ss]], as seconds; hours up to a week (RFC 8536 section 3.3.1). */
static int32_t hms(struct cursor *c)
{
	int sign = eat(c, '-') ? -1 : 1;
	int32_t s;

	if (sign == 1)
		eat(c, '+');
	s = number(c, 0, 167) * 3600;
	if (eat(c, ':'))
		s += number(c, 0, 59) * 60;
	if (eat(c, ':'))
		s += number(c, 0, 59);
	return sign * s;
}

static void read_day(struct cursor *c, struct tz_day *ret)
{
	if (eat(c, 'M')) {
		ret->kind = TZ_MONTH_WEEK;
		ret->month = number(c, 1, 12);
		c->failed |= !eat(c, '.');
		ret->week = number(c, 1, 5);
		c->failed |= !eat(c, '.');
		ret->day = number(c, 0, 6);
	} else if (eat(c, 'J')) {
		ret->kind = TZ_JULIAN;
		ret->day = number(c, 1, 365);
	} else {
		ret->kind = TZ_ZERO_BASED;
		ret->day = number(c, 0, 365);
	}
	ret->seconds = eat(c, '/') ? hms(c) : 2 * 3600;
}

bool tz_parse_rule(const char *s, size_t len, struct tz_rule *ret)
{
	struct cursor c = { s, s + len, false };
	struct tz_rule rule = { 0 };

	skip_name(&c);
	rule.std_offset = -hms(&c);
	if (c.at < c.end && !c.failed) {
		rule.has_dst = true;
		skip_name(&c);
		rule.dst_offset = c.at < c.end && *c.at != ',' ? -hms(&c) : rule.std_offset + 3600;
		c.failed |= !eat(&c, ',');
		read_day(&c, &rule.start);
		c.failed |= !eat(&c, ',');
		read_day(&c, &rule.end);
	}
	if (c.failed || c.at != c.end)
		return false;
	*ret = rule;
	return true;
}

/* The moment of a rule's day in a year, as local seconds since the epoch. */
static int64_t local_of(const struct tz_day *d, int64_t year)
{
	int64_t day, first;

	if (d->kind == TZ_ZERO_BASED)
		return (tz_days(year, 1, 1) + d->day) * S_PER_DAY + d->seconds;
	if (d->kind == TZ_JULIAN) {
		day = tz_days(year, 1, 1) + d->day - 1 + (is_leap(year) && d->day >= 60);
		return day * S_PER_DAY + d->seconds;
	}
	first = tz_days(year, (unsigned)d->month, 1);   /* day 0 of the epoch was a Thursday (4) */
	day = first + (d->day - (first + 4) % 7 + 14) % 7 + (d->week - 1) * 7;
	if (day >= tz_days(year + d->month / 12, (unsigned)(d->month % 12 + 1), 1))
		day -= 7;
	return day * S_PER_DAY + d->seconds;
}

static int32_t rule_offset(const struct tz_rule *r, int64_t utc)
{
	int64_t year, start, end;
	unsigned month, day;
	bool dst;

	if (!r->has_dst)
		return r->std_offset;
	tz_date(floor_div(utc + r->std_offset, S_PER_DAY), &year, &month, &day);
	start = local_of(&r->start, year) - r->std_offset;
	end = local_of(&r->end, year) - r->dst_offset;
	dst = start < end ? utc >= start && utc < end : utc >= start || utc < end;
	return dst ? r->dst_offset : r->std_offset;
}

/* Bytes of a block's body, or 0 when its header or the body does not fit. */
static size_t block_size(const unsigned char *p, size_t len, unsigned time_size, struct counts *ret)
{
	struct counts n;
	size_t size;

	if (len < HEADER || memcmp(p, "TZif", 4) != 0)
		return 0;
	n = (struct counts){ be32(p + 20), be32(p + 24), be32(p + 28), be32(p + 32), be32(p + 36), be32(p + 40) };
	if (n.isut > COUNT_MAX || n.isstd > COUNT_MAX || n.leap > COUNT_MAX || n.time > COUNT_MAX ||
	    n.type > COUNT_MAX || n.chars > COUNT_MAX)
		return 0;
	size = HEADER + (size_t)n.time * (time_size + 1) + (size_t)n.type * 6 + n.chars +
	       (size_t)n.leap * (time_size + 4) + n.isstd + n.isut;
	*ret = n;
	return size <= len ? size : 0;
}

static bool types_are_sound(const struct tz *tz)
{
	for (uint32_t i = 0; i < tz->n_times; i++)
		if (tz->types[i] >= tz->n_infos)
			return false;
	return tz->n_infos > 0;
}

bool tz_parse(const void *bytes, size_t len, struct tz *ret)
{
	const unsigned char *p = bytes, *eol;
	struct tz tz = { 0 };
	struct counts n;
	size_t size = block_size(p, len, 4, &n);

	if (!size || p[4] < '2')
		return false;
	p += size;
	len -= size;
	size = block_size(p, len, 8, &n);
	if (!size)
		return false;
	tz.times = p + HEADER;
	tz.types = tz.times + (size_t)n.time * 8;
	tz.infos = tz.types + n.time;
	tz.n_times = n.time;
	tz.n_infos = n.type;
	p += size;
	len -= size;
	if (!types_are_sound(&tz) || len < 2 || *p != '\n' || !(eol = memchr(p + 1, '\n', len - 1)))
		return false;
	if (eol > p + 1) {
		tz.has_rule = true;
		if (!tz_parse_rule((const char *)p + 1, (size_t)(eol - p - 1), &tz.rule))
			return false;
	}
	*ret = tz;
	return true;
}

int32_t tz_offset(const struct tz *tz, int64_t utc)
{
	uint32_t lo = 0, hi = tz->n_times;      /* the first transition after utc */

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (be64(tz->times + (size_t)mid * 8) <= utc)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == tz->n_times && tz->has_rule)
		return rule_offset(&tz->rule, utc);
	return (int32_t)be32(tz->infos + (lo ? (size_t)tz->types[lo - 1] * 6 : 0));
}
