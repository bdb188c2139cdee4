/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one sender's denied flood does to others, with real packets: nothing is dropped of who is told apart by the MAC, and what
 * is tried elsewhere, or by others through the same router, is told with both ends all the while. */
#include "base/arena.h"
#include "engine/plan.h"
#include "unit/kern/site.h"
#include "unit/suite.h"

#define LISTED "00:00:5e:00:53:02"      /* its MAC tells something: it is asked about */

enum { ROOM = 800, ALLOWED = 4000 };    /* further addresses of the camera */

static struct plan_service services[1] = { { 6, ALLOWED, ALLOWED, { PLAN_ALLOW, 0, 0 } } };
static struct plan_what whats[1] = { { services, 1, { PLAN_DROP, UINT32_MAX, 0 } } };
static struct plan_span spans[2];
static struct plan_where wheres[2] = { { spans, 1 }, { spans + 1, 1 } };
static uint32_t from4[2] = { PLAN_NONE, 0 }, from6[2] = { PLAN_NONE, 1 };
static struct plan_class classes[1] = { { PLAN_NONE, PLAN_NONE, PLAN_NONE, from4, from6, "camera" } };
static struct plan_macs macs[1];
static struct table_members members[1];
static struct table_binding bindings[3 + ROOM];
static const char *rules[] = { "pull" };
static struct arena *arena;

/* Port 4000 is open to the core, all else is denied in the kernel: to the core, and whatever the restricted device tries. */
static void begin(void)
{
	char text[16];

	site_begin();
	arena = arena_new();
	spans[0] = example_span("10.1.0.0", "10.1.255.255", 0);
	spans[1] = example_span("fd00:1::", "fd00:1::ffff:ffff:ffff:ffff", 0);
	macs[0] = (struct plan_macs){ example_mac("00:00:5e:00:53:00"), example_mac("00:00:5e:00:53:ff") };
	memcpy(bindings, site.bindings, 3 * sizeof(*bindings));
	for (unsigned i = 0; i < ROOM; i++) {
		snprintf(text, sizeof(text), "10.20.%u.%u", 1 + i / 200, 10 + i % 200);
		bindings[3 + i] = example_binding(0, SITE_CAM, text, TABLE_KNOWN);
	}
	for (unsigned i = 0; i < 3 + ROOM; i++)
		bindings[i].plan = i == 2 ? TABLE_NO_PLAN : 0;
	site.in.bindings = bindings;
	site.in.n_bindings = 3 + ROOM;
	site.in.plan = (struct table_plan){
		.classes = classes, .n_classes = 1, .wheres = wheres, .n_wheres = 2, .whats = whats, .n_whats = 1, .macs = macs,
		.n_macs = 1, .n_from = 2, .rules = rules, .n_rules = 1, .members = members, .n_members = 1,
	};
	ck_assert_int_eq(table_plan_name(&site.in.plan, site.ifaces, arena, &site.e), 0);
	site.ifaces[0].denies = true;
	site.in.rates.deny_per_s = 1;
	site.in.rates.deny_burst = 5;
	site.in.early = true;
	site_load();
}

static void end(void)
{
	site_end();
	arena_free(arena);
}

static struct wire_frame to_camera(bool six, uint8_t proto)
{
	struct wire_frame f = back;

	f.proto = proto;
	f.tcp_flags = 0x02;
	f.src = six ? "fd00:1::2" : f.src;
	f.dst = six ? "fd00:20::2" : f.dst;
	return f;
}

static struct wire_frame restricted(const char *dst)
{
	struct wire_frame f = video;

	f.smac = SITE_BAD;
	f.src = "10.20.0.3";
	f.dst = dst;
	f.proto = 6;
	f.tcp_flags = 0x02;
	return f;
}

static void scan(const struct wire *w, const struct wire_frame *like, unsigned ports)
{
	struct wire_frame f = *like;

	for (unsigned i = 0; i < ports; i++) {
		f.dport = (uint16_t)(10000 + i);
		wire_send(w, &f, 1);
	}
}

/* Of lines with both ends and the port of f. */
static uint64_t told_of(const struct table_ledger *l, const struct wire_frame *f)
{
	const struct addr src = example_addr(f->src), dst = example_addr(f->dst);
	uint64_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct table_line *x = &l->lines[i];

		if (x->kind == TABLE_L_DENIED && x->port == f->dport && addr_equal(&x->src, &src) && addr_equal(&x->dst, &dst))
			n += x->packets;
	}
	return n;
}

static uint64_t told(const struct table_ledger *l)
{
	return site_sum(l, TABLE_L_DENIED) + site_sum(l, TABLE_L_DENIED_MORE);
}

