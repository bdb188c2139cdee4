/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe: see probe.h.  Each feature is a row: what makes a table that needs it.  The batch has no end, so the kernel validates
 * and throws it away; what it cannot do, it refuses by name. */
#include "kern/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/buf.h"
#include "kern/nl.h"
#include "kern/table_model.h"
#include "kern/table_wire.h"

#ifndef NFT_TABLE_F_PERSIST
#define NFT_TABLE_F_PERSIST 4
#endif
#ifndef NF_NETDEV_EGRESS
#define NF_NETDEV_EGRESS 1
#endif

static const char probe_table[] = "ringfence-probe", probe_chain[] = "probe", probe_set[] = "probe-set";

static void put_table(struct nl_batch *b, uint8_t family, uint32_t flags)
{
	struct nlmsghdr *nlh = nl_batch_add(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, family, LOC_NONE, "table", probe_table);

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, probe_table);
	mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, htonl(flags));
}

/* device: a base chain on it (netdev); else hook -1: none. */
static void put_chain(struct nl_batch *b, uint8_t family, int hook, const char *device)
{
	struct nlmsghdr *nlh = nl_batch_add(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, family, LOC_NONE, "chain", probe_chain);
	struct nlattr *nest;

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, probe_table);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, probe_chain);
	if (hook < 0)
		return;
	nest = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl((uint32_t)hook));
	mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY, htonl(0));
	if (device)
		mnl_attr_put_strz(nlh, NFTA_HOOK_DEV, device);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, "filter");
}

static bool put_rule(struct nl_batch *b, uint8_t family, struct nftnl_expr *x)
{
	struct nftnl_rule *r = nftnl_rule_alloc();
	bool ok = r && x && nftnl_rule_set_str(r, NFTNL_RULE_TABLE, probe_table) >= 0 &&
		  nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, probe_chain) >= 0;

	if (ok) {
		nftnl_rule_add_expr(r, x);
		nftnl_rule_nlmsg_build_payload(nl_batch_add(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, family, LOC_NONE,
							    "rule", ""), r);
	} else if (x) {
		nftnl_expr_free(x);
	}
	if (r)
		nftnl_rule_free(r);
	return ok;
}

static bool probe_queue(struct nl_batch *b)
{
	struct nftnl_expr *x = nftnl_expr_alloc("queue");

	put_table(b, NFPROTO_INET, 0);
	put_chain(b, NFPROTO_INET, -1, NULL);
	if (!x)
		return false;
	nftnl_expr_set_u16(x, NFTNL_EXPR_QUEUE_NUM, 65000);
	nftnl_expr_set_u16(x, NFTNL_EXPR_QUEUE_TOTAL, 1);
	return put_rule(b, NFPROTO_INET, x);
}

static bool probe_xt_queue(struct nl_batch *b)
{
	struct nftnl_expr *x = nftnl_expr_alloc("target");
	uint16_t *info = calloc(4, sizeof(*info));

	put_table(b, NFPROTO_INET, 0);
	put_chain(b, NFPROTO_INET, -1, NULL);
	if (!x || !info || nftnl_expr_set_str(x, NFTNL_EXPR_TG_NAME, "NFQUEUE") < 0) {
		free(info);
		if (x)
			nftnl_expr_free(x);
		return false;
	}
	info[0] = 65000;
	info[1] = 1;
	nftnl_expr_set_u32(x, NFTNL_EXPR_TG_REV, 3);
	nftnl_expr_set(x, NFTNL_EXPR_TG_INFO, info, 4 * sizeof(*info));
	return put_rule(b, NFPROTO_INET, x);
}

static bool probe_owner(struct nl_batch *b)
{
	put_table(b, NFPROTO_INET, NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST);
	return true;
}

static bool probe_element_counter(struct nl_batch *b)
{
	struct nlmsghdr *nlh;
	struct nlattr *nest;

	put_table(b, NFPROTO_INET, 0);
	nlh = nl_batch_add(b, NFT_MSG_NEWSET, NLM_F_CREATE, NFPROTO_INET, LOC_NONE, "set", probe_set);
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, probe_table);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, probe_set);
	mnl_attr_put_u32(nlh, NFTA_SET_ID, htonl(1));
	mnl_attr_put_u32(nlh, NFTA_SET_FLAGS, htonl(NFT_SET_EVAL));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_TYPE, htonl(7));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_LEN, htonl(4));
	nest = mnl_attr_nest_start(nlh, NFTA_SET_EXPR);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "counter");
	mnl_attr_nest_end(nlh, nest);
	return true;
}

