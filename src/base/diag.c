/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diag: findings are kept in the order they came, up to DIAG_LIMIT; an error that comes when all places are
 * taken pushes out the last finding that is none, so that warnings never hide an error.  What is rendered
 * was written by others: control characters never reach the terminal. */
#include "base/diag.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/utf8.h"
#include "base/vec.h"

enum { EXCERPT_CHARS = 160, EXCERPT_BEFORE = 100 };

struct finding {
	enum diag_level level;
	struct loc loc, other;
	const char *word, *msg;         /* word NULL: no second place */
};

struct source {
	const char *name, *text;
	size_t len;
};

struct diag {
	struct arena *arena;
	struct finding findings[DIAG_LIMIT];
	unsigned n, count[DIAG_NOTE + 1];
	VEC(struct source) sources;
};

struct style {
	const char *level[DIAG_NOTE + 1], *place, *caret, *off;
};

static const char *const level_names[] = { [DIAG_ERROR] = "error", [DIAG_WARNING] = "warning", [DIAG_NOTE] = "note" };
static const struct style plain = { { "", "", "" }, "", "", "" };
static const struct style coloured = { { "\33[1;31m", "\33[1;35m", "\33[1;36m" }, "\33[1m", "\33[1;32m", "\33[0m" };

struct diag *diag_new(void)
{
	struct diag *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->arena = arena_new();
	if (d->arena)
		return d;
	free(d);
	return NULL;
}

void diag_free(struct diag *d)
{
	if (!d)
		return;
	arena_free(d->arena);
	VEC_FREE(&d->sources);
	free(d);
}

const char *diag_source(struct diag *d, const char *name, const char *text, size_t len)
{
	struct source source = { err_intern(name), arena_memdup(d->arena, text, len), len };

	return source.text && VEC_PUSH(&d->sources, source) ? source.text : NULL;
}

/* A free place; NULL: none, the finding is only counted. */
static struct finding *place(struct diag *d, enum diag_level level)
{
	if (d->n < DIAG_LIMIT)
		return &d->findings[d->n++];
	if (level != DIAG_ERROR)
		return NULL;
	for (unsigned i = DIAG_LIMIT; i-- > 0; ) {
		if (d->findings[i].level == DIAG_ERROR)
			continue;
		memmove(&d->findings[i], &d->findings[i + 1], (DIAG_LIMIT - 1 - i) * sizeof(d->findings[0]));
		return &d->findings[DIAG_LIMIT - 1];
	}
	return NULL;
}

__attribute__((format(printf, 6, 0)))
static void add(struct diag *d, enum diag_level level, struct loc loc, struct loc other, const char *word,
		const char *fmt, va_list ap)
{
	struct finding *f = place(d, level);
	const char *msg;

	d->count[level]++;
	if (!f)
		return;
	msg = arena_vprintf(d->arena, fmt, ap);
	*f = (struct finding){ level, loc, other, word ? arena_strdup(d->arena, word) : NULL,
			       msg ? msg : "(out of memory for the message)" };
}

void diag_add(struct diag *d, enum diag_level level, struct loc loc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, level, loc, LOC_NONE, NULL, fmt, ap);
	va_end(ap);
}

void diag_add2(struct diag *d, enum diag_level level, struct loc loc, struct loc other, const char *word,
	       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, level, loc, other, word, fmt, ap);
	va_end(ap);
}

void diag_err(struct diag *d, const struct err *e)
{
	diag_add(d, DIAG_ERROR, e->loc, "%s", e->msg);
}

unsigned diag_errors(const struct diag *d)
{
	return d->count[DIAG_ERROR];
}

unsigned diag_warnings(const struct diag *d)
{
	return d->count[DIAG_WARNING];
}

bool diag_get(const struct diag *d, unsigned i, enum diag_level *ret_level, struct loc *ret_loc, const char **ret_msg)
{
	if (i >= d->n)
		return false;
	*ret_level = d->findings[i].level;
	*ret_loc = d->findings[i].loc;
	*ret_msg = d->findings[i].msg;
	return true;
}

static unsigned omitted(const struct diag *d)
{
	return d->count[DIAG_ERROR] + d->count[DIAG_WARNING] + d->count[DIAG_NOTE] - d->n;
}

/* One character of someone's text; returns its bytes. */
static size_t put_char(struct buf *out, const char *s, size_t n)
{
	uint32_t cp;
	unsigned len = utf8_next(s, n, &cp);

	if (!len)
		buf_str(out, "\xef\xbf\xbd");
	else if (cp == '\t')
		buf_char(out, '\t');
	else if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
		buf_char(out, '?');
	else
		buf_add(out, s, len);
	return len ? len : 1;
}

