/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spool: the events, in order, without gaps, chained by hash; and what retention took away.
 * spool (writer): an event gets its number and link at once and is written by group commit; a commit that fails is tried again
 * with the same rows, which stay in memory (bounded); what had to be refused is counted and becomes a loss event as soon as one
 * can be written.  A corrupt file is set aside and a new one begun.  One thread.
 * spool_reader: short reads by any process of the group; rows are checked (CRC-32C) before they are given out. */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "event/event.h"

struct arena;
struct db;
struct db_report;
struct spool;
struct spool_reader;

enum { SPOOL_ID_TEXT = 72 };

struct spool_config {
	unsigned group_events;                  /* commit after so many; 0: 256; 1: every event by itself */
	unsigned group_ms;                      /* … or after so long; 0: 200 */
	size_t pending_bytes;                   /* kept in memory while commits fail; 0: 8 MiB */
	uint64_t max_bytes;                     /* retention: of the file; 0: nine tenths of the store's cap */
	int64_t max_age_ns;                     /* 0: none */
	uint64_t min_free_bytes;                /* of the file system; 0: 64 MiB.  Below it the oldest make room for new ones */
};

struct spool_stats {
	uint64_t events, bytes;                 /* written since the start; bodies */
	uint64_t commits, failures;
	uint64_t refused;                       /* events that could not be kept even in memory */
	uint64_t removed;                       /* by retention */
	uint64_t last_seq, committed_seq;
	size_t pending;                         /* rows in memory */
	bool full, degraded;                    /* the disk is full | the last commit failed */
	bool tight;                             /* the disk is nearly full: beyond 16 MiB the oldest events make room */
	char error[256];                        /* the last failure's words */
};

/* db: the recorder's (store_open), borrowed.  report: what store_open said, or NULL: a file set aside is told as a loss event. */
int spool_new(struct db *db, const struct spool_config *c, const struct db_report *report, struct spool **ret, struct err *e);
void spool_free(struct spool *s);                       /* commits what is pending */
OWN(spool)
/* Add *ev; sets its seq, chain, store_id (valid while the spool lives) but no id.  Commits when the group is full.  Fails when
 * the event could not be kept (it is counted then); a commit that failed is no failure here: see spool_stats. */
int spool_append(struct spool *s, struct event *ev, struct err *e);
int spool_commit(struct spool *s, struct err *e);       /* all that is pending, now */
/* What others read from the same file was corrupt: set it aside and go on in a new one (db_epoch grows). */
void spool_set_aside(struct spool *s, const char *reason);
/* Commit when the group's time is over, try again what failed, keep retention.  Call every 50 to 200 ms. */
int spool_tick(struct spool *s, int64_t mono_ns, int64_t wall_ns, struct err *e);
void spool_stats(const struct spool *s, struct spool_stats *ret);
/* The hash chain's head, for the heartbeat. */
const uint8_t *spool_chain(const struct spool *s);

/* --- readers --- */

enum spool_health { SPOOL_WHOLE, SPOOL_BAD_CRC, SPOOL_BAD_BODY, SPOOL_BAD_PAGE };

struct spool_row {
	uint64_t seq;
	int64_t at_ns;                          /* when it was written (wall) */
	enum spool_health health;
	struct event ev;                        /* id, store_id, seq and chain set; of a bad row only these */
	const uint8_t *body;
	size_t body_len;
};

struct spool_batch {
	struct spool_row *rows;
	size_t n;
	uint64_t max_seq;                       /* the newest row there is; 0: none yet */
	uint64_t min_seq;                       /* the oldest; 0: none */
	uint64_t head_seq;                      /* the last number given out, as of before the rows were read */
};

/* What retention took away: all of [first, last] of a lane. */
struct spool_removed {
	uint64_t first, last, count, packets, bytes;
	int64_t at_ns;
	char reason[16];                        /* bytes, age, disk or rollback */
};

struct spool_query {
	uint64_t after_seq, until_seq;          /* (after, until]; until 0: no end */
	int64_t since_ns, until_ns;             /* by last packet; 0: open */
	uint32_t kinds;                         /* bits 1 << enum event_kind; 0: all */
	bool newest_first;
	size_t max_rows, max_bytes;             /* 0: 256 rows, 1 MiB of bodies */
};

/* path: the file or the state directory. */
int spool_reader_open(const char *path, struct spool_reader **ret, struct err *e);
void spool_reader_free(struct spool_reader *r);         /* NULL is fine */
OWN(spool_reader)
const char *spool_reader_id(const struct spool_reader *r);      /* the store id */
/* Opens again when the path leads to another file; *ret_changed says so.  Call before each poll. */
int spool_reader_refresh(struct spool_reader *r, bool *ret_changed, struct err *e);
/* Rows and their words go to a.  No read transaction is open when it returns. */
int spool_read(struct spool_reader *r, const struct spool_query *q, struct arena *a, struct spool_batch *ret, struct err *e);
/* "store_id-seq-xxxxxxxx", the last part of the chain: a number that power loss rolled back is not taken for its successor. */
const char *spool_event_id(const char *store_id, uint64_t seq, const uint8_t chain[static 32], char *buf, size_t size);
/* What was removed with numbers in (after, until], oldest first, into a. */
int spool_removed(struct spool_reader *r, uint64_t after, uint64_t until, struct arena *a, struct spool_removed **ret,
		  size_t *ret_n, struct err *e);

/* --- verify --- */

struct spool_verdict {
	uint64_t rows, first_seq, last_seq;
	uint64_t removed;                       /* numbers that retention accounts for */
	uint64_t missing;                       /* numbers that nothing accounts for */
	uint64_t bad_crc, bad_chain, bad_body;
	uint8_t head[32];
	bool sound;
};
/* For each finding: where and in words. */
typedef void (*spool_finding_fn)(void *arg, uint64_t seq, const char *words);
int spool_verify(struct spool_reader *r, spool_finding_fn fn /* or NULL */, void *arg, struct spool_verdict *ret, struct err *e);
/* Read row by row what can still be read of a damaged file (one that was set aside); *ret_bad: rows that could not. */
typedef void (*spool_row_fn)(void *arg, const struct spool_row *row);
int spool_salvage(const char *path, spool_row_fn fn, void *arg, uint64_t *ret_good, uint64_t *ret_bad, struct err *e);

#endif
