/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why: the entries in their order, each matched by itself, up to the one that decided.  Slow; allocates. */
#include "engine/prog_part.h"

#include <stdlib.h>

#include "base/own.h"
#include "engine/trace.h"

struct explain {
	struct prog_build b;
	const struct flow *f;
	struct prog_who who[PROG_SIDES];
	struct prog_combination ends[PROG_SIDES];
	struct trace *tr;
	bool first_restrict;
};

static struct prog_who who_of(const struct prog *g, const struct flow_end *f, uint32_t flags)
{
	const struct policy *p = g->policy;
	struct prog_who who = { .listed = f->id.listed, .sticky = f->id.sticky, .firewall = f->firewall,
				.makers = { POLICY_NONE, POLICY_NONE, flags & PROG_ROUTED ? POLICY_NONE : f->id.maker } };
	const uint32_t id = f->firewall ? g->firewall : prog_id_row(g, &f->id, flags & PROG_ROUTED);

	who.restricted = g->ids[id].flags & PROG_RESTRICTED;
	who.known = g->ids[id].flags & PROG_KNOWN;
	if (f->firewall || (flags & PROG_STRAY && !who.restricted)) {
		who = (struct prog_who){ .listed = POLICY_NONE, .makers = { POLICY_NONE, POLICY_NONE, POLICY_NONE },
					 .firewall = f->firewall };
	} else if (who.listed != POLICY_NONE) {
		who.makers[0] = p->devices[who.listed].maker;
		who.makers[1] = p->devices[who.listed].registry_maker;
		who.cleared = prog_is_cleared(p->devices[who.listed].cleared, g->now_ns);
	}
	who.unknown = flags & PROG_MEANINGFUL && !who.known;
	return who;
}

static void find_hosts(const struct policy *p, const struct addr *a, uint64_t *set)
{
	for (uint32_t h = 0; h < p->n_hosts; h++)
		for (uint32_t i = 0; i < p->hosts[h].n_nets; i++)
			if (addr_prefix_contains(&p->hosts[h].nets[i], a))
				pool_set(set, h);
}

static bool is_served(const struct policy_services *s, const struct flow *f)
{
	bool hit = s->any;

	for (uint32_t i = 0; i < s->n && !hit; i++) {
		const struct policy_port *port = &s->ports[i];

		hit = port->any_proto || (port->proto == f->proto && (!port->has_icmp || port->icmp_type == f->icmp_type) &&
					  (!port->has_ports || (f->has_ports && port->lo <= f->dport && f->dport <= port->hi)));
	}
	return hit;
}

static enum trace_miss try_restrict(struct explain *x, const struct policy_rule *r)
{
	const struct policy *p = x->b.p;
	bool first = x->first_restrict, any = false;

	x->first_restrict = false;
	for (unsigned s = 0; s < PROG_SIDES; s++) {
		const uint32_t zone = prog_zone_of_row(&x->b, x->ends[s].zone_row);

		any |= prog_is_member(&x->b, r->group, &x->who[s], zone) ||
		       (first && x->who[s].unknown && p->zones[zone].unknown == POLICY_UNKNOWN_RESTRICT);
	}
	if (!any)
		return TRACE_NOT_MEMBER;
	return x->ends[0].zone_row == x->ends[1].zone_row && x->ends[0].zone_row < p->n_zones ? TRACE_OWN_ZONE : TRACE_HIT;
}

static enum trace_miss try_entry(struct explain *x, const struct policy_rule *r)
{
	enum trace_miss miss = TRACE_HIT;

	if (r->disabled)
		return TRACE_DISABLED;
	if (!policy_rule_live(r, x->b.g->now_ns))
		return TRACE_NOT_LIVE;
	if (r->section == POLICY_RESTRICT)
		miss = try_restrict(x, r);
	else if (!prog_is_selected(&x->b, &r->from, &x->ends[PROG_FROM]))
		return TRACE_FROM;
	else if (!prog_is_selected(&x->b, &r->to, &x->ends[PROG_TO]))
		return TRACE_TO;
	else if (!is_served(&r->services, x->f))
		return TRACE_SERVICE;
	return miss == TRACE_HIT && r->observe ? TRACE_OBSERVED : miss;
}

static void walk(struct explain *x)
{
	x->first_restrict = true;
	for (uint32_t i = 0; i < x->b.p->n_rules; i++) {
		enum trace_miss miss = try_entry(x, &x->b.p->rules[i]);

		trace_add(x->tr, i, miss);
		if (miss == TRACE_HIT)
			return;
	}
}

static void set_end(struct explain *x, const struct prog *g, unsigned side, uint32_t zone, uint64_t *hosts)
{
	const struct flow_end *end = side == PROG_FROM ? &x->f->from : &x->f->to;
	const bool sender = (side == PROG_TO) == x->f->turned;
	const struct prog_leaf *leaf = &g->leaves[lpm_find(g->lpm, &end->addr)];

	const uint32_t flags = prog_place(g, end, leaf, sender)->flags;

	x->who[side] = who_of(g, end, flags);
	if (!end->firewall && !(flags & PROG_STRAY))
		find_hosts(g->policy, &end->addr, hosts);
	x->ends[side] = (struct prog_combination){ zone != POLICY_NONE ? zone : g->n_zones + end->firewall, &x->who[side], hosts };
}

void prog_explain(const struct prog *g, const struct flow *f, const struct verdict *v, struct trace *tr)
{
	const size_t words = (g->policy->n_hosts + (size_t)63) / 64 + 1;
	AUTO_MEM uint64_t *hosts = calloc(2 * words, sizeof(*hosts));
	struct prog shop = { .policy = g->policy, .now_ns = g->now_ns, .arena = arena_new() };
	struct err e;
	struct explain x = { .f = f, .tr = tr, .b = { .g = &shop, .p = g->policy, .e = &e, .budget = { .max = PROG_BUDGET } } };

	tr->spoof = v->why == VERDICT_SPOOF;
	if (hosts && shop.arena && v->why != VERDICT_SHAPE && v->why != VERDICT_SPOOF && prog_entries(&x.b) == 0) {
		set_end(&x, g, PROG_FROM, v->from_zone, hosts);
		set_end(&x, g, PROG_TO, v->to_zone, hosts + words);
		if (v->why != VERDICT_UNVERIFIED || x.who[f->turned].restricted)
			walk(&x);
	}
	for (unsigned s = 0; s < PROG_SIDES; s++)
		free(x.b.uses[s].at);
	arena_free(shop.arena);
}
