/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The observer with a real neighbour behind a veth: who answers is bound, in the kernel's table too; who only claims is not; what was
 * learnt comes back from the store.
 *
 *	ours: cam0 10.20.0.1/16, fd00:20::1/64 ── theirs: v1 10.20.0.7/16, fd00:20::7/64 */
#include "run/observer.h"

#include <net/if.h>
#include <time.h>

#include "base/ring.h"
#include "run/hit.h"
#include "unit/run/site.h"
#include "unit/suite.h"

#define NEIGHBOUR "ac:cc:8e:00:00:07"
#define POLICY \
	"version: 1\nsite: { name: observed }\nmode: enforce\npacks: [uk-nil]\nzones:\n" \
	"  cctv: { interfaces: [cam0], networks: [10.20.0.0/16, \"fd00:20::/64\"], guarded: true }\n" \
	"  core: { interfaces: [core0], networks: [10.1.0.0/16] }\n" \
	"devices:\n" \
	"  - { name: cam, macs: [\"ac:cc:8e:00:00:01\"], addresses: [10.20.0.5] }\n" \
	"  - { name: bad, macs: [\"44:19:b6:00:00:01\"], addresses: [10.20.0.6] }\n" \
	"groups:\n  restricted: { packs: [uk-nil] }\n" \
	"restrict:\n  - { id: isolated, group: restricted, severity: high, reason: no }\n" \
	"rules:\n  - { id: web, from: cctv, to: core, services: [tcp/80], action: allow }\n"

static struct observer *observer;
static struct ring *ring;

static void ignore(enum link_change c, const struct link_iface *old, const struct link_iface *is, void *arg)
{
	(void)c, (void)old, (void)is, (void)arg;
}

static void neighbour(void)
{
	const int theirs = space_new();
	char command[64];
	int here;

	snprintf(command, sizeof(command), "ip link set v1 netns /proc/%d/fd/%d", (int)getpid(), theirs);
	ck_assert_int_eq(space_run(NULL, command), 0);
	here = space_go(theirs);
	ck_assert_int_eq(space_run(NULL, "ip link set v1 address " NEIGHBOUR "; ip link set v1 up; ip addr add 10.20.0.7/16 dev v1; "
				   "ip addr add fd00:20::7/64 dev v1 nodad"), 0);
	space_back(here);
	ck_assert_int_eq(link_read(links, ignore, NULL, &e), 0);
}

static void observe(void)
{
	const struct observer_config c = { .links = links, .publish = publish, .log_group = table_discovery_group(100) };

	observer = observer_new(&c, &e);
	ck_assert_msg(observer, "%s", e.msg);
}

static void begin(void)
{
	site_begin("ip link add cam0 type veth peer name v1; ip link set cam0 up; ip addr add 10.20.0.1/16 dev cam0; "
		   "ip addr add fd00:20::1/64 dev cam0 nodad; ip link add core0 type bridge");
	neighbour();
	observe();
	reload_learn(reload, observer_ident(observer));
	ring = ring_new(64, sizeof(struct wish));
	site_policy(POLICY);
	site_load();
	observer_attach(observer, reload, &ring, 1);
}

static void end(void)
{
	site_end();
	observer_free(observer);
	ring_free(ring);
}

static void wish(const char *mac, const char *addr)
{
	struct wish *w = ring_slot(ring);

	*w = (struct wish){ .ifindex = if_nametoindex("cam0"), .when_ns = now_wall_ns() };
	ck_assert((!mac || addr_mac_parse(mac, &w->mac)) && addr_parse(addr, &w->addr));
	ring_push(ring);
}

