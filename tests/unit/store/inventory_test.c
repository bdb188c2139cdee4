/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/inventory.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "unit/store/scratch.h"
#include "unit/suite.h"

static struct scratch_spool s;
static struct arena *a;
static struct err e;
static size_t n;

#define OK(call) ck_assert_msg((call) == 0, "%s", e.msg)

static void setup(void)
{
	scratch_setup();
	scratch_open(&s, NULL, NULL);
	a = arena_new();
}

static void teardown(void)
{
	arena_free(a);
	scratch_close(&s);
	scratch_teardown();
}

static void restart(void)
{
	scratch_close(&s);
	scratch_open(&s, NULL, NULL);
}

static struct inventory_device device(uint64_t id)
{
	return (struct inventory_device){ .id = id, .name = "hall-cam-3", .maker = "hikvision", .cls = "restricted", .zone = "cctv",
		.iface = "eth1.20", .vlan = 20, .has_mac = true, .mac = { { 0x44, 0x19, 0xb6, 1, 2, 3 } }, .sticky = true,
		.first_ns = 1000, .last_ns = 2000 };
}

START_TEST(devices_evidence_and_bindings_survive_a_restart)
{
	struct inventory_device d = device(7), later = device(7), *devices;
	struct inventory_evidence v = { 7, "registry", "Hangzhou Hikvision", "registry", 1000, 1500 }, *evidence;
	struct inventory_binding b = { .device = 7, .iface = "eth1.20", .mac = d.mac, .proof = 2, .first_ns = 1, .last_ns = 2 };
	struct inventory_binding *bindings;

	OK(inventory_put_device(s.db, &d, &e));
	later.name = "renamed";
	later.location = "B1";
	later.first_ns = 5000;
	later.last_ns = 6000;
	OK(inventory_put_device(s.db, &later, &e));
	OK(inventory_put_evidence(s.db, &v, &e));
	v.first_ns = 900;
	v.last_ns = 1200;
	OK(inventory_put_evidence(s.db, &v, &e));
	b.addr = addr_v4(0x0a140407);
	OK(inventory_put_binding(s.db, &b, &e));
	ck_assert(addr_parse("fd00:20::7", &b.addr));
	OK(inventory_put_binding(s.db, &b, &e));
	restart();
	OK(inventory_devices(s.db, a, &devices, &n, &e));
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(devices[0].name, "renamed");
	ck_assert_str_eq(devices[0].location, "B1");
	ck_assert(devices[0].switch_port == NULL && devices[0].sticky && devices[0].vlan == 20 && devices[0].has_mac);
	ck_assert(addr_mac_equal(&devices[0].mac, &d.mac));
	ck_assert(devices[0].first_ns == 1000 && devices[0].last_ns == 6000);
	OK(inventory_evidence(s.db, a, &evidence, &n, &e));
	ck_assert(n == 1 && evidence[0].first_ns == 900 && evidence[0].last_ns == 1500);
	OK(inventory_bindings(s.db, a, &bindings, &n, &e));
	ck_assert_uint_eq(n, 2);
	ck_assert(bindings[0].addr.family == 4 && bindings[1].addr.family == 6 && addr_equal(&bindings[1].addr, &b.addr));
	ck_assert_uint_eq(bindings[0].proof, 2);
}
END_TEST

START_TEST(dropping_takes_everything_and_ids_are_not_used_again)
{
	struct inventory_device d = device(41), *devices;
	struct inventory_evidence v = { 41, "registry", "x", "registry", 1, 1 };
	struct inventory_binding b = { .device = 41, .iface = "eth1", .addr = addr_v4(1) }, *bindings;
	uint64_t last;

	OK(inventory_put_device(s.db, &d, &e));
	OK(inventory_put_evidence(s.db, &v, &e));
	OK(inventory_put_binding(s.db, &b, &e));
	OK(inventory_drop_device(s.db, 41, &e));
	OK(inventory_devices(s.db, a, &devices, &n, &e));
	ck_assert_uint_eq(n, 0);
	OK(inventory_bindings(s.db, a, &bindings, &n, &e));
	ck_assert_uint_eq(n, 0);
	OK(inventory_last_device(s.db, &last, &e));
	ck_assert_uint_eq(last, 41);
}
END_TEST

