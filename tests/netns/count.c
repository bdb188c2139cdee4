/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts the packets that arrive, by the token they carry: on an interface by a packet socket (before
 * every hook of the receiver), or with --raw what reaches the local host (raw sockets: behind its input
 * hook).  Prints "ready"; then for each line on stdin one token's count, or, for an empty line, at the
 * end and when told to stop, a table:
 * "TOKEN COUNT" lines ("TOKEN.e COUNT": ICMP errors that quote the token), "overruns N" (what this
 * receiver itself lost) and "end". */
#include "netns/netprobe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netns/frame.h"
#include "netns/sock.h"

#define BATCH 256
#define SNAP 2048
#define TOKENS 65536		/* slots; a power of two */

#define KEY 18			/* token, ".e" */

struct tally {
	char token[KEY + 1];
	unsigned count;
};

struct count {
	const char *ifname;
	unsigned seconds;
	bool raw;
	struct pollfd fds[2 + 16];	/* stop, stdin, sockets */
	unsigned n_fds;
	int icmp6_fd;			/* the raw socket of ICMPv6 */
	unsigned used, asked_len;
	char asked[KEY + 1];		/* a line of stdin, so far */
	unsigned long long overruns;
	struct tally slots[TOKENS];
	unsigned order[TOKENS / 2];	/* slots in order of appearance */
};

static const struct opt options[] = {
	{ "i", OPT_STR, offsetof(struct count, ifname) },
	{ "seconds", OPT_UINT, offsetof(struct count, seconds) },
	{ "raw", OPT_FLAG, offsetof(struct count, raw) },
	{ NULL, OPT_FLAG, 0 },
};

static void add_fd(struct count *c, int fd)
{
	c->fds[c->n_fds++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

static int open_packet(struct count *c)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	at.sll_ifindex = (int)if_nametoindex(c->ifname ? c->ifname : "");
	if (fd < 0 || !at.sll_ifindex || sock_buffer(fd, true) || bind(fd, (void *)&at, sizeof(at))) {
		fprintf(stderr, "netprobe: interface '%s': %s\n", c->ifname ? c->ifname : "", strerror(errno));
		return -1;
	}
	add_fd(c, fd);
	return 0;
}

static int open_raw(struct count *c)
{
	static const struct { int family, proto; } all[] = {
		{ AF_INET, IPPROTO_UDP }, { AF_INET, IPPROTO_TCP }, { AF_INET, IPPROTO_ICMP }, { AF_INET, IPPROTO_SCTP },
		{ AF_INET, IPPROTO_GRE }, { AF_INET, IPPROTO_IPIP }, { AF_INET, IPPROTO_IPV6 }, { AF_INET, IPPROTO_ESP },
		{ AF_INET6, IPPROTO_UDP }, { AF_INET6, IPPROTO_TCP }, { AF_INET6, IPPROTO_ICMPV6 },
		{ AF_INET6, IPPROTO_SCTP }, { AF_INET6, IPPROTO_GRE }, { AF_INET6, IPPROTO_ESP },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		int fd = socket(all[i].family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, all[i].proto);

		if (fd < 0 || sock_buffer(fd, true)) {
			perror("netprobe: raw socket");
			return -1;
		}
		if (all[i].proto == IPPROTO_ICMPV6)
			c->icmp6_fd = fd;
		add_fd(c, fd);
	}
	return 0;
}

/* The token's slot, or the empty one where it belongs. */
static unsigned slot(const struct count *c, const char *token)
{
	unsigned h = 2166136261u;

	for (int i = 0; token[i]; i++)
		h = (h ^ (uint8_t)token[i]) * 16777619u;
	while (c->slots[h % TOKENS].count && strcmp(c->slots[h % TOKENS].token, token))
		h++;
	return h % TOKENS;
}

static void tally(struct count *c, const char *token)
{
	unsigned at = slot(c, token);
	struct tally *t = &c->slots[at];

	if (!t->count++) {
		if (c->used == TOKENS / 2) {	/* say it rather than miscount */
			t->count = 0;
			c->overruns++;
			return;
		}
		memcpy(t->token, token, KEY);
		c->order[c->used++] = at;
	}
}

/* Does this packet report an error about another?  Raw sockets of IPv6 show no IP header. */
static bool is_error(const uint8_t *ip, size_t len, bool raw6)
{
	size_t head = len > 40 && ip[0] >> 4 == 4 ? (size_t)(ip[0] & 15) * 4 : 40;

	if (raw6)
		return len > 8 && ip[0] < 128;
	if (len <= head)
		return false;
	if (head != 40)
		return ip[9] == IPPROTO_ICMP && (ip[head] == 3 || ip[head] == 11 || ip[head] == 12);
	return ip[0] >> 4 == 6 && ip[6] == IPPROTO_ICMPV6 && ip[head] < 128;
}

static void look(struct count *c, int fd, const char *frame, size_t len)
{
	const char *at = memmem(frame, len, FRAME_MAGIC, sizeof(FRAME_MAGIC) - 1);
	size_t link = c->raw ? 0 : ETHER_HDR_LEN;
	char key[KEY + 1] = "";

	if (!at || (size_t)(frame + len - at) < FRAME_MARK)
		return;
	at += sizeof(FRAME_MAGIC) - 1;
	for (int i = 0; i < 16; i++)
		if (!strchr("0123456789abcdef", at[i]) || !at[i])
			return;
	memcpy(key, at, 16);
	if (len > link && is_error((const uint8_t *)frame + link, len - link, fd == c->icmp6_fd))
		memcpy(key + 16, ".e", 2);
	tally(c, key);
}

static void drain(struct count *c, int fd)
{
	static char room[BATCH][SNAP];
	static struct sockaddr_ll from[BATCH];
	static struct iovec iov[BATCH];
	static struct mmsghdr msgs[BATCH];
	int got;

	do {
		for (int i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){ room[i], SNAP };
			msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
			if (!c->raw) {
				msgs[i].msg_hdr.msg_name = &from[i];
				msgs[i].msg_hdr.msg_namelen = sizeof(from[i]);
			}
		}
		got = recvmmsg(fd, msgs, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < got; i++)
			if (c->raw || from[i].sll_pkttype != PACKET_OUTGOING)
				look(c, fd, room[i], msgs[i].msg_len);
	} while (got == BATCH);
}

