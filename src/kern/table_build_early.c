/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_build_early: what a flood of denied packets meets right behind conntrack, before its route is looked up: the memory of
 * denials, and of pairs of ends whose sender (by its MAC) tried more ports than are kept apart.  An accelerator: whatever it does
 * not drop goes its whole way, and everything that it drops would be dropped there, and counted under the same names.
 * It looks at flows that nobody has permitted, in the direction of who opened them: a key has no source port, so that a reply
 * could be taken for what its sender may not open.  A base chain costs every packet some 40 ns, so there is one only once there
 * was a flood (table_early); from then on it stays, since deleting it would throw every queued packet away. */
#include "kern/table_model.h"

#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>

#include "engine/plan.h"

enum { PORTS = 65536, DHCP = 67, DHCP6 = 547 };

static struct table_stmt is_family(unsigned v)
{
	return table_family(v & TABLE_V_SIX);
}

static struct table_stmt is_proto(unsigned v)
{
	return table_is(TABLE_K_L4PROTO, v & TABLE_V_UDP ? IPPROTO_UDP : IPPROTO_TCP);
}

/* More ports than are kept apart, and this is one that no entry names: the same answer as all the others had.  Nobody has proved
 * the source (who comes from elsewhere never does), so the sender's MAC is of the key: what another one has forged is not held
 * against who has the address.  Of TCP only what opens (the middle of a flow may be a reply, and is asked about). */
static void build_scanned(struct table_build *b, unsigned v)
{
	const struct table_stmt pair = table_build_pair(TABLE_S_IN, TABLE_SET_SCANS4, v & TABLE_V_SIX);
	const struct table_stmt count = {
		.op = TABLE_S_UPDATE, .keys = { TABLE_K_IIF, TABLE_K_ETHER_SADDR },
		.index = b->page == 'a' ? TABLE_SET_DENIED_MORE_A : TABLE_SET_DENIED_MORE_B,
	};
	const struct table_stmt family = is_family(v), drop = table_do(TABLE_S_DROP, 0), more = table_count(TABLE_C_DENIED_MORE);

	if (v & TABLE_V_UDP)
		TABLE_RULE(b->t, TABLE_CH_FLOODED + v, family, TABLE_ETHER, pair,
			   table_in(TABLE_K_DPORT, TABLE_SET_UNSERVED_UDP), count, more, drop);
	else
		TABLE_RULE(b->t, TABLE_CH_FLOODED + v, family, is_proto(v), table_masked(TABLE_K_TCP_FLAGS, 0x17, 0x02),
			   TABLE_ETHER, pair, table_in(TABLE_K_DPORT, TABLE_SET_UNSERVED_TCP), count, more, drop);
}

/* Reached by flows of the variant alone: the rules ask for it again so that nft reads back what it lists.
 * DHCP to the firewall passes within a limit, whatever was denied beyond it. */
void table_build_flooded(struct table_build *b)
{
	for (unsigned v = 0; v < TABLE_VARIANTS / 2; v++) {
		if (v & TABLE_V_UDP)
			TABLE_RULE(b->t, TABLE_CH_FLOODED + v, table_is(TABLE_K_DPORT, v & TABLE_V_SIX ? DHCP6 : DHCP),
				   table_do(TABLE_S_ACCEPT, 0));
		build_scanned(b, v);
		table_build_keyed(b, TABLE_CH_FLOODED + v, TABLE_S_IN, v, false);
	}
}

/* Ports of which a what says anything but no.  Where the rest is asked about, no port is known to have the answer of another, nor
 * of another protocol's (a pair of ends is of all). */
static void serve(uint8_t served[static PORTS], const struct plan_what *w, uint8_t proto)
{
	bool drops = false;

	for (size_t i = 0; i < w->n_services; i++) {
		const struct plan_service *s = &w->services[i];

		drops = drops || s->answer.act == PLAN_DROP;
		if (s->proto == proto && s->answer.act != PLAN_DROP)
			memset(served + s->lo, 1, s->hi - s->lo + 1U);
	}
	if (w->rest.act != PLAN_DROP && drops)
		memset(served, 1, PORTS);
}

static void put_unserved(struct table_build *b, uint32_t set, uint8_t proto)
{
	uint8_t served[PORTS + 1] = { [PORTS] = 1 };
	unsigned lo = PORTS;

	for (size_t i = 0; i < b->in->plan.n_whats; i++)
		serve(served, &b->in->plan.whats[i], proto);
	for (unsigned p = 0; p <= PORTS; p++) {
		const uint8_t key[4] = { (uint8_t)(lo >> 8), (uint8_t)lo, (uint8_t)((p - 1) >> 8), (uint8_t)(p - 1) };

		if (!served[p] && lo == PORTS)
			lo = p;
		if (!served[p] || lo == PORTS)
			continue;
		table_model_element(b->t, set, key, 0);
		lo = PORTS;
	}
}

void table_build_early(struct table_build *b)
{
	uint32_t chain;

	if (b->in->closed)
		return;
	put_unserved(b, TABLE_SET_UNSERVED_TCP, IPPROTO_TCP);
	put_unserved(b, TABLE_SET_UNSERVED_UDP, IPPROTO_UDP);
	if (!b->in->early)
		return;
	chain = table_model_chain(b->t, LOC_NONE, "%s", TABLE_EARLY);
	table_model_base(b->t, chain, NF_INET_PRE_ROUTING, TABLE_PRIORITY_EARLY, NULL);
	b->t->chains.at[chain].accept = true;
	TABLE_RULE(b->t, chain, table_masked_not(TABLE_K_CT_MARK, b->mask, 0), table_do(TABLE_S_ACCEPT, 0));
	for (unsigned v = 0; v < TABLE_VARIANTS / 2; v++)
		TABLE_RULE(b->t, chain, is_proto(v), is_family(v),
			   table_is(TABLE_K_CT_DIRECTION, IP_CT_DIR_ORIGINAL), table_goto(TABLE_CH_FLOODED + v));
}
