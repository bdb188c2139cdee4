/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inventory: one statement per operation.  Addresses are stored as 4 or 16 bytes, MACs as 6. */
#include "store/inventory.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/vec.h"
#include "store/db_sql.h"

/* --- binding values --- */

static void bind_addr(sqlite3_stmt *st, int at, const struct addr *a)
{
	db_bind_blob(st, at, a->b, a->family == 4 ? 4 : a->family == 6 ? 16 : 0);
}

static void bind_word(sqlite3_stmt *st, int at, const char *s)          /* of a column that may not be NULL */
{
	db_bind_text(st, at, s ? s : "");
}

static void bind_times(sqlite3_stmt *st, int at, int64_t first_ns, int64_t last_ns)
{
	sqlite3_bind_int64(st, at, first_ns);
	sqlite3_bind_int64(st, at + 1, last_ns);
}

/* --- writing --- */

int inventory_put_device(struct db *db, const struct inventory_device *d, struct err *e)
{
	static const char sql[] = "INSERT INTO device VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET"
		" name = excluded.name, maker = excluded.maker, cls = excluded.cls, location = excluded.location,"
		" switch_port = excluded.switch_port, zone = excluded.zone, iface = excluded.iface, vlan = excluded.vlan,"
		" mac = excluded.mac, sticky = excluded.sticky, first_ns = min(first_ns, excluded.first_ns),"
		" last_ns = max(last_ns, excluded.last_ns)";
	const char *words[] = { d->name, d->maker, d->cls, d->location, d->switch_port, d->zone, d->iface };
	sqlite3_stmt *st = db_prepare(db, sql, e);

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, (int64_t)d->id);
	for (int i = 0; i < 7; i++)
		db_bind_text(st, i + 2, words[i]);
	sqlite3_bind_int64(st, 9, d->vlan);
	if (d->has_mac)
		db_bind_blob(st, 10, d->mac.b, sizeof(d->mac.b));
	sqlite3_bind_int64(st, 11, d->sticky);
	bind_times(st, 12, d->first_ns, d->last_ns);
	return db_run(db, st, e);
}

int inventory_put_evidence(struct db *db, const struct inventory_evidence *v, struct err *e)
{
	static const char sql[] = "INSERT INTO evidence(device, source, value, strength, first_ns, last_ns)"
		" VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET strength = excluded.strength,"
		" first_ns = min(first_ns, excluded.first_ns),"
		" last_ns = max(last_ns, excluded.last_ns)";
	sqlite3_stmt *st = db_prepare(db, sql, e);

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, (int64_t)v->device);
	bind_word(st, 2, v->source);
	bind_word(st, 3, v->value);
	db_bind_text(st, 4, v->strength);
	bind_times(st, 5, v->first_ns, v->last_ns);
	return db_run(db, st, e);
}

int inventory_put_binding(struct db *db, const struct inventory_binding *b, struct err *e)
{
	static const char sql[] = "INSERT INTO binding(iface, mac, addr, device, proof, first_ns, last_ns)"
		" VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET device = excluded.device, proof = excluded.proof,"
		" first_ns = min(first_ns, excluded.first_ns), last_ns = max(last_ns, excluded.last_ns)";
	sqlite3_stmt *st = db_prepare(db, sql, e);

	if (!st)
		return -1;
	bind_word(st, 1, b->iface);
	db_bind_blob(st, 2, b->mac.b, sizeof(b->mac.b));
	bind_addr(st, 3, &b->addr);
	sqlite3_bind_int64(st, 4, (int64_t)b->device);
	sqlite3_bind_int64(st, 5, b->proof);
	bind_times(st, 6, b->first_ns, b->last_ns);
	return db_run(db, st, e);
}

int inventory_drop_binding(struct db *db, const struct inventory_binding *b, struct err *e)
{
	sqlite3_stmt *st = db_prepare(db, "DELETE FROM binding WHERE iface = ? AND mac = ? AND addr = ?", e);

	if (!st)
		return -1;
	bind_word(st, 1, b->iface);
	db_bind_blob(st, 2, b->mac.b, sizeof(b->mac.b));
	bind_addr(st, 3, &b->addr);
	return db_run(db, st, e);
}

/* A statement with up to three numbers. */
static int run(struct db *db, const char *sql, const int64_t *numbers, int n, struct err *e)
{
	sqlite3_stmt *st = db_prepare(db, sql, e);

	if (!st)
		return -1;
	for (int i = 0; i < n; i++)
		sqlite3_bind_int64(st, i + 1, numbers[i]);
	return db_run(db, st, e);
}

