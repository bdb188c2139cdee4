/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Losses told as events, each counted at its own source; the heartbeat. */
#include "run/watch_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "base/now.h"
#include "base/word.h"
#include "event/event.h"
#include "policy/policy.h"
#include "policy/registry.h"
#include "run/fence.h"
#include "run/judge.h"
#include "run/publish.h"
#include "run/recorder.h"
#include "run/reload.h"
#include "run/worker.h"
#include "store/inventory.h"

enum { GAP_LOOKS = 6 };

static uint64_t since_start(const struct watch *w, enum table_counter c)
{
	return w->s.counts.at[c].packets - w->s.base.at[c].packets;     /* wraps on purpose: see made_anew */
}

static int keep_unanswered(struct db *db, void *arg, struct err *e)
{
	const struct inventory_counter row = { .name = WATCH_UNANSWERED, .packets = *(const uint64_t *)arg };

	return inventory_put_counter(db, &row, e);
}

/* For whoever starts next on this table: also that it is 0 again, when the table was made anew. */
void watch_keep_unanswered(struct watch *w)
{
	uint64_t *copy = malloc(sizeof(*copy));

	if (!copy)
		return;
	*copy = w->unanswered;
	recorder_keep(w->c.recorder, keep_unanswered, copy, free);
}

/* What had been asked by the last time and was not answered by this one, nor waits, died in the queue: too little while there is
 * traffic, exact when there is none.  What the queue itself says it lost is told under its own name. */
static void find_unanswered(struct watch *w, uint64_t waiting)
{
	static const enum table_counter answers[] = {
		TABLE_C_POST_DENIED, TABLE_C_POST_DENIED_ONCE, TABLE_C_POST_REJECTED, TABLE_C_NO_VERDICT, TABLE_C_STALE_VERDICT,
		TABLE_C_POST_ALLOWED, TABLE_C_POST_UNSTAMPED, TABLE_C_FAILED_OPEN,
	};
	struct watch_residual *r = &w->s.residual;
	const uint64_t queue = r->queue_full + r->queue_socket, before = w->unanswered;
	int64_t lost;

	w->unanswered += queue - w->queue_seen;
	w->queue_seen = queue;
	lost = (int64_t)(w->asked - waiting - w->unanswered);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		lost -= (int64_t)w->s.counts.at[answers[i]].packets;
	w->asked = w->s.counts.at[TABLE_C_ASKED].packets;
	if (lost > 0) {
		r->unanswered += (uint64_t)lost;
		w->unanswered += (uint64_t)lost;
	}
	if (w->unanswered != before)
		watch_keep_unanswered(w);
}

static void read_residual(struct watch *w)
{
	static const enum table_counter unkeyed[] = {
		TABLE_C_FLOOD_UNKEYED, TABLE_C_UNKNOWN_FLOOD_UNKEYED, TABLE_C_INVALID_UNKEYED,
		TABLE_C_STRANGE_UNKEYED, TABLE_C_CLOSED_UNKEYED, TABLE_C_OUT_FLOOD_UNKEYED, TABLE_C_FENCE_UNKEYED,
		TABLE_C_FENCE_ODD_UNKEYED,
	};
	struct watch_residual r = { .unanswered = w->s.residual.unanswered };
	uint64_t waiting = 0;
	struct nfq_stats q;
	struct err e;

	for (size_t i = 0; i < sizeof(unkeyed) / sizeof(unkeyed[0]); i++)
		r.unkeyed += since_start(w, unkeyed[i]);
	r.no_verdict = since_start(w, TABLE_C_NO_VERDICT);
	r.stale = since_start(w, TABLE_C_STALE_VERDICT);
	r.fell_through = since_start(w, TABLE_C_FELL_THROUGH);
	for (uint16_t i = 0; i < w->c.queues && w->c.queue_fd >= 0; i++) {
		if (nfq_stats_read(w->c.queue_fd, (uint16_t)(w->c.queue + i), &q, &e) < 0 || !q.found)
			continue;
		waiting += q.waiting;
		r.queue_full += q.dropped_full;
		r.queue_socket += q.dropped_socket;
	}
	for (unsigned i = 0; i < w->c.n_workers; i++) {
		const struct worker_stats s = worker_stats(w->c.workers[i]);

		r.hits_lost += s.hits_lost;
		if (strcmp(worker_name(w->c.workers[i]), "observe") == 0)
			r.copies_lost += s.vanished;
	}
	w->s.residual = r;
	find_unanswered(w, waiting);
}

