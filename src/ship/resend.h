/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resend: orders to send a range of events again, from `ringfence events resend` to the running shipper, as small files in the
 * shipper's state directory (requests/): the shipper alone writes its database. */
#ifndef SHIP_RESEND_H
#define SHIP_RESEND_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct cursor;

#define RESEND_STATE_DIR "/var/lib/ringfence-ship"

struct resend_order {
	const char *sink, *store;               /* store: the id that the numbers belong to */
	uint64_t from, to;                      /* inclusive */
	const char *by;                         /* who asks, for the record */
};

/* Ask.  Checks the sink's name against those that the shipper has (ENOENT with "did you mean"), and that from <= to.
 * Returns as soon as the order is on disk; ret_path (or NULL) receives the order's file. */
int resend_request(const char *state_dir, const struct resend_order *o, char *ret_path, size_t path_size, struct err *e);
/* The shipper's side: take what was asked into the database and remove the files; what can't be understood is set aside
 * as name.bad.  *ret_n: how many were taken. */
int resend_take(const char *state_dir, struct cursor *c, unsigned *ret_n, struct err *e);

#endif
