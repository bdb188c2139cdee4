/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makers: patterns that stop at words, files with every mistake told, the shipped files against the shipped snapshot. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/now.h"
#include "policy/maker.h"
#include "policy/registry.h"
#include "unit/policy/dirs.h"

#define HEAD "maker: m\ntitle: M\n"

static struct policy_maker *makers;
static uint32_t n_makers;

static void setup(void)
{
	dirs_open();
	makers = NULL;
	n_makers = 0;
}

static bool load(void)
{
	const char *const dirs[] = { dir[0], NULL, "", dir[1] };

	return maker_load_dirs(dirs, 4, arena, diag, NULL, &makers, &n_makers);
}

static const struct { const char *pattern, *name; bool want; } matches[] = {
	{ "\\bhikvision\\b", "hangzhou hikvision digital technology co ltd", true },
	{ "\\bhikvision\\b", "hikvision", true },
	{ "\\bhikvision\\b", "prama hikvision india private limited", true },
	{ "\\bhikvision\\b", "hikvisions", false },
	{ "\\bhikvision\\b", "xhikvision co", false },
	{ "^zhejiang dahua\\b", "zhejiang dahua technologyco ltd", true },
	{ "^zhejiang dahua\\b", "zhejiang dahua", true },
	{ "^zhejiang dahua\\b", "the zhejiang dahua", false },
	{ "^zhejiang dahua\\b", "zhejiang dahuang", false },
	{ "^zhejiang dahua\\b", "shanghai dahua scale factory", false },
	{ "^zte corporation$", "zte corporation", true },
	{ "^zte corporation$", "zte corporation kangxun", false },
	{ "\\bco ltd$", "a co ltd", true },
	{ "\\bco ltd$", "a co ltd b", false },
	{ "\\bco ltd$", "a co ltd b co ltd", true },
	{ "\\ba a b\\b", "a a a b", true },
	{ "^hik\\b", "hikari", false },
	{ "hik", "hik", false },
	{ "^x\\b", "", false },
};

START_TEST(test_pattern)
{
	ck_assert_int_eq(maker_pattern_matches(matches[_i].pattern, matches[_i].name), matches[_i].want);
}
END_TEST

START_TEST(test_file)
{
	put(0, 'a', "maker: acme\ntitle: Acme Ltd\npatterns: ['^acme\\b', '\\bmega acme\\b']\n"
		    "registrants: [ACME Co. Ltd]\nbrands: [Roadrunner]\ndomains: [acme.example]\n");
	put(0, 'b', "maker: bolt-2.x\ntitle: Bolt\n");
	ck_assert_msg(load(), "%s", findings());
	ck_assert_uint_eq(n_makers, 2);
	ck_assert_str_eq(makers[0].name, "acme");
	ck_assert_str_eq(makers[0].title, "Acme Ltd");
	ck_assert_uint_eq(makers[0].n_patterns, 2);
	ck_assert_str_eq(makers[0].patterns[1], "\\bmega acme\\b");
	ck_assert_str_eq(makers[0].registrants[0], "ACME Co. Ltd");
	ck_assert_str_eq(makers[0].brands[0], "Roadrunner");
	ck_assert_str_eq(makers[0].domains[0], "acme.example");
	ck_assert_uint_eq(makers[0].loc.line, 1);
	ck_assert_uint_eq(makers[0].pattern_locs[1].line, 3);
	ck_assert_str_eq(makers[1].name, "bolt-2.x");
	ck_assert_uint_eq(diag_errors(diag) + diag_warnings(diag), 0);
}
END_TEST

START_TEST(test_files_are_counted_in)
{
	const char *const dirs[] = { dir[0] };
	struct datafile_files files = { 0 };

	put(0, 'a', HEAD);
	ck_assert(maker_load_dirs(dirs, 1, arena, diag, &files, &makers, &n_makers));
	ck_assert_uint_eq(files.n, 1);
	ck_assert_uint_eq(files.at[0].bytes, strlen(HEAD));
	ck_assert_ptr_nonnull(strstr(files.at[0].path, "a.yaml"));
	ck_assert_uint_ne(files.at[0].sha256[0] | files.at[0].sha256[1] | files.at[0].sha256[2], 0);
	free(files.at);
}
END_TEST

