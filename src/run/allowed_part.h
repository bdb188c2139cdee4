/* SPDX-License-Identifier: GPL-2.0-or-later */
/* allowed_part: what the module's files share: the memory of live flows, and the rows of this hour. */
#ifndef RUN_ALLOWED_PART_H
#define RUN_ALLOWED_PART_H

#include "base/vec.h"
#include "kern/ctflow.h"
#include "run/allowed.h"
#include "store/traffic.h"

struct judge;

/* ---- live flows: how much of each has been counted ---- */

struct allowed_flow { uint64_t key, packets[2], bytes[2]; uint32_t round; bool used; };
struct allowed_flows {
	struct allowed_flow *slots;
	size_t n, n_slots, max;                 /* n_slots: a power of two, or 0 */
	uint32_t round;
	uint64_t untracked;
};

void allowed_flows_fini(struct allowed_flows *m);
/* What has come since the last time: f's counts are replaced by it.  *ret_fresh: it was not known.
 * false: not to be counted now (there is no room to remember it; its end will tell all). */
bool allowed_flows_since(struct allowed_flows *m, struct ctflow *f, bool ended, bool *ret_fresh);
/* Forget those that three looks in a row have not seen: their end was lost. */
void allowed_flows_sweep(struct allowed_flows *m);

/* ---- rows of this hour ---- */

struct allowed_row { struct traffic_row sum; bool pending; };
struct allowed_rows {
	VEC(struct allowed_row) at;
	uint32_t *heads;                        /* open addressing: index + 1 */
	size_t n_heads, max;
	int64_t hour_ns;
	uint64_t folded;
};

/* Which interface an end is behind: the kernel's index, or the firewall itself. */
struct allowed_ways { uint32_t from, to; bool from_here, to_here; };

/* Whose flow it is, by which rule: all of a row but its counts and times. */
void allowed_attribute(const struct judge *j, const struct ctflow *f, const struct allowed_ways *w, struct traffic_row *ret);
void allowed_rows_fini(struct allowed_rows *rows);
void allowed_rows_begin(struct allowed_rows *rows, int64_t hour_ns);    /* forget; what is pending must have been taken */
/* Add counts and times to the row of the same hour and key; -1: out of memory. */
int allowed_rows_add(struct allowed_rows *rows, const struct traffic_row *r);

#endif
