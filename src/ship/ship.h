/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ship: all sinks of a configuration, a thread each, over one cursor database.  The thread that makes it also stops it. */
#ifndef SHIP_SHIP_H
#define SHIP_SHIP_H

#include <stdbool.h>

#include "base/err.h"
#include "base/own.h"

struct buf;
struct cursor;
struct ship;
struct shipconf;

/* Both are borrowed and must live on.  once: each sink delivers what there is, then its thread ends. */
int ship_start(const struct shipconf *conf, struct cursor *cursor, bool once, struct ship **ret, struct err *e);
void ship_free(struct ship *s);                         /* stops and waits; NULL is fine */
OWN(ship)
bool ship_is_done(const struct ship *s);                /* once: every thread has ended */
bool ship_is_good(const struct ship *s);                /* once, done: every sink has everything */

/* How far each sink is, as text for a person or JSON; read from the databases, so the shipper need not run.
 * *ret_behind: some sink is down, or lacks events. */
int ship_status(const struct shipconf *conf, bool json, struct buf *out, bool *ret_behind, struct err *e);

#endif
