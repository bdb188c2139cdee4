/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Revoking leaves nothing behind, also not of one that was ended in between; each family's routes are spoilt twice.  That flows come
 * back by it is shown where there are flowtables: tests/netns/34-offload.sh. */
#include "kern/revoke.h"

#include <linux/rtnetlink.h>

#include "kern/nl.h"
#include "unit/kern/space.h"
#include "unit/suite.h"

static struct nl *n, *heard;
static struct err e;

static void begin(void)
{
	static const unsigned groups[] = { RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_RULE, 0 };

	space_enter();
	ck_assert_int_eq(space_run(NULL, "ip link set lo up"), 0);
	ck_assert_msg(nl_open(NL_ROUTE, NULL, &n, &e) == 0 && nl_open(NL_ROUTE, groups, &heard, &e) == 0, "%s", e.msg);
}

static void end(void)
{
	nl_free(n);
	nl_free(heard);
}

static unsigned count[4];

static int one(const struct nlmsghdr *nlh, void *arg)
{
	(void)arg;
	count[0] += nlh->nlmsg_type == RTM_NEWROUTE;
	count[1] += nlh->nlmsg_type == RTM_DELROUTE;
	count[2] += nlh->nlmsg_type == RTM_NEWRULE;
	count[3] += nlh->nlmsg_type == RTM_DELRULE;
	return 0;
}

static void hear(void)
{
	bool lost = false;

	memset(count, 0, sizeof(count));
	ck_assert_int_eq(nl_listen(heard, one, NULL, &lost, &e), 0);
	ck_assert(!lost);
}

static void spoil(void)
{
	hear();
	ck_assert_msg(revoke_offloaded(n, &e) == 0, "%s", e.msg);
	hear();
}

static void nothing_is_left(void)
{
	struct buf out;

	buf_init(&out);
	ck_assert_int_eq(space_run(&out, "ip -6 rule; ip route show table all"), 0);
	ck_assert_msg(!strstr(buf_cstr(&out), "nop") && !strstr(buf_cstr(&out), "192.0.2.1"), "%s", buf_cstr(&out));
	buf_fini(&out);
}

START_TEST(spoils_both_families_twice)
{
	spoil();
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(count[i], 2);
	nothing_is_left();
}
END_TEST

START_TEST(takes_away_what_another_left)
{
	ck_assert_int_eq(space_run(NULL, "ip -6 rule add pref 2147483647 nop; "
					 "ip route add throw 192.0.2.1 table 1380339267 proto static"), 0);
	spoil();
	ck_assert_uint_gt(count[1] + count[3], 4);
	nothing_is_left();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("revoke");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, spoils_both_families_twice);
	tcase_add_test(tc, takes_away_what_another_left);
	return suite_run(tc);
}
