/* SPDX-License-Identifier: GPL-2.0-or-later */
/* db: SQLite for the other modules of store/.  Statements are static strings, prepared once per handle and file. */
#ifndef STORE_DB_SQL_H
#define STORE_DB_SQL_H

#include <sqlite3.h>

#include "store/db.h"

/* The statement of that text (compared by address), reset and unbound; NULL and *e. */
sqlite3_stmt *db_prepare(struct db *db, const char *sql, struct err *e);
/* To the next row, or to the end (then it is reset). */
int db_step(struct db *db, sqlite3_stmt *st, bool *ret_row, struct err *e);
int db_run(struct db *db, sqlite3_stmt *st, struct err *e);     /* to the end, rows ignored */
void db_reset(sqlite3_stmt *st);                                /* when leaving before the end; NULL is fine */
int db_exec(struct db *db, const char *sql, struct err *e);
/* One statement that gives one number (none: 0). */
int db_number(struct db *db, const char *sql, int64_t *ret, struct err *e);
void db_bind_text(sqlite3_stmt *st, int at, const char *s);     /* NULL: NULL; must live until the step */
void db_bind_blob(sqlite3_stmt *st, int at, const void *p, size_t n);

/* Words in the file's own table: store_id and what the modules keep. */
int db_meta_get(struct db *db, const char *key, int64_t *ret, struct err *e);   /* none: 0 */
/* Never lowers what is there. */
int db_meta_raise(struct db *db, const char *key, int64_t value, struct err *e);

/* Close and open the same path again (after an I/O error); may set it aside. */
int db_reopen(struct db *db, struct db_report *report, struct err *e);

#endif
