/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tight: when it is to be told that conntrack's table is full, or nearly.  Pure; one thread. */
#ifndef RUN_TIGHT_H
#define RUN_TIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "kern/ct.h"

struct tight {
	struct ct_stats told;                   /* as of the last telling, or the first look */
	int64_t told_ns;                        /* monotonic */
	bool known, near, near_told;
	bool full;                              /* it was nearly full, or made room, since the last telling */
};

/* What came since the last telling.  dropped: packets that opened flows, while there was no room (at
 * other times two packets of one flow met, of which conntrack keeps one: nobody's news); evicted: flows that
 * nobody had answered, ended to make room (their next packets open them again). */
struct tight_news { bool near; uint64_t dropped, evicted, not_inserted; };

/* Nearly full is 90 % and more, until it is less than 80 %.  true: *ret is to be told now, which is once in a minute at most. */
bool tight_look(struct tight *t, const struct ct_stats *now, int64_t mono_ns, struct tight_news *ret);
/* "conntrack's table is full: new flows were lost" and its like. */
const char *tight_words(const struct tight_news *n);

#endif
