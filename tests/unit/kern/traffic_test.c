/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the table does to real packets on this kernel: who is asked, what is stamped, what is remembered and counted. */
#include "unit/kern/site.h"
#include "unit/suite.h"

START_TEST(asks_once_and_then_knows_the_flow)
{
	wire_send(&site.w_cam, &video, 1);
	site_answer(site_mark(TABLE_ALLOW));
	ck_assert_uint_eq(site.asked, 1);
	ck_assert_uint_eq(site.asked_unknown, 0);
	ck_assert_uint_eq(site.last.mark, 0xfe000000);
	ck_assert_uint_eq(site.last.hook, 2);
	ck_assert(site.last.has_mac && site.last.mac.b[0] == 0xac);
	wire_send(&site.w_cam, &video, 50);
	wire_send(&site.w_core, &back, 50);
	site_answer(site_mark(TABLE_ALLOW));
	ck_assert_uint_eq(site.asked, 0);
	ck_assert_uint_eq(at_core(&video), 51);
	ck_assert_uint_eq(at_cam(&back), 50);
	ck_assert_uint_eq(site_counter(TABLE_C_POST_ALLOWED), 1);
	allow(&site.w_cam, &video6);
	ck_assert_uint_eq(site.asked, 1);
	wire_send(&site.w_cam, &video6, 50);
	ck_assert_uint_eq(at_core(&video6), 51);
}
END_TEST

START_TEST(asks_again_after_a_reload_and_says_which_is_a_reply)
{
	allow(&site.w_cam, &video);
	wire_send(&site.w_core, &back, 1);              /* seen in both directions */
	site.in.generation = 2;
	site_load();
	wire_send(&site.w_core, &back, 1);
	site_answer(site_mark(TABLE_DENY_ONCE));
	ck_assert_uint_eq(site.asked, 1);
	ck_assert_uint_eq(site.last.mark, 0xff000000);
	wire_send(&site.w_cam, &video, 1);
	site_answer(site_mark(TABLE_ALLOW));
	ck_assert_uint_eq(site.last.mark, 0xfe000000);
	wire_send(&site.w_cam, &video, 20);
	wire_send(&site.w_core, &back, 20);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 0);
	ck_assert_uint_eq(at_core(&video), 22);
	ck_assert_uint_eq(at_cam(&back), 21);
}
END_TEST

START_TEST(remembers_a_denial_and_counts_what_it_cost)
{
	struct table_ledger l;

	allow(&site.w_cam, &video6);                    /* another flow, to be left alone */
	wire_send(&site.w_cam, &video, 1);
	site_answer(site_mark(TABLE_DENY));
	wire_send(&site.w_cam, &video, 9);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 0);
	ck_assert_uint_eq(at_core(&video), 0);
	ck_assert_uint_eq(site_counter(TABLE_C_POST_DENIED), 1);
	ck_assert_uint_eq(site_counter(TABLE_C_DENIED), 9);
	site_load();                                    /* the same again: the ledger stays */
	l = site_turn();
	ck_assert_uint_eq(l.n, 1);
	ck_assert_uint_eq(l.lines[0].packets, 9);
	ck_assert_uint_eq(l.lines[0].bytes, 9 * 46);
	ck_assert_int_eq(l.lines[0].kind, TABLE_L_DENIED);
	ck_assert_uint_eq(l.lines[0].iif, if_nametoindex("f0"));
	ck_assert(addr_mac_equal(&l.lines[0].mac, &site.bindings[0].mac));
	ck_assert_uint_eq(l.lines[0].port, 5001);
	ck_assert_uint_eq(l.lines[0].proto, 17);
	ck_assert(!l.lines[0].reply);
	ck_assert(addr_equal(&l.lines[0].dst, &(struct addr){ 4, { 10, 1, 0, 2 } }));
	table_ledger_free(&l);
	wire_send(&site.w_cam, &video, 2);              /* forgotten: asked again */
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 2);
	ck_assert_int_eq(table_forget(site.nl, &site.e), 0);
	wire_send(&site.w_cam, &video, 1);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 1);
	l = site_turn();
	ck_assert_uint_eq(l.n, 0);
	table_ledger_free(&l);
	wire_send(&site.w_cam, &video, 1);              /* turning forgets, too */
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 1);
}
END_TEST

