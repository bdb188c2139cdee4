/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel is told of a policy: roles of interfaces, networks by longest prefix, bindings and their classes. */
#include "kern/table.h"

#include <string.h>

#include "unit/kern/planned.h"
#include "unit/suite.h"

static const char text[] =
	"version: 1\n"
	"revision: test\n"
	"mode: enforce\n"
	"packs: [uk-nil]\n"
	"zones:\n"
	"  cctv:   { interfaces: [f0], networks: [10.20.0.0/16, \"fd00:20::/64\"], guarded: true, dhcp: true }\n"
	"  depot:  { interfaces: [f1], networks: [10.20.64.0/24, 10.20.255.0/24] }\n"
	"  away:   { networks: [10.40.0.0/24], guarded: true }\n"
	"  trial:  { interfaces: [f2], networks: [10.30.0.0/24], guarded: true, mode: observe }\n"
	"  behind: { interfaces: [f3], networks: [10.21.0.0/24], guarded: true, routed: true, unknown: rules }\n"
	"  core:   { interfaces: [f4], networks: [10.0.0.0/8] }\n"
	"devices:\n"
	"  - { name: axis, macs: [\"ac:cc:8e:00:00:02\"], addresses: [10.20.0.2], maker: axis }\n"
	"  - { name: hik, macs: [\"44:19:b6:00:00:03\"], addresses: [10.20.0.3], maker: hikvision }\n"
	"  - { name: nvr, macs: [\"00:00:5e:00:53:01\", \"00:00:5e:00:53:02\"] }\n"
	"  - { name: both, macs: [\"ac:cc:8e:00:00:03\"], addresses: [10.20.0.9, 10.0.0.3] }\n"
	"  - { name: vms, addresses: [10.0.0.4] }\n"
	"hosts: { nas: { networks: [10.0.0.9] } }\n"
	"groups: { restricted: { packs: [uk-nil] } }\n"
	"restrict:\n"
	"  - { id: cut, group: restricted, reason: because }\n"
	"rules:\n"
	"  - { id: video, from: core, to: cctv, services: [tcp/554], action: allow }\n"
	"  - { id: far, from: behind, to: core, services: [tcp/443], action: allow }\n"
	"  - { id: bulk, from: cctv, to: nas, services: [tcp/2049], action: allow, offload: true }\n"
	"default: drop\n";

static struct table_input in;

static void begin(void)
{
	static const char *const open[] = { "docker0", "f4", "lo" }, *const l3[] = { "f3" };
	struct table_setup setup = {
		.generation = 3, .page = 'b', .queue = 100, .nflog_group = 7, .open = open, .n_open = 3, .l3 = l3, .n_l3 = 1,
		.flowtables = true,
	};

	planned_load(text, INT64_C(1800000000) * 1000000000, &setup, &in);
}

static const struct table_iface *iface(const char *name)
{
	for (size_t i = 0; i < in.n_ifaces; i++)
		if (!strcmp(in.ifaces[i].name, name))
			return &in.ifaces[i];
	ck_abort_msg("no interface %s", name);
	return NULL;
}

static void is_range(const struct table_range *r, const char *lo, const char *hi)
{
	char a[ADDR_TEXT], b[ADDR_TEXT];

	ck_assert_str_eq(addr_text(&r->lo, a, sizeof(a)), lo);
	ck_assert_str_eq(addr_text(&r->hi, b, sizeof(b)), hi);
}

START_TEST(gives_interfaces_their_roles)
{
	ck_assert_int_eq(iface("f0")->role, TABLE_GUARDED);
	ck_assert(iface("f0")->dhcp);
	ck_assert_int_eq(iface("f1")->role, TABLE_OPEN);
	ck_assert_int_eq(iface("f2")->role, TABLE_OBSERVED);
	ck_assert_int_eq(iface("f3")->role, TABLE_GUARDED);
	ck_assert(iface("f3")->l3 && !iface("f0")->l3);
	ck_assert_uint_eq(iface("f3")->n_routed, 1);
	is_range(&iface("f3")->routed[0], "10.21.0.0", "10.21.0.255");
	ck_assert_int_eq(iface("f4")->role, TABLE_OPEN);
	ck_assert_int_eq(iface("docker0")->role, TABLE_OPEN);
	ck_assert_uint_eq(in.n_ifaces, 6);              /* f4 once, and lo has its own place */
	ck_assert_uint_gt(iface("f0")->loc.line, 0);
}
END_TEST

/* The open zone inside the guarded network stays open. */
START_TEST(owns_networks_by_the_longest_prefix)
{
	ck_assert_uint_eq(in.n_guarded, 4);
	is_range(&in.guarded[0], "10.20.0.0", "10.20.63.255");
	is_range(&in.guarded[1], "10.20.65.0", "10.20.254.255");
	is_range(&in.guarded[2], "10.21.0.0", "10.21.0.255");
	is_range(&in.guarded[3], "fd00:20::", "fd00:20::ffff:ffff:ffff:ffff");
	ck_assert_uint_eq(in.n_remote, 1);
	is_range(&in.remote[0], "10.40.0.0", "10.40.0.255");
	ck_assert_uint_eq(in.n_observed, 1);
	is_range(&in.observed[0], "10.30.0.0", "10.30.0.255");
}
END_TEST

