/* SPDX-License-Identifier: GPL-2.0-or-later */
/* when: a day that ends something counts through its last instant, so the end is the next day's first: computed by the
 * calendar, not by adding 24 hours, since days of a zone have 23 to 25. */
#include "policy/when.h"

#include <errno.h>

#include "base/now.h"

static unsigned days_in(int year, unsigned month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static void next_day(int *year, unsigned *month, unsigned *day)
{
	if (++*day <= days_in(*year, *month))
		return;
	*day = 1;
	if (++*month <= 12)
		return;
	*month = 1;
	++*year;
}

int when_parse(const char *text, const char *zone, bool end, struct loc loc, struct policy_time *ret, struct err *e)
{
	struct policy_time t = { .set = true, .text = text, .loc = loc };
	int year;
	unsigned month, day;

	if (now_parse_date(text, &year, &month, &day)) {
		t.is_date = true;
		if (end)
			next_day(&year, &month, &day);
		if (!now_civil(zone, year, month, day, &t.ns))
			return err_set(e, EINVAL, loc, "no day %.32s in time zone %.64s", text, zone && *zone ? zone : "UTC");
	} else if (!now_parse_rfc3339(text, &t.ns)) {
		return err_set(e, EINVAL, loc, "'%.64s' is no moment: write a day (2026-11-24) or RFC 3339 (2026-11-24T18:00:00Z)",
			       text);
	}
	*ret = t;
	return 0;
}
