/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show policy|program|plan|kernel|schema: the policy as it was understood, the compiled classes, what the kernel can decide by
 * itself, its table as nft text, the language's JSON Schema. */
#include <stdio.h>
#include <string.h>

#include "app/cmd.h"
#include "engine/plan.h"
#include "run/judge.h"

static int show_policy(const struct judge *j, struct buf *out, struct err *e)
{
	(void)e;
	policy_print(j->policy, out);
	return 0;
}

static int show_program(const struct judge *j, struct buf *out, struct err *e)
{
	(void)e;
	prog_print(j->prog, out);
	return 0;
}

static int show_plan(const struct judge *j, struct buf *out, struct err *e)
{
	struct plan *p;

	if (plan_build(j->prog, j->who, &p, e) < 0)
		return -1;
	plan_print(p, out);
	plan_free(p);
	return cmd_kernel(j, true, NULL, e);    /* says what of it is more than the kernel's table holds */
}

static int show_kernel(const struct judge *j, struct buf *out, struct err *e)
{
	return cmd_kernel(j, true, out, e);
}

static const struct {
	const char *name;
	int (*fn)(const struct judge *j, struct buf *out, struct err *e);
} views[] = { { "policy", show_policy }, { "program", show_program }, { "plan", show_plan }, { "kernel", show_kernel } };

int cmd_show(struct cmd *c, int argc, char **argv)
{
	struct err e = { 0 };
	struct judge *j;
	struct buf out;
	size_t i;
	int rc = cmd_options(c, argc, argv, NULL, 1, 1);

	if (rc >= 0)
		return rc;
	buf_init(&out);
	if (strcmp(c->args[0], "schema") == 0) {
		policy_schema(&out);
		cmd_print(&out);
		buf_fini(&out);
		return CTL_YES;
	}
	for (i = 0; i < sizeof(views) / sizeof(views[0]) && strcmp(views[i].name, c->args[0]) != 0; i++)
		;
	if (i == sizeof(views) / sizeof(views[0]))
		return cmd_misuse(c, "there is no view \"%s\"", c->args[0]);
	j = cmd_judge(c, c->policy);
	if (!j)
		return CTL_UNSURE;
	rc = views[i].fn(j, &out, &e) == 0 ? CTL_YES : cmd_fail(&e);
	cmd_print(&out);
	buf_fini(&out);
	judge_free(j);
	return rc;
}
