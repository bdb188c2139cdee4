/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which interfaces are open, in a namespace: what was guarded under another name stays shut, also for a daemon that starts later. */
#include "run/ifaces.h"

#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "kern/link.h"
#include "unit/kern/space.h"
#include "unit/run/fake.h"
#include "unit/suite.h"

static char file[] = "/tmp/ringfence-ifaces-XXXXXX";
static struct judge *judge;
static struct link_map *links;
static struct ifaces_memory mem;
static struct arena *arena;
static struct ifaces now;
static struct err e;

static void look(void)
{
	link_free(links);
	ck_assert_msg(link_open(&links, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(ifaces_read(judge->policy, links, &mem, arena, &now, &e), 0);
}

static void run(const char *commands)
{
	ck_assert_msg(space_run(NULL, commands) == 0, "%s", commands);
	look();
}

static bool is_open(const char *name)
{
	bool open = false, closed = false;

	for (size_t i = 0; i < now.n_open; i++)
		open |= strcmp(now.open[i], name) == 0;
	for (size_t i = 0; i < now.n_closed; i++)
		closed |= strcmp(now.closed[i], name) == 0;
	ck_assert_msg(open != closed, "%s is both or neither", name);
	return open;
}

static bool is_stacked(const char *name)
{
	for (size_t i = 0; i < now.n_stacked; i++)
		if (strcmp(now.stacked[i], name) == 0)
			return true;
	return false;
}

static bool is_bridged(const char *name)
{
	for (size_t i = 0; i < now.n_bridged; i++)
		if (strcmp(now.bridged[i], name) == 0)
			return true;
	return false;
}

/* What a daemon that starts now knows. */
static void start(void)
{
	ifaces_forget(&mem);
	look();
	ck_assert_msg(ifaces_recall(&mem, file, links, &e) == 0, "%s", e.msg);
	look();
}

static void begin(void)
{
	const int fd = mkstemp(file);

	space_enter();
	close(fd);
	unlink(file);
	judge = fake_judge(FAKE_POLICY);
	arena = arena_new();
	/* cam0 is no hardware: nothing but the memory keeps it shut under another name */
	run("ip link add core0 type veth peer name p0; ip link add link core0 name cam0 type macvlan");
}

static void end(void)
{
	link_free(links);
	ifaces_forget(&mem);
	arena_free(arena);
	judge_free(judge);
	unlink(file);
}

START_TEST(a_rename_does_not_open)
{
	ck_assert(is_open("p0"));
	ifaces_remember(&mem, judge->policy, &now);
	run("ip link set cam0 name x0");
	ck_assert(!is_open("x0"));
	ck_assert(is_open("p0"));
	ck_assert_uint_eq(now.n_missing, 1);
	ifaces_forget(&mem);                    /* the control: forgotten, it opens */
	look();
	ck_assert(is_open("x0"));
}
END_TEST

START_TEST(nor_does_a_restart_after_it)
{
	ifaces_remember(&mem, judge->policy, &now);
	ck_assert(mem.changed);
	ck_assert_msg(ifaces_keep(&mem, file, &e) == 0, "%s", e.msg);
	ck_assert(!mem.changed);
	run("ip link set cam0 name x0");
	start();
	ck_assert(!is_open("x0"));
	ck_assert(is_open("p0"));
	ifaces_remember(&mem, judge->policy, &now);
	ck_assert_int_eq(ifaces_keep(&mem, file, &e), 0);
	start();                                /* and again */
	ck_assert(!is_open("x0"));
	run("ip link set x0 name cam0");
	start();
	ck_assert_uint_eq(now.n_missing, 0);
	ck_assert_uint_eq(mem.n, 0);            /* it has its name again */
	run("ip link set cam0 name x0; ip link del x0; ip link add link core0 name x0 type macvlan");
	start();
	ck_assert(is_open("x0"));               /* another one */
}
END_TEST

START_TEST(another_boot_or_namespace_counts_not)
{
	AUTO_MEM char *text = NULL;
	size_t len;

	ifaces_remember(&mem, judge->policy, &now);
	ck_assert_int_eq(ifaces_keep(&mem, file, &e), 0);
	run("ip link set cam0 name x0");
	ck_assert_int_eq(file_read(file, 10000, &text, &len, &e), 0);
	text[0] = text[0] == 'a' ? 'b' : 'a';
	ck_assert_int_eq(file_replace(file, text, len, 0600, &e), 0);
	start();
	ck_assert(is_open("x0"));
	ck_assert_int_eq(file_replace(file, "\n\n4294967296 \n1\nx y z\n", 21, 0600, &e), 0);
	start();
	ck_assert_uint_eq(mem.n, 0);
	unlink(file);
	start();
	ck_assert_uint_eq(mem.n, 0);
}
END_TEST

/* A new policy says what its interfaces are; what has no name of the old one stays remembered. */
START_TEST(another_policy_lets_go_of_what_has_its_name)
{
	run("ip link add link core0 name cam1 type macvlan");
	ifaces_remember(&mem, judge->policy, &now);
	ck_assert_uint_eq(mem.n, 1);
	ifaces_release(&mem, judge->policy, links);
	ck_assert_uint_eq(mem.n, 0);
	look();
	ifaces_remember(&mem, judge->policy, &now);
	run("ip link set cam0 name x0");
	ifaces_release(&mem, judge->policy, links);
	ck_assert_uint_eq(mem.n, 1);
	look();
	ck_assert(!is_open("x0"));
	ck_assert(is_open("cam1"));
}
END_TEST

START_TEST(protocols_that_go_on_are_told)
{
	static const char *const kernel = "Type Device      Function\n0800          ip_rcv\n0004          llc_rcv [llc]\n"
					  "0806          arp_rcv\n86dd          ipv6_rcv\n";
	struct buf b;

	buf_init(&b);
	buf_str(&b, kernel);
	buf_str(&b, "88cc eth0     packet_rcv\n88f5          mrp_rcv [mrp]\n");
	ck_assert_int_eq(file_replace(file, buf_cstr(&b), b.len, 0600, &e), 0);
	ck_assert(!ifaces_further(file));
	buf_str(&b, "8847          mpls_forward [mpls_router]\n");
	ck_assert_int_eq(file_replace(file, buf_cstr(&b), b.len, 0600, &e), 0);
	ck_assert(ifaces_further(file));
	ck_assert(ifaces_further("/nonexistent"));
	buf_fini(&b);
}
END_TEST

START_TEST(what_has_to_do_with_a_bridge_is_bridged)
{
	ck_assert(!is_bridged("cam0"));
	run("ip link add br0 type bridge; ip link set cam0 master br0");
	ck_assert(is_bridged("cam0"));
	ck_assert(!is_bridged("cam1"));
	run("ip link set cam0 nomaster; ip link del cam0; ip link add cam0 type bridge");
	ck_assert(is_bridged("cam0"));
	run("ip link del cam0; ip link add link br0 name cam0 type macvlan");
	ck_assert(is_bridged("cam0"));
}
END_TEST

START_TEST(what_something_stands_on_is_stacked)
{
	ck_assert(!is_stacked("cam0"));
	run("ip link add br0 type bridge; ip link set cam0 master br0");
	ck_assert(is_stacked("cam0"));
	ck_assert_uint_eq(now.n_ports, 1);
	run("ip link set cam0 nomaster");
	ck_assert(!is_stacked("cam0"));
	run("ip link add link cam0 name v0 type macvlan");      /* it stands beside cam0, on core0 */
	ck_assert(!is_stacked("cam0"));
	run("ip link del v0; ip link add p9 type veth peer name p8; ip link del cam0; ip link set p8 name cam0;"
	    "ip link add link cam0 name v0 type macvlan");
	ck_assert(is_stacked("cam0"));
	run("ip link del v0");
	ck_assert(!is_stacked("cam0"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("ifaces-live");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_rename_does_not_open);
	tcase_add_test(tc, nor_does_a_restart_after_it);
	tcase_add_test(tc, another_boot_or_namespace_counts_not);
	tcase_add_test(tc, another_policy_lets_go_of_what_has_its_name);
	tcase_add_test(tc, protocols_that_go_on_are_told);
	tcase_add_test(tc, what_has_to_do_with_a_bridge_is_bridged);
	tcase_add_test(tc, what_something_stands_on_is_stacked);
	return suite_run(tc);
}
