/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_build_asks: the way to the queues, and what the kernel drops by itself, in the ledger.
 * A hit of the denials' memory is counted under its key by an update of its own, with what the lookup has loaded already: what a
 * lookup does to an element's counter differs between kernels and does not matter here. */
#include "kern/table_model.h"

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>

/* What of a packet is remembered, and tests that it is of this variant. */
struct flow_variant { struct table_stmt family, proto; uint8_t keys[TABLE_KEYS_MAX]; };

static struct flow_variant variant_of(unsigned v)
{
	bool six = v & TABLE_V_SIX;

	return (struct flow_variant){
		table_family(six),
		table_is(TABLE_K_L4PROTO, v & TABLE_V_UDP ? IPPROTO_UDP : IPPROTO_TCP),
		{ TABLE_K_IIF, TABLE_K_ETHER_SADDR, six ? TABLE_K_IP6_SADDR : TABLE_K_IP_SADDR,
		  six ? TABLE_K_IP6_DADDR : TABLE_K_IP_DADDR, v & TABLE_V_REPLY ? TABLE_K_SPORT : TABLE_K_DPORT },
	};
}

static struct table_stmt with_keys(enum table_op op, uint32_t set, const uint8_t keys[TABLE_KEYS_MAX])
{
	struct table_stmt s = { .op = op, .index = set };

	for (unsigned i = 0; i < TABLE_KEYS_MAX; i++)
		s.keys[i] = keys[i];
	return s;
}

/* How often an update of the ledger is tried.  It can fail for a moment although there is room: a hash table that must grow
 * at once refuses new keys until its new buckets are there (EBUSY, ENOMEM), and the counter of a new element comes from
 * a small pool of memory that a worker refills.  Seen once in a million packets; the next attempt meets another moment, and
 * the key that another processor has just added.  A full page costs two more looks, on the way to a counter without keys. */
enum { TRIES = 3 };

/* What is kept apart of denials: by device; beyond that by sender (of many behind one router), and all of those of one MAC. */
enum {
	KEYS_PER_S = 100, KEYS_BURST = 1000, SHARE_PER_S = 5, SHARE_BURST = 50, MORE_PER_S = 500, MORE_BURST = 1000,
	PINGS_PER_S = 20, PINGS_BURST = 100,
};

void table_build_keyed(struct table_build *b, uint32_t chain, enum table_op op, unsigned v, bool proto)
{
	const struct flow_variant f = variant_of(v);
	const struct table_stmt look = with_keys(op, TABLE_SET_DENIED + v, f.keys), drop = table_do(TABLE_S_DROP, 0);
	const struct table_stmt hit = with_keys(TABLE_S_UPDATE, (b->page == 'a' ? TABLE_SET_HITS_A : TABLE_SET_HITS_B) + v, f.keys);
	const struct table_stmt count = table_count(TABLE_C_DENIED);

	if (proto)
		TABLE_RULE(b->t, chain, f.family, f.proto, TABLE_ETHER, look, hit, count, drop);
	else
		TABLE_RULE(b->t, chain, f.family, TABLE_ETHER, look, hit, count, drop);
}

static void build_keyed(struct table_build *b, uint32_t chain, enum table_op op, unsigned first)
{
	for (unsigned v = first; v < first + TABLE_VARIANTS / 2; v++)
		table_build_keyed(b, chain, op, v, true);
}

static void build_by_sender(struct table_build *b, uint32_t chain, uint32_t page_a, enum table_counter c)
{
	const struct table_stmt count = {
		.op = TABLE_S_UPDATE, .keys = { TABLE_K_IIF, TABLE_K_ETHER_SADDR }, .index = page_a + (b->page == 'b'),
	};

	for (unsigned i = 0; i < TRIES; i++)
		TABLE_RULE(b->t, chain, TABLE_ETHER, count, table_count(c), table_do(TABLE_S_DROP, 0));
}

/* A drop of the kernel's own, counted by sender where there is one and the page has room. */
static void build_drop(struct table_build *b, uint32_t chain, uint32_t page_a, enum table_counter c)
{
	build_by_sender(b, chain, page_a, c);
	TABLE_RULE(b->t, chain, table_count(c + 1), table_do(TABLE_S_DROP, 0));
}

