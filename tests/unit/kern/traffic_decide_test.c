/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel decides by itself, with real packets: new flows of known devices in both directions, and nothing else. */
#include "base/arena.h"
#include "base/now.h"
#include "engine/plan.h"
#include "kern/table_model.h"
#include "unit/kern/site.h"
#include "unit/suite.h"

static struct plan_service services[4];
static struct plan_what whats[4];
static struct plan_span spans[5];
static struct plan_where wheres[4];
static struct plan_class classes[2];
static struct plan_macs macs[1];
static struct table_members members[2];
static uint32_t none[2] = { PLAN_NONE, PLAN_NONE }, from4[2] = { PLAN_NONE, 2 }, from6[2] = { PLAN_NONE, 3 };
static const char *rules[] = { "video", "pull", "session", "clock" };
static struct arena *arena;

/* The camera may send video to the recorder, be pulled by it, set its clock by the firewall; an exception opens port 9. */
static void plan_parts(void)
{
	const struct plan_answer drop = { PLAN_DROP, UINT32_MAX, 0 }, ask = { PLAN_ASK, UINT32_MAX, 0 };
	const int64_t hour = INT64_C(3600000000000);

	services[0] = (struct plan_service){ 17, 9, 9, { PLAN_ALLOW, 2, now_wall_ns() + hour } };
	services[1] = (struct plan_service){ 17, 5000, 5001, { PLAN_ALLOW, 0, 0 } };
	services[2] = (struct plan_service){ 6, 4000, 4000, { PLAN_ALLOW, 1, 0 } };
	services[3] = (struct plan_service){ 17, 123, 123, { PLAN_ALLOW, 3, 0 } };
	whats[0] = (struct plan_what){ services, 2, ask };
	whats[1] = (struct plan_what){ services + 2, 1, ask };
	whats[2] = (struct plan_what){ services + 3, 1, ask };
	whats[3] = (struct plan_what){ NULL, 0, drop };
	spans[0] = example_span("10.1.0.0", "10.1.0.9", 0);
	spans[1] = example_span("fd00:1::", "fd00:1::9", 0);
	spans[2] = example_span("10.1.0.2", "10.1.0.2", 1);
	spans[3] = example_span("fd00:1::2", "fd00:1::2", 1);
	for (unsigned i = 0; i < 4; i++)
		wheres[i] = (struct plan_where){ spans + i, 1 };
	classes[0] = (struct plan_class){ 0, 1, 2, from4, from6, "axis" };
	classes[1] = (struct plan_class){ PLAN_NONE, PLAN_NONE, 3, none, none, "restricted" };
	macs[0] = (struct plan_macs){ example_mac("00:00:5e:00:53:00"), example_mac("00:00:5e:00:53:ff") };
	members[0] = (struct table_members){ 0, 0 };
	members[1] = (struct table_members){ 0, 1 };
	site.bindings[0].plan = site.bindings[1].plan = 0;
	site.bindings[2].plan = 1;
}

static void name_parts(void)
{
	site.in.plan = (struct table_plan){
		.classes = classes, .n_classes = 2, .wheres = wheres, .n_wheres = 4, .whats = whats, .n_whats = 4, .macs = macs,
		.n_macs = 1, .n_from = 2, .rules = rules, .n_rules = 4, .members = members, .n_members = 2,
	};
	ck_assert_int_eq(table_plan_name(&site.in.plan, site.ifaces, arena, &site.e), 0);
}

static void begin(void)
{
	arena = arena_new();
	site_begin();
	plan_parts();
	name_parts();
	site_load();
}

static void end(void)
{
	site_end();
	arena_free(arena);
}

/* How many questions a frame leads to; they are answered with a denial that nobody remembers. */
static unsigned asked(const struct wire *w, const struct wire_frame *f)
{
	wire_send(w, f, 1);
	site_answer(site_mark(TABLE_DENY_ONCE));
	return site.asked + site.asked_unknown;
}

static uint64_t named(const char *counter)
{
	char command[128];
	const char *at;
	uint64_t n = UINT64_MAX;
	struct buf out;

	buf_init(&out);
	snprintf(command, sizeof(command), "nft list counter inet ringfence %s", counter);
	ck_assert_int_eq(space_run(&out, command), 0);
	at = strstr(buf_cstr(&out), "packets ");
	if (at)
		n = strtoull(at + 8, NULL, 10);
	buf_fini(&out);
	return n;
}

static struct wire_frame with(struct wire_frame f, uint8_t proto, uint16_t sport, uint16_t dport)
{
	f.proto = proto;
	f.sport = sport;
	f.dport = dport;
	f.tcp_flags = 0x02;
	return f;
}

