/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inventory: what ringfenced must still know after a restart: devices with their evidence, bindings, policy texts by digest,
 * when each zone was enforced, observed or without us, the last values of counters, and the latest time ever seen.
 * Functions that write are the recorder's thread's alone (struct db of store_open); each is one short transaction, or part of
 * the one that db_begin opened; EUCLEAN: call spool_set_aside.  Those that read work on either handle.  After a change of db_epoch
 * everything is to be put again. */
#ifndef STORE_INVENTORY_H
#define STORE_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/addr.h"

struct arena;
struct db;

/* Words may be NULL. */
struct inventory_device {
	uint64_t id;                            /* stable; never 0 */
	const char *name, *maker, *cls, *location, *switch_port, *zone, *iface;
	uint16_t vlan;
	bool has_mac;
	struct mac mac;
	bool sticky;                            /* restricted evidence was seen and nobody has cleared it */
	int64_t first_ns, last_ns;
};

struct inventory_evidence {
	uint64_t device;
	const char *source, *value, *strength;  /* one row per (device, source, value) */
	int64_t first_ns, last_ns;
};

struct inventory_binding {
	uint64_t device;
	const char *iface;
	struct mac mac;
	struct addr addr;                       /* one row per (iface, mac, addr) */
	uint8_t proof;                          /* enum who_proof */
	int64_t first_ns, last_ns;
};

struct inventory_interval {
	const char *zone, *state;               /* enforce, observe or outage */
	int64_t start_ns, end_ns;               /* end 0: still so */
};

struct inventory_counter {
	const char *name;
	uint64_t packets, bytes;
};

int inventory_put_device(struct db *db, const struct inventory_device *d, struct err *e);
int inventory_put_evidence(struct db *db, const struct inventory_evidence *v, struct err *e);
int inventory_put_binding(struct db *db, const struct inventory_binding *b, struct err *e);
int inventory_seen_device(struct db *db, uint64_t id, int64_t last_ns, struct err *e);
int inventory_drop_device(struct db *db, uint64_t id, struct err *e);          /* with its evidence and bindings */
int inventory_drop_binding(struct db *db, const struct inventory_binding *b, struct err *e);
int inventory_put_counter(struct db *db, const struct inventory_counter *c, struct err *e);
/* The text of a policy file or pack, kept once per digest (hex). */
int inventory_put_text(struct db *db, const char *digest, const char *name, const void *text, size_t len, int64_t now_ns,
		       struct err *e);
/* The zone is in that state from now on (no change: nothing). */
int inventory_put_state(struct db *db, const char *zone, const char *state, int64_t now_ns, struct err *e);
/* "Still here": the end of what is open, should we vanish, and the latest time seen.  Call with every heartbeat or so. */
int inventory_alive(struct db *db, int64_t now_ns, struct err *e);
/* At start: what was open ends at the last "still here", and an outage of each such zone follows up to now. */
int inventory_resume(struct db *db, int64_t now_ns, struct err *e);

/* Everything of a kind, in id or name order, into a. */
int inventory_devices(struct db *db, struct arena *a, struct inventory_device **ret, size_t *ret_n, struct err *e);
int inventory_evidence(struct db *db, struct arena *a, struct inventory_evidence **ret, size_t *ret_n, struct err *e);
int inventory_bindings(struct db *db, struct arena *a, struct inventory_binding **ret, size_t *ret_n, struct err *e);
int inventory_intervals(struct db *db, const char *zone /* NULL: all */, struct arena *a, struct inventory_interval **ret,
			size_t *ret_n, struct err *e);
int inventory_counters(struct db *db, struct arena *a, struct inventory_counter **ret, size_t *ret_n, struct err *e);
/* ENOENT: none of that digest. */
int inventory_text(struct db *db, const char *digest, struct arena *a, const char **ret, size_t *ret_len, struct err *e);
/* The latest wall clock that inventory_alive or the spool has put; 0: none. */
int inventory_latest(struct db *db, int64_t *ret_ns, struct err *e);
/* The highest device id ever put; the next new device takes one more. */
int inventory_last_device(struct db *db, uint64_t *ret, struct err *e);

#endif
