/* SPDX-License-Identifier: GPL-2.0-or-later */
/* back: the store when its file is removed or replaced while in use: put back whole, where there is room for it, and without
 * pressing; and a copy that a crash left alone. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "store/db_sql.h"
#include "unit/store/scratch.h"
#include "unit/suite.h"

static int64_t begun;

static struct spool_stats tick_at(struct scratch_spool *s, int64_t seconds)
{
	const int64_t now = begun + seconds * NOW_NS_PER_S;
	struct spool_stats st;
	struct err e;

	spool_tick(s->spool, now, now_wall_ns(), &e);
	spool_tick(s->spool, now + NOW_NS_PER_S / 2, now_wall_ns(), &e);
	spool_stats(s->spool, &st);
	return st;
}

static void in_use(struct scratch_spool *s, const struct spool_config *c)
{
	begun = now_mono_ns();
	scratch_open(s, NULL, c);
	scratch_fill(s, 10);
	tick_at(s, 0);
}

static bool is_there(const char *name)
{
	return access(scratch_path(name), F_OK) == 0;
}

static void rows_are(uint64_t n)
{
	const struct spool_verdict v = scratch_verify();

	ck_assert(v.sound && v.first_seq == 1);
	ck_assert_uint_eq(v.rows, n);
	ck_assert_uint_eq(v.last_seq, n);
}

/* Readers find all of it again, and what comes after: numbers and chain go on. */
START_TEST(what_is_removed_while_in_use_is_put_back)
{
	struct scratch_spool s;
	struct stat st;

	in_use(&s, NULL);
	scratch_teardown();
	if (_i) {
		ck_assert_int_eq(symlink("/dev/null/nowhere", scratch), 0);
		ck_assert(tick_at(&s, 10).degraded);
		ck_assert_int_eq(unlink(scratch), 0);
	}
	scratch_fill(&s, 5);
	ck_assert(!tick_at(&s, 60).degraded);
	rows_are(16);
	ck_assert_int_eq(stat(scratch_path("events.db"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert(is_there("events.db.lock") && !is_there("events.db.again") && !is_there("events.db.part"));
	scratch_close(&s);
}
END_TEST

/* Somebody put another file in our place: it goes aside. */
START_TEST(what_is_put_in_its_place_goes_aside)
{
	struct scratch_spool s;

	in_use(&s, NULL);
	ck_assert_int_eq(rename(scratch_path("events.db"), scratch_path("kept.db")), 0);
	ck_assert_int_eq(link(scratch_path("events.db.lock"), scratch_path("events.db")), 0);
	ck_assert(!tick_at(&s, 60).degraded);
	rows_are(11);
	ck_assert(is_there("events.db.corrupt-1"));
	scratch_close(&s);
}
END_TEST

/* The log alone, or its index: readers would see nothing new, and a crash would take what is in the log. */
START_TEST(what_stands_beside_it_belongs_to_it)
{
	static const char *const beside[] = { "events.db-wal", "events.db-shm" };
	struct scratch_spool s;
	pid_t child = fork();
	int status;

	if (child == 0) {
		in_use(&s, NULL);
		for (int i = 0; i < 2; i++)
			if (i == _i || _i == 2)
				ck_assert_int_eq(unlink(scratch_path(beside[i])), 0);
		scratch_fill(&s, 5);
		tick_at(&s, 60);
		_exit(0);
	}
	ck_assert(waitpid(child, &status, 0) == child && status == 0);
	rows_are(16);
}
END_TEST

/* The reserve of the disk is not for a copy: what there is goes on where it is. */
START_TEST(without_room_nothing_is_copied)
{
	struct spool_config c = { .min_free_bytes = UINT64_C(1) << 60 };
	struct db_report report;
	struct scratch_spool s;
	struct spool_stats st;
	struct err e;

	in_use(&s, &c);
	ck_assert_int_eq(unlink(scratch_path("events.db")), 0);
	st = tick_at(&s, 60);
	ck_assert(st.degraded && strstr(st.error, "cannot be put back"));
	ck_assert(!is_there("events.db") && !is_there("events.db.again") && !is_there("events.db.part"));
	scratch_fill(&s, 5);
	ck_assert_int_eq(db_put_back(s.db, c.min_free_bytes, &report, &e), -1);
	ck_assert_int_eq(e.code, ENOSPC);
	ck_assert_msg(db_put_back(s.db, 0, &report, &e) == 0, "%s", e.msg);
	rows_are(15);
	scratch_close(&s);
}
END_TEST

/* A file comes back at the first try after the hindrance went; tries are 11 s apart, then 22. */
START_TEST(tries_are_further_and_further_apart)
{
	struct scratch_spool s;

	in_use(&s, NULL);
	scratch_teardown();
	ck_assert_int_eq(symlink("/dev/null/nowhere", scratch), 0);
	ck_assert(tick_at(&s, 100).degraded);
	ck_assert(tick_at(&s, 112).degraded);
	ck_assert_int_eq(unlink(scratch), 0);
	ck_assert(tick_at(&s, 125).degraded);
	ck_assert(tick_at(&s, 133).degraded);
	ck_assert(!tick_at(&s, 135).degraded);
	rows_are(11);
	scratch_close(&s);
}
END_TEST

/* Killed between moving aside and the last rename, with the log of another file left there: the copy is gone on with. */
START_TEST(a_copy_left_alone_is_gone_on_with)
{
	struct scratch_spool s;
	char sql[128];
	struct err e;
	pid_t child = fork();
	int status;

	if (child == 0) {
		snprintf(sql, sizeof(sql), "VACUUM INTO '%s'", scratch_path("events.db.again"));
		scratch_open(&s, NULL, NULL);
		scratch_fill(&s, 10);
		ck_assert_int_eq(db_exec(s.db, sql, &e), 0);
		scratch_fill(&s, 500);
		_exit(0);
	}
	ck_assert(waitpid(child, &status, 0) == child && status == 0);
	ck_assert(is_there("events.db-wal"));
	ck_assert_int_eq(unlink(scratch_path("events.db")), 0);
	ck_assert_int_ge(creat(scratch_path("events.db.part"), 0600), 0);
	scratch_open(&s, NULL, NULL);
	ck_assert(s.report.from_copy && !s.report.created && !s.report.set_aside);
	ck_assert(!is_there("events.db.again") && !is_there("events.db.part") && is_there("events.db.corrupt-1-wal"));
	scratch_fill(&s, 5);
	rows_are(15);
	scratch_close(&s);
}
END_TEST

/* A path that cannot be looked at is no removed file. */
START_TEST(what_cannot_be_seen_is_not_gone)
{
	struct scratch_spool s;
	pid_t child;
	int status;

	in_use(&s, NULL);
	ck_assert_int_eq(chmod(scratch, 0), 0);
	child = fork();
	if (child == 0) {
		if (getuid() == 0 && setuid(65534) < 0)
			_exit(2);
		_exit(is_there("events.db") ? 3 : db_is_stale(s.db));
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(chmod(scratch, 0700), 0);
	ck_assert_int_eq(status, 0);
	ck_assert(!db_is_stale(s.db));
	ck_assert_int_eq(unlink(scratch_path("events.db")), 0);
	ck_assert(db_is_stale(s.db));
	scratch_close(&s);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("back");

	tcase_add_checked_fixture(tc, scratch_setup, scratch_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, what_is_removed_while_in_use_is_put_back, 0, 2);
	tcase_add_test(tc, what_is_put_in_its_place_goes_aside);
	tcase_add_loop_test(tc, what_stands_beside_it_belongs_to_it, 0, 3);
	tcase_add_test(tc, without_room_nothing_is_copied);
	tcase_add_test(tc, tries_are_further_and_further_apart);
	tcase_add_test(tc, a_copy_left_alone_is_gone_on_with);
	tcase_add_test(tc, what_cannot_be_seen_is_not_gone);
	return suite_run(tc);
}
