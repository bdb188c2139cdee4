/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status: the daemon's state for machines and for people, and the account: what the kernel dropped, by its own counters, against
 * what events say, with what is known to be left over and where it is known from. */
#include <stdio.h>
#include <string.h>

#include "app/ringfenced.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/now.h"
#include "base/ring.h"
#include "base/word.h"
#include "kern/nfq.h"
#include "policy/policy.h"
#include "policy/registry.h"
#include "run/fence.h"
#include "run/judge.h"
#include "run/observer.h"
#include "run/publish.h"
#include "run/recorder.h"
#include "run/reload.h"
#include "run/watch.h"
#include "run/worker.h"

static uint64_t since_start(const struct watch_state *s, enum table_counter c)
{
	return s->counts.at[c].packets - s->base.at[c].packets;         /* wraps on purpose: a table made anew begins below 0 */
}

/* A row of the account. */
struct row {
	const char *name;
	uint64_t kernel, attributed;
};

enum { ROWS = 12 };

static size_t account(struct ringfenced *d, struct row ret[static ROWS])
{
	const struct watch_state *s = watch_state(d->watch);
	const struct recorder_stats r = recorder_stats(d->recorder);
	const uint64_t *told = s->told.packets;
	const struct row rows[ROWS] = {
		{ "judged", since_start(s, TABLE_C_POST_DENIED) + since_start(s, TABLE_C_POST_DENIED_ONCE),
		  r.denied + r.forgotten },
		{ "rejected", since_start(s, TABLE_C_POST_REJECTED), r.rejected },
		{ "denied", since_start(s, TABLE_C_DENIED), told[TABLE_L_DENIED] },
		{ "denied-more", since_start(s, TABLE_C_DENIED_MORE), told[TABLE_L_DENIED_MORE] },
		{ "flood", since_start(s, TABLE_C_FLOOD), told[TABLE_L_FLOOD] },
		{ "unknown-flood", since_start(s, TABLE_C_UNKNOWN_FLOOD), told[TABLE_L_UNKNOWN_FLOOD] },
		{ "invalid", since_start(s, TABLE_C_INVALID), told[TABLE_L_INVALID] },
		{ "strange", since_start(s, TABLE_C_STRANGE), told[TABLE_L_STRANGE] },
		{ "out-flood", since_start(s, TABLE_C_OUT_FLOOD), told[TABLE_L_OUT_FLOOD] },
		{ "closed", since_start(s, TABLE_C_CLOSED), told[TABLE_L_CLOSED] },
		{ "fence", since_start(s, TABLE_C_FENCE), told[TABLE_L_FENCE] },
		{ "ethertype", since_start(s, TABLE_C_FENCE_ODD), told[TABLE_L_FENCE_ODD] },
	};

	memcpy(ret, rows, sizeof(rows));
	return ROWS;
}

static void account_json(struct ringfenced *d, struct json *js)
{
	const struct watch_state *s = watch_state(d->watch);
	const struct watch_residual *r = &s->residual;
	struct row rows[ROWS];
	const size_t n = account(d, rows);

	json_object(js, "accounting");
	json_array(js, "outcomes");
	for (size_t i = 0; i < n; i++) {
		json_object(js, NULL);
		json_str(js, "name", rows[i].name);
		json_u64(js, "kernel", rows[i].kernel);
		json_u64(js, "attributed", rows[i].attributed);
		json_end(js);
	}
	json_end_array(js);
	json_object(js, "residual");
	json_u64(js, "unkeyed", r->unkeyed);
	json_u64(js, "no_verdict", r->no_verdict);
	json_u64(js, "stale_verdict", r->stale);
	json_u64(js, "fell_through", r->fell_through);
	json_u64(js, "queue_full", r->queue_full);
	json_u64(js, "queue_socket", r->queue_socket);
	json_u64(js, "unanswered", r->unanswered);
	json_u64(js, "records_lost", r->hits_lost);
	json_u64(js, "copies_lost", r->copies_lost);
	json_u64(js, "before_start", s->gap);
	json_end(js);
	json_u64(js, "outage_packets", s->told.outage);
	json_end(js);
}

