/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status: the daemon's own word; without one, what the kernel holds and what it could do for it (which takes CAP_NET_ADMIN). */
#include <stdio.h>

#include "app/cmd.h"
#include "base/buf.h"
#include "base/json.h"
#include "kern/nl.h"
#include "kern/probe.h"
#include "kern/table.h"
#include "run/ctl_client.h"

enum { PATIENCE_MS = 10000 };

static const char *table_word(const struct table_about *a)
{
	if (!a->present)
		return "none: nothing is guarded";
	if (!a->ours)
		return "not ours";
	return a->closed ? "closed: nothing new passes from or to a zone that enforces" :
			   "in force: what the kernel can decide goes on, what only the daemon can is dropped or fails open";
}

static void as_json(const char *why, const struct table_about *a, const struct probe *p, struct buf *out)
{
	struct json js;

	json_init(&js, out);
	json_object(&js, NULL);
	json_str(&js, "state", "stopped");
	json_str(&js, "error", why);
	if (a) {
		json_object(&js, "kernel");
		json_str(&js, "table", table_word(a));
		json_u64(&js, "generation", a->generation);
		json_object(&js, "features");
		for (unsigned i = 0; i < PROBE_FEATURES; i++)
			json_bool(&js, probe_names[i], p->has[i]);
		json_end(&js);
		json_end(&js);
	}
	json_end(&js);
	buf_char(out, '\n');
}

static void as_text(const char *why, const struct table_about *a, const struct probe *p, struct buf *out)
{
	buf_printf(out, "state       stopped: %s\n", why);
	if (!a)
		return;
	buf_printf(out, "table       %s\n", table_word(a));
	if (!p->has[PROBE_QUEUE] && !p->has[PROBE_XT_QUEUE])
		buf_str(out, "missing     a packet queue: without it ringfenced does not start\n");
	buf_str(out, "\nWhat this kernel can do:\n");
	probe_print(p, out);
}

/* Nobody answers. */
static int without_daemon(const struct cmd *c, const struct err *why)
{
	AUTO(nl) n = NULL;
	struct table_about about;
	const struct table_about *a = NULL;
	struct probe probe;
	struct err e = { 0 };
	struct buf out;

	if (nl_open(NL_NETFILTER, NULL, &n, &e) == 0 && table_read_about(n, &about, &e) == 0 && probe_run(n, &probe, &e) == 0)
		a = &about;
	buf_init(&out);
	(c->json ? as_json : as_text)(why->msg, a, &probe, &out);
	cmd_print(&out);
	buf_fini(&out);
	return CTL_UNSURE;
}

int cmd_status(struct cmd *c, int argc, char **argv)
{
	const char *words[] = { "status", "--json" };
	enum ctl_status status = CTL_UNSURE;
	struct err e = { 0 };
	struct buf out;
	int rc = cmd_options(c, argc, argv, NULL, 0, 0);

	if (rc >= 0)
		return rc;
	buf_init(&out);
	if (ctl_client_call(cmd_sock(c), c->json ? 2 : 1, words, PATIENCE_MS, &out, &status, &e) < 0) {
		cmd_fail(&e);
		status = (enum ctl_status)without_daemon(c, &e);
	} else {
		fputs(buf_cstr(&out), status == CTL_UNSURE ? stderr : stdout);
	}
	buf_fini(&out);
	return (int)status;
}
