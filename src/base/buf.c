/* SPDX-License-Identifier: GPL-2.0-or-later */
/* buf: the terminating NUL is always inside cap, so that buf_cstr needs no copy. */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b)
{
	*b = (struct buf){ 0 };
}

void buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ .max = b->max };
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

/* Room for n more bytes and the NUL. */
static bool reserve(struct buf *b, size_t n)
{
	size_t need, cap = b->cap ? b->cap : 64;
	char *data;

	if (b->failed)
		return false;
	if (n >= SIZE_MAX / 2 - b->len || (b->max && b->len + n > b->max)) {
		b->failed = true;
		return false;
	}
	need = b->len + n + 1;
	if (need <= b->cap)
		return true;
	while (cap < need)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	if (b->failed)
		return;
	va_copy(again, ap);
	n = vsnprintf(b->data ? b->data + b->len : NULL, b->cap - b->len, fmt, ap);
	if (n < 0) {
		b->failed = true;
	} else if (reserve(b, (size_t)n)) {
		vsnprintf(b->data + b->len, b->cap - b->len, fmt, again);
		b->len += (size_t)n;
	}
	if (b->data)
		b->data[b->len] = '\0';
	va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

const char *buf_cstr(const struct buf *b)
{
	return b->data ? b->data : "";
}

char *buf_take(struct buf *b, size_t *ret_len)
{
	char *data;

	if (!reserve(b, 0))
		return NULL;
	b->data[b->len] = '\0';
	data = b->data;
	if (ret_len)
		*ret_len = b->len;
	*b = (struct buf){ .max = b->max };
	return data;
}
