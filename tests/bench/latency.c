/* SPDX-License-Identifier: GPL-2.0-or-later */
/* latency: how long the first packet of a flow takes from one namespace to another.
 *	latency TX_IF DMAC RX_NETNS RX_IF DST RATE COUNT
 * Every packet is a flow of one of 64 devices (see sender.c).  The sender's clock is in the payload, the receiver's is the
 * kernel's own stamp of the arriving frame, so that the receiver's waking up is no part of it.
 * Prints "sent N got N p50 US p99 US". */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DEVICES = 64, FRAME = 14 + 64, PAYLOAD = 14 + 28, MAGIC = 0x52464c41 };

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void fill(uint8_t *f, const uint8_t *dmac, uint32_t dst, unsigned n)
{
	static const uint8_t head[] = { 8, 0, 0x45, 0, 0, 64, 0, 0, 0, 0, 64, 17, 0, 0, 10, 20 };
	const unsigned device = n % DEVICES, flow = n / DEVICES;
	const uint32_t magic = MAGIC;
	uint32_t sum = 0;
	int64_t when;

	memset(f, 0, FRAME);
	memcpy(f, dmac, 6);
	memcpy(f + 6, "\xac\xcc\x8e\x01", 4);
	put16(f + 10, device);
	memcpy(f + 12, head, sizeof(head));
	f[28] = (uint8_t)(1 + device / 200);
	f[29] = (uint8_t)(1 + device % 200);
	memcpy(f + 30, &dst, 4);
	for (unsigned i = 14; i < 34; i += 2)
		sum += (uint32_t)(f[i] << 8 | f[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(f + 24, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
	put16(f + 34, 1024 + flow / 1000 % 60000);
	put16(f + 36, 50000 + flow % 1000);
	put16(f + 38, 64 - 20);
	memcpy(f + PAYLOAD, &magic, 4);
	when = now_ns(CLOCK_REALTIME);
	memcpy(f + PAYLOAD + 4, &when, 8);
}

/* All that has arrived; returns how many are known now. */
static unsigned drain(int fd, int64_t *took, unsigned n, unsigned max)
{
	uint8_t frame[FRAME], control[128];
	struct iovec iov = { frame, sizeof(frame) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };

	while (n < max) {
		struct cmsghdr *c;
		struct timespec at;
		uint32_t magic;
		int64_t when;

		m.msg_controllen = sizeof(control);
		if (recvmsg(fd, &m, MSG_DONTWAIT) < FRAME)
			return n;
		memcpy(&magic, frame + PAYLOAD, 4);
		memcpy(&when, frame + PAYLOAD + 4, 8);
		c = CMSG_FIRSTHDR(&m);
		if (magic != MAGIC || !c || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&at, CMSG_DATA(c), sizeof(at));
		took[n++] = (int64_t)at.tv_sec * 1000000000 + at.tv_nsec - when;
	}
	return n;
}

static int packet_socket(const char *ifname, int protocol)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons((uint16_t)protocol) };
	const int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1, big = 64 << 20;

	at.sll_ifindex = (int)if_nametoindex(ifname);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -1;
	if (protocol) {
		setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
	} else {
		setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
	}
	return fd;
}

static int by_size(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void send_all(int tx, const uint8_t *dmac, uint32_t dst, double rate, unsigned count)
{
	const int64_t began = now_ns(CLOCK_MONOTONIC);
	uint8_t frame[FRAME];

	for (unsigned i = 0; i < count; i++) {
		const int64_t due = began + (int64_t)((double)i * 1e9 / rate);
		const struct timespec at = { due / 1000000000, due % 1000000000 };

		if (now_ns(CLOCK_MONOTONIC) < due)
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		fill(frame, dmac, dst, i);
		(void)!send(tx, frame, sizeof(frame), 0);
	}
}

int main(int argc, char **argv)
{
	const unsigned count = argc == 8 ? (unsigned)strtoul(argv[7], NULL, 10) : 0;
	int64_t *took = calloc(count + 1, sizeof(*took));
	uint8_t dmac[6], *m = dmac;
	unsigned got = 0;
	char path[64];
	int tx, rx, ns;

	if (!count || !took || sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6)
		return 2;
	tx = packet_socket(argv[1], 0);
	snprintf(path, sizeof(path), "/run/netns/%s", argv[3]);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (tx < 0 || ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		return 2;
	rx = packet_socket(argv[4], ETH_P_ALL);
	if (rx < 0)
		return 2;
	prctl(PR_SET_TIMERSLACK, 1000UL);
	send_all(tx, dmac, inet_addr(argv[5]), strtod(argv[6], NULL), count);
	for (unsigned i = 0; i < 10; i++) {
		got = drain(rx, took, got, count);
		usleep(20000);
	}
	qsort(took, got, sizeof(*took), by_size);
	printf("sent %u got %u p50 %.1f p99 %.1f\n", count, got, got ? (double)took[got / 2] / 1e3 : -1,
	       got ? (double)took[(uint64_t)got * 99 / 100] / 1e3 : -1);
	return 0;
}
