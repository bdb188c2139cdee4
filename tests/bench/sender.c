/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sender: UDP frames from many devices on one interface, as fast as asked.
 *	sender -i IF -m DMAC -d DST [-n DEVICES] [-o FIRST] [-f FLOWS] [-p PORT] [-P PORTS] [-r RATE] [-c COUNT] [-s SIZE]
 * Device i, of DEVICES from FIRST on, is MAC ac:cc:8e:01:HI:LO with 10.20.(1 + i / 200).(1 + i % 200), or fd00:20::i+1 when DST
 * is an IPv6 address.  Each has FLOWS flows (0: every packet is one of its own), told apart by destination port (PORT and the
 * PORTS - 1 behind it) and then by source port.  RATE 0: as fast as it goes.  SIZE is of the IP packet.
 * Prints "sent N cpu NS": NS is the processor time of sending, and of all that the kernel did with the packets in this thread's
 * name and in ksoftirqd's of the same processor, whose schedstat is open as descriptor 9. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32, FRAME = 1600, KSOFTIRQD = 9 };

struct sender {
	uint8_t dmac[6], dst[16];
	bool v6;
	unsigned devices, first, size, port, ports;
	uint64_t flows, next;           /* next: number of the next packet */
};

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t sum(const uint8_t *p, unsigned n, uint32_t from)
{
	for (unsigned i = 0; i < n; i += 2)
		from += (uint32_t)(p[i] << 8 | p[i + 1]);
	return from;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint8_t *fill4(const struct sender *s, uint8_t *ip, unsigned device, unsigned id)
{
	memset(ip, 0, 20);
	ip[0] = 0x45;
	put16(ip + 2, s->size);
	put16(ip + 4, id & 0xffff);
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	ip[12] = 10;
	ip[13] = 20;
	ip[14] = (uint8_t)(1 + device / 200);
	ip[15] = (uint8_t)(1 + device % 200);
	memcpy(ip + 16, s->dst, 4);
	put16(ip + 10, fold(sum(ip, 20, 0)));
	return ip + 20;
}

static uint8_t *fill6(const struct sender *s, uint8_t *ip, unsigned device)
{
	memset(ip, 0, 40);
	ip[0] = 0x60;
	put16(ip + 4, s->size - 40);
	ip[6] = IPPROTO_UDP;
	ip[7] = 64;
	ip[8] = 0xfd;
	ip[11] = 0x20;
	put16(ip + 22, device + 1);
	memcpy(ip + 24, s->dst, 16);
	return ip + 40;
}

/* The payload is the same everywhere, so it was put there once. */
static void fill(struct sender *s, uint8_t *f)
{
	const uint64_t n = s->next++, turn = n / s->devices, flow = s->flows ? turn % s->flows : turn;
	const unsigned device = s->first + (unsigned)(n % s->devices), udp_len = s->size - (s->v6 ? 40 : 20);
	uint8_t *udp;

	memcpy(f, s->dmac, 6);
	memcpy(f + 6, "\xac\xcc\x8e\x01", 4);
	put16(f + 10, device);
	put16(f + 12, s->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
	udp = s->v6 ? fill6(s, f + 14, device) : fill4(s, f + 14, device, (unsigned)n);
	put16(udp, 1024 + (unsigned)(flow / s->ports % 60000));
	put16(udp + 2, s->port + (unsigned)(flow % s->ports));
	put16(udp + 4, udp_len);
	put16(udp + 6, 0);
	if (s->v6)
		put16(udp + 6, fold(sum(udp - 32, 32, sum(udp, 8, IPPROTO_UDP + udp_len))));
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One sleep: naps would cost more than packets where time is dear. */
static void wait_until(double when)
{
	const double left = when - now();

	if (left > 0)
		usleep((useconds_t)(left * 1e6));
}

static int64_t cpu_ns(void)
{
	char text[128] = "";
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	if (pread(KSOFTIRQD, text, sizeof(text) - 1, 0) < 0)
		text[0] = '\0';
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec + strtoll(text, NULL, 10);
}

static uint64_t run(struct sender *s, int fd, double rate, uint64_t count)
{
	static uint8_t frames[BATCH][FRAME];
	struct mmsghdr msgs[BATCH] = { 0 };
	struct iovec iov[BATCH];
	const double began = now();
	uint64_t sent = 0;

	for (unsigned i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ .iov_base = frames[i], .iov_len = 14 + s->size };
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	while (sent < count) {
		unsigned done = 0;

		if (rate > 0)
			wait_until(began + (double)sent / rate);
		for (unsigned i = 0; i < BATCH; i++)
			fill(s, frames[i]);
		while (done < BATCH) {
			const int n = sendmmsg(fd, msgs + done, BATCH - done, 0);

			if (n < 0 && errno != ENOBUFS && errno != EAGAIN)
				return sent;
			done += n > 0 ? (unsigned)n : 0;
		}
		sent += BATCH;
	}
	return sent;
}

static bool read_options(struct sender *s, int argc, char **argv, struct sockaddr_ll *to, double *rate, uint64_t *count)
{
	int c;

	while ((c = getopt(argc, argv, "i:m:d:n:o:f:p:P:r:c:s:")) >= 0) {
		uint8_t *m = s->dmac;

		switch (c) {
		case 'i': to->sll_ifindex = (int)if_nametoindex(optarg); break;
		case 'm':
			if (sscanf(optarg, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6)
				return false;
			break;
		case 'd':
			s->v6 = strchr(optarg, ':');
			if (inet_pton(s->v6 ? AF_INET6 : AF_INET, optarg, s->dst) != 1)
				return false;
			break;
		case 'n': s->devices = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'o': s->first = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'f': s->flows = strtoull(optarg, NULL, 10); break;
		case 'p': s->port = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'P': s->ports = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'r': *rate = strtod(optarg, NULL); break;
		case 'c': *count = strtoull(optarg, NULL, 10); break;
		case 's': s->size = (unsigned)strtoul(optarg, NULL, 10); break;
		default: return false;
		}
	}
	return optind == argc && to->sll_ifindex && s->devices && s->ports && s->size >= 64 && s->size <= 1500;
}

int main(int argc, char **argv)
{
	struct sender s = { .devices = 64, .port = 50000, .ports = 1000, .size = 64 };
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	const int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1;
	uint64_t count = 100000, sent;
	double rate = 0;
	int64_t before;

	if (fd < 0 || !read_options(&s, argc, argv, &to, &rate, &count) || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		fprintf(stderr, "usage (as root): sender -i IF -m DMAC -d DST [-n DEVICES] [-o FIRST] [-f FLOWS] [-p PORT] [-P PORTS] "
			"[-r RATE] [-c COUNT] [-s SIZE]\n");
		return 2;
	}
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	before = cpu_ns();
	sent = run(&s, fd, rate, count);
	printf("sent %llu cpu %lld\n", (unsigned long long)sent, (long long)(cpu_ns() - before));
	return 0;
}
