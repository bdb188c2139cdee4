/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loop: poll(2), timers on the monotonic clock and signals (by signalfd) for one thread. */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdint.h>

#include "base/err.h"

struct loop;
typedef void (*loop_fd_fn)(void *arg, int fd, short revents);
typedef void (*loop_timer_fn)(void *arg);
typedef void (*loop_signal_fn)(void *arg, int signo);

struct loop *loop_new(struct err *e);                   /* NULL and *e */
void loop_free(struct loop *l);
int loop_fd(struct loop *l, int fd, short events, loop_fd_fn fn, void *arg, struct err *e);
void loop_fd_events(struct loop *l, int fd, short events);
void loop_fd_remove(struct loop *l, int fd);            /* does not close */
/* First after delay_ms, then every period_ms (0: once).  Returns an id >= 0 or -1. */
int loop_timer(struct loop *l, uint64_t delay_ms, uint64_t period_ms, loop_timer_fn fn, void *arg, struct err *e);
void loop_timer_cancel(struct loop *l, int id);
/* Block signo in this process's threads made from here on and deliver it through the loop. */
int loop_signal(struct loop *l, int signo, loop_signal_fn fn, void *arg, struct err *e);
int loop_run(struct loop *l, struct err *e);            /* until loop_stop */
int loop_once(struct loop *l, int timeout_ms, struct err *e);
void loop_stop(struct loop *l);

#endif
