/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netns: network namespaces of a test's own, for its process alone.  The pair is
 *
 *	ours                              theirs
 *	v0 02:00:00:00:99:01  10.99.0.1/24, fd99::1/64  ──  v1 02:00:00:00:99:02  10.99.0.2/24, fd99::2/64
 */
#ifndef TESTS_NETNS_H
#define TESTS_NETNS_H

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include "kern/nl.h"

#define NETNS __attribute__((unused)) static
enum { NETNS_PORT = 7000, NETNS_SKIP = 77 };

struct netns_pair { int ours, theirs; };

extern char **environ;

NETNS void netns_run(char *const argv[])
{
	pid_t pid;
	int status;

	ck_assert_msg(posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) == 0, "%s does not run", argv[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "%s %s … failed", argv[0], argv[1]);
}

/* One command of ip, by words. */
NETNS __attribute__((format(printf, 1, 2))) void netns_ip(const char *fmt, ...)
{
	char words[256], *argv[32] = { 0 }, ip[] = "ip", *save = NULL;
	size_t n = 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	argv[n++] = ip;
	for (char *w = strtok_r(words, " ", &save); w && n < 31; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	netns_run(argv);
}

NETNS void netns_nft(const char *text)
{
	char path[] = "/tmp/netns-XXXXXX", nft[] = "nft", flag[] = "-f", *argv[] = { nft, flag, path, NULL };
	const int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	netns_run(argv);
	unlink(path);
}

NETNS void netns_enter(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	netns_ip("link set lo up");
}

NETNS void netns_go(int fd)
{
	ck_assert_int_eq(setns(fd, CLONE_NEWNET), 0);
}

/* To the end of inet t's chain: xt NFQUEUE, for kernels without nft's own queue. */
NETNS void netns_queue_rule(const char *chain, uint16_t queue)
{
	struct nftnl_expr *x = nftnl_expr_alloc("target");
	struct nftnl_rule *r = nftnl_rule_alloc();
	uint16_t *info = calloc(4, sizeof(*info));
	struct nl_batch *b;
	struct err e = { 0 };
	struct nl *n = NULL;

	ck_assert(r && x && info);
	ck_assert_msg(nl_open(NL_NETFILTER, NULL, &n, &e) == 0, "%s", e.msg);
	info[0] = queue;
	info[1] = 1;
	nftnl_expr_set_str(x, NFTNL_EXPR_TG_NAME, "NFQUEUE");
	nftnl_expr_set_u32(x, NFTNL_EXPR_TG_REV, 3);
	nftnl_expr_set(x, NFTNL_EXPR_TG_INFO, info, 4 * sizeof(*info));
	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, "t");
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain);
	nftnl_rule_add_expr(r, x);
	b = nl_batch_new(n, 0);
	nftnl_rule_nlmsg_build_payload(nl_batch_add(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFPROTO_INET, LOC_NONE,
						    "rule", chain), r);
	ck_assert_msg(nl_batch_commit(b, &e) == 0, "%s", e.msg);
	nl_batch_free(b);
	nftnl_rule_free(r);
	nl_free(n);
}

NETNS struct sockaddr_in netns_at(const char *address, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	ck_assert_int_eq(inet_pton(AF_INET, address, &a.sin_addr), 1);
	return a;
}

/* A UDP socket that listens. */
NETNS int netns_listen(const char *address)
{
	const struct sockaddr_in a = netns_at(address, NETNS_PORT);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* One datagram that begins with that byte. */
NETNS void netns_send(const char *address, uint8_t first, size_t len)
{
	const struct sockaddr_in a = netns_at(address, NETNS_PORT);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint8_t data[2048] = { first };

	ck_assert_int_eq(sendto(fd, data, len, 0, (const struct sockaddr *)&a, sizeof(a)), (ssize_t)len);
	close(fd);
}

NETNS bool netns_wait(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

/* The first byte of the next datagram, -1: none comes. */
NETNS int netns_take(int fd, int ms)
{
	uint8_t data[2048];

	return netns_wait(fd, ms) && recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0 ? data[0] : -1;
}

NETNS bool netns_is_running(const char *name)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	ck_assert_int_eq(ioctl(fd, SIOCGIFFLAGS, &r), 0);
	close(fd);
	return r.ifr_flags & IFF_RUNNING;
}

/* A wire carries only a while after both ends are up: wait until a datagram has gone through. */
NETNS void netns_meet(const struct netns_pair *p)
{
	int fd, tries = 0;

	netns_go(p->theirs);
	while (!netns_is_running("v1") && tries++ < 5000)
		usleep(1000);
	fd = netns_listen("10.99.0.2");
	netns_go(p->ours);
	while (!netns_is_running("v0") && tries++ < 5000)
		usleep(1000);
	do
		netns_send("10.99.0.2", 1, 1);
	while (!netns_wait(fd, 100) && tries++ < 5000);
	ck_assert_int_eq(netns_take(fd, 0), 1);
	close(fd);
}

NETNS struct netns_pair netns_pair(void)
{
	struct netns_pair p;

	netns_enter();
	p.theirs = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	netns_enter();
	p.ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	netns_ip("link add v0 address 02:00:00:00:99:01 type veth peer name v1 address 02:00:00:00:99:02");
	netns_ip("link set v1 netns /proc/%d/fd/%d", (int)getpid(), p.theirs);
	netns_ip("address add 10.99.0.1/24 dev v0");
	netns_ip("address add fd99::1/64 dev v0 nodad");
	netns_ip("link set v0 up");
	netns_go(p.theirs);
	netns_ip("address add 10.99.0.2/24 dev v1");
	netns_ip("address add fd99::2/64 dev v1 nodad");
	netns_ip("link set v1 up");
	netns_meet(&p);
	return p;
}

/* 0, or the exit status of a test that cannot run here. */
NETNS int netns_skip(void)
{
	pid_t pid;
	int status = 0;

	if (geteuid() != 0) {
		puts("needs root");
		return NETNS_SKIP;
	}
	pid = fork();
	if (pid == 0)
		_exit(unshare(CLONE_NEWNET) ? 1 : 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
		puts("no network namespaces here");
		return NETNS_SKIP;
	}
	return 0;
}

#endif
