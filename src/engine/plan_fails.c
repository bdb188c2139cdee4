/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fail: open: whom it covers and who may be at the other end.  Said positively: whoever is not found here stays shut out. */
#include "engine/plan_part.h"

#include <string.h>

static bool zone_fails_open(const struct policy *p, uint32_t zone)
{
	const struct policy_zone *z = zone == POLICY_NONE ? NULL : &p->zones[zone];

	return z && z->guard != POLICY_OPEN && z->mode == POLICY_ENFORCE && z->fail == POLICY_FAIL_OPEN;
}

static bool any_fails_open(const struct policy *p)
{
	for (uint32_t z = 0; z < p->n_zones; z++)
		if (zone_fails_open(p, z))
			return true;
	return false;
}

static bool iface_fails_open(const struct policy *p, uint32_t iface)
{
	const struct policy_iface *at = &p->ifaces[iface];

	for (uint32_t i = 0; i < at->n_zones; i++) {
		const struct policy_zone *z = &p->zones[at->zones[i]];

		if (z->guard != POLICY_OPEN && z->mode == POLICY_ENFORCE && z->fail != POLICY_FAIL_OPEN)
			return false;
	}
	return true;
}

/* Observed entries count too: what they say is for userspace to tell. */
static bool is_member(const struct prog *g, uint32_t zone, const struct prog_id *id)
{
	const uint32_t row = zone == POLICY_NONE ? g->n_zones : zone;
	const struct prog_member *m = &g->members[g->member_of[(size_t)g->zones[row].joint * g->n_joint_ids + id->joint]];

	return m->first != POLICY_NONE || m->observed != POLICY_NONE;
}

bool plan_spares(const struct plan *p, const struct who_binding *b)
{
	const struct flow_end end = { .iface = b->iface, .iface_known = true, .addr = b->addr };
	const struct prog *g = p->prog;
	const struct prog_leaf *leaf = &g->leaves[lpm_find(g->lpm, &b->addr)];

	if (!p->fails.open || b->iface >= g->n_ifaces || b->id.proof < WHO_VERIFIED || addr_is_unspecified(&b->addr) ||
	    (b->id.listed != WHO_NONE && p->policy->devices[b->id.listed].cleared))
		return false;
	for (unsigned sender = 0; sender < 2; sender++) {
		const struct prog_place *at = prog_place(g, &end, leaf, sender);
		const struct prog_id *id = &g->ids[prog_id_row(g, &b->id, at->flags & PROG_ROUTED)];

		if (at->flags & (PROG_SPOOF | PROG_STRAY | PROG_ROUTED) || !zone_fails_open(p->policy, g->zones[at->row].zone) ||
		    (id->flags & (PROG_KNOWN | PROG_RESTRICTED)) != PROG_KNOWN || is_member(g, g->zones[at->row].zone, id))
			return false;
	}
	return iface_fails_open(p->policy, b->iface);
}

/* Is an end there nobody in particular, and in no zone of which all are members of a restrict entry? */
static bool is_nobodys(const struct prog *g, const struct prog_leaf *leaf, uint32_t iface, bool sender)
{
	const size_t row = iface < g->n_ifaces ? iface : g->n_ifaces;
	const struct prog_place *at = &g->places[sender][row * g->columns + leaf->zone];

	return !prog_is_of_link(g, leaf) &&
	       !(at->flags & (PROG_SPOOF | PROG_STRAY | PROG_GUARDS | PROG_GUARDS_RESTRICTED)) &&
	       (g->zones[at->row].zone == POLICY_NONE || g->policy->zones[g->zones[at->row].zone].guard == POLICY_OPEN) &&
	       !is_member(g, g->zones[at->row].zone, &g->ids[g->nobody]);
}

static bool is_nobodys_source(const struct plan_build *b, const struct prog_leaf *leaf, uint32_t iface)
{
	return is_nobodys(b->g, leaf, iface, true);
}

