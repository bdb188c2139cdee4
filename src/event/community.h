/* SPDX-License-Identifier: GPL-2.0-or-later */
/* community: Community ID version 1, the flow key that Zeek, Suricata, Arkime and Security Onion share.  Pure; any thread. */
#ifndef EVENT_COMMUNITY_H
#define EVENT_COMMUNITY_H

#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"

enum { COMMUNITY_TEXT = 31 };           /* "1:" + 28 of base64 + NUL */

/* sport and dport: the ports of TCP, UDP and SCTP; type and code of ICMP and ICMPv6; else 0.
 * Returns buf, "" when the addresses are of no or of different families. */
const char *community_id(const struct addr *src, const struct addr *dst, uint8_t proto, uint16_t sport, uint16_t dport,
			 uint16_t seed, char *buf, size_t size);

#endif
