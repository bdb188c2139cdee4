/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a text may consist of, before anybody parses it: UTF-8 in its shortest form, line feeds, no tabs, nothing
 * that an editor would not show or would show elsewhere. */
#include "policy/doc.h"

#include <stdio.h>
#include <string.h>

#include "base/diag.h"

/* One character of 2 to 4 bytes; its length, or 0 when it is no UTF-8 (overlong, surrogate, above U+10FFFF, cut). */
static unsigned decode(const unsigned char *s, size_t left, uint32_t *ret)
{
	unsigned n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = s[0] & (0xffu >> (n + 1));

	if (s[0] < 0xc2 || s[0] > 0xf4 || n > left)
		return 0;
	for (unsigned i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

/* Line and paragraph separators move what follows to another line for some readers, text-direction marks show words
 * in another order than they are read in, and the rest of these is invisible. */
static bool is_refused(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c & 0xfffe) == 0xfffe;
}

static bool refuse(struct diag *d, struct loc loc, uint32_t c)
{
	if (c == 0)
		diag_add(d, DIAG_ERROR, loc, "a NUL byte: this is no text file");
	else if (c == '\t')
		diag_add(d, DIAG_ERROR, loc, "a tab: write spaces instead");
	else if (c == '\r')
		diag_add(d, DIAG_ERROR, loc, "a carriage return without a line feed: end lines with a line feed");
	else
		diag_add(d, DIAG_ERROR, loc, "the invisible character U+%04X: remove it", (unsigned)c);
	return false;
}

static bool check_bytes(struct diag *d, struct loc loc, const unsigned char *s, size_t len)
{
	loc.line = loc.col = 1;
	for (size_t i = 0; i < len; loc.col++) {
		uint32_t c = s[i];
		unsigned n = 1;

		if (c == '\n' || (c == '\r' && i + 1 < len && s[i + 1] == '\n')) {
			i += c == '\r' ? 2 : 1;
			loc.line++;
			loc.col = 0;
			continue;
		}
		if (c >= 0x80 && !(n = decode(s + i, len - i, &c))) {
			diag_add(d, DIAG_ERROR, loc, "byte 0x%02X is no UTF-8: save the file as UTF-8", s[i]);
			return false;
		}
		if (is_refused(c))
			return refuse(d, loc, c);
		i += n;
	}
	return true;
}

bool doc_check_text(const char *name, const char *text, size_t len, struct diag *d)
{
	struct loc loc = { err_intern(name), 1, 1 };

	if (len > DOC_MAX_BYTES) {
		diag_add(d, DIAG_ERROR, loc, "the file has %zu bytes; at most %d are read", len, DOC_MAX_BYTES);
		return false;
	}
	return check_bytes(d, loc, (const unsigned char *)text, len);
}

const struct doc_pair *doc_get_pair(const struct doc_node *node, const char *key)
{
	if (!node || node->kind != DOC_MAP)
		return NULL;
	for (uint32_t i = 0; i < node->n; i++)
		if (!strcmp(node->pairs[i].key, key))
			return &node->pairs[i];
	return NULL;
}

const struct doc_node *doc_get(const struct doc_node *node, const char *key)
{
	const struct doc_pair *pair = doc_get_pair(node, key);

	return pair ? &pair->value : NULL;
}

bool doc_is_null(const struct doc_node *node)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	if (node->kind != DOC_SCALAR || node->quoted)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(node->text, words[i]))
			return true;
	return false;
}

const char *doc_kind_text(const struct doc_node *node)
{
	if (node->kind == DOC_MAP)
		return "a mapping";
	if (node->kind == DOC_SEQ)
		return "a list";
	return doc_is_null(node) ? "nothing" : "text";
}
