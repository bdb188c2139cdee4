/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ringfence: the operator's program: common options, then one command, a row each. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/cmd.h"
#include "base/word.h"
#include "run/paths.h"

static int cmd_help(struct cmd *c, int argc, char **argv);

static const struct cmd_row rows[] = {
	{ "init", "[CAPTURE.pcap]", "write a first policy, in observe, from what this machine has and sees", cmd_init,
	  "Reads interfaces, addresses and neighbours, and a capture where one is given.  Writes to --policy; never over a file\n"
	  "that is there." },
	{ "check", "[POLICY]", "load, compile and build the kernel's table, without touching anything", cmd_check, NULL },
	{ "explain", "", "what would be decided for a flow, by which entry, on which evidence", cmd_explain, NULL },
	{ "test", "[POLICY]", "run the policy's tests", cmd_test, NULL },
	{ "replay", "CAPTURE.pcap", "what the policy would do with a capture; --devices: who is in it", cmd_replay, NULL },
	{ "show", "policy|program|plan|kernel|schema", "the policy, its classes, the kernel's part and table, the schema",
	  cmd_show,
	  NULL },
	{ "reload", "[confirm|cancel]", "load the policy into the daemon", cmd_reload,
	  "With --confirm 60s the old policy comes back by itself unless `ringfence reload confirm` follows in time, and at\n"
	  "once with `ringfence reload cancel`." },
	{ "status", "", "what is enforced, and how it goes", cmd_status, NULL },
	{ "events", "[verify|resend]", "what was recorded", cmd_events, NULL },
	{ "top", "", "what is allowed, and how much of it there was", cmd_top,
	  "From the store itself, which the daemon adds to every ten seconds or so.  Counted by the clock hour." },
	{ "devices", "", "who is on the guarded interfaces", cmd_devices, NULL },
	{ "verify", "", "compare the kernel's table with the program", cmd_verify, NULL },
	{ "lock", "", "install the closed table, without the daemon", cmd_lock, NULL },
	{ "unlock", "", "remove the table: nothing is filtered any more", cmd_unlock, NULL },
	{ "help", "[COMMAND]", "this text, or a command's", cmd_help, NULL },
	{ 0 },
};

static const struct cmd_row *find(const char *name)
{
	for (const struct cmd_row *r = rows; r->name; r++)
		if (strcmp(r->name, name) == 0)
			return r;
	return NULL;
}

static void usage(FILE *out)
{
	fputs("Usage: ringfence [-p POLICY] [--json] COMMAND [options]\n\n", out);
	for (const struct cmd_row *r = rows; r->name; r++)
		fprintf(out, "  %-9s %-35s %s\n", r->name, r->args, r->help);
	fputs("\nExit status: 0 yes, 1 no (the check failed, the packet is dropped, a test failed), 2 could not tell.\n"
	      "`ringfence COMMAND --help` tells a command's options; ringfence(8) tells it all.\n", out);
}

static int misnamed(const char *name)
{
	const char *names[sizeof(rows) / sizeof(rows[0])], *near;
	size_t n = 0;

	for (const struct cmd_row *r = rows; r->name; r++)
		names[n++] = r->name;
	near = word_nearest(name, names, n);
	fprintf(stderr, "ringfence: there is no command \"%s\"%s%s%s\nTry: ringfence help\n", name, near ? "; did you mean \"" : "",
		near ? near : "", near ? "\"?" : "");
	return CTL_UNSURE;
}

static int run(struct cmd *c, const struct cmd_row *row, int argc, char **argv)
{
	c->row = row;
	c->n_args = 0;
	return row->fn(c, argc, argv);
}

static int cmd_help(struct cmd *c, int argc, char **argv)
{
	bool words = false;
	const struct cmd_option own[] = { { "words", NULL, CMD_FLAG, &words, "just the names, for completion" }, { 0 } };
	char ask[] = "--help", *help[] = { NULL, ask, NULL };
	const struct cmd_row *r;
	int rc = cmd_options(c, argc, argv, own, 0, 1);

	if (rc >= 0)
		return rc;
	if (c->n_args) {
		r = find(c->args[0]);
		help[0] = argv[0];
		return r ? run(c, r, 2, help) : misnamed(c->args[0]);
	}
	if (!words)
		usage(stdout);
	for (r = rows; words && r->name; r++)
		puts(r->name);
	return CTL_YES;
}

int main(int argc, char **argv)
{
	struct cmd c = { .policy = PATHS_POLICY, .colour = isatty(STDOUT_FILENO), .progress = isatty(STDERR_FILENO) };
	const struct cmd_row *row;
	int at, rc;

	setlocale(LC_CTYPE, "C.UTF-8");
	signal(SIGPIPE, SIG_IGN);       /* a pager that was left is no reason to die with half a message */
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		puts("ringfence " RINGFENCE_VERSION);
		return CTL_YES;
	}
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage(argc < 2 ? stderr : stdout);
		return argc < 2 ? CTL_UNSURE : CTL_YES;
	}
	rc = cmd_common(&c, argc, argv, &at);
	if (rc >= 0)
		return rc;
	if (at == argc) {
		usage(stderr);
		return CTL_UNSURE;
	}
	row = find(argv[at]);
	rc = row ? run(&c, row, argc - at, argv + at) : misnamed(argv[at]);
	if (fflush(stdout) != 0 && rc == CTL_YES)
		rc = CTL_UNSURE;
	return rc;
}
