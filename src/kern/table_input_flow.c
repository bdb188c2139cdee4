/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_input_flow: which rules' flows may be offloaded, and the interfaces that these flows can come in by.  An interface too
 * many costs its packets a look into the flowtable, one too few leaves a direction to the forward hook: so ends that are not
 * told by interface (devices, groups) are taken to be behind every guarded one, hosts behind every other. */
#include "kern/table_input.h"

#include <string.h>

#include "base/arena.h"
#include "policy/policy.h"

static bool is_in(const struct policy *p, const struct table_iface *f, const struct policy_ref *r)
{
	const struct policy_zone *z;

	switch (r->kind) {
	case POLICY_REF_ZONE:
		z = &p->zones[r->index];
		for (uint32_t i = 0; i < z->n_ifaces; i++)
			if (!strcmp(p->ifaces[z->ifaces[i]].name, f->name))
				return true;
		return !z->n_ifaces && f->role == TABLE_OPEN;   /* behind some router */
	case POLICY_REF_GROUP:
	case POLICY_REF_DEVICE:
		return f->role == TABLE_GUARDED;
	case POLICY_REF_HOST:
	case POLICY_REF_EXTERNAL:
		return f->role == TABLE_OPEN;
	case POLICY_REF_FIREWALL:
		return false;
	default:
		return true;
	}
}

static bool may_be(const struct policy *p, const struct table_iface *f, const struct policy_sel *s)
{
	bool yes = !s->n || s->negate;

	for (uint32_t i = 0; i < s->n; i++)
		yes = yes || is_in(p, f, &s->refs[i]);
	return yes;
}

/* Ports of what is not guarded are no way to route. */
static bool is_wanted(const struct policy *p, const struct table_iface *f)
{
	bool yes = false;

	for (uint32_t i = 0; i < p->n_rules; i++)
		yes = yes || (p->rules[i].offload && !p->rules[i].disabled &&
			      (may_be(p, f, &p->rules[i].from) || may_be(p, f, &p->rules[i].to)));
	return yes && f->role != TABLE_OBSERVED && !f->port && strcmp(f->name, "lo") != 0;
}

void table_input_take_flow(const struct policy *p, struct arena *a, struct table_input *in)
{
	const char **ifaces = arena_array(a, in->n_ifaces + 1, const char *);
	bool *offload = arena_array(a, p->n_rules + 1, bool);

	if (!ifaces || !offload)
		return;
	for (uint32_t i = 0; i < p->n_rules; i++) {
		offload[i] = p->rules[i].offload && !p->rules[i].disabled;
		in->offload = in->offload || offload[i];
	}
	for (size_t i = 0; i < in->n_ifaces; i++)
		if (is_wanted(p, &in->ifaces[i]))
			ifaces[in->n_offload_ifaces++] = in->ifaces[i].name;
	in->plan.offload = offload;
	in->offload_ifaces = ifaces;
}
