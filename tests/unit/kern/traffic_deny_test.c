/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel denies by itself, with real packets: the first ones are asked about, the rest is counted by key or by device and
 * no count is lost; and the limits of questions: of flows once permitted, and of the firewall's own. */
#include "base/now.h"
#include "unit/kern/site.h"
#include "unit/suite.h"

static struct wire_frame bad(void)
{
	struct wire_frame f = video;

	f.smac = SITE_BAD;
	f.src = "10.20.0.3";
	return f;
}

static void few_samples(void)
{
	site.ifaces[0].denies = true;
	site.in.rates.deny_per_s = 1;
	site.in.rates.deny_burst = 5;
	site_load();
}

START_TEST(denies_and_counts_by_itself)
{
	struct wire_frame f = bad();
	struct table_ledger l;
	unsigned asked;

	few_samples();
	for (unsigned i = 0; i < 60; i++) {
		f.dport = (uint16_t)(1000 + i % 30);
		wire_send(&site.w_cam, &f, 1);
	}
	site_answer(site_mark(TABLE_DENY));
	asked = site.asked;
	ck_assert_uint_ge(asked, 5);
	ck_assert_uint_le(asked, 7);
	ck_assert_uint_eq(site_counter(TABLE_C_DENIED), 60 - asked);
	ck_assert_uint_eq(wire_count(&site.w_core, f.src, NULL, 17, 0, NULL), 0);
	wire_send(&site.w_cam, &video, 20);             /* nobody else's flows are denied */
	site_answer(site_mark(TABLE_ALLOW));
	ck_assert_uint_eq(site.asked, 20);
	ck_assert_uint_eq(at_core(&video), 20);
	l = site_turn();
	ck_assert_uint_eq(l.n, 30);
	ck_assert_uint_eq(site_sum(&l, TABLE_L_DENIED), 60 - asked);
	for (size_t i = 0; i < l.n; i++)
		ck_assert(l.lines[i].packets <= 2 && l.lines[i].port >= 1000 && l.lines[i].port < 1030 && l.lines[i].mac.b[0] == 0x44);
	table_ledger_free(&l);
}
END_TEST

START_TEST(asks_where_it_may_not_deny_alone)
{
	struct wire_frame f = bad();

	site.in.rates.deny_per_s = site.in.rates.deny_burst = 1;
	site_load();
	for (unsigned i = 0; i < 60; i++) {
		f.dport = (uint16_t)(1000 + i);
		wire_send(&site.w_cam, &f, 1);
	}
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 60);
}
END_TEST

/* A scan takes its share of the page; what is beyond it, and what has no ports, is counted by device. */
START_TEST(counts_a_scan_by_device)
{
	enum { PORTS = 9000, PINGS = 40 };
	struct wire_frame f = bad(), ping = bad();
	uint64_t asked, keyed, more;
	struct table_ledger l;
	int64_t begin = now_mono_ns();
	unsigned seconds;

	few_samples();
	for (unsigned i = 0; i < PORTS; i++) {
		f.dport = (uint16_t)(1000 + i);
		wire_send(&site.w_cam, &f, 1);
	}
	ping.proto = 1;
	ping.dport = 0;
	wire_send(&site.w_cam, &ping, PINGS);
	site_answer(site_mark(TABLE_DENY));
	asked = site.asked;
	seconds = (unsigned)((now_mono_ns() - begin) / NOW_NS_PER_S + 1);
	ck_assert_uint_le(asked, 5 + seconds);
	l = site_turn();
	keyed = site_sum(&l, TABLE_L_DENIED);
	more = site_sum(&l, TABLE_L_DENIED_MORE);
	table_ledger_free(&l);
	printf("# %lu asked, %lu by key, %lu by device\n", asked, keyed, more);
	ck_assert_uint_eq(asked + keyed + more, PORTS + PINGS);
	ck_assert_uint_ge(keyed, 1000);
	ck_assert_uint_le(keyed, 1000 + 100 * seconds);
	ck_assert_uint_ge(more, PINGS - 1);
	ck_assert_uint_eq(site_counter(TABLE_C_DENIED), keyed);
	ck_assert_uint_eq(site_counter(TABLE_C_DENIED_MORE), more);
}
END_TEST

