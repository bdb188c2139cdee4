/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of live flows, whose flow it is, and the rows of an hour. */
#include "run/allowed_part.h"

#include <netinet/in.h>

#include "unit/run/fake.h"
#include "unit/suite.h"

static struct allowed_flows flows;
static struct allowed_rows rows;

static void setup(void)
{
	flows = (struct allowed_flows){ .max = 5000 };
	rows = (struct allowed_rows){ .max = 100 };
}

static void teardown(void)
{
	allowed_flows_fini(&flows);
	allowed_rows_fini(&rows);
}

/* What is told of a flow that has sent so many packets of 100 bytes. */
static uint64_t since(uint64_t key, uint64_t packets, bool ended)
{
	struct ctflow f = { .key = key, .packets = { packets, 2 * packets }, .bytes = { 100 * packets, 200 * packets } };
	bool fresh;

	if (!allowed_flows_since(&flows, &f, ended, &fresh))
		return UINT64_MAX;
	ck_assert_uint_eq(f.packets[1], 2 * f.packets[0]);
	ck_assert_uint_eq(f.bytes[0], 100 * f.packets[0]);
	ck_assert_uint_eq(f.bytes[1], 200 * f.packets[0]);
	return f.packets[0];
}

START_TEST(each_packet_once)
{
	ck_assert_uint_eq(since(1, 10, false), 10);
	ck_assert_uint_eq(since(1, 10, false), 0);
	ck_assert_uint_eq(since(1, 15, false), 5);
	ck_assert_uint_eq(since(2, 7, true), 7);                /* never seen alive */
	ck_assert_uint_eq(since(1, 18, true), 3);
	ck_assert_uint_eq(since(1, 4, false), 4);               /* another one */
	ck_assert_uint_eq(since(1, 2, false), 2);               /* and yet another: the end of the former was lost */
	ck_assert_uint_eq(flows.n, 1);
}
END_TEST

/* Many that come and go, with keys that collide: the sum is exact. */
START_TEST(many_come_and_go)
{
	enum { N = 4000 };
	uint64_t sum = 0, want = 0;

	for (unsigned round = 1; round <= 6; round++) {
		for (unsigned i = 0; i < N; i++) {
			const uint64_t key = (uint64_t)(i % 97) + ((uint64_t)(i / 97) << 40);

			if (i % 6 == round - 1) {
				sum += since(key, 10 * round, true);
				want += 10 * round;
			} else if (i % 6 > round - 1) {
				sum += since(key, 10 * round - 3, false);
			}
		}
		allowed_flows_sweep(&flows);
	}
	ck_assert_uint_eq(sum, want);
	ck_assert_uint_eq(flows.n, 0);
}
END_TEST

START_TEST(limits_of_memory)
{
	for (uint64_t key = 1; key <= 5000; key++)
		ck_assert_uint_eq(since(key, 1, false), 1);
	ck_assert_uint_eq(since(5001, 9, false), UINT64_MAX);
	ck_assert_uint_eq(flows.untracked, 1);
	ck_assert_uint_eq(since(5001, 12, true), 12);           /* its end tells all */
	ck_assert_uint_eq(since(7, 3, true), 2);
	ck_assert_uint_eq(since(5002, 9, false), 9);
}
END_TEST

/* Whose end was lost is forgotten after three looks; whoever is seen stays. */
START_TEST(lost_ends_are_forgotten)
{
	for (uint64_t key = 1; key <= 10; key++)
		since(key, 1, false);
	for (unsigned i = 0; i < 4; i++) {
		allowed_flows_sweep(&flows);
		since(1, 1, false);
		ck_assert_uint_eq(flows.n, i < 3 ? 10 : 1);
	}
	ck_assert_uint_eq(since(1, 2, false), 1);
}
END_TEST

static struct ctflow flow(const char *from, const char *to, uint8_t proto, uint16_t port)
{
	struct ctflow f = { .proto = proto, .has_ports = true, .sport = 4000, .dport = port };

