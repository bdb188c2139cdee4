/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cursor: one connection under one lock; every call is one short transaction, committed durably before it returns. */
#include "store/cursor.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/vec.h"
#include "store/db_sql.h"

enum { VERSION = 1, DEAD_KEPT = 10000 };

static const char *const tables[] = {
	"CREATE TABLE sink(name TEXT PRIMARY KEY, store TEXT NOT NULL DEFAULT '', seq INTEGER NOT NULL DEFAULT 0,"
	" mark TEXT NOT NULL DEFAULT '', sent INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,"
	" failures INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0, lost INTEGER NOT NULL DEFAULT 0,"
	" state TEXT, error TEXT, ack_ns INTEGER NOT NULL DEFAULT 0, changed_ns INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID",
	"CREATE TABLE dead(id INTEGER PRIMARY KEY AUTOINCREMENT, sink TEXT NOT NULL, store TEXT NOT NULL, seq INTEGER NOT NULL,"
	" reason TEXT NOT NULL, at_ns INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE(sink, store, seq))",
	"CREATE TABLE resend(id INTEGER PRIMARY KEY AUTOINCREMENT, sink TEXT NOT NULL, store TEXT NOT NULL, first INTEGER NOT NULL,"
	" last INTEGER NOT NULL, done INTEGER NOT NULL, who TEXT, asked_ns INTEGER NOT NULL)",
	NULL
};
static const struct db_schema schema = { VERSION, tables };

struct cursor {
	bool writer;
	pthread_mutex_t lock;
	/* under lock: */
	struct db *db;
};

/* --- opening --- */

static int wrap(struct db *db, bool writer, struct cursor **ret, struct err *e)
{
	struct cursor *c = calloc(1, sizeof(*c));

	if (!c) {
		db_free(db);
		return err_plain(e, ENOMEM, "out of memory");
	}
	pthread_mutex_init(&c->lock, NULL);
	c->db = db;
	c->writer = writer;
	*ret = c;
	return 0;
}

int cursor_open(const char *dir, struct cursor **ret, struct db_report *report, struct err *e)
{
	struct db_config config = { .dir = dir, .name = CURSOR_NAME, .schema = &schema, .durability = DB_DURABLE };
	struct db *db;

	return db_open(&config, &db, report, e) < 0 ? -1 : wrap(db, true, ret, e);
}

int cursor_open_reader(const char *dir, struct cursor **ret, struct err *e)
{
	char path[DB_PATH];
	struct db *db;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, CURSOR_NAME) >= sizeof(path))
		return err_plain(e, ENAMETOOLONG, "%s: the path is too long", dir);
	return db_open_reader(path, &schema, &db, e) < 0 ? -1 : wrap(db, false, ret, e);
}

