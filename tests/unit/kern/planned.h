/* SPDX-License-Identifier: GPL-2.0-or-later */
/* planned: a policy's text with its program and plan, as far as the table's input. */
#ifndef UNIT_KERN_PLANNED_H
#define UNIT_KERN_PLANNED_H

#include <check.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "engine/plan.h"
#include "engine/prog.h"
#include "ident/who.h"
#include "kern/table.h"
#include "policy/policy.h"

static struct {
	struct policy *policy;
	struct prog *prog;
	struct who *who;
	struct plan *plan;
	struct arena *arena;
} planned;

static inline void planned_forget(void)
{
	plan_free(planned.plan);
	prog_free(planned.prog);
	who_free(planned.who);
	policy_free(planned.policy);
	arena_free(planned.arena);
	memset(&planned, 0, sizeof(planned));
}

/* In place of the one before.  *setup gets its plan; ret is good until the next one. */
static inline void planned_load(const char *text, int64_t now_ns, struct table_setup *setup, struct table_input *ret)
{
	const struct policy_paths paths = {
		.registry = "rules/registry/ieee-prefixes.tsv", .makers = { "rules/makers", "" }, .packs = { "rules/packs", "" },
	};
	struct diag *d = diag_new();
	struct err e = { 0 };
	struct buf said;

	planned_forget();
	buf_init(&said);
	planned.policy = policy_load_text("test.yaml", text, strlen(text), NULL, &paths, now_ns, d);
	diag_text(d, false, &said);
	ck_assert_msg(planned.policy != NULL, "%s", buf_cstr(&said));
	ck_assert_msg(prog_build(planned.policy, now_ns, &planned.prog, &e) == 0, "%s", e.msg);
	ck_assert_msg(who_build(planned.policy, NULL, &planned.who, &e) == 0, "%s", e.msg);
	ck_assert_msg(plan_build(planned.prog, planned.who, &planned.plan, &e) == 0, "%s", e.msg);
	planned.arena = arena_new();
	setup->plan = planned.plan;
	ck_assert_msg(table_input_from(planned.policy, planned.prog, planned.who, setup, planned.arena, ret, &e) == 0, "%s", e.msg);
	diag_free(d);
	buf_fini(&said);
}

#endif
