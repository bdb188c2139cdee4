/* SPDX-License-Identifier: GPL-2.0-or-later */
/* site: the daemon's main thread without its workers, in a namespace of the test's own: a store, a recorder, a fence, a link map
 * and a reload.  The interfaces are made by the caller's commands before. */
#ifndef TESTS_RUN_SITE_H
#define TESTS_RUN_SITE_H

#include <ftw.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "kern/link.h"
#include "kern/nl.h"
#include "kern/probe.h"
#include "run/fence.h"
#include "run/publish.h"
#include "run/recorder.h"
#include "run/reload.h"
#include "store/store.h"
#include "unit/kern/space.h"
#include "unit/run/fake.h"

static char site_dir[64], site_file[96];
static struct link_map *links;
static struct publish *publish;
static struct recorder *recorder;
static struct fence *fence;
static struct reload *reload;
static struct err e;
static struct buf said;
static __attribute__((unused)) bool site_shared;        /* others may change the table */

static inline void site_begin(const char *interfaces)
{
	struct store_config sc = { .dir = site_dir, .ballast_bytes = UINT64_MAX, .durability = DB_RELAXED };
	struct recorder_config rc = { .n_rings = 0 };
	struct reload_config c = { .policy = site_file, .data = getenv("RINGFENCE_DATA") ? getenv("RINGFENCE_DATA") : "rules" };
	struct fence_options o = { .queue = 100, .nflog_group = 100 };
	static struct db_report report;
	struct probe p;
	struct nl *nl;

	log_open("test", LOG_LEVEL_ERROR);
	space_enter();
	snprintf(site_dir, sizeof(site_dir), "/tmp/ringfence-site-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(site_dir));
	snprintf(site_file, sizeof(site_file), "%s/policy.yaml", site_dir);
	buf_init(&said);
	ck_assert_int_eq(space_run(NULL, interfaces), 0);
	ck_assert_int_eq(nl_open(NL_NETFILTER, NULL, &nl, &e), 0);
	ck_assert_int_eq(probe_run(nl, &p, &e), 0);
	nl_free(nl);
	o.native_queue = p.has[PROBE_QUEUE];
	o.owner = p.has[PROBE_OWNER] && !site_shared;
	o.fences = p.has[PROBE_NETDEV_EGRESS];
	ck_assert_msg(store_open(&sc, &rc.db, &report, &e) == 0, "%s", e.msg);
	rc.report = &report;
	recorder = recorder_new(&rc, &e);
	ck_assert_msg(recorder && recorder_start(recorder, &e) == 0, "%s", e.msg);
	publish = publish_new();
	publish_recorder(publish, recorder);
	ck_assert_msg(link_open(&links, &e) == 0, "%s", e.msg);
	fence = fence_new(&o, &e);
	ck_assert_msg(fence, "%s", e.msg);
	c.publish = publish;
	c.fence = fence;
	c.links = links;
	c.recorder = recorder;
	c.state = site_dir;
	reload = reload_new(&c, &e);
	ck_assert_ptr_nonnull(reload);
}

static inline int site_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static inline void site_end(void)
{
	recorder_stop(recorder);
	publish_free(publish);
	reload_free(reload);
	recorder_free(recorder);
	fence_free(fence);
	link_free(links);
	buf_fini(&said);
	nftw(site_dir, site_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void site_policy(const char *text)
{
	ck_assert_msg(file_replace(site_file, text, strlen(text), 0600, &e) == 0, "%s", e.msg);
}

/* The file, in force. */
static inline void site_load(void)
{
	struct judge *j;

	buf_reset(&said);
	j = reload_candidate(reload, false, &said);
	ck_assert_msg(j, "%s", buf_cstr(&said));
	ck_assert_msg(reload_apply(reload, j, "test", &e) == 0, "%s", e.msg);
}

/* How many differences there are between the kernel's table and what the judge in force says; which: in said. */
static inline size_t site_drift(void)
{
	size_t n = 0;

	buf_reset(&said);
	ck_assert_msg(fence_agrees(fence, publish_current(publish), reload_ifaces(reload), &said, &n, &e) == 0, "%s", e.msg);
	return n;
}

/* Does what a command says hold these words? */
static inline bool site_listed(const char *command, const char *words)
{
	buf_reset(&said);
	ck_assert_msg(space_run(&said, command) == 0, "%s: %.600s", command, buf_cstr(&said));
	return strstr(buf_cstr(&said), words);
}

#endif
