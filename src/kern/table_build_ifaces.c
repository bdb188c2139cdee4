/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_build_ifaces: what depends on an interface: where the base chains' maps lead, who stands behind it (sets of verified
 * bindings), and what its devices may say to the firewall itself.
 * Bindings are plain sets, not a verdict map: the kernel walks every chain again for each verdict in a map, at every
 * change of rules or of the map; with 100,000 bindings that is seconds on Linux 6.1, and nothing for sets. */
#include "kern/table_model.h"

#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

enum { ND_PER_S = 2000, DHCP_PER_S = 200, HEARD_PER_S = 20, HEARD_BURST = 100 };

static const struct table_set_row who_rows[4] = {       /* four, six; the same without MACs */
	{ .types = { TABLE_T_ETHER, TABLE_T_IP4 } }, { .types = { TABLE_T_ETHER, TABLE_T_IP6 } },
	{ .types = { TABLE_T_IP4 } }, { .types = { TABLE_T_IP6 } },
};
static const struct table_set_row routed_rows[2] = {
	{ .types = { TABLE_T_IP4 }, .interval = true }, { .types = { TABLE_T_IP6 }, .interval = true },
};

static struct table_stmt is_in(const struct table_iface *f, uint32_t set, bool six)
{
	const enum table_key saddr = six ? TABLE_K_IP6_SADDR : TABLE_K_IP_SADDR;

	if (f->l3)
		return table_in(saddr, set);
	return (struct table_stmt){ .op = TABLE_S_IN, .keys = { TABLE_K_ETHER_SADDR, saddr }, .index = set };
}

static void who_lookup(struct table_build *b, uint32_t chain, const struct table_iface *f, uint32_t set, bool six, uint32_t cls)
{
	const struct table_stmt family = table_family(six);
	/* One header alone: version 4 and no options in one byte; or a transport right behind IPv6's. */
	const struct table_stmt shape = six ? table_in(TABLE_K_IP6_NEXTHDR, TABLE_SET_SHAPE6) : table_is(TABLE_K_NH_FIRST, 0x45);

	if (f->l3)
		TABLE_RULE(b->t, chain, family, shape, is_in(f, set, six), table_goto(cls));
	else
		TABLE_RULE(b->t, chain, family, TABLE_ETHER, shape, is_in(f, set, six), table_goto(cls));
}

/* Sources behind a router on this interface: there is no MAC to ask for.  Nor has anybody proved who tells an error of a flow.
 * Returns the first of the two sets. */
static uint32_t routed(struct table_build *b, uint32_t chain, const struct table_iface *f, const char *name)
{
	uint32_t set = 0;

	for (unsigned six = 0; six < 2; six++) {
		set = table_model_set(b->t, f->loc, &routed_rows[six], "routed%u-%s", six ? 6 : 4, name);
		for (size_t i = 0; i < f->n_routed; i++) {
			uint32_t bytes = six ? 16 : 4;
			uint8_t key[32];

			if (f->routed[i].lo.family != (six ? 6 : 4))
				continue;
			memcpy(key, f->routed[i].lo.b, bytes);
			memcpy(key + bytes, f->routed[i].hi.b, bytes);
			table_model_element(b->t, set, key, 0);
		}
		TABLE_RULE(b->t, chain, table_family(six),
			   table_bits(TABLE_K_CT_STATE, NF_CT_STATE_BIT(IP_CT_RELATED)),
			   table_in(six ? TABLE_K_IP6_SADDR : TABLE_K_IP_SADDR, set), table_goto(TABLE_CH_RESTRICTED));
		if (six)
			TABLE_RULE(b->t, chain, table_is(TABLE_K_NFPROTO, NFPROTO_IPV6),
				   table_in(TABLE_K_IP6_NEXTHDR, TABLE_SET_SHAPE6), table_in(TABLE_K_IP6_SADDR, set),
				   table_jump(TABLE_CH_KNOWN));
		else
			TABLE_RULE(b->t, chain, table_is(TABLE_K_NFPROTO, NFPROTO_IPV4), table_is(TABLE_K_NH_FIRST, 0x45),
				   table_in(TABLE_K_IP_SADDR, set), table_jump(TABLE_CH_KNOWN));
	}
	return set - 1;
}

