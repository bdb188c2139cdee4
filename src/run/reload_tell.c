/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reload tells: events of its own, and what the store keeps of a policy: its files' texts and each zone's mode. */
#include "run/reload_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/now.h"
#include "base/word.h"
#include "policy/policy.h"
#include "run/judge.h"
#include "run/publish.h"
#include "run/recorder.h"
#include "run/words.h"
#include "store/inventory.h"

enum { TEXT_MAX = 4 << 20, NAME = 64 };

struct text_job { char digest[65], name[256]; char *text; size_t len; int64_t when_ns; };
struct state_job { char zone[NAME], state[16]; int64_t when_ns; };

static int keep_text(struct db *db, void *arg, struct err *e)
{
	const struct text_job *t = arg;

	return inventory_put_text(db, t->digest, t->name, t->text, t->len, t->when_ns, e);
}

static void drop_text(void *arg)
{
	struct text_job *t = arg;

	free(t->text);
	free(t);
}

static int keep_state(struct db *db, void *arg, struct err *e)
{
	const struct state_job *s = arg;

	return inventory_put_state(db, s->zone, s->state, s->when_ns, e);
}

static void keep_policy(struct reload *r, const struct policy *p)
{
	const int64_t now = now_wall_ns();
	struct err e;

	for (uint32_t i = 0; i < p->n_files; i++) {
		struct text_job *t = calloc(1, sizeof(*t));

		if (!t || file_read(p->files[i].path, TEXT_MAX, &t->text, &t->len, &e) < 0) {
			free(t);
			continue;
		}
		snprintf(t->name, sizeof(t->name), "%s", p->files[i].path);
		digest_hex(p->files[i].sha256, sizeof(p->files[i].sha256), t->digest, sizeof(t->digest));
		t->when_ns = now;
		recorder_keep(r->c.recorder, keep_text, t, drop_text);
	}
	for (uint32_t i = 0; i < p->n_zones; i++) {
		struct state_job *s = p->zones[i].guard == POLICY_OPEN ? NULL : calloc(1, sizeof(*s));

		if (!s)
			continue;
		snprintf(s->zone, sizeof(s->zone), "%s", p->zones[i].name);
		snprintf(s->state, sizeof(s->state), "%s", word_name(policy_mode_words, (int)p->zones[i].mode));
		s->when_ns = now;
		recorder_keep(r->c.recorder, keep_state, s, free);
	}
}

void reload_event(struct reload *r, struct event *ev, const char *detail)
{
	const struct judge *j = publish_current(r->c.publish);
	struct words w;

	if (!ev->first_ns)
		ev->first_ns = ev->last_ns = now_wall_ns();
	ev->detail = detail;
	if (j)
		words_site(j, &w, ev);
	recorder_event(r->c.recorder, ev);
}

void reload_facts(struct reload_facts *f)
{
	buf_init(&f->text);
	json_init(&f->js, &f->text);
	json_object(&f->js, NULL);
}

void reload_tell(struct reload *r, struct event *ev, struct reload_facts *f)
{
	json_end(&f->js);
	reload_event(r, ev, buf_cstr(&f->text));
	buf_fini(&f->text);
}

static void tell_mode(struct reload *r, const struct policy_zone *z, const char *was, const char *is, const char *by)
{
	struct event ev = {
		.kind = EVENT_MODE_CHANGED, .severity = POLICY_SEV_MEDIUM, .from = { .zone = z->name, .zone_mode = is },
	};
	struct reload_facts f;

	reload_facts(&f);
	json_str(&f.js, "zone", z->name);
	json_str(&f.js, "was", was);
	json_str(&f.js, "is", is);
	json_str(&f.js, "by", by);
	reload_tell(r, &ev, &f);
}

static void tell_modes(struct reload *r, const struct policy *now, const struct policy *before, const char *by)
{
	for (uint32_t i = 0; i < now->n_zones; i++) {
		for (uint32_t k = 0; k < before->n_zones; k++) {
			const struct policy_zone *a = &before->zones[k], *b = &now->zones[i];

			if (strcmp(a->name, b->name) == 0 && a->mode != b->mode)
				tell_mode(r, b, word_name(policy_mode_words, (int)a->mode),
					  word_name(policy_mode_words, (int)b->mode), by);
		}
	}
}

