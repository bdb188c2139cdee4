/* SPDX-License-Identifier: GPL-2.0-or-later */
/* events: what was recorded, read from the store itself, so that it works whether or not the daemon runs.
 *	ringfence events [--last N] [--kind KIND]… [--since TIME] [--after SEQ] [--follow] [--format table|ecs|sd]
 *	ringfence events verify         the numbers are without gap and the hash chain holds
 *	ringfence events resend --sink NAME --from SEQ [--to SEQ] */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/cmd.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/now.h"
#include "base/word.h"
#include "event/enc.h"
#include "event/event.h"
#include "run/paths.h"
#include "ship/resend.h"
#include "store/spool.h"

enum { POLL_MS = 200, LAST = 50, LAST_MAX = 100000, DETAIL = 160 };

struct wanted {
	const char *last, *since, *after, *format, *sink, *from, *to, *ship_state;
	struct cmd_list kinds;
	bool follow;
	/* what the words mean: */
	struct spool_query query;
	const struct enc *enc;                  /* NULL: a table */
	uint64_t from_seq, to_seq;
};

static bool number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	return !errno && end != text && !*end && *text != '-' && *ret <= max;
}

static int read_kinds(const struct cmd *c, struct wanted *w)
{
	char list[512];

	for (unsigned i = 0; i < w->kinds.n; i++) {
		int kind;

		if (!word_find(event_kind_words, w->kinds.at[i], &kind))
			return cmd_misuse(c, "--kind %s: there are %s", w->kinds.at[i],
					  word_list(event_kind_words, list, sizeof(list)));
		w->query.kinds |= 1U << kind;
	}
	return -1;
}

/* Words to meanings; -1: go on, else the exit status. */
static int read_wanted(const struct cmd *c, struct wanted *w)
{
	uint64_t rows = LAST;

	if (w->last && !number(w->last, LAST_MAX, &rows))
		return cmd_misuse(c, "--last needs a number up to %d, not \"%s\"", LAST_MAX, w->last);
	if (w->after && !number(w->after, INT64_MAX, &w->query.after_seq))
		return cmd_misuse(c, "--after needs an event's number, not \"%s\"", w->after);
	if (w->since && !cmd_moment(w->since, &w->query.since_ns))
		return cmd_misuse(c, "--since needs a day, an RFC 3339 time or an age such as 15m, not \"%s\"", w->since);
	if (c->json && !w->format)
		w->format = "ecs";
	if (w->format && strcmp(w->format, "table") != 0) {
		w->enc = enc_find(w->format);
		if (!w->enc)
			return cmd_misuse(c, "--format %s: there are table, ecs and sd", w->format);
	}
	w->query.max_rows = rows ? (size_t)rows : 1;
	w->query.max_bytes = SIZE_MAX;
	w->query.newest_first = !w->after && (!w->since || w->last);
	return read_kinds(c, w);
}

static void end_text(const struct event_end *end, struct buf *out)
{
	char text[ADDR_TEXT], mac[ADDR_MAC_TEXT];

	if (end->device_name && *end->device_name)
		buf_printf(out, "%s ", end->device_name);
	else if (end->maker && *end->maker)
		buf_printf(out, "%s ", end->maker);
	if (end->addr.family)
		buf_str(out, addr_text(&end->addr, text, sizeof(text)));
	else if (end->has_mac)
		buf_str(out, addr_mac_text(&end->mac, mac, sizeof(mac)));
	else if (end->iface && *end->iface)
		buf_printf(out, "interface %s", end->iface);
	else
		buf_char(out, '-');
	if (end->zone && *end->zone)
		buf_printf(out, " @%s", end->zone);
}

