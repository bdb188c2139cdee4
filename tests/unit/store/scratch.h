/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scratch: a directory of a test's own, gone at its end; and events put into a spool there. */
#ifndef TESTS_UNIT_STORE_SCRATCH_H
#define TESTS_UNIT_STORE_SCRATCH_H

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/now.h"
#include "store/spool.h"
#include "store/store.h"
#include "unit/event/samples.h"

static char scratch[64];

static inline int scratch_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static inline void scratch_setup(void)
{
	snprintf(scratch, sizeof(scratch), "/tmp/ringfence-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(scratch));
}

static inline void scratch_teardown(void)
{
	nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline const char *scratch_path(const char *name)
{
	static char path[4][400];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", scratch, name);
	return p;
}

struct scratch_spool {
	struct db *db;
	struct spool *spool;
	struct db_report report;
};

static inline void scratch_open(struct scratch_spool *s, const struct store_config *store, const struct spool_config *spool)
{
	struct store_config c = store ? *store : (struct store_config){ .ballast_bytes = UINT64_MAX };
	struct spool_config none = { 0 };
	struct err e;

	c.dir = c.dir ? c.dir : scratch;
	ck_assert_msg(store_open(&c, &s->db, &s->report, &e) == 0, "%s", e.msg);
	ck_assert_msg(spool_new(s->db, spool ? spool : &none, &s->report, &s->spool, &e) == 0, "%s", e.msg);
}

static inline void scratch_close(struct scratch_spool *s)
{
	spool_free(s->spool);
	db_free(s->db);
}

static inline uint64_t scratch_put(struct scratch_spool *s, enum event_kind kind)
{
	struct event ev;
	struct err e;

	sample_event(&ev, kind);
	ck_assert_msg(spool_append(s->spool, &ev, &e) == 0, "%s", e.msg);
	return ev.seq;
}

static inline void scratch_fill(struct scratch_spool *s, unsigned n)
{
	struct err e;

	for (unsigned i = 0; i < n; i++)
		scratch_put(s, i % 8 == 7 ? EVENT_CONFIG_CHANGED : EVENT_BLOCKED);
	ck_assert_msg(spool_commit(s->spool, &e) == 0, "%s", e.msg);
}

static inline struct spool_reader *scratch_reader(void)
{
	struct spool_reader *r;
	struct err e;

	ck_assert_msg(spool_reader_open(scratch, &r, &e) == 0, "%s", e.msg);
	return r;
}

static inline struct spool_verdict scratch_verify(void)
{
	struct spool_reader *r = scratch_reader();
	struct spool_verdict v;
	struct err e;

	ck_assert_msg(spool_verify(r, NULL, NULL, &v, &e) == 0, "%s", e.msg);
	spool_reader_free(r);
	return v;
}

#endif
