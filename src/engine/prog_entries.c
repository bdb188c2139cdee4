/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries: which take part, what their from: and to: look at, and who is a member of a group. */
#include "engine/prog_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum { DEPTH = 16 };

static bool in_list(const uint32_t *list, uint32_t n, uint32_t x)
{
	for (uint32_t i = 0; i < n; i++)
		if (list[i] == x)
			return x != POLICY_NONE;
	return false;
}

static bool like_packs(const struct prog_build *b, uint32_t group, const struct prog_who *who)
{
	const bool *by_maker = b->group_maker + (size_t)group * b->p->n_makers;

	if (who->cleared || who->sticky)
		return !who->cleared;
	for (unsigned i = 0; i < 3; i++)
		if (who->makers[i] != POLICY_NONE && by_maker[who->makers[i]])
			return true;
	return false;
}

static bool like_tags(const struct policy *p, const struct policy_group *g, const struct prog_who *who)
{
	const struct policy_device *d = who->listed == POLICY_NONE ? NULL : &p->devices[who->listed];

	for (uint32_t i = 0; d && i < d->n_tags; i++)
		for (uint32_t k = 0; k < g->n_tags; k++)
			if (strcmp(d->tags[i], g->tags[k]) == 0)
				return true;
	return false;
}

bool prog_is_like(const struct prog_build *b, uint32_t group, const struct prog_who *who)
{
	const struct policy_group *g = &b->p->groups[group];
	bool maker = !g->n_makers;

	if (who->firewall || (g->n_packs && !like_packs(b, group, who)) || (g->n_tags && !like_tags(b->p, g, who)) ||
	    (g->n_devices && !in_list(g->devices, g->n_devices, who->listed)))
		return false;
	for (unsigned i = 0; i < 3; i++)
		maker |= in_list(g->makers, g->n_makers, who->makers[i]);
	return maker && (g->unknown == POLICY_UNSET || (g->unknown == POLICY_YES) == who->unknown) &&
	       (g->enrolled == POLICY_UNSET || (g->enrolled == POLICY_YES) == (who->listed != POLICY_NONE));
}

static bool is_member(const struct prog_build *b, uint32_t group, const struct prog_who *who, uint32_t zone, unsigned depth)
{
	const struct policy_group *g = &b->p->groups[group];

	if (depth > DEPTH || !prog_is_like(b, group, who) || (g->n_zones && !in_list(g->zones, g->n_zones, zone)))
		return false;
	for (uint32_t i = 0; i < g->n_except; i++) {
		const struct policy_ref *x = &g->except[i];

		if (x->kind == POLICY_REF_DEVICE ? x->index == who->listed : is_member(b, x->index, who, zone, depth + 1))
			return false;
	}
	return true;
}

bool prog_is_member(const struct prog_build *b, uint32_t group, const struct prog_who *who, uint32_t zone)
{
	return is_member(b, group, who, zone, 0);
}

static uint8_t asks(const struct policy *p, uint32_t group, unsigned depth)
{
	const struct policy_group *g = &p->groups[group];
	bool zones_alone = g->n_zones && !g->n_packs && !g->n_makers && !g->n_tags && !g->n_devices && !g->unknown &&
			   !g->enrolled && !g->n_except;
	uint8_t what = (uint8_t)((g->n_zones ? PROG_ASKS_ZONE : 0) | (zones_alone ? 0 : PROG_ASKS_WHO));

	for (uint32_t i = 0; i < g->n_except && depth <= DEPTH; i++)
		if (g->except[i].kind == POLICY_REF_GROUP)
			what |= asks(p, g->except[i].index, depth + 1);
	return what;
}

/* Everything that a group's membership hangs on is looked at by the joint tables. */
static void look_into(struct prog_build *b, uint32_t group, unsigned depth)
{
	const struct policy_group *g = &b->p->groups[group];

	b->group_joint[group] = true;
	for (uint32_t i = 0; i < g->n_zones; i++)
		b->zone_joint[g->zones[i]] = true;
	for (uint32_t i = 0; i < g->n_except && depth <= DEPTH; i++) {
		if (g->except[i].kind == POLICY_REF_GROUP)
			look_into(b, g->except[i].index, depth + 1);
		else
			b->device_joint[g->except[i].index] = true;
	}
}

