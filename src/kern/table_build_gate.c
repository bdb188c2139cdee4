/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_build_gate: the chains between an interface's map and the way to the queue.  Each falls through to the next and at
 * last to a question; only pass accepts, and it notes in the mark that the gate did. */
#include "kern/table_model.h"

#include <netinet/in.h>

#include <linux/if_arp.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>

enum { FEW_GUARDED = 2 };

#define IPV4 table_is(TABLE_K_NFPROTO, NFPROTO_IPV4)
#define IPV6 table_is(TABLE_K_NFPROTO, NFPROTO_IPV6)
#define FLOW_STATE table_bits(TABLE_K_CT_STATE, NF_CT_STATE_BIT(IP_CT_NEW) | NF_CT_STATE_BIT(IP_CT_ESTABLISHED))

/* The current generation's allow in the ct mark, and a flow of its own (a related packet's conntrack is another's).  A packet
 * with none of our bits in its mark needs no note: the post chain takes it by the stamp, and whatever was asked carries a note. */
static void fast_path(struct table_build *b, uint32_t chain, enum table_kind kind)
{
	const struct table_stmt stamp = table_masked(TABLE_K_CT_MARK, b->mask,
						     table_mark(b->in->mark_shift, b->in->generation, kind));

	TABLE_RULE(b->t, chain, FLOW_STATE, stamp, table_masked(TABLE_K_META_MARK, b->mask, 0), table_do(TABLE_S_ACCEPT, 0));
	TABLE_RULE(b->t, chain, FLOW_STATE, stamp,
		   table_set_mark(b, TABLE_S_SET_META_MARK, table_mark_note(b->in->mark_shift, TABLE_NOTE_DECIDED)),
		   table_do(TABLE_S_ACCEPT, 0));
}

void table_build_fast_path(struct table_build *b, uint32_t chain)
{
	if (b->in->closed)
		return;
	fast_path(b, chain, TABLE_ALLOW);
	if (b->in->offload)
		fast_path(b, chain, TABLE_BULK);
}

/* The same in one rule for the members of a set: the lookup last, so that a new flow gets by without it. */
void table_build_fast_members(struct table_build *b, uint32_t chain, bool ether, bool six, enum table_kind kind,
			      struct table_stmt in)
{
	const struct table_stmt family = six ? IPV6 : IPV4;
	const struct table_stmt shape = six ? table_in(TABLE_K_IP6_NEXTHDR, TABLE_SET_SHAPE6) : table_is(TABLE_K_NH_FIRST, 0x45);
	const struct table_stmt stamp = table_masked(TABLE_K_CT_MARK, b->mask,
						     table_mark(b->in->mark_shift, b->in->generation, kind));
	const struct table_stmt clean = table_masked(TABLE_K_META_MARK, b->mask, 0);

	if (b->in->closed || (kind == TABLE_BULK && !b->in->offload))
		return;
	if (ether)
		TABLE_RULE(b->t, chain, family, stamp, FLOW_STATE, clean, TABLE_ETHER, shape, in, table_do(TABLE_S_ACCEPT, 0));
	else
		TABLE_RULE(b->t, chain, family, stamp, FLOW_STATE, clean, shape, in, table_do(TABLE_S_ACCEPT, 0));
}

/* What the networks' sets say of a packet between open interfaces (or the firewall itself). */
static void by_network(struct table_build *b, uint32_t chain, uint32_t set4, enum table_key key4, uint32_t to)
{
	enum table_key key6 = key4 == TABLE_K_IP_SADDR ? TABLE_K_IP6_SADDR : TABLE_K_IP6_DADDR;

	if (b->t->sets.at[set4].n)
		TABLE_RULE(b->t, chain, IPV4, table_in(key4, set4), table_goto(to));
	if (b->t->sets.at[set4 + 1].n)
		TABLE_RULE(b->t, chain, IPV6, table_in(key6, set4 + 1), table_goto(to));
}