static const struct { const char *text, *says; } bads[] = {
	{ HEAD "patterns: [hik]\n", "'hik' is not anchored: begin it" },
	{ HEAD "patterns: ['^hik']\n", "'^hik' is not anchored: end it" },
	{ HEAD "patterns: ['hik\\b']\n", "begin it" },
	{ HEAD "patterns: ['^\\b']\n", "other than words" },
	{ HEAD "patterns: ['^$']\n", "other than words" },
	{ HEAD "patterns: ['^(a|b)\\b']\n", "one pattern for each" },
	{ HEAD "patterns: ['^Hik\\b']\n", "other than words" },
	{ HEAD "patterns: ['^hik.*$']\n", "other than words" },
	{ HEAD "patterns: ['^a  b\\b']\n", "space too many" },
	{ HEAD "patterns: ['^ b\\b']\n", "space too many" },
	{ HEAD "patterns: ['^b \\b']\n", "space too many" },
	{ HEAD "patterns: '^b\\b'\n", "patterns is a list" },
	{ HEAD "patterns: [[a]]\n", "patterns is text, not" },
	{ HEAD "patterns: [~]\n", "patterns is text, not" },
	{ HEAD "patterns: ['^b\\b']\nregistrants: [Acme]\n", "no pattern of maker 'm' matches its registrant 'Acme'" },
	{ HEAD "patterns: ['^b\\b']\nregistrants: [B Co., B  co]\n", "listed twice" },
	{ HEAD "patern: ['^b\\b']\n", "unknown key 'patern': did you mean 'patterns'?" },
	{ HEAD "qqqq: 1\n", "unknown key 'qqqq'" },
	{ HEAD "maker: n\n", "maker" },
	{ "title: M\n", "'maker' is missing" },
	{ "maker: m\n", "'title' is missing" },
	{ "maker: M\ntitle: M\n", "'M' is no name" },
	{ "maker: -m\ntitle: M\n", "'-m' is no name" },
	{ "maker: [m]\ntitle: M\n", "maker is text, not" },
	{ "- m\n", "not a mapping" },
	{ HEAD "domains: ['*.acme.example']\n", "is no domain" },
	{ HEAD "domains: [acme]\n", "is no domain" },
	{ HEAD "domains: [acme.example.]\n", "is no domain" },
	{ HEAD "domains: [Acme.example]\n", "is no domain" },
};

START_TEST(test_mistakes_are_told_with_their_place)
{
	char place[96];

	put(0, 'a', bads[_i].text);
	put(0, 'b', "maker: fine\ntitle: F\n");         /* a good file after it does not make it good */
	snprintf(place, sizeof(place), "%s/a.yaml:", dir[0]);
	ck_assert(!load());
	ck_assert_ptr_null(makers);
	ck_assert_uint_ge(diag_errors(diag), 1);
	expect_finding(bads[_i].says);
	expect_finding(place);
}
END_TEST

/* One run tells all of them. */
START_TEST(test_all_mistakes_at_once)
{
	put(0, 'a', "maker: m\npattern: 1\npatterns: [hik]\ndomains: [x]\n");
	put(0, 'b', "maker: m2\n");
	ck_assert(!load());
	ck_assert_uint_eq(diag_errors(diag), 5);
}
END_TEST

START_TEST(test_later_directory_replaces)
{
	put(0, 'a', HEAD "brands: [old]\n");
	put(0, 'b', "maker: other\ntitle: O\n");
	put(1, 'c', HEAD "brands: [new]\n");
	ck_assert(load());
	ck_assert_uint_eq(n_makers, 2);
	ck_assert_str_eq(makers[0].brands[0], "new");
	expect_finding("note: maker 'm' replaces one of the same name");
	ck_assert_uint_eq(diag_warnings(diag), 0);
}
END_TEST

START_TEST(test_twice_in_one_directory_is_an_error)
{
	put(0, 'a', HEAD);
	put(1, 'a', HEAD);
	put(1, 'b', HEAD);
	ck_assert(!load());
	expect_finding("maker 'm' is defined twice");
	expect_finding("first defined here");
}
END_TEST

START_TEST(test_missing_directories)
{
	const char *const first[] = { "/nonexistent/makers" };
	const char *const second[] = { dir[0], "/nonexistent/makers" };

	ck_assert(!maker_load_dirs(first, 1, arena, diag, NULL, &makers, &n_makers));
	ck_assert_uint_eq(diag_errors(diag), 1);
	put(0, 'a', HEAD);
	ck_assert(maker_load_dirs(second, 2, arena, diag, NULL, &makers, &n_makers));
	ck_assert_uint_eq(n_makers, 1);
}
END_TEST

