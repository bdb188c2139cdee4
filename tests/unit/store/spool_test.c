/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spool in good order: numbers, chain, groups, readers, retention.  What happens in bad times: trouble_test.c. */
#include "store/spool_row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "unit/store/scratch.h"
#include "unit/suite.h"

static struct spool_batch read_all(struct spool_reader *r, struct arena *a, const struct spool_query *q)
{
	struct spool_query all = { .max_rows = 100000, .max_bytes = SIZE_MAX };
	struct spool_batch b;
	struct err e;

	ck_assert_msg(spool_read(r, q ? q : &all, a, &b, &e) == 0, "%s", e.msg);
	return b;
}

START_TEST(what_is_committed_is_read_back)
{
	struct arena *a = arena_new();
	struct spool_reader *r;
	struct scratch_spool s;
	struct spool_batch b;
	char id[SPOOL_ID_TEXT];
	struct err e;

	scratch_open(&s, NULL, NULL);
	ck_assert(s.report.created && !s.report.set_aside);
	for (int k = 0; k < EVENT_KINDS; k++)
		ck_assert_uint_eq(scratch_put(&s, (enum event_kind)k), (uint64_t)k + 1);
	r = scratch_reader();
	ck_assert_uint_eq(read_all(r, a, NULL).n, 0);
	ck_assert_int_eq(spool_commit(s.spool, &e), 0);
	b = read_all(r, a, NULL);
	ck_assert_uint_eq(b.n, EVENT_KINDS);
	ck_assert(b.min_seq == 1 && b.max_seq == EVENT_KINDS);
	for (size_t i = 0; i < b.n; i++) {
		ck_assert_uint_eq(b.rows[i].seq, i + 1);
		ck_assert_int_eq(b.rows[i].health, SPOOL_WHOLE);
		ck_assert_int_eq(b.rows[i].ev.kind, (int)i);
		ck_assert_str_eq(b.rows[i].ev.store_id, db_id(s.db));
		ck_assert_str_eq(b.rows[i].ev.id, spool_event_id(db_id(s.db), i + 1, b.rows[i].ev.chain, id, sizeof(id)));
		ck_assert_str_eq(b.rows[i].ev.site, "depot-3");
	}
	ck_assert_mem_eq(b.rows[b.n - 1].ev.chain, spool_chain(s.spool), 32);
	spool_reader_free(r);
	scratch_close(&s);
	arena_free(a);
	ck_assert(scratch_verify().sound);
}
END_TEST

START_TEST(numbers_and_chain_go_on_after_a_restart)
{
	struct scratch_spool s;
	struct spool_verdict v;
	char id[DB_ID_TEXT];

	for (int round = 0; round < 3; round++) {
		scratch_open(&s, NULL, NULL);
		ck_assert(s.report.created == (round == 0));
		if (round == 0)
			memcpy(id, db_id(s.db), sizeof(id));
		ck_assert_str_eq(db_id(s.db), id);
		ck_assert_uint_eq(scratch_put(&s, EVENT_BLOCKED), (uint64_t)round * 10 + 1);
		scratch_fill(&s, 9);
		scratch_close(&s);
	}
	v = scratch_verify();
	ck_assert(v.sound && v.rows == 30 && v.last_seq == 30);
}
END_TEST

START_TEST(a_group_is_committed_by_count_and_by_time)
{
	struct spool_config c = { .group_events = 4, .group_ms = 100 };
	struct spool_stats st;
	struct scratch_spool s;
	int64_t now;
	struct err e;

	scratch_open(&s, NULL, &c);
	for (int i = 0; i < 6; i++)
		scratch_put(&s, EVENT_BLOCKED);
	now = now_mono_ns();
	spool_stats(s.spool, &st);
	ck_assert(st.committed_seq == 4 && st.last_seq == 6 && st.pending == 2);
	ck_assert_int_eq(spool_tick(s.spool, now, SAMPLE_NS, &e), 0);
	spool_stats(s.spool, &st);
	ck_assert_uint_eq(st.committed_seq, 4);
	ck_assert_int_eq(spool_tick(s.spool, now + 101 * NOW_NS_PER_MS, SAMPLE_NS, &e), 0);
	spool_stats(s.spool, &st);
	ck_assert(st.committed_seq == 6 && st.pending == 0 && st.commits == 2);
	scratch_close(&s);
}
END_TEST

