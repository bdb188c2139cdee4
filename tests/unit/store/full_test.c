/* SPDX-License-Identifier: GPL-2.0-or-later */
/* full: the store at its cap, on a full disk, on one that fails. */
#include "store/spool.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "unit/store/scratch.h"
#include "unit/suite.h"

/* At the file's own cap, with retention set higher by mistake: room is made, everything is accounted for. */
START_TEST(the_cap_makes_room)
{
	struct store_config store = { .max_bytes = 1 << 20, .ballast_bytes = UINT64_MAX };
	struct spool_config c = { .max_bytes = 1 << 30 };
	struct scratch_spool s;
	struct spool_verdict v;
	struct spool_stats st;
	struct stat file;

	scratch_open(&s, &store, &c);
	for (int i = 0; i < 40; i++)
		scratch_fill(&s, 200);
	spool_stats(s.spool, &st);
	ck_assert(st.removed > 1000 && st.refused == 0 && st.committed_seq == 8000);
	scratch_close(&s);
	v = scratch_verify();
	ck_assert(v.sound && v.rows + v.removed == 8000);
	ck_assert_int_eq(stat(scratch_path("events.db"), &file), 0);
	ck_assert_int_le(file.st_size, 1 << 20);
}
END_TEST

static void fill_disk(const char *path)
{
	static const char block[65536];
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	for (size_t n = sizeof(block); n; )
		if (write(fd, block, n) < 0)
			n /= 2;
	close(fd);
}

/* The sums of packets of all events and losses in the store. */
static uint64_t sum_packets(void)
{
	struct spool_query q = { .max_rows = 100000, .max_bytes = SIZE_MAX };
	struct spool_reader *r = scratch_reader();
	struct arena *a = arena_new();
	struct spool_batch b;
	struct err e;
	uint64_t sum = 0;

	ck_assert_msg(spool_read(r, &q, a, &b, &e) == 0, "%s", e.msg);
	for (size_t i = 0; i < b.n; i++)
		sum += b.rows[i].ev.packets;
	spool_reader_free(r);
	arena_free(a);
	return sum;
}

START_TEST(a_full_disk_is_survived_and_accounted_for)
{
	struct store_config store = { .ballast_bytes = 512 << 10 };
	struct spool_config c = { .pending_bytes = 200 << 10, .min_free_bytes = 1 };
	uint64_t put = 0, refused = 0;
	struct scratch_spool s;
	struct spool_stats st;
	struct event ev;
	struct err e;

	if (getuid() != 0 || unshare(CLONE_NEWNS) < 0 || mount("", "/", "", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", scratch, "tmpfs", 0, "size=4m") < 0)
		return;
	scratch_open(&s, &store, &c);
	scratch_fill(&s, 600);
	put += 600;
	ck_assert_int_eq(access(scratch_path("events.db.ballast"), F_OK), 0);
	fill_disk(scratch_path("filler"));
	for (int i = 0; i < 5000; i++, put++) {
		sample_event(&ev, EVENT_BLOCKED);
		refused += spool_append(s.spool, &ev, &e) < 0;
		if (i % 1000 == 0)
			fill_disk(scratch_path("filler"));
	}
	spool_commit(s.spool, &e);
	spool_stats(s.spool, &st);
	ck_assert_int_ne(access(scratch_path("events.db.ballast"), F_OK), 0);
	ck_assert_uint_gt(st.committed_seq, 1200);      /* went on inside the file */
	ck_assert_uint_eq(st.refused, refused);
	unlink(scratch_path("filler"));
	scratch_fill(&s, 1);
	put++;
	ck_assert_int_eq(spool_commit(s.spool, &e), 0);
	for (int i = 1; i < 4; i++)
		spool_tick(s.spool, now_mono_ns() + i * 10 * NOW_NS_PER_S, SAMPLE_NS, &e);
	ck_assert_int_eq(access(scratch_path("events.db.ballast"), F_OK), 0);
	spool_stats(s.spool, &st);
	ck_assert(!st.full && !st.degraded);
	scratch_close(&s);
	ck_assert(scratch_verify().sound);
	ck_assert_uint_eq(scratch_verify().rows + scratch_verify().removed + refused - (refused > 0), put);
	umount(scratch);
}
END_TEST

/* No byte can be written any more (as with a failing disk): events wait in memory, then are counted; nothing exits; when it is
 * over the waiting ones are written once each, and a loss event says what was refused. */
START_TEST(a_disk_that_fails_is_survived_and_accounted_for)
{
	struct spool_config c = { .pending_bytes = 64 << 10 };
	struct rlimit none = { 0, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
	uint64_t refused = 0, put = 88;                   /* packets: every eighth event has none */
	struct scratch_spool s;
	struct spool_stats st;
	struct event ev;
	struct err e;

	signal(SIGXFSZ, SIG_IGN);
	scratch_open(&s, NULL, &c);
	scratch_fill(&s, 100);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	for (int i = 0; i < 1000; i++, put++) {
		sample_event(&ev, EVENT_BLOCKED);
		refused += spool_append(s.spool, &ev, &e) < 0;
		spool_tick(s.spool, now_mono_ns() + (int64_t)i * NOW_NS_PER_S, SAMPLE_NS, &e);
	}
	spool_stats(s.spool, &st);
	ck_assert(st.degraded && st.committed_seq == 100 && st.refused == refused && refused > 500 && st.error[0]);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
	for (int i = 0; i < 20 && st.degraded; i++) {
		spool_tick(s.spool, now_mono_ns() + (2000 + (int64_t)i) * NOW_NS_PER_S, SAMPLE_NS, &e);
		spool_stats(s.spool, &st);
	}
	ck_assert_int_eq(spool_commit(s.spool, &e), 0);
	scratch_close(&s);
	ck_assert(scratch_verify().sound);
	ck_assert_uint_eq(sum_packets(), put);
	ck_assert_uint_eq(scratch_verify().rows, 1100 - refused + 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("full");

	tcase_add_checked_fixture(tc, scratch_setup, scratch_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, the_cap_makes_room);
	tcase_add_test(tc, a_full_disk_is_survived_and_accounted_for);
	tcase_add_test(tc, a_disk_that_fails_is_survived_and_accounted_for);
	return suite_run(tc);
}