struct loss {
	const char *name, *what;
	enum event_action action;
	const char *why;                /* "queue": lost before the table could count it */
	uint64_t now, *told;
};

static void tell_loss(struct watch *w, const struct loss *l)
{
	struct event ev = {
		.kind = EVENT_LOSS, .severity = POLICY_SEV_MEDIUM, .action = l->action, .why = l->why, .summary = true,
	};
	struct reload_facts f;

	if (l->now <= *l->told)
		return;
	ev.packets = l->now - *l->told;
	*l->told = l->now;
	reload_facts(&f);
	json_str(&f.js, "counter", l->name);
	json_str(&f.js, "what", l->what);
	json_u64(&f.js, "packets", ev.packets);
	json_u64(&f.js, "since_start", l->now);
	reload_tell(w->c.reload, &ev, &f);
}

static uint64_t all_drops(const struct table_counts *c)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < TABLE_COUNTERS; i++)
		sum += table_counter_is_drop(i) ? c->at[i].packets : 0;
	return sum;
}

/* Everything that has been put to somebody's account since the table was made; what workers judged, told or lost on the way. */
static uint64_t all_accounted(const struct watch *w)
{
	const struct watch_residual *s = &w->s.residual;
	uint64_t sum = w->c.told_before + ledger_told_sum(&w->s.told) + s->unkeyed + s->no_verdict + s->stale + s->fell_through;

	for (unsigned i = 0; i < w->c.n_workers; i++) {
		const struct worker_stats k = worker_stats(w->c.workers[i]);

		sum += k.denied + k.forgotten + k.rejected;
	}
	return sum;
}

void watch_gap_turns(struct watch *w, bool turned)
{
	struct err e;

	w->gap_turned_ns = 0;
	if (!w->c.gap_known || w->c.inherited)
		return;
	if (!turned) {
		w->gap_turn.drops_before = all_drops(&w->s.counts);
		w->gap_turn.accounted_before = all_accounted(w);
	} else if (fence_counters(w->c.fence, &w->s.counts, &e) == 0 && fence_page_waits(w->c.fence, &w->gap_turned_ns)) {
		read_residual(w);
		w->gap_turn.drops_after = all_drops(&w->s.counts);
	}
}

void watch_gap_told(struct watch *w, int64_t turned_ns, uint64_t page)
{
	if (w->c.gap_known && w->gap_turned_ns && w->gap_turned_ns == turned_ns)
		gap_look(&w->gap, &w->gap_turn, page, all_accounted(w));
	w->gap_turned_ns = 0;
}

/* Exact as soon as nothing is dropped between two looks, or two bounds meet; until then, after a while, what is certain is told. */
static void find_gap(struct watch *w)
{
	const uint64_t drops = all_drops(&w->s.counts), told = all_accounted(w);
	const bool still = watch_ledger_is_read(w) && drops == w->drops_seen;
	int64_t since;

	w->drops_seen = drops;
	if (!w->c.gap_known || w->c.inherited || fence_page_waits(w->c.fence, &since))
		return;
	if (still) {
		const struct gap_turn now = { drops, drops, told };

		w->gap = (struct gap){ 0 };
		gap_look(&w->gap, &now, 0, told);
	}
	if (gap_is_exact(&w->gap))
		w->c.gap_known = false;
	if (gap_is_exact(&w->gap) || w->gap.looks >= GAP_LOOKS)
		w->s.gap = gap_certain(&w->gap) > w->s.gap ? gap_certain(&w->gap) : w->s.gap;
}

