/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking ahead: the places where most lookups end are fetched before anybody needs them.  Decides nothing. */
#include "ident/who.h"

#include "ident/who_part.h"

/* A record may lie across two cache lines. */
static inline void fetch(const void *record, size_t size)
{
	const char *at = record;

	__builtin_prefetch(at);
	if (at)
		__builtin_prefetch(at + size - 1);
}

static inline void fetch_slot(const struct who_hash *h, uint64_t hash)
{
	__builtin_prefetch(&h->slots[hash & h->mask]);
}

/* The first record that a lookup would look at; NULL: none. */
#define FIRST(h, hash, records) \
	((h)->slots[(hash) & (h)->mask] ? &(records).at[(h)->slots[(hash) & (h)->mask] - 1] : NULL)

void who_ahead_slots(const struct who *w, const struct mac *m, const struct addr *from, const struct addr *to,
		     struct who_ahead *ret)
{
	ret->from = who_hash_addr(w, from);
	ret->to = who_hash_addr(w, to);
	ret->mac = m ? who_hash_mac(w, m) : 0;
	fetch_slot(&w->by_mac, ret->mac);
	fetch_slot(&w->by_pair, ret->mac ^ ret->from);
	fetch_slot(&w->by_listing, ret->from);
	fetch_slot(&w->by_listing, ret->to);
	fetch_slot(&w->by_addr, ret->to);
}

void who_ahead_records(const struct who *w, const struct who_ahead *a)
{
	fetch(FIRST(&w->by_mac, a->mac, w->macs), sizeof(*w->macs.at));
	fetch(FIRST(&w->by_pair, a->mac ^ a->from, w->binds), sizeof(*w->binds.at));
	fetch(FIRST(&w->by_listing, a->from, w->listings), sizeof(*w->listings.at));
	fetch(FIRST(&w->by_listing, a->to, w->listings), sizeof(*w->listings.at));
	fetch(FIRST(&w->by_addr, a->to, w->binds), sizeof(*w->binds.at));
}

void who_ahead_holder(const struct who *w, const struct who_ahead *a)
{
	const struct who_bind *b = FIRST(&w->by_addr, a->to, w->binds);

	if (b)
		fetch(&w->macs.at[b->mac_at], sizeof(*w->macs.at));
}
