/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd: what the subcommands of `ringfence` share: options, loading a policy, output.  One file per command; ringfence.c holds the
 * table.  A command returns the exit status: CTL_YES, CTL_NO or CTL_UNSURE. */
#ifndef APP_CMD_H
#define APP_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/policy.h"
#include "run/ctl_wire.h"

struct diag;
struct judge;

enum { CMD_ARGS = 16 };

struct cmd_row;

struct cmd {
	const struct cmd_row *row;
	const char *policy, *data, *state, *run, *sock;
	bool json, colour, progress, help;
	const char *args[CMD_ARGS];             /* positional words, after cmd_options */
	unsigned n_args;
	char sock_path[512];
};

enum cmd_kind { CMD_FLAG, CMD_VALUE, CMD_LIST };

/* An option of one command.  into: bool * (FLAG), const char ** (VALUE), struct cmd_list * (LIST). */
struct cmd_option {
	const char *name, *value;               /* "to", "ADDRESS[:PORT]"; ends with a NULL name */
	enum cmd_kind kind;
	void *into;
	const char *help;
};

struct cmd_list { const char *at[CMD_ARGS]; unsigned n; };

struct cmd_row {
	const char *name, *args, *help;         /* one line */
	int (*fn)(struct cmd *c, int argc, char **argv);
	const char *more;                       /* for --help: a paragraph, or NULL */
};

/* Read argv (the command's name first): common options and its own.  Returns -1 to go on, or the exit status (--help, misuse). */
int cmd_options(struct cmd *c, int argc, char **argv, const struct cmd_option *own, unsigned min_args, unsigned max_args);
/* The common options alone, before the command's name; *ret_at: where that is. */
int cmd_common(struct cmd *c, int argc, char **argv, int *ret_at);

/* Load, print the diagnostics to stderr (or into the JSON of check); NULL: refused.  with_diag: NULL, or takes the findings. */
struct policy *cmd_load(const struct cmd *c, const char *path, struct diag **with_diag);
/* Load a policy from memory, without includes; its findings go to stderr when it is refused (NULL).  With "version: 1" alone it
 * is what is shipped: registry, makers and packs. */
struct policy *cmd_load_text(const struct cmd *c, const char *name, const char *text, size_t len);
/* The same as cmd_load and compiled for now. */
struct judge *cmd_judge(const struct cmd *c, const char *path);
/* Build the kernel's table of a policy as reload would, as far as that can be done without a kernel: the policy's own devices,
 * generation 1.  out: its nft text, or NULL. */
int cmd_kernel(const struct judge *j, bool native_queue, struct buf *out, struct err *e);
/* Ask the daemon; prints its text to stdout (yes) or stderr. */
int cmd_ask(const struct cmd *c, unsigned n, const char *const *words, unsigned timeout_ms);
/* The same where the answer is lines of text: with --json they are put into an object. */
int cmd_ask_lines(const struct cmd *c, unsigned n, const char *const *words, unsigned timeout_ms);
const char *cmd_sock(struct cmd *c);

void cmd_print(const struct buf *b);            /* to stdout */
int cmd_fail(const struct err *e);              /* "ringfence: …" to stderr; returns CTL_UNSURE */
int cmd_misuse(const struct cmd *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Escape sequences when colour is on, else "". */
const char *cmd_bold(const struct cmd *c);
const char *cmd_red(const struct cmd *c);
const char *cmd_green(const struct cmd *c);
const char *cmd_plain(const struct cmd *c);
/* A line of progress that replaces itself, on a terminal only. */
void cmd_progress(const struct cmd *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Tables for people: cells are added row by row, columns are as wide as their widest cell. */
struct cmd_table { struct buf text; size_t widths[16]; unsigned columns, at; unsigned *lens; size_t n, cap; };
void cmd_table_init(struct cmd_table *t, unsigned columns);
void cmd_table_cell(struct cmd_table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cmd_table_print(struct cmd_table *t, const struct cmd *c, struct buf *out);        /* and free it; the first row is the head */

/* "2026-11-22", RFC 3339, or an age: 90s, 15m, 2h, 7d. */
bool cmd_moment(const char *text, int64_t *ret);

int cmd_check(struct cmd *c, int argc, char **argv);
int cmd_show(struct cmd *c, int argc, char **argv);
int cmd_explain(struct cmd *c, int argc, char **argv);
int cmd_test(struct cmd *c, int argc, char **argv);
int cmd_replay(struct cmd *c, int argc, char **argv);
int cmd_reload(struct cmd *c, int argc, char **argv);
int cmd_status(struct cmd *c, int argc, char **argv);
int cmd_events(struct cmd *c, int argc, char **argv);
int cmd_devices(struct cmd *c, int argc, char **argv);
int cmd_lock(struct cmd *c, int argc, char **argv);
int cmd_unlock(struct cmd *c, int argc, char **argv);
int cmd_init(struct cmd *c, int argc, char **argv);
int cmd_top(struct cmd *c, int argc, char **argv);
int cmd_verify(struct cmd *c, int argc, char **argv);

#endif
