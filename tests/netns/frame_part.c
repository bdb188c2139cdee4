/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands above IP: one builder per kind, one row per protocol word. */
#include "netns/frame_part.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

uint8_t *frame_push(struct frame *f, size_t bytes)
{
	f->at -= bytes;
	f->len += bytes;
	memset(f->at, 0, bytes);
	return f->at;
}

void frame_put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

void frame_put32(uint8_t *at, uint32_t v)
{
	frame_put16(at, v >> 16);
	frame_put16(at + 2, v & 0xffff);
}

uint32_t frame_sum(uint32_t s, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		s += (uint32_t)p[i] << 8 | p[i + 1];
	return n & 1 ? s + ((uint32_t)p[n - 1] << 8) : s;
}

unsigned frame_fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return ~s & 0xffff;
}

static size_t addr_bytes(const struct opt_addr *a)
{
	return a->family == AF_INET6 ? 16 : 4;
}

static unsigned sum_pseudo(const struct frame_part *p, unsigned proto)
{
	size_t n = addr_bytes(&p->src);
	uint32_t s = proto + (uint32_t)p->f->len;

	return frame_fold(frame_sum(frame_sum(frame_sum(s, p->src.b, n), p->dst.b, n), p->f->at, p->f->len));
}

static void build_udp(struct frame_part *p, unsigned arg)
{
	uint8_t *at;
	unsigned s;

	(void)arg;
	at = frame_push(p->f, 8);
	frame_put16(at, p->sport);
	frame_put16(at + 2, p->dport);
	frame_put16(at + 4, (unsigned)p->f->len);
	s = sum_pseudo(p, IPPROTO_UDP);
	frame_put16(at + 6, s ? s : 0xffff);
}

static void build_tcp(struct frame_part *p, unsigned flags)
{
	uint8_t *at = frame_push(p->f, 20);

	frame_put16(at, p->sport);
	frame_put16(at + 2, p->dport);
	frame_put32(at + 4, p->spec->tcp_seq ? p->spec->tcp_seq : 0x10000000);
	frame_put32(at + 8, p->spec->tcp_ack);
	at[12] = 5 << 4;
	at[13] = (uint8_t)flags;
	frame_put16(at + 14, 0xffff);
	frame_put16(at + 16, sum_pseudo(p, IPPROTO_TCP));
}

static void icmp_finish(struct frame_part *p, uint8_t *at)
{
	if (p->src.family == AF_INET6)
		frame_put16(at + 2, sum_pseudo(p, IPPROTO_ICMPV6));
	else
		frame_put16(at + 2, frame_fold(frame_sum(0, p->f->at, p->f->len)));
}

static void build_echo(struct frame_part *p, unsigned reply)
{
	uint8_t *at = frame_push(p->f, 8);

	if (p->src.family == AF_INET6)
		at[0] = (uint8_t)(128 + reply);
	else
		at[0] = reply ? 0 : 8;
	frame_put16(at + 4, p->sport);
	frame_put16(at + 6, p->dport);
	icmp_finish(p, at);
}

/* The packet that an error quotes, or that a tunnel carries: of the same or the other family. */
static unsigned push_inner(struct frame_part *p)
{
	struct frame_part in = *p;
	const struct frame_word *w = frame_word_find(p->spec->inner_proto ? p->spec->inner_proto : "udp");

	if (p->spec->inner_src.family) {
		in.src = p->spec->inner_src;
		in.dst = p->spec->inner_dst;
	}
	if (p->spec->inner_sport)
		in.sport = p->spec->inner_sport;
	if (p->spec->inner_dport)
		in.dport = p->spec->inner_dport;
	w->build(&in, w->arg);
	frame_push_ip(&in, (unsigned)(in.src.family == AF_INET6 ? w->ip_proto6 : w->ip_proto4), 0);
	return in.src.family == AF_INET6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP;
}

static void build_icmp_error(struct frame_part *p, unsigned arg)
{
	uint8_t *at;
	bool v6 = p->src.family == AF_INET6;

	(void)arg;
	push_inner(p);
	at = frame_push(p->f, 8);
	at[0] = (uint8_t)(p->spec->icmp_type ? p->spec->icmp_type : v6 ? 1 : 3);
	at[1] = (uint8_t)(p->spec->icmp_type ? p->spec->icmp_code : v6 ? 4 : 3);
	frame_put32(at + 4, p->spec->mtu);
	icmp_finish(p, at);
}

