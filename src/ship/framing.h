/* SPDX-License-Identifier: GPL-2.0-or-later */
/* framing: how one message is told from the next on a stream.  Pure; any thread. */
#ifndef SHIP_FRAMING_H
#define SHIP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/word.h"

struct buf;

enum framing {
	FRAMING_LF,             /* a line feed behind each (RFC 6587, 3.4.2): for files and for receivers that know nothing else */
	FRAMING_OCTETS,         /* "LENGTH " before each (RFC 6587, 3.4.1; RFC 5425) */
};
extern const struct word framing_words[];

/* Append the message as a frame.  false: it can't be one (a line feed inside, or empty), or out has failed. */
bool framing_add(enum framing how, const char *message, size_t len, struct buf *out);

#endif
