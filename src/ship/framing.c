/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ship/framing.h"

#include <string.h>

#include "base/buf.h"

const struct word framing_words[] = { { "lf", FRAMING_LF }, { "octet-counting", FRAMING_OCTETS }, { NULL, 0 } };

bool framing_add(enum framing how, const char *message, size_t len, struct buf *out)
{
	if (len == 0 || (how == FRAMING_LF && memchr(message, '\n', len)))
		return false;
	if (how == FRAMING_OCTETS)
		buf_printf(out, "%zu ", len);
	buf_add(out, message, len);
	if (how == FRAMING_LF)
		buf_char(out, '\n');
	return !out->failed;
}
