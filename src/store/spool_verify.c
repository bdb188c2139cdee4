/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spool: is the record whole?  Every row's CRC and body, its link to the row before, the numbers that are missing against those
 * that retention accounts for, and the head.  A store in use may be verified: the head is read once, first, and what is
 * added later is left alone; each batch is one short transaction: what retention removes is either there or accounted for. */
#include "store/spool_row.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

enum { BATCH = 512 };

struct check {
	struct spool_reader *reader;
	spool_finding_fn fn;
	void *arg;
	struct spool_verdict v;
	uint64_t next;                  /* the number expected */
	uint8_t head[32];               /* chain after the row before */
	bool have_head;                 /* that row was there and whole */
	uint64_t head_seq;              /* the last event, as the writer keeps it; its chain is v.head */
};

static void finding(struct check *c, uint64_t seq, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void finding(struct check *c, uint64_t seq, const char *fmt, ...)
{
	char words[160];
	va_list ap;

	if (!c->fn)
		return;
	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	c->fn(c->arg, seq, words);
}

/* Numbers [c->next, seq) are not there. */
static int check_gap(struct check *c, uint64_t seq, struct err *e)
{
	uint64_t gap = seq - c->next, known = 0, at = c->next;
	struct spool_removed *list;
	struct arena *a;
	size_t n;
	int rc;

	c->have_head = false;
	if (gap == 0)
		return 0;
	a = arena_new();
	rc = a ? spool_removed(c->reader, c->next - 1, seq - 1, a, &list, &n, e) : err_plain(e, ENOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < n; i++) {             /* in order of first: the ranges of two lanes overlap */
		uint64_t first = list[i].first > at ? list[i].first : at;
		uint64_t last = list[i].last < seq - 1 ? list[i].last : seq - 1;

		if (last < first)
			continue;
		known += last - first + 1;
		at = last + 1;
	}
	arena_free(a);
	if (rc < 0)
		return -1;
	c->v.removed += known;
	c->v.missing += gap - known;
	if (known < gap)
		finding(c, c->next, "%" PRIu64 " events up to %" PRIu64 " are missing and nothing accounts for them", gap - known,
			seq - 1);
	return 0;
}

static void check_chain(struct check *c, const uint8_t *link, const uint8_t *chain, const struct spool_row *row)
{
	uint8_t expected[32], genesis[32];

	spool_link(link, row->seq, row->at_ns, row->body, row->body_len, expected);
	spool_genesis(row->ev.store_id, genesis);
	if (memcmp(expected, chain, 32) != 0) {
		c->v.bad_chain++;
		finding(c, row->seq, "the event is not what was chained");
	} else if ((c->have_head && memcmp(link, c->head, 32) != 0) || (row->seq == 1 && memcmp(link, genesis, 32) != 0)) {
		c->v.bad_chain++;
		finding(c, row->seq, "the event does not follow from the one before");
	}
	memcpy(c->head, chain, 32);
	c->have_head = true;
}

static int check_row(struct check *c, const struct spool_row *row, const uint8_t link[32], struct err *e)
{
	if (row->seq > c->next && check_gap(c, row->seq, e) < 0)
		return -1;
	c->v.first_seq = c->v.rows == 0 ? row->seq : c->v.first_seq;
	c->v.rows++;
	c->v.last_seq = row->seq;
	c->next = row->seq + 1;
	if (row->health == SPOOL_BAD_PAGE || row->health == SPOOL_BAD_CRC) {
		c->v.bad_crc++;
		finding(c, row->seq, row->health == SPOOL_BAD_CRC ? "the event's bytes have changed (CRC)"
								  : "the event can't be read");
	} else if (row->health == SPOOL_BAD_BODY) {
		c->v.bad_body++;
		finding(c, row->seq, "the event's body can't be understood");
	}
	if (row->health == SPOOL_BAD_PAGE)
		c->have_head = false;
	else
		check_chain(c, link, row->ev.chain, row);
	return 0;
}

static int read_link(struct check *c, uint64_t seq, uint8_t ret[32], struct err *e)
{
	static const char sql[] = "SELECT link FROM event WHERE seq = ?";
	sqlite3_stmt *st = db_prepare(spool_reader_db(c->reader), sql, e);
	bool row;

	memset(ret, 0, 32);
	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, (int64_t)seq);
	if (db_step(spool_reader_db(c->reader), st, &row, e) < 0)
		return e->code == EUCLEAN ? 0 : -1;
	if (row && sqlite3_column_bytes(st, 0) == 32)
		memcpy(ret, sqlite3_column_blob(st, 0), 32);
	db_reset(st);
	return 0;
}