/* A packet without a note by its flow's stamp, of any generation: the gate's may be the one before. */
static void build_stamped(struct table_build *b, uint32_t post)
{
	const struct table_stmt clean = table_masked(TABLE_K_META_MARK, b->mask, 0);
	const uint32_t allow = table_mark(b->in->mark_shift, 0, TABLE_ALLOW);   /* TABLE_BULK has the bit, too */

	if (b->in->offload && post == TABLE_CH_FORWARD_POST) {
		TABLE_RULE(b->t, post, clean, table_masked(TABLE_K_CT_MARK, table_mark(b->in->mark_shift, 0, TABLE_BULK), allow),
			   table_do(TABLE_S_ACCEPT, 0));
		table_build_flow_add(b, post);
	}
	TABLE_RULE(b->t, post, clean, table_masked(TABLE_K_CT_MARK, allow, allow), table_do(TABLE_S_ACCEPT, 0));
}

/* After the interfaces, who may have put a shorter way ahead of the map. */
void table_build_base(struct table_build *b)
{
	static const struct { enum table_fixed_chain gate, post; enum table_fixed_set map; enum table_key key; } hooks[] = {
		{ TABLE_CH_FORWARD, TABLE_CH_FORWARD_POST, TABLE_SET_FROM, TABLE_K_IIFNAME },
		{ TABLE_CH_INPUT, TABLE_CH_INPUT_POST, TABLE_SET_IN, TABLE_K_IIFNAME },
		{ TABLE_CH_OUTPUT, TABLE_CH_OUTPUT_POST, TABLE_SET_TO, TABLE_K_OIFNAME },
	};

	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++) {
		TABLE_RULE(b->t, hooks[i].gate, { .op = TABLE_S_VMAP, .keys = { hooks[i].key }, .index = hooks[i].map });
		TABLE_RULE(b->t, hooks[i].gate, table_jump(TABLE_CH_STRANGE));
		TABLE_RULE(b->t, hooks[i].gate, table_count(TABLE_C_FELL_THROUGH), table_do(TABLE_S_DROP, 0));
		if (!b->in->closed)
			build_stamped(b, hooks[i].post);
		TABLE_RULE(b->t, hooks[i].post,
			   table_masked(TABLE_K_META_MARK, b->mask,
					table_mark_note(b->in->mark_shift, TABLE_NOTE_DECIDED)),
			   table_set_mark(b, TABLE_S_SET_META_MARK, 0), table_do(TABLE_S_ACCEPT, 0));
		TABLE_RULE(b->t, hooks[i].post, table_jump(TABLE_CH_AFTER));
		TABLE_RULE(b->t, hooks[i].post, table_count(TABLE_C_FELL_THROUGH), table_do(TABLE_S_DROP, 0));
		b->t->chains.at[hooks[i].gate].accept = !b->enforcing;
		b->t->chains.at[hooks[i].post].accept = !b->enforcing;
	}
}

/* To a guarded interface or network from elsewhere.  Who may not be there never takes the fast path. */
static void build_to_guarded(struct table_build *b)
{
	const uint32_t chain = TABLE_CH_TO_GUARDED;

	TABLE_RULE(b->t, chain, IPV4, table_isnt(TABLE_K_NH_FIRST, 0x45), table_goto(TABLE_CH_ASK));
	TABLE_RULE(b->t, chain, IPV6, table_notin(TABLE_K_IP6_NEXTHDR, TABLE_SET_SHAPE6), table_goto(TABLE_CH_ASK));
	by_network(b, chain, TABLE_SET_GUARDED4, TABLE_K_IP_SADDR, TABLE_CH_ASK);
	table_build_fast_path(b, chain);
	TABLE_RULE(b->t, chain, table_jump(TABLE_CH_SLOW));
	table_build_to_members(b, chain);
	TABLE_RULE(b->t, chain, table_goto(b->ask));
}

/* A comparison costs a quarter of a look-up: worth it where one interface has much of the traffic. */
bool table_build_few_guarded(const struct table_build *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->in->n_ifaces; i++)
		n += b->in->ifaces[i].role == TABLE_GUARDED;
	return n <= FEW_GUARDED;
}

