/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fail: open with real packets: what passes when nobody listens, what does not, and that nothing does as long as somebody listens,
 * answers or not.  The table is made from a policy, by its program and plan. */
#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "base/now.h"
#include "unit/kern/planned.h"
#include "unit/kern/site.h"
#include "unit/suite.h"

#define TAGGED "ac:cc:8e:00:00:04"
#define CLEARED "44:19:b6:00:00:05"
#define DOOR "ac:cc:8e:00:00:06"
#define NOBODY "02:00:00:00:00:09"
#define EXCEPTED "44:19:b6:00:00:07"
#define YARD "ac:cc:8e:00:00:08"
#define HIK "44:19:b6:00:00:99"

static const char zones[] =
	"version: 1\nmode: enforce\nsite: { name: t, timezone: UTC }\npacks: [uk-nil]\nzones:\n"
	"  cctv: { interfaces: [f0], networks: [10.20.0.0/16, \"fd00:20::/64\"], guarded: true }\n"
	"  yard: { interfaces: [f0], networks: [10.22.0.0/16] }\n"
	"  doors: { interfaces: [f2], networks: [10.21.0.0/16], guarded: true }\n"
	"  away: { networks: [10.40.0.0/16], guarded: true }\n"
	"  core: { interfaces: [f1], networks: [10.1.0.0/16, \"fd00:1::/48\"] }\n"
	"  office: { interfaces: [f9], networks: [10.9.0.0/16] }\n"
	"devices:\n"
	"  - { name: cam, macs: [\"" SITE_CAM "\"], addresses: [10.20.0.2, \"fd00:20::2\"], maker: axis }\n"
	"  - { name: hik, macs: [\"" SITE_BAD "\"], addresses: [10.20.0.3], maker: hikvision }\n"
	"  - { name: tagged, macs: [\"" TAGGED "\"], addresses: [10.20.0.4], maker: axis, tags: [suspect] }\n"
	"  - { name: cleared, macs: [\"" CLEARED "\"], addresses: [10.20.0.5], maker: hikvision,\n"
	"      cleared: { by: me, date: 2026-01-01, until: 2099-12-31, ticket: T, reason: r } }\n"
	"  - { name: excepted, macs: [\"" EXCEPTED "\"], addresses: [10.20.0.7], maker: hikvision }\n"
	"  - { name: yard-cam, macs: [\"" YARD "\"], addresses: [10.22.0.8], maker: axis }\n"
	"  - { name: door, macs: [\"" DOOR "\"], addresses: [10.21.0.6], maker: axis }\n"
	"  - { name: wall, macs: [\"44:19:b6:00:00:66\"], addresses: [10.1.0.66], maker: hikvision }\n"
	"groups:\n"
	"  restricted: { packs: [uk-nil], except: [excepted] }\n"
	"  suspects: { tags: [suspect] }\n"
	"exceptions:\n"
	"  - { id: played, from: core, to: [hik, tagged], services: [tcp/7003], expires: 2099-01-31, owner: o, ticket: t, reason: r }\n"
	"restrict:\n"
	"  - { id: isolated, group: restricted, reason: because }\n"
	"  - { id: suspected, group: suspects, reason: because }\n"
	"rules:\n"
	"  - { id: noted, from: any, to: any, services: [tcp/7000], action: drop, observe: true }\n"
	"  - { id: sends, from: [cctv, doors, yard], to: [core, firewall], services: [tcp/7000, tcp/80], action: allow }\n"
	"  - { id: pulls, from: core, to: [cctv, doors], services: [tcp/7000], action: allow }\n"
	"  - { id: refused, from: cctv, to: core, services: [tcp/7002], action: reject }\n"
	"default: drop\n";

static struct wire w_door;
static uint16_t sport;

