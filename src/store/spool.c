/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spool: the writing half.  Numbers and chain are given in memory; commits write what is pending, all or nothing, and are tried
 * again with the same rows until they succeed.  Invariants: numbers have no gaps that the table `removed` does not account for;
 * every event is committed, pending, or counted in `refused`. */
#include "store/spool_row.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/now.h"

enum { GROUP_EVENTS = 256, GROUP_MS = 200, PENDING_BYTES = 8 << 20, RETRY_MS = 200, RETRY_MAX_MS = 5000, REOPEN_AFTER = 3,
       FULL_BYTES = 1 << 20, FULL_WAIT_BYTES = 64 << 10 };

void spool_genesis(const char *store_id, uint8_t ret[static 32])
{
	digest_sha256_2("ringfence", 9, store_id, strlen(store_id), ret);
}

void spool_link(const uint8_t link[static 32], uint64_t seq, int64_t at_ns, const void *body, size_t len,
		uint8_t ret[static 32])
{
	uint8_t start[48];

	memcpy(start, link, 32);
	for (unsigned i = 0; i < 8; i++) {
		start[32 + i] = (uint8_t)(seq >> 8 * i);
		start[40 + i] = (uint8_t)((uint64_t)at_ns >> 8 * i);
	}
	digest_sha256_2(start, sizeof(start), body, len, ret);
}

/* What nobody outside can multiply, and what is critical, has a quota of its own. */
uint8_t spool_lane(const struct event *ev)
{
	return event_is_traffic(ev->kind) && ev->severity < 4 ? SPOOL_LANE_TRAFFIC : SPOOL_LANE_KEPT;
}

const char *spool_event_id(const char *store_id, uint64_t seq, const uint8_t chain[static 32], char *buf, size_t size)
{
	snprintf(buf, size, "%s-%" PRIu64 "-%02x%02x%02x%02x", store_id, seq, chain[0], chain[1], chain[2], chain[3]);
	return buf;
}

/* --- pending rows --- */

static void pending_drop(struct spool *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		s->pending_bytes -= s->pending.at[i].body_len;
		free(s->pending.at[i].body);
	}
	s->pending.n -= n;
	if (s->pending.n)
		memmove(s->pending.at, s->pending.at + n, s->pending.n * sizeof(*s->pending.at));
}

static void pending_number(struct spool *s, struct spool_pending *p)
{
	p->seq = ++s->stats.last_seq;
	memcpy(p->link, s->head, sizeof(p->link));
	spool_link(p->link, p->seq, p->at_ns, p->body, p->body_len, p->chain);
	memcpy(s->head, p->chain, sizeof(s->head));
}

static int pending_add(struct spool *s, const struct event *ev, struct err *e)
{
	struct spool_pending p = {
		.packets = ev->packets, .bytes = ev->bytes, .at_ns = now_wall_ns(), .last_ns = ev->last_ns,
		.kind = (uint8_t)ev->kind, .severity = ev->severity, .lane = spool_lane(ev),
	};
	struct buf b;

	buf_init(&b);
	if (event_pack(ev, &b))
		p.body = buf_take(&b, &p.body_len);
	buf_fini(&b);
	if (!p.body)
		return err_plain(e, ENOMEM, "out of memory");
	if (s->pending_bytes + p.body_len > s->config.pending_bytes || !VEC_ROOM(&s->pending)) {
		free(p.body);
		return err_plain(e, ENOSPC, "the store can't be written and the memory for %zu waiting events is full",
				 s->pending.n);
	}
	pending_number(s, &p);
	if (s->pending.n == 0)
		s->group_ns = now_mono_ns();
	s->pending_bytes += p.body_len;
	VEC_PUSH(&s->pending, p);
	s->stats.pending = s->pending.n;
	return 0;
}

/* --- losses of our own --- */

static void refuse(struct spool *s, const struct event *ev)
{
	struct spool_refused *r = &s->refused;

	if (r->events == 0 || ev->first_ns < r->first_ns)
		r->first_ns = ev->first_ns;
	if (r->events == 0 || ev->last_ns > r->last_ns)
		r->last_ns = ev->last_ns;
	r->events++;
	r->packets += ev->packets;
	r->bytes += ev->bytes;
	r->kinds[ev->kind < EVENT_KINDS ? ev->kind : EVENT_LOSS]++;
	s->stats.refused++;
}

