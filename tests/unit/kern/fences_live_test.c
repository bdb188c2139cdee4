/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fences in this kernel, on the way out: a frame to a MAC that somebody made up either leaves or is counted. */
#include "unit/kern/fences.h"
#include "unit/kern/heard.h"

START_TEST(prints_itself)
{
	const char *path = "tests/golden/table/fences.nft";
	struct table *t = built();
	char *golden = NULL, *from, temp[] = "/tmp/kern-fences-XXXXXX", command[64];
	struct buf text;
	size_t len;
	int fd = mkstemp(temp);

	buf_init(&text);
	table_print(t, &text);
	from = strstr(buf_cstr(&text), "table netdev");
	ck_assert_ptr_nonnull(from);
	if (getenv("UPDATE"))
		ck_assert_int_eq(file_replace(path, from, strlen(from), 0644, &e), 0);
	ck_assert_msg(file_read(path, 1 << 20, &golden, &len, &e) == 0, "%s", e.msg);
	ck_assert_msg(!strcmp(golden, from), "%s differs; now:\n%s", path, from);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(file_replace(temp, from, strlen(from), 0600, &e), 0);
	snprintf(command, sizeof(command), "nft -c -f %s", temp);
	sh(command);
	unlink(temp);
	close(fd);
	free(golden);
	buf_fini(&text);
	table_free(t);
}
END_TEST

START_TEST(is_sent_and_read_back)
{
	load();
	in_step();
	ck_assert(listed(FENCES, "type filter hook egress device \"eth1.20\" priority 500; policy accept;"));
	ck_assert(listed(FENCES, "type filter hook ingress device \"eth4\" priority -500; policy accept;"));
	ck_assert(!listed(FENCES, "type filter hook ingress device \"eth1.20\""));     /* nothing leads on from there */
	ck_assert(listed(FENCES, " . ip daddr @pairs4-eth1.20 accept"));
	ck_assert(!listed(FENCES, "wg0"));
	ck_assert(!listed(FENCES, "eth3"));
	sh("nft insert rule netdev ringfence to-eth1.20 accept");
	ck_assert_uint_gt(drift(), 0);
	load();
	in_step();
	sh("nft flush chain netdev ringfence to-eth1.20");
	ck_assert_uint_gt(drift(), 0);
	load();
	sh("nft delete element netdev ringfence pairs4-eth1.20 '{ 44:19:b6:00:00:03 . 10.20.0.3 }'");
	ck_assert_uint_eq(drift(), 1);
	load();
	sh("nft delete table netdev ringfence");
	ck_assert_uint_eq(drift(), 1);
	load();
	in_step();
	ck_assert_msg(table_delete(nl, &e) == 0, "%s", e.msg);
	ck_assert(!listed("nft list tables", "ringfence"));
	ck_assert_int_eq(table_delete(nl, &e), -1);
	ck_assert_int_eq(e.code, ENOENT);
}
END_TEST

START_TEST(lets_out_what_was_proved)
{
	load();
	send_to("eth1.20", "10.20.0.2", "ac:cc:8e:00:00:02", 20);
	send_to("eth1.20", "fd00:20::2", "ac:cc:8e:00:00:02", 20);
	send_to("eth1.20", "10.20.0.3", "44:19:b6:00:00:03", 20);       /* what it may get is the table's business */
	send_to("eth1.20", "224.0.0.251", "01:00:5e:00:00:fb", 5);
	send_to("eth1.20", "255.255.255.255", "ff:ff:ff:ff:ff:ff", 5);
	send_to("eth1.20", "ff02::fb", "33:33:00:00:00:fb", 5);
	send_ip("eth1.20", "10.20.9.9", "00:00:5e:00:53:99", 67, 68, 0, 5);             /* DHCP's answers */
	for (uint8_t type = 134; type <= 136; type++)
		send_ip("eth1.20", "fe80::1", "00:00:5e:00:53:99", 0, 0, type, 5);
	ck_assert_uint_eq(dropped(), 0);
	send_to("eth1.20", "10.20.0.2", "44:19:b6:00:00:03", 20);       /* its address, another's MAC */
	ck_assert_uint_eq(dropped(), 20);
	send_to("eth1.20", "fd00:20::2", "44:19:b6:00:00:03", 20);
	ck_assert_uint_eq(dropped(), 40);
	send_to("eth1.20", "10.20.0.2", "ff:ff:ff:ff:ff:ff", 3);        /* everybody's MAC is nobody's */
	send_to("eth1.20", "10.20.0.2", "01:00:5e:00:00:01", 3);
	ck_assert_uint_eq(dropped(), 46);
	send_to("eth1.20", "10.20.7.7", "ac:cc:8e:00:00:02", 5);        /* its MAC, an address that it never proved */
	ck_assert_uint_eq(dropped(), 51);
	send_ip("eth1.20", "10.20.9.9", "00:00:5e:00:53:99", 68, 67, 0, 2);
	send_ip("eth1.20", "fe80::1", "00:00:5e:00:53:99", 0, 0, 128, 2);
	ck_assert_uint_eq(dropped(), 55);
}
END_TEST

