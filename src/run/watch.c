/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The second's round.  A page of the ledger is told a second after it was turned, when no processor writes to it any more. */
#include "run/watch_part.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/now.h"
#include "policy/policy.h"
#include "run/fence.h"
#include "run/judge.h"
#include "run/observer.h"
#include "run/publish.h"
#include "run/recorder.h"
#include "run/reload.h"
#include "run/worker.h"

#define BEHIND_NS (10 * NOW_NS_PER_S)    /* no step of a clock that is kept in time */
#define EXPIRING_NS (INT64_C(14) * 86400 * NOW_NS_PER_S)
enum { PUT_AGAIN_S = 60, DAY_S = 86400, TURN_S = 10, HEARTBEAT_S = 300, STUCK_S = 8, SETTLE_MS = 900, LAST_SETTLE_MS = 30,
       FLOOD_PER_S = 5000 };

static uint64_t denied_sum(const struct table_counts *c)
{
	return c->at[TABLE_C_DENIED].packets + c->at[TABLE_C_DENIED_MORE].packets;
}

struct watch *watch_new(const struct watch_config *c, struct err *e)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w) {
		err_plain(e, ENOMEM, "out of memory");
		return NULL;
	}
	w->c = *c;
	if (!w->c.turn_s)
		w->c.turn_s = TURN_S;
	if (!w->c.heartbeat_s)
		w->c.heartbeat_s = HEARTBEAT_S;
	w->started_ns = w->page_from_ns = w->page_to_ns = now_wall_ns();
	if (fence_counters(c->fence, &w->s.base, e) < 0) {
		free(w);
		return NULL;
	}
	w->clock_behind = c->reload && reload_behind_ns(c->reload) > BEHIND_NS;
	w->s.counts = w->s.base;
	w->denied = denied_sum(&w->s.base);
	w->unanswered = c->unanswered_before;
	watch_keep_unanswered(w);
	return w;
}

void watch_free(struct watch *w)
{
	free(w);
}

const struct watch_state *watch_state(const struct watch *w)
{
	return &w->s;
}

void watch_trial(struct watch *w, int64_t until_ns)
{
	w->trial_until_ns = until_ns;
}

static void collect(struct watch *w)
{
	const uint64_t before = ledger_told_sum(&w->s.told);
	struct table_ledger l;
	int64_t since = 0;
	struct err e = { 0 };

	fence_page_waits(w->c.fence, &since);
	if (fence_collect(w->c.fence, &l, &e) < 0) {
		log_warn("the ledger cannot be read, trying again error=\"%s\"", e.msg);
		return;
	}
	ledger_tell(w->c.recorder, publish_page_owner(w->c.publish), w->c.links, &l,
		    w->c.inherited ? w->c.since_ns : w->page_from_ns, w->page_to_ns, w->c.inherited, &w->s.told);
	w->c.inherited = false;
	table_ledger_free(&l);
	watch_gap_told(w, since, ledger_told_sum(&w->s.told) - before);
	publish_page_collected(w->c.publish);
}

static bool page_settled(struct watch *w)
{
	int64_t since;

	return fence_page_waits(w->c.fence, &since) && now_mono_ns() - since >= SETTLE_MS * NOW_NS_PER_MS;
}

/* What of the counters stands in the ledger. */
static uint64_t ledger_sum(const struct table_counts *c)
{
	static const enum table_counter keyed[] = {
		TABLE_C_DENIED, TABLE_C_DENIED_MORE, TABLE_C_FLOOD, TABLE_C_UNKNOWN_FLOOD, TABLE_C_INVALID, TABLE_C_STRANGE,
		TABLE_C_OUT_FLOOD, TABLE_C_CLOSED, TABLE_C_FENCE, TABLE_C_FENCE_ODD, TABLE_C_FAILED_OPEN,
	};
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(keyed) / sizeof(keyed[0]); i++)
		sum += c->at[keyed[i]].packets;
	return sum;
}

bool watch_ledger_is_read(const struct watch *w)
{
	return ledger_sum(&w->s.counts) == w->turned_at;
}

static void turn(struct watch *w)
{
	const uint64_t sum = ledger_sum(&w->s.counts);
	struct err e = { 0 };
	bool turned;

	if (sum == w->turned_at)
		return;
	watch_gap_turns(w, false);
	if (fence_turn(w->c.fence, &turned, &e) < 0) {
		log_warn("the ledger's page cannot be turned error=\"%s\"", e.msg);
		return;
	}
	if (!turned)
		return;
	watch_gap_turns(w, true);
	w->page_from_ns = w->page_to_ns;
	w->page_to_ns = now_wall_ns();
	w->turned_at = sum;
	w->s.turns++;
}

