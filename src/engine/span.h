/* SPDX-License-Identifier: GPL-2.0-or-later */
/* span: intervals of small numbers (ports, ICMP types), each belonging to an entry, become classes: numbers that lie in the
 * same entries' intervals are of one class.  For building; pure. */
#ifndef ENGINE_SPAN_H
#define ENGINE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/pool.h"

struct span {
	uint16_t lo, hi;        /* inclusive */
	uint32_t entry;         /* bit in the rows of classes */
};

/* table[v] = class of v, for v in 0 .. n_values - 1.  base: the entries that cover every value.  false: memory ran out. */
bool span_classes(const struct span *spans, size_t n, const uint64_t *base, struct pool *classes, uint32_t *table,
		  size_t n_values);

#endif
