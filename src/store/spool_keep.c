/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spool: retention.  Over the limit of bytes or of age the oldest rows go, a step at a time, each step recorded in `removed` in the
 * same transaction; when the disk is nearly full they make room for new ones inside the file, which then grows no more.
 * Traffic goes first; each lane has a quarter of the bytes for itself.  And a file that was removed is put back. */
#include "store/spool_row.h"

#include <stdio.h>
#include <string.h>

#include "base/now.h"

enum { STEP_ROWS = 512, STEPS = 8, VACUUM_PAGES = 512, ROOM = 1 << 20, FLOOR = 16 << 20, BACK_DOUBLINGS = 5 };
#define BACK_NS (11 * NOW_NS_PER_S)                     /* doubled with each failure, up to six minutes */
#define EXTEND_NS (24 * 3600 * NOW_NS_PER_S)

struct step {
	int lane;
	const char *reason;
	int64_t rows, first, last, packets, bytes, body_bytes;
};

static int lane_bytes(struct spool *s, int64_t ret[static SPOOL_LANES], struct err *e)
{
	sqlite3_stmt *st = db_prepare(s->db, "SELECT lane, bytes FROM lane ORDER BY lane", e);
	bool row = true;

	if (!st)
		return -1;
	ret[0] = ret[1] = 0;
	while (row) {
		if (db_step(s->db, st, &row, e) < 0)
			return -1;
		if (row && sqlite3_column_int64(st, 0) < SPOOL_LANES)
			ret[sqlite3_column_int64(st, 0)] = sqlite3_column_int64(st, 1);
	}
	return 0;
}

/* What a step would remove: the lane's oldest rows, those written before before_ns. */
static int look(struct spool *s, struct step *step, int64_t before_ns, struct err *e)
{
	static const char sql[] = "SELECT count(*), min(seq), max(seq), sum(packets), sum(bytes), sum(n) FROM"
				  " (SELECT seq, packets, bytes, length(body) AS n, at_ns FROM event WHERE lane = ? ORDER BY seq"
				  " LIMIT ?) WHERE at_ns < ?";
	sqlite3_stmt *st = db_prepare(s->db, sql, e);
	int64_t *to[] = { &step->rows, &step->first, &step->last, &step->packets, &step->bytes, &step->body_bytes };
	bool row;

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, step->lane);
	sqlite3_bind_int64(st, 2, STEP_ROWS);
	sqlite3_bind_int64(st, 3, before_ns);
	if (db_step(s->db, st, &row, e) < 0)
		return -1;
	for (int i = 0; row && i < 6; i++)
		*to[i] = sqlite3_column_int64(st, i);
	db_reset(st);
	return 0;
}

static int run_numbers(struct spool *s, const char *sql, const int64_t *numbers, int n, const char *reason, struct err *e)
{
	sqlite3_stmt *st = db_prepare(s->db, sql, e);

	if (!st)
		return -1;
	for (int i = 0; i < n; i++)
		sqlite3_bind_int64(st, i + 1, numbers[i]);
	if (reason)
		db_bind_text(st, n + 1, reason);
	return db_run(s->db, st, e);
}

/* A row per day, lane and reason at most: the last one grows. */
static int record(struct spool *s, const struct step *step, int64_t wall_ns, struct err *e)
{
	static const char extend[] = "UPDATE removed SET last = ?1, count = count + ?2, packets = packets + ?3, bytes = bytes + ?4"
		" WHERE id = (SELECT max(id) FROM removed WHERE lane = ?5) AND at_ns > ?6 AND last < ?7 AND reason = ?8";
	static const char add[] = "INSERT INTO removed(first, last, count, packets, bytes, lane, at_ns, reason)"
				  " VALUES(?, ?, ?, ?, ?, ?, ?, ?)";
	const int64_t grown[] = { step->last, step->rows, step->packets, step->bytes, step->lane, wall_ns - EXTEND_NS,
				  step->first };
	const int64_t fresh[] = { step->first, step->last, step->rows, step->packets, step->bytes, step->lane, wall_ns };
	int64_t changed;

	if (run_numbers(s, extend, grown, 7, step->reason, e) < 0 || db_number(s->db, "SELECT changes()", &changed, e) < 0)
		return -1;
	return changed ? 0 : run_numbers(s, add, fresh, 7, step->reason, e);
}