/* Somebody scans the camera by the listed one's address: its own attempt is asked about, at whatever port. */
START_TEST(spares_whose_address_is_forged)
{
	static const struct { bool six; uint8_t proto; } variants[] = { { 0, 6 }, { 0, 17 }, { 1, 6 }, { 1, 17 } };

	for (unsigned i = 0; i < 4; i++) {
		struct wire_frame forged = to_camera(variants[i].six, variants[i].proto), own = forged;

		scan(&site.w_core, &forged, 4000);
		site_answer(site_mark(TABLE_DENY));
		ck_assert_uint_le(site.asked, 10);
		own.smac = LISTED;
		own.sport = 4100;
		for (own.dport = 10000; own.dport < 13000; own.dport += 1000) {
			wire_send(&site.w_core, &own, 1);
			site_answer(site_mark(TABLE_ALLOW));
			ck_assert_uint_eq(site.asked, 1);
			ck_assert_uint_eq(at_cam(&own), 1);
		}
	}
}
END_TEST

/* A scan of one host, and ten attempts on another in the middle of it. */
START_TEST(tells_what_is_tried_elsewhere)
{
	struct wire_frame loud = restricted("10.1.0.2"), quiet = restricted("10.1.0.3");
	struct table_ledger l;
	uint64_t asked, of_quiet;

	quiet.dport = 445;
	scan(&site.w_cam, &loud, 5000);
	site_answer(site_mark(TABLE_DENY));
	asked = site.asked;
	for (unsigned i = 0; i < 10; i++) {
		poll(NULL, 0, 20);
		wire_send(&site.w_cam, &quiet, 1);
		scan(&site.w_cam, &loud, 50);
	}
	site_answer(site_mark(TABLE_DENY));
	asked += site.asked;
	l = site_turn();
	of_quiet = told_of(&l, &quiet);
	ck_assert_uint_eq(asked + told(&l), 5000 + 10 * 51);
	ck_assert_uint_ge(of_quiet, 8);                 /* the rest was asked about */
	table_ledger_free(&l);
}
END_TEST

/* The same of what has no ports, beside so slow a flood that all of its keys are remembered. */
START_TEST(tells_pings_elsewhere)
{
	struct wire_frame loud = restricted("10.1.0.2"), ping = restricted("10.1.0.3");
	struct table_ledger l;

	ping.proto = 1;
	ping.dport = 0;
	scan(&site.w_cam, &loud, 100);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_ge(site.asked, 5);
	ck_assert_uint_le(site.asked, 7);
	wire_send(&site.w_cam, &ping, 50);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_ge(site.asked, 1);
	ck_assert_uint_le(site.asked, 3);
	l = site_turn();
	table_ledger_free(&l);
}
END_TEST

/* Through one router: somebody scans all cameras, another tries one port ten times. */
START_TEST(tells_who_else_tries)
{
	struct wire_frame loud = to_camera(false, 6), quiet = loud;
	struct table_ledger l;
	uint64_t asked;
	char dst[16];

	loud.src = "10.1.0.66";
	loud.dst = dst;
	for (unsigned i = 0; i < ROOM; i++) {
		snprintf(dst, sizeof(dst), "10.20.%u.%u", 1 + i / 200, 10 + i % 200);
		scan(&site.w_core, &loud, 4);
	}
	quiet.dport = 445;
	wire_send(&site.w_core, &quiet, 10);
	site_answer(site_mark(TABLE_DENY));
	asked = site.asked;
	ck_assert_uint_le(asked, 10);
	l = site_turn();
	ck_assert_uint_eq(asked + told(&l), 4 * ROOM + 10);
	ck_assert_uint_ge(told_of(&l, &quiet), 9);
	table_ledger_free(&l);
}
END_TEST

/* As many senders as no set holds: what is told of them is bounded, and no packet is lost to the sums. */
START_TEST(bounds_what_invented_senders_take)
{
	enum { SENDERS = 80000 };
	struct wire_frame f = to_camera(false, 6);
	struct table_ledger l;
	uint64_t asked;
	char src[16];

	f.src = src;
	for (unsigned i = 0; i < SENDERS; i++) {
		snprintf(src, sizeof(src), "10.1.%u.%u", i / 250 % 250, 2 + i % 250);
		f.dport = (uint16_t)(10000 + i / 62500);
		wire_send(&site.w_core, &f, 1);
	}
	site_answer(site_mark(TABLE_DENY));
	asked = site.asked;
	ck_assert_uint_le(asked, 30);
	l = site_turn();
	ck_assert_uint_eq(asked + told(&l), SENDERS);
	ck_assert_uint_le(l.n, 30000);
	ck_assert_uint_eq(site_counter(TABLE_C_FLOOD), 0);
	table_ledger_free(&l);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("traffic-share");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, spares_whose_address_is_forged);
	tcase_add_test(tc, tells_what_is_tried_elsewhere);
	tcase_add_test(tc, tells_pings_elsewhere);
	tcase_add_test(tc, tells_who_else_tries);
	tcase_add_test(tc, bounds_what_invented_senders_take);
	return suite_run(tc);
}
