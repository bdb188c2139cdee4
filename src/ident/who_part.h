/* SPDX-License-Identifier: GPL-2.0-or-later */
/* who_part: the frozen tables, for who.c and who_build.c alone. */
#ifndef IDENT_WHO_PART_H
#define IDENT_WHO_PART_H

#include "base/vec.h"
#include "ident/who.h"
#include "ident/zones.h"

struct who_mac {
	struct mac mac;
	uint32_t listed, maker;
	uint64_t device;
	bool sticky, router;
};

/* MAC and address belong together on iface; or, by a pin, where the address is at home (iface WHO_NONE). */
struct who_bind {
	struct mac mac;
	struct addr addr;
	uint32_t iface;
	uint32_t mac_at;                /* into macs */
	uint8_t proof;
};

/* The policy's device at an address. */
struct who_listing {
	struct addr addr;
	uint32_t listed;
	uint64_t device;
	bool sticky, has_macs;
};

struct who_named {
	uint64_t device;
	const char *name;
};

/* Open addressing over indexes: a slot holds index + 1, equal keys stand one behind the other. */
struct who_hash {
	uint32_t *slots;
	size_t mask;
};

struct who {
	const struct policy *policy;
	struct zones *zones;
	uint64_t seed;
	VEC(struct who_mac) macs;
	VEC(struct who_bind) binds;
	VEC(struct who_listing) listings;
	VEC(struct who_binding) bindings;       /* for the kernel: sorted */
	VEC(struct who_named) names;            /* of learnt devices, by id */
	struct who_hash by_mac, by_pair, by_addr, by_listing;
};

uint64_t who_hash_mac(const struct who *w, const struct mac *m);
uint64_t who_hash_addr(const struct who *w, const struct addr *a);
uint64_t who_hash_pair(const struct who *w, const struct mac *m, const struct addr *a);
const struct who_mac *who_find_mac(const struct who *w, const struct mac *m);
const struct who_listing *who_find_listing(const struct who *w, const struct addr *a);
/* Does b hold on iface (WHO_NONE: any)? */
bool who_bind_holds(const struct who *w, const struct who_bind *b, uint32_t iface);
/* What is known of a MAC by itself, on a zone that is not behind a router. */
struct who_id who_id_of_mac(const struct who *w, const struct who_mac *m);

#endif
