/* SPDX-License-Identifier: GPL-2.0-or-later */
/* neigh: the kernel's neighbour tables (ARP and neighbour discovery), read once by rtnetlink.  Needs no privilege. */
#ifndef KERN_NEIGH_H
#define KERN_NEIGH_H

#include <stdint.h>

#include "base/err.h"
#include "net/addr.h"

struct neigh {
	uint32_t ifindex;
	struct mac mac;
	struct addr addr;
};

/* Called for each neighbour whose Ethernet address is known and was not given up (NUD_FAILED); non-zero return stops. */
typedef int (*neigh_fn)(void *arg, const struct neigh *n);
int neigh_each(neigh_fn fn, void *arg, struct err *e);

#endif
