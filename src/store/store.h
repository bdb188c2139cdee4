/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store: events.db, which holds the spool and the inventory. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "store/db.h"

#define STORE_NAME "events.db"

struct store_config {
	const char *dir, *group;
	uint64_t max_bytes;                     /* 0: 1 GiB.  Retention starts at nine tenths; the file never grows beyond */
	uint64_t ballast_bytes;                 /* UINT64_MAX: none; 0: 8 MiB */
	enum db_durability durability;
};

/* The recorder's handle; one per process, never used across fork. */
int store_open(const struct store_config *c, struct db **ret, struct db_report *report, struct err *e);
/* For ringfence and ringfence-ship; path: the file, or the state directory. */
int store_open_reader(const char *path, struct db **ret, struct err *e);

#endif
