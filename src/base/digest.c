/* SPDX-License-Identifier: GPL-2.0-or-later */
/* digest: libmd does the work; CRC-32C and the table hash are short enough to stand here. */
#include "base/digest.h"

#include <sha1.h>
#include <sha2.h>
#include <string.h>
#include <sys/random.h>

#include "base/now.h"

void digest_sha256(const void *data, size_t len, uint8_t ret[static DIGEST_SHA256])
{
	digest_sha256_2(data, len, NULL, 0, ret);
}

void digest_sha256_2(const void *a, size_t alen, const void *b, size_t blen, uint8_t ret[static DIGEST_SHA256])
{
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	if (alen)
		SHA256Update(&ctx, a, alen);
	if (blen)
		SHA256Update(&ctx, b, blen);
	SHA256Final(ret, &ctx);
}

void digest_sha1(const void *data, size_t len, uint8_t ret[static DIGEST_SHA1])
{
	SHA1_CTX ctx;

	SHA1Init(&ctx);
	if (len)
		SHA1Update(&ctx, data, len);
	SHA1Final(ret, &ctx);
}

const char *digest_hex(const uint8_t *bytes, size_t n, char *buf, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	char *out = buf;

	if (size == 0 || (size - 1) / 2 < n)
		return "";
	for (size_t i = 0; i < n; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
	return buf;
}

const char *digest_base64(const uint8_t *bytes, size_t n, char *buf, size_t size)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = buf;

	if (size == 0 || (size - 1) / 4 < n / 3 + (n % 3 != 0))
		return "";
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
				 (left > 2 ? bytes[i + 2] : 0);

		*out++ = digits[group >> 18];
		*out++ = digits[group >> 12 & 63];
		*out++ = left > 1 ? digits[group >> 6 & 63] : '=';
		*out++ = left > 2 ? digits[group & 63] : '=';
	}
	*out = '\0';
	return buf;
}

/* Reflected polynomial 0x82f63b78, four bits at a time. */
uint32_t digest_crc32c(const void *data, size_t len)
{
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	const uint8_t *p = data;
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* Fold the 128-bit product: every bit of both factors reaches every bit of the result. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t digest_hash64(const void *data, size_t len, uint64_t seed)
{
	static const uint64_t k0 = 0x9e3779b97f4a7c15, k1 = 0xbf58476d1ce4e5b9, k2 = 0x94d049bb133111eb;
	const uint8_t *p = data;
	uint64_t h = seed ^ k0, word;
	size_t left = len;

	for (; left >= sizeof(word); left -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = mix(h ^ word, k1) + k0;
	}
	word = 0;
	if (left)
		memcpy(&word, p, left);
	return mix(mix(h ^ word, k1) ^ len, k2);
}

uint64_t digest_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uint64_t)now_mono_ns() ^ (uint64_t)(uintptr_t)&seed;
	return seed;
}