/* UTF-8: a byte that goes on with the character before it. */
static bool inside_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* A detail's JSON for people: key=value, quotes only where they are needed; cut when it is long (--json has all of it). */
static void detail_text(const char *s, struct buf *out)
{
	size_t i, len = strlen(s);
	bool quoted = false, spaced = false;

	if (len > 1 && s[0] == '{' && s[len - 1] == '}')
		s++, len -= 2;
	for (i = 0; i < len && (out->len < DETAIL || inside_character(s[i])); i++) {
		if (s[i] == '"') {
			if (!quoted)
				spaced = memchr(s + i + 1, ' ', strcspn(s + i + 1, "\"")) != NULL;
			quoted = !quoted;
			if (spaced)
				buf_char(out, '"');
		} else if (quoted && s[i] == '\\' && i + 1 < len) {
			buf_char(out, s[i++]);
			buf_char(out, s[i]);
		} else {
			buf_char(out, quoted ? s[i] : s[i] == ':' ? '=' : s[i] == ',' ? ' ' : s[i]);
		}
	}
	if (i < len)
		buf_str(out, "…");
}

/* What there is to say of an event without addresses; of traffic, how much of it there was. */
static void words_cell(struct cmd_table *t, const struct event *ev)
{
	struct buf words;

	buf_init(&words);
	if (event_is_traffic(ev->kind))
		buf_printf(&words, "%llu: ", (unsigned long long)ev->packets);
	if (ev->reason)
		buf_str(&words, ev->reason);
	if (ev->reason && ev->detail)
		buf_str(&words, ": ");
	if (ev->detail)
		detail_text(ev->detail, &words);
	cmd_table_cell(t, "%s", buf_cstr(&words));
	buf_fini(&words);
}

static void cells(struct cmd_table *t, const struct event *ev, int64_t at_ns)
{
	char when[40];
	struct buf from, to;

	buf_init(&from);
	buf_init(&to);
	now_rfc3339(ev->last_ns ? ev->last_ns : at_ns, 0, when, sizeof(when));
	end_text(&ev->from, &from);
	end_text(&ev->to, &to);
	cmd_table_cell(t, "%llu", (unsigned long long)ev->seq);
	cmd_table_cell(t, "%s", when);
	cmd_table_cell(t, "%s%s", word_name(event_kind_words, (int)ev->kind),
		       ev->summary && event_is_traffic(ev->kind) ? " (more)" : "");
	cmd_table_cell(t, "%s", event_is_traffic(ev->kind) || ev->from.has_mac ? buf_cstr(&from) : "");
	cmd_table_cell(t, "%s", event_is_traffic(ev->kind) ? buf_cstr(&to) : "");
	cmd_table_cell(t, "%s", ev->service ? ev->service : "");
	cmd_table_cell(t, "%s", ev->rule ? ev->rule : ev->why ? ev->why : "");
	if (event_is_traffic(ev->kind) && (ev->from.addr.family || ev->to.addr.family || !ev->detail))
		cmd_table_cell(t, "%llu", (unsigned long long)ev->packets);
	else
		words_cell(t, ev);
	buf_fini(&from);
	buf_fini(&to);
}

static void table_of(const struct cmd *c, const struct wanted *w, const struct spool_batch *b, bool head)
{
	static const char *const names[] = { "SEQ", "TIME", "KIND", "FROM", "TO", "SERVICE", "RULE", "PACKETS" };
	struct cmd_table t;
	struct buf out;

	cmd_table_init(&t, sizeof(names) / sizeof(names[0]));
	for (size_t i = 0; head && i < sizeof(names) / sizeof(names[0]); i++)
		cmd_table_cell(&t, "%s", names[i]);
	for (size_t i = 0; i < b->n; i++) {
		const struct spool_row *r = &b->rows[w->query.newest_first ? b->n - 1 - i : i];

		if (r->health == SPOOL_WHOLE)
			cells(&t, &r->ev, r->at_ns);
		else
			fprintf(stderr, "ringfence events: event %llu is damaged\n", (unsigned long long)r->seq);
	}
	buf_init(&out);
	cmd_table_print(&t, c, &out);
	cmd_print(&out);
	buf_fini(&out);
}

