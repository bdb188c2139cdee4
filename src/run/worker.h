/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker: one thread, one source: batch, decode, judge, answer, tell.  worker_step is the same for a live queue, for copies and for
 * a capture file: nothing else in the program decides packets.
 * Per packet there is no allocation, lock or system call; each gets exactly one answer; a full ring costs the record alone.
 * Threads: a worker runs on its own; its counters may be read by any thread, its rings have one reader each. */
#ifndef RUN_WORKER_H
#define RUN_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "base/qs.h"

struct ring;
struct source;
struct worker;

struct worker_config {
	const char *name;                       /* "ask": for the thread's name, log and status */
	struct source *source;                  /* taken over */
	struct qs_ptr *judge;                   /* of const struct judge */
	size_t hits, wishes;                    /* ring sizes; 0: 16384, 4096 */
	int wish_fd;                            /* eventfd to write when there are new wishes, -1: none */
	int cpu;                                /* to stay on, -1: any */
	unsigned cpu_step;                      /* and on cpu + cpu_step, cpu + 2 * cpu_step, …; 0: cpu alone */
};

struct worker_stats {
	uint64_t packets, bytes, batches, errors;
	uint64_t allowed, denied, forgotten, rejected;  /* as answered: forgotten is denied without memory */
	uint64_t would_block;                   /* of the allowed ones */
	uint64_t unguarded;
	uint64_t hits, hits_lost, wishes_lost;
	uint64_t seeks_refused;                 /* one sender opened to more unknown addresses than are asked for */
	uint64_t vanished, odd;
	uint64_t step_ns;                       /* spent deciding and answering */
	uint64_t beats;                         /* grows while the thread is alive */
};

struct worker *worker_new(const struct worker_config *c, struct err *e);
void worker_free(struct worker *w);             /* stops the thread first */
OWN(worker)
int worker_start(struct worker *w, struct err *e);
void worker_stop(struct worker *w);             /* and waits for it */
/* One batch: the number of packets; 0: none now; -1: *e.  For replay and tests, without a thread. */
int worker_step(struct worker *w, struct err *e);

struct ring *worker_hits(struct worker *w);     /* of struct hit; the recorder's */
struct ring *worker_wishes(struct worker *w);   /* of struct wish; the main thread's */
struct worker_stats worker_stats(const struct worker *w);
const char *worker_name(const struct worker *w);

#endif
