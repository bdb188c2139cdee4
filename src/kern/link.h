/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link: the interfaces and their own addresses, kept up to date from rtnetlink.  One thread. */
#ifndef KERN_LINK_H
#define KERN_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "net/addr.h"

struct link_iface {
	uint32_t index;
	uint32_t lower, master;         /* IFLA_LINK (in this namespace), IFLA_MASTER; 0: none */
	uint16_t type;                  /* ARPHRD_… */
	bool up, running, ether, loopback, xdp;
	bool nf_call;                   /* a bridge that sends its frames through IP tables by its own setting */
	struct mac mac;                 /* when ether */
	char name[16], kind[16];        /* kind: "vlan", "bridge", "vrf", "macvlan", …; "" for hardware */
};
struct link_addr {
	uint32_t index;
	struct addr addr;
	uint8_t len;
	bool usable;                    /* not tentative, not failed in duplicate detection */
};

struct link_map;

/* Read everything and listen. */
int link_open(struct link_map **ret, struct err *e);
void link_free(struct link_map *m);
static inline void link_map_free(struct link_map *m) { link_free(m); }
OWN(link_map)
int link_fd(const struct link_map *m);

enum link_change { LINK_ADDED, LINK_REMOVED, LINK_CHANGED, LINK_ADDRESS, LINK_RESYNC };
/* old NULL: added; now NULL: removed; both NULL: LINK_RESYNC (notifications were lost, everything was read again). */
typedef void (*link_change_fn)(enum link_change c, const struct link_iface *old, const struct link_iface *now, void *arg);
int link_read(struct link_map *m, link_change_fn fn, void *arg, struct err *e);         /* when link_fd is readable */

size_t link_count(const struct link_map *m);
const struct link_iface *link_at(const struct link_map *m, size_t i);                  /* by index, ascending */
const struct link_iface *link_by_index(const struct link_map *m, uint32_t index);
const struct link_iface *link_by_name(const struct link_map *m, const char *name);
/* Interfaces with an ingress or clsact queueing discipline, whose filters run before every hook of ours. */
int link_ingress(struct link_map *m, void (*fn)(uint32_t index, void *arg), void *arg, struct err *e);
/* Does it stand on (by lower, master, or as a port's bridge) an interface for which yes() is true, itself included? */
bool link_stands_on(const struct link_map *m, uint32_t index, bool (*yes)(const struct link_iface *l, void *arg), void *arg);
/* Our own address there to ask from: in the same network as peer if there is one (*ret_same), of its family; false: none. */
bool link_own_address(const struct link_map *m, uint32_t index, const struct addr *peer, struct addr *ret, bool *ret_same);
bool link_is_own(const struct link_map *m, const struct addr *a);
size_t link_addr_count(const struct link_map *m);
const struct link_addr *link_addr_at(const struct link_map *m, size_t i);               /* by index, then address */

#endif
