/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of live flows: open addressing, linear probing; what is taken out lets those behind it move up. */
#include "run/allowed_part.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 1024, ROUNDS = 3 };

void allowed_flows_fini(struct allowed_flows *m)
{
	free(m->slots);
	*m = (struct allowed_flows){ .max = m->max };
}

static struct allowed_flow *slot_of(const struct allowed_flows *m, uint64_t key)
{
	size_t at = key & (m->n_slots - 1);

	while (m->slots[at].used && m->slots[at].key != key)
		at = (at + 1) & (m->n_slots - 1);
	return &m->slots[at];
}

/* Another table with what is to stay. */
static bool rebuild(struct allowed_flows *m, size_t n_slots,
		    bool (*stays)(const struct allowed_flows *m, const struct allowed_flow *f))
{
	struct allowed_flows next = *m;

	next.slots = calloc(n_slots, sizeof(*next.slots));
	if (!next.slots)
		return false;
	next.n_slots = n_slots;
	next.n = 0;
	for (size_t i = 0; i < m->n_slots; i++) {
		if (!m->slots[i].used || (stays && !stays(m, &m->slots[i])))
			continue;
		*slot_of(&next, m->slots[i].key) = m->slots[i];
		next.n++;
	}
	free(m->slots);
	*m = next;
	return true;
}

static bool has_room(struct allowed_flows *m)
{
	if (m->n >= m->max)
		return false;
	if (m->n_slots && m->n < m->n_slots / 4 * 3)
		return true;
	return rebuild(m, m->n_slots ? m->n_slots * 2 : SLOTS_MIN, NULL);
}

static void take_out(struct allowed_flows *m, struct allowed_flow *gone)
{
	const size_t mask = m->n_slots - 1;
	size_t hole = (size_t)(gone - m->slots);

	for (size_t at = (hole + 1) & mask; m->slots[at].used; at = (at + 1) & mask) {
		const size_t home = m->slots[at].key & mask;

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		m->slots[hole] = m->slots[at];
		hole = at;
	}
	m->slots[hole].used = false;
	m->n--;
}

/* A counter that went back belongs to another flow of the same key: the end of the first one was lost. */
static uint64_t grown(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

bool allowed_flows_since(struct allowed_flows *m, struct ctflow *f, bool ended, bool *ret_fresh)
{
	struct allowed_flow *known = m->n_slots ? slot_of(m, f->key) : NULL;
	const struct ctflow now = *f;

	*ret_fresh = !known || !known->used;
	if (!*ret_fresh) {
		for (int i = 0; i < 2; i++) {
			f->packets[i] = grown(now.packets[i], known->packets[i]);
			f->bytes[i] = grown(now.bytes[i], known->bytes[i]);
		}
		if (ended)
			take_out(m, known);
	} else if (!ended) {
		if (!has_room(m)) {
			m->untracked++;
			return false;
		}
		known = slot_of(m, now.key);
		m->n++;
	}
	if (!ended) {
		*known = (struct allowed_flow){ .key = now.key, .round = m->round, .used = true };
		memcpy(known->packets, now.packets, sizeof(now.packets));
		memcpy(known->bytes, now.bytes, sizeof(now.bytes));
	}
	return true;
}

static bool is_fresh(const struct allowed_flows *m, const struct allowed_flow *f)
{
	return m->round - f->round < ROUNDS;
}

void allowed_flows_sweep(struct allowed_flows *m)
{
	bool any = false;

	for (size_t i = 0; i < m->n_slots && !any; i++)
		any = m->slots[i].used && !is_fresh(m, &m->slots[i]);
	if (any)
		rebuild(m, m->n_slots, is_fresh);       /* no memory: next time */
	m->round++;
}
