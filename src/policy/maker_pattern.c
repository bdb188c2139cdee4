/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maker_pattern: no regular expressions, on purpose.  A pattern decides who is cut off, so it is of a form in which it
 * cannot match inside a word, cannot be slow, and reads the same to everybody. */
#include "policy/maker_pattern.h"

#include <string.h>

#include "policy/maker.h"

const char *maker_pattern_parse(const char *text, struct maker_pattern *ret)
{
	struct maker_pattern p = { 0 };
	size_t n = strlen(text);

	if (*text == '^')
		p.begins = true;
	else if (strncmp(text, "\\b", 2) != 0)
		return "is not anchored: begin it with ^ (the name begins so) or \\b (a word begins so)";
	text += p.begins ? 1 : 2;
	n -= p.begins ? 1 : 2;
	if (n && text[n - 1] == '$')
		p.ends = true;
	else if (n < 2 || strcmp(text + n - 2, "\\b") != 0)
		return "is not anchored: end it with \\b (a word ends so) or $ (the name ends so)";
	p.words = text;
	p.len = n - (p.ends ? 1 : 2);
	if (!p.len || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789 ") < p.len)
		return "has something other than words of a-z and 0-9 between its anchors: write one pattern for each alternative";
	if (text[0] == ' ' || text[p.len - 1] == ' ' || memmem(text, p.len, "  ", 2))
		return "has a space too many: names are compared with one space between words";
	*ret = p;
	return NULL;
}

bool maker_pattern_at(const struct maker_pattern *p, const char *name, const char *at)
{
	if ((p->begins && at != name) || strncmp(at, p->words, p->len) != 0)
		return false;
	return !at[p->len] || (at[p->len] == ' ' && !p->ends);
}

bool maker_pattern_matches(const char *pattern, const char *normalised)
{
	struct maker_pattern p;

	if (maker_pattern_parse(pattern, &p))
		return false;
	for (const char *at = normalised; at; at = strchr(at, ' ')) {
		at += *at == ' ';
		if (maker_pattern_at(&p, normalised, at))
			return true;
	}
	return false;
}
