/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Can a packet reach an entry at all?  Ends are judged by what the policy alone says of them; what is not known counts as
 * possible, so that a warning is right whenever it is given. */
#include "policy/policy_check.h"

#include "base/diag.h"

enum { ICMP = 1, ICMPV6 = 58 };

static void add_family(struct policy_span *s, const struct addr *a)
{
	s->v4 |= a->family == 4;
	s->v6 |= a->family == 6;
}

static void add_zone(struct policy_span *s, const struct policy_zone *z)
{
	for (uint32_t i = 0; i < z->n_nets; i++)
		add_family(s, &z->nets[i].addr);
	s->v4 |= !z->n_nets;
	s->v6 |= !z->n_nets;
	s->guarded |= z->guard != POLICY_OPEN;
	s->open |= z->guard == POLICY_OPEN;
}

static void add_host(const struct policy_check *c, struct policy_span *s, const struct policy_host *h)
{
	for (uint32_t i = 0; i < h->n_nets; i++) {
		uint32_t zone = policy_nets_owner(&c->nets, &h->nets[i]);

		add_family(s, &h->nets[i].addr);
		s->guarded |= zone == POLICY_NONE ? c->zone_without_nets || policy_nets_find(&c->nets, &h->nets[i].addr) != NULL :
						    c->p->zones[zone].guard != POLICY_OPEN;
		s->open |= zone == POLICY_NONE || c->p->zones[zone].guard == POLICY_OPEN;
	}
}

static void add_device(const struct policy_check *c, struct policy_span *s, const struct policy_device *d)
{
	uint32_t zone = policy_check_zone_of(c, d);

	for (uint32_t i = 0; i < d->n_addrs; i++)
		add_family(s, &d->addrs[i]);
	s->v4 |= d->n_macs > 0;         /* it may get other addresses */
	s->v6 |= d->n_macs > 0;
	s->guarded |= zone == POLICY_NONE || c->p->zones[zone].guard != POLICY_OPEN;
	s->open |= zone == POLICY_NONE || c->p->zones[zone].guard == POLICY_OPEN;
}

static void add_group(const struct policy_check *c, struct policy_span *s, const struct policy_group *g)
{
	s->v4 = s->v6 = true;
	for (uint32_t i = 0; i < g->n_zones; i++) {
		s->guarded |= c->p->zones[g->zones[i]].guard != POLICY_OPEN;
		s->open |= c->p->zones[g->zones[i]].guard == POLICY_OPEN;
	}
	s->guarded |= !g->n_zones;
	s->open |= !g->n_zones && (g->n_tags || g->n_devices || g->enrolled == POLICY_YES);
}

struct policy_span policy_check_span(const struct policy_check *c, const struct policy_sel *sel)
{
	struct policy_span s = { 0 };

	if (!sel->n || sel->negate)
		return (struct policy_span){ true, true, true, true };
	for (uint32_t i = 0; i < sel->n; i++) {
		const struct policy_ref *ref = &sel->refs[i];

		switch (ref->kind) {
		case POLICY_REF_ANY: s = (struct policy_span){ true, true, true, true }; break;
		case POLICY_REF_FIREWALL:
		case POLICY_REF_EXTERNAL: s.v4 = s.v6 = s.open = true; break;
		case POLICY_REF_ZONE: add_zone(&s, &c->p->zones[ref->index]); break;
		case POLICY_REF_GROUP: add_group(c, &s, &c->p->groups[ref->index]); break;
		case POLICY_REF_DEVICE: add_device(c, &s, &c->p->devices[ref->index]); break;
		case POLICY_REF_HOST: add_host(c, &s, &c->p->hosts[ref->index]); break;
		}
	}
	return s;
}

/* Services of one family's ICMP alone. */
static bool is_only(const struct policy_services *s, uint8_t proto)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->ports[i].proto != proto)
			return false;
	return s->n && !s->any;
}

/* The zone of a reference where it has one alone; POLICY_NONE: external, the firewall or not known. */
static uint32_t zone_of_ref(const struct policy_check *c, const struct policy_ref *ref, bool *known)
{
	uint32_t zone = POLICY_NONE;

	*known = true;
	if (ref->kind == POLICY_REF_ZONE)
		return ref->index;
	if (ref->kind == POLICY_REF_FIREWALL || ref->kind == POLICY_REF_EXTERNAL)
		return POLICY_NONE;
	if (ref->kind == POLICY_REF_DEVICE)
		zone = policy_check_zone_of(c, &c->p->devices[ref->index]);
	else if (ref->kind == POLICY_REF_HOST && c->p->hosts[ref->index].n_nets == 1)
		zone = policy_nets_owner(&c->nets, &c->p->hosts[ref->index].nets[0]);
	*known = zone != POLICY_NONE;
	return zone;
}

/* The restrict entry that has all of an end as members, or NULL. */
static const struct policy_rule *cuts(const struct policy_check *c, const struct policy_sel *sel)
{
	for (uint32_t i = c->p->n_exceptions; i < c->p->n_exceptions + c->p->n_restrict; i++) {
		const struct policy_rule *r = &c->p->rules[i];
		const struct policy_group *g = &c->p->groups[r->group];
		bool lasts = !r->observe && policy_rule_live(r, c->now_ns) && !r->expires.set;
		bool all = lasts && sel->n && !sel->negate && sel->n <= 64;

		for (uint32_t k = 0; k < sel->n && all; k++)
			all = (sel->refs[k].kind == POLICY_REF_GROUP && sel->refs[k].index == r->group && !g->n_except) ||
			      (sel->refs[k].kind == POLICY_REF_DEVICE && !c->p->devices[sel->refs[k].index].cleared &&
			       policy_check_member(c, g, &c->p->devices[sel->refs[k].index]));
		if (all)
			return r;
	}
	return NULL;
}

