/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arp_frame: frames read and written by fixed offsets behind one check of the length.  Checksums of what comes in are not
 * looked at: who can send a frame can sum it up, too. */
#include "kern/arp_frame.h"

#include <string.h>

#include <linux/if_ether.h>
#include <linux/netfilter.h>

#include "kern/nfq.h"

enum {
	ETHER_DST = 0, ETHER_SRC = 6, ETHER_TYPE = 12, ETHER_BYTES = 14,
	/* ARP for IPv4 over Ethernet, from the frame's start */
	ARP_HARDWARE = 14, ARP_PROTOCOL = 16, ARP_LENGTHS = 18, ARP_OP = 20,
	ARP_SENDER_MAC = 22, ARP_SENDER = 28, ARP_TARGET_MAC = 32, ARP_TARGET = 38, ARP_BYTES = 42,
	ARP_OP_REQUEST = 1, ARP_OP_REPLY = 2,
	/* IPv6 and neighbour discovery, from the frame's start */
	IP6_LENGTH = 18, IP6_NEXT = 20, IP6_HOPS = 21, IP6_SRC = 22, IP6_DST = 38,
	ND_TYPE = 54, ND_CODE = 55, ND_SUM = 56, ND_FLAGS = 58, ND_TARGET = 62, ND_OPTIONS = 78,
	RS_OPTIONS = 62,
	ND_HEAD_BYTES = ND_OPTIONS - ND_TYPE,
	ND_SOLICITED = 0x40,
	ND_OPT_SOURCE = 1, ND_OPT_TARGET = 2, ND_OPT_UNIT = 8,
	ICMP6 = 58, HOPS = 255,
	LOGGED_BYTES = 2048,
};

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static struct mac mac_at(const uint8_t *p)
{
	struct mac m;

	memcpy(m.b, p, sizeof(m.b));
	return m;
}

static bool is_host(const struct mac *m)
{
	return !addr_mac_is_group(m) && addr_mac_u64(m);
}

/* An address somebody can have. */
static bool is_ownable(const struct addr *a)
{
	static const uint8_t loopback6[16] = { [15] = 1 };

	if (addr_is_unspecified(a) || addr_is_multicast(a))
		return false;
	return a->family == 4 ? a->b[0] != 127 : memcmp(a->b, loopback6, sizeof(loopback6)) != 0;
}

enum arp_frame arp_frame4(const uint8_t *frame, size_t len, bool to_us, struct arp_sighting *ret)
{
	static const uint8_t head[] = { 0, 1, 8, 0, 6, 4 };     /* Ethernet, IPv4, and their lengths */
	struct addr sender, target;
	unsigned op;

	if (len < ARP_BYTES || be16(frame + ETHER_TYPE) != ETH_P_ARP || memcmp(frame + ARP_HARDWARE, head, sizeof(head)) != 0)
		return ARP_FRAME_MALFORMED;
	op = be16(frame + ARP_OP);
	if (op != ARP_OP_REQUEST && op != ARP_OP_REPLY)
		return ARP_FRAME_NOTHING;
	sender = addr_v4_net(frame + ARP_SENDER);
	target = addr_v4_net(frame + ARP_TARGET);
	*ret = (struct arp_sighting){ .mac = mac_at(frame + ETHER_SRC), .addr = sender };
	if (!is_host(&ret->mac))
		return ARP_FRAME_MALFORMED;
	if (memcmp(frame + ETHER_SRC, frame + ARP_SENDER_MAC, sizeof(ret->mac.b)) != 0)
		return ARP_FRAME_CONTRADICTORY;
	if (addr_is_unspecified(&sender) && op == ARP_OP_REQUEST) {
		ret->kind = ARP_PROBE;
		ret->addr = target;
	} else {
		ret->kind = op == ARP_OP_REPLY && to_us ? ARP_ANSWER : ARP_CLAIM;
	}
	return is_ownable(&ret->addr) ? ARP_FRAME_TELLS : ARP_FRAME_MALFORMED;
}

/* Every link-layer address option of the type must be the frame's source. */
static enum arp_frame check_options(const uint8_t *frame, size_t at, size_t end, uint8_t type)
{
	size_t len;

	for (; at < end; at += len) {
		if (end - at < ND_OPT_UNIT)
			return ARP_FRAME_MALFORMED;
		len = (size_t)frame[at + 1] * ND_OPT_UNIT;
		if (!len || len > end - at)
			return ARP_FRAME_MALFORMED;
		if (frame[at] != type)
			continue;
		if (len != ND_OPT_UNIT)
			return ARP_FRAME_MALFORMED;
		if (memcmp(frame + at + 2, frame + ETHER_SRC, ETH_ALEN) != 0)
			return ARP_FRAME_CONTRADICTORY;
	}
	return ARP_FRAME_TELLS;
}

