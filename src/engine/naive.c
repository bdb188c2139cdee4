/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decision as /src/README.md tells it, in its order and without any cleverness: loops over the policy alone. */
#include "engine/naive.h"

#include <string.h>

#include "policy/policy.h"

enum { DEPTH = 16 };            /* of groups that except groups; the policy's reader refuses circles */

struct side {
	const struct flow_end *end;
	bool sender;
	uint32_t iface, zone, claimed;  /* claimed: a spoofed address's zone */
	bool spoof, stray;              /* stray: nobody's address on a guarded interface, or a guarded zone's not towards it */
	uint32_t listed, makers[3];
	bool cleared, sticky, restricted, known, unknown;
};

struct ask {
	const struct policy *p;
	int64_t now;
	const struct flow *f;
	struct side from, to;
};

static uint32_t zone_of_addr(const struct policy *p, const struct addr *a)
{
	uint32_t best = POLICY_NONE;
	int len = -1;

	for (uint32_t z = 0; z < p->n_zones; z++) {
		for (uint32_t i = 0; i < p->zones[z].n_nets; i++) {
			const struct prefix *net = &p->zones[z].nets[i];

			if (net->len > len && addr_prefix_contains(net, a)) {
				best = z;
				len = net->len;
			}
		}
	}
	return best;
}

/* The first zone on the interface that is guarded, else the first. */
static uint32_t home_of(const struct policy *p, uint32_t iface)
{
	const struct policy_iface *at = &p->ifaces[iface];

	for (uint32_t i = 0; i < at->n_zones; i++)
		if (p->zones[at->zones[i]].guard != POLICY_OPEN)
			return at->zones[i];
	return at->n_zones ? at->zones[0] : POLICY_NONE;
}

/* The first zone on the interface that has no networks and so owns what nobody claims. */
static uint32_t owner_of(const struct policy *p, uint32_t iface)
{
	const struct policy_iface *at = &p->ifaces[iface];

	for (uint32_t i = 0; i < at->n_zones; i++)
		if (!p->zones[at->zones[i]].n_nets)
			return at->zones[i];
	return POLICY_NONE;
}

static bool is_guarded_iface(const struct policy *p, uint32_t iface)
{
	uint32_t home = iface == POLICY_NONE ? POLICY_NONE : home_of(p, iface);

	return home != POLICY_NONE && p->zones[home].guard != POLICY_OPEN;
}

/* May an address of this zone come in there?  A zone without interfaces may come in anywhere but where guarded devices stand. */
static bool may_come_from(const struct policy *p, uint32_t zone, uint32_t iface)
{
	const struct policy_zone *z = &p->zones[zone];

	for (uint32_t i = 0; i < z->n_ifaces; i++)
		if (z->ifaces[i] == iface)
			return true;
	return !z->n_ifaces && !is_guarded_iface(p, iface);
}

/* To an address of a guarded zone, but by an interface where it is not: a route leads elsewhere. */
static bool is_led_astray(const struct policy *p, uint32_t zone, const struct side *s)
{
	const struct policy_zone *z = &p->zones[zone];

	return !s->sender && s->end->iface_known && z->guard != POLICY_OPEN && z->n_ifaces && !may_come_from(p, zone, s->iface);
}

static void find_zone(const struct policy *p, struct side *s)
{
	const struct flow_end *end = s->end;
	uint32_t by_addr = zone_of_addr(p, &end->addr);

	s->zone = s->claimed = s->iface = POLICY_NONE;
	if (end->firewall)
		return;
	if (end->iface_known)
		s->iface = end->iface;
	else if (by_addr != POLICY_NONE && p->zones[by_addr].n_ifaces)
		s->iface = p->zones[by_addr].ifaces[0];
	if (addr_is_of_link(&end->addr)) {
		s->zone = s->iface == POLICY_NONE ? POLICY_NONE : home_of(p, s->iface);
	} else if (by_addr != POLICY_NONE && is_led_astray(p, by_addr, s)) {
		s->stray = true;
		s->claimed = by_addr;
	} else if (by_addr != POLICY_NONE) {
		s->spoof = s->sender && end->iface_known && !may_come_from(p, by_addr, s->iface);
		s->claimed = s->spoof ? by_addr : POLICY_NONE;
		s->zone = !s->spoof ? by_addr : s->iface == POLICY_NONE ? POLICY_NONE : home_of(p, s->iface);
	} else if (s->iface != POLICY_NONE) {
		s->zone = owner_of(p, s->iface);
		s->stray = s->zone == POLICY_NONE && is_guarded_iface(p, s->iface);
		if (s->stray)
			s->zone = home_of(p, s->iface);
	}
}

