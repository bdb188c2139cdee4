/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_flow: our flowtable in the kernel.  It hangs on those of its devices that are there; others' absence is no failure.  Taking
 * it away flushes every queue of the namespace, so one that no rule uses any more stays.  But one that is not as it should be (a
 * device too many, other flags) is made anew, with none of its flows: they may be of a kind that cannot be revoked (those that
 * leave by a bridge's port: table_input_flow.c). */
#ifndef KERN_TABLE_FLOW_H
#define KERN_TABLE_FLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf;
struct nl;
struct nl_batch;
struct table;
struct table_live;

/* What makes the kernel's flowtable the model's, ahead of the rules that use it; false: out of memory. */
bool table_flow_put(struct nl_batch *b, const struct table *t, const struct table_live *l);
/* Is there one, of ours or others' (who put our flows into theirs): may flows pass by our hooks? */
int table_flow_present(struct nl *n, bool *ret, struct err *e);
/* How it differs, a line each; returns how many. */
size_t table_flow_differences(const struct table *t, const struct table_live *l, struct buf *out);
/* Others' flowtables on guarded interfaces, a line each. */
int table_flow_others(struct nl *n, const struct table *t, struct buf *out, size_t *ret_n, struct err *e);

#endif
