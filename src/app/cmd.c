/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands share.  Options are rows too: the parser and --help read the same table. */
#include "app/cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/json.h"
#include "base/now.h"
#include "engine/plan.h"
#include "kern/table.h"
#include "run/ctl_client.h"
#include "run/judge.h"
#include "run/paths.h"

enum { COMMON = 8 };

static void common_options(struct cmd *c, struct cmd_option ret[static COMMON])
{
	const struct cmd_option rows[COMMON] = {
		{ "policy", "FILE", CMD_VALUE, &c->policy, "the policy, default " PATHS_POLICY },
		{ "json", NULL, CMD_FLAG, &c->json, "machine-readable output" },
		{ "data", "DIR", CMD_VALUE, &c->data, "makers, packs and registry, default /usr/share/ringfence" },
		{ "state", "DIR", CMD_VALUE, &c->state, "the daemon's store, default " PATHS_STATE },
		{ "run", "DIR", CMD_VALUE, &c->run, "the daemon's run directory, default " PATHS_RUN },
		{ "socket", "PATH", CMD_VALUE, &c->sock, "the control socket, default in the run directory" },
		{ "help", NULL, CMD_FLAG, &c->help, "this text" },
		{ 0 },
	};

	memcpy(ret, rows, sizeof(rows));
}

int cmd_misuse(const struct cmd *c, const char *fmt, ...)
{
	va_list ap;

	fputs("ringfence", stderr);
	if (c->row)
		fprintf(stderr, " %s", c->row->name);
	fputs(": ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry: ringfence %s%s--help\n", c->row ? c->row->name : "", c->row ? " " : "");
	return CTL_UNSURE;
}

static void help_rows(const struct cmd_option *o)
{
	for (; o && o->name; o++) {
		char left[64];

		snprintf(left, sizeof(left), "%s--%s%s%s", strcmp(o->name, "policy") == 0 ? "-p, " : "", o->name,
			 o->value ? " " : "",
			 o->value ? o->value : "");
		printf("  %-30s %s\n", left, o->help);
	}
}

static int print_help(const struct cmd *c, const struct cmd_option *own, const struct cmd_option *common)
{
	printf("Usage: ringfence %s [options]%s%s\n%s.\n\n", c->row->name, *c->row->args ? " " : "", c->row->args, c->row->help);
	if (c->row->more)
		printf("%s\n\n", c->row->more);
	help_rows(own);
	help_rows(common);
	return CTL_YES;
}

static const struct cmd_option *find(const struct cmd_option *o, const char *name, size_t len)
{
	for (; o && o->name; o++) {
		if (strlen(o->name) == len && strncmp(o->name, name, len) == 0)
			return o;
	}
	return NULL;
}

/* Set option o from argv[*at]; -1: fine, else the exit status. */
static int take(const struct cmd *c, const struct cmd_option *o, int argc, char **argv, int *at, const char *value)
{
	if (o->kind == CMD_FLAG) {
		if (value)
			return cmd_misuse(c, "--%s takes no value", o->name);
		*(bool *)o->into = true;
		return -1;
	}
	if (!value && *at + 1 < argc)
		value = argv[++*at];
	if (!value)
		return cmd_misuse(c, "--%s needs %s", o->name, o->value);
	if (o->kind == CMD_VALUE) {
		*(const char **)o->into = value;
	} else {
		struct cmd_list *l = o->into;

		if (l->n == CMD_ARGS)
			return cmd_misuse(c, "--%s may be given %d times at most", o->name, CMD_ARGS);
		l->at[l->n++] = value;
	}
	return -1;
}

