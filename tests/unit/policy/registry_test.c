/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry's lookups over the shipped snapshot, its traps (facts/vendors.md 1.3, 1.4), and what it refuses. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/now.h"
#include "policy/registry.h"

#define SNAPSHOT "rules/registry/ieee-prefixes.tsv"
#define HEAD "# data date: 2026-08-26\n"

static struct registry *snapshot(void)
{
	struct registry *r = NULL;
	struct err e = { 0 };

	ck_assert_msg(!registry_load(SNAPSHOT, &r, &e), "%s", e.msg);
	return r;
}

static struct registry *of_text(const char *text)
{
	struct registry *r = NULL;
	struct err e = { 0 };

	ck_assert_msg(!registry_load_text("t.tsv", text, strlen(text), &r, &e), "%u:%u %s", e.loc.line, e.loc.col, e.msg);
	return r;
}

static unsigned find(const struct registry *r, const char *mac, struct registry_hit hits[static 4])
{
	struct mac m;

	ck_assert(addr_mac_parse(mac, &m));
	return registry_find(r, &m, hits);
}

START_TEST(test_snapshot_is_whole_and_quick)
{
	int64_t start = now_mono_ns(), took;
	struct registry *r = snapshot();

	took = now_mono_ns() - start;
	ck_assert_uint_eq(registry_rows(r), 58494);
	ck_assert_uint_eq(registry_registrants(r), 33311);      /* counted by a few lines of Python */
	ck_assert_str_eq(registry_date(r), "2026-08-26");
	printf("# %u rows in %lld us\n", registry_rows(r), (long long)took / 1000);
	ck_assert_msg(took < 1000 * NOW_NS_PER_MS, "loading took %lld ms", (long long)(took / NOW_NS_PER_MS));
	registry_free(r);
}
END_TEST

static const struct known {
	const char *mac, *name;
	int kind, bits;
	bool nobody;
} known[] = {
	{ "44:19:b6:00:10:01", "hangzhou hikvision digital technology co ltd", REGISTRY_MA_L, 24, false },
	{ "00:00:00:12:34:56", "xerox corporation", REGISTRY_MA_L, 24, false },
	{ "ff:ff:fe:00:00:00", NULL, 0, 0, false },                             /* a group address has no owner */
	{ "fc:ff:aa:f0:00:01", "ieee registration authority", REGISTRY_MA_L, 24, true },   /* no 28-bit row below it */
	{ "3a:72:c2:01:02:03", "huawei technologies co ltd", REGISTRY_CID, 24, false },
	{ "4a:c0:3f:01:02:03", "wuhan hikstorage technology co ltd", REGISTRY_CID, 24, false },
	{ "02:60:8c:01:02:03", "3com", REGISTRY_MA_L, 24, false },              /* carries the local bit, and is no random MAC */
	{ "da:a1:19:01:02:03", "google inc", REGISTRY_CID, 24, false },         /* looks random, and is a company id */
	{ "da:a1:1b:01:02:03", NULL, 0, 0, false },                             /* a random one */
};

START_TEST(test_known_macs)
{
	struct registry *r = snapshot();
	const struct known *k = &known[_i];
	struct registry_hit hits[4];
	unsigned n = find(r, k->mac, hits);

	ck_assert_msg(n == (k->name ? 1 : 0), "%s: %u hits", k->mac, n);
	if (k->name) {
		ck_assert_str_eq(hits[0].normalised, k->name);
		ck_assert_str_eq(registry_registrant(r, hits[0].registrant), k->name);
		ck_assert_int_eq(hits[0].kind, k->kind);
		ck_assert_int_eq(hits[0].bits, k->bits);
		ck_assert_int_eq(hits[0].nobody, k->nobody);
	}
	registry_free(r);
}
END_TEST

/* 36 bits before 28 before 24, and a parent row is not needed. */
START_TEST(test_longest_prefix_wins)
{
	struct registry *r = of_text(HEAD "001BC5\tMA-L\tIEEE Registration Authority\n001BC5002\tMA-S\tAlpha\n"
		"0050C2001\tIAB\tBeta\n0055DA\tMA-L\tIEEE Registration Authority\n0055DA1\tMA-M\tGamma\n1C87740\tMA-M\tDelta\n");
	struct registry_hit hits[4];

	ck_assert_uint_eq(find(r, "00:1b:c5:00:2f:ff", hits), 1);
	ck_assert_str_eq(hits[0].name, "Alpha");
	ck_assert_uint_eq(hits[0].bits, 36);
	ck_assert_uint_eq(find(r, "00:1b:c5:00:3f:ff", hits), 1);
	ck_assert(hits[0].nobody);
	ck_assert_uint_eq(find(r, "00:50:c2:00:10:00", hits), 1);
	ck_assert_int_eq(hits[0].kind, REGISTRY_IAB);
	ck_assert_uint_eq(find(r, "00:50:c2:00:20:00", hits), 0);
	ck_assert_uint_eq(find(r, "00:55:da:1f:00:00", hits), 1);
	ck_assert_str_eq(hits[0].normalised, "gamma");
	ck_assert_uint_eq(hits[0].bits, 28);
	ck_assert_uint_eq(find(r, "00:55:da:20:00:00", hits), 1);
	ck_assert(hits[0].nobody);
	ck_assert_uint_eq(find(r, "1c:87:74:0f:ff:ff", hits), 1);
	ck_assert_str_eq(hits[0].name, "Delta");
	registry_free(r);
}
END_TEST