static void workers_json(struct ringfenced *d, struct json *js)
{
	json_array(js, "workers");
	for (unsigned i = 0; i < d->n_workers; i++) {
		const struct worker_stats s = worker_stats(d->workers[i]);

		json_object(js, NULL);
		json_str(js, "name", worker_name(d->workers[i]));
		json_u64(js, "packets", s.packets);
		json_u64(js, "bytes", s.bytes);
		json_u64(js, "batches", s.batches);
		json_u64(js, "allowed", s.allowed);
		json_u64(js, "denied", s.denied);
		json_u64(js, "denied_once", s.forgotten);
		json_u64(js, "rejected", s.rejected);
		json_u64(js, "would_block", s.would_block);
		json_u64(js, "unguarded", s.unguarded);
		json_u64(js, "records", s.hits);
		json_u64(js, "records_lost", s.hits_lost);
		json_u64(js, "wishes_lost", s.wishes_lost);
		json_u64(js, "seeks_refused", s.seeks_refused);
		json_u64(js, "vanished", s.vanished);
		json_u64(js, "odd", s.odd);
		json_u64(js, "errors", s.errors);
		json_u64(js, "ns_per_packet", s.packets ? s.step_ns / s.packets : 0);
		json_end(js);
	}
	json_end_array(js);
}

static void store_json(struct ringfenced *d, struct json *js)
{
	const struct recorder_stats r = recorder_stats(d->recorder);

	json_object(js, "store");
	json_str(js, "id", r.store_id);
	json_u64(js, "last_seq", r.spool.last_seq);
	json_u64(js, "committed_seq", r.spool.committed_seq);
	json_u64(js, "pending", r.spool.pending);
	json_u64(js, "refused", r.spool.refused);
	json_u64(js, "removed", r.spool.removed);
	json_u64(js, "failures", r.spool.failures);
	json_bool(js, "full", r.spool.full);
	json_bool(js, "disk_nearly_full", r.spool.tight);
	json_bool(js, "degraded", r.spool.degraded || d->store_fallback);
	json_str(js, "error", r.spool.error[0] ? r.spool.error : NULL);
	json_u64(js, "merge_keys", r.merge.keys);
	json_u64(js, "merge_folded", r.merge.folded);
	json_u64(js, "inbox_lost", r.inbox_lost);
	json_u64(js, "inventory_failed", r.keep_failed);
	json_end(js);
}

static void observer_json(struct ringfenced *d, struct json *js)
{
	const struct observer_stats o = observer_stats(d->observer);
	const struct table_input *in = fence_input(d->fence);

	json_object(js, "devices");
	json_u64(js, "bindings", in ? in->n_bindings : 0);
	json_u64(js, "kernel_left_out", in ? in->plan.left_out : 0);
	json_u64(js, "claims", o.claims);
	json_u64(js, "claims_refused", o.refused);
	json_u64(js, "limits_hit", o.limits_hit);
	json_u64(js, "facts_lost", o.facts_lost);
	json_u64(js, "probes", o.probes);
	json_u64(js, "seeks", o.seeks);
	json_u64(js, "seeks_refused", o.seeks_refused);
	json_u64(js, "answers", o.answers);
	json_u64(js, "views", o.views);
	json_u64(js, "view_us", o.views ? o.view_ns / o.views / 1000 : 0);
	json_u64(js, "malformed", o.malformed);
	json_u64(js, "contradictory", o.contradictory);
	json_u64(js, "unheard", o.unheard);
	json_end(js);
}

static void names_json(struct json *js, const char *key, const char *const *names, size_t n)
{
	json_array(js, key);
	for (size_t i = 0; i < n; i++)
		json_str(js, NULL, names[i]);
	json_end_array(js);
}

