/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ifaces: the policy's interface names against the interfaces that there are.  Pure over a link_map; main thread. */
#ifndef RUN_IFACES_H
#define RUN_IFACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/prog.h"

struct arena;
struct link_iface;
struct link_map;
struct policy;

struct ifaces {
	const struct flow_ifpair *pairs;        size_t n_pairs;         /* present ones of the policy */
	const char *const *open;                size_t n_open;          /* of no zone, and standing on no guarded one */
	const char *const *closed;              size_t n_closed;        /* of no zone, but standing on a guarded one: stay shut */
	const char *const *l3;                  size_t n_l3;            /* the policy's that have no Ethernet addresses */
	const char *const *missing;             size_t n_missing;       /* guarded in the policy, not there */
};

/* Everything goes to a. */
int ifaces_read(const struct policy *p, const struct link_map *m, struct arena *a, struct ifaces *ret, struct err *e);
/* Whether anything that matters differs. */
bool ifaces_equal(const struct ifaces *a, const struct ifaces *b);
/* Index into policy->ifaces, or WHO_NONE. */
uint32_t ifaces_find(const struct policy *p, const char *name);

#endif
