/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: a frame of ARP (first byte even) or neighbour discovery (odd), as anybody on the wire can send it. */
#include <stdint.h>
#include <stdlib.h>

#include "kern/arp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arp_sighting s = { 0 };
	bool six, to_us, bad, told;

	if (!len)
		return 0;
	six = data[0] & 1;
	to_us = data[0] & 2;
	told = six ? arp_parse6(data + 1, len - 1, to_us, &s, &bad) : arp_parse4(data + 1, len - 1, to_us, &s, &bad);
	if (!told)
		return 0;
	/* What is told names a host by an address that one can have; what was not for us proves nothing. */
	if (bad || s.addr.family != (six ? 6 : 4) || addr_is_unspecified(&s.addr) || addr_is_multicast(&s.addr) ||
	    addr_mac_is_group(&s.mac) || (s.kind == ARP_ANSWER && !to_us))
		abort();
	return 0;
}
