/* SPDX-License-Identifier: GPL-2.0-or-later */
/* example: the input that the table's tests share: a guarded interface, an observed one, an open one, one without MACs. */
#ifndef UNIT_KERN_EXAMPLE_H
#define UNIT_KERN_EXAMPLE_H

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kern/table.h"
#include "net/addr.h"

struct example {
	struct table_range guarded[2], remote[1], observed[1], routed[2];
	struct table_iface ifaces[5];
	struct table_binding bindings[6];
	struct table_input in;
};

static inline struct addr example_addr(const char *s)
{
	struct addr a;

	if (!addr_parse(s, &a))
		abort();
	return a;
}

static inline struct mac example_mac(const char *s)
{
	struct mac m;

	if (!addr_mac_parse(s, &m))
		abort();
	return m;
}

static inline struct table_range example_range(const char *lo, const char *hi)
{
	return (struct table_range){ example_addr(lo), example_addr(hi) };
}

static inline struct table_binding example_binding(uint32_t iface, const char *mac, const char *addr, enum table_class cls)
{
	return (struct table_binding){ iface, example_mac(mac), example_addr(addr), cls };
}

static inline void example_init(struct example *x)
{
	memset(x, 0, sizeof(*x));
	x->guarded[0] = example_range("10.20.0.0", "10.20.255.255");
	x->guarded[1] = example_range("fd00:20::", "fd00:20::ffff:ffff:ffff:ffff");
	x->remote[0] = example_range("10.40.0.0", "10.40.0.255");
	x->observed[0] = example_range("10.30.0.0", "10.30.0.255");
	x->routed[0] = example_range("10.21.0.0", "10.21.3.255");
	x->routed[1] = example_range("fd00:21::", "fd00:21::ffff");
	x->ifaces[0] = (struct table_iface){ .name = "eth1.20", .role = TABLE_GUARDED, .dhcp = true };
	x->ifaces[1] = (struct table_iface){ .name = "eth0", .role = TABLE_OPEN };
	x->ifaces[2] = (struct table_iface){ .name = "eth3", .role = TABLE_OBSERVED };
	x->ifaces[3] = (struct table_iface){ .name = "wg0", .role = TABLE_GUARDED, .l3 = true };
	x->ifaces[4] = (struct table_iface){ .name = "eth4", .role = TABLE_GUARDED, .routed = x->routed, .n_routed = 2 };
	x->bindings[0] = example_binding(0, "ac:cc:8e:00:00:02", "10.20.0.2", TABLE_KNOWN);
	x->bindings[1] = example_binding(0, "ac:cc:8e:00:00:02", "fd00:20::2", TABLE_KNOWN);
	x->bindings[2] = example_binding(0, "44:19:b6:00:00:03", "10.20.0.3", TABLE_RESTRICTED);
	x->bindings[3] = example_binding(2, "ac:cc:8e:00:00:30", "10.30.0.2", TABLE_KNOWN);
	x->bindings[4] = example_binding(3, "00:00:00:00:00:00", "10.50.0.2", TABLE_KNOWN);
	x->bindings[5] = example_binding(0, "00:1a:00:00:00:04", "10.20.0.4", TABLE_KNOWN);
	x->in = (struct table_input){
		.generation = 1, .page = 'a', .mark_shift = 24, .queue = 100, .nflog_group = 100, .native_queue = true,
		.ifaces = x->ifaces, .n_ifaces = 5, .guarded = x->guarded, .n_guarded = 2, .remote = x->remote, .n_remote = 1,
		.observed = x->observed, .n_observed = 1, .bindings = x->bindings, .n_bindings = 6,
	};
	memset(x->in.digest, 0xab, sizeof(x->in.digest));
}

#endif
