/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_wire: see table_wire.h.  Expressions are in table_wire_expr.c. */
#include "kern/table_wire.h"

#include <arpa/inet.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "kern/nl.h"
#include "kern/table_model.h"
#include "kern/table_wire_expr.h"

enum { ELEMENTS_BYTES = 60 * 1024, VERDICT_TYPE = 0xffffff00, UDATA_COMMENT = 0 };
/* nft's note on a set's key: the byte order it is to be shown in. */
enum { UDATA_KEY_ORDER = 0, UDATA_DATA_ORDER = 1, ORDER_HOST = 1, ORDER_BIG = 2 };

uint32_t table_wire_flags(bool owner, uint32_t live)
{
	const uint32_t both = NFT_TABLE_F_OWNER | TABLE_WIRE_PERSIST;

	return owner ? both : live & both;
}

struct nlmsghdr *table_wire_any(struct nl_batch *b, uint8_t family)
{
	struct nlmsghdr *nlh = nl_batch_add(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, family, LOC_NONE, "table", TABLE_TABLE);

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, TABLE_TABLE);
	return nlh;
}

void table_wire_table(struct nl_batch *b, uint8_t family, uint32_t flags)
{
	mnl_attr_put_u32(table_wire_any(b, family), NFTA_TABLE_FLAGS, htonl(flags));
}

void table_wire_chain(struct nl_batch *b, const struct table *t, size_t chain)
{
	const struct table_chain *c = &t->chains.at[chain];
	struct nlmsghdr *nlh = nl_batch_add(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, t->family, c->loc, "chain", c->name);
	struct nlattr *nest;

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, TABLE_TABLE);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, c->name);
	if (c->hook < 0)
		return;
	nest = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl((uint32_t)c->hook));
	mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY, htonl((uint32_t)c->priority));
	if (c->device)
		mnl_attr_put_strz(nlh, NFTA_HOOK_DEV, c->device);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_put_u32(nlh, NFTA_CHAIN_POLICY, htonl(c->accept ? NF_ACCEPT : NF_DROP));
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, "filter");
}

void table_wire_counter(struct nl_batch *b, uint8_t family, const char *name)
{
	struct nlmsghdr *nlh = nl_batch_add(b, NFT_MSG_NEWOBJ, NLM_F_CREATE, family, LOC_NONE, "counter", name);
	struct nlattr *nest;

	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, TABLE_TABLE);
	mnl_attr_put_strz(nlh, NFTA_OBJ_NAME, name);
	mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	nest = mnl_attr_nest_start(nlh, NFTA_OBJ_DATA);
	mnl_attr_nest_end(nlh, nest);
}

static void put_devices(struct nlmsghdr *nlh, const char *const *devices, size_t n)
{
	struct nlattr *hook = mnl_attr_nest_start(nlh, NFTA_FLOWTABLE_HOOK), *list;

	mnl_attr_put_u32(nlh, NFTA_FLOWTABLE_HOOK_NUM, htonl(NF_NETDEV_INGRESS));
	mnl_attr_put_u32(nlh, NFTA_FLOWTABLE_HOOK_PRIORITY, htonl(TABLE_PRIORITY_FLOW));
	list = mnl_attr_nest_start(nlh, NFTA_FLOWTABLE_HOOK_DEVS);
	for (size_t i = 0; i < n; i++)
		mnl_attr_put_strz(nlh, NFTA_DEVICE_NAME, devices[i]);
	mnl_attr_nest_end(nlh, list);
	mnl_attr_nest_end(nlh, hook);
}

void table_wire_flowtable(struct nl_batch *b, const char *table, const char *const *devices, size_t n)
{
	struct nlmsghdr *nlh = nl_batch_add(b, NFT_MSG_NEWFLOWTABLE, NLM_F_CREATE, NFPROTO_INET, LOC_NONE, "flowtable",
					    TABLE_FLOWTABLE);

	mnl_attr_put_strz(nlh, NFTA_FLOWTABLE_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_FLOWTABLE_NAME, TABLE_FLOWTABLE);
	mnl_attr_put_u32(nlh, NFTA_FLOWTABLE_FLAGS, htonl(NFT_FLOWTABLE_COUNTER));
	put_devices(nlh, devices, n);
}

uint32_t table_wire_set_flags(const struct table_set *s)
{
	return (s->map ? NFT_SET_MAP : 0) | (s->interval ? NFT_SET_INTERVAL : 0) | (s->dynamic ? NFT_SET_EVAL : 0) |
	       (s->timeout_ms ? NFT_SET_TIMEOUT : 0);
}

/* Six bits a field, as nft packs them. */
uint32_t table_wire_key_type(const struct table_set *s)
{
	uint32_t type = 0;

	for (unsigned i = 0; i < table_model_fields(s); i++)
		type = type << 6 | table_type_rows[s->types[i]].id;
	return type;
}

