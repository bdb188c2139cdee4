/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store: the tables of events.db. */
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "store/db_sql.h"
#include "store/traffic.h"

enum { VERSION = 1 };
#define MAX_BYTES (UINT64_C(1) << 30)
#define BALLAST_BYTES (UINT64_C(8) << 20)

static const char *const tables[] = {
	/* link: the chain before this event; chain: sha256(link, seq, at_ns, body); crc: CRC-32C of the body */
	"CREATE TABLE event(seq INTEGER PRIMARY KEY AUTOINCREMENT, lane INTEGER NOT NULL, kind INTEGER NOT NULL,"
	" severity INTEGER NOT NULL, at_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, packets INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, crc INTEGER NOT NULL, link BLOB NOT NULL, chain BLOB NOT NULL, body BLOB NOT NULL)",
	"CREATE INDEX event_lane ON event(lane, seq)",
	"CREATE TABLE lane(lane INTEGER PRIMARY KEY, rows INTEGER NOT NULL, bytes INTEGER NOT NULL)",
	"INSERT INTO lane VALUES(0, 0, 0), (1, 0, 0)",
	"CREATE TABLE head(one INTEGER PRIMARY KEY CHECK(one = 1), seq INTEGER NOT NULL, chain BLOB NOT NULL)",
	"CREATE TABLE removed(id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, reason TEXT NOT NULL, first INTEGER NOT NULL,"
	" last INTEGER NOT NULL, count INTEGER NOT NULL, packets INTEGER NOT NULL, bytes INTEGER NOT NULL, at_ns INTEGER NOT NULL)",

	"CREATE TABLE device(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, maker TEXT, cls TEXT, location TEXT,"
	" switch_port TEXT, zone TEXT, iface TEXT, vlan INTEGER NOT NULL, mac BLOB, sticky INTEGER NOT NULL,"
	" first_ns INTEGER NOT NULL,"
	" last_ns INTEGER NOT NULL)",
	"CREATE TABLE evidence(device INTEGER NOT NULL, source TEXT NOT NULL, value TEXT NOT NULL, strength TEXT,"
	" first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, PRIMARY KEY(device, source, value)) WITHOUT ROWID",
	"CREATE TABLE binding(iface TEXT NOT NULL, mac BLOB NOT NULL, addr BLOB NOT NULL, device INTEGER NOT NULL,"
	" proof INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, PRIMARY KEY(iface, mac, addr))"
	" WITHOUT ROWID",
	"CREATE INDEX binding_device ON binding(device)",
	"CREATE TABLE text(digest TEXT PRIMARY KEY, name TEXT, at_ns INTEGER NOT NULL, text BLOB NOT NULL) WITHOUT ROWID",
	"CREATE TABLE interval(id INTEGER PRIMARY KEY, zone TEXT NOT NULL, state TEXT NOT NULL, start_ns INTEGER NOT NULL,"
	" end_ns INTEGER NOT NULL)",
	"CREATE INDEX interval_zone ON interval(zone, end_ns)",
	"CREATE TABLE counter(name TEXT PRIMARY KEY, packets INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID",
	TRAFFIC_TABLE,
	NULL
};

static const struct db_schema schema = { VERSION, tables };

int store_open(const struct store_config *c, struct db **ret, struct db_report *report, struct err *e)
{
	struct db_config config = {
		.dir = c->dir, .name = STORE_NAME, .group = c->group, .schema = &schema, .durability = c->durability,
		.max_bytes = c->max_bytes ? c->max_bytes : MAX_BYTES,
		.ballast_bytes = c->ballast_bytes == UINT64_MAX ? 0 : c->ballast_bytes ? c->ballast_bytes : BALLAST_BYTES,
	};

	struct err ignored;

	if (db_open(&config, ret, report, e) < 0)
		return -1;
	db_exec(*ret, TRAFFIC_TABLE, &ignored);         /* a file of before there was one; if it fails, so does what is added */
	return 0;
}

int store_open_reader(const char *path, struct db **ret, struct err *e)
{
	char file[DB_PATH];
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		if ((size_t)snprintf(file, sizeof(file), "%s/%s", path, STORE_NAME) >= sizeof(file))
			return err_plain(e, ENAMETOOLONG, "%s: the path is too long", path);
		path = file;
	}
	return db_open_reader(path, &schema, ret, e);
}