/* From an interface without a guarded zone. */
static void build_open(struct table_build *b)
{
	for (size_t i = 0; i < b->in->n_ifaces && table_build_few_guarded(b); i++)
		if (b->in->ifaces[i].role == TABLE_GUARDED)
			TABLE_RULE(b->t, TABLE_CH_FROM_OPEN, table_named(TABLE_K_OIFNAME, b->in->ifaces[i].name),
				   table_goto(TABLE_CH_TO_GUARDED));
	TABLE_RULE(b->t, TABLE_CH_FROM_OPEN, table_in(TABLE_K_OIFNAME, TABLE_SET_OPEN), table_goto(TABLE_CH_OPEN_OPEN));
	TABLE_RULE(b->t, TABLE_CH_FROM_OPEN, table_in(TABLE_K_OIFNAME, TABLE_SET_GUARDED), table_goto(TABLE_CH_TO_GUARDED));
	TABLE_RULE(b->t, TABLE_CH_FROM_OPEN, table_in(TABLE_K_OIFNAME, TABLE_SET_OBSERVED), table_goto(TABLE_CH_TO_OBSERVED));

	/* A guarded zone's address as source is a spoof here; userspace says so. */
	by_network(b, TABLE_CH_OPEN_OPEN, TABLE_SET_GUARDED4, TABLE_K_IP_SADDR, TABLE_CH_ASK);
	by_network(b, TABLE_CH_OPEN_OPEN, TABLE_SET_GUARDED4, TABLE_K_IP_DADDR, TABLE_CH_TO_GUARDED);
	by_network(b, TABLE_CH_OPEN_OPEN, TABLE_SET_REMOTE4, TABLE_K_IP_SADDR, TABLE_CH_TO_GUARDED);
	by_network(b, TABLE_CH_OPEN_OPEN, TABLE_SET_REMOTE4, TABLE_K_IP_DADDR, TABLE_CH_TO_GUARDED);
	by_network(b, TABLE_CH_OPEN_OPEN, TABLE_SET_OBSERVED4, TABLE_K_IP_SADDR, TABLE_CH_OBSERVE);
	by_network(b, TABLE_CH_OPEN_OPEN, TABLE_SET_OBSERVED4, TABLE_K_IP_DADDR, TABLE_CH_OBSERVE);
	TABLE_RULE(b->t, TABLE_CH_OPEN_OPEN, table_goto(TABLE_CH_PASS));

	build_to_guarded(b);

	by_network(b, TABLE_CH_TO_OBSERVED, TABLE_SET_GUARDED4, TABLE_K_IP_SADDR, TABLE_CH_ASK);
	by_network(b, TABLE_CH_TO_OBSERVED, TABLE_SET_GUARDED4, TABLE_K_IP_DADDR, TABLE_CH_TO_GUARDED);
	by_network(b, TABLE_CH_TO_OBSERVED, TABLE_SET_REMOTE4, TABLE_K_IP_SADDR, TABLE_CH_TO_GUARDED);
	by_network(b, TABLE_CH_TO_OBSERVED, TABLE_SET_REMOTE4, TABLE_K_IP_DADDR, TABLE_CH_TO_GUARDED);
	TABLE_RULE(b->t, TABLE_CH_TO_OBSERVED, table_goto(TABLE_CH_OBSERVE));

	by_network(b, TABLE_CH_IN_OPEN, TABLE_SET_GUARDED4, TABLE_K_IP_SADDR, TABLE_CH_ASK);
	by_network(b, TABLE_CH_IN_OPEN, TABLE_SET_REMOTE4, TABLE_K_IP_SADDR, TABLE_CH_TO_GUARDED);
	by_network(b, TABLE_CH_IN_OPEN, TABLE_SET_OBSERVED4, TABLE_K_IP_SADDR, TABLE_CH_OBSERVE);
	TABLE_RULE(b->t, TABLE_CH_IN_OPEN, table_goto(TABLE_CH_PASS));
}

