/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arp: asking a device itself whether an address is its own: unicast ARP requests and neighbour solicitations, and what is
 * heard of ARP and neighbour discovery besides.  ARP by a packet socket for all interfaces; neighbour discovery by a log group,
 * where the table's input chains copy it to: a packet socket would cost every IPv6 packet of the machine.  Both opened once (needs
 * CAP_NET_RAW then, never again).  Outside bytes: bounded, no allocation.  One thread. */
#ifndef KERN_ARP_H
#define KERN_ARP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "net/addr.h"

enum arp_kind {
	ARP_ANSWER,             /* an ARP reply or neighbour advertisement, sent to our MAC alone: proof, when it was asked for */
	ARP_CLAIM,              /* anything else in which a sender names an address as its own: a wish to verify, no more */
	ARP_PROBE,              /* someone asks whether an address is free (sender 0.0.0.0, or ::) */
};

struct arp_sighting {
	enum arp_kind kind;
	uint32_t ifindex;
	struct mac mac;         /* the frame's source, which equals the one inside (else it is not reported but counted) */
	struct addr addr;
};

struct arp_counts {
	uint64_t received, malformed, contradictory, sent, send_failed;
	uint64_t lost;                  /* logged by the kernel and not heard */
};
struct nfq_packet;

struct arp;

/* group: where neighbour discovery is logged; 0: nowhere, a packet socket hears it. */
int arp_new(uint16_t group, struct arp **ret, struct err *e);
void arp_free(struct arp *a);
OWN(arp)
/* Two descriptors to poll: ARP and IPv6. */
int arp_fd4(const struct arp *a);
int arp_fd6(const struct arp *a);
/* Up to max sightings from both, without waiting; returns how many, -1 and *e. */
int arp_receive(struct arp *a, struct arp_sighting *ret, size_t max, struct err *e);
/* Ask (mac, addr) on an interface, from our own MAC and address there (unspecified IPv4: an ARP probe).  mac NULL: everybody. */
int arp_ask(struct arp *a, uint32_t ifindex, const struct mac *own_mac, const struct addr *own, const struct mac *mac,
	    const struct addr *addr, struct err *e);
const struct arp_counts *arp_counts_of(const struct arp *a);

/* Pure parsers of one frame from its Ethernet header on; false: nothing to report (*ret_bad: malformed or contradictory). */
bool arp_parse4(const uint8_t *frame, size_t len, bool to_us, struct arp_sighting *ret, bool *ret_bad);
bool arp_parse6(const uint8_t *frame, size_t len, bool to_us, struct arp_sighting *ret, bool *ret_bad);
/* The same of what was logged at the input hook. */
bool arp_parse_logged(const struct nfq_packet *p, struct arp_sighting *ret, bool *ret_bad);
/* The question as a frame; its length, 0: cannot be asked. */
size_t arp_request(uint8_t ret[static 128], const struct mac *own_mac, const struct addr *own, const struct mac *mac,
		   const struct addr *addr);

#endif