/* Zones that fail open where it means anything. */
static bool fails_open(const struct policy_zone *z)
{
	return z->guard != POLICY_OPEN && z->mode == POLICY_ENFORCE && z->fail == POLICY_FAIL_OPEN;
}

/* stands_in: the file was on trial and not confirmed, this is what was before it. */
static void policy_json(const struct judge *j, bool stands_in, struct json *js)
{
	json_object(js, "policy");
	json_str(js, "path", j->policy->path);
	json_bool(js, "stands_in", stands_in);
	json_str(js, "revision", j->policy->revision);
	json_str(js, "site", j->policy->site.name);
	json_str(js, "mode", word_name(policy_mode_words, (int)j->policy->mode));
	json_str(js, "registry", j->policy->registry ? registry_date(j->policy->registry) : NULL);
	json_object(js, "zones");
	for (uint32_t i = 0; i < j->policy->n_zones; i++) {
		const struct policy_zone *z = &j->policy->zones[i];

		json_str(js, z->name, z->guard == POLICY_OPEN ? "open" : word_name(policy_mode_words, (int)z->mode));
	}
	json_end(js);
	json_array(js, "fail_open");
	for (uint32_t i = 0; i < j->policy->n_zones; i++)
		if (fails_open(&j->policy->zones[i]))
			json_str(js, NULL, j->policy->zones[i].name);
	json_end_array(js);
	json_end(js);
}

static void fail_open_text(struct ringfenced *d, const struct judge *j, struct buf *out)
{
	const struct table_input *in = fence_input(d->fence);
	size_t n = 0;

	for (uint32_t i = 0; i < j->policy->n_zones; i++)
		if (fails_open(&j->policy->zones[i]))
			buf_printf(out, "%s%s", n++ ? ", " : "fail: open  for zones ", j->policy->zones[i].name);
	if (!n)
		return;
	if (in && in->plan.left_out)
		buf_str(out, "; it opens nothing: the policy is more than the kernel's table holds");
	buf_printf(out, "; %llu flows passed unjudged\n",
		   (unsigned long long)watch_state(d->watch)->counts.at[TABLE_C_FAILED_OPEN].packets);
}

/* A base chain of theirs that runs between ours. */
static const char *among_ours(const struct watch_others *others)
{
	for (size_t i = 0; i < others->found.n; i++)
		if (others->found.at[i].among)
			return others->found.at[i].what;
	return NULL;
}

/* NULL: all is well. */
static const char *degraded(struct ringfenced *d, const struct watch_others *others)
{
	const struct recorder_stats r = recorder_stats(d->recorder);
	const struct watch_state *s = watch_state(d->watch);

	if (s->degraded_table)
		return "the table could not be restored";
	if (fence_revoke_due(d->fence))
		return "offloaded flows could not be called back: they go on by an earlier decision";
	if (s->stuck)
		return "a worker does not move";
	if (s->bypass.bridged)
		return s->bypass.at[0];
	if (among_ours(others))
		return among_ours(others);
	if (reload_ifaces(d->reload)->n_missing)
		return "a guarded interface is missing";
	if (d->store_fallback || r.spool.degraded || r.spool.full)
		return "the event store fails";
	if (r.spool.tight)
		return "the event store's disk is nearly full";
	if (ringfenced_conntrack_is_tight(d))
		return "conntrack's table is nearly full, new flows will be lost: raise net.netfilter.nf_conntrack_max";
	return NULL;
}

/* Who may change the table. */
static const char *table_words(struct ringfenced *d)
{
	if (fence_owner(d->fence) == FENCE_OWNED)
		return "owned";
	if (d->o.shared)
		return "shared";
	return d->probe.has[PROBE_OWNER] ? "shared until the next boot: it was made without an owner" :
	       "shared: this kernel has no owners that leave a table behind";
}