static int remove_step(struct spool *s, const struct step *step, int64_t wall_ns, struct err *e)
{
	static const char rows[] = "DELETE FROM event WHERE lane = ? AND seq <= ?";
	static const char lane[] = "UPDATE lane SET rows = rows - ?, bytes = bytes - ? WHERE lane = ?";
	const int64_t row_numbers[] = { step->lane, step->last };
	const int64_t lane_numbers[] = { step->rows, step->body_bytes, step->lane };

	if (db_begin(s->db, e) < 0)
		return -1;
	if (run_numbers(s, rows, row_numbers, 2, NULL, e) < 0 || run_numbers(s, lane, lane_numbers, 3, NULL, e) < 0 ||
	    record(s, step, wall_ns, e) < 0) {
		db_rollback(s->db);
		return -1;
	}
	if (db_commit(s->db, e) < 0)
		return -1;
	s->stats.removed += (uint64_t)step->rows;
	return 0;
}

static bool is_tight(const struct spool *s, const struct db_size *size)
{
	return size->disk_free < s->config.min_free_bytes && size->file >= FLOOR && size->file - size->used < ROOM;
}

/* One step where one is needed; *ret_done: nothing (more) to do. */
static int retain_once(struct spool *s, int64_t wall_ns, bool force, bool *ret_done, struct err *e)
{
	struct step step = { .lane = SPOOL_LANE_TRAFFIC };
	int64_t bytes[SPOOL_LANES], before = INT64_MAX;
	struct db_size size;

	*ret_done = true;
	if (db_size(s->db, &size, e) < 0 || lane_bytes(s, bytes, e) < 0)
		return -1;
	if (s->config.max_bytes && size.used > s->config.max_bytes)
		step.reason = "bytes";
	else if (force || is_tight(s, &size))
		step.reason = "disk";
	if (step.reason) {
		if (bytes[SPOOL_LANE_TRAFFIC] == 0 || bytes[SPOOL_LANE_KEPT] > (bytes[0] + bytes[1]) / 4 * 3)
			step.lane = SPOOL_LANE_KEPT;
		if (look(s, &step, before, e) < 0)
			return -1;
	} else if (s->config.max_age_ns) {
		step.reason = "age";
		before = wall_ns - s->config.max_age_ns;
		for (step.lane = 0; step.lane < SPOOL_LANES && step.rows == 0; step.lane++)
			if (look(s, &step, before, e) < 0)
				return -1;
		step.lane--;
	}
	if (step.rows == 0)
		return 0;
	*ret_done = force;
	return remove_step(s, &step, wall_ns, e);
}

int spool_retain(struct spool *s, int64_t wall_ns, bool force, struct err *e)
{
	bool done = false, tight;
	struct db_size size;

	for (int i = 0; i < STEPS && !done; i++)
		if (retain_once(s, wall_ns, force, &done, e) < 0)
			return -1;
	if (force)
		return 0;
	if (db_size(s->db, &size, e) < 0)
		return -1;
	tight = size.disk_free < s->config.min_free_bytes;
	s->stats.tight = tight;
	db_cap(s->db, tight && size.file >= FLOOR);
	if (db_tidy(s->db, tight ? 0 : VACUUM_PAGES, e) < 0)
		return -1;
	db_keep_ballast(s->db);
	return 0;
}

/* --- putting back --- */

static const char *what_was_done(const struct db_report *report)
{
	if (report->log)
		return "the event store's log was removed or replaced while in use: all of it is in the store, a new one was begun";
	if (report->set_aside)
		return "the event store was replaced while in use: put back whole, the other set aside";
	return "the event store was removed while in use: put back whole";
}

static void tell_put_back(struct spool *s, const struct db_report *report)
{
	int64_t now = now_wall_ns();
	struct event ev = { .kind = EVENT_TAMPER, .severity = 3, .first_ns = now, .last_ns = now, .why = "store",
			    .reason = what_was_done(report) };
	struct err ignored;

	spool_append(s, &ev, &ignored);         /* one that does not fit is counted and told later */
}

int spool_put_back(struct spool *s, int64_t mono_ns, struct err *e)
{
	struct db_report report;
	unsigned doublings;

	if (!db_is_stale(s->db)) {
		s->gone = 0;
		return 0;
	}
	if (s->gone && mono_ns < s->back_ns)
		return 0;
	if (db_put_back(s->db, s->config.min_free_bytes, &report, e) < 0) {
		doublings = s->gone < BACK_DOUBLINGS ? s->gone : BACK_DOUBLINGS;
		s->gone++;
		s->back_ns = mono_ns + (BACK_NS << doublings);
		snprintf(s->stats.error, sizeof(s->stats.error), "%s", e->msg);
		return -1;
	}
	s->gone = 0;
	tell_put_back(s, &report);
	return 0;
}