START_TEST(lets_out_what_is_routed_to_routers)
{
	load();
	send_to("eth4", "10.50.0.9", "ac:cc:8e:00:00:50", 2);
	send_to("eth4", "10.21.1.1", "ac:cc:8e:00:00:50", 5);
	ck_assert_uint_eq(dropped(), 0);
	send_to("eth4", "10.21.1.1", "00:00:5e:00:53:77", 5);           /* somebody took the router's address */
	ck_assert_uint_eq(dropped(), 5);
	send_to("eth4", "10.21.1.1", "44:19:b6:00:00:51", 5);           /* a restricted device that proved its own */
	ck_assert_uint_eq(dropped(), 10);
}
END_TEST

START_TEST(guards_the_restricted_alone)
{
	load();
	send_to("eth5", "10.60.0.7", "00:00:5e:00:53:77", 5);
	send_to("eth5", "10.60.0.2", "44:19:b6:00:00:61", 5);
	ck_assert_uint_eq(dropped(), 0);
	send_to("eth5", "10.60.0.7", "44:19:b6:00:00:61", 5);
	send_to("eth5", "10.30.0.7", "44:19:b6:00:00:61", 5);           /* of a zone that only observes */
	ck_assert_uint_eq(dropped(), 5);
}
END_TEST

START_TEST(tells_who_would_have_got_it)
{
	struct table_ledger l;
	struct table_line *line;

	load();
	send_to("eth1.20", "10.20.0.2", "44:19:b6:00:00:03", 7);
	send_to("eth1.20", "fd00:20::2", "44:19:b6:00:00:03", 9);
	ck_assert_msg(table_turn(nl, &x.in, &e) == 0, "%s", e.msg);
	in_step();
	send_to("eth1.20", "10.20.0.2", "44:19:b6:00:00:03", 4);                       /* counted in the other page */
	l = page_of('a', TABLE_L_FENCE);
	ck_assert_uint_eq(l.n, 2);
	for (size_t i = 0; i < l.n; i++) {
		const bool six = l.lines[i].dst.family == 6;
		const struct addr want = example_addr(six ? "fd00:20::2" : "10.20.0.2");
		const struct mac mac = example_mac("44:19:b6:00:00:03");

		line = &l.lines[i];
		ck_assert_uint_eq(line->iif, if_nametoindex("eth1.20"));
		ck_assert_mem_eq(line->mac.b, mac.b, 6);
		ck_assert_int_eq(addr_compare(&line->dst, &want), 0);
		ck_assert_uint_eq(line->packets, six ? 9 : 7);
	}
	table_ledger_free(&l);
	ck_assert_msg(table_clear_page(nl, 'a', &e) == 0, "%s", e.msg);
	l = page_of('a', TABLE_L_FENCE);
	ck_assert_uint_eq(l.n, 0);
	table_ledger_free(&l);
	l = page_of('b', TABLE_L_FENCE);
	ck_assert_uint_eq(l.n, 1);
	ck_assert_uint_eq(l.lines[0].packets, 4);
	table_ledger_free(&l);
	ck_assert_uint_eq(dropped(), 20);
}
END_TEST

