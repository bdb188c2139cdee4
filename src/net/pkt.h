/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pkt: what one packet says, decoded from its network header on, bounds checked by a sticky cursor.
 * A packet that cannot be parsed is a packet too: shape says what is wrong with it and the engine denies it.
 * Plain data; pkt_decode is pure. */
#ifndef NET_PKT_H
#define NET_PKT_H

#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"

/* What makes a packet unfit to be judged by its ports (bits). */
enum pkt_shape {
	PKT_TRUNCATED   = 1U << 0,      /* shorter than its headers say */
	PKT_MALFORMED   = 1U << 1,      /* bad version, lengths, header length */
	PKT_FRAGMENT    = 1U << 2,      /* any fragment, the first and atomic ones included */
	PKT_OPTIONS     = 1U << 3,      /* IPv4 options */
	PKT_EXTENSION   = 1U << 4,      /* an IPv6 extension header */
};

enum {
	PKT_TCP_FIN = 1, PKT_TCP_SYN = 2, PKT_TCP_RST = 4, PKT_TCP_PSH = 8, PKT_TCP_ACK = 16, PKT_TCP_URG = 32,
};

/* Which way a packet stands to the flow it is asked about (from the gate's note in the mark). */
enum pkt_direction {
	PKT_ORIGINAL,           /* src opens */
	PKT_REPLY,              /* dst opened: judge it turned round */
};

/* Where it was seen. */
enum pkt_hook { PKT_FORWARD, PKT_INPUT, PKT_OUTPUT };

struct pkt {
	int64_t when_ns;                /* wall clock, once per batch */
	uint32_t iif, oif;              /* the kernel's interface indexes, 0: none */
	uint32_t mark;                  /* as it came */
	uint32_t bytes;                 /* length at layer 3 */
	struct addr src, dst;
	struct mac smac;
	uint8_t has_smac;
	uint8_t proto;                  /* IANA protocol of the transport; for IPv6 the last header in the chain */
	uint8_t shape;                  /* bits of enum pkt_shape */
	uint8_t hook;                   /* enum pkt_hook */
	uint8_t direction;              /* enum pkt_direction */
	uint8_t tcp_flags;
	uint8_t icmp_type, icmp_code;   /* ICMP and ICMPv6 */
	uint8_t has_ports;              /* sport and dport were read */
	uint16_t sport, dport;
	/* An ICMP error quotes the packet it is about: its tuple, when it could be read. */
	uint8_t quoted;                 /* 1: the following are set */
	uint8_t quoted_proto;
	uint16_t quoted_sport, quoted_dport;
	struct addr quoted_src, quoted_dst;
};

/* Fill the layer 3 and 4 fields of *ret from caplen bytes that begin with an IPv4 or IPv6 header (told by the version).
 * Every input is accepted; trouble is in ret->shape.  Other fields of *ret are left alone. */
void pkt_decode(const uint8_t *data, size_t caplen, struct pkt *ret);
/* The same from an Ethernet frame (802.1Q and 802.1ad tags skipped; outermost VLAN id returned, 0: none); sets smac.
 * Returns 0, or -1 when it is neither IPv4 nor IPv6 (*ret_ethertype says what it is). */
int pkt_decode_ether(const uint8_t *frame, size_t caplen, struct pkt *ret, uint16_t *ret_vlan, uint16_t *ret_ethertype);

#endif
