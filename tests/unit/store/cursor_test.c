/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/cursor.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "base/arena.h"
#include "unit/store/scratch.h"
#include "unit/suite.h"

static struct cursor *c;
static struct arena *a;
static struct db_report report;
static struct err e;

#define OK(call) ck_assert_msg((call) == 0, "%s", e.msg)

static void setup(void)
{
	scratch_setup();
	OK(cursor_open(scratch, &c, &report, &e));
	a = arena_new();
}

static void teardown(void)
{
	arena_free(a);
	cursor_free(c);
	scratch_teardown();
}

static struct cursor_place place(uint64_t seq)
{
	return (struct cursor_place){ .store = "0123456789abcdef0123456789abcdef", .seq = seq, .mark = "00112233aabbccdd" };
}

START_TEST(a_place_is_kept)
{
	struct cursor_place p = place(77), got;

	OK(cursor_get(c, "siem", &got, &e));
	ck_assert(got.seq == 0 && got.store[0] == '\0');
	OK(cursor_move(c, "siem", &p, 10, 6000, 5, &e));
	cursor_free(c);
	OK(cursor_open(scratch, &c, &report, &e));
	ck_assert(!report.created);
	OK(cursor_get(c, "siem", &got, &e));
	ck_assert_uint_eq(got.seq, 77);
	ck_assert_str_eq(got.store, p.store);
	ck_assert_str_eq(got.mark, p.mark);
	OK(cursor_get(c, "other", &got, &e));
	ck_assert_uint_eq(got.seq, 0);
}
END_TEST

START_TEST(a_damaged_database_is_made_anew)
{
	static const uint8_t noise[8192] = { 0x77, 1, 2, 3 };
	struct cursor_place p = place(77), got;
	int fd;

	OK(cursor_move(c, "siem", &p, 10, 6000, 5, &e));
	cursor_free(c);
	fd = open(scratch_path(CURSOR_NAME), O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(write(fd, noise, sizeof(noise)), sizeof(noise));
	close(fd);
	unlink(scratch_path("cursor.db-wal"));
	OK(cursor_open(scratch, &c, &report, &e));
	ck_assert(report.created && report.set_aside);
	OK(cursor_get(c, "siem", &got, &e));
	ck_assert_uint_eq(got.seq, 0);
}
END_TEST

START_TEST(status_adds_up)
{
	struct cursor_place p = place(5);
	struct cursor_status *list;
	struct cursor *reader;
	size_t n;

	OK(cursor_move(c, "siem", &p, 5, 500, 100, &e));
	p.seq = 9;
	OK(cursor_dead(c, "siem", &p, "bad CRC", "body", 4, 100, &e));
	OK(cursor_move(c, "siem", &p, 3, 300, 200, &e));
	OK(cursor_lost(c, "siem", 12, &e));
	OK(cursor_state(c, "siem", "down", "connection refused", true, 201, &e));
	OK(cursor_state(c, "siem", "down", "connection refused", true, 202, &e));
	OK(cursor_state(c, "file", "up", NULL, false, 203, &e));
	OK(cursor_open_reader(scratch, &reader, &e));
	OK(cursor_statuses(reader, a, &list, &n, &e));
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(list[0].sink, "file");
	ck_assert(list[1].sent == 8 && list[1].bytes == 800 && list[1].dead == 1 && list[1].lost == 12 && list[1].failures == 2);
	ck_assert(list[1].place.seq == 9 && list[1].last_ack_ns == 200);
	ck_assert_str_eq(list[1].state, "down");
	ck_assert_str_eq(list[1].error, "connection refused");
	cursor_free(reader);
}
END_TEST

START_TEST(orders_to_send_again_are_taken_in_turn)
{
	struct cursor_resend r = { .store = "ab", .from = 10, .to = 20, .done = 9, .by = "root", .asked_ns = 4 }, got;

	OK(cursor_resend_add(c, "siem", &r, &e));
	r.from = r.to = 30;
	r.done = 29;
	OK(cursor_resend_add(c, "siem", &r, &e));
	OK(cursor_resend_next(c, "siem", a, &got, &e));
	ck_assert(got.from == 10 && got.to == 20 && got.done == 9);
	ck_assert_str_eq(got.by, "root");
	OK(cursor_resend_move(c, got.id, 15, &e));
	OK(cursor_resend_next(c, "siem", a, &got, &e));
	ck_assert_uint_eq(got.done, 15);
	OK(cursor_resend_move(c, got.id, 20, &e));
	OK(cursor_resend_next(c, "siem", a, &got, &e));
	ck_assert_uint_eq(got.from, 30);
	OK(cursor_resend_next(c, "other", a, &got, &e));
	ck_assert_int_eq(got.id, 0);
}
END_TEST

static void *mover(void *arg)
{
	struct err own;

	for (uint64_t i = 1; i <= 50; i++) {
		struct cursor_place p = place(i);

		if (cursor_move(c, arg, &p, 1, 1, 1, &own) < 0)
			return arg;
	}
	return NULL;
}

START_TEST(threads_share_it)
{
	char names[4][8] = { "a", "b", "c", "d" };
	struct cursor_status *list;
	pthread_t threads[4];
	void *bad;
	size_t n;

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, mover, names[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &bad);
		ck_assert_ptr_null(bad);
	}
	OK(cursor_statuses(c, a, &list, &n, &e));
	for (size_t i = 0; i < 4; i++)
		ck_assert(list[i].place.seq == 50 && list[i].sent == 50);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("cursor");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_place_is_kept);
	tcase_add_test(tc, a_damaged_database_is_made_anew);
	tcase_add_test(tc, status_adds_up);
	tcase_add_test(tc, orders_to_send_again_are_taken_in_turn);
	tcase_add_test(tc, threads_share_it);
	return suite_run(tc);
}
