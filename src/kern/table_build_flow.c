/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_build_flow: flows of rules with offload: true.  Their stamp has a kind of its own, so that other flows pay nothing: the
 * post chain of forward (the only hook where the kernel takes the statement) puts the flow into the flowtable once both ends
 * have spoken.  What stamps is as everywhere else: this generation. */
#include "kern/table_model.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "base/arena.h"

#define FLOW_STATE table_bits(TABLE_K_CT_STATE, NF_CT_STATE_BIT(IP_CT_NEW) | NF_CT_STATE_BIT(IP_CT_ESTABLISHED))

static uint32_t stamp(const struct table_build *b)
{
	return table_mark(b->in->mark_shift, b->in->generation, TABLE_BULK);
}

/* A packet that the gate let pass by the flow's stamp, without a note.  Between the flowtable's interfaces as they are now, which
 * may be fewer than its hooks (table_input_flow.c says why that matters). */
void table_build_flow_add(struct table_build *b, uint32_t post)
{
	TABLE_RULE(b->t, post, table_masked(TABLE_K_META_MARK, b->mask, 0), table_masked(TABLE_K_CT_MARK, b->mask, stamp(b)),
		   table_bits(TABLE_K_CT_STATE, NF_CT_STATE_BIT(IP_CT_ESTABLISHED)),
		   table_in(TABLE_K_IIFNAME, TABLE_SET_OFFLOADED), table_in(TABLE_K_OIFNAME, TABLE_SET_OFFLOADED),
		   table_do(TABLE_S_FLOW, 0));
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
	const char **devices, **never = arena_array(b->t->arena, in->n_bridged + 1, const char *);

	for (size_t i = 0; never && i < in->n_bridged; i++)
		never[i] = arena_strdup(b->t->arena, in->bridged[i]);
	b->t->flow_never = never;
	b->t->n_flow_never = never ? in->n_bridged : 0;
	if (!in->offload)
		return;
	devices = arena_array(b->t->arena, in->n_offload_ifaces + 1, const char *);
	for (size_t i = 0; devices && i < in->n_offload_ifaces; i++) {
		uint8_t key[TABLE_IFNAME];

		devices[i] = arena_strdup(b->t->arena, in->offload_ifaces[i]);
		table_model_ifname_key(in->offload_ifaces[i], key);
		table_model_element(b->t, TABLE_SET_OFFLOADED, key, 0);
	}
	b->t->flow = true;
	b->t->flow_devices = devices;
	b->t->n_flow_devices = devices ? in->n_offload_ifaces : 0;
}
