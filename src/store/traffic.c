/* SPDX-License-Identifier: GPL-2.0-or-later */
/* traffic: see traffic.h.  Addresses are stored as 4 or 16 bytes, none as 0. */
#include "store/traffic.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/now.h"
#include "base/vec.h"
#include "store/db_sql.h"

/* --- writing --- */

static void bind_addr(sqlite3_stmt *st, int at, const struct addr *a)
{
	db_bind_blob(st, at, a->b, a->family == 4 ? 4 : a->family == 6 ? 16 : 0);
}

int traffic_add(struct db *db, const struct traffic_row *r, struct err *e)
{
	static const char sql[] = "INSERT INTO allowed VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT DO UPDATE SET from_addr = excluded.from_addr, to_device = excluded.to_device,"
		" from_zone = excluded.from_zone, to_zone = excluded.to_zone, flows = flows + excluded.flows,"
		" packets_out = packets_out + excluded.packets_out, bytes_out = bytes_out + excluded.bytes_out,"
		" packets_back = packets_back + excluded.packets_back, bytes_back = bytes_back + excluded.bytes_back,"
		" first_ns = min(first_ns, excluded.first_ns), last_ns = max(last_ns, excluded.last_ns)";
	const int64_t numbers[] = { (int64_t)r->flows, (int64_t)r->packets[0], (int64_t)r->bytes[0], (int64_t)r->packets[1],
				    (int64_t)r->bytes[1], r->first_ns, r->last_ns };
	const struct addr none = { 0 };
	sqlite3_stmt *st = db_prepare(db, sql, e);

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, r->hour_ns);
	sqlite3_bind_int64(st, 2, (int64_t)r->from_device);
	bind_addr(st, 3, r->from_device ? &none : &r->from);
	bind_addr(st, 4, &r->to);
	sqlite3_bind_int64(st, 5, r->proto);
	sqlite3_bind_int64(st, 6, r->port);
	db_bind_text(st, 7, r->rule);
	bind_addr(st, 8, &r->from);
	sqlite3_bind_int64(st, 9, (int64_t)r->to_device);
	db_bind_text(st, 10, r->from_zone);
	db_bind_text(st, 11, r->to_zone);
	for (int i = 0; i < 7; i++)
		sqlite3_bind_int64(st, 12 + i, numbers[i]);
	return db_run(db, st, e);
}

static int remove_before(struct db *db, int64_t hour_ns, uint64_t *removed, struct err *e)
{
	sqlite3_stmt *st = db_prepare(db, "DELETE FROM allowed WHERE hour < ?", e);
	int64_t n = 0;

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, hour_ns);
	if (db_run(db, st, e) < 0 || db_number(db, "SELECT changes()", &n, e) < 0)
		return -1;
	*removed += (uint64_t)n;
	return 0;
}

int traffic_retain(struct db *db, int64_t before_ns, int64_t max_rows, uint64_t *ret_removed, struct err *e)
{
	int64_t rows = 0, oldest = 0, newest = 0;

	if (remove_before(db, before_ns, ret_removed, e) < 0)
		return -1;
	for (;;) {
		if (db_number(db, "SELECT count(*) FROM allowed", &rows, e) < 0)
			return -1;
		if (rows <= max_rows)
			return 0;
		if (db_number(db, "SELECT min(hour) FROM allowed", &oldest, e) < 0 ||
		    db_number(db, "SELECT max(hour) FROM allowed", &newest, e) < 0)
			return -1;
		if (oldest == newest)
			return 0;
		if (remove_before(db, oldest + 1, ret_removed, e) < 0)
			return -1;
	}
}

/* --- reading --- */

#define SUMS " sum(flows), sum(packets_out), sum(bytes_out), sum(packets_back), sum(bytes_back), min(first_ns), max(last_ns)"
#define NAME(d) "coalesce(nullif(" d ".name, ''), nullif(" d ".maker, ''), '')"

#define BIGGEST " ORDER BY sum(bytes_out) + sum(bytes_back) DESC, sum(packets_out) DESC LIMIT ?2"

