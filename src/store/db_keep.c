/* SPDX-License-Identifier: GPL-2.0-or-later */
/* db: the writer's part: making the directory, setting a bad file aside, the ballast against a full disk, sizes. */
#include "store/db_open.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/file.h"

enum { ASIDE_KEPT = 4, ASIDE_MAX = 1000, WAL_WORRY = 64 << 20 };

/* --- the directory --- */

static int find_group(const char *name, gid_t *ret, struct err *e)
{
	struct group *g;

	*ret = (gid_t)-1;
	if (!name)
		return 0;
	errno = 0;
	g = getgrnam(name);
	if (!g)
		return err_plain(e, EINVAL, "there is no group '%s'", name);
	*ret = g->gr_gid;
	return 0;
}

static int make_dir(const char *dir, gid_t group, struct err *e)
{
	struct stat st;

	if (stat(dir, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0 : err_plain(e, ENOTDIR, "%s is not a directory", dir);
	if (file_mkdirs(dir, 0750, e) < 0)
		return -1;
	if (group != (gid_t)-1 && chown(dir, (uid_t)-1, group) < 0)
		return err_sys(e, errno, "%s: group", dir);
	if (chmod(dir, 02750) < 0)
		return err_sys(e, errno, "%s: mode", dir);
	return 0;
}

/* --- setting aside --- */

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static const char *aside_name(const struct db *db, unsigned n, const char *tail, char *buf, size_t size)
{
	snprintf(buf, size, "%s.corrupt-%u%s", db->path, n, tail);
	return buf;
}

/* The number after the last one used; what is more than ASIDE_KEPT back goes, so that a dying disk is not filled with copies. */
static unsigned aside_number(const struct db *db)
{
	char name[DB_PATH + 32];
	unsigned n = 1, last = 0;

	for (unsigned i = 1; i <= ASIDE_MAX; i++)
		if (exists(aside_name(db, i, "", name, sizeof(name))))
			last = i;
	n = last + 1;
	for (unsigned i = 1; i + ASIDE_KEPT <= n; i++) {
		unlink(aside_name(db, i, "", name, sizeof(name)));
		for (size_t c = 0; c < DB_BESIDE; c++)
			unlink(aside_name(db, i, db_beside[c], name, sizeof(name)));
	}
	return n;
}

static int move_one(const struct db *db, unsigned n, const char *tail, struct err *e)
{
	char from[DB_PATH + 8], to[DB_PATH + 32];

	snprintf(from, sizeof(from), "%s%s", db->path, tail);
	if (rename(from, aside_name(db, n, tail, to, sizeof(to))) < 0 && errno != ENOENT)
		return err_sys(e, errno, "%s could not be set aside", from);
	return 0;
}

static int move_beside(const struct db *db, unsigned n, struct err *e)
{
	for (size_t i = 0; i < DB_BESIDE; i++)
		if (move_one(db, n, db_beside[i], e) < 0)
			return -1;
	return 0;
}

static int move_aside(struct db *db, struct db_report *report, struct err *e)
{
	unsigned n = aside_number(db);

	if (move_one(db, n, "", e) < 0 || move_beside(db, n, e) < 0)
		return -1;
	snprintf(report->aside_path, sizeof(report->aside_path), "%.*s.corrupt-%u", DB_PATH - 32, db->path, n);
	return 0;
}

int db_set_aside(struct db *db, const char *reason, struct db_report *report, struct err *e)
{
	struct db_report r = { .set_aside = true };
	char words[sizeof(r.reason)];

	snprintf(words, sizeof(words), "%s", reason);           /* reason may be e->msg */
	memcpy(r.reason, words, sizeof(words));
	memcpy(r.aside_id, db->id, sizeof(r.aside_id));
	db_detach(db);
	db->id[0] = '\0';
	if (move_aside(db, &r, e) < 0)
		return -1;
	db->epoch++;
	if (db_attach(db, &r.created, e) < 0) {
		db_detach(db);
		return -1;
	}
	*report = r;
	return 0;
}

/* --- putting back --- */

/* The copy beside the file, while it is made and when it is whole. */
static const char *copy_name(const struct db *db, bool whole, char *buf, size_t size)
{
	snprintf(buf, size, "%s.%s", db->path, whole ? "again" : "part");
	return buf;
}

/* What was removed takes its space until it is closed: the copy needs as much once more. */
static int look_for_room(struct db *db, const char *dir, uint64_t reserve, struct err *e)
{
	struct db_size size;
	struct statvfs fs;
	uint64_t room;

	if (db_size(db, &size, e) < 0)
		return -1;
	if (statvfs(dir, &fs) < 0)
		return err_sys(e, errno, "%s", dir);
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room >= size.used && room - size.used >= reserve)
		return 0;
	return err_plain(e, ENOSPC, "%s cannot be put back: it needs %llu MiB, %llu are free and %llu of them are kept free",
			 db->path, (unsigned long long)(size.used >> 20), (unsigned long long)(room >> 20),
			 (unsigned long long)(reserve >> 20));
}

static int copy_all(struct db *db, const char *to, struct err *e)
{
	sqlite3_stmt *st;
	AUTO_FD fd = -1;

	if (db_make_file(db, to, e) < 0)
		return -1;
	st = db_prepare(db, "VACUUM INTO ?", e);
	if (!st)
		return -1;
	db_bind_text(st, 1, to);
	if (db_run(db, st, e) < 0)
		return -1;
	fd = open(to, O_RDONLY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? err_sys(e, errno, "%s", to) : 0;
}

static int lock_again(struct db *db, struct err *e)
{
	char name[DB_PATH + 8];
	struct stat ours, there;
	int fd;

	snprintf(name, sizeof(name), "%s.lock", db->path);
	if (fstat(db->lock, &ours) == 0 && stat(name, &there) == 0 && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev)
		return 0;
	fd = file_lock(name, e);
	if (fd < 0)
		return -1;
	close(db->lock);
	db->lock = fd;
	return 0;
}

/* Whole and on disk before it has the name that db_open goes on with. */
static int make_copy(struct db *db, const char *dir, uint64_t reserve, const char *again, struct err *e)
{
	char part[DB_PATH + 8];

	copy_name(db, false, part, sizeof(part));
	if ((unlink(part) < 0 && errno != ENOENT) || (unlink(again) < 0 && errno != ENOENT))
		return err_sys(e, errno, "%s", part);
	if (look_for_room(db, dir, reserve, e) < 0)
		return -1;
	if (copy_all(db, part, e) == 0) {
		if (rename(part, again) == 0)
			return 0;
		err_sys(e, errno, "%s", part);
	}
	unlink(part);
	return -1;
}

static int attach_again(struct db *db, struct db_report *report, struct err *e)
{
	db_detach(db);
	if (db_attach(db, &report->created, e) == 0)
		return 0;
	db_detach(db);
	return -1;
}

/* The file is in its place, what is beside it is not ours: all that our log has goes into the file, and a new one is begun. */
static int begin_log(struct db *db, struct db_report *report, struct err *e)
{
	int rc = sqlite3_wal_checkpoint_v2(db->sql, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

	report->log = true;
	if (rc != SQLITE_OK)
		return err_plain(e, EAGAIN, "%s: its log was removed and cannot be written into it: %s (%d)", db->path,
				 sqlite3_errmsg(db->sql), rc);
	return move_beside(db, aside_number(db), e) < 0 ? -1 : attach_again(db, report, e);
}

int db_put_back(struct db *db, uint64_t reserve, struct db_report *report, struct err *e)
{
	const char *slash = strrchr(db->path, '/');
	char dir[DB_PATH], again[DB_PATH + 8];

	*report = (struct db_report){ 0 };
	if (db_is_ours(db, "", db->ino))
		return begin_log(db, report, e);
	report->set_aside = exists(db->path);
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - db->path) : 1, slash ? db->path : ".");
	copy_name(db, true, again, sizeof(again));
	if (make_dir(dir, db->group, e) < 0 || lock_again(db, e) < 0)
		return -1;
	if (make_copy(db, dir, reserve, again, e) < 0)
		return -1;
	/* A log that was left there would be taken for the copy's. */
	if (move_aside(db, report, e) < 0)
		return -1;
	if (rename(again, db->path) < 0 || file_sync_dir(db->path) < 0)
		return err_sys(e, errno, "%s", again);
	return attach_again(db, report, e);
}

/* A crash between moving aside what was there and the copy's last rename: the copy is all there is. */
static int go_on_with_copy(struct db *db, bool *ret_did, struct err *e)
{
	char name[DB_PATH + 8];
	struct db_report moved;

	*ret_did = false;
	unlink(copy_name(db, false, name, sizeof(name)));       /* one that was not finished */
	if (exists(db->path) || !exists(copy_name(db, true, name, sizeof(name))))
		return 0;
	/* A log of another file would be taken for the copy's. */
	if (move_aside(db, &moved, e) < 0)
		return -1;
	if (rename(name, db->path) < 0 || file_sync_dir(db->path) < 0)
		return err_sys(e, errno, "%s", name);
	*ret_did = true;
	return 0;
}

static int attach_or_set_aside(struct db *db, struct db_report *report, struct err *e)
{
	bool created;

	*report = (struct db_report){ 0 };
	if (db_attach(db, &created, e) == 0) {
		report->created = created;
		return 0;
	}
	if (e->code == EUCLEAN)
		return db_set_aside(db, e->msg, report, e);
	db_detach(db);
	return -1;
}

int db_reopen(struct db *db, struct db_report *report, struct err *e)
{
	db_detach(db);
	return attach_or_set_aside(db, report, e);
}

int db_open(const struct db_config *c, struct db **ret, struct db_report *report, struct err *e)
{
	AUTO(db) db = calloc(1, sizeof(*db));
	char lock[DB_PATH + 8];
	bool copy;

	if (!db)
		return err_plain(e, ENOMEM, "out of memory");
	db->lock = -1;
	db->writer = true;
	db->schema = c->schema;
	db->durability = c->durability;
	db->max_bytes = c->max_bytes;
	db->ballast_bytes = c->ballast_bytes;
	if ((size_t)snprintf(db->path, sizeof(db->path) - 32, "%s/%s", c->dir, c->name) >= sizeof(db->path) - 32)
		return err_plain(e, ENAMETOOLONG, "%s: the path is too long", c->dir);
	if (find_group(c->group, &db->group, e) < 0 || make_dir(c->dir, db->group, e) < 0)
		return -1;
	snprintf(lock, sizeof(lock), "%s.lock", db->path);
	db->lock = file_lock(lock, e);
	if (db->lock < 0)
		return -1;
	if (go_on_with_copy(db, &copy, e) < 0 || attach_or_set_aside(db, report, e) < 0)
		return -1;
	report->from_copy = copy && !report->set_aside;
	db_keep_ballast(db);
	*ret = TAKE(db);
	return 0;
}

/* --- a full disk --- */

static const char *ballast_name(const struct db *db, char *buf, size_t size)
{
	snprintf(buf, size, "%s.ballast", db->path);
	return buf;
}

bool db_drop_ballast(struct db *db)
{
	char name[DB_PATH + 16];

	return unlink(ballast_name(db, name, sizeof(name))) == 0;
}

bool db_keep_ballast(struct db *db)
{
	char name[DB_PATH + 16];
	struct statvfs fs;
	struct stat st;
	AUTO_FD fd = -1;

	if (db->ballast_bytes == 0)
		return false;
	ballast_name(db, name, sizeof(name));
	if (stat(name, &st) == 0 && (uint64_t)st.st_size == db->ballast_bytes)
		return true;
	if (statvfs(db->path, &fs) < 0 || (uint64_t)fs.f_bavail * fs.f_frsize < 3 * db->ballast_bytes)
		return false;
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return false;
	if (posix_fallocate(fd, 0, (off_t)db->ballast_bytes) == 0)
		return true;
	unlink(name);
	return false;
}

/* --- sizes --- */

int db_size(struct db *db, struct db_size *ret, struct err *e)
{
	int64_t pages, unused, page_size;
	char wal[DB_PATH + 8];
	struct statvfs fs;
	struct stat st;

	if (db_number(db, "PRAGMA page_count", &pages, e) < 0 || db_number(db, "PRAGMA freelist_count", &unused, e) < 0 ||
	    db_number(db, "PRAGMA page_size", &page_size, e) < 0)
		return -1;
	if (fstatvfs(db->lock, &fs) < 0)                /* beside the file, and open also where both were removed */
		return err_sys(e, errno, "%s.lock", db->path);
	snprintf(wal, sizeof(wal), "%s-wal", db->path);
	ret->file = (uint64_t)(pages * page_size);
	ret->used = (uint64_t)((pages - unused) * page_size);
	ret->wal = stat(wal, &st) == 0 ? (uint64_t)st.st_size : 0;
	ret->disk_free = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}

static void checkpoint(struct db *db, int mode)
{
	sqlite3_busy_timeout(db->sql, 0);               /* a reader in the way: next time */
	sqlite3_wal_checkpoint_v2(db->sql, "main", mode, NULL, NULL);
	sqlite3_busy_timeout(db->sql, DB_BUSY_MS);
}

void db_reuse_wal(struct db *db)
{
	if (db->sql && !db_in_transaction(db))
		checkpoint(db, SQLITE_CHECKPOINT_RESTART);
}

/* max_page_count never goes below what the file has. */
void db_cap(struct db *db, bool here)
{
	char pragma[64];
	struct err e;

	snprintf(pragma, sizeof(pragma), "PRAGMA max_page_count = %lld", here ? 1 : db_max_pages(db));
	db_exec(db, pragma, &e);
}

int db_tidy(struct db *db, unsigned pages, struct err *e)
{
	char pragma[64];
	struct db_size size;

	snprintf(pragma, sizeof(pragma), "PRAGMA incremental_vacuum(%u)", pages);
	if ((pages && db_exec(db, pragma, e) < 0) || db_size(db, &size, e) < 0)
		return -1;
	if (size.wal > WAL_WORRY)
		checkpoint(db, SQLITE_CHECKPOINT_TRUNCATE);
	return 0;
}
