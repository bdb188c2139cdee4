/* SPDX-License-Identifier: GPL-2.0-or-later */
/* route: which way the kernel would send to an address: to itself, or out of which interface. */
#ifndef KERN_ROUTE_H
#define KERN_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/addr.h"

struct nl;

struct route_way { uint32_t ifindex; bool local; };     /* ifindex 0: no way */

/* n: of NL_ROUTE.  An address without a way is no error. */
int route_find(struct nl *n, const struct addr *a, struct route_way *ret, struct err *e);

#endif