START_TEST(follows_bindings)
{
	struct table_binding more[] = {
		example_binding(0, "00:00:5e:00:53:01", "10.20.9.9", TABLE_KNOWN),
		example_binding(4, "00:00:5e:00:53:02", "10.50.0.20", TABLE_KNOWN),
	}, was = more[0];

	load();
	ck_assert_msg(table_bind(nl, &x.in, more, 2, NULL, 0, &e) == 0, "%s", e.msg);
	send_to("eth1.20", "10.20.9.9", "00:00:5e:00:53:01", 5);
	send_to("eth4", "10.21.1.1", "00:00:5e:00:53:02", 5);           /* a second router */
	ck_assert_uint_eq(dropped(), 0);
	more[0].cls = TABLE_RESTRICTED;
	ck_assert_msg(table_bind(nl, &x.in, more, 1, &was, 1, &e) == 0, "%s", e.msg);
	send_to("eth1.20", "10.20.9.9", "00:00:5e:00:53:01", 5);
	ck_assert_uint_eq(dropped(), 0);
	bindings[1] = more[1];                                          /* what in says must hold for what is derived */
	ck_assert_msg(table_bind(nl, &x.in, NULL, 0, more, 2, &e) == 0, "%s", e.msg);
	send_to("eth1.20", "10.20.9.9", "00:00:5e:00:53:01", 5);
	send_to("eth4", "10.21.1.1", "00:00:5e:00:53:02", 5);
	ck_assert_uint_eq(dropped(), 10);
}
END_TEST

/* A device that comes, moves or goes is told as its own elements, in both tables, whoever else is there. */
START_TEST(touches_nothing_else)
{
	struct table_binding camera = example_binding(0, "00:00:5e:00:53:01", "10.20.9.9", TABLE_KNOWN), was;
	struct table_binding router = example_binding(4, "00:00:5e:00:53:02", "10.50.0.20", TABLE_KNOWN);
	struct table_binding bad = example_binding(5, "44:19:b6:00:00:62", "10.60.0.3", TABLE_RESTRICTED);
	struct table_binding second = bindings[6];
	AUTO(nl) watch = NULL;

	camera.plan = 0;
	bad.restricted = true;
	second.addr = example_addr("10.50.0.19");
	load();
	ck_assert_int_eq(nl_open(NL_NETFILTER, table_watch_groups, &watch, &e), 0);
	ck_assert_int_eq(table_bind(nl, &x.in, &camera, 1, NULL, 0, &e), 0);
	heard_is(watch, 4, 0);                          /* known, members, at; pairs */
	was = camera;
	camera.addr = example_addr("10.20.9.10");
	ck_assert_int_eq(table_bind(nl, &x.in, &camera, 1, &was, 1, &e), 0);
	heard_is(watch, 4, 4);
	ck_assert_int_eq(table_bind(nl, &x.in, NULL, 0, &camera, 1, &e), 0);
	heard_is(watch, 0, 4);
	ck_assert_int_eq(table_bind(nl, &x.in, &router, 1, NULL, 0, &e), 0);
	heard_is(watch, 3, 0);                          /* known; pairs, routers */
	ck_assert_int_eq(table_bind(nl, &x.in, &second, 1, NULL, 0, &e), 0);
	heard_is(watch, 2, 0);                          /* who is a router already stays one */
	ck_assert_int_eq(table_bind(nl, &x.in, &bad, 1, NULL, 0, &e), 0);
	heard_is(watch, 3, 0);                          /* restricted; pairs, restricted */
	bindings[1] = bad;                              /* what in says must hold for what is derived */
	ck_assert_int_eq(table_bind(nl, &x.in, NULL, 0, &bad, 1, &e), 0);
	heard_is(watch, 0, 3);
	ck_assert_int_eq(table_open_add(nl, "docker0", &e), 0);
	heard_is(watch, 4, 0);
}
END_TEST

START_TEST(a_chain_stays_while_its_device_is_there)
{
	char before[80], after[80];

	load();
	handle_of("chain to-eth1.20", before);
	ck_assert(*before);
	ifaces[0].role = TABLE_OBSERVED;
	x.in.generation = 2;
	load();
	in_step();
	handle_of("chain to-eth1.20", after);
	ck_assert_str_eq(before, after);
	ck_assert(!listed("nft list chain netdev ringfence to-eth1.20", "goto"));
	send_to("eth1.20", "10.20.0.2", "44:19:b6:00:00:03", 5);
	ck_assert_uint_eq(dropped(), 0);
	ifaces[0].role = TABLE_GUARDED;
	load();
	in_step();
	handle_of("chain to-eth1.20", after);
	ck_assert_str_eq(before, after);
	send_to("eth1.20", "10.20.0.2", "44:19:b6:00:00:03", 5);
	ck_assert_uint_eq(dropped(), 5);
}
END_TEST

