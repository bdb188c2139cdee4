/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces of this kernel, made, changed and removed in a namespace of the test's own. */
#include "kern/link.h"

#include "base/now.h"
#include "unit/kern/netns.h"
#include "unit/suite.h"

static struct link_map *m;
static struct { unsigned n[LINK_RESYNC + 1]; struct link_iface old, now; } news;

static void site(void)
{
	struct err e = { 0 };

	netns_enter();
	ck_assert_msg(link_open(&m, &e) == 0, "%s", e.msg);
}

static void count(enum link_change c, const struct link_iface *old, const struct link_iface *now, void *arg)
{
	ck_assert_ptr_eq(arg, &news);
	news.n[c]++;
	news.old = old ? *old : (struct link_iface){ 0 };
	news.now = now ? *now : (struct link_iface){ 0 };
	ck_assert_int_eq(!old && !now, c == LINK_RESYNC);
	ck_assert(c != LINK_ADDED || (!old && now));
	ck_assert(c != LINK_REMOVED || (old && !now));
	ck_assert(c == LINK_RESYNC || !now || link_by_index(m, now->index) == now);
}

/* Everything that the kernel has told by now: it does so before the command that caused it ends. */
static void hear(void)
{
	struct err e = { 0 };

	memset(&news, 0, sizeof(news));
	ck_assert_msg(link_read(m, count, &news, &e) == 0, "%s", e.msg);
}

static const struct link_iface *by(const char *name)
{
	const struct link_iface *l = link_by_name(m, name);

	ck_assert_msg(l, "%s", name);
	ck_assert_uint_eq(l->index, if_nametoindex(name));
	return l;
}

