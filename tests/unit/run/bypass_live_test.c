/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ways around the table that guarded interfaces have, in a namespace; br_netfilter's settings in files of the test's own. */
#include "run/bypass.h"

#include <ftw.h>
#include <unistd.h>

#include "base/file.h"
#include "kern/link.h"
#include "unit/kern/space.h"
#include "unit/run/fake.h"
#include "unit/suite.h"

static char dir[] = "/tmp/ringfence-bypass-XXXXXX";
static struct judge *judge;
static struct bypass found;
static struct err e;

static void look(void)
{
	struct link_map *links;

	ck_assert_msg(link_open(&links, &e) == 0, "%s", e.msg);
	ck_assert_msg(bypass_find(judge->policy, links, dir, &found, &e) == 0, "%s", e.msg);
	link_free(links);
}

static void run(const char *commands)
{
	ck_assert_msg(space_run(NULL, commands) == 0, "%s", commands);
	look();
}

static void setting(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ck_assert_int_eq(file_replace(path, value, strlen(value), 0600, &e), 0);
	look();
}

static bool says(const char *words)
{
	for (size_t i = 0; i < found.n; i++) {
		if (strstr(found.at[i], words))
			return true;
	}
	return false;
}

static void begin(void)
{
	space_enter();
	ck_assert_ptr_nonnull(mkdtemp(dir));
	judge = fake_judge(FAKE_POLICY);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static void end(void)
{
	judge_free(judge);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

START_TEST(a_guarded_bridge_must_not_pass_its_own_frames)
{
	run("ip link add cam0 type bridge; ip link add core0 type bridge");
	ck_assert_uint_eq(found.n, 0);          /* no br_netfilter */
	setting("bridge-nf-call-iptables", "0\n");
	setting("bridge-nf-call-ip6tables", "0\n");
	ck_assert(!found.bridged);
	setting("bridge-nf-call-ip6tables", "1\n");
	ck_assert(found.bridged);
	ck_assert_uint_eq(found.n, 1);          /* core0 is not guarded */
	ck_assert_msg(says("bridge cam0 is guarded") && says("sysctl -w net.bridge.bridge-nf-call-iptables=0"), "%s", found.at[0]);
	setting("bridge-nf-call-ip6tables", "0\n");
	ck_assert(!found.bridged);
	run("ip link set core0 type bridge nf_call_iptables 1");
	ck_assert(!found.bridged);
	run("ip link set cam0 type bridge nf_call_ip6tables 1");
	ck_assert(found.bridged);
	ck_assert_msg(says("ip link set cam0 type bridge nf_call_iptables 0"), "%s", found.at[0]);
	run("ip link set cam0 type bridge nf_call_ip6tables 0");
	ck_assert(!found.bridged);
}
END_TEST

START_TEST(no_bridge_no_matter)
{
	run("ip link add cam0 type veth peer name core0");
	setting("bridge-nf-call-iptables", "1\n");
	ck_assert_uint_eq(found.n, 0);
}
END_TEST

START_TEST(tc_ingress_on_a_guarded_interface)
{
	run("ip link add cam0 type veth peer name core0; tc qdisc add dev core0 clsact; tc qdisc add dev cam0 root noqueue");
	ck_assert_uint_eq(found.n, 0);
	run("tc qdisc add dev cam0 clsact");
	ck_assert_uint_eq(found.n, 1);
	ck_assert(says("interface cam0 has tc ingress filters") && !found.bridged);
	ck_assert(bypass_has(&found, found.at[0]) && !bypass_has(&found, "interface cam0"));
	run("tc qdisc del dev cam0 clsact; tc qdisc add dev cam0 ingress");
	ck_assert_uint_eq(found.n, 1);
	run("tc qdisc del dev cam0 ingress");
	ck_assert_uint_eq(found.n, 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("bypass-live");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_guarded_bridge_must_not_pass_its_own_frames);
	tcase_add_test(tc, no_bridge_no_matter);
	tcase_add_test(tc, tc_ingress_on_a_guarded_interface);
	return suite_run(tc);
}
