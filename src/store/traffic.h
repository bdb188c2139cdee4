/* SPDX-License-Identifier: GPL-2.0-or-later */
/* traffic: what was allowed, by the hour: a row for each (hour, device or address that opened, destination, protocol, port, rule)
 * with packets and bytes both ways.  Rows are added to, never replaced.
 * Functions that write are the recorder's thread's alone, within its transaction or each one of its own. */
#ifndef STORE_TRAFFIC_H
#define STORE_TRAFFIC_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/addr.h"

struct arena;
struct db;

enum { TRAFFIC_RULE = 64, TRAFFIC_ZONE = 48, TRAFFIC_HOUR_S = 3600 };

struct traffic_row {
	int64_t hour_ns;                        /* when the hour began */
	uint64_t from_device, to_device;        /* 0: none */
	struct addr from, to;                   /* from: of a device, the last that it had.  family 0: several ends in one row */
	uint8_t proto;
	uint16_t port;                          /* or ICMP type << 8 | code */
	char rule[TRAFFIC_RULE];                /* its id, or why it passed */
	char from_zone[TRAFFIC_ZONE], to_zone[TRAFFIC_ZONE];
	uint64_t flows;                         /* that began to count in this hour */
	uint64_t packets[2], bytes[2];          /* 0: the opener's, 1: the answers */
	int64_t first_ns, last_ns;
};

#define TRAFFIC_TABLE \
	"CREATE TABLE IF NOT EXISTS allowed(hour INTEGER NOT NULL, from_device INTEGER NOT NULL, opener BLOB NOT NULL," \
	" to_addr BLOB NOT NULL, proto INTEGER NOT NULL, port INTEGER NOT NULL, rule TEXT NOT NULL, from_addr BLOB NOT NULL," \
	" to_device INTEGER NOT NULL, from_zone TEXT NOT NULL, to_zone TEXT NOT NULL, flows INTEGER NOT NULL," \
	" packets_out INTEGER NOT NULL, bytes_out INTEGER NOT NULL, packets_back INTEGER NOT NULL," \
	" bytes_back INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL," \
	" PRIMARY KEY(hour, from_device, opener, to_addr, proto, port, rule)) WITHOUT ROWID"

int traffic_add(struct db *db, const struct traffic_row *row, struct err *e);
/* Retention: hours before before_ns go, and the oldest ones while there are more than max_rows.  *ret_removed is added to. */
int traffic_retain(struct db *db, int64_t before_ns, int64_t max_rows, uint64_t *ret_removed, struct err *e);

/* How to sum up: rows as they are (over the hours), by device at either end, by rule. */
enum traffic_by { TRAFFIC_BY_FLOW, TRAFFIC_BY_DEVICE, TRAFFIC_BY_RULE };

/* A sum; words are "" where they say nothing.  By device: from is the device, packets[0] what it sent. */
struct traffic_sum {
	struct traffic_row row;
	const char *from_name, *to_name;        /* of the devices: name, else maker, else MAC; "" */
	const char *from_mac;
};

/* The biggest first, of hours that end after since_ns. */
int traffic_list(struct db *db, enum traffic_by by, int64_t since_ns, size_t max, struct arena *a, struct traffic_sum **ret,
		 size_t *ret_n, struct err *e);

#endif
