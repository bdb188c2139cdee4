/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loop: callbacks may add and remove anything, themselves included.  Removed entries are marked (fd -1, which
 * poll skips; timer without function) and swept when no callback is running; entries added during a round
 * are first looked at in the next.  Timers that fall due several times while the loop was busy fire once. */
#include "base/loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/now.h"
#include "base/vec.h"

struct handler {
	loop_fd_fn fn;
	void *arg;
};

struct timer {
	int id;
	int64_t due_ns, period_ns;
	loop_timer_fn fn;               /* NULL: cancelled */
	void *arg;
};

struct catcher {
	int signo;
	loop_signal_fn fn;
	void *arg;
};

struct loop {
	VEC(struct pollfd) fds;
	VEC(struct handler) handlers;   /* same index as fds */
	VEC(struct timer) timers;
	VEC(struct catcher) catchers;
	sigset_t signals;
	int signal_fd, next_id;
	bool stopped;
};

struct loop *loop_new(struct err *e)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l) {
		err_plain(e, ENOMEM, "out of memory for the event loop");
		return NULL;
	}
	sigemptyset(&l->signals);
	l->signal_fd = -1;
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->signal_fd >= 0)
		close(l->signal_fd);
	VEC_FREE(&l->fds);
	VEC_FREE(&l->handlers);
	VEC_FREE(&l->timers);
	VEC_FREE(&l->catchers);
	free(l);
}

int loop_fd(struct loop *l, int fd, short events, loop_fd_fn fn, void *arg, struct err *e)
{
	if (!VEC_ROOM(&l->fds) || !VEC_PUSH(&l->handlers, (struct handler){ fn, arg }))
		return err_plain(e, ENOMEM, "out of memory watching a descriptor");
	VEC_PUSH(&l->fds, (struct pollfd){ .fd = fd, .events = events });
	return 0;
}

static struct pollfd *find_fd(struct loop *l, int fd)
{
	for (size_t i = 0; i < l->fds.n; i++)
		if (l->fds.at[i].fd == fd)
			return &l->fds.at[i];
	return NULL;
}

void loop_fd_events(struct loop *l, int fd, short events)
{
	struct pollfd *p = find_fd(l, fd);

	if (p)
		p->events = events;
}

void loop_fd_remove(struct loop *l, int fd)
{
	struct pollfd *p = find_fd(l, fd);

	if (!p)
		return;
	p->fd = -1;
	p->revents = 0;
}

int loop_timer(struct loop *l, uint64_t delay_ms, uint64_t period_ms, loop_timer_fn fn, void *arg, struct err *e)
{
	struct timer t = { l->next_id, 0, 0, fn, arg };

	if (delay_ms > INT_MAX || period_ms > INT_MAX)
		return err_plain(e, ERANGE, "a timer of more than %d ms", INT_MAX);
	t.due_ns = now_mono_ns() + (int64_t)delay_ms * NOW_NS_PER_MS;
	t.period_ns = (int64_t)period_ms * NOW_NS_PER_MS;
	if (!VEC_PUSH(&l->timers, t))
		return err_plain(e, ENOMEM, "out of memory for a timer");
	l->next_id = l->next_id == INT_MAX ? 0 : l->next_id + 1;
	return t.id;
}

void loop_timer_cancel(struct loop *l, int id)
{
	for (size_t i = 0; i < l->timers.n; i++)
		if (l->timers.at[i].id == id)
			l->timers.at[i].fn = NULL;
}

static void on_signal(void *arg, int fd, short revents)
{
	struct loop *l = arg;
	struct signalfd_siginfo info;

	(void)revents;
	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	for (size_t i = 0; i < l->catchers.n; i++)
		if (l->catchers.at[i].signo == (int)info.ssi_signo)
			l->catchers.at[i].fn(l->catchers.at[i].arg, (int)info.ssi_signo);
}

int loop_signal(struct loop *l, int signo, loop_signal_fn fn, void *arg, struct err *e)
{
	bool first = l->signal_fd < 0;
	int rc;

	if (!VEC_PUSH(&l->catchers, (struct catcher){ signo, fn, arg }))
		return err_plain(e, ENOMEM, "out of memory catching a signal");
	sigaddset(&l->signals, signo);
	rc = pthread_sigmask(SIG_BLOCK, &l->signals, NULL);
	if (rc)
		return err_sys(e, rc, "cannot block signal %d", signo);
	rc = signalfd(l->signal_fd, &l->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (rc < 0)
		return err_sys(e, errno, "cannot read signals");
	l->signal_fd = rc;
	return first ? loop_fd(l, rc, POLLIN, on_signal, l, e) : 0;
}

/* Milliseconds until the next timer, rounded up, at most `most` (-1: no limit); after a sweep. */
static int wait_ms(const struct loop *l, int most)
{
	int64_t now = now_mono_ns(), wait = most < 0 ? INT64_MAX : most;

	for (size_t i = 0; i < l->timers.n; i++) {
		int64_t left = l->timers.at[i].due_ns - now;
		int64_t ms = left > 0 ? (left + NOW_NS_PER_MS - 1) / NOW_NS_PER_MS : 0;

		if (ms < wait)
			wait = ms;
	}
	return wait > INT_MAX ? -1 : (int)wait;
}

static void dispatch_fds(struct loop *l)
{
	for (size_t i = 0, n = l->fds.n; i < n; i++) {
		struct handler h = l->handlers.at[i];
		short revents = l->fds.at[i].revents;

		if (l->fds.at[i].fd >= 0 && revents)
			h.fn(h.arg, l->fds.at[i].fd, revents);
	}
}

static void dispatch_timers(struct loop *l)
{
	int64_t now = now_mono_ns();

	for (size_t i = 0, n = l->timers.n; i < n; i++) {
		struct timer t = l->timers.at[i];

		if (!t.fn || t.due_ns > now)
			continue;
		if (t.period_ns)
			l->timers.at[i].due_ns = t.due_ns + t.period_ns > now ? t.due_ns + t.period_ns : now + t.period_ns;
		else
			l->timers.at[i].fn = NULL;
		t.fn(t.arg);
	}
}

static void sweep(struct loop *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->fds.n; i++) {
		if (l->fds.at[i].fd < 0)
			continue;
		l->fds.at[kept] = l->fds.at[i];
		l->handlers.at[kept++] = l->handlers.at[i];
	}
	l->fds.n = l->handlers.n = kept;
	kept = 0;
	for (size_t i = 0; i < l->timers.n; i++)
		if (l->timers.at[i].fn)
			l->timers.at[kept++] = l->timers.at[i];
	l->timers.n = kept;
}

int loop_once(struct loop *l, int timeout_ms, struct err *e)
{
	int n;

	sweep(l);
	n = poll(l->fds.at, l->fds.n, wait_ms(l, timeout_ms));
	if (n < 0 && errno != EINTR)
		return err_sys(e, errno, "cannot poll");
	if (n > 0)
		dispatch_fds(l);
	dispatch_timers(l);
	return 0;
}

int loop_run(struct loop *l, struct err *e)
{
	l->stopped = false;
	while (!l->stopped)
		if (loop_once(l, -1, e) < 0)
			return -1;
	return 0;
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
}