/* Of all: from_device, to_device, from, to, proto, port, rule, zones, the sums, names, MAC. */
static const char *const lists[] = {
	[TRAFFIC_BY_FLOW] =
		"SELECT t.*, " NAME("f") ", " NAME("o") ", f.mac FROM (SELECT from_device, max(to_device) AS to_device, from_addr,"
		" to_addr, proto, port, rule, from_zone, to_zone," SUMS ", max(hour) FROM allowed WHERE hour > ?1"
		" GROUP BY from_device, opener, to_addr, proto, port, rule" BIGGEST ") AS t"
		" LEFT JOIN device AS f ON f.id = t.from_device LEFT JOIN device AS o ON o.id = t.to_device",
	[TRAFFIC_BY_DEVICE] =
		"SELECT t.*, " NAME("f") ", '', f.mac FROM (SELECT device, 0, addr, x'', 0, 0, '', zone, ''," SUMS ", max(hour)"
		" FROM (SELECT hour, from_device AS device, from_addr AS addr, from_zone AS zone, flows, packets_out, bytes_out,"
		" packets_back, bytes_back, first_ns, last_ns FROM allowed WHERE hour > ?1 AND from_device > 0 UNION ALL"
		" SELECT hour, to_device, to_addr, to_zone, flows, packets_back, bytes_back, packets_out, bytes_out, first_ns,"
		" last_ns FROM allowed WHERE hour > ?1 AND to_device > 0) GROUP BY device" BIGGEST ") AS t"
		" LEFT JOIN device AS f ON f.id = t.device",
	[TRAFFIC_BY_RULE] =
		"SELECT 0, 0, x'', x'', 0, 0, rule, '', ''," SUMS ", max(hour), '', '', NULL FROM allowed WHERE hour > ?1"
		" GROUP BY rule" BIGGEST,
};

static void take_addr(sqlite3_stmt *st, int at, struct addr *ret)
{
	const int n = sqlite3_column_bytes(st, at);

	if (n != 4 && n != 16)
		return;
	ret->family = n == 4 ? 4 : 6;
	memcpy(ret->b, sqlite3_column_blob(st, at), (size_t)n);
}

static void take_word(sqlite3_stmt *st, int at, char *ret, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(st, at);

	snprintf(ret, size, "%s", text ? text : "");
}

static uint64_t number(sqlite3_stmt *st, int at)
{
	return (uint64_t)sqlite3_column_int64(st, at);
}

static const char *take_name(sqlite3_stmt *st, int at, struct arena *a)
{
	const char *text = (const char *)sqlite3_column_text(st, at);

	return arena_strdup(a, text ? text : "");
}

static const char *take_mac(sqlite3_stmt *st, int at, struct arena *a)
{
	char text[ADDR_MAC_TEXT];
	struct mac m;

	if (sqlite3_column_bytes(st, at) != sizeof(m.b))
		return "";
	memcpy(m.b, sqlite3_column_blob(st, at), sizeof(m.b));
	return arena_strdup(a, addr_mac_text(&m, text, sizeof(text)));
}

static struct traffic_sum take_sum(sqlite3_stmt *st, struct arena *a)
{
	struct traffic_sum s = { .row = { .from_device = number(st, 0), .to_device = number(st, 1) } };
	struct traffic_row *r = &s.row;

	take_addr(st, 2, &r->from);
	take_addr(st, 3, &r->to);
	r->proto = (uint8_t)number(st, 4);
	r->port = (uint16_t)number(st, 5);
	take_word(st, 6, r->rule, sizeof(r->rule));
	take_word(st, 7, r->from_zone, sizeof(r->from_zone));
	take_word(st, 8, r->to_zone, sizeof(r->to_zone));
	r->flows = number(st, 9);
	r->packets[0] = number(st, 10);
	r->bytes[0] = number(st, 11);
	r->packets[1] = number(st, 12);
	r->bytes[1] = number(st, 13);
	r->first_ns = sqlite3_column_int64(st, 14);
	r->last_ns = sqlite3_column_int64(st, 15);
	r->hour_ns = sqlite3_column_int64(st, 16);
	s.from_name = take_name(st, 17, a);
	s.to_name = take_name(st, 18, a);
	s.from_mac = take_mac(st, 19, a);
	return s;
}

int traffic_list(struct db *db, enum traffic_by by, int64_t since_ns, size_t max, struct arena *a, struct traffic_sum **ret,
		 size_t *ret_n, struct err *e)
{
	VEC(struct traffic_sum) sums = { 0 };
	sqlite3_stmt *st;
	bool row = true;
	int64_t there = 0;
	int rc = db_number(db, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'allowed'", &there, e);

	*ret = NULL;
	*ret_n = 0;
	if (rc < 0 || !there)           /* made by an earlier version, and not written to since */
		return rc;
	st = db_prepare(db, lists[by], e);
	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, since_ns - TRAFFIC_HOUR_S * NOW_NS_PER_S);
	sqlite3_bind_int64(st, 2, (int64_t)max);
	for (rc = db_step(db, st, &row, e); rc == 0 && row; rc = db_step(db, st, &row, e)) {
		if (!VEC_PUSH(&sums, take_sum(st, a)))
			rc = err_plain(e, ENOMEM, "out of memory");
		if (rc < 0)
			break;
	}
	db_reset(st);
	if (rc == 0 && sums.n) {
		*ret = arena_memdup(a, sums.at, sums.n * sizeof(*sums.at));
		*ret_n = sums.n;
	}
	VEC_FREE(&sums);
	return rc == 0 && *ret_n && !*ret ? err_plain(e, ENOMEM, "out of memory") : rc;
}
