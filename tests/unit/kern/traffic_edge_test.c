/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table's edges with real packets: old verdicts, nobody listening, ICMP errors, renamed interfaces, the firewall itself. */
#include "unit/kern/site.h"
#include "unit/suite.h"

START_TEST(accepts_only_verdicts_of_now_and_next)
{
	site.in.generation = 5;
	site_load();
	wire_send(&site.w_cam, &video, 1);
	site_answer(table_mark(24, 4, TABLE_ALLOW));
	ck_assert_uint_eq(site_counter(TABLE_C_STALE_VERDICT), 1);
	wire_send(&site.w_cam, &video, 1);
	site_answer(0);                                 /* came back as it went */
	ck_assert_uint_eq(site_counter(TABLE_C_NO_VERDICT), 1);
	wire_send(&site.w_cam, &video, 1);
	site_answer(table_mark(24, 7, TABLE_ALLOW));
	ck_assert_uint_eq(site_counter(TABLE_C_STALE_VERDICT), 2);
	ck_assert_uint_eq(at_core(&video), 0);
	wire_send(&site.w_cam, &video, 1);
	site_answer(table_mark(24, 6, TABLE_ALLOW));
	ck_assert_uint_eq(site_counter(TABLE_C_POST_UNSTAMPED), 1);
	wire_send(&site.w_cam, &video, 1);
	site_answer(table_mark(24, 6, TABLE_ALLOW));
	ck_assert_uint_eq(site.asked, 1);
	ck_assert_uint_eq(at_core(&video), 2);
	wire_send(&site.w_cam, &video, 1);
	site_answer(table_mark(24, 6, TABLE_DENY));
	ck_assert_uint_eq(site_counter(TABLE_C_POST_DENIED), 1);
}
END_TEST

START_TEST(closes_when_nobody_listens)
{
	allow(&site.w_cam, &video);
	nfq_free(site.ask);
	nfq_free(site.unknown);
	site.ask = site.unknown = NULL;
	wire_send(&site.w_cam, &video, 20);             /* what is known goes on */
	wire_send(&site.w_cam, &video6, 20);
	poll(NULL, 0, 20);
	ck_assert_uint_eq(at_core(&video), 21);
	ck_assert_uint_eq(at_core(&video6), 0);
	ck_assert_msg(nfq_new(100, NULL, &site.ask, &site.e) == 0, "%s", site.e.msg);
	ck_assert_msg(nfq_new(101, NULL, &site.unknown, &site.e) == 0, "%s", site.e.msg);
}
END_TEST

/* An ICMP error's conntrack is the flow it quotes: it must not revive a flow that the new policy forbids. */
START_TEST(stamps_nothing_by_an_icmp_error)
{
	struct wire_frame error = back;
	uint8_t quoted[2048];
	size_t n;

	allow(&site.w_cam, &video);
	n = wire_make(&video, quoted);
	error.proto = 1;
	error.quote = quoted + 14;
	error.quote_len = n - 14;
	wire_send(&site.w_core, &error, 5);             /* about a stamped flow: passes unasked */
	site_answer(site_mark(TABLE_DENY_ONCE));
	ck_assert_uint_eq(site.asked, 0);
	ck_assert_uint_eq(site_counter(TABLE_C_RELATED), 5);
	ck_assert_uint_eq(wire_count(&site.w_cam, "10.1.0.2", "10.20.0.2", 1, 0, NULL), 5);
	site.in.generation = 2;
	site_load();
	wire_send(&site.w_core, &error, 1);             /* about a stale one: asked, and allowed */
	site_answer(site_mark(TABLE_ALLOW));
	ck_assert_uint_eq(site.asked, 1);
	ck_assert_uint_eq(site.last.mark, 0xff000000);
	wire_send(&site.w_cam, &video, 10);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 10);
	ck_assert_uint_eq(at_core(&video), 1);
	ck_assert_uint_eq(site_counter(TABLE_C_POST_UNSTAMPED), 1);
}
END_TEST

START_TEST(lets_nothing_through_a_renamed_interface)
{
	struct table_ledger l;

	allow(&site.w_cam, &video);
	site_rename("cctv0");
	ck_assert_uint_eq(at_core(&video), 1);
	wire_send(&site.w_cam, &video, 50);
	wire_send(&site.w_core, &back, 50);
	site_answer(site_mark(TABLE_ALLOW));
	ck_assert_uint_eq(site.asked + site.asked_unknown, 0);
	ck_assert_uint_eq(at_core(&video), 0);
	ck_assert_uint_eq(at_cam(&back), 0);
	l = site_turn();
	ck_assert_uint_ge(site_sum(&l, TABLE_L_STRANGE), 100);  /* and the kernel's own IPv6 greetings */
	ck_assert_uint_le(site_counter(TABLE_C_STRANGE) - site_sum(&l, TABLE_L_STRANGE), 5);    /* greetings since */
	for (size_t i = 0; i < l.n; i++)
		ck_assert(!strcmp(l.lines[i].iifname, "cctv0") || !strcmp(l.lines[i].oifname, "cctv0"));
	table_ledger_free(&l);
}
END_TEST

