/* SPDX-License-Identifier: GPL-2.0-or-later */
/* utf8: one code point at a time (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF). */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the code point at s (1 to 4), or 0 when the n bytes there do not start a valid one. */
unsigned utf8_next(const char *s, size_t n, uint32_t *ret_cp /* or NULL */);
/* The largest length <= n that does not end inside a code point. */
size_t utf8_trim(const char *s, size_t n);

#endif
