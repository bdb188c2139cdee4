/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the store to receivers, in all weathers: what was committed arrives, at least once, or its loss is told. */
#include "ship/ship.h"

#include <errno.h>

#include "base/arena.h"
#include "ship/resend.h"
#include "store/db_sql.h"
#include "unit/ship/shipper.h"
#include "unit/suite.h"

static void setup(void)
{
	scratch_setup();
	signal(SIGPIPE, SIG_IGN);
}

static struct cursor_status status_of(const char *sink)
{
	struct cursor_status *list, ret = { 0 };
	struct arena *a = arena_new();
	struct cursor *c;
	size_t n;

	OK(cursor_open_reader(scratch_path("ship"), &c, &e));
	OK(cursor_statuses(c, a, &list, &n, &e));
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].sink, sink) == 0)
			ret = list[i];
	cursor_free(c);
	arena_free(a);
	ret.sink = ret.state = ret.error = NULL;
	return ret;
}

/* --- good weather --- */

START_TEST(everything_arrives_once_and_in_order)
{
	struct received *r;
	struct cursor_status st;

	scratch_open(&spool, NULL, NULL);
	scratch_fill(&spool, 1000);
	ck_assert(ship_once(file()));
	scratch_fill(&spool, 500);
	ck_assert(ship_once(file()));
	ck_assert(ship_once(file()));
	r = received_all("out.json", false);
	ck_assert(r->frames == 1500 && r->torn == 0 && received_missing(r, 1500) == 0);
	st = status_of("log");
	ck_assert(st.place.seq == 1500 && st.sent == 1500 && st.dead == 0 && st.lost == 0);
	free(r);
	scratch_close(&spool);
}
END_TEST

START_TEST(an_empty_store_is_soon_done)
{
	scratch_open(&spool, NULL, NULL);
	ck_assert(ship_once(file()));
	scratch_close(&spool);
	ck_assert(ship_once(file()));
}
END_TEST

START_TEST(a_store_that_is_not_there_is_no_success)
{
	ck_assert(!ship_once(file()));
}
END_TEST

START_TEST(status_says_how_far_each_sink_is)
{
	struct shipconf *c = configure(file());
	struct buf out;
	bool behind;

	buf_init(&out);
	scratch_open(&spool, NULL, NULL);
	scratch_fill(&spool, 10);
	OK(ship_status(c, false, &out, &behind, &e));
	ck_assert(behind && strstr(buf_cstr(&out), "log: not started, at 0, 10 behind"));
	ck_assert(ship_once(file()));
	buf_reset(&out);
	OK(ship_status(c, true, &out, &behind, &e));
	ck_assert_msg(!behind && strstr(buf_cstr(&out), "\"sequence\":10,\"behind\":0,\"sent\":10"), "%s", buf_cstr(&out));
	buf_fini(&out);
	shipconf_free(c);
	scratch_close(&spool);
}
END_TEST

/* --- receivers in trouble --- */

START_TEST(a_receiver_that_is_down_for_a_while_misses_nothing)
{
	struct shipper s;
	unsigned port = 0;
	pid_t receiver = receiver_start(&port, true);

	receiver_stop(receiver);
	scratch_open(&spool, NULL, NULL);
	shipper_start(&s, siem(port), false);
	for (int round = 0; round < 4; round++) {
		scratch_fill(&spool, 300);
		usleep(100000);
		receiver = receiver_start(&port, true);
		ck_assert_uint_eq(received_wait("recv-", true, (unsigned)(round + 1) * 300), 0);
		receiver_stop(receiver);
		scratch_fill(&spool, 50);
		scratch_fill(&spool, 50);
		usleep(100000);
		scratch_fill(&spool, 200);
		receiver = receiver_start(&port, true);
		ck_assert_uint_eq(received_wait("recv-", true, (unsigned)(round + 1) * 300), 0);
		receiver_stop(receiver);
	}
	receiver = receiver_start(&port, true);
	ck_assert_uint_eq(received_wait("recv-", true, 4 * 600), 0);
	receiver_stop(receiver);
	shipper_stop(&s);
	scratch_close(&spool);
}
END_TEST

