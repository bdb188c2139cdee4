/* SPDX-License-Identifier: GPL-2.0-or-later */
/* closed: the closed table: nothing new passes from or to a zone that enforces; zones in observe are left alone.  At boot, by
 * hand, and when the daemon cannot begin.  One caller at a time. */
#ifndef RUN_CLOSED_H
#define RUN_CLOSED_H

#include <stdbool.h>

#include "base/err.h"

struct fence;
struct judge;
struct table_about;

/* Send it; about: what is there now; state: where the daemon keeps which interfaces were guarded.  *ret_sent false: no zone
 * enforces, nothing was done. */
int closed_send(struct judge *j, struct fence *f, const struct table_about *about, const char *state, bool *ret_sent,
		struct err *e);

#endif
