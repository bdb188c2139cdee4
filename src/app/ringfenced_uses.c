/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel let pass by itself, by rule: read every so often, told where the rule is an exception, kept in the store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/ringfenced.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "base/vec.h"
#include "event/event.h"
#include "policy/policy.h"
#include "run/fence.h"
#include "run/judge.h"
#include "run/publish.h"
#include "run/recorder.h"
#include "run/reload.h"
#include "run/uses.h"
#include "store/inventory.h"
#include "store/store.h"

#define PREFIX "allow-"
enum { PERIOD_S = 30 };

struct kept { VEC(struct uses_rule) rules; };

static int keep(struct db *db, void *arg, struct err *e)
{
	const struct kept *k = arg;
	char name[sizeof(PREFIX) + sizeof(k->rules.at[0].id)];

	if (db_begin(db, e) < 0)
		return -1;
	for (size_t i = 0; i < k->rules.n; i++) {
		const struct inventory_counter row = { .name = name, .packets = k->rules.at[i].told };

		snprintf(name, sizeof(name), PREFIX "%s", k->rules.at[i].id);
		if (inventory_put_counter(db, &row, e) < 0) {
			db_rollback(db);
			return -1;
		}
	}
	return db_commit(db, e);
}

static void drop(void *arg)
{
	struct kept *k = arg;

	VEC_FREE(&k->rules);
	free(k);
}

/* What former daemons told of the table that is there. */
static void restore(struct ringfenced *d)
{
	AUTO(db) db = NULL;
	struct inventory_counter *rows;
	struct arena *a = arena_new();
	struct err e;
	size_t n = 0;

	if (a && d->about.ours && store_open_reader(d->o.state, &db, &e) == 0 && inventory_counters(db, a, &rows, &n, &e) == 0) {
		for (size_t i = 0; i < n; i++) {
			if (strncmp(rows[i].name, PREFIX, strlen(PREFIX)) == 0)
				uses_kept(d->uses, rows[i].name + strlen(PREFIX), rows[i].packets);
		}
	}
	arena_free(a);
}

struct telling {
	struct ringfenced *d;
	const struct policy *policy;
	struct kept *kept;
};

static void tell_exception(struct ringfenced *d, const struct policy_rule *x, uint64_t flows)
{
	char place[256];
	struct event ev = {
		.kind = EVENT_EXCEPTION_USED, .severity = POLICY_SEV_INFO, .action = EVENT_PASSED, .summary = true,
		.packets = flows,
		.rule = x->id, .exception = x->id, .reason = x->reason, .why = "exception", .rule_place = place,
		.opener_is_from = true,
	};

	snprintf(place, sizeof(place), "%s:%u", x->loc.file ? x->loc.file : "", x->loc.line);
	reload_event(d->reload, &ev, NULL);
}

static void on_grown(void *arg, const struct uses_rule *r, uint64_t grown)
{
	struct telling *t = arg;

	(void)VEC_PUSH(&t->kept->rules, *r);
	for (uint32_t i = 0; i < t->policy->n_exceptions; i++) {
		if (strcmp(t->policy->rules[i].id, r->id) == 0)
			tell_exception(t->d, &t->policy->rules[i], grown);
	}
}

static void read_uses(struct ringfenced *d)
{
	struct telling t = { .d = d, .policy = publish_current(d->publish)->policy };
	static struct log_limit limit;
	struct err e = { 0 };
	unsigned held;

	if (fence_rules(d->fence, uses_take, d->uses, &e) < 0) {
		if (log_allow(&limit, 3, &held))
			log_warn("the rules' counters cannot be read error=\"%s\" held_back=%u", e.msg, held);
		return;
	}
	t.kept = calloc(1, sizeof(*t.kept));
	if (!t.kept)
		return;
	uses_tell(d->uses, on_grown, &t);
	if (t.kept->rules.n)
		recorder_keep(d->recorder, keep, t.kept, drop);
	else
		drop(t.kept);
}

void ringfenced_uses_second(struct ringfenced *d, bool now)
{
	if (!d->uses) {
		d->uses = uses_new();
		if (!d->uses)
			return;
		restore(d);
	}
	if (d->uses_age++ % PERIOD_S == 0 || now)
		read_uses(d);
}

void ringfenced_uses_json(struct ringfenced *d, struct json *js)
{
	json_array(js, "rules");
	for (size_t i = 0; d->uses && i < uses_count(d->uses); i++) {
		const struct uses_rule *r = uses_at(d->uses, i);

		json_object(js, NULL);
		json_str(js, "id", r->id);
		json_u64(js, "flows_by_kernel", r->packets);
		json_end(js);
	}
	json_end_array(js);
}
