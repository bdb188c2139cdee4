/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "unit/suite.h"

static const unsigned char zeros[20000];

START_TEST(gives_zeroed_aligned_memory_that_stays)
{
	struct arena *a = arena_new();
	unsigned char *first = arena_alloc(a, 1, 3), *p;

	memset(first, 7, 3);
	for (size_t size = 1; size < 20000; size += 97) {
		p = arena_alloc(a, 1, size);
		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq((uintptr_t)p % _Alignof(max_align_t), 0);
		ck_assert_mem_eq(p, zeros, size);
		memset(p, 0xff, size);
	}
	ck_assert_uint_eq(first[2], 7);
	ck_assert_uint_ge(arena_bytes(a), 20000);
	ck_assert(!arena_failed(a));
	arena_free(a);
}
END_TEST

START_TEST(grows_by_huge_pages)
{
	struct arena *a = arena_new_huge();
	const unsigned char line[64] = { 9 }, *copy;
	size_t before;

	for (unsigned i = 0; i < 3000; i++) {
		const unsigned char *p = arena_alloc(a, 1, 3000);

		ck_assert_ptr_nonnull(p);
		ck_assert(!p[0] && !p[2999]);
	}
	ck_assert_uint_ge(arena_bytes(a), 9000000);
	ck_assert_uint_le(arena_bytes(a), 16 << 20);
	before = arena_bytes(a);
	ck_assert_ptr_nonnull(arena_alloc(a, 5, 1 << 20));
	ck_assert_uint_ge(arena_bytes(a), before + (5 << 20));
	copy = arena_aligned(a, line, sizeof(line));
	ck_assert_uint_eq((uintptr_t)copy % 64, 0);
	ck_assert_mem_eq(copy, line, sizeof(line));
	ck_assert_ptr_nonnull(arena_aligned(a, NULL, 0));
	arena_free(a);
}
END_TEST

START_TEST(fails_for_good_on_overflow)
{
	struct arena *a = arena_new();

	ck_assert_ptr_null(arena_alloc(a, SIZE_MAX / 2, 4));
	ck_assert(arena_failed(a));
	ck_assert_ptr_null(arena_alloc(a, 1, 1));
	ck_assert_ptr_null(arena_strdup(a, "x"));
	ck_assert_ptr_null(arena_printf(a, "x"));
	arena_free(a);
	arena_free(NULL);
}
END_TEST

START_TEST(copies_text)
{
	struct arena *a = arena_new();

	ck_assert_str_eq(arena_strdup(a, "ring"), "ring");
	ck_assert_str_eq(arena_strndup(a, "ringfence", 4), "ring");
	ck_assert_str_eq(arena_strndup(a, "ring", 40), "ring");
	ck_assert_str_eq(arena_printf(a, "%s-%d", "r", 5), "r-5");
	ck_assert_mem_eq(arena_memdup(a, "a\0b", 3), "a\0b", 3);
	ck_assert_ptr_nonnull(arena_memdup(a, NULL, 0));
	arena_free(a);
}
END_TEST

/* Little and much in turn: zeroed each time, and no more is held in the end than one round takes. */
START_TEST(begins_anew)
{
	struct arena *a = arena_new();
	size_t held = 0;

	arena_reset(a);
	for (unsigned round = 0; round < 400; round++) {
		for (size_t size = 1; size < (round % 3 ? 300 : 20000); size += 97) {
			unsigned char *p = arena_alloc(a, 1, size), *text = arena_text(a, size % 31);

			ck_assert_ptr_nonnull(p);
			ck_assert_uint_eq((uintptr_t)p % _Alignof(max_align_t), 0);
			ck_assert_mem_eq(p, zeros, size);
			ck_assert_mem_eq(text, zeros, size % 31);
			memset(p, 0xff, size);
			memset(text, 0xfe, size % 31);
			ck_assert_uint_eq(p[size - 1], 0xff);
		}
		if (round == 30)
			held = arena_bytes(a);
		arena_reset(a);
		ck_assert_uint_le(arena_bytes(a), round ? 4 << 20 : SIZE_MAX);
	}
	ck_assert_uint_gt(held, 0);
	ck_assert_uint_le(arena_bytes(a), held);
	ck_assert(!arena_failed(a));
	ck_assert_ptr_null(arena_alloc(a, SIZE_MAX / 2, 4));
	arena_reset(a);
	ck_assert(arena_failed(a));
	arena_free(a);
}
END_TEST

/* Text stands close: no more than it is long. */
START_TEST(text_takes_its_length)
{
	struct arena *a = arena_new();
	const char *texts[1000];
	char number[16];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(number, sizeof(number), "%u", i);
		texts[i] = arena_strdup(a, number);
	}
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_uint_eq(strtoul(texts[i], NULL, 10), i);
	ck_assert_uint_le(arena_bytes(a), 24000);
	arena_free(a);
}
END_TEST

START_TEST(vectors_grow_and_keep)
{
	VEC(uint64_t) v = { 0 };

	for (uint64_t i = 0; i < 10000; i++)
		ck_assert(VEC_PUSH(&v, i * 3));
	ck_assert_uint_eq(v.n, 10000);
	for (uint64_t i = 0; i < v.n; i++)
		ck_assert_uint_eq(v.at[i], i * 3);
	VEC_FREE(&v);
	ck_assert_ptr_null(v.at);
	ck_assert(!vec_grow((void **)&v.at, &v.cap, SIZE_MAX / 4, 8));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("arena");

	tcase_add_test(tc, gives_zeroed_aligned_memory_that_stays);
	tcase_add_test(tc, grows_by_huge_pages);
	tcase_add_test(tc, fails_for_good_on_overflow);
	tcase_add_test(tc, copies_text);
	tcase_add_test(tc, begins_anew);
	tcase_add_test(tc, text_takes_its_length);
	tcase_add_test(tc, vectors_grow_and_keep);
	return suite_run(tc);
}
