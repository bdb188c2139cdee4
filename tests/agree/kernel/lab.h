/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lab: a firewall in a network namespace of its own, with a link on every interface that a generated policy can name, and a
 * far namespace that holds the links' other ends.  Far ends have no addresses: frames are made and heard by hand.
 * Where a packet goes is its DSCP: n leads out of port n - 1, LAB_HERE to the firewall itself, whatever the addresses say. */
#ifndef KERNEL_LAB_H
#define KERNEL_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"

enum { LAB_PORTS = 7, LAB_HERE = 8, LAB_RAW = 6 };

struct lab {
	int far;                                /* its namespace */
	int wire;                               /* packet socket there: sends on any link, hears all */
	int own[2];                             /* the firewall's own mouth: IPv4 and IPv6 with headers included */
	int raw[LAB_RAW];                       /* the firewall's own ears, behind its input hook */
	uint32_t near[LAB_PORTS], beyond[LAB_PORTS];    /* the kernel's indexes of both ends */
};

extern const char *const lab_names[LAB_PORTS];
/* The port of an interface's name, LAB_PORTS: none. */
unsigned lab_port(const char *name);
struct mac lab_mac(unsigned port);              /* the firewall's on it */
void lab_open(struct lab *l);                   /* aborts with words on trouble */
void lab_send(const struct lab *l, unsigned port, const uint8_t *frame, size_t n);
/* The firewall itself sends the frame's packet out of the port. */
void lab_say(const struct lab *l, unsigned port, const uint8_t *frame, size_t n);
/* Whatever came: transport is where its TCP, UDP or ICMP header begins; port LAB_HERE: the firewall itself heard it. */
typedef void (*lab_heard_fn)(unsigned port, uint8_t proto, const uint8_t *transport, size_t n, void *arg);
/* Returns how many were heard after waiting up to wait_ms for the first. */
unsigned lab_hear(const struct lab *l, int wait_ms, lab_heard_fn fn, void *arg);

#endif
