/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/loop.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/now.h"
#include "unit/suite.h"

static struct err e;

struct seen {
	struct loop *loop;
	int fds[2], count, id, limit;
	char last;
};

static void read_byte(void *arg, int fd, short revents)
{
	struct seen *s = arg;

	ck_assert(revents & (POLLIN | POLLHUP));
	if (read(fd, &s->last, 1) == 1)
		s->count++;
	else
		loop_fd_remove(s->loop, fd);
	if (s->count == s->limit)
		loop_stop(s->loop);
}

START_TEST(reads_what_comes)
{
	struct loop *l = loop_new(&e);
	struct seen s = { .loop = l, .limit = 3 };

	ck_assert_int_eq(pipe2(s.fds, O_CLOEXEC), 0);
	ck_assert_int_eq(loop_fd(l, s.fds[0], POLLIN, read_byte, &s, &e), 0);
	ck_assert_int_eq(loop_once(l, 0, &e), 0);
	ck_assert_int_eq(s.count, 0);
	ck_assert_int_eq(write(s.fds[1], "abc", 3), 3);
	ck_assert_int_eq(loop_run(l, &e), 0);
	ck_assert_int_eq(s.count, 3);
	ck_assert_int_eq(s.last, 'c');
	loop_fd_events(l, s.fds[0], 0);
	ck_assert_int_eq(write(s.fds[1], "d", 1), 1);
	ck_assert_int_eq(loop_once(l, 0, &e), 0);
	ck_assert_int_eq(s.count, 3);
	loop_fd_events(l, s.fds[0], POLLIN);
	close(s.fds[1]);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(loop_once(l, 0, &e), 0);
	ck_assert_int_eq(s.last, 'd');
	close(s.fds[0]);
	loop_free(l);
	loop_free(NULL);
}
END_TEST

START_TEST(each_descriptor_has_its_own_callback)
{
	struct loop *l = loop_new(&e);
	struct seen s[2] = { { .loop = l }, { .loop = l } };

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pipe2(s[i].fds, O_CLOEXEC), 0);
		ck_assert_int_eq(loop_fd(l, s[i].fds[0], POLLIN, read_byte, &s[i], &e), 0);
	}
	ck_assert_int_eq(write(s[1].fds[1], "z", 1), 1);
	ck_assert_int_eq(loop_once(l, 0, &e), 0);
	ck_assert_int_eq(s[0].count, 0);
	ck_assert_int_eq(s[1].last, 'z');
	loop_fd_remove(l, s[0].fds[0]);
	ck_assert_int_eq(write(s[0].fds[1], "x", 1), 1);
	ck_assert_int_eq(write(s[1].fds[1], "y", 1), 1);
	ck_assert_int_eq(loop_once(l, 0, &e), 0);
	ck_assert_int_eq(s[0].count, 0);
	ck_assert_int_eq(s[1].last, 'y');
	for (int i = 0; i < 4; i++)
		close(s[i / 2].fds[i % 2]);
	loop_free(l);
}
END_TEST

/* Removes the other one's descriptor and its own, and adds a new one, all from the callback. */
static void turn_over(void *arg, int fd, short revents)
{
	struct seen *s = arg;

	(void)revents;
	s->count++;
	loop_fd_remove(s->loop, s->fds[0]);
	loop_fd_remove(s->loop, s->fds[1]);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(loop_fd(s->loop, fd, POLLOUT, turn_over, s, &e), 0);
}

START_TEST(callbacks_may_change_the_set)
{
	struct loop *l = loop_new(&e);
	struct seen s = { .loop = l };

	s.fds[0] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	s.fds[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(loop_fd(l, s.fds[0], POLLOUT, turn_over, &s, &e), 0);
	ck_assert_int_eq(loop_fd(l, s.fds[1], POLLOUT, turn_over, &s, &e), 0);
	ck_assert_int_eq(loop_once(l, 0, &e), 0);
	ck_assert_int_eq(s.count, 1);
	close(s.fds[0]);
	close(s.fds[1]);
	loop_free(l);
}
END_TEST

static void tick(void *arg)
{
	struct seen *s = arg;

	if (++s->count == s->limit)
		loop_timer_cancel(s->loop, s->id);
}

static void stop(void *arg)
{
	loop_stop(arg);
}

START_TEST(timers_fire_in_time_and_stop_when_told)
{
	struct loop *l = loop_new(&e);
	struct seen s = { .loop = l, .limit = 4 }, never = { .loop = l };
	int64_t start = now_mono_ns();

	s.id = loop_timer(l, 5, 10, tick, &s, &e);
	ck_assert_int_ge(s.id, 0);
	never.id = loop_timer(l, 20, 0, tick, &never, &e);
	loop_timer_cancel(l, never.id);
	ck_assert_int_ge(loop_timer(l, 120, 0, stop, l, &e), 0);
	ck_assert_int_eq(loop_run(l, &e), 0);
	ck_assert_int_ge(now_mono_ns() - start, 120 * NOW_NS_PER_MS);
	ck_assert_int_eq(s.count, 4);
	ck_assert_int_eq(never.count, 0);
	ck_assert_int_eq(loop_timer(l, UINT64_MAX, 0, stop, l, &e), -1);
	loop_free(l);
}
END_TEST

static void caught(void *arg, int signo)
{
	struct seen *s = arg;

	s->last = (char)signo;
	if (++s->count == s->limit)
		loop_stop(s->loop);
}

START_TEST(signals_come_through_the_loop)
{
	struct loop *l = loop_new(&e);
	struct seen s = { .loop = l, .limit = 2 };

	ck_assert_int_eq(loop_signal(l, SIGUSR1, caught, &s, &e), 0);
	ck_assert_int_eq(loop_signal(l, SIGUSR2, caught, &s, &e), 0);
	raise(SIGUSR1);
	raise(SIGUSR2);
	ck_assert_int_eq(loop_run(l, &e), 0);
	ck_assert_int_eq(s.count, 2);
	ck_assert_int_eq(s.last, SIGUSR2);
	loop_free(l);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("loop");

	tcase_add_test(tc, reads_what_comes);
	tcase_add_test(tc, each_descriptor_has_its_own_callback);
	tcase_add_test(tc, callbacks_may_change_the_set);
	tcase_add_test(tc, timers_fire_in_time_and_stop_when_told);
	tcase_add_test(tc, signals_come_through_the_loop);
	return suite_run(tc);
}
