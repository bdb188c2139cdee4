/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain: the decision on a flow that nobody sent, with everything that led to it: zones, identities with their evidence and
 * authority, the entries passed over and why, and the one that decided with its place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd.h"
#include "app/cmd_end.h"
#include "base/json.h"
#include "base/now.h"
#include "base/word.h"
#include "engine/plan.h"
#include "engine/trace.h"
#include "run/judge.h"
#include "run/trial.h"
#include "run/words.h"

struct question {
	const char *from, *to, *proto, *service, *at, *expect;
	struct flow flow;
	struct verdict verdict;
	struct trace trace;
	struct words words;
	struct event ev;
	bool opens;                     /* it passes while nobody listens */
};

static const char *const misses[] = {
	[TRACE_HIT] = "matches", [TRACE_NOT_LIVE] = "not live at that time", [TRACE_DISABLED] = "not for this site's sensitivity",
	[TRACE_FROM] = "from: does not match", [TRACE_TO] = "to: does not match", [TRACE_SERVICE] = "another service",
	[TRACE_NOT_MEMBER] = "neither end is a member", [TRACE_OWN_ZONE] = "inside its own zone",
	[TRACE_OBSERVED] = "matches, but only observes",
};

static struct judge *judge_then(const struct cmd *c, const struct question *q)
{
	struct judge *now = cmd_judge(c, c->policy), *then;
	struct err e = { 0 };
	int64_t at;

	if (!now || !q->at)
		return now;
	then = cmd_end_time(now->policy, q->at, &at, &e) == 0 ? judge_at(now, NULL, at, &e) : NULL;
	judge_free(now);
	if (!then)
		cmd_fail(&e);
	return then;
}

/* Only where some zone fails open: a plan takes its time. */
static int ask_plan(const struct judge *j, struct question *q, struct err *e)
{
	bool open = false;
	struct plan *p;

	for (uint32_t i = 0; i < j->policy->n_zones; i++)
		open |= j->policy->zones[i].fail == POLICY_FAIL_OPEN;
	if (!open)
		return 0;
	if (plan_build(j->prog, j->who, &p, e) < 0)
		return -1;
	q->opens = plan_opens(p, j->who, &q->flow);
	plan_free(p);
	return 0;
}

static int ask(const struct judge *j, struct question *q, struct err *e)
{
	struct policy_test_end from, to;
	struct policy_port service;
	const char *words = q->service ? q->service : q->proto;
	int port, from_port;

	if (cmd_end_parse(j->policy, q->from, &from, &from_port, e) < 0)
		return err_wrap(e, "--from");
	if (cmd_end_parse(j->policy, q->to, &to, &port, e) < 0)
		return err_wrap(e, "--to");
	if (cmd_end_service(j->policy, words, port, &service, e) < 0 || trial_flow(j, &from, &to, &service, &q->flow, e) < 0)
		return -1;
	q->verdict = prog_eval(j->prog, &q->flow, &q->trace);
	words_event(j, &(struct pkt){ .when_ns = j->at_ns }, &q->flow, &q->verdict, &q->words, &q->ev);
	return ask_plan(j, q, e);
}

static void end_text(const struct event_end *end, const struct who_id *id, const char *name, struct buf *out)
{
	static const char *const proofs[] = { "not seen to be its own", "claimed only", "verified", "pinned by the policy" };
	char text[ADDR_TEXT];

	buf_printf(out, "%s  ", name);
	if (end->has_mac)
		buf_printf(out, "%s ", addr_mac_text(&end->mac, text, sizeof(text)));
	if (end->addr.family && !addr_is_unspecified(&end->addr))
		buf_printf(out, "%s ", addr_text(&end->addr, text, sizeof(text)));
	buf_printf(out, "in zone %s", end->zone ? end->zone : "external");
	if (end->iface)
		buf_printf(out, " on %s", end->iface);
	buf_char(out, '\n');
	if (end->device_name && *end->device_name)
		buf_printf(out, "      device: %s\n", end->device_name);
	if (end->cls && *end->cls)
		buf_printf(out, "      class: %s%s%s%s\n", end->cls, end->maker ? ", maker " : "", end->maker ? end->maker : "",
			   id->sticky ? ", restricted before and not cleared" : "");
	if (end->has_mac && id->proof < 4 && end->addr.family)
		buf_printf(out, "      address: %s\n", proofs[id->proof]);
	for (size_t i = 0; i < 3 && end->evidence[i]; i++)
		buf_printf(out, "      evidence: %s\n", end->evidence[i]);
	if (end->authority)
		buf_printf(out, "      authority: %s\n", end->authority);
}

static const char *place(const struct policy_rule *r, char *buf, size_t size)
{
	snprintf(buf, size, "%s:%u", r->loc.file ? r->loc.file : "", r->loc.line);
	return buf;
}

