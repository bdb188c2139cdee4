/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event: is a text one JSON object (RFC 8259)?  Stricter than the RFC: one line, no raw control bytes, valid UTF-8, depth at
 * most DEPTH_MAX, so that it may be put into an encoder's output as it is. */
#include "event/event.h"

#include <string.h>

#include "base/utf8.h"

enum { DEPTH_MAX = 8 };

struct reader {
	const char *at, *end;
	bool bad;
};

static char peek(const struct reader *r)
{
	return r->bad || r->at == r->end ? '\0' : *r->at;
}

static bool take(struct reader *r, char c)
{
	if (peek(r) != c || r->at == r->end)
		return false;
	r->at++;
	return true;
}

static void need(struct reader *r, char c)
{
	if (!take(r, c))
		r->bad = true;
}

static void blank(struct reader *r)
{
	while (peek(r) == ' ')
		r->at++;
}

static void word(struct reader *r, const char *w)
{
	while (*w)
		need(r, *w++);
}

static void escape(struct reader *r)
{
	char c = peek(r);

	if (c == '\0' || !strchr("\"\\/bfnrtu", c)) {
		r->bad = true;
		return;
	}
	r->at++;
	for (int i = 0; c == 'u' && i < 4; i++) {
		char digit = peek(r);

		if (digit == '\0' || !strchr("0123456789abcdefABCDEF", digit))
			r->bad = true;
		else
			r->at++;
	}
}

static void string(struct reader *r)
{
	need(r, '"');
	while (!r->bad && !take(r, '"')) {
		unsigned n = utf8_next(r->at, (size_t)(r->end - r->at), NULL);

		if (n == 0 || (unsigned char)*r->at < 0x20 || *r->at == 0x7f)
			r->bad = true;
		else if (take(r, '\\'))
			escape(r);
		else
			r->at += n;
	}
}

static bool digits(struct reader *r)
{
	const char *start = r->at;

	while (peek(r) >= '0' && peek(r) <= '9')
		r->at++;
	return r->at > start;
}

static void number(struct reader *r)
{
	take(r, '-');
	if (!take(r, '0') && !digits(r))
		r->bad = true;
	if (take(r, '.') && !digits(r))
		r->bad = true;
	if (take(r, 'e') || take(r, 'E')) {
		if (!take(r, '-'))
			take(r, '+');
		if (!digits(r))
			r->bad = true;
	}
}

static void value(struct reader *r, unsigned depth);

static void members(struct reader *r, char close, bool keys, unsigned depth)
{
	blank(r);
	if (take(r, close))
		return;
	do {
		blank(r);
		if (keys) {
			string(r);
			blank(r);
			need(r, ':');
		}
		value(r, depth);
		blank(r);
	} while (!r->bad && take(r, ','));
	need(r, close);
}

static void value(struct reader *r, unsigned depth)
{
	blank(r);
	if (depth > DEPTH_MAX)
		r->bad = true;
	else if (take(r, '{'))
		members(r, '}', true, depth + 1);
	else if (take(r, '['))
		members(r, ']', false, depth + 1);
	else if (peek(r) == '"')
		string(r);
	else if (peek(r) == 't')
		word(r, "true");
	else if (peek(r) == 'f')
		word(r, "false");
	else if (peek(r) == 'n')
		word(r, "null");
	else
		number(r);
}

bool event_is_object(const char *text, size_t len)
{
	struct reader r = { .at = text, .end = text + len };

	if (peek(&r) != '{')
		return false;
	value(&r, 0);
	return !r.bad && r.at == r.end;
}
