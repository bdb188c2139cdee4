/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ct: conntrack's entries as far as our bits in their marks go.  Entries are never deleted: that breaks NATed recordings. */
#ifndef KERN_CT_H
#define KERN_CT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/addr.h"

struct nl;

/* Which entries: those with our bits set whose generation is in the set (bit g) and, with n_addrs, that have one of these
 * addresses (sorted by addr_compare) at either end. */
struct ct_match { uint64_t generations; const struct addr *addrs; size_t n_addrs; };
#define CT_ANY_GENERATION UINT64_MAX

/* Clear our 8 bits in every entry that matches; *ret_n (or NULL) how many.  An entry that ends meanwhile is no error. */
int ct_clear(struct nl *n, unsigned mark_shift, const struct ct_match *m, size_t *ret_n, struct err *e);
/* Bit g: some entry carries generation g. */
int ct_generations(struct nl *n, unsigned mark_shift, uint64_t *ret, struct err *e);

/* What conntrack itself lost, summed over CPUs (ctnetlink GET_STATS_CPU) and the table's fill. */
struct ct_stats { uint64_t found, invalid, insert_failed, drop, early_drop, error; uint64_t entries, max; };
int ct_read_stats(struct nl *n, struct ct_stats *ret, struct err *e);
enum { CT_NEARLY_FULL = 90 };
bool ct_is_filled(const struct ct_stats *s, unsigned percent);         /* to that, or more */

#endif
