/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trouble: the store when it is killed, cut, damaged or swapped, or read by another user.  Full: full_test.c; removed: back_test.c. */
#include "store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "store/db_sql.h"
#include "unit/store/scratch.h"
#include "unit/suite.h"

/* --- helpers --- */

static uint64_t state = 88172645463325252u;

static unsigned dice(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state % n);
}

static uint64_t count_rows(uint64_t *ret_bad)
{
	struct spool_query q = { .max_rows = 100000, .max_bytes = SIZE_MAX };
	struct spool_reader *r = scratch_reader();
	struct arena *a = arena_new();
	struct spool_batch b;
	struct err e;
	uint64_t n;

	ck_assert_msg(spool_read(r, &q, a, &b, &e) == 0, "%s", e.msg);
	*ret_bad = 0;
	for (size_t i = 0; i < b.n; i++)
		*ret_bad += b.rows[i].health != SPOOL_WHOLE;
	n = b.n;
	spool_reader_free(r);
	arena_free(a);
	return n;
}

/* The first event of the store as it is: kind, and a part of its detail. */
static void first_event_is(enum event_kind kind, const char *part)
{
	struct spool_query q = { .max_rows = 1 };
	struct spool_reader *r = scratch_reader();
	struct arena *a = arena_new();
	struct spool_batch b;
	struct err e;

	ck_assert_msg(spool_read(r, &q, a, &b, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(b.n, 1);
	ck_assert_int_eq(b.rows[0].ev.kind, kind);
	ck_assert_ptr_nonnull(b.rows[0].ev.detail);
	ck_assert_msg(strstr(b.rows[0].ev.detail, part) != NULL, "%s lacks %s", b.rows[0].ev.detail, part);
	spool_reader_free(r);
	arena_free(a);
}

static void wait_for(pid_t pid, int status)
{
	int got;

	ck_assert_int_eq(waitpid(pid, &got, 0), pid);
	ck_assert_msg(WIFEXITED(got) ? WEXITSTATUS(got) == status : WIFSIGNALED(got) && WTERMSIG(got) == -status,
		      "child ended with status %x", (unsigned)got);
}

/* --- kill -9 --- */

/* Writes until killed; tells each number that is committed. */
static void writer(int to)
{
	struct spool_config c = { .group_events = 1 + dice(20) };
	struct spool_stats st;
	struct scratch_spool s;

	scratch_open(&s, NULL, &c);
	for (;;) {
		scratch_put(&s, EVENT_BLOCKED);
		spool_stats(s.spool, &st);
		if (write(to, &st.committed_seq, sizeof(st.committed_seq)) < 0)
			_exit(1);
	}
}

/* A follower as the shipper is one: retries what passes, must see every number once and in order. */
static void follower(int from_parent)
{
	struct spool_reader *r = NULL;
	uint64_t last = 0;
	struct err e;
	char stop;
	int flags = fcntl(from_parent, F_GETFL);

	fcntl(from_parent, F_SETFL, flags | O_NONBLOCK);
	for (bool stopping = false, done = false; !done; ) {
		struct spool_query q = { .after_seq = last };
		struct arena *a = arena_new();
		struct spool_batch b = { 0 };

		stopping |= read(from_parent, &stop, 1) == 1;
		if (!r && spool_reader_open(scratch, &r, &e) < 0 && e.code != EAGAIN && e.code != ENOENT)
			_exit(2);
		if (r && spool_read(r, &q, a, &b, &e) < 0 && e.code != EAGAIN)
			_exit(3);
		for (size_t i = 0; i < b.n; i++)
			if (b.rows[i].seq != ++last || b.rows[i].health != SPOOL_WHOLE)
				_exit(4);
		done = stopping && r && b.n == 0 && b.max_seq == last;
		arena_free(a);
	}
	spool_reader_free(r);
	_exit(0);
}

START_TEST(kill_9_loses_nothing_committed_and_readers_follow)
{
	int go[2], told[2];
	uint64_t committed = 0, seq, bad;
	pid_t reader, child;

	ck_assert_int_eq(pipe(go), 0);
	reader = fork();
	if (reader == 0)
		follower(go[0]);
	for (int round = 0; round < 25; round++) {
		dice(2);
		ck_assert_int_eq(pipe(told), 0);
		child = fork();
		if (child == 0)
			writer(told[1]);
		close(told[1]);
		for (unsigned n = 1 + dice(300); n && read(told[0], &seq, sizeof(seq)) == sizeof(seq); n--)
			committed = seq > committed ? seq : committed;
		kill(child, SIGKILL);
		wait_for(child, -SIGKILL);
		while (read(told[0], &seq, sizeof(seq)) == sizeof(seq))
			committed = seq > committed ? seq : committed;
		close(told[0]);
		ck_assert_uint_ge(count_rows(&bad), committed);
		ck_assert_uint_eq(bad, 0);
	}
	ck_assert_uint_gt(committed, 100);
	ck_assert_int_eq(write(go[1], "x", 1), 1);
	wait_for(reader, 0);
	ck_assert(scratch_verify().sound);
}
END_TEST

/* The open log of a writer that vanished, cut at any length: the commits before the cut, a whole chain, numbers that go on. */
START_TEST(a_torn_wal_gives_a_whole_prefix)
{
	struct scratch_spool s;
	uint64_t bad, rows;
	struct stat st;
	pid_t child = fork();

	if (child == 0) {
		scratch_open(&s, NULL, &(struct spool_config){ .group_events = 5 });
		scratch_fill(&s, 500);
		_exit(0);
	}
	wait_for(child, 0);
	ck_assert_int_eq(stat(scratch_path("events.db-wal"), &st), 0);
	for (off_t cut = 1; cut < st.st_size; cut = cut * 3 + (off_t)dice(100)) {
		ck_assert_int_eq(truncate(scratch_path("events.db-wal"), st.st_size - cut), 0);
		unlink(scratch_path("events.db-shm"));
		rows = count_rows(&bad);
		ck_assert(rows <= 500 && rows % 5 == 0 && bad == 0);
		ck_assert(scratch_verify().sound);
	}
	scratch_open(&s, NULL, NULL);
	ck_assert(!s.report.set_aside);
	ck_assert_uint_eq(scratch_put(&s, EVENT_BLOCKED), rows + 1);
	scratch_close(&s);
	ck_assert(scratch_verify().sound);
}
END_TEST

/* --- damage --- */

static void make_store(unsigned events, char id[static DB_ID_TEXT])
{
	struct scratch_spool s;

	scratch_open(&s, NULL, NULL);
	scratch_fill(&s, events);
	memcpy(id, db_id(s.db), DB_ID_TEXT);
	scratch_close(&s);
}

static void damage(const char *name, off_t at, const void *bytes, size_t n)
{
	int fd = open(scratch_path(name), O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, bytes, n, at), (ssize_t)n);
	close(fd);
}

START_TEST(what_is_no_database_is_set_aside)
{
	char id[DB_ID_TEXT];
	struct scratch_spool s;
	struct stat st;

	make_store(10, id);
	damage("events.db", 0, "this is not a database at all", 29);
	scratch_open(&s, NULL, NULL);
	ck_assert(s.report.set_aside && s.report.created);
	ck_assert_str_ne(db_id(s.db), id);
	ck_assert_uint_eq(scratch_put(&s, EVENT_BLOCKED), 2);
	scratch_close(&s);
	first_event_is(EVENT_LOSS, "events.db.corrupt-1");
	ck_assert_int_eq(stat(scratch_path("events.db.corrupt-1"), &st), 0);
	ck_assert_int_eq(stat(scratch_path("events.db.corrupt-1-wal"), &st), 0);
	ck_assert(scratch_verify().sound);
}
END_TEST

START_TEST(another_version_is_set_aside_and_old_copies_go)
{
	struct scratch_spool s;
	struct stat st;
	struct err e;

	for (int i = 0; i < 7; i++) {
		scratch_open(&s, NULL, NULL);
		ck_assert(s.report.set_aside == (i > 0));
		ck_assert_int_eq(db_exec(s.db, "PRAGMA user_version = 77", &e), 0);
		scratch_close(&s);
	}
	ck_assert_int_ne(stat(scratch_path("events.db.corrupt-1"), &st), 0);
	ck_assert_int_ne(stat(scratch_path("events.db.corrupt-2-wal"), &st), 0);
	ck_assert_int_eq(stat(scratch_path("events.db.corrupt-3"), &st), 0);
	ck_assert_int_eq(stat(scratch_path("events.db.corrupt-6"), &st), 0);
}
END_TEST

/* Damage that shows only while writing: what is pending goes on in the new file, after the loss event. */
START_TEST(damage_found_while_writing_costs_no_pending_event)
{
	struct scratch_spool s;
	struct spool_stats st;
	uint8_t noise[4096];
	uint64_t bad;
	unsigned epoch;
	struct err e;
	char id[DB_ID_TEXT];

	make_store(3000, id);
	memset(noise, 0x5a, sizeof(noise));
	scratch_open(&s, NULL, NULL);
	epoch = db_epoch(s.db);
	for (int page = 4; page < 500; page++)
		damage("events.db", page * 4096, noise, sizeof(noise));
	for (int i = 0; i < 20; i++)
		scratch_put(&s, EVENT_BLOCKED);
	ck_assert_int_eq(spool_commit(s.spool, &e), 0);
	ck_assert_uint_eq(db_epoch(s.db), epoch + 1);
	ck_assert_str_ne(db_id(s.db), id);
	spool_stats(s.spool, &st);
	ck_assert(st.committed_seq == 21 && st.refused == 0);
	scratch_close(&s);
	ck_assert_uint_eq(count_rows(&bad), 21);
	first_event_is(EVENT_LOSS, id);
	ck_assert(scratch_verify().sound);
}
END_TEST

static void count_salvaged(void *arg, const struct spool_row *row)
{
	*(uint64_t *)arg += row->health == SPOOL_WHOLE;
}

START_TEST(a_bad_page_hides_only_its_rows)
{
	uint64_t bad, good = 0, n_good, n_bad;
	uint8_t noise[4096];
	char id[DB_ID_TEXT];
	struct err e;

	make_store(2000, id);
	memset(noise, 0xa5, sizeof(noise));
	damage("events.db", 100 * 4096, noise, sizeof(noise));
	ck_assert_uint_ge(count_rows(&bad), 1990);
	ck_assert(bad > 0 && bad < 40);
	ck_assert(!scratch_verify().sound);
	ck_assert_int_eq(spool_salvage(scratch, count_salvaged, &good, &n_good, &n_bad, &e), 0);
	ck_assert(good == n_good && good > 1950 && good < 2000 && n_bad > 0);
}
END_TEST

START_TEST(a_flipped_byte_is_found_by_its_crc)
{
	static char file[4 << 20];
	struct scratch_spool s;
	uint64_t bad;
	int64_t busy;
	struct err e;
	ssize_t n;
	char *at;
	int fd;

	scratch_open(&s, NULL, NULL);
	scratch_fill(&s, 50);
	ck_assert_int_eq(db_number(s.db, "PRAGMA wal_checkpoint(TRUNCATE)", &busy, &e), 0);
	scratch_close(&s);
	fd = open(scratch_path("events.db"), O_RDONLY | O_CLOEXEC);
	n = read(fd, file, sizeof(file));
	close(fd);
	at = memmem(file, (size_t)n, "hall-cam-3", 10);
	ck_assert_ptr_nonnull(at);
	damage("events.db", at - file, "H", 1);
	ck_assert_uint_eq(count_rows(&bad), 50);
	ck_assert_uint_eq(bad, 1);
	ck_assert_uint_eq(scratch_verify().bad_crc, 1);
}
END_TEST

START_TEST(a_reader_notices_another_file)
{
	struct spool_reader *r;
	struct scratch_spool s;
	struct spool_query q = { 0 };
	struct arena *a = arena_new();
	struct spool_batch b;
	char id[DB_ID_TEXT];
	bool changed;
	struct err e;

	make_store(10, id);
	r = scratch_reader();
	ck_assert_int_eq(spool_reader_refresh(r, &changed, &e), 0);
	ck_assert(!changed);
	damage("events.db", 0, "damaged!", 8);
	scratch_open(&s, NULL, NULL);
	scratch_fill(&s, 3);
	ck_assert_int_eq(spool_reader_refresh(r, &changed, &e), 0);
	ck_assert(changed);
	ck_assert_str_eq(spool_reader_id(r), db_id(s.db));
	ck_assert_int_eq(spool_read(r, &q, a, &b, &e), 0);
	ck_assert_uint_eq(b.n, 4);
	spool_reader_free(r);
	scratch_close(&s);
	arena_free(a);
}
END_TEST

/* --- another user --- */

static void read_as_nobody(uint64_t expect)
{
	pid_t child = fork();

	if (child == 0) {
		struct spool_query q = { .max_rows = 1000 };
		struct arena *a = arena_new();
		struct spool_reader *r;
		struct spool_batch b;
		struct err e;

		if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		if (access(scratch_path("s/events.db"), W_OK) == 0 || spool_reader_open(scratch_path("s"), &r, &e) < 0)
			_exit(3);
		if (spool_read(r, &q, a, &b, &e) < 0 || b.n != expect)
			_exit(4);
		_exit(0);
	}
	wait_for(child, 0);
}

START_TEST(another_user_of_the_group_reads)
{
	struct store_config c = { .dir = scratch_path("s"), .group = "nogroup", .ballast_bytes = UINT64_MAX };
	struct scratch_spool s;
	struct group *g = getgrnam("nogroup");
	pid_t child;

	if (getuid() != 0 || !g || g->gr_gid != 65534)
		return;
	chmod(scratch, 0755);
	scratch_open(&s, &c, NULL);
	scratch_fill(&s, 10);
	read_as_nobody(10);                             /* while it is open */
	scratch_close(&s);
	read_as_nobody(10);                             /* after a clean close */
	child = fork();
	if (child == 0) {
		scratch_open(&s, &c, NULL);
		scratch_fill(&s, 10);
		raise(SIGKILL);
	}
	wait_for(child, -SIGKILL);
	read_as_nobody(20);                             /* after kill -9 */
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("trouble");

	tcase_add_checked_fixture(tc, scratch_setup, scratch_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, kill_9_loses_nothing_committed_and_readers_follow);
	tcase_add_test(tc, a_torn_wal_gives_a_whole_prefix);
	tcase_add_test(tc, what_is_no_database_is_set_aside);
	tcase_add_test(tc, another_version_is_set_aside_and_old_copies_go);
	tcase_add_test(tc, damage_found_while_writing_costs_no_pending_event);
	tcase_add_test(tc, a_bad_page_hides_only_its_rows);
	tcase_add_test(tc, a_flipped_byte_is_found_by_its_crc);
	tcase_add_test(tc, a_reader_notices_another_file);
	tcase_add_test(tc, another_user_of_the_group_reads);
	return suite_run(tc);
}
