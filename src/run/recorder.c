/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The recorder's thread: rings, then the inbox, then the clocks of merge and spool, then a short sleep when there was nothing.
 * A ticket in the inbox drains the rings to their end before it is passed, so that a judge retired behind a grace period is
 * pointed to by nothing any more. */
#include "run/recorder.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/now.h"
#include "base/ring.h"
#include "run/hit.h"
#include "run/recorder_part.h"
#include "store/db.h"

enum { DRAIN = 512, SLEEP_MS = 50, TICK_MS = 100, INBOX_MAX = 65536 };

struct recorder *recorder_new(const struct recorder_config *c, struct err *e)
{
	struct recorder *r = calloc(1, sizeof(*r));

	if (!r) {
		db_free(c->db);
		err_plain(e, ENOMEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->tail = &r->head;
	r->db = c->db;
	r->n_rings = c->n_rings;
	r->now.dropped = c->dropped;
	memcpy(r->rings, c->rings, sizeof(r->rings));
	r->merge = merge_new(&c->merge, recorder_emit, r);
	tell_init(&r->tell, r->merge);
	if (!r->merge || r->wake_fd < 0) {
		err_plain(e, ENOMEM, "out of memory");
	} else if (spool_new(r->db, &c->spool, c->report, &r->spool, e) == 0) {
		return r;
	}
	recorder_free(r);
	return NULL;
}

static void item_free(struct recorder_item *it)
{
	if (it->drop)
		it->drop(it->arg);
	free(it->elements);
	arena_free(it->arena);
	free(it);
}

void recorder_free(struct recorder *r)
{
	if (!r)
		return;
	recorder_stop(r);
	while (r->head) {
		struct recorder_item *it = r->head;

		r->head = it->next;
		item_free(it);
	}
	merge_free(r->merge);
	spool_free(r->spool);
	db_free(r->db);
	if (r->wake_fd >= 0)
		close(r->wake_fd);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static bool drain(struct recorder *r, unsigned most)
{
	bool any = false;

	for (unsigned i = 0; i < r->n_rings; i++) {
		for (unsigned n = 0; n < most; n++) {
			const struct hit *h = ring_peek(r->rings[i]);

			if (!h)
				break;
			recorder_hit(r, h);
			ring_pop(r->rings[i]);
			any = true;
		}
	}
	return any;
}

static void run_keep(struct recorder *r, const struct recorder_item *it)
{
	static struct log_limit limit;
	struct err e = { 0 };
	unsigned held;

	if (it->keep(r->db, it->arg, &e) == 0)
		return;
	if (e.code == EUCLEAN) {
		log_error("the store is damaged and set aside error=\"%s\"", e.msg);
		db_rollback(r->db);
		spool_set_aside(r->spool, e.msg);
		if (it->keep(r->db, it->arg, &e) == 0)
			return;
	}
	r->now.keep_failed++;
	if (log_allow(&limit, 3, &held))
		log_warn("the inventory was not kept error=\"%s\" held_back=%u", e.msg, held);
}

static void deal_with(struct recorder *r, const struct recorder_item *it)
{
	switch (it->what) {
	case RECORDER_ITEM_EVENT:
		r->now.told += it->event.packets;
		recorder_emit(r, &it->event);
		break;
	case RECORDER_ITEM_DENIED:
		recorder_elements(r, it);
		break;
	case RECORDER_ITEM_KEEP:
		run_keep(r, it);
		break;
	case RECORDER_ITEM_TICKET:
		drain(r, UINT32_MAX);
		__atomic_store_n(&r->passed, it->ticket, __ATOMIC_RELEASE);
		break;
	}
}

static bool empty_inbox(struct recorder *r)
{
	struct recorder_item *it, *next;

	pthread_mutex_lock(&r->lock);
	it = r->head;
	r->head = NULL;
	r->tail = &r->head;
	r->n_inbox = 0;
	pthread_mutex_unlock(&r->lock);
	if (!it)
		return false;
	for (; it; it = next) {
		next = it->next;
		deal_with(r, it);
		item_free(it);
	}
	return true;
}

static void tick(struct recorder *r)
{
	static struct log_limit limit;
	struct recorder_stats s;
	struct err e = { 0 };
	unsigned held;

	merge_tick(r->merge, now_mono_ns());
	if (spool_tick(r->spool, now_mono_ns(), now_wall_ns(), &e) < 0 && log_allow(&limit, 3, &held))
		log_warn("the event store fails, trying again error=\"%s\" held_back=%u", e.msg, held);
	s = r->now;
	merge_stats(r->merge, &s.merge);
	spool_stats(r->spool, &s.spool);
	recorder_keep_dropped(r);
	s.epoch = db_epoch(r->db);
	memcpy(s.chain, spool_chain(r->spool), sizeof(s.chain));
	memcpy(s.store_id, db_id(r->db), sizeof(s.store_id) - 1);
	pthread_mutex_lock(&r->lock);
	s.inbox_lost = r->inbox_lost;
	r->shown = s;
	pthread_mutex_unlock(&r->lock);
}

static void *recorder_main(void *arg)
{
	struct recorder *r = arg;
	struct pollfd fd = { .fd = r->wake_fd, .events = POLLIN };
	int64_t due = 0;
	uint64_t woken;
	bool any;

	pthread_setname_np(pthread_self(), "recorder");
	while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
		any = drain(r, DRAIN);
		any |= empty_inbox(r);
		if (now_mono_ns() >= due) {
			tick(r);
			due = now_mono_ns() + TICK_MS * NOW_NS_PER_MS;
		}
		__atomic_fetch_add(&r->beats, 1, __ATOMIC_RELAXED);
		if (!any && poll(&fd, 1, SLEEP_MS) > 0)
			(void)!read(r->wake_fd, &woken, sizeof(woken));
	}
	empty_inbox(r);
	drain(r, UINT32_MAX);
	merge_flush(r->merge, true);
	tick(r);
	return NULL;
}

int recorder_start(struct recorder *r, struct err *e)
{
	int rc;

	tick(r);
	rc = pthread_create(&r->thread, NULL, recorder_main, r);
	if (rc)
		return err_sys(e, rc, "recorder");
	r->running = true;
	return 0;
}

static void wake(struct recorder *r)
{
	const uint64_t one = 1;

	(void)!write(r->wake_fd, &one, sizeof(one));
}

void recorder_stop(struct recorder *r)
{
	struct err e;

	if (!r->running)
		return;
	__atomic_store_n(&r->stop, true, __ATOMIC_RELEASE);
	wake(r);
	pthread_join(r->thread, NULL);
	r->running = false;
	if (spool_commit(r->spool, &e) < 0)
		log_error("events could not be stored at the end error=\"%s\"", e.msg);
	recorder_keep_dropped(r);
}

static struct recorder_item *item_new(enum recorder_what what)
{
	struct recorder_item *it = calloc(1, sizeof(*it));

	if (it)
		it->what = what;
	return it;
}

/* Takes it over; tickets are never refused, since a judge waits for them. */
static void post(struct recorder *r, struct recorder_item *it)
{
	bool full;

	pthread_mutex_lock(&r->lock);
	full = !it || (r->n_inbox >= INBOX_MAX && it->what != RECORDER_ITEM_TICKET);
	if (full) {
		r->inbox_lost++;
	} else {
		*r->tail = it;
		r->tail = &it->next;
		r->n_inbox++;
	}
	pthread_mutex_unlock(&r->lock);
	if (full && it)
		item_free(it);
	wake(r);
}

void recorder_event(struct recorder *r, const struct event *ev)
{
	struct recorder_item *it = item_new(RECORDER_ITEM_EVENT);
	struct buf body;
	struct err e;

	buf_init(&body);
	if (it && !((it->arena = arena_new()) && event_pack(ev, &body) &&
		    event_unpack(body.data, body.len, it->arena, &it->event, &e) == 0)) {
		item_free(it);
		it = NULL;
	}
	buf_fini(&body);
	post(r, it);
}

void recorder_denied(struct recorder *r, const struct judge *j, struct tell_denied *elements, size_t n,
		     int64_t first_ns, int64_t last_ns, bool outage)
{
	struct recorder_item *it = item_new(RECORDER_ITEM_DENIED);

	if (it) {
		it->judge = j;
		it->elements = elements;
		it->n_elements = n;
		it->first_ns = first_ns;
		it->last_ns = last_ns;
		it->outage = outage;
	} else {
		free(elements);
	}
	post(r, it);
}

void recorder_keep(struct recorder *r, recorder_keep_fn fn, void *arg, void (*drop)(void *arg))
{
	struct recorder_item *it = item_new(RECORDER_ITEM_KEEP);

	if (it) {
		it->keep = fn;
		it->arg = arg;
		it->drop = drop;
	} else if (drop) {
		drop(arg);
	}
	post(r, it);
}

uint64_t recorder_ticket(struct recorder *r)
{
	struct recorder_item *it = item_new(RECORDER_ITEM_TICKET);

	if (!it)
		return UINT64_MAX;      /* never passed: what waits for it is kept, which is safe */
	it->ticket = ++r->tickets;
	post(r, it);
	return r->tickets;
}

bool recorder_passed(struct recorder *r, uint64_t ticket)
{
	return __atomic_load_n(&r->passed, __ATOMIC_ACQUIRE) >= ticket;
}

struct recorder_stats recorder_stats(struct recorder *r)
{
	struct recorder_stats s;

	pthread_mutex_lock(&r->lock);
	s = r->shown;
	pthread_mutex_unlock(&r->lock);
	return s;
}

void recorder_dropped_anew(struct recorder *r)
{
	__atomic_store_n(&r->anew, true, __ATOMIC_RELEASE);
}

uint64_t recorder_beats(const struct recorder *r)
{
	return __atomic_load_n(&r->beats, __ATOMIC_RELAXED);
}
