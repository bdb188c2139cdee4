/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last confirmed policy, over restarts, as files. */
#include "run/kept.h"

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>

#include "base/file.h"
#include "unit/run/fake.h"
#include "unit/suite.h"

static char dir[] = "/tmp/kept-XXXXXX", state[64], file[64], base[64];
static struct err e;

static void put(const char *path, const char *text)
{
	ck_assert_msg(file_replace(path, text, strlen(text), 0600, &e) == 0, "%s", e.msg);
}

static struct policy *load(const char *path)
{
	struct paths_data store;
	const char *data = getenv("RINGFENCE_DATA");
	const struct policy_paths paths = paths_policy(data ? data : "rules", &store);
	struct diag *d = diag_new();
	struct policy *p = policy_load(path, &paths, now_wall_ns(), d);

	diag_free(d);
	return p;
}

/* The policy, its revision as given, in two files. */
static struct policy *written(const char *revision)
{
	struct buf b;
	struct policy *p;

	buf_init(&b);
	buf_printf(&b, "version: 1\nrevision: %s\ninclude: [base.yaml]\nsite: { name: kept }\n", revision);
	put(file, buf_cstr(&b));
	buf_reset(&b);
	buf_printf(&b, "version: 1\nzones:\n  cctv: { interfaces: [cam0], networks: [10.20.0.0/16], guarded: true } # %s\n", revision);
	put(base, buf_cstr(&b));
	buf_fini(&b);
	p = load(file);
	ck_assert_ptr_nonnull(p);
	return p;
}

static struct kept reopened(void)
{
	struct kept k;

	ck_assert_msg(kept_open(&k, state, file, &e) == 0, "%s", e.msg);
	return k;
}

static void copy_is(const struct kept *k, const char *revision)
{
	char path[PATHS_MAX];
	struct policy *p = load(kept_path(k, path));

	ck_assert_msg(p, "%s cannot be loaded", path);
	ck_assert_str_eq(p->revision, revision);
	policy_free(p);
}

static void begin(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(state, sizeof(state), "%s/state", dir);
	snprintf(file, sizeof(file), "%s/policy.yaml", dir);
	snprintf(base, sizeof(base), "%s/base.yaml", dir);
	ck_assert_int_eq(mkdir(state, 0700), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static void end(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

START_TEST(a_trial_that_a_restart_ends)
{
	struct kept k = reopened();
	struct policy *one = written("one"), *two;

	ck_assert(!kept_stands_in(&k, one));
	two = written("two");
	ck_assert_int_eq(kept_try(&k, two, one, &e), -1);       /* nothing was ever confirmed */
	ck_assert_int_eq(e.code, ENOENT);
	policy_free(one);
	one = written("one");
	ck_assert_msg(kept_confirmed(&k, one, &e) == 0, "%s", e.msg);
	policy_free(two);
	two = written("two");
	ck_assert_msg(kept_try(&k, two, one, &e) == 0, "%s", e.msg);
	k = reopened();
	ck_assert(kept_stands_in(&k, two));
	ck_assert(kept_stands_in(&k, one));
	ck_assert(kept_stands_in(&k, NULL));                    /* torn half-way through another edit */
	copy_is(&k, "one");
	policy_free(one);
	policy_free(two);
}
END_TEST

START_TEST(what_was_not_confirmed_stays_out)
{
	struct kept k = reopened();
	struct policy *one = written("one"), *two, *three;

	ck_assert_int_eq(kept_confirmed(&k, one, &e), 0);
	two = written("two");
	ck_assert_int_eq(kept_try(&k, two, one, &e), 0);
	ck_assert_int_eq(kept_ended(&k, false, &e), 0);
	k = reopened();
	ck_assert(!k.on_trial && kept_stands_in(&k, two));
	ck_assert(!kept_stands_in(&k, NULL));
	copy_is(&k, "one");
	three = written("three");                               /* somebody has worked on it since */
	ck_assert(!kept_stands_in(&k, three));
	ck_assert_int_eq(kept_confirmed(&k, three, &e), 0);
	k = reopened();
	ck_assert(!kept_stands_in(&k, two) && !kept_stands_in(&k, three));
	copy_is(&k, "three");
	policy_free(one);
	policy_free(two);
	policy_free(three);
}
END_TEST

START_TEST(what_was_confirmed_stays)
{
	struct kept k = reopened();
	struct policy *one = written("one"), *two;
	char gone[KEPT_DIGEST + 80];
	struct stat st;

	ck_assert_int_eq(kept_confirmed(&k, one, &e), 0);
	snprintf(gone, sizeof(gone), "%s/policy/%s", state, k.confirmed);
	two = written("two");
	ck_assert_int_eq(kept_try(&k, two, one, &e), 0);
	policy_free(written("edited since"));   /* what was tried is confirmed, not what stands there now */
	ck_assert_int_eq(kept_ended(&k, true, &e), 0);
	k = reopened();
	ck_assert(!kept_stands_in(&k, two));
	copy_is(&k, "two");
	ck_assert_int_eq(stat(gone, &st), -1);
	policy_free(one);
	policy_free(two);
}
END_TEST

START_TEST(a_file_changed_while_it_was_read)
{
	struct kept k = reopened();
	struct policy *one = written("one"), *two = written("two");

	ck_assert_int_eq(kept_confirmed(&k, one, &e), -1);
	ck_assert_int_eq(e.code, EAGAIN);
	ck_assert_int_eq(kept_confirmed(&k, two, &e), 0);
	put(base, "version: 1\n");
	policy_free(one);
	one = written("one");
	put(file, "{ [");
	ck_assert_int_eq(kept_confirmed(&k, one, &e), -1);
	k = reopened();                                         /* no copy of what is in force: better none than another */
	ck_assert_str_eq(k.confirmed, "");
	ck_assert_int_eq(kept_try(&k, two, one, &e), -1);
	policy_free(one);
	policy_free(two);
}
END_TEST

START_TEST(marks_that_make_no_sense)
{
	static const char *const marks[] = {
		"", "policy\n", "confirmed xyz\n", "policy /other\nconfirmed %s\ntrial %s\n", "trial %s\n",
		"policy %f\nconfirmed ../../../../etc\ntrial %s\n",
	};
	struct kept k = reopened();
	struct policy *one = written("one");
	char path[96];

	ck_assert_int_eq(kept_confirmed(&k, one, &e), 0);
	snprintf(path, sizeof(path), "%s/policy/mark", state);
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		put(path, marks[i]);
		k = reopened();
		ck_assert_msg(!kept_stands_in(&k, one), "%s", marks[i]);
		ck_assert_str_eq(k.confirmed, "");
	}
	policy_free(one);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("kept");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, a_trial_that_a_restart_ends);
	tcase_add_test(tc, what_was_not_confirmed_stays_out);
	tcase_add_test(tc, what_was_confirmed_stays);
	tcase_add_test(tc, a_file_changed_while_it_was_read);
	tcase_add_test(tc, marks_that_make_no_sense);
	return suite_run(tc);
}
