/* SPDX-License-Identifier: GPL-2.0-or-later */
/* err: one error as a value, owned by the caller, without allocation.
 * The message is a complete clause without prefix, newline or "error:".
 * Threads: none of its own; each struct err belongs to one thread. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

/* Where in a source file: file is interned and never freed; line and col are 1-based; line 0: no source. */
struct loc {
	const char *file;
	unsigned line, col;
};

/* code is an errno; a zeroed struct err is "no error". */
struct err {
	int code;
	struct loc loc;
	char msg[256];
};

#define LOC_NONE ((struct loc){ 0 })

/* Fill *e and return -1, so that callers can write: return err_set(e, ERANGE, loc, "…"). */
int err_set(struct err *e, int code, struct loc loc, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same without a source location. */
int err_plain(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Put "context: " in front of the message that is there; returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Append ": <strerror>" of errnum to a new message; returns -1. */
int err_sys(struct err *e, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Intern a file name for struct loc: equal names give the same pointer; never freed.  Thread-safe. */
const char *err_intern(const char *name);
/* "file:line:col: message" (or just the message without source) into buf; returns buf. */
const char *err_text(const struct err *e, char *buf, size_t size);

#endif