static void tell_refused(struct spool *s)
{
	struct spool_refused r = s->refused;
	struct event ev = { .kind = EVENT_LOSS, .severity = 3, .first_ns = r.first_ns, .last_ns = r.last_ns, .packets = r.packets,
			    .bytes = r.bytes, .why = "store", .reason = "events could not be written and did not fit into memory" };
	struct json j;
	struct buf b;
	struct err e;

	if (r.events == 0)
		return;
	buf_init(&b);
	json_init(&j, &b);
	json_object(&j, NULL);
	json_u64(&j, "events", r.events);
	json_object(&j, "kinds");
	for (int k = 0; k < EVENT_KINDS; k++)
		if (r.kinds[k])
			json_u64(&j, word_name(event_kind_words, k), r.kinds[k]);
	json_end(&j);
	json_end(&j);
	ev.detail = b.failed ? NULL : buf_cstr(&b);
	if (pending_add(s, &ev, &e) == 0)
		s->refused = (struct spool_refused){ 0 };
	buf_fini(&b);
}

static void tell_aside(struct spool *s, const struct db_report *report)
{
	int64_t now = now_wall_ns();
	struct event ev = { .kind = EVENT_LOSS, .severity = 3, .first_ns = now, .last_ns = now, .why = "store",
			    .reason = "the store was damaged and set aside; a new one was begun" };
	struct json j;
	struct buf b;
	struct err e;

	if (!report->set_aside)
		return;
	buf_init(&b);
	json_init(&j, &b);
	json_object(&j, NULL);
	json_str(&j, "store_quarantined", report->aside_path);
	json_str(&j, "old_store", report->aside_id);
	json_str(&j, "error", report->reason);
	json_end(&j);
	ev.detail = b.failed ? NULL : buf_cstr(&b);
	if (pending_add(s, &ev, &e) < 0)
		refuse(s, &ev);
	buf_fini(&b);
}

/* --- committing --- */

static int insert(struct spool *s, const struct spool_pending *p, struct err *e)
{
	static const char sql[] = "INSERT INTO event(seq, lane, kind, severity, at_ns, last_ns, packets, bytes, crc, link, chain,"
				  " body) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	sqlite3_stmt *st = db_prepare(s->db, sql, e);
	const int64_t numbers[] = { (int64_t)p->seq, p->lane, p->kind, p->severity, p->at_ns, p->last_ns, (int64_t)p->packets,
				    (int64_t)p->bytes, digest_crc32c(p->body, p->body_len) };

	if (!st)
		return -1;
	for (int i = 0; i < 9; i++)
		sqlite3_bind_int64(st, i + 1, numbers[i]);
	db_bind_blob(st, 10, p->link, sizeof(p->link));
	db_bind_blob(st, 11, p->chain, sizeof(p->chain));
	db_bind_blob(st, 12, p->body, p->body_len);
	return db_run(s->db, st, e);
}

static int put_head(struct spool *s, const struct spool_pending *last, struct err *e)
{
	static const char sql[] = "INSERT INTO head(one, seq, chain) VALUES(1, ?, ?) ON CONFLICT(one) DO UPDATE SET"
				  " seq = excluded.seq, chain = excluded.chain";
	sqlite3_stmt *st = db_prepare(s->db, sql, e);

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, (int64_t)last->seq);
	db_bind_blob(st, 2, last->chain, sizeof(last->chain));
	return db_run(s->db, st, e);
}

static int put_lanes(struct spool *s, struct err *e)
{
	static const char sql[] = "UPDATE lane SET rows = rows + ?, bytes = bytes + ? WHERE lane = ?";
	int64_t rows[SPOOL_LANES] = { 0 }, bytes[SPOOL_LANES] = { 0 };

	for (size_t i = 0; i < s->pending.n; i++) {
		rows[s->pending.at[i].lane]++;
		bytes[s->pending.at[i].lane] += (int64_t)s->pending.at[i].body_len;
	}
	for (int lane = 0; lane < SPOOL_LANES; lane++) {
		sqlite3_stmt *st = rows[lane] ? db_prepare(s->db, sql, e) : NULL;

		if (!rows[lane])
			continue;
		if (!st)
			return -1;
		sqlite3_bind_int64(st, 1, rows[lane]);
		sqlite3_bind_int64(st, 2, bytes[lane]);
		sqlite3_bind_int64(st, 3, lane);
		if (db_run(s->db, st, e) < 0)
			return -1;
	}
	return 0;
}

/* After a commit whose outcome is not known: what the file has of the pending rows is done; numbers that it lost again (power
 * loss, restored copy) are accounted for. */
