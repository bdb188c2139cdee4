/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_server: the daemon's end of the control socket, in the main thread's loop.
 * Who asks is told by the kernel (SO_PEERCRED, SO_PEERGROUPS); each command row says what right it needs, and what is in
 * no row is refused.  Clients are bounded in number, bytes and time: one that sends rubbish, stalls or never reads is
 * dropped, and nothing else notices.  Knows no command; owns its socket file. */
#ifndef RUN_CTL_SERVER_H
#define RUN_CTL_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/own.h"
#include "run/ctl_wire.h"

struct buf;
struct loop;

enum ctl_right {
	CTL_READ,               /* root, the daemon's own user, and the socket's group */
	CTL_CHANGE,             /* root and the daemon's own user */
};

struct ctl_request {
	uid_t uid;
	pid_t pid;
	const struct ctl_words *words;          /* words->at[0] is the command */
};

struct ctl_command {
	const char *name;
	enum ctl_right right;
	enum ctl_status (*fn)(void *arg, const struct ctl_request *req, struct buf *out);
};

struct ctl_server;

/* Listen at path (a stale socket file is replaced).  commands end with a row whose name is NULL.
 * gid: the group with CTL_READ, or (gid_t)-1.  idle_ms: how long a client may stall. */
struct ctl_server *ctl_server_new(struct loop *loop, const char *path, gid_t gid, unsigned idle_ms,
				  const struct ctl_command *commands, void *arg, struct err *e);
void ctl_server_free(struct ctl_server *s);     /* NULL is fine; removes the socket file */
OWN(ctl_server)

struct ctl_server_stats { uint64_t served, refused, dropped; unsigned clients; };
struct ctl_server_stats ctl_server_stats(const struct ctl_server *s);

#endif