START_TEST(test_there)
{
	const struct mac mac = { { 2, 0, 0, 0, 0x99, 1 } };
	const struct addr own4 = { 4, { 10, 99, 0, 1 } }, loopback = { 4, { 127, 0, 0, 1 } }, peer = { 4, { 10, 99, 0, 9 } };
	struct err e = { 0 };
	struct addr a;
	bool same;

	netns_pair();
	netns_ip("link add br0 type bridge");
	netns_ip("link set v0 master br0");
	netns_ip("link add link br0 name mac0 type macvlan");
	ck_assert_msg(link_open(&m, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(link_count(m), 4);
	ck_assert(by("lo")->loopback && by("lo")->up && by("lo")->running && !by("lo")->ether);
	ck_assert_str_eq(by("lo")->kind, "");
	ck_assert(by("v0")->ether && by("v0")->up && by("v0")->running && !by("v0")->loopback && !by("v0")->xdp);
	ck_assert(addr_mac_equal(&by("v0")->mac, &mac));
	ck_assert_str_eq(by("v0")->kind, "veth");
	ck_assert_uint_eq(by("v0")->lower, 0);          /* its peer's number means nothing here */
	ck_assert_uint_eq(by("v0")->master, by("br0")->index);
	ck_assert_str_eq(by("br0")->kind, "bridge");
	ck_assert(!by("br0")->up && !by("br0")->running);
	ck_assert_str_eq(by("mac0")->kind, "macvlan");
	ck_assert_uint_eq(by("mac0")->lower, by("br0")->index);
	ck_assert(link_is_own(m, &own4));
	ck_assert(link_is_own(m, &loopback));
	ck_assert(link_own_address(m, by("v0")->index, &peer, &a, &same));
	ck_assert(same && addr_equal(&a, &own4));
	hear();
	ck_assert_uint_eq(news.n[LINK_ADDED] + news.n[LINK_REMOVED] + news.n[LINK_RESYNC], 0);
	link_free(m);
}
END_TEST

START_TEST(test_changes)
{
	site();
	netns_ip("link add p0 type veth peer name p1");
	hear();
	ck_assert_uint_eq(news.n[LINK_ADDED], 2);
	ck_assert_uint_eq(by("p0")->lower, by("p1")->index);
	netns_ip("link set p0 up");
	hear();
	ck_assert_uint_ge(news.n[LINK_CHANGED], 1);
	ck_assert(by("p0")->up && !by("p0")->running);
	netns_ip("link set p1 up");
	for (int i = 0; i < 200 && !by("p0")->running; i++) {
		netns_wait(link_fd(m), 20);
		hear();
	}
	ck_assert(by("p0")->running);
	netns_ip("link set p1 down");
	netns_ip("link set p1 name q1");
	hear();
	ck_assert_ptr_null(link_by_name(m, "p1"));
	ck_assert(!by("q1")->up);
	netns_ip("link set q1 address 02:00:00:00:00:77");
	hear();
	ck_assert_uint_eq(news.n[LINK_CHANGED], 1);
	ck_assert_uint_eq(news.now.mac.b[5], 0x77);
	ck_assert_uint_ne(news.old.mac.b[5], 0x77);
	ck_assert_str_eq(news.old.name, "q1");
	netns_ip("link set q1 mtu 1400");
	hear();
	ck_assert_uint_eq(news.n[LINK_CHANGED], 0);     /* nothing that we know of */
	netns_ip("link del p0");
	hear();
	ck_assert_uint_eq(news.n[LINK_REMOVED], 2);
	ck_assert_uint_eq(link_count(m), 1);
	link_free(m);
}
END_TEST

/* A bridge tells of its ports by messages that look like an interface's end. */
START_TEST(test_bridge)
{
	site();
	netns_ip("link add br0 type bridge");
	netns_ip("link add p0 type veth peer name p1");
	hear();
	netns_ip("link set p0 master br0");
	hear();
	ck_assert_uint_eq(by("p0")->master, by("br0")->index);
	ck_assert_uint_eq(news.n[LINK_REMOVED], 0);
	netns_ip("link set p0 nomaster");
	hear();
	ck_assert_uint_eq(by("p0")->master, 0);
	ck_assert_uint_eq(news.n[LINK_REMOVED], 0);
	ck_assert_uint_eq(link_count(m), 4);
	link_free(m);
}
END_TEST

START_TEST(test_addresses)
{
	struct addr a = { 4, { 10, 1, 2, 3 } }, six, got;
	bool same;

	site();
	netns_ip("link add p0 type veth peer name p1");
	netns_ip("link set p1 up");
	netns_ip("link set p0 up");
	hear();
	netns_ip("address add 10.1.2.3/24 dev p0");
	hear();
	ck_assert_uint_eq(news.n[LINK_ADDRESS], 1);
	ck_assert_str_eq(news.now.name, "p0");
	ck_assert_str_eq(news.old.name, "p0");
	ck_assert(link_is_own(m, &a));
	netns_ip("address del 10.1.2.3/24 dev p0");
	hear();
	ck_assert_uint_eq(news.n[LINK_ADDRESS], 1);
	ck_assert(!link_is_own(m, &a));
	/* of two ends of a tunnel ours is the local one */
	netns_ip("address add 10.1.2.3 peer 10.1.2.4/32 dev p0");
	hear();
	ck_assert(link_is_own(m, &a));
	a.b[3] = 4;
	ck_assert(!link_is_own(m, &a));
	/* not to be used before the kernel has found it free */
	ck_assert(addr_parse("fd01::1", &six));
	netns_ip("address add fd01::1/64 dev p0");
	hear();
	ck_assert(link_is_own(m, &six));
	for (int i = 0; i < 400 && !(link_own_address(m, by("p0")->index, &six, &got, &same) && same); i++) {
		ck_assert_int_eq(link_own_address(m, by("p1")->index, &a, &got, &same), 0);
		netns_wait(link_fd(m), 20);
		hear();
	}
	ck_assert(link_own_address(m, by("p0")->index, &six, &got, &same));
	ck_assert(addr_equal(&six, &got));
	netns_ip("link del p0");
	hear();
	ck_assert(!link_is_own(m, &six));
	ck_assert_uint_eq(link_count(m), 1);
	link_free(m);
}
END_TEST

START_TEST(test_tentative)
{
	const struct addr peer = { 6, { 0xfd, 1, [15] = 2 } };
	struct addr got;
	bool same;

	site();
	netns_ip("link add p0 type veth peer name p1");
	netns_ip("link set p0 up");                     /* no carrier: it stays tentative */
	netns_ip("address add fd01::1/64 dev p0");
	hear();
	ck_assert(!link_own_address(m, by("p0")->index, &peer, &got, &same));
	link_free(m);
}
END_TEST

/* Notifications that did not fit: everything is read again, and that is told. */
START_TEST(test_lost)
{
	const struct addr last = { 4, { 10, 1, 2, 250 } };
	const int little = 1;

	site();
	netns_ip("link add p0 type veth peer name p1");
	hear();
	ck_assert_int_eq(setsockopt(link_fd(m), SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)), 0);
	for (unsigned i = 231; i <= 250; i++)
		netns_ip("address add 10.1.2.%u/32 dev p0", i);
	netns_ip("link del p1");
	netns_ip("link add r0 type veth peer name r1");
	netns_ip("address add 10.1.2.250/32 dev r1");
	hear();
	ck_assert_uint_eq(news.n[LINK_RESYNC], 1);
	ck_assert_ptr_null(link_by_name(m, "p0"));
	ck_assert(by("r0") && by("r1"));
	ck_assert_uint_eq(link_count(m), 3);
	ck_assert(link_is_own(m, &last));
	hear();
	ck_assert_uint_eq(news.n[LINK_RESYNC], 0);
	link_free(m);
}
END_TEST

/* Many of them stay in order. */
START_TEST(test_many)
{
	site();
	for (unsigned i = 0; i < 40; i++)
		netns_ip("link add a%u type veth peer name b%u", i, i);
	hear();
	ck_assert_uint_eq(link_count(m), 81);
	for (size_t i = 1; i < link_count(m); i++)
		ck_assert_uint_lt(link_at(m, i - 1)->index, link_at(m, i)->index);
	for (unsigned i = 0; i < 40; i += 2)
		netns_ip("link del a%u", i);
	hear();
	ck_assert_uint_eq(link_count(m), 41);
	for (unsigned i = 1; i < 40; i += 2) {
		char name[16];

		snprintf(name, sizeof(name), "b%u", i);
		ck_assert_str_eq(by(name)->kind, "veth");
	}
	link_free(m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("link_live");

	if (netns_skip())
		return NETNS_SKIP;
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_there);
	tcase_add_test(tc, test_changes);
	tcase_add_test(tc, test_bridge);
	tcase_add_test(tc, test_addresses);
	tcase_add_test(tc, test_tentative);
	tcase_add_test(tc, test_lost);
	tcase_add_test(tc, test_many);
	return suite_run(tc);
}
