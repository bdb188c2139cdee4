/* SPDX-License-Identifier: GPL-2.0-or-later */
/* digest: SHA-256 and SHA-1 (FIPS 180-4) by libmd, hex and base64 (RFC 4648) text.  The only place that includes it. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_SHA256 = 32, DIGEST_SHA1 = 20 };

void digest_sha256(const void *data, size_t len, uint8_t ret[static DIGEST_SHA256]);
/* SHA-256 over the two parts, one after the other (for chains). */
void digest_sha256_2(const void *a, size_t alen, const void *b, size_t blen, uint8_t ret[static DIGEST_SHA256]);
void digest_sha1(const void *data, size_t len, uint8_t ret[static DIGEST_SHA1]);
/* Both need room for all of it and the NUL: hex 2n + 1, base64 4 * ((n + 2) / 3) + 1; else "" comes back. */
const char *digest_hex(const uint8_t *bytes, size_t n, char *buf, size_t size);
const char *digest_base64(const uint8_t *bytes, size_t n, char *buf, size_t size);
uint32_t digest_crc32c(const void *data, size_t len);   /* RFC 3720 B.4 */
/* For hash tables; without a random seed it does not withstand an adversary. */
uint64_t digest_hash64(const void *data, size_t len, uint64_t seed);
uint64_t digest_seed(void);                             /* one; does not wait for the kernel's randomness at boot */

#endif
