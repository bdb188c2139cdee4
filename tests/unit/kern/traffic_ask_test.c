/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose questions take whose places, with real packets: as many invented MACs as no set holds take nothing of who has proved its
 * address, or has a MAC that the policy lists; nor do they fill the queue, or hide whose flood is told. */
#include "unit/kern/site.h"
#include "unit/suite.h"

#define LISTED "00:00:5e:00:53:02"

enum { INVENTED = 70000, AT_ONCE = 2000, PLACES = 65536 };

static struct mac listed[1];
static struct table_range routed[1];

static void begin(void)
{
	site_begin();
	listed[0] = example_mac(LISTED);
	site.in.listed = listed;
	site.in.n_listed = 1;
	site.in.rates.others_per_s = 1000000;
	site.in.rates.others_burst = 1000000;
	site_load();
}

/* A packet from each of many MACs, all answered by kind; how many were asked about. */
static unsigned invent(const struct wire *w, const struct wire_frame *like, enum table_kind kind)
{
	struct wire_frame f = *like;
	unsigned asked = 0;
	char mac[18];

	f.smac = mac;
	for (unsigned i = 0; i < INVENTED; i++) {
		snprintf(mac, sizeof(mac), "02:00:00:%02x:%02x:%02x", i >> 16, i >> 8 & 255, i & 255);
		wire_send(w, &f, 1);
		if (i % AT_ONCE && i != INVENTED - 1)
			continue;
		site_answer(site_mark(kind));
		asked += site.asked;
	}
	return asked;
}

/* Of n packets of f that are sent at once, how many are asked about. */
static unsigned asks(const struct wire *w, const struct wire_frame *f, unsigned n, enum table_kind kind)
{
	wire_send(w, f, n);
	site_answer(site_mark(kind));
	return site.asked;
}

static struct wire_frame from_listed(void)
{
	struct wire_frame f = back;

	f.smac = LISTED;
	f.sport = 5100;
	return f;
}

static struct wire_frame from_other(void)
{
	struct wire_frame f = back;

	f.smac = "00:00:5e:00:53:99";
	return f;
}

START_TEST(invented_macs_take_their_own_places)
{
	const struct wire_frame own = from_listed(), other = from_other();

	ck_assert_uint_eq(invent(&site.w_core, &back, TABLE_DENY_ONCE), PLACES);
	ck_assert_uint_eq(asks(&site.w_core, &other, 1, TABLE_DENY_ONCE), 0);
	ck_assert_uint_eq(site_counter(TABLE_C_FLOOD), INVENTED - PLACES + 1);
	ck_assert_uint_eq(asks(&site.w_cam, &video6, 1, TABLE_ALLOW), 1);
	ck_assert_uint_eq(at_core(&video6), 1);
	ck_assert_uint_eq(asks(&site.w_cam, &video, 1, TABLE_ALLOW), 1);
	ck_assert_uint_eq(at_core(&video), 1);
	ck_assert_uint_eq(asks(&site.w_core, &own, 1, TABLE_DENY_ONCE), 1);
}
END_TEST

/* The flow of each was permitted by an earlier generation: all are asked about, beyond how many new ones may be. */
START_TEST(nor_those_of_flows_that_are_judged_anew)
{
	const struct wire_frame own = from_listed();

	site.in.rates.ask_per_s = site.in.rates.ask_burst = 1;
	site_load();
	allow(&site.w_cam, &video);
	allow(&site.w_core, &back);
	allow(&site.w_core, &own);
	site.in.generation = 2;
	site_load();
	ck_assert_uint_eq(invent(&site.w_core, &back, TABLE_DENY_ONCE), INVENTED);
	ck_assert_uint_eq(asks(&site.w_core, &own, 50, TABLE_DENY_ONCE), 50);
	ck_assert_uint_eq(asks(&site.w_cam, &video, 50, TABLE_DENY_ONCE), 50);
}
END_TEST

/* Behind a router any MAC may bring an address: it is of the others, who has proved one there is not. */
START_TEST(nor_do_those_behind_a_router)
{
	struct wire_frame f = video;

	routed[0] = example_range("10.21.0.0", "10.21.255.255");
	site.ifaces[0].routed = routed;
	site.ifaces[0].n_routed = 1;
	site_load();
	f.src = "10.21.0.9";
	ck_assert_uint_eq(invent(&site.w_cam, &f, TABLE_DENY_ONCE), PLACES);
	ck_assert_uint_eq(asks(&site.w_cam, &video, 1, TABLE_DENY_ONCE), 1);
	ck_assert_uint_eq(asks(&site.w_cam, &video6, 1, TABLE_DENY_ONCE), 1);
}
END_TEST

/* All others of an interface together are within one limit, and nobody else is within that. */
START_TEST(others_do_not_fill_the_queue)
{
	const struct wire_frame own = from_listed();
	struct wire_frame loud = video;
	struct table_ledger l;
	uint64_t of_loud = 0;

	site.in.rates.others_per_s = 1;
	site.in.rates.others_burst = 20;
	site.in.rates.ask_per_s = 1;
	site.in.rates.ask_burst = 30;
	site_load();
	ck_assert_uint_le(invent(&site.w_core, &back, TABLE_DENY_ONCE), 60);
	ck_assert_uint_eq(asks(&site.w_core, &own, 20, TABLE_DENY_ONCE), 20);
	loud.dport = 5002;
	ck_assert_uint_le(asks(&site.w_cam, &loud, 100, TABLE_DENY_ONCE), 32);
	l = site_turn();
	for (size_t i = 0; i < l.n; i++)
		if (l.lines[i].kind == TABLE_L_FLOOD && addr_mac_equal(&l.lines[i].mac, &site.bindings[0].mac))
			of_loud += l.lines[i].packets;
	ck_assert_uint_eq(of_loud, 100 - site.asked);   /* though the others' page is full */
	ck_assert_uint_gt(site_counter(TABLE_C_FLOOD_UNKEYED), 0);
	table_ledger_free(&l);
}
END_TEST

/* What the firewall is made to send by a packet whose last hop it is takes nothing of its own questions. */
START_TEST(errors_have_a_limit_of_their_own)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = inet_addr("10.20.0.2") };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct wire_frame f = video;

	site.in.rates.ask_per_s = 1;
	site_load();
	site_sh("sysctl -qw net.ipv4.icmp_ratemask=0; ip neigh add 10.20.9.9 lladdr " SITE_CAM " dev f0");
	f.ttl = 1;
	f.src = "10.20.9.9";
	f.smac = SITE_BAD;
	wire_send(&site.w_cam, &f, 3000);
	site_answer(site_mark(TABLE_DENY_ONCE));
	ck_assert_uint_ge(site_counter(TABLE_C_ASKED), 100);    /* newer kernels queue none of an unconfirmed flow */
	ck_assert_uint_ge(site_counter(TABLE_C_OUT_FLOOD), 2000);
	ck_assert_uint_eq(site_counter(TABLE_C_ASKED) + site_counter(TABLE_C_OUT_FLOOD), 3000);
	ck_assert_int_eq(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	close(fd);
	site_answer(site_mark(TABLE_DENY_ONCE));
	ck_assert_uint_eq(site.asked, 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("traffic-ask");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin, site_end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, invented_macs_take_their_own_places);
	tcase_add_test(tc, nor_those_of_flows_that_are_judged_anew);
	tcase_add_test(tc, nor_do_those_behind_a_router);
	tcase_add_test(tc, others_do_not_fill_the_queue);
	tcase_add_test(tc, errors_have_a_limit_of_their_own);
	return suite_run(tc);
}
