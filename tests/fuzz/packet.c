/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: a packet from the network, as it comes out of the queue and out of a capture. */
#include <stdint.h>
#include <stdlib.h>

#include "net/pkt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct pkt p = { 0 };
	uint16_t vlan, type;

	pkt_decode(data, len, &p);
	/* What is not whole has no ports, and only an ICMP error quotes. */
	if (p.has_ports && p.shape & PKT_TRUNCATED)
		abort();
	if (p.quoted && !(p.proto == 1 || p.proto == 58))
		abort();
	if (!p.shape && !p.src.family)
		abort();
	pkt_decode_ether(data, len, &p, &vlan, &type);
	return 0;
}
