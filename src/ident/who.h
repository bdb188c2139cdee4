/* SPDX-License-Identifier: GPL-2.0-or-later */
/* who: the frozen view of who is where, for workers, the naive evaluator and the kernel's table alike.
 * Built by the main thread from the policy's devices and what ident has learnt and proved; then read by any thread.
 * Keeps pointers into the policy it was built for, which must outlive it. */
#ifndef IDENT_WHO_H
#define IDENT_WHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "ident/proof.h"
#include "net/addr.h"

struct policy;
struct ident;
struct who;

#define WHO_NONE UINT32_MAX
#define WHO_NOWHERE (UINT32_MAX - 1)

/* An identity: what the engine is told about one end. */
struct who_id {
	uint64_t device;        /* stable id of the device record, 0: none */
	uint32_t listed;        /* index into policy->devices, or WHO_NONE */
	uint32_t maker;         /* by the registry: index into policy->makers, or WHO_NONE (a listed device's own counts) */
	uint8_t proof;          /* enum who_proof of (interface, MAC, address) */
	bool sticky;            /* it was restricted once and nobody has cleared it: it still is */
	bool router;            /* a MAC with many foreign addresses */
};

/* One (interface, MAC, address) that holds: for the kernel's who-map. */
struct who_binding {
	uint32_t iface;         /* into policy->ifaces */
	struct mac mac;
	struct addr addr;
	struct who_id id;
};

/* learnt may be NULL: the policy's own devices alone (check, explain, test). */
int who_build(const struct policy *p, const struct ident *learnt, struct who **ret, struct err *e);
void who_free(struct who *w);
OWN(who)

/* The identity behind a source.  iface: into policy->ifaces or WHO_NONE (not told: offline; then any interface's binding counts).
 * m NULL: the MAC was not seen.  Never allocates. */
struct who_id who_source(const struct who *w, uint32_t iface, const struct mac *m, const struct addr *a);
/* The identity behind an address that is not a source (its MAC is not in the packet): by binding or listing.  WHO_NONE: wherever
 * it is; WHO_NOWHERE: behind an interface of no zone, where nobody is bound who is bound elsewhere. */
struct who_id who_address(const struct who *w, uint32_t iface, const struct addr *a);
/* Before a source and an address are looked up: what that will read is fetched, in three steps, between which others can be
 * looked ahead for.  m NULL: no MAC. */
struct who_ahead { uint64_t mac, from, to; };
void who_ahead_slots(const struct who *w, const struct mac *m, const struct addr *from, const struct addr *to,
		     struct who_ahead *ret);
void who_ahead_records(const struct who *w, const struct who_ahead *a);
void who_ahead_holder(const struct who *w, const struct who_ahead *a);
size_t who_bindings(const struct who *w);
const struct who_binding *who_binding(const struct who *w, size_t i);   /* verified and pinned ones, sorted */
/* What a MAC tells of a sender by itself: the listed and the learnt ones, i below who_macs; proof is always 0. */
size_t who_macs(const struct who *w);
struct who_id who_mac(const struct who *w, size_t i, struct mac *ret);
/* The device record's words for events: "" where unknown. */
const char *who_name(const struct who *w, const struct who_id *id);

#endif
