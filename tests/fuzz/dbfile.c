/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz events.db: any file in its place must be read, verified and opened for writing without harm; after that there is a store that
 * takes an event and is sound, or an error in words. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "store/inventory.h"
#include "store/spool.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64];

static const char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void clean(void)
{
	static const char *const names[] = { "events.db", "events.db-wal", "events.db-shm", "events.db.lock", "events.db.corrupt-1",
					     "events.db.corrupt-1-wal", "events.db.corrupt-1-shm", "events.db.ballast" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(in_dir(names[i]));
}

static void remove_dir(void)
{
	clean();
	rmdir(dir);
}

static void put(const uint8_t *data, size_t size)
{
	int fd = open(in_dir("events.db"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

static void must_say(int rc, const struct err *e)
{
	if (rc < 0 && (!e->code || !e->msg[0]))
		abort();
}

static void read_it(void)
{
	struct spool_query q = { .max_rows = 64 };
	struct spool_reader *r = NULL;
	struct arena *a = arena_new();
	struct spool_verdict v;
	struct spool_batch b;
	struct err e = { 0 };
	int rc = spool_reader_open(dir, &r, &e);

	must_say(rc, &e);
	if (rc == 0) {
		must_say(spool_read(r, &q, a, &b, &e), &e);
		must_say(spool_verify(r, NULL, NULL, &v, &e), &e);
		spool_reader_free(r);
	}
	arena_free(a);
}

static void write_it(void)
{
	struct store_config c = { .dir = dir, .ballast_bytes = UINT64_MAX, .durability = DB_RELAXED };
	struct event ev = { .kind = EVENT_HEARTBEAT };
	struct inventory_device *devices;
	struct arena *a = arena_new();
	struct spool_config sc = { 0 };
	struct db_report report;
	struct spool *s = NULL;
	struct db *db = NULL;
	struct err e = { 0 };
	size_t n;
	int rc = store_open(&c, &db, &report, &e);

	must_say(rc, &e);
	if (rc == 0) {
		rc = spool_new(db, &sc, &report, &s, &e);
		must_say(rc, &e);
	}
	if (rc == 0) {
		must_say(inventory_devices(db, a, &devices, &n, &e), &e);
		must_say(spool_append(s, &ev, &e), &e);
		must_say(spool_commit(s, &e), &e);
	}
	spool_free(s);
	db_free(db);
	arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!dir[0]) {
		snprintf(dir, sizeof(dir), "%s/ringfence-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
		if (!mkdtemp(dir))
			abort();
		atexit(remove_dir);
	}
	clean();
	put(data, size);
	read_it();
	write_it();
	return 0;
}
