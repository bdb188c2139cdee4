/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policies in force, on trial, refused and gone back from, with a kernel's table behind them. */
#include "run/reload.h"

#include <errno.h>
#include <sys/syscall.h>
#include <time.h>

#include "unit/run/site.h"
#include "unit/suite.h"

static _Atomic time_t clock_set;                /* the wall's clock was set by so many seconds; workers look, too */

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	const int rc = (int)syscall(SYS_clock_gettime, clock, ts);

	if (clock == CLOCK_REALTIME)
		ts->tv_sec += clock_set;
	return rc;
}

static const char *policy(const char *revision, const char *rest)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		 "version: 1\nrevision: %s\nsite: { name: reloaded }\nmode: enforce\npacks: [uk-nil]\nzones:\n"
		 "  cctv: { interfaces: [cam0], networks: [10.20.0.0/16], guarded: true }\n"
		 "  core: { interfaces: [core0], networks: [10.1.0.0/16] }\n"
		 "devices:\n  - { name: cam, macs: [\"ac:cc:8e:00:00:01\"], addresses: [10.20.0.5] }\n"
		 "groups:\n  restricted: { packs: [uk-nil] }\n"
		 "restrict:\n  - { id: isolated, group: restricted, severity: high, reason: no }\n"
		 "rules:\n  - { id: web, from: cctv, to: core, services: [tcp/80], action: allow }\n%s", revision, rest);
	return text;
}

static const char *in_force(void)
{
	ck_assert_msg(site_drift() == 0, "%s", buf_cstr(&said));
	return publish_current(publish)->policy->revision;
}

static struct judge *candidate(void)
{
	buf_reset(&said);
	return reload_candidate(reload, false, &said);
}

static void try(const char *revision)
{
	struct judge *j;

	site_policy(policy(revision, ""));
	j = candidate();
	ck_assert_ptr_nonnull(j);
	ck_assert_msg(reload_try(reload, j, &e) == 0, "%s", e.msg);
	ck_assert_msg(reload_apply(reload, j, "test", &e) == 0, "%s", e.msg);
}

static void begin(void)
{
	site_begin("ip link add cam0 type veth peer name core0");
	site_policy(policy("one", ""));
	site_load();
	reload_settle(reload);
}

START_TEST(what_is_refused_changes_nothing)
{
	static const char *const bad[] = {
		"tests:\n  - { name: t, from: { address: 10.20.0.5, zone: cctv }, to: 10.1.0.9, service: tcp/22, expect: allow }\n",
		"frm: x\n", "  - { id: web, from: cctv, to: nobody, services: [tcp/1], action: allow }\n",
	};
	const uint32_t generation = publish_current(publish)->generation;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		site_policy(policy("bad", bad[i]));
		ck_assert_ptr_null(candidate());
		ck_assert_msg(strstr(buf_cstr(&said), site_file), "%s", buf_cstr(&said));
		ck_assert_str_eq(in_force(), "one");
	}
	ck_assert_uint_eq(publish_current(publish)->generation, generation);
}
END_TEST

START_TEST(a_trial_goes_back)
{
	ck_assert_str_eq(in_force(), "one");
	try("two");
	ck_assert(reload_on_trial(reload));
	ck_assert_str_eq(in_force(), "two");
	ck_assert_msg(reload_rollback(reload, "test", &e) == 0, "%s", e.msg);
	ck_assert(!reload_on_trial(reload));
	ck_assert(reload_stands_in(reload));
	ck_assert_str_eq(in_force(), "one");
	ck_assert_uint_eq(publish_current(publish)->generation, 3);
	ck_assert_int_eq(reload_rollback(reload, "test", &e), -1);
	try("three");                           /* over one that stands in */
	reload_confirm(reload);
	ck_assert(!reload_stands_in(reload) && !reload_on_trial(reload));
	ck_assert_str_eq(in_force(), "three");
}
END_TEST

START_TEST(one_trial_at_a_time)
{
	struct judge *j;

	try("two");
	site_policy(policy("three", ""));
	j = candidate();
	ck_assert_int_eq(reload_try(reload, j, &e), -1);
	ck_assert_int_eq(e.code, EBUSY);
	judge_free(j);
	ck_assert_str_eq(in_force(), "two");
	ck_assert_msg(reload_rollback(reload, "test", &e) == 0, "%s", e.msg);
	ck_assert_str_eq(in_force(), "one");
}
END_TEST

/* A daemon that starts: the same store directory, another reload. */
static struct judge *started_again(void)
{
	struct reload_config c = { .policy = site_file, .data = getenv("RINGFENCE_DATA") ? getenv("RINGFENCE_DATA") : "rules",
				   .state = site_dir, .publish = publish, .fence = fence, .links = links, .recorder = recorder };
	struct judge *j;