static void text(const struct cmd *c, const struct judge *j, const struct question *q)
{
	const struct verdict *v = &q->verdict;
	struct cmd_table t;
	struct buf out;
	char where[256];

	buf_init(&out);
	end_text(&q->ev.from, &q->flow.from.id, "from", &out);
	end_text(&q->ev.to, &q->flow.to.id, "to  ", &out);
	buf_printf(&out, "service  %s\n", q->ev.service);
	if (q->trace.n) {
		cmd_table_init(&t, 3);
		cmd_table_cell(&t, "ENTRY");
		cmd_table_cell(&t, "PLACE");
		cmd_table_cell(&t, "WHY");
		for (size_t i = 0; i < q->trace.n; i++) {
			const struct policy_rule *r = &j->policy->rules[q->trace.steps[i].rule];

			cmd_table_cell(&t, "%s", r->id);
			cmd_table_cell(&t, "%s", place(r, where, sizeof(where)));
			cmd_table_cell(&t, "%s", misses[q->trace.steps[i].miss]);
		}
		buf_char(&out, '\n');
		cmd_table_print(&t, c, &out);
		if (q->trace.more)
			buf_printf(&out, "and %zu more\n", q->trace.more);
	}
	buf_printf(&out, "\n%s%s%s", v->action == POLICY_ALLOW ? cmd_green(c) : cmd_red(c),
		   word_name(policy_action_words, v->action), cmd_plain(c));
	if (v->rule != POLICY_NONE)
		buf_printf(&out, " by %s at %s", q->ev.rule, q->ev.rule_place);
	else
		buf_printf(&out, " (%s)", words_why(v));
	if (v->unknown)
		buf_str(&out, ": nobody knows who made it, so it counts as a member");
	if (q->ev.reason)
		buf_printf(&out, "\n%s", q->ev.reason);
	if (!v->enforced && v->action != POLICY_ALLOW)
		buf_str(&out, "\nobserved only: the packet passes, the event says would_block");
	if (q->opens)
		buf_str(&out, "\nfail: open: while no daemon listens it passes unjudged");
	buf_char(&out, '\n');
	cmd_print(&out);
	buf_fini(&out);
}

static void end_json(struct json *js, const char *key, const struct event_end *end)
{
	char t[ADDR_TEXT];

	json_object(js, key);
	json_str(js, "mac", end->has_mac ? addr_mac_text(&end->mac, t, sizeof(t)) : NULL);
	json_str(js, "address", end->addr.family ? addr_text(&end->addr, t, sizeof(t)) : NULL);
	json_str(js, "zone", end->zone);
	json_str(js, "interface", end->iface);
	json_str(js, "device", end->device_name && *end->device_name ? end->device_name : NULL);
	json_str(js, "class", end->cls && *end->cls ? end->cls : NULL);
	json_str(js, "maker", end->maker);
	json_array(js, "evidence");
	for (size_t i = 0; i < 3 && end->evidence[i]; i++)
		json_str(js, NULL, end->evidence[i]);
	json_end_array(js);
	json_str(js, "authority", end->authority);
	json_end(js);
}

static void json(const struct judge *j, const struct question *q)
{
	struct json js;
	struct buf out;
	char where[256];

	buf_init(&out);
	json_init(&js, &out);
	json_object(&js, NULL);
	end_json(&js, "from", &q->ev.from);
	end_json(&js, "to", &q->ev.to);
	json_str(&js, "service", q->ev.service);
	json_str(&js, "action", word_name(policy_action_words, q->verdict.action));
	json_str(&js, "why", words_why(&q->verdict));
	json_str(&js, "rule", q->ev.rule);
	json_str(&js, "place", q->ev.rule_place);
	json_str(&js, "reason", q->ev.reason);
	json_bool(&js, "enforced", q->verdict.enforced);
	json_bool(&js, "fails_open", q->opens);
	json_array(&js, "trace");
	for (size_t i = 0; i < q->trace.n; i++) {
		const struct policy_rule *r = &j->policy->rules[q->trace.steps[i].rule];

		json_object(&js, NULL);
		json_str(&js, "entry", r->id);
		json_str(&js, "place", place(r, where, sizeof(where)));
		json_str(&js, "why", misses[q->trace.steps[i].miss]);
		json_end(&js);
	}
	json_end_array(&js);
	json_end(&js);
	buf_char(&out, '\n');
	cmd_print(&out);
	buf_fini(&out);
}

static int answer(const struct cmd *c, const struct judge *j, struct question *q)
{
	struct err e = { 0 };
	int expect = -1;

	if (q->expect && !word_find(policy_action_words, q->expect, &expect))
		return cmd_misuse(c, "--expect is allow, drop or reject, not \"%s\"", q->expect);
	if (ask(j, q, &e) < 0)
		return cmd_fail(&e);
	if (c->json)
		json(j, q);
	else
		text(c, j, q);
	return expect < 0 || expect == q->verdict.action ? CTL_YES : CTL_NO;
}

int cmd_explain(struct cmd *c, int argc, char **argv)
{
	struct question q = { 0 };
	const struct cmd_option own[] = {
		{ "from", "END", CMD_VALUE, &q.from, "MAC[,ADDRESS][@ZONE], ADDRESS[@ZONE], a device or a host" },
		{ "to", "END", CMD_VALUE, &q.to, "the same; ADDRESS:PORT names the service too" },
		{ "proto", "NAME", CMD_VALUE, &q.proto, "tcp (default), udp, icmp/echo-request …" },
		{ "service", "NAME", CMD_VALUE, &q.service, "tcp/554, or a service of the policy" },
		{ "at", "TIME", CMD_VALUE, &q.at, "a day or a time instead of now" },
		{ "expect", "ACTION", CMD_VALUE, &q.expect, "exit 1 unless the decision is allow, drop or reject" },
		{ 0 },
	};
	struct judge *j;
	int rc = cmd_options(c, argc, argv, own, 0, 0);

	if (rc >= 0)
		return rc;
	if (!q.from || !q.to)
		return cmd_misuse(c, "needs --from and --to");
	j = judge_then(c, &q);
	if (!j)
		return CTL_UNSURE;
	trace_init(&q.trace);
	rc = answer(c, j, &q);
	trace_fini(&q.trace);
	judge_free(j);
	return rc;
}