static void set_user_data(struct nftnl_set *n, const struct table_set *s)
{
	bool host = s->types[0] == TABLE_T_IFNAME || s->types[0] == TABLE_T_IFINDEX;
	uint32_t order = table_model_fields(s) > 1 ? 0 : host ? ORDER_HOST : ORDER_BIG, none = 0;
	uint8_t data[12] = { UDATA_KEY_ORDER, 4, 0, 0, 0, 0, UDATA_DATA_ORDER, 4 };

	memcpy(data + 2, &order, sizeof(order));
	memcpy(data + 8, &none, sizeof(none));
	nftnl_set_set_data(n, NFTNL_SET_USERDATA, data, s->map ? 12 : 6);
}

struct nftnl_set *table_wire_make_set(const struct table *t, size_t set)
{
	const struct table_set *s = &t->sets.at[set];
	struct nftnl_set *n = nftnl_set_alloc();
	struct nftnl_expr *counter = s->counter ? nftnl_expr_alloc("counter") : NULL;

	if (!n || (s->counter && !counter) || nftnl_set_set_str(n, NFTNL_SET_TABLE, TABLE_TABLE) < 0 ||
	    nftnl_set_set_str(n, NFTNL_SET_NAME, s->name) < 0) {
		if (counter)
			nftnl_expr_free(counter);
		if (n)
			nftnl_set_free(n);
		return NULL;
	}
	nftnl_set_set_u32(n, NFTNL_SET_FAMILY, t->family);
	nftnl_set_set_u32(n, NFTNL_SET_FLAGS, table_wire_set_flags(s));
	nftnl_set_set_u32(n, NFTNL_SET_KEY_TYPE, table_wire_key_type(s));
	nftnl_set_set_u32(n, NFTNL_SET_KEY_LEN, table_model_key_bytes(s));
	nftnl_set_set_u32(n, NFTNL_SET_ID, (uint32_t)set + 1);
	if (s->map)
		nftnl_set_set_u32(n, NFTNL_SET_DATA_TYPE, VERDICT_TYPE);
	if (s->size)
		nftnl_set_set_u32(n, NFTNL_SET_DESC_SIZE, s->size);
	if (s->timeout_ms)
		nftnl_set_set_u64(n, NFTNL_SET_TIMEOUT, s->timeout_ms);
	if (counter)
		nftnl_set_add_expr(n, counter);
	set_user_data(n, s);
	return n;
}

bool table_wire_set(struct nl_batch *b, const struct table *t, size_t set)
{
	const struct table_set *s = &t->sets.at[set];
	struct nftnl_set *n = table_wire_make_set(t, set);

	if (!n)
		return false;
	nftnl_set_nlmsg_build_payload(nl_batch_add(b, NFT_MSG_NEWSET, NLM_F_CREATE, t->family, s->loc,
						   s->map ? "map" : "set", s->name), n);
	nftnl_set_free(n);
	return true;
}

static void element(struct nlmsghdr *nlh, const uint8_t *key, uint32_t len, uint32_t flags, const char *chain)
{
	struct nlattr *elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM), *nest, *verdict;

	if (flags)
		mnl_attr_put_u32(nlh, NFTA_SET_ELEM_FLAGS, htonl(flags));
	nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, key);
	mnl_attr_nest_end(nlh, nest);
	if (chain) {
		nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_DATA);
		verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);
		mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl((uint32_t)NFT_JUMP));
		mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, chain);
		mnl_attr_nest_end(nlh, verdict);
		mnl_attr_nest_end(nlh, nest);
	}
	mnl_attr_nest_end(nlh, elem);
}

/* An interval is two elements: its first key, and the one behind its last (none behind the very last key). */
static void interval(struct nlmsghdr *nlh, const uint8_t *key, uint32_t len)
{
	uint8_t end[TABLE_KEY_BYTES];
	unsigned carry = 1;

	memcpy(end, key + len, len);
	for (uint32_t i = len; i-- > 0;) {
		carry += end[i];
		end[i] = (uint8_t)carry;
		carry >>= 8;
	}
	element(nlh, key, len, 0, NULL);
	if (!carry)
		element(nlh, end, len, NFT_SET_ELEM_INTERVAL_END, NULL);
}