/* The same by the names of the interfaces. */
static void build_named_drop(struct table_build *b, uint32_t chain, uint32_t page_a, enum table_counter c)
{
	const struct table_stmt count = {
		.op = TABLE_S_UPDATE, .keys = { TABLE_K_IIFNAME, TABLE_K_OIFNAME }, .index = page_a + (b->page == 'b'),
	};

	for (unsigned i = 0; i < TRIES; i++)
		TABLE_RULE(b->t, chain, count, table_count(c), table_do(TABLE_S_DROP, 0));
	TABLE_RULE(b->t, chain, table_count(c + 1), table_do(TABLE_S_DROP, 0));
}

const enum table_fixed_chain table_page_chains[] = {
	TABLE_CH_ABOUT, TABLE_CH_DENIED, TABLE_CH_DENIED_REPLY, TABLE_CH_DENY_COUNT, TABLE_CH_DENIED_MORE, TABLE_CH_FLOODED,
	TABLE_CH_FLOODED + 1, TABLE_CH_FLOODED + 2, TABLE_CH_FLOODED + 3, TABLE_CH_FLOOD, TABLE_CH_OTHERS_FLOOD,
	TABLE_CH_UNKNOWN_FLOOD, TABLE_CH_OUT_FLOOD, TABLE_CH_INVALID, TABLE_CH_STRANGE, TABLE_CH_CLOSED, TABLE_CH_FAILED_OPEN,
};
const size_t table_n_page_chains = sizeof(table_page_chains) / sizeof(*table_page_chains);

void table_build_page(struct table_build *b)
{
	build_keyed(b, TABLE_CH_DENIED, TABLE_S_IN, 0);
	build_keyed(b, TABLE_CH_DENIED_REPLY, TABLE_S_IN, TABLE_V_REPLY);
	build_keyed(b, TABLE_CH_DENY_COUNT, TABLE_S_ADD, 0);
	TABLE_RULE(b->t, TABLE_CH_DENY_COUNT, table_goto(TABLE_CH_DENIED_MORE));
	table_build_flooded(b);
	/* A denial that the page does not take is a question: userspace has the count then. */
	build_by_sender(b, TABLE_CH_DENIED_MORE, TABLE_SET_DENIED_MORE_A, TABLE_C_DENIED_MORE);
	TABLE_RULE(b->t, TABLE_CH_DENIED_MORE, table_goto(TABLE_CH_ASK));
	build_drop(b, TABLE_CH_FLOOD, TABLE_SET_FLOODS_A, TABLE_C_FLOOD);
	build_drop(b, TABLE_CH_OTHERS_FLOOD, TABLE_SET_OTHERS_FLOODS_A, TABLE_C_FLOOD);
	build_drop(b, TABLE_CH_UNKNOWN_FLOOD, TABLE_SET_UNKNOWN_FLOODS_A, TABLE_C_UNKNOWN_FLOOD);
	build_drop(b, TABLE_CH_INVALID, TABLE_SET_INVALIDS_A, TABLE_C_INVALID);
	build_drop(b, TABLE_CH_CLOSED, TABLE_SET_CLOSED_A, TABLE_C_CLOSED);
	build_named_drop(b, TABLE_CH_OUT_FLOOD, TABLE_SET_OUT_FLOODS_A, TABLE_C_OUT_FLOOD);
	if (b->enforcing)
		build_named_drop(b, TABLE_CH_STRANGE, TABLE_SET_STRANGERS_A, TABLE_C_STRANGE);
	else
		TABLE_RULE(b->t, TABLE_CH_STRANGE, table_goto(TABLE_CH_PASS));
	table_build_fails_page(b);
}

static void build_note(struct table_build *b, uint32_t chain, enum table_note note, uint32_t next)
{
	TABLE_RULE(b->t, chain, table_set_mark(b, TABLE_S_SET_META_MARK, table_mark_note(b->in->mark_shift, note)),
		   table_goto(next));
}

struct table_stmt table_build_pair(enum table_op op, uint32_t set, bool six)
{
	return (struct table_stmt){
		.op = op, .index = set + six,
		.keys = { TABLE_K_IIF, TABLE_K_ETHER_SADDR, six ? TABLE_K_IP6_SADDR : TABLE_K_IP_SADDR,
			  six ? TABLE_K_IP6_DADDR : TABLE_K_IP_DADDR },
	};
}