static int reconcile(struct spool *s, struct err *e)
{
	static const char sql[] = "INSERT INTO removed(lane, reason, first, last, count, packets, bytes, at_ns)"
				  " VALUES(0, 'rollback', ?1, ?2, ?2 - ?1 + 1, 0, 0, ?3)";
	uint64_t first;
	sqlite3_stmt *st;
	int64_t has;
	size_t done = 0;

	if (db_number(s->db, "SELECT seq FROM head", &has, e) < 0)
		return -1;
	while (done < s->pending.n && s->pending.at[done].seq <= (uint64_t)has)
		done++;
	pending_drop(s, done);
	first = s->pending.n ? s->pending.at[0].seq : s->stats.last_seq + 1;
	if ((uint64_t)has + 1 >= first)
		return 0;
	st = db_prepare(s->db, sql, e);
	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, has + 1);
	sqlite3_bind_int64(st, 2, (int64_t)first - 1);
	sqlite3_bind_int64(st, 3, now_wall_ns());
	return db_run(s->db, st, e);
}

static int write_pending(struct spool *s, struct err *e)
{
	int64_t latest = 0;

	if (db_begin(s->db, e) < 0)
		return -1;
	if (s->unsure && reconcile(s, e) < 0)
		return -1;
	for (size_t i = 0; i < s->pending.n; i++) {
		if (insert(s, &s->pending.at[i], e) < 0)
			return -1;
		latest = s->pending.at[i].at_ns;
	}
	if (s->pending.n && (put_lanes(s, e) < 0 || put_head(s, &s->pending.at[s->pending.n - 1], e) < 0 ||
			     db_meta_raise(s->db, "latest_ns", latest, e) < 0))
		return -1;
	return db_commit(s->db, e);
}

/* The rows start anew in the file that replaced the damaged one. */
static void renumber(struct spool *s, const struct db_report *report)
{
	VEC(struct spool_pending) old = { s->pending.at, s->pending.n, s->pending.cap };

	s->pending.at = NULL;
	s->pending.n = s->pending.cap = 0;
	s->pending_bytes = 0;
	s->stats.last_seq = s->stats.committed_seq = 0;
	s->unsure = false;
	memcpy(s->store_id, db_id(s->db), sizeof(s->store_id));
	spool_genesis(s->store_id, s->head);
	tell_aside(s, report);
	for (size_t i = 0; i < old.n; i++) {
		pending_number(s, &old.at[i]);
		s->pending_bytes += old.at[i].body_len;
		if (!VEC_PUSH(&s->pending, old.at[i]))
			free(old.at[i].body);
	}
	free(old.at);
	s->stats.pending = s->pending.n;
}

void spool_set_aside(struct spool *s, const char *reason)
{
	struct db_report report;
	struct err e;

	if (db_set_aside(s->db, reason, &report, &e) == 0)
		renumber(s, &report);
	else
		snprintf(s->stats.error, sizeof(s->stats.error), "%s", e.msg);
}

static void reopen(struct spool *s)
{
	struct db_report report;
	struct err e;

	if (db_reopen(s->db, &report, &e) == 0 && (report.set_aside || report.created))
		renumber(s, &report);
}

static void commit_failed(struct spool *s, const struct err *e)
{
	unsigned ms = RETRY_MS << (s->failed < 5 ? s->failed : 5);

	db_rollback(s->db);
	s->unsure = true;
	s->failed++;
	s->stats.failures++;
	s->stats.degraded = true;
	s->stats.full = e->code == ENOSPC;
	snprintf(s->stats.error, sizeof(s->stats.error), "%s", e->msg);
	s->retry_ns = now_mono_ns() + (ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS) * NOW_NS_PER_MS;
}

/* Not by our own cap: nothing can be written at all.  What is to come waits in memory then, as much as a small commit
 * can write later, so that nothing that was recorded has to go for a disk that is full for a while. */
static bool may_wait(struct spool *s)
{
	struct db_size size;
	struct err ignored;

	return s->pending_bytes < FULL_WAIT_BYTES && db_size(s->db, &size, &ignored) == 0 &&
	       size.disk_free < FULL_BYTES;
}

/* What can be done about a failure before trying once more; false: nothing. */
static bool remedy(struct spool *s, const struct err *e)
{
	struct err ignored;

	db_rollback(s->db);
	s->unsure = true;
	if (e->code == EUCLEAN) {
		spool_set_aside(s, e->msg);
		return true;
	}
	if (e->code == ENOSPC) {
		if (may_wait(s))
			return false;
		db_drop_ballast(s->db);
		db_reuse_wal(s->db);
		db_cap(s->db, true);
		spool_retain(s, now_wall_ns(), true, &ignored);
		db_reuse_wal(s->db);
		return true;
	}
	if (e->code == EIO && s->failed >= REOPEN_AFTER) {
		reopen(s);
		return true;
	}
	return false;
}

