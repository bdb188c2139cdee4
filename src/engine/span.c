/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Only where an interval begins or ends can the class change. */
#include "engine/span.h"

#include <stdlib.h>
#include <string.h>

#include "base/own.h"

struct edge {
	uint32_t at, entry;
	bool begins;
};

static int compare_edges(const void *va, const void *vb)
{
	const struct edge *a = va, *b = vb;

	return (a->at > b->at) - (a->at < b->at);
}

/* How many intervals of each entry are open: an entry's own may overlap. */
static void pass(const struct edge *e, uint32_t *open, const uint64_t *base, uint64_t *row)
{
	if (e->begins && open[e->entry]++ == 0)
		pool_set(row, e->entry);
	else if (!e->begins && --open[e->entry] == 0 && !pool_has(base, e->entry))
		pool_clear(row, e->entry);
}

bool span_classes(const struct span *spans, size_t n, const uint64_t *base, struct pool *classes, uint32_t *table,
		  size_t n_values)
{
	AUTO_MEM struct edge *edges = malloc((2 * n + 1) * sizeof(*edges));
	AUTO_MEM uint32_t *open = calloc(classes->words * 64 + 1, sizeof(*open));
	AUTO_MEM uint64_t *row = malloc((classes->words + 1) * sizeof(*row));
	size_t next = 0;

	if (!edges || !open || !row)
		return false;
	for (size_t i = 0; i < n; i++) {
		edges[2 * i] = (struct edge){ spans[i].lo, spans[i].entry, true };
		edges[2 * i + 1] = (struct edge){ spans[i].hi + 1U, spans[i].entry, false };
	}
	qsort(edges, 2 * n, sizeof(*edges), compare_edges);
	memcpy(row, base, classes->words * sizeof(*row));
	for (size_t v = 0; v < n_values;) {
		uint32_t class;
		size_t end;

		for (; next < 2 * n && edges[next].at <= v; next++)
			pass(&edges[next], open, base, row);
		class = pool_add(classes, row);
		if (class == POOL_NONE)
			return false;
		end = next < 2 * n && edges[next].at < n_values ? edges[next].at : n_values;
		while (v < end)
			table[v++] = class;
	}
	return true;
}
