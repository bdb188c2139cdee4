/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch: what the daemon does by the clock and when others touch its things: pages of the ledger turned and told, moments at
 * which entries begin or end, a policy on trial, threads that no longer move, our table changed by others' hands, what was
 * lost, the heartbeat.  Main thread. */
#ifndef RUN_WATCH_H
#define RUN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "base/vec.h"
#include "kern/nfq.h"
#include "kern/table.h"
#include "run/bypass.h"
#include "run/ledger.h"

struct fence;
struct link_map;
struct observer;
struct publish;
struct recorder;
struct reload;
struct watch;
struct worker;

enum { WATCH_WORKERS = 6 };
#define WATCH_UNANSWERED "unanswered"

struct watch_config {
	struct fence *fence;
	struct publish *publish;
	struct recorder *recorder;
	struct reload *reload;
	struct observer *observer;
	struct link_map *links;                 /* for which addresses are the firewall's own, and ways around the table */
	struct worker *workers[WATCH_WORKERS];
	unsigned n_workers;
	uint16_t queue, queues;                 /* the first, and how many: the asks' and the unknown's */
	int queue_fd;                           /* nfq_stats_open */
	unsigned turn_s, heartbeat_s;           /* 0: 10, 300 */
	bool inherited;                         /* the first page to be collected was written before this daemon, … */
	int64_t since_ns;                       /* … by the wall clock: after this moment */
	bool gap_known;                         /* the store says what former daemons told of this table: */
	uint64_t unanswered_before;             /* told of this table, by former daemons: WATCH_UNANSWERED of the store */
	uint64_t told_before;                   /* … and of the page that was not live, by this one already */
};

/* What could not be attributed to any event's detail, each from its own source. */
struct watch_residual {
	uint64_t unkeyed, no_verdict, stale, fell_through;      /* the table's counters */
	uint64_t queue_full, queue_socket;                      /* the queues' rows in /proc */
	uint64_t unanswered;                                    /* died in a queue: nobody listened, or it was flushed */
	uint64_t hits_lost, copies_lost;                        /* rings; NFLOG sequence gaps */
};

struct watch_state {
	struct table_counts base, counts;       /* at the start, and as last read */
	struct ledger_told told;
	struct watch_residual residual;
	uint64_t tampers, turns, restores_failed;
	uint64_t gap;                           /* dropped before this start, and told by nobody */
	bool stuck;                             /* a thread has not moved */
	struct bypass bypass;                   /* ways around the table, as last seen */
	bool degraded_table;                    /* our table could not be restored */
};

struct watch_others { VEC(struct table_change) found; };

struct watch *watch_new(const struct watch_config *c, struct err *e);
void watch_free(struct watch *w);
OWN(watch)
/* Once a second.  true: all threads move (feed the watchdog). */
bool watch_second(struct watch *w);
/* Every few milliseconds: note that nf_tables is as it was. */
void watch_tick(struct watch *w);
/* fence_watch_fd is readable. */
void watch_tamper(struct watch *w);
/* A policy was put on trial until then (monotonic; 0: no more). */
void watch_trial(struct watch *w, int64_t until_ns);
/* Before a stop: tell the page that waits.  The live one stays: its denials go on being remembered and counted, and whoever
 * starts next reads it. */
void watch_last(struct watch *w);
/* Read the counters now, and tell what was lost. */
void watch_refresh(struct watch *w);
/* Others' rules that may lead around the table; asks the kernel.  Into ret, of zeros; VEC_FREE(&ret->found) afterwards. */
void watch_others(struct watch *w, struct watch_others *ret);
const struct watch_state *watch_state(const struct watch *w);

#endif