const struct table_set_row *table_build_who_row(const struct table_iface *f, bool six)
{
	return &who_rows[(f->l3 ? 2 : 0) + six];
}

uint32_t table_build_who(struct table *t, const struct table_iface *f)
{
	char buf[TABLE_NAME];
	const char *name = table_model_ifname(f->name, buf);
	uint32_t first = table_model_set(t, f->loc, table_build_who_row(f, false), "known4-%s", name);

	table_model_set(t, f->loc, table_build_who_row(f, true), "known6-%s", name);
	table_model_set(t, f->loc, table_build_who_row(f, false), "restricted4-%s", name);
	table_model_set(t, f->loc, table_build_who_row(f, true), "restricted6-%s", name);
	return first;
}

static void put_confined(struct table *t, const struct table_iface *f, const struct table_binding *d)
{
	uint8_t key[TABLE_IFNAME + TABLE_KEY_BYTES];

	table_model_ifname_key(f->name, key);
	table_model_binding_key(d, f->l3, key + TABLE_IFNAME);
	table_model_element(t, (f->l3 ? TABLE_SET_CONFINED_L3_4 : TABLE_SET_CONFINED4) + (d->addr.family == 6), key, 0);
}

void table_build_binding(struct table *t, uint32_t first, const struct table_iface *f, const struct table_binding *d)
{
	uint8_t key[TABLE_KEY_BYTES];

	table_model_binding_key(d, f->l3, key);
	table_model_element(t, first + (d->addr.family == 6) + (d->cls == TABLE_RESTRICTED ? 2 : 0), key, 0);
	if (d->cls == TABLE_KNOWN && d->confined)
		put_confined(t, f, d);
}

static void map_iface(struct table *t, uint32_t map, const char *name, uint32_t chain)
{
	uint8_t key[TABLE_IFNAME];

	table_model_ifname_key(name, key);
	table_model_element(t, map, key, chain);
}

void table_build_open(struct table *t, const char *name)
{
	map_iface(t, TABLE_SET_OPEN, name, 0);
	map_iface(t, TABLE_SET_FROM, name, TABLE_CH_FROM_OPEN);
	map_iface(t, TABLE_SET_IN, name, TABLE_CH_IN_OPEN);
	map_iface(t, TABLE_SET_TO, name, TABLE_CH_OUT_OPEN);
}

/* Where the interface's devices go on: the chains of all, or its own where the kernel decides something about them. */
static void class_chains(struct table_build *b, uint32_t iface, uint32_t *ret_known, uint32_t *ret_restricted)
{
	const struct table_iface *f = &b->in->ifaces[iface];
	uint32_t opens = f->role == TABLE_GUARDED ? table_build_opens(b, iface) : 0;
	char buf[TABLE_NAME];

	*ret_known = TABLE_CH_KNOWN;
	*ret_restricted = f->denies ? TABLE_CH_NEVER : TABLE_CH_RESTRICTED;
	if (!opens)
		return;
	*ret_known = table_model_chain(b->t, f->loc, "known-%s", table_model_ifname(f->name, buf));
	table_build_known(b, *ret_known, opens);
	if (!f->denies) {
		*ret_restricted = table_model_chain(b->t, f->loc, "restricted-%s", buf);
		table_build_restricted(b, *ret_restricted, opens);
	}
	table_build_towards(b, iface);
}

/* Returns the chain; *ret_first: the first of its sets. */
static uint32_t who_chain(struct table_build *b, uint32_t iface, uint32_t *ret_first)
{
	const struct table_iface *f = &b->in->ifaces[iface];
	char buf[TABLE_NAME];
	const char *name = table_model_ifname(f->name, buf);
	uint32_t chain = table_model_chain(b->t, f->loc, "who-%s", name), known, restricted;

	class_chains(b, iface, &known, &restricted);
	*ret_first = table_build_who(b->t, f);
	for (unsigned six = 0; six < 2; six++)
		table_build_fast_members(b, chain, !f->l3, six, TABLE_ALLOW, is_in(f, *ret_first + six, six));
	for (unsigned six = 0; six < 2; six++)
		table_build_fast_members(b, chain, !f->l3, six, TABLE_BULK, is_in(f, *ret_first + six, six));
	table_build_new(b, chain, iface);
	who_lookup(b, chain, f, *ret_first, false, known);
	who_lookup(b, chain, f, *ret_first + 1, true, known);
	who_lookup(b, chain, f, *ret_first + 2, false, restricted);
	who_lookup(b, chain, f, *ret_first + 3, true, restricted);
	table_build_proved_meter(b, f, f->n_routed ? routed(b, chain, f, name) : 0);
	TABLE_RULE(b->t, chain, table_goto(TABLE_CH_UNKNOWN));
	return chain;
}

