/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pump: `place` is what is confirmed and stored; `sent` runs ahead of it by what is in flight, at most the window.  Each chunk that
 * is sent gets the next token and an entry in `flight`, which says what its confirmation moves. */
#include "ship/pump_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/now.h"
#include "ship/sink.h"

enum { BATCH = 256, PAUSE_MS = 200, PAUSE_MAX_MS = 60000, ONCE_TRIES = 5 };

/* --- the store --- */

static void mark_of(const uint8_t chain[static 32], char ret[static 17])
{
	digest_hex(chain, 8, ret, 17);
}

/* Is the event that the cursor stands on still what it was?  (Power loss may have rolled it back and its number used again.) */
static int check_place(struct pump *p, bool *ret_same, struct err *e)
{
	struct spool_query q = { .after_seq = p->place.seq - 1, .until_seq = p->place.seq, .max_rows = 1 };
	struct arena *a = arena_new();
	struct spool_batch b;
	char mark[17];
	int rc = a ? spool_read(p->reader, &q, a, &b, e) : err_plain(e, ENOMEM, "out of memory");

	if (rc == 0 && b.n) {
		mark_of(b.rows[0].ev.chain, mark);
		*ret_same = b.rows[0].health != SPOOL_WHOLE || strcmp(mark, p->place.mark) == 0;
	} else if (rc == 0) {
		*ret_same = b.head_seq >= p->place.seq;         /* absent: retention took it */
	}
	arena_free(a);
	return rc;
}

/* Where to begin.  A cursor that does not fit the store begins at the oldest event: duplicates, never loss. */
static int find_place(struct pump *p, struct err *e)
{
	bool same = true;

	if (cursor_get(p->cursor, p->conf->name, &p->place, e) < 0)
		return -1;
	p->known = p->place.store[0] != '\0';
	if (strcmp(p->place.store, spool_reader_id(p->reader)) != 0) {
		memset(&p->place, 0, sizeof(p->place));
		snprintf(p->place.store, sizeof(p->place.store), "%s", spool_reader_id(p->reader));
	} else if (p->place.seq && check_place(p, &same, e) < 0) {
		return -1;
	} else if (!same) {
		log_warn("the cursor does not fit the store: sending from its oldest event sink=%s seq=%llu", p->conf->name,
			 (unsigned long long)p->place.seq);
		p->place.seq = 0;
		p->known = false;
	}
	p->sent = p->place.seq;
	p->placed = true;
	return 0;
}

static void land(struct pump *p)
{
	p->flight.n = 0;
	p->rows_in_flight = 0;
	p->again = p->placed = false;
}

/* A store that is not there (yet) is waited for; EAGAIN: the writer is at it just now. */
static int open_store(struct pump *p, struct err *e)
{
	bool changed = false;

	if ((!p->reader && spool_reader_open(p->ship->store, &p->reader, e) < 0) ||
	    spool_reader_refresh(p->reader, &changed, e) < 0) {
		if (e->code == ENOENT) {
			pump_waits(p, e);
			e->code = EAGAIN;
		}
		return -1;
	}
	if (changed)
		land(p);
	return p->placed ? 0 : find_place(p, e);
}

/* --- sending --- */

/* What is in frames goes out under the next token; entry says what its confirmation moves. */
static int send_frames(struct pump *p, struct pump_flight *entry, struct err *e)
{
	entry->token = p->flight.n ? p->flight.at[p->flight.n - 1].token : 0;   /* nothing to send: with what is before it */
	entry->bytes = p->frames.len;
	if (p->frames.failed || !VEC_ROOM(&p->flight))
		return err_plain(e, ENOMEM, "out of memory");
	if (p->frames.len) {
		entry->token = ++p->token;
		if (sink_send(p->sink, p->frames.data, p->frames.len, entry->token, e) < 0)
			return -1;
	}
	p->flight.at[p->flight.n++] = *entry;
	p->rows_in_flight += entry->rows;
	buf_reset(&p->frames);
	return 0;
}

