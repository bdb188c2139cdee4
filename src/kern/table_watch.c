/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_watch: what others do to nf_tables.  A transaction is told as its objects and, last, a generation message with the
 * pid and name of who did it: the objects are gathered until that comes.  Rules of other tables matter when they could lead
 * packets or marks past us. */
#include "kern/table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "kern/nl.h"
#include "kern/nl_attr.h"
#include "kern/table_live.h"

enum { BY_BYTES = 32 };                 /* room for who did it */

const unsigned table_watch_groups[] = { NFNLGRP_NFTABLES, 0 };

struct watching {
	struct table_watch *w;
	const uint32_t *self;
	size_t n_self;
	table_change_fn fn;
	void *arg;
};

/* What can be told: the message, the words around its name, and where it names its table and itself. */
static const struct { uint8_t msg; const char *before, *after; uint16_t table, name; } rows[] = {
	{ NFT_MSG_NEWTABLE, "table", "changed", NFTA_TABLE_NAME, NFTA_TABLE_NAME },
	{ NFT_MSG_DELTABLE, "table", "deleted", NFTA_TABLE_NAME, NFTA_TABLE_NAME },
	{ NFT_MSG_NEWCHAIN, "chain", "changed", NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME },
	{ NFT_MSG_DELCHAIN, "chain", "deleted", NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME },
	{ NFT_MSG_NEWRULE, "rule in chain", "added", NFTA_RULE_TABLE, NFTA_RULE_CHAIN },
	{ NFT_MSG_DELRULE, "rule in chain", "deleted", NFTA_RULE_TABLE, NFTA_RULE_CHAIN },
	{ NFT_MSG_NEWSET, "set", "changed", NFTA_SET_TABLE, NFTA_SET_NAME },
	{ NFT_MSG_DELSET, "set", "deleted", NFTA_SET_TABLE, NFTA_SET_NAME },
	{ NFT_MSG_NEWSETELEM, "element in", "added", NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET },
	{ NFT_MSG_DELSETELEM, "element in", "deleted", NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET },
	{ NFT_MSG_NEWOBJ, "object", "changed", NFTA_OBJ_TABLE, NFTA_OBJ_NAME },
	{ NFT_MSG_DELOBJ, "object", "deleted", NFTA_OBJ_TABLE, NFTA_OBJ_NAME },
	{ NFT_MSG_NEWFLOWTABLE, "flowtable", "added", NFTA_FLOWTABLE_TABLE, NFTA_FLOWTABLE_NAME },
	{ NFT_MSG_DELFLOWTABLE, "flowtable", "deleted", NFTA_FLOWTABLE_TABLE, NFTA_FLOWTABLE_NAME },
};

static const char *string(const struct nlmsghdr *nlh, unsigned type)
{
	return nl_attr_str(nl_attr_find(nl_attr_all(nlh), type));
}

static int risky_expr(struct nftnl_expr *x, void *arg)
{
	static const char *const names[] = { "queue", "notrack", "flow_offload" };
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_NAME);
	const char **ret = arg;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			*ret = names[i];
	if (!strcmp(name, "ct") && nftnl_expr_is_set(x, NFTNL_EXPR_CT_SREG))
		*ret = nftnl_expr_get_u32(x, NFTNL_EXPR_CT_KEY) == NFT_CT_MARK ? "ct mark set" :
		       nftnl_expr_get_u32(x, NFTNL_EXPR_CT_KEY) == NFT_CT_ZONE ? "ct zone set" : *ret;
	if (!strcmp(name, "target")) {
		const char *target = nftnl_expr_get_str(x, NFTNL_EXPR_TG_NAME);

		if (target && (!strcmp(target, "NFQUEUE") || !strcmp(target, "CONNMARK") || !strcmp(target, "CT")))
			*ret = "xt target";
	}
	return 0;
}

/* Words for what in somebody's rule or flowtable may lead past us, NULL: nothing. */
static const char *risk_of(const struct nlmsghdr *nlh, uint8_t msg)
{
	const char *risk = NULL;
	struct nftnl_rule *r;

	if (msg == NFT_MSG_NEWFLOWTABLE)
		return "flowtable";
	if (msg == NFT_MSG_NEWCHAIN && table_live_is_among(nlh))
		return "base chain among ours";
	if (msg != NFT_MSG_NEWRULE)
		return NULL;
	r = nftnl_rule_alloc();
	if (r && nftnl_rule_nlmsg_parse(nlh, r) >= 0)
		nftnl_expr_foreach(r, risky_expr, &risk);
	if (r)
		nftnl_rule_free(r);
	return risk;
}

static const char *family_word(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);

	switch (nfg->nfgen_family) {
	case NFPROTO_INET: return "inet";
	case NFPROTO_IPV4: return "ip";
	case NFPROTO_IPV6: return "ip6";
	case NFPROTO_ARP: return "arp";
	case NFPROTO_NETDEV: return "netdev";
	case NFPROTO_BRIDGE: return "bridge";
	default: return "?";
	}
}

static bool is_ours(const struct nlmsghdr *nlh, const char *table)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);

	return !strcmp(table, TABLE_TABLE) && (nfg->nfgen_family == NFPROTO_INET || nfg->nfgen_family == NFPROTO_NETDEV);
}