static unsigned dim_of(const struct prog_build *b, const struct policy_ref *r)
{
	switch (r->kind) {
	case POLICY_REF_HOST: return PROG_HOST;
	case POLICY_REF_DEVICE: return PROG_DEVICE;
	case POLICY_REF_GROUP:
		return b->group_asks[r->index] == PROG_ASKS_ZONE ? PROG_ZONE :
		       b->group_asks[r->index] == PROG_ASKS_WHO ? PROG_DEVICE : PROG_JOINT;
	default: return PROG_ZONE;
	}
}

static int add_use(struct prog_build *b, unsigned side, const struct policy_ref *r, uint32_t entry, bool negate)
{
	const bool one_of_many = r->kind != POLICY_REF_FIREWALL && r->kind != POLICY_REF_EXTERNAL;

	if (VEC_PUSH(&b->uses[side], (struct prog_use){ r->kind, one_of_many ? r->index : 0, entry, negate }))
		return 0;
	return err_plain(b->e, ENOMEM, "out of memory");
}

static void look_jointly(struct prog_build *b, unsigned side, const struct policy_sel *sel, uint32_t entry)
{
	pool_set(b->joint_entries[side], entry);
	for (uint32_t i = 0; i < sel->n; i++) {
		const struct policy_ref *r = &sel->refs[i];

		if (r->kind == POLICY_REF_GROUP)
			look_into(b, r->index, 0);
		if (r->kind == POLICY_REF_ZONE)
			b->zone_joint[r->index] = true;
		if (r->kind == POLICY_REF_DEVICE)
			b->device_joint[r->index] = true;
		if (r->kind == POLICY_REF_HOST)
			b->host_joint[side][r->index] = true;
	}
}

/* Put an entry's list where it is looked at. */
static int place_sel(struct prog_build *b, unsigned side, const struct policy_sel *sel, uint32_t entry)
{
	unsigned dims = 0;
	bool any = !sel->n && !sel->loc.line;

	for (uint32_t i = 0; i < sel->n; i++) {
		any |= sel->refs[i].kind == POLICY_REF_ANY;
		dims |= 1U << dim_of(b, &sel->refs[i]);
	}
	if (any || !sel->n) {
		if (any != sel->negate)
			pool_set(b->base[side][PROG_ZONE], entry);
		return 0;
	}
	if (dims & 1U << PROG_JOINT || (sel->negate && dims & (dims - 1))) {
		look_jointly(b, side, sel, entry);
		return 0;
	}
	if (sel->negate)
		pool_set(b->base[side][__builtin_ctz(dims)], entry);
	for (uint32_t i = 0; i < sel->n; i++)
		if (add_use(b, side, &sel->refs[i], entry, sel->negate) < 0)
			return -1;
	return 0;
}

