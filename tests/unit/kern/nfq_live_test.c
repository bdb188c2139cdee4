/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A queue of this kernel, in a network namespace of its own.  Datagrams to NETNS_PORT over lo are queued; behind the queue
 * those with exactly the mark PASS reach their receiver, who tells them by their first byte. */
#include "kern/nfq.h"

#include <errno.h>
#include <linux/netlink.h>
#include <signal.h>
#include <time.h>

#include "base/now.h"
#include "unit/kern/netns.h"
#include "unit/suite.h"

enum { QUEUE = 4321, PASS = 0x12345678, STOP = 0x12345679 };

/* Only the exact mark passes. */
static const char rules[] =
	"table inet t {\n"
	"	chain q { }\n"
	"	chain gate { type filter hook output priority 0; udp dport 7000 jump q; }\n"
	"	chain post { type filter hook output priority 10; udp dport 7000 meta mark != 0x12345678 drop; }\n"
	"}\n";

static int receiver;

static void site(void)
{
	netns_enter();
	netns_nft(rules);
	netns_queue_rule("q", QUEUE);
	receiver = netns_listen("127.0.0.1");
}

/* In front of libc's: two packets overtake the ack that is due. */
static bool ack_comes_late;

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	static uint8_t ack[512];
	static ssize_t ack_len;

	if (ack_len && ack_comes_late) {
		ack_comes_late = false;
		memcpy(buf, ack, (size_t)ack_len);
		return ack_len;
	}
	if (ack_comes_late) {
		ack_len = recvfrom(fd, ack, sizeof(ack), flags, NULL, NULL);
		netns_send("127.0.0.1", 1, 20);
		netns_send("127.0.0.1", 2, 20);
	}
	return recvfrom(fd, buf, len, flags, NULL, NULL);
}

static struct nfq *bound(const struct nfq_options *o)
{
	struct nfq *q = NULL;
	struct err e = { 0 };

	ck_assert_msg(nfq_new(QUEUE, o, &q, &e) == 0, "%s", e.msg);
	return q;
}

static void send_all(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		netns_send("127.0.0.1", (uint8_t)i, 20);
}

/* n packets, as they come. */
static void take(struct nfq *q, struct nfq_packet *p, int n)
{
	struct err e = { 0 };

	ck_assert(netns_wait(nfq_poll_fd(q), 2000));
	ck_assert_msg(nfq_receive(q, p, (size_t)n, &e) == n, "%s", e.msg);
	for (int i = 0; i < n; i++)
		ck_assert(p[i].has_id && !p[i].malformed);
}

static void answer(struct nfq *q, const struct nfq_packet *p, const uint32_t *marks, size_t n)
{
	struct err e = { 0 };

	ck_assert_msg(nfq_answer(q, p, marks, n, &e) == 0, "%s", e.msg);
}

static struct nfq_stats stats(void)
{
	struct err e = { 0 };
	struct nfq_stats s;
	const int fd = nfq_stats_open(&e);

	ck_assert_msg(fd >= 0, "%s", e.msg);
	ck_assert_msg(nfq_stats_read(fd, QUEUE, &s, &e) == 0, "%s", e.msg);
	close(fd);
	return s;
}

START_TEST(test_verdicts)
{
	const uint32_t marks[] = { PASS, STOP };
	struct nfq_packet p[2];
	struct nfq *q;

	site();
	q = bound(NULL);
	send_all(2);
	take(q, p, 2);
	ck_assert_uint_eq(p[0].id, 1);
	ck_assert_uint_eq(p[0].hook, NF_INET_LOCAL_OUT);
	ck_assert_uint_eq(p[0].protocol, 0x800);
	ck_assert_uint_eq(p[0].oif, 1);
	ck_assert_uint_eq(p[0].iif, 0);
	ck_assert_uint_eq(p[0].bytes, 48);
	ck_assert_uint_eq(p[0].caplen, 48);
	ck_assert_uint_eq(p[0].payload[0], 0x45);
	ck_assert_uint_eq(p[1].payload[28], 1);
	ck_assert_int_eq(netns_take(receiver, 0), -1);
	answer(q, p, marks, 2);
	ck_assert_int_eq(netns_take(receiver, 2000), 0);
	ck_assert_int_eq(netns_take(receiver, 50), -1);
	ck_assert_uint_eq(stats().waiting, 0);
	ck_assert_uint_eq(nfq_counts_of(q)->packets, 2);
	nfq_free(q);
}
END_TEST