/* What the firewall itself sends. */
static void build_out(struct table_build *b)
{
	const struct table_stmt rejected = table_masked(TABLE_K_CT_MARK, b->mask,
							table_mark_note(b->in->mark_shift, TABLE_NOTE_REJECTED));

	by_network(b, TABLE_CH_OUT_OPEN, TABLE_SET_GUARDED4, TABLE_K_IP_DADDR, TABLE_CH_OUT_JUDGE);
	by_network(b, TABLE_CH_OUT_OPEN, TABLE_SET_REMOTE4, TABLE_K_IP_DADDR, TABLE_CH_OUT_JUDGE);
	by_network(b, TABLE_CH_OUT_OPEN, TABLE_SET_OBSERVED4, TABLE_K_IP_DADDR, TABLE_CH_OBSERVE);
	TABLE_RULE(b->t, TABLE_CH_OUT_OPEN, table_goto(TABLE_CH_PASS));

	/* The link's own housekeeping: neighbour discovery, router advertisements, group reports, DHCP answers. */
	TABLE_RULE(b->t, TABLE_CH_OUT_LINK, IPV6, table_is(TABLE_K_L4PROTO, IPPROTO_ICMPV6),
		   table_in(TABLE_K_ICMP6_TYPE, TABLE_SET_ND_OUT), table_goto(TABLE_CH_PASS));
	TABLE_RULE(b->t, TABLE_CH_OUT_LINK, table_is(TABLE_K_L4PROTO, IPPROTO_IGMP), table_goto(TABLE_CH_PASS));
	TABLE_RULE(b->t, TABLE_CH_OUT_LINK, IPV4, table_is(TABLE_K_L4PROTO, IPPROTO_UDP), table_is(TABLE_K_SPORT, 67),
		   table_is(TABLE_K_DPORT, 68), table_goto(TABLE_CH_PASS));
	TABLE_RULE(b->t, TABLE_CH_OUT_LINK, IPV6, table_is(TABLE_K_L4PROTO, IPPROTO_UDP), table_is(TABLE_K_SPORT, 547),
		   table_is(TABLE_K_DPORT, 546), table_masked(TABLE_K_IP6_DADDR_FIRST2, 0xffc0, 0xfe80), table_goto(TABLE_CH_PASS));
	TABLE_RULE(b->t, TABLE_CH_OUT_GUARDED, table_jump(TABLE_CH_OUT_LINK));
	TABLE_RULE(b->t, TABLE_CH_OUT_GUARDED, table_goto(TABLE_CH_OUT_JUDGE));
	TABLE_RULE(b->t, TABLE_CH_OUT_OBSERVED, table_jump(TABLE_CH_OUT_LINK));
	by_network(b, TABLE_CH_OUT_OBSERVED, TABLE_SET_GUARDED4, TABLE_K_IP_DADDR, TABLE_CH_OUT_JUDGE);
	by_network(b, TABLE_CH_OUT_OBSERVED, TABLE_SET_REMOTE4, TABLE_K_IP_DADDR, TABLE_CH_OUT_JUDGE);
	TABLE_RULE(b->t, TABLE_CH_OUT_OBSERVED, table_goto(TABLE_CH_OBSERVE));

	table_build_fast_path(b, TABLE_CH_OUT_JUDGE);
	/* Our own reject: a reset or an ICMP error about the flow that was just refused. */
	TABLE_RULE(b->t, TABLE_CH_OUT_JUDGE, rejected, table_is(TABLE_K_L4PROTO, IPPROTO_TCP),
		   table_masked(TABLE_K_TCP_FLAGS, 4, 4), table_goto(TABLE_CH_PASS));
	TABLE_RULE(b->t, TABLE_CH_OUT_JUDGE, rejected, IPV4, table_is(TABLE_K_L4PROTO, IPPROTO_ICMP),
		   table_in(TABLE_K_ICMP_TYPE, TABLE_SET_ERRORS4), table_goto(TABLE_CH_PASS));
	TABLE_RULE(b->t, TABLE_CH_OUT_JUDGE, rejected, IPV6, table_is(TABLE_K_L4PROTO, IPPROTO_ICMPV6),
		   table_in(TABLE_K_ICMP6_TYPE, TABLE_SET_ERRORS6), table_goto(TABLE_CH_PASS));
	TABLE_RULE(b->t, TABLE_CH_OUT_JUDGE, table_bits(TABLE_K_CT_STATE, NF_CT_STATE_BIT(IP_CT_RELATED)),
		   table_jump(TABLE_CH_SLOW_RELATED));
	TABLE_RULE(b->t, TABLE_CH_OUT_JUDGE, table_is(TABLE_K_CT_DIRECTION, IP_CT_DIR_REPLY), table_goto(TABLE_CH_ASK_OUT_REPLY));
	TABLE_RULE(b->t, TABLE_CH_OUT_JUDGE, table_goto(TABLE_CH_ASK_OUT));
}

