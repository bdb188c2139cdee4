/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recorder_part: what the recorder's two files share. */
#ifndef RUN_RECORDER_PART_H
#define RUN_RECORDER_PART_H

#include <pthread.h>

#include "base/arena.h"
#include "event/event.h"
#include "run/recorder.h"
#include "run/tell.h"

struct hit;

enum recorder_what { RECORDER_ITEM_EVENT, RECORDER_ITEM_DENIED, RECORDER_ITEM_KEEP, RECORDER_ITEM_TICKET };

struct recorder_item {
	struct recorder_item *next;
	enum recorder_what what;
	struct arena *arena;                    /* EVENT: the event's words */
	struct event event;
	const struct judge *judge;              /* DENIED */
	struct tell_denied *elements;
	size_t n_elements;
	int64_t first_ns, last_ns;
	bool outage;
	recorder_keep_fn keep;                  /* KEEP */
	void *arg;
	void (*drop)(void *arg);
	uint64_t ticket;                        /* TICKET */
};

struct recorder {
	struct db *db;
	struct spool *spool;
	struct merge *merge;
	struct ring *rings[RECORDER_RINGS];
	unsigned n_rings;
	struct recorder_stats now;              /* the thread's own */
	struct tell tell;
	pthread_t thread;
	bool running, stop;
	int wake_fd;
	uint64_t dropped_kept;                  /* the sum as last kept in the store */
	int64_t dropped_due_ns;
	unsigned dropped_epoch;                 /* of the store that it was kept in */
	bool anew;
	uint64_t passed, beats, tickets;
	pthread_mutex_t lock;
	/* under lock: */
	struct recorder_item *head, **tail;
	size_t n_inbox;
	uint64_t inbox_lost;
	struct recorder_stats shown;
};

/* Store an event (merge's callback too). */
void recorder_emit(void *arg, const struct event *ev);
/* Keep the sum of dropped packets, when everything told is committed. */
void recorder_keep_dropped(struct recorder *r);
void recorder_hit(struct recorder *r, const struct hit *h);
void recorder_elements(struct recorder *r, const struct recorder_item *it);
/* The n first elements, which no event knows: scans as one event each, the others by themselves. */
void recorder_strange(struct recorder *r, const struct recorder_item *it, size_t n);

#endif
