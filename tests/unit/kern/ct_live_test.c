/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conntrack of this kernel, in a network namespace of its own.  The port that a datagram goes to gives its flow its mark. */
#include "kern/ct.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "unit/kern/netns.h"
#include "unit/suite.h"

enum { SHIFT = 24 };

static const char rules[] =
	"table inet t {\n"
	"	chain raw { type filter hook output priority raw; udp dport 7 ct zone set 9; }\n"
	"	chain nat { type nat hook output priority -100; ip daddr 127.0.0.2 udp dport 8 dnat ip to 127.0.0.3; }\n"
	"	chain out { type filter hook output priority 0;\n"
	"		ct mark set udp dport map { 1 : 0x15abcdef, 2 : 0x18000000, 3 : 0x00123456, 4 : 0xfe000001, 5 : 0x16000000,\n"
	"			7 : 0x15000007, 8 : 0x15000008, 1000-65535 : 0x1500ffff }\n"
	"	}\n"
	"}\n";
static struct nl *n;

static void send_to(const char *address, uint16_t port)
{
	const bool six = strchr(address, ':');
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	const int fd = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct sockaddr *to = six ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;

	ck_assert_int_eq(inet_pton(six ? AF_INET6 : AF_INET, address, six ? (void *)&a6.sin6_addr : (void *)&a4.sin_addr), 1);
	ck_assert_int_eq(sendto(fd, "x", 1, 0, to, six ? sizeof(a6) : sizeof(a4)), 1);
	close(fd);
}

static void site(void)
{
	struct err e = { 0 };

	netns_enter();
	netns_nft(rules);
	ck_assert_msg(nl_open(NL_NETFILTER, NULL, &n, &e) == 0, "%s", e.msg);
}

/* The mark of the flow to that port, as /proc tells it; of several the last. */
static uint32_t mark_of(uint16_t port)
{
	FILE *f = fopen("/proc/net/nf_conntrack", "re");
	char line[512], want[32];
	uint32_t mark = 0xdead;

	ck_assert_ptr_nonnull(f);
	snprintf(want, sizeof(want), "dport=%u [UNREPLIED]", port);
	while (fgets(line, sizeof(line), f)) {
		const char *m = strstr(line, "mark=");

		if (strstr(line, want) && m)
			mark = (uint32_t)strtoul(m + 5, NULL, 10);
	}
	fclose(f);
	return mark;
}

static size_t clear(uint64_t generations, const char *address)
{
	struct addr addrs[3];           /* between two that no flow has */
	struct ct_match m = { .generations = generations, .addrs = addrs, .n_addrs = address ? 3 : 0 };
	struct err e = { 0 };
	size_t cleared = 99;

	if (address) {
		ck_assert(addr_parse("0.0.0.1", &addrs[0]));
		ck_assert(addr_parse(address, &addrs[1]));
		ck_assert(addr_parse("ffff::1", &addrs[2]));
	}
	ck_assert_msg(ct_clear(n, SHIFT, &m, &cleared, &e) == 0, "%s", e.msg);
	return cleared;
}

static uint64_t generations(void)
{
	struct err e = { 0 };
	uint64_t g = 0;

	ck_assert_msg(ct_generations(n, SHIFT, &g, &e) == 0, "%s", e.msg);
	return g;
}

#define G(g) (UINT64_C(1) << (g))

START_TEST(test_generations)
{
	site();
	ck_assert_uint_eq(generations(), 0);
	for (uint16_t port = 1; port <= 5; port++)
		send_to("127.0.0.1", port);
	ck_assert_uint_eq(generations(), G(5) | G(6) | G(63));
	/* one: foreign bits stay, and so do the others' */
	ck_assert_uint_eq(clear(G(6), NULL), 1);
	ck_assert_uint_eq(mark_of(2), 0);
	ck_assert_uint_eq(mark_of(1), 0x15abcdef);
	ck_assert_uint_eq(clear(G(5), NULL), 2);
	ck_assert_uint_eq(mark_of(1), 0x00abcdef);
	ck_assert_uint_eq(mark_of(5), 0);
	ck_assert_uint_eq(mark_of(3), 0x00123456);
	ck_assert_uint_eq(mark_of(4), 0xfe000001);
	ck_assert_uint_eq(generations(), G(63));
	ck_assert_uint_eq(clear(G(5) | G(6) | G(62), NULL), 0);
	ck_assert_uint_eq(clear(0, NULL), 0);
	ck_assert_uint_eq(clear(CT_ANY_GENERATION, NULL), 1);
	ck_assert_uint_eq(mark_of(4), 0x000001);
	ck_assert_uint_eq(mark_of(3), 0x00123456);
	nl_free(n);
}
END_TEST

START_TEST(test_several)
{
	site();
	for (uint16_t port = 1; port <= 5; port++)
		send_to("127.0.0.1", port);
	ck_assert_uint_eq(clear(G(6) | G(63), NULL), 2);
	ck_assert_uint_eq(generations(), G(5));
	ck_assert_uint_eq(mark_of(1), 0x15abcdef);
	nl_free(n);
}
END_TEST

