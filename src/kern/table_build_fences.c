/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_build_fences: see table_fences.h.  The pair is looked up first: what is decided costs one lookup. */
#include "kern/table_fences.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/if_ether.h>
#include <linux/netfilter.h>

#ifndef NF_NETDEV_EGRESS
#define NF_NETDEV_EGRESS 1
#endif

enum { INGRESS_PRIORITY = -500, EGRESS_PRIORITY = 500, BRIDGE_GROUP = 0x0180c200, BRIDGE_GROUP_REST = 0xfff0 };

#define LEDGER .dynamic = true, .counter = true, .keep = TABLE_KEPT, .size = 65536
#define PAGES(n, id, ...) \
	[TABLE_FENCES_##id##_A] = { n "-a", { __VA_ARGS__ }, LEDGER }, \
	[TABLE_FENCES_##id##_B] = { n "-b", { __VA_ARGS__ }, LEDGER }

const struct table_set_row table_fences_sets[TABLE_FENCES_SETS] = {
	[TABLE_FENCES_ND] = { "nd", { TABLE_T_ICMP6 }, .map = false },
	[TABLE_FENCES_TAGS] = { "tags", { TABLE_T_ETHERTYPE }, .map = false },
	[TABLE_FENCES_OBSERVED4] = { "observed-4", { TABLE_T_IP4 }, .interval = true },
	[TABLE_FENCES_OBSERVED6] = { "observed-6", { TABLE_T_IP6 }, .interval = true },
	PAGES("drops4", DROPS4, TABLE_T_IFINDEX, TABLE_T_ETHER, TABLE_T_IP4),
	PAGES("drops6", DROPS6, TABLE_T_IFINDEX, TABLE_T_ETHER, TABLE_T_IP6),
	PAGES("odd", ODD, TABLE_T_IFINDEX, TABLE_T_ETHER, TABLE_T_ETHERTYPE),
};

const char *const table_fences_chains[TABLE_FENCES_CHAINS] = {
	[TABLE_FENCES_CH_DROP] = "fence-drop", [TABLE_FENCES_CH_ODD] = "odd-drop",
};

static const struct table_set_row pair_rows[2] = {
	{ .types = { TABLE_T_ETHER, TABLE_T_IP4 } }, { .types = { TABLE_T_ETHER, TABLE_T_IP6 } },
};
static const struct table_set_row range_rows[2] = {
	{ .types = { TABLE_T_IP4 }, .interval = true }, { .types = { TABLE_T_IP6 }, .interval = true },
};
static const struct table_set_row mac_row = { .types = { TABLE_T_ETHER } };

static bool has_frames(const struct table_iface *f)
{
	return f->role == TABLE_GUARDED && !f->l3;
}

static bool has_fence(const struct table_iface *f)
{
	return has_frames(f) && f->fence != TABLE_FENCE_NONE;
}

/* MACs alone count: next hops of what is routed, or those that a lenient fence is for. */
static bool has_macs(const struct table_iface *f)
{
	return has_fence(f) && (f->n_routed || f->fence == TABLE_FENCE_RESTRICTED);
}

static struct table_stmt pair(enum table_key mac, enum table_key addr, uint32_t set)
{
	return (struct table_stmt){ .op = TABLE_S_IN, .keys = { mac, addr }, .index = set };
}

static struct table_stmt is_family(bool six)
{
	return table_is(TABLE_K_PROTOCOL, six ? ETH_P_IPV6 : ETH_P_IP);
}

static enum table_key daddr(bool six)
{
	return six ? TABLE_K_IP6_DADDR : TABLE_K_IP_DADDR;
}

/* ---- the page chains ---- */

static void build_page(struct table *t, char page)
{
	const uint32_t b = page == 'b';

	for (unsigned six = 0; six < 2; six++)
		TABLE_RULE(t, TABLE_FENCES_CH_DROP, is_family(six),
			   { .op = TABLE_S_UPDATE, .keys = { TABLE_K_OIF, TABLE_K_ETHER_DADDR, daddr(six) },
			     .index = (six ? TABLE_FENCES_DROPS6_A : TABLE_FENCES_DROPS4_A) + b },
			   table_count(TABLE_C_FENCE), table_do(TABLE_S_DROP, 0));
	TABLE_RULE(t, TABLE_FENCES_CH_DROP, table_count(TABLE_C_FENCE_UNKEYED), table_do(TABLE_S_DROP, 0));
	TABLE_RULE(t, TABLE_FENCES_CH_ODD,
		   { .op = TABLE_S_UPDATE, .keys = { TABLE_K_IIF, TABLE_K_ETHER_SADDR, TABLE_K_ETHER_TYPE },
		     .index = TABLE_FENCES_ODD_A + b },
		   table_count(TABLE_C_FENCE_ODD), table_do(TABLE_S_DROP, 0));
	TABLE_RULE(t, TABLE_FENCES_CH_ODD, table_count(TABLE_C_FENCE_ODD_UNKEYED), table_do(TABLE_S_DROP, 0));
}

static int begin(struct table **ret, struct err *e)
{
	AUTO(table) t = NULL;

	if (table_model_empty(NFPROTO_NETDEV, &t, e) < 0)
		return -1;
	for (unsigned i = 0; i < TABLE_FENCES_SETS; i++)
		table_model_set(t, LOC_NONE, &table_fences_sets[i], "%s", table_fences_sets[i].name);
	for (unsigned i = 0; i < TABLE_FENCES_CHAINS; i++)
		table_model_chain(t, LOC_NONE, "%s", table_fences_chains[i]);
	if (t->failed)
		return err_plain(e, ENOMEM, "out of memory");
	*ret = TAKE(t);
	return 0;
}

static int finish(struct table *t, struct err *e)
{
	table_model_freeze(t);
	return t->failed ? err_plain(e, ENOMEM, "out of memory for the fences") : 0;
}

int table_fences_turned(char page, struct table **ret, struct err *e)
{
	AUTO(table) t = NULL;

	if (begin(&t, e) < 0)
		return -1;
	build_page(t, page);
	if (finish(t, e) < 0)
		return -1;
	*ret = TAKE(t);
	return 0;
}

/* ---- sets ---- */

static void put_range(struct table *t, uint32_t set4, const struct table_range *r)
{
	const uint32_t bytes = r->lo.family == 4 ? 4 : 16;
	uint8_t key[32];

	memcpy(key, r->lo.b, bytes);
	memcpy(key + bytes, r->hi.b, bytes);
	table_model_element(t, r->lo.family == 4 ? set4 : set4 + 1, key, 0);
}

static void put_numbers16(struct table *t, uint32_t set, const uint16_t *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t key[2] = { (uint8_t)(numbers[i] >> 8), (uint8_t)numbers[i] };

		table_model_element(t, set, key, 0);
	}
}

static void build_sets(struct table *t, const struct table_input *in)
{
	static const uint16_t tags[] = { ETH_P_8021Q, ETH_P_8021AD };
	static const uint8_t nd[] = { 134, 135, 136 };          /* advertisements and solicitations, all of our own */

	for (size_t i = 0; i < sizeof(nd); i++)
		table_model_element(t, TABLE_FENCES_ND, &nd[i], 0);
	put_numbers16(t, TABLE_FENCES_TAGS, tags, 2);
	for (size_t i = 0; i < in->n_observed; i++)
		put_range(t, TABLE_FENCES_OBSERVED4, &in->observed[i]);
}

/* The interface's sets: pairs of four and six, and the MACs that count alone, in this order; returns the first. */
static uint32_t iface_sets(struct table *t, const struct table_iface *f)
{
	char buf[TABLE_NAME];
	const char *name = table_model_ifname(f->name, buf);
	const uint32_t first = table_model_set(t, f->loc, &pair_rows[0], "pairs4-%s", name);

	table_model_set(t, f->loc, &pair_rows[1], "pairs6-%s", name);
	if (f->n_routed)
		table_model_set(t, f->loc, &mac_row, "routers-%s", name);
	if (f->fence == TABLE_FENCE_RESTRICTED)
		table_model_set(t, f->loc, &mac_row, "restricted-%s", name);
	return first;
}

static void put_pair(struct table *t, uint32_t first, const struct table_binding *d)
{
	uint8_t key[TABLE_KEY_BYTES];

	table_model_binding_key(d, false, key);
	table_model_element(t, first + (d->addr.family == 6), key, 0);
}

/* A router is whoever proved an address here and has nothing restricted about it. */
static void put_mac(struct table *t, uint32_t first, const struct table_iface *f, const struct table_binding *d)
{
	if (f->n_routed && !d->restricted)
		table_model_element(t, first + 2, d->mac.b, 0);
	if (f->fence == TABLE_FENCE_RESTRICTED && d->restricted)
		table_model_element(t, first + 2 + (f->n_routed > 0), d->mac.b, 0);
}

/* first: by interface, its first set + 1. */
static void build_bindings(struct table *t, const struct table_input *in, const struct table_binding *d, size_t n,
			   const uint32_t *first)
{
	for (size_t i = 0; i < n; i++) {
		if (!first[d[i].iface])
			continue;
		put_pair(t, first[d[i].iface] - 1, &d[i]);
		put_mac(t, first[d[i].iface] - 1, &in->ifaces[d[i].iface], &d[i]);
	}
}

int table_fences_pairs(const struct table_input *in, const struct table_binding *d, size_t n, struct table **ret, struct err *e)
{
	AUTO(table) t = NULL;
	AUTO_MEM uint32_t *first = calloc(in->n_ifaces + 1, sizeof(*first));

	if (!first)
		return err_plain(e, ENOMEM, "out of memory");
	if (table_model_empty(NFPROTO_NETDEV, &t, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct table_iface *f = &in->ifaces[d[i].iface];

		if (!has_fence(f))
			continue;
		if (!first[d[i].iface])
			first[d[i].iface] = iface_sets(t, f) + 1;
		put_pair(t, first[d[i].iface] - 1, &d[i]);
	}
	if (finish(t, e) < 0)
		return -1;
	*ret = TAKE(t);
	return 0;
}

/* Bindings that come or go, by interface and MAC. */
struct changing { const struct table_binding *all; size_t n; };

static int compare_macs(const void *pa, const void *pb)
{
	const struct table_binding *a = pa, *b = pb;

	return a->iface != b->iface ? (a->iface > b->iface) - (a->iface < b->iface) : memcmp(a->mac.b, b->mac.b, sizeof(a->mac.b));
}

/* Those of the changing MACs that count alone, by n bindings but for those that are gone (sorted). */
static int make_macs(const struct table_input *in, const struct changing *c, const struct table_binding *gone, size_t n_gone,
		     const struct table_binding *come, size_t n_come, struct table **ret, struct err *e)
{
	AUTO(table) t = NULL;
	AUTO_MEM uint32_t *first = calloc(in->n_ifaces + 1, sizeof(*first));

	if (!first)
		return err_plain(e, ENOMEM, "out of memory");
	if (table_model_empty(NFPROTO_NETDEV, &t, e) < 0)
		return -1;
	for (size_t i = 0; i < in->n_ifaces; i++)
		if (has_macs(&in->ifaces[i]))
			first[i] = iface_sets(t, &in->ifaces[i]) + 1;
	for (size_t i = 0; i < in->n_bindings + n_come; i++) {
		const struct table_binding *d = i < in->n_bindings ? &in->bindings[i] : &come[i - in->n_bindings];

		if (first[d->iface] && bsearch(d, c->all, c->n, sizeof(*c->all), compare_macs) &&
		    !(i < in->n_bindings && n_gone && bsearch(d, gone, n_gone, sizeof(*gone), table_binding_compare)))
			put_mac(t, first[d->iface] - 1, &in->ifaces[d->iface], d);
	}
	if (finish(t, e) < 0)
		return -1;
	*ret = TAKE(t);
	return 0;
}

int table_fences_macs(const struct table_input *in, const struct table_binding *add, size_t n_add,
		      const struct table_binding *del, size_t n_del, struct table **ret_was, struct table **ret_is, struct err *e)
{
	AUTO_MEM struct table_binding *all = calloc(n_add + n_del + 1, sizeof(*all)), *gone = calloc(n_del + 1, sizeof(*gone));
	const struct changing c = { all, n_add + n_del };
	AUTO(table) was = NULL;

	if (!all || !gone)
		return err_plain(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < c.n; i++)
		all[i] = i < n_add ? add[i] : del[i - n_add];
	for (size_t i = 0; i < n_del; i++)
		gone[i] = del[i];
	qsort(all, c.n, sizeof(*all), compare_macs);
	qsort(gone, n_del, sizeof(*gone), table_binding_compare);
	if (make_macs(in, &c, NULL, 0, NULL, 0, &was, e) < 0 || make_macs(in, &c, gone, n_del, add, n_add, ret_is, e) < 0)
		return -1;
	*ret_was = TAKE(was);
	return 0;
}

/* ---- an interface's chains ---- */

/* The protocol behind a tag: some cameras send priority tags (VLAN 0), which the kernel takes off before. */
static void ingress(struct table *t, const struct table_iface *f, const char *name)
{
	static const uint16_t frames[] = { ETH_P_IP, ETH_P_IPV6, ETH_P_ARP };
	const uint32_t chain = table_model_chain(t, f->loc, "from-%s", name);

	table_model_base(t, chain, NF_NETDEV_INGRESS, INGRESS_PRIORITY, f->name);
	for (size_t i = f->port ? 2 : 0; i < sizeof(frames) / sizeof(*frames); i++)
		TABLE_RULE(t, chain, table_is(TABLE_K_PROTOCOL, frames[i]), table_do(TABLE_S_ACCEPT, 0));
	if (f->trunk)
		TABLE_RULE(t, chain, table_in(TABLE_K_ETHER_TYPE, TABLE_FENCES_TAGS), table_do(TABLE_S_ACCEPT, 0));
	TABLE_RULE(t, chain, table_is(TABLE_K_LL_FIRST4, BRIDGE_GROUP), table_masked(TABLE_K_LL_NEXT2, BRIDGE_GROUP_REST, 0),
		   table_do(TABLE_S_ACCEPT, 0));
	TABLE_RULE(t, chain, table_goto(TABLE_FENCES_CH_ODD));
}

/* What has no pair and may pass all the same. */
static void exceptions(struct table *t, uint32_t chain, const struct table_iface *f)
{
	if (f->trunk)
		TABLE_RULE(t, chain, table_in(TABLE_K_ETHER_TYPE, TABLE_FENCES_TAGS), table_do(TABLE_S_ACCEPT, 0));
	/* To many: 224.0.0.0 and above, ff00::/8.  Linux 6.18 fills a new set of ranges a moment after the rules are there. */
	TABLE_RULE(t, chain, is_family(false), table_masked(TABLE_K_IP_DADDR_FIRST, 0xe0, 0xe0), table_do(TABLE_S_ACCEPT, 0));
	TABLE_RULE(t, chain, is_family(true), table_is(TABLE_K_IP6_DADDR_FIRST, 0xff), table_do(TABLE_S_ACCEPT, 0));
	TABLE_RULE(t, chain, is_family(false), table_is(TABLE_K_L4PROTO, IPPROTO_UDP), table_is(TABLE_K_SPORT, 67),
		   table_is(TABLE_K_DPORT, 68), table_do(TABLE_S_ACCEPT, 0));
	TABLE_RULE(t, chain, is_family(true), table_is(TABLE_K_L4PROTO, IPPROTO_UDP), table_is(TABLE_K_SPORT, 547),
		   table_is(TABLE_K_DPORT, 546), table_masked(TABLE_K_IP6_DADDR_FIRST2, 0xffc0, 0xfe80),
		   table_do(TABLE_S_ACCEPT, 0));
	TABLE_RULE(t, chain, is_family(true), table_is(TABLE_K_L4PROTO, IPPROTO_ICMPV6), table_is(TABLE_K_IP6_HOPLIMIT, 255),
		   table_in(TABLE_K_ICMP6_TYPE, TABLE_FENCES_ND), table_do(TABLE_S_ACCEPT, 0));
	for (unsigned six = 0; six < 2 && f->observes; six++)
		TABLE_RULE(t, chain, is_family(six), table_in(daddr(six), TABLE_FENCES_OBSERVED4 + six),
			   table_do(TABLE_S_ACCEPT, 0));
}

static void routed(struct table *t, uint32_t chain, const struct table_iface *f, const char *name, uint32_t routers)
{
	const uint32_t sets = table_model_set(t, f->loc, &range_rows[0], "routed4-%s", name);

	table_model_set(t, f->loc, &range_rows[1], "routed6-%s", name);
	for (size_t i = 0; i < f->n_routed; i++)
		put_range(t, sets, &f->routed[i]);
	for (unsigned six = 0; six < 2; six++)
		TABLE_RULE(t, chain, is_family(six), table_in(daddr(six), sets + six), table_in(TABLE_K_ETHER_DADDR, routers),
			   table_do(TABLE_S_ACCEPT, 0));
}

static void egress(struct table *t, const struct table_iface *f, const char *name, uint32_t first)
{
	const uint32_t chain = table_model_chain(t, f->loc, "to-%s", name);

	table_model_base(t, chain, NF_NETDEV_EGRESS, EGRESS_PRIORITY, f->name);
	for (unsigned six = 0; six < 2 && !f->port; six++)
		TABLE_RULE(t, chain, is_family(six), pair(TABLE_K_ETHER_DADDR, daddr(six), first + six),
			   table_do(TABLE_S_ACCEPT, 0));
	if (!f->port)
		exceptions(t, chain, f);
	if (f->n_routed && !f->port)
		routed(t, chain, f, name, first + 2);
	if (f->fence == TABLE_FENCE_RESTRICTED && !f->port)
		TABLE_RULE(t, chain, table_notin(TABLE_K_ETHER_DADDR, first + 2 + (f->n_routed > 0)),
			   table_do(TABLE_S_ACCEPT, 0));
	for (unsigned six = 0; six < 2; six++)
		TABLE_RULE(t, chain, is_family(six), table_goto(TABLE_FENCES_CH_DROP));
}

int table_fences_build(const struct table_input *in, char page, struct table **ret, struct err *e)
{
	AUTO(table) t = NULL;
	AUTO_MEM uint32_t *first = calloc(in->n_ifaces + 1, sizeof(*first));
	char buf[TABLE_NAME];

	if (!first)
		return err_plain(e, ENOMEM, "out of memory");
	if (begin(&t, e) < 0)
		return -1;
	t->owner = in->owner;
	build_sets(t, in);
	build_page(t, page);
	for (size_t i = 0; i < in->n_ifaces; i++) {
		const struct table_iface *f = &in->ifaces[i];
		const char *name = table_model_ifname(f->name, buf);

		if (has_frames(f) && (f->stacked || f->port || f->trunk))
			ingress(t, f, name);
		if (!has_fence(f))
			continue;
		first[i] = iface_sets(t, f) + 1;
		egress(t, f, name, first[i] - 1);
	}
	build_bindings(t, in, in->bindings, in->n_bindings, first);
	if (finish(t, e) < 0)
		return -1;
	*ret = TAKE(t);
	return 0;
}
