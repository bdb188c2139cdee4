/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel refuses is tried again, and until then what was in force is: a table for changed interfaces, and the policy
 * that a trial goes back to.  The kernel refuses while another table has our name.  And a table is asked for anew when a MAC
 * turns out to tell something. */
#include "ident/ident.h"
#include "run/observer.h"
#include "run/watch.h"
#include "unit/run/site.h"
#include "unit/suite.h"

static struct observer *observer;
static struct watch *watch;

static void policy(const char *revision)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "version: 1\nrevision: %s\nsite: { name: refused }\nmode: enforce\npacks: [uk-nil]\nzones:\n"
		 "  cctv: { interfaces: [cam0], networks: [10.20.0.0/16], guarded: true }\n"
		 "  core: { interfaces: [core0], networks: [10.1.0.0/16] }\n"
		 "devices:\n  - { name: cam, macs: [\"ac:cc:8e:00:00:01\"], addresses: [10.20.0.5] }\n"
		 "groups:\n  restricted: { packs: [uk-nil] }\nrestrict:\n  - { id: isolated, group: restricted }\n"
		 "rules:\n  - { id: pull, from: core, to: cctv, services: [tcp/554], action: allow }\ndefault: drop\n", revision);
	site_policy(text);
}

static void begin(void)
{
	struct watch_config c = { 0 };

	site_shared = true;
	site_begin("ip link add cam0 type veth peer name core0");
	observer = observer_new(&(struct observer_config){ .links = links, .publish = publish }, &e);
	ck_assert_msg(observer, "%s", e.msg);
	reload_learn(reload, observer_ident(observer));
	policy("one");
	site_load();
	reload_settle(reload);
	observer_attach(observer, reload, NULL, 0);
	c = (struct watch_config){ .fence = fence, .publish = publish, .recorder = recorder, .reload = reload, .links = links,
				   .observer = observer, .turn_s = 3600 };
	watch = watch_new(&c, &e);
	ck_assert_ptr_nonnull(watch);
}

static void end(void)
{
	watch_free(watch);
	site_end();
	observer_free(observer);
}

/* Nobody looks at notifications meanwhile: the daemon would restore its table. */
static void refuse(void)
{
	ck_assert_int_eq(space_run(NULL, "nft add table inet ringfence; nft delete table inet ringfence; nft add table inet ringfence; "
				   "nft add chain inet ringfence forward '{ type filter hook forward priority 0; }'"), 0);
}

static void accept_again(void)
{
	ck_assert_int_eq(space_run(NULL, "nft delete table inet ringfence"), 0);
}

static void ignore(enum link_change c, const struct link_iface *old, const struct link_iface *is, void *arg)
{
	(void)c, (void)old, (void)is, (void)arg;
}

static bool has_open(const char *name)
{
	const struct ifaces *i = reload_ifaces(reload);

	for (size_t k = 0; k < i->n_open; k++)
		if (!strcmp(i->open[k], name))
			return true;
	return false;
}

/* The daemon's ticks until it is, at most so long. */
static bool open_within(int ms, const char *name)
{
	const int64_t until = now_mono_ns() + ms * NOW_NS_PER_MS;

	while (!has_open(name) && now_mono_ns() < until) {
		reload_tick(reload);
		usleep(20000);
	}
	return has_open(name);
}

/* Waits for the recorder until there are so many events; how many there are then. */
static uint64_t events(uint64_t wanted)
{
	for (int i = 0; i < 2000 && recorder_stats(recorder).spool.last_seq < wanted; i++)
		usleep(10000);
	return recorder_stats(recorder).spool.last_seq;
}

START_TEST(changed_interfaces)
{
	refuse();
	ck_assert_int_eq(space_run(NULL, "ip link add o0 type bridge"), 0);
	ck_assert_int_eq(link_read(links, ignore, NULL, &e), 0);
	ck_assert_int_eq(reload_links(reload, &e), -1);
	ck_assert(!has_open("o0"));             /* the kernel was not told */
	accept_again();
	reload_tick(reload);
	ck_assert(!has_open("o0"));             /* not at once */
	refuse();
	ck_assert(!open_within(2000, "o0"));
	accept_again();
	ck_assert(open_within(20000, "o0"));
	ck_assert_msg(site_drift() == 0, "%s", buf_cstr(&said));
	ck_assert(site_listed("nft list table inet ringfence", "\"o0\""));
}
END_TEST

