/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker_pace: how a worker waits for its next batch, from the rate at which packets came lately.  Pure arithmetic.
 * Few packets: it sleeps until one comes, as nobody could answer that one sooner.  Many: waking for each would cost more than
 * judging it, so that naps fill the next batch; a nap is as long as a good batch takes to come, within what a first packet
 * can bear. */
#ifndef RUN_WORKER_PACE_H
#define RUN_WORKER_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct worker_pace {
	int64_t since_ns;               /* of the present window, on the monotonic clock */
	uint64_t packets;               /* in it */
	int64_t nap_ns;                 /* 0: few packets */
};

enum {
	WORKER_BUSY_PPS = 30000, WORKER_CALM_PPS = 26000,       /* when naps begin, and when they end */
	WORKER_WINDOW_US = 4000,
	WORKER_BATCH = 64,                                      /* what a nap waits for */
	WORKER_NAP_MIN_US = 100, WORKER_NAP_MAX_US = 400,
};

/* A batch of n (0: none) was taken, and it was all that waited.  Returns how long to nap in ns; 0: sleep until one comes. */
int64_t worker_pace_next(struct worker_pace *p, unsigned n, int64_t now_ns);

#endif
