/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of building a plan. */
#include "engine/plan_part.h"

#include <errno.h>
#include <stdlib.h>

/* An entry that denies and has not begun yet will end what entries behind it allow. */
static int find_changes(struct plan_build *b)
{
	const struct policy *p = b->policy;
	int64_t next = INT64_MAX;

	b->changes_ns = policy_next_authority(p, b->g->now_ns);
	b->begins_ns = malloc((p->n_rules + (size_t)1) * sizeof(*b->begins_ns));
	if (!b->begins_ns)
		return plan_out_of_memory(b);
	for (uint32_t i = 0; i < p->n_rules; i++) {
		const struct policy_rule *r = &p->rules[i];

		b->begins_ns[i] = next;
		if (r->section != POLICY_EXCEPTION && r->action != POLICY_ALLOW && !r->disabled && !r->observe &&
		    r->starts.set && r->starts.ns > b->g->now_ns && r->starts.ns < next)
			next = r->starts.ns;
	}
	b->begins_ns[p->n_rules] = next;
	return 0;
}

static int freeze(struct plan_build *b)
{
	struct plan *p = b->p;
	struct plan_what *whats = arena_array(p->arena, b->whats.pieces.n + 1, struct plan_what);
	struct plan_where *wheres = arena_array(p->arena, b->wheres.pieces.n + 1, struct plan_where);

	for (size_t i = 0; whats && i < b->whats.pieces.n; i++) {
		const struct plan_service *all = b->whats.pieces.at[i].at;

		whats[i] = (struct plan_what){ all + 1, b->whats.pieces.at[i].bytes / sizeof(*all) - 1, all[0].answer };
	}
	for (size_t i = 0; wheres && i < b->wheres.pieces.n; i++)
		wheres[i] = (struct plan_where){ b->wheres.pieces.at[i].at,
						 b->wheres.pieces.at[i].bytes / sizeof(struct plan_span) };
	p->whats = whats;
	p->n_whats = b->whats.pieces.n;
	p->wheres = wheres;
	p->n_wheres = b->wheres.pieces.n;
	p->n_classes = b->classes.n;
	p->classes = arena_array(p->arena, b->classes.n + 1, struct plan_class);
	if (!p->classes)
		return plan_out_of_memory(b);
	for (size_t i = 0; i < b->classes.n; i++)
		p->classes[i] = b->classes.at[i];
	p->stats.classes = p->n_classes;
	p->stats.wheres = p->n_wheres;
	p->stats.whats = p->n_whats;
	p->stats.bytes = sizeof(*p) + arena_bytes(p->arena) + p->budget.used;
	return arena_failed(p->arena) ? plan_out_of_memory(b) : 0;
}

static int (*const steps[])(struct plan_build *b) = {
	find_changes, plan_places, plan_services, plan_find_macs, plan_find_fails, plan_find_kinds, plan_draw_lines,
	plan_make_classes,
	plan_keep_prospects, freeze,
};

static void clean(struct plan_build *b)
{
	for (unsigned i = 0; i < 2; i++) {
		VEC_FREE(&b->leaves[i]);
		VEC_FREE(&b->runs[i].at);
		VEC_FREE(&b->places[i]);
		for (unsigned f = 0; f < 2; f++) {
			VEC_FREE(&b->lines[i][f].steps);
			VEC_FREE(&b->lines[i][f].ends);
		}
		VEC_FREE(&b->where_of_row[i][0]);
		VEC_FREE(&b->where_of_row[i][1]);
		pool_fini(&b->rows[i]);
		free(b->place_of_leaf[i]);
	}
	VEC_FREE(&b->holes);
	VEC_FREE(&b->open);
	VEC_FREE(&b->open_to);
	VEC_FREE(&b->what_of_key);
	VEC_FREE(&b->kinds);
	VEC_FREE(&b->prospects);
	VEC_FREE(&b->classes);
	VEC_FREE(&b->allows);
	VEC_FREE(&b->services);
	pool_fini(&b->keys);
	pool_fini(&b->looks);
	bank_fini(&b->whats);
	bank_fini(&b->wheres);
	free(b->open_of_iface);
	free(b->begins_ns);
	free(b->results);
}

int plan_build(const struct prog *prog, const struct who *w, struct plan **ret, struct err *e)
{
	AUTO(plan) p = calloc(1, sizeof(*p));
	struct plan_build b = { .p = p, .g = prog, .policy = prog->policy, .w = w, .e = e };
	int rc = 0;

	if (!p || !(p->arena = arena_new()))
		return err_plain(e, ENOMEM, "out of memory");
	p->prog = prog;
	p->policy = prog->policy;
	p->budget.max = PLAN_BUDGET;
	pool_init(&p->kinds, PLAN_KIND_WORDS, &p->budget);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps) && rc == 0; i++)
		rc = steps[i](&b);
	clean(&b);
	if (rc == 0)
		*ret = TAKE(p);
	return rc;
}
