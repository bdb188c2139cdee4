/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zones: which zone of a policy an address is in, by longest prefix.  Frozen once built; any thread.
 * Keeps a pointer into the policy. */
#ifndef IDENT_ZONES_H
#define IDENT_ZONES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/own.h"
#include "net/addr.h"

struct policy;
struct zones;

struct zones *zones_new(const struct policy *p);        /* NULL: out of memory */
void zones_free(struct zones *z);
OWN(zones)
/* Index into policy->zones, or UINT32_MAX: none claims it. */
uint32_t zones_find(const struct zones *z, const struct addr *a);
/* Is it in a zone behind a router? */
bool zones_routed(const struct zones *z, const struct addr *a);
/* Does an address that belongs there stand on this interface (into policy->ifaces)?  A zone without interfaces: on any. */
bool zones_on(const struct zones *z, uint32_t zone, uint32_t iface);
/* Does this interface have a zone to which the address belongs: by its networks, or because the zone has none and no other
 * zone claims it? */
bool zones_at_home(const struct zones *z, uint32_t iface, const struct addr *a);

#endif
