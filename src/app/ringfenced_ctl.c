/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon does when it is asked: one row per command, with the right that it takes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/ringfenced.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/now.h"
#include "ident/ident.h"
#include "ident/who.h"
#include "policy/policy.h"
#include "run/fence.h"
#include "run/judge.h"
#include "run/observer.h"
#include "run/publish.h"
#include "run/reload.h"
#include "run/watch.h"

enum { TRIAL_MAX_S = 86400, BY = 96 };

static bool has_word(const struct ctl_request *req, const char *word)
{
	for (unsigned i = 1; i < req->words->n; i++) {
		if (strcmp(req->words->at[i], word) == 0)
			return true;
	}
	return false;
}

static void tell_change(struct ringfenced *d, const char *command, const struct ctl_request *req)
{
	struct event ev = { .kind = EVENT_CONFIG_CHANGED, .severity = POLICY_SEV_MEDIUM };
	struct reload_facts f;

	reload_facts(&f);
	json_str(&f.js, "command", command);
	json_u64(&f.js, "uid", req->uid);
	json_i64(&f.js, "pid", req->pid);
	reload_tell(d->reload, &ev, &f);
}

enum ctl_status ringfenced_reload(struct ringfenced *d, const char *by, unsigned trial_s, struct buf *text)
{
	struct err e = { 0 };
	struct judge *j;
	char state[64];

	if (reload_on_trial(d->reload)) {       /* its end would take this one out of force as well */
		buf_str(text, "a policy is on trial already: confirm or cancel it first (ringfence reload confirm)\n");
		reload_refused(d->reload, by, buf_cstr(text));
		return CTL_NO;
	}
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(now_mono_ns() / 1000));
	ringfenced_notify(state);
	j = reload_candidate(d->reload, false, text);
	ringfenced_notify("READY=1");
	if (!j) {
		reload_refused(d->reload, by, buf_cstr(text));
		buf_str(text, "refused: nothing was changed\n");
		return CTL_NO;
	}
	if (trial_s && reload_try(d->reload, j, &e) < 0) {
		judge_free(j);
		buf_printf(text, "%s\n", e.msg);
		return CTL_NO;
	}
	if (reload_apply(d->reload, j, by, &e) < 0) {
		if (trial_s)
			reload_abandon(d->reload);
		buf_printf(text, "the kernel refused, what was in force stays: %s\n", e.msg);
		return CTL_NO;
	}
	if (trial_s)
		watch_trial(d->watch, now_mono_ns() + (int64_t)trial_s * NOW_NS_PER_S);
	else
		reload_settle(d->reload);
	j = NULL;
	buf_printf(text, "in force: generation %u", publish_current(d->publish)->generation);
	if (trial_s)
		buf_printf(text, ", for %u seconds unless you confirm it (ringfence reload confirm)", trial_s);
	buf_char(text, '\n');
	return CTL_YES;
}

static enum ctl_status trial_over(struct ringfenced *d, bool confirm, const char *by, struct buf *out)
{
	struct err e = { 0 };

	if (!reload_on_trial(d->reload)) {
		buf_str(out, "no policy is on trial\n");
		return CTL_NO;
	}
	watch_trial(d->watch, 0);
	if (confirm) {
		reload_confirm(d->reload);
		buf_str(out, "confirmed\n");
		return CTL_YES;
	}
	if (reload_rollback(d->reload, by, &e) < 0) {
		buf_printf(out, "cannot go back: %s\n", e.msg);
		return CTL_NO;
	}
	buf_printf(out, "back in force: the former policy, generation %u\n", publish_current(d->publish)->generation);
	return CTL_YES;
}

static enum ctl_status ctl_reload(void *arg, const struct ctl_request *req, struct buf *out)
{
	struct ringfenced *d = arg;
	const char *word = req->words->n > 1 ? req->words->at[1] : "";
	unsigned long trial = 0;
	char by[BY], *end;

	snprintf(by, sizeof(by), "reload%s%s by uid %u", *word ? " " : "", strlen(word) < 16 ? word : "", (unsigned)req->uid);
	tell_change(d, by, req);
	if (strcmp(word, "confirm") == 0 || strcmp(word, "cancel") == 0)
		return trial_over(d, word[2] == 'n' && word[3] == 'f', by, out);
	if (*word) {
		trial = strtoul(word, &end, 10);
		if (*end || trial == 0 || trial > TRIAL_MAX_S) {
			buf_printf(out, "\"%s\" is no number of seconds up to %d\n", word, TRIAL_MAX_S);
			return CTL_UNSURE;
		}
	}
	return ringfenced_reload(d, by, (unsigned)trial, out);
}

static enum ctl_status ctl_status(void *arg, const struct ctl_request *req, struct buf *out)
{
	struct ringfenced *d = arg;

