/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fence: the kernel's table as the daemon keeps it: sent whole with each generation, its bindings kept equal to who, its ledger
 * read page by page, watched for others' hands.  Owns two netlink sockets and the input that the live table was made from.
 * Main thread. */
#ifndef RUN_FENCE_H
#define RUN_FENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "kern/ct.h"
#include "kern/table.h"

struct buf;
struct fence;
struct ifaces;
struct judge;

struct fence_options {
	uint16_t queue, queues, nflog_group;    /* queues: how many for asks, from queue on; the next is the unknown's */
	bool native_queue, fences, flowtables;  /* flowtables: for rules with offload */
	bool owner;                             /* nobody else may change the table while we live: where the kernel can */
};

struct fence *fence_new(const struct fence_options *o, struct err *e);
void fence_free(struct fence *f);               /* the kernel's table stays */
OWN(fence)

/* What is in the kernel at start.  A table that is not ours in shape is an error. */
int fence_about(struct fence *f, struct table_about *ret, struct err *e);
/* The value for the next generation: after the live one, free of conntrack entries that still carry it. */
int fence_next_generation(struct fence *f, unsigned mark_shift, unsigned *ret, struct err *e);
/* Make the kernel's table say what the judge does, in its generation, writing to the other page of the ledger. */
int fence_send(struct fence *f, const struct judge *j, const struct ifaces *i, bool closed, struct err *e);
/* Bring only the bindings up to the judge's who: changed owners' flows lose their marks first, then the elements change, then
 * denials are forgotten.  *ret_changed: how many elements. */
int fence_bind(struct fence *f, const struct judge *j, size_t *ret_changed, struct err *e);
/* A device came whose class the live table does not have, and it is time to send the table anew for it (its flows are asked
 * about until then). */
bool fence_wants_plan(const struct fence *f);
/* Are flows of rules with offload put into a flowtable? */
bool fence_offloads(const struct fence *f);
/* They could not be called back after a change: they go on by an earlier decision, and it is tried again. */
bool fence_revoke_due(const struct fence *f);
/* What is left to do after a change that could not be done to its end: flows that are offloaded still. */
void fence_tick(struct fence *f);
/* There is a flood: what is remembered as denied is dropped before its route is looked up, from now on. */
int fence_early(struct fence *f, struct err *e);
/* The same table again: after somebody removed or changed it. */
int fence_restore(struct fence *f, struct err *e);
/* Who may change the table: FENCE_SHARED: anybody (the kernel knows no owners that leave a table behind, we did not ask for one, or
 * the table was made without and keeps to that until it is made anew, at the next boot). */
enum fence_owner { FENCE_SHARED, FENCE_OWNED };
enum fence_owner fence_owner(struct fence *f);
bool fence_is_gone(struct fence *f);             /* there is no table of ours at all */
/* Make the other page live; false in *ret when there is an old page that nobody has collected yet. */
int fence_turn(struct fence *f, bool *ret, struct err *e);
/* Does an old page wait, and since when (monotonic)?  fence_collect reads and clears it. */
bool fence_page_waits(const struct fence *f, int64_t *ret_since_ns);
int fence_collect(struct fence *f, struct table_ledger *ret, struct err *e);
/* At start: what the page that is not live holds. */
int fence_collect_left(struct fence *f, const struct table_about *about, struct table_ledger *ret, struct err *e);

int fence_counters(struct fence *f, struct table_counts *ret, struct err *e);
int fence_rules(struct fence *f, table_rule_fn fn, void *arg, struct err *e);
int fence_ct_stats(struct fence *f, struct ct_stats *ret, struct err *e);
/* Lines of difference between the kernel's table and ours. */
int fence_verify(struct fence *f, struct buf *out, size_t *ret_n, struct err *e);
/* The same between the kernel's table and what the judge says now, made from nothing that was sent before but the plan (classes
 * that came since then are for fence_wants_plan). */
int fence_agrees(struct fence *f, const struct judge *j, const struct ifaces *i, struct buf *out, size_t *ret_n, struct err *e);
void fence_print(const struct fence *f, struct buf *out);
const struct table_input *fence_input(const struct fence *f);   /* NULL before the first fence_send */

/* Somebody else's changes to nf_tables: readable when there are some. */
int fence_watch_fd(const struct fence *f);
int fence_watch(struct fence *f, table_change_fn fn, void *arg, bool *ret_lost, struct err *e);
/* nf_tables' counter of transactions, whoever's. */
int fence_genid(struct fence *f, uint32_t *ret, struct err *e);
/* Has nobody but us changed nf_tables since the last time this was asked, as far as can be told? */
bool fence_only_ours(struct fence *f);
/* What others have there already. */
int fence_risks(struct fence *f, table_change_fn fn, void *arg, struct err *e);

#endif