/* Where options begin. */
static size_t options_of(const uint8_t *frame)
{
	return frame[ND_TYPE] == ARP_ND_ROUTER_SOLICIT ? RS_OPTIONS : ND_OPTIONS;
}

static bool is_neighbour_discovery(const uint8_t *frame, size_t len)
{
	return len >= RS_OPTIONS && len >= options_of(frame) && be16(frame + ETHER_TYPE) == ETH_P_IPV6 &&
	       frame[ETHER_BYTES] >> 4 == 6 && frame[IP6_NEXT] == ICMP6 && frame[IP6_HOPS] == HOPS && frame[ND_CODE] == 0 &&
	       be16(frame + IP6_LENGTH) >= options_of(frame) - ND_TYPE && be16(frame + IP6_LENGTH) <= len - ND_TYPE;
}

/* Who looks for a router names itself. */
static enum arp_frame router_solicit(const uint8_t *frame, struct arp_sighting *ret)
{
	const struct addr src = addr_v6_net(frame + IP6_SRC);

	*ret = (struct arp_sighting){ .kind = ARP_CLAIM, .mac = mac_at(frame + ETHER_SRC), .addr = src };
	if (!is_host(&ret->mac))
		return ARP_FRAME_MALFORMED;
	if (addr_is_unspecified(&src))
		return ARP_FRAME_NOTHING;
	if (!is_ownable(&src))
		return ARP_FRAME_MALFORMED;
	return check_options(frame, RS_OPTIONS, ND_TYPE + be16(frame + IP6_LENGTH), ND_OPT_SOURCE);
}

enum arp_frame arp_frame6(const uint8_t *frame, size_t len, bool to_us, struct arp_sighting *ret)
{
	struct addr src, dst, target;
	bool advert;

	if (!is_neighbour_discovery(frame, len))
		return ARP_FRAME_MALFORMED;
	if (frame[ND_TYPE] == ARP_ND_ROUTER_SOLICIT)
		return router_solicit(frame, ret);
	advert = frame[ND_TYPE] == ARP_ND_ADVERT;
	if (!advert && frame[ND_TYPE] != ARP_ND_SOLICIT)
		return ARP_FRAME_NOTHING;
	src = addr_v6_net(frame + IP6_SRC);
	dst = addr_v6_net(frame + IP6_DST);
	target = addr_v6_net(frame + ND_TARGET);
	*ret = (struct arp_sighting){ .kind = ARP_CLAIM, .mac = mac_at(frame + ETHER_SRC), .addr = advert ? target : src };
	if (!is_host(&ret->mac) || !is_ownable(&target) || (advert && !is_ownable(&src)))
		return ARP_FRAME_MALFORMED;
	if (advert && to_us && frame[ND_FLAGS] & ND_SOLICITED && !addr_is_multicast(&dst)) {
		ret->kind = ARP_ANSWER;
	} else if (!advert && addr_is_unspecified(&src)) {
		ret->kind = ARP_PROBE;
		ret->addr = target;
	}
	if (!is_ownable(&ret->addr))
		return ARP_FRAME_MALFORMED;
	return check_options(frame, ND_OPTIONS, ND_TYPE + be16(frame + IP6_LENGTH), advert ? ND_OPT_TARGET : ND_OPT_SOURCE);
}

/* Put together again as the frame that it was.  What came to a group's MAC did not come to us alone; what came to another's MAC
 * never gets to the input hook. */
enum arp_frame arp_frame_logged(const struct nfq_packet *p, struct arp_sighting *ret)
{
	uint8_t frame[LOGGED_BYTES];
	enum arp_frame f;

	if (p->malformed || !p->ether || p->hook != NF_INET_LOCAL_IN || p->protocol != ETH_P_IPV6 || !p->iif ||
	    p->caplen > sizeof(frame) - ETHER_BYTES)
		return ARP_FRAME_MALFORMED;
	memcpy(frame, p->ether, ETHER_TYPE);
	put16(frame + ETHER_TYPE, ETH_P_IPV6);
	memcpy(frame + ETHER_BYTES, p->payload, p->caplen);
	f = arp_frame6(frame, ETHER_BYTES + p->caplen, !(frame[ETHER_DST] & 1), ret);
	ret->ifindex = p->iif;
	return f;
}