void watch_refresh(struct watch *w)
{
	static struct log_limit limit;
	struct watch_residual *t = &w->told;
	const struct watch_residual *r = &w->s.residual;
	struct err e = { 0 };
	unsigned held;
	const enum event_action D = EVENT_DROPPED;

	if (fence_counters(w->c.fence, &w->s.counts, &e) < 0 && log_allow(&limit, 3, &held))
		log_warn("the kernel's counters cannot be read error=\"%s\" held_back=%u", e.msg, held);
	watch_bypass(w);
	read_residual(w);
	find_gap(w);
	const struct loss losses[] = {
		{ "unkeyed", "dropped by the kernel while its ledger was full", D, NULL, r->unkeyed, &t->unkeyed },
		{ "no-verdict", "queued, and came back without an answer", D, NULL, r->no_verdict, &t->no_verdict },
		{ "stale-verdict", "answered by a generation that was gone", D, NULL, r->stale, &t->stale },
		{ "fell-through", "fell through the table", D, NULL, r->fell_through, &t->fell_through },
		{ "queue-full", "dropped because the queue was full", D, "queue", r->queue_full, &t->queue_full },
		{ "queue-socket", "dropped because the queue's socket was full", D, "queue", r->queue_socket, &t->queue_socket },
		{ "unanswered", "died in the queue: nobody was there to judge", D, "queue", r->unanswered, &t->unanswered },
		{ "hits-lost", "dropped as decided; the record was lost, the ring was full", D, NULL, r->hits_lost, &t->hits_lost },
		{ "copies-lost", "passed in an observed zone; the copy was lost", EVENT_PASSED, NULL, r->copies_lost,
		  &t->copies_lost },
		{ "gap", "dropped before this start; what was known of it went with the former daemon", D, NULL, w->s.gap,
		  &w->gap_told },
	};

	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++)
		tell_loss(w, &losses[i]);
}

/* Outside the account: conntrack comes before every hook of ours. */
void watch_conntrack(struct watch *w)
{
	static struct log_limit limit;
	struct event ev = { .kind = EVENT_CONNTRACK_FULL };
	struct tight_news n;
	struct ct_stats ct;
	struct err e = { 0 };
	unsigned held;
	struct reload_facts f;

	if (fence_ct_stats(w->c.fence, &ct, &e) < 0) {
		if (log_allow(&limit, 3, &held))
			log_warn("conntrack's statistics cannot be read error=\"%s\" held_back=%u", e.msg, held);
		return;
	}
	if (!tight_look(&w->tight, &ct, now_mono_ns(), &n))
		return;
	ev.severity = n.dropped ? POLICY_SEV_HIGH : POLICY_SEV_MEDIUM;
	reload_facts(&f);
	json_str(&f.js, "what", tight_words(&n));
	json_u64(&f.js, "entries", ct.entries);
	json_u64(&f.js, "max", ct.max);
	json_u64(&f.js, "dropped", n.dropped);
	json_u64(&f.js, "evicted_early", n.evicted);
	json_u64(&f.js, "not_inserted", n.not_inserted);
	json_str(&f.js, "do", "ringfence top --by device tells who has so many flows; net.netfilter.nf_conntrack_max is the size");
	reload_tell(w->c.reload, &ev, &f);
	log_warn("%s entries=%llu max=%llu dropped=%llu evicted_early=%llu", tight_words(&n), (unsigned long long)ct.entries,
		 (unsigned long long)ct.max, (unsigned long long)n.dropped, (unsigned long long)n.evicted);
}

static int keep_alive(struct db *db, void *arg, struct err *e)
{
	(void)arg;
	return inventory_alive(db, now_wall_ns(), e);
}

static void file_digests(struct json *js, const struct policy *p)
{
	char hex[65];

	json_object(js, "files");
	for (uint32_t i = 0; i < p->n_files; i++)
		json_str(js, p->files[i].path, digest_hex(p->files[i].sha256, sizeof(p->files[i].sha256), hex, sizeof(hex)));
	json_end(js);
}

void watch_heartbeat(struct watch *w)
{
	const struct judge *j = publish_current(w->c.publish);
	const struct recorder_stats s = recorder_stats(w->c.recorder);
	struct event ev = { .kind = EVENT_HEARTBEAT, .severity = POLICY_SEV_INFO };
	char hex[65];
	struct reload_facts f;

	reload_facts(&f);
	json_str(&f.js, "version", RINGFENCE_VERSION);
	json_str(&f.js, "store", s.store_id);
	json_str(&f.js, "chain", digest_hex(s.chain, sizeof(s.chain), hex, sizeof(hex)));
	json_u64(&f.js, "last_seq", s.spool.last_seq);
	json_u64(&f.js, "generation", j->generation);
	json_str(&f.js, "registry", j->policy->registry ? registry_date(j->policy->registry) : NULL);
	json_object(&f.js, "zones");
	for (uint32_t i = 0; i < j->policy->n_zones; i++) {
		if (j->policy->zones[i].guard != POLICY_OPEN)
			json_str(&f.js, j->policy->zones[i].name, word_name(policy_mode_words, (int)j->policy->zones[i].mode));
	}
	json_end(&f.js);
	file_digests(&f.js, j->policy);
	reload_tell(w->c.reload, &ev, &f);
	recorder_keep(w->c.recorder, keep_alive, NULL, NULL);
}
