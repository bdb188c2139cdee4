/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctflow: conntrack's flows that carry our allow in their marks, with packets and bytes both ways: those that live, by a dump,
 * and those that ended, by DESTROY events.  Nothing waits for a listener: what its bounded buffer cannot take is lost and
 * counted.  One listener belongs to one thread. */
#ifndef KERN_CTFLOW_H
#define KERN_CTFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "net/addr.h"

struct nl;
struct ctflow_listener;

/* The ends as the forward hook sees them: the opener before its source is translated, the other after its destination was. */
struct ctflow {
	uint32_t id, mark;
	uint8_t proto, icmp_type, icmp_code;
	bool has_ports, has_counts;             /* has_counts: accounting was on when it began */
	struct addr from, to;
	uint16_t sport, dport;
	uint64_t packets[2], bytes[2];          /* 0: the opener's, 1: the answers */
	uint64_t key;                           /* of this one flow, for as long as it lives */
};

enum ctflow_what { CTFLOW_NONE, CTFLOW_LIVES, CTFLOW_ENDED };

/* One netlink message, any bytes.  CTFLOW_NONE: no flow of ours, and *ret is not touched. */
enum ctflow_what ctflow_parse(const void *msg, size_t len, unsigned mark_shift, struct ctflow *ret);

typedef void (*ctflow_fn)(void *arg, const struct ctflow *f);

/* Hear of flows that end; the kernel passes on only what carries our allow. */
int ctflow_open(unsigned mark_shift, struct ctflow_listener **ret, struct err *e);
void ctflow_free(struct ctflow_listener *l);
static inline void ctflow_listener_free(struct ctflow_listener *l) { ctflow_free(l); }
OWN(ctflow_listener)
int ctflow_fd(const struct ctflow_listener *l);
/* What has come, at most a thousand or so, without waiting; returns how many messages, -1: *e. */
int ctflow_read(struct ctflow_listener *l, ctflow_fn fn, void *arg, struct err *e);
/* Messages that the kernel could not put into the buffer, since the start. */
uint64_t ctflow_lost(const struct ctflow_listener *l);
uint64_t ctflow_odd(const struct ctflow_listener *l);           /* messages that made no sense */

/* Those that live.  One may be told twice, or missed once, when conntrack's table is resized meanwhile. */
int ctflow_dump(struct nl *n, unsigned mark_shift, ctflow_fn fn, void *arg, struct err *e);

/* Have conntrack count bytes and tell of ends; flows that began before have no counts.  -1: *e says which sysctl to set. */
int ctflow_account(struct err *e);

#endif
