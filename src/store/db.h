/* SPDX-License-Identifier: GPL-2.0-or-later */
/* db: one SQLite database in WAL mode: opened, kept whole, set aside when it is corrupt.  Nothing here ever exits.
 * Writer: exactly one per file, in one thread; it alone checkpoints.  Readers (any process of the group): mode=ro, short reads.
 * A database is made with mode 0640 in a directory of mode 2750; -wal and -shm take the same mode and group.
 * Errors: ENOSPC full, EUCLEAN corrupt (call db_set_aside, or let the next write do it), EAGAIN busy or being recovered (retry
 * soon), EIO, ENOMEM, ENOENT. */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

struct db;

enum { DB_ID_TEXT = 33, DB_PATH = 512 };
enum db_durability { DB_DURABLE, DB_RELAXED };  /* a commit survives power loss | the last commits may be rolled back by it */

/* What a file holds: tables made when it is new, and the number that a reader checks. */
struct db_schema {
	int version;
	const char *const *sql;                 /* statements; ends with NULL */
};

struct db_config {
	const char *dir, *name;                 /* the file is dir/name; dir is made when absent */
	const char *group;                      /* NULL: as the directory's */
	const struct db_schema *schema;
	uint64_t max_bytes;                     /* hard cap of the file; 0: none */
	uint64_t ballast_bytes;                 /* kept beside it, given up when the disk is full; 0: none */
	enum db_durability durability;
};

/* What happened on opening or since. */
struct db_report {
	bool created;                           /* a new file with a new store id */
	bool from_copy;                         /* the file was gone; the copy that was to be put back was there, and is it now */
	bool log;                               /* put back: only its log had been removed or replaced */
	bool set_aside;                         /* because this one was corrupt or of another version: */
	char aside_path[DB_PATH];
	char aside_id[DB_ID_TEXT];              /* "" where it could not be read */
	char reason[160];
};

int db_open(const struct db_config *c, struct db **ret, struct db_report *report, struct err *e);
/* ENOENT: not there yet; EAGAIN: retry soon. */
int db_open_reader(const char *path, const struct db_schema *schema, struct db **ret, struct err *e);
void db_free(struct db *db);                           /* NULL is fine; an open transaction is rolled back */
OWN(db)

const char *db_id(const struct db *db);                 /* the store id: 32 hex digits, random for each file made */
const char *db_path(const struct db *db);
/* Grows whenever db came to stand for another file (set aside, made anew): what was kept in it must be put again. */
unsigned db_epoch(const struct db *db);
/* Does the path, or that of its log, lead to another file by now, or none?  Then a reader closes and opens again, the writer
 * calls db_put_back. */
bool db_is_stale(const struct db *db);

int db_begin(struct db *db, struct err *e);             /* BEGIN IMMEDIATE */
int db_commit(struct db *db, struct err *e);            /* on failure everything since db_begin is rolled back */
void db_rollback(struct db *db);                        /* no transaction open: nothing */
bool db_in_transaction(const struct db *db);

/* Move the file, -wal and -shm aside (name.corrupt-N) and go on with a new one.  Writer only. */
int db_set_aside(struct db *db, const char *reason, struct db_report *report, struct err *e);
/* The file was removed or replaced while it was open: this handle still has all of it, and writes a whole copy to the path again
 * (missing directories and the lock, too).  What stands there now goes aside, see *report.  Where only the log was, the file gets
 * what was in it.  Writer only, outside a transaction.
 * ENOSPC: the copy would leave less than reserve bytes of the file system free. */
int db_put_back(struct db *db, uint64_t reserve, struct db_report *report, struct err *e);
/* After ENOSPC: give up the ballast, so that deleting and checkpointing work.  false: there is none (any more). */
bool db_drop_ballast(struct db *db);
bool db_keep_ballast(struct db *db);                    /* lay it by again when there is room; true: it is there */
/* Write from the start of the -wal again, so that it need not grow (on a full disk); does what readers let it do. */
void db_reuse_wal(struct db *db);
/* here: the file grows no more; rows must make room for rows.  Else: up to max_bytes again. */
void db_cap(struct db *db, bool here);
/* Give free pages back to the file system and cut the -wal, a small step at a time. */
int db_tidy(struct db *db, unsigned pages, struct err *e);
struct db_size { uint64_t file, used, wal, disk_free; };
int db_size(struct db *db, struct db_size *ret, struct err *e);         /* writer only */

#endif
