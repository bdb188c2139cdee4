/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lpm: longest prefix match for both families: 16 bits at once, then 4 at a time (8 where nearly all
 * of them branch), where nothing branches in one leap.
 * Built once, then frozen; any number of threads may look up.  Values are below LPM_VALUES. */
#ifndef ENGINE_LPM_H
#define ENGINE_LPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "net/addr.h"

enum { LPM_VALUES = 1 << 29 };

struct lpm;
struct lpm_entry {
	struct prefix prefix;
	uint32_t value;
};

/* The order that lpm_new wants. */
int lpm_compare(const struct prefix *a, const struct prefix *b);
/* entries: sorted, no prefix twice; otherwise: for addresses that none covers.  It lives in a.  NULL: out of memory. */
struct lpm *lpm_new(const struct lpm_entry *entries, size_t n, uint32_t otherwise, struct arena *a);
uint32_t lpm_find(const struct lpm *l, const struct addr *a);
/* At most LPM_MANY at once, level by level: while one waits for memory, so do the others. */
enum { LPM_MANY = 64 };
void lpm_find_many(const struct lpm *l, const struct addr *const addrs[], unsigned n, uint32_t *ret);
size_t lpm_bytes(const struct lpm *l);
/* All addresses of a family (4 or 6) in order, as intervals of one value: neighbours differ.  false: a visit said so. */
typedef bool (*lpm_visit)(void *ctx, const struct addr *lo, const struct addr *hi, uint32_t value);
bool lpm_each(const struct lpm *l, uint8_t family, lpm_visit visit, void *ctx);

#endif