/* By whichever interface it leaves. */
static bool is_nobodys_anywhere(const struct plan_build *b, const struct prog_leaf *leaf, uint32_t iface)
{
	(void)iface;
	for (size_t i = 0; i < b->open_to.n; i++)
		if (!is_nobodys(b->g, leaf, b->open_to.at[i], false))
			return false;
	return true;
}

int plan_find_fails(struct plan_build *b)
{
	struct plan_fails *f = &b->p->fails;
	const int64_t begins_ns = b->begins_ns[b->policy->n_rules];
	const int64_t until_ns = begins_ns < b->changes_ns ? begins_ns : b->changes_ns;
	struct plan_where *from;
	uint32_t *of;

	f->open = any_fails_open(b->policy);
	if (!f->open)
		return 0;
	f->no_from = b->p->no_from;
	f->until_ns = until_ns == INT64_MAX ? 0 : until_ns;
	from = arena_array(b->p->arena, b->open.n + 1, struct plan_where);
	of = arena_array(b->p->arena, b->policy->n_ifaces + (size_t)1, uint32_t);
	if (!from || !of)
		return plan_out_of_memory(b);
	for (uint32_t i = 0; i < b->policy->n_ifaces; i++)
		of[i] = b->open_of_iface[i];
	for (size_t i = 0; i < b->open.n; i++)
		if (plan_leaf_spans(b, is_nobodys_source, b->open.at[i], &from[i]) < 0)
			return -1;
	f->from = from;
	f->n_from = b->open.n;
	f->from_of = of;
	return plan_leaf_spans(b, is_nobodys_anywhere, WHO_NONE, &f->to);
}

const struct plan_fails *plan_fails(const struct plan *p)
{
	return &p->fails;
}

static bool is_among(const struct plan_where *w, const struct addr *a)
{
	for (size_t i = 0; i < w->n_spans; i++)
		if (addr_compare(&w->spans[i].lo, a) <= 0 && addr_compare(a, &w->spans[i].hi) <= 0)
			return true;
	return false;
}

/* The end's device is spared; without a MAC, whoever has the address, and that one alone. */
static bool is_spared(const struct plan *p, const struct who *w, const struct flow_end *end, bool sender)
{
	bool spared = false;
	unsigned n = 0;

	for (size_t i = 0; i < who_bindings(w); i++) {
		const struct who_binding *b = who_binding(w, i);

		if (b->iface != end->iface || !addr_equal(&b->addr, &end->addr) ||
		    (sender && end->has_mac && !addr_mac_equal(&end->mac, &b->mac)))
			continue;
		spared = plan_class_of(p, b) != PLAN_NONE && prog_may_allow(p->prog, b->iface, &b->id) && plan_spares(p, b);
		n++;
	}
	return spared && n == 1;
}

/* A protocol whose requests are told from the rest. */
static bool is_request(const struct flow *f)
{
	return f->has_ports ? f->proto == 6 || f->proto == 17 : f->from.addr.family == 4 ? f->proto == 1 : f->proto == 58;
}

bool plan_opens(const struct plan *p, const struct who *w, const struct flow *f)
{
	const struct plan_fails *x = &p->fails;
	const uint32_t from = f->from.iface;

	if (!x->open || f->turned || f->shape || f->from.firewall || !f->from.iface_known || from >= p->policy->n_ifaces ||
	    !is_request(f) || plan_eval(p, w, f).act != PLAN_ASK || p->stats.classes_left_out || p->stats.spans_left_out ||
	    p->stats.services_left_out)
		return false;
	if (x->from_of[from] != PLAN_NONE)
		return !x->no_from && f->to.iface_known && !(f->from.has_mac && plan_tells(p, &f->from.mac)) &&
		       is_among(&x->from[x->from_of[from]], &f->from.addr) && is_spared(p, w, &f->to, false);
	if (!is_spared(p, w, &f->from, true))
		return false;
	if (f->to.firewall || !f->to.iface_known)
		return f->to.firewall;
	return plan_is_open(p->policy, f->to.iface) ? is_among(&x->to, &f->to.addr) : is_spared(p, w, &f->to, false);
}
