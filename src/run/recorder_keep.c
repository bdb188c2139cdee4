/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the recorder does with one thing at a time: store an event, tell a record, attribute the elements of a dump. */

#include "run/recorder_part.h"

#include <string.h>

#include "base/log.h"
#include "base/now.h"
#include "policy/policy.h"
#include "run/hit.h"
#include "store/db.h"
#include "store/inventory.h"

#define COUNTER "dropped"
#define KEEP_NS (5 * NOW_NS_PER_S)

/* Packets that one of the table's counters of drops has counted.  What a full queue loses never comes back to the table. */
static bool is_drop(const struct event *ev)
{
	return (ev->action == EVENT_DROPPED || ev->action == EVENT_REJECTED) && !(ev->why && strcmp(ev->why, "queue") == 0);
}

/* The counter's row: packets is the sum, bytes the number of the last event in it. */
void recorder_keep_dropped(struct recorder *r)
{
	struct inventory_counter row = { .name = COUNTER };
	const int64_t now = now_mono_ns();
	struct spool_stats s;
	struct err e;

	if (__atomic_exchange_n(&r->anew, false, __ATOMIC_ACQ_REL))
		r->now.dropped = 0;
	if (r->dropped_epoch != db_epoch(r->db))
		r->dropped_kept = UINT64_MAX;           /* another file: it knows of none */
	r->dropped_epoch = db_epoch(r->db);
	spool_stats(r->spool, &s);
	if (r->now.dropped == r->dropped_kept || s.pending ||
	    (now < r->dropped_due_ns && !__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)))
		return;
	row.packets = r->now.dropped;
	row.bytes = s.committed_seq;
	if (inventory_put_counter(r->db, &row, &e) == 0)
		r->dropped_kept = r->now.dropped;
	r->dropped_due_ns = now + KEEP_NS;
}

static uint64_t dropped_after(const char *path, uint64_t seq)
{
	struct spool_query q = { .after_seq = seq };
	struct spool_reader *reader;
	struct spool_batch b = { .n = 1 };
	uint64_t sum = 0;
	struct err e;

	if (spool_reader_open(path, &reader, &e) < 0)
		return 0;
	while (b.n) {
		struct arena *a = arena_new();

		if (!a || spool_read(reader, &q, a, &b, &e) < 0)
			b.n = 0;
		for (size_t i = 0; i < b.n; i++) {
			q.after_seq = b.rows[i].seq;
			if (b.rows[i].health == SPOOL_WHOLE && is_drop(&b.rows[i].ev))
				sum += b.rows[i].ev.packets;
		}
		arena_free(a);
	}
	spool_reader_free(reader);
	return sum;
}

bool recorder_kept(struct db *db, const char *name, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	struct arena *a = arena_new();
	struct inventory_counter *rows;
	bool found = false;
	struct err e;
	size_t n = 0;

	if (a && inventory_counters(db, a, &rows, &n, &e) < 0)
		n = 0;
	for (size_t i = 0; i < n && !found; i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		*ret_packets = rows[i].packets;
		*ret_bytes = rows[i].bytes;
		found = true;
	}
	arena_free(a);
	return found;
}

bool recorder_dropped_before(struct db *db, uint64_t *ret)
{
	uint64_t sum, seq;

	if (!recorder_kept(db, COUNTER, &sum, &seq))
		return false;
	*ret = sum + dropped_after(db_path(db), seq);
	return true;
}

void recorder_emit(void *arg, const struct event *ev)
{
	static struct log_limit limit;
	struct recorder *r = arg;
	struct event copy = *ev;
	struct err e = { 0 };
	unsigned held;

	if (spool_append(r->spool, &copy, &e) == 0) {
		if (is_drop(ev))
			r->now.dropped += ev->packets;
		return;
	}
	r->now.append_failed++;
	if (log_allow(&limit, 3, &held))
		log_warn("an event was not kept error=\"%s\" held_back=%u", e.msg, held);
}

static void tally(struct recorder_stats *s, const struct hit *h)
{
	s->hits++;
	if (h->verdict.action == POLICY_ALLOW)
		return;
	if (!h->verdict.enforced)
		s->would_block++;
	else if ((h->sent_mark & 3) == HIT_DENY)
		s->denied++;
	else if ((h->sent_mark & 3) == HIT_REJECT)
		s->rejected++;
	else
		s->forgotten++;
}

void recorder_hit(struct recorder *r, const struct hit *h)
{
	tally(&r->now, h);
	tell_hit(&r->tell, h, now_mono_ns());
}

/* What an event knows is counted there; what none does is moved to the front. */
void recorder_elements(struct recorder *r, const struct recorder_item *it)
{
	size_t strange = 0;

	for (size_t i = 0; i < it->n_elements; i++) {
		const struct tell_denied *el = &it->elements[i];
		const struct merge_count c = {
			.packets = el->packets, .bytes = el->bytes, .first_ns = it->first_ns, .last_ns = it->last_ns,
		};

		if (el->packets == 0)
			continue;
		r->now.elements++;
		r->now.kernel_denied += el->packets;
		if (it->outage)
			r->now.outage += el->packets;
		if (it->outage || !merge_count_denied(r->merge, &el->key, &c, now_mono_ns()))
			it->elements[strange++] = *el;
	}
	if (strange)
		recorder_strange(r, it, strange);
}
