/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agree/kernel/shot.h"

#include <string.h>

#include <netinet/in.h>

enum { PAYLOAD = 12 };
static const uint8_t magic[4] = { 'r', 'f', 'a', 'k' };

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t sum(const uint8_t *p, size_t n, uint32_t s)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		s += (uint32_t)(p[i] << 8 | p[i + 1]);
	return s;
}

static void put_sum(uint8_t *at, uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	put16(at, s == 0xffff ? s : ~s & 0xffff);       /* UDP: zero would say that there is none */
}

static size_t head_of(uint8_t proto)
{
	return proto == IPPROTO_TCP ? 20 : 8;
}

/* Returns where the checksum goes. */
static size_t transport_head(const struct pkt *p, uint32_t token, uint32_t copy, uint8_t *t)
{
	if (!p->has_ports) {
		t[0] = p->icmp_type;
		put16(t + 4, token);
		put16(t + 6, copy);
		return 2;
	}
	put16(t, p->sport);
	put16(t + 2, p->dport);
	if (p->proto == IPPROTO_UDP) {
		put16(t + 4, 8 + PAYLOAD);
		return 6;
	}
	put32(t + 4, 1000 + token);
	if (p->tcp_flags & PKT_TCP_ACK)
		put32(t + 8, 1000 + token + PAYLOAD + 1);
	t[12] = 0x50;
	t[13] = p->tcp_flags;
	put16(t + 14, 0xffff);
	return 16;
}

/* Options that do nothing, where the shape asks for some: the bytes that they take. */
static size_t extra_of(const struct pkt *p)
{
	return p->shape & PKT_OPTIONS ? 4 : p->shape & PKT_EXTENSION ? 8 : 0;
}

static void network_head(const struct pkt *p, unsigned dscp, size_t n, uint8_t *h)
{
	const size_t extra = extra_of(p);

	if (p->src.family == 4) {
		h[0] = (uint8_t)(0x45 + extra / 4);
		h[1] = (uint8_t)(dscp << 2);
		put16(h + 2, (uint32_t)(20 + extra + n));
		h[8] = 64;
		h[9] = p->proto;
		memcpy(h + 12, p->src.b, 4);
		memcpy(h + 16, p->dst.b, 4);
		memset(h + 20, 1, extra);
		put_sum(h + 10, sum(h, 20 + extra, 0));
		return;
	}
	put16(h, 0x6000 | dscp << 6);
	put16(h + 4, (uint32_t)(extra + n));
	h[6] = extra ? IPPROTO_DSTOPTS : p->proto;
	if (extra) {
		h[40] = p->proto;
		h[42] = 1;                              /* PadN over the rest */
		h[43] = 4;
	}
	h[7] = 64;
	memcpy(h + 8, p->src.b, 16);
	memcpy(h + 24, p->dst.b, 16);
}

size_t shot_make(const struct pkt *p, const struct mac *dmac, unsigned dscp, uint32_t token, uint32_t copy, uint8_t frame[SHOT_FRAME])
{
	const bool six = p->src.family == 6;
	const size_t bytes = six ? 16 : 4, n = head_of(p->proto) + PAYLOAD;
	uint8_t *t = frame + 14 + (six ? 40 : 20) + extra_of(p), *data = t + head_of(p->proto);
	uint32_t pseudo = 0;
	size_t at;

	memset(frame, 0, SHOT_FRAME);
	memcpy(frame, dmac->b, 6);
	memcpy(frame + 6, p->smac.b, 6);
	put16(frame + 12, six ? 0x86dd : 0x0800);
	network_head(p, dscp, n, frame + 14);
	at = transport_head(p, token, copy, t);
	memcpy(data, magic, sizeof(magic));
	put32(data + 4, token);
	put32(data + 8, copy);
	if (p->proto != IPPROTO_ICMP)
		pseudo = sum(p->src.b, bytes, sum(p->dst.b, bytes, p->proto + (uint32_t)n));
	put_sum(t + at, sum(t, n, pseudo));
	return (size_t)(t - frame) + n;
}

bool shot_read(uint8_t proto, const uint8_t *t, size_t n, uint32_t *ret_token, uint32_t *ret_copy)
{
	const size_t head = head_of(proto);

	if (n < head + PAYLOAD || memcmp(t + head, magic, sizeof(magic)) != 0)
		return false;
	*ret_token = get32(t + head + 4);
	*ret_copy = get32(t + head + 8);
	return true;
}
