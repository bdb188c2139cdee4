/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon does about what is allowed: counting it, last seen, and conntrack's own state, which both depend on. */
#include <stdio.h>

#include "app/ringfenced.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "kern/ct.h"
#include "kern/ctflow.h"
#include "run/allowed.h"
#include "run/fence.h"
#include "run/observer.h"
#include "run/publish.h"
#include "run/uses.h"

enum { SIGHTS = 256 };

void ringfenced_allowed_start(struct ringfenced *d)
{
	const struct allowed_config c = { .judge = publish_pointer(d->publish), .recorder = d->recorder };
	struct err e = { 0 };

	if (ctflow_account(&e) < 0) {
		snprintf(d->allowed_hint, sizeof(d->allowed_hint), "%s", e.msg);
		log_warn("bytes of what is allowed are not known error=\"%s\"", e.msg);
	}
	d->allowed = allowed_new(&c, &e);
	if (!d->allowed || allowed_start(d->allowed, &e) < 0)
		log_warn("what is allowed is not counted error=\"%s\"", e.msg);
}

void ringfenced_allowed_second(struct ringfenced *d)
{
	struct allowed_sight seen[SIGHTS];
	size_t n = SIGHTS;

	ringfenced_uses_second(d, false);
	while (d->allowed && n == SIGHTS) {
		n = allowed_seen(d->allowed, seen, SIGHTS);
		for (size_t i = 0; i < n; i++)
			observer_seen(d->observer, seen[i].device, seen[i].when_ns);
	}
}

void ringfenced_allowed_stop(struct ringfenced *d)
{
	if (d->allowed)
		allowed_stop(d->allowed);
	if (d->uses)
		ringfenced_uses_second(d, true);
}

void ringfenced_allowed_free(struct ringfenced *d)
{
	allowed_free(d->allowed);
	uses_free(d->uses);
}

/* ---- status ---- */

bool ringfenced_conntrack_is_tight(struct ringfenced *d)
{
	struct ct_stats ct;
	struct err e;

	return fence_ct_stats(d->fence, &ct, &e) == 0 && ct_is_filled(&ct, CT_NEARLY_FULL);
}

static void conntrack_json(struct ringfenced *d, struct json *js)
{
	struct ct_stats ct;
	struct err e;

	if (fence_ct_stats(d->fence, &ct, &e) < 0)
		return;
	json_object(js, "conntrack");
	json_u64(js, "entries", ct.entries);
	json_u64(js, "max", ct.max);
	json_bool(js, "nearly_full", ct_is_filled(&ct, CT_NEARLY_FULL));
	json_u64(js, "drop", ct.drop);
	json_u64(js, "insert_failed", ct.insert_failed);
	json_u64(js, "early_drop", ct.early_drop);
	json_u64(js, "invalid", ct.invalid);
	json_u64(js, "error", ct.error);
	json_end(js);
}

void ringfenced_allowed_json(struct ringfenced *d, struct json *js)
{
	struct allowed_stats s = { 0 };

	if (d->allowed)
		s = allowed_stats(d->allowed);
	json_object(js, "allowed");
	json_bool(js, "counted", d->allowed);
	json_str(js, "hint", *d->allowed_hint ? d->allowed_hint : NULL);
	json_u64(js, "flows_ended", s.ended);
	json_u64(js, "flows_live", s.lives);
	json_u64(js, "packets", s.packets);
	json_u64(js, "bytes", s.bytes);
	json_u64(js, "rows", s.rows);
	json_u64(js, "ends_lost", s.lost);
	json_u64(js, "odd", s.odd);
	json_u64(js, "untracked", s.untracked);
	json_u64(js, "folded", s.folded);
	json_u64(js, "rows_lost", s.rows_lost);
	json_u64(js, "rows_removed", s.removed);
	json_u64(js, "failed", s.failed);
	json_u64(js, "look_us", s.look_us);
	json_end(js);
	ringfenced_uses_json(d, js);
	conntrack_json(d, js);
}

void ringfenced_allowed_text(struct ringfenced *d, struct buf *out)
{
	const struct allowed_stats s = d->allowed ? allowed_stats(d->allowed) : (struct allowed_stats){ 0 };
	struct ct_stats ct;
	struct err e;

	if (!d->allowed)
		buf_str(out, "allowed     not counted\n");
	else
		buf_printf(out, "allowed     %llu packets, %llu bytes; %llu flows live, %llu ended, %llu ends lost\n",
			   (unsigned long long)s.packets, (unsigned long long)s.bytes, (unsigned long long)s.lives,
			   (unsigned long long)s.ended, (unsigned long long)s.lost);
	if (*d->allowed_hint)
		buf_printf(out, "allowed     bytes are not known: %s\n", d->allowed_hint);
	if (fence_ct_stats(d->fence, &ct, &e) < 0)
		return;
	buf_printf(out, "conntrack   %llu of %llu flows; its own losses: %llu dropped, %llu not inserted, %llu evicted early%s\n",
		   (unsigned long long)ct.entries, (unsigned long long)ct.max, (unsigned long long)ct.drop,
		   (unsigned long long)ct.insert_failed, (unsigned long long)ct.early_drop,
		   ct_is_filled(&ct, CT_NEARLY_FULL) ? "; nearly full" : "");
}