/* One word that begins with '-'. */
static int option(struct cmd *c, const struct cmd_option *common, const struct cmd_option *own, int argc, char **argv, int *at)
{
	const char *word = argv[*at], *eq = strchr(word, '=');
	const struct cmd_option *o;
	size_t len;

	if (strcmp(word, "-p") == 0)
		return take(c, &common[0], argc, argv, at, NULL);
	if (strcmp(word, "-h") == 0)
		word = "--help";
	if (strncmp(word, "--", 2) != 0)
		return cmd_misuse(c, "there is no option %s", word);
	len = eq ? (size_t)(eq - word) - 2 : strlen(word) - 2;
	o = find(own, word + 2, len);
	if (!o)
		o = find(common, word + 2, len);
	if (!o)
		return cmd_misuse(c, "there is no option %.*s", (int)len + 2, word);
	return take(c, o, argc, argv, at, eq ? eq + 1 : NULL);
}

int cmd_options(struct cmd *c, int argc, char **argv, const struct cmd_option *own, unsigned min_args, unsigned max_args)
{
	struct cmd_option common[COMMON];
	bool words_only = false;
	int rc;

	common_options(c, common);
	for (int i = 1; i < argc; i++) {
		if (!words_only && strcmp(argv[i], "--") == 0) {
			words_only = true;
		} else if (!words_only && argv[i][0] == '-' && argv[i][1]) {
			rc = option(c, common, own, argc, argv, &i);
			if (rc >= 0)
				return rc;
		} else if (c->n_args < CMD_ARGS) {
			c->args[c->n_args++] = argv[i];
		}
	}
	if (c->help)
		return print_help(c, own, common);
	if (c->n_args < min_args)
		return cmd_misuse(c, "needs %s", c->row->args);
	if (c->n_args > max_args)
		return cmd_misuse(c, "does not expect \"%s\"", c->args[max_args]);
	return -1;
}

int cmd_common(struct cmd *c, int argc, char **argv, int *ret_at)
{
	struct cmd_option common[COMMON];
	int i, rc;

	common_options(c, common);
	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		rc = option(c, common, NULL, argc, argv, &i);
		if (rc >= 0)
			return rc;
	}
	*ret_at = i;
	return -1;
}

struct policy *cmd_load(const struct cmd *c, const char *path, struct diag **with_diag)
{
	struct paths_data store;
	const struct policy_paths paths = paths_policy(c->data, &store);
	struct diag *d = diag_new();
	struct policy *p = d ? policy_load(path, &paths, now_wall_ns(), d) : NULL;
	struct buf out;

	if (with_diag) {
		*with_diag = d;
		return p;
	}
	buf_init(&out);
	diag_text(d, c->colour, &out);
	fputs(buf_cstr(&out), stderr);
	buf_fini(&out);
	diag_free(d);
	return p;
}

struct policy *cmd_load_text(const struct cmd *c, const char *name, const char *text, size_t len)
{
	struct paths_data store;
	const struct policy_paths paths = paths_policy(c->data, &store);
	struct diag *d = diag_new();
	struct policy *p = d ? policy_load_text(name, text, len, NULL, &paths, now_wall_ns(), d) : NULL;
	struct buf out;

	buf_init(&out);
	if (!p && d)
		diag_text(d, c->colour, &out);
	fputs(buf_cstr(&out), stderr);
	buf_fini(&out);
	diag_free(d);
	return p;
}

struct judge *cmd_judge(const struct cmd *c, const char *path)
{
	struct policy *p = cmd_load(c, path, NULL);
	struct err e = { 0 };
	struct judge *j;

	if (!p)
		return NULL;
	j = judge_new(p, NULL, now_wall_ns(), &e);
	if (!j)
		cmd_fail(&e);
	return j;
}

int cmd_kernel(const struct judge *j, bool native_queue, struct buf *out, struct err *e)
{
	struct table_setup setup = {
		.generation = 1, .page = 'a', .queue = 100, .nflog_group = 100, .native_queue = native_queue,
		.fences = true, .flowtables = true,
	};
	struct arena *a = arena_new();
	struct plan *plan = NULL;
	struct table *t = NULL;
	struct table_input in;
	int rc = -1;

	if (!a)
		return err_plain(e, ENOMEM, "out of memory");
	if (plan_build(j->prog, j->who, &plan, e) < 0) {
		arena_free(a);
		return -1;
	}
	setup.plan = plan;
	if (table_input_from(j->policy, j->prog, j->who, &setup, a, &in, e) == 0)
		rc = table_build(&in, &t, e);
	if (rc == 0 && in.plan.left_out)
		fprintf(stderr, "note: %zu parts of this policy are more than the kernel's table holds: it asks about their "
			"new flows, which do not pass without the daemon\n", in.plan.left_out);
	if (rc == 0 && out)
		table_print(t, out);
	table_free(t);
	arena_free(a);
	plan_free(plan);
	return rc;
}