static int read_head(struct check *c, struct err *e)
{
	struct db *db = spool_reader_db(c->reader);
	sqlite3_stmt *st = db_prepare(db, "SELECT seq, chain FROM head", e);
	bool row;

	if (!st || db_step(db, st, &row, e) < 0)
		return -1;
	if (row && sqlite3_column_bytes(st, 1) == 32) {
		c->head_seq = (uint64_t)sqlite3_column_int64(st, 0);
		memcpy(c->v.head, sqlite3_column_blob(st, 1), 32);
	}
	db_reset(st);
	return 0;
}

/* Rows cut off at the end show here alone. */
static int check_head(struct check *c, struct err *e)
{
	if (c->head_seq + 1 > c->next)
		return check_gap(c, c->head_seq + 1, e);
	if (c->have_head && c->head_seq + 1 == c->next && memcmp(c->head, c->v.head, 32) != 0) {
		c->v.bad_chain++;
		finding(c, c->head_seq, "the head is not the last event's");
	}
	return 0;
}

/* A lane's range spans rows of the other lane: that no more is gone than was removed shows in the sums. */
static int check_sums(struct check *c, struct err *e)
{
	int64_t sum;

	if (db_number(spool_reader_db(c->reader), "SELECT coalesce(sum(count), 0) FROM removed", &sum, e) < 0)
		return -1;
	if (c->v.removed <= (uint64_t)sum)
		return 0;
	finding(c, 0, "%" PRIu64 " more events are gone than retention removed", c->v.removed - (uint64_t)sum);
	c->v.missing += c->v.removed - (uint64_t)sum;
	c->v.removed = (uint64_t)sum;
	return 0;
}

static int check_batch(struct check *c, size_t *ret_n, struct err *e)
{
	struct spool_query q = { .after_seq = c->next - 1, .until_seq = c->head_seq, .max_rows = BATCH };
	struct db *db = spool_reader_db(c->reader);
	struct spool_batch b = { 0 };
	struct arena *a = arena_new();
	uint8_t link[32];
	int rc = a ? db_exec(db, "BEGIN", e) : err_plain(e, ENOMEM, "out of memory");

	if (rc == 0)
		rc = spool_read(c->reader, &q, a, &b, e);
	for (size_t i = 0; rc == 0 && i < b.n; i++) {
		rc = read_link(c, b.rows[i].seq, link, e);
		if (rc == 0)
			rc = check_row(c, &b.rows[i], link, e);
	}
	db_rollback(db);
	*ret_n = b.n;
	arena_free(a);
	return rc;
}

int spool_verify(struct spool_reader *r, spool_finding_fn fn, void *arg, struct spool_verdict *ret, struct err *e)
{
	struct check c = { .reader = r, .fn = fn, .arg = arg, .next = 1 };
	size_t n = 1;

	if (read_head(&c, e) < 0)
		return -1;
	while (c.head_seq && n)
		if (check_batch(&c, &n, e) < 0)
			return -1;
	if (check_head(&c, e) < 0 || check_sums(&c, e) < 0)
		return -1;
	c.v.sound = !c.v.missing && !c.v.bad_crc && !c.v.bad_chain && !c.v.bad_body;
	*ret = c.v;
	return 0;
}
