/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_input_flow: which rules' flows may be offloaded, and the interfaces that these flows can come in by.  An interface too
 * many costs its packets a look into the flowtable, one too few leaves its flows to the forward hook: so ends that are not told
 * by interface (devices, groups) are taken to be behind every guarded one, hosts behind every other.
 *
 * Only interfaces that the policy names: when one of the flowtable's disappears, so does a hook, and the kernel drops what waits
 * in every queue; what others of the machine come and go must not do that.  None that has to do with a bridge: there the kernel
 * offloads to the port without a route (nf_flow_table_ip.c: nf_flow_dst_check), and revoke.h would not reach the flow. */
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

static bool is_wanted(const struct policy *p, const struct table_iface *f)
{
	bool yes = false;

	for (uint32_t i = 0; i < p->n_rules; i++)
		yes = yes || (p->rules[i].offload && !p->rules[i].disabled &&
			      (may_be(p, f, &p->rules[i].from) || may_be(p, f, &p->rules[i].to)));
	return yes && f->role != TABLE_OBSERVED && strcmp(f->name, "lo") != 0;
}

void table_input_take_flow(const struct policy *p, const struct table_setup *s, struct arena *a, struct table_input *in)
{
	const char **ifaces = arena_array(a, in->n_ifaces + 1, const char *);
	const char **bridged = arena_array(a, s->n_bridged + 1, const char *);
	bool *offload = arena_array(a, p->n_rules + 1, bool);

	if (!ifaces || !bridged || !offload)
		return;
	for (size_t i = 0; i < s->n_bridged; i++)
		bridged[i] = arena_strdup(a, s->bridged[i]);
	in->bridged = bridged;
	in->n_bridged = s->n_bridged;
	if (!s->flowtables || s->closed)
		return;
	for (uint32_t i = 0; i < p->n_rules; i++) {
		offload[i] = p->rules[i].offload && !p->rules[i].disabled;
		in->offload = in->offload || offload[i];
	}
	for (size_t i = 0; i < p->n_ifaces; i++)
		if (is_wanted(p, &in->ifaces[i]) && !table_input_lists(s->bridged, s->n_bridged, in->ifaces[i].name))
			ifaces[in->n_offload_ifaces++] = in->ifaces[i].name;
	in->plan.offload = offload;
	in->offload_ifaces = ifaces;
}