static void kernel_json(struct ringfenced *d, struct json *js)
{
	const struct watch_state *s = watch_state(d->watch);

	json_object(js, "kernel");
	json_str(js, "queue_by", d->native_queue ? "nft queue" : "xt NFQUEUE");
	json_bool(js, "fences", d->probe.has[PROBE_NETDEV_EGRESS]);
	json_bool(js, "offload", fence_input(d->fence) && fence_input(d->fence)->offload);
	json_str(js, "table", table_words(d));
	json_object(js, "features");
	for (unsigned i = 0; i < PROBE_FEATURES; i++)
		json_bool(js, probe_names[i], d->probe.has[i]);
	json_end(js);
	json_object(js, "counters");
	for (unsigned i = 0; i < TABLE_COUNTERS; i++)
		json_u64(js, table_counter_names[i], s->counts.at[i].packets);
	json_end(js);
	ringfenced_allowed_json(d, js);
	json_u64(js, "tampers", s->tampers);
	json_end(js);
}

/* Ways around the table. */
static void bypass_json(struct ringfenced *d, const struct watch_others *others, struct json *js)
{
	const struct bypass *b = &watch_state(d->watch)->bypass;

	json_array(js, "bypass_possible");
	for (size_t i = 0; i < b->n; i++)
		json_str(js, NULL, b->at[i]);
	for (size_t i = 0; i < others->found.n; i++)
		json_str(js, NULL, others->found.at[i].what);
	json_end_array(js);
}

/* As it is now; returns degraded's word.  VEC_FREE(&others->found). */
static const char *look(struct ringfenced *d, struct watch_others *others)
{
	watch_refresh(d->watch);
	watch_others(d->watch, others);
	return degraded(d, others);
}

bool ringfenced_status_json(struct ringfenced *d, struct buf *out)
{
	const struct judge *j = publish_current(d->publish);
	const struct ifaces *i = reload_ifaces(d->reload);
	struct watch_others others = { .found = { 0 } };
	const char *bad = look(d, &others);
	const bool well = !bad;
	char t[40];
	struct json js;

	json_init(&js, out);
	json_object(&js, NULL);
	json_str(&js, "version", RINGFENCE_VERSION);
	json_str(&js, "since", now_rfc3339(d->started_ns, 0, t, sizeof(t)));
	json_str(&js, "state", bad ? "degraded" : "ok");
	json_str(&js, "degraded", bad);
	json_u64(&js, "generation", j->generation);
	json_bool(&js, "on_trial", reload_on_trial(d->reload));
	json_u64(&js, "retired_judges", publish_retired(d->publish));
	policy_json(j, reload_stands_in(d->reload), &js);
	json_object(&js, "interfaces");
	names_json(&js, "open", i->open, i->n_open);
	names_json(&js, "shut", i->closed, i->n_closed);
	names_json(&js, "missing", i->missing, i->n_missing);
	json_end(&js);
	bypass_json(d, &others, &js);
	observer_json(d, &js);
	workers_json(d, &js);
	store_json(d, &js);
	account_json(d, &js);
	kernel_json(d, &js);
	json_end(&js);
	buf_char(out, '\n');
	VEC_FREE(&others.found);
	return well;
}

static void interfaces_text(const struct ifaces *is, struct buf *out)
{
	for (size_t i = 0; i < is->n_missing; i++)
		buf_printf(out, "missing     interface %s\n", is->missing[i]);
	for (size_t i = 0; i < is->n_closed; i++)
		buf_printf(out, "shut        interface %s, of no zone: it stands on a guarded one, or was or may be one\n",
			   is->closed[i]);
}

static void bypass_text(struct ringfenced *d, const struct watch_others *others, struct buf *out)
{
	const struct bypass *b = &watch_state(d->watch)->bypass;

	for (size_t i = 0; i < b->n; i++)
		buf_printf(out, "bypass      %s\n", b->at[i]);
	for (size_t i = 0; i < others->found.n; i++)
		buf_printf(out, "bypass      %s\n", others->found.at[i].what);
}