	return (has_word(req, "--json") ? ringfenced_status_json : ringfenced_status_text)(d, out) ? CTL_YES : CTL_NO;
}

static enum ctl_status ctl_verify(void *arg, const struct ctl_request *req, struct buf *out)
{
	struct ringfenced *d = arg;
	struct err e = { 0 };
	size_t n = 0;

	(void)req;
	if (fence_agrees(d->fence, publish_current(d->publish), reload_ifaces(d->reload), out, &n, &e) < 0) {
		buf_printf(out, "the kernel's table cannot be read: %s\n", e.msg);
		return CTL_UNSURE;
	}
	if (n)
		buf_printf(out, "%zu differences\n", n);
	else
		buf_str(out, "the kernel's table is what it should be\n");
	return n ? CTL_NO : CTL_YES;
}

static enum ctl_status ctl_table(void *arg, const struct ctl_request *req, struct buf *out)
{
	struct ringfenced *d = arg;

	(void)req;
	fence_print(d->fence, out);
	return CTL_YES;
}

/* ---- devices ---- */

struct listing {
	struct ringfenced *d;
	const struct judge *judge;
	struct json js;
	struct buf *out;
	bool json;
};

static const char *class_of(const struct judge *j, const struct ident_device *dev, const struct who_id *id)
{
	if (dev->sticky || prog_restriction(j->prog, id).restricted)
		return "restricted";
	if (dev->router)
		return "router";
	return id->listed == WHO_NONE && id->maker == WHO_NONE && !*dev->maker ? "unknown" : "permitted";
}

static void evidence_json(struct listing *l, const struct ident_device *dev)
{
	struct ident_evidence list[IDENT_EVIDENCE];
	const unsigned n = ident_evidence_of(observer_ident(l->d->observer), dev->id, list);

	json_array(&l->js, "evidence");
	for (unsigned i = 0; i < n; i++) {
		json_object(&l->js, NULL);
		json_str(&l->js, "source", list[i].source);
		json_str(&l->js, "value", list[i].value);
		json_end(&l->js);
	}
	json_end_array(&l->js);
}

static void device_json(struct listing *l, const struct ident_device *dev, const char *cls)
{
	char t[40];

	json_object(&l->js, NULL);
	json_u64(&l->js, "id", dev->id);
	json_str(&l->js, "name", *dev->name ? dev->name : NULL);
	json_str(&l->js, "mac", dev->has_mac ? addr_mac_text(&dev->mac, t, sizeof(t)) : NULL);
	json_str(&l->js, "maker", *dev->maker ? dev->maker : NULL);
	json_str(&l->js, "class", cls);
	json_str(&l->js, "interface", *dev->iface ? dev->iface : NULL);
	json_bool(&l->js, "listed", dev->listed);
	json_str(&l->js, "first_seen", dev->first_ns ? now_rfc3339(dev->first_ns, 0, t, sizeof(t)) : NULL);
	json_str(&l->js, "last_seen", dev->last_ns ? now_rfc3339(dev->last_ns, 0, t, sizeof(t)) : NULL);
	evidence_json(l, dev);
	json_end(&l->js);
}

/* Tab-separated for the client, which makes the table. */
static void on_device(void *arg, const struct ident_device *dev, const struct who_id *id)
{
	struct listing *l = arg;
	const char *cls = class_of(l->judge, dev, id);
	char mac[ADDR_MAC_TEXT], t[40];

	if (l->json) {
		device_json(l, dev, cls);
		return;
	}
	buf_printf(l->out, "%llu\t%s\t%s\t%s\t%s\t%s\t%s\n", (unsigned long long)dev->id, dev->name,
		   dev->has_mac ? addr_mac_text(&dev->mac, mac, sizeof(mac)) : "", dev->maker, cls, dev->iface,
		   dev->last_ns ? now_rfc3339(dev->last_ns, 0, t, sizeof(t)) : "never");
}

static enum ctl_status ctl_devices(void *arg, const struct ctl_request *req, struct buf *out)
{
	struct ringfenced *d = arg;
	struct listing l = { .d = d, .judge = publish_current(d->publish), .out = out, .json = has_word(req, "--json") };

	json_init(&l.js, out);
	if (l.json)
		json_array(&l.js, NULL);
	observer_devices(d->observer, on_device, &l);
	if (l.json) {
		json_end_array(&l.js);
		buf_char(out, '\n');
	}
	return CTL_YES;
}

const struct ctl_command ringfenced_commands[] = {
	{ "status", CTL_READ, ctl_status },
	{ "devices", CTL_READ, ctl_devices },
	{ "verify", CTL_READ, ctl_verify },
	{ "table", CTL_READ, ctl_table },
	{ "reload", CTL_CHANGE, ctl_reload },
	{ NULL, CTL_CHANGE, NULL },
};