static int lines_of(const struct wanted *w, const struct spool_batch *b)
{
	char hostname[256] = "-";
	struct enc_config config = { .hostname = hostname, .version = RINGFENCE_VERSION, .budget = ENC_BUDGET_MAX };
	struct buf line;
	struct err e = { 0 };

	gethostname(hostname, sizeof(hostname) - 1);
	buf_init(&line);
	for (size_t i = 0; i < b->n; i++) {
		const struct spool_row *r = &b->rows[w->query.newest_first ? b->n - 1 - i : i];

		if (r->health != SPOOL_WHOLE)
			fprintf(stderr, "ringfence events: event %llu is damaged\n", (unsigned long long)r->seq);
		else if (enc_event(w->enc, &r->ev, &config, &line, &e) < 0)
			fprintf(stderr, "ringfence events: event %llu: %s\n", (unsigned long long)r->seq, e.msg);
		else
			puts(buf_cstr(&line));
	}
	buf_fini(&line);
	return fflush(stdout);
}

/* One read and its output; *ret_max: the newest number there is. */
static int batch(const struct cmd *c, struct wanted *w, struct spool_reader *r, bool head, struct spool_batch *ret, struct err *e)
{
	struct arena *a = arena_new();
	int rc = a ? spool_read(r, &w->query, a, ret, e) : err_plain(e, ENOMEM, "out of memory");

	if (rc == 0 && w->enc)
		rc = lines_of(w, ret) == 0 ? 0 : err_sys(e, errno, "cannot write");
	else if (rc == 0 && (head || ret->n))
		table_of(c, w, ret, head);
	if (rc == 0 && ret->n) {
		uint64_t last = ret->rows[w->query.newest_first ? 0 : ret->n - 1].seq;

		if (last > w->query.after_seq)
			w->query.after_seq = last;
	}
	arena_free(a);
	return rc;
}

static int follow(const struct cmd *c, struct wanted *w, struct spool_reader *r, struct err *e)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * NOW_NS_PER_MS };
	struct spool_batch b;
	bool changed;

	w->query.newest_first = false;
	for (;;) {
		if (spool_reader_refresh(r, &changed, e) < 0)
			return -1;
		if (changed) {
			fprintf(stderr, "ringfence events: the store was begun anew\n");
			w->query.after_seq = 0;
		}
		if (batch(c, w, r, false, &b, e) < 0)
			return -1;
		if (!b.n)
			nanosleep(&pause, NULL);
	}
}

static int list(struct cmd *c, struct wanted *w)
{
	struct spool_reader *r = NULL;
	struct spool_batch b;
	struct err e = { 0 };
	int rc = read_wanted(c, w);

	if (rc >= 0)
		return rc;
	rc = spool_reader_open(c->state ? c->state : PATHS_STATE, &r, &e);
	if (rc == 0)
		rc = batch(c, w, r, !w->enc, &b, &e);
	if (rc == 0 && w->follow)
		rc = follow(c, w, r, &e);
	spool_reader_free(r);
	return rc == 0 ? CTL_YES : cmd_fail(&e);
}

static void finding(void *arg, uint64_t seq, const char *words)
{
	(void)arg;
	fprintf(stderr, "event %llu: %s\n", (unsigned long long)seq, words);
}

static void verdict_json(const struct spool_verdict *v, const char *head)
{
	struct json js;
	struct buf out;

	buf_init(&out);
	json_init(&js, &out);
	json_object(&js, NULL);
	json_bool(&js, "sound", v->sound);
	json_u64(&js, "events", v->rows);
	json_u64(&js, "first", v->first_seq);
	json_u64(&js, "last", v->last_seq);
	json_u64(&js, "removed_by_retention", v->removed);
	json_u64(&js, "missing", v->missing);
	json_u64(&js, "damaged", v->bad_crc + v->bad_body);
	json_u64(&js, "broken_links", v->bad_chain);
	json_str(&js, "chain_head", head);
	json_end(&js);
	buf_char(&out, '\n');
	cmd_print(&out);
	buf_fini(&out);
}

