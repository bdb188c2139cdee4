/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/word.h"

#include "unit/suite.h"

static const struct word actions[] = { { "allow", 1 }, { "drop", 2 }, { "reject", 3 }, { NULL, 0 } };
static const char *const keys[] = { "interfaces", "networks", "guarded", "restrict", "restricted-isolated", "id", "from" };

START_TEST(finds_both_ways)
{
	int value = 9;

	ck_assert(word_find(actions, "drop", &value));
	ck_assert_int_eq(value, 2);
	ck_assert(!word_find(actions, "Drop", &value));
	ck_assert_int_eq(value, 2);
	ck_assert_str_eq(word_name(actions, 3), "reject");
	ck_assert_ptr_null(word_name(actions, 0));
}
END_TEST

START_TEST(lists_for_messages)
{
	char text[64];

	ck_assert_str_eq(word_list(actions, text, sizeof(text)), "allow, drop or reject");
	ck_assert_str_eq(word_list(actions + 2, text, sizeof(text)), "reject");
	ck_assert_str_eq(word_list(actions + 3, text, sizeof(text)), "");
	ck_assert_str_eq(word_list(actions, text, 9), "allow, d");
}
END_TEST

START_TEST(suggests_what_is_near)
{
	static const struct { const char *typed, *want; } cases[] = {
		{ "interface", "interfaces" }, { "intrefaces", "interfaces" }, { "Guarded", "guarded" },
		{ "gaurded", "guarded" }, { "restricted_isolated", "restricted-isolated" }, { "form", "from" },
		{ "restrct", "restrict" },
	};
	static const char *const far[] = { "services", "x", "", "mode", "to", "ne", "interface-names-of-all" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_pstr_eq(word_nearest(cases[i].typed, keys, 7), cases[i].want);
	for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++)
		ck_assert_ptr_null(word_nearest(far[i], keys, 7));
}
END_TEST

START_TEST(prefers_the_nearest)
{
	static const char *const both[] = { "recorders-east", "recorders-west" };

	ck_assert_str_eq(word_nearest("recorders-eastt", both, 2), "recorders-east");
	ck_assert_str_eq(word_nearest("recorders-westt", both, 2), "recorders-west");
}
END_TEST

START_TEST(refuses_to_guess_at_long_names)
{
	static const char name[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	const char *candidates[] = { name };

	ck_assert_ptr_null(word_nearest(name, candidates, 1));
	ck_assert_ptr_null(word_nearest("aaaa", candidates, 1));
	ck_assert_ptr_eq(word_nearest(name + 20, (const char *[]){ name + 19 }, 1), name + 19);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("word");

	tcase_add_test(tc, finds_both_ways);
	tcase_add_test(tc, lists_for_messages);
	tcase_add_test(tc, suggests_what_is_near);
	tcase_add_test(tc, prefers_the_nearest);
	tcase_add_test(tc, refuses_to_guess_at_long_names);
	return suite_run(tc);
}
