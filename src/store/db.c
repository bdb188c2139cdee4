/* SPDX-License-Identifier: GPL-2.0-or-later */
/* db: opening, and what holds for every database: WAL, checks of version and id, statements, transactions, error words.
 * A handle outlives its file: when that is set aside or the disk fails, sql is closed (NULL) or opened anew. */
#include "store/db_open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/file.h"

const char *const db_beside[DB_BESIDE] = { "-wal", "-shm" };

enum { READER_BUSY_MS = 300, WAL_LIMIT = 16 << 20 };

/* --- errors --- */

static int errno_of(sqlite3 *sql, int rc, bool preparing, bool writer)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_CORRUPT: case SQLITE_NOTADB: case SQLITE_FORMAT:
		return EUCLEAN;
	case SQLITE_BUSY: case SQLITE_LOCKED: case SQLITE_PROTOCOL: case SQLITE_INTERRUPT:
		return EAGAIN;
	case SQLITE_READONLY:           /* 264 recovery, 520 no lock, 1288 no -shm yet, 1544 no directory: the writer is at it */
		return rc == SQLITE_READONLY ? EROFS : EAGAIN;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_CANTOPEN:
		return writer ? EIO : EAGAIN;
	case SQLITE_IOERR:
		if (rc == SQLITE_IOERR_CORRUPTFS)
			return EUCLEAN;
		return sql && sqlite3_system_errno(sql) == ENOSPC ? ENOSPC : EIO;
	case SQLITE_ERROR:              /* a table is missing: the file is not ours */
		return preparing ? EUCLEAN : EIO;
	default:
		return EIO;
	}
}

static int fail(struct db *db, int rc, bool preparing, struct err *e)
{
	return err_plain(e, errno_of(db->sql, rc, preparing, db->writer), "%s: %s (%d)", db->path,
			 db->sql ? sqlite3_errmsg(db->sql) : sqlite3_errstr(rc), rc);
}

static int closed(const struct db *db, struct err *e)
{
	return err_plain(e, EIO, "%s: the database is closed after an error", db->path);
}

/* --- statements --- */

sqlite3_stmt *db_prepare(struct db *db, const char *sql, struct err *e)
{
	unsigned i = 0;
	int rc;

	if (!db->sql) {
		closed(db, e);
		return NULL;
	}
	while (i < db->n_stmts && db->stmts[i].text != sql)
		i++;
	if (i < db->n_stmts) {
		sqlite3_reset(db->stmts[i].st);
		sqlite3_clear_bindings(db->stmts[i].st);
		return db->stmts[i].st;
	}
	if (i == DB_STMTS) {                            /* more than a program has: make room at the end */
		i--;
		sqlite3_finalize(db->stmts[i].st);
		db->n_stmts--;
	}
	rc = sqlite3_prepare_v3(db->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, &db->stmts[i].st, NULL);
	if (rc != SQLITE_OK) {
		fail(db, rc, true, e);
		return NULL;
	}
	db->stmts[i].text = sql;
	db->n_stmts++;
	return db->stmts[i].st;
}

