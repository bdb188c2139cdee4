/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kern/neigh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/vec.h"
#include "kern/nl.h"

typedef VEC(struct neigh) neigh_list;

static void restart(void *arg)
{
	((neigh_list *)arg)->n = 0;
}

static void take(const struct nlattr *a, uint8_t family, struct neigh *n, unsigned *seen)
{
	const uint16_t type = mnl_attr_get_type(a), len = mnl_attr_get_payload_len(a);

	if (type == NDA_LLADDR && len == sizeof(n->mac.b)) {
		memcpy(n->mac.b, mnl_attr_get_payload(a), sizeof(n->mac.b));
		*seen |= 1;
	} else if (type == NDA_DST && family == AF_INET && len == 4) {
		n->addr = addr_v4_net(mnl_attr_get_payload(a));
		*seen |= 2;
	} else if (type == NDA_DST && family == AF_INET6 && len == 16) {
		n->addr = addr_v6_net(mnl_attr_get_payload(a));
		*seen |= 2;
	}
}

static int on_message(const struct nlmsghdr *nlh, void *arg)
{
	const struct ndmsg *m = mnl_nlmsg_get_payload(nlh);
	struct neigh n = { 0 };
	unsigned seen = 0;
	struct nlattr *a;

	if (nlh->nlmsg_type != RTM_NEWNEIGH || mnl_nlmsg_get_payload_len(nlh) < sizeof(*m))
		return 0;
	if (m->ndm_state & (NUD_FAILED | NUD_INCOMPLETE | NUD_NOARP))
		return 0;
	n.ifindex = (uint32_t)m->ndm_ifindex;
	mnl_attr_for_each(a, nlh, sizeof(*m))
		take(a, m->ndm_family, &n, &seen);
	if (seen != 3 || addr_mac_is_group(&n.mac))
		return 0;
	return VEC_PUSH((neigh_list *)arg, n) ? 0 : ENOMEM;
}

int neigh_each(neigh_fn fn, void *arg, struct err *e)
{
	neigh_list all = { 0 };
	struct nl *n = NULL;
	struct nlmsghdr *nlh;
	struct ndmsg *m;
	int rc = nl_open(NL_ROUTE, NULL, &n, e);

	if (rc == 0) {
		nlh = nl_message(n, RTM_GETNEIGH, NLM_F_REQUEST);
		m = mnl_nlmsg_put_extra_header(nlh, sizeof(*m));
		m->ndm_family = AF_UNSPEC;
		rc = nl_dump(n, nlh, restart, on_message, &all, e);
	}
	nl_free(n);
	for (size_t i = 0; rc == 0 && i < all.n; i++)
		if (fn(arg, &all.at[i]))
			break;
	VEC_FREE(&all);
	return rc;
}
