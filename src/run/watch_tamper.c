/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Others' hands on nf_tables.  What was done to our table is set right first, whole, and looked at afterwards: its names come with
 * the notifications.  How long it stood open cannot be known exactly, so both bounds are told: from when the daemon woke until it
 * began to restore, and from the last time nf_tables was seen unchanged until the kernel had taken the restored table. */
#include "run/watch_part.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/now.h"
#include "policy/policy.h"
#include "run/fence.h"
#include "run/judge.h"
#include "run/publish.h"
#include "run/recorder.h"
#include "run/reload.h"

struct touched {
	struct watch *w;
	bool ours;
	uint32_t genid;                 /* of the first change; 0: not known */
	int64_t woke_ns;
	char what[sizeof(((struct table_change *)0)->what)];
};

void watch_tick(struct watch *w)
{
	struct watch_sample s = { .at_ns = now_mono_ns() };
	struct err e;

	if (fence_genid(w->c.fence, &s.genid, &e) < 0)
		return;
	w->samples[w->n_samples++ % WATCH_SAMPLES] = s;
}

/* The last moment at which that change had not been made, 0: not known. */
int64_t watch_before(const struct watch *w, uint32_t genid)
{
	int64_t best = 0;

	for (unsigned i = 0; genid && i < WATCH_SAMPLES && i < w->n_samples; i++) {
		const struct watch_sample *s = &w->samples[i];

		if ((int32_t)(s->genid - genid) < 0 && s->at_ns > best)
			best = s->at_ns;
	}
	return best;
}

static void tell_bypass(struct watch *w, const char *what)
{
	struct event ev = { .kind = EVENT_BYPASS_POSSIBLE, .severity = POLICY_SEV_HIGH };
	struct reload_facts f;

	reload_facts(&f);
	json_str(&f.js, "what", what);
	reload_tell(w->c.reload, &ev, &f);
	log_warn("there may be a way around the table what=\"%s\"", what);
}

/* Each way is told once, and again when it comes back. */
void watch_bypass(struct watch *w)
{
	const struct judge *j = publish_current(w->c.publish);
	struct bypass now;
	struct err e = { 0 };

	if (bypass_find(j->policy, w->c.links, "/proc/sys/net/bridge", &now, &e) < 0)
		log_warn("ways around the table cannot be looked for error=\"%s\"", e.msg);
	for (size_t i = 0; i < now.n; i++) {
		if (!bypass_has(&w->s.bypass, now.at[i]))
			tell_bypass(w, now.at[i]);
	}
	w->s.bypass = now;
}

static void on_other(const struct table_change *c, void *arg)
{
	struct watch_others *ret = arg;

	VEC_PUSH(&ret->found, *c);
}

void watch_others(struct watch *w, struct watch_others *ret)
{
	const struct table_change unknown = { .what = "others' rules cannot be read" };
	struct err e;

	if (fence_risks(w->c.fence, on_other, ret, &e) < 0)
		on_other(&unknown, ret);
}

static void on_change(const struct table_change *c, void *arg)
{
	struct touched *t = arg;

	if (c->ours && !t->ours) {
		memcpy(t->what, c->what, sizeof(t->what));
		t->genid = c->genid;
		t->ours = true;
	}
	if (c->foreign_risk)
		tell_bypass(t->w, c->what);
}

void watch_risks(struct watch *w)
{
	struct touched t = { .w = w };
	struct err e = { 0 };

	if (fence_risks(w->c.fence, on_change, &t, &e) < 0)
		log_warn("others' rules cannot be read error=\"%s\"", e.msg);
	watch_bypass(w);
}

struct exposure { int64_t least_us, most_us; bool known; };

static void tell_tamper(struct watch *w, const struct touched *t, const char *left, bool restored, const struct exposure *x)
{
	struct event ev = { .kind = EVENT_TAMPER, .severity = POLICY_SEV_CRITICAL };
	struct reload_facts f;

	w->s.tampers++;
	reload_facts(&f);
	json_str(&f.js, "what", t->what);
	json_strn(&f.js, "differences", left, strnlen(left, 2000));
	json_bool(&f.js, "restored", restored);
	if (x->known)
		json_i64(&f.js, "exposed_us", x->most_us);
	json_i64(&f.js, "exposed_min_us", x->least_us);
	json_str(&f.js, "exposed", x->known ?
		 "at most exposed_us: since nf_tables was last seen unchanged; at least exposed_min_us" :
		 "at least exposed_min_us; since when is not known");
	reload_tell(w->c.reload, &ev, &f);
	log_error("the table was changed by others what=\"%s\" restored=%s exposed_us=%lld exposed_min_us=%lld", t->what,
		  restored ? "yes" : "no", x->known ? (long long)x->most_us : -1LL, (long long)x->least_us);
}

/* The table was gone, its counters begin at 0: what they had counted is carried on below 0. */
static void made_anew(struct watch *w)
{
	for (unsigned i = 0; i < TABLE_COUNTERS; i++) {
		w->s.base.at[i].packets -= w->s.counts.at[i].packets;
		w->s.counts.at[i] = (__typeof__(w->s.counts.at[i])){ 0 };
	}
	w->turned_at = w->asked = w->unanswered = 0;
	watch_keep_unanswered(w);
	w->c.gap_known = false;
	recorder_dropped_anew(w->c.recorder);
}

static void restore(struct watch *w, const struct touched *t, struct buf *differences)
{
	const bool gone = fence_is_gone(w->c.fence);
	const int64_t before = watch_before(w, t->genid), begins = now_mono_ns();
	struct exposure x = { .least_us = (begins - t->woke_ns) / 1000, .known = before != 0 };
	struct err e = { 0 };
	size_t n;

	w->s.degraded_table = fence_restore(w->c.fence, &e) < 0;
	x.most_us = (now_mono_ns() - before) / 1000;
	w->s.restores_failed += w->s.degraded_table;
	if (gone) {
		buf_str(differences, "the table was gone\n");
		made_anew(w);
	}
	if (w->s.degraded_table)
		log_error("the table cannot be restored error=\"%s\"", e.msg);
	else if (fence_verify(w->c.fence, differences, &n, &e) < 0)
		log_warn("the restored table cannot be read back error=\"%s\"", e.msg);
	tell_tamper(w, t, buf_cstr(differences), !w->s.degraded_table, &x);
}

void watch_tamper(struct watch *w)
{
	struct touched t = { .w = w, .woke_ns = now_mono_ns() };
	struct buf differences;
	struct err e = { 0 };
	bool lost = false;
	size_t n = 1;

	if (fence_watch(w->c.fence, on_change, &t, &lost, &e) < 0)
		log_warn("notifications of nf_tables cannot be read error=\"%s\"", e.msg);
	buf_init(&differences);
	if (t.ours) {
		restore(w, &t, &differences);
	} else if (lost && !fence_only_ours(w->c.fence)) {      /* whose they were is not known: look first */
		memcpy(t.what, "notifications were lost", sizeof("notifications were lost"));
		watch_risks(w);
		if (fence_verify(w->c.fence, &differences, &n, &e) < 0 || n)
			restore(w, &t, &differences);
	}
	buf_fini(&differences);
}