static void committed(struct spool *s)
{
	size_t n = s->pending.n;

	for (size_t i = 0; i < n; i++)
		s->stats.bytes += s->pending.at[i].body_len;
	s->stats.events += n;
	s->stats.commits++;
	s->stats.committed_seq = s->stats.last_seq;
	pending_drop(s, n);
	s->stats.pending = 0;
	s->failed = 0;
	s->unsure = s->stats.degraded = s->stats.full = false;
}

int spool_commit(struct spool *s, struct err *e)
{
	for (unsigned round = 0; round < 2; round++) {
		if (s->pending.n == 0 && s->refused.events)
			tell_refused(s);
		if (s->pending.n == 0)
			return 0;
		if (write_pending(s, e) < 0 && (!remedy(s, e) || write_pending(s, e) < 0)) {
			commit_failed(s, e);
			return -1;
		}
		committed(s);
	}
	return 0;
}

int spool_append(struct spool *s, struct event *ev, struct err *e)
{
	struct err ignored;

	if (pending_add(s, ev, e) < 0) {
		refuse(s, ev);
		return -1;
	}
	ev->store_id = s->store_id;
	ev->seq = s->stats.last_seq;
	memcpy(ev->chain, s->head, sizeof(ev->chain));
	if (s->pending.n >= s->config.group_events && (!s->failed || now_mono_ns() >= s->retry_ns))
		spool_commit(s, &ignored);
	return 0;
}

int spool_tick(struct spool *s, int64_t mono_ns, int64_t wall_ns, struct err *e)
{
	bool due = s->failed ? mono_ns >= s->retry_ns : mono_ns - s->group_ns >= s->config.group_ms * NOW_NS_PER_MS;

	if ((s->pending.n || s->refused.events) && due && spool_commit(s, e) < 0)
		return -1;
	if (s->failed || mono_ns - s->kept_ns < NOW_NS_PER_S)
		return 0;
	s->kept_ns = mono_ns;
	if (spool_put_back(s, mono_ns, e) < 0)
		return -1;
	if (spool_retain(s, wall_ns, false, e) == 0)
		return 0;
	db_rollback(s->db);
	if (e->code == EUCLEAN)
		spool_set_aside(s, e->msg);
	return -1;
}

/* --- the whole --- */

static int load_head(struct spool *s, struct err *e)
{
	sqlite3_stmt *st = db_prepare(s->db, "SELECT seq, chain FROM head", e);
	bool row;

	spool_genesis(s->store_id, s->head);
	if (!st || db_step(s->db, st, &row, e) < 0)
		return -1;
	if (row && sqlite3_column_bytes(st, 1) == sizeof(s->head)) {
		s->stats.last_seq = s->stats.committed_seq = (uint64_t)sqlite3_column_int64(st, 0);
		memcpy(s->head, sqlite3_column_blob(st, 1), sizeof(s->head));
	}
	db_reset(st);
	return 0;
}

int spool_new(struct db *db, const struct spool_config *c, const struct db_report *report, struct spool **ret, struct err *e)
{
	struct spool *s = calloc(1, sizeof(*s));

	if (!s)
		return err_plain(e, ENOMEM, "out of memory");
	s->db = db;
	s->config = *c;
	s->config.group_events = c->group_events ? c->group_events : GROUP_EVENTS;
	s->config.group_ms = c->group_ms ? c->group_ms : GROUP_MS;
	s->config.pending_bytes = c->pending_bytes ? c->pending_bytes : PENDING_BYTES;
	s->config.min_free_bytes = c->min_free_bytes ? c->min_free_bytes : UINT64_C(64) << 20;
	memcpy(s->store_id, db_id(db), sizeof(s->store_id));
	if (load_head(s, e) < 0) {
		if (e->code != EUCLEAN) {
			free(s);
			return -1;
		}
		spool_set_aside(s, e->msg);
	}
	if (report)
		tell_aside(s, report);
	*ret = s;
	return 0;
}

void spool_free(struct spool *s)
{
	struct err e;

	if (!s)
		return;
	spool_commit(s, &e);
	pending_drop(s, s->pending.n);
	VEC_FREE(&s->pending);
	free(s);
}

void spool_stats(const struct spool *s, struct spool_stats *ret)
{
	*ret = s->stats;
	ret->degraded |= s->gone > 0;
}

const uint8_t *spool_chain(const struct spool *s)
{
	return s->head;
}