START_TEST(judges_what_the_firewall_hears_and_says)
{
	struct wire_frame in = video, out = video;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(554), .sin_addr = { inet_addr("10.20.0.2") } };

	in.dst = "10.20.0.1";
	in.dport = 123;
	wire_send(&site.w_cam, &in, 1);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 1);
	ck_assert_uint_eq(site.last.hook, 1);
	wire_send(&site.w_cam, &in, 4);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 0);
	ck_assert_uint_eq(site_counter(TABLE_C_DENIED), 4);
	ck_assert_int_eq(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 1);
	ck_assert_uint_eq(site.last.hook, 3);
	ck_assert_uint_eq(site_counter(TABLE_C_POST_DENIED_ONCE), 1);   /* no MAC to remember it by */
	ck_assert_int_eq(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	site_answer(site_mark(TABLE_ALLOW));
	ck_assert_int_eq(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 0);
	ck_assert_uint_eq(wire_count(&site.w_cam, "10.20.0.1", "10.20.0.2", 17, 554, NULL), 2);
	out.src = "10.20.0.2";
	out.dst = "10.20.0.1";
	out.sport = 554;
	out.dport = ({ struct sockaddr_in me; socklen_t l = sizeof(me); getsockname(fd, (struct sockaddr *)&me, &l); ntohs(me.sin_port); });
	wire_send(&site.w_cam, &out, 3);                /* its answers ride the stamp */
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 0);
	close(fd);
}
END_TEST

START_TEST(leaves_the_neighbours_protocols_alone)
{
	site_sh("ip neigh flush all");
	ck_assert_uint_eq(site_counter(TABLE_C_FELL_THROUGH), 0);
	site_answer(site_mark(TABLE_DENY_ONCE));        /* what came up with the links: only discovery, never asked */
	ck_assert_uint_eq(site.asked, 0);
	ck_assert_uint_eq(site_counter(TABLE_C_INVALID) + site_counter(TABLE_C_INVALID_UNKEYED), 0);
}
END_TEST

START_TEST(asks_about_guarded_addresses_on_open_interfaces)
{
	struct wire_frame spoof = back;

	allow(&site.w_cam, &video);
	spoof.src = "10.20.0.9";
	spoof.dst = "10.20.0.2";
	wire_send(&site.w_core, &spoof, 3);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 3);
	ck_assert_uint_eq(at_cam(&spoof), 0);
	ck_assert_uint_eq(site_counter(TABLE_C_POST_DENIED), 3);
	wire_send(&site.w_core, &spoof, 3);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 0);
}
END_TEST

START_TEST(passes_nothing_when_closed)
{
	struct table_ledger l;

	allow(&site.w_cam, &video);
	ck_assert_uint_eq(at_core(&video), 1);
	site.in.closed = true;
	site_load();
	wire_send(&site.w_cam, &video, 10);
	wire_send(&site.w_core, &back, 10);
	site_answer(site_mark(TABLE_ALLOW));
	ck_assert_uint_eq(site.asked + site.asked_unknown, 0);
	ck_assert_uint_eq(at_core(&video), 0);
	ck_assert_uint_eq(at_cam(&back), 0);
	ck_assert_uint_eq(site_counter(TABLE_C_CLOSED), 20);
	l = site_turn();
	ck_assert_uint_eq(site_sum(&l, TABLE_L_CLOSED), 20);
	table_ledger_free(&l);
	site.in.closed = false;                         /* and is picked up where it was */
	site_load();
	wire_send(&site.w_cam, &video, 10);
	ck_assert_uint_eq(at_core(&video), 10);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("traffic-edge");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, site_begin, site_end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, accepts_only_verdicts_of_now_and_next);
	tcase_add_test(tc, closes_when_nobody_listens);
	tcase_add_test(tc, stamps_nothing_by_an_icmp_error);
	tcase_add_test(tc, lets_nothing_through_a_renamed_interface);
	tcase_add_test(tc, judges_what_the_firewall_hears_and_says);
	tcase_add_test(tc, leaves_the_neighbours_protocols_alone);
	tcase_add_test(tc, asks_about_guarded_addresses_on_open_interfaces);
	tcase_add_test(tc, passes_nothing_when_closed);
	return suite_run(tc);
}