static bool is_cleared(const struct policy_cleared *c, int64_t now)
{
	return c && (!c->date.set || now >= c->date.ns) && (!c->until.set || now < c->until.ns);
}

static bool any_restricted(const struct ask *q, const struct side *s, const uint32_t *packs, uint32_t n_packs)
{
	for (unsigned i = 0; i < 3; i++)
		if (s->makers[i] != POLICY_NONE && policy_maker_restricted(q->p, s->makers[i], packs, n_packs, q->now, NULL))
			return true;
	return false;
}

/* A maker that an authority only describes says nothing until it is assessed. */
static bool any_decided_maker(const struct ask *q, const struct side *s)
{
	struct policy_basis_hit hit;

	for (unsigned i = 0; i < 3; i++) {
		if (s->makers[i] == POLICY_NONE)
			continue;
		policy_maker_restricted(q->p, s->makers[i], NULL, 0, q->now, &hit);
		if (!hit.described_only)
			return true;
	}
	return false;
}

static void find_identity(const struct ask *q, struct side *s)
{
	const struct who_id *id = &s->end->id;
	const struct policy *p = q->p;

	s->listed = s->makers[0] = s->makers[1] = s->makers[2] = POLICY_NONE;
	if (s->end->firewall)
		return;
	s->sticky = id->sticky;
	s->listed = id->listed;
	if (s->listed != POLICY_NONE) {
		s->makers[0] = p->devices[s->listed].maker;
		s->makers[1] = p->devices[s->listed].registry_maker;
		s->cleared = is_cleared(p->devices[s->listed].cleared, q->now);
	}
	if (s->zone == POLICY_NONE || !p->zones[s->zone].routed)
		s->makers[2] = id->maker;
	s->restricted = !s->cleared && (s->sticky || any_restricted(q, s, NULL, 0));
	if (s->stray && !s->restricted)
		s->listed = s->makers[0] = s->makers[1] = s->makers[2] = POLICY_NONE;
	s->known = s->restricted || s->listed != POLICY_NONE || any_decided_maker(q, s);
	s->unknown = !s->known && s->zone != POLICY_NONE && p->zones[s->zone].guard == POLICY_GUARDED;
}

static bool counts(const struct policy *p, const struct side *s, uint32_t zone)
{
	return zone != POLICY_NONE && (p->zones[zone].guard == POLICY_GUARDED ||
				       (p->zones[zone].guard == POLICY_GUARDED_RESTRICTED && s->restricted));
}

static bool is_guarded(const struct policy *p, const struct side *s)
{
	if (counts(p, s, s->zone) || counts(p, s, s->claimed))
		return true;
	for (uint32_t i = 0; s->iface != POLICY_NONE && i < p->ifaces[s->iface].n_zones; i++)
		if (counts(p, s, p->ifaces[s->iface].zones[i]))
			return true;
	return false;
}

static bool counts_and_enforces(const struct policy *p, const struct side *s, uint32_t zone)
{
	return counts(p, s, zone) && p->zones[zone].mode == POLICY_ENFORCE;
}

/* The end's own zone speaks for it; the interface's other zones only where its own is not guarded. */
static bool enforces(const struct policy *p, const struct side *s)
{
	if (counts_and_enforces(p, s, s->zone) || counts_and_enforces(p, s, s->claimed))
		return true;
	if (counts(p, s, s->zone) || s->iface == POLICY_NONE)
		return false;
	for (uint32_t i = 0; i < p->ifaces[s->iface].n_zones; i++)
		if (counts_and_enforces(p, s, p->ifaces[s->iface].zones[i]))
			return true;
	return false;
}