/* A flood that lasts is worth a hook of its own. */
static void meet_flood(struct watch *w)
{
	const uint64_t sum = denied_sum(&w->s.counts), before = w->denied;
	static struct log_limit limit;
	struct err e = { 0 };
	unsigned held;

	w->denied = sum;
	if (sum < before || (sum - before) / w->c.turn_s < FLOOD_PER_S)
		return;
	if (fence_early(w->c.fence, &e) < 0 && log_allow(&limit, 3, &held))
		log_warn("a flood cannot be met before its route is looked up error=\"%s\" held_back=%u", e.msg, held);
}

/* A clock that is set back beside a running daemon; that it was behind at the start was told then. */
static void watch_clock(struct watch *w)
{
	struct event unsound = { .kind = EVENT_CLOCK_UNSOUND, .severity = POLICY_SEV_HIGH };
	const bool behind = reload_behind_ns(w->c.reload) > BEHIND_NS;

	if (behind && !w->clock_behind) {
		log_warn("the clock was set back: what had ended stays ended");
		reload_event(w->c.reload, &unsound, "{\"what\":\"the clock was set back\"}");
	}
	w->clock_behind = behind;
}

static void time_passes(struct watch *w)
{
	static struct log_limit limit;
	const struct judge *j = publish_current(w->c.publish);
	const int64_t now = reload_now(w->c.reload);
	struct err e = { 0 };
	unsigned held;

	if (w->next_change_of != j) {
		w->next_change_of = j;
		w->next_change_ns = policy_next_change(j->policy, j->at_ns);
	}
	if (now < w->next_change_ns)
		return;
	if (reload_time(w->c.reload, &e) == 0)
		log_info("entries have begun or ended, everything is judged anew");
	else if (log_allow(&limit, 3, &held))
		log_error("what has ended cannot be taken out of force error=\"%s\" held_back=%u", e.msg, held);
}

static void trial_ends(struct watch *w)
{
	struct err e = { 0 };

	if (!w->trial_until_ns || now_mono_ns() < w->trial_until_ns)
		return;
	w->trial_until_ns = 0;
	if (!reload_on_trial(w->c.reload))
		return;
	log_warn("the policy on trial was not confirmed: going back");
	if (reload_rollback(w->c.reload, "rollback: not confirmed in time", &e) == 0)
		return;
	log_error("the former policy cannot be put in force, it is tried again error=\"%s\"", e.msg);
	w->trial_until_ns = now_mono_ns() + NOW_NS_PER_S;
}

static bool all_move(struct watch *w)
{
	bool stuck = false;
	const uint64_t r = recorder_beats(w->c.recorder);

	for (unsigned i = 0; i < w->c.n_workers; i++) {
		const uint64_t beats = worker_stats(w->c.workers[i]).beats;

		w->still[i] = beats == w->beats[i] ? w->still[i] + 1 : 0;
		w->beats[i] = beats;
		stuck |= w->still[i] >= STUCK_S;
	}
	w->still[WATCH_WORKERS] = r == w->recorder_beats ? w->still[WATCH_WORKERS] + 1 : 0;
	w->recorder_beats = r;
	if (stuck && !w->s.stuck)
		log_error("a worker does not move any more");
	w->s.stuck = stuck;
	return !stuck;
}

bool watch_second(struct watch *w)
{
	const struct recorder_stats r = recorder_stats(w->c.recorder);

	w->ticks++;
	publish_tick(w->c.publish);
	if (page_settled(w))
		collect(w);
	if (w->ticks % w->c.turn_s == 0) {
		watch_refresh(w);
		meet_flood(w);
		turn(w);
	}
	watch_tamper(w);                /* what was not heard while a big table was sent; most often there is nothing */
	watch_conntrack(w);
	watch_clock(w);
	time_passes(w);
	trial_ends(w);
	if (r.keep_failed != w->keep_failed)
		w->put_all_at = w->ticks + PUT_AGAIN_S;
	w->keep_failed = r.keep_failed;
	observer_keep(w->c.observer, r.epoch != w->epoch || w->ticks == w->put_all_at);
	w->epoch = r.epoch;
	if (w->ticks == 1)
		watch_risks(w);
	if (w->ticks % DAY_S == 1)
		reload_tell_expiring(w->c.reload, EXPIRING_NS);
	if (w->ticks % w->c.heartbeat_s == 1)
		watch_heartbeat(w);
	return all_move(w);
}

void watch_last(struct watch *w)
{
	const struct timespec settle = { .tv_nsec = LAST_SETTLE_MS * 1000000L };
	int64_t since;

	if (fence_page_waits(w->c.fence, &since)) {
		nanosleep(&settle, NULL);
		collect(w);
	}
	watch_refresh(w);
	observer_keep_rest(w->c.observer);
}
