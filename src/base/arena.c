/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arena: a list of blocks; one of them has room, of which what is aligned takes the beginning and text the end.  Under
 * AddressSanitizer every allocation is a block of its own, so that running over its end is seen. */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __has_feature
#define ARENA_CLANG_ASAN __has_feature(address_sanitizer)
#else
#define ARENA_CLANG_ASAN 0
#endif
#if defined(__SANITIZE_ADDRESS__) || ARENA_CLANG_ASAN
enum { BLOCK_MIN = 0, BLOCK_MAX = 0 };
#else
enum { BLOCK_MIN = 4096, BLOCK_MAX = 1 << 20 };
#endif
enum { HUGE = 2 << 20, LINE = 64 };

struct block {
	struct block *next;
	size_t room;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct block *blocks, *open;    /* open: at is in it; NULL: nowhere */
	unsigned char *at;
	size_t left, next_size, held;
	bool failed, huge;
};

struct arena *arena_new(void)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a)
		a->next_size = BLOCK_MIN;
	return a;
}

struct arena *arena_new_huge(void)
{
	struct arena *a = arena_new();

	if (a)
		a->huge = true;
	return a;
}

void arena_free(struct arena *a)
{
	struct block *next;

	if (!a)
		return;
	for (struct block *b = a->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

void arena_reset(struct arena *a)
{
	struct block *open = a->open, *next;

	for (struct block *b = a->blocks; b; b = next) {
		next = b->next;
		if (b == open)
			continue;
		a->held -= sizeof(*b) + b->room;
		free(b);
	}
	a->blocks = open;
	if (!open)
		return;
	open->next = NULL;
	memset(open->bytes, 0, (size_t)(a->at - open->bytes));
	memset(a->at + a->left, 0, (size_t)(open->bytes + open->room - a->at) - a->left);
	a->at = open->bytes;
	a->left = open->room;
}

/* Whole huge pages, zeroed only now, so that it is they that come. */
static struct block *new_huge(size_t bytes)
{
	struct block *b = aligned_alloc(HUGE, bytes);

	if (!b)
		return NULL;
	madvise(b, bytes, MADV_HUGEPAGE);       /* a wish */
	memset(b, 0, bytes);
	return b;
}

static void *from_new_block(struct arena *a, size_t size)
{
	const bool huge = a->huge && a->next_size == BLOCK_MAX && BLOCK_MAX > 0;
	size_t room = size > a->next_size / 4 ? size : a->next_size;
	struct block *b = NULL;

	if (size <= SIZE_MAX / 2) {
		if (huge)
			room = (room + sizeof(*b) + HUGE - 1) / HUGE * HUGE - sizeof(*b);
		b = huge ? new_huge(sizeof(*b) + room) : calloc(1, sizeof(*b) + room);
	}
	if (!b) {
		a->failed = true;
		return NULL;
	}
	b->next = a->blocks;
	b->room = room;
	a->blocks = b;
	a->held += sizeof(*b) + room;
	if (room - size > a->left) {
		a->open = b;
		a->at = b->bytes + size;
		a->left = room - size;
	}
	if (a->next_size != BLOCK_MAX)
		a->next_size *= 2;
	return b->bytes;
}

/* Sizes are rounded up, so that what is left starts aligned; a size that would overflow has no room anyway. */
void *arena_alloc(struct arena *a, size_t n, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	size_t total;
	void *p;

	if (!a || a->failed)
		return NULL;
	if (__builtin_mul_overflow(n, size, &total) || total > SIZE_MAX / 2) {
		a->failed = true;
		return NULL;
	}
	if (BLOCK_MAX > 0)
		total = (total + align - 1) / align * align;
	if (!total)
		total = align;
	if (total > a->left)
		return from_new_block(a, total);
	p = a->at;
	a->at += total;
	a->left -= total;
	return p;
}

/* From the end of the room, so that the beginning stays aligned. */
void *arena_text(struct arena *a, size_t size)
{
	if (!a || a->failed || !size || size > a->left)
		return arena_alloc(a, 1, size);
	a->left -= size;
	return a->at + a->left;
}

void *arena_memdup(struct arena *a, const void *p, size_t size)
{
	void *copy = arena_alloc(a, 1, size);

	if (copy && size)
		memcpy(copy, p, size);
	return copy;
}

void *arena_aligned(struct arena *a, const void *p, size_t size)
{
	unsigned char *copy = size > SIZE_MAX / 2 ? NULL : arena_alloc(a, 1, size + LINE);

	if (!copy)
		return NULL;
	copy += -(uintptr_t)copy % LINE;
	if (size)
		memcpy(copy, p, size);
	return copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = arena_text(a, len + 1);

	if (copy)
		memcpy(copy, s, len);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *s = NULL;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0 && (s = arena_alloc(a, 1, (size_t)n + 1)))
		vsnprintf(s, (size_t)n + 1, fmt, again);
	else if (n < 0 && a)
		a->failed = true;
	va_end(again);
	return s;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

bool arena_failed(const struct arena *a)
{
	return !a || a->failed;
}

size_t arena_bytes(const struct arena *a)
{
	return a->held;
}
