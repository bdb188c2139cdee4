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
	const char *const *closed;              size_t n_closed;        /* of no zone, but shut */
	const char *const *l3;                  size_t n_l3;            /* the policy's that have no Ethernet addresses */
	const char *const *missing;             size_t n_missing;       /* guarded in the policy, not there */
	const char *const *down;                size_t n_down;          /* the policy's that are set down */
	const char *const *trunks;              size_t n_trunks;        /* the policy's that VLAN devices stand on */
	const char *const *ports;               size_t n_ports;         /* … that are ports of what the policy does not guard */
	const char *const *stacked;             size_t n_stacked;       /* … whose frames may go on otherwise than by IP */
	bool further;                                                   /* … as the kernel takes frames of a further protocol */
	const char *const *bridged;             size_t n_bridged;       /* anybody's: a bridge, a part of one, or on one */
};

/* Kernel indexes that stood under a guarded name: a rename must not open them, nor a restart after it. */
struct ifaces_once { uint32_t ifindex; char name[16]; };
struct ifaces_memory { struct ifaces_once *at; size_t n, cap; bool changed; };
void ifaces_remember(struct ifaces_memory *mem, const struct policy *p, const struct ifaces *now);
/* Before another policy: let go of those that still have the name that the old one guards; the new one says what they are. */
void ifaces_release(struct ifaces_memory *mem, const struct policy *old, const struct link_map *m);
void ifaces_forget(struct ifaces_memory *mem);
/* To and from a file, which counts for this boot and this network namespace alone; no file: nothing is remembered.  What has the
 * name that it was guarded under is not taken: the policy says what it is. */
int ifaces_keep(struct ifaces_memory *mem, const char *path, struct err *e);
int ifaces_recall(struct ifaces_memory *mem, const char *path, const struct link_map *m, struct err *e);

/* Everything goes to a.  mem may be NULL. */
int ifaces_read(const struct policy *p, const struct link_map *m, const struct ifaces_memory *mem, struct arena *a,
		struct ifaces *ret, struct err *e);
/* Somebody in the kernel takes frames of a further protocol (MPLS, PPPoE) and may send them on: by /proc/net/ptype (NULL), or by a
 * file like it.  Where it cannot be read, somebody does.  No link tells when that changes. */
bool ifaces_further(const char *ptype);
/* Whether anything that matters differs. */
bool ifaces_equal(const struct ifaces *a, const struct ifaces *b);
/* Whether the policy's interfaces are there and up alike.  Where they are not, routes have changed with them, and flows that were
 * decided by where they led may be led elsewhere. */
bool ifaces_lead_alike(const struct ifaces *a, const struct ifaces *b);
/* Index into policy->ifaces, or WHO_NONE. */
uint32_t ifaces_find(const struct policy *p, const char *name);

#endif
