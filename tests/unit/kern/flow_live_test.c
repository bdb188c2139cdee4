/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our flowtable in a kernel that has them: what others do to it is named when the table is read back, heard of, and set right; what
 * the kernel refuses them is shown to be refused.  Run in the virtual machine by tests/netns/37-offload-hands.sh. */
#include "unit/kern/live.h"

static const bool by_rule[4] = { false, true, false, false };
static const char *const devices[] = { "eth1.20", "eth0" };
static struct table_change first;

static void heard(const struct table_change *c, void *arg)
{
	(void)arg;
	if ((c->ours || c->foreign_risk) && !*first.what)
		first = *c;
}

/* Done by somebody else, the first thing that is heard of it is in first. */
static void others(const char *command)
{
	struct table_watch w = { .pending = false };
	uint32_t self = nl_portid(nl);
	AUTO(nl) watch = NULL;
	bool lost;

	memset(&first, 0, sizeof(first));
	ck_assert_int_eq(nl_open(NL_NETFILTER, table_watch_groups, &watch, &e), 0);
	sh(command);
	ck_assert_int_eq(table_watch(watch, &w, &self, 1, heard, NULL, &lost, &e), 0);
}

static void offload(bool on)
{
	x.in.offload = on;
	x.in.offload_ifaces = devices;
	x.in.n_offload_ifaces = on ? 2 : 0;
	x.in.plan.offload = on ? by_rule : NULL;
	ck_assert_int_eq(table_plan_name(&x.in.plan, x.ifaces, x.arena, &e), 0);
}

static void begin_flow(void)
{
	begin();
	sh("ip link add eth0 type dummy; ip link add eth1.20 type dummy; ip link add eth4 type dummy; ip link add eth9 type dummy");
	offload(true);
	load();
	in_step();
}

static bool has(const char *device)
{
	return listed("nft list flowtables", device);
}

static const struct { const char *command, *difference, *heard; } edits[] = {
	{ "nft add flowtable inet ringfence bulk '{ hook ingress priority 0; devices = { eth9 }; }'",
	  "flowtable bulk: device eth9 is not ours", "flowtable bulk added" },
	{ "nft add flowtable inet ringfence bulk '{ hook ingress priority 0; devices = { eth4 }; }'",
	  "flowtable bulk: device eth4 is not ours", "flowtable bulk added" },
	{ "nft delete flowtable inet ringfence bulk '{ hook ingress priority 0; devices = { eth0 }; }'",
	  "flowtable bulk lacks device eth0", "flowtable bulk deleted" },
	{ "nft add flowtable inet ringfence bulk '{ hook ingress priority 0; }'", "flowtable bulk is defined otherwise",
	  "flowtable bulk added" },
	{ "nft add flowtable inet ringfence extra '{ hook ingress priority 0; devices = { eth9 }; }'", "flowtable extra is not ours",
	  "flowtable extra added" },
	{ "nft flush chain inet ringfence forward-post", "chain forward-post: 0 rules instead of",
	  "rule in chain forward-post deleted" },
	{ "nft 'flush chain inet ringfence forward-post; delete flowtable inet ringfence bulk'", "flowtable bulk is missing",
	  "flowtable bulk deleted" },
	{ "nft 'flush chain inet ringfence forward-post; delete flowtable inet ringfence bulk; "
	  "add flowtable inet ringfence bulk { hook ingress priority 5; devices = { eth0, eth1.20 }; counter; }'",
	  "flowtable bulk is defined otherwise", "flowtable bulk deleted" },
};

START_TEST(an_edit_is_named_heard_and_set_right)
{
	others(edits[_i].command);
	ck_assert_uint_gt(drift(), 0);
	ck_assert_msg(strstr(buf_cstr(&out), edits[_i].difference), "%s:\n%.600s", edits[_i].command, buf_cstr(&out));
	ck_assert_msg(first.ours && strstr(first.what, edits[_i].heard), "%s: %s", edits[_i].command, first.what);
	load();
	in_step();
	ck_assert(!has("eth9") && !has("eth4"));
	ck_assert(has("eth0"));
}
END_TEST

/* Else frames would leave by the hardware's own table, or right to a device, whatever becomes of their route. */
START_TEST(offload_to_hardware_is_refused)
{
	ck_assert_int_ne(space_run(NULL, "nft add flowtable inet ringfence bulk '{ hook ingress priority 0; flags offload; }'"), 0);
	ck_assert_int_ne(space_run(NULL, "nft delete flowtable inet ringfence bulk"), 0);       /* a rule leads there */
	in_step();
}
END_TEST