START_TEST(queries_choose)
{
	struct arena *a = arena_new();
	struct spool_reader *r;
	struct scratch_spool s;
	struct spool_query q = { .kinds = 1u << EVENT_CONFIG_CHANGED };

	scratch_open(&s, NULL, NULL);
	scratch_fill(&s, 80);
	r = scratch_reader();
	ck_assert_uint_eq(read_all(r, a, &q).n, 10);
	q = (struct spool_query){ .after_seq = 70 };
	ck_assert_uint_eq(read_all(r, a, &q).n, 10);
	q = (struct spool_query){ .after_seq = 10, .until_seq = 12 };
	ck_assert_uint_eq(read_all(r, a, &q).n, 2);
	q = (struct spool_query){ .newest_first = true, .max_rows = 3 };
	ck_assert_uint_eq(read_all(r, a, &q).rows[2].seq, 78);
	q = (struct spool_query){ .since_ns = SAMPLE_NS + 1 };
	ck_assert_uint_eq(read_all(r, a, &q).n, 0);
	q = (struct spool_query){ .until_ns = SAMPLE_NS };
	ck_assert_uint_eq(read_all(r, a, &q).n, 80);
	q = (struct spool_query){ .max_bytes = 1 };
	ck_assert_uint_eq(read_all(r, a, &q).n, 1);
	spool_reader_free(r);
	scratch_close(&s);
	arena_free(a);
}
END_TEST

START_TEST(a_reader_leaves_no_transaction_open)
{
	struct arena *a = arena_new();
	struct spool_query q = { .max_rows = 3 };
	struct spool_reader *r;
	struct scratch_spool s;
	int64_t busy = 1;
	struct err e;

	scratch_open(&s, NULL, NULL);
	scratch_fill(&s, 100);
	r = scratch_reader();
	ck_assert_uint_eq(read_all(r, a, &q).n, 3);
	ck_assert_int_eq(db_number(s.db, "PRAGMA wal_checkpoint(TRUNCATE)", &busy, &e), 0);
	ck_assert_int_eq(busy, 0);
	spool_reader_free(r);
	scratch_close(&s);
	arena_free(a);
}
END_TEST

START_TEST(a_second_writer_is_refused)
{
	struct store_config c = { .dir = scratch };
	struct scratch_spool s;
	struct db_report report;
	struct db *db;
	struct err e;

	scratch_open(&s, NULL, NULL);
	ck_assert_int_eq(store_open(&c, &db, &report, &e), -1);
	ck_assert_int_eq(e.code, EWOULDBLOCK);
	scratch_close(&s);
}
END_TEST

START_TEST(files_have_their_modes)
{
	static const char *const names[] = { "events.db", "events.db-wal", "events.db-shm" };
	struct store_config c = { .dir = scratch_path("new/dir"), .ballast_bytes = 1 << 20 };
	struct scratch_spool s;
	struct stat st;

	umask(0);
	scratch_open(&s, &c, NULL);
	scratch_fill(&s, 3);
	ck_assert_int_eq(stat(c.dir, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 02750);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 3; i++) {
			char path[160];

			snprintf(path, sizeof(path), "%s/new/dir/%s", scratch, names[i]);
			ck_assert_msg(stat(path, &st) == 0, "%s after %s", path, round ? "a clean close" : "writing");
			ck_assert_uint_eq(st.st_mode & 07777, 0640);
		}
		if (round == 0)
			scratch_close(&s);
	}
	ck_assert_int_eq(stat(scratch_path("new/dir/events.db.ballast"), &st), 0);
	ck_assert_int_eq(st.st_size, 1 << 20);
}
END_TEST

/* --- retention --- */

static void tick(struct scratch_spool *s, int n, int64_t wall_ns)
{
	static int64_t now;
	struct err e;

	now = now ? now : now_mono_ns();
	for (int i = 0; i < n; i++)
		ck_assert_msg(spool_tick(s->spool, now += 2 * NOW_NS_PER_S, wall_ns, &e) == 0, "%s", e.msg);
}

static uint64_t count_kind(enum event_kind kind)
{
	struct spool_query q = { .kinds = 1u << kind, .max_rows = 100000, .max_bytes = SIZE_MAX };
	struct arena *a = arena_new();
	struct spool_reader *r = scratch_reader();
	uint64_t n = read_all(r, a, &q).n;

	spool_reader_free(r);
	arena_free(a);
	return n;
}