/* Redirects, advertisements and whatever else is one type byte to the tests. */
static void build_icmp(struct frame_part *p, unsigned arg)
{
	uint8_t *at = frame_push(p->f, 8);

	(void)arg;
	at[0] = (uint8_t)p->spec->icmp_type;
	at[1] = (uint8_t)p->spec->icmp_code;
	icmp_finish(p, at);
}

static uint32_t crc32c(const uint8_t *p, size_t n)
{
	uint32_t c = UINT32_MAX;

	while (n--) {
		c ^= *p++;
		for (int i = 0; i < 8; i++)
			c = c >> 1 ^ (c & 1 ? 0x82f63b78 : 0);
	}
	return ~c;
}

/* An INIT chunk, the token behind it as a parameter that receivers must skip. */
static void build_sctp(struct frame_part *p, unsigned arg)
{
	size_t body = p->f->len;
	uint8_t *at;
	uint32_t crc;

	(void)arg;
	at = frame_push(p->f, 12 + 20 + 4);
	frame_put16(at, p->sport);
	frame_put16(at + 2, p->dport);
	at[12] = 1;
	frame_put16(at + 14, (unsigned)(20 + 4 + body));
	frame_put32(at + 16, 0x12345678);
	frame_put32(at + 20, 65535);
	frame_put16(at + 24, 1);
	frame_put16(at + 26, 1);
	frame_put16(at + 32, 0xc000);
	frame_put16(at + 34, (unsigned)(4 + body));
	crc = crc32c(p->f->at, p->f->len);
	memcpy(at + 8, &crc, 4);	/* little endian on the wire */
}

static void build_gre(struct frame_part *p, unsigned arg)
{
	unsigned type = push_inner(p);

	(void)arg;
	frame_put16(frame_push(p->f, 4) + 2, type);
}

static void build_tunnel(struct frame_part *p, unsigned arg)
{
	(void)arg;
	push_inner(p);
}

static void build_none(struct frame_part *p, unsigned arg)
{
	(void)p;
	(void)arg;
}

static void build_na(struct frame_part *p, unsigned arg)
{
	uint8_t *at = frame_push(p->f, 8 + 16 + 8);

	(void)arg;
	at[0] = 136;
	at[4] = 0x60;				/* solicited, override */
	memcpy(at + 8, p->src.b, 16);
	at[24] = 2;
	at[25] = 1;
	memcpy(at + 26, p->spec->smac, 6);
	icmp_finish(p, at);
}

static const struct frame_word words[] = {
	{ "udp", IPPROTO_UDP, IPPROTO_UDP, build_udp, 0, false },
	{ "tcp-syn", IPPROTO_TCP, IPPROTO_TCP, build_tcp, TCP_SYN, false },
	{ "tcp-synack", IPPROTO_TCP, IPPROTO_TCP, build_tcp, TCP_SYN | TCP_ACK, false },
	{ "tcp-ack", IPPROTO_TCP, IPPROTO_TCP, build_tcp, TCP_ACK, false },
	{ "tcp-rst", IPPROTO_TCP, IPPROTO_TCP, build_tcp, TCP_RST, false },
	{ "icmp-echo", IPPROTO_ICMP, IPPROTO_ICMPV6, build_echo, 0, false },
	{ "icmp-reply", IPPROTO_ICMP, IPPROTO_ICMPV6, build_echo, 1, false },
	{ "icmp-error", IPPROTO_ICMP, IPPROTO_ICMPV6, build_icmp_error, 0, false },
	{ "icmp", IPPROTO_ICMP, IPPROTO_ICMPV6, build_icmp, 0, false },
	{ "sctp", IPPROTO_SCTP, IPPROTO_SCTP, build_sctp, 0, false },
	{ "gre", IPPROTO_GRE, IPPROTO_GRE, build_gre, 0, false },
	{ "ipip", IPPROTO_IPIP, IPPROTO_IPIP, build_tunnel, 0, false },
	{ "6in4", IPPROTO_IPV6, IPPROTO_IPV6, build_tunnel, 0, false },
	{ "raw", 0, 0, build_none, 0, false },
	{ "na", -1, IPPROTO_ICMPV6, build_na, 0, true },
	{ "arp-reply", 0, -1, build_none, 0, true },	/* no IP at all: see frame_build */
	{ "ether", 0, 0, build_none, 0, false },
};

const struct frame_word *frame_word_find(const char *name)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(words[i].name, name))
			return &words[i];
	return NULL;
}

void frame_words(char *text, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words) && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? " " : "", words[i].name);
}
