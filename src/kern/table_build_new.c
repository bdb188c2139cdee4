/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_build_new: the shortest way from an interface to a rule for new flows of devices whose class opens something: who (the
 * members of each class), where, what.  A family and a hook have chains of their own, so that each is asked once:
 *
 *	new4-IFACE	leaves by an open interface: opens4-IFACE; is for the firewall: here4-IFACE; returns
 *	opens4-IFACE	by class to class4-CLASS, that by where to what-...
 *	here4-IFACE	by class to what-...
 *
 * What nothing is found for returns to who-IFACE, and is looked at by its chains. */
#include "kern/table_decide.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>

enum { DIRECT_NAMES = 2 };

#define IPV4 table_is(TABLE_K_NFPROTO, NFPROTO_IPV4)
#define IPV6 table_is(TABLE_K_NFPROTO, NFPROTO_IPV6)

void table_build_member_rule(struct table_build *b, uint32_t chain, const struct table_iface *f, uint32_t first, bool six,
			     uint32_t to)
{
	const enum table_key saddr = six ? TABLE_K_IP6_SADDR : TABLE_K_IP_SADDR;

	if (f->l3)
		TABLE_RULE(b->t, chain, six ? IPV6 : IPV4, table_in(saddr, first + six), table_jump(to));
	else
		TABLE_RULE(b->t, chain, six ? IPV6 : IPV4, TABLE_ETHER,
			   { .op = TABLE_S_IN, .keys = { TABLE_K_ETHER_SADDR, saddr }, .index = first + six }, table_jump(to));
}

static uint32_t class_chain(struct table_build *b, uint32_t cls, bool six)
{
	const struct plan_class *c = &b->in->plan.classes[cls];
	uint32_t *chain = &b->decide->opens[six][cls];

	if (!*chain) {
		*chain = table_model_chain(b->t, LOC_NONE, "class%u-%s", six ? 6 : 4, b->in->plan.class_names[cls]);
		table_build_where(b, *chain, NULL, six ? c->to6 : c->to4, six ? TABLE_K_IP6_DADDR : TABLE_K_IP_DADDR);
	}
	return *chain;
}

/* The classes of an interface that open something, to elsewhere or here; 0: none. */
static uint32_t members_chain(struct table_build *b, uint32_t iface, bool six, bool here)
{
	const struct table_iface *f = &b->in->ifaces[iface];
	const struct table_plan *p = &b->in->plan;
	uint32_t chain = 0;
	char buf[TABLE_NAME];

	for (size_t i = 0; i < p->n_members; i++) {
		const uint32_t cls = p->members[i].cls, what = p->classes[cls].firewall;
		const uint32_t where = six ? p->classes[cls].to6 : p->classes[cls].to4;

		if (p->members[i].iface != iface || !table_build_allows(b, cls) ||
		    (here ? what >= p->n_whats : where >= p->n_wheres))
			continue;
		if (!chain)
			chain = table_model_chain(b->t, f->loc, "%s%u-%s", here ? "here" : "opens", six ? 6 : 4,
						  table_model_ifname(f->name, buf));
		table_build_member_rule(b, chain, f, b->decide->members[i], six,
					here ? table_build_what(b, what) : class_chain(b, cls, six));
	}
	return chain;
}

void table_build_goes_on(struct table_build *b, uint32_t chain, uint32_t iface)
{
	const struct table_stmt own = table_is(TABLE_K_CT_DIRECTION, IP_CT_DIR_ORIGINAL);
	const struct table_stmt goes_on = table_bits(TABLE_K_CT_STATE, NF_CT_STATE_BIT(IP_CT_ESTABLISHED));

	b->decide->ways_of = iface + 1;
	for (unsigned six = 0; six < 2; six++) {
		const uint32_t opens = members_chain(b, iface, six, false), here = members_chain(b, iface, six, true);

		b->decide->opens_to[six] = opens;
		b->decide->opens_here[six] = here;
		if (opens)
			TABLE_RULE(b->t, chain, six ? IPV6 : IPV4, goes_on, own, table_in(TABLE_K_OIFNAME, TABLE_SET_OPEN),
				   table_jump(opens));
		if (here)
			TABLE_RULE(b->t, chain, six ? IPV6 : IPV4, goes_on, own, table_is(TABLE_K_OIF, 0), table_jump(here));
	}
}

/* The policy's first open interfaces by a comparison each, which costs less than the set of all. */
static void leaves_by(struct table_build *b, uint32_t chain, uint32_t to)
{
	unsigned n = 0;

	for (size_t i = 0; i < b->in->plan.n_from && n < DIRECT_NAMES; i++) {
		if (b->in->ifaces[i].role != TABLE_OPEN)
			continue;
		TABLE_RULE(b->t, chain, table_named(TABLE_K_OIFNAME, b->in->ifaces[i].name), table_jump(to));
		n++;
	}
	TABLE_RULE(b->t, chain, table_in(TABLE_K_OIFNAME, TABLE_SET_OPEN), table_jump(to));
}

/* The middle of a TCP flow that conntrack takes for a new one returns: it is asked about. */
static uint32_t new_chain(struct table_build *b, const struct table_iface *f, bool six)
{
	const uint32_t opens = b->decide->opens_to[six], here = b->decide->opens_here[six];
	char buf[TABLE_NAME];
	uint32_t chain;

	if (!opens && !here)
		return 0;
	chain = table_model_chain(b->t, f->loc, "new%u-%s", six ? 6 : 4, table_model_ifname(f->name, buf));
	TABLE_RULE(b->t, chain, table_is(TABLE_K_L4PROTO, IPPROTO_TCP), table_masked_not(TABLE_K_TCP_FLAGS, 0x17, 0x02),
		   table_do(TABLE_S_RETURN, 0));
	if (opens)
		leaves_by(b, chain, opens);
	if (here)
		TABLE_RULE(b->t, chain, table_is(TABLE_K_OIF, 0), table_jump(here));
	return chain;
}

void table_build_new(struct table_build *b, uint32_t chain, uint32_t iface)
{
	const struct table_stmt new = table_bits(TABLE_K_CT_STATE, NF_CT_STATE_BIT(IP_CT_NEW));
	const struct table_iface *f = &b->in->ifaces[iface];
	uint32_t to;

	if (!b->decide || b->decide->ways_of != iface + 1)
		return;
	to = new_chain(b, f, false);
	if (to)
		TABLE_RULE(b->t, chain, table_is(TABLE_K_NH_FIRST, 0x45), new, table_jump(to));        /* version 4, too */
	to = new_chain(b, f, true);
	if (to)
		TABLE_RULE(b->t, chain, IPV6, table_in(TABLE_K_IP6_NEXTHDR, TABLE_SET_SHAPE6), new, table_jump(to));
}
