/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy whose tables would not fit is refused by the names of its worst entries; one of that many rules that fits does. */
#include "unit/suite.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "engine/naive.h"
#include "engine/prog.h"
#include "policy/policy.h"

static struct arena *a;
static struct policy p;

static void setup(void)
{
	a = arena_new();
	p = (struct policy){ .fallback = POLICY_DROP };
}

static void teardown(void)
{
	arena_free(a);
}

static void make(uint32_t n_devices, uint32_t n_hosts, uint32_t n_rules)
{
	p.n_devices = n_devices;
	p.devices = arena_array(a, n_devices, struct policy_device);
	for (uint32_t i = 0; i < n_devices; i++)
		p.devices[i].maker = p.devices[i].registry_maker = POLICY_NONE;
	p.n_hosts = n_hosts;
	p.hosts = arena_array(a, n_hosts, struct policy_host);
	for (uint32_t i = 0; i < n_hosts; i++) {
		p.hosts[i].nets = arena_array(a, 1, struct prefix);
		p.hosts[i].n_nets = 1;
		p.hosts[i].nets[0] = (struct prefix){ addr_v4((10U << 24) + i * 16), 28 };
	}
	p.n_zones = p.n_ifaces = 1;
	p.zones = arena_array(a, 1, struct policy_zone);
	p.ifaces = arena_array(a, 1, struct policy_iface);
	p.zones[0].guard = POLICY_GUARDED;
	p.zones[0].unknown = POLICY_UNKNOWN_RULES;
	p.zones[0].ifaces = p.ifaces[0].zones = arena_array(a, 1, uint32_t);
	p.zones[0].n_ifaces = p.ifaces[0].n_zones = 1;
	p.n_rules = n_rules;
	p.rules = arena_array(a, n_rules, struct policy_rule);
	for (uint32_t i = 0; i < n_rules; i++) {
		p.rules[i].section = POLICY_RULE;
		p.rules[i].id = arena_printf(a, "r%u", i);
		p.rules[i].group = POLICY_NONE;
		p.rules[i].services.any = true;
	}
}

static void refer(struct policy_sel *s, uint32_t n, bool negate, enum policy_ref_kind kind, uint32_t first, uint32_t second)
{
	s->refs = arena_array(a, 2, struct policy_ref);
	s->n = n;
	s->negate = negate;
	s->refs[0] = (struct policy_ref){ .kind = kind, .index = first };
	s->refs[1] = (struct policy_ref){ .kind = POLICY_REF_HOST, .index = second };
}

/* Each entry excludes a device and a host of its own: every combination is another class. */
START_TEST(too_many_combinations)
{
	struct prog *prog = NULL;
	struct err e = { 0 };

	make(5000, 5000, 5000);
	for (uint32_t i = 0; i < p.n_rules; i++)
		refer(&p.rules[i].from, 2, true, POLICY_REF_DEVICE, i, i);
	ck_assert_int_eq(prog_build(&p, 0, &prog, &e), -1);
	ck_assert_int_eq(e.code, E2BIG);
	ck_assert_ptr_null(prog);
	ck_assert_ptr_nonnull(strstr(e.msg, "256 MiB"));
	ck_assert_ptr_nonnull(strstr(e.msg, "'r0'"));
}
END_TEST

/* As many devices and hosts, in entries of their own: they do not multiply. */
START_TEST(devices_and_hosts_apart)
{
	struct prog *prog = NULL;
	struct err e = { 0 };
	struct flow f = { .from = { .iface = 0, .iface_known = true, .id = { .listed = 77, .maker = WHO_NONE } }, .proto = 6 };
	struct verdict v;

	make(5000, 5000, 10000);
	for (uint32_t i = 0; i < p.n_rules; i++) {
		const bool opens = i % 2;

		refer(opens ? &p.rules[i].from : &p.rules[i].to, 1, false, POLICY_REF_DEVICE, i / 2, 0);
		refer(opens ? &p.rules[i].to : &p.rules[i].from, 1, false, POLICY_REF_HOST, i / 2, 0);
	}
	ck_assert_msg(prog_build(&p, 0, &prog, &e) == 0, "%s", e.msg);
	ck_assert_uint_lt(prog_bytes(prog), 256U << 20);
	f.from.addr = addr_v4(9U << 24);
	f.to.addr = addr_v4((10U << 24) + 77 * 16 + 15);
	f.to.id = (struct who_id){ .listed = WHO_NONE, .maker = WHO_NONE };
	v = prog_eval(prog, &f, NULL);
	ck_assert_uint_eq(v.rule, 77 * 2 + 1);
	ck_assert_uint_eq(naive_eval(&p, 0, &f).rule, v.rule);
	f.to.addr = addr_v4((10U << 24) + 78 * 16);
	ck_assert_uint_eq(prog_eval(prog, &f, NULL).rule, POLICY_NONE);
	prog_free(prog);
}
END_TEST

START_TEST(empty)
{
	const struct flow f = { .from = { .id = { .listed = WHO_NONE, .maker = WHO_NONE } }, .to = { .id = { .listed = WHO_NONE,
				.maker = WHO_NONE } } };
	struct prog *prog;
	struct err e;

	ck_assert_int_eq(prog_build(&p, 0, &prog, &e), 0);
	ck_assert_int_eq(prog_eval(prog, &f, NULL).why, VERDICT_UNGUARDED);
	prog_free(prog);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("limit");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, too_many_combinations);
	tcase_add_test(tc, devices_and_hosts_apart);
	tcase_add_test(tc, empty);
	return suite_run(tc);
}
