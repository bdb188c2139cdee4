/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MACs of senders on open interfaces that tell something: of a maker or a device that the program does not take for just
 * anybody.  A prefix of such a maker counts whole, whoever has longer ones in it: asking is never wrong. */
#include "engine/plan_part.h"

#include <stdlib.h>
#include <string.h>

#include "policy/registry.h"

struct macs { VEC(struct plan_macs) at; };

/* Known or not means nothing where no zone is guarded. */
static bool is_anybody(const struct prog *g, const struct who_id *id)
{
	const struct prog_id *a = &g->ids[prog_id_row(g, id, false)], *b = &g->ids[g->nobody];

	return a->class[PROG_FROM] == b->class[PROG_FROM] && a->joint == b->joint &&
	       (a->flags & PROG_RESTRICTED) == (b->flags & PROG_RESTRICTED);
}

static int compare_macs(const void *va, const void *vb)
{
	const struct plan_macs *a = va, *b = vb;

	return memcmp(a->lo.b, b->lo.b, sizeof(a->lo.b));
}

static void unite(struct macs *m)
{
	size_t n = 0;

	if (m->at.n)
		qsort(m->at.at, m->at.n, sizeof(*m->at.at), compare_macs);
	for (size_t i = 0; i < m->at.n; i++) {
		struct plan_macs *last = n ? &m->at.at[n - 1] : NULL, *next = &m->at.at[i];

		if (!last || addr_mac_u64(&last->hi) + 1 < addr_mac_u64(&next->lo))
			m->at.at[n++] = *next;
		else if (addr_mac_u64(&last->hi) < addr_mac_u64(&next->hi))
			last->hi = next->hi;
	}
	m->at.n = n;
}

static bool add_makers(const struct plan_build *b, struct macs *ret)
{
	const struct policy *p = b->policy;
	struct plan_macs m;

	for (uint32_t i = 0; p->registry && i < registry_rows(p->registry); i++) {
		const uint32_t maker = p->maker_of_registrant[registry_row(p->registry, i, &m.lo, &m.hi)];
		const struct who_id id = { .listed = WHO_NONE, .maker = maker };

		if (maker != POLICY_NONE && !is_anybody(b->g, &id) && !VEC_PUSH(&ret->at, m))
			return false;
	}
	return true;
}

static bool add_devices(const struct plan_build *b, struct macs *ret)
{
	struct plan_macs m;

	for (size_t i = 0; i < who_macs(b->w); i++) {
		const struct who_id id = who_mac(b->w, i, &m.lo);

		m.hi = m.lo;
		if (!is_anybody(b->g, &id) && !VEC_PUSH(&ret->at, m))
			return false;
	}
	return true;
}

int plan_find_macs(struct plan_build *b)
{
	struct macs m = { 0 };
	bool ok = add_makers(b, &m) && add_devices(b, &m);

	unite(&m);
	b->p->no_from = m.at.n > PLAN_MAX_MACS;
	if (ok && !b->p->no_from && m.at.n) {
		b->p->macs = arena_memdup(b->p->arena, m.at.at, m.at.n * sizeof(*m.at.at));
		b->p->n_macs = m.at.n;
		ok = b->p->macs != NULL;
	}
	b->p->stats.classes_left_out = b->p->no_from;
	VEC_FREE(&m.at);
	return ok ? 0 : plan_out_of_memory(b);
}

bool plan_knows_macs(const struct plan *p, const struct who *w)
{
	struct mac m;

	for (size_t i = 0; !p->no_from && i < who_macs(w); i++) {
		const struct who_id id = who_mac(w, i, &m);

		if (!is_anybody(p->prog, &id) && !plan_tells(p, &m))
			return false;
	}
	return true;
}