	ck_assert(addr_parse(from, &f.from) && addr_parse(to, &f.to));
	return f;
}

START_TEST(whose_it_is)
{
	struct judge *j = fake_judge(FAKE_POLICY);
	const struct allowed_ways out = { .from = 7, .to = 8 }, here = { .from = 7, .to_here = true };
	struct ctflow f = flow("10.20.0.5", "10.1.5.10", IPPROTO_UDP, 5004);
	struct traffic_row r;

	allowed_attribute(j, &f, &out, &r);
	ck_assert_str_eq(r.rule, "rtp");
	ck_assert_str_eq(r.from_zone, "cctv");
	ck_assert_str_eq(r.to_zone, "core");
	ck_assert_uint_eq(r.port, 5004);
	f = flow("10.20.0.5", "10.1.5.10", IPPROTO_TCP, 445);   /* nothing allows it any more */
	allowed_attribute(j, &f, &out, &r);
	ck_assert_str_eq(r.rule, "former-policy");
	f = flow("10.20.0.5", "10.20.0.1", IPPROTO_TCP, 445);
	allowed_attribute(j, &f, &here, &r);
	ck_assert_str_eq(r.to_zone, "firewall");
	f = flow("10.20.0.5", "10.1.5.10", IPPROTO_ICMP, 0);
	f.has_ports = false;
	f.icmp_type = 8;
	allowed_attribute(j, &f, &out, &r);
	ck_assert_uint_eq(r.port, 0x800);
	judge_free(j);
}
END_TEST

static struct traffic_row some(uint64_t device, const char *from, uint16_t port)
{
	struct traffic_row r = { .from_device = device, .proto = 17, .port = port, .rule = "rtp", .flows = 1, .packets = { 1, 2 },
				 .bytes = { 100, 200 }, .first_ns = 5, .last_ns = 6 };

	ck_assert(addr_parse(from, &r.from) && addr_parse("10.1.5.10", &r.to));
	return r;
}

static void add(struct traffic_row r)
{
	ck_assert_int_eq(allowed_rows_add(&rows, &r), 0);
}

/* A device is one row whatever its address, anybody else one for each; beyond the limit the rule takes all. */
START_TEST(rows_of_an_hour)
{
	uint64_t packets = 0;

	allowed_rows_begin(&rows, 3600);
	add(some(7, "10.20.0.5", 5004));
	add(some(7, "10.20.0.6", 5004));
	add(some(0, "10.20.0.5", 5004));
	add(some(0, "10.20.0.6", 5004));
	ck_assert_uint_eq(rows.at.n, 3);
	ck_assert_uint_eq(rows.at.at[0].sum.packets[1], 4);
	ck_assert_uint_eq(rows.at.at[0].sum.flows, 2);
	ck_assert_int_eq(rows.at.at[0].sum.hour_ns, 3600);
	for (uint16_t port = 1; port <= 1000; port++)
		add(some(7, "10.20.0.5", port));
	ck_assert_uint_eq(rows.at.n, 101);
	ck_assert_uint_eq(rows.folded, 1000 - 97);
	for (size_t i = 0; i < rows.at.n; i++)
		packets += rows.at.at[i].sum.packets[0];
	ck_assert_uint_eq(packets, 1004);
	ck_assert_uint_eq(rows.at.at[100].sum.packets[0], 1000 - 97);
	ck_assert(!rows.at.at[100].sum.from.family && !rows.at.at[100].sum.from_device);
	allowed_rows_begin(&rows, 7200);
	add(some(7, "10.20.0.5", 5004));
	ck_assert_uint_eq(rows.at.n, 1);
	ck_assert_uint_eq(rows.at.at[0].sum.packets[0], 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("allowed");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, each_packet_once);
	tcase_add_test(tc, many_come_and_go);
	tcase_add_test(tc, limits_of_memory);
	tcase_add_test(tc, lost_ends_are_forgotten);
	tcase_add_test(tc, whose_it_is);
	tcase_add_test(tc, rows_of_an_hour);
	return suite_run(tc);
}