bool ringfenced_status_text(struct ringfenced *d, struct buf *out)
{
	const struct judge *j = publish_current(d->publish);
	const struct recorder_stats r = recorder_stats(d->recorder);
	const struct observer_stats o = observer_stats(d->observer);
	const struct table_input *in = fence_input(d->fence);
	struct watch_others others = { .found = { 0 } };
	const char *bad = look(d, &others);
	const bool well = !bad;
	struct row rows[ROWS];
	const size_t n = account(d, rows);
	char t[40];

	buf_printf(out, "state       %s%s%s\n", bad ? "degraded: " : "ok", bad ? bad : "",
		   reload_on_trial(d->reload) ? ", on trial" : "");
	buf_printf(out, "since       %s\n", now_rfc3339(d->started_ns, 0, t, sizeof(t)));
	buf_printf(out, "policy      %s, revision %s, mode %s, generation %u\n", j->policy->path,
		   j->policy->revision ? j->policy->revision : "-", word_name(policy_mode_words, (int)j->policy->mode),
		   j->generation);
	if (reload_stands_in(d->reload))
		buf_printf(out, "policy      stands in for %s, whose trial was not confirmed (ringfence reload loads it)\n",
			   d->o.policy);
	buf_printf(out, "table       %s\n", table_words(d));
	fail_open_text(d, j, out);
	buf_printf(out, "devices     %zu bindings in the kernel", in ? in->n_bindings : 0);
	if (o.limits_hit)
		buf_printf(out, "; limits of what is learnt were hit %llu times (flood events): what is beyond is dropped",
			   (unsigned long long)o.limits_hit);
	if (in && in->plan.left_out)
		buf_printf(out, "; %zu parts of the policy are more than the kernel's table holds: it asks", in->plan.left_out);
	buf_char(out, '\n');
	if (!d->probe.has[PROBE_NETDEV_EGRESS])
		buf_str(out, "fences      none: this kernel has no netdev egress hook, forged ARP can lead packets astray\n");
	if (judge_wants_offload(j))
		buf_printf(out, "offload     %s\n", j->offload ? "flows of rules with offload take the kernel's flowtable" :
			   "not in force: this kernel has no flowtables (CONFIG_NF_FLOW_TABLE, CONFIG_NFT_FLOW_OFFLOAD)");
	interfaces_text(reload_ifaces(d->reload), out);
	bypass_text(d, &others, out);
	VEC_FREE(&others.found);
	for (unsigned i = 0; i < d->n_workers; i++) {
		const struct worker_stats s = worker_stats(d->workers[i]);

		buf_printf(out, "worker      %-8s %llu packets, %llu allowed, %llu denied, %llu would block\n",
			   worker_name(d->workers[i]), (unsigned long long)s.packets, (unsigned long long)s.allowed,
			   (unsigned long long)(s.denied + s.forgotten + s.rejected), (unsigned long long)s.would_block);
	}
	buf_printf(out, "store       %llu events, %zu pending%s%s%s\n", (unsigned long long)r.spool.last_seq, r.spool.pending,
		   r.spool.tight ? ", the oldest make room for new ones: the disk is nearly full" : "",
		   r.spool.degraded ? ", failing: " : "", r.spool.degraded ? r.spool.error : "");
	ringfenced_allowed_text(d, out);
	for (size_t i = 0; i < n; i++) {
		if (rows[i].kernel || rows[i].attributed)
			buf_printf(out, "account     %-14s %llu dropped by the kernel, %llu in events%s\n", rows[i].name,
				   (unsigned long long)rows[i].kernel, (unsigned long long)rows[i].attributed,
				   rows[i].kernel > rows[i].attributed ? " (the ledger is read every 10 s)" : "");
	}
	return well;
}
