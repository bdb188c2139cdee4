/* SPDX-License-Identifier: GPL-2.0-or-later */
/* db: the handle, shared by db.c (one connection) and db_keep.c (the file's fate). */
#ifndef STORE_DB_OPEN_H
#define STORE_DB_OPEN_H

#include <sys/types.h>

#include "store/db_sql.h"

enum { DB_STMTS = 96, DB_BUSY_MS = 2000, DB_BESIDE = 2 };

/* What SQLite has open beside the file: "-wal", "-shm". */
extern const char *const db_beside[DB_BESIDE];

struct db {
	sqlite3 *sql;                           /* NULL while the file can't be used */
	bool writer;
	char path[DB_PATH], id[DB_ID_TEXT];
	dev_t dev;
	ino_t ino, beside[DB_BESIDE];           /* beside: 0: was not there */
	unsigned epoch;
	int lock;
	const struct db_schema *schema;
	enum db_durability durability;
	gid_t group;                            /* (gid_t)-1: as it comes */
	uint64_t max_bytes, ballast_bytes;
	int64_t page_size;
	unsigned n_stmts;
	struct { const char *text; sqlite3_stmt *st; } stmts[DB_STMTS];
};

int db_make_file(const struct db *db, const char *path, struct err *e);         /* empty; one that is there stays as it is */
int db_attach(struct db *db, bool *ret_created, struct err *e);
void db_detach(struct db *db);
bool db_is_ours(const struct db *db, const char *tail, ino_t ino);      /* path and tail lead to that inode */
long long db_max_pages(const struct db *db);

#endif