/* Rows [0, n) of a batch that began behind `after`, as frames; *entry gets the last one's number and mark. */
static int add_rows(struct pump *p, const struct spool_batch *b, uint64_t after, struct pump_flight *entry, struct err *e)
{
	buf_reset(&p->frames);
	for (size_t i = 0; i < b->n; i++) {
		const struct spool_row *row = &b->rows[i];

		if (row->seq > after + 1 && p->known && pump_add_loss(p, after + 1, row->seq - 1, &row->ev, entry, e) < 0)
			return -1;
		if (pump_add_row(p, row, entry, e) < 0)
			return -1;
		p->known = true;
		after = entry->seq = row->seq;
		mark_of(row->ev.chain, entry->mark);
	}
	return 0;
}

static int send_live(struct pump *p, bool *ret_sent, struct err *e)
{
	uint64_t room = p->conf->window > p->rows_in_flight ? p->conf->window - p->rows_in_flight : 0;
	struct spool_query q = { .after_seq = p->sent, .max_rows = room < BATCH ? room : BATCH };
	struct pump_flight entry = { .seq = p->sent };
	struct spool_batch b = { 0 };
	struct arena *a;
	int rc;

	if (room == 0)
		return 0;
	a = arena_new();
	rc = a ? spool_read(p->reader, &q, a, &b, e) : err_plain(e, ENOMEM, "out of memory");
	if (rc == 0 && p->until == 0)
		p->until = b.head_seq;
	if (rc == 0)
		rc = add_rows(p, &b, p->sent, &entry, e);
	if (rc == 0 && b.n == 0 && b.head_seq > p->sent) {      /* all that is left was taken away */
		rc = p->known ? pump_add_loss(p, p->sent + 1, b.head_seq, NULL, &entry, e) : 0;
		entry.seq = b.head_seq;
	}
	if (rc == 0 && entry.seq > p->sent) {
		rc = send_frames(p, &entry, e);
		p->sent = rc == 0 ? entry.seq : p->sent;
		*ret_sent = true;
	}
	arena_free(a);
	return rc;
}

/* A batch of the oldest order, one in flight at a time. */
static int send_order(struct pump *p, const struct cursor_resend *o, struct arena *a, struct err *e)
{
	struct spool_query q = { .after_seq = o->done, .until_seq = o->to, .max_rows = BATCH };
	struct pump_flight entry = { .order = o->id, .seq = o->to };
	struct spool_batch b;
	bool known = p->known;
	int rc;

	if (spool_read(p->reader, &q, a, &b, e) < 0)
		return -1;
	p->known = true;                /* numbers in the range that are gone are told */
	rc = add_rows(p, &b, o->done, &entry, e);
	if (rc == 0 && b.n < BATCH) {
		uint64_t last = o->to < b.head_seq ? o->to : b.head_seq, from = (b.n ? entry.seq : o->done) + 1;

		if (from <= last)
			rc = pump_add_loss(p, from, last, NULL, &entry, e);
		entry.seq = o->to;
	}
	p->known = known;
	return rc < 0 ? -1 : send_frames(p, &entry, e);
}

static int send_again(struct pump *p, bool *ret_sent, struct err *e)
{
	struct cursor_resend order = { 0 };
	struct arena *a;
	int rc;

	if (p->again)
		return 0;
	a = arena_new();
	rc = a ? cursor_resend_next(p->cursor, p->conf->name, a, &order, e) : err_plain(e, ENOMEM, "out of memory");
	p->orders = rc == 0 && order.id;
	if (p->orders && strcmp(order.store, spool_reader_id(p->reader)) != 0) {
		log_warn("events of another store can't be sent again sink=%s store=%s", p->conf->name, order.store);
		rc = cursor_resend_move(p->cursor, order.id, order.to, e);
	} else if (p->orders) {
		rc = send_order(p, &order, a, e);
		p->again = *ret_sent = rc == 0;
	}
	arena_free(a);
	return rc;
}

/* --- confirming --- */

static int settle(struct pump *p, const struct pump_flight *f, struct err *e)
{
	int64_t now = now_wall_ns();

	if (!f->order) {
		p->place.seq = f->seq;
		memcpy(p->place.mark, f->mark, sizeof(p->place.mark));
	} else if (cursor_resend_move(p->cursor, f->order, f->seq, e) < 0) {
		return -1;
	}
	if (cursor_move(p->cursor, p->conf->name, &p->place, f->rows, f->bytes, now, e) < 0)
		return -1;
	return f->lost ? cursor_lost(p->cursor, p->conf->name, f->lost, e) : 0;
}

