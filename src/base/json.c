/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json: RFC 8259.  first[depth - 1] says whether the innermost container is still empty. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

static const unsigned DEPTH_MAX = sizeof(((struct json *)0)->first) / sizeof(bool);

void json_init(struct json *j, struct buf *out)
{
	*j = (struct json){ .out = out };
}

static void put_escaped(struct buf *out, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *at = c ? strchr(from, c) : NULL;

	if (at)
		buf_printf(out, "\\%c", to[at - from]);
	else
		buf_printf(out, "\\u%04x", c);
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c < 0x7f;
}

static void put_string(struct buf *out, const char *s, size_t n)
{
	size_t i = 0, run;
	unsigned len;

	buf_char(out, '"');
	while (i < n) {
		for (run = i; run < n && is_plain((unsigned char)s[run]); run++)
			;
		buf_add(out, s + i, run - i);
		i = run;
		if (i == n)
			break;
		len = utf8_next(s + i, n - i, NULL);
		if (len > 1)
			buf_add(out, s + i, len);
		else if (len == 1)
			put_escaped(out, (unsigned char)s[i]);
		else
			buf_str(out, "\xef\xbf\xbd");
		i += len ? len : 1;
	}
	buf_char(out, '"');
}

/* What stands before any value: a comma, and the key inside an object. */
static void begin(struct json *j, const char *key)
{
	if (j->depth) {
		if (!j->first[j->depth - 1])
			buf_char(j->out, ',');
		j->first[j->depth - 1] = false;
	}
	if (key) {
		put_string(j->out, key, strlen(key));
		buf_char(j->out, ':');
	}
}

static void open_with(struct json *j, const char *key, char c)
{
	if (j->depth == DEPTH_MAX) {
		j->out->failed = true;
		return;
	}
	begin(j, key);
	buf_char(j->out, c);
	j->first[j->depth++] = true;
}

static void close_with(struct json *j, char c)
{
	if (j->depth == 0) {
		j->out->failed = true;
		return;
	}
	j->depth--;
	buf_char(j->out, c);
}

void json_object(struct json *j, const char *key)
{
	open_with(j, key, '{');
}

void json_array(struct json *j, const char *key)
{
	open_with(j, key, '[');
}

void json_end(struct json *j)
{
	close_with(j, '}');
}

void json_end_array(struct json *j)
{
	close_with(j, ']');
}

void json_str(struct json *j, const char *key, const char *value)
{
	if (value)
		json_strn(j, key, value, strlen(value));
}

void json_strn(struct json *j, const char *key, const char *value, size_t n)
{
	if (!value)
		return;
	begin(j, key);
	put_string(j->out, value, n);
}

void json_u64(struct json *j, const char *key, uint64_t value)
{
	begin(j, key);
	buf_printf(j->out, "%llu", (unsigned long long)value);
}

void json_i64(struct json *j, const char *key, int64_t value)
{
	begin(j, key);
	buf_printf(j->out, "%lld", (long long)value);
}

/* The shortest of 15 or 17 digits that reads back equal; JSON knows no infinity and no NaN. */
void json_double(struct json *j, const char *key, double value)
{
	char text[40];

	begin(j, key);
	if (!isfinite(value)) {
		buf_str(j->out, "null");
		return;
	}
	snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) != value)
		snprintf(text, sizeof(text), "%.17g", value);
	buf_str(j->out, text);
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	buf_str(j->out, value ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
	begin(j, key);
	buf_str(j->out, "null");
}

void json_raw(struct json *j, const char *key, const char *text)
{
	begin(j, key);
	buf_str(j->out, text);
}
