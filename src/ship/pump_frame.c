/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pump: events to frames, and the sink's state for status and log. */
#include "ship/pump_part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "base/now.h"

static int dead(struct pump *p, const struct spool_row *row, const char *reason, struct err *e)
{
	struct cursor_place place = p->place;

	place.seq = row->seq;
	log_warn("an event can't be delivered sink=%s seq=%" PRIu64 " reason=\"%s\"", p->conf->name, row->seq, reason);
	return cursor_dead(p->cursor, p->conf->name, &place, reason, row->body, row->body_len, now_wall_ns(), e);
}

int pump_add_row(struct pump *p, const struct spool_row *row, struct pump_flight *entry, struct err *e)
{
	static const char *const words[] = {
		[SPOOL_BAD_CRC] = "the stored bytes have changed (CRC)", [SPOOL_BAD_BODY] = "the stored body can't be understood",
		[SPOOL_BAD_PAGE] = "the stored row can't be read",
	};
	struct err why;

	if (row->health != SPOOL_WHOLE)
		return dead(p, row, words[row->health], e);
	if (enc_event(p->conf->format, &row->ev, &p->enc, &p->message, &why) < 0) {
		if (why.code == EMSGSIZE)
			return dead(p, row, why.msg, e);
		*e = why;
		return -1;
	}
	if (!framing_add(p->conf->framing, p->message.data, p->message.len, &p->frames) && !p->frames.failed)
		return dead(p, row, "the message can't be framed", e);
	entry->rows++;
	return 0;
}

/* Why retention took them, as far as its table says. */
static int reason_of(struct pump *p, uint64_t first, uint64_t last, char *buf, size_t size, struct err *e)
{
	struct arena *a = arena_new();
	struct spool_removed *list;
	size_t n;
	int rc = a ? spool_removed(p->reader, first - 1, last, a, &list, &n, e) : err_plain(e, ENOMEM, "out of memory");

	if (rc == 0)
		snprintf(buf, size, "%s", n ? list[0].reason : "unknown");
	arena_free(a);
	return rc;
}

static void describe(struct pump *p, uint64_t first, uint64_t last, const char *reason, struct buf *out)
{
	struct json j;

	json_init(&j, out);
	json_object(&j, NULL);
	json_str(&j, "sink", p->conf->name);
	json_u64(&j, "first", first);
	json_u64(&j, "last", last);
	json_u64(&j, "events", last - first + 1);
	json_str(&j, "reason", reason);
	json_end(&j);
}

int pump_add_loss(struct pump *p, uint64_t first, uint64_t last, const struct event *near, struct pump_flight *entry,
		  struct err *e)
{
	struct event ev = { .kind = EVENT_LOSS, .severity = 3, .why = "retention", .store_id = spool_reader_id(p->reader),
			    .reason = "events were removed from the store before they were delivered here" };
	char id[96], reason[32];
	struct buf detail;
	int rc;

	if (reason_of(p, first, last, reason, sizeof(reason), e) < 0)
		return -1;
	ev.first_ns = ev.last_ns = now_wall_ns();
	snprintf(id, sizeof(id), "%s-loss-%" PRIu64 "-%" PRIu64, ev.store_id, first, last);
	ev.id = id;
	if (near) {
		ev.site = near->site;
		ev.sensitivity = near->sensitivity;
	}
	buf_init(&detail);
	describe(p, first, last, reason, &detail);
	ev.detail = buf_cstr(&detail);
	rc = enc_event(p->conf->format, &ev, &p->enc, &p->message, e);
	if (rc == 0 && framing_add(p->conf->framing, p->message.data, p->message.len, &p->frames))
		entry->lost += last - first + 1;
	buf_fini(&detail);
	return rc;
}

/* --- what is told about the sink --- */

static void tell(struct pump *p, const char *state, const char *error, bool failed)
{
	struct err ignored;

	cursor_state(p->cursor, p->conf->name, state, error, failed, now_wall_ns(), &ignored);
}

void pump_is_up(struct pump *p)
{
	p->failures = 0;
	if (p->up)
		return;
	if (p->told)
		log_info("delivering again sink=%s", p->conf->name);
	tell(p, "up", NULL, false);
	p->up = true;
	p->told = false;
}

void pump_is_down(struct pump *p, const struct err *why)
{
	if (!p->told)
		log_warn("not delivering sink=%s error=\"%s\"", p->conf->name, why->msg);
	tell(p, "down", why->msg, true);
	p->up = false;
	p->told = true;
}

void pump_waits(struct pump *p, const struct err *why)
{
	if (p->told)
		return;
	log_warn("waiting for the store sink=%s error=\"%s\"", p->conf->name, why->msg);
	tell(p, "waiting", why->msg, false);
	p->up = false;
	p->told = true;
}

void pump_stopped(struct pump *p)
{
	tell(p, "stopped", NULL, false);
}
