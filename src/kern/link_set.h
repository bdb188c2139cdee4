/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link_set: the inside of struct link_map. */
#ifndef KERN_LINK_SET_H
#define KERN_LINK_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "kern/link.h"

struct nl;

struct link_set {
	VEC(struct link_iface) ifaces;  /* by index */
	VEC(struct link_addr) addrs;    /* by index, address, length */
};

/* For one walk of link_stands_on: which positions were met, and those still to look at. */
struct link_walk {
	uint32_t *list;
	uint8_t *met;
	size_t n, cap;
};

struct link_map {
	struct nl *listen, *ask;
	struct link_set set;
	struct link_walk walk;
	bool stale;                     /* a notification could not be taken in */
};

void link_set_free(struct link_set *s);
struct link_iface *link_set_iface(const struct link_set *s, uint32_t index);
bool link_set_insert(struct link_set *s, const struct link_iface *l);           /* one that is not there; false: no memory */
void link_set_remove(struct link_set *s, uint32_t index);                       /* one that is there */
struct link_addr *link_set_addr(const struct link_set *s, const struct link_addr *a);
bool link_set_insert_addr(struct link_set *s, const struct link_addr *a);
void link_set_remove_addr(struct link_set *s, const struct link_addr *a);
void link_set_remove_addrs(struct link_set *s, uint32_t index);                 /* all of an interface */

#endif
