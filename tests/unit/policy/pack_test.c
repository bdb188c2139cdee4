/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packs: what they may claim, mistakes with their places, the shipped files; and the moments they are written in. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/now.h"
#include "policy/pack.h"
#include "policy/policy.h"
#include "unit/policy/dirs.h"

#define DATES "date: 2022-11-24, valid_from: 2022-11-24"
#define AUTH(more) "  - { id: a1, title: T, kind: descriptive, jurisdiction: UK, source: S, " DATES more " }\n"
#define TOP "pack: p\ntitle: P\nauthorities:\n"
#define PACK(entries) TOP AUTH("") "makers:\n" entries
#define ENTRY(maker, basis, more) "  - { maker: " maker ", basis: " basis ", authority: a1" more " }\n"

static struct policy_pack *packs;
static uint32_t n_packs;
static const struct policy_maker makers[] = { { .name = "acme" }, { .name = "bolt" }, { .name = "cog" } };

static void setup(void)
{
	dirs_open();
	packs = NULL;
	n_packs = 0;
}

static bool load(void)
{
	const char *const dirs[] = { dir[0], dir[1] };

	return pack_load_dirs(dirs, 2, makers, 3, arena, diag, NULL, &packs, &n_packs);
}

static int64_t utc(const char *text)
{
	int64_t ns = 0;

	ck_assert(now_parse_rfc3339(text, &ns));
	return ns;
}

START_TEST(test_file)
{
	put(0, 'a', PACK(ENTRY("bolt", "understood", "") ENTRY("acme", "described", ", valid_to: 2023-02-28")));
	ck_assert_msg(load(), "%s", findings());
	ck_assert_uint_eq(n_packs, 1);
	ck_assert_str_eq(packs->name, "p");
	ck_assert_str_eq(packs->title, "P");
	ck_assert(!packs->used);
	ck_assert_uint_eq(packs->n_authorities, 1);
	ck_assert_str_eq(packs->authorities[0].id, "a1");
	ck_assert_str_eq(packs->authorities[0].jurisdiction, "UK");
	ck_assert_str_eq(packs->authorities[0].source, "S");
	ck_assert_int_eq(packs->authorities[0].kind, POLICY_AUTH_DESCRIPTIVE);
	ck_assert_int_eq(packs->authorities[0].valid_from.ns, utc("2022-11-24T00:00:00Z"));
	ck_assert(!packs->authorities[0].valid_to.set);
	ck_assert_uint_eq(packs->authorities[0].loc.line, 4);
	ck_assert_uint_eq(packs->n_entries, 2);
	ck_assert_uint_eq(packs->entries[0].maker, 1);
	ck_assert_int_eq(packs->entries[0].basis, POLICY_UNDERSTOOD);
	ck_assert(!packs->entries[0].valid_from.set && !packs->entries[0].valid_to.set);
	ck_assert_uint_eq(packs->entries[1].maker, 0);
	ck_assert_int_eq(packs->entries[1].basis, POLICY_DESCRIBED);
	ck_assert_int_eq(packs->entries[1].valid_to.ns, utc("2023-03-01T00:00:00Z"));
	ck_assert_str_eq(packs->entries[1].valid_to.text, "2023-02-28");
	ck_assert_uint_eq(packs->entries[1].loc.line, 7);
	ck_assert_str_eq(findings(), "");
}
END_TEST

static const struct { const char *text, *says; } bads[] = {
	{ "pack: p\ntitle: P\n", "'authorities' is a list" },
	{ "pack: p\ntitle: P\nauthorities: []\nmakers: []\n", "'authorities' is a list" },
	{ TOP AUTH(""), "'makers' is a list" },
	{ "pack: p\ntitle: P\nauthorities: x\nmakers: x\n", "a list of 1 to" },
	{ PACK(ENTRY("acme", "named", "")), "is descriptive and names nobody" },
	{ PACK(ENTRY("acme", "known", "")), "'known' is no basis: write named, understood or described" },
	{ PACK(ENTRY("acne", "described", "")), "no maker 'acne': did you mean 'acme'?" },
	{ PACK(ENTRY("zzzz", "described", "")), "no maker 'zzzz'" },
	{ PACK("  - { maker: acme, basis: described, authority: a2 }\n"), "no authority 'a2': did you mean 'a1'?" },
	{ PACK("  - { maker: acme, basis: described }\n"), "'authority' is missing" },
	{ PACK("  - { maker: acme, authority: a1 }\n"), "'basis' is missing" },
	{ PACK("  - acme\n"), "not a mapping" },
	{ PACK(ENTRY("acme", "described", ", note: x")), "unknown key 'note'" },
	{ PACK(ENTRY("acme", "described", "") ENTRY("acme", "understood", "")), "maker 'acme' is here twice" },
	{ PACK(ENTRY("acme", "described", ", valid_to: 2022-11-23")), "is not after valid_from 2022-11-24" },
	{ PACK(ENTRY("acme", "described", ", valid_from: 2024-01-02, valid_to: 2024-01-01")), "is not after" },
	{ PACK(ENTRY("acme", "described", ", valid_to: soon")), "'soon' is no moment" },
	{ PACK(ENTRY("acme", "described", ", valid_to: 2023-02-29")), "'2023-02-29' is no moment" },
	{ TOP AUTH("") AUTH("") "makers:\n" ENTRY("acme", "described", ""),
	  "authority 'a1' is here twice" },
	{ TOP AUTH(", valid_to: 2021-01-01") "makers:\n" ENTRY("acme", "described", ""), "is not after" },
	{ TOP AUTH(", sorce: x") "makers:\n" ENTRY("acme", "described", ""),
	  "did you mean 'source'" },
	{ TOP "  - { id: a1, title: T, kind: law, jurisdiction: UK, date: 2022-11-24, source: S, "
	  "valid_from: 2022-11-24 }\nmakers:\n" ENTRY("acme", "described", ""),
	  "'law' is no kind: write named, descriptive or procurement" },
	{ TOP "  - { id: a1, title: T, kind: named, jurisdiction: UK, source: S, valid_from: "
	  "2022-11-24 }\nmakers:\n" ENTRY("acme", "described", ""), "'date' is missing" },
	{ TOP "  - { id: a1, title: T, kind: named, jurisdiction: UK, date: 2022-11-24, source: S }\n"
	  "makers:\n" ENTRY("acme", "described", ""), "'valid_from' is missing" },
};