/* Addresses of zones that enforce. */
static void enforcing(struct table_build *b, uint32_t chain, enum table_key key4, enum table_key key6, uint32_t to)
{
	for (uint32_t set = TABLE_SET_GUARDED4; set <= TABLE_SET_REMOTE6; set++) {
		bool six = (set - TABLE_SET_GUARDED4) % 2;

		if (b->t->sets.at[set].n)
			TABLE_RULE(b->t, chain, table_family(six),
				   table_in(six ? key6 : key4, set), table_goto(to));
	}
}

/* Neighbour discovery passes, and is shown to the daemon: its questions are answered here, too.  What verified neighbours say of
 * their own address is metered by neighbour, so that nobody makes one seem silent by a flood. */
static void discovery(struct table_build *b, uint32_t in, const struct table_iface *f, uint32_t known6)
{
	const struct table_stmt six = table_is(TABLE_K_NFPROTO, NFPROTO_IPV6), icmp = table_is(TABLE_K_L4PROTO, IPPROTO_ICMPV6),
				near = table_is(TABLE_K_IP6_HOPLIMIT, 255), type = table_in(TABLE_K_ICMP6_TYPE, TABLE_SET_ND_IN),
				all = table_limit(ND_PER_S, ND_PER_S),
				copy = table_do(TABLE_S_LOG, table_discovery_group(b->in->nflog_group)),
				pass = table_goto(TABLE_CH_PASS);

	if (f->l3 || b->in->closed) {           /* no MAC to learn; nobody listens */
		TABLE_RULE(b->t, in, six, icmp, near, type, all, pass);
		return;
	}
	TABLE_RULE(b->t, in, six, icmp, near, type, TABLE_ETHER,
		   { .op = TABLE_S_IN, .keys = { TABLE_K_ETHER_SADDR, TABLE_K_IP6_SADDR }, .index = known6 },
		   { .op = TABLE_S_UPDATE, .keys = { TABLE_K_IIF, TABLE_K_ETHER_SADDR, TABLE_K_IP6_SADDR },
		     .index = TABLE_SET_HEARD, .rate = HEARD_PER_S, .burst = HEARD_BURST },
		   copy, pass);
	TABLE_RULE(b->t, in, six, icmp, near, type, all, copy, pass);
}

/* To the servers' group, or to the firewall's own link-local address. */
static void dhcp(struct table_build *b, uint32_t in)
{
	const struct table_stmt to[] = { table_is(TABLE_K_IP6_DADDR_FIRST2, 0xff02),
					 table_masked(TABLE_K_IP6_DADDR_FIRST2, 0xffc0, 0xfe80) };
	const struct table_stmt udp = table_is(TABLE_K_L4PROTO, IPPROTO_UDP), limit = table_limit(DHCP_PER_S, DHCP_PER_S);

	TABLE_RULE(b->t, in, table_is(TABLE_K_NFPROTO, NFPROTO_IPV4), udp, table_is(TABLE_K_SPORT, 68), table_is(TABLE_K_DPORT, 67),
		   limit, table_goto(TABLE_CH_PASS));
	for (size_t i = 0; i < 2; i++)
		TABLE_RULE(b->t, in, table_is(TABLE_K_NFPROTO, NFPROTO_IPV6), table_is(TABLE_K_IP6_NEXTHDR, IPPROTO_UDP),
			   table_is(TABLE_K_SPORT, 546), table_is(TABLE_K_DPORT, 547),
			   table_masked(TABLE_K_IP6_SADDR_FIRST2, 0xffc0, 0xfe80), to[i], limit, table_goto(TABLE_CH_PASS));
}

