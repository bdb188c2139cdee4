/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: a capture file that somebody hands to `ringfence replay`. */
#include <stdint.h>
#include <stdlib.h>

#include "net/pcap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct pcap *p;
	struct pcap_packet packet;
	struct pkt pkt = { 0 };
	struct err e = { 0 };
	uint16_t vlan;
	unsigned sum = 0;

	if (pcap_open_memory("fuzz", data, len, &p, &e) < 0)
		return e.code ? 0 : (abort(), 0);
	while (pcap_next(p, &packet, &e) == 1) {
		for (uint32_t i = 0; i < packet.caplen; i++)
			sum += packet.data[i];
		pcap_decode(&packet, &pkt, &vlan);
	}
	pcap_free(p);
	return sum == 1 ? 1 : 0;
}