/* The policy's table in the kernel.  more: further lines of it. */
static void load(const char *more)
{
	struct table_setup setup = {
		.generation = site.in.generation, .page = site.in.page, .queue = 100, .nflog_group = 100,
		.native_queue = site.in.native_queue,
	};
	struct buf text;

	buf_init(&text);
	buf_printf(&text, "%s%s", zones, more);
	planned_load(buf_cstr(&text), now_wall_ns(), &setup, &site.in);
	site_load();
	buf_fini(&text);
}

static void begin(void)
{
	char command[512];
	int here;

	site_begin();
	snprintf(command, sizeof(command), "ip link add f2 address 02:00:00:00:f2:01 type veth peer name d0; "
		 "ip link set d0 netns /proc/%d/fd/%d; sysctl -qw net.ipv4.conf.f2.rp_filter=0; ip addr add 10.21.0.1/16 dev f2; "
		 "ip link set f2 up; ip neigh add 10.21.0.6 lladdr " DOOR " dev f2", getpid(), site.core);
	site_sh(command);
	site_sh("ip neigh add 10.20.0.4 lladdr " TAGGED " dev f0; ip neigh add 10.20.0.5 lladdr " CLEARED " dev f0;"
		"ip neigh add 10.20.0.7 lladdr " EXCEPTED " dev f0; ip route add 10.22.0.0/16 dev f0;"
		"ip neigh add 10.20.0.9 lladdr " NOBODY " dev f0; ip neigh add 10.1.0.66 lladdr 44:19:b6:00:00:66 dev f1;"
		"ip route add 10.40.0.0/16 via 10.1.0.2; ip route add 10.9.0.0/16 via 10.1.0.2; sysctl -qw net.ipv4.conf.f0.send_redirects=0");
	here = space_go(site.core);
	site_sh("sysctl -qw net.ipv6.conf.d0.disable_ipv6=1; ip link set d0 up");
	space_back(here);
	w_door = wire_open(site.core, "d0");
	sport = 30000;
}

static void end(void)
{
	planned_forget();
	site_end();
}

static void nobody_listens(void)
{
	nfq_free(site.ask);
	nfq_free(site.unknown);
	site.ask = site.unknown = NULL;
}

