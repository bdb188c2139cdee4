/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doc: the tree and its places, and everything that is refused, with the words that say so. */
#include "policy/doc.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/diag.h"
#include "unit/suite.h"

static struct diag *d;

static void setup(void)
{
	d = diag_new();
}

static void teardown(void)
{
	diag_free(d);
}

static struct doc *parse(const char *text)
{
	return doc_parse("t.yaml", text, strlen(text), d);
}

START_TEST(tree_and_places)
{
	static const char text[] = "# ü\na: 1\nb: [x, 'y: z']\nc:\n  - {d: \"e\"}\n  -\n\xc3\xa9: q\n";
	AUTO(doc) doc = parse(text);
	const struct doc_node *b, *c;

	ck_assert_ptr_nonnull(doc);
	ck_assert_int_eq(doc->root.kind, DOC_MAP);
	ck_assert_uint_eq(doc->root.n, 4);
	b = doc_get(&doc->root, "b");
	ck_assert_uint_eq(b->n, 2);
	ck_assert_uint_eq(b->loc.line, 3);
	ck_assert_uint_eq(b->loc.col, 4);
	ck_assert_str_eq(b->items[1].text, "y: z");
	ck_assert(b->items[1].quoted && !b->items[0].quoted);
	ck_assert_uint_eq(b->items[1].loc.col, 8);
	c = doc_get(&doc->root, "c");
	ck_assert_str_eq(doc_get(&c->items[0], "d")->text, "e");
	ck_assert(doc_is_null(&c->items[1]));
	ck_assert_uint_eq(doc_get_pair(&doc->root, "\xc3\xa9")->value.loc.col, 4);      /* characters, not bytes */
	ck_assert_str_eq(doc->root.loc.file, "t.yaml");
	ck_assert_ptr_null(doc_get(&doc->root, "none"));
	ck_assert_ptr_null(doc_get(b, "none"));
}
END_TEST

static const struct { const char *text; unsigned line, col; const char *words; } refused[] = {
	{ "a: 1\nb: 2\na: 3\n", 3, 1, "stands here twice" },
	{ "a: &x 1\n", 1, 4, "anchor" },
	{ "a: *x\n", 1, 4, "alias" },
	{ "<<: {a: 1}\n", 1, 1, "merges" },
	{ "a: !foo 1\n", 1, 4, "the tag '!foo'" },
	{ "a: !!map [1]\n", 1, 4, "the tag" },
	{ "a: !!binary aGk=\n", 1, 4, "the tag" },
	{ "a: 1\n---\nb: 2\n", 2, 1, "second document" },
	{ "", 1, 1, "says nothing" },
	{ "# only this\n", 1, 1, "says nothing" },
	{ "a:\tb\n", 1, 3, "a tab" },
	{ "a: \"\\t\"\n", 1, 4, "control character 0x09" },
	{ "a: \"\\0\"\n", 1, 4, "control character 0x00" },
	{ "a: b\x01\n", 1, 5, "U+0001" },
	{ "a: \xe9\n", 1, 4, "0xE9 is no UTF-8" },
	{ "a: \xc0\xaf\n", 1, 4, "no UTF-8" },
	{ "a: \xed\xa0\x80\n", 1, 4, "no UTF-8" },
	{ "a: \xf4\x90\x80\x80\n", 1, 4, "no UTF-8" },
	{ "a: \xe2\x82", 1, 4, "no UTF-8" },
	{ "a: \xe2\x80\xae" "b\n", 1, 4, "U+202E" },
	{ "a: \xc2\x85" "b\n", 1, 4, "U+0085" },
	{ "a: b\rc: d\n", 1, 5, "carriage return" },
	{ "[a, b]: c\n", 1, 1, "a key is one word" },
	{ "{a: b}: c\n", 1, 1, "a key is one word" },
	{ "a: [b\n", 2, 1, "write ',' between the items" },
	{ "a: b: c\n", 1, 5, "in quotes" },
	{ "a: 'b\n", 2, 1, "not closed" },
	{ "a: @b\n", 1, 4, "in quotes" },
	{ "a: 1\n   b: 2\n", 2, 5, "indentation" },
	{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 1, 25, "more than 24 deep" },
};

START_TEST(refusals)
{
	struct doc *doc = parse(refused[_i].text);
	enum diag_level level;
	struct loc loc;
	const char *msg;

	ck_assert_ptr_null(doc);
	ck_assert_uint_eq(diag_errors(d), 1);
	ck_assert(diag_get(d, 0, &level, &loc, &msg));
	ck_assert_msg(strstr(msg, refused[_i].words) != NULL, "%s: no '%s'", msg, refused[_i].words);
	ck_assert_uint_eq(loc.line, refused[_i].line);
	ck_assert_uint_eq(loc.col, refused[_i].col);
}
END_TEST

START_TEST(nul_bytes)
{
	ck_assert_ptr_null(doc_parse("t.yaml", "a: \0b\n", 6, d));
	ck_assert_uint_eq(diag_errors(d), 1);
}
END_TEST

START_TEST(accepted)
{
	static const char *const texts[] = {
		("\xef\xbb\xbf" "a: 1\r\nb: 2\r\n"), "--- {a: !!str 1}\n", "a: !!seq [1]\n...\n", "\"<<\": 1\n", "a: >\n  b\n  c\n",
		"%YAML 1.1\n--- \na: 1\n", "\xf0\x9f\x93\xb7: camera\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		AUTO(doc) doc = parse(texts[i]);

		ck_assert_msg(doc != NULL, "text %zu", i);
		ck_assert_uint_eq(doc->root.loc.line ? doc->root.pairs[0].loc.col != 0 : 0, 1);
	}
	ck_assert_uint_eq(diag_errors(d), 0);
}
END_TEST

/* A hundred thousand keys, the last twice: both are named, and it takes no quadratic time. */
START_TEST(many_keys)
{
	enum diag_level level;
	const char *msg;
	struct buf b;
	struct loc loc;

	buf_init(&b);
	for (int i = 0; i < 100000; i++)
		buf_printf(&b, "key-%d: 1\n", i);
	buf_str(&b, "key-7: 1\n");
	ck_assert_ptr_null(doc_parse("t.yaml", b.data, b.len, d));
	ck_assert(diag_get(d, 0, &level, &loc, &msg));
	ck_assert_uint_eq(loc.line, 100001);
	buf_fini(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("doc");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, tree_and_places);
	tcase_add_loop_test(t, refusals, 0, sizeof(refused) / sizeof(*refused));
	tcase_add_test(t, nul_bytes);
	tcase_add_test(t, accepted);
	tcase_add_test(t, many_keys);
	return suite_run(t);
}