/* next: a chain that may decide about what is left, 0: none. */
void table_build_known(struct table_build *b, uint32_t chain, uint32_t next)
{
	table_build_fast_path(b, chain);
	TABLE_RULE(b->t, chain, table_jump(TABLE_CH_SLOW));
	if (next)
		TABLE_RULE(b->t, chain, table_jump(next));
	TABLE_RULE(b->t, chain, table_goto(b->ask));
}

void table_build_restricted(struct table_build *b, uint32_t chain, uint32_t next)
{
	TABLE_RULE(b->t, chain, table_bits(TABLE_K_CT_STATE, NF_CT_STATE_INVALID_BIT), table_goto(TABLE_CH_INVALID));
	TABLE_RULE(b->t, chain, table_is(TABLE_K_CT_DIRECTION, IP_CT_DIR_REPLY), table_goto(TABLE_CH_ASK_REPLY));
	if (next)
		TABLE_RULE(b->t, chain, table_jump(next));
	TABLE_RULE(b->t, chain, table_goto(TABLE_CH_ASK));
}

static void confined_return(struct table_build *b, bool six)
{
	const struct table_stmt family = six ? IPV6 : IPV4, back = table_do(TABLE_S_RETURN, 0);
	const enum table_key saddr = six ? TABLE_K_IP6_SADDR : TABLE_K_IP_SADDR;

	TABLE_RULE(b->t, TABLE_CH_SLOW_RELATED, family, TABLE_ETHER,
		   { .op = TABLE_S_IN, .keys = { TABLE_K_IIFNAME, TABLE_K_ETHER_SADDR, saddr },
		     .index = TABLE_SET_CONFINED4 + six }, back);
	TABLE_RULE(b->t, TABLE_CH_SLOW_RELATED, family, table_isnt(TABLE_K_IIFTYPE, ARPHRD_ETHER),
		   { .op = TABLE_S_IN, .keys = { TABLE_K_IIFNAME, saddr }, .index = TABLE_SET_CONFINED_L3_4 + six }, back);
}

