/* SPDX-License-Identifier: GPL-2.0-or-later */
/* route: see route.h. */
#include "kern/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

#include "kern/nl.h"

static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct route_way *way = arg;
	struct nlattr *a;

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm))
		return 0;
	way->local = rtm->rtm_type == RTN_LOCAL;
	mnl_attr_for_each(a, nlh, sizeof(*rtm))
		if (mnl_attr_get_type(a) == RTA_OIF && mnl_attr_get_payload_len(a) == 4)
			way->ifindex = mnl_attr_get_u32(a);
	return 0;
}

int route_find(struct nl *n, const struct addr *a, struct route_way *ret, struct err *e)
{
	struct nlmsghdr *nlh = nl_message(n, RTM_GETROUTE, 0);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	const uint8_t len = a->family == 4 ? 4 : 16;
	struct route_way way = { 0 };
	struct err refused = { 0 };

	rtm->rtm_family = a->family == 4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = (uint8_t)(len * 8);
	mnl_attr_put(nlh, RTA_DST, len, a->b);
	if (nl_request(n, nlh, take, &way, &refused) < 0 && refused.code != ENETUNREACH && refused.code != EHOSTUNREACH &&
	    refused.code != EACCES && refused.code != EINVAL) {
		*e = refused;
		return err_wrap(e, "route");
	}
	*ret = way;
	return 0;
}
