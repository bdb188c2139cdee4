/* SPDX-License-Identifier: GPL-2.0-or-later */
/* revoke: see revoke.h.  An offloaded flow keeps the routes that it was given, and the flowtable asks with every packet whether
 * they are still valid; where one is not, it lets go of the flow.  So what makes all cached routes invalid revokes all flows:
 *	IPv4	any change of any routing table: a host route to nowhere (TEST-NET, in a table that no rule leads to)
 *	IPv6	a change of routes spoils only those around it, but a change of the routing rules all: a rule that does nothing,
 *		behind all others
 * Each is added and taken away again.  Measured: the next packet of each flow comes back, and nothing else changes for it.
 * A packet that is on its way through the old rules may still put its flow there, with one route found before and one after; so it
 * is done a second time when all packets of the first are through. */
#include "kern/revoke.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/membarrier.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "kern/nl.h"

enum { OWN_TABLE = 0x52464e43, LAST_PREF = 0x7fffffff, LEFT_BEHIND = 8 };

static int route(struct nl *n, uint16_t type, uint16_t flags, struct err *e)
{
	static const uint8_t nowhere[4] = { 192, 0, 2, 1 };
	struct nlmsghdr *nlh = nl_message(n, type, flags);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = 32;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_scope = RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_THROW;
	mnl_attr_put(nlh, RTA_DST, sizeof(nowhere), nowhere);
	mnl_attr_put_u32(nlh, RTA_TABLE, OWN_TABLE);
	return nl_request(n, nlh, NULL, NULL, e);
}

static int rule(struct nl *n, uint16_t type, uint16_t flags, struct err *e)
{
	struct nlmsghdr *nlh = nl_message(n, type, flags);
	struct fib_rule_hdr *h = mnl_nlmsg_put_extra_header(nlh, sizeof(*h));

	h->family = AF_INET6;
	h->action = FR_ACT_NOP;
	mnl_attr_put_u32(nlh, FRA_PRIORITY, LAST_PREF);
	return nl_request(n, nlh, NULL, NULL, e);
}

typedef int (*spoil_fn)(struct nl *n, uint16_t type, uint16_t flags, struct err *e);

/* What a process left behind that was ended in between goes, too. */
static int add_and_take(struct nl *n, spoil_fn fn, uint16_t add, uint16_t take, struct err *e)
{
	struct err none;

	if (fn(n, add, NLM_F_CREATE | NLM_F_REPLACE, e) < 0 || fn(n, take, 0, e) < 0)
		return -1;
	for (unsigned i = 0; i < LEFT_BEHIND && fn(n, take, 0, &none) == 0; i++)
		;
	return 0;
}

static int four(struct nl *n, struct err *e)
{
	return add_and_take(n, route, RTM_NEWROUTE, RTM_DELROUTE, e) < 0 ? err_wrap(e, "IPv4 routes") : 0;
}

static int six(struct nl *n, struct err *e)
{
	const bool none = access("/proc/thread-self/net/if_inet6", F_OK) < 0;

	if (add_and_take(n, rule, RTM_NEWRULE, RTM_DELRULE, e) == 0 || (none && (e->code == EAFNOSUPPORT || e->code == EOPNOTSUPP)))
		return 0;                       /* without IPv6 there is nothing to spoil */
	return err_wrap(e, "IPv6 routing rules");
}

/* Until every packet that was in a hook when this was called has left it. */
static void wait_for_packets(void)
{
	const struct timespec long_enough = { .tv_nsec = 50000000 };

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
		nanosleep(&long_enough, NULL);
}

int revoke_offloaded(struct nl *n, struct err *e)
{
	for (unsigned i = 0; i < 2; i++) {
		const int rc = four(n, e);

		if (six(n, e) < 0 || rc < 0)    /* either, whatever became of the other */
			return err_wrap(e, "offloaded flows cannot be revoked");
		if (!i)
			wait_for_packets();
	}
	return 0;
}
