/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_build_decide: new flows that the kernel decides by itself, in stages: who (a set of members for each class) jumps to the
 * class's chain, that by where (sets of networks) to what, that by protocol and port to a rule's chain, which counts, stamps and
 * lets pass.  Every stage falls through to the next and at last to a question; nothing here accepts but a rule's chain.
 * Sets and rules, not verdict maps: the kernel walks the chain of every verdict in a map again at each change of the rules. */
#include "kern/table_decide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/if_arp.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>

#define IPV4 table_is(TABLE_K_NFPROTO, NFPROTO_IPV4)
#define IPV6 table_is(TABLE_K_NFPROTO, NFPROTO_IPV6)
#define FLOW_STATE table_bits(TABLE_K_CT_STATE, NF_CT_STATE_BIT(IP_CT_NEW) | NF_CT_STATE_BIT(IP_CT_ESTABLISHED))

static const struct table_set_row address_rows[2] = { { .types = { TABLE_T_IP4 } }, { .types = { TABLE_T_IP6 } } };
static const struct table_set_row network_rows[2] = {
	{ .types = { TABLE_T_IP4 }, .interval = true }, { .types = { TABLE_T_IP6 }, .interval = true },
};
/* ---- where ---- */

enum { DIRECT = 2 };     /* so many spans need no set */

static bool says_nothing(const struct plan_what *w)
{
	return !w->n_services && w->rest.act == PLAN_ASK;
}

/* The place of each what in the where's parts, by what; TABLE_MAX_WHATS: none. */
static bool list_parts(struct table_build *b, const struct plan_where *w, uint32_t first)
{
	struct table_decide *d = b->decide;

	for (size_t i = 0; i < w->n_spans; i++) {
		const uint32_t what = b->in->plan.what_as[w->spans[i].what];
		size_t k = first;

		if (says_nothing(&b->in->plan.whats[what]))
			continue;
		while (k < d->part.n && d->part.at[k].what != what)
			k++;
		if (k - first == TABLE_MAX_WHATS)
			return false;
		if (k == d->part.n && !VEC_PUSH(&d->part, (struct part){ .what = what })) {
			b->t->failed = true;
			return false;
		}
		d->part.at[k].n++;
	}
	return true;
}

static void put_span(struct table *t, uint32_t set, const struct plan_span *s)
{
	const uint32_t bytes = s->lo.family == 4 ? 4 : 16;
	uint8_t key[32];

	memcpy(key, s->lo.b, bytes);
	memcpy(key + bytes, s->hi.b, bytes);
	table_model_element(t, set, key, 0);
}

/* Of too many different parts none is made: it is asked about all of them. */
static struct parts where_parts(struct table_build *b, uint32_t where, bool six)
{
	const struct plan_where *w = &b->in->plan.wheres[where];
	struct table_decide *d = b->decide;
	struct parts *p = &d->wheres[where];

	if (p->built)
		return *p;
	*p = (struct parts){ true, (uint32_t)d->part.n, 0 };
	if (!list_parts(b, w, p->first)) {
		d->part.n = p->first;
		return *p;
	}
	p->n = (uint32_t)d->part.n - p->first;
	for (uint32_t k = 0; k < p->n; k++)
		if (d->part.at[p->first + k].n > DIRECT)
			d->part.at[p->first + k].set = table_model_set(b->t, LOC_NONE, &network_rows[six], "where%u-%s-%u",
								       six ? 6 : 4, b->in->plan.where_names[where], k);
	for (size_t i = 0; i < w->n_spans; i++)
		for (uint32_t k = 0; k < p->n; k++)
			if (d->part.at[p->first + k].n > DIRECT &&
			    d->part.at[p->first + k].what == b->in->plan.what_as[w->spans[i].what])
				put_span(b->t, d->part.at[p->first + k].set, &w->spans[i]);
	return *p;
}

static void where_rule(struct table_build *b, uint32_t chain, const struct table_stmt *from, bool six, struct table_stmt in,
		       uint32_t what)
{
	const struct table_stmt is = six ? IPV6 : IPV4, to = table_jump(table_build_what(b, what));

	if (from && from->keys[0] != TABLE_K_NFPROTO)
		TABLE_RULE(b->t, chain, *from, is, in, to);
	else if (!from && in.op == TABLE_S_RANGE)
		TABLE_RULE(b->t, chain, in, to);
	else
		TABLE_RULE(b->t, chain, is, in, to);
}

/* A part of few spans: a rule each. */
static void direct_rules(struct table_build *b, uint32_t chain, const struct table_stmt *from, const struct plan_where *w,
			 uint32_t what, enum table_key key)
{
	for (size_t i = 0; i < w->n_spans; i++)
		if (b->in->plan.what_as[w->spans[i].what] == what)
			where_rule(b, chain, from, w->spans[i].lo.family == 6,
				   table_range_of(b->t, key, w->spans[i].lo.b, w->spans[i].hi.b), what);
}

