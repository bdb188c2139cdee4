/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_build_meters: how much each sender may ask, and whose places a sender takes.  A meter has a place for each sender of
 * the last ten seconds; who finds none is dropped.  So that nobody takes the places of others by inventing senders, there are
 * three kinds of them:
 *
 *	proved	who comes in by an interface where only proved addresses ask, or those behind a router (which are told by their
 *		addresses, and are others): as many as there are bindings
 *	listed	elsewhere nobody has to prove anything; but of the MACs that the policy lists there are no more than those.
 *		Who forges one shares the place of that one alone
 *	others	who is left, in places that anybody can fill, and all of an interface together within one limit: they cannot fill
 *		the queue either
 *
 * Without Ethernet addresses a sender is told by its address.  Written positively: within the limit goes on to the queue, all
 * else is a counted drop, of others on pages of their own; so a full set closes. */
#include "kern/table_model.h"

#include <linux/if_arp.h>
#include <linux/netfilter/nf_conntrack_common.h>

/* Errors that the firewall itself sends about what it has not permitted: who causes them must not take its own questions' share. */
enum { ERRORS_PER_S = 500, ERRORS_BURST = 100 };

struct places {
	enum table_fixed_chain chain, flood;
	uint32_t asks, agains;          /* by MAC; behind it IPv4's and IPv6's, by address */
	bool by_address, together;
};

static const struct places all_places[] = {
	{ TABLE_CH_ASK_PROVED, TABLE_CH_FLOOD, TABLE_SET_ASKS_PROVED, TABLE_SET_AGAIN_PROVED, true, false },
	{ TABLE_CH_ASK_LISTED, TABLE_CH_FLOOD, TABLE_SET_ASKS_LISTED, TABLE_SET_AGAIN_LISTED, false, false },
	{ TABLE_CH_ASK_OTHERS, TABLE_CH_OTHERS_FLOOD, TABLE_SET_ASKS_OTHERS, TABLE_SET_AGAIN_OTHERS, true, true },
};

#define NO_ETHER table_isnt(TABLE_K_IIFTYPE, ARPHRD_ETHER)

static struct table_stmt by_mac(uint32_t set, uint32_t rate, uint32_t burst)
{
	return table_meter(TABLE_K_IIF, TABLE_K_ETHER_SADDR, set, rate, burst);
}

/* sets: the IPv4 one, the other is next to it. */
static struct table_stmt by_address(uint32_t sets, bool six, uint32_t rate, uint32_t burst)
{
	return table_meter(TABLE_K_IIF, six ? TABLE_K_IP6_SADDR : TABLE_K_IP_SADDR, sets + six, rate, burst);
}

/* Bulk flows, too. */
static struct table_stmt was_allowed(const struct table_build *b)
{
	const uint32_t allow = table_mark(b->in->mark_shift, 0, TABLE_ALLOW);

	return table_masked(TABLE_K_CT_MARK, allow, allow);
}

/* Flows that an earlier generation permitted have a limit of their own, which a site's recordings do not reach when all of them
 * are judged anew.  It starves nobody: only flows that were judged once carry the mark (related packets are of another
 * flow, odd shapes do not count); each is asked about until its first answer: then it is stamped, or remembered as denied
 * ahead of this meter.  What is neither (a rule that rejects, a full memory) is bounded by the rate. */
static void build_again(struct table_build *b, const struct places *p, bool six)
{
	const struct table_stmt shape = six ? table_in(TABLE_K_IP6_NEXTHDR, TABLE_SET_SHAPE6) : table_is(TABLE_K_NH_FIRST, 0x45);
	const struct table_stmt ported = table_in(TABLE_K_L4PROTO, TABLE_SET_PORTED);
	const uint32_t rate = b->rates.again_per_s, burst = b->rates.again_burst;

	TABLE_RULE(b->t, p->chain, was_allowed(b), table_own_flow(), table_family(six), shape, ported, TABLE_ETHER,
		   by_mac(p->agains, rate, burst), table_goto(TABLE_CH_ASK_Q));
	if (p->by_address)
		TABLE_RULE(b->t, p->chain, was_allowed(b), table_own_flow(), table_family(six), shape, ported, NO_ETHER,
			   by_address(p->agains + 1, six, rate, burst), table_goto(TABLE_CH_ASK_Q));
}

/* How much each may ask, and where so all of an interface together. */
static void build_limit(struct table_build *b, const struct places *p, struct table_stmt of, struct table_stmt each)
{
	const struct table_stmt all = table_meter(TABLE_K_IIF, TABLE_K_NONE, TABLE_SET_ASKS_IFACE, b->rates.others_per_s,
					    b->rates.others_burst);

	if (p->together)
		TABLE_RULE(b->t, p->chain, of, each, all, table_goto(TABLE_CH_ASK_Q));
	else
		TABLE_RULE(b->t, p->chain, of, each, table_goto(TABLE_CH_ASK_Q));
}

