/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spool: the reading half.  Every call reads a bounded number of rows and ends its read transaction before it returns.  A damaged
 * page hides only its own rows: then the rows are read one by one. */
#include "store/spool_row.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "store/store.h"

enum { ROWS = 256, BYTES = 1 << 20 };

struct spool_reader {
	struct db *db;
	char path[DB_PATH];
};

int spool_reader_open(const char *path, struct spool_reader **ret, struct err *e)
{
	AUTO(spool_reader) r = calloc(1, sizeof(*r));

	if (!r)
		return err_plain(e, ENOMEM, "out of memory");
	if ((size_t)snprintf(r->path, sizeof(r->path), "%s", path) >= sizeof(r->path))
		return err_plain(e, ENAMETOOLONG, "%s: the path is too long", path);
	if (store_open_reader(path, &r->db, e) < 0)
		return -1;
	*ret = TAKE(r);
	return 0;
}

void spool_reader_free(struct spool_reader *r)
{
	if (!r)
		return;
	db_free(r->db);
	free(r);
}

const char *spool_reader_id(const struct spool_reader *r)
{
	return db_id(r->db);
}

struct db *spool_reader_db(struct spool_reader *r)
{
	return r->db;
}

int spool_reader_refresh(struct spool_reader *r, bool *ret_changed, struct err *e)
{
	struct db *fresh;

	*ret_changed = false;
	if (!db_is_stale(r->db))
		return 0;
	if (store_open_reader(r->path, &fresh, e) < 0)
		return -1;
	db_free(r->db);
	r->db = fresh;
	*ret_changed = true;
	return 0;
}

/* --- rows --- */

#define COLUMNS "seq, at_ns, crc, chain, body"

/* The row that st stands on; its words go to a.  false: out of memory. */
static bool take_row(const struct spool_reader *r, sqlite3_stmt *st, struct arena *a, struct spool_row *row)
{
	size_t len = (size_t)sqlite3_column_bytes(st, 4);
	uint32_t crc = (uint32_t)sqlite3_column_int64(st, 2);
	char id[SPOOL_ID_TEXT];
	struct err e;

	*row = (struct spool_row){ .seq = (uint64_t)sqlite3_column_int64(st, 0), .at_ns = sqlite3_column_int64(st, 1) };
	row->body = arena_memdup(a, sqlite3_column_blob(st, 4), len);
	row->body_len = len;
	if (!row->body && len)
		return false;
	if (digest_crc32c(row->body, len) != crc)
		row->health = SPOOL_BAD_CRC;
	else if (event_unpack(row->body, len, a, &row->ev, &e) < 0)
		row->health = SPOOL_BAD_BODY;
	row->ev.seq = row->seq;
	if (sqlite3_column_bytes(st, 3) == sizeof(row->ev.chain))
		memcpy(row->ev.chain, sqlite3_column_blob(st, 3), sizeof(row->ev.chain));
	row->ev.store_id = arena_strdup(a, db_id(r->db));
	row->ev.id = arena_strdup(a, spool_event_id(db_id(r->db), row->seq, row->ev.chain, id, sizeof(id)));
	return !arena_failed(a);
}

static int bind_query(struct spool_reader *r, const struct spool_query *q, size_t limit, sqlite3_stmt **ret, struct err *e)
{
	static const char forward[] = "SELECT " COLUMNS " FROM event WHERE seq > ? AND seq <= ? AND last_ns >= ? AND last_ns <= ?"
				      " AND (? >> kind) & 1 ORDER BY seq LIMIT ?";
	static const char backward[] = "SELECT " COLUMNS " FROM event WHERE seq > ? AND seq <= ? AND last_ns >= ? AND last_ns <= ?"
				       " AND (? >> kind) & 1 ORDER BY seq DESC LIMIT ?";
	const int64_t numbers[] = {
		(int64_t)q->after_seq, q->until_seq ? (int64_t)q->until_seq : INT64_MAX, q->since_ns ? q->since_ns : INT64_MIN,
		q->until_ns ? q->until_ns : INT64_MAX, q->kinds ? (int64_t)q->kinds : (int64_t)UINT32_MAX, (int64_t)limit,
	};

	*ret = db_prepare(r->db, q->newest_first ? backward : forward, e);
	for (int i = 0; *ret && i < 6; i++)
		sqlite3_bind_int64(*ret, i + 1, numbers[i]);
	return *ret ? 0 : -1;
}

static int read_rows(struct spool_reader *r, const struct spool_query *q, size_t limit, struct arena *a, struct spool_batch *b,
		     struct err *e)
{
	size_t bytes = 0, max_bytes = q->max_bytes ? q->max_bytes : BYTES;
	sqlite3_stmt *st;
	bool row;

	if (bind_query(r, q, limit, &st, e) < 0)
		return -1;
	while (b->n < limit && bytes < max_bytes) {
		if (db_step(r->db, st, &row, e) < 0)
			return -1;
		if (!row)
			return 0;
		if (!take_row(r, st, a, &b->rows[b->n])) {
			db_reset(st);
			return err_plain(e, ENOMEM, "out of memory");
		}
		bytes += b->rows[b->n++].body_len;
	}
	db_reset(st);
	return 0;
}

