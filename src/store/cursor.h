/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cursor: the shipper's own database: how far each sink is, what it could not take, and what is to be sent again.
 * A cursor moves only behind an acknowledgement.  A lost or corrupt database is made anew: duplicates, never loss.
 * One writing connection; the calls below lock, so that every sink's thread may use it. */
#ifndef STORE_CURSOR_H
#define STORE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

struct arena;
struct cursor;
struct db_report;

#define CURSOR_NAME "cursor.db"

struct cursor_place {
	char store[33];                         /* of the store that seq is in; "": never delivered anything */
	uint64_t seq;                           /* all up to here are acknowledged */
	char mark[17];                          /* of the row at seq: 16 hex digits of its chain */
};

/* What is known of a sink, for status. */
struct cursor_status {
	const char *sink;
	struct cursor_place place;
	uint64_t sent, bytes, failures, dead, lost;     /* events; lost: removed by retention before delivery */
	const char *state, *error;              /* up, down, idle or stopped */
	int64_t last_ack_ns, changed_ns;
};

struct cursor_resend {
	int64_t id;
	char store[33];
	uint64_t from, to, done;                /* done: all up to here are acknowledged again */
	const char *by;                         /* who asked */
	int64_t asked_ns;
};

int cursor_open(const char *dir, struct cursor **ret, struct db_report *report, struct err *e);
int cursor_open_reader(const char *dir, struct cursor **ret, struct err *e);
void cursor_free(struct cursor *c);                     /* NULL is fine */
OWN(cursor)

int cursor_get(struct cursor *c, const char *sink, struct cursor_place *ret, struct err *e);    /* none: zeroed */
int cursor_move(struct cursor *c, const char *sink, const struct cursor_place *p, uint64_t sent, uint64_t bytes, int64_t now_ns,
		struct err *e);
/* A row that can't be delivered: kept once with the reason, counted; the caller goes on with the next. */
int cursor_dead(struct cursor *c, const char *sink, const struct cursor_place *p, const char *reason, const void *body, size_t len,
		int64_t now_ns, struct err *e);
int cursor_lost(struct cursor *c, const char *sink, uint64_t count, struct err *e);
int cursor_state(struct cursor *c, const char *sink, const char *state, const char *error, bool failed, int64_t now_ns,
		 struct err *e);
int cursor_statuses(struct cursor *c, struct arena *a, struct cursor_status **ret, size_t *ret_n, struct err *e);

/* The oldest order to send a range again, or id 0; progress; done and forgotten when done reaches to. */
int cursor_resend_add(struct cursor *c, const char *sink, const struct cursor_resend *r, struct err *e);
int cursor_resend_next(struct cursor *c, const char *sink, struct arena *a, struct cursor_resend *ret, struct err *e);
int cursor_resend_move(struct cursor *c, int64_t id, uint64_t done, struct err *e);

#endif
