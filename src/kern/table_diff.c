/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_diff: see table_diff.h. */
#include "kern/table_diff.h"

#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_tables.h>

#include "kern/table_wire.h"

static int compare_names(const void *pa, const void *pb)
{
	const struct table_set *a = *(const struct table_set *const *)pa, *b = *(const struct table_set *const *)pb;

	return strcmp(a->name, b->name);
}

bool table_diff_init(struct table_diff *d, const struct table *was)
{
	*d = (struct table_diff){ .n = was ? was->sets.n : 0 };
	if (!was)
		return true;
	d->sets = calloc(d->n + 1, sizeof(*d->sets));
	if (!d->sets)
		return false;
	for (size_t i = 0; i < d->n; i++)
		d->sets[i] = &was->sets.at[i];
	qsort(d->sets, d->n, sizeof(*d->sets), compare_names);
	return true;
}

void table_diff_fini(struct table_diff *d)
{
	free(d->sets);
}

/* Only plain sets of single elements are changed one by one. */
const struct table_set *table_diff_base(const struct table_diff *d, const struct table_set *s)
{
	const struct table_set *const *at;

	if (!d->n || s->keep != TABLE_STATIC || s->map)
		return NULL;
	at = bsearch(&s, d->sets, d->n, sizeof(*d->sets), compare_names);
	if (!at || (*at)->stride != s->stride)
		return NULL;
	if (s->interval && ((*at)->n != s->n || (s->n && memcmp((*at)->keys, s->keys, s->n * s->stride))))
		return NULL;
	return *at;
}

static void put(struct table_set *s, const uint8_t *key)
{
	memcpy(s->keys + s->n++ * s->stride, key, s->stride);
}

bool table_diff_wire(struct nl_batch *b, const struct table *t, const struct table_set *was, const struct table_set *now)
{
	struct table_set less = *now, more = *now;
	size_t i = 0, k = 0;
	bool ok;

	less.n = more.n = 0;
	less.keys = malloc((was->n + 1) * now->stride);
	more.keys = malloc((now->n + 1) * now->stride);
	ok = less.keys && more.keys;
	while (ok && (i < was->n || k < now->n)) {
		const uint8_t *old = was->keys + i * now->stride, *new = now->keys + k * now->stride;
		const int c = i == was->n ? 1 : k == now->n ? -1 : memcmp(old, new, now->stride);

		i += c <= 0;
		k += c >= 0;
		if (c)
			put(c < 0 ? &less : &more, c < 0 ? old : new);
	}
	if (ok) {
		table_wire_elements(b, NFT_MSG_DELSETELEM, t, &less);
		table_wire_elements(b, NFT_MSG_NEWSETELEM, t, &more);
	}
	free(less.keys);
	free(more.keys);
	return ok;
}
