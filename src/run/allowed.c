/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread: ends of flows as they come; every so often, and at the turn of the hour, a look at those that live, and what was
 * counted goes to the recorder.  Whatever is counted between two looks belongs to the hour in which the first was.
 * A look costs at most a hundredth of the time. */
#include "run/allowed.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/now.h"
#include "base/qs.h"
#include "kern/nl.h"
#include "kern/route.h"
#include "run/allowed_part.h"
#include "run/judge.h"
#include "run/recorder.h"
#include "store/db.h"

enum { PERIOD_S = 10, SHARE = 100, MAX_FLOWS = 262144, MAX_ROWS = 32768, WAYS = 1024, REST_MS = 200, SIGHTS = 65536 };
enum { KEEP_DAYS = 400, KEEP_ROWS = 500000 };
#define HOUR_NS (TRAFFIC_HOUR_S * NOW_NS_PER_S)

struct way { struct addr addr; struct route_way way; };

struct allowed {
	struct allowed_config c;
	struct nl *nl, *route;
	struct ctflow_listener *ends;
	unsigned shift;
	int stop_fd;
	pthread_t thread;
	bool running, counting;                 /* counting: the first look is past */
	struct allowed_flows flows;
	struct allowed_rows rows;
	struct way ways[WAYS];
	int64_t look_due_ns;                    /* monotonic */
	int64_t retained_hour_ns;
	struct allowed_stats now;               /* the thread's own */
	uint64_t rows_lost, removed;            /* the recorder's thread: atomic */
	pthread_mutex_t lock;
	/* under lock: */
	struct allowed_stats shown;
	VEC(struct allowed_sight) sights;
};

/* ---- what goes to the recorder ---- */

struct batch {
	VEC(struct traffic_row) rows;
	int64_t retain_before_ns;               /* 0: not now */
	struct allowed *of;
	bool kept;
};

static int put_batch(struct db *db, struct batch *b, struct err *e)
{
	uint64_t removed = 0;

	for (size_t i = 0; i < b->rows.n; i++) {
		if (traffic_add(db, &b->rows.at[i], e) < 0)
			return -1;
	}
	if (b->retain_before_ns && traffic_retain(db, b->retain_before_ns, KEEP_ROWS, &removed, e) < 0)
		return -1;
	__atomic_fetch_add(&b->of->removed, removed, __ATOMIC_RELAXED);
	return 0;
}

static int keep_batch(struct db *db, void *arg, struct err *e)
{
	struct batch *b = arg;

	if (db_begin(db, e) < 0)
		return -1;
	if (put_batch(db, b, e) < 0) {
		db_rollback(db);
		return -1;
	}
	if (db_commit(db, e) < 0)
		return -1;
	b->kept = true;
	return 0;
}

static void drop_batch(void *arg)
{
	struct batch *b = arg;

	if (!b->kept)
		__atomic_fetch_add(&b->of->rows_lost, b->rows.n, __ATOMIC_RELAXED);
	VEC_FREE(&b->rows);
	free(b);
}

static void see(struct allowed *a, uint64_t device, int64_t when_ns)
{
	if (device && a->sights.n < SIGHTS)
		(void)VEC_PUSH(&a->sights, (struct allowed_sight){ device, when_ns });
}

static void flush(struct allowed *a)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return;         /* what is pending stays so */
	b->of = a;
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->rows.at.n; i++) {
		struct allowed_row *row = &a->rows.at.at[i];

		if (!row->pending || !VEC_PUSH(&b->rows, row->sum))
			continue;
		see(a, row->sum.packets[0] ? row->sum.from_device : 0, row->sum.last_ns);
		see(a, row->sum.packets[1] ? row->sum.to_device : 0, row->sum.last_ns);
		row->pending = false;
		row->sum.flows = 0;
		memset(row->sum.packets, 0, sizeof(row->sum.packets));
		memset(row->sum.bytes, 0, sizeof(row->sum.bytes));
		row->sum.first_ns = 0;
	}
	pthread_mutex_unlock(&a->lock);
	if (a->retained_hour_ns != a->rows.hour_ns) {
		a->retained_hour_ns = a->rows.hour_ns;
		b->retain_before_ns = a->rows.hour_ns - KEEP_DAYS * 24 * HOUR_NS;
	}
	if (b->rows.n || b->retain_before_ns)
		recorder_keep(a->c.recorder, keep_batch, b, drop_batch);
	else
		drop_batch(b);
}

