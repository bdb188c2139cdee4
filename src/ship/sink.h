/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sink: a way to a receiver.  It is given framed bytes and knows nothing of events.  One row per type (sink_table).
 * Bytes are sent under a token (a growing number); sink_ops.confirmed says up to which token the receiver has everything.
 * After a failure the connection is gone; what is not confirmed by then must be sent again, and the next send connects anew.
 * Each sink belongs to one thread.  Every wait ends when stop_fd becomes readable (ECANCELED) or the sink's timeout is over. */
#ifndef SHIP_SINK_H
#define SHIP_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct shipconf_sink;
struct sink;

struct sink_ops {
	/* Nothing is opened or connected yet.  c is borrowed and must live on. */
	int (*make)(const struct shipconf_sink *c, int stop_fd, struct sink **ret, struct err *e);
	int (*send)(struct sink *s, const char *bytes, size_t len, uint64_t token, struct err *e);
	/* Wait at most wait_ms for something to be confirmed; *ret_token: all up to it is (0: nothing yet). */
	int (*confirmed)(struct sink *s, unsigned wait_ms, uint64_t *ret_token, struct err *e);
	void (*destroy)(struct sink *s);
};

/* Embedded first in each type's own struct. */
struct sink {
	const struct sink_ops *ops;
};

extern const struct sink_ops *const sink_table[];       /* by enum shipconf_type */
extern const struct sink_ops sink_file_ops, sink_syslog_ops;

int sink_make(const struct shipconf_sink *c, int stop_fd, struct sink **ret, struct err *e);
int sink_send(struct sink *s, const char *bytes, size_t len, uint64_t token, struct err *e);
int sink_confirmed(struct sink *s, unsigned wait_ms, uint64_t *ret_token, struct err *e);
void sink_free(struct sink *s);                         /* NULL is fine */

/* For the types: wait until fd is ready (events of poll), stop_fd is readable (ECANCELED) or the deadline (monotonic ns) is over
 * (ETIMEDOUT).  fd -1: only wait. */
int sink_wait(int fd, short events, int stop_fd, int64_t deadline_ns, struct err *e);

#endif
