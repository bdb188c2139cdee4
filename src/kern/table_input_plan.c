/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_input_plan: the part of the input that a plan says: its classes, who of the bindings is of which, and which classes
 * stand on which interface. */
#include "kern/table_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "engine/plan.h"
#include "ident/who.h"
#include "policy/policy.h"

/* Rows by value, their insides borrowed. */
static void take_rows(const struct plan *plan, struct arena *a, struct table_plan *ret)
{
	const size_t nc = plan_classes(plan), nr = plan_wheres(plan), nt = plan_whats(plan), nm = plan_macs(plan);
	struct plan_class *classes = arena_array(a, nc + 1, struct plan_class);
	struct plan_where *wheres = arena_array(a, nr + 1, struct plan_where);
	struct plan_what *whats = arena_array(a, nt + 1, struct plan_what);
	struct plan_macs *macs = arena_array(a, nm + 1, struct plan_macs);

	if (arena_failed(a))
		return;
	for (size_t i = 0; i < nc; i++)
		classes[i] = *plan_class(plan, (uint32_t)i);
	for (size_t i = 0; i < nr; i++)
		wheres[i] = *plan_where(plan, (uint32_t)i);
	for (size_t i = 0; i < nt; i++)
		whats[i] = *plan_what(plan, (uint32_t)i);
	for (size_t i = 0; i < nm; i++)
		macs[i] = *plan_mac(plan, (uint32_t)i);
	ret->classes = classes;
	ret->wheres = wheres;
	ret->whats = whats;
	ret->n_classes = nc;
	ret->n_wheres = nr;
	ret->n_whats = nt;
	ret->macs = macs;
	ret->n_macs = nm;
	ret->fails = plan_fails(plan)->open ? plan_fails(plan) : NULL;
}

static void take_rules(const struct policy *p, struct arena *a, struct table_plan *ret)
{
	const char **rules = arena_array(a, p->n_rules + 1, const char *);

	for (uint32_t i = 0; rules && i < p->n_rules; i++)
		rules[i] = arena_strdup(a, p->rules[i].id);
	ret->rules = rules;
	ret->n_rules = p->n_rules;
}

static size_t left_out_of(const struct plan *plan)
{
	const struct plan_stats s = plan_stats(plan);

	return (size_t)s.classes_left_out + s.spans_left_out + s.services_left_out;
}

int table_input_take_plan(const struct policy *p, const struct plan *plan, struct arena *a, struct table_input *in, struct err *e)
{
	take_rules(p, a, &in->plan);
	if (!plan)
		return 0;
	take_rows(plan, a, &in->plan);
	in->plan.n_from = p->n_ifaces;
	if (arena_failed(a))
		return err_plain(e, ENOMEM, "out of memory");
	if (table_plan_name(&in->plan, in->ifaces, a, e) < 0)
		return -1;
	in->plan.left_out += left_out_of(plan);
	return 0;
}

/* By interface and address. */
static int compare_places(const void *pa, const void *pb)
{
	const struct table_binding *a = *(struct table_binding *const *)pa, *b = *(struct table_binding *const *)pb;

	if (a->iface != b->iface)
		return a->iface < b->iface ? -1 : 1;
	return addr_compare(&a->addr, &b->addr);
}

static bool same_place(const struct table_binding *a, const struct table_binding *b)
{
	return a->iface == b->iface && addr_equal(&a->addr, &b->addr);
}

/* An address of several devices tells no class; a device of two classes has none. */
static void mark_sole(struct table_binding **order, size_t n)
{
	qsort(order, n, sizeof(struct table_binding *), compare_places);
	for (size_t i = 0; i < n; i++) {
		const bool before = i && same_place(order[i], order[i - 1]);
		const bool after = i + 1 < n && same_place(order[i], order[i + 1]);

		order[i]->sole = !before && !after;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n && same_place(order[i], order[k]); k++)
			if (addr_mac_equal(&order[i]->mac, &order[k]->mac) && order[i]->plan != order[k]->plan)
				order[i]->plan = order[k]->plan = TABLE_NO_PLAN;
}

