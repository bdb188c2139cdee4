/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table in this kernel, in a network namespace of its own. */
#include <errno.h>

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

static void begin(void)
{
	struct probe p;

	space_enter();
	example_init(&x);
	buf_init(&out);
	ck_assert_msg(nl_open(NL_NETFILTER, NULL, &nl, &e) == 0, "%s", e.msg);
	ck_assert_msg(probe_run(nl, &p, &e) == 0, "%s", e.msg);
	x.in.native_queue = p.has[PROBE_QUEUE];
}

static void end(void)
{
	nl_free(nl);
	buf_fini(&out);
}

static void load(void)
{
	struct table *t = NULL;

	ck_assert_msg(table_build(&x.in, &t, &e) == 0, "%s", e.msg);
	ck_assert_msg(table_send(nl, t, &e) == 0, "%s", e.msg);
	table_free(t);
}

static const char *sh(const char *command)
{
	buf_reset(&out);
	ck_assert_msg(space_run(&out, command) == 0, "%s: %s", command, buf_cstr(&out));
	return buf_cstr(&out);
}

START_TEST(loads_and_nft_lists_it_whole)
{
	const char *text;

	load();
	text = sh("nft list table inet ringfence");
	sh("nft list table inet ringfence > /tmp/kern/list.txt 2>&1");
	ck_assert_ptr_nonnull(strstr(text, "type filter hook forward priority -12; policy drop;"));
	ck_assert_ptr_nonnull(strstr(text, "44:19:b6:00:00:03 . 10.20.0.3 : jump class-restricted"));
	ck_assert_ptr_nonnull(strstr(text, "vmap @who4-eth1.20"));
	ck_assert_ptr_nonnull(strstr(text, "elements = { 10.20.0.0/16 }"));
	ck_assert_ptr_nonnull(strstr(text, "elements = { \"eth1.20\","));
	ck_assert_ptr_nonnull(strstr(text, "ringfence layout 1 generation 1 page a"));
	ck_assert_ptr_null(strstr(text, "unknown"  " expression"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("live");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, loads_and_nft_lists_it_whole);
	return suite_run(tc);
}