static void put_text(struct buf *out, const char *s)
{
	for (size_t i = 0, n = strlen(s); i < n; )
		i += put_char(out, s + i, n - i);
}

/* The text of a line, without its end; NULL: not kept. */
static const char *find_line(const struct diag *d, struct loc loc, size_t *ret_len)
{
	const struct source *source = NULL;
	const char *at, *end, *eol;

	for (size_t i = 0; i < d->sources.n && !source; i++)
		if (d->sources.at[i].name == loc.file)
			source = &d->sources.at[i];
	if (!source || !loc.line)
		return NULL;
	at = source->text;
	end = at + source->len;
	for (unsigned line = 1; at && line < loc.line; line++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	if (!at)
		return NULL;
	eol = memchr(at, '\n', (size_t)(end - at));
	*ret_len = (size_t)((eol ? eol : end) - at);
	if (*ret_len && at[*ret_len - 1] == '\r')
		--*ret_len;
	return at;
}

/* The line and under it the caret; of a long line only what stands around the caret. */
static void put_excerpt(const struct diag *d, struct loc loc, const struct style *st, struct buf *out)
{
	unsigned caret = loc.col ? loc.col - 1 : 0, from = caret > EXCERPT_BEFORE ? caret - EXCERPT_BEFORE / 2 : 0, at = 0;
	size_t len = 0, i = 0;
	const char *line = find_line(d, loc, &len);
	struct buf under;

	if (!line)
		return;
	buf_init(&under);
	buf_str(out, from ? "  …" : "  ");
	buf_str(&under, from ? "   " : "  ");
	for (; i < len && at < from + EXCERPT_CHARS; at++) {
		size_t n = utf8_next(line + i, len - i, NULL);

		if (at < from) {
			i += n ? n : 1;
			continue;
		}
		if (at < caret)
			buf_char(&under, line[i] == '\t' ? '\t' : ' ');
		i += put_char(out, line + i, len - i);
	}
	buf_printf(out, "%s\n%s%s^%s\n", i < len ? "…" : "", buf_cstr(&under), st->caret, st->off);
	buf_fini(&under);
}

static void put_place(struct loc loc, struct buf *out)
{
	if (!loc.file)
		return;
	put_text(out, loc.file);
	if (loc.line)
		buf_printf(out, ":%u:%u", loc.line, loc.col);
	buf_str(out, ": ");
}

static void put_finding(const struct diag *d, enum diag_level level, struct loc loc, const char *msg,
			const struct style *st, struct buf *out)
{
	buf_str(out, st->place);
	put_place(loc, out);
	buf_printf(out, "%s%s%s: %s", st->off, st->level[level], level_names[level], st->off);
	put_text(out, msg);
	buf_char(out, '\n');
	put_excerpt(d, loc, st, out);
}

void diag_text(const struct diag *d, bool colour, struct buf *out)
{
	const struct style *st = colour ? &coloured : &plain;

	for (unsigned i = 0; i < d->n; i++) {
		const struct finding *f = &d->findings[i];

		put_finding(d, f->level, f->loc, f->msg, st, out);
		if (f->word)
			put_finding(d, DIAG_NOTE, f->other, f->word, st, out);
	}
	if (omitted(d))
		buf_printf(out, "… and %u more\n", omitted(d));
}

static void write_place(struct json *j, struct loc loc)
{
	json_str(j, "file", loc.file);
	if (!loc.line)
		return;
	json_u64(j, "line", loc.line);
	json_u64(j, "column", loc.col);
}

void diag_json(const struct diag *d, struct buf *out)
{
	struct json j;

	json_init(&j, out);
	json_array(&j, NULL);
	for (unsigned i = 0; i < d->n; i++) {
		const struct finding *f = &d->findings[i];

		json_object(&j, NULL);
		json_str(&j, "level", level_names[f->level]);
		write_place(&j, f->loc);
		json_str(&j, "message", f->msg);
		if (f->word) {
			json_object(&j, "related");
			write_place(&j, f->other);
			json_str(&j, "message", f->word);
			json_end(&j);
		}
		json_end(&j);
	}
	if (omitted(d)) {
		json_object(&j, NULL);
		json_str(&j, "level", level_names[DIAG_NOTE]);
		json_str(&j, "message", "further findings are not shown");
		json_u64(&j, "omitted", omitted(d));
		json_end(&j);
	}
	json_end_array(&j);
}