/* Parts are disjoint: those of few spans first, which cost the least, and what something is allowed to before what nothing is. */
void table_build_where(struct table_build *b, uint32_t chain, const struct table_stmt *from, uint32_t where, enum table_key key)
{
	const bool six = key == TABLE_K_IP6_SADDR || key == TABLE_K_IP6_DADDR;
	struct parts p;

	if (where >= b->in->plan.n_wheres)
		return;
	where = b->in->plan.where_as[where];
	p = where_parts(b, where, six);
	for (unsigned turn = 0; turn < 4; turn++)
		for (uint32_t k = p.first; k < p.first + p.n; k++) {
			const struct part part = b->decide->part.at[k];

			if (turn != (part.n > DIRECT ? 2U : 0) + !b->decide->allows_what[part.what])
				continue;
			if (part.n <= DIRECT)
				direct_rules(b, chain, from, &b->in->plan.wheres[where], part.what, key);
			else
				where_rule(b, chain, from, six, table_in(key, part.set), part.what);
		}
}

static bool where_allows(const struct table_build *b, uint32_t where)
{
	const struct plan_where *w = where < b->in->plan.n_wheres ? &b->in->plan.wheres[where] : NULL;
	bool yes = false;

	for (size_t i = 0; w && !yes && i < w->n_spans; i++)
		yes = b->decide->allows_what[w->spans[i].what];
	return yes;
}

bool table_build_allows(const struct table_build *b, uint32_t cls)
{
	const struct plan_class *c = &b->in->plan.classes[cls];

	return (c->firewall < b->in->plan.n_whats && b->decide->allows_what[c->firewall]) ||
	       where_allows(b, c->to4) || where_allows(b, c->to6);
}

/* ---- who ---- */

/* What a class that opens nothing tries; without an interface to leave by, to the firewall itself. */
static uint32_t shuts_chain(struct table_build *b, uint32_t cls)
{
	const struct plan_class *c = &b->in->plan.classes[cls];
	const struct table_stmt four = IPV4, six = IPV6;
	uint32_t chain = b->decide->shuts[cls];

	if (chain)
		return chain;
	chain = b->decide->shuts[cls] = table_model_chain(b->t, LOC_NONE, "class-%s", b->in->plan.class_names[cls]);
	if (c->firewall < b->in->plan.n_whats && !says_nothing(&b->in->plan.whats[c->firewall]))
		TABLE_RULE(b->t, chain, table_is(TABLE_K_OIF, 0), table_jump(table_build_what(b, c->firewall)));
	TABLE_RULE(b->t, chain, table_is(TABLE_K_OIF, 0), table_do(TABLE_S_RETURN, 0));
	table_build_where(b, chain, &four, c->to4, TABLE_K_IP_DADDR);
	table_build_where(b, chain, &six, c->to6, TABLE_K_IP6_DADDR);
	return chain;
}

/* What is opened to a class, by the interface that it comes from. */
static uint32_t towards_chain(struct table_build *b, uint32_t cls)
{
	const struct plan_class *c = &b->in->plan.classes[cls];
	uint32_t chain = b->decide->towards[cls];

	if (chain)
		return chain;
	chain = b->decide->towards[cls] = table_model_chain(b->t, LOC_NONE, "to-%s", b->in->plan.class_names[cls]);
	for (size_t i = 0; i < b->in->plan.n_from; i++) {
		const struct table_stmt from = table_named(TABLE_K_IIFNAME, b->in->ifaces[i].name);

		if (b->in->ifaces[i].role != TABLE_OPEN)
			continue;
		table_build_where(b, chain, &from, c->from4[i], TABLE_K_IP_SADDR);
		table_build_where(b, chain, &from, c->from6[i], TABLE_K_IP6_SADDR);
	}
	return chain;
}

uint32_t table_build_members(struct table *t, const struct table_input *in, const struct table_members *m)
{
	const struct table_iface *f = &in->ifaces[m->iface];
	const char *cls = in->plan.class_names[m->cls], *name;
	char buf[TABLE_NAME];
	uint32_t first;

	name = table_model_ifname(f->name, buf);
	first = table_model_set(t, f->loc, table_build_who_row(f, false), "members4-%s-%s", cls, name);
	table_model_set(t, f->loc, table_build_who_row(f, true), "members6-%s-%s", cls, name);
	table_model_set(t, f->loc, &address_rows[0], "at4-%s-%s", cls, name);
	table_model_set(t, f->loc, &address_rows[1], "at6-%s-%s", cls, name);
	return first;
}

