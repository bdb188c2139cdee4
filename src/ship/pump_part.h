/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pump: shared by pump.c (what goes when) and pump_frame.c (a row as a frame, losses, what is told about the sink). */
#ifndef SHIP_PUMP_PART_H
#define SHIP_PUMP_PART_H

#include "base/buf.h"
#include "base/vec.h"
#include "event/enc.h"
#include "ship/pump.h"
#include "ship/shipconf.h"
#include "store/cursor.h"
#include "store/spool.h"

/* Sent, not confirmed. */
struct pump_flight {
	uint64_t token, seq, rows, bytes, lost;
	int64_t order;                  /* of the order to send again, 0: live */
	char mark[17];
};

struct pump {
	const struct shipconf *ship;
	const struct shipconf_sink *conf;
	struct cursor *cursor;
	struct sink *sink;
	struct spool_reader *reader;    /* NULL: the store could not be opened yet */
	struct enc_config enc;
	char hostname[256];
	int stop_fd;
	bool once, up, told;            /* told: that it is down */
	bool placed;                    /* place is the cursor's, and fits the store */
	bool known;                     /* a gap behind `sent` is a loss, not just what was before our time */
	bool again, orders;             /* an order's batch is in flight; there are orders */
	struct cursor_place place;
	uint64_t sent, until, token, rows_in_flight;
	VEC(struct pump_flight) flight;
	unsigned failures;              /* in a row */
	struct buf message, frames;
};

/* The row as a frame behind the others; what can't be one becomes a dead letter. */
int pump_add_row(struct pump *p, const struct spool_row *row, struct pump_flight *entry, struct err *e);
/* Numbers [first, last] are gone: a loss event in their place.  near: an event whose site it shares, or NULL. */
int pump_add_loss(struct pump *p, uint64_t first, uint64_t last, const struct event *near, struct pump_flight *entry,
		  struct err *e);
void pump_is_up(struct pump *p);
void pump_is_down(struct pump *p, const struct err *why);
void pump_waits(struct pump *p, const struct err *why);
void pump_stopped(struct pump *p);

#endif