START_TEST(test_several_owners)
{
	struct registry *r = snapshot();
	struct registry_hit hits[4];

	ck_assert_uint_eq(find(r, "08:00:30:00:00:01", hits), 3);
	ck_assert_uint_eq(find(r, "00:01:c8:00:00:01", hits), 2);
	ck_assert_uint_ne(hits[0].registrant, hits[1].registrant);
	registry_free(r);
}
END_TEST

/* "Private" is nobody, and so is a name that has no letter of ours; they are unknown, never clean. */
START_TEST(test_nobody)
{
	struct registry *r = of_text(HEAD "000001\tMA-L\tPrivate\n000002\tMA-L\tPrivateer Co\n"
				     "000003\tMA-L\t\xe6\xb5\x99\xe6\xb1\x9f\n");
	struct registry_hit hits[4];

	ck_assert_uint_eq(find(r, "00:00:01:00:00:01", hits), 1);
	ck_assert(hits[0].nobody);
	ck_assert_uint_eq(find(r, "00:00:02:00:00:01", hits), 1);
	ck_assert(!hits[0].nobody);
	ck_assert_uint_eq(find(r, "00:00:03:00:00:01", hits), 1);
	ck_assert(hits[0].nobody);
	registry_free(r);
}
END_TEST

START_TEST(test_one_registrant_however_written)
{
	struct registry *r = of_text(HEAD "000001\tMA-L\tHytera Communications Co .,ltd\n"
				     "000002\tMA-L\tHYTERA  COMMUNICATIONS CO., LTD.\n000003\tMA-L\tOther\n");
	struct registry_hit a[4], b[4];

	ck_assert_uint_eq(registry_registrants(r), 2);
	find(r, "00:00:01:00:00:01", a);
	find(r, "00:00:02:00:00:01", b);
	ck_assert_uint_eq(a[0].registrant, b[0].registrant);
	ck_assert_str_ne(a[0].name, b[0].name);
	ck_assert_ptr_null(registry_registrant(r, 2));
	registry_free(r);
}
END_TEST

static const struct { const char *raw, *want; } names[] = {
	{ "Hangzhou Hikvision Digital Technology Co.,Ltd.", "hangzhou hikvision digital technology co ltd" },
	{ "ZHEJIANG DAHUA TECHNOLOGYCO.,LTD", "zhejiang dahua technologyco ltd" },
	{ "  A &amp; B&nbsp;C  ", "a b c" },
	{ "AT&T", "at t" },
	{ "x&#38;y&#x41;z&#65;", "x yaza" },
	{ "x&#;y&#x;z&#", "x y x z" },
	{ "&#99999999999;q", "99999999999 q" },
	{ "ZTE\xc2\xa0\xc2\xa0""Corporation\xe2\x80\xaf", "zte corporation" },
	{ "Pr\xc3\xbc""ftechnik", "pr ftechnik" },
	{ "aaaaaa b", "aaaaaa b" },             /* the gap must fit too */
	{ "...", "" },
	{ "", "" },
};

START_TEST(test_normalise)
{
	char buf[128], small[8], one[1];

	ck_assert_str_eq(registry_normalise(names[_i].raw, buf, sizeof(buf)), names[_i].want);
	registry_normalise(names[_i].raw, small, sizeof(small));
	ck_assert_uint_lt(strlen(small), sizeof(small));
	ck_assert(!strncmp(small, names[_i].want, strlen(small)));
	ck_assert_str_eq(registry_normalise(names[_i].raw, one, sizeof(one)), "");
}
END_TEST