START_TEST(retention_by_bytes_takes_traffic_first_and_accounts_for_it)
{
	struct spool_config c = { .max_bytes = 2 << 20 };
	struct scratch_spool s;
	struct spool_stats st;
	struct spool_verdict v;
	struct stat file;

	scratch_open(&s, NULL, &c);
	for (int i = 0; i < 10; i++) {
		scratch_fill(&s, 800);
		tick(&s, 4, SAMPLE_NS);
	}
	spool_stats(s.spool, &st);
	ck_assert_uint_gt(st.removed, 1000);
	scratch_close(&s);
	v = scratch_verify();
	ck_assert_msg(v.sound, "missing %llu chain %llu", (unsigned long long)v.missing, (unsigned long long)v.bad_chain);
	ck_assert_uint_eq(v.removed, st.removed);
	ck_assert_uint_eq(v.rows + v.removed, 8000);
	ck_assert_uint_eq(count_kind(EVENT_CONFIG_CHANGED), 1000);
	ck_assert_int_eq(stat(scratch_path("events.db"), &file), 0);
	ck_assert_int_lt(file.st_size, 5 << 20);
}
END_TEST

START_TEST(retention_by_age_empties_but_numbers_go_on)
{
	struct spool_config c = { .max_age_ns = 3600 * NOW_NS_PER_S };
	struct arena *a = arena_new();
	struct spool_removed *list;
	struct spool_reader *r;
	struct scratch_spool s;
	struct spool_verdict v;
	size_t n;
	struct err e;

	scratch_open(&s, NULL, &c);
	scratch_fill(&s, 700);
	tick(&s, 3, now_wall_ns() + 60 * NOW_NS_PER_S);
	ck_assert_uint_eq(count_kind(EVENT_BLOCKED), 613);
	tick(&s, 5, now_wall_ns() + 7200 * NOW_NS_PER_S);
	ck_assert_uint_eq(count_kind(EVENT_BLOCKED) + count_kind(EVENT_CONFIG_CHANGED), 0);
	scratch_close(&s);
	scratch_open(&s, NULL, &c);
	ck_assert_uint_eq(scratch_put(&s, EVENT_BLOCKED), 701);
	scratch_close(&s);
	v = scratch_verify();
	ck_assert(v.sound && v.rows == 1 && v.removed == 700);
	r = scratch_reader();
	ck_assert_int_eq(spool_removed(r, 0, UINT64_MAX, a, &list, &n, &e), 0);
	ck_assert_uint_eq(n, 2);                                /* one for each lane */
	ck_assert_str_eq(list[0].reason, "age");
	ck_assert_uint_eq(list[0].count + list[1].count, 700);
	ck_assert_uint_eq(list[0].packets + list[1].packets, 613);
	spool_reader_free(r);
	arena_free(a);
}
END_TEST

/* --- verify --- */

static struct spool_verdict tampered(const char *sql)
{
	struct scratch_spool s;
	struct err e;

	scratch_open(&s, NULL, NULL);
	scratch_fill(&s, 20);
	ck_assert_msg(db_exec(s.db, sql, &e) == 0, "%s", e.msg);
	scratch_close(&s);
	return scratch_verify();
}

START_TEST(verify_finds_a_row_that_was_taken_out)
{
	struct spool_verdict v = tampered("DELETE FROM event WHERE seq = 5");

	ck_assert(!v.sound && v.missing == 1 && v.bad_chain == 0);
}
END_TEST

START_TEST(verify_finds_rows_cut_off_the_end)
{
	struct spool_verdict v = tampered("DELETE FROM event WHERE seq > 17");

	ck_assert(!v.sound && v.missing == 3);
}
END_TEST

START_TEST(verify_finds_a_removal_that_retention_did_not_do)
{
	struct spool_verdict v = tampered("DELETE FROM event WHERE seq IN (3, 4); INSERT INTO removed(lane, reason, first, last, count,"
					  " packets, bytes, at_ns) VALUES(0, 'bytes', 3, 4, 1, 0, 0, 0)");

	ck_assert(!v.sound && v.missing == 1 && v.removed == 1);
}
END_TEST

START_TEST(verify_finds_a_changed_row)
{
	struct spool_verdict v = tampered("UPDATE event SET body = (SELECT body FROM event WHERE seq = 8),"
					  " crc = (SELECT crc FROM event WHERE seq = 8) WHERE seq = 5");

	ck_assert(!v.sound && v.bad_chain == 1 && v.bad_crc == 0);
	v = tampered("UPDATE event SET body = x'0102' WHERE seq = 6");
	ck_assert(!v.sound && v.bad_crc == 1);
}
END_TEST