START_TEST(classes_what_is_pinned)
{
	ck_assert_uint_eq(in.n_bindings, 3);
	for (size_t i = 0; i < in.n_bindings; i++)
		ck_assert_int_eq(in.bindings[i].cls, in.bindings[i].mac.b[0] == 0x44 ? TABLE_RESTRICTED : TABLE_KNOWN);
}
END_TEST

static const struct table_binding *known(const struct table_input *i)
{
	for (size_t k = 0; k < i->n_bindings; k++)
		if (i->bindings[k].cls == TABLE_KNOWN)
			return &i->bindings[k];
	ck_abort();
	return NULL;
}

/* Only interfaces that the policy names, and none that has to do with a bridge. */
START_TEST(takes_what_may_be_offloaded)
{
	static const char *const open[] = { "docker0", "lo" }, *const bridged[] = { "f1", "docker0" };
	const struct table_setup setup = {
		.generation = 3, .page = 'b', .plan = planned.plan, .open = open, .n_open = 2, .bridged = bridged, .n_bridged = 2,
		.flowtables = true,
	};
	struct table_input again;
	struct err e = { 0 };

	ck_assert(in.offload);
	ck_assert_uint_eq(in.n_offload_ifaces, 3);
	ck_assert_str_eq(in.offload_ifaces[0], "f0");
	ck_assert_str_eq(in.offload_ifaces[1], "f1");
	ck_assert_str_eq(in.offload_ifaces[2], "f4");
	ck_assert_msg(table_input_from(planned.policy, planned.prog, planned.who, &setup, planned.arena, &again,
				       &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(again.n_offload_ifaces, 2);
	ck_assert_str_eq(again.offload_ifaces[1], "f4");
}
END_TEST

/* Who of the bindings is of which of the plan's classes, and which of them stand where. */
START_TEST(takes_the_plan)
{
	struct table_setup setup = { .generation = 3, .page = 'b', .plan = planned.plan, .like = &in };
	struct table_input again;
	struct err e = { 0 };

	ck_assert_uint_eq(in.plan.n_rules, planned.policy->n_rules);
	ck_assert_str_eq(in.plan.rules[0], planned.policy->rules[0].id);
	ck_assert_uint_eq(in.plan.left_out, 0);
	ck_assert_uint_gt(in.plan.n_members, 0);
	for (size_t i = 0; i < in.n_bindings; i++)
		ck_assert(in.bindings[i].sole);
	ck_assert_uint_lt(known(&in)->plan, in.plan.n_classes);
	ck_assert_uint_lt(table_plan_find(&in.plan, known(&in)->iface, known(&in)->plan), in.plan.n_members);
	ck_assert_uint_eq(table_plan_find(&in.plan, 1, known(&in)->plan), SIZE_MAX);    /* f1 is open */
	ck_assert_msg(table_input_from(planned.policy, planned.prog, planned.who, &setup, planned.arena, &again, &e) == 0, "%s", e.msg);
	ck_assert_ptr_eq(again.plan.members, in.plan.members);
	ck_assert_uint_eq(known(&again)->plan, known(&in)->plan);
	in.plan.n_members = 0;                          /* as if the class came later */
	ck_assert_msg(table_input_from(planned.policy, planned.prog, planned.who, &setup, planned.arena, &again, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(known(&again)->plan, TABLE_NO_PLAN);
	setup.plan = NULL;
	setup.like = NULL;
	ck_assert_msg(table_input_from(planned.policy, planned.prog, planned.who, &setup, planned.arena, &again, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(again.plan.n_members, 0);
	ck_assert_uint_eq(again.plan.n_rules, planned.policy->n_rules);         /* their counters stay */
}
END_TEST

/* Of whom a MAC may be seen where nobody proves anything. */
START_TEST(lists_macs_that_are_not_at_home_on_guarded_interfaces)
{
	ck_assert_uint_eq(in.n_listed, 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(in.listed[i].b[5], i + 1);
}
END_TEST

START_TEST(takes_the_rest_as_it_is)
{
	struct table *t = NULL;
	struct err e = { 0 };

	ck_assert_uint_eq(in.generation, 3);
	ck_assert_int_eq(in.page, 'b');
	ck_assert_uint_eq(in.mark_shift, 24);
	ck_assert_uint_eq(in.nflog_group, 7);
	ck_assert_mem_eq(in.digest, planned.policy->digest, 32);
	ck_assert_msg(table_build(&in, &t, &e) == 0, "%s", e.msg);
	table_free(t);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("input");

	tcase_add_checked_fixture(tc, begin, planned_forget);
	tcase_add_test(tc, gives_interfaces_their_roles);
	tcase_add_test(tc, owns_networks_by_the_longest_prefix);
	tcase_add_test(tc, classes_what_is_pinned);
	tcase_add_test(tc, takes_what_may_be_offloaded);
	tcase_add_test(tc, takes_the_plan);
	tcase_add_test(tc, lists_macs_that_are_not_at_home_on_guarded_interfaces);
	tcase_add_test(tc, takes_the_rest_as_it_is);
	return suite_run(tc);
}