void table_wire_elements(struct nl_batch *b, uint8_t msg, const struct table *t, const struct table_set *s)
{
	uint16_t flags = msg == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0;

	for (size_t i = 0; i < s->n;) {
		struct nlmsghdr *nlh = nl_batch_add(b, msg, flags, t->family, s->loc, "elements of", s->name);
		struct nlattr *list;

		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, TABLE_TABLE);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, s->name);
		list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
		for (; i < s->n && nlh->nlmsg_len < ELEMENTS_BYTES; i++)
			if (s->interval)
				interval(nlh, s->keys + i * s->stride, s->stride / 2);
			else
				element(nlh, s->keys + i * s->stride, s->stride, 0,
					s->map && msg == NFT_MSG_NEWSETELEM ? t->chains.at[s->chains[i]].name : NULL);
		mnl_attr_nest_end(nlh, list);
	}
}

struct nftnl_rule *table_wire_make_rule(const struct table *t, size_t chain, const struct table_rule *r)
{
	struct nftnl_rule *n = nftnl_rule_alloc();
	bool ok = n && nftnl_rule_set_str(n, NFTNL_RULE_TABLE, TABLE_TABLE) >= 0 &&
		  nftnl_rule_set_str(n, NFTNL_RULE_CHAIN, t->chains.at[chain].name) >= 0;
	uint8_t note[256];

	if (ok)
		nftnl_rule_set_u32(n, NFTNL_RULE_FAMILY, t->family);
	for (size_t i = 0; ok && i < r->n; i++)
		ok = table_wire_stmt(n, t, &r->stmts[i], i ? &r->stmts[i - 1] : NULL);
	if (ok && r->comment) {
		size_t len = strlen(r->comment) + 1;

		note[0] = UDATA_COMMENT;
		note[1] = (uint8_t)len;
		memcpy(note + 2, r->comment, len < 128 ? len : 128);
		nftnl_rule_set_data(n, NFTNL_RULE_USERDATA, note, (uint32_t)len + 2);
	}
	if (ok)
		return n;
	if (n)
		nftnl_rule_free(n);
	return NULL;
}

bool table_wire_rules(struct nl_batch *b, const struct table *t, size_t chain)
{
	const struct table_chain *c = &t->chains.at[chain];

	for (size_t i = 0; i < c->rules.n; i++) {
		struct nftnl_rule *r = table_wire_make_rule(t, chain, &c->rules.at[i]);

		if (!r)
			return false;
		nftnl_rule_nlmsg_build_payload(nl_batch_add(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, t->family, c->loc,
							    "a rule of chain", c->name), r);
		nftnl_rule_free(r);
	}
	return true;
}

static const struct { uint8_t msg; const char *words; uint16_t table, name; } deletes[] = {
	[TABLE_WIRE_TABLE] = { NFT_MSG_DELTABLE, "table", NFTA_TABLE_NAME, 0 },
	[TABLE_WIRE_CHAIN] = { NFT_MSG_DELCHAIN, "chain", NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME },
	[TABLE_WIRE_RULES] = { NFT_MSG_DELRULE, "the rules of chain", NFTA_RULE_TABLE, NFTA_RULE_CHAIN },
	[TABLE_WIRE_SET] = { NFT_MSG_DELSET, "set", NFTA_SET_TABLE, NFTA_SET_NAME },
	[TABLE_WIRE_ELEMENTS] = { NFT_MSG_DELSETELEM, "the elements of", NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET },
	[TABLE_WIRE_COUNTER] = { NFT_MSG_DELOBJ, "counter", NFTA_OBJ_TABLE, NFTA_OBJ_NAME },
	[TABLE_WIRE_FLOWTABLE] = { NFT_MSG_DELFLOWTABLE, "flowtable", NFTA_FLOWTABLE_TABLE, NFTA_FLOWTABLE_NAME },
};

void table_wire_delete(struct nl_batch *b, uint8_t family, enum table_wire_kind kind, const char *name)
{
	struct nlmsghdr *nlh = nl_batch_add(b, deletes[kind].msg, 0, family, LOC_NONE, deletes[kind].words,
					    name ? name : TABLE_TABLE);

	mnl_attr_put_strz(nlh, deletes[kind].table, TABLE_TABLE);
	if (name)
		mnl_attr_put_strz(nlh, deletes[kind].name, name);
	if (kind == TABLE_WIRE_COUNTER)
		mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
}

void table_wire_delete_object(struct nl_batch *b, uint8_t family, const char *name, uint32_t type)
{
	struct nlmsghdr *nlh = nl_batch_add(b, NFT_MSG_DELOBJ, 0, family, LOC_NONE, "object", name);

	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, TABLE_TABLE);
	mnl_attr_put_strz(nlh, NFTA_OBJ_NAME, name);
	mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htonl(type));
}

void table_wire_neutral(struct nl_batch *b, uint8_t family, const char *chain)
{
	struct nlmsghdr *nlh = nl_batch_add(b, NFT_MSG_NEWCHAIN, 0, family, LOC_NONE, "chain", chain);

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, TABLE_TABLE);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chain);
	mnl_attr_put_u32(nlh, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
}