void cursor_free(struct cursor *c)
{
	if (!c)
		return;
	db_free(c->db);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* Damage found while running: begin anew, at the price of duplicates.  Under lock. */
static void after_error(struct cursor *c, const struct err *e)
{
	struct db_report report;
	struct err ignored;

	db_rollback(c->db);
	if (!c->writer)
		return;
	if (e->code == EUCLEAN)
		db_set_aside(c->db, e->msg, &report, &ignored);
	else if (e->code == EIO)
		db_reopen(c->db, &report, &ignored);
}

static int unlock(struct cursor *c, int rc, const struct err *e)
{
	if (rc < 0)
		after_error(c, e);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

/* --- places --- */

static void column_copy(sqlite3_stmt *st, int at, char *buf, size_t size)
{
	const char *s = (const char *)sqlite3_column_text(st, at);

	snprintf(buf, size, "%s", s ? s : "");
}

static int get(struct cursor *c, const char *sink, struct cursor_place *ret, struct err *e)
{
	sqlite3_stmt *st = db_prepare(c->db, "SELECT store, seq, mark FROM sink WHERE name = ?", e);
	bool row;

	*ret = (struct cursor_place){ 0 };
	if (!st)
		return -1;
	db_bind_text(st, 1, sink);
	if (db_step(c->db, st, &row, e) < 0)
		return -1;
	if (row) {
		column_copy(st, 0, ret->store, sizeof(ret->store));
		ret->seq = (uint64_t)sqlite3_column_int64(st, 1);
		column_copy(st, 2, ret->mark, sizeof(ret->mark));
	}
	db_reset(st);
	return 0;
}

int cursor_get(struct cursor *c, const char *sink, struct cursor_place *ret, struct err *e)
{
	pthread_mutex_lock(&c->lock);
	return unlock(c, get(c, sink, ret, e), e);
}

static int move(struct cursor *c, const char *sink, const struct cursor_place *p, uint64_t sent, uint64_t bytes, int64_t now_ns,
		struct err *e)
{
	static const char sql[] = "INSERT INTO sink(name, store, seq, mark, sent, bytes, ack_ns) VALUES(?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT DO UPDATE SET store = excluded.store, seq = excluded.seq, mark = excluded.mark,"
		" sent = sent + excluded.sent, bytes = bytes + excluded.bytes, ack_ns = excluded.ack_ns";
	sqlite3_stmt *st = db_prepare(c->db, sql, e);

	if (!st)
		return -1;
	db_bind_text(st, 1, sink);
	db_bind_text(st, 2, p->store);
	sqlite3_bind_int64(st, 3, (int64_t)p->seq);
	db_bind_text(st, 4, p->mark);
	sqlite3_bind_int64(st, 5, (int64_t)sent);
	sqlite3_bind_int64(st, 6, (int64_t)bytes);
	sqlite3_bind_int64(st, 7, now_ns);
	return db_run(c->db, st, e);
}

int cursor_move(struct cursor *c, const char *sink, const struct cursor_place *p, uint64_t sent, uint64_t bytes, int64_t now_ns,
		struct err *e)
{
	pthread_mutex_lock(&c->lock);
	return unlock(c, move(c, sink, p, sent, bytes, now_ns, e), e);
}

/* --- what could not be delivered --- */

static int add_count(struct cursor *c, const char *sql, const char *sink, uint64_t n, struct err *e)
{
	sqlite3_stmt *st = db_prepare(c->db, sql, e);

	if (!st)
		return -1;
	db_bind_text(st, 1, sink);
	sqlite3_bind_int64(st, 2, (int64_t)n);
	return db_run(c->db, st, e);
}

static int dead(struct cursor *c, const char *sink, const struct cursor_place *p, const char *reason, const void *body, size_t len,
		int64_t now_ns, struct err *e)
{
	static const char add[] = "INSERT INTO dead(sink, store, seq, reason, at_ns, body) VALUES(?, ?, ?, ?, ?, ?)"
				  " ON CONFLICT DO NOTHING";
	static const char count[] = "INSERT INTO sink(name, dead) VALUES(?, ?)"
				    " ON CONFLICT DO UPDATE SET dead = dead + excluded.dead";
	static const char bound[] = "DELETE FROM dead WHERE sink = ?1 AND id <= (SELECT max(id) FROM dead) - ?2";
	sqlite3_stmt *st;
	int64_t added;

	if (db_begin(c->db, e) < 0 || !(st = db_prepare(c->db, add, e)))
		return -1;
	db_bind_text(st, 1, sink);
	db_bind_text(st, 2, p->store);
	sqlite3_bind_int64(st, 3, (int64_t)p->seq);
	db_bind_text(st, 4, reason);
	sqlite3_bind_int64(st, 5, now_ns);
	db_bind_blob(st, 6, body, len);
	if (db_run(c->db, st, e) < 0 || db_number(c->db, "SELECT changes()", &added, e) < 0 ||
	    add_count(c, count, sink, (uint64_t)added, e) < 0 || add_count(c, bound, sink, DEAD_KEPT, e) < 0)
		return -1;
	return db_commit(c->db, e);
}

int cursor_dead(struct cursor *c, const char *sink, const struct cursor_place *p, const char *reason, const void *body, size_t len,
		int64_t now_ns, struct err *e)
{
	pthread_mutex_lock(&c->lock);
	return unlock(c, dead(c, sink, p, reason, body, len, now_ns, e), e);
}

int cursor_lost(struct cursor *c, const char *sink, uint64_t count, struct err *e)
{
	static const char sql[] = "INSERT INTO sink(name, lost) VALUES(?, ?) ON CONFLICT DO UPDATE SET lost = lost + excluded.lost";

	pthread_mutex_lock(&c->lock);
	return unlock(c, add_count(c, sql, sink, count, e), e);
}

/* --- status --- */

static int state(struct cursor *c, const char *sink, const char *word, const char *error, bool failed, int64_t now_ns,
		 struct err *e)
{
	static const char sql[] = "INSERT INTO sink(name, state, error, failures, changed_ns) VALUES(?, ?, ?, ?, ?)"
		" ON CONFLICT DO UPDATE SET state = excluded.state, error = excluded.error,"
		" failures = failures + excluded.failures, changed_ns = excluded.changed_ns";
	sqlite3_stmt *st = db_prepare(c->db, sql, e);

	if (!st)
		return -1;
	db_bind_text(st, 1, sink);
	db_bind_text(st, 2, word);
	db_bind_text(st, 3, error);
	sqlite3_bind_int64(st, 4, failed);
	sqlite3_bind_int64(st, 5, now_ns);
	return db_run(c->db, st, e);
}

int cursor_state(struct cursor *c, const char *sink, const char *word, const char *error, bool failed, int64_t now_ns,
		 struct err *e)
{
	pthread_mutex_lock(&c->lock);
	return unlock(c, state(c, sink, word, error, failed, now_ns, e), e);
}

static const char *column_word(sqlite3_stmt *st, int at, struct arena *a)
{
	const char *s = (const char *)sqlite3_column_text(st, at);

	return s ? arena_strdup(a, s) : NULL;
}

static void fill_status(sqlite3_stmt *st, struct arena *a, struct cursor_status *s)
{
	uint64_t *const numbers[] = { &s->sent, &s->bytes, &s->failures, &s->dead, &s->lost };

	*s = (struct cursor_status){ .sink = column_word(st, 0, a) };
	column_copy(st, 1, s->place.store, sizeof(s->place.store));
	s->place.seq = (uint64_t)sqlite3_column_int64(st, 2);
	column_copy(st, 3, s->place.mark, sizeof(s->place.mark));
	for (int i = 0; i < 5; i++)
		*numbers[i] = (uint64_t)sqlite3_column_int64(st, 4 + i);
	s->state = column_word(st, 9, a);
	s->error = column_word(st, 10, a);
	s->last_ack_ns = sqlite3_column_int64(st, 11);
	s->changed_ns = sqlite3_column_int64(st, 12);
}

static int statuses(struct cursor *c, struct arena *a, struct cursor_status **ret, size_t *ret_n, struct err *e)
{
	static const char sql[] = "SELECT name, store, seq, mark, sent, bytes, failures, dead, lost, state, error, ack_ns,"
				  " changed_ns FROM sink ORDER BY name";
	sqlite3_stmt *st = db_prepare(c->db, sql, e);
	VEC(struct cursor_status) list = { 0 };
	struct cursor_status s;
	bool row = true;
	int rc = st ? 0 : -1;

	while (rc == 0 && (rc = db_step(c->db, st, &row, e)) == 0 && row) {
		fill_status(st, a, &s);
		if (!VEC_PUSH(&list, s))
			rc = err_plain(e, ENOMEM, "out of memory");
	}
	db_reset(st);
	*ret = rc == 0 ? arena_memdup(a, list.at, list.n * sizeof(*list.at)) : NULL;
	*ret_n = list.n;
	VEC_FREE(&list);
	return rc < 0 || !arena_failed(a) ? rc : err_plain(e, ENOMEM, "out of memory");
}

int cursor_statuses(struct cursor *c, struct arena *a, struct cursor_status **ret, size_t *ret_n, struct err *e)
{
	pthread_mutex_lock(&c->lock);
	return unlock(c, statuses(c, a, ret, ret_n, e), e);
}

/* --- sending again --- */

static int resend_add(struct cursor *c, const char *sink, const struct cursor_resend *r, struct err *e)
{
	static const char sql[] = "INSERT INTO resend(sink, store, first, last, done, who, asked_ns) VALUES(?, ?, ?, ?, ?, ?, ?)";
	sqlite3_stmt *st = db_prepare(c->db, sql, e);

	if (!st)
		return -1;
	db_bind_text(st, 1, sink);
	db_bind_text(st, 2, r->store);
	sqlite3_bind_int64(st, 3, (int64_t)r->from);
	sqlite3_bind_int64(st, 4, (int64_t)r->to);
	sqlite3_bind_int64(st, 5, (int64_t)r->done);
	db_bind_text(st, 6, r->by);
	sqlite3_bind_int64(st, 7, r->asked_ns);
	return db_run(c->db, st, e);
}

int cursor_resend_add(struct cursor *c, const char *sink, const struct cursor_resend *r, struct err *e)
{
	pthread_mutex_lock(&c->lock);
	return unlock(c, resend_add(c, sink, r, e), e);
}

static int resend_next(struct cursor *c, const char *sink, struct arena *a, struct cursor_resend *ret, struct err *e)
{
	static const char sql[] = "SELECT id, store, first, last, done, who, asked_ns FROM resend WHERE sink = ?"
				  " ORDER BY id LIMIT 1";
	sqlite3_stmt *st = db_prepare(c->db, sql, e);
	bool row;

	*ret = (struct cursor_resend){ 0 };
	if (!st)
		return -1;
	db_bind_text(st, 1, sink);
	if (db_step(c->db, st, &row, e) < 0)
		return -1;
	if (row) {
		ret->id = sqlite3_column_int64(st, 0);
		column_copy(st, 1, ret->store, sizeof(ret->store));
		ret->from = (uint64_t)sqlite3_column_int64(st, 2);
		ret->to = (uint64_t)sqlite3_column_int64(st, 3);
		ret->done = (uint64_t)sqlite3_column_int64(st, 4);
		ret->by = column_word(st, 5, a);
		ret->asked_ns = sqlite3_column_int64(st, 6);
	}
	db_reset(st);
	return 0;
}

int cursor_resend_next(struct cursor *c, const char *sink, struct arena *a, struct cursor_resend *ret, struct err *e)
{
	pthread_mutex_lock(&c->lock);
	return unlock(c, resend_next(c, sink, a, ret, e), e);
}

static int resend_move(struct cursor *c, int64_t id, uint64_t done, struct err *e)
{
	static const char *const sql[] = { "UPDATE resend SET done = ?2 WHERE id = ?1",
					   "DELETE FROM resend WHERE id = ?1 AND last <= ?2" };

	for (int i = 0; i < 2; i++) {
		sqlite3_stmt *st = db_prepare(c->db, sql[i], e);

		if (!st)
			return -1;
		sqlite3_bind_int64(st, 1, id);
		sqlite3_bind_int64(st, 2, (int64_t)done);
		if (db_run(c->db, st, e) < 0)
			return -1;
	}
	return 0;
}

int cursor_resend_move(struct cursor *c, int64_t id, uint64_t done, struct err *e)
{
	pthread_mutex_lock(&c->lock);
	return unlock(c, resend_move(c, id, done, e), e);
}
