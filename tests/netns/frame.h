/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame: one crafted packet, built from the inside out.  No state, no I/O; any thread.
 * Every packet carries FRAME_MAGIC and a token of 16 hex digits, by which receivers count it, also
 * inside tunnels, ICMP errors and fragments. */
#pragma once

#include "netns/opt.h"

#define FRAME_MAGIC "netprobe"
#define FRAME_MARK (sizeof(FRAME_MAGIC) - 1 + 16)	/* bytes of magic and token */
#define FRAME_MAX 1600
#define FRAME_ROOM (FRAME_MAX + 512)		/* headroom: headers are put in front */

struct frame_spec {
	uint8_t smac[6], dmac[6];
	struct opt_addr src, dst;
	struct opt_addr inner_src, inner_dst;	/* of a tunnelled or quoted packet; default src and dst */
	const char *proto;			/* a word of frame_words() */
	unsigned number;			/* IP protocol of "raw", ethertype of "ether" */
	unsigned sport, dport;
	unsigned inner_sport, inner_dport;	/* of a quoted packet */
	const char *inner_proto;		/* of a quoted or tunnelled packet: default udp */
	unsigned tcp_seq, tcp_ack;
	unsigned icmp_type, icmp_code, mtu;	/* of icmp-error; type 0: port unreachable */
	unsigned ttl;				/* 0: 64 */
	unsigned id;				/* IP id, fragment id */
	unsigned size;				/* bytes of payload, at least FRAME_MARK */
	unsigned vlan, inner_vlan;		/* 0: none */
	const char *token;			/* 16 hex digits */
	const char *ext;			/* IPv6: letters of h (hop-by-hop) d (destination) r (routing) f (atomic) */
	const char *frag;			/* first later pair tiny overlap; NULL: whole */
	bool record_route;			/* IPv4 option */
};

struct frame {
	uint8_t room[FRAME_ROOM];
	uint8_t *at;			/* the frame: Ethernet header first */
	size_t len;
	size_t link;			/* bytes of Ethernet and VLAN headers */
};

/* Builds 1 or 2 frames into out[2]; the number, or -1 with a word on stderr. */
int frame_build(const struct frame_spec *spec, struct frame out[2]);
int frame_check(const struct frame_spec *spec);	/* 0, or -1 with a word on stderr */
void frame_words(char *text, size_t size);	/* the known protocols, for usage */
/* 16 random hex digits and NUL. */
void frame_token(char text[17]);