/* The kernel follows 16 jumps at most, gotos too, and some come here by many: so the meters are no chains of their own. */
static void build_place(struct table_build *b, const struct places *p)
{
	const uint32_t rate = b->rates.ask_per_s, burst = b->rates.ask_burst;

	for (unsigned six = 0; six < 2; six++)
		build_again(b, p, six);
	build_limit(b, p, TABLE_ETHER, by_mac(p->asks, rate, burst));
	if (p->by_address)
		TABLE_RULE(b->t, p->chain, TABLE_ETHER, table_goto(p->flood));
	for (unsigned six = 0; p->by_address && six < 2; six++)
		build_limit(b, p, table_family(six), by_address(p->asks + 1, six, rate, burst));
	TABLE_RULE(b->t, p->chain, table_goto(p->flood));
}

/* The firewall's own, by the interface they leave by.  Its errors about what nobody permitted (a packet whose last hop this was, no
 * route) are caused by whoever sent that, before the gate sees it: within a limit of their own. */
static void build_out(struct table_build *b)
{
	const struct table_rates *r = &b->rates;
	const struct table_stmt error = table_bits(TABLE_K_CT_STATE, NF_CT_STATE_BIT(IP_CT_RELATED) | NF_CT_STATE_INVALID_BIT);

	TABLE_RULE(b->t, TABLE_CH_OUT_METER, error,
		   table_meter(TABLE_K_OIFNAME, TABLE_K_NONE, TABLE_SET_ERRORS_OUT, ERRORS_PER_S, ERRORS_BURST),
		   table_goto(TABLE_CH_ASK_Q));
	TABLE_RULE(b->t, TABLE_CH_OUT_METER, error, table_goto(TABLE_CH_OUT_FLOOD));
	TABLE_RULE(b->t, TABLE_CH_OUT_METER, table_own_flow(), was_allowed(b),
		   table_meter(TABLE_K_OIFNAME, TABLE_K_NONE, TABLE_SET_AGAIN_OUT, r->again_per_s, r->again_burst),
		   table_goto(TABLE_CH_ASK_Q));
	TABLE_RULE(b->t, TABLE_CH_OUT_METER,
		   table_meter(TABLE_K_OIFNAME, TABLE_K_NONE, TABLE_SET_ASKS_OUT, r->ask_per_s, r->ask_burst),
		   table_goto(TABLE_CH_ASK_Q));
	TABLE_RULE(b->t, TABLE_CH_OUT_METER, table_goto(TABLE_CH_OUT_FLOOD));
}

/* Who has proved nothing on a guarded interface: by sender, and all of an interface together. */
static void build_unknown(struct table_build *b)
{
	const struct table_rates *r = &b->rates;
	const struct table_stmt all = table_meter(TABLE_K_IIF, TABLE_K_NONE, TABLE_SET_NEWS_IFACE, r->new_iface_per_s,
					    r->new_iface_burst);

	TABLE_RULE(b->t, TABLE_CH_UNKNOWN_METER, TABLE_ETHER, by_mac(TABLE_SET_NEWS, r->new_per_s, r->new_burst), all,
		   table_goto(TABLE_CH_UNKNOWN_Q));
	for (unsigned six = 0; six < 2; six++)
		TABLE_RULE(b->t, TABLE_CH_UNKNOWN_METER, table_family(six), NO_ETHER,
			   by_address(TABLE_SET_NEWS_4, six, r->new_per_s, r->new_burst), all, table_goto(TABLE_CH_UNKNOWN_Q));
	TABLE_RULE(b->t, TABLE_CH_UNKNOWN_METER, table_goto(TABLE_CH_UNKNOWN_FLOOD));
}

void table_build_proved_meter(struct table_build *b, const struct table_iface *f, uint32_t routed4)
{
	const struct table_stmt by = table_named(TABLE_K_IIFNAME, f->name);
	uint8_t key[TABLE_IFNAME];

	table_model_ifname_key(f->name, key);
	if (!f->n_routed)
		table_model_element(b->t, TABLE_SET_PROVED, key, 0);
	for (unsigned six = 0; f->n_routed && !b->in->closed && six < 2; six++)
		TABLE_RULE(b->t, TABLE_CH_ASK_METER, by, table_family(six),
			   table_notin(six ? TABLE_K_IP6_SADDR : TABLE_K_IP_SADDR, routed4 + six), table_goto(TABLE_CH_ASK_PROVED));
}

void table_build_meters(struct table_build *b)
{
	TABLE_RULE(b->t, TABLE_CH_ASK_METER, table_in(TABLE_K_IIFNAME, TABLE_SET_PROVED), table_goto(TABLE_CH_ASK_PROVED));
	for (size_t i = 0; i < sizeof(all_places) / sizeof(*all_places); i++)
		build_place(b, &all_places[i]);
	build_out(b);
	build_unknown(b);
}

void table_build_other_meters(struct table_build *b)
{
	if (b->in->closed)
		return;
	if (b->in->n_listed)
		TABLE_RULE(b->t, TABLE_CH_ASK_METER, TABLE_ETHER, table_in(TABLE_K_ETHER_SADDR, TABLE_SET_LISTED),
			   table_goto(TABLE_CH_ASK_LISTED));
	TABLE_RULE(b->t, TABLE_CH_ASK_METER, table_goto(TABLE_CH_ASK_OTHERS));
}