/* Each packet gets its own answer, whatever its neighbours got. */
START_TEST(test_runs)
{
	struct nfq_packet p[NFQ_BATCH];
	uint32_t marks[NFQ_BATCH];
	struct nfq *q;

	site();
	q = bound(NULL);
	send_all(NFQ_BATCH);
	take(q, p, NFQ_BATCH);
	for (unsigned i = 0; i < NFQ_BATCH; i++)
		marks[i] = (i * i / 7) % 3 ? PASS : STOP;
	answer(q, p, marks, NFQ_BATCH);
	for (unsigned i = 0; i < NFQ_BATCH; i++)
		if (marks[i] == PASS)
			ck_assert_int_eq(netns_take(receiver, 2000), (int)i);
	ck_assert_int_eq(netns_take(receiver, 50), -1);
	ck_assert_uint_eq(stats().waiting, 0);
	ck_assert_uint_eq(nfq_counts_of(q)->enoent, 0);
	nfq_free(q);
}
END_TEST

/* A packet that nobody judged must not go along with its neighbour's verdict. */
START_TEST(test_gap)
{
	const uint32_t marks[] = { PASS, PASS, PASS };
	struct nfq_packet p[3];
	struct nfq *q;

	site();
	q = bound(NULL);
	send_all(3);
	take(q, p, 3);
	p[1].has_id = false;
	answer(q, p, marks, 3);
	ck_assert_int_eq(netns_take(receiver, 2000), 0);
	ck_assert_int_eq(netns_take(receiver, 2000), 2);
	ck_assert_int_eq(netns_take(receiver, 50), -1);
	ck_assert_uint_eq(stats().waiting, 0);
	nfq_free(q);
}
END_TEST

START_TEST(test_forgotten_batch)
{
	const uint32_t marks[] = { PASS, PASS };
	struct nfq_packet p[2];
	struct nfq *q;

	site();
	q = bound(NULL);
	send_all(2);
	take(q, p, 2);
	netns_send("127.0.0.1", 9, 20);
	take(q, p, 1);
	answer(q, p, marks, 1);
	ck_assert_int_eq(netns_take(receiver, 2000), 9);
	ck_assert_int_eq(netns_take(receiver, 50), -1);
	ck_assert_uint_eq(stats().waiting, 0);
	nfq_free(q);
}
END_TEST

/* Somebody deletes a base chain: the kernel drops all that waits. */
START_TEST(test_flushed)
{
	const uint32_t marks[] = { PASS, STOP, PASS };
	struct nfq_packet p[4];
	struct err e = { 0 };
	struct nfq *q;

	site();
	netns_nft("table inet other { chain c { type filter hook prerouting priority 0; }\n}\n");
	q = bound(NULL);
	send_all(3);
	take(q, p, 3);
	netns_nft("delete table inet other\n");
	ck_assert_uint_eq(stats().waiting, 0);
	answer(q, p, marks, 3);
	ck_assert_int_eq(nfq_receive(q, p, 4, &e), 0);
	ck_assert_uint_eq(nfq_counts_of(q)->enoent, 3);
	ck_assert_uint_eq(nfq_counts_of(q)->errors, 0);
	ck_assert_int_eq(netns_take(receiver, 50), -1);
	/* life goes on; the sweep of a gap where nothing waits any more is no loss */
	send_all(2);
	take(q, p, 2);
	p[0].has_id = false;
	netns_nft("table inet other { chain c { type filter hook prerouting priority 0; }\n}\ndelete table inet other\n");
	netns_send("127.0.0.1", 7, 20);
	take(q, p + 2, 1);
	answer(q, p + 2, marks, 1);
	ck_assert_int_eq(netns_take(receiver, 2000), 7);
	ck_assert_int_eq(nfq_receive(q, p, 4, &e), 0);
	ck_assert_uint_eq(nfq_counts_of(q)->enoent, 3);
	nfq_free(q);
}
END_TEST

