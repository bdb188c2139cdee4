/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vec: growth by half.  The macros pass a typed pointer as void **, hence -fno-strict-aliasing. */
#include "base/vec.h"

#include <stdint.h>
#include <stdlib.h>

bool vec_reserve(void **at, size_t *cap, size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes))
		return false;
	p = realloc(*at, bytes);
	if (!p)
		return false;
	*at = p;
	*cap = n;
	return true;
}

bool vec_grow(void **at, size_t *cap, size_t n, size_t size)
{
	size_t next = *cap + *cap / 2;

	if (next < n + 1)
		next = n + 1;
	if (next < 8)
		next = 8;
	return vec_reserve(at, cap, next, size);
}
