/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands that ask the daemon: reload, devices, verify. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd.h"
#include "run/ctl_client.h"

enum { PATIENCE_MS = 10000, RELOAD_MS = 120000, DEVICE_COLUMNS = 7 };

/* "60", "60s", "5m" as seconds in decimal. */
static bool seconds(const char *text, char *buf, size_t size)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || n == 0 || n > 86400)
		return false;
	if (strcmp(end, "m") == 0)
		n *= 60;
	else if (*end && strcmp(end, "s") != 0)
		return false;
	snprintf(buf, size, "%lu", n);
	return true;
}

int cmd_reload(struct cmd *c, int argc, char **argv)
{
	const char *confirm = NULL, *words[2] = { "reload", NULL };
	const struct cmd_option own[] = {
		{ "confirm", "TIME", CMD_VALUE, &confirm, "go back to the former policy unless confirmed within 60s, 5m …" },
		{ 0 },
	};
	char trial[24];
	int rc = cmd_options(c, argc, argv, own, 0, 1);

	if (rc >= 0)
		return rc;
	if (c->n_args) {
		if (confirm || (strcmp(c->args[0], "confirm") != 0 && strcmp(c->args[0], "cancel") != 0))
			return cmd_misuse(c, "\"%s\" is neither confirm nor cancel", c->args[0]);
		words[1] = c->args[0];
	} else if (confirm) {
		if (!seconds(confirm, trial, sizeof(trial)))
			return cmd_misuse(c, "--confirm takes a time such as 60s or 5m");
		words[1] = trial;
	}
	return cmd_ask_lines(c, words[1] ? 2 : 1, words, RELOAD_MS);
}

int cmd_verify(struct cmd *c, int argc, char **argv)
{
	const char *words[] = { "verify" };
	int rc = cmd_options(c, argc, argv, NULL, 0, 0);

	return rc >= 0 ? rc : cmd_ask_lines(c, 1, words, PATIENCE_MS);
}

static void table(const struct cmd *c, const char *text)
{
	static const char *const heads[DEVICE_COLUMNS] = { "ID", "NAME", "MAC", "MAKER", "CLASS", "INTERFACE", "LAST SEEN" };
	struct cmd_table t;
	struct buf out;

	cmd_table_init(&t, DEVICE_COLUMNS);
	for (size_t i = 0; i < DEVICE_COLUMNS; i++)
		cmd_table_cell(&t, "%s", heads[i]);
	while (*text) {
		const size_t n = strcspn(text, "\t\n");

		cmd_table_cell(&t, "%.*s", (int)n, text);
		text += n + (text[n] != '\0');
	}
	buf_init(&out);
	cmd_table_print(&t, c, &out);
	cmd_print(&out);
	buf_fini(&out);
}

int cmd_devices(struct cmd *c, int argc, char **argv)
{
	const char *words[] = { "devices", "--json" };
	enum ctl_status status;
	struct err e = { 0 };
	struct buf out;
	int rc = cmd_options(c, argc, argv, NULL, 0, 0);

	if (rc >= 0)
		return rc;
	if (c->json)
		return cmd_ask(c, 2, words, PATIENCE_MS);
	buf_init(&out);
	rc = ctl_client_call(cmd_sock(c), 1, words, PATIENCE_MS, &out, &status, &e);
	if (rc < 0)
		rc = cmd_fail(&e);
	else if (status == CTL_YES)
		table(c, buf_cstr(&out));
	else
		fputs(buf_cstr(&out), stderr);
	buf_fini(&out);
	return rc < 0 ? CTL_UNSURE : rc ? rc : (int)status;
}
