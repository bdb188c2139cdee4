/* SPDX-License-Identifier: GPL-2.0-or-later */
/* uses: how often each rule let something pass in the kernel alone, and what of it has been told.  The counters live in the
 * kernel and outlive us; what was told of them is kept in the store, so that nothing is told twice or passed over.
 * Plain data; one thread. */
#ifndef RUN_USES_H
#define RUN_USES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

struct uses;

struct uses_rule { char id[64]; uint64_t packets, told; };

struct uses *uses_new(void);                    /* NULL: out of memory */
void uses_free(struct uses *u);
OWN(uses)
/* What the store says was told of a rule; before the first uses_take. */
void uses_kept(struct uses *u, const char *id, uint64_t told);
/* A counter as it is now (table_rule_fn).  One that went back was made anew. */
void uses_take(void *arg, const char *id, uint64_t packets, uint64_t bytes);
/* Those that have grown since they were told: fn with the growth; it counts as told then. */
typedef void (*uses_fn)(void *arg, const struct uses_rule *r, uint64_t grown);
void uses_tell(struct uses *u, uses_fn fn, void *arg);
size_t uses_count(const struct uses *u);
const struct uses_rule *uses_at(const struct uses *u, size_t i);        /* by id */

#endif
