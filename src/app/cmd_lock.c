/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lock: the closed table, without the daemon: at boot before the network comes up, or by hand.  Zones that only observe are left
 * alone.  unlock: the table is taken away altogether, after which nothing is guarded. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/cmd.h"
#include "kern/nl.h"
#include "kern/probe.h"
#include "run/closed.h"
#include "run/ctl_client.h"
#include "run/fence.h"
#include "run/judge.h"
#include "run/paths.h"

static int lock(const struct cmd *c, struct judge *j, bool boot, struct err *e)
{
	AUTO(nl) n = NULL;
	AUTO(fence) f = NULL;
	struct fence_options o = { .queue = 100, .nflog_group = 100 };
	struct table_about about;
	struct probe probe;
	bool sent;

	if (nl_open(NL_NETFILTER, NULL, &n, e) < 0 || probe_run(n, &probe, e) < 0)
		return err_wrap(e, "nf_tables cannot be used");
	o.flowtables = probe.has[PROBE_FLOWTABLE];
	o.native_queue = probe.has[PROBE_QUEUE];
	o.owner = probe.has[PROBE_OWNER];       /* for the daemon that comes: ours ends here */
	f = fence_new(&o, e);
	if (!f || fence_about(f, &about, e) < 0)
		return -1;
	if (boot && about.ours && !about.closed) {
		puts("a table is in force already: left alone");
		return 0;
	}
	if (closed_send(j, f, &about, c->state ? c->state : PATHS_STATE, &sent, e) < 0)
		return -1;
	if (!sent)
		puts("no zone enforces: nothing to lock");
	else if (!c->json)
		puts("locked: nothing new passes from or to a zone that enforces, until ringfenced has loaded the policy");
	return 0;
}

int cmd_lock(struct cmd *c, int argc, char **argv)
{
	bool boot = false, remove = false;
	const struct cmd_option own[] = {
		{ "boot", NULL, CMD_FLAG, &boot, "leave a table alone that is in force already" },
		{ "remove", NULL, CMD_FLAG, &remove, "the same as unlock" },
		{ 0 },
	};
	struct err e = { 0 };
	struct judge *j;
	int rc = cmd_options(c, argc, argv, own, 0, 0);

	if (rc >= 0)
		return rc;
	if (remove)
		return cmd_unlock(c, 1, argv);
	j = cmd_judge(c, c->policy);
	if (!j)
		return CTL_UNSURE;
	rc = lock(c, j, boot, &e) < 0 ? cmd_fail(&e) : CTL_YES;
	judge_free(j);
	return rc;
}

static bool daemon_runs(struct cmd *c)
{
	const char *words[] = { "status" };
	enum ctl_status status;
	struct buf out;
	struct err e;
	int rc;

	buf_init(&out);
	rc = ctl_client_call(cmd_sock(c), 1, words, 2000, &out, &status, &e);
	buf_fini(&out);
	return rc == 0;
}

int cmd_unlock(struct cmd *c, int argc, char **argv)
{
	AUTO(nl) n = NULL;
	struct err e = { 0 };
	int rc = cmd_options(c, argc, argv, NULL, 0, 0);

	if (rc >= 0)
		return rc;
	if (daemon_runs(c))
		return cmd_misuse(c, "ringfenced is running and would put the table back: stop it first");
	if (nl_open(NL_NETFILTER, NULL, &n, &e) < 0 || (table_delete(n, &e) < 0 && e.code != ENOENT))
		return cmd_fail(&e);
	puts(e.code == ENOENT ? "there was no table" : "the table is gone: nothing is guarded");
	return CTL_YES;
}
