/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/digest.h"

#include <string.h>

#include "unit/suite.h"

/* Vectors: FIPS 180-4 examples ("abc"), RFC 4648 section 10, RFC 3720 B.4 and the usual check value of CRC-32C. */

START_TEST(hashes_the_published_vectors)
{
	uint8_t out[DIGEST_SHA256], split[DIGEST_SHA256];
	char hex[65];

	digest_sha256("abc", 3, out);
	ck_assert_str_eq(digest_hex(out, DIGEST_SHA256, hex, sizeof(hex)),
			 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_sha256_2("a", 1, "bc", 2, split);
	ck_assert_mem_eq(out, split, DIGEST_SHA256);
	digest_sha256(NULL, 0, out);
	ck_assert_str_eq(digest_hex(out, DIGEST_SHA256, hex, sizeof(hex)),
			 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_sha1("abc", 3, out);
	ck_assert_str_eq(digest_hex(out, DIGEST_SHA1, hex, sizeof(hex)), "a9993e364706816aba3e25717850c26c9cd0d89d");
}
END_TEST

START_TEST(prints_base64)
{
	static const char *const want[] = { "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };
	char text[9];

	for (size_t n = 0; n < sizeof(want) / sizeof(*want); n++)
		ck_assert_str_eq(digest_base64((const uint8_t *)"foobar", n, text, sizeof(text)), want[n]);
	ck_assert_str_eq(digest_base64((const uint8_t *)"foobar", 4, text, 8), "");
	ck_assert_str_eq(digest_hex((const uint8_t *)"foobar", 4, text, 8), "");
	ck_assert_str_eq(digest_hex((const uint8_t *)"foobar", 4, text, 9), "666f6f62");
}
END_TEST

START_TEST(sums_crc32c)
{
	uint8_t bytes[32];

	ck_assert_uint_eq(digest_crc32c("123456789", 9), 0xe3069283);
	memset(bytes, 0, sizeof(bytes));
	ck_assert_uint_eq(digest_crc32c(bytes, sizeof(bytes)), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	ck_assert_uint_eq(digest_crc32c(bytes, sizeof(bytes)), 0x62a8ab43);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	ck_assert_uint_eq(digest_crc32c(bytes, sizeof(bytes)), 0x46dd794e);
}
END_TEST

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

START_TEST(spreads_small_keys_without_collision)
{
	enum { N = 200000 };
	uint64_t *h = calloc(N, sizeof(*h));
	unsigned low[256] = { 0 };

	for (uint32_t i = 0; i < N; i++) {
		h[i] = digest_hash64(&i, sizeof(i), 42);
		low[h[i] & 255]++;
	}
	for (unsigned i = 0; i < 256; i++) {
		ck_assert_uint_gt(low[i], N / 256 * 8 / 10);
		ck_assert_uint_lt(low[i], N / 256 * 12 / 10);
	}
	qsort(h, N, sizeof(*h), by_value);
	for (uint32_t i = 1; i < N; i++)
		ck_assert_uint_ne(h[i - 1], h[i]);
	free(h);
}
END_TEST

START_TEST(tells_lengths_seeds_and_tails_apart)
{
	static const char zeros[24];

	for (size_t n = 1; n <= sizeof(zeros); n++)
		ck_assert_uint_ne(digest_hash64(zeros, n, 1), digest_hash64(zeros, n - 1, 1));
	ck_assert_uint_ne(digest_hash64("ring", 4, 1), digest_hash64("ring", 4, 2));
	ck_assert_uint_ne(digest_hash64("ringfence", 9, 1), digest_hash64("ringfencf", 9, 1));
	ck_assert_uint_eq(digest_hash64("ringfence", 9, 1), digest_hash64("ringfence", 9, 1));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("digest");

	tcase_add_test(tc, hashes_the_published_vectors);
	tcase_add_test(tc, prints_base64);
	tcase_add_test(tc, sums_crc32c);
	tcase_add_test(tc, spreads_small_keys_without_collision);
	tcase_add_test(tc, tells_lengths_seeds_and_tails_apart);
	return suite_run(tc);
}
