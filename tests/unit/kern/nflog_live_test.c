/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A log group of this kernel, in a network namespace of its own. */
#include "kern/nflog.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

#include "base/now.h"
#include "unit/kern/netns.h"
#include "unit/suite.h"

enum { GROUP = 321 };

static const char rules[] =
	"table inet t {\n"
	"	chain out { type filter hook output priority 0; udp dport 7000 meta mark set 0x5a000001 log group 321 accept; }\n"
	"}\n";

static struct nflog *opened(void)
{
	struct nflog *l = NULL;
	struct err e = { 0 };

	ck_assert_msg(nflog_new(GROUP, 0, false, &l, &e) == 0, "%s", e.msg);
	return l;
}

static int receive(struct nflog *l, struct nfq_packet *p, size_t max)
{
	struct err e = { 0 };
	const int n = nflog_receive(l, p, max, &e);

	ck_assert_msg(n >= 0, "%s", e.msg);
	return n;
}

START_TEST(test_copies)
{
	struct nfq_packet p[NFQ_BATCH];
	struct nflog *l;
	int n, receiver;

	netns_enter();
	netns_nft(rules);
	receiver = netns_listen("127.0.0.1");
	l = opened();
	ck_assert_int_eq(receive(l, p, NFQ_BATCH), 0);
	netns_send("127.0.0.1", 7, 1000);
	ck_assert_int_eq(netns_take(receiver, 2000), 7);        /* it waits for nobody */
	ck_assert(netns_wait(nflog_poll_fd(l), 2000));
	n = receive(l, p, NFQ_BATCH);
	ck_assert_int_eq(n, 1);
	ck_assert(p->has_id && !p->malformed && !p->has_mac && !p->ether);
	ck_assert_uint_eq(p->id, 0);
	ck_assert_uint_eq(p->hook, NF_INET_LOCAL_OUT);
	ck_assert_uint_eq(p->protocol, 0x800);
	ck_assert_uint_eq(p->oif, 1);
	ck_assert_uint_eq(p->mark, 0x5a000001);
	ck_assert_uint_eq(p->bytes, 1028);
	ck_assert_uint_eq(p->caplen, NFQ_COPY);
	ck_assert_uint_eq(p->payload[0], 0x45);
	ck_assert_uint_eq(p->payload[28], 7);
	nflog_free(l);
}
END_TEST

/* Many in one datagram, taken a few at a time: all of them, in order, once. */
START_TEST(test_gathered)
{
	struct nfq_packet p[7];
	unsigned next = 0;
	struct nflog *l;

	netns_enter();
	netns_nft(rules);
	l = opened();
	for (unsigned i = 0; i < 200; i++)
		netns_send("127.0.0.1", (uint8_t)i, 20);
	while (next < 200) {
		const int n = receive(l, p, 7);

		ck_assert(n || netns_wait(nflog_poll_fd(l), 2000));
		for (int i = 0; i < n; i++, next++) {
			ck_assert_uint_eq(p[i].id, next);
			ck_assert_uint_eq(p[i].payload[28], next);
			ck_assert_uint_eq(p[i].bytes, 48);
			ck_assert(!p[i].malformed);
		}
	}
	ck_assert(!netns_wait(nflog_poll_fd(l), 100));
	ck_assert_int_eq(receive(l, p, 7), 0);
	ck_assert_uint_eq(nflog_counts_of(l)->packets, 200);
	ck_assert_uint_eq(nflog_counts_of(l)->lost, 0);
	ck_assert_uint_eq(nflog_counts_of(l)->malformed, 0);
	ck_assert_uint_eq(nflog_counts_of(l)->overruns, 0);
	nflog_free(l);
}
END_TEST

/* IPv6 says its length in another way. */
START_TEST(test_six)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(NETNS_PORT), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	uint8_t data[700] = { 0 };
	struct nfq_packet p;
	struct nflog *l;
	int fd;

	netns_enter();
	netns_nft(rules);
	l = opened();
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(data));
	ck_assert(netns_wait(nflog_poll_fd(l), 2000));
	ck_assert_int_eq(receive(l, &p, 1), 1);
	ck_assert_uint_eq(p.protocol, 0x86dd);
	ck_assert_uint_eq(p.bytes, 748);
	ck_assert_uint_eq(p.caplen, NFQ_COPY);
	nflog_free(l);
}
END_TEST

