/* SPDX-License-Identifier: GPL-2.0-or-later */
/* when: a moment as policy files write it: a day of a time zone, or RFC 3339.  Values; any thread. */
#ifndef POLICY_WHEN_H
#define POLICY_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Wall clock, ns since the epoch; set false: not given. */
struct policy_time {
	int64_t ns;
	bool set, is_date;      /* is_date: written as a day: ns is its first instant, or (ends) the one after its last */
	const char *text;       /* as written */
	struct loc loc;
};

/* Read text ("2026-11-24" in zone, NULL: UTC; or RFC 3339).  end: a day counts through its end.
 * ret->text is text itself (keep it); loc is kept.  On failure *e says what a moment looks like, at loc. */
int when_parse(const char *text, const char *zone, bool end, struct loc loc, struct policy_time *ret, struct err *e);

#endif