/* What passes: 0: never; 1: where cctv fails open; 2: where doors does too. */
static const struct try {
	const char *name, *smac, *src, *dst;
	uint16_t dport;
	uint8_t from, to, opens;
	bool options;
	uint8_t flags;
} tries[] = {
	{ "a camera to the core", SITE_CAM, "10.20.0.2", "10.1.0.2", 7000, 'c', 'k', 1, false, 2 },
	{ "the same over IPv6", SITE_CAM, "fd00:20::2", "fd00:1::2", 7000, 'c', 'k', 1, false, 2 },
	{ "the core to a camera", SITE_CORE, "10.1.0.2", "10.20.0.2", 7000, 'k', 'c', 1, false, 2 },
	{ "the same over IPv6", SITE_CORE, "fd00:1::2", "fd00:20::2", 7000, 'k', 'c', 1, false, 2 },
	{ "a camera to a door", SITE_CAM, "10.20.0.2", "10.21.0.6", 7000, 'c', 'd', 2, false, 2 },
	{ "a door to a camera", DOOR, "10.21.0.6", "10.20.0.2", 7000, 'd', 'c', 2, false, 2 },
	{ "a door to the core", DOOR, "10.21.0.6", "10.1.0.2", 7000, 'd', 'k', 2, false, 2 },
	{ "the core to a door", SITE_CORE, "10.1.0.2", "10.21.0.6", 7000, 'k', 'd', 2, false, 2 },
	{ "what is denied", SITE_CAM, "10.20.0.2", "10.1.0.2", 7001, 'c', 'k', 0, false, 2 },
	{ "what is rejected", SITE_CAM, "10.20.0.2", "10.1.0.2", 7002, 'c', 'k', 0, false, 2 },
	{ "what is denied from the core", SITE_CORE, "10.1.0.2", "10.20.0.2", 7001, 'k', 'c', 0, false, 2 },
	{ "a restricted device to the core", SITE_BAD, "10.20.0.3", "10.1.0.2", 7000, 'c', 'k', 0, false, 2 },
	{ "the core to a restricted device", SITE_CORE, "10.1.0.2", "10.20.0.3", 7000, 'k', 'c', 0, false, 2 },
	{ "a member of another entry", TAGGED, "10.20.0.4", "10.1.0.2", 7000, 'c', 'k', 0, false, 2 },
	{ "the core to a member", SITE_CORE, "10.1.0.2", "10.20.0.4", 7000, 'k', 'c', 0, false, 2 },
	{ "a door to a member", DOOR, "10.21.0.6", "10.20.0.4", 7000, 'd', 'c', 0, false, 2 },
	{ "a restricted device that no entry cuts", EXCEPTED, "10.20.0.7", "10.1.0.2", 7000, 'c', 'k', 0, false, 2 },
	{ "the core to one", SITE_CORE, "10.1.0.2", "10.20.0.7", 7000, 'k', 'c', 0, false, 2 },
	{ "a device of a zone beside it that is not guarded", YARD, "10.22.0.8", "10.1.0.2", 7000, 'c', 'k', 0, false, 2 },
	{ "a cleared device", CLEARED, "10.20.0.5", "10.1.0.2", 7000, 'c', 'k', 0, false, 2 },
	{ "the core to a cleared device", SITE_CORE, "10.1.0.2", "10.20.0.5", 7000, 'k', 'c', 0, false, 2 },
	{ "an unknown device", NOBODY, "10.20.0.9", "10.1.0.2", 7000, 'c', 'k', 0, false, 2 },
	{ "the core to an unknown device", SITE_CORE, "10.1.0.2", "10.20.0.9", 7000, 'k', 'c', 0, false, 2 },
	{ "a camera to an unknown device", DOOR, "10.21.0.6", "10.20.0.9", 7000, 'd', 'c', 0, false, 2 },
	{ "a camera's MAC with another address", SITE_CAM, "10.20.0.9", "10.1.0.2", 7000, 'c', 'k', 0, false, 2 },
	{ "a camera's address with another MAC", NOBODY, "10.20.0.2", "10.1.0.2", 7000, 'c', 'k', 0, false, 2 },
	{ "a camera on another interface", SITE_CAM, "10.20.0.2", "10.1.0.2", 7000, 'd', 'k', 0, false, 2 },
	{ "a camera's address from the core", SITE_CORE, "10.20.0.2", "10.21.0.6", 7000, 'k', 'd', 0, false, 2 },
	{ "an office's address from the core", SITE_CORE, "10.9.0.2", "10.20.0.2", 7000, 'k', 'c', 0, false, 2 },
	{ "a restricted maker's MAC in the core", HIK, "10.1.0.2", "10.20.0.2", 7000, 'k', 'c', 0, false, 2 },
	{ "a restricted device's address in the core", SITE_CORE, "10.1.0.66", "10.20.0.2", 7000, 'k', 'c', 0, false, 2 },
	{ "a camera to a restricted device in the core", SITE_CAM, "10.20.0.2", "10.1.0.66", 7000, 'c', 'k', 0, false, 2 },
	{ "a camera to a guarded network in the core", SITE_CAM, "10.20.0.2", "10.40.0.2", 7000, 'c', 'k', 0, false, 2 },
	{ "a guarded network's address from the core", SITE_CORE, "10.40.0.2", "10.20.0.2", 7000, 'k', 'c', 0, false, 2 },
	{ "options", SITE_CAM, "10.20.0.2", "10.1.0.2", 7000, 'c', 'k', 0, true, 2 },
	{ "options from the core", SITE_CORE, "10.1.0.2", "10.20.0.2", 7000, 'k', 'c', 0, true, 2 },
	{ "the middle of a flow", SITE_CAM, "10.20.0.2", "10.1.0.2", 7000, 'c', 'k', 0, false, 0x10 },
	{ "the middle of a flow from the core", SITE_CORE, "10.1.0.2", "10.20.0.2", 7000, 'k', 'c', 0, false, 0x12 },
};
enum { TRIES = sizeof(tries) / sizeof(*tries) };