/* Told once, however often the kernel refuses the table without it. */
START_TEST(a_guarded_interface_that_goes)
{
	const uint64_t before = events(1);      /* policy_loaded */

	refuse();
	ck_assert_int_eq(space_run(NULL, "ip link del cam0"), 0);
	ck_assert_int_eq(link_read(links, ignore, NULL, &e), 0);
	ck_assert_int_eq(reload_links(reload, &e), -1);
	ck_assert_uint_eq(events(before + 1), before + 1);
	ck_assert(!open_within(2500, "o0"));    /* there is none: two more attempts */
	ck_assert_uint_eq(events(before + 1), before + 1);
	ck_assert_uint_eq(reload_ifaces(reload)->n_missing, 0);
	accept_again();
	ck_assert_int_eq(space_run(NULL, "ip link add o0 type bridge"), 0);
	ck_assert_int_eq(link_read(links, ignore, NULL, &e), 0);
	ck_assert(open_within(20000, "o0"));
	ck_assert_uint_eq(events(before + 1), before + 1);
	ck_assert_uint_eq(reload_ifaces(reload)->n_missing, 1);
}
END_TEST

static const char *revision(void)
{
	return publish_current(publish)->policy->revision;
}

START_TEST(a_trial_that_is_not_confirmed)
{
	struct judge *j;

	policy("two");
	buf_reset(&said);
	j = reload_candidate(reload, false, &said);
	ck_assert_msg(j && reload_try(reload, j, &e) == 0, "%s %s", buf_cstr(&said), e.msg);
	ck_assert_msg(reload_apply(reload, j, "test", &e) == 0, "%s", e.msg);
	watch_trial(watch, now_mono_ns());
	watch_tamper(watch);
	refuse();
	/* As if the daemon could not restore it: the tick finds a table that is refused. */
	watch_second(watch);
	ck_assert_str_eq(revision(), "two");
	ck_assert(reload_on_trial(reload));
	accept_again();
	for (unsigned i = 0; i < 30 && reload_on_trial(reload); i++) {
		watch_second(watch);
		usleep(100000);
	}
	ck_assert(!reload_on_trial(reload));
	ck_assert_str_eq(revision(), "one");
	ck_assert_msg(site_drift() == 0, "%s", buf_cstr(&said));
}
END_TEST

/* Its sender on an open interface would be taken for anybody.  Nothing is bound: no class is missing. */
START_TEST(a_mac_that_tells_something)
{
	struct ident *ident = observer_ident(observer);
	const int64_t now = now_wall_ns();
	struct addr a;
	struct mac m;

	ck_assert(addr_mac_parse("02:00:00:00:00:77", &m) && addr_parse("10.20.0.77", &a));
	ident_claim(ident, "cam0", &m, &a, now);
	ck_assert_int_eq(reload_who(reload, &e), 0);
	usleep(2100000);                        /* the pause between plans */
	ck_assert(!fence_wants_plan(fence));    /* it tells nothing yet */
	ident_add_evidence(ident, &m, "sadp", "a reply", IDENT_PROTOCOL, "hikvision", now);
	ck_assert_int_eq(reload_who(reload, &e), 0);
	for (unsigned i = 0; i < 300 && !fence_wants_plan(fence); i++)
		usleep(100000);                 /* the pause is longer where building takes long */
	ck_assert(fence_wants_plan(fence));
	ck_assert(!site_listed("nft list table inet ringfence", "-02:00:00:00:00:76"));
	reload_tick(reload);
	ck_assert(site_listed("nft list table inet ringfence", "-02:00:00:00:00:76"));  /* anybody ends in front of it */
	ck_assert(!fence_wants_plan(fence));
	ck_assert_msg(site_drift() == 0, "%s", buf_cstr(&said));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("refused_live");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, changed_interfaces);
	tcase_add_test(tc, a_guarded_interface_that_goes);
	tcase_add_test(tc, a_trial_that_is_not_confirmed);
	tcase_add_test(tc, a_mac_that_tells_something);
	return suite_run(tc);
}