START_TEST(test_mistakes_are_told_with_their_place)
{
	char place[96];

	put(0, 'a', bads[_i].text);
	put(0, 'b', "pack: fine\ntitle: F\nauthorities:\n" AUTH("") "makers:\n" ENTRY("acme", "described", ""));
	snprintf(place, sizeof(place), "%s/a.yaml:", dir[0]);
	ck_assert(!load());
	ck_assert_ptr_null(packs);
	expect_finding(bads[_i].says);
	expect_finding(place);
}
END_TEST

START_TEST(test_later_directory_replaces)
{
	put(0, 'a', PACK(ENTRY("acme", "described", "")));
	put(1, 'a', PACK(ENTRY("bolt", "described", "")));
	ck_assert(load());
	ck_assert_uint_eq(n_packs, 1);
	ck_assert_uint_eq(packs->entries[0].maker, 1);
	expect_finding("note: pack 'p' replaces one of the same name");
	put(1, 'b', PACK(ENTRY("cog", "described", "")));
	ck_assert(!load());
	expect_finding("pack 'p' is here twice");
}
END_TEST

/* What the shipped packs say, maker by maker: the decision of the design, as a table. */
static const struct { const char *pack, *maker; int basis; } says[] = {
	{ "uk-nil", "hikvision", POLICY_UNDERSTOOD }, { "uk-nil", "dahua", POLICY_UNDERSTOOD },
	{ "uk-nil", "imou", POLICY_UNDERSTOOD }, { "uk-nil", "uniview", POLICY_DESCRIBED },
	{ "uk-nil", "tiandy", POLICY_DESCRIBED }, { "uk-nil", "tvt", POLICY_DESCRIBED },
	{ "uk-nil", "huawei", POLICY_DESCRIBED }, { "uk-nil", "amcrest", POLICY_DESCRIBED },
	{ "uk-nil", "axis", -1 }, { "uk-nil", "hanwha", -1 }, { "uk-nil", "bosch", -1 },
	{ "us-889", "hikvision", POLICY_NAMED }, { "us-889", "dahua", POLICY_NAMED }, { "us-889", "huawei", POLICY_NAMED },
	{ "us-889", "zte", POLICY_NAMED }, { "us-889", "hytera", POLICY_NAMED }, { "us-889", "imou", POLICY_UNDERSTOOD },
	{ "us-889", "uniview", -1 }, { "us-889", "lorex", -1 }, { "us-889", "axis", -1 },
	{ "fcc-covered", "hikvision", POLICY_NAMED }, { "fcc-covered", "dahua", POLICY_NAMED },
	{ "fcc-covered", "huawei", POLICY_NAMED }, { "fcc-covered", "zte", POLICY_NAMED },
	{ "fcc-covered", "hytera", POLICY_NAMED }, { "fcc-covered", "tiandy", -1 },
};