static const struct wire *wire_at(uint8_t place)
{
	return place == 'c' ? &site.w_cam : place == 'k' ? &site.w_core : &w_door;
}

static struct wire_frame frame_of(const struct try *t)
{
	return (struct wire_frame){
		.smac = t->smac, .dmac = t->from == 'c' ? SITE_FW : t->from == 'k' ? SITE_FW_CORE : "02:00:00:00:f2:01",
		.src = t->src, .dst = t->dst, .proto = 6, .sport = ++sport, .dport = t->dport, .tcp_flags = t->flags,
		.options = t->options,
	};
}

/* How many of n new flows arrive, one frame each. */
static unsigned arrive(const struct try *t, unsigned n)
{
	const struct timespec pause = { .tv_nsec = 3000000 };

	wire_count(wire_at(t->to), NULL, NULL, 0, 0, NULL);
	for (unsigned i = 0; i < n; i++) {
		const struct wire_frame f = frame_of(t);

		wire_send(wire_at(t->from), &f, 1);
	}
	nanosleep(&pause, NULL);
	return wire_count(wire_at(t->to), t->src, t->dst, 6, t->dport, NULL);
}

static void all(const char *what, unsigned opens)
{
	for (size_t i = 0; i < TRIES; i++) {
		const unsigned n = arrive(&tries[i], 2), wanted = tries[i].opens && tries[i].opens <= opens ? 2 : 0;

		ck_assert_msg(n == wanted, "%s: %s: %u of 2 flows passed, not %u", what, tries[i].name, n, wanted);
	}
}

static uint64_t passed_of(const struct table_ledger *l, const char *mac)
{
	const struct mac m = example_mac(mac);
	uint64_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->lines[i].kind == TABLE_L_FAILED_OPEN && addr_mac_equal(&l->lines[i].mac, &m))
			n += l->lines[i].packets;
	return n;
}

START_TEST(every_flow_would_arrive_without_a_table)
{
	nobody_listens();
	site_sh("nft delete table inet ringfence");
	for (size_t i = 0; i < TRIES; i++)
		ck_assert_msg(arrive(&tries[i], 2) == 2, "%s does not arrive without a table", tries[i].name);
}
END_TEST

START_TEST(closed_is_closed)
{
	load("");
	nobody_listens();
	all("closed", 0);
	ck_assert_uint_eq(site_counter(TABLE_C_FAILED_OPEN), 0);
}
END_TEST

START_TEST(opens_what_it_says)
{
	struct table_ledger l;

	load("fail: { cctv: open }\n");
	nobody_listens();
	all("one zone", 1);
	ck_assert_uint_eq(site_counter(TABLE_C_FAILED_OPEN), 8);
	l = site_turn();
	ck_assert_uint_eq(passed_of(&l, SITE_CAM), 4);
	ck_assert_uint_eq(passed_of(&l, SITE_CORE), 4);
	ck_assert_uint_eq(site_sum(&l, TABLE_L_FAILED_OPEN), 8);
	table_ledger_free(&l);
	load("fail: { cctv: open, doors: open }\n");
	all("two zones", 2);
	ck_assert_uint_eq(site_counter(TABLE_C_FAILED_OPEN), 24);
	load("fail: { cctv: closed }\n");
	all("none again", 0);
	ck_assert_uint_eq(site_counter(TABLE_C_FAILED_OPEN), 24);
}
END_TEST

