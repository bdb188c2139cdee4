/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_rules: what each rule let pass by the kernel alone: counters allow-ID of the table, which no reload resets. */
#include "kern/table_model.h"

#include <arpa/inet.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "kern/nl.h"
#include "kern/nl_attr.h"
#include "kern/table_live.h"

#define PREFIX "allow-"

struct reading { table_rule_fn fn; void *arg; };

static int one_rule(const struct nlmsghdr *nlh, void *arg)
{
	const struct reading *r = arg;
	const char *name = nl_attr_str(nl_attr_find(nl_attr_all(nlh), NFTA_OBJ_NAME));
	const struct nlattr *data = nl_attr_find(nl_attr_all(nlh), NFTA_OBJ_DATA);

	if (!table_live_is(nlh, NFTA_OBJ_TABLE, TABLE_TABLE) || strncmp(name, PREFIX, strlen(PREFIX)) != 0 || !data)
		return 0;
	r->fn(r->arg, name + strlen(PREFIX), nl_attr_u64(nl_attr_find(nl_attr_in(data), NFTA_COUNTER_PACKETS)),
	      nl_attr_u64(nl_attr_find(nl_attr_in(data), NFTA_COUNTER_BYTES)));
	return 0;
}

int table_read_rules(struct nl *n, table_rule_fn fn, void *arg, struct err *e)
{
	struct nlmsghdr *nlh = nl_netfilter(n, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETOBJ, 0, NFPROTO_INET, 0);
	struct reading r = { fn, arg };

	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, TABLE_TABLE);
	mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	return nl_dump(n, nlh, NULL, one_rule, &r, e) < 0 ? err_wrap(e, "the rules' counters") : 0;
}
