/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows of this kernel's conntrack, in a network namespace of its own.  The port that a datagram goes to gives its flow its mark. */
#include "kern/ctflow.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "kern/route.h"
#include "unit/kern/netns.h"
#include "unit/suite.h"

enum { SHIFT = 24, MANY = 3000 };

/* 0x15: allowed by generation 5; 0x16: denied; 0xfd: a note; 0x14: seen in an observed zone. */
static const char rules[] =
	"table inet t {\n"
	"	chain nat { type nat hook output priority -100; ip daddr 127.0.0.2 udp dport 8 dnat ip to 127.0.0.3:9; }\n"
	"	chain out { type filter hook output priority 0;\n"
	"		ct mark set udp dport map { 1 : 0x15abcdef, 2 : 0x16000000, 3 : 0x00123456, 4 : 0xfd000001, 5 : 0x14000000,\n"
	"			9 : 0xf9000000, 1000-65535 : 0x15000000 }\n"
	"	}\n"
	"}\n";
static struct nl *n;
static struct ctflow_listener *l;
static struct ctflow seen[MANY];
static size_t n_seen;

static void see(void *arg, const struct ctflow *f)
{
	(void)arg;
	if (n_seen < MANY)
		seen[n_seen] = *f;
	n_seen++;
}

static void send_to(const char *address, uint16_t port, size_t len)
{
	const char bytes[256] = { 0 };
	struct sockaddr_in to = netns_at(address, port);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(sendto(fd, bytes, len, 0, (const struct sockaddr *)&to, sizeof(to)), (ssize_t)len);
	close(fd);
}

static void site(void)
{
	struct err e = { 0 };

	netns_enter();
	netns_nft(rules);
	ck_assert_msg(ctflow_account(&e) == 0, "%s", e.msg);
	ck_assert_msg(nl_open(NL_NETFILTER, NULL, &n, &e) == 0, "%s", e.msg);
	ck_assert_msg(ctflow_open(SHIFT, &l, &e) == 0, "%s", e.msg);
	for (uint16_t port = 1; port <= 5; port++)
		send_to("127.0.0.1", port, 50 + port);
}

static void done(void)
{
	ctflow_free(l);
	nl_free(n);
}

static void dump(void)
{
	struct err e = { 0 };

	n_seen = 0;
	ck_assert_msg(ctflow_dump(n, SHIFT, see, NULL, &e) == 0, "%s", e.msg);
}

/* All flows end now; what is heard of it. */
static void end_all(void)
{
	struct err e = { 0 };

	ck_assert_int_eq(nl_request(n, nl_netfilter(n, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, 0, AF_UNSPEC, 0), NULL, NULL,
				    &e), 0);
}

static void hear(void)
{
	struct err e = { 0 };
	int got;

	n_seen = 0;
	do
		got = ctflow_read(l, see, NULL, &e);
	while (got > 0);
	ck_assert_int_eq(got, 0);
}

static void is_the_one(void)
{
	ck_assert_uint_eq(n_seen, 1);
	ck_assert_uint_eq(seen[0].mark, 0x15abcdef);
	ck_assert(seen[0].has_ports && seen[0].has_counts && seen[0].dport == 1 && seen[0].proto == IPPROTO_UDP);
	ck_assert_uint_eq(seen[0].packets[0], 1);
	ck_assert_uint_eq(seen[0].bytes[0], 51 + 28);
	ck_assert_uint_eq(seen[0].packets[1], 0);
}

START_TEST(test_only_what_is_allowed)
{
	uint64_t key;

	site();
	dump();
	is_the_one();
	key = seen[0].key;
	end_all();
	hear();
	is_the_one();
	ck_assert_uint_eq(seen[0].key, key);            /* the same flow, alive and gone */
	ck_assert_uint_eq(ctflow_odd(l), 1);            /* the note; the kernel kept the others back */
	dump();
	ck_assert_uint_eq(n_seen, 0);
	done();
}
END_TEST

/* The opener as it is, the other end as it is behind the translation: what a rule of the forward hook saw. */
START_TEST(test_translated)
{
	struct addr to;

	site();
	send_to("127.0.0.2", 8, 10);
	dump();
	ck_assert_uint_eq(n_seen, 2);
	if (seen[0].dport != 9)
		seen[0] = seen[1];
	ck_assert(addr_parse("127.0.0.3", &to));
	ck_assert_uint_eq(seen[0].dport, 9);
	ck_assert(addr_equal(&seen[0].to, &to));
	done();
}
END_TEST

/* A buffer that is full loses what comes, says how much, and is as good as before. */
START_TEST(test_overrun)
{
	const int small = 4096;
	uint64_t lost;

	site();
	ck_assert_int_eq(setsockopt(ctflow_fd(l), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	for (unsigned i = 0; i < MANY; i++)
		send_to("127.0.0.1", (uint16_t)(2000 + i), 1);
	end_all();
	hear();
	lost = ctflow_lost(l);
	ck_assert_uint_gt(lost, 0);
	ck_assert_uint_eq(n_seen + lost + ctflow_odd(l), MANY + 2);
	send_to("127.0.0.1", 1, 51);
	end_all();
	hear();
	is_the_one();
	done();
}
END_TEST

START_TEST(test_ways)
{
	struct route_way way;
	struct addr a;
	struct nl *route = NULL;
	struct err e = { 0 };

	netns_enter();
	netns_ip("link add v0 type veth peer name v1");
	netns_ip("address add 10.99.0.1/24 dev v0");
	netns_ip("link set v0 up");
	netns_ip("link set v1 up");
	ck_assert_int_eq(nl_open(NL_ROUTE, NULL, &route, &e), 0);
	ck_assert(addr_parse("10.99.0.7", &a));
	ck_assert_msg(route_find(route, &a, &way, &e) == 0, "%s", e.msg);
	ck_assert(way.ifindex == if_nametoindex("v0") && !way.local);
	ck_assert(addr_parse("10.99.0.1", &a));
	ck_assert_msg(route_find(route, &a, &way, &e) == 0, "%s", e.msg);
	ck_assert(way.local);
	ck_assert(addr_parse("192.0.2.1", &a));
	ck_assert_msg(route_find(route, &a, &way, &e) == 0, "%s", e.msg);
	ck_assert(!way.ifindex && !way.local);
	ck_assert(addr_parse("2001:db8::1", &a));
	ck_assert_msg(route_find(route, &a, &way, &e) == 0, "%s", e.msg);
	ck_assert(!way.ifindex && !way.local);
	ck_assert(addr_parse("::1", &a));
	ck_assert_msg(route_find(route, &a, &way, &e) == 0, "%s", e.msg);
	ck_assert(way.local);
	nl_free(route);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("ctflow_live");

	if (netns_skip())
		return NETNS_SKIP;
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_only_what_is_allowed);
	tcase_add_test(tc, test_translated);
	tcase_add_test(tc, test_overrun);
	tcase_add_test(tc, test_ways);
	return suite_run(tc);
}
