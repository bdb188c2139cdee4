/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gap: what the kernel dropped before this daemon and nobody tells: what its counters say, less all that is accounted for.
 * These cannot be read in one moment while packets come, so each look gives two bounds: counters read before a page of the
 * ledger was turned, less all that was accounted for when the page had been told, and the other way round.  The truth is
 * between all of them. */
#ifndef RUN_GAP_H
#define RUN_GAP_H

#include <stdbool.h>
#include <stdint.h>

struct gap {
	int64_t least, most;
	unsigned looks;
};

/* At a turn: drops before it and after it, and what was accounted for before it; then, when the page has been told, with it. */
struct gap_turn { uint64_t drops_before, drops_after, accounted_before; };

void gap_look(struct gap *g, const struct gap_turn *t, uint64_t page, uint64_t accounted);
bool gap_is_exact(const struct gap *g);
uint64_t gap_certain(const struct gap *g);       /* 0: nothing is, yet */

#endif