/* A process of its own that holds the queue until it is killed, or for that long. */
static pid_t hold(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };
	int ready[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct nfq *q;
		struct err e;

		if (nfq_new(QUEUE, NULL, &q, &e) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		nanosleep(&t, NULL);
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	return pid;
}

START_TEST(test_held)
{
	const int64_t begun = now_mono_ns();
	struct err e = { 0 };
	struct nfq *q = NULL;
	char port[32];
	pid_t pid;

	netns_enter();
	pid = hold(20000);
	ck_assert_int_eq(nfq_new(QUEUE, NULL, &q, &e), -1);
	ck_assert_ptr_null(q);
	ck_assert_int_eq(e.code, EBUSY);
	snprintf(port, sizeof(port), "port %u", stats().portid);
	ck_assert_msg(strstr(e.msg, "queue 4321") && strstr(e.msg, port), "%s", e.msg);
	ck_assert_int_ge(now_mono_ns() - begun, 2 * NOW_NS_PER_S);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

START_TEST(test_predecessor)
{
	struct nfq *q;
	pid_t pid;

	netns_enter();
	pid = hold(300);
	q = bound(NULL);
	nfq_free(q);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	pid = hold(20000);
	kill(pid, SIGKILL);
	q = bound(NULL);
	nfq_free(q);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

/* Without the right to, it is said at once. */
START_TEST(test_not_allowed)
{
	const int64_t begun = now_mono_ns();
	struct err e = { 0 };
	struct nfq *q = NULL;

	netns_enter();
	ck_assert_int_eq(setuid(65534), 0);
	ck_assert_int_eq(nfq_new(QUEUE, NULL, &q, &e), -1);
	ck_assert_int_eq(e.code, EPERM);
	ck_assert_ptr_null(strstr(e.msg, "held"));
	ck_assert_int_lt(now_mono_ns() - begun, NOW_NS_PER_S);
}
END_TEST

/* Packets between the bind and its ack are given like others. */
START_TEST(test_early)
{
	const uint32_t mark = PASS;
	struct nfq_packet p;
	struct nfq *q;

	site();
	ack_comes_late = true;
	q = bound(NULL);
	ck_assert(!ack_comes_late);
	for (uint32_t id = 1; id <= 2; id++) {
		take(q, &p, 1);
		ck_assert_uint_eq(p.id, id);
		answer(q, &p, &mark, 1);
		ck_assert_int_eq(netns_take(receiver, 2000), (int)id);
	}
	ck_assert_uint_eq(stats().waiting, 0);
	nfq_free(q);
}
END_TEST

START_TEST(test_full)
{
	const struct nfq_options o = { .maxlen = 16 };
	struct nfq_packet p[NFQ_BATCH];
	struct nfq_stats s;
	struct nfq *q;

	site();
	q = bound(&o);
	for (unsigned i = 0; i < 50; i++) {
		const struct sockaddr_in a = netns_at("127.0.0.1", NETNS_PORT);
		const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		sendto(fd, "x", 1, 0, (const struct sockaddr *)&a, sizeof(a));
		close(fd);
	}
	s = stats();
	ck_assert_uint_eq(s.waiting, 16);
	ck_assert_uint_eq(s.dropped_full, 34);
	ck_assert_uint_eq(s.dropped_socket, 0);
	take(q, p, 16);
	nfq_free(q);
	ck_assert(!stats().found);
}
END_TEST

/* The default depth fits into the socket's memory: nothing is lost there before the queue is full. */
START_TEST(test_deep)
{
	const struct sockaddr_in a = netns_at("127.0.0.1", NETNS_PORT);
	struct nfq_stats s;
	struct nfq *q;
	int fd[100];

	site();
	q = bound(NULL);
	for (unsigned i = 0; i < 100; i++)      /* what waits is charged to its sender's socket, too */
		fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (unsigned i = 0; i < NFQ_MAXLEN + 10; i++)
		sendto(fd[i % 100], rules, 200, 0, (const struct sockaddr *)&a, sizeof(a));
	s = stats();
	ck_assert_uint_eq(s.waiting, NFQ_MAXLEN);
	ck_assert_uint_eq(s.dropped_full, 10);
	ck_assert_uint_eq(s.dropped_socket, 0);
	nfq_free(q);
}
END_TEST

/* From a neighbour: its MAC, the interface, and a length beyond the copy. */
START_TEST(test_neighbour)
{
	const struct mac want = { { 2, 0, 0, 0, 0x99, 2 } };
	const uint32_t mark = 0;
	struct netns_pair pair = netns_pair();
	struct nfq_packet p;
	struct nfq *q;

	netns_nft("table inet t {\n	chain q { }\n"
		  "	chain in { type filter hook input priority 0; udp dport 7000 meta mark set 0xa5000000 jump q; }\n}\n");
	netns_queue_rule("q", QUEUE);
	receiver = netns_listen("10.99.0.1");
	q = bound(NULL);
	netns_go(pair.theirs);
	netns_send("10.99.0.1", 5, 1200);
	netns_go(pair.ours);
	take(q, &p, 1);
	ck_assert(p.has_mac && addr_mac_equal(&p.mac, &want));
	ck_assert_uint_eq(p.iif, if_nametoindex("v0"));
	ck_assert_uint_eq(p.oif, 0);
	ck_assert_uint_eq(p.hook, NF_INET_LOCAL_IN);
	ck_assert_uint_eq(p.mark, 0xa5000000);
	ck_assert_uint_eq(p.bytes, 1228);
	ck_assert_uint_eq(p.caplen, NFQ_COPY);
	answer(q, &p, &mark, 1);
	ck_assert_int_eq(netns_take(receiver, 2000), 5);
	nfq_free(q);
}
END_TEST

/* What another process sends to the queue's port never gets there: it could answer for packets that it never saw. */
START_TEST(test_kernel_alone)
{
	struct sockaddr_nl to = { 0 };
	socklen_t len = sizeof(to);
	struct nlmsghdr h = { .nlmsg_len = sizeof(h), .nlmsg_type = NLMSG_NOOP };
	const uint32_t pass = PASS;
	struct nfq_packet p[2];
	struct nfq *q;
	int other;

	site();
	q = bound(NULL);
	other = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	ck_assert_int_eq(getsockname(nfq_poll_fd(q), (struct sockaddr *)&to, &len), 0);
	ck_assert_uint_ne(to.nl_pid, 0);
	ck_assert_int_eq(sendto(other, &h, sizeof(h), 0, (struct sockaddr *)&to, sizeof(to)), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	send_all(1);
	take(q, p, 1);
	answer(q, p, &pass, 1);
	close(other);
	nfq_free(q);
}
END_TEST

/* Waiting comes back with what is there, and after a while without. */
START_TEST(test_await)
{
	const int64_t begin = now_mono_ns();
	const uint32_t pass[3] = { PASS, PASS, PASS };
	struct nfq_packet p[NFQ_BATCH];
	struct err e = { 0 };
	struct nfq *q;

	site();
	q = bound(NULL);
	ck_assert_int_eq(nfq_await(q, p, NFQ_BATCH, &e), 0);
	ck_assert_int_ge(now_mono_ns() - begin, NFQ_WAIT_MS * NOW_NS_PER_MS / 2);
	send_all(3);
	ck_assert_int_eq(nfq_await(q, p, NFQ_BATCH, &e), 3);
	answer(q, p, pass, 3);
	nfq_free(q);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("nfq_live");

	if (netns_skip())
		return NETNS_SKIP;
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_verdicts);
	tcase_add_test(tc, test_runs);
	tcase_add_test(tc, test_gap);
	tcase_add_test(tc, test_forgotten_batch);
	tcase_add_test(tc, test_flushed);
	tcase_add_test(tc, test_held);
	tcase_add_test(tc, test_predecessor);
	tcase_add_test(tc, test_not_allowed);
	tcase_add_test(tc, test_early);
	tcase_add_test(tc, test_full);
	tcase_add_test(tc, test_deep);
	tcase_add_test(tc, test_neighbour);
	tcase_add_test(tc, test_kernel_alone);
	tcase_add_test(tc, test_await);
	return suite_run(tc);
}