void table_build_member(struct table *t, uint32_t first, const struct table_iface *f, const struct table_binding *d)
{
	const bool six = d->addr.family == 6;
	uint8_t key[TABLE_KEY_BYTES];

	table_model_binding_key(d, f->l3, key);
	table_model_element(t, first + six, key, 0);
	table_model_binding_key(d, true, key);
	if (d->sole)
		table_model_element(t, first + 2 + six, key, 0);
}

void table_build_middles(struct table_build *b, uint32_t chain)
{
	TABLE_RULE(b->t, chain, table_bits(TABLE_K_CT_STATE, NF_CT_STATE_BIT(IP_CT_NEW)), table_is(TABLE_K_L4PROTO, IPPROTO_TCP),
		   table_masked_not(TABLE_K_TCP_FLAGS, 0x17, 0x02), table_goto(TABLE_CH_ASK));
}

static void member_rules(struct table_build *b, uint32_t chain, uint32_t iface, size_t place)
{
	const uint32_t first = b->decide->members[place], to = shuts_chain(b, b->in->plan.members[place].cls);

	table_build_member_rule(b, chain, &b->in->ifaces[iface], first, false, to);
	table_build_member_rule(b, chain, &b->in->ifaces[iface], first, true, to);
}

/* Of the flows of verified devices that do not begin here: those that go on without a stamp (of an earlier generation, say) are
 * decided like new ones; and whoever opens nothing is denied here. */
uint32_t table_build_opens(struct table_build *b, uint32_t iface)
{
	const struct table_iface *f = &b->in->ifaces[iface];
	const struct table_stmt own = table_is(TABLE_K_CT_DIRECTION, IP_CT_DIR_ORIGINAL);
	const struct table_plan *p = &b->in->plan;
	uint32_t chain, classes = 0;
	char buf[TABLE_NAME];
	size_t n = 0;

	for (size_t i = 0; b->decide && i < p->n_members; i++)
		n += p->members[i].iface == iface;
	if (!n)
		return 0;
	chain = table_model_chain(b->t, f->loc, "decide-%s", table_model_ifname(f->name, buf));
	table_build_middles(b, chain);
	table_build_goes_on(b, chain, iface);
	for (size_t i = 0; i < p->n_members; i++) {
		if (p->members[i].iface != iface || table_build_allows(b, p->members[i].cls))
			continue;
		if (!classes)
			classes = table_model_chain(b->t, f->loc, "classes-%s", buf);
		member_rules(b, classes, iface, i);
	}
	if (!classes)
		return chain;
	TABLE_RULE(b->t, chain, table_in(TABLE_K_OIFNAME, TABLE_SET_OPEN), FLOW_STATE, own, table_jump(classes));
	TABLE_RULE(b->t, chain, table_is(TABLE_K_OIF, 0), FLOW_STATE, own, table_jump(classes));
	return chain;
}

void table_build_towards(struct table_build *b, uint32_t iface)
{
	const struct table_iface *f = &b->in->ifaces[iface];
	const struct table_plan *p = &b->in->plan;
	uint8_t key[TABLE_IFNAME];
	uint32_t chain = 0;
	char buf[TABLE_NAME];

	for (size_t i = 0; b->decide && i < p->n_members; i++) {
		uint32_t to, at = b->decide->members[i] + 2;

		if (p->members[i].iface != iface)
			continue;
		if (!chain)
			chain = table_model_chain(b->t, f->loc, "towards-%s", table_model_ifname(f->name, buf));
		to = towards_chain(b, p->members[i].cls);
		TABLE_RULE(b->t, chain, IPV4, table_in(TABLE_K_IP_DADDR, at), table_jump(to));
		TABLE_RULE(b->t, chain, IPV6, table_in(TABLE_K_IP6_DADDR, at + 1), table_jump(to));
	}
	table_model_ifname_key(f->name, key);
	if (chain)
		table_model_element(b->t, TABLE_SET_TOWARDS, key, chain);
}

static void put_macs(struct table *t, uint32_t set, uint64_t lo, uint64_t hi)
{
	uint8_t key[12];

	for (unsigned i = 0; i < 6; i++) {
		key[i] = (uint8_t)(lo >> (40 - 8 * i));
		key[6 + i] = (uint8_t)(hi >> (40 - 8 * i));
	}
	table_model_element(t, set, key, 0);
}

/* All MACs between those that tell something: said positively, since an empty set must ask (Linux 6.18 fills a new set of ranges
 * a moment after its rules are there). */
static void put_anybody(struct table *t, uint32_t set, const struct table_plan *p)
{
	uint64_t from = 0;

	for (size_t i = 0; i < p->n_macs; i++) {
		const uint64_t lo = addr_mac_u64(&p->macs[i].lo), hi = addr_mac_u64(&p->macs[i].hi);

		if (from < lo)
			put_macs(t, set, from, lo - 1);
		from = hi + 1;
	}
	if (from <= UINT64_C(0xffffffffffff))
		put_macs(t, set, from, UINT64_C(0xffffffffffff));
}

