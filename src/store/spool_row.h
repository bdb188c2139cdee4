/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spool: what its writing and its reading half share. */
#ifndef STORE_SPOOL_ROW_H
#define STORE_SPOOL_ROW_H

#include "base/digest.h"
#include "base/vec.h"
#include "store/db_sql.h"
#include "store/spool.h"

enum { SPOOL_LANE_TRAFFIC, SPOOL_LANE_KEPT, SPOOL_LANES };

/* A row that has its number and its link but is not committed yet. */
struct spool_pending {
	uint64_t seq, packets, bytes;
	int64_t at_ns, last_ns;
	uint8_t lane, kind, severity, link[32], chain[32];
	char *body;
	size_t body_len;
};

/* Events that could not be kept: told as one loss event when something can be written again. */
struct spool_refused {
	uint64_t events, packets, bytes;
	int64_t first_ns, last_ns;
	uint64_t kinds[EVENT_KINDS];
};

struct spool {
	struct db *db;
	struct spool_config config;
	struct spool_stats stats;
	VEC(struct spool_pending) pending;
	size_t pending_bytes;
	uint8_t head[32];                       /* after the last event that has a number */
	int64_t group_ns, retry_ns, kept_ns;    /* monotonic: first pending event, next try, last look at retention */
	unsigned failed;                        /* tries in a row */
	bool unsure;                            /* the last commit may or may not have been done */
	bool aside_told;
	unsigned gone;                          /* the file is no longer where it was; so many tries to put it back failed */
	int64_t back_ns;                        /* monotonic: the next one */
	struct spool_refused refused;
	char store_id[DB_ID_TEXT];
};

void spool_genesis(const char *store_id, uint8_t ret[static 32]);
void spool_link(const uint8_t link[static 32], uint64_t seq, int64_t at_ns, const void *body, size_t len,
		uint8_t ret[static 32]);
uint8_t spool_lane(const struct event *ev);
struct db *spool_reader_db(struct spool_reader *r);
/* Remove what is over the limits, a step of rows at a time.  force: make room now, the disk is full. */
int spool_retain(struct spool *s, int64_t wall_ns, bool force, struct err *e);
/* Puts the file back where it was, should somebody have removed or replaced it. */
int spool_put_back(struct spool *s, int64_t mono_ns, struct err *e);

#endif