/* Within the share of one sender, of many that may have one MAC. */
static struct table_stmt share(bool six)
{
	return (struct table_stmt){
		.op = TABLE_S_UPDATE, .index = TABLE_SET_SHARES4 + six, .rate = SHARE_PER_S, .burst = SHARE_BURST,
		.keys = { TABLE_K_IIF, TABLE_K_ETHER_SADDR, six ? TABLE_K_IP6_SADDR : TABLE_K_IP_SADDR },
	};
}

/* Denied beyond the device's share of the page.  The next senders and destinations have a share of their own; what is beyond that,
 * too, is a scan: nothing of these two ends is kept apart any more until the page is turned.  Others of the device, or of
 * the router whose MAC it is, are: so no flood hides what is tried elsewhere meanwhile. */
static void build_beyond(struct table_build *b, bool six)
{
	const struct table_stmt more = table_meter(TABLE_K_IIF, TABLE_K_ETHER_SADDR, TABLE_SET_MORE, MORE_PER_S, MORE_BURST);

	TABLE_RULE(b->t, TABLE_CH_DENY, table_family(six), table_in(TABLE_K_L4PROTO, TABLE_SET_PORTED), TABLE_ETHER, share(six),
		   more, table_goto(TABLE_CH_DENY_COUNT));
	TABLE_RULE(b->t, TABLE_CH_DENY, table_family(six), TABLE_ETHER, table_build_pair(TABLE_S_ADD, TABLE_SET_SCANS4, six),
		   table_goto(TABLE_CH_DENIED_MORE));
}

/* What has no ports cannot be kept apart: of each two ends one a second is asked about. */
static void build_portless(struct table_build *b, bool six)
{
	const struct table_stmt all = table_meter(TABLE_K_IIF, TABLE_K_ETHER_SADDR, TABLE_SET_PINGS, PINGS_PER_S, PINGS_BURST);
	struct table_stmt pair = table_build_pair(TABLE_S_UPDATE, TABLE_SET_PINGS4, six);

	pair.rate = pair.burst = 1;
	TABLE_RULE(b->t, TABLE_CH_DENY, table_family(six), table_notin(TABLE_K_L4PROTO, TABLE_SET_PORTED), TABLE_ETHER, pair,
		   share(six), all, table_goto(TABLE_CH_ASK));
}

/* What the kernel knows to be denied.  The first packets of whoever tries are asked about all the same, so that they become
 * events at once and with all that they show.  Further ones are remembered and counted here, until one device has taken its share
 * of the memory and the page: the rest is counted by device, without a look at anything else once both ends are known for it
 * (scans): that is what a scan costs.  A full set costs detail, not the drop. */
static void build_deny(struct table_build *b)
{
	const struct table_rates *r = &b->rates;

	for (unsigned six = 0; six < 2; six++)
		TABLE_RULE(b->t, TABLE_CH_DENY, table_family(six), TABLE_ETHER, table_build_pair(TABLE_S_IN, TABLE_SET_SCANS4, six),
			   table_goto(TABLE_CH_DENIED_MORE));
	TABLE_RULE(b->t, TABLE_CH_DENY, table_jump(TABLE_CH_DENIED));
	TABLE_RULE(b->t, TABLE_CH_DENY, TABLE_ETHER,
		   table_meter(TABLE_K_IIF, TABLE_K_ETHER_SADDR, TABLE_SET_SAMPLES, r->deny_per_s, r->deny_burst),
		   table_goto(TABLE_CH_ASK));
	for (unsigned six = 0; six < 2; six++)
		build_portless(b, six);
	TABLE_RULE(b->t, TABLE_CH_DENY, TABLE_ETHER,
		   table_meter(TABLE_K_IIF, TABLE_K_ETHER_SADDR, TABLE_SET_KEYS, KEYS_PER_S, KEYS_BURST),
		   table_goto(TABLE_CH_DENY_COUNT));
	for (unsigned six = 0; six < 2; six++)
		build_beyond(b, six);
	/* Without Ethernet addresses there is nothing to count by: that ends in a question. */
	TABLE_RULE(b->t, TABLE_CH_DENY, table_goto(TABLE_CH_DENIED_MORE));
}

