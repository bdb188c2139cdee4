/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_about: what a live table says of itself: the comment of the only rule in chain about, which is replaced with the rest
 * in the same transaction, so it is never ahead of or behind the rules. */
#include "kern/table_model.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "kern/nl.h"
#include "kern/nl_attr.h"
#include "kern/table_live.h"

enum { UDATA_COMMENT = 0 };

static bool hex_digest(const char *hex, uint8_t ret[static 32])
{
	for (unsigned i = 0; i < 32; i++) {
		unsigned byte;
		int used = 0;

		if (sscanf(hex + 2 * i, "%2x%n", &byte, &used) != 1 || used != 2)
			return false;
		ret[i] = (uint8_t)byte;
	}
	return true;
}

static void read_words(const char *words, struct table_about *ret)
{
	struct table_about a = { .present = ret->present, .owned = ret->owned };
	char hex[65], closed[8] = "";
	int n = sscanf(words, "ringfence layout %u generation %u page %c digest %64[0-9a-f] %7s", &a.layout, &a.generation, &a.page,
		       hex, closed);

	if (n < 4 || strlen(hex) != 64 || !hex_digest(hex, a.digest) || (a.page != 'a' && a.page != 'b') ||
	    a.generation > TABLE_GENERATIONS_EVER)
		return;
	a.ours = true;
	a.closed = !strcmp(closed, "closed");
	*ret = a;
}

static int one_rule(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a = nl_attr_find(nl_attr_all(nlh), NFTA_RULE_USERDATA);
	const uint8_t *data;
	size_t len;

	if (!a || !table_live_is(nlh, NFTA_RULE_TABLE, TABLE_TABLE) ||
	    !table_live_is(nlh, NFTA_RULE_CHAIN, table_chain_rows[TABLE_CH_ABOUT]))
		return 0;
	data = nl_attr_data(a, &len);           /* type, length, value with its NUL */
	if (len > 2 && data[0] == UDATA_COMMENT && data[1] && data[1] <= len - 2 && !data[1 + data[1]])
		read_words((const char *)data + 2, arg);
	return 0;
}

static int one_table(const struct nlmsghdr *nlh, void *arg)
{
	struct table_about *a = arg;

	a->present = true;
	a->owned = nl_attr_u32(nl_attr_find(nl_attr_all(nlh), NFTA_TABLE_FLAGS)) & NFT_TABLE_F_OWNER;
	return 0;
}

int table_read_about(struct nl *n, struct table_about *ret, struct err *e)
{
	struct nlmsghdr *nlh = nl_netfilter(n, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETTABLE, 0, NFPROTO_INET, 0);

	memset(ret, 0, sizeof(*ret));
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, TABLE_TABLE);
	if (nl_request(n, nlh, one_table, ret, e) < 0)
		return e->code == ENOENT ? 0 : err_wrap(e, "table '%s'", TABLE_TABLE);
	nlh = nl_netfilter(n, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETRULE, 0, NFPROTO_INET, 0);
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, TABLE_TABLE);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, table_chain_rows[TABLE_CH_ABOUT]);
	return nl_dump(n, nlh, NULL, one_rule, ret, e) < 0 ? err_wrap(e, "table '%s'", TABLE_TABLE) : 0;
}