static const struct bad { const char *text; unsigned line, col; const char *says; } bads[] = {
	{ "", 1, 1, "data date" },
	{ HEAD, 1, 1, "no prefix" },
	{ "000001\tMA-L\tX\n", 1, 1, "data date" },
	{ "# data date: 2026-02-30\n000001\tMA-L\tX\n", 1, 14, "YYYY-MM-DD" },
	{ HEAD "# rows: 2\n000001\tMA-L\tX\n", 3, 1, "cut" },
	{ HEAD "# rows: 0\n", 2, 9, "row count" },
	{ HEAD "# rows: 99999999\n", 2, 9, "row count" },
	{ HEAD "00000a\tMA-L\tX\n", 2, 6, "hex" },
	{ HEAD "00000\tMA-L\tX\n", 2, 1, "not 5" },
	{ HEAD "00000001\tMA-S\tX\n", 2, 1, "not 8" },
	{ HEAD "0000000001\tMA-S\tX\n", 2, 1, "not 10" },
	{ HEAD "000001 MA-L X\n", 2, 7, "hex" },
	{ HEAD "000001\tMA-X\tX\n", 2, 8, "registry" },
	{ HEAD "000001\tMA-L\n", 2, 8, "registry" },
	{ HEAD "000001\tMA-M\tX\n", 2, 1, "7 digits" },
	{ HEAD "000001\tMA-L\t\n", 2, 13, "registrant" },
	{ HEAD "000001\tMA-L\tX\ty\n", 2, 13, "registrant" },
	{ HEAD "000001\tMA-L\tX\r\n", 2, 13, "registrant" },
	{ HEAD "\n", 2, 1, "hex" },
	{ HEAD "000002\tMA-L\tX\n000001\tMA-L\tX\n", 3, 1, "order" },
	{ HEAD "000001\tMA-L\tX\n000001\tMA-L\tX\n", 3, 1, "twice" },
	{ HEAD "000001\tMA-L\tA\n000001\tMA-L\tB\n000001\tMA-L\tA\n", 4, 1, "twice" },
	{ HEAD "000001\tMA-L\tA\n000001\tMA-L\tB\n000001\tMA-L\tC\n000001\tMA-L\tD\n000001\tMA-L\tE\n", 6, 1, "owners" },
};

START_TEST(test_refused_with_the_line)
{
	struct registry *r = NULL;
	struct err e = { 0 };

	ck_assert_int_eq(registry_load_text("t.tsv", bads[_i].text, strlen(bads[_i].text), &r, &e), -1);
	ck_assert_ptr_null(r);
	ck_assert_msg(strstr(e.msg, bads[_i].says) != NULL, "case %d: %s", _i, e.msg);
	ck_assert_str_eq(e.loc.file, "t.tsv");
	ck_assert_msg(e.loc.line == bads[_i].line && e.loc.col == bads[_i].col, "case %d: %u:%u %s", _i, e.loc.line,
		      e.loc.col, e.msg);
}
END_TEST

START_TEST(test_bounds)
{
	static char text[8192];
	struct registry *r = NULL;
	struct err e = { 0 };
	size_t n = (size_t)snprintf(text, sizeof(text), HEAD "000001\tMA-L\t");

	memset(text + n, 'x', 600);
	ck_assert_int_eq(registry_load_text("t.tsv", text, n + 600, &r, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "longer than 511"));
	memcpy(text, HEAD "000001\tMA-L\ta\0b\n", n + 4);
	ck_assert_int_eq(registry_load_text("t.tsv", text, n + 4, &r, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "NUL"));
	ck_assert_int_eq(registry_load("/nonexistent/x.tsv", &r, &e), -1);
	ck_assert_ptr_null(r);
}
END_TEST

/* Every row of the snapshot is found again by its own prefix, and by a slow second implementation. */
START_TEST(test_every_row_is_found)
{
	struct registry *r = snapshot();
	FILE *f = fopen(SNAPSHOT, "r");
	char line[1024], prefix[16], name[512];
	unsigned rows = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		struct registry_hit hits[4];
		unsigned long long v;
		struct mac m;
		unsigned n, i, digits;

		if (*line == '#')
			continue;
		ck_assert_int_eq(sscanf(line, "%15[0-9A-F]\t%*[A-Z-]\t%511[^\n]", prefix, name), 2);
		digits = (unsigned)strlen(prefix);
		/* All ones behind the prefix lands in a longer one only when that exists; then this row is not the answer. */
		v = strtoull(prefix, NULL, 16) << (48 - digits * 4);
		for (i = 0; i < 6; i++)
			m.b[i] = (uint8_t)(v >> (40 - 8 * i));
		rows++;
		n = registry_find(r, &m, hits);
		if (addr_mac_is_group(&m)) {            /* 1100AA is listed, and can be no sender's */
			ck_assert_uint_eq(n, 0);
			continue;
		}
		ck_assert_msg(n > 0, "%s", prefix);
		for (i = 0; i < n && strcmp(hits[i].name, name) != 0; i++)
			;
		ck_assert_msg(i < n || hits[0].bits > digits * 4, "%s: %s, not %s", prefix, hits[0].name, name);
	}
	fclose(f);
	ck_assert_uint_eq(rows, registry_rows(r));
	registry_free(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("registry");
	TCase *c = tcase_create("registry");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_test(c, test_snapshot_is_whole_and_quick);
	tcase_add_loop_test(c, test_known_macs, 0, (int)(sizeof(known) / sizeof(*known)));
	tcase_add_test(c, test_longest_prefix_wins);
	tcase_add_test(c, test_several_owners);
	tcase_add_test(c, test_nobody);
	tcase_add_test(c, test_one_registrant_however_written);
	tcase_add_loop_test(c, test_normalise, 0, (int)(sizeof(names) / sizeof(*names)));
	tcase_add_loop_test(c, test_refused_with_the_line, 0, (int)(sizeof(bads) / sizeof(*bads)));
	tcase_add_test(c, test_bounds);
	tcase_add_test(c, test_every_row_is_found);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