static void is_as_built(void)
{
	struct table *t = NULL;
	struct buf out;
	size_t n;

	buf_init(&out);
	ck_assert(table_build(&site.in, &t, &site.e) == 0 && table_verify(site.nl, t, &out, &n, &site.e) == 0);
	ck_assert_msg(n == 0, "%s", buf_cstr(&out));
	buf_fini(&out);
	table_free(t);
}

/* What of an address comes to the forward hook. */
static void see(const char *src)
{
	char command[256];

	snprintf(command, sizeof(command), "nft 'table inet seen { chain f { type filter hook forward priority -20; "
		 "ip saddr %s counter; }; }'", src);
	site_sh(command);
}

static unsigned long seen(void)
{
	const char *at;
	struct buf out;
	unsigned long n;

	buf_init(&out);
	ck_assert(space_run(&out, "nft list chain inet seen f") == 0);
	at = strstr(buf_cstr(&out), "packets ");
	ck_assert_ptr_nonnull(at);
	n = strtoul(at + strlen("packets "), NULL, 10);
	buf_fini(&out);
	return n;
}

static void early(void)
{
	struct table *t = NULL;

	site.in.early = true;
	ck_assert(table_build(&site.in, &t, &site.e) == 0);
	ck_assert_msg(table_early(site.nl, t, &site.e) == 0, "%s", site.e.msg);
	table_free(t);
}

/* What is beyond the share of a scan is dropped there too, at what no entry names. */
START_TEST(drops_a_scan_before_the_route)
{
	struct wire_frame f = bad();
	struct table_ledger l;
	uint64_t told;

	few_samples();
	early();
	see("10.20.0.3");
	for (unsigned i = 0; i < 20000; i++) {
		f.dport = (uint16_t)(1000 + i);
		wire_send(&site.w_cam, &f, 1);
	}
	site_answer(site_mark(TABLE_DENY));
	l = site_turn();
	told = site.asked + site_sum(&l, TABLE_L_DENIED) + site_sum(&l, TABLE_L_DENIED_MORE);
	table_ledger_free(&l);
	ck_assert_uint_eq(told, 20000);
	ck_assert_uint_ge(seen(), 1000);
	ck_assert_uint_le(seen(), 3000);
}
END_TEST

/* What is remembered never reaches the forward hook, and is counted as there; replies and what is permitted are not touched. */
START_TEST(drops_what_is_remembered_before_the_route)
{
	struct wire_frame denied = video, asked = back, answer = video;
	struct table_ledger l;

	site_load();
	early();
	is_as_built();
	see("10.20.0.2");
	denied.dport = 40000;
	wire_send(&site.w_cam, &denied, 1);
	site_answer(site_mark(TABLE_DENY));
	wire_send(&site.w_cam, &denied, 100);
	site_answer(site_mark(TABLE_ALLOW));
	ck_assert_uint_eq(site.asked, 0);
	ck_assert_uint_eq(site_counter(TABLE_C_DENIED), 100);
	ck_assert_uint_eq(seen(), 1);
	asked.sport = answer.dport = 40000;             /* an answer to the port where it may open nothing */
	asked.dport = answer.sport = 554;
	wire_send(&site.w_core, &asked, 1);             /* ahead of a reload: permitted, not stamped */
	site_answer(table_mark(24, 2, TABLE_ALLOW));
	wire_send(&site.w_cam, &answer, 3);
	site_answer(site_mark(TABLE_ALLOW));
	ck_assert_uint_eq(at_core(&answer), 3);
	allow(&site.w_cam, &video);
	wire_send(&site.w_cam, &video, 3);
	ck_assert_uint_eq(at_core(&video), 4);
	l = site_turn();
	ck_assert_uint_eq(l.n, 1);
	ck_assert_uint_eq(site_sum(&l, TABLE_L_DENIED), 100);
	table_ledger_free(&l);
	site.in.early = false;                          /* by a daemon that knows of no flood: emptied, not deleted */
	site_load();
	is_as_built();
	early();
	is_as_built();
}
END_TEST