/* Was the source's address never proved, where that matters? */
static bool is_unverified(const struct policy *p, const struct side *s)
{
	uint32_t home = s->iface == POLICY_NONE ? POLICY_NONE : home_of(p, s->iface);
	bool strict = s->zone != POLICY_NONE && p->zones[s->zone].guard == POLICY_GUARDED;
	bool any = (s->zone != POLICY_NONE && p->zones[s->zone].guard != POLICY_OPEN) ||
		   (home != POLICY_NONE && p->zones[home].guard != POLICY_OPEN);

	for (uint32_t i = 0; s->iface != POLICY_NONE && i < p->ifaces[s->iface].n_zones; i++)
		strict |= p->zones[p->ifaces[s->iface].zones[i]].guard == POLICY_GUARDED;
	return s->sender && s->end->has_mac && s->known && s->end->id.proof < WHO_VERIFIED &&
	       !addr_is_unspecified(&s->end->addr) && (s->zone == POLICY_NONE || !p->zones[s->zone].routed) &&
	       (s->restricted ? any : strict);
}

static bool has_tag(const struct policy_device *d, const char *tag)
{
	for (uint32_t i = 0; i < d->n_tags; i++)
		if (strcmp(d->tags[i], tag) == 0)
			return true;
	return false;
}

static bool is_in(const uint32_t *list, uint32_t n, uint32_t x)
{
	for (uint32_t i = 0; i < n; i++)
		if (list[i] == x)
			return x != POLICY_NONE;
	return false;
}

static bool any_tag(const struct ask *q, const struct policy_group *g, const struct side *s)
{
	for (uint32_t i = 0; s->listed != POLICY_NONE && i < g->n_tags; i++)
		if (has_tag(&q->p->devices[s->listed], g->tags[i]))
			return true;
	return false;
}

static bool any_maker(const struct policy_group *g, const struct side *s)
{
	return is_in(g->makers, g->n_makers, s->makers[0]) || is_in(g->makers, g->n_makers, s->makers[1]) ||
	       is_in(g->makers, g->n_makers, s->makers[2]);
}

static bool agrees(enum policy_tristate want, bool is)
{
	return want == POLICY_UNSET || (want == POLICY_YES) == is;
}

static bool is_member(const struct ask *q, uint32_t group, const struct side *s, unsigned depth)
{
	const struct policy_group *g = &q->p->groups[group];

	if (s->end->firewall || depth > DEPTH)
		return false;
	if (g->n_packs && (s->cleared || !(s->sticky || any_restricted(q, s, g->packs, g->n_packs))))
		return false;
	if ((g->n_makers && !any_maker(g, s)) || (g->n_tags && !any_tag(q, g, s)) ||
	    (g->n_devices && !is_in(g->devices, g->n_devices, s->listed)) || (g->n_zones && !is_in(g->zones, g->n_zones, s->zone)))
		return false;
	if (!agrees(g->unknown, s->unknown) || !agrees(g->enrolled, s->listed != POLICY_NONE))
		return false;
	for (uint32_t i = 0; i < g->n_except; i++) {
		const struct policy_ref *x = &g->except[i];

		if (x->kind == POLICY_REF_DEVICE ? x->index == s->listed : is_member(q, x->index, s, depth + 1))
			return false;
	}
	return true;
}

/* Never the firewall (a rule towards the core must not open the firewall's own address there), and never an address that
 * nobody claims on a guarded interface (a camera could take any host's address of the outside). */
static bool is_host(const struct policy_host *h, const struct side *s)
{
	if (s->end->firewall || s->stray)
		return false;
	for (uint32_t i = 0; i < h->n_nets; i++)
		if (addr_prefix_contains(&h->nets[i], &s->end->addr))
			return true;
	return false;
}

static bool is_ref(const struct ask *q, const struct policy_ref *r, const struct side *s)
{
	switch (r->kind) {
	case POLICY_REF_ANY: return true;
	case POLICY_REF_FIREWALL: return s->end->firewall;
	case POLICY_REF_EXTERNAL: return !s->end->firewall && s->zone == POLICY_NONE;
	case POLICY_REF_ZONE: return s->zone == r->index;
	case POLICY_REF_GROUP: return is_member(q, r->index, s, 0);
	case POLICY_REF_DEVICE: return s->listed == r->index;
	case POLICY_REF_HOST: return is_host(&q->p->hosts[r->index], s);
	}
	return false;
}

static bool is_selected(const struct ask *q, const struct policy_sel *sel, const struct side *s)
{
	bool any = !sel->n && !sel->loc.line;

	for (uint32_t i = 0; i < sel->n; i++)
		any |= is_ref(q, &sel->refs[i], s);
	return any != sel->negate;
}