static bool is_told(enum arp_frame f, bool *ret_bad)
{
	*ret_bad = f == ARP_FRAME_MALFORMED || f == ARP_FRAME_CONTRADICTORY;
	return f == ARP_FRAME_TELLS;
}

bool arp_parse4(const uint8_t *frame, size_t len, bool to_us, struct arp_sighting *ret, bool *ret_bad)
{
	return is_told(arp_frame4(frame, len, to_us, ret), ret_bad);
}

bool arp_parse6(const uint8_t *frame, size_t len, bool to_us, struct arp_sighting *ret, bool *ret_bad)
{
	return is_told(arp_frame6(frame, len, to_us, ret), ret_bad);
}

bool arp_parse_logged(const struct nfq_packet *p, struct arp_sighting *ret, bool *ret_bad)
{
	return is_told(arp_frame_logged(p, ret), ret_bad);
}

/* ---- questions ---- */

static size_t write_request4(uint8_t *to, const struct mac *own_mac, const struct addr *own, const struct addr *addr)
{
	static const uint8_t head[] = { 0, 1, 8, 0, 6, 4, 0, ARP_OP_REQUEST };

	put16(to + ETHER_TYPE, ETH_P_ARP);
	memcpy(to + ARP_HARDWARE, head, sizeof(head));
	memcpy(to + ARP_SENDER_MAC, own_mac->b, sizeof(own_mac->b));
	memcpy(to + ARP_SENDER, own->b, 4);
	memcpy(to + ARP_TARGET, addr->b, 4);
	return ARP_BYTES;
}

/* The Internet checksum of ICMPv6, its pseudo header included: addresses, length and protocol. */
static unsigned checksum6(const uint8_t *frame, size_t icmp_len)
{
	uint32_t sum = (uint32_t)icmp_len + ICMP6;

	for (size_t i = IP6_SRC; i < ND_TYPE + icmp_len; i += 2)
		sum += be16(frame + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static size_t write_request6(uint8_t *to, const struct mac *own_mac, const struct addr *own, const struct addr *addr)
{
	const size_t len = ND_HEAD_BYTES + ND_OPT_UNIT;

	put16(to + ETHER_TYPE, ETH_P_IPV6);
	to[ETHER_BYTES] = 6 << 4;
	put16(to + IP6_LENGTH, (unsigned)len);
	to[IP6_NEXT] = ICMP6;
	to[IP6_HOPS] = HOPS;
	memcpy(to + IP6_SRC, own->b, 16);
	memcpy(to + IP6_DST, addr->b, 16);
	to[ND_TYPE] = ARP_ND_SOLICIT;
	memcpy(to + ND_TARGET, addr->b, 16);
	to[ND_OPTIONS] = ND_OPT_SOURCE;
	to[ND_OPTIONS + 1] = 1;
	memcpy(to + ND_OPTIONS + 2, own_mac->b, sizeof(own_mac->b));
	put16(to + ND_SUM, checksum6(to, len));
	return ND_TYPE + len;
}

/* To all who might have it. */
static void address_everybody(uint8_t *to, const struct addr *addr)
{
	static const uint8_t solicited[] = { 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff };

	memset(to + ETHER_DST, 0xff, 6);
	if (addr->family == 4)
		return;
	memcpy(to + IP6_DST, solicited, sizeof(solicited));
	memset(to + ETHER_DST, 0x33, 2);
	memcpy(to + ETHER_DST + 2, to + IP6_DST + 12, 4);
	put16(to + ND_SUM, 0);
	put16(to + ND_SUM, checksum6(to, be16(to + IP6_LENGTH)));
}

/* A solicitation from :: would be answered to everybody, which proves nothing: it is not asked. */
size_t arp_request(uint8_t ret[static 128], const struct mac *own_mac, const struct addr *own, const struct mac *mac,
		   const struct addr *addr)
{
	size_t len;

	if (own->family != addr->family || !is_ownable(addr) || (mac && !is_host(mac)) || !is_host(own_mac) ||
	    addr_is_multicast(own) || (own->family == 6 && addr_is_unspecified(own)))
		return 0;
	memset(ret, 0, 128);
	memcpy(ret + ETHER_SRC, own_mac->b, sizeof(own_mac->b));
	len = addr->family == 4 ? write_request4(ret, own_mac, own, addr) : write_request6(ret, own_mac, own, addr);
	if (mac)
		memcpy(ret + ETHER_DST, mac->b, sizeof(mac->b));
	else
		address_everybody(ret, addr);
	return len;
}
