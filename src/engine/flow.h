/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow: what is judged: who opens what to whom, and which packet showed it.  Plain data; flow_of_pkt is pure. */
#ifndef ENGINE_FLOW_H
#define ENGINE_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ident/who.h"
#include "net/addr.h"
#include "net/pkt.h"

/* One end of a flow. */
struct flow_end {
	uint32_t iface;         /* into policy->ifaces; WHO_NONE: an interface that no zone names, or not known */
	bool iface_known;       /* false: offline, nothing is known of the interface */
	bool firewall;          /* this host itself */
	bool has_mac;
	struct mac mac;
	struct addr addr;
	struct who_id id;
};

/* from opens, to is opened to. */
struct flow {
	struct flow_end from, to;
	uint8_t proto, icmp_type;
	bool has_ports;         /* dport (and sport) are meaningful */
	bool turned;            /* the packet at hand was sent by to: a reply, or an error about the flow */
	uint16_t sport, dport;
	uint8_t shape;          /* bits of enum pkt_shape: not 0 is denied */
};

/* A flow from a packet: turned round when it is a reply, ICMP errors by what they quote; identities by who.
 * ifaces maps the kernel's index to policy->ifaces (sorted array of pairs). */
struct flow_ifmap { const struct flow_ifpair { uint32_t ifindex, iface; } *pairs; size_t n; };
void flow_of_pkt(const struct pkt *p, const struct flow_ifmap *map, const struct who *w, struct flow *ret);
/* The same for n; what one waits for from memory the others need not. */
void flow_of_pkts(const struct pkt *p, unsigned n, const struct flow_ifmap *map, const struct who *w, struct flow *ret);

#endif
