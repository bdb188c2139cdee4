/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The observer's facts as events, and what it has the store keep. */
#include "run/observer_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/now.h"
#include "base/vec.h"
#include "event/event.h"
#include "ident/who.h"
#include "policy/policy.h"
#include "run/judge.h"
#include "run/publish.h"
#include "run/recorder.h"
#include "run/reload.h"
#include "run/words.h"
#include "store/db.h"
#include "store/inventory.h"

static const struct {
	int kind;                       /* enum event_kind, -1: no event */
	uint8_t severity;
	const char *what;
} rows[] = {
	[IDENT_DEVICE_NEW] = { EVENT_DEVICE_NEW, POLICY_SEV_INFO, "a device that was never seen" },
	[IDENT_RESTRICTED_NEW] = { EVENT_RESTRICTED_NEW, POLICY_SEV_HIGH, "a restricted device" },
	[IDENT_BOUND] = { -1, 0, "bound" },
	[IDENT_UNBOUND] = { -1, 0, "unbound" },
	[IDENT_ADDRESS_MOVED] = { EVENT_IDENTITY_CHANGED, POLICY_SEV_MEDIUM, "an address went to another device" },
	[IDENT_MAC_MOVED] = { EVENT_IDENTITY_CHANGED, POLICY_SEV_MEDIUM, "a MAC went to another interface" },
	[IDENT_ADDRESS_CONTESTED] = { EVENT_SPOOF_SUSPECTED, POLICY_SEV_HIGH,
				      "a device claims an address that another answers for" },
	[IDENT_MAC_CONTESTED] = { EVENT_SPOOF_SUSPECTED, POLICY_SEV_HIGH, "a MAC is claimed on a second interface" },
	[IDENT_CONTRADICTION] = { EVENT_SPOOF_SUSPECTED, POLICY_SEV_HIGH, "evidence for two makers" },
	[IDENT_ROUTER] = { EVENT_IDENTITY_CHANGED, POLICY_SEV_LOW, "a router: what stands behind it cannot be told by MAC" },
	[IDENT_CAPPED] = { EVENT_FLOOD, POLICY_SEV_LOW, "a limit of what is learnt was hit" },
};

static void detail_of(const struct ident_fact *f, const char *what, struct buf *out)
{
	struct json js;

	json_init(&js, out);
	json_object(&js, NULL);
	json_str(&js, "what", what);
	json_str(&js, "text", *f->text ? f->text : NULL);
	if (f->device)
		json_u64(&js, "device", f->device);
	if (f->other)
		json_u64(&js, "other_device", f->other);
	json_end(&js);
}

void observer_tell(struct observer *o, const struct ident_fact *f)
{
	const struct judge *j = publish_current(o->c.publish);
	struct flow_end end = { .iface = WHO_NONE, .has_mac = true, .mac = f->mac, .addr = f->addr };
	struct event ev = { .first_ns = f->when_ns, .last_ns = f->when_ns, .opener_is_from = true };
	uint32_t zone = POLICY_NONE;
	struct words w;
	struct buf detail;

	if (rows[f->kind].kind < 0)
		return;
	ev.kind = (enum event_kind)rows[f->kind].kind;
	ev.severity = rows[f->kind].severity;
	end.iface = judge_iface_named(j, f->iface);
	if (end.iface != WHO_NONE && j->policy->ifaces[end.iface].n_zones)
		zone = j->policy->ifaces[end.iface].zones[0];
	end.id = who_source(j->who, end.iface, &f->mac, &f->addr);
	end.id.device = f->device;
	words_end(j, &end, zone, 0, &w, &ev.from);
	if (zone == POLICY_NONE)
		ev.from.zone = NULL;
	buf_init(&detail);
	detail_of(f, rows[f->kind].what, &detail);
	reload_event(o->reload, &ev, buf_cstr(&detail));
	buf_fini(&detail);
}

/* ---- the store ---- */

enum { KEEP_AT_ONCE = 16384 };

/* One batch of changes, copied: the recorder's thread puts it. */
struct batch {
	VEC(struct ident_device) devices;
	VEC(struct ident_evidence) evidence;
	VEC(struct ident_binding) bindings;
	VEC(uint64_t) gone;
};