static int compare_uses(const void *va, const void *vb)
{
	const struct prog_use *a = va, *b = vb;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

void prog_apply(const struct prog_build *b, unsigned side, enum policy_ref_kind kind, uint32_t index, uint64_t *row)
{
	const struct prog_uses *u = &b->uses[side];
	const struct prog_use key = { .kind = kind, .index = index };
	size_t lo = 0, hi = u->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (compare_uses(&u->at[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < u->n && compare_uses(&u->at[lo], &key) == 0; lo++) {
		if (u->at[lo].negate)
			pool_clear(row, u->at[lo].entry);
		else
			pool_set(row, u->at[lo].entry);
	}
}

static bool decides_for_all(const struct policy_rule *r)
{
	bool any = r->services.any;

	for (uint32_t i = 0; i < r->services.n; i++)
		any |= r->services.ports[i].any_proto;
	return any && !r->observe;
}

static void study_groups(struct prog_build *b)
{
	const struct policy *p = b->p;

	for (uint32_t g = 0; g < p->n_groups; g++) {
		const struct policy_group *group = &p->groups[g];

		b->group_asks[g] = asks(p, g, 0);
		for (uint32_t m = 0; group->n_packs && m < p->n_makers; m++)
			b->group_maker[(size_t)g * p->n_makers + m] =
				policy_maker_restricted(p, m, group->packs, group->n_packs, b->g->now_ns, NULL);
		for (uint32_t i = 0; i < group->n_devices; i++)
			b->device_named[group->devices[i]] = true;
		for (uint32_t i = 0; i < group->n_except; i++)
			if (group->except[i].kind == POLICY_REF_DEVICE)
				b->device_named[group->except[i].index] = true;
	}
	for (uint32_t i = p->n_exceptions; i < p->n_exceptions + p->n_restrict; i++)
		if (policy_rule_live(&p->rules[i], b->g->now_ns))
			look_into(b, p->rules[i].group, 0);
}

static int make_room(struct prog_build *b)
{
	const struct policy *p = b->p;
	bool ok;

	b->entries = prog_alloc(b, p->n_rules, sizeof(*b->entries));
	b->group_asks = prog_alloc(b, p->n_groups, 1);
	b->group_maker = prog_alloc(b, (size_t)p->n_groups * p->n_makers, 1);
	b->group_joint = prog_alloc(b, p->n_groups, 1);
	b->device_named = prog_alloc(b, p->n_devices, 1);
	b->device_joint = prog_alloc(b, p->n_devices, 1);
	b->zone_joint = prog_alloc(b, p->n_zones, 1);
	b->words = (p->n_rules + 63) / 64 + !p->n_rules;
	b->row = prog_alloc(b, b->words, sizeof(*b->row));
	b->ends_here = prog_alloc(b, b->words, sizeof(*b->row));
	ok = b->entries && b->group_asks && b->group_maker && b->group_joint && b->device_named &&
	     b->device_joint && b->zone_joint && b->row && b->ends_here;
	for (unsigned s = 0; s < PROG_SIDES; s++) {
		b->host_joint[s] = prog_alloc(b, p->n_hosts, 1);
		b->joint_entries[s] = prog_alloc(b, b->words, sizeof(*b->row));
		ok = ok && b->host_joint[s] && b->joint_entries[s];
		for (unsigned d = 0; d < PROG_DIMS; d++) {
			b->base[s][d] = prog_alloc(b, b->words, sizeof(*b->row));
			ok = ok && b->base[s][d];
			pool_init(&b->classes[s][d], b->words, &b->budget);
		}
	}
	return ok ? 0 : prog_too_big(b);
}

/* One entry that is live. */
static int add_entry(struct prog_build *b, uint32_t rule)
{
	const struct policy_rule *r = &b->p->rules[rule];
	const struct policy_sel *sels[] = { &r->from, &r->to };
	uint32_t entry = b->n_entries;

	b->entries[b->n_entries++] = rule;
	if (decides_for_all(r))
		pool_set(b->ends_here, entry);
	for (unsigned s = 0; s < PROG_SIDES; s++) {
		for (uint32_t k = 0; k < sels[s]->n; k++)
			if (sels[s]->refs[k].kind == POLICY_REF_DEVICE)
				b->device_named[sels[s]->refs[k].index] = true;
		if (place_sel(b, s, sels[s], entry) < 0)
			return -1;
	}
	return 0;
}

int prog_entries(struct prog_build *b)
{
	const struct policy *p = b->p;

	if (make_room(b) < 0)
		return -1;
	study_groups(b);
	for (uint32_t i = 0; i < p->n_rules; i++)
		if (p->rules[i].section != POLICY_RESTRICT && policy_rule_live(&p->rules[i], b->g->now_ns) && add_entry(b, i) < 0)
			return -1;
	b->g->n_entries = b->n_entries;
	for (unsigned s = 0; s < PROG_SIDES; s++)
		if (b->uses[s].n)
			qsort(b->uses[s].at, b->uses[s].n, sizeof(*b->uses[s].at), compare_uses);
	return 0;
}
