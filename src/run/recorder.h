/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recorder: the one thread that writes: it drains the workers' rings, merges what they tell into events, attributes what the
 * kernel's denied sets counted, and stores all of it by group commits.  A store that fails is retried and counted; it never
 * stops the draining, and never a packet.
 * The main thread posts into a bounded inbox (events of its own, dumps, inventory changes) and retires judges through it.
 * Owns the database and the spool.  Calls below that post may come from any thread; the rest is the main thread's. */
#ifndef RUN_RECORDER_H
#define RUN_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "event/merge.h"
#include "store/spool.h"

struct db;
struct judge;
struct recorder;
struct tell_denied;
struct ring;

enum { RECORDER_RINGS = 8 };

struct recorder_config {
	struct db *db;                          /* taken over */
	const struct db_report *report;         /* what store_open said */
	struct spool_config spool;
	struct merge_config merge;
	struct ring *rings[RECORDER_RINGS];     /* of struct hit; borrowed */
	uint64_t dropped;                       /* what the events of former daemons tell of the same table */
	unsigned n_rings;
};

/* What was attributed to events, by how the packets were dropped (packets), and how the store is doing. */
struct recorder_stats {
	uint64_t hits;                          /* records drained */
	uint64_t denied, forgotten, rejected;   /* packets that userspace judged and the kernel dropped */
	uint64_t would_block;                   /* … or let pass, in observing zones */
	uint64_t kernel_denied;                 /* dropped by the denied sets, attributed by element */
	uint64_t outage;                        /* of these: while no daemon ran */
	uint64_t elements;                      /* dumped */
	uint64_t told;                          /* packets of events that main posted (flood, strange interface …) */
	uint64_t dropped;                       /* dropped packets in all events stored since the table was made */
	uint64_t inbox_lost;                    /* posts refused because the inbox was full */
	uint64_t keep_failed;                   /* inventory changes that could not be kept */
	uint64_t append_failed;
	unsigned epoch;                         /* of the database: grown means that the inventory is to be put again */
	struct spool_stats spool;
	struct merge_stats merge;
	uint8_t chain[32];
	char store_id[33];
};

/* A sum that was kept in the store; false: none. */
bool recorder_kept(struct db *db, const char *name, uint64_t *ret_packets, uint64_t *ret_bytes);
/* Drops told in events of the table that is there, from the store at the start: the last sum kept, and the events after it.
 * false: nothing was ever kept. */
bool recorder_dropped_before(struct db *db, uint64_t *ret);
struct recorder *recorder_new(const struct recorder_config *c, struct err *e);
void recorder_free(struct recorder *r);         /* stops first: everything drained, told and committed */
OWN(recorder)
int recorder_start(struct recorder *r, struct err *e);
void recorder_stop(struct recorder *r);

void recorder_event(struct recorder *r, const struct event *ev);
/* Attribute elements (a heap array, taken over) that the judge's generation left: counted between first_ns and last_ns (wall).
 * outage: they are from before this daemon. */
void recorder_denied(struct recorder *r, const struct judge *j, struct tell_denied *elements, size_t n,
		     int64_t first_ns, int64_t last_ns, bool outage);
/* Change the inventory: fn runs in the recorder's thread; arg is freed by drop (may be NULL) whether it ran or not. */
typedef int (*recorder_keep_fn)(struct db *db, void *arg, struct err *e);
void recorder_keep(struct recorder *r, recorder_keep_fn fn, void *arg, void (*drop)(void *arg));
/* A ticket: once recorder_passed, everything that was in the rings and the inbox before is dealt with. */
uint64_t recorder_ticket(struct recorder *r);
bool recorder_passed(struct recorder *r, uint64_t ticket);
struct recorder_stats recorder_stats(struct recorder *r);
/* The table was made anew: its counters began at 0, so the sum does. */
void recorder_dropped_anew(struct recorder *r);
uint64_t recorder_beats(const struct recorder *r);

#endif