	reload_free(reload);
	reload = reload_new(&c, &e);
	ck_assert_ptr_nonnull(reload);
	buf_reset(&said);
	j = reload_first(reload, false, &said, &e);
	ck_assert_msg(j, "%s: %s", e.msg, buf_cstr(&said));
	return j;
}

START_TEST(a_start_during_a_trial)
{
	struct judge *j;

	try("two");
	j = started_again();
	ck_assert_str_eq(j->policy->revision, "one");
	ck_assert(reload_stands_in(reload));
	ck_assert_msg(reload_apply(reload, j, "test", &e) == 0, "%s", e.msg);
	reload_settle(reload);
	ck_assert_str_eq(in_force(), "one");
	ck_assert(reload_stands_in(reload));
	j = started_again();                    /* and again */
	ck_assert_str_eq(j->policy->revision, "one");
	ck_assert_int_eq(reload_apply(reload, j, "test", &e), 0);
	reload_settle(reload);
	site_load();                            /* somebody says so */
	reload_settle(reload);
	ck_assert(!reload_stands_in(reload));
	ck_assert_str_eq(in_force(), "two");
	j = started_again();
	ck_assert_str_eq(j->policy->revision, "two");
	judge_free(j);
}
END_TEST

/* With an exception until the end of tomorrow. */
static void begin_ending(void)
{
	const time_t then = time(NULL) + 86400;
	char rest[256], day[16];

	strftime(day, sizeof(day), "%Y-%m-%d", gmtime(&then));
	snprintf(rest, sizeof(rest), "exceptions:\n  - { id: x, from: core, to: restricted, services: [tcp/9], expires: %s, owner: o, "
		 "ticket: t, reason: r }\n", day);
	site_policy(policy("two", rest));
	site_load();
}

START_TEST(entries_end_by_the_clock)
{
	const struct judge *j;
	uint32_t generation;

	begin_ending();
	j = publish_current(publish);
	generation = j->generation;
	ck_assert(policy_rule_live(&j->policy->rules[0], j->at_ns));
	reload_not_before(reload, policy_next_change(j->policy, j->at_ns));
	ck_assert_msg(reload_time(reload, &e) == 0, "%s", e.msg);
	j = publish_current(publish);
	ck_assert(!policy_rule_live(&j->policy->rules[0], j->at_ns));
	ck_assert_uint_eq(j->generation, generation + 1);
	ck_assert_str_eq(in_force(), "two");
}
END_TEST

/* What has ended has ended, also for who loads the policy again after somebody has set the clock back. */
START_TEST(a_clock_that_is_set_back)
{
	const struct judge *j;

	begin_ending();
	ck_assert_int_eq(reload_behind_ns(reload), 0);
	clock_set = 3 * 86400;
	ck_assert_msg(reload_time(reload, &e) == 0, "%s", e.msg);
	clock_set = 0;
	site_load();
	j = publish_current(publish);
	ck_assert(!policy_rule_live(&j->policy->rules[0], j->at_ns));
	ck_assert_int_gt(reload_behind_ns(reload), INT64_C(2) * 86400 * NOW_NS_PER_S);
	ck_assert_str_eq(in_force(), "two");
}
END_TEST

/* Another table has taken our name: what was in force is published again. */
START_TEST(the_kernel_refuses)
{
	uint64_t serial;
	struct judge *j;

	site_end();
	site_shared = true;
	begin();
	serial = publish_current(publish)->serial;
	ck_assert_int_eq(space_run(NULL, "nft delete table inet ringfence; nft add table inet ringfence; "
				   "nft add chain inet ringfence forward '{ type filter hook forward priority 0; }'"), 0);
	site_policy(policy("two", ""));
	j = candidate();
	ck_assert_ptr_nonnull(j);
	ck_assert_int_eq(reload_apply(reload, j, "test", &e), -1);
	ck_assert_msg(strstr(e.msg, "not one of ours"), "%s", e.msg);
	ck_assert_str_eq(publish_current(publish)->policy->revision, "one");
	ck_assert_uint_gt(publish_current(publish)->serial, serial);
	ck_assert_int_eq(space_run(NULL, "nft delete table inet ringfence"), 0);
	ck_assert_msg(fence_restore(fence, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(in_force(), "one");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("reload-live");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin, site_end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, what_is_refused_changes_nothing);
	tcase_add_test(tc, a_trial_goes_back);
	tcase_add_test(tc, one_trial_at_a_time);
	tcase_add_test(tc, a_start_during_a_trial);
	tcase_add_test(tc, entries_end_by_the_clock);
	tcase_add_test(tc, a_clock_that_is_set_back);
	tcase_add_test(tc, the_kernel_refuses);
	return suite_run(tc);
}