/* One of these is asked about, by each end that can open. */
START_TEST(opens_nothing_while_somebody_listens)
{
	load("fail: { cctv: open, doors: open }\n");
	all("hung", 0);
	ck_assert_uint_eq(site_counter(TABLE_C_FAILED_OPEN), 0);
	site_answer(site_mark(TABLE_DENY_ONCE));
	ck_assert_uint_gt(site.asked, 0);
	for (size_t i = 0; i < TRIES; i++)
		ck_assert_msg(wire_count(wire_at(tries[i].to), tries[i].src, tries[i].dst, 6, 7000, NULL) == 0, "%s", tries[i].name);
	for (size_t i = 0; i < 8; i++) {
		struct wire_frame f = frame_of(&tries[i]);

		wire_send(wire_at(tries[i].from), &f, 1);
		site_answer(site_mark(TABLE_ALLOW));
		ck_assert_msg(site.asked == 1, "%s: asked %u times", tries[i].name, site.asked);
		ck_assert_uint_eq(wire_count(wire_at(tries[i].to), f.src, f.dst, 6, 7000, NULL), 1);
	}
	ck_assert_uint_eq(site_counter(TABLE_C_FAILED_OPEN), 0);
}
END_TEST

static const struct table_binding *binding_of(const char *address)
{
	const struct addr a = example_addr(address);
	const struct table_binding *b = site.in.bindings;

	while (!addr_equal(&b->addr, &a))
		b++;
	return b;
}

/* The answer comes by the stamp, further packets too; both are counted once, as one flow. */
START_TEST(lets_the_flow_go_on)
{
	const struct try *t = &tries[0];
	struct wire_frame f, r;

	load("fail: { cctv: open }\n");
	nobody_listens();
	f = frame_of(t);
	wire_send(&site.w_cam, &f, 1);
	ck_assert_uint_eq(at_core(&f), 1);
	r = (struct wire_frame){ .smac = SITE_CORE, .dmac = SITE_FW_CORE, .src = f.dst, .dst = f.src, .proto = 6, .sport = f.dport,
				 .dport = f.sport, .tcp_flags = 0x12 };
	wire_send(&site.w_core, &r, 1);
	ck_assert_uint_eq(at_cam(&r), 1);
	f.tcp_flags = 0x10;
	wire_send(&site.w_cam, &f, 5);
	ck_assert_uint_eq(at_core(&f), 5);
	ck_assert_uint_eq(site_counter(TABLE_C_FAILED_OPEN), 1);
	/* Its binding goes: so does it. */
	ck_assert_int_eq(table_bind(site.nl, &site.in, NULL, 0, binding_of(t->src), 1, &site.e), 0);
	ck_assert_uint_eq(arrive(t, 2) + arrive(&tries[2], 2), 0);
	ck_assert_int_eq(table_bind(site.nl, &site.in, binding_of(t->src), 1, NULL, 0, &site.e), 0);
	ck_assert_uint_eq(arrive(t, 2), 2);
	ck_assert_uint_eq(arrive(&tries[2], 2), 2);
}
END_TEST

START_TEST(what_was_denied_stays_denied)
{
	struct wire_frame f;

	load("fail: { cctv: open }\n");
	f = frame_of(&tries[0]);
	wire_send(&site.w_cam, &f, 1);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 1);
	nobody_listens();
	ck_assert_uint_eq(arrive(&tries[0], 2), 0);
	ck_assert_uint_eq(arrive(&tries[1], 2), 2);
	ck_assert_int_eq(table_forget(site.nl, &site.e), 0);
	ck_assert_uint_eq(arrive(&tries[0], 2), 2);
}
END_TEST

START_TEST(opens_to_the_firewall_itself)
{
	struct wire_frame f = frame_of(&tries[0]), bad = frame_of(&tries[11]);

	load("fail: { cctv: open }\n");
	nobody_listens();
	f.dst = bad.dst = "10.20.0.1";
	wire_send(&site.w_cam, &f, 1);
	wire_send(&site.w_cam, &bad, 1);
	ck_assert_uint_eq(site_counter(TABLE_C_FAILED_OPEN), 1);
	ck_assert_uint_eq(wire_count(&site.w_cam, "10.20.0.1", "10.20.0.2", 6, f.sport, NULL), 1);      /* its reset */
	f.sport++;
	f.dport = 7001;
	wire_send(&site.w_cam, &f, 1);
	ck_assert_uint_eq(site_counter(TABLE_C_FAILED_OPEN), 1);
}
END_TEST

