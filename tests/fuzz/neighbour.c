/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: a frame of ARP (first byte even) or neighbour discovery (odd), as anybody on the wire can send it; with 4 in the first
 * byte the log's message about one. */
#include <stdint.h>
#include <stdlib.h>

#include "kern/arp.h"
#include "kern/nflog.h"

enum { GROUP = 101 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* false: no packet message. */
static bool logged(const uint8_t *data, size_t len, struct arp_sighting *s, bool *to_us, bool *told, bool *bad)
{
	struct nfq_packet p;

	if (!nflog_parse(data, len, GROUP, &p))
		return false;
	if (p.caplen > len || p.bytes < p.caplen || (!p.malformed && !p.payload) ||
	    (p.payload && (p.payload < data || p.payload + p.caplen > data + len)) ||
	    (p.ether && (p.ether < data || p.ether + 14 > data + len)))
		abort();
	*to_us = p.ether && !(p.ether[0] & 1);
	*told = arp_parse_logged(&p, s, bad);
	if (*told && s->ifindex != p.iif)
		abort();
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arp_sighting s = { 0 };
	bool six, to_us, bad, told;

	if (!len)
		return 0;
	six = data[0] & 5;
	to_us = data[0] & 2;
	if (data[0] & 4) {
		if (!logged(data + 1, len - 1, &s, &to_us, &told, &bad))
			return 0;
	} else
		told = six ? arp_parse6(data + 1, len - 1, to_us, &s, &bad) : arp_parse4(data + 1, len - 1, to_us, &s, &bad);
	if (!told)
		return 0;
	/* What is told names a host by an address that one can have; what was not for us proves nothing. */
	if (bad || s.addr.family != (six ? 6 : 4) || addr_is_unspecified(&s.addr) || addr_is_multicast(&s.addr) ||
	    addr_mac_is_group(&s.mac) || (s.kind == ARP_ANSWER && !to_us))
		abort();
	return 0;
}