int inventory_seen_device(struct db *db, uint64_t id, int64_t last_ns, struct err *e)
{
	static const char sql[] = "UPDATE device SET last_ns = max(last_ns, ?) WHERE id = ?";

	return run(db, sql, (int64_t[]){ last_ns, (int64_t)id }, 2, e);
}

/* Several statements as one transaction, or as part of the caller's. */
static int run_all(struct db *db, const char *const *sql, size_t n_sql, const int64_t *numbers, int n, struct err *e)
{
	bool own = !db_in_transaction(db);

	if (own && db_begin(db, e) < 0)
		return -1;
	for (size_t i = 0; i < n_sql; i++) {
		if (run(db, sql[i], numbers, n, e) < 0) {
			if (own)
				db_rollback(db);
			return -1;
		}
	}
	return own ? db_commit(db, e) : 0;
}

int inventory_drop_device(struct db *db, uint64_t id, struct err *e)
{
	static const char *const sql[] = {
		"DELETE FROM evidence WHERE device = ?", "DELETE FROM binding WHERE device = ?", "DELETE FROM device WHERE id = ?",
	};

	return run_all(db, sql, 3, (int64_t[]){ (int64_t)id }, 1, e);
}

int inventory_put_counter(struct db *db, const struct inventory_counter *c, struct err *e)
{
	static const char sql[] = "INSERT INTO counter VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET packets = excluded.packets,"
				  " bytes = excluded.bytes";
	sqlite3_stmt *st = db_prepare(db, sql, e);

	if (!st)
		return -1;
	bind_word(st, 1, c->name);
	sqlite3_bind_int64(st, 2, (int64_t)c->packets);
	sqlite3_bind_int64(st, 3, (int64_t)c->bytes);
	return db_run(db, st, e);
}

int inventory_put_text(struct db *db, const char *digest, const char *name, const void *text, size_t len, int64_t now_ns,
		       struct err *e)
{
	static const char sql[] = "INSERT INTO text(digest, name, at_ns, text) VALUES(?, ?, ?, ?) ON CONFLICT DO NOTHING";
	sqlite3_stmt *st = db_prepare(db, sql, e);

	if (!st)
		return -1;
	bind_word(st, 1, digest);
	db_bind_text(st, 2, name);
	sqlite3_bind_int64(st, 3, now_ns);
	db_bind_blob(st, 4, text, len);
	return db_run(db, st, e);
}

/* --- intervals --- */

static int has_open(struct db *db, const char *zone, const char *state, bool *ret, struct err *e)
{
	sqlite3_stmt *st = db_prepare(db, "SELECT 1 FROM interval WHERE zone = ? AND state = ? AND end_ns = 0", e);

	if (!st)
		return -1;
	db_bind_text(st, 1, zone);
	db_bind_text(st, 2, state);
	if (db_step(db, st, ret, e) < 0)
		return -1;
	db_reset(st);
	return 0;
}

static int close_and_open(struct db *db, const char *zone, const char *state, int64_t now_ns, struct err *e)
{
	sqlite3_stmt *st = db_prepare(db, "UPDATE interval SET end_ns = max(start_ns, ?) WHERE zone = ? AND end_ns = 0", e);

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, now_ns);
	db_bind_text(st, 2, zone);
	if (db_run(db, st, e) < 0)
		return -1;
	st = db_prepare(db, "INSERT INTO interval(zone, state, start_ns, end_ns) VALUES(?, ?, ?, 0)", e);
	if (!st)
		return -1;
	db_bind_text(st, 1, zone);
	db_bind_text(st, 2, state);
	sqlite3_bind_int64(st, 3, now_ns);
	return db_run(db, st, e);
}

int inventory_put_state(struct db *db, const char *zone, const char *state, int64_t now_ns, struct err *e)
{
	bool own = !db_in_transaction(db), same;

	if (has_open(db, zone, state, &same, e) < 0)
		return -1;
	if (same)
		return 0;
	if (own && db_begin(db, e) < 0)
		return -1;
	if (close_and_open(db, zone, state, now_ns, e) < 0) {
		if (own)
			db_rollback(db);
		return -1;
	}
	return own ? db_commit(db, e) : 0;
}

int inventory_alive(struct db *db, int64_t now_ns, struct err *e)
{
	static const char alive[] = "INSERT INTO meta(key, value) VALUES('alive_ns', ?) ON CONFLICT(key) DO UPDATE SET"
				    " value = excluded.value";
	static const char latest[] = "INSERT INTO meta(key, value) VALUES('latest_ns', ?) ON CONFLICT(key) DO UPDATE SET"
				     " value = max(value, excluded.value)";
	static const char *const sql[] = { alive, latest };

	return run_all(db, sql, 2, &now_ns, 1, e);
}