START_TEST(one_that_never_reads_blocks_no_other_and_no_stop)
{
	char sinks[500];
	struct shipper s;
	unsigned port = 0;
	pid_t receiver = receiver_start(&port, false);
	int64_t start;

	snprintf(sinks, sizeof(sinks), "%s%s", siem(port), file());
	scratch_open(&spool, NULL, NULL);
	scratch_fill(&spool, 5000);
	shipper_start(&s, sinks, false);
	ck_assert_uint_eq(received_wait("out.json", false, 5000), 0);
	usleep(1500000);                                /* by now it was given up */
	start = now_mono_ns();
	shipper_stop(&s);
	ck_assert_int_lt(now_mono_ns() - start, 2 * NOW_NS_PER_S);
	ck_assert_uint_gt(status_of("siem").failures, 0);
	ck_assert_uint_lt(status_of("siem").place.seq, 5000);
	ck_assert_uint_eq(status_of("log").place.seq, 5000);
	receiver_stop(receiver);
	scratch_close(&spool);
}
END_TEST

/* The receiver's kernel took the bytes, the receiver never read them and died: they are not delivered. */
START_TEST(the_cursor_waits_for_confirmation)
{
	char sinks[300];
	struct shipper s;
	unsigned port = 0;
	pid_t receiver = receiver_start(&port, false);

	snprintf(sinks, sizeof(sinks), "%s", siem(port));
	memcpy(strstr(sinks, "confirm = 100ms"), "confirm = 5s   ", 15);
	scratch_open(&spool, NULL, NULL);
	scratch_fill(&spool, 1);
	shipper_start(&s, sinks, false);
	usleep(500000);
	ck_assert_uint_eq(status_of("siem").place.seq, 0);
	receiver_stop(receiver);
	receiver = receiver_start(&port, true);
	ck_assert_uint_eq(received_wait("recv-", true, 1), 0);
	shipper_stop(&s);
	ck_assert_uint_eq(status_of("siem").place.seq, 0);
	receiver_stop(receiver);
	scratch_close(&spool);
}
END_TEST

/* --- the shipper in trouble --- */

START_TEST(kill_9_of_the_shipper_loses_nothing)
{
	char sinks[500];
	unsigned port = 0, put = 0;
	pid_t receiver = receiver_start(&port, true), shipper;
	struct received *r;

	srand(7);
	snprintf(sinks, sizeof(sinks), "%s%s", siem(port), file());
	scratch_open(&spool, NULL, NULL);
	for (int round = 0; round < 25; round++) {
		scratch_fill(&spool, 200);
		put += 200;
		shipper = shipper_fork(sinks);
		usleep((useconds_t)(rand() % 150000));
		kill(shipper, SIGKILL);
		waitpid(shipper, NULL, 0);
	}
	ck_assert(ship_once(sinks));
	ck_assert_uint_eq(received_wait("recv-", true, put), 0);
	r = received_all("out.json", false);
	ck_assert_msg(received_missing(r, put) == 0 && r->torn == 0, "%u of %u missing, %u torn", received_missing(r, put), put, r->torn);
	free(r);
	receiver_stop(receiver);
	scratch_close(&spool);
}
END_TEST

START_TEST(a_lost_cursor_sends_again_from_the_oldest)
{
	struct received *r;

	scratch_open(&spool, NULL, NULL);
	scratch_fill(&spool, 100);
	ck_assert(ship_once(file()));
	unlink(scratch_path("ship/cursor.db"));
	unlink(scratch_path("ship/cursor.db-wal"));
	unlink(scratch_path("ship/cursor.db-shm"));
	scratch_fill(&spool, 1);
	ck_assert(ship_once(file()));
	r = received_all("out.json", false);
	ck_assert(r->frames == 201 && r->losses == 0 && r->times[100] == 2 && r->times[101] == 1);
	free(r);
	scratch_close(&spool);
}
END_TEST

/* --- the store in trouble --- */

