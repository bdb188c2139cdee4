/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arp_frame: what one frame of ARP or neighbour discovery says. */
#ifndef KERN_ARP_FRAME_H
#define KERN_ARP_FRAME_H

#include "kern/arp.h"

enum { ARP_ND_ROUTER_SOLICIT = 133, ARP_ND_SOLICIT = 135, ARP_ND_ADVERT = 136 };

enum arp_frame {
	ARP_FRAME_TELLS,                /* *ret is filled, but for ifindex */
	ARP_FRAME_NOTHING,              /* well-formed, and none of our business */
	ARP_FRAME_MALFORMED,
	ARP_FRAME_CONTRADICTORY,        /* the MAC inside is not the frame's */
};
enum arp_frame arp_frame4(const uint8_t *frame, size_t len, bool to_us, struct arp_sighting *ret);
enum arp_frame arp_frame6(const uint8_t *frame, size_t len, bool to_us, struct arp_sighting *ret);
/* A copy of the input hook's; fills ifindex, too. */
enum arp_frame arp_frame_logged(const struct nfq_packet *p, struct arp_sighting *ret);

#endif