START_TEST(test_neighbour)
{
	const struct mac want = { { 2, 0, 0, 0, 0x99, 2 } };
	struct netns_pair pair = netns_pair();
	struct nfq_packet p;
	struct nflog *l;

	netns_nft("table inet t { chain in { type filter hook input priority 0; udp dport 7000 log group 321; }\n}\n");
	l = opened();
	netns_go(pair.theirs);
	netns_send("10.99.0.1", 5, 20);
	netns_go(pair.ours);
	ck_assert(netns_wait(nflog_poll_fd(l), 2000));
	ck_assert_int_eq(receive(l, &p, 1), 1);
	ck_assert(p.has_mac && addr_mac_equal(&p.mac, &want));
	ck_assert(p.ether && !memcmp(p.ether, "\2\0\0\0\x99\1\2\0\0\0\x99\2\10\0", 14));
	ck_assert_uint_eq(p.iif, if_nametoindex("v0"));
	ck_assert_uint_eq(p.oif, 0);
	ck_assert_uint_eq(p.hook, NF_INET_LOCAL_IN);
	ck_assert_uint_eq(p.mark, 0);
	nflog_free(l);
}
END_TEST

/* What did not fit into the socket is lost and known to be. */
START_TEST(test_lost)
{
	struct nfq_packet p[NFQ_BATCH];
	const int little = 1;
	struct nflog *l;
	unsigned got = 0;
	int n;

	netns_enter();
	netns_nft(rules);
	l = opened();
	ck_assert_int_eq(setsockopt(nflog_poll_fd(l), SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)), 0);
	for (unsigned i = 0; i < 500; i++)
		netns_send("127.0.0.1", (uint8_t)i, 20);
	for (unsigned round = 0; round < 20; round++) {
		while ((n = receive(l, p, NFQ_BATCH)) > 0)
			got += (unsigned)n;
		netns_wait(nflog_poll_fd(l), 20);
	}
	ck_assert_int_eq(setsockopt(nflog_poll_fd(l), SOL_SOCKET, SO_RCVBUF, &(int){ 1 << 20 }, sizeof(int)), 0);
	netns_send("127.0.0.1", 1, 20);
	ck_assert(netns_wait(nflog_poll_fd(l), 2000));
	while ((n = receive(l, p, NFQ_BATCH)) > 0)
		got += (unsigned)n;
	ck_assert_uint_lt(got, 501);
	ck_assert_uint_eq(got + nflog_counts_of(l)->lost, 501);
	ck_assert_uint_gt(nflog_counts_of(l)->overruns, 0);
	nflog_free(l);
}
END_TEST

START_TEST(test_held)
{
	const int64_t begun = now_mono_ns();
	struct nflog *l, *second = NULL;
	struct err e = { 0 };

	netns_enter();
	l = opened();
	ck_assert_int_eq(nflog_new(GROUP, 0, false, &second, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "log group 321"));
	ck_assert_ptr_nonnull(strstr(e.msg, "held"));
	ck_assert_int_ge(now_mono_ns() - begun, NOW_NS_PER_S);
	nflog_free(l);
	nflog_free(opened());
}
END_TEST

/* In front of libc's: a datagram of ours instead of the kernel's. */
static uint8_t datagram[1024];
static size_t datagram_len;

ssize_t recvfrom(int fd, void *restrict buf, size_t len, int flags, struct sockaddr *restrict from, socklen_t *restrict from_len)
{
	struct iovec v = { buf, len };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_name = from, .msg_namelen = from_len ? *from_len : 0 };
	const size_t n = datagram_len;

	if (!n)
		return recvmsg(fd, &h, flags);
	memcpy(buf, datagram, n);
	datagram_len = 0;
	return (ssize_t)n;
}

