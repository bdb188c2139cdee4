/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arena: memory that is freed together.  Sticky: after the first failed allocation every call returns NULL
 * and arena_failed() says so; a builder checks once at its end.  One owner, one thread while building;
 * afterwards what it holds may be read by any thread. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(void);
/* For tables that are read all over, at random: once it is large it grows by huge pages, where the kernel has them. */
struct arena *arena_new_huge(void);
void arena_free(struct arena *a);                               /* NULL is fine */
/* All that was allocated is gone; some of the memory is kept for what comes.  A failure stays. */
void arena_reset(struct arena *a);
/* Zeroed, aligned for any type.  n * size is checked for overflow. */
void *arena_alloc(struct arena *a, size_t n, size_t size);
/* Zeroed, for text and for what else is made of bytes: it stands in no alignment, close to others of its kind. */
void *arena_text(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
void *arena_memdup(struct arena *a, const void *p, size_t size);
void *arena_aligned(struct arena *a, const void *p, size_t size);        /* arena_memdup to a cache line's beginning */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
bool arena_failed(const struct arena *a);
size_t arena_bytes(const struct arena *a);                      /* held in all */

#define arena_new_of(a, type)           ((type *)arena_alloc((a), 1, sizeof(type)))
#define arena_array(a, n, type)         ((type *)arena_alloc((a), (n), sizeof(type)))

#endif