START_TEST(devices_come_and_go)
{
	sh("ip link del eth4");
	load();
	in_step();
	ck_assert(!listed(FENCES, "to-eth4"));
	sh("ip link add eth4 type veth peer name p4; ip link set eth4 up; ip link set p4 up");
	load();
	in_step();
	send_to("eth4", "10.50.0.66", "00:00:5e:00:53:66", 5);
	ck_assert_uint_eq(dropped(), 5);
	sh("ip link del eth4");
	load();
	in_step();
	sh("ip link add eth4 type veth peer name p4; ip link set eth4 up; ip link set p4 up");
	load();
	in_step();
	send_to("eth4", "10.50.0.66", "00:00:5e:00:53:66", 5);
	ck_assert_uint_eq(dropped(), 10);
	sh("ip link set eth4 down; ip link set eth4 name other; ip link set eth5 down; ip link set eth5 name eth4; ip link set eth4 up");
	load();
	in_step();
	sh("ip addr flush dev eth4");
	send_to("eth4", "10.50.0.66", "00:00:5e:00:53:66", 5);
	ck_assert_uint_eq(dropped(), 15);
}
END_TEST

START_TEST(a_full_page_is_counted_all_the_same)
{
	struct table *t = built();

	t->fences->sets.at[TABLE_FENCES_DROPS4_A].size = 2;
	ck_assert_msg(table_send(nl, t, &e) == 0, "%s", e.msg);
	table_free(t);
	for (unsigned i = 0; i < 5; i++) {
		char address[16];

		snprintf(address, sizeof(address), "10.20.8.%u", i + 1);
		send_to("eth1.20", address, "00:00:5e:00:53:88", 3);
	}
	ck_assert_uint_eq(dropped(), 6);
	ck_assert_uint_eq(counts().at[TABLE_C_FENCE_UNKEYED].packets, 9);
}
END_TEST

START_TEST(without_them_nothing_is_touched)
{
	struct table_ledger l;

	x.in.fences = false;
	load();
	in_step();
	ck_assert(!listed("nft list tables", "netdev"));
	ck_assert_msg(table_read_ledger(nl, 'b', &l, &e) == 0, "%s", e.msg);
	table_ledger_free(&l);
	ck_assert_msg(table_clear_page(nl, 'b', &e) == 0, "%s", e.msg);
	ck_assert_msg(table_turn(nl, &x.in, &e) == 0, "%s", e.msg);
	x.in.fences = true;
	load();
	x.in.fences = false;
	x.in.closed = true;                                     /* lock: the fences stay as they are */
	load();
	ck_assert(listed(FENCES, "to-eth1.20"));
	sh("nft delete table netdev ringfence; nft add table netdev ringfence;"
	   "nft add chain netdev ringfence mine '{ type filter hook ingress device eth4 priority 0; }'");
	x.in.fences = true;
	x.in.closed = false;
	struct table *t = built();
	ck_assert_int_eq(table_send(nl, t, &e), -1);
	ck_assert_int_eq(e.code, EEXIST);
	ck_assert_ptr_nonnull(strstr(e.msg, "'netdev ringfence'"));
	table_free(t);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("fences");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin_fences, end);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, prints_itself);
	tcase_add_test(tc, is_sent_and_read_back);
	tcase_add_test(tc, lets_out_what_was_proved);
	tcase_add_test(tc, lets_out_what_is_routed_to_routers);
	tcase_add_test(tc, guards_the_restricted_alone);
	tcase_add_test(tc, tells_who_would_have_got_it);
	tcase_add_test(tc, follows_bindings);
	tcase_add_test(tc, touches_nothing_else);
	tcase_add_test(tc, a_chain_stays_while_its_device_is_there);
	tcase_add_test(tc, devices_come_and_go);
	tcase_add_test(tc, a_full_page_is_counted_all_the_same);
	tcase_add_test(tc, without_them_nothing_is_touched);
	return suite_run(tc);
}