int db_step(struct db *db, sqlite3_stmt *st, bool *ret_row, struct err *e)
{
	int rc = sqlite3_step(st);

	*ret_row = rc == SQLITE_ROW;
	if (rc == SQLITE_ROW)
		return 0;
	if (rc != SQLITE_DONE)
		fail(db, rc, false, e);
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

int db_run(struct db *db, sqlite3_stmt *st, struct err *e)
{
	bool row = true;
	int rc = 0;

	if (!st)
		return -1;
	while (rc == 0 && row)
		rc = db_step(db, st, &row, e);
	return rc;
}

void db_reset(sqlite3_stmt *st)
{
	if (st)
		sqlite3_reset(st);
}

int db_exec(struct db *db, const char *sql, struct err *e)
{
	int rc;

	if (!db->sql)
		return closed(db, e);
	rc = sqlite3_exec(db->sql, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : fail(db, rc, false, e);
}

int db_number(struct db *db, const char *sql, int64_t *ret, struct err *e)
{
	sqlite3_stmt *st = db_prepare(db, sql, e);
	bool row;

	if (!st || db_step(db, st, &row, e) < 0)
		return -1;
	*ret = row ? sqlite3_column_int64(st, 0) : 0;
	db_reset(st);
	return 0;
}

void db_bind_text(sqlite3_stmt *st, int at, const char *s)
{
	if (s)
		sqlite3_bind_text(st, at, s, -1, SQLITE_STATIC);
}

void db_bind_blob(sqlite3_stmt *st, int at, const void *p, size_t n)
{
	sqlite3_bind_blob64(st, at, p ? p : "", n, SQLITE_STATIC);
}

int db_meta_get(struct db *db, const char *key, int64_t *ret, struct err *e)
{
	static const char sql[] = "SELECT value FROM meta WHERE key = ?";
	sqlite3_stmt *st = db_prepare(db, sql, e);
	bool row;

	if (!st)
		return -1;
	db_bind_text(st, 1, key);
	if (db_step(db, st, &row, e) < 0)
		return -1;
	*ret = row ? sqlite3_column_int64(st, 0) : 0;
	db_reset(st);
	return 0;
}

int db_meta_raise(struct db *db, const char *key, int64_t value, struct err *e)
{
	static const char sql[] = "INSERT INTO meta(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET"
				  " value = max(value, excluded.value)";
	sqlite3_stmt *st = db_prepare(db, sql, e);

	if (!st)
		return -1;
	db_bind_text(st, 1, key);
	sqlite3_bind_int64(st, 2, value);
	return db_run(db, st, e);
}

/* --- transactions --- */

int db_begin(struct db *db, struct err *e)
{
	return db_exec(db, "BEGIN IMMEDIATE", e);
}

int db_commit(struct db *db, struct err *e)
{
	if (db_exec(db, "COMMIT", e) == 0)
		return 0;
	db_rollback(db);
	return -1;
}

bool db_in_transaction(const struct db *db)
{
	return db->sql && !sqlite3_get_autocommit(db->sql);
}

void db_rollback(struct db *db)
{
	struct err e;

	if (db_in_transaction(db))
		db_exec(db, "ROLLBACK", &e);
}

/* --- opening --- */

void db_detach(struct db *db)
{
	for (unsigned i = 0; i < db->n_stmts; i++)
		sqlite3_finalize(db->stmts[i].st);
	db->n_stmts = 0;
	sqlite3_close_v2(db->sql);
	db->sql = NULL;
}

/* One that is empty gets its mode and group before SQLite knows of it: -wal and -shm take after it. */
int db_make_file(const struct db *db, const char *path, struct err *e)
{
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);

	if (fd < 0)
		return errno == EEXIST ? 0 : err_sys(e, errno, "%s", path);
	if (fchmod(fd, 0640) < 0 || (db->group != (gid_t)-1 && fchown(fd, (uid_t)-1, db->group) < 0))
		return err_sys(e, errno, "%s: mode and group", path);
	return 0;
}

static int make_tables(struct db *db, struct err *e)
{
	static const char meta[] = "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID";
	static const char put_id[] = "INSERT INTO meta(key, value) VALUES('store_id', ?)";
	char id[DB_ID_TEXT], pragma[64];
	sqlite3_stmt *st;
	uint8_t random[16];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return err_sys(e, errno, "no random store id");
	digest_hex(random, sizeof(random), id, sizeof(id));
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", db->schema->version);
	if (db_begin(db, e) < 0)
		return -1;
	if (db_exec(db, meta, e) < 0 || !(st = db_prepare(db, put_id, e)))
		return -1;
	db_bind_text(st, 1, id);
	if (db_run(db, st, e) < 0)
		return -1;
	for (const char *const *sql = db->schema->sql; *sql; sql++)
		if (db_exec(db, *sql, e) < 0)
			return -1;
	return db_exec(db, pragma, e) < 0 ? -1 : db_commit(db, e);
}

static int read_id(struct db *db, struct err *e)
{
	static const char sql[] = "SELECT value FROM meta WHERE key = 'store_id'";
	sqlite3_stmt *st = db_prepare(db, sql, e);
	const char *id;
	bool row;

	if (!st || db_step(db, st, &row, e) < 0)
		return -1;
	id = row ? (const char *)sqlite3_column_text(st, 0) : NULL;
	if (!id || strlen(id) != DB_ID_TEXT - 1) {
		db_reset(st);
		return err_plain(e, EUCLEAN, "%s has no store id", db->path);
	}
	memcpy(db->id, id, DB_ID_TEXT);
	db_reset(st);
	return 0;
}

static int check_version(struct db *db, int64_t *ret, struct err *e)
{
	if (db_number(db, "PRAGMA user_version", ret, e) < 0)
		return -1;
	if (*ret != 0 && *ret != db->schema->version)
		return err_plain(e, db->writer ? EUCLEAN : EPROTO, "%s is of version %lld, this program's is %d", db->path,
				 (long long)*ret, db->schema->version);
	return 0;
}

/* What holds for a connection, before anything is read; auto_vacuum must stand before the first table. */
static int configure(struct db *db, struct err *e)
{
	sqlite3_extended_result_codes(db->sql, 1);
	sqlite3_busy_timeout(db->sql, db->writer ? DB_BUSY_MS : READER_BUSY_MS);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return db_exec(db, "PRAGMA cell_size_check = ON", e);
}

static int use_wal(struct db *db, struct err *e)
{
	sqlite3_stmt *st = db_prepare(db, "PRAGMA journal_mode = WAL", e);
	bool row, ok;

	if (!st || db_step(db, st, &row, e) < 0)
		return -1;
	ok = row && strcmp((const char *)sqlite3_column_text(st, 0), "wal") == 0;
	db_reset(st);
	return ok ? 0 : err_plain(e, EOPNOTSUPP, "%s: the file system can't hold a write-ahead log", db->path);
}

long long db_max_pages(const struct db *db)
{
	return db->max_bytes ? (long long)(db->max_bytes / (uint64_t)db->page_size) : 1073741823LL;
}

static int configure_writer(struct db *db, struct err *e)
{
	char pragma[160];
	int persist = 1;

	if (db_exec(db, "PRAGMA auto_vacuum = INCREMENTAL", e) < 0 || use_wal(db, e) < 0)
		return -1;
	sqlite3_file_control(db->sql, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
	if (db_number(db, "PRAGMA page_size", &db->page_size, e) < 0)
		return -1;
	snprintf(pragma, sizeof(pragma),
		 "PRAGMA synchronous = %s; PRAGMA journal_size_limit = %d; PRAGMA max_page_count = %lld",
		 db->durability == DB_DURABLE ? "FULL" : "NORMAL", WAL_LIMIT, db_max_pages(db));
	return db_exec(db, pragma, e);
}

static void remember(struct db *db, const struct stat *file)
{
	char name[DB_PATH + 8];
	struct stat st;

	db->ino = file->st_ino;
	db->dev = file->st_dev;
	for (size_t i = 0; i < DB_BESIDE; i++) {
		snprintf(name, sizeof(name), "%s%s", db->path, db_beside[i]);
		db->beside[i] = stat(name, &st) == 0 ? st.st_ino : 0;
	}
}

/* The path as it is; EUCLEAN when it can't be used. */
int db_attach(struct db *db, bool *ret_created, struct err *e)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | (db->writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
	struct stat before, after;
	int64_t version;
	int rc;

	*ret_created = false;
	if (db->writer && db_make_file(db, db->path, e) < 0)
		return -1;
	if (stat(db->path, &before) < 0)
		return err_sys(e, errno, "%s", db->path);
	rc = sqlite3_open_v2(db->path, &db->sql, flags, NULL);
	if (rc != SQLITE_OK)
		return fail(db, rc, false, e);
	if (configure(db, e) < 0 || (db->writer && configure_writer(db, e) < 0) || check_version(db, &version, e) < 0)
		return -1;
	if (version == 0 && !db->writer)
		return err_plain(e, EAGAIN, "%s is being made", db->path);
	if (version == 0 && make_tables(db, e) < 0)
		return -1;
	*ret_created = version == 0;
	if (read_id(db, e) < 0)
		return -1;
	if (stat(db->path, &after) < 0 || before.st_ino != after.st_ino || before.st_dev != after.st_dev)
		return err_plain(e, EAGAIN, "%s was replaced just now", db->path);
	remember(db, &after);
	return 0;
}

int db_open_reader(const char *path, const struct db_schema *schema, struct db **ret, struct err *e)
{
	AUTO(db) db = calloc(1, sizeof(*db));
	bool created;

	if (!db)
		return err_plain(e, ENOMEM, "out of memory");
	db->schema = schema;
	db->lock = -1;
	if ((size_t)snprintf(db->path, sizeof(db->path), "%s", path) >= sizeof(db->path))
		return err_plain(e, ENAMETOOLONG, "%s: the path is too long", path);
	if (db_attach(db, &created, e) < 0)
		return -1;
	*ret = TAKE(db);
	return 0;
}

void db_free(struct db *db)
{
	if (!db)
		return;
	db_detach(db);
	if (db->lock >= 0)
		close(db->lock);
	free(db);
}

const char *db_id(const struct db *db)
{
	return db->id;
}

const char *db_path(const struct db *db)
{
	return db->path;
}

unsigned db_epoch(const struct db *db)
{
	return db->epoch;
}

bool db_is_ours(const struct db *db, const char *tail, ino_t ino)
{
	char name[DB_PATH + 8];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", db->path, tail);
	if (stat(name, &st) < 0)
		return errno != ENOENT && errno != ENOTDIR;     /* any other failure says nothing of the file */
	return st.st_ino == ino && st.st_dev == db->dev;
}

bool db_is_stale(const struct db *db)
{
	bool stale = !db_is_ours(db, "", db->ino);

	for (size_t i = 0; i < DB_BESIDE; i++)
		stale |= db->beside[i] && !db_is_ours(db, db_beside[i], db->beside[i]);
	return stale;
}
