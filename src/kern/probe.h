/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe: what this kernel can do, tried and not assumed: each feature is a batch that the kernel validates and never commits. */
#ifndef KERN_PROBE_H
#define KERN_PROBE_H

#include <stdbool.h>

#include "base/err.h"

struct buf;
struct nl;

enum probe_feature {
	PROBE_QUEUE,            /* nft "queue" */
	PROBE_XT_QUEUE,         /* xt NFQUEUE rev 3 through nft_compat, family inet */
	PROBE_OWNER,            /* OWNER|PERSIST tables */
	PROBE_ELEMENT_COUNTER,  /* sets with counters */
	PROBE_LOG,              /* nft "log group" */
	PROBE_NETDEV_EGRESS,
	PROBE_FLOWTABLE,        /* counted, and the statement that leads into it; others could bypass us with one */
	PROBE_BRIDGE_CT,
	PROBE_FEATURES
};

struct probe { bool has[PROBE_FEATURES]; int code[PROBE_FEATURES]; /* errno when it has not */ };
extern const char *const probe_names[PROBE_FEATURES];

/* Fails when nothing can be asked (no CAP_NET_ADMIN, no nf_tables); a missing feature is no failure. */
int probe_run(struct nl *n, struct probe *ret, struct err *e);
/* One of them; the rest of *ret is left alone.  PROBE_FLOWTABLE harms nobody: probe_run's chains come and go, and with a base
 * chain every packet that waits in a queue of the namespace. */
int probe_one(struct nl *n, enum probe_feature i, struct probe *ret, struct err *e);
void probe_print(const struct probe *p, struct buf *out);       /* one "name: yes|no (why)" a line */

#endif
