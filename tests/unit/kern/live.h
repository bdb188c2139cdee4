/* SPDX-License-Identifier: GPL-2.0-or-later */
/* live: the example's table in this kernel, in a namespace of the test's own. */
#ifndef UNIT_KERN_LIVE_H
#define UNIT_KERN_LIVE_H

#include "base/buf.h"
#include "kern/nl.h"
#include "kern/probe.h"
#include "kern/table.h"
#include "unit/kern/example.h"
#include "unit/kern/space.h"
#include "unit/suite.h"

static struct example x;
static struct nl *nl;
static struct err e;
static struct buf out;

static inline void begin(void)
{
	struct probe p;

	space_enter();
	example_init(&x);
	buf_init(&out);
	ck_assert_msg(nl_open(NL_NETFILTER, NULL, &nl, &e) == 0, "%s", e.msg);
	ck_assert_msg(probe_run(nl, &p, &e) == 0, "%s", e.msg);
	x.in.native_queue = p.has[PROBE_QUEUE];
}

static inline void end(void)
{
	nl_free(nl);
	buf_fini(&out);
}

static inline struct table *built(void)
{
	struct table *t = NULL;

	ck_assert_msg(table_build(&x.in, &t, &e) == 0, "%s", e.msg);
	return t;
}

static inline void load(void)
{
	struct table *t = built();

	ck_assert_msg(table_send(nl, t, &e) == 0, "%s", e.msg);
	table_free(t);
}

static inline const char *sh(const char *command)
{
	buf_reset(&out);
	ck_assert_msg(space_run(&out, command) == 0, "%s: %.600s", command, buf_cstr(&out));
	return buf_cstr(&out);
}

static inline bool listed(const char *command, const char *words)
{
	return strstr(sh(command), words);
}

/* How many differences table_verify finds; what it says is in out. */
static inline size_t drift(void)
{
	struct table *t = built();
	size_t n = 0;

	buf_reset(&out);
	ck_assert_msg(table_verify(nl, t, &out, &n, &e) == 0, "%s", e.msg);
	table_free(t);
	return n;
}

static inline void in_step(void)
{
	size_t n = drift();

	ck_assert_msg(!n, "%zu differences:\n%.600s", n, buf_cstr(&out));
}

#endif
