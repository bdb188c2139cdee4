/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ship: the status, from the cursor database and the store. */
#include "ship/ship.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/now.h"
#include "ship/shipconf.h"
#include "store/cursor.h"
#include "store/spool.h"

struct view {
	char store[33];                 /* "": there is none yet */
	uint64_t head;
	struct cursor_status *list;
	size_t n;
};

static int view_store(const char *path, struct arena *a, struct view *v, struct err *e)
{
	struct spool_query q = { .max_rows = 1, .newest_first = true };
	AUTO(spool_reader) r = NULL;
	struct spool_batch b;

	if (spool_reader_open(path, &r, e) < 0)
		return e->code == ENOENT ? 0 : -1;
	if (spool_read(r, &q, a, &b, e) < 0)
		return -1;
	v->head = b.head_seq;
	snprintf(v->store, sizeof(v->store), "%s", spool_reader_id(r));
	return 0;
}

static int view_cursors(const char *dir, struct arena *a, struct view *v, struct err *e)
{
	AUTO(cursor) c = NULL;

	if (cursor_open_reader(dir, &c, e) < 0)
		return e->code == ENOENT ? 0 : -1;
	return cursor_statuses(c, a, &v->list, &v->n, e);
}

/* Events that the sink lacks. */
static uint64_t behind(const struct view *v, const struct cursor_status *s)
{
	uint64_t seq = strcmp(s->place.store, v->store) == 0 ? s->place.seq : 0;

	return v->head > seq ? v->head - seq : 0;
}

static void put_text(const struct view *v, const struct cursor_status *s, struct buf *out)
{
	char when[40] = "never";

	if (s->last_ack_ns)
		now_rfc3339(s->last_ack_ns, 0, when, sizeof(when));
	buf_printf(out, "%s: %s, at %llu, %llu behind, last delivered %s; %llu sent, %llu failures, %llu dead letters, %llu lost\n",
		   s->sink, s->state ? s->state : "not started", (unsigned long long)s->place.seq,
		   (unsigned long long)behind(v, s), when, (unsigned long long)s->sent, (unsigned long long)s->failures,
		   (unsigned long long)s->dead, (unsigned long long)s->lost);
	if (s->error)
		buf_printf(out, "\t%s\n", s->error);
}

static void put_json(const struct view *v, const struct cursor_status *s, struct json *j)
{
	char when[40];

	json_object(j, NULL);
	json_str(j, "sink", s->sink);
	json_str(j, "state", s->state ? s->state : "not started");
	json_str(j, "error", s->error);
	json_str(j, "store", s->place.store);
	json_u64(j, "sequence", s->place.seq);
	json_u64(j, "behind", behind(v, s));
	json_u64(j, "sent", s->sent);
	json_u64(j, "bytes", s->bytes);
	json_u64(j, "failures", s->failures);
	json_u64(j, "dead", s->dead);
	json_u64(j, "lost", s->lost);
	if (s->last_ack_ns)
		json_str(j, "last_delivered", now_rfc3339(s->last_ack_ns, 3, when, sizeof(when)));
	json_end(j);
}

static const struct cursor_status *find(const struct view *v, const char *sink)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->list[i].sink, sink) == 0)
			return &v->list[i];
	return NULL;
}

int ship_status(const struct shipconf *conf, bool json, struct buf *out, bool *ret_behind, struct err *e)
{
	struct arena *a = arena_new();
	struct view v = { .n = 0 };
	struct json j;
	int rc = -1;

	if (!a)
		return err_plain(e, ENOMEM, "out of memory");
	*ret_behind = false;
	if (view_store(conf->store, a, &v, e) == 0 && view_cursors(conf->state, a, &v, e) == 0)
		rc = 0;
	json_init(&j, out);
	if (json)
		json_array(&j, NULL);
	for (size_t i = 0; rc == 0 && i < conf->n_sinks; i++) {
		struct cursor_status none = { .sink = conf->sinks[i].name };
		const struct cursor_status *s = find(&v, none.sink);

		s = s ? s : &none;
		if (json)
			put_json(&v, s, &j);
		else
			put_text(&v, s, out);
		*ret_behind |= behind(&v, s) || (s->state && strcmp(s->state, "down") == 0);
	}
	if (json) {
		json_end_array(&j);
		buf_char(out, '\n');
	}
	arena_free(a);
	return rc;
}