/* One row by its number; *ret_there false: there is none.  A row that can't be read is one of bad health. */
static int read_one(struct spool_reader *r, uint64_t seq, struct arena *a, struct spool_row *ret, bool *ret_there, struct err *e)
{
	static const char sql[] = "SELECT " COLUMNS " FROM event WHERE seq = ?";
	sqlite3_stmt *st = db_prepare(r->db, sql, e);
	bool ok = true;

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, (int64_t)seq);
	if (db_step(r->db, st, ret_there, e) < 0) {
		char id[SPOOL_ID_TEXT];

		if (e->code != EUCLEAN)
			return -1;
		*ret_there = true;
		*ret = (struct spool_row){ .seq = seq, .health = SPOOL_BAD_PAGE, .ev.seq = seq };
		ret->ev.store_id = arena_strdup(a, db_id(r->db));
		ret->ev.id = arena_strdup(a, spool_event_id(db_id(r->db), seq, ret->ev.chain, id, sizeof(id)));
	} else if (*ret_there) {
		ok = take_row(r, st, a, ret);
	}
	db_reset(st);
	return ok && !arena_failed(a) ? 0 : err_plain(e, ENOMEM, "out of memory");
}

static int read_singly(struct spool_reader *r, const struct spool_query *q, size_t limit, struct arena *a, struct spool_batch *b,
		       struct err *e)
{
	uint64_t until = q->until_seq && q->until_seq < b->max_seq ? q->until_seq : b->max_seq;

	b->n = 0;
	for (uint64_t seq = q->after_seq + 1; seq <= until && b->n < limit; seq++) {
		struct spool_row *row = &b->rows[b->n];
		bool there;

		if (read_one(r, seq, a, row, &there, e) < 0)
			return -1;
		if (there && (row->health != SPOOL_WHOLE || !q->kinds || q->kinds >> row->ev.kind & 1))
			b->n++;
	}
	return 0;
}

/* The bounds; head's number stands in where the tree can't be walked. */
static int read_bounds(struct spool_reader *r, struct spool_batch *b, struct err *e)
{
	int64_t max, min, head;

	if (db_number(r->db, "SELECT seq FROM head", &head, e) < 0)
		return -1;
	if (db_number(r->db, "SELECT max(seq) FROM event", &max, e) < 0) {
		if (e->code != EUCLEAN)
			return -1;
		max = head;
	}
	if (db_number(r->db, "SELECT min(seq) FROM event", &min, e) < 0) {
		if (e->code != EUCLEAN)
			return -1;
		min = 1;
	}
	b->head_seq = (uint64_t)head;
	b->max_seq = (uint64_t)max;
	b->min_seq = (uint64_t)min;
	return 0;
}

int spool_read(struct spool_reader *r, const struct spool_query *q, struct arena *a, struct spool_batch *ret, struct err *e)
{
	size_t limit = q->max_rows ? q->max_rows : ROWS;
	struct spool_batch b = { .rows = arena_array(a, limit, struct spool_row) };

	if (!b.rows)
		return err_plain(e, ENOMEM, "out of memory");
	if (read_bounds(r, &b, e) < 0)
		return -1;
	if (read_rows(r, q, limit, a, &b, e) < 0 &&
	    (e->code != EUCLEAN || q->newest_first || read_singly(r, q, limit, a, &b, e) < 0))
		return -1;
	*ret = b;
	return 0;
}

int spool_removed(struct spool_reader *r, uint64_t after, uint64_t until, struct arena *a, struct spool_removed **ret,
		  size_t *ret_n, struct err *e)
{
	static const char sql[] = "SELECT first, last, count, packets, bytes, at_ns, reason FROM removed"
				  " WHERE last > ? AND first <= ? ORDER BY first, id";
	sqlite3_stmt *st = db_prepare(r->db, sql, e);
	VEC(struct spool_removed) list = { 0 };
	bool row = true;
	int rc = 0;

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, (int64_t)after);
	sqlite3_bind_int64(st, 2, (int64_t)(until > INT64_MAX ? INT64_MAX : until));
	while ((rc = db_step(r->db, st, &row, e)) == 0 && row) {
		struct spool_removed x = { .at_ns = sqlite3_column_int64(st, 5) };
		uint64_t *to[] = { &x.first, &x.last, &x.count, &x.packets, &x.bytes };

		for (int i = 0; i < 5; i++)
			*to[i] = (uint64_t)sqlite3_column_int64(st, i);
		snprintf(x.reason, sizeof(x.reason), "%s", (const char *)sqlite3_column_text(st, 6));
		if (!VEC_PUSH(&list, x))
			rc = err_plain(e, ENOMEM, "out of memory");
		if (rc < 0)
			break;
	}
	db_reset(st);
	*ret = rc == 0 ? arena_memdup(a, list.at, list.n * sizeof(*list.at)) : NULL;
	*ret_n = list.n;
	VEC_FREE(&list);
	return rc < 0 ? -1 : *ret || !*ret_n ? 0 : err_plain(e, ENOMEM, "out of memory");
}

/* --- what can still be read of a damaged file --- */

int spool_salvage(const char *path, spool_row_fn fn, void *arg, uint64_t *ret_good, uint64_t *ret_bad, struct err *e)
{
	AUTO(spool_reader) r = NULL;
	struct spool_batch b = { 0 };

	*ret_good = *ret_bad = 0;
	if (spool_reader_open(path, &r, e) < 0 || read_bounds(r, &b, e) < 0)
		return -1;
	for (uint64_t seq = b.min_seq ? b.min_seq : 1; seq <= b.max_seq; seq++) {
		struct arena *a = arena_new();
		struct spool_row row;
		bool there = false;
		int rc = a ? read_one(r, seq, a, &row, &there, e) : err_plain(e, ENOMEM, "out of memory");

		if (rc == 0 && there)
			fn(arg, &row);
		if (rc == 0 && there)
			(*(row.health == SPOOL_WHOLE ? ret_good : ret_bad))++;
		arena_free(a);
		if (rc < 0)
			return -1;
	}
	return 0;
}