static void print(struct count *c)
{
	if (!c->raw) {
		struct tpacket_stats st = {};
		socklen_t len = sizeof(st);

		if (!getsockopt(c->fds[2].fd, SOL_PACKET, PACKET_STATISTICS, &st, &len))
			c->overruns += st.tp_drops;
	}
	for (unsigned i = 0; i < c->used; i++)
		printf("%s %u\n", c->slots[c->order[i]].token, c->slots[c->order[i]].count);
	printf("overruns %llu\nend\n", c->overruns);
	fflush(stdout);
}

/* Lines may come in pieces: what is unfinished stays in asked. */
static void answer(struct count *c, const char *data, ssize_t n)
{
	for (ssize_t i = 0; i < n; i++) {
		if (data[i] != '\n') {
			if (c->asked_len < KEY)
				c->asked[c->asked_len++] = data[i];
			continue;
		}
		c->asked[c->asked_len] = 0;
		if (c->asked_len)
			printf("%s %u\nend\n", c->asked, c->slots[slot(c, c->asked)].count);
		else
			print(c);
		c->asked_len = 0;
	}
}

/* One pass over what is ready; false when it is time to stop. */
static bool turn(struct count *c)
{
	char line[256];
	ssize_t n;

	for (unsigned i = 2; i < c->n_fds; i++)
		if (c->fds[i].revents)
			drain(c, c->fds[i].fd);
	if (c->fds[0].revents)
		return false;
	if (!c->fds[1].revents)
		return true;
	n = read(STDIN_FILENO, line, sizeof(line));
	if (n <= 0)
		return false;
	for (unsigned i = 2; i < c->n_fds; i++)	/* what came before the question counts */
		drain(c, c->fds[i].fd);
	answer(c, line, n);
	return true;
}

int count_main(int argc, char **argv)
{
	static struct count c = { .icmp6_fd = -1 };
	uint64_t end = UINT64_MAX;

	if (opt_parse(argc, argv, options, &c) != 0)
		return NETPROBE_USAGE;
	add_fd(&c, sock_stop_fd());
	add_fd(&c, c.seconds ? -1 : STDIN_FILENO);
	if (c.raw ? open_raw(&c) : open_packet(&c))
		return NETPROBE_USAGE;
	if (c.seconds)
		end = sock_now_ns() + c.seconds * 1000000000ull;
	puts("ready");
	do {
		poll(c.fds, c.n_fds, c.seconds ? 20 : -1);
	} while (turn(&c) && sock_now_ns() < end);
	print(&c);
	return 0;
}
