/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pkt: one walk over the headers with a cursor that goes bad at the first read beyond its end and then yields zeros, so
 * that each step needs no check of its own.  The capture may be shorter than the packet (the queue copies 128 bytes):
 * that alone is no fault; a transport header that is not wholly there is.
 * RFC 791, RFC 8200, RFC 9293, RFC 768, RFC 792, RFC 4443, RFC 9260. */
#include "net/pkt.h"

#include <string.h>

enum {
	PROTO_HOPOPTS = 0, PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_DCCP = 33, PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44, PROTO_AH = 51, PROTO_ICMPV6 = 58, PROTO_DSTOPTS = 60, PROTO_SCTP = 132, PROTO_MOBILITY = 135,
	PROTO_UDPLITE = 136, PROTO_HIP = 139, PROTO_SHIM6 = 140,
	EXTENSIONS_MAX = 16,            /* beyond, the chain is malformed */
};

struct cursor {
	const uint8_t *at;
	size_t left;
	bool bad;
};

/* The next n bytes, or NULL when they are not there; the cursor is bad from then on. */
static const uint8_t *take(struct cursor *c, size_t n)
{
	const uint8_t *p = c->at;

	if (c->bad || c->left < n) {
		c->bad = true;
		return NULL;
	}
	c->at += n;
	c->left -= n;
	return p;
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool proto_has_ports(uint8_t proto)
{
	return proto == PROTO_TCP || proto == PROTO_UDP || proto == PROTO_SCTP || proto == PROTO_DCCP || proto == PROTO_UDPLITE;
}

/* An IP header as the walk needs it: addresses, the transport's number, what is odd, and the cursor behind it. */
struct network {
	struct addr src, dst;
	uint8_t proto, shape;
	bool later_fragment;    /* no transport header follows */
	uint32_t bytes;
};

static void limit(struct cursor *c, size_t n)
{
	if (n < c->left)
		c->left = n;
}

static void read_v4(struct cursor *c, struct network *n)
{
	size_t captured = c->left;
	const uint8_t *h = take(c, 20);
	unsigned header, total, offset;

	if (!h) {
		n->shape |= PKT_TRUNCATED;
		return;
	}
	header = (h[0] & 15U) * 4;
	total = be16(h + 2);
	offset = be16(h + 6);
	n->src = addr_v4_net(h + 12);
	n->dst = addr_v4_net(h + 16);
	n->proto = h[9];
	/* 0: a super-packet beyond 64 KiB, which never comes from the wire (ip_rcv drops it). */
	n->bytes = total ? total : (uint32_t)captured;
	if (header < 20 || (total && total < header)) {
		n->shape |= PKT_MALFORMED;
		return;
	}
	if (header > 20) {
		n->shape |= PKT_OPTIONS;
		if (!take(c, header - 20))
			n->shape |= PKT_TRUNCATED;
	}
	if (offset & 0x3fff)
		n->shape |= PKT_FRAGMENT;
	n->later_fragment = offset & 0x1fff;
	if (total)
		limit(c, total - header);
}

static bool is_extension(uint8_t next)
{
	return next == PROTO_HOPOPTS || next == PROTO_ROUTING || next == PROTO_FRAGMENT || next == PROTO_AH ||
	       next == PROTO_DSTOPTS || next == PROTO_MOBILITY || next == PROTO_HIP || next == PROTO_SHIM6;
}

/* One extension header: its next header, or n->shape says why there is none. */
static void read_extension(struct cursor *c, struct network *n)
{
	const uint8_t *h = take(c, 8);
	uint8_t this = n->proto;
	size_t size;

	if (!h) {
		n->shape |= PKT_TRUNCATED;
		return;
	}
	n->proto = h[0];
	if (this == PROTO_FRAGMENT) {
		n->shape |= PKT_FRAGMENT;
		n->later_fragment = be16(h + 2) & 0xfff8;
		return;
	}
	size = this == PROTO_AH ? (h[1] + 2U) * 4 : (h[1] + 1U) * 8;
	if (size < 8)
		n->shape |= PKT_MALFORMED;
	else if (!take(c, size - 8))
		n->shape |= PKT_TRUNCATED;
}

static void read_v6(struct cursor *c, struct network *n)
{
	size_t captured = c->left;
	const uint8_t *h = take(c, 40);
	unsigned payload;

	if (!h) {
		n->shape |= PKT_TRUNCATED;
		return;
	}
	payload = be16(h + 4);
	n->src = addr_v6_net(h + 8);
	n->dst = addr_v6_net(h + 24);
	n->proto = h[6];
	n->bytes = payload ? payload + 40 : (uint32_t)captured;
	if (payload)
		limit(c, payload);
	for (unsigned i = 0; is_extension(n->proto); i++) {
		n->shape |= PKT_EXTENSION;
		if (i == EXTENSIONS_MAX)
			n->shape |= PKT_MALFORMED;
		if (n->later_fragment || n->shape & (PKT_TRUNCATED | PKT_MALFORMED))
			return;
		read_extension(c, n);
	}
}

static void read_network(struct cursor *c, struct network *n)
{
	unsigned version = c->left ? c->at[0] >> 4 : 0;

	if (!c->left)
		n->shape |= PKT_TRUNCATED;
	else if (version == 4)
		read_v4(c, n);
	else if (version == 6)
		read_v6(c, n);
	else
		n->shape |= PKT_MALFORMED;
}

static bool is_icmp_error(uint8_t proto, uint8_t type)
{
	if (proto == PROTO_ICMPV6)
		return type >= 1 && type <= 4;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* The tuple of the packet that an ICMP error is about, if it can be read whole. */
static void read_quoted(struct cursor *c, struct pkt *p)
{
	struct network n = { 0 };
	const uint8_t *ports;

	read_network(c, &n);
	if (n.shape & (PKT_TRUNCATED | PKT_MALFORMED) || n.later_fragment)
		return;
	if (proto_has_ports(n.proto)) {
		ports = take(c, 4);
		if (!ports)
			return;
		p->quoted_sport = be16(ports);
		p->quoted_dport = be16(ports + 2);
	}
	p->quoted = 1;
	p->quoted_proto = n.proto;
	p->quoted_src = n.src;
	p->quoted_dst = n.dst;
}

static void read_icmp(struct cursor *c, struct pkt *p)
{
	const uint8_t *h = take(c, 8);

	if (!h) {
		p->shape |= PKT_TRUNCATED;
		return;
	}
	p->icmp_type = h[0];
	p->icmp_code = h[1];
	if (is_icmp_error(p->proto, p->icmp_type))
		read_quoted(c, p);
}

static void read_ports(struct cursor *c, struct pkt *p)
{
	size_t least = p->proto == PROTO_TCP ? 20 : p->proto == PROTO_UDP || p->proto == PROTO_UDPLITE ? 8 : 12;
	const uint8_t *h = take(c, least);

	if (!h) {
		p->shape |= PKT_TRUNCATED;
		return;
	}
	p->has_ports = 1;
	p->sport = be16(h);
	p->dport = be16(h + 2);
	if (p->proto == PROTO_TCP) {
		p->tcp_flags = h[13] & 0x3f;
		if (h[12] >> 4 < 5)
			p->shape |= PKT_MALFORMED;
	} else if (p->proto == PROTO_UDP && be16(h + 4) && be16(h + 4) < 8) {
		p->shape |= PKT_MALFORMED;
	}
}

void pkt_decode(const uint8_t *data, size_t caplen, struct pkt *ret)
{
	struct cursor c = { .at = data, .left = caplen };
	struct network n = { 0 };

	read_network(&c, &n);
	ret->src = n.src;
	ret->dst = n.dst;
	ret->proto = n.proto;
	ret->shape = n.shape;
	ret->bytes = n.bytes;
	ret->tcp_flags = ret->icmp_type = ret->icmp_code = ret->has_ports = 0;
	ret->sport = ret->dport = 0;
	ret->quoted = ret->quoted_proto = 0;
	ret->quoted_sport = ret->quoted_dport = 0;
	ret->quoted_src = ret->quoted_dst = (struct addr){ 0 };
	if (n.later_fragment || n.shape & (PKT_TRUNCATED | PKT_MALFORMED))
		return;
	/* ICMP of the other family is just a protocol number: it means nothing to anybody. */
	if ((n.proto == PROTO_ICMP && n.src.family == 4) || (n.proto == PROTO_ICMPV6 && n.src.family == 6))
		read_icmp(&c, ret);
	else if (proto_has_ports(n.proto))
		read_ports(&c, ret);
}

int pkt_decode_ether(const uint8_t *frame, size_t caplen, struct pkt *ret, uint16_t *ret_vlan, uint16_t *ret_ethertype)
{
	struct cursor c = { .at = frame, .left = caplen };
	const uint8_t *h = take(&c, 14);
	uint16_t type;

	*ret_vlan = 0;
	*ret_ethertype = 0;
	if (!h)
		return -1;
	memcpy(ret->smac.b, h + 6, sizeof(ret->smac.b));
	ret->has_smac = 1;
	type = be16(h + 12);
	while (type == 0x8100 || type == 0x88a8 || type == 0x9100) {
		const uint8_t *tag = take(&c, 4);

		if (!tag)
			return -1;
		if (!*ret_vlan)
			*ret_vlan = be16(tag) & 0xfff;
		type = be16(tag + 2);
	}
	*ret_ethertype = type;
	if (type != 0x0800 && type != 0x86dd)
		return -1;
	pkt_decode(c.at, c.left, ret);
	return 0;
}
