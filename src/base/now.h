/* SPDX-License-Identifier: GPL-2.0-or-later */
/* now: the clocks, and calendar dates of a time zone.  Times are nanoseconds since the epoch (wall) or
 * since boot (mono), as int64_t. */
#ifndef BASE_NOW_H
#define BASE_NOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOW_NS_PER_S INT64_C(1000000000)
#define NOW_NS_PER_MS INT64_C(1000000)

int64_t now_wall_ns(void);
int64_t now_mono_ns(void);
int64_t now_thread_ns(void);             /* processor time of the calling thread, the kernel's part included */
/* Midnight at the start of a civil day in an IANA zone (NULL or "": UTC), as wall ns.  false: no such zone or day.
 * Reads the zone's TZif file (RFC 8536) below /usr/share/zoneinfo itself: no process-wide TZ is changed. */
bool now_civil(const char *zone, int year, unsigned month, unsigned day, int64_t *ret_wall_ns);
bool now_zone_exists(const char *zone);
/* RFC 3339 with the given number of fraction digits (0, 3, 6 or 9), in UTC with Z. */
const char *now_rfc3339(int64_t wall_ns, unsigned digits, char *buf, size_t size);
bool now_parse_rfc3339(const char *s, int64_t *ret_wall_ns);
bool now_parse_date(const char *s, int *ret_year, unsigned *ret_month, unsigned *ret_day);   /* YYYY-MM-DD, valid day */

#endif