static uint32_t *table_of(const char *rows, struct registry **ret)
{
	struct err e = { 0 };

	ck_assert_msg(!registry_load_text("t.tsv", rows, strlen(rows), ret, &e), "%s", e.msg);
	return maker_of_registrants(makers, n_makers, *ret, arena, diag);
}

static const char rows[] = "# data date: 2026-08-26\n000001\tMA-L\tAcme Ltd\n"
			   "000002\tMA-L\tAcme GmbH & Co.\n000003\tMA-L\tACME LTD.\n"
			   "000004\tMA-L\tThe Acme\n000005\tMA-L\tAcmeister\n";

START_TEST(test_registrants_and_makers)
{
	struct registry *r;
	uint32_t *table;

	put(0, 'a', "maker: z\ntitle: Z\npatterns: ['\\bmeister\\b']\n");
	put(0, 'b', "maker: acme\ntitle: A\npatterns: ['^acme ltd$', '^acme\\b']\nregistrants: [Acme Ltd]\n");
	ck_assert(load());
	table = table_of(rows, &r);
	ck_assert_ptr_nonnull(table);
	ck_assert_uint_eq(registry_registrants(r), 4);
	ck_assert_uint_eq(table[0], 1);
	ck_assert_uint_eq(table[1], 1);
	ck_assert_uint_eq(table[2], MAKER_NONE);
	ck_assert_uint_eq(table[3], MAKER_NONE);
	/* The one that is not listed counts, and somebody is told. */
	ck_assert_uint_eq(diag_warnings(diag), 1);
	expect_finding("matches registrant 'acme gmbh co', which the maker does not list");
	expect_finding("b.yaml:3:26: warning");
	registry_free(r);
}
END_TEST

START_TEST(test_two_makers_for_one_registrant)
{
	struct registry *r;

	put(0, 'a', "maker: a\ntitle: A\npatterns: ['^acme\\b']\nregistrants: [Acme Ltd, Acme GmbH & Co.]\n");
	put(0, 'b', "maker: b\ntitle: B\npatterns: ['\\bltd\\b']\nregistrants: [Acme Ltd]\n");
	ck_assert(load());
	ck_assert_ptr_null(table_of(rows, &r));
	expect_finding("registrant 'acme ltd' is matched by makers 'a' and 'b'");
	expect_finding("b.yaml:3:12");
	registry_free(r);
}
END_TEST

/* Every pattern of every maker over a name; the last that matches. */
static uint32_t naive(const char *name)
{
	uint32_t got = MAKER_NONE;

	for (uint32_t m = 0; m < n_makers; m++)
		for (uint32_t k = 0; k < makers[m].n_patterns; k++)
			got = maker_pattern_matches(makers[m].patterns[k], name) ? m : got;
	return got;
}

/* Words that begin like others, at random: the sorted search must find what a pass over all patterns finds. */
START_TEST(test_sorted_search_is_complete)
{
	static const char *const words[] = { "a", "ab", "abc", "abz", "b", "ba", "a0", "z" };
	struct buf file, table;
	struct registry *r;
	uint32_t *got;

	srand((unsigned)_i);
	buf_init(&file);
	buf_init(&table);
	buf_str(&file, HEAD "patterns:\n");
	for (int i = 0; i < 12; i++)
		buf_printf(&file, "  - '%s%s %s\\b'\n", rand() % 2 ? "^" : "\\b", words[rand() % 8], words[rand() % 8]);
	buf_str(&table, "# data date: 2026-08-26\n");
	for (unsigned i = 0; i < 200; i++)
		buf_printf(&table, "%06X\tMA-L\t%s %s %s\n", i, words[rand() % 8], words[rand() % 8], words[rand() % 8]);
	put(0, 'a', buf_cstr(&file));
	ck_assert_msg(load(), "%s", findings());
	got = table_of(buf_cstr(&table), &r);
	for (uint32_t i = 0; i < registry_registrants(r); i++)
		ck_assert_msg(got[i] == naive(registry_registrant(r, i)), "%s", registry_registrant(r, i));
	buf_fini(&file);
	buf_fini(&table);
	registry_free(r);
}
END_TEST

