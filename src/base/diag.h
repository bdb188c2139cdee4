/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diag: the findings of one run over policy files: errors, warnings and notes with a place each.
 * It keeps the files' text, so that rendering never reads them again.  At most DIAG_LIMIT findings are
 * kept; what comes after is counted.  One owner, one thread. */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { DIAG_LIMIT = 50 };
enum diag_level { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE };

struct diag;
struct buf;

struct diag *diag_new(void);                            /* NULL: out of memory */
void diag_free(struct diag *d);                         /* NULL is fine */

/* Keep a copy of a file's text, for carets; returned is the copy (NULL: out of memory).  name is interned by the callee. */
const char *diag_source(struct diag *d, const char *name, const char *text, size_t len);
/* Add a finding at loc. */
void diag_add(struct diag *d, enum diag_level level, struct loc loc, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same with a second place, introduced by word: "first defined here". */
void diag_add2(struct diag *d, enum diag_level level, struct loc loc, struct loc other, const char *word,
	       const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* Add *e as an error. */
void diag_err(struct diag *d, const struct err *e);

unsigned diag_errors(const struct diag *d);             /* all, those over the limit included */
unsigned diag_warnings(const struct diag *d);
bool diag_get(const struct diag *d, unsigned i, enum diag_level *ret_level, struct loc *ret_loc, const char **ret_msg);

/* Render: text as file:line:col: error: …, the source line and a caret; colour where asked.  JSON: an array. */
void diag_text(const struct diag *d, bool colour, struct buf *out);
void diag_json(const struct diag *d, struct buf *out);

#endif