static int verify(struct cmd *c)
{
	struct spool_reader *r = NULL;
	struct spool_verdict v = { 0 };
	struct err e = { 0 };
	char head[65] = "";

	if (spool_reader_open(c->state ? c->state : PATHS_STATE, &r, &e) < 0 || spool_verify(r, finding, NULL, &v, &e) < 0) {
		spool_reader_free(r);
		return cmd_fail(&e);
	}
	for (unsigned i = 0; i < 32; i++)
		snprintf(head + 2 * i, 3, "%02x", v.head[i]);
	if (c->json)
		verdict_json(&v, head);
	else
		printf("%s: %llu events, %llu to %llu; removed by retention %llu, missing %llu, damaged %llu, broken links %llu\n"
		       "chain head %s\n", v.sound ? "sound" : "NOT SOUND", (unsigned long long)v.rows,
		       (unsigned long long)v.first_seq, (unsigned long long)v.last_seq, (unsigned long long)v.removed,
		       (unsigned long long)v.missing, (unsigned long long)(v.bad_crc + v.bad_body),
		       (unsigned long long)v.bad_chain, head);
	spool_reader_free(r);
	return v.sound ? CTL_YES : CTL_NO;
}

static int resend(struct cmd *c, struct wanted *w)
{
	struct spool_reader *r = NULL;
	struct err e = { 0 };
	char path[PATHS_MAX], by[32];
	struct resend_order o = { .sink = w->sink, .by = by };

	if (!w->sink || !w->from || !number(w->from, INT64_MAX, &o.from))
		return cmd_misuse(c, "resend needs --sink NAME and --from SEQ");
	o.to = o.from;
	if (w->to && !number(w->to, INT64_MAX, &o.to))
		return cmd_misuse(c, "--to needs an event's number, not \"%s\"", w->to);
	snprintf(by, sizeof(by), "uid %u", (unsigned)getuid());
	if (spool_reader_open(c->state ? c->state : PATHS_STATE, &r, &e) < 0)
		return cmd_fail(&e);
	o.store = spool_reader_id(r);
	if (resend_request(w->ship_state ? w->ship_state : RESEND_STATE_DIR, &o, path, sizeof(path), &e) < 0) {
		spool_reader_free(r);
		return cmd_fail(&e);
	}
	spool_reader_free(r);
	printf("asked the shipper to send %llu to %llu to %s again (%s)\n", (unsigned long long)o.from, (unsigned long long)o.to,
	       o.sink, path);
	return CTL_YES;
}

int cmd_events(struct cmd *c, int argc, char **argv)
{
	struct wanted w = { 0 };
	const struct cmd_option own[] = {
		{ "last", "N", CMD_VALUE, &w.last, "the newest N, default 50" },
		{ "after", "SEQ", CMD_VALUE, &w.after, "those after that number, oldest first" },
		{ "since", "TIME", CMD_VALUE, &w.since, "a day, an RFC 3339 time, or an age: 15m, 2h, 7d" },
		{ "kind", "KIND", CMD_LIST, &w.kinds, "blocked, would_block, tamper …; may be repeated" },
		{ "follow", NULL, CMD_FLAG, &w.follow, "go on with what comes" },
		{ "format", "FORMAT", CMD_VALUE, &w.format, "table, ecs (one JSON object a line) or sd (RFC 5424)" },
		{ "sink", "NAME", CMD_VALUE, &w.sink, "resend: to which sink of the shipper" },
		{ "from", "SEQ", CMD_VALUE, &w.from, "resend: the first number" },
		{ "to", "SEQ", CMD_VALUE, &w.to, "resend: the last, default the first" },
		{ "ship-state", "DIR", CMD_VALUE, &w.ship_state,
		  "resend: the shipper's state directory, default " RESEND_STATE_DIR },
		{ 0 },
	};
	int rc = cmd_options(c, argc, argv, own, 0, 1);

	if (rc >= 0)
		return rc;
	if (!c->n_args || strcmp(c->args[0], "list") == 0)
		return list(c, &w);
	if (strcmp(c->args[0], "verify") == 0)
		return verify(c);
	if (strcmp(c->args[0], "resend") == 0)
		return resend(c, &w);
	return cmd_misuse(c, "there is no \"%s\": list (the default), verify or resend", c->args[0]);
}