/* A denied reply says nothing about what the camera may open itself. */
START_TEST(remembers_replies_apart)
{
	struct wire_frame opens = video;
	struct table_ledger l;

	allow(&site.w_core, &back);                     /* the core opens 5001 -> 4000 */
	wire_send(&site.w_cam, &video, 1);
	site.in.generation = 2;
	site_load();
	wire_send(&site.w_cam, &video, 1);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.last.mark, 0xff000000);
	wire_send(&site.w_cam, &video, 5);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 0);
	opens.sport = 4000;
	opens.dport = 4001;
	wire_send(&site.w_cam, &opens, 1);              /* same source port, another flow */
	site_answer(site_mark(TABLE_ALLOW));
	ck_assert_uint_eq(site.asked, 1);
	ck_assert_uint_eq(at_core(&opens), 1);
	l = site_turn();
	ck_assert_uint_eq(l.n, 1);
	ck_assert(l.lines[0].reply);
	ck_assert_uint_eq(l.lines[0].port, 4000);
	ck_assert_uint_eq(l.lines[0].packets, 5);
	table_ledger_free(&l);
}
END_TEST

START_TEST(does_not_remember_what_it_is_not_told_to)
{
	struct wire_frame forged = video;

	wire_send(&site.w_cam, &video, 3);
	site_answer(site_mark(TABLE_DENY_ONCE));
	wire_send(&site.w_cam, &video, 3);
	site_answer(site_mark(TABLE_DENY_ONCE));
	ck_assert_uint_eq(site.asked, 3);
	ck_assert_uint_eq(site_counter(TABLE_C_POST_DENIED_ONCE), 6);
	forged.smac = SITE_BAD;                         /* poisoning: the camera's address, another MAC, remembered */
	wire_send(&site.w_cam, &forged, 1);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked_unknown, 1);
	wire_send(&site.w_cam, &video, 20);
	site_answer(site_mark(TABLE_ALLOW));
	ck_assert_uint_eq(site.asked, 20);
	ck_assert_uint_eq(at_core(&video), 20);
}
END_TEST

START_TEST(rejects_so_that_the_sender_hears_it)
{
	struct wire_frame tcp = video;
	uint8_t last[2048];

	tcp.proto = 6;
	tcp.tcp_flags = 2;
	tcp.payload = 0;
	wire_send(&site.w_cam, &tcp, 1);
	site_answer(site_mark(TABLE_REJECT));
	ck_assert_uint_eq(wire_count(&site.w_cam, "10.1.0.2", "10.20.0.2", 6, 4000, last), 1);
	ck_assert_uint_eq(last[14 + 20 + 13] & 4, 4);   /* RST */
	wire_send(&site.w_cam, &video, 1);
	site_answer(site_mark(TABLE_REJECT));
	ck_assert_uint_eq(wire_count(&site.w_cam, "10.20.0.1", "10.20.0.2", 1, 0, last), 1);
	ck_assert_uint_eq(last[34], 3);
	ck_assert_uint_eq(last[35], 13);                /* administratively prohibited */
	wire_send(&site.w_cam, &video6, 1);
	site_answer(site_mark(TABLE_REJECT));
	ck_assert_uint_eq(wire_count(&site.w_cam, "fd00:20::1", "fd00:20::2", 58, 0, last), 1);
	ck_assert_uint_eq(site_counter(TABLE_C_POST_REJECTED), 3);
	ck_assert_uint_eq(at_core(&tcp), 0);
	wire_send(&site.w_core, &back, 1);              /* towards the camera: the error goes to the core */
	site_answer(site_mark(TABLE_REJECT));
	ck_assert_uint_eq(wire_count(&site.w_core, NULL, "10.1.0.2", 1, 0, NULL), 1);
	ck_assert_uint_eq(site.asked + site.asked_unknown, 1);
}
END_TEST

START_TEST(keeps_strangers_apart_and_counts_their_flood)
{
	struct wire_frame f = video;
	struct table_ledger l;
	unsigned dropped;

	f.smac = "00:00:5e:00:53:09";
	wire_send(&site.w_cam, &f, 300);
	site_answer(site_mark(TABLE_DENY_ONCE));
	ck_assert_uint_eq(site.asked, 0);
	ck_assert_uint_ge(site.asked_unknown, 50);
	ck_assert_uint_le(site.asked_unknown, 70);
	dropped = 300 - site.asked_unknown;
	ck_assert_uint_eq(site_counter(TABLE_C_UNKNOWN_FLOOD), dropped);
	l = site_turn();
	ck_assert_uint_eq(l.n, 1);
	ck_assert_int_eq(l.lines[0].kind, TABLE_L_UNKNOWN_FLOOD);
	ck_assert_uint_eq(l.lines[0].packets, dropped);
	ck_assert_uint_eq(l.lines[0].mac.b[5], 9);
	table_ledger_free(&l);
	ck_assert_uint_eq(at_core(&f), 0);
}
END_TEST

START_TEST(limits_the_questions_of_a_known_device)
{
	struct wire_frame f = video;
	struct table_ledger l;

	site.in.rates.ask_per_s = 1;
	site.in.rates.ask_burst = 10;
	site_load();
	wire_send(&site.w_cam, &f, 30);
	site_answer(site_mark(TABLE_DENY_ONCE));
	ck_assert_uint_ge(site.asked, 10);
	ck_assert_uint_le(site.asked, 12);
	l = site_turn();
	ck_assert_uint_eq(site_sum(&l, TABLE_L_FLOOD), 30 - site.asked);
	ck_assert_uint_eq(site_counter(TABLE_C_FLOOD), 30 - site.asked);
	table_ledger_free(&l);
}
END_TEST