/* At either end, also when it is seen only behind NAT; of the family asked for. */
START_TEST(test_address)
{
	site();
	netns_ip("address add 10.5.5.5/32 dev lo");
	send_to("127.0.0.1", 1);
	send_to("10.5.5.5", 2);
	send_to("127.0.0.2", 8);
	send_to("::1", 5);
	ck_assert_uint_eq(clear(CT_ANY_GENERATION, "127.0.0.9"), 0);
	ck_assert_uint_eq(clear(CT_ANY_GENERATION, "127.0.0.3"), 1);
	ck_assert_uint_eq(mark_of(1), 0x15abcdef);
	ck_assert_uint_eq(clear(CT_ANY_GENERATION, "::1"), 1);
	ck_assert_uint_eq(mark_of(5), 0);
	ck_assert_uint_eq(clear(G(5), "10.5.5.5"), 0);
	ck_assert_uint_eq(clear(G(6), "10.5.5.5"), 1);
	ck_assert_uint_eq(generations(), G(5));
	ck_assert_uint_eq(clear(CT_ANY_GENERATION, "127.0.0.1"), 1);
	ck_assert_uint_eq(generations(), 0);
	nl_free(n);
}
END_TEST

START_TEST(test_zone)
{
	site();
	send_to("127.0.0.1", 7);
	ck_assert_uint_eq(mark_of(7), 0x15000007);
	ck_assert_uint_eq(clear(G(5), NULL), 1);
	ck_assert_uint_eq(mark_of(7), 7);
	nl_free(n);
}
END_TEST

enum { MANY = 3000 };

static void send_many(void)
{
	struct sockaddr_in a = netns_at("127.0.0.1", 0);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* unconnected, so that refusals are nobody's error */
	for (unsigned i = 0; i < MANY; i++) {
		a.sin_port = htons((uint16_t)(2000 + i));
		ck_assert_int_eq(sendto(fd, "x", 1, 0, (const struct sockaddr *)&a, sizeof(a)), 1);
	}
	close(fd);
}

/* In front of libc's: all connections end just before the first update of a mark is sent. */
static bool all_end;

ssize_t sendto(int fd, const void *msg, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	struct iovec v = { NULL, len };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_namelen = to_len };
	const struct nlmsghdr *nlh = msg;

	if (all_end && nlh->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW)) {
		struct err e = { 0 };
		struct nl *other = NULL;

		all_end = false;
		ck_assert_int_eq(nl_open(NL_NETFILTER, NULL, &other, &e), 0);
		ck_assert_int_eq(nl_request(other, nl_netfilter(other, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, 0, AF_UNSPEC, 0),
					    NULL, NULL, &e), 0);
		nl_free(other);
	}
	memcpy(&v.iov_base, &msg, sizeof(msg));
	memcpy(&h.msg_name, &to, sizeof(to));
	return sendmsg(fd, &h, flags);
}

START_TEST(test_many)
{
	site();
	send_many();
	ck_assert_uint_eq(clear(G(5), NULL), MANY);
	ck_assert_uint_eq(generations(), 0);
	ck_assert_uint_eq(mark_of(2000), 0xffff);
	ck_assert_uint_eq(mark_of(2000 + MANY - 1), 0xffff);
	nl_free(n);
}
END_TEST

START_TEST(test_ended)
{
	struct ct_stats s;
	struct err e = { 0 };

	site();
	send_many();
	all_end = true;
	ck_assert_uint_eq(clear(CT_ANY_GENERATION, NULL), 0);
	ck_assert(!all_end);
	ck_assert_int_eq(ct_read_stats(n, &s, &e), 0);
	ck_assert_uint_eq(s.entries, 0);
	send_to("127.0.0.1", 1);                        /* the socket is as good as before */
	ck_assert_uint_eq(clear(CT_ANY_GENERATION, NULL), 1);
	nl_free(n);
}
END_TEST

START_TEST(test_stats)
{
	const struct sockaddr_in to = netns_at("127.0.0.1", 0);
	struct ct_stats s;
	struct err e = { 0 };
	int fd;

	site();
	ck_assert_msg(ct_read_stats(n, &s, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(s.entries, 0);
	ck_assert_uint_eq(s.invalid, 0);
	ck_assert_uint_gt(s.max, 1000);
	send_many();
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
	for (unsigned i = 0; i < 3; i++)        /* UDP without a whole header */
		ck_assert_int_eq(sendto(fd, "abcd", 4, 0, (const struct sockaddr *)&to, sizeof(to)), 4);
	close(fd);
	ck_assert_msg(ct_read_stats(n, &s, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(s.entries, MANY);
	ck_assert_uint_ge(s.invalid, 3);
	nl_free(n);
}
END_TEST

START_TEST(test_not_allowed)
{
	const struct ct_match m = { .generations = CT_ANY_GENERATION };
	struct err e = { 0 };

	site();
	send_to("127.0.0.1", 1);
	ck_assert_int_eq(setuid(65534), 0);
	ck_assert_int_eq(ct_clear(n, SHIFT, &m, NULL, &e), -1);
	ck_assert_int_eq(e.code, EPERM);
	nl_free(n);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("ct_live");

	if (netns_skip())
		return NETNS_SKIP;
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_generations);
	tcase_add_test(tc, test_several);
	tcase_add_test(tc, test_address);
	tcase_add_test(tc, test_zone);
	tcase_add_test(tc, test_many);
	tcase_add_test(tc, test_ended);
	tcase_add_test(tc, test_stats);
	tcase_add_test(tc, test_not_allowed);
	return suite_run(tc);
}