START_TEST(opens_what_devices_may_open)
{
	struct wire_frame f = with(video, 17, 4001, 5000);

	ck_assert_uint_eq(asked(&site.w_cam, &video), 0);
	ck_assert_uint_eq(at_core(&video), 1);
	ck_assert_uint_eq(asked(&site.w_cam, &f), 0);
	ck_assert_uint_eq(at_core(&f), 1);
	ck_assert_uint_eq(asked(&site.w_cam, &video6), 0);
	ck_assert_uint_eq(at_core(&video6), 1);
	ck_assert_uint_eq(asked(&site.w_core, &back), 0);       /* stamped: its answer rides */
	ck_assert_uint_eq(at_cam(&back), 1);
	wire_send(&site.w_cam, &video, 20);
	ck_assert_uint_eq(at_core(&video), 20);
	ck_assert_uint_eq(named("allow-video"), 3);
	ck_assert_uint_eq(site_counter(TABLE_C_ASKED), 0);
}
END_TEST

START_TEST(opens_what_may_be_opened_to_devices)
{
	struct wire_frame f = with(back, 6, 30000, 4000), six = f, other = f;

	six.src = "fd00:1::2";
	six.dst = "fd00:20::2";
	other.src = "10.1.0.3";
	ck_assert_uint_eq(asked(&site.w_core, &f), 0);
	ck_assert_uint_eq(at_cam(&f), 1);
	ck_assert_uint_eq(asked(&site.w_core, &six), 0);
	ck_assert_uint_eq(at_cam(&six), 1);
	ck_assert_uint_eq(named("allow-pull"), 2);
	ck_assert_uint_eq(asked(&site.w_core, &other), 1);      /* from elsewhere */
	ck_assert_uint_eq(at_cam(&other), 0);
	other = f;
	other.dport = 4001;
	ck_assert_uint_eq(asked(&site.w_core, &other), 1);      /* another service */
	other = f;
	other.sport = 30001;
	other.dst = "10.20.0.3";
	ck_assert_uint_eq(asked(&site.w_core, &other), 1);      /* another device */
	other = f;
	other.sport = 30002;
	other.smac = "00:00:5e:00:53:07";
	ck_assert_uint_eq(asked(&site.w_core, &other), 1);      /* a sender whose MAC tells something */
	ck_assert_uint_eq(at_cam(&other), 0);
}
END_TEST

START_TEST(asks_about_all_else)
{
	struct wire_frame f = with(video, 17, 4002, 5002), g = video;

	ck_assert_uint_eq(asked(&site.w_cam, &f), 1);
	f = with(video, 6, 4003, 5001);
	ck_assert_uint_eq(asked(&site.w_cam, &f), 1);           /* another protocol */
	f = with(video, 17, 4004, 5001);
	f.dst = "10.1.0.10";
	ck_assert_uint_eq(asked(&site.w_cam, &f), 1);
	f = with(video, 17, 4005, 5001);
	f.smac = SITE_BAD;
	f.src = "10.20.0.3";
	ck_assert_uint_eq(asked(&site.w_cam, &f), 1);           /* restricted */
	f = with(video, 17, 4006, 5001);
	f.smac = SITE_BAD;
	ck_assert_uint_eq(asked(&site.w_cam, &f), 1);           /* forged */
	ck_assert_uint_eq(site.asked_unknown, 1);
	g.options = true;
	g.sport = 4007;
	ck_assert_uint_eq(asked(&site.w_cam, &g), 1);           /* wrong in shape */
	ck_assert_uint_eq(named("allow-video"), 0);
	ck_assert_uint_eq(at_core(&video), 0);
}
END_TEST

/* A middle of a TCP flow may be a reply whose beginning nobody saw; a middle of one that is known is no new flow. */
START_TEST(asks_about_the_middle_of_a_flow)
{
	struct wire_frame f = with(back, 6, 30000, 4000);

	f.tcp_flags = 0x10;
	ck_assert_uint_eq(asked(&site.w_core, &f), 1);
	f = with(back, 6, 30001, 4000);
	f.tcp_flags = 0x12;
	ck_assert_uint_eq(asked(&site.w_core, &f) + site_counter(TABLE_C_INVALID), 1);
	ck_assert_uint_eq(at_cam(&f), 0);
}
END_TEST

START_TEST(judges_what_is_said_to_the_firewall_by_its_own_rules)
{
	struct wire_frame f = with(video, 17, 4000, 123), g = with(video, 17, 4001, 5001);

	f.dst = g.dst = "10.20.0.1";
	ck_assert_uint_eq(asked(&site.w_cam, &f), 0);
	ck_assert_uint_eq(named("allow-clock"), 1);
	ck_assert_uint_eq(asked(&site.w_cam, &g), 1);
	g.sport++;
	g.dst = "10.1.0.1";                             /* of the firewall, in a network that it may open to */
	ck_assert_uint_eq(asked(&site.w_cam, &g), 1);
	f = with(video, 17, 4002, 123);
	ck_assert_uint_eq(asked(&site.w_cam, &f), 1);           /* not through it */
}
END_TEST

/* Whoever is there to say so or not: the rule itself knows its end. */
START_TEST(opens_nothing_by_an_exception_that_has_ended)
{
	struct wire_frame f = with(video, 17, 4000, 9);

	ck_assert_uint_eq(asked(&site.w_cam, &f), 0);
	ck_assert_uint_eq(at_core(&f), 1);
	services[0].answer.ends_ns = now_wall_ns() - 1;
	name_parts();
	site_load();
	f.sport++;
	ck_assert_uint_eq(asked(&site.w_cam, &f), 1);
	ck_assert_uint_eq(at_core(&f), 0);
	ck_assert_uint_eq(named("allow-session"), 1);
}
END_TEST