START_TEST(several_puts_are_one_transaction)
{
	struct inventory_device d, *devices;

	OK(db_begin(s.db, &e));
	for (uint64_t i = 1; i <= 50; i++) {
		d = device(i);
		OK(inventory_put_device(s.db, &d, &e));
		OK(inventory_drop_device(s.db, i / 2, &e));
	}
	db_rollback(s.db);
	OK(inventory_devices(s.db, a, &devices, &n, &e));
	ck_assert_uint_eq(n, 0);
	scratch_fill(&s, 3);
}
END_TEST

START_TEST(texts_are_kept_once_per_digest)
{
	const char *text;
	size_t len;

	OK(inventory_put_text(s.db, "abc", "policy.yaml", "version: 1\n", 11, 5, &e));
	OK(inventory_put_text(s.db, "abc", "other.yaml", "different", 9, 6, &e));
	OK(inventory_text(s.db, "abc", a, &text, &len, &e));
	ck_assert_str_eq(text, "version: 1\n");
	ck_assert_uint_eq(len, 11);
	ck_assert_int_eq(inventory_text(s.db, "def", a, &text, &len, &e), -1);
	ck_assert_int_eq(e.code, ENOENT);
}
END_TEST

static void interval_is(const struct inventory_interval *i, const char *state, int64_t start, int64_t end)
{
	ck_assert_str_eq(i->state, state);
	ck_assert_int_eq(i->start_ns, start);
	ck_assert_int_eq(i->end_ns, end);
}

START_TEST(what_was_open_at_a_crash_ends_at_the_last_sign_of_life)
{
	struct inventory_interval *list;

	OK(inventory_put_state(s.db, "cctv", "observe", 100, &e));
	OK(inventory_put_state(s.db, "cctv", "observe", 150, &e));
	OK(inventory_put_state(s.db, "cctv", "enforce", 200, &e));
	OK(inventory_alive(s.db, 300, &e));
	restart();
	OK(inventory_resume(s.db, 500, &e));
	OK(inventory_put_state(s.db, "cctv", "enforce", 510, &e));
	OK(inventory_intervals(s.db, "cctv", a, &list, &n, &e));
	ck_assert_uint_eq(n, 4);
	interval_is(&list[0], "observe", 100, 200);
	interval_is(&list[1], "enforce", 200, 300);
	interval_is(&list[2], "outage", 300, 500);
	interval_is(&list[3], "enforce", 510, 0);
	OK(inventory_intervals(s.db, "nowhere", a, &list, &n, &e));
	ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(a_clock_that_went_back_makes_no_negative_interval)
{
	struct inventory_interval *list;
	int64_t latest;

	OK(inventory_put_state(s.db, "cctv", "enforce", 1000, &e));
	OK(inventory_alive(s.db, 2000, &e));
	OK(inventory_alive(s.db, 1500, &e));
	OK(inventory_latest(s.db, &latest, &e));
	ck_assert_int_eq(latest, 2000);
	OK(inventory_resume(s.db, 900, &e));
	OK(inventory_intervals(s.db, NULL, a, &list, &n, &e));
	for (size_t i = 0; i < n; i++)
		ck_assert_int_ge(list[i].end_ns, list[i].start_ns);
}
END_TEST

START_TEST(the_spool_puts_the_clock_forward_too)
{
	int64_t before = now_wall_ns(), latest;

	scratch_fill(&s, 2);
	OK(inventory_latest(s.db, &latest, &e));
	ck_assert_int_ge(latest, before);
}
END_TEST

START_TEST(counters_are_replaced)
{
	struct inventory_counter c = { "post-denied", 10, 600 }, *list;

	OK(inventory_put_counter(s.db, &c, &e));
	c.packets = 12;
	OK(inventory_put_counter(s.db, &c, &e));
	restart();
	OK(inventory_counters(s.db, a, &list, &n, &e));
	ck_assert(n == 1 && list[0].packets == 12 && list[0].bytes == 600);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("inventory");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, devices_evidence_and_bindings_survive_a_restart);
	tcase_add_test(tc, dropping_takes_everything_and_ids_are_not_used_again);
	tcase_add_test(tc, several_puts_are_one_transaction);
	tcase_add_test(tc, texts_are_kept_once_per_digest);
	tcase_add_test(tc, what_was_open_at_a_crash_ends_at_the_last_sign_of_life);
	tcase_add_test(tc, a_clock_that_went_back_makes_no_negative_interval);
	tcase_add_test(tc, the_spool_puts_the_clock_forward_too);
	tcase_add_test(tc, counters_are_replaced);
	return suite_run(tc);
}
