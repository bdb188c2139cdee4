/* SPDX-License-Identifier: GPL-2.0-or-later */
/* utf8: decoding by the table of RFC 3629 section 4. */
#include "base/utf8.h"

static unsigned lead_length(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c < 0xc2)
		return 0;
	if (c < 0xe0)
		return 2;
	if (c < 0xf0)
		return 3;
	return c < 0xf5 ? 4 : 0;
}

unsigned utf8_next(const char *s, size_t n, uint32_t *ret_cp)
{
	static const unsigned char lead_mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned len = n ? lead_length((unsigned char)s[0]) : 0;
	uint32_t cp;

	if (!len || len > n)
		return 0;
	cp = (unsigned char)s[0] & lead_mask[len];
	for (unsigned i = 1; i < len; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | ((unsigned char)s[i] & 0x3f);
	}
	if (cp < least[len] || (cp >= 0xd800 && cp <= 0xdfff) || cp > 0x10ffff)
		return 0;
	if (ret_cp)
		*ret_cp = cp;
	return len;
}

size_t utf8_trim(const char *s, size_t n)
{
	size_t start = n;

	while (start > 0 && n - start < 3 && ((unsigned char)s[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0 || lead_length((unsigned char)s[start - 1]) <= n - start + 1)
		return n;
	return start - 1;
}
