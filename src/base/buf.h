/* SPDX-License-Identifier: GPL-2.0-or-later */
/* buf: bytes that grow; always NUL-terminated behind the end.  Sticky on failure like an arena.
 * Embedded: buf_init/buf_fini.  One owner, one thread. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;             /* NULL until the first byte */
	size_t len, cap, max;   /* max 0: no limit; over it the buffer fails */
	bool failed;
};

void buf_init(struct buf *b);
void buf_fini(struct buf *b);
void buf_reset(struct buf *b);                          /* empty, keeps the memory, clears failed */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
const char *buf_cstr(const struct buf *b);              /* "" while empty */
char *buf_take(struct buf *b, size_t *ret_len /* or NULL */);  /* the caller frees; b is empty after; NULL: failed */

#endif