START_TEST(spares_flows_that_were_permitted)
{
	struct wire_frame other = video, echo = video;

	site.in.rates.ask_per_s = 1;
	site.in.rates.ask_burst = 10;
	site_load();
	allow(&site.w_cam, &video);
	site.in.generation = 2;
	site_load();
	wire_send(&site.w_cam, &video, 100);            /* none is answered before all are there */
	wire_send(&site.w_core, &back, 100);
	site_answer(site_mark(TABLE_ALLOW));
	ck_assert_uint_eq(site.asked, 200);
	ck_assert_uint_eq(site_counter(TABLE_C_FLOOD), 0);
	other.dport = 5002;                             /* a new one has the common limit */
	wire_send(&site.w_cam, &other, 100);
	site_answer(site_mark(TABLE_ALLOW));
	ck_assert_uint_le(site.asked, 14);
	ck_assert_uint_eq(site_counter(TABLE_C_FLOOD), 100 - site.asked);
	site.in.generation = 3;                         /* nor is what would never be remembered spared */
	site_load();
	echo.options = true;
	wire_send(&site.w_cam, &echo, 100);
	site_answer(site_mark(TABLE_DENY_ONCE));
	ck_assert_uint_eq(site.asked, 0);
	ck_assert_uint_le(site.asked_unknown, 60);
}
END_TEST

START_TEST(remembers_denials_of_flows_that_were_permitted)
{
	allow(&site.w_cam, &video);
	site.in.generation = 2;
	site_load();
	wire_send(&site.w_cam, &video, 1);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 1);
	wire_send(&site.w_cam, &video, 100);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 0);
	ck_assert_uint_eq(site_counter(TABLE_C_DENIED), 100);
}
END_TEST

START_TEST(limits_the_firewalls_own_questions)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(554), .sin_addr = { inet_addr("10.20.0.2") } };
	struct table_ledger l;

	site.in.rates.ask_per_s = 1;
	site.in.rates.ask_burst = 10;
	site_load();
	for (unsigned i = 0; i < 100; i++)              /* a drop is an error to whoever sends */
		(void)!sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_ge(site.asked, 10);
	ck_assert_uint_le(site.asked, 13);
	ck_assert_uint_eq(site_counter(TABLE_C_OUT_FLOOD), 100 - site.asked);
	l = site_turn();
	ck_assert_uint_eq(l.n, 1);
	ck_assert_int_eq(l.lines[0].kind, TABLE_L_OUT_FLOOD);
	ck_assert_str_eq(l.lines[0].oifname, "f0");
	ck_assert_str_eq(l.lines[0].iifname, "");
	ck_assert_uint_eq(l.lines[0].packets, 100 - site.asked);
	table_ledger_free(&l);
	close(fd);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("traffic-deny");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, site_begin, site_end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, denies_and_counts_by_itself);
	tcase_add_test(tc, asks_where_it_may_not_deny_alone);
	tcase_add_test(tc, counts_a_scan_by_device);
	tcase_add_test(tc, drops_what_is_remembered_before_the_route);
	tcase_add_test(tc, drops_a_scan_before_the_route);
	tcase_add_test(tc, spares_flows_that_were_permitted);
	tcase_add_test(tc, remembers_denials_of_flows_that_were_permitted);
	tcase_add_test(tc, limits_the_firewalls_own_questions);
	return suite_run(tc);
}
