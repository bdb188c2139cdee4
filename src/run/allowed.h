/* SPDX-License-Identifier: GPL-2.0-or-later */
/* allowed: what was allowed, by the hour: learnt from conntrack (flows that end tell their counts, those that live are asked for
 * theirs now and then), put to (device, destination, protocol, port, rule) by the judge in force, and handed to the recorder.
 * A thread and sockets of its own; nothing waits for it.  Each packet is counted once: a flow's counts are remembered, and only
 * what came since is added.  What passed while no daemon ran is not told.
 * Bounded: of live flows beyond the limit only the end is told; beyond the limit of rows an hour, ends are summed up by rule. */
#ifndef RUN_ALLOWED_H
#define RUN_ALLOWED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

struct allowed;
struct qs_ptr;
struct recorder;

struct allowed_config {
	struct qs_ptr *judge;                   /* published already */
	struct recorder *recorder;
	unsigned period_s;                      /* between two looks at live flows; 0: 10 */
	size_t max_flows, max_rows;             /* 0: 262144, 32768 */
};

struct allowed_stats {
	uint64_t ended, lives;                  /* flows that ended since the start; that live, as of the last look */
	uint64_t packets, bytes;                /* counted, both ways */
	uint64_t rows;                          /* of this hour */
	uint64_t lost;                          /* ends that the kernel could not tell us: the buffer was full */
	uint64_t odd;                           /* messages that made no sense */
	uint64_t untracked, folded;             /* flows beyond the limits */
	uint64_t rows_lost;                     /* that could not be stored */
	uint64_t removed;                       /* by retention */
	uint64_t look_us, failed;               /* how long the last look took; looks that failed */
};

/* A device that sent something lately. */
struct allowed_sight { uint64_t device; int64_t when_ns; };

struct allowed *allowed_new(const struct allowed_config *c, struct err *e);
void allowed_free(struct allowed *a);           /* after the recorder: what it holds refers to it */
OWN(allowed)
int allowed_start(struct allowed *a, struct err *e);
void allowed_stop(struct allowed *a);           /* a last look; what it finds is with the recorder */
struct allowed_stats allowed_stats(struct allowed *a);
/* Who was seen since the last time, at most max of them.  Any thread. */
size_t allowed_seen(struct allowed *a, struct allowed_sight *ret, size_t max);

#endif
