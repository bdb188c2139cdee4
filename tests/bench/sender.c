/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sender: UDP frames from many devices on one interface, as fast as asked, from frames made beforehand.
 *	sender IF DMAC DST DEVICES FLOWS RATE SECONDS SIZE
 * Device i is MAC ac:cc:8e:01:HI:LO with address 10.20.(1 + i / 200).(1 + i % 200); each of its FLOWS has its own source port;
 * destination ports go through 50000..59999.  RATE 0: as fast as it goes.  FLOWS 0: every packet is a flow of its own.
 * Prints "sent N in S seconds". */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32, HEADERS = 14 + 20 + 8, FRAME = 1514 };

struct sender {
	uint8_t dmac[6];
	uint32_t dst;
	unsigned devices, flows, size;
	uint64_t next;                  /* number of the next packet */
};

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint16_t checksum(const uint8_t *p, unsigned n)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < n; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void fill(struct sender *s, uint8_t *f)
{
	uint64_t n = s->next++;
	unsigned device = (unsigned)(n % s->devices);
	uint64_t turn = n / s->devices, flow = s->flows ? turn % s->flows : turn;
	uint8_t *ip = f + 14, *udp = f + 34;

	memcpy(f, s->dmac, 6);
	memcpy(f + 6, "\xac\xcc\x8e\x01", 4);
	put16(f + 10, device);
	put16(f + 12, ETHERTYPE_IP);
	memset(ip, 0, 20);
	ip[0] = 0x45;
	put16(ip + 2, s->size);
	put16(ip + 4, (unsigned)n & 0xffff);
	ip[8] = 64;
	ip[9] = 17;
	ip[12] = 10;
	ip[13] = 20;
	ip[14] = (uint8_t)(1 + device / 200);
	ip[15] = (uint8_t)(1 + device % 200);
	memcpy(ip + 16, &s->dst, 4);
	put16(ip + 10, checksum(ip, 20));
	put16(udp, 1024 + (unsigned)(flow % 60000));
	put16(udp + 2, 50000 + (unsigned)(flow / 60000 % 10000));
	put16(udp + 4, s->size - 20);
	put16(udp + 6, 0);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t run(struct sender *s, int fd, double rate, double seconds)
{
	static uint8_t frames[BATCH][FRAME];
	struct mmsghdr msgs[BATCH] = { 0 };
	struct iovec iov[BATCH];
	double began = now();
	uint64_t sent = 0;

	for (unsigned i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ .iov_base = frames[i], .iov_len = 14 + s->size };
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	while (now() - began < seconds) {
		unsigned done = 0;

		while (rate > 0 && (double)sent > (now() - began) * rate)
			usleep(200);
		for (unsigned i = 0; i < BATCH; i++)
			fill(s, frames[i]);
		while (done < BATCH) {
			int n = sendmmsg(fd, msgs + done, BATCH - done, 0);

			if (n < 0 && errno != ENOBUFS && errno != EAGAIN)
				return sent;
			done += n > 0 ? (unsigned)n : 0;
		}
		sent += BATCH;
	}
	return sent;
}

int main(int argc, char **argv)
{
	struct sender s = { 0 };
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1;
	double began;
	uint64_t sent;

	if (argc != 9 || fd < 0 || sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &s.dmac[0], &s.dmac[1], &s.dmac[2], &s.dmac[3],
					   &s.dmac[4], &s.dmac[5]) != 6) {
		fprintf(stderr, "usage: sender IF DMAC DST DEVICES FLOWS RATE SECONDS SIZE (as root)\n");
		return 2;
	}
	to.sll_ifindex = (int)if_nametoindex(argv[1]);
	s.dst = inet_addr(argv[3]);
	s.devices = (unsigned)strtoul(argv[4], NULL, 10);
	s.flows = (unsigned)strtoul(argv[5], NULL, 10);
	s.size = (unsigned)strtoul(argv[8], NULL, 10);
	if (!s.devices || s.size < 28 || s.size > 1500 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return 2;
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	s.next = (uint64_t)time(NULL) % 997 * 100003;   /* each run has flows of its own */
	if (s.flows)
		s.next = 0;
	began = now();
	sent = run(&s, fd, strtod(argv[6], NULL), strtod(argv[7], NULL));
	printf("sent %llu in %.3f seconds\n", (unsigned long long)sent, now() - began);
	return 0;
}
