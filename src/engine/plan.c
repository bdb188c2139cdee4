/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking things up in a plan, as the kernel's table would. */
#include "engine/plan.h"

#include <string.h>

#include "engine/plan_part.h"

bool plan_is_open(const struct policy *p, uint32_t iface)
{
	for (uint32_t i = 0; iface < p->n_ifaces && i < p->ifaces[iface].n_zones; i++)
		if (p->zones[p->ifaces[iface].zones[i]].guard != POLICY_OPEN)
			return false;
	return true;
}

static uint64_t place_word(const struct prog_place *at)
{
	return (uint64_t)at->row << 32 | at->flags;
}

/* Everything that prog_eval looks at in a device's end, on either side. */
bool plan_kind_of(const struct plan *p, const struct who_binding *b, uint64_t row[static PLAN_KIND_WORDS])
{
	const struct flow_end end = { .iface = b->iface, .iface_known = true, .addr = b->addr };
	const struct prog *g = p->prog;
	const uint32_t leaf = lpm_find(g->lpm, &b->addr);
	const struct prog_place *from, *to;

	if (b->iface >= g->n_ifaces || plan_is_open(p->policy, b->iface) || b->id.proof < WHO_VERIFIED ||
	    addr_is_unspecified(&b->addr))
		return false;
	from = prog_place(g, &end, &g->leaves[leaf], true);
	to = prog_place(g, &end, &g->leaves[leaf], false);
	if (from->flags & PROG_SPOOF)
		return false;
	row[0] = place_word(from);
	row[1] = place_word(to);
	row[2] = (uint64_t)prog_id_row(g, &b->id, from->flags & PROG_ROUTED) << 32 |
		 prog_id_row(g, &b->id, to->flags & PROG_ROUTED);
	row[3] = (uint64_t)leaf << 1 | (b->addr.family == 6);
	row[4] = (uint64_t)(b->id.listed == WHO_NONE ? INT64_MAX :
			    policy_next_clearing(p->policy->devices[b->id.listed].cleared, g->now_ns));
	return true;
}

uint32_t plan_class_of(const struct plan *p, const struct who_binding *b)
{
	uint64_t row[PLAN_KIND_WORDS];
	uint32_t kind;

	if (!plan_kind_of(p, b, row))
		return PLAN_NONE;
	kind = pool_find(&p->kinds, row);
	return kind == POOL_NONE ? PLAN_NONE : p->class_of_kind[kind];
}

bool plan_tells(const struct plan *p, const struct mac *m)
{
	size_t lo = 0, hi = p->n_macs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(p->macs[mid].hi.b, m->b, sizeof(m->b)) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < p->n_macs && memcmp(p->macs[lo].lo.b, m->b, sizeof(m->b)) <= 0;
}

/* The class that holds the address on the interface, by that MAC or (m NULL) whoever holds it. */
static uint32_t class_at(const struct plan *p, const struct who *w, uint32_t iface, const struct mac *m, const struct addr *a)
{
	uint32_t class = PLAN_NONE;

	for (size_t i = 0, n = 0; i < who_bindings(w); i++) {
		const struct who_binding *b = who_binding(w, i);
		uint32_t found;

		if (b->iface != iface || !addr_equal(&b->addr, a) || (m && !addr_mac_equal(&b->mac, m)))
			continue;
		found = plan_class_of(p, b);
		if (n++ && found != class)
			return PLAN_NONE;
		class = found;
	}
	return class;
}

static struct plan_answer served(const struct plan *p, uint32_t what, const struct flow *f)
{
	const bool icmp = f->proto == 1 || f->proto == 58;
	const uint16_t value = icmp ? f->icmp_type : f->dport;
	const struct plan_what *at;

	if (what == PLAN_NONE || (!icmp && ((f->proto != 6 && f->proto != 17) || !f->has_ports)))
		return (struct plan_answer){ .act = PLAN_ASK, .rule = POLICY_NONE };
	at = &p->whats[what];
	for (size_t i = 0; i < at->n_services; i++) {
		const struct plan_service *s = &at->services[i];

		if (s->proto == f->proto && s->lo <= value && value <= s->hi)
			return s->answer;
	}
	return at->rest;
}

static uint32_t what_at(const struct plan *p, uint32_t where, const struct addr *a)
{
	const struct plan_where *at = where == PLAN_NONE ? NULL : &p->wheres[where];
	size_t lo = 0, hi = at ? at->n_spans : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr_compare(&at->spans[mid].hi, a) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return at && lo < at->n_spans && addr_compare(&at->spans[lo].lo, a) <= 0 ? at->spans[lo].what : PLAN_NONE;
}

static uint32_t opened(const struct plan *p, const struct who *w, const struct flow *f)
{
	const struct mac *m = f->from.has_mac ? &f->from.mac : NULL;
	const uint32_t class = class_at(p, w, f->from.iface, m, &f->from.addr);
	const struct plan_class *c = class == PLAN_NONE ? NULL : &p->classes[class];

	if (!c)
		return PLAN_NONE;
	if (f->to.firewall)
		return c->firewall;
	if (!f->to.iface_known || !plan_is_open(p->policy, f->to.iface))
		return PLAN_NONE;
	return what_at(p, f->to.addr.family == 6 ? c->to6 : c->to4, &f->to.addr);
}

static uint32_t answered(const struct plan *p, const struct who *w, const struct flow *f)
{
	const uint32_t class = class_at(p, w, f->to.iface, NULL, &f->to.addr);
	const struct plan_class *c = class == PLAN_NONE ? NULL : &p->classes[class];

	if (!c || f->from.iface >= p->policy->n_ifaces || (f->from.has_mac && plan_tells(p, &f->from.mac)))
		return PLAN_NONE;
	return what_at(p, (f->from.addr.family == 6 ? c->from6 : c->from4)[f->from.iface], &f->from.addr);
}

struct plan_answer plan_eval(const struct plan *p, const struct who *w, const struct flow *f)
{
	uint32_t what = PLAN_NONE;

	if (!f->turned && !f->shape && !f->from.firewall && f->from.iface_known && f->from.addr.family == f->to.addr.family) {
		if (!plan_is_open(p->policy, f->from.iface))
			what = opened(p, w, f);
		else if (!f->to.firewall && f->to.iface_known && !plan_is_open(p->policy, f->to.iface))
			what = answered(p, w, f);
	}
	return served(p, what, f);
}

size_t plan_classes(const struct plan *p) { return p->n_classes; }
const struct plan_class *plan_class(const struct plan *p, uint32_t i) { return &p->classes[i]; }
size_t plan_wheres(const struct plan *p) { return p->n_wheres; }
const struct plan_where *plan_where(const struct plan *p, uint32_t i) { return &p->wheres[i]; }
size_t plan_whats(const struct plan *p) { return p->n_whats; }
const struct plan_what *plan_what(const struct plan *p, uint32_t i) { return &p->whats[i]; }
size_t plan_macs(const struct plan *p) { return p->n_macs; }
const struct plan_macs *plan_mac(const struct plan *p, uint32_t i) { return &p->macs[i]; }
size_t plan_prospects(const struct plan *p) { return p->n_prospects; }
const struct plan_prospect *plan_prospect(const struct plan *p, uint32_t i) { return &p->prospects[i]; }
struct plan_stats plan_stats(const struct plan *p) { return p->stats; }

void plan_free(struct plan *p)
{
	if (!p)
		return;
	pool_fini(&p->kinds);
	arena_free(p->arena);
	free(p);
}