/* A verified device's packets, and what a miss of the fast path may still be. */
static void build_classes(struct table_build *b)
{
	const struct table_stmt stamp = table_masked(TABLE_K_CT_MARK, table_mark_allowed(b->in->mark_shift),
						     table_mark(b->in->mark_shift, b->in->generation, TABLE_ALLOW));

	table_build_known(b, TABLE_CH_KNOWN, 0);
	table_build_restricted(b, TABLE_CH_RESTRICTED, 0);

	/* The same where the answer is known to be no. */
	TABLE_RULE(b->t, TABLE_CH_NEVER, table_bits(TABLE_K_CT_STATE, NF_CT_STATE_INVALID_BIT), table_goto(TABLE_CH_INVALID));
	TABLE_RULE(b->t, TABLE_CH_NEVER, table_is(TABLE_K_CT_DIRECTION, IP_CT_DIR_REPLY), table_goto(TABLE_CH_ASK_REPLY));
	TABLE_RULE(b->t, TABLE_CH_NEVER, table_goto(TABLE_CH_DENY));

	TABLE_RULE(b->t, TABLE_CH_SLOW, table_bits(TABLE_K_CT_STATE, NF_CT_STATE_INVALID_BIT), table_goto(TABLE_CH_INVALID));
	TABLE_RULE(b->t, TABLE_CH_SLOW, table_bits(TABLE_K_CT_STATE, NF_CT_STATE_BIT(IP_CT_RELATED)),
		   table_jump(TABLE_CH_SLOW_RELATED));
	TABLE_RULE(b->t, TABLE_CH_SLOW, table_is(TABLE_K_CT_DIRECTION, IP_CT_DIR_REPLY), table_goto(TABLE_CH_ASK_REPLY));

	/* An ICMP error's conntrack is the flow it quotes: it passes when that is stamped, and never stamps.  But anybody can
	 * quote anybody's flow, with whatever behind it: that of a confined device is a question. */
	if (!b->in->closed) {
		for (unsigned six = 0; six < 2; six++)
			confined_return(b, six);
		TABLE_RULE(b->t, TABLE_CH_SLOW_RELATED, IPV4, table_is(TABLE_K_L4PROTO, IPPROTO_ICMP),
			   table_in(TABLE_K_ICMP_TYPE, TABLE_SET_ERRORS4), stamp, table_count(TABLE_C_RELATED),
			   table_goto(TABLE_CH_PASS));
		TABLE_RULE(b->t, TABLE_CH_SLOW_RELATED, IPV6, table_is(TABLE_K_L4PROTO, IPPROTO_ICMPV6),
			   table_in(TABLE_K_ICMP6_TYPE, TABLE_SET_ERRORS6), stamp, table_count(TABLE_C_RELATED),
			   table_goto(TABLE_CH_PASS));
	}
}

/* Zones that only observe: the first packet of a flow and generation is copied, every packet passes. */
static void build_observe(struct table_build *b)
{
	unsigned shift = b->in->mark_shift;
	const struct table_stmt seen = table_masked(TABLE_K_CT_MARK, b->mask,
						    table_mark(shift, b->in->generation, TABLE_DENY_ONCE));
	const struct table_stmt limit = table_limit(b->rates.observe_per_s, b->rates.observe_per_s);
	const struct table_stmt copy = table_do(TABLE_S_LOG, b->in->nflog_group);

	if (b->in->closed) {                    /* nobody listens */
		TABLE_RULE(b->t, TABLE_CH_OBSERVE, table_goto(TABLE_CH_PASS));
		return;
	}
	TABLE_RULE(b->t, TABLE_CH_OBSERVE, FLOW_STATE, seen, table_goto(TABLE_CH_PASS));
	TABLE_RULE(b->t, TABLE_CH_OBSERVE,
		   table_set_mark(b, TABLE_S_SET_META_MARK, table_mark_note(shift, TABLE_NOTE_ASKED)));
	TABLE_RULE(b->t, TABLE_CH_OBSERVE, table_is(TABLE_K_CT_DIRECTION, IP_CT_DIR_REPLY),
		   table_set_mark(b, TABLE_S_SET_META_MARK, table_mark_note(shift, TABLE_NOTE_REPLY)));
	TABLE_RULE(b->t, TABLE_CH_OBSERVE, FLOW_STATE, limit, copy,
		   table_set_mark(b, TABLE_S_SET_CT_MARK, seen.value), table_goto(TABLE_CH_PASS));
	TABLE_RULE(b->t, TABLE_CH_OBSERVE,
		   table_bits(TABLE_K_CT_STATE,
			      NF_CT_STATE_BIT(IP_CT_RELATED) | NF_CT_STATE_INVALID_BIT | NF_CT_STATE_UNTRACKED_BIT),
		   limit, copy, table_goto(TABLE_CH_PASS));
	TABLE_RULE(b->t, TABLE_CH_OBSERVE, table_count(TABLE_C_OBSERVE_SKIPPED), table_goto(TABLE_CH_PASS));
}

void table_build_gate(struct table_build *b)
{
	TABLE_RULE(b->t, TABLE_CH_PASS,
		   table_set_mark(b, TABLE_S_SET_META_MARK, table_mark_note(b->in->mark_shift, TABLE_NOTE_DECIDED)),
		   table_do(TABLE_S_ACCEPT, 0));
	build_open(b);
	build_out(b);
	build_classes(b);
	build_observe(b);
}
