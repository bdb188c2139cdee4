/* SPDX-License-Identifier: GPL-2.0-or-later */
/* heard: what transactions of anybody's say to the kernel's listeners: elements that came and went, and how much of anything else. */
#ifndef UNIT_KERN_HEARD_H
#define UNIT_KERN_HEARD_H

#include <check.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "kern/nl.h"
#include "kern/nl_attr.h"
#include "kern/table.h"

struct heard { unsigned added, deleted, others; };

static inline int heard_one(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *list = nl_attr_find(nl_attr_all(nlh), NFTA_SET_ELEM_LIST_ELEMENTS);
	const uint8_t msg = NFNL_MSG_TYPE(nlh->nlmsg_type);
	struct nl_attrs elements = nl_attr_in(list);
	struct heard *h = arg;
	unsigned n = 0;

	if (msg == NFT_MSG_NEWGEN)
		return 0;
	if (msg != NFT_MSG_NEWSETELEM && msg != NFT_MSG_DELSETELEM) {
		h->others++;
		return 0;
	}
	while (nl_attr_next(&elements))
		n++;
	*(msg == NFT_MSG_NEWSETELEM ? &h->added : &h->deleted) += n ? n : 1;
	return 0;
}

/* Since the last time, or since the socket was opened with table_watch_groups: exactly so many. */
static inline void heard_is(struct nl *watch, unsigned added, unsigned deleted)
{
	struct heard h = { 0 };
	bool lost = false;
	struct err wrong = { 0 };

	ck_assert_msg(nl_listen(watch, heard_one, &h, &lost, &wrong) == 0 && !lost, "%s", wrong.msg);
	ck_assert_msg(h.added == added && h.deleted == deleted && !h.others, "%u elements added, %u deleted, %u other things", h.added,
		      h.deleted, h.others);
}

#endif
