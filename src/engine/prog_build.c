/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of building, what they may cost, and whom to blame when that is not enough. */
#include "engine/prog_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORST = 3 };

void *prog_alloc(struct prog_build *b, size_t n, size_t size)
{
	n = n ? n : 1;
	return n <= b->budget.max / size && pool_spend(&b->budget, n * size) ? arena_alloc(b->g->arena, n, size) : NULL;
}

/* In how many classes of one side an entry takes part. */
static uint64_t spread(const struct prog_build *b, unsigned side, uint32_t entry)
{
	uint64_t n = 1;

	for (unsigned d = 0; d < PROG_DIMS; d++) {
		const struct pool *p = &b->classes[side][d];

		for (uint32_t i = 0; p->words && i < p->n; i++)
			n += pool_has(pool_at(p, i), entry);
		n += d == PROG_JOINT && pool_has(b->joint_entries[side], entry) ? UINT64_C(1) << 20 : 0;
	}
	return n;
}

int prog_too_big(struct prog_build *b)
{
	uint64_t cost[WORST + 1] = { 0 };
	uint32_t worst[WORST + 1];
	unsigned n = 0;
	char names[160] = "";
	size_t len = 0;

	if (b->budget.max - b->budget.used > b->budget.max / 4 && arena_failed(b->g->arena))
		return err_plain(b->e, ENOMEM, "out of memory");
	for (uint32_t i = 0; i < b->n_entries; i++) {
		uint64_t c = spread(b, PROG_FROM, i) * spread(b, PROG_TO, i);
		unsigned at = n;

		for (; at > 0 && cost[at - 1] < c; at--) {
			cost[at] = cost[at - 1];
			worst[at] = worst[at - 1];
		}
		cost[at] = c;
		worst[at] = b->entries[i];
		n = n < WORST ? n + 1 : WORST;
	}
	for (unsigned i = 0; i < n && len < sizeof(names) - 1; i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s'%s'", i ? ", " : "", b->p->rules[worst[i]].id);
	return err_set(b->e, E2BIG, n ? b->p->rules[worst[0]].loc : LOC_NONE,
		       "the compiled tables would need more than %zu MiB; the costliest entries are %s", b->budget.max >> 20,
		       n ? names : "the zones, devices and restrict entries");
}

static int (*const steps[])(struct prog_build *b) = {
	prog_entries, prog_places, prog_hosts, prog_zones, prog_ids, prog_joint, prog_members, prog_services, prog_tables,
	prog_may,
};

static int run(struct prog_build *b)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (steps[i](b) < 0)
			return -1;
	for (unsigned s = 0; s < PROG_SIDES; s++)
		for (unsigned d = 0; d < PROG_DIMS; d++)
			b->g->n_classes[s][d] = b->classes[s][d].n;
	b->g->n_sets = b->sets.n;
	b->g->n_services = b->services.n;
	b->g->bytes = sizeof(*b->g) + arena_bytes(b->g->arena);
	return arena_failed(b->g->arena) ? err_plain(b->e, ENOMEM, "out of memory") : 0;
}

static void clean(struct prog_build *b)
{
	for (unsigned s = 0; s < PROG_SIDES; s++) {
		for (unsigned d = 0; d < PROG_DIMS; d++)
			pool_fini(&b->classes[s][d]);
		pool_fini(&b->joint_hosts[s]);
		free(b->uses[s].at);
	}
	pool_fini(&b->sets);
	pool_fini(&b->services);
	pool_fini(&b->results);
	pool_fini(&b->members);
	free(b->joint_who.at);
	free(b->joint_zones.at);
}

int prog_build(const struct policy *p, int64_t now_ns, struct prog **ret, struct err *e)
{
	struct prog *g = calloc(1, sizeof(*g));
	struct prog_build b = { .g = g, .p = p, .e = e, .budget = { .max = PROG_BUDGET } };
	int rc;

	if (!g || !(g->arena = arena_new_huge())) {
		free(g);
		return err_plain(e, ENOMEM, "out of memory");
	}
	g->policy = p;
	g->now_ns = now_ns;
	g->n_zones = p->n_zones;
	g->n_ifaces = p->n_ifaces;
	g->n_devices = p->n_devices;
	g->n_makers = p->n_makers;
	g->n_rules = p->n_rules;
	rc = run(&b);
	clean(&b);
	if (rc < 0)
		prog_free(g);
	else
		*ret = g;
	return rc;
}

void prog_free(struct prog *g)
{
	if (!g)
		return;
	arena_free(g->arena);
	free(g);
}

size_t prog_bytes(const struct prog *g)
{
	return g->bytes;
}

const struct policy *prog_policy(const struct prog *g)
{
	return g->policy;
}