static bool is_served(const struct policy_services *services, const struct flow *f)
{
	for (uint32_t i = 0; i < services->n; i++) {
		const struct policy_port *s = &services->ports[i];

		if (s->any_proto)
			return true;
		if (s->proto != f->proto || (s->has_icmp && s->icmp_type != f->icmp_type))
			continue;
		if (!s->has_ports || (f->has_ports && s->lo <= f->dport && f->dport <= s->hi))
			return true;
	}
	return services->any;
}

static bool is_restricted_by(const struct ask *q, const struct policy_rule *r, bool first, const struct side *s)
{
	return is_member(q, r->group, s, 0) || (first && s->unknown && q->p->zones[s->zone].unknown == POLICY_UNKNOWN_RESTRICT);
}

static bool remembers(const struct flow *f, const struct verdict *v)
{
	return v->enforced && v->action == POLICY_DROP && f->has_ports && (f->proto == 6 || f->proto == 17);
}

static bool hits(const struct ask *q, const struct policy_rule *r, bool first_restrict, struct verdict *v)
{
	bool from, to;

	if (r->section != POLICY_RESTRICT)
		return is_selected(q, &r->from, &q->from) && is_selected(q, &r->to, &q->to) && is_served(&r->services, q->f);
	from = is_restricted_by(q, r, first_restrict, &q->from);
	to = is_restricted_by(q, r, first_restrict, &q->to);
	if ((!from && !to) || (q->from.zone == q->to.zone && q->from.zone != POLICY_NONE))
		return false;
	if (!r->observe) {
		v->member = (uint8_t)(from | to << 1);
		v->unknown = (!from || q->from.unknown) && (!to || q->to.unknown);
	}
	return true;
}

static void try_entries(const struct ask *q, struct verdict *v)
{
	bool first_restrict = true;

	for (uint32_t i = 0; i < q->p->n_rules; i++) {
		const struct policy_rule *r = &q->p->rules[i];
		bool hit;

		if (!policy_rule_live(r, q->now))
			continue;
		hit = hits(q, r, first_restrict, v);
		first_restrict &= r->section != POLICY_RESTRICT;
		if (hit && r->observe && v->observed == POLICY_NONE)
			v->observed = i;
		if (!hit || r->observe)
			continue;
		v->rule = i;
		v->why = r->section == POLICY_EXCEPTION ? VERDICT_EXCEPTION :
			 r->section == POLICY_RESTRICT ? VERDICT_RESTRICT : VERDICT_RULE;
		v->action = r->section == POLICY_EXCEPTION ? POLICY_ALLOW : r->action;
		return;
	}
	v->why = VERDICT_DEFAULT;
	v->action = q->p->fallback;
}

struct verdict naive_eval(const struct policy *p, int64_t now_ns, const struct flow *f)
{
	struct ask q = { .p = p, .now = now_ns, .f = f, .from = { .end = &f->from, .sender = !f->turned },
			 .to = { .end = &f->to, .sender = f->turned } };
	struct verdict v = { .action = POLICY_DROP, .rule = POLICY_NONE, .observed = POLICY_NONE };
	const struct side *sender = f->turned ? &q.to : &q.from;

	find_zone(p, &q.from);
	find_zone(p, &q.to);
	find_identity(&q, &q.from);
	find_identity(&q, &q.to);
	v.from_zone = q.from.zone;
	v.to_zone = q.to.zone;
	if (!is_guarded(p, &q.from) && !is_guarded(p, &q.to)) {
		v.why = VERDICT_UNGUARDED;
		v.action = POLICY_ALLOW;
		return v;
	}
	v.enforced = enforces(p, &q.from) || enforces(p, &q.to);
	if (f->shape) {
		v.why = VERDICT_SHAPE;
		return v;
	}
	if (sender->spoof) {
		v.why = VERDICT_SPOOF;
		v.remember = remembers(f, &v);
		return v;
	}
	v.why = VERDICT_UNVERIFIED;
	if (is_unverified(p, sender) && !sender->restricted)
		return v;
	try_entries(&q, &v);
	if (v.action == POLICY_ALLOW && is_unverified(p, sender)) {
		v.action = POLICY_DROP;
		v.why = VERDICT_UNVERIFIED;
		v.rule = POLICY_NONE;
	}
	v.remember = v.why != VERDICT_UNVERIFIED && remembers(f, &v);
	return v;
}
