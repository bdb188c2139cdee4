/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_build_flow: flows of rules with offload: true.  Their stamp has a kind of its own, so that other flows pay nothing: the
 * gate's fast path notes it in the packet's mark, and the post chain of forward (the only hook where the kernel takes the
 * statement) puts the flow into the flowtable once both ends have spoken.  What stamps is as everywhere else: this generation. */
#include "kern/table_model.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "base/arena.h"

#define FLOW_STATE table_bits(TABLE_K_CT_STATE, NF_CT_STATE_BIT(IP_CT_NEW) | NF_CT_STATE_BIT(IP_CT_ESTABLISHED))

static uint32_t note(const struct table_build *b)
{
	return table_mark_note(b->in->mark_shift, TABLE_NOTE_BULK);
}

static uint32_t stamp(const struct table_build *b)
{
	return table_mark(b->in->mark_shift, b->in->generation, TABLE_BULK);
}

void table_build_flow_path(struct table_build *b, uint32_t chain)
{
	if (b->in->offload)
		TABLE_RULE(b->t, chain, FLOW_STATE, table_masked(TABLE_K_CT_MARK, b->mask, stamp(b)),
			   table_set_mark(b, TABLE_S_SET_META_MARK, note(b)), table_do(TABLE_S_ACCEPT, 0));
}

/* For the members of a set, ahead of what decides about new flows: one way alone such a flow stays new. */
void table_build_flow_members(struct table_build *b, uint32_t chain, bool ether, bool six, struct table_stmt in)
{
	const struct table_stmt family = table_is(TABLE_K_NFPROTO, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
	const struct table_stmt shape = six ? table_in(TABLE_K_IP6_NEXTHDR, TABLE_SET_SHAPE6) : table_is(TABLE_K_NH_FIRST, 0x45);
	const struct table_stmt stamped = table_masked(TABLE_K_CT_MARK, b->mask, stamp(b));
	const struct table_stmt noted = table_set_mark(b, TABLE_S_SET_META_MARK, note(b));

	if (!b->in->offload)
		return;
	if (ether)
		TABLE_RULE(b->t, chain, family, stamped, FLOW_STATE, TABLE_ETHER, shape, in, noted, table_do(TABLE_S_ACCEPT, 0));
	else
		TABLE_RULE(b->t, chain, family, stamped, FLOW_STATE, shape, in, noted, table_do(TABLE_S_ACCEPT, 0));
}

void table_build_flow_post(struct table_build *b, uint32_t chain)
{
	const struct table_stmt noted = table_masked(TABLE_K_META_MARK, b->mask, note(b));

	if (!b->in->offload)
		return;
	if (chain == TABLE_CH_FORWARD_POST)
		TABLE_RULE(b->t, chain, noted, table_bits(TABLE_K_CT_STATE, NF_CT_STATE_BIT(IP_CT_ESTABLISHED)),
			   table_do(TABLE_S_FLOW, 0));
	TABLE_RULE(b->t, chain, noted, table_set_mark(b, TABLE_S_SET_META_MARK, 0), table_do(TABLE_S_ACCEPT, 0));
}

/* Verdicts, also of the next generation and where nothing is offloaded yet: they are given before its table is there. */
void table_build_flow_verdicts(struct table_build *b)
{
	const unsigned shift = b->in->mark_shift, now = b->in->generation, next = table_next_generation(now);
	const struct table_stmt clear = table_set_mark(b, TABLE_S_SET_META_MARK, 0);

	TABLE_RULE(b->t, TABLE_CH_AFTER, table_masked(TABLE_K_META_MARK, b->mask, table_mark_bulk(shift, now)), clear,
		   table_goto(b->in->offload ? TABLE_CH_ALLOWED_BULK : TABLE_CH_ALLOWED));
	TABLE_RULE(b->t, TABLE_CH_AFTER, table_masked(TABLE_K_META_MARK, b->mask, table_mark_bulk(shift, next)), clear,
		   table_count(TABLE_C_POST_UNSTAMPED), table_do(TABLE_S_ACCEPT, 0));
	if (b->in->offload)
		TABLE_RULE(b->t, TABLE_CH_ALLOWED_BULK, FLOW_STATE, table_set_mark(b, TABLE_S_SET_CT_MARK, stamp(b)),
			   table_count(TABLE_C_POST_ALLOWED), table_do(TABLE_S_ACCEPT, 0));
	if (b->in->offload)
		TABLE_RULE(b->t, TABLE_CH_ALLOWED_BULK, table_goto(TABLE_CH_ALLOWED));
}

void table_build_flow(struct table_build *b)
{
	const struct table_input *in = b->in;
	const char **devices;

	if (!in->offload)
		return;
	devices = arena_array(b->t->arena, in->n_offload_ifaces + 1, const char *);
	for (size_t i = 0; devices && i < in->n_offload_ifaces; i++)
		devices[i] = arena_strdup(b->t->arena, in->offload_ifaces[i]);
	b->t->flow = true;
	b->t->flow_devices = devices;
	b->t->n_flow_devices = devices ? in->n_offload_ifaces : 0;
}
