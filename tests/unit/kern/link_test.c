/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be asked of interfaces and addresses, on a map made by hand:
 *
 *	1 lo    2 eth0 ── bridge br0 (5) ── eth1 3      4 eth2 ── vlan eth2.7 (7)     8 macvlan mac0 on 7
 *	6 vrf0: eth3 (9), eth4 (10)      11 and 12 a pair of veths in this namespace */
#include "kern/link_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/suite.h"

static struct link_map m;

static void iface(uint32_t index, const char *name, const char *kind, uint32_t lower, uint32_t master)
{
	struct link_iface l = { .index = index, .lower = lower, .master = master };

	snprintf(l.name, sizeof(l.name), "%s", name);
	snprintf(l.kind, sizeof(l.kind), "%s", kind);
	ck_assert(link_set_insert(&m.set, &l));
}

static struct addr at(const char *s)
{
	struct addr a;

	ck_assert(addr_parse(s, &a));
	return a;
}

static void address(uint32_t index, const char *s, uint8_t len, bool usable)
{
	const struct link_addr a = { .index = index, .addr = at(s), .len = len, .usable = usable };

	ck_assert(link_set_insert_addr(&m.set, &a));
}

static void begin(void)
{
	iface(9, "eth3", "", 0, 6);
	iface(1, "lo", "", 0, 0);
	iface(5, "br0", "bridge", 0, 0);
	iface(12, "pair1", "veth", 11, 0);
	iface(2, "eth0", "", 0, 5);
	iface(6, "vrf0", "vrf", 0, 0);
	iface(3, "eth1", "", 0, 5);
	iface(10, "eth4", "", 0, 6);
	iface(8, "mac0", "macvlan", 7, 0);
	iface(4, "eth2", "", 0, 0);
	iface(7, "eth2.7", "vlan", 4, 0);
	iface(11, "pair0", "veth", 12, 0);
	m.walk.list = calloc(m.set.ifaces.n, sizeof(*m.walk.list));
	m.walk.met = calloc(m.set.ifaces.n, sizeof(*m.walk.met));
}

static void end(void)
{
	free(m.walk.list);
	free(m.walk.met);
	link_set_free(&m.set);
}

static bool is_named(const struct link_iface *l, void *arg)
{
	return !strcmp(l->name, arg);
}

static bool stands(const char *on, const char *name)
{
	const struct link_iface *l = link_by_name(&m, name);
	char want[16];

	snprintf(want, sizeof(want), "%s", on);
	ck_assert_ptr_nonnull(l);
	return link_stands_on(&m, l->index, is_named, want);
}

START_TEST(test_order)
{
	begin();
	ck_assert_uint_eq(link_count(&m), 12);
	for (size_t i = 0; i < 12; i++)
		ck_assert_uint_eq(link_at(&m, i)->index, i + 1);
	ck_assert_ptr_null(link_at(&m, 12));
	ck_assert_str_eq(link_by_index(&m, 7)->name, "eth2.7");
	ck_assert_ptr_null(link_by_index(&m, 13));
	ck_assert_ptr_null(link_by_index(&m, 0));
	ck_assert_ptr_null(link_by_name(&m, "eth2.8"));
	link_set_remove(&m.set, 7);
	ck_assert_ptr_null(link_by_index(&m, 7));
	ck_assert_uint_eq(link_count(&m), 11);
	ck_assert_str_eq(link_by_index(&m, 8)->name, "mac0");
	end();
}
END_TEST

START_TEST(test_stands_on)
{
	begin();
	ck_assert(stands("eth2", "eth2"));
	ck_assert(stands("eth2", "eth2.7"));
	ck_assert(stands("eth2", "mac0"));
	ck_assert(!stands("eth2.7", "eth2"));
	ck_assert(!stands("mac0", "eth2.7"));
	ck_assert(!stands("eth0", "mac0"));
	/* a bridge is one wire */
	ck_assert(stands("br0", "eth0"));
	ck_assert(stands("eth0", "br0"));
	ck_assert(stands("eth1", "eth0"));
	ck_assert(!stands("eth2", "br0"));
	/* a VRF is not */
	ck_assert(stands("eth3", "vrf0"));
	ck_assert(stands("vrf0", "eth3"));
	ck_assert(!stands("eth4", "eth3"));
	/* two that stand on each other */
	ck_assert(stands("pair1", "pair0"));
	ck_assert(!stands("eth0", "pair0"));
	ck_assert(!link_stands_on(&m, 99, is_named, NULL));
	end();
}
END_TEST

/* A VLAN of a bridge port, and a bridge over a VLAN. */
START_TEST(test_stands_on_stacks)
{
	begin();
	link_set_iface(&m.set, 7)->master = 5;
	ck_assert(stands("eth2", "br0"));
	ck_assert(stands("eth2", "eth0"));
	ck_assert(!stands("eth0", "eth2"));
	ck_assert(stands("eth0", "mac0"));
	end();
}
END_TEST

/* want NULL: there is none. */
static void own(uint32_t index, const char *peer, const char *want, bool near)
{
	const struct addr p = at(peer), w = at(want ? want : "::");
	struct addr a;
	bool same = !near;

	ck_assert_int_eq(link_own_address(&m, index, &p, &a, &same), want != NULL);
	if (!want)
		return;
	ck_assert_msg(addr_equal(&a, &w), "for %s", peer);
	ck_assert_int_eq(same, near);
}

START_TEST(test_own_address)
{
	const struct addr mine = at("10.2.0.1"), tentative = at("fd02::1"), other = at("10.2.0.9");

	begin();
	address(2, "10.1.0.1", 24, true);
	address(2, "10.1.1.1", 24, true);
	address(2, "fd01::1", 64, true);
	address(2, "fe80::1", 64, true);
	address(3, "10.2.0.1", 25, true);
	address(3, "fd02::1", 64, false);
	own(2, "10.1.0.77", "10.1.0.1", true);
	own(2, "10.1.1.77", "10.1.1.1", true);
	own(2, "10.9.9.9", "10.1.0.1", false);
	own(2, "fd01::77", "fd01::1", true);
	own(2, "fe80::77", "fe80::1", true);
	own(2, "fd09::77", "fe80::1", false);
	own(3, "10.2.0.127", "10.2.0.1", true);
	own(3, "10.2.0.128", "10.2.0.1", false);
	own(3, "fd02::2", NULL, false);
	own(4, "10.1.0.77", NULL, false);
	ck_assert(link_is_own(&m, &mine));
	ck_assert(link_is_own(&m, &tentative));
	ck_assert(!link_is_own(&m, &other));
	link_set_remove_addrs(&m.set, 3);
	ck_assert(!link_is_own(&m, &mine));
	own(2, "10.1.0.77", "10.1.0.1", true);
	end();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("link");

	tcase_add_test(tc, test_order);
	tcase_add_test(tc, test_stands_on);
	tcase_add_test(tc, test_stands_on_stacks);
	tcase_add_test(tc, test_own_address);
	return suite_run(tc);
}