START_TEST(test_shipped_packs)
{
	const char *const maker_dirs[] = { "rules/makers" }, *const pack_dirs[] = { "rules/packs" };
	struct policy_maker *all = NULL;
	uint32_t n = 0;
	int found = -1;

	ck_assert(maker_load_dirs(maker_dirs, 1, arena, diag, NULL, &all, &n));
	ck_assert_msg(pack_load_dirs(pack_dirs, 1, all, n, arena, diag, NULL, &packs, &n_packs), "%s", findings());
	ck_assert_str_eq(findings(), "");
	ck_assert_uint_eq(n_packs, 3);
	for (uint32_t p = 0; p < n_packs; p++)
		for (uint32_t i = 0; i < packs[p].n_entries; i++)
			if (!strcmp(packs[p].name, says[_i].pack) &&
			    !strcmp(all[packs[p].entries[i].maker].name, says[_i].maker))
				found = (int)packs[p].entries[i].basis;
	ck_assert_msg(found == says[_i].basis, "%s, %s: %d, not %d", says[_i].pack, says[_i].maker, found, says[_i].basis);
	/* Every authority says what it is and since when. */
	for (uint32_t p = 0; p < n_packs; p++)
		for (uint32_t i = 0; i < packs[p].n_authorities; i++) {
			const struct policy_authority *a = &packs[p].authorities[i];

			ck_assert(a->date.set && a->valid_from.set && a->valid_from.ns >= a->date.ns);
			ck_assert(strlen(a->source) > 10 && strlen(a->title) > 10);
		}
}
END_TEST

static const struct { const char *text, *zone, *from, *to; } whens[] = {
	{ "2027-03-31", NULL, "2027-03-31T00:00:00Z", "2027-04-01T00:00:00Z" },
	{ "2024-02-28", NULL, "2024-02-28T00:00:00Z", "2024-02-29T00:00:00Z" },
	{ "2024-02-29", NULL, "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z" },
	{ "2023-02-28", NULL, "2023-02-28T00:00:00Z", "2023-03-01T00:00:00Z" },
	{ "2026-12-31", NULL, "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z" },
	/* The clocks go forward on 28 March 2027 in London: that day has 23 hours. */
	{ "2027-03-28", "Europe/London", "2027-03-28T00:00:00Z", "2027-03-28T23:00:00Z" },
	{ "2026-10-25", "Europe/London", "2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z" },
	{ "2026-10-25T10:00:00+01:00", "Europe/London", "2026-10-25T09:00:00Z", "2026-10-25T09:00:00Z" },
};

START_TEST(test_when)
{
	struct loc loc = { "f", 3, 4 };
	struct policy_time t;
	struct err e = { 0 };

	ck_assert(!when_parse(whens[_i].text, whens[_i].zone, false, loc, &t, &e));
	ck_assert_int_eq(t.ns, utc(whens[_i].from));
	ck_assert(t.set);
	ck_assert_int_eq(t.is_date, strlen(whens[_i].text) == 10);
	ck_assert_uint_eq(t.loc.line, 3);
	ck_assert(!when_parse(whens[_i].text, whens[_i].zone, true, loc, &t, &e));
	ck_assert_int_eq(t.ns, utc(whens[_i].to));
}
END_TEST

START_TEST(test_when_refuses)
{
	static const char *const texts[] = {
		"", "2026", "2026-13-01", "2026-02-30", "26-01-01", "2026-01-01 ", "2026-01-01T25:00:00Z",
	};
	struct policy_time t = { .ns = 7 };
	struct err e = { 0 };

	ck_assert_int_eq(when_parse(texts[_i], NULL, true, (struct loc){ "f", 3, 4 }, &t, &e), -1);
	ck_assert_int_eq(t.ns, 7);
	ck_assert_uint_eq(e.loc.line, 3);
}
END_TEST

/* The example site: no finding at all on the day it was written for, and its own words read back equal. */
START_TEST(test_shipped_policy)
{
	const struct policy_paths paths = {
		.registry = "rules/registry/ieee-prefixes.tsv", .makers = { "rules/makers", NULL }, .packs = { "rules/packs", NULL },
	};
	struct policy *p = policy_load("rules/policy.yaml", &paths, utc("2026-11-22T12:00:00Z"), diag), *again;
	struct buf first, second;

	ck_assert_str_eq(findings(), "");
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_ge(p->n_tests, 10);
	buf_init(&first);
	buf_init(&second);
	policy_print(p, &first);
	again = policy_load_text("again.yaml", first.data, first.len, NULL, &paths, utc("2026-11-22T12:00:00Z"), diag);
	ck_assert_str_eq(findings(), "");
	ck_assert_ptr_nonnull(again);
	policy_print(again, &second);
	ck_assert_str_eq(first.data, second.data);
	buf_fini(&first);
	buf_fini(&second);
	policy_free(p);
	policy_free(again);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pack");
	TCase *c = tcase_create("pack");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, setup, dirs_close);
	tcase_add_test(c, test_file);
	tcase_add_loop_test(c, test_mistakes_are_told_with_their_place, 0, (int)(sizeof(bads) / sizeof(*bads)));
	tcase_add_test(c, test_later_directory_replaces);
	tcase_add_loop_test(c, test_shipped_packs, 0, (int)(sizeof(says) / sizeof(*says)));
	tcase_add_test(c, test_shipped_policy);
	tcase_add_loop_test(c, test_when, 0, (int)(sizeof(whens) / sizeof(*whens)));
	tcase_add_loop_test(c, test_when_refuses, 0, 7);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
