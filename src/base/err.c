/* SPDX-License-Identifier: GPL-2.0-or-later */
/* err: messages are cut at the end of their array, never inside a character.  Interned names live in one
 * table for the life of the process; it holds at most NAMES_MAX, later ones share one name that says so. */
#include "base/err.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { BUCKETS = 256, NAMES_MAX = 65536 };

struct name {
	struct name *next;
	char text[];
};

static struct {
	pthread_mutex_t lock;
	/* under lock: */
	struct name *buckets[BUCKETS];
	unsigned n;
} names = { .lock = PTHREAD_MUTEX_INITIALIZER };

__attribute__((format(printf, 3, 0)))
static void print(char *buf, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(buf, size, fmt, ap);

	if (n < 0)
		buf[0] = '\0';
	else if ((size_t)n >= size)
		buf[utf8_trim(buf, size - 1)] = '\0';
}

__attribute__((format(printf, 3, 4)))
static void printv(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(buf, size, fmt, ap);
	va_end(ap);
}

int err_set(struct err *e, int code, struct loc loc, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -1;
	e->code = code;
	e->loc = loc;
	va_start(ap, fmt);
	print(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return -1;
}

int err_plain(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -1;
	e->code = code;
	e->loc = LOC_NONE;
	va_start(ap, fmt);
	print(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char context[sizeof(e->msg)], old[sizeof(e->msg)];
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	print(context, sizeof(context), fmt, ap);
	va_end(ap);
	memcpy(old, e->msg, sizeof(old));
	printv(e->msg, sizeof(e->msg), "%s: %s", context, old);
	return -1;
}

int err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	char text[128], what[sizeof(e->msg)];
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	print(what, sizeof(what), fmt, ap);
	va_end(ap);
	e->code = errnum;
	e->loc = LOC_NONE;
	printv(e->msg, sizeof(e->msg), "%s: %s", what, strerror_r(errnum, text, sizeof(text)));
	return -1;
}

static unsigned bucket_of(const char *s)
{
	uint32_t h = 2166136261u;       /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h % BUCKETS;
}

const char *err_intern(const char *text)
{
	struct name **bucket, *name;
	size_t size;

	if (!text)
		return NULL;
	size = strlen(text) + 1;
	bucket = &names.buckets[bucket_of(text)];
	pthread_mutex_lock(&names.lock);
	for (name = *bucket; name; name = name->next)
		if (strcmp(name->text, text) == 0)
			break;
	if (!name && names.n < NAMES_MAX && (name = malloc(sizeof(*name) + size))) {
		memcpy(name->text, text, size);
		name->next = *bucket;
		*bucket = name;
		names.n++;
	}
	pthread_mutex_unlock(&names.lock);
	return name ? name->text : "(a file whose name could not be kept)";
}

const char *err_text(const struct err *e, char *buf, size_t size)
{
	if (!e->loc.file)
		printv(buf, size, "%s", e->msg);
	else if (!e->loc.line)
		printv(buf, size, "%s: %s", e->loc.file, e->msg);
	else
		printv(buf, size, "%s:%u:%u: %s", e->loc.file, e->loc.line, e->loc.col, e->msg);
	return buf;
}
