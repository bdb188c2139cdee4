/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables for people: the text of all cells in one buffer, their lengths beside it; widths count characters, not bytes. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd.h"
#include "base/vec.h"

void cmd_table_init(struct cmd_table *t, unsigned columns)
{
	*t = (struct cmd_table){ .columns = columns };
	buf_init(&t->text);
}

static size_t characters(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

void cmd_table_cell(struct cmd_table *t, const char *fmt, ...)
{
	const size_t from = t->text.len;
	va_list ap;
	size_t width;

	va_start(ap, fmt);
	buf_vprintf(&t->text, fmt, ap);
	va_end(ap);
	if (t->n == t->cap && !vec_grow((void **)&t->lens, &t->cap, t->n, sizeof(*t->lens))) {
		t->text.failed = true;
		return;
	}
	t->lens[t->n++] = (unsigned)(t->text.len - from);
	width = characters(buf_cstr(&t->text) + from, t->text.len - from);
	if (width > t->widths[t->at])
		t->widths[t->at] = width;
	t->at = (t->at + 1) % t->columns;
}

void cmd_table_print(struct cmd_table *t, const struct cmd *c, struct buf *out)
{
	const char *at = buf_cstr(&t->text);

	for (size_t i = 0; i < t->n && !t->text.failed; i++) {
		const unsigned column = (unsigned)(i % t->columns);
		const bool last = column == t->columns - 1;

		if (i == 0)
			buf_str(out, cmd_bold(c));
		buf_add(out, at, t->lens[i]);
		for (size_t w = characters(at, t->lens[i]); !last && w < t->widths[column] + 2; w++)
			buf_char(out, ' ');
		if (last) {
			if (i + 1 == t->columns)
				buf_str(out, cmd_plain(c));
			buf_char(out, '\n');
		}
		at += t->lens[i];
	}
	buf_fini(&t->text);
	free(t->lens);
}