void table_build_from_anybody(struct table_build *b, uint32_t chain, struct table_stmt to)
{
	static const struct table_set_row row = { .types = { TABLE_T_ETHER }, .interval = true };
	const struct table_stmt own = table_is(TABLE_K_CT_DIRECTION, IP_CT_DIR_ORIGINAL);
	const struct table_plan *p = &b->in->plan;

	if (!p->n_macs) {
		TABLE_RULE(b->t, chain, FLOW_STATE, own, to);
		return;
	}
	if (!b->anybody) {
		b->anybody = table_model_set(b->t, LOC_NONE, &row, "anybody-%s", p->macs_name) + 1;
		put_anybody(b->t, b->anybody - 1, p);
	}
	TABLE_RULE(b->t, chain, TABLE_ETHER, table_in(TABLE_K_ETHER_SADDR, b->anybody - 1), FLOW_STATE, own, to);
	TABLE_RULE(b->t, chain, table_isnt(TABLE_K_IIFTYPE, ARPHRD_ETHER), FLOW_STATE, own, to);
}

/* From elsewhere to a guarded interface: whose MAC tells something is judged by that, which is asked. */
void table_build_to_members(struct table_build *b, uint32_t chain)
{
	const struct table_stmt on = { .op = TABLE_S_VMAP, .keys = { TABLE_K_OIFNAME }, .index = TABLE_SET_TOWARDS };

	if (!b->decide)
		return;
	table_build_middles(b, chain);
	table_build_from_anybody(b, chain, on);
}

static void put_members(struct table_build *b)
{
	const struct table_plan *p = &b->in->plan;

	for (size_t i = 0; i < p->n_members; i++)
		b->decide->members[i] = table_build_members(b->t, b->in, &p->members[i]);
	for (size_t i = 0; i < b->in->n_bindings; i++) {
		const struct table_binding *d = &b->in->bindings[i];
		const size_t place = table_plan_find(p, d->iface, d->plan);

		if (place != SIZE_MAX)
			table_build_member(b->t, b->decide->members[place], &b->in->ifaces[d->iface], d);
	}
}

static bool new_decide(struct table_build *b)
{
	const struct table_plan *p = &b->in->plan;
	struct table_decide *d = calloc(1, sizeof(*d));

	b->decide = d;
	if (!d)
		return false;
	d->allows = calloc(p->n_rules + 1, sizeof(*d->allows));
	d->whats = calloc(p->n_whats + 1, sizeof(*d->whats));
	d->shuts = calloc(p->n_classes + 1, sizeof(*d->shuts));
	d->opens[0] = calloc(p->n_classes + 1, sizeof(**d->opens));
	d->opens[1] = calloc(p->n_classes + 1, sizeof(**d->opens));
	d->allows_what = calloc(p->n_whats + 1, sizeof(*d->allows_what));
	d->towards = calloc(p->n_classes + 1, sizeof(*d->towards));
	d->members = calloc(p->n_members + 1, sizeof(*d->members));
	d->wheres = calloc(p->n_wheres + 1, sizeof(*d->wheres));
	if (!d->allows || !d->whats || !d->shuts || !d->opens[0] || !d->opens[1] || !d->allows_what || !d->towards || !d->members ||
	    !d->wheres)
		return false;
	for (size_t i = 0; i < p->n_whats; i++)
		for (size_t k = 0; !d->allows_what[i] && k < p->whats[i].n_services; k++)
			d->allows_what[i] = p->whats[i].services[k].answer.act == PLAN_ALLOW;
	return true;
}

void table_build_decide(struct table_build *b)
{
	char name[TABLE_NAME + 8];

	for (size_t i = 0; i < b->in->plan.n_rules; i++) {
		snprintf(name, sizeof(name), "allow-%s", b->in->plan.rules[i]);
		table_model_counter(b->t, name, false);
	}
	if (b->in->closed || !b->in->plan.n_members)
		return;
	if (!new_decide(b)) {
		table_build_decided(b);
		b->t->failed = true;
		return;
	}
	put_members(b);
}

void table_build_decided(struct table_build *b)
{
	struct table_decide *d = b->decide;

	b->decide = NULL;
	if (!d)
		return;
	free(d->allows);
	free(d->whats);
	free(d->shuts);
	free(d->opens[0]);
	free(d->opens[1]);
	free(d->allows_what);
	free(d->towards);
	free(d->members);
	free(d->wheres);
	VEC_FREE(&d->allow);
	VEC_FREE(&d->part);
	free(d);
}