/* What was decided is decided again under the next generation, without a question. */
START_TEST(decides_again_after_a_reload)
{
	ck_assert_uint_eq(asked(&site.w_cam, &video), 0);
	site.in.generation = 2;
	site_load();
	ck_assert_uint_eq(asked(&site.w_cam, &video), 0);
	ck_assert_uint_eq(named("allow-video"), 2);             /* counters stay */
	services[1].hi = services[1].lo;
	name_parts();
	site.in.generation = 3;
	site_load();
	ck_assert_uint_eq(asked(&site.w_cam, &video), 1);
	ck_assert_uint_eq(at_core(&video), 2);
	ck_assert_uint_eq(named("allow-video"), 2);
}
END_TEST

START_TEST(follows_its_bindings)
{
	struct table_binding was = site.bindings[0], more = was;
	struct wire_frame f = with(back, 6, 30000, 4000), g = video;

	ck_assert_int_eq(table_bind(site.nl, &site.in, NULL, 0, &was, 1, &site.e), 0);
	ck_assert_uint_eq(asked(&site.w_cam, &video), 1);
	ck_assert_uint_eq(asked(&site.w_core, &f), 1);
	more.addr = example_addr("10.20.0.77");
	ck_assert_int_eq(table_bind(site.nl, &site.in, &more, 1, NULL, 0, &site.e), 0);
	g.src = "10.20.0.77";
	ck_assert_uint_eq(asked(&site.w_cam, &g), 0);
	was = more;
	more.sole = false;                              /* somebody else has the address, too */
	ck_assert_int_eq(table_bind(site.nl, &site.in, &more, 1, &was, 1, &site.e), 0);
	f.dst = "10.20.0.77";
	ck_assert_uint_eq(asked(&site.w_core, &f), 1);
	was = more;
	more.plan = TABLE_NO_PLAN;
	ck_assert_int_eq(table_bind(site.nl, &site.in, &more, 1, &was, 1, &site.e), 0);
	g.sport++;
	ck_assert_uint_eq(asked(&site.w_cam, &g), 1);
	ck_assert_uint_eq(site.asked, 1);
}
END_TEST

static size_t unserved(void)
{
	struct table *t = NULL;
	size_t n;

	ck_assert_int_eq(table_build(&site.in, &t, &site.e), 0);
	n = t->sets.at[TABLE_SET_UNSERVED_UDP].n;
	table_free(t);
	return n;
}

/* While a scan of the same host is dropped before its route is looked up, in the lump, whatever an entry names goes its way. */
START_TEST(opens_through_its_own_scan)
{
	enum { PORTS = 3000 };
	struct wire_frame f = video;
	struct table_ledger l;

	whats[0].rest = (struct plan_answer){ PLAN_DROP, UINT32_MAX, 0 };
	name_parts();
	site.in.generation = 2;
	site.in.early = true;
	site_load();
	ck_assert_uint_eq(unserved(), 4);               /* around 9, 123 and 5000-5001 */
	for (unsigned i = 0; i < PORTS; i++) {
		f.dport = (uint16_t)(10000 + i);
		wire_send(&site.w_cam, &f, 1);
	}
	site_answer(site_mark(TABLE_DENY));
	l = site_turn();
	ck_assert_uint_ge(site_sum(&l, TABLE_L_DENIED_MORE), PORTS / 2);
	table_ledger_free(&l);
	for (unsigned i = 0; i < PORTS; i++) {          /* a turn forgets */
		f.dport = (uint16_t)(10000 + i);
		wire_send(&site.w_cam, &f, 1);
	}
	site_answer(site_mark(TABLE_DENY));
	wire_send(&site.w_cam, &video, 3);
	ck_assert_uint_eq(at_core(&video), 3);
	f.dport = 9;
	wire_send(&site.w_cam, &f, 1);
	ck_assert_uint_eq(at_core(&f), 1);
	services[1].answer.act = PLAN_DROP;             /* one port is denied, of the others nothing is known */
	whats[0].rest.act = PLAN_ASK;
	name_parts();
	ck_assert_uint_eq(unserved(), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("traffic_decide");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, opens_what_devices_may_open);
	tcase_add_test(tc, opens_what_may_be_opened_to_devices);
	tcase_add_test(tc, asks_about_all_else);
	tcase_add_test(tc, asks_about_the_middle_of_a_flow);
	tcase_add_test(tc, judges_what_is_said_to_the_firewall_by_its_own_rules);
	tcase_add_test(tc, opens_nothing_by_an_exception_that_has_ended);
	tcase_add_test(tc, decides_again_after_a_reload);
	tcase_add_test(tc, follows_its_bindings);
	tcase_add_test(tc, opens_through_its_own_scan);
	return suite_run(tc);
}
