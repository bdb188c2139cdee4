/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules' counters of this kernel's table: ours, by their rules, and nobody else's. */
#include "kern/table.h"

#include "unit/kern/netns.h"
#include "unit/suite.h"

static const char rules[] =
	"table inet ringfence {\n"
	"	counter allow-video { packets 3 bytes 180 }\n"
	"	counter allow-a-longer.name { packets 5000000000 bytes 7 }\n"
	"	counter denied { packets 9 bytes 9 }\n"
	"}\n"
	"table inet other {\n	counter allow-other { packets 1 bytes 1 }\n}\n"
	"table ip ringfence {\n	counter allow-four { packets 1 bytes 1 }\n}\n";

static char said[512];

static void say(void *arg, const char *id, uint64_t packets, uint64_t bytes)
{
	const size_t n = strlen(said);

	(void)arg;
	snprintf(said + n, sizeof(said) - n, "%s %llu %llu;", id, (unsigned long long)packets, (unsigned long long)bytes);
}

START_TEST(test_rules)
{
	struct nl *n = NULL;
	struct err e = { 0 };

	netns_enter();
	ck_assert_msg(nl_open(NL_NETFILTER, NULL, &n, &e) == 0, "%s", e.msg);
	ck_assert_msg(table_read_rules(n, say, NULL, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(said, "");
	netns_nft(rules);
	ck_assert_msg(table_read_rules(n, say, NULL, &e) == 0, "%s", e.msg);
	ck_assert_ptr_nonnull(strstr(said, "video 3 180;"));
	ck_assert_ptr_nonnull(strstr(said, "a-longer.name 5000000000 7;"));
	ck_assert_ptr_null(strstr(said, "denied"));
	ck_assert_ptr_null(strstr(said, "other"));
	ck_assert_ptr_null(strstr(said, "four"));
	nl_free(n);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("rules_live");

	if (netns_skip())
		return NETNS_SKIP;
	tcase_add_test(tc, test_rules);
	return suite_run(tc);
}
