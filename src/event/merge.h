/* SPDX-License-Identifier: GPL-2.0-or-later */
/* merge: the recorder's memory of what it told lately.  The first packet of a (device or MAC, destination, protocol, port, rule,
 * kind) becomes an event at once; what follows is counted and told as one summary per window, with exact packets and bytes and
 * the first and last time.  Bounded: when the table is full a packet of a new key is counted in the overflow row of its kind and
 * rule, when there are too many of those in the one of its kind: no count is ever lost, only its detail.
 * Owns everything; emits through a callback.  One thread. */
#ifndef EVENT_MERGE_H
#define EVENT_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "event/event.h"

struct merge;

/* Fill with MERGE_KEY_INIT first: keys are compared as bytes. */
struct merge_key {
	uint64_t device;                /* stable id; 0: the MAC, and without one the source address, stand for it */
	struct addr from, to;           /* from: set only when neither device nor MAC is known, or tells who of many */
	struct mac mac;                 /* set only when device is 0 */
	uint8_t kind, proto;
	uint16_t port;                  /* destination port, or ICMP type << 8 | code */
	uint16_t pad;
	uint32_t rule;                  /* stands for the rule (or the reason), over reloads too: a hash of its id */
	uint32_t pad2;
};
#define MERGE_KEY_INIT(k) memset((k), 0, sizeof(*(k)))

/* An element of the kernel's denied sets, as its counter is dumped. */
struct merge_denied {
	struct addr from, to;
	struct mac mac;
	uint8_t proto, reply;           /* reply: the packet was one, and port is its source port (the service's) */
	uint16_t port;
	uint16_t pad2;
	uint32_t iface;                 /* ifindex, or whatever the caller uses consistently */
};

struct merge_count {
	uint64_t packets, bytes;
	int64_t first_ns, last_ns;      /* wall clock */
};

struct merge_config {
	int64_t window_ns;              /* 0: 60 s */
	size_t max_keys;                /* 0: 32768 */
	size_t max_rules;               /* overflow rows; 0: 1024 */
};

struct merge_stats {
	size_t keys, rules;             /* rows in use */
	uint64_t first, counted, summaries, folded;     /* first: events told at once; folded: packets counted in overflow rows */
};

/* The event is the callee's to read during the call only. */
typedef void (*merge_emit_fn)(void *arg, const struct event *ev);

struct merge *merge_new(const struct merge_config *c, merge_emit_fn emit, void *arg);  /* NULL: out of memory */
void merge_free(struct merge *m);                       /* NULL is fine; does not flush */
OWN(merge)

/* Count a packet (or several) of a known key.  false: the key is new; then build the event and call merge_start.
 * name: what the packet asked for, or NULL.  denied: remember that the kernel counts for this key (or NULL).
 * now_ns, here and below, is the monotonic clock. */
bool merge_hit(struct merge *m, const struct merge_key *k, const struct merge_denied *denied, const struct merge_count *c,
	       const char *name, int64_t now_ns);
/* Tell ev at once (its counts as given) and count what follows under k.  When the table is full, ev is told only if it
 * opens the overflow row of its kind and rule: then without its ends; otherwise it is counted there. */
void merge_start(struct merge *m, const struct merge_key *k, const struct merge_denied *denied, const struct event *ev,
		 int64_t now_ns);
/* Add what the kernel counted since.  false: no such element is known here (the daemon was restarted, or it is too long ago):
 * the caller tells it itself. */
bool merge_count_denied(struct merge *m, const struct merge_denied *d, const struct merge_count *c, int64_t now_ns);
/* Tell the summaries that are due and forget what has been quiet for a window and a half minute.  Call once a second or so. */
void merge_tick(struct merge *m, int64_t now_ns);
/* Tell everything that is counted and not yet told (before a stop); forget: start anew. */
void merge_flush(struct merge *m, bool forget);
void merge_stats(const struct merge *m, struct merge_stats *ret);

#endif