/* ---- counting ---- */

static const struct route_way *way_to(struct allowed *a, const struct addr *addr)
{
	uint64_t h = addr->family;
	struct way *w;
	struct err e;

	for (size_t i = 0; i < sizeof(addr->b); i++)
		h = (h ^ addr->b[i]) * UINT64_C(0x100000001b3);
	w = &a->ways[(h ^ h >> 32) % WAYS];
	if (!addr_equal(&w->addr, addr)) {
		*w = (struct way){ .addr = *addr };
		if (route_find(a->route, addr, &w->way, &e) < 0)
			w->addr = (struct addr){ 0 };
	}
	return &w->way;
}

/* Reading is only from online to offline, flow by flow: a dump of a large table holds up no publish. */
static void attribute(struct allowed *a, const struct ctflow *f, const struct allowed_ways *ways, struct traffic_row *ret)
{
	qs_online();
	allowed_attribute(qs_get(a->c.judge), f, ways, ret);
	qs_offline();
}

static void count(struct allowed *a, const struct ctflow *f, bool fresh)
{
	struct allowed_ways ways;
	struct route_way from, to;
	struct traffic_row row;

	if (!fresh && !f->packets[0] && !f->packets[1])
		return;
	from = *way_to(a, &f->from);
	to = *way_to(a, &f->to);
	ways = (struct allowed_ways){ .from = from.ifindex, .to = to.ifindex, .from_here = from.local, .to_here = to.local };
	attribute(a, f, &ways, &row);
	row.flows = fresh;
	row.first_ns = row.last_ns = now_wall_ns();
	memcpy(row.packets, f->packets, sizeof(row.packets));
	memcpy(row.bytes, f->bytes, sizeof(row.bytes));
	if (allowed_rows_add(&a->rows, &row) < 0) {
		a->now.failed++;
		return;
	}
	a->now.packets += f->packets[0] + f->packets[1];
	a->now.bytes += f->bytes[0] + f->bytes[1];
}

static void take(struct allowed *a, const struct ctflow *f, bool ended)
{
	struct ctflow since = *f;
	bool fresh;

	if (allowed_flows_since(&a->flows, &since, ended, &fresh) && a->counting)
		count(a, &since, fresh);
}

static void on_end(void *arg, const struct ctflow *f)
{
	struct allowed *a = arg;

	a->now.ended++;
	take(a, f, true);
}

static void on_live(void *arg, const struct ctflow *f)
{
	take(arg, f, false);
}

static int listen_again(struct allowed *a, struct err *e)
{
	struct ctflow_listener *next;
	unsigned shift;

	qs_online();
	shift = ((const struct judge *)qs_get(a->c.judge))->mark_shift;
	qs_offline();
	if (a->ends && shift == a->shift)
		return 0;
	if (ctflow_open(shift, &next, e) < 0)
		return -1;
	ctflow_free(a->ends);
	a->ends = next;
	a->shift = shift;
	return 0;
}

static void show(struct allowed *a)
{
	struct allowed_stats s = a->now;

	s.lives = a->flows.n;
	s.rows = a->rows.at.n;
	s.lost = a->ends ? ctflow_lost(a->ends) : 0;
	s.odd = a->ends ? ctflow_odd(a->ends) : 0;
	s.untracked = a->flows.untracked;
	s.folded = a->rows.folded;
	pthread_mutex_lock(&a->lock);
	a->shown = s;
	pthread_mutex_unlock(&a->lock);
}

static int64_t hour_of(int64_t wall_ns)
{
	return wall_ns - wall_ns % HOUR_NS;
}

static void look(struct allowed *a)
{
	static struct log_limit limit;
	const int64_t begin = now_mono_ns();
	int64_t took, hour;
	struct err e = { 0 };
	unsigned held;

	memset(a->ways, 0, sizeof(a->ways));
	if (listen_again(a, &e) < 0 || ctflow_dump(a->nl, a->shift, on_live, a, &e) < 0) {
		a->now.failed++;
		if (log_allow(&limit, 3, &held))
			log_warn("what is allowed cannot be counted error=\"%s\" held_back=%u", e.msg, held);
	} else {
		a->counting = true;
		allowed_flows_sweep(&a->flows);
	}
	flush(a);
	hour = hour_of(now_wall_ns());
	if (hour != a->rows.hour_ns)
		allowed_rows_begin(&a->rows, hour);
	took = now_mono_ns() - begin;
	a->now.look_us = (uint64_t)took / 1000;
	a->look_due_ns = now_mono_ns() + (int64_t)a->c.period_s * NOW_NS_PER_S;
	if (took * SHARE > (int64_t)a->c.period_s * NOW_NS_PER_S)
		a->look_due_ns = now_mono_ns() + took * SHARE;
	show(a);
}

