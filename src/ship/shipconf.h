/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shipconf: the shipper's configuration: lines "key = value", first those of the shipper itself, then one "[sink NAME]" for each
 * receiver with its own.  '#' begins a comment at the start of a line or behind a blank.  Every finding has its place; one run
 * reports all of them.  Owns an arena; frozen after loading: any thread may read it. */
#ifndef SHIP_SHIPCONF_H
#define SHIP_SHIPCONF_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "base/word.h"
#include "ship/framing.h"

#define SHIPCONF_PATH "/etc/ringfence/ship.conf"

struct arena;
struct buf;
struct diag;
struct enc;

enum { SHIPCONF_SIZE_MAX = 1 << 20, SHIPCONF_NAME_MAX = 64, SHIPCONF_SINKS_MAX = 32 };
enum shipconf_type { SHIPCONF_FILE, SHIPCONF_SYSLOG, SHIPCONF_TYPES };
enum shipconf_sync { SHIPCONF_SYNC_BATCH, SHIPCONF_SYNC_NONE };

struct shipconf_sink {
	const char *name;               /* its identity: the cursor is kept under it */
	struct loc loc;
	enum shipconf_type type;
	const struct enc *format;
	uint64_t budget;                /* max_message: bytes of one message */
	/* file: */
	const char *path;
	uint64_t max_size, keep;        /* rotation; max_size 0: none */
	enum shipconf_sync sync;
	/* syslog over TCP: */
	const char *host, *port;
	enum framing framing;
	uint64_t timeout_ms;            /* for connecting, and for the receiver to take and acknowledge what is sent */
	uint64_t confirm_ms;            /* acknowledged bytes count as delivered when the connection lived on so long */
	uint64_t window;                /* events that may be unacknowledged */
};

struct shipconf {
	struct arena *arena;
	const char *store, *state;      /* ringfenced's state directory; the shipper's own */
	const char *hostname;           /* "": this machine's */
	uint64_t pen, facility, poll_ms;
	struct shipconf_sink *sinks;
	size_t n_sinks;
};

extern const struct word shipconf_types[], shipconf_syncs[];

/* NULL when anything is wrong: d says what. */
struct shipconf *shipconf_load(const char *path, struct diag *d);
struct shipconf *shipconf_load_text(const char *name, const char *text, size_t len, struct diag *d);
void shipconf_free(struct shipconf *c);                 /* NULL is fine */
OWN(shipconf)
/* Canonical form: every key with its value; loads back equal. */
void shipconf_print(const struct shipconf *c, struct buf *out);

#endif