/* An outage that is still open from an earlier start that never got going goes on. */
int inventory_resume(struct db *db, int64_t now_ns, struct err *e)
{
	static const char add[] = "INSERT INTO interval(zone, state, start_ns, end_ns) SELECT zone, 'outage', max(start_ns, ?2), 0"
				  " FROM interval WHERE end_ns = 0 AND state <> 'outage' AND ?1 >= ?2";
	static const char end[] = "UPDATE interval SET end_ns = max(start_ns, ?2)"
				  " WHERE end_ns = 0 AND state <> 'outage' AND ?1 >= ?2";
	static const char now[] = "UPDATE interval SET end_ns = max(start_ns, ?1) WHERE end_ns = 0 AND state = 'outage'";
	static const char *const sql[] = { add, end, now };
	int64_t alive;

	if (db_meta_get(db, "alive_ns", &alive, e) < 0)
		return -1;
	if (alive == 0 || alive > now_ns)               /* never said so, or the clock went back: an outage of no length */
		alive = now_ns;
	return run_all(db, sql, 3, (int64_t[]){ now_ns, alive }, 2, e);
}

/* --- reading --- */

int inventory_latest(struct db *db, int64_t *ret_ns, struct err *e)
{
	return db_meta_get(db, "latest_ns", ret_ns, e);
}

int inventory_last_device(struct db *db, uint64_t *ret, struct err *e)
{
	int64_t id;

	if (db_number(db, "SELECT seq FROM sqlite_sequence WHERE name = 'device'", &id, e) < 0)
		return -1;
	*ret = (uint64_t)id;
	return 0;
}

static const char *column_word(sqlite3_stmt *st, int at, struct arena *a)
{
	const char *s = (const char *)sqlite3_column_text(st, at);

	return s ? arena_strdup(a, s) : NULL;
}

static bool column_mac(sqlite3_stmt *st, int at, struct mac *ret)
{
	if (sqlite3_column_bytes(st, at) != sizeof(*ret))
		return false;
	memcpy(ret, sqlite3_column_blob(st, at), sizeof(*ret));
	return true;
}

static struct addr column_addr(sqlite3_stmt *st, int at)
{
	int n = sqlite3_column_bytes(st, at);
	const void *p = sqlite3_column_blob(st, at);

	return n == 4 ? addr_v4_net(p) : n == 16 ? addr_v6_net(p) : (struct addr){ 0 };
}

/* Collect rows: fill is called for each with a zeroed record. */
typedef void (*fill_fn)(sqlite3_stmt *st, struct arena *a, void *record);

static int collect(struct db *db, sqlite3_stmt *st, size_t size, fill_fn fill, struct arena *a, void **ret, size_t *ret_n,
		   struct err *e)
{
	size_t n = 0, cap = 0;
	char *list = NULL;
	bool row = true;
	int rc = 0;

	if (!st)
		return -1;
	while ((rc = db_step(db, st, &row, e)) == 0 && row) {
		if (n == cap && !vec_grow((void **)&list, &cap, n, size)) {
			db_reset(st);
			rc = err_plain(e, ENOMEM, "out of memory");
			break;
		}
		memset(list + n * size, 0, size);
		fill(st, a, list + n++ * size);
	}
	if (rc == 0) {
		*ret = n ? arena_memdup(a, list, n * size) : NULL;
		*ret_n = n;
		if (arena_failed(a))
			rc = err_plain(e, ENOMEM, "out of memory");
	}
	free(list);
	return rc;
}

static void fill_device(sqlite3_stmt *st, struct arena *a, void *record)
{
	struct inventory_device *d = record;
	const char **words[] = { &d->name, &d->maker, &d->cls, &d->location, &d->switch_port, &d->zone, &d->iface };

	d->id = (uint64_t)sqlite3_column_int64(st, 0);
	for (int i = 0; i < 7; i++)
		*words[i] = column_word(st, i + 1, a);
	d->vlan = (uint16_t)sqlite3_column_int(st, 8);
	d->has_mac = column_mac(st, 9, &d->mac);
	d->sticky = sqlite3_column_int(st, 10);
	d->first_ns = sqlite3_column_int64(st, 11);
	d->last_ns = sqlite3_column_int64(st, 12);
}