/* Is the other end outside every zone that a member could stand in? */
static bool is_elsewhere(const struct policy_check *c, const struct policy_sel *members, const struct policy_sel *other)
{
	for (uint32_t i = 0; i < other->n && !other->negate; i++) {
		bool known;
		uint32_t zone = zone_of_ref(c, &other->refs[i], &known);

		if (!known)
			return false;
		if (zone == POLICY_NONE)
			continue;
		if (c->p->zones[zone].guard == POLICY_OPEN)
			continue;       /* members are cut where they stand in a guarded zone; there this one is another */
		for (uint32_t k = 0; k < members->n; k++)
			if (members->refs[k].kind != POLICY_REF_DEVICE ||
			    zone_of_ref(c, &members->refs[k], &known) == zone || !known)
				return false;
	}
	return other->n && !other->negate;
}

static void check_cut(struct policy_check *c, const struct policy_rule *r)
{
	const struct policy_rule *from = cuts(c, &r->from), *to = cuts(c, &r->to), *cut = NULL;

	if (from && is_elsewhere(c, &r->from, &r->to))
		cut = from;
	else if (to && is_elsewhere(c, &r->to, &r->from))
		cut = to;
	if (cut)
		diag_add2(c->d, DIAG_WARNING, r->loc, cut->loc, "it cuts first", "no packet can match rule '%s': "
			  "restrict entry '%s' comes before every rule; only an exception gets past it", r->id,
			  cut->id);
}

/* A zone with both families, and a host that has IPv4 alone. */
static void check_dual(struct policy_check *c, const struct policy_rule *r, const struct policy_sel *zones,
		       const struct policy_sel *hosts)
{
	const struct policy_zone *dual = NULL;

	for (uint32_t i = 0; i < zones->n && !zones->negate && !dual; i++) {
		struct policy_span s = { 0 };

		if (zones->refs[i].kind != POLICY_REF_ZONE)
			continue;
		add_zone(&s, &c->p->zones[zones->refs[i].index]);
		if (s.v4 && s.v6 && c->p->zones[zones->refs[i].index].n_nets)
			dual = &c->p->zones[zones->refs[i].index];
	}
	for (uint32_t i = 0; i < hosts->n && !hosts->negate && dual; i++) {
		struct policy_span s = { 0 };

		if (hosts->refs[i].kind != POLICY_REF_HOST)
			continue;
		add_host(c, &s, &c->p->hosts[hosts->refs[i].index]);
		if (s.v4 && !s.v6 && policy_check_few(c, POLICY_CROWD_STACK, hosts->refs[i].loc))
			diag_add2(c->d, DIAG_WARNING, hosts->refs[i].loc, dual->loc, "the zone", "host '%s' has IPv4 "
				  "addresses alone and zone '%s' has both: over IPv6, rule '%s' allows nothing",
				  hosts->refs[i].name, dual->name, r->id);
	}
}

static void check_allow(struct policy_check *c, const struct policy_rule *r, struct policy_span from, struct policy_span to)
{
	bool v4 = from.v4 && to.v4, v6 = from.v6 && to.v6;

	if (!v4 && !v6)
		diag_add(c->d, DIAG_WARNING, r->loc, "no packet can match '%s': one end has IPv4 addresses alone, the "
			 "other IPv6", r->id);
	else if ((!v4 && is_only(&r->services, ICMP)) || (!v6 && is_only(&r->services, ICMPV6)))
		diag_add(c->d, DIAG_WARNING, r->services.loc, "no packet can match '%s': its ends speak %s, and its "
			 "services are %s", r->id,
			 v4 ? "IPv4 alone" : "IPv6 alone", v4 ? "icmpv6: write icmp" : "icmp: write icmpv6");
	if (r->section == POLICY_RULE)
		check_cut(c, r);
	check_dual(c, r, &r->from, &r->to);
	check_dual(c, r, &r->to, &r->from);
}

void policy_check_reach(struct policy_check *c)
{
	bool any_guarded = false;

	for (uint32_t i = 0; i < c->p->n_zones; i++)
		any_guarded |= c->p->zones[i].guard != POLICY_OPEN;
	for (uint32_t i = 0; i < c->p->n_rules && any_guarded; i++) {
		const struct policy_rule *r = &c->p->rules[i];
		struct policy_span from, to;

		if (r->disabled || r->section == POLICY_RESTRICT)
			continue;
		from = policy_check_span(c, &r->from);
		to = policy_check_span(c, &r->to);
		if (!from.guarded && !to.guarded)
			diag_add(c->d, DIAG_WARNING, r->loc, "no packet can match '%s': neither end stands in a "
				 "guarded zone, and what passes between others is not decided here", r->id);
		else if (r->action == POLICY_ALLOW)
			check_allow(c, r, from, to);
	}
}
