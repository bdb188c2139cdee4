/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pump: what one sink's thread does: read behind the cursor, encode, frame, send, and move the cursor behind what is confirmed.
 * Whatever fails, it goes back to the last confirmed event and tries again after a growing pause: at least once, never skipped.
 * Rows that can't be delivered go to the dead letters; numbers that retention took away before delivery are told to the receiver
 * as a loss event.  Orders to send a range again run beside. */
#ifndef SHIP_PUMP_H
#define SHIP_PUMP_H

#include <stdbool.h>

#include "base/err.h"
#include "base/own.h"

struct cursor;
struct pump;
struct shipconf;
struct shipconf_sink;

/* All are borrowed.  stop_fd readable: stop soon.  once: deliver what there is now, then end. */
int pump_new(const struct shipconf *conf, const struct shipconf_sink *sink, struct cursor *cursor, int stop_fd, bool once,
	     struct pump **ret, struct err *e);
void pump_free(struct pump *p);                         /* NULL is fine */
OWN(pump)
/* Returns when stopped, or (once) when everything is delivered or it was tried a few times in vain: false then. */
bool pump_run(struct pump *p);

#endif