int inventory_devices(struct db *db, struct arena *a, struct inventory_device **ret, size_t *ret_n, struct err *e)
{
	static const char sql[] = "SELECT id, name, maker, cls, location, switch_port, zone, iface, vlan, mac, sticky, first_ns,"
				  " last_ns FROM device ORDER BY id";

	return collect(db, db_prepare(db, sql, e), sizeof(**ret), fill_device, a, (void **)ret, ret_n, e);
}

static void fill_evidence(sqlite3_stmt *st, struct arena *a, void *record)
{
	struct inventory_evidence *v = record;

	v->device = (uint64_t)sqlite3_column_int64(st, 0);
	v->source = column_word(st, 1, a);
	v->value = column_word(st, 2, a);
	v->strength = column_word(st, 3, a);
	v->first_ns = sqlite3_column_int64(st, 4);
	v->last_ns = sqlite3_column_int64(st, 5);
}

int inventory_evidence(struct db *db, struct arena *a, struct inventory_evidence **ret, size_t *ret_n, struct err *e)
{
	static const char sql[] = "SELECT device, source, value, strength, first_ns, last_ns FROM evidence"
				  " ORDER BY device, source, value";

	return collect(db, db_prepare(db, sql, e), sizeof(**ret), fill_evidence, a, (void **)ret, ret_n, e);
}

static void fill_binding(sqlite3_stmt *st, struct arena *a, void *record)
{
	struct inventory_binding *b = record;

	b->iface = column_word(st, 0, a);
	column_mac(st, 1, &b->mac);
	b->addr = column_addr(st, 2);
	b->device = (uint64_t)sqlite3_column_int64(st, 3);
	b->proof = (uint8_t)sqlite3_column_int(st, 4);
	b->first_ns = sqlite3_column_int64(st, 5);
	b->last_ns = sqlite3_column_int64(st, 6);
}

int inventory_bindings(struct db *db, struct arena *a, struct inventory_binding **ret, size_t *ret_n, struct err *e)
{
	static const char sql[] = "SELECT iface, mac, addr, device, proof, first_ns, last_ns FROM binding"
				  " ORDER BY device, iface, mac, addr";

	return collect(db, db_prepare(db, sql, e), sizeof(**ret), fill_binding, a, (void **)ret, ret_n, e);
}

static void fill_interval(sqlite3_stmt *st, struct arena *a, void *record)
{
	struct inventory_interval *i = record;

	i->zone = column_word(st, 0, a);
	i->state = column_word(st, 1, a);
	i->start_ns = sqlite3_column_int64(st, 2);
	i->end_ns = sqlite3_column_int64(st, 3);
}

int inventory_intervals(struct db *db, const char *zone, struct arena *a, struct inventory_interval **ret, size_t *ret_n,
			struct err *e)
{
	static const char sql[] = "SELECT zone, state, start_ns, end_ns FROM interval WHERE ?1 IS NULL OR zone = ?1"
				  " ORDER BY zone, id";
	sqlite3_stmt *st = db_prepare(db, sql, e);

	if (st)
		db_bind_text(st, 1, zone);
	return collect(db, st, sizeof(**ret), fill_interval, a, (void **)ret, ret_n, e);
}

static void fill_counter(sqlite3_stmt *st, struct arena *a, void *record)
{
	struct inventory_counter *c = record;

	c->name = column_word(st, 0, a);
	c->packets = (uint64_t)sqlite3_column_int64(st, 1);
	c->bytes = (uint64_t)sqlite3_column_int64(st, 2);
}

int inventory_counters(struct db *db, struct arena *a, struct inventory_counter **ret, size_t *ret_n, struct err *e)
{
	return collect(db, db_prepare(db, "SELECT name, packets, bytes FROM counter ORDER BY name", e), sizeof(**ret), fill_counter,
		       a, (void **)ret, ret_n, e);
}

int inventory_text(struct db *db, const char *digest, struct arena *a, const char **ret, size_t *ret_len, struct err *e)
{
	sqlite3_stmt *st = db_prepare(db, "SELECT text FROM text WHERE digest = ?", e);
	bool row;

	if (!st)
		return -1;
	db_bind_text(st, 1, digest);
	if (db_step(db, st, &row, e) < 0)
		return -1;
	if (!row)
		return err_plain(e, ENOENT, "there is no text with the digest %s", digest);
	*ret_len = (size_t)sqlite3_column_bytes(st, 0);
	*ret = arena_strndup(a, sqlite3_column_blob(st, 0), *ret_len);
	db_reset(st);
	return *ret ? 0 : err_plain(e, ENOMEM, "out of memory");
}
