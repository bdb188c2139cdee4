/* SPDX-License-Identifier: GPL-2.0-or-later */
/* observer: turns wishes into knowledge.  What workers, ARP and neighbour discovery claim goes to ident; the probes that ident
 * wants are sent; answers come back; facts become events; a changed view of who is published, at most every few milliseconds;
 * what is worth keeping goes to the store.  Owns ident and the packet sockets.  Main thread. */
#ifndef RUN_OBSERVER_H
#define RUN_OBSERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

struct db;
struct ident;
struct ident_device;
struct json;
struct link_map;
struct observer;
struct policy;
struct publish;
struct reload;
struct ring;
struct who_id;

enum { OBSERVER_RINGS = 8 };

struct observer_config {
	struct link_map *links;
	struct publish *publish;
	uint32_t macs_per_minute;               /* 0: ident's default */
	uint16_t log_group;                     /* where the table logs neighbour discovery; 0: nowhere */
};

struct observer_stats {
	uint64_t claims, refused, probes, answers, arp_errors, facts, views, view_ns;
	uint64_t seeks, seeks_refused;          /* questions to everybody, about an address that was opened to; beyond SEEKS */
	uint64_t malformed, contradictory;
	uint64_t unheard;                       /* neighbour discovery that was logged and lost */
	uint64_t limits_hit, facts_lost;        /* events of limits; facts that nobody took in time */
};

/* Opens the packet sockets: needs CAP_NET_RAW now, never again. */
struct observer *observer_new(const struct observer_config *c, struct err *e);
void observer_free(struct observer *o);
OWN(observer)
struct ident *observer_ident(struct observer *o);
/* What the store remembers; before the first policy.  Rows that make no sense are counted, not fatal. */
int observer_restore(struct observer *o, struct db *db, int64_t now_ns, unsigned *ret_bad, struct err *e);
/* Where views are published and facts are told; and the workers' rings of wishes. */
void observer_attach(struct observer *o, struct reload *r, struct ring *const *rings, unsigned n_rings);
int observer_fd4(const struct observer *o);
int observer_fd6(const struct observer *o);

/* Sockets or wishes are readable, or time has passed: take what there is, ask what is due, publish what changed.
 * -1: the kernel refused a changed view (*e); it is tried again. */
int observer_step(struct observer *o, struct err *e);
/* Is there more to do within milliseconds, although no socket tells: a view that is held back, or what the step left over? */
bool observer_waits(const struct observer *o);
/* The device sent something lately (see run/allowed). */
void observer_seen(struct observer *o, uint64_t device, int64_t when_ns);
/* Once a second: what changed goes to the store, some thousands of rows at a time.  all: everything (the store was made anew). */
void observer_keep(struct observer *o, bool all);
void observer_keep_rest(struct observer *o);    /* all that waits: at the end */
struct observer_stats observer_stats(const struct observer *o);
/* Every device as JSON objects into an open array, or as rows by the callback. */
typedef void (*observer_device_fn)(void *arg, const struct ident_device *d, const struct who_id *id);
void observer_devices(struct observer *o, observer_device_fn fn, void *arg);

#endif
