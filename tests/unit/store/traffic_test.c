/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/traffic.h"

#include <string.h>

#include "base/arena.h"
#include "store/db_sql.h"
#include "store/inventory.h"
#include "unit/store/scratch.h"
#include "unit/suite.h"

#define HOUR (TRAFFIC_HOUR_S * NOW_NS_PER_S)

static struct scratch_spool s;
static struct arena *a;
static struct err e;
static struct traffic_sum *sums;
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

static struct traffic_row row(int64_t hour, uint64_t device, const char *to, const char *rule)
{
	struct traffic_row r = { .hour_ns = hour * HOUR, .from_device = device, .proto = 6, .port = 554, .from_zone = "cctv",
		.to_zone = "core", .flows = 1, .packets = { 10, 20 }, .bytes = { 1000, 3000 }, .first_ns = hour * HOUR + 5,
		.last_ns = hour * HOUR + 9 };

	snprintf(r.rule, sizeof(r.rule), "%s", rule);
	ck_assert(addr_parse(device ? "10.20.0.13" : "10.1.5.10", &r.from));
	ck_assert(addr_parse(to, &r.to));
	return r;
}

static void add(struct traffic_row r)
{
	OK(traffic_add(s.db, &r, &e));
}

static void list(enum traffic_by by, int64_t since_ns)
{
	OK(traffic_list(s.db, by, since_ns, 100, a, &sums, &n, &e));
}

/* One device is one row, whatever its address; who is no device is told by its address. */
START_TEST(rows_are_added_to)
{
	struct traffic_row r = row(5, 7, "10.1.5.10", "video"), other = row(5, 0, "10.20.0.13", "video");

	add(r);
	ck_assert(addr_parse("fd00:20::13", &r.from));
	r.last_ns += 100;
	add(r);
	add(other);
	ck_assert(addr_parse("10.1.5.11", &other.from));
	add(other);
	list(TRAFFIC_BY_FLOW, 0);
	ck_assert_uint_eq(n, 3);
	ck_assert_uint_eq(sums[0].row.bytes[0], 2000);
	ck_assert_uint_eq(sums[0].row.bytes[1], 6000);
	ck_assert_uint_eq(sums[0].row.packets[0] + sums[0].row.packets[1], 60);
	ck_assert_uint_eq(sums[0].row.flows, 2);
	ck_assert_int_eq(sums[0].row.last_ns, 5 * HOUR + 109);
	ck_assert(addr_equal(&sums[0].row.from, &r.from));
	ck_assert_uint_eq(sums[1].row.bytes[0], 1000);
	ck_assert_uint_eq(sums[2].row.from_device, 0);
}
END_TEST

START_TEST(sums_by_device_and_rule_over_hours)
{
	struct inventory_device d = { .id = 7, .name = "hall-cam", .has_mac = true, .mac = { { 2, 0, 0, 0, 0, 7 } } };
	struct traffic_row back = row(6, 0, "10.20.0.13", "pull");

	OK(inventory_put_device(s.db, &d, &e));
	back.to_device = 7;
	add(row(5, 7, "10.1.5.10", "video"));
	add(row(6, 7, "10.1.5.10", "video"));
	add(back);
	add(row(6, 8, "10.1.5.10", "video"));
	list(TRAFFIC_BY_DEVICE, 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(sums[0].from_name, "hall-cam");
	ck_assert_str_eq(sums[0].from_mac, "02:00:00:00:00:07");
	ck_assert_uint_eq(sums[0].row.bytes[0], 1000 + 1000 + 3000);    /* what it sent, whoever opened */
	ck_assert_uint_eq(sums[0].row.bytes[1], 3000 + 3000 + 1000);
	ck_assert_str_eq(sums[1].from_name, "");
	list(TRAFFIC_BY_RULE, 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(sums[0].row.rule, "video");
	ck_assert_uint_eq(sums[0].row.flows, 3);
	list(TRAFFIC_BY_FLOW, 6 * HOUR);        /* the hour before has ended by then */
	ck_assert_uint_eq(n, 3);
	ck_assert_uint_eq(sums[0].row.flows, 1);
	list(TRAFFIC_BY_FLOW, 6 * HOUR - 1);
	ck_assert_uint_eq(sums[0].row.flows, 2);
}
END_TEST

START_TEST(retention_by_age_and_rows)
{
	uint64_t removed = 0;

	for (int64_t hour = 1; hour <= 10; hour++) {
		add(row(hour, 7, "10.1.5.10", "video"));
		add(row(hour, 8, "10.1.5.10", "video"));
	}
	OK(traffic_retain(s.db, 3 * HOUR, 100, &removed, &e));
	ck_assert_uint_eq(removed, 4);
	OK(traffic_retain(s.db, 0, 5, &removed, &e));
	ck_assert_uint_eq(removed, 16);
	list(TRAFFIC_BY_RULE, 0);
	ck_assert_uint_eq(sums[0].row.flows, 4);
	OK(traffic_retain(s.db, 0, 1, &removed, &e));           /* the newest hour stays */
	list(TRAFFIC_BY_RULE, 0);
	ck_assert_uint_eq(sums[0].row.flows, 2);
}
END_TEST

/* A file of before there was such a table. */
START_TEST(earlier_files)
{
	OK(db_exec(s.db, "DROP TABLE allowed", &e));
	list(TRAFFIC_BY_FLOW, 0);
	ck_assert_uint_eq(n, 0);
	scratch_close(&s);
	scratch_open(&s, NULL, NULL);
	add(row(5, 7, "10.1.5.10", "video"));
	list(TRAFFIC_BY_FLOW, 0);
	ck_assert_uint_eq(n, 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("traffic");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, rows_are_added_to);
	tcase_add_test(tc, sums_by_device_and_rule_over_hours);
	tcase_add_test(tc, retention_by_age_and_rows);
	tcase_add_test(tc, earlier_files);
	return suite_run(tc);
}