/* Others may be restricted from then on. */
START_TEST(ends_when_an_entry_begins)
{
	const struct timespec tenth = { .tv_nsec = 100000000 };
	int64_t soon;

	load("fail: { cctv: open }\n");
	soon = now_wall_ns() / NOW_NS_PER_S + 5;
	planned.policy->rules[planned.policy->n_exceptions].starts = (struct policy_time){ .set = true, .ns = soon * NOW_NS_PER_S };
	prog_free(planned.prog);
	plan_free(planned.plan);
	ck_assert_int_eq(prog_build(planned.policy, now_wall_ns(), &planned.prog, &site.e), 0);
	ck_assert_int_eq(plan_build(planned.prog, planned.who, &planned.plan, &site.e), 0);
	ck_assert_int_eq(plan_fails(planned.plan)->until_ns, soon * NOW_NS_PER_S);
	{
		struct table_setup setup = { .generation = 1, .page = 'a', .queue = 100, .nflog_group = 100,
					     .native_queue = site.in.native_queue, .plan = planned.plan };

		ck_assert_int_eq(table_input_from(planned.policy, planned.prog, planned.who, &setup, planned.arena, &site.in, &site.e), 0);
	}
	site_load();
	nobody_listens();
	ck_assert_uint_eq(arrive(&tries[0], 2), 2);
	while (now_wall_ns() / NOW_NS_PER_S < soon)
		nanosleep(&tenth, NULL);
	ck_assert_uint_eq(arrive(&tries[0], 2), 0);
	ck_assert_uint_eq(arrive(&tries[2], 2), 0);
}
END_TEST

/* Whatever the table's: no rule but these may let pass what nobody listens for. */
START_TEST(no_bypass_without_it)
{
	const bool native = site.in.native_queue;
	struct table *t = NULL;
	struct buf out;

	for (unsigned i = 0; i < 4; i++, site.in.native_queue = native) {
		load(i % 2 ? "fail: { cctv: open }\n" : "fail: { cctv: closed }\n");
		site.in.closed = i > 1;
		site.in.native_queue = true;
		site.in.queues = 2;
		buf_init(&out);
		ck_assert_int_eq(table_build(&site.in, &t, &site.e), 0);
		table_print(t, &out);
		ck_assert_msg((strstr(buf_cstr(&out), "bypass") != NULL) == (i == 1), "case %u", i);
		ck_assert_msg((strstr(buf_cstr(&out), "queue num 100-101 bypass,fanout\n") != NULL) == (i == 1), "case %u", i);
		ck_assert_msg((strstr(buf_cstr(&out), "mark & 0xff000000 == 0xfc000000 ct") != NULL) == (i == 1), "case %u", i);
		table_free(t);
		buf_fini(&out);
	}
}
END_TEST

START_TEST(is_read_back_as_it_was_sent)
{
	struct table *t = NULL;
	struct buf out;
	size_t n;

	load("fail: { cctv: open, doors: open }\n");
	buf_init(&out);
	ck_assert_int_eq(table_build(&site.in, &t, &site.e), 0);
	ck_assert_msg(table_verify(site.nl, t, &out, &n, &site.e) == 0, "%s", site.e.msg);
	ck_assert_msg(n == 0, "%s", buf_cstr(&out));
	table_free(t);
	buf_fini(&out);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("traffic_fails");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, every_flow_would_arrive_without_a_table);
	tcase_add_test(tc, closed_is_closed);
	tcase_add_test(tc, opens_what_it_says);
	tcase_add_test(tc, opens_nothing_while_somebody_listens);
	tcase_add_test(tc, lets_the_flow_go_on);
	tcase_add_test(tc, what_was_denied_stays_denied);
	tcase_add_test(tc, opens_to_the_firewall_itself);
	tcase_add_test(tc, ends_when_an_entry_begins);
	tcase_add_test(tc, no_bypass_without_it);
	tcase_add_test(tc, is_read_back_as_it_was_sent);
	return suite_run(tc);
}