START_TEST(flowtables_of_others_are_told)
{
	others("nft 'add table inet other; add flowtable inet other bulk { hook ingress priority 1; devices = { eth0, eth9 }; }'");
	in_step();                                      /* nothing guarded */
	ck_assert_msg(first.foreign_risk && !first.ours && strstr(first.what, "inet other: flowtable in bulk"), "%s", first.what);
	sh("nft 'add flowtable inet other bulk { hook ingress priority 1; devices = { eth1.20 }; }'");
	ck_assert_uint_eq(drift(), 1);
	ck_assert_msg(strstr(buf_cstr(&out), "flowtable bulk of table other hangs on eth1.20"), "%s", buf_cstr(&out));
	load();
	ck_assert_uint_eq(drift(), 1);                  /* not ours to take away */
	sh("nft 'delete table inet other; add table ip ringfence; "
	   "add flowtable ip ringfence bulk { hook ingress priority 1; devices = { eth1.20 }; }'");
	ck_assert_uint_eq(drift(), 1);
	ck_assert_msg(strstr(buf_cstr(&out), "flowtable bulk of table ringfence hangs on eth1.20"), "%s", buf_cstr(&out));
	sh("nft delete table ip ringfence");
	in_step();
}
END_TEST

/* One that no rule leads to stays, but not with what a bridge stands on: such flows are not revoked with the others. */
START_TEST(what_is_left_over_stays_while_it_is_ours)
{
	offload(false);
	load();
	in_step();
	ck_assert(has("eth0"));
	x.in.bridged = devices + 1;
	x.in.n_bridged = 1;
	ck_assert_uint_eq(drift(), 1);
	ck_assert_msg(strstr(buf_cstr(&out), "flowtable bulk: device eth0 is not ours"), "%s", buf_cstr(&out));
	load();
	in_step();
	ck_assert(!has("bulk"));
}
END_TEST

START_TEST(is_made_anew_where_a_device_is_wanted_no_more)
{
	x.in.n_offload_ifaces = 1;
	ck_assert_uint_eq(drift(), 2);
	ck_assert_msg(strstr(buf_cstr(&out), "flowtable bulk: device eth0 is not ours"), "%s", buf_cstr(&out));
	ck_assert_msg(strstr(buf_cstr(&out), "set offloaded: "), "%s", buf_cstr(&out));
	load();
	in_step();
	ck_assert(!has("eth0"));
	ck_assert(has("eth1.20"));
}
END_TEST

START_TEST(a_device_that_comes_and_goes_is_taken_as_it_comes)
{
	sh("ip link del eth0");
	in_step();
	sh("ip link add eth0 type dummy");
	ck_assert_uint_eq(drift(), 1);
	ck_assert_msg(strstr(buf_cstr(&out), "flowtable bulk lacks device eth0"), "%s", buf_cstr(&out));
	load();
	in_step();
	sh("ip link set eth0 name eth8");
	ck_assert_uint_eq(drift(), 1);
	load();
	in_step();
	ck_assert(!has("eth8"));
}
END_TEST

int main(void)
{
	int rc = space_allowed();
	struct probe p;
	TCase *tc;

	if (rc)
		return rc;
	if (nl_open(NL_NETFILTER, NULL, &nl, &e) < 0 || probe_run(nl, &p, &e) < 0)
		return 1;
	nl_free(nl);
	if (!p.has[PROBE_FLOWTABLE]) {
		puts("this kernel has no flowtables");
		return 77;
	}
	tc = tcase_create("flow");
	tcase_add_checked_fixture(tc, begin_flow, end);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, an_edit_is_named_heard_and_set_right, 0, (int)(sizeof(edits) / sizeof(*edits)));
	tcase_add_test(tc, offload_to_hardware_is_refused);
	tcase_add_test(tc, flowtables_of_others_are_told);
	tcase_add_test(tc, what_is_left_over_stays_while_it_is_ours);
	tcase_add_test(tc, is_made_anew_where_a_device_is_wanted_no_more);
	tcase_add_test(tc, a_device_that_comes_and_goes_is_taken_as_it_comes);
	return suite_run(tc);
}