static void build_questions(struct table_build *b)
{
	TABLE_RULE(b->t, TABLE_CH_ASK, table_jump(TABLE_CH_DENIED));
	build_note(b, TABLE_CH_ASK, TABLE_NOTE_ASKED, TABLE_CH_ASK_METER);
	TABLE_RULE(b->t, TABLE_CH_ASK_REPLY, table_jump(TABLE_CH_DENIED_REPLY));
	build_note(b, TABLE_CH_ASK_REPLY, TABLE_NOTE_REPLY, TABLE_CH_ASK_METER);

	/* The firewall's own questions: it has no MAC, and its denials are not remembered. */
	build_note(b, TABLE_CH_ASK_OUT, TABLE_NOTE_ASKED, TABLE_CH_OUT_METER);
	build_note(b, TABLE_CH_ASK_OUT_REPLY, TABLE_NOTE_REPLY, TABLE_CH_OUT_METER);

	TABLE_RULE(b->t, TABLE_CH_UNKNOWN, table_bits(TABLE_K_CT_STATE, NF_CT_STATE_INVALID_BIT), table_goto(TABLE_CH_INVALID));
	TABLE_RULE(b->t, TABLE_CH_UNKNOWN, table_is(TABLE_K_CT_DIRECTION, IP_CT_DIR_REPLY), table_goto(TABLE_CH_UNKNOWN_REPLY));
	TABLE_RULE(b->t, TABLE_CH_UNKNOWN, table_jump(TABLE_CH_DENIED));
	build_note(b, TABLE_CH_UNKNOWN, TABLE_NOTE_ASKED, TABLE_CH_UNKNOWN_METER);
	TABLE_RULE(b->t, TABLE_CH_UNKNOWN_REPLY, table_jump(TABLE_CH_DENIED_REPLY));
	build_note(b, TABLE_CH_UNKNOWN_REPLY, TABLE_NOTE_REPLY, TABLE_CH_UNKNOWN_METER);
}

/* Without anybody to ask, every question is a drop. */
static void build_closed(struct table_build *b)
{
	static const enum table_fixed_chain doors[] = {
		TABLE_CH_ASK, TABLE_CH_ASK_REPLY, TABLE_CH_UNKNOWN, TABLE_CH_UNKNOWN_REPLY, TABLE_CH_ASK_OUT,
		TABLE_CH_ASK_OUT_REPLY, TABLE_CH_DENY,
	};

	for (size_t i = 0; i < sizeof(doors) / sizeof(*doors); i++)
		TABLE_RULE(b->t, doors[i], table_goto(TABLE_CH_CLOSED));
}

/* Asks go by the processor that a packet came in on, to the worker that stays there: the packet is still in its caches, and
 * nothing is handed across.  The order of a flow holds: a receiver spreads by flow (RSS), so that all of its packets in one
 * direction come in on one processor, hence into one queue, answered in order by one thread; and where a flow does move, it is
 * as when its decided packets overtake those that wait.  The unknown have one queue: they are limited to few. */
static void build_queues(struct table_build *b)
{
	const uint32_t queues = b->in->queues ? b->in->queues : 1;

	table_build_fails_asked(b);
	TABLE_RULE(b->t, TABLE_CH_ASK_Q, table_count(TABLE_C_ASKED));
	TABLE_RULE(b->t, TABLE_CH_ASK_Q,
		   { .op = TABLE_S_QUEUE, .index = b->in->queue, .value = queues, .native = b->in->native_queue });
	TABLE_RULE(b->t, TABLE_CH_UNKNOWN_Q, table_count(TABLE_C_ASKED));
	TABLE_RULE(b->t, TABLE_CH_UNKNOWN_Q,
		   { .op = TABLE_S_QUEUE, .index = b->in->queue + queues, .value = 1, .native = b->in->native_queue });
}

void table_build_asks(struct table_build *b)
{
	if (b->in->closed) {
		build_closed(b);
		return;
	}
	build_deny(b);
	build_questions(b);
	table_build_meters(b);
	build_queues(b);
}
