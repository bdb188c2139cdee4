/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire: frames on a veth, made and counted by hand, so that a test says which MAC and address sends what.
 * Only inside namespaces of the test's own. */
#ifndef UNIT_KERN_WIRE_H
#define UNIT_KERN_WIRE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>

#include "unit/kern/example.h"
#include "unit/kern/space.h"

/* One end of a link: a packet socket that sends and hears whole frames. */
struct wire { int fd, ifindex; };

struct wire_frame {
	const char *smac, *dmac, *src, *dst;
	uint8_t proto;                  /* 6, 17, 1 (ICMP error that quotes, or echo request), 58 */
	uint16_t sport, dport;
	uint8_t tcp_flags;
	bool options;                   /* IPv4 with a record route */
	size_t payload;
	const uint8_t *quote;           /* ICMP: this IP packet */
	size_t quote_len;
	uint8_t ttl;                    /* of IPv4; 0: 64 */
};

static inline struct wire wire_open(int space, const char *ifname)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int here = space_go(space), bytes = 64 << 20;
	struct wire w = { .fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL)) };

	w.ifindex = at.sll_ifindex = (int)if_nametoindex(ifname);
	if (w.fd < 0 || !at.sll_ifindex || bind(w.fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		abort();
	setsockopt(w.fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	space_back(here);
	return w;
}

static inline uint32_t wire_sum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	if (n & 1)
		sum += (uint32_t)(p[n - 1] << 8);
	return sum;
}

static inline void wire_put_sum(uint8_t *at, uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
}

static inline void wire_put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* The transport part; returns its length. */
static inline size_t wire_transport(const struct wire_frame *f, uint8_t *t, uint32_t pseudo)
{
	size_t n, at = 6;

	memset(t, 0, 64);
	wire_put16(t, f->sport);
	wire_put16(t + 2, f->dport);
	if (f->proto == 6) {
		n = 20 + f->payload;
		t[7] = 1;
		t[12] = 0x50;
		t[13] = f->tcp_flags;
		t[14] = 0xff;
		at = 16;
	} else if (f->proto == 17) {
		n = 8 + f->payload;
		wire_put16(t + 4, (unsigned)n);
	} else {                                /* ICMP: destination unreachable, port; without a quote an echo request */
		n = 8 + f->quote_len;
		memset(t, 0, 8);
		t[0] = !f->quote ? (f->proto == 1 ? 8 : 128) : f->proto == 1 ? 3 : 1;
		t[1] = !f->quote ? 0 : f->proto == 1 ? 3 : 4;
		if (f->quote)
			memcpy(t + 8, f->quote, f->quote_len);
		at = 2;
		pseudo = f->proto == 1 ? 0 : pseudo;
	}
	wire_put_sum(t + at, wire_sum(t, n, pseudo ? pseudo + f->proto + (uint32_t)n : 0));
	return n;
}

/* The whole frame into out (at least 2048 bytes); returns its length.  ret_ip (or NULL): where its IP header begins. */
static inline size_t wire_make(const struct wire_frame *f, uint8_t *out)
{
	struct addr src = example_addr(f->src), dst = example_addr(f->dst);
	struct mac smac = example_mac(f->smac), dmac = example_mac(f->dmac);
	size_t ip = 14, head = src.family == 4 ? (f->options ? 24 : 20) : 40, n;
	uint8_t *h = out + ip;
	uint32_t pseudo;

	memset(out, 0, 2048);
	memcpy(out, dmac.b, 6);
	memcpy(out + 6, smac.b, 6);
	wire_put16(out + 12, src.family == 4 ? ETH_P_IP : ETH_P_IPV6);
	pseudo = wire_sum(src.b, src.family == 4 ? 4 : 16, 0) + wire_sum(dst.b, src.family == 4 ? 4 : 16, 0);
	n = wire_transport(f, h + head, pseudo);
	if (src.family == 6) {
		h[0] = 0x60;
		wire_put16(h + 4, (unsigned)n);
		h[6] = f->proto;
		h[7] = 64;
		memcpy(h + 8, src.b, 16);
		memcpy(h + 24, dst.b, 16);
		return ip + head + n;
	}
	h[0] = (uint8_t)(0x40 | head / 4);
	wire_put16(h + 2, (unsigned)(head + n));
	h[8] = f->ttl ? f->ttl : 64;
	h[9] = f->proto;
	memcpy(h + 12, src.b, 4);
	memcpy(h + 16, dst.b, 4);
	if (f->options) {                       /* no operation, record route with one slot is 7: three no operations and end */
		h[20] = h[21] = h[22] = 1;
	}
	wire_put_sum(h + 10, wire_sum(h, head, 0));
	return ip + head + n;
}

static inline void wire_send(const struct wire *w, const struct wire_frame *f, unsigned times)
{
	uint8_t frame[2048];
	size_t n = wire_make(f, frame);

	while (times--)
		while (send(w->fd, frame, n, 0) < 0)
			if (errno != ENOBUFS && errno != EAGAIN)
				abort();
}

/* How many frames came that match (src, dst, proto, ports; 0 and NULL: any), all others thrown away; outgoing ones are not
 * counted.  last (or NULL): the last of them, 2048 bytes. */
static inline unsigned wire_count(const struct wire *w, const char *src, const char *dst, uint8_t proto, uint16_t dport, uint8_t *last)
{
	struct addr s = src ? example_addr(src) : (struct addr){ 0 }, d = dst ? example_addr(dst) : (struct addr){ 0 };
	struct sockaddr_ll from;
	unsigned n = 0;
	uint8_t b[2048];
	ssize_t got;

	for (;;) {
		socklen_t len = sizeof(from);
		bool six;
		const uint8_t *t;

		memset(b, 0, sizeof(b));
		got = recvfrom(w->fd, b, sizeof(b), 0, (struct sockaddr *)&from, &len);
		if (got < 0)
			return n;
		six = b[12] == 0x86 && b[13] == 0xdd;
		if (from.sll_pkttype == PACKET_OUTGOING || (!six && (b[12] != 8 || b[13])))
			continue;
		t = six ? b + 54 : b + 14 + (b[14] & 15) * 4;
		if ((six ? b[20] : b[23]) != proto || (dport && (t[2] << 8 | t[3]) != dport))
			continue;
		if ((src && (six ? s.family != 6 || memcmp(b + 22, s.b, 16) : s.family != 4 || memcmp(b + 26, s.b, 4))) ||
		    (dst && (six ? d.family != 6 || memcmp(b + 38, d.b, 16) : d.family != 4 || memcmp(b + 30, d.b, 4))))
			continue;
		if (last)
			memcpy(last, b, sizeof(b));
		n++;
	}
}

#endif
