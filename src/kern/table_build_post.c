/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_build_post: what becomes of a packet that came back from the queue.  Userspace accepts every packet and says in the
 * mark what is to be done.  Verdicts of this generation and the next count.  Nothing here accepts by the ct mark (what the
 * gate let pass without a note never comes here: build_stamped), and every outcome is a chain that ends in an unconditional drop or
 * the accept itself. */
#include "kern/table_model.h"

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>

static struct table_stmt verdict_is(const struct table_build *b, uint32_t bits)
{
	return table_masked(TABLE_K_META_MARK, b->mask, bits);
}

static void build_after(struct table_build *b)
{
	unsigned shift = b->in->mark_shift, now = b->in->generation, next = table_next_generation(now);
	const struct table_stmt clear = table_set_mark(b, TABLE_S_SET_META_MARK, 0), drop = table_do(TABLE_S_DROP, 0);

	if (!b->in->closed) {
		TABLE_RULE(b->t, TABLE_CH_AFTER, verdict_is(b, table_mark(shift, now, TABLE_ALLOW)), clear,
			   table_goto(TABLE_CH_ALLOWED));
		/* Ahead of the reload: the table does not know this generation's flows yet, so no stamp. */
		TABLE_RULE(b->t, TABLE_CH_AFTER, verdict_is(b, table_mark(shift, next, TABLE_ALLOW)), clear,
			   table_count(TABLE_C_POST_UNSTAMPED), table_do(TABLE_S_ACCEPT, 0));
		for (unsigned g = now, i = 0; i < 2; i++, g = next) {
			TABLE_RULE(b->t, TABLE_CH_AFTER, verdict_is(b, table_mark(shift, g, TABLE_DENY)),
				   table_goto(TABLE_CH_REMEMBER));
			TABLE_RULE(b->t, TABLE_CH_AFTER, verdict_is(b, table_mark(shift, g, TABLE_REJECT)),
				   table_goto(TABLE_CH_REJECTED));
			TABLE_RULE(b->t, TABLE_CH_AFTER, verdict_is(b, table_mark(shift, g, TABLE_DENY_ONCE)),
				   table_count(TABLE_C_POST_DENIED_ONCE), drop);
		}
		table_build_flow_verdicts(b);
	}
	table_build_fails_after(b);
	TABLE_RULE(b->t, TABLE_CH_AFTER, verdict_is(b, table_mark_note(shift, TABLE_NOTE_ASKED)),
		   table_count(TABLE_C_NO_VERDICT), drop);
	TABLE_RULE(b->t, TABLE_CH_AFTER, verdict_is(b, table_mark_note(shift, TABLE_NOTE_REPLY)),
		   table_count(TABLE_C_NO_VERDICT), drop);
	TABLE_RULE(b->t, TABLE_CH_AFTER, table_count(TABLE_C_STALE_VERDICT), drop);
}

static void build_remember(struct table_build *b, uint32_t chain, unsigned first)
{
	for (unsigned v = first; v < first + TABLE_VARIANTS / 2; v++) {
		bool six = v & TABLE_V_SIX;
		const struct table_stmt add = {
			.op = TABLE_S_ADD, .index = TABLE_SET_DENIED + v,
			.keys = { TABLE_K_IIF, TABLE_K_ETHER_SADDR, six ? TABLE_K_IP6_SADDR : TABLE_K_IP_SADDR,
				  six ? TABLE_K_IP6_DADDR : TABLE_K_IP_DADDR,
				  v & TABLE_V_REPLY ? TABLE_K_SPORT : TABLE_K_DPORT },
		};

		TABLE_RULE(b->t, chain, table_family(six),
			   table_is(TABLE_K_L4PROTO, v & TABLE_V_UDP ? IPPROTO_UDP : IPPROTO_TCP), TABLE_ETHER, add,
			   table_count(TABLE_C_POST_DENIED), table_do(TABLE_S_DROP, 0));
	}
	TABLE_RULE(b->t, chain, table_count(TABLE_C_POST_DENIED_ONCE), table_do(TABLE_S_DROP, 0));
}

/* The note in the ct mark lets our own reset or error out to a guarded interface (out-judge).  A related packet's ct mark is
 * another flow's, which must not lose its stamp when somebody who quotes it is refused. */
static void build_rejected(struct table_build *b)
{
	TABLE_RULE(b->t, TABLE_CH_REJECTED, table_count(TABLE_C_POST_REJECTED), table_set_mark(b, TABLE_S_SET_META_MARK, 0));
	TABLE_RULE(b->t, TABLE_CH_REJECTED,
		   table_own_flow(),
		   table_set_mark(b, TABLE_S_SET_CT_MARK, table_mark_note(b->in->mark_shift, TABLE_NOTE_REJECTED)));
	TABLE_RULE(b->t, TABLE_CH_REJECTED, table_is(TABLE_K_L4PROTO, IPPROTO_TCP), table_do(TABLE_S_REJECT_RST, 0));
	TABLE_RULE(b->t, TABLE_CH_REJECTED, table_do(TABLE_S_REJECT_ADMIN, 0));
	TABLE_RULE(b->t, TABLE_CH_REJECTED, table_do(TABLE_S_DROP, 0));
}

void table_build_post(struct table_build *b)
{
	const uint32_t stamp = table_mark(b->in->mark_shift, b->in->generation, TABLE_ALLOW);

	build_after(b);
	if (!b->in->closed)
		TABLE_RULE(b->t, TABLE_CH_ALLOWED,
			   table_own_flow(),
			   table_set_mark(b, TABLE_S_SET_CT_MARK, stamp), table_count(TABLE_C_POST_ALLOWED),
			   table_do(TABLE_S_ACCEPT, 0));
	TABLE_RULE(b->t, TABLE_CH_ALLOWED, table_count(TABLE_C_POST_UNSTAMPED), table_do(TABLE_S_ACCEPT, 0));
	TABLE_RULE(b->t, TABLE_CH_REMEMBER, table_is(TABLE_K_CT_DIRECTION, IP_CT_DIR_REPLY), table_goto(TABLE_CH_REMEMBER_REPLY));
	build_remember(b, TABLE_CH_REMEMBER, 0);
	build_remember(b, TABLE_CH_REMEMBER_REPLY, TABLE_V_REPLY);
	build_rejected(b);
}