static void drop_batch(void *arg)
{
	struct batch *b = arg;

	VEC_FREE(&b->devices);
	VEC_FREE(&b->evidence);
	VEC_FREE(&b->bindings);
	VEC_FREE(&b->gone);
	free(b);
}

static int put_device(struct db *db, const struct ident_device *d, struct err *e)
{
	const struct inventory_device row = {
		.id = d->id, .name = *d->name ? d->name : NULL, .maker = *d->maker ? d->maker : NULL,
		.cls = d->sticky ? "restricted" : d->router ? "router" : NULL, .iface = *d->iface ? d->iface : NULL,
		.has_mac = d->has_mac, .mac = d->mac, .sticky = d->sticky, .first_ns = d->first_ns, .last_ns = d->last_ns,
	};

	return inventory_put_device(db, &row, e);
}

static int put_evidence(struct db *db, const struct ident_evidence *v, struct err *e)
{
	static const char *const strengths[] = { "hint", "registry", "protocol", "pinned" };
	const struct inventory_evidence row = {
		.device = v->device, .source = v->source, .value = v->value, .strength = strengths[v->strength],
		.first_ns = v->first_ns, .last_ns = v->last_ns,
	};

	return inventory_put_evidence(db, &row, e);
}

static int put_binding(struct db *db, const struct ident_binding *b, struct err *e)
{
	const struct inventory_binding row = {
		.device = b->device, .iface = b->iface, .mac = b->mac, .addr = b->addr, .proof = (uint8_t)b->proof,
		.first_ns = b->first_ns, .last_ns = b->last_ns,
	};

	return b->gone ? inventory_drop_binding(db, &row, e) : inventory_put_binding(db, &row, e);
}

static int put_all(struct db *db, const struct batch *b, struct err *e)
{
	for (size_t i = 0; i < b->devices.n; i++) {
		if (put_device(db, &b->devices.at[i], e) < 0)
			return -1;
	}
	for (size_t i = 0; i < b->evidence.n; i++) {
		if (put_evidence(db, &b->evidence.at[i], e) < 0)
			return -1;
	}
	for (size_t i = 0; i < b->bindings.n; i++) {
		if (put_binding(db, &b->bindings.at[i], e) < 0)
			return -1;
	}
	for (size_t i = 0; i < b->gone.n; i++) {
		if (inventory_drop_device(db, b->gone.at[i], e) < 0)
			return -1;
	}
	return 0;
}

/* One transaction for all: each by itself would wait for the disk. */
static int keep_batch(struct db *db, void *arg, struct err *e)
{
	if (db_begin(db, e) < 0)
		return -1;
	if (put_all(db, arg, e) == 0)
		return db_commit(db, e);
	db_rollback(db);
	return -1;
}

static void on_device(void *ctx, const struct ident_device *d)
{
	struct batch *b = ctx;

	(void)VEC_PUSH(&b->devices, *d);
}

static void on_device_gone(void *ctx, uint64_t device)
{
	struct batch *b = ctx;

	(void)VEC_PUSH(&b->gone, device);
}

static void on_evidence(void *ctx, const struct ident_evidence *v)
{
	struct batch *b = ctx;

	(void)VEC_PUSH(&b->evidence, *v);
}

static void on_binding(void *ctx, const struct ident_binding *v)
{
	struct batch *b = ctx;

	(void)VEC_PUSH(&b->bindings, *v);
}

/* What waits of the facts, as one batch of bounded size: at the limits of scale all of it is 100 MiB.  True: more waits. */
static bool keep_some(struct observer *o)
{
	struct batch *b = calloc(1, sizeof(*b));
	const struct ident_sink sink = { on_device, on_device_gone, on_evidence, on_binding, b };
	bool more;

	if (!b)
		return false;
	more = ident_flush(o->ident, &sink, KEEP_AT_ONCE);
	if (b->devices.n + b->evidence.n + b->bindings.n + b->gone.n)
		recorder_keep(reload_recorder(o->reload), keep_batch, b, drop_batch);
	else
		drop_batch(b);
	return more;
}

void observer_keep(struct observer *o, bool all)
{
	ident_tick(o->ident, now_wall_ns());
	if (all)
		ident_flush_again(o->ident);
	(void)keep_some(o);
}

void observer_keep_rest(struct observer *o)
{
	ident_tick(o->ident, now_wall_ns());
	while (keep_some(o))
		;
}