/* Steps until there are that many bindings in the kernel beside the policy's own, for two seconds at most. */
static bool learns(size_t n)
{
	const struct timespec pause = { .tv_nsec = 5 * 1000000 };
	const size_t own = 2;

	for (unsigned i = 0; i < 400; i++) {
		ck_assert_msg(observer_step(observer, &e) == 0, "%s", e.msg);
		if (fence_input(fence)->n_bindings == own + n)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

START_TEST(who_answers_is_bound)
{
	ck_assert_uint_eq(fence_input(fence)->n_bindings, 2);
	wish(NEIGHBOUR, "10.20.0.7");
	wish(NEIGHBOUR, "fd00:20::7");
	ck_assert(learns(2));
	ck_assert(site_listed("nft list set inet ringfence known4-cam0", NEIGHBOUR " . 10.20.0.7"));
	ck_assert(site_listed("nft list set inet ringfence known6-cam0", NEIGHBOUR " . fd00:20::7"));
	ck_assert_msg(site_drift() == 0, "%s", buf_cstr(&said));
	ck_assert_uint_ge(observer_stats(observer).answers, 2);
}
END_TEST

/* It never spoke: everybody is asked for its address, then it. */
START_TEST(who_is_opened_to_is_found)
{
	wish(NULL, "10.20.0.7");
	wish(NULL, "fd00:20::7");
	wish(NULL, "10.20.0.99");                       /* nobody has it */
	wish(NULL, "192.0.2.1");                        /* not of this network */
	ck_assert(learns(2));
	ck_assert(site_listed("nft list set inet ringfence known4-cam0", NEIGHBOUR " . 10.20.0.7"));
	ck_assert(site_listed("nft list set inet ringfence known6-cam0", NEIGHBOUR " . fd00:20::7"));
	ck_assert_uint_eq(observer_stats(observer).seeks, 3);
	for (unsigned i = 0; i < 60; i++) {
		wish(NULL, "10.20.0.99");
		wish(NULL, "10.20.0.98");
		ck_assert_int_eq(observer_step(observer, &e), 0);
	}
	ck_assert_uint_le(observer_stats(observer).seeks, 100);
}
END_TEST

START_TEST(who_only_claims_is_not)
{
	wish("ac:cc:8e:00:00:08", "10.20.0.7");         /* another's address */
	wish(NEIGHBOUR, "10.20.0.99");                  /* one that it does not have */
	wish(NEIGHBOUR, "10.20.0.5");                   /* a listed device's */
	ck_assert(!learns(1));
	ck_assert_uint_eq(fence_input(fence)->n_bindings, 2);
	ck_assert_uint_ge(observer_stats(observer).probes, 2);
	ck_assert(!site_listed("nft list set inet ringfence known4-cam0", "00:00:07"));
	ck_assert_msg(site_drift() == 0, "%s", buf_cstr(&said));
}
END_TEST

START_TEST(wishes_of_no_interface_are_nothing)
{
	struct wish *w = ring_slot(ring);

	*w = (struct wish){ .ifindex = 4711 };
	ck_assert(addr_mac_parse(NEIGHBOUR, &w->mac) && addr_parse("10.20.0.7", &w->addr));
	ring_push(ring);
	ck_assert(!learns(1));
	ck_assert_uint_eq(observer_stats(observer).claims, 0);
}
END_TEST

START_TEST(comes_back_from_the_store)
{
	struct store_config sc = { .dir = site_dir, .ballast_bytes = UINT64_MAX, .durability = DB_RELAXED };
	struct db_report report = { 0 };
	struct judge *j;
	unsigned bad = 0;
	struct db *db;

	wish(NEIGHBOUR, "10.20.0.7");
	ck_assert(learns(1));
	observer_keep(observer, false);
	recorder_stop(recorder);
	recorder_free(recorder);
	observer_free(observer);
	ck_assert_msg(store_open(&sc, &db, &report, &e) == 0, "%s", e.msg);
	observe();
	ck_assert_msg(observer_restore(observer, db, now_wall_ns(), &bad, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(bad, 0);
	recorder = recorder_new(&(struct recorder_config){ .db = db, .report = &report }, &e);
	ck_assert(recorder && recorder_start(recorder, &e) == 0);
	publish_recorder(publish, recorder);
	j = judge_who(publish_current(publish), observer_ident(observer), &e);
	ck_assert_ptr_nonnull(j);
	ck_assert_uint_ge(who_bindings(j->who), 3);
	judge_free(j);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("observer-live");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, who_answers_is_bound);
	tcase_add_test(tc, who_is_opened_to_is_found);
	tcase_add_test(tc, who_only_claims_is_not);
	tcase_add_test(tc, wishes_of_no_interface_are_nothing);
	tcase_add_test(tc, comes_back_from_the_store);
	return suite_run(tc);
}