START_TEST(another_store_is_sent_from_its_beginning)
{
	struct received *r;
	struct shipper s;
	int fd;

	scratch_open(&spool, NULL, NULL);
	scratch_fill(&spool, 100);
	scratch_close(&spool);
	shipper_start(&s, file(), false);
	ck_assert_uint_eq(received_wait("out.json", false, 100), 0);
	fd = open(scratch_path("events.db"), O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(write(fd, "damaged!", 8), 8);
	close(fd);
	scratch_open(&spool, NULL, NULL);
	scratch_fill(&spool, 150);
	ck_assert_uint_eq(received_wait("out.json", false, 151), 0);
	usleep(100000);
	shipper_stop(&s);
	r = received_all("out.json", false);
	ck_assert(r->frames == 251 && r->times[100] == 2 && r->times[101] == 1);
	free(r);
	scratch_close(&spool);
}
END_TEST

/* Power loss took back what had been delivered, and its numbers are given out again. */
START_TEST(numbers_used_again_are_delivered_again)
{
	struct received *r;

	scratch_open(&spool, NULL, NULL);
	scratch_fill(&spool, 100);
	ck_assert(ship_once(file()));
	OK(db_exec(spool.db, "DELETE FROM event WHERE seq > 90; UPDATE head SET seq = 90,"
			     " chain = (SELECT chain FROM event WHERE seq = 90)", &e));
	scratch_close(&spool);
	scratch_open(&spool, NULL, NULL);
	scratch_fill(&spool, 5);
	ck_assert(ship_once(file()));
	r = received_all("out.json", false);
	ck_assert_msg(r->times[92] == 2 && r->times[1] == 2, "%u frames", r->frames);
	free(r);
	scratch_fill(&spool, 20);
	ck_assert(ship_once(file()));
	OK(db_exec(spool.db, "UPDATE event SET chain = zeroblob(32) WHERE seq = 115", &e));
	ck_assert(ship_once(file()));
	r = received_all("out.json", false);
	ck_assert_uint_eq(r->times[1], 3);
	free(r);
	scratch_close(&spool);
}
END_TEST

START_TEST(what_retention_took_before_delivery_is_told)
{
	struct spool_config c = { .max_age_ns = NOW_NS_PER_S };
	struct received *r;

	scratch_open(&spool, NULL, &c);
	scratch_fill(&spool, 10);
	ck_assert(ship_once(file()));
	scratch_fill(&spool, 40);
	OK(spool_tick(spool.spool, now_mono_ns() + 10 * NOW_NS_PER_S, now_wall_ns() + 10 * NOW_NS_PER_S, &e));
	OK(spool_tick(spool.spool, now_mono_ns() + 20 * NOW_NS_PER_S, now_wall_ns() + 10 * NOW_NS_PER_S, &e));
	ck_assert(ship_once(file()));                   /* nothing left behind the gap */
	scratch_fill(&spool, 3);
	OK(db_exec(spool.db, "DELETE FROM event WHERE seq = 52", &e));
	ck_assert(ship_once(file()));
	r = received_all("out.json", false);
	ck_assert_msg(r->losses == 2 && r->lost == 41 && r->times[51] == 1 && r->times[53] == 1, "%u losses of %llu", r->losses,
		      (unsigned long long)r->lost);
	ck_assert_uint_eq(status_of("log").lost, 41);
	free(r);
	scratch_close(&spool);
}
END_TEST

START_TEST(what_was_before_a_new_sink_is_no_loss)
{
	struct received *r;

	scratch_open(&spool, NULL, NULL);
	scratch_fill(&spool, 20);
	OK(db_exec(spool.db, "DELETE FROM event WHERE seq <= 5", &e));
	ck_assert(ship_once(file()));
	r = received_all("out.json", false);
	ck_assert(r->losses == 0 && r->frames == 15);
	free(r);
	scratch_close(&spool);
}
END_TEST

START_TEST(bad_rows_are_dead_letters_and_the_rest_goes_on)
{
	struct received *r;
	struct cursor_status st;

	scratch_open(&spool, NULL, NULL);
	scratch_fill(&spool, 20);
	OK(db_exec(spool.db, "UPDATE event SET body = x'01020304' WHERE seq = 7;"
			     "UPDATE event SET body = x'ff', crc = 4278190080 WHERE seq = 20", &e));
	ck_assert(ship_once(file()));
	ck_assert(ship_once(file()));
	r = received_all("out.json", false);
	ck_assert(r->frames == 18 && r->times[7] == 0 && r->times[20] == 0 && r->losses == 0);
	st = status_of("log");
	ck_assert(st.dead == 2 && st.place.seq == 20);
	free(r);
	scratch_fill(&spool, 1);                        /* nothing but a bad one */
	OK(db_exec(spool.db, "UPDATE event SET crc = crc + 1 WHERE seq = 21", &e));
	ck_assert(ship_once(file()));
	st = status_of("log");
	ck_assert(st.dead == 3 && st.place.seq == 21);
	scratch_close(&spool);
}
END_TEST

/* --- sending again --- */

static void order(const char *store, uint64_t from, uint64_t to)
{
	struct resend_order o = { .sink = "log", .store = store, .from = from, .to = to, .by = "root" };

	OK(resend_request(scratch_path("ship"), &o, NULL, 0, &e));
}

static unsigned take(void)
{
	struct db_report report;
	struct cursor *c;
	unsigned n;

	OK(cursor_open(scratch_path("ship"), &c, &report, &e));
	OK(resend_take(scratch_path("ship"), c, &n, &e));
	cursor_free(c);
	return n;
}

START_TEST(a_range_is_sent_again)
{
	struct received *r;

	scratch_open(&spool, NULL, NULL);
	scratch_fill(&spool, 1000);
	ck_assert(ship_once(file()));
	order(db_id(spool.db), 100, 699);
	order(db_id(spool.db), 1000, 5000);
	ck_assert_uint_eq(take(), 2);
	ck_assert_uint_eq(take(), 0);
	scratch_fill(&spool, 1);
	ck_assert(ship_once(file()));
	r = received_all("out.json", false);
	ck_assert(r->times[99] == 1 && r->times[100] == 2 && r->times[699] == 2 && r->times[700] == 1);
	ck_assert(r->times[1000] == 2 && r->times[1001] >= 1 && r->losses == 0);
	ck_assert_uint_eq(status_of("log").place.seq, 1001);
	free(r);
	scratch_close(&spool);
}
END_TEST

START_TEST(what_can_not_be_sent_again_is_told)
{
	struct received *r;

	scratch_open(&spool, NULL, NULL);
	scratch_fill(&spool, 20);
	ck_assert(ship_once(file()));
	OK(db_exec(spool.db, "DELETE FROM event WHERE seq BETWEEN 5 AND 8", &e));
	order(db_id(spool.db), 5, 10);
	order("00000000000000000000000000000000", 1, 20);
	ck_assert_uint_eq(take(), 2);
	ck_assert(ship_once(file()));
	r = received_all("out.json", false);
	ck_assert(r->losses == 1 && r->lost == 4 && r->times[9] == 2 && r->times[10] == 2 && r->times[11] == 1);
	free(r);
	scratch_close(&spool);
}
END_TEST

START_TEST(orders_are_checked)
{
	struct resend_order o = { .sink = "lgo", .store = "ab", .from = 1, .to = 2 };
	int fd;

	ck_assert_int_eq(resend_request(scratch_path("ship"), &o, NULL, 0, &e), -1);
	scratch_open(&spool, NULL, NULL);
	scratch_fill(&spool, 1);
	ck_assert(ship_once(file()));
	ck_assert_int_eq(resend_request(scratch_path("ship"), &o, NULL, 0, &e), -1);
	ck_assert_str_eq(e.msg, "the shipper has no sink 'lgo'; did you mean 'log'?");
	o.sink = "log";
	o.from = 3;
	ck_assert_int_eq(resend_request(scratch_path("ship"), &o, NULL, 0, &e), -1);
	ck_assert_int_eq(e.code, EINVAL);
	o.from = 2;
	OK(resend_request(scratch_path("ship"), &o, NULL, 0, &e));
	fd = open(scratch_path("ship/requests/x.order"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, "resend log ab 9 1 root\n", 23), 23);
	close(fd);
	ck_assert_uint_eq(take(), 1);
	ck_assert_int_eq(access(scratch_path("ship/requests/x.order.bad"), F_OK), 0);
	scratch_close(&spool);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("delivery");

	tcase_add_checked_fixture(tc, setup, scratch_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, everything_arrives_once_and_in_order);
	tcase_add_test(tc, an_empty_store_is_soon_done);
	tcase_add_test(tc, a_store_that_is_not_there_is_no_success);
	tcase_add_test(tc, status_says_how_far_each_sink_is);
	tcase_add_test(tc, a_receiver_that_is_down_for_a_while_misses_nothing);
	tcase_add_test(tc, one_that_never_reads_blocks_no_other_and_no_stop);
	tcase_add_test(tc, the_cursor_waits_for_confirmation);
	tcase_add_test(tc, kill_9_of_the_shipper_loses_nothing);
	tcase_add_test(tc, a_lost_cursor_sends_again_from_the_oldest);
	tcase_add_test(tc, another_store_is_sent_from_its_beginning);
	tcase_add_test(tc, numbers_used_again_are_delivered_again);
	tcase_add_test(tc, what_retention_took_before_delivery_is_told);
	tcase_add_test(tc, what_was_before_a_new_sink_is_no_loss);
	tcase_add_test(tc, bad_rows_are_dead_letters_and_the_rest_goes_on);
	tcase_add_test(tc, a_range_is_sent_again);
	tcase_add_test(tc, what_can_not_be_sent_again_is_told);
	tcase_add_test(tc, orders_are_checked);
	return suite_run(tc);
}