/* What the interface's devices may say to the firewall itself: discovery, DHCP where the zone says so, the rest by next. */
static uint32_t in_chain(struct table_build *b, const struct table_iface *f, uint32_t known6, uint32_t who, uint32_t next)
{
	char buf[TABLE_NAME];
	uint32_t in = table_model_chain(b->t, f->loc, "in-%s", table_model_ifname(f->name, buf));

	discovery(b, in, f, known6);
	if (f->dhcp)
		dhcp(b, in);
	if (next != who)
		enforcing(b, in, TABLE_K_IP_SADDR, TABLE_K_IP6_SADDR, who);
	TABLE_RULE(b->t, in, table_goto(next));
	return in;
}

static void guarded_iface(struct table_build *b, const struct table_iface *f, uint32_t known6, uint32_t who)
{
	if (table_build_few_guarded(b))
		TABLE_RULE(b->t, TABLE_CH_FORWARD, table_named(TABLE_K_IIFNAME, f->name), table_jump(who));
	map_iface(b->t, TABLE_SET_GUARDED, f->name, 0);
	map_iface(b->t, TABLE_SET_FROM, f->name, who);
	map_iface(b->t, TABLE_SET_IN, f->name, in_chain(b, f, known6, who, who));
	map_iface(b->t, TABLE_SET_TO, f->name, TABLE_CH_OUT_GUARDED);
}

/* Observed, unless the other end enforces, or the source is one that only spoofs can have here. */
static void observed_iface(struct table_build *b, const struct table_iface *f, uint32_t known6, uint32_t who)
{
	char buf[TABLE_NAME];
	uint32_t from = table_model_chain(b->t, f->loc, "from-%s", table_model_ifname(f->name, buf));

	TABLE_RULE(b->t, from, table_in(TABLE_K_OIFNAME, TABLE_SET_GUARDED), table_goto(who));
	enforcing(b, from, TABLE_K_IP_DADDR, TABLE_K_IP6_DADDR, who);
	enforcing(b, from, TABLE_K_IP_SADDR, TABLE_K_IP6_SADDR, who);
	TABLE_RULE(b->t, from, table_goto(TABLE_CH_OBSERVE));
	map_iface(b->t, TABLE_SET_OBSERVED, f->name, 0);
	map_iface(b->t, TABLE_SET_FROM, f->name, from);
	map_iface(b->t, TABLE_SET_IN, f->name, in_chain(b, f, known6, who, TABLE_CH_OBSERVE));
	map_iface(b->t, TABLE_SET_TO, f->name, TABLE_CH_OUT_OBSERVED);
}

static void build_bindings(struct table_build *b, const uint32_t *sets)
{
	for (size_t i = 0; i < b->in->n_bindings; i++) {
		const struct table_binding *d = &b->in->bindings[i];
		const struct table_iface *f = &b->in->ifaces[d->iface];

		if (f->role != TABLE_OPEN)
			table_build_binding(b->t, sets[d->iface], f, d);
	}
	for (size_t i = 0; i < b->in->n_ifaces; i++)
		if (b->in->ifaces[i].role != TABLE_OPEN) {
			table_model_prune(b->t, sets[i], sets[i] + 2);
			table_model_prune(b->t, sets[i] + 1, sets[i] + 3);
		}
}

void table_build_ifaces(struct table_build *b)
{
	uint32_t *sets = calloc(b->in->n_ifaces + 1, sizeof(*sets));

	if (!sets) {
		b->t->failed = true;
		return;
	}
	map_iface(b->t, TABLE_SET_IN, "lo", TABLE_CH_PASS);
	map_iface(b->t, TABLE_SET_TO, "lo", TABLE_CH_PASS);
	for (size_t i = 0; i < b->in->n_ifaces; i++) {
		const struct table_iface *f = &b->in->ifaces[i];
		uint32_t who = f->role == TABLE_OPEN ? 0 : who_chain(b, (uint32_t)i, &sets[i]);

		if (f->role == TABLE_OPEN)
			table_build_open(b->t, f->name);
		else if (f->role == TABLE_GUARDED)
			guarded_iface(b, f, sets[i] + 1, who);
		else
			observed_iface(b, f, sets[i] + 1, who);
	}
	build_bindings(b, sets);
	free(sets);
}
