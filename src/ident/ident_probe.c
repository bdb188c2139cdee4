/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ident_probe: a series is three probes a second apart.  What is due stands in a heap; a binding that was dropped or asked
 * anew leaves its old entry behind, which is recognised by its serial or its time and passed over. */
#include "ident/ident_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/now.h"

enum { TRIES = 3 };
static const int64_t interval_ns = NOW_NS_PER_S;

static bool sooner(const struct ident_due *a, const struct ident_due *b)
{
	return a->when_ns < b->when_ns || (a->when_ns == b->when_ns && a->bind < b->bind);
}

static void heap_push(struct ident *id, struct ident_due due)
{
	size_t i;

	if (!VEC_PUSH(&id->due, due)) {
		id->facts_lost++;
		return;
	}
	for (i = id->due.n - 1; i > 0 && sooner(&due, &id->due.at[(i - 1) / 2]); i = (i - 1) / 2)
		id->due.at[i] = id->due.at[(i - 1) / 2];
	id->due.at[i] = due;
}

static void heap_pop(struct ident *id)
{
	struct ident_due last = id->due.at[--id->due.n];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < id->due.n) {
		if (child + 1 < id->due.n && sooner(&id->due.at[child + 1], &id->due.at[child]))
			child++;
		if (!sooner(&id->due.at[child], &last))
			break;
		id->due.at[i] = id->due.at[child];
		i = child;
	}
	if (id->due.n)
		id->due.at[i] = last;
}

static void schedule(struct ident *id, uint32_t bind, int64_t when_ns)
{
	id->binds.at[bind].due_ns = when_ns;
	heap_push(id, (struct ident_due){ when_ns, bind, id->binds.at[bind].serial });
}

static bool is_stale(const struct ident *id, const struct ident_due *due)
{
	const struct ident_bind *b = &id->binds.at[due->bind];

	return !b->used || b->serial != due->serial || !b->probing || b->due_ns != due->when_ns;
}

void ident_probe_start(struct ident *id, uint32_t bind, int64_t delay_ns, int64_t now_ns)
{
	struct ident_bind *b = &id->binds.at[bind];

	b->probing = true;
	b->silent = false;
	b->tries = TRIES;
	b->sent_ns = 0;
	schedule(id, bind, now_ns + delay_ns);
}

bool ident_next_probe(struct ident *id, int64_t now_ns, struct ident_probe *ret)
{
	while (id->due.n && id->due.at[0].when_ns <= now_ns) {
		struct ident_due due = id->due.at[0];
		struct ident_bind *b = &id->binds.at[due.bind];

		heap_pop(id);
		if (is_stale(id, &due))
			continue;
		if (!b->tries) {
			b->probing = false;
			ident_silent(id, due.bind, now_ns);
			continue;
		}
		b->tries--;
		b->sent_ns = now_ns;
		schedule(id, due.bind, now_ns + interval_ns);
		memcpy(ret->iface, id->ifaces.at[b->iface].name, sizeof(ret->iface));
		ret->mac = id->macs.at[b->mac].mac;
		ret->addr = b->addr;
		return true;
	}
	return false;
}

int64_t ident_next_due(const struct ident *id)
{
	return id->due.n ? id->due.at[0].when_ns : INT64_MAX;
}
