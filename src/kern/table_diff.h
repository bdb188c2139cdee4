/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_diff: what a set's elements are known to be in the kernel already, so that only what differs is told. */
#ifndef KERN_TABLE_DIFF_H
#define KERN_TABLE_DIFF_H

#include <stdbool.h>

#include "kern/table_model.h"

struct nl_batch;

struct table_diff { const struct table_set **sets; size_t n; };        /* by name */

bool table_diff_init(struct table_diff *d, const struct table *was);   /* was NULL: nothing is known; false: out of memory */
void table_diff_fini(struct table_diff *d);
/* What the kernel's set of s's name holds, if s can be reached from there by single elements; NULL: it is filled anew. */
const struct table_set *table_diff_base(const struct table_diff *d, const struct table_set *s);
bool table_diff_wire(struct nl_batch *b, const struct table *t, const struct table_set *was, const struct table_set *now);

#endif
