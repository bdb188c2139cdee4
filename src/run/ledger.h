/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger: what the kernel dropped by itself, as read from a page of its ledger, handed to the recorder: denials by key to
 * the events that made them, the rest as events of their own.  Main thread. */
#ifndef RUN_LEDGER_H
#define RUN_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "kern/table.h"

struct judge;
struct link_map;
struct recorder;

/* Packets told so far, by kind of line. */
struct ledger_told { uint64_t packets[TABLE_LINES], lines, outage; };    /* passed ones under packets alone */

/* j: the judge whose page it was.  links (NULL: not known): which addresses are the firewall's own.
 * outage: nobody read the page while it was written. */
void ledger_tell(struct recorder *r, const struct judge *j, const struct link_map *links, const struct table_ledger *l,
		 int64_t first_ns, int64_t last_ns, bool outage, struct ledger_told *told);
uint64_t ledger_told_sum(const struct ledger_told *t);  /* packets that were dropped */

#endif