const char *cmd_sock(struct cmd *c)
{
	if (!c->sock) {
		snprintf(c->sock_path, sizeof(c->sock_path), "%s/control.sock", c->run ? c->run : PATHS_RUN);
		c->sock = c->sock_path;
	}
	return c->sock;
}

/* An answer in lines as an object: ok, and lines. */
static void print_lines(const char *text, bool ok)
{
	struct buf out;
	struct json js;

	buf_init(&out);
	json_init(&js, &out);
	json_object(&js, NULL);
	json_bool(&js, "ok", ok);
	json_array(&js, "lines");
	while (*text) {
		const size_t n = strcspn(text, "\n");

		json_strn(&js, NULL, text, n);
		text += n + (text[n] != '\0');
	}
	json_end_array(&js);
	json_end(&js);
	buf_char(&out, '\n');
	cmd_print(&out);
	buf_fini(&out);
}

static int ask(const struct cmd *c, unsigned n, const char *const *words, unsigned timeout_ms, bool lines)
{
	struct cmd copy = *c;
	enum ctl_status status = CTL_UNSURE;
	struct err e = { 0 };
	struct buf out;

	buf_init(&out);
	if (ctl_client_call(cmd_sock(&copy), n, words, timeout_ms, &out, &status, &e) < 0)
		status = (enum ctl_status)cmd_fail(&e);
	else if (lines)
		print_lines(buf_cstr(&out), status == CTL_YES);
	else
		fputs(buf_cstr(&out), status == CTL_UNSURE ? stderr : stdout);
	buf_fini(&out);
	return (int)status;
}

int cmd_ask(const struct cmd *c, unsigned n, const char *const *words, unsigned timeout_ms)
{
	return ask(c, n, words, timeout_ms, false);
}

int cmd_ask_lines(const struct cmd *c, unsigned n, const char *const *words, unsigned timeout_ms)
{
	return ask(c, n, words, timeout_ms, c->json);
}

void cmd_print(const struct buf *b)
{
	fwrite(buf_cstr(b), 1, b->len, stdout);
}

int cmd_fail(const struct err *e)
{
	char text[sizeof(e->msg) + 300];

	fprintf(stderr, "ringfence: %s\n", err_text(e, text, sizeof(text)));
	return CTL_UNSURE;
}

const char *cmd_bold(const struct cmd *c) { return c->colour ? "\033[1m" : ""; }
const char *cmd_red(const struct cmd *c) { return c->colour ? "\033[31m" : ""; }
const char *cmd_green(const struct cmd *c) { return c->colour ? "\033[32m" : ""; }
const char *cmd_plain(const struct cmd *c) { return c->colour ? "\033[0m" : ""; }

void cmd_progress(const struct cmd *c, const char *fmt, ...)
{
	va_list ap;

	if (!c->progress)
		return;
	fputs("\r\033[K", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fflush(stderr);
}

bool cmd_moment(const char *text, int64_t *ret)
{
	static const struct { char unit; int64_t seconds; } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	int year;
	unsigned month, day;
	char *end;
	long long n;

	if (now_parse_date(text, &year, &month, &day))
		return now_civil(NULL, year, month, day, ret);
	if (now_parse_rfc3339(text, ret))
		return true;
	n = strtoll(text, &end, 10);
	for (size_t i = 0; end != text && n >= 0 && n < 1000000 && i < sizeof(units) / sizeof(units[0]); i++) {
		if (end[0] == units[i].unit && !end[1]) {
			*ret = now_wall_ns() - n * units[i].seconds * NOW_NS_PER_S;
			return true;
		}
	}
	return false;
}