void reload_tell_loaded(struct reload *r, const struct judge *j, const struct judge *before, const char *by)
{
	struct event ev = { .kind = EVENT_POLICY_LOADED, .severity = POLICY_SEV_INFO };
	struct reload_facts f;

	reload_facts(&f);
	json_str(&f.js, "by", by);
	json_u64(&f.js, "generation", j->generation);
	json_u64(&f.js, "rules", j->policy->n_rules);
	json_u64(&f.js, "devices", j->policy->n_devices);
	json_str(&f.js, "mode", word_name(policy_mode_words, (int)j->policy->mode));
	reload_tell(r, &ev, &f);
	if (before)
		tell_modes(r, j->policy, before->policy, by);
	keep_policy(r, j->policy);
	log_info("policy in force revision=\"%s\" generation=%u by=\"%s\"", j->policy->revision ? j->policy->revision : "",
		 j->generation, by);
}

void reload_refused(struct reload *r, const char *by, const char *text)
{
	struct event ev = { .kind = EVENT_POLICY_REFUSED, .severity = POLICY_SEV_MEDIUM };
	struct reload_facts f;

	reload_facts(&f);
	json_str(&f.js, "by", by);
	json_strn(&f.js, "findings", text, strnlen(text, 4000));
	reload_tell(r, &ev, &f);
	log_warn("policy refused, nothing changed by=\"%s\"", by);
}

static bool has(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static void tell_strange(struct reload *r, const char *name, const char *what)
{
	struct event ev = { .kind = EVENT_STRANGE_INTERFACE, .severity = POLICY_SEV_MEDIUM, .from = { .iface = name } };
	struct reload_facts f;

	reload_facts(&f);
	json_str(&f.js, "interface", name);
	json_str(&f.js, "what", what);
	reload_tell(r, &ev, &f);
	log_warn("%s interface=%s", what, name);
}

void reload_tell_ifaces(struct reload *r, const struct ifaces *told, const struct ifaces *now)
{
	for (size_t i = 0; i < now->n_missing; i++) {
		if (!has(told->missing, told->n_missing, now->missing[i]))
			tell_strange(r, now->missing[i], "a guarded interface is missing");
	}
	for (size_t i = 0; i < now->n_closed; i++) {
		if (!has(told->closed, told->n_closed, now->closed[i]))
			tell_strange(r, now->closed[i],
				     "an interface of no zone stays shut: it stands on a guarded one, or was or may be one");
	}
}

static void tell_exception(struct reload *r, const struct policy_rule *x, enum event_kind kind, const char *what)
{
	struct event ev = {
		.kind = kind, .severity = POLICY_SEV_MEDIUM, .rule = x->id, .exception = x->id, .reason = x->reason,
	};
	struct reload_facts f;
	char t[40], place[256];

	snprintf(place, sizeof(place), "%s:%u", x->loc.file ? x->loc.file : "", x->loc.line);
	ev.rule_place = place;
	reload_facts(&f);
	json_str(&f.js, "what", what);
	json_str(&f.js, "expires", now_rfc3339(x->expires.ns, 0, t, sizeof(t)));
	json_str(&f.js, "owner", x->owner);
	json_str(&f.js, "ticket", x->ticket);
	reload_tell(r, &ev, &f);
}

void reload_tell_ended(struct reload *r, const struct judge *j, int64_t was_ns)
{
	for (uint32_t i = 0; i < j->policy->n_exceptions; i++) {
		const struct policy_rule *x = &j->policy->rules[i];

		if (policy_rule_live(x, was_ns) && !policy_rule_live(x, j->at_ns))
			tell_exception(r, x, EVENT_EXCEPTION_EXPIRED, "an exception has ended: its flows are judged without it");
	}
}

void reload_tell_expiring(struct reload *r, int64_t within_ns)
{
	const struct judge *j = publish_current(r->c.publish);
	const int64_t now = reload_now(r);

	for (uint32_t i = 0; i < j->policy->n_exceptions; i++) {
		const struct policy_rule *x = &j->policy->rules[i];

		if (policy_rule_live(x, now) && x->expires.set && x->expires.ns - now < within_ns)
			tell_exception(r, x, EVENT_EXCEPTION_EXPIRING, "an exception is about to end");
	}
}