START_TEST(verify_finds_a_changed_time_and_a_forged_link)
{
	ck_assert_uint_eq(tampered("UPDATE event SET at_ns = at_ns + 1 WHERE seq = 5").bad_chain, 1);
	ck_assert_uint_eq(tampered("UPDATE event SET link = zeroblob(32) WHERE seq = 25").bad_chain, 2);
	ck_assert_uint_eq(tampered("UPDATE head SET chain = zeroblob(32)").bad_chain, 3);
}
END_TEST

/* One who knows the format changes an event and makes its own hash right: the next one does not follow from it. */
START_TEST(verify_finds_a_row_made_anew)
{
	struct scratch_spool s;
	uint8_t link[32], chain[32];
	struct spool_verdict v;
	sqlite3_stmt *st;
	struct err e;
	bool row;

	scratch_open(&s, NULL, NULL);
	scratch_fill(&s, 20);
	st = db_prepare(s.db, "SELECT link, at_ns, body FROM event WHERE seq = 5", &e);
	ck_assert(db_step(s.db, st, &row, &e) == 0 && row);
	memcpy(link, sqlite3_column_blob(st, 0), sizeof(link));
	spool_link(link, 5, sqlite3_column_int64(st, 1) + 1, sqlite3_column_blob(st, 2), (size_t)sqlite3_column_bytes(st, 2), chain);
	db_reset(st);
	st = db_prepare(s.db, "UPDATE event SET at_ns = at_ns + 1, chain = ? WHERE seq = 5", &e);
	db_bind_blob(st, 1, chain, sizeof(chain));
	ck_assert_int_eq(db_run(s.db, st, &e), 0);
	scratch_close(&s);
	v = scratch_verify();
	ck_assert(!v.sound && v.bad_chain == 1 && v.bad_crc == 0);
}
END_TEST

static void goes_on(void *arg, uint64_t seq, const char *words)
{
	(void)seq, (void)words;
	scratch_fill(arg, 5);
}

/* What is recorded while it is looked at is no matter of this look: here, as soon as something was found. */
START_TEST(verify_beside_a_writer)
{
	struct scratch_spool s;
	struct spool_reader *r;
	struct spool_verdict v;
	struct err e;

	scratch_open(&s, NULL, NULL);
	scratch_fill(&s, 20);
	ck_assert_int_eq(db_exec(s.db, "UPDATE event SET body = x'0102' WHERE seq = 6", &e), 0);
	r = scratch_reader();
	ck_assert_msg(spool_verify(r, goes_on, &s, &v, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(v.rows, 20);
	ck_assert_uint_eq(v.missing, 0);
	ck_assert_uint_eq(v.bad_crc, 1);
	ck_assert_uint_eq(v.bad_chain, 1);
	ck_assert_msg(spool_verify(r, NULL, NULL, &v, &e) == 0, "%s", e.msg);
	ck_assert_uint_gt(v.rows, 20);
	ck_assert_uint_eq(v.missing, 0);
	spool_reader_free(r);
	scratch_close(&s);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("spool");

	tcase_add_checked_fixture(tc, scratch_setup, scratch_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, what_is_committed_is_read_back);
	tcase_add_test(tc, numbers_and_chain_go_on_after_a_restart);
	tcase_add_test(tc, a_group_is_committed_by_count_and_by_time);
	tcase_add_test(tc, queries_choose);
	tcase_add_test(tc, a_reader_leaves_no_transaction_open);
	tcase_add_test(tc, a_second_writer_is_refused);
	tcase_add_test(tc, files_have_their_modes);
	tcase_add_test(tc, retention_by_bytes_takes_traffic_first_and_accounts_for_it);
	tcase_add_test(tc, retention_by_age_empties_but_numbers_go_on);
	tcase_add_test(tc, verify_finds_a_row_that_was_taken_out);
	tcase_add_test(tc, verify_finds_rows_cut_off_the_end);
	tcase_add_test(tc, verify_finds_a_removal_that_retention_did_not_do);
	tcase_add_test(tc, verify_finds_a_changed_row);
	tcase_add_test(tc, verify_finds_a_row_made_anew);
	tcase_add_test(tc, verify_beside_a_writer);
	tcase_add_test(tc, verify_finds_a_changed_time_and_a_forged_link);
	return suite_run(tc);
}
