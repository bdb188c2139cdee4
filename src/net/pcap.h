/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcap: capture files, classic (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng), read front to back.
 * Bounded: a block or packet over PCAP_BLOCK_MAX is refused; every error names the byte offset.  One owner, one thread. */
#ifndef NET_PCAP_H
#define NET_PCAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "net/pkt.h"

enum { PCAP_BLOCK_MAX = 16 << 20 };

struct pcap;

/* One captured packet; data is valid until the next call. */
struct pcap_packet {
	int64_t when_ns;                /* wall clock; 0: the file gives none (simple packet blocks) */
	const uint8_t *data;
	uint32_t caplen, len;
	uint32_t linktype;              /* LINKTYPE_ number */
	uint32_t iface;                 /* pcapng: which interface of the section */
};

int pcap_open(const char *path, struct pcap **ret, struct err *e);      /* "-": standard input */
/* From memory that outlives the reader (fuzzing, tests). */
int pcap_open_memory(const char *name, const void *data, size_t len, struct pcap **ret, struct err *e);
void pcap_free(struct pcap *p);                                         /* NULL is fine */
OWN(pcap)
/* 1: *ret is set; 0: the end; -1: *e, and what came before is still good. */
int pcap_next(struct pcap *p, struct pcap_packet *ret, struct err *e);
uint64_t pcap_offset(const struct pcap *p);                             /* bytes read so far, for progress */
/* Decode by link type (Ethernet, raw IP, Linux cooked v1 and v2, null): 0, or -1: no IP packet (ARP and the like). */
int pcap_decode(const struct pcap_packet *packet, struct pkt *ret, uint16_t *ret_vlan);

#endif