static bool probe_log(struct nl_batch *b)
{
	struct nftnl_expr *x = nftnl_expr_alloc("log");

	put_table(b, NFPROTO_INET, 0);
	put_chain(b, NFPROTO_INET, -1, NULL);
	if (x)
		nftnl_expr_set_u16(x, NFTNL_EXPR_LOG_GROUP, 65000);
	return put_rule(b, NFPROTO_INET, x);
}

static bool probe_egress(struct nl_batch *b)
{
	put_table(b, NFPROTO_NETDEV, 0);
	put_chain(b, NFPROTO_NETDEV, NF_NETDEV_EGRESS, "lo");
	return true;
}

/* The flowtable, counted, and the way into it; on no device, whose hook would go again. */
static bool probe_flowtable(struct nl_batch *b)
{
	struct nftnl_expr *x = nftnl_expr_alloc("flow_offload");

	put_table(b, NFPROTO_INET, 0);
	put_chain(b, NFPROTO_INET, -1, NULL);
	table_wire_flowtable(b, probe_table, NULL, 0);
	if (x && nftnl_expr_set_str(x, NFTNL_EXPR_FLOW_TABLE_NAME, TABLE_FLOWTABLE) < 0) {
		nftnl_expr_free(x);
		return false;
	}
	return put_rule(b, NFPROTO_INET, x);
}

static bool probe_bridge_ct(struct nl_batch *b)
{
	struct nftnl_expr *x = nftnl_expr_alloc("ct");

	put_table(b, NFPROTO_BRIDGE, 0);
	put_chain(b, NFPROTO_BRIDGE, -1, NULL);
	if (x) {
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, NFT_CT_STATE);
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_DREG, NFT_REG_1);
	}
	return put_rule(b, NFPROTO_BRIDGE, x);
}

const char *const probe_names[PROBE_FEATURES] = {
	[PROBE_QUEUE] = "nft queue", [PROBE_XT_QUEUE] = "xt NFQUEUE", [PROBE_OWNER] = "table owner",
	[PROBE_ELEMENT_COUNTER] = "element counters", [PROBE_LOG] = "nft log", [PROBE_NETDEV_EGRESS] = "netdev egress",
	[PROBE_FLOWTABLE] = "flowtable", [PROBE_BRIDGE_CT] = "conntrack in bridges",
};

static bool (*const probes[PROBE_FEATURES])(struct nl_batch *b) = {
	[PROBE_QUEUE] = probe_queue, [PROBE_XT_QUEUE] = probe_xt_queue, [PROBE_OWNER] = probe_owner,
	[PROBE_ELEMENT_COUNTER] = probe_element_counter, [PROBE_LOG] = probe_log, [PROBE_NETDEV_EGRESS] = probe_egress,
	[PROBE_FLOWTABLE] = probe_flowtable, [PROBE_BRIDGE_CT] = probe_bridge_ct,
};

int probe_one(struct nl *n, enum probe_feature i, struct probe *ret, struct err *e)
{
	AUTO(nl_batch) b = nl_batch_new(n, 0);
	struct err why = { 0 };

	if (!b || !probes[i](b))
		return err_plain(e, ENOMEM, "out of memory");
	ret->has[i] = nl_batch_try(b, &why) == 0;
	ret->code[i] = ret->has[i] ? 0 : why.code;
	if (why.code == EPERM)
		return err_plain(e, EPERM, "nf_tables cannot be asked without CAP_NET_ADMIN");
	return 0;
}

int probe_run(struct nl *n, struct probe *ret, struct err *e)
{
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < PROBE_FEATURES; i++)
		if (probe_one(n, (enum probe_feature)i, ret, e) < 0)
			return -1;
	return 0;
}

void probe_print(const struct probe *p, struct buf *out)
{
	for (unsigned i = 0; i < PROBE_FEATURES; i++)
		if (p->has[i])
			buf_printf(out, "%s: yes\n", probe_names[i]);
		else
			buf_printf(out, "%s: no (%s)\n", probe_names[i], strerror(p->code[i]));
}
