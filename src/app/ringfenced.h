/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ringfenced: the daemon's parts in one place, in the order they are made. */
#ifndef APP_RINGFENCED_H
#define APP_RINGFENCED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "kern/probe.h"
#include "kern/table.h"
#include "run/ctl_server.h"

struct db;
struct json;
struct loop;

struct ringfenced_options {
	const char *policy, *data, *state, *run, *sock;
	uint16_t queue, nflog_group;
	uint16_t workers;               /* for the asks, each with a queue */
	bool shared, foreground, debug, version, help;
};

enum { RINGFENCED_ASKS = 4, RINGFENCED_WORKERS = RINGFENCED_ASKS + 2 };

struct ringfenced {
	struct ringfenced_options o;
	int64_t started_ns;
	struct loop *loop;
	int lock_fd, queue_fd, wish_fd;
	struct probe probe;
	bool native_queue, has_log, store_fallback;
	bool gap_known, clock_unsound;
	bool soon;                              /* a step will be taken within milliseconds */
	uint64_t unanswered_before;
	uint64_t told_before;                   /* of the table that was there: drops in stored events */
	struct db *db;                          /* until the recorder has it */
	struct fence *fence;
	struct table_about about;               /* what was there at the start */
	struct link_map *links;
	struct observer *observer;
	struct recorder *recorder;
	struct publish *publish;
	struct reload *reload;
	struct worker *workers[RINGFENCED_WORKERS];
	unsigned n_workers;
	struct watch *watch;
	struct allowed *allowed;                /* NULL: it could not be made; filtering goes on */
	struct uses *uses;
	unsigned uses_age;                      /* seconds */
	char allowed_hint[256];                 /* what the administrator has to set, or "" */
	struct ctl_server *ctl;
	int exit_status;
};

extern const struct ctl_command ringfenced_commands[];

/* How many workers for the asks by default: one for each processor. */
uint16_t ringfenced_workers(void);
/* Queues, log group and their workers, not yet started. */
int ringfenced_bind(struct ringfenced *d, struct err *e);
/* The daemon's state as JSON or for people; false: something is degraded. */
bool ringfenced_status_json(struct ringfenced *d, struct buf *out);
bool ringfenced_status_text(struct ringfenced *d, struct buf *out);
/* Load the policy file; text says how it went.  trial_s: 0, or so long on trial. */
enum ctl_status ringfenced_reload(struct ringfenced *d, const char *by, unsigned trial_s, struct buf *text);

/* What is allowed, which nothing waits for: a start that fails is told and filtering goes on. */
void ringfenced_allowed_start(struct ringfenced *d);
void ringfenced_allowed_second(struct ringfenced *d);  /* last seen */
void ringfenced_allowed_stop(struct ringfenced *d);
void ringfenced_allowed_free(struct ringfenced *d);
void ringfenced_allowed_json(struct ringfenced *d, struct json *js);
bool ringfenced_conntrack_is_tight(struct ringfenced *d);
void ringfenced_allowed_text(struct ringfenced *d, struct buf *out);

/* What each rule let pass in the kernel alone: once a second, and with now before a stop. */
void ringfenced_uses_second(struct ringfenced *d, bool now);
void ringfenced_uses_json(struct ringfenced *d, struct json *js);
/* Say in *e that the kernel has no such thing, and what to do about it; -1. */
int ringfenced_lacks(const char *what, const char *module, struct err *e);
/* It cannot begin: the table that is there stays; without one, zones that enforce are closed.  Tells the log. */
void ringfenced_close(struct ringfenced *d);

/* sd_notify(3)'s protocol; without NOTIFY_SOCKET nothing happens. */
void ringfenced_notify(const char *state);
/* Whose members may read over the control socket; -1: there is no such group. */
gid_t ringfenced_read_group(void);
/* Keep CAP_NET_ADMIN alone, for good; the descriptors that needed more are open. */
int ringfenced_drop(struct err *e);

#endif