/* ---- the thread ---- */

static int64_t due_in_ns(const struct allowed *a)
{
	const int64_t turn = a->rows.hour_ns + HOUR_NS - now_wall_ns(), due = a->look_due_ns - now_mono_ns();

	return turn < due ? turn : due;
}

/* true: told to stop. */
static bool wait_for_news(struct allowed *a)
{
	struct pollfd fds[] = { { .fd = a->stop_fd, .events = POLLIN }, { .fd = ctflow_fd(a->ends), .events = POLLIN } };
	const int64_t due = due_in_ns(a);

	if (due > 0)
		poll(fds, 2, (int)(due / NOW_NS_PER_MS) + 1);
	return fds[0].revents != 0;
}

static void rest(const struct allowed *a)
{
	struct pollfd fd = { .fd = a->stop_fd, .events = POLLIN };

	poll(&fd, 1, REST_MS);
}

static void *allowed_main(void *arg)
{
	struct allowed *a = arg;
	struct err e;

	qs_thread_begin();
	qs_offline();
	pthread_setname_np(pthread_self(), "allowed");
	look(a);
	while (!wait_for_news(a)) {
		const int n = ctflow_read(a->ends, on_end, a, &e);

		if (n < 0) {
			a->now.failed++;
			rest(a);
		}
		if (due_in_ns(a) <= 0)
			look(a);
	}
	ctflow_read(a->ends, on_end, a, &e);
	look(a);
	qs_thread_end();
	return NULL;
}

struct allowed *allowed_new(const struct allowed_config *c, struct err *e)
{
	AUTO(allowed) a = calloc(1, sizeof(*a));

	if (!a) {
		err_plain(e, ENOMEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&a->lock, NULL);
	a->c = *c;
	if (!a->c.period_s)
		a->c.period_s = PERIOD_S;
	a->flows.max = c->max_flows ? c->max_flows : MAX_FLOWS;
	a->rows.max = c->max_rows ? c->max_rows : MAX_ROWS;
	a->rows.hour_ns = hour_of(now_wall_ns());
	a->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->stop_fd < 0) {
		err_sys(e, errno, "eventfd");
		return NULL;
	}
	if (nl_open(NL_NETFILTER, NULL, &a->nl, e) < 0 || nl_open(NL_ROUTE, NULL, &a->route, e) < 0 || listen_again(a, e) < 0)
		return NULL;
	return TAKE(a);
}

void allowed_free(struct allowed *a)
{
	if (!a)
		return;
	allowed_stop(a);
	ctflow_free(a->ends);
	nl_free(a->nl);
	nl_free(a->route);
	allowed_flows_fini(&a->flows);
	allowed_rows_fini(&a->rows);
	VEC_FREE(&a->sights);
	if (a->stop_fd >= 0)
		close(a->stop_fd);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

int allowed_start(struct allowed *a, struct err *e)
{
	const int rc = pthread_create(&a->thread, NULL, allowed_main, a);

	if (rc)
		return err_sys(e, rc, "what is allowed");
	a->running = true;
	return 0;
}

void allowed_stop(struct allowed *a)
{
	const uint64_t one = 1;

	if (!a->running)
		return;
	(void)!write(a->stop_fd, &one, sizeof(one));
	pthread_join(a->thread, NULL);
	a->running = false;
}

struct allowed_stats allowed_stats(struct allowed *a)
{
	struct allowed_stats s;

	pthread_mutex_lock(&a->lock);
	s = a->shown;
	pthread_mutex_unlock(&a->lock);
	s.rows_lost = __atomic_load_n(&a->rows_lost, __ATOMIC_RELAXED);
	s.removed = __atomic_load_n(&a->removed, __ATOMIC_RELAXED);
	return s;
}

size_t allowed_seen(struct allowed *a, struct allowed_sight *ret, size_t max)
{
	size_t n;

	pthread_mutex_lock(&a->lock);
	n = a->sights.n < max ? a->sights.n : max;
	if (n) {
		memcpy(ret, a->sights.at + a->sights.n - n, n * sizeof(*ret));
		a->sights.n -= n;
	}
	pthread_mutex_unlock(&a->lock);
	return n;
}