START_TEST(rides_no_stamp_with_options_or_another_mac)
{
	struct wire_frame f = video;

	allow(&site.w_cam, &video);
	f.options = true;
	wire_send(&site.w_cam, &f, 5);
	site_answer(site_mark(TABLE_DENY_ONCE));
	ck_assert_uint_eq(site.asked_unknown, 5);
	f = video;
	f.smac = SITE_BAD;
	wire_send(&site.w_cam, &f, 5);
	site_answer(site_mark(TABLE_DENY_ONCE));
	ck_assert_uint_eq(site.asked_unknown, 5);
	f = back;
	f.options = true;
	wire_send(&site.w_core, &f, 5);
	site_answer(site_mark(TABLE_DENY_ONCE));
	ck_assert_uint_eq(site.asked, 5);
	ck_assert_uint_eq(at_core(&video), 1);
	ck_assert_uint_eq(at_cam(&back), 0);
}
END_TEST

START_TEST(asks_for_every_flow_of_a_restricted_device)
{
	struct wire_frame f = video, answer = back;

	f.smac = SITE_BAD;
	f.src = "10.20.0.3";
	wire_send(&site.w_cam, &f, 1);
	site_answer(site_mark(TABLE_ALLOW));            /* even stamped, it is asked about again */
	wire_send(&site.w_cam, &f, 5);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 5);
	answer.dst = "10.20.0.3";
	answer.sport = 7;
	wire_send(&site.w_core, &answer, 3);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 3);
	ck_assert_uint_eq(at_core(&f), 1);
	ck_assert_uint_eq(at_cam(&answer), 0);
}
END_TEST

/* Other software's mark bits pass, through the queue and past it; what looks like a verdict of ours is none. */
START_TEST(keeps_other_bits_of_the_mark)
{
	struct buf out;

	site_sh("nft add table ip other; nft add counter ip other good; nft add counter ip other bad;"
		"nft add chain ip other a '{ type filter hook prerouting priority -150; }';"
		"nft add rule ip other a meta mark set 0x05004242;"
		"nft add chain ip other z '{ type filter hook postrouting priority 0; }';"
		"nft add rule ip other z udp dport 5001 meta mark 0x00004242 counter name good accept;"
		"nft add rule ip other z udp dport 5001 counter name bad");
	wire_send(&site.w_cam, &video, 1);
	site_answer(site_mark(TABLE_DENY_ONCE));
	ck_assert_uint_eq(site.last.mark, 0xfe004242);
	allow(&site.w_cam, &video);
	wire_send(&site.w_cam, &video, 4);
	ck_assert_uint_eq(at_core(&video), 5);
	buf_init(&out);
	ck_assert_int_eq(space_run(&out, "nft list counters table ip other"), 0);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "packets 5 "));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "packets 0 "));
	buf_fini(&out);
}
END_TEST

/* Somebody took the gate away: behind it, nothing but what was permitted passes. */
START_TEST(the_post_chain_alone_opens_nothing)
{
	struct wire_frame f = video;

	f.sport = 4001;
	allow(&site.w_cam, &video);
	site_sh("nft flush chain inet ringfence forward; nft add rule inet ringfence forward accept");
	wire_send(&site.w_cam, &video, 5);
	ck_assert_uint_eq(at_core(&video), 6);
	wire_send(&site.w_cam, &f, 5);
	ck_assert_uint_eq(at_core(&f), 0);
	ck_assert_uint_eq(site_counter(TABLE_C_STALE_VERDICT), 5);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("traffic");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, site_begin, site_end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, asks_once_and_then_knows_the_flow);
	tcase_add_test(tc, asks_again_after_a_reload_and_says_which_is_a_reply);
	tcase_add_test(tc, remembers_a_denial_and_counts_what_it_cost);
	tcase_add_test(tc, remembers_replies_apart);
	tcase_add_test(tc, does_not_remember_what_it_is_not_told_to);
	tcase_add_test(tc, rejects_so_that_the_sender_hears_it);
	tcase_add_test(tc, keeps_strangers_apart_and_counts_their_flood);
	tcase_add_test(tc, limits_the_questions_of_a_known_device);
	tcase_add_test(tc, rides_no_stamp_with_options_or_another_mac);
	tcase_add_test(tc, asks_for_every_flow_of_a_restricted_device);
	tcase_add_test(tc, keeps_other_bits_of_the_mark);
	tcase_add_test(tc, the_post_chain_alone_opens_nothing);
	return suite_run(tc);
}