static int confirm(struct pump *p, unsigned wait_ms, struct err *e)
{
	uint64_t token;
	size_t n = 0;

	if (sink_confirmed(p->sink, wait_ms, &token, e) < 0)
		return -1;
	for (; n < p->flight.n && p->flight.at[n].token <= token; n++) {
		struct pump_flight *f = &p->flight.at[n], *next = n + 1 < p->flight.n ? f + 1 : NULL;

		if (!f->order && next && !next->order && next->token <= token) {        /* one commit for all of them */
			next->rows += f->rows;
			next->bytes += f->bytes;
			next->lost += f->lost;
			continue;
		}
		if (settle(p, f, e) < 0)
			return -1;
		p->rows_in_flight -= f->rows < p->rows_in_flight ? f->rows : p->rows_in_flight;
		p->again &= !f->order;
	}
	p->flight.n -= n;
	if (n) {
		memmove(p->flight.at, p->flight.at + n, p->flight.n * sizeof(*p->flight.at));
		pump_is_up(p);
	}
	return 0;
}

static bool is_done(const struct pump *p)
{
	return p->once && p->placed && p->flight.n == 0 && !p->orders && p->place.seq >= p->until;
}

static bool is_stopping(const struct pump *p)
{
	struct err e;

	return sink_wait(-1, 0, p->stop_fd, 0, &e) < 0 && e.code == ECANCELED;
}

static void pause_for(const struct pump *p, int64_t ms)
{
	struct err e;

	sink_wait(-1, 0, p->stop_fd, now_mono_ns() + ms * NOW_NS_PER_MS, &e);
}

static int step(struct pump *p, struct err *e)
{
	bool sent = false;

	if (open_store(p, e) < 0 || send_live(p, &sent, e) < 0 || send_again(p, &sent, e) < 0)
		return -1;
	if (p->flight.n)
		return confirm(p, sent && p->rows_in_flight < p->conf->window ? 0 : (unsigned)p->ship->poll_ms, e);
	if (!sent && !is_done(p))
		pause_for(p, (int64_t)p->ship->poll_ms);
	return 0;
}

/* Growing, and different for each: receivers that come back are not hit by all at once. */
static int64_t pause_ms(struct pump *p)
{
	unsigned ms = PAUSE_MS << (p->failures < 9 ? p->failures : 9);
	uint32_t random = 0;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	ms = ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
	return ms / 2 + random % (ms / 2 + 1);
}

bool pump_run(struct pump *p)
{
	struct err e;

	while (!is_stopping(p) && !is_done(p)) {
		if (step(p, &e) == 0)
			continue;
		if (e.code == ECANCELED)
			break;
		land(p);
		p->failures++;
		if (p->once && p->failures >= ONCE_TRIES)
			break;
		if (e.code == EAGAIN) {                         /* not the receiver's fault */
			pause_for(p, (int64_t)p->ship->poll_ms);
			continue;
		}
		pump_is_down(p, &e);
		pause_for(p, pause_ms(p));
	}
	pump_stopped(p);
	return !p->once || is_done(p);
}

/* --- the whole --- */

int pump_new(const struct shipconf *conf, const struct shipconf_sink *sink, struct cursor *cursor, int stop_fd, bool once,
	     struct pump **ret, struct err *e)
{
	AUTO(pump) p = calloc(1, sizeof(*p));

	if (!p)
		return err_plain(e, ENOMEM, "out of memory");
	p->ship = conf;
	p->conf = sink;
	p->cursor = cursor;
	p->stop_fd = stop_fd;
	p->once = once;
	p->enc = (struct enc_config){ .hostname = p->hostname, .version = RINGFENCE_VERSION, .pen = (uint32_t)conf->pen,
				      .facility = (unsigned)conf->facility, .budget = (size_t)sink->budget };
	if (conf->hostname[0])
		snprintf(p->hostname, sizeof(p->hostname), "%s", conf->hostname);
	else
		gethostname(p->hostname, sizeof(p->hostname) - 1);
	if (sink_make(sink, stop_fd, &p->sink, e) < 0)
		return -1;
	*ret = TAKE(p);
	return 0;
}

void pump_free(struct pump *p)
{
	if (!p)
		return;
	spool_reader_free(p->reader);
	sink_free(p->sink);
	buf_fini(&p->message);
	buf_fini(&p->frames);
	VEC_FREE(&p->flight);
	free(p);
}