/* Another thing of ours in the same transaction, each kind and name once, as far as there is room. */
static void note_more(struct table_watch *w, const char *name, size_t row)
{
	char more[NFT_NAME_MAXLEN + 64], *what = w->change.what;
	const size_t len = strlen(what);

	snprintf(more, sizeof(more), "%s %s %s", rows[row].before, name, rows[row].after);
	if (strstr(what, more) || len + strlen(more) + BY_BYTES > sizeof(w->change.what))
		return;
	snprintf(what + len, sizeof(w->change.what) - len, ", %s", more);
}

/* The things of ours in a transaction are what is told, the first of others' where there are none. */
static void note(struct table_watch *w, const struct nlmsghdr *nlh, size_t row)
{
	const char *table = string(nlh, rows[row].table), *name = string(nlh, rows[row].name);
	bool ours = is_ours(nlh, table);
	const char *risk = ours ? NULL : risk_of(nlh, rows[row].msg);

	if (!ours && !risk)
		return;
	w->pending = true;
	if (ours && !w->change.ours) {
		snprintf(w->change.what, sizeof(w->change.what), "%s %s: %s %s %s", family_word(nlh), table, rows[row].before, name,
			 rows[row].after);
	} else if (ours) {
		note_more(w, name, row);
	} else if (!w->change.ours && !w->change.foreign_risk) {
		snprintf(w->change.what, sizeof(w->change.what), "%s %s: %s in %s", family_word(nlh), table, risk, name);
	}
	w->change.ours = w->change.ours || ours;
	w->change.foreign_risk = w->change.foreign_risk || risk;
	w->change.among = w->change.among || (risk && rows[row].msg == NFT_MSG_NEWCHAIN);
	w->change.portid = nlh->nlmsg_pid;
}

static void finish(const struct watching *x, const struct nlmsghdr *nlh)
{
	struct table_change *c = &x->w->change;
	const char *name = string(nlh, NFTA_GEN_PROC_NAME);
	size_t n = strlen(c->what);

	if (x->w->pending && *name && n < sizeof(c->what))
		snprintf(c->what + n, sizeof(c->what) - n, " by %s", name);
	c->genid = nl_attr_u32(nl_attr_find(nl_attr_all(nlh), NFTA_GEN_ID));
	if (x->w->pending)
		x->fn(c, x->arg);
	memset(x->w, 0, sizeof(*x->w));
}

static bool is_self(const struct watching *x, uint32_t portid)
{
	for (size_t i = 0; i < x->n_self; i++)
		if (x->self[i] == portid)
			return true;
	return false;
}

static int one_notice(const struct nlmsghdr *nlh, void *arg)
{
	const struct watching *x = arg;
	uint8_t msg = nlh->nlmsg_type & 0xff;

	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return 0;
	if (msg == NFT_MSG_NEWGEN) {
		finish(x, nlh);
		return 0;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows) && !is_self(x, nlh->nlmsg_pid); i++)
		if (rows[i].msg == msg)
			note(x->w, nlh, i);
	return 0;
}

int table_watch(struct nl *n, struct table_watch *w, const uint32_t *self, size_t n_self, table_change_fn fn, void *arg,
		bool *ret_lost, struct err *e)
{
	struct watching x = { w, self, n_self, fn, arg };

	*ret_lost = false;
	return nl_listen(n, one_notice, &x, ret_lost, e);
}

/* ---- what is there already ---- */

struct scanning { table_change_fn fn; void *arg; char last[sizeof(((struct table_change *)0)->what)]; };

static int one_present(const struct nlmsghdr *nlh, void *arg)
{
	struct scanning *s = arg;
	uint8_t msg = nlh->nlmsg_type & 0xff;
	const uint16_t table_at = msg == NFT_MSG_NEWFLOWTABLE ? NFTA_FLOWTABLE_TABLE :
				  msg == NFT_MSG_NEWCHAIN ? NFTA_CHAIN_TABLE : NFTA_RULE_TABLE;
	const uint16_t name_at = msg == NFT_MSG_NEWFLOWTABLE ? NFTA_FLOWTABLE_NAME :
				 msg == NFT_MSG_NEWCHAIN ? NFTA_CHAIN_NAME : NFTA_RULE_CHAIN;
	const char *table = string(nlh, table_at);
	const char *risk = is_ours(nlh, table) ? NULL : risk_of(nlh, msg);
	struct table_change c = { .foreign_risk = true, .among = msg == NFT_MSG_NEWCHAIN };

	if (!risk)
		return 0;
	snprintf(c.what, sizeof(c.what), "%s %s: %s in %s", family_word(nlh), table, risk,
		 string(nlh, name_at));
	if (strcmp(c.what, s->last))
		s->fn(&c, s->arg);
	memcpy(s->last, c.what, sizeof(s->last));
	return 0;
}

int table_risks(struct nl *n, table_change_fn fn, void *arg, struct err *e)
{
	struct scanning s = { .fn = fn, .arg = arg };

	static const uint8_t gets[] = { NFT_MSG_GETRULE, NFT_MSG_GETFLOWTABLE, NFT_MSG_GETCHAIN };

	for (size_t i = 0; i < sizeof(gets); i++)
		if (nl_dump(n, nl_netfilter(n, NFNL_SUBSYS_NFTABLES, gets[i], 0, NFPROTO_UNSPEC, 0), NULL, one_present, &s, e) < 0)
			return err_wrap(e, "others' tables");
	return 0;
}
