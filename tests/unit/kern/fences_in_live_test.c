/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fences in this kernel, on the way in: where frames may go on otherwise than by IP. */
#include "unit/kern/fences.h"

/* From another station. */
static void frame(const char *dev, const char *dst, uint16_t type, unsigned n)
{
	const uint8_t body[46] = { 0 };

	send_frames(dev, dst, "44:19:b6:00:00:03", type, body, sizeof(body), n);
	space_run(NULL, "sleep 0.1");
}

/* No chain where nothing leads on; one that is there stays, without rules. */
START_TEST(the_way_in_is_shut_while_something_leads_on)
{
	char before[80], after[80];

	load();
	ck_assert(!listed(FENCES, "from-eth1.20"));
	frame("p1", "ff:ff:ff:ff:ff:ff", 0x8863, 3);
	ck_assert_uint_eq(counts().at[TABLE_C_FENCE_ODD].packets, 0);
	ifaces[0].stacked = true;
	load();
	in_step();
	handle_of("chain from-eth1.20", before);
	ck_assert(*before);
	frame("p1", "ff:ff:ff:ff:ff:ff", 0x8863, 3);
	ck_assert_uint_eq(counts().at[TABLE_C_FENCE_ODD].packets, 3);
	ifaces[0].stacked = false;
	load();
	in_step();
	handle_of("chain from-eth1.20", after);
	ck_assert_str_eq(before, after);
	frame("p1", "ff:ff:ff:ff:ff:ff", 0x8863, 3);
	ck_assert_uint_eq(counts().at[TABLE_C_FENCE_ODD].packets, 3);
}
END_TEST

/* IPv4 with a priority tag. */
static void tagged(const char *dev, const char *dst, unsigned n)
{
	const uint8_t body[50] = { 0xe0, 0x00, 0x08, 0x00, 0x45 };

	send_frames(dev, dst, "44:19:b6:00:00:03", ETH_P_8021Q, body, sizeof(body), n);
	space_run(NULL, "sleep 0.1");
}

START_TEST(takes_in_what_it_knows)
{
	struct table_ledger l;

	ifaces[0].stacked = ifaces[4].trunk = true;
	load();
	frame("p1", "02:00:00:00:99:01", 0x0800, 2);
	frame("p1", "ff:ff:ff:ff:ff:ff", 0x0806, 2);
	frame("p1", "02:00:00:00:99:01", 0x86dd, 2);
	frame("p1", "01:80:c2:00:00:0e", 0x88cc, 2);            /* LLDP: no bridge passes it on */
	tagged("p1", "02:00:00:00:99:01", 2);                   /* VLAN 0: a priority and no more */
	frame("p4", "ff:ff:ff:ff:ff:ff", 0x8100, 2);            /* VLAN devices stand there */
	ck_assert_uint_eq(counts().at[TABLE_C_FENCE_ODD].packets, 0);
	frame("p1", "ff:ff:ff:ff:ff:ff", 0x8863, 3);            /* PPPoE */
	frame("p1", "ff:ff:ff:ff:ff:ff", 0x8100, 4);
	frame("p1", "01:80:c2:00:00:10", 0x8847, 1);
	ck_assert_uint_eq(counts().at[TABLE_C_FENCE_ODD].packets, 8);
	l = page_of('a', TABLE_L_FENCE_ODD);
	ck_assert_uint_eq(l.n, 3);
	for (size_t i = 0; i < l.n; i++) {
		ck_assert_uint_eq(l.lines[i].packets, l.lines[i].port == 0x8863 ? 3 : l.lines[i].port == 0x8100 ? 4 : 1);
	}
	table_ledger_free(&l);
}
END_TEST

START_TEST(a_port_of_a_bridge_is_shut)
{
	ifaces[0].port = true;
	load();
	in_step();
	frame("p1", "02:00:00:00:99:01", 0x0800, 3);
	frame("p1", "02:00:00:00:99:01", 0x86dd, 3);
	ck_assert_uint_eq(counts().at[TABLE_C_FENCE_ODD].packets, 6);
	frame("p1", "ff:ff:ff:ff:ff:ff", 0x0806, 2);
	ck_assert_uint_eq(counts().at[TABLE_C_FENCE_ODD].packets, 6);
	send_to("eth1.20", "10.20.0.2", "ac:cc:8e:00:00:02", 5);
	ck_assert_uint_ge(dropped(), 5);                        /* and what the kernel itself says to its neighbours */
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("fences-in");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin_fences, end);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, the_way_in_is_shut_while_something_leads_on);
	tcase_add_test(tc, takes_in_what_it_knows);
	tcase_add_test(tc, a_port_of_a_bridge_is_shut);
	return suite_run(tc);
}