static void put(uint16_t type, const void *p, uint16_t n)
{
	const struct nlattr a = { .nla_len = (uint16_t)(sizeof(a) + n), .nla_type = type };

	memcpy(datagram + datagram_len, &a, sizeof(a));
	memcpy(datagram + datagram_len + sizeof(a), p, n);
	datagram_len += NLA_ALIGN(sizeof(a) + n);
}

/* One more message, with a mistake. */
enum mistake { NONE, NO_HEADER, NO_PAYLOAD, SHORT_NUMBER, LONG_LAST, OTHER_GROUP };
static void add(uint32_t seq, enum mistake how)
{
	const size_t begin = datagram_len;
	struct nlmsghdr h = { .nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET };
	const struct nfgenmsg g = { .res_id = htons(how == OTHER_GROUP ? GROUP + 1 : GROUP) };
	const uint8_t header[] = { 8, 0, 2, 0 }, payload[] = { 0x45, 0, 5, 0 }, four[] = { 0, 0, 0, 4 };
	const uint16_t too_long = 200;

	datagram_len += sizeof(h) + sizeof(g);
	if (how != NO_HEADER)
		put(NFULA_PACKET_HDR, header, sizeof(header));
	seq = htonl(seq);
	put(NFULA_SEQ, &seq, sizeof(seq));
	put(NFULA_IFINDEX_INDEV, four, how == SHORT_NUMBER ? 2 : 4);
	if (how != NO_PAYLOAD)
		put(NFULA_PAYLOAD, payload, sizeof(payload));
	if (how == LONG_LAST) {
		put(NFULA_UID, four, sizeof(four));
		memcpy(datagram + datagram_len - sizeof(four) - sizeof(struct nlattr), &too_long, sizeof(too_long));
	}
	h.nlmsg_len = (uint32_t)(datagram_len - begin);
	memcpy(datagram + begin, &h, sizeof(h));
	memcpy(datagram + begin + sizeof(h), &g, sizeof(g));
}

START_TEST(test_bent)
{
	struct nlmsghdr done = { .nlmsg_len = sizeof(done) + 4, .nlmsg_type = NLMSG_DONE }, none = { .nlmsg_len = 0 };
	struct nfq_packet p[8];
	struct nflog *l;

	netns_enter();
	l = opened();
	add(0, NONE);
	for (enum mistake k = NO_HEADER; k <= OTHER_GROUP; k++)
		add(k, k);
	memcpy(datagram + datagram_len, &done, sizeof(done));
	datagram_len += done.nlmsg_len;
	add(16, NONE);                          /* ten are missing */
	ck_assert_int_eq(receive(l, p, 8), 7);
	for (unsigned i = 0; i < 7; i++)
		ck_assert_msg(p[i].malformed == (i > 0 && i < 6), "%u", i);
	ck_assert_uint_eq(p[6].bytes, 0x500);
	ck_assert_uint_eq(p[6].iif, 4);
	ck_assert_uint_eq(nflog_counts_of(l)->malformed, 5);
	ck_assert_uint_eq(nflog_counts_of(l)->lost, 10);
	/* a message without end, and one that was cut */
	memcpy(datagram, &none, sizeof(none));
	datagram_len = sizeof(none);
	add(17, NONE);
	ck_assert_int_eq(receive(l, p, 8), 0);
	ck_assert_uint_eq(nflog_counts_of(l)->malformed, 6);
	add(17, NONE);
	datagram_len -= 3;
	ck_assert_int_eq(receive(l, p, 8), 1);
	ck_assert(p[0].malformed && p[0].id == 17);
	ck_assert_uint_eq(nflog_counts_of(l)->lost, 10);
	nflog_free(l);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("nflog_live");

	if (netns_skip())
		return NETNS_SKIP;
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_copies);
	tcase_add_test(tc, test_gathered);
	tcase_add_test(tc, test_six);
	tcase_add_test(tc, test_neighbour);
	tcase_add_test(tc, test_lost);
	tcase_add_test(tc, test_held);
	tcase_add_test(tc, test_bent);
	return suite_run(tc);
}