static int compare_members(const void *pa, const void *pb)
{
	const struct table_members *a = pa, *b = pb;

	if (a->iface != b->iface)
		return a->iface < b->iface ? -1 : 1;
	return a->cls == b->cls ? 0 : a->cls < b->cls ? -1 : 1;
}

/* The pairs that the bindings make, each once, the first TABLE_MAX_MEMBERS of an interface. */
static size_t take_members(struct table_members *all, size_t n)
{
	size_t kept = 0, of_iface = 0;

	qsort(all, n, sizeof(*all), compare_members);
	for (size_t i = 0; i < n; i++) {
		if (i && !compare_members(&all[i], &all[i - 1]))
			continue;
		of_iface = kept && all[kept - 1].iface == all[i].iface ? of_iface + 1 : 1;
		if (of_iface <= TABLE_MAX_MEMBERS)
			all[kept++] = all[i];
	}
	return kept;
}

/* Pairs that may come, where there is room: then a device that comes is only an element. */
static size_t add_prospects(const struct table_setup *s, const struct table_input *in, struct table_members *all, size_t n)
{
	const size_t seen = n;
	size_t of_iface = 0;

	for (uint32_t i = 0; i < plan_prospects(s->plan); i++) {
		const struct plan_prospect *p = plan_prospect(s->plan, i);
		const struct table_members m = { p->iface, in->plan.class_as[p->cls] };

		if (p->iface >= in->n_ifaces || in->ifaces[p->iface].role != TABLE_GUARDED)
			continue;
		if (!i || p->iface != plan_prospect(s->plan, i - 1)->iface) {
			of_iface = 0;
			for (size_t k = 0; k < seen; k++)
				of_iface += all[k].iface == p->iface;
		}
		if (of_iface < TABLE_MAX_MEMBERS && (!seen || !bsearch(&m, all, seen, sizeof(m), compare_members))) {
			all[n++] = m;
			of_iface++;
		}
	}
	return take_members(all, n);
}

int table_input_take_classes(const struct table_setup *s, const struct who *w, const size_t *from, struct table_binding *all,
			     size_t n, struct arena *a, struct arena *brief, struct table_input *in, struct err *e)
{
	const size_t n_prospects = s->plan ? plan_prospects(s->plan) : 0;
	struct table_members *members = arena_array(brief, n + n_prospects + 1, struct table_members);
	struct table_binding **order = arena_array(brief, n + 1, struct table_binding *);
	size_t n_members = 0;

	if (arena_failed(brief))
		return err_plain(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		order[i] = &all[i];
		all[i].plan = TABLE_NO_PLAN;
		if (s->plan && in->ifaces[all[i].iface].role == TABLE_GUARDED)
			all[i].plan = plan_class_of(s->plan, who_binding(w, from[i]));
		all[i].plan = all[i].plan < in->plan.n_classes ? in->plan.class_as[all[i].plan] : TABLE_NO_PLAN;
	}
	mark_sole(order, n);
	for (size_t i = 0; !s->like && i < n; i++)
		if (all[i].plan != TABLE_NO_PLAN)
			members[n_members++] = (struct table_members){ all[i].iface, all[i].plan };
	n_members = take_members(members, n_members);
	if (n_prospects && !s->like)
		n_members = add_prospects(s, in, members, n_members);
	in->plan.members = s->like ? s->like->plan.members : arena_memdup(a, members, n_members * sizeof(*members));
	in->plan.n_members = s->like ? s->like->plan.n_members : n_members;
	if (arena_failed(a))
		return err_plain(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		if (table_plan_find(&in->plan, all[i].iface, all[i].plan) == SIZE_MAX) {
			in->plan.left_out += !s->like && all[i].plan != TABLE_NO_PLAN;
			all[i].plan = TABLE_NO_PLAN;
		}
	/* Whose denials the kernel does not have is not spared: what the policy denies stays denied. */
	for (size_t i = 0; in->plan.fails && i < n; i++)
		all[i].spared = s->plan && all[i].cls == TABLE_KNOWN && all[i].plan != TABLE_NO_PLAN &&
				plan_spares(s->plan, who_binding(w, from[i]));
	return 0;
}