/* The shipped files: no finding at all, not even a note, over the shipped snapshot; and quick. */
START_TEST(test_shipped_makers)
{
	const char *const dirs[] = { "rules/makers" };
	struct registry *r = NULL;
	struct err e = { 0 };
	int64_t start, took;
	uint32_t *table;

	ck_assert_msg(maker_load_dirs(dirs, 1, arena, diag, NULL, &makers, &n_makers), "%s", findings());
	ck_assert_msg(!registry_load("rules/registry/ieee-prefixes.tsv", &r, &e), "%s", e.msg);
	start = now_mono_ns();
	table = maker_of_registrants(makers, n_makers, r, arena, diag);
	took = now_mono_ns() - start;
	ck_assert_str_eq(findings(), "");
	ck_assert_ptr_nonnull(table);
	printf("# %u makers over %u registrants in %lld us\n", n_makers, registry_registrants(r), (long long)took / 1000);
	ck_assert_int_lt(took, 1000 * NOW_NS_PER_MS);
	for (uint32_t i = 0; i < registry_registrants(r); i++)
		ck_assert_msg(table[i] == naive(registry_registrant(r, i)), "%s", registry_registrant(r, i));
	registry_free(r);
}
END_TEST

/* Prefixes per maker in the snapshot, from the facts; and the names that naive tests would hit. */
static const struct { const char *maker; unsigned prefixes; } counts[] = {
	{ "hikvision", 86 + 15 + 2 + 2 + 1 }, { "dahua", 33 }, { "imou", 6 }, { "huawei", 2058 + 1 }, { "hisilicon", 1 },
	{ "zte", 500 }, { "hytera", 2 }, { "uniview", 4 }, { "tiandy", 3 }, { "tvt", 2 }, { "jovision", 2 }, { "raysharp", 2 },
	{ "kedacom", 1 }, { "sunell", 1 }, { "xiongmai", 0 }, { "axis", 4 }, { "hanwha", 4 }, { "bosch", 4 }, { "cpplus", 5 },
	{ "milesight", 4 }, { "amcrest", 4 }, { "lorex", 1 }, { "ltsecurity", 1 },
};

START_TEST(test_shipped_prefixes)
{
	const char *const dirs[] = { "rules/makers" };
	unsigned found = 0;
	struct registry *r = NULL;
	struct err e = { 0 };
	uint32_t *table;
	char line[1024], prefix[16];
	FILE *f = fopen("rules/registry/ieee-prefixes.tsv", "r");

	ck_assert(maker_load_dirs(dirs, 1, arena, diag, NULL, &makers, &n_makers));
	ck_assert(!registry_load("rules/registry/ieee-prefixes.tsv", &r, &e));
	table = maker_of_registrants(makers, n_makers, r, arena, diag);
	while (f && fgets(line, sizeof(line), f)) {
		struct registry_hit hits[4];
		unsigned long long v;
		struct mac m;

		if (sscanf(line, "%15[0-9A-F]\t", prefix) != 1)
			continue;
		v = strtoull(prefix, NULL, 16) << (48 - 4 * strlen(prefix));
		for (int i = 0; i < 6; i++)
			m.b[i] = (uint8_t)(v >> (40 - 8 * i));
		if (registry_find(r, &m, hits) && hits[0].bits == 4 * strlen(prefix) &&
		    table[hits[0].registrant] != MAKER_NONE)
			found += !strcmp(makers[table[hits[0].registrant]].name, counts[_i].maker);
	}
	ck_assert_msg(found == counts[_i].prefixes, "%s: %u prefixes, not %u", counts[_i].maker, found, counts[_i].prefixes);
	if (f)
		fclose(f);
	registry_free(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("maker");
	TCase *c = tcase_create("maker");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, dirs_close);
	tcase_add_loop_test(c, test_pattern, 0, (int)(sizeof(matches) / sizeof(*matches)));
	tcase_add_test(c, test_file);
	tcase_add_test(c, test_files_are_counted_in);
	tcase_add_loop_test(c, test_mistakes_are_told_with_their_place, 0, (int)(sizeof(bads) / sizeof(*bads)));
	tcase_add_test(c, test_all_mistakes_at_once);
	tcase_add_test(c, test_later_directory_replaces);
	tcase_add_test(c, test_twice_in_one_directory_is_an_error);
	tcase_add_test(c, test_missing_directories);
	tcase_add_test(c, test_registrants_and_makers);
	tcase_add_test(c, test_two_makers_for_one_registrant);
	tcase_add_loop_test(c, test_sorted_search_is_complete, 0, 20);
	tcase_add_test(c, test_shipped_makers);
	tcase_add_loop_test(c, test_shipped_prefixes, 0, (int)(sizeof(counts) / sizeof(*counts)));
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
