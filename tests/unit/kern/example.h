/* SPDX-License-Identifier: GPL-2.0-or-later */
/* example: the input that the table's tests share: a guarded interface, an observed one, an open one, one without MACs. */
#ifndef UNIT_KERN_EXAMPLE_H
#define UNIT_KERN_EXAMPLE_H

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/plan.h"
#include "kern/table.h"
#include "net/addr.h"

struct example {
	struct arena *arena;            /* example_fini */
	struct table_range guarded[2], remote[1], observed[1], routed[2];
	struct table_iface ifaces[5];
	struct table_binding bindings[6];
	struct plan_service services[6];
	struct plan_what whats[5];
	struct plan_span spans[9];
	struct plan_where wheres[4];
	struct plan_class classes[2];
	struct plan_macs macs[1];
	struct mac listed[1];
	struct table_members members[2];
	uint32_t none[5], from[5];
	const char *rules[4];
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
	return (struct table_binding){ .iface = iface, .mac = example_mac(mac), .addr = example_addr(addr), .cls = cls,
				       .plan = TABLE_NO_PLAN, .sole = true };
}

static inline struct plan_span example_span(const char *lo, const char *hi, uint32_t what)
{
	return (struct plan_span){ example_addr(lo), example_addr(hi), what };
}

/* A camera that may reach a recorder, be reached by it, and use an exception; a restricted device. */
static inline void example_plan(struct example *x)
{
	const struct plan_answer drop = { PLAN_DROP, UINT32_MAX, 0 }, ask = { PLAN_ASK, UINT32_MAX, 0 };
	const struct plan_answer axis = { PLAN_ALLOW, 0, 0 }, pulls = { PLAN_ALLOW, 1, 0 };
	const struct plan_answer exception = { PLAN_ALLOW, 2, INT64_C(1795320000000000000) };

	x->rules[0] = "axis-to-vms";
	x->rules[1] = "vms-pulls-video";
	x->rules[2] = "vendor-session";
	x->rules[3] = "never-used";
	x->services[0] = (struct plan_service){ 1, 8, 8, axis };
	x->services[1] = (struct plan_service){ 6, 554, 554, axis };
	x->services[2] = (struct plan_service){ 17, 9, 9, axis };
	x->services[3] = (struct plan_service){ 17, 5000, 5999, axis };
	x->services[4] = (struct plan_service){ 6, 443, 443, exception };
	x->services[5] = (struct plan_service){ 6, 0, 65535, pulls };
	x->whats[0] = (struct plan_what){ x->services, 4, drop };
	x->whats[1] = (struct plan_what){ x->services + 4, 1, drop };
	x->whats[2] = (struct plan_what){ NULL, 0, drop };
	x->whats[3] = (struct plan_what){ x->services + 5, 1, ask };
	x->whats[4] = (struct plan_what){ x->services + 2, 1, ask };
	x->spans[0] = example_span("10.1.0.0", "10.1.0.1", 2);
	x->spans[1] = example_span("10.1.0.2", "10.1.0.2", 0);
	x->spans[2] = example_span("10.1.0.3", "10.1.255.255", 2);
	x->spans[3] = example_span("10.2.0.0", "10.2.255.255", 1);
	x->spans[4] = example_span("fd00:1::2", "fd00:1::2", 0);
	x->spans[5] = example_span("10.1.0.2", "10.1.0.2", 3);
	x->spans[6] = example_span("fd00:1::2", "fd00:1::2", 3);
	x->wheres[0] = (struct plan_where){ x->spans, 4 };
	x->wheres[1] = (struct plan_where){ x->spans + 4, 1 };
	x->wheres[2] = (struct plan_where){ x->spans + 5, 1 };
	x->wheres[3] = (struct plan_where){ x->spans + 6, 1 };
	for (unsigned i = 0; i < 5; i++)
		x->none[i] = x->from[i] = PLAN_NONE;
	x->from[1] = 2;
	x->classes[0] = (struct plan_class){ 0, 1, 4, x->from, x->none, "axis" };
	x->classes[1] = (struct plan_class){ PLAN_NONE, PLAN_NONE, 2, x->none, x->none, "restricted" };
	x->macs[0] = (struct plan_macs){ example_mac("44:19:b6:00:00:00"), example_mac("44:19:b6:ff:ff:ff") };
	x->members[0] = (struct table_members){ 0, 0 };
	x->members[1] = (struct table_members){ 0, 1 };
	x->bindings[0].plan = x->bindings[1].plan = x->bindings[5].plan = 0;
	x->bindings[2].plan = 1;
}

/* Names the plan's parts, also anew after a change. */
static inline void example_name(struct example *x)
{
	struct err e;

	x->in.plan = (struct table_plan){
		.classes = x->classes, .n_classes = 2, .wheres = x->wheres, .n_wheres = 4, .whats = x->whats, .n_whats = 5,
		.macs = x->macs, .n_macs = 1, .n_from = 5, .rules = x->rules, .n_rules = 4, .members = x->members, .n_members = 2,
	};
	if (table_plan_name(&x->in.plan, x->ifaces, x->arena, &e) < 0)
		abort();
}

static inline void example_init(struct example *x)
{
	memset(x, 0, sizeof(*x));
	x->arena = arena_new();
	if (!x->arena)
		abort();
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
		.listed = x->listed, .n_listed = 1,
	};
	x->listed[0] = example_mac("00:00:5e:00:53:20");
	memset(x->in.digest, 0xab, sizeof(x->in.digest));
	example_plan(x);
	example_name(x);
}

static inline void example_fini(struct example *x)
{
	arena_free(x->arena);
	x->arena = NULL;
}

#endif
