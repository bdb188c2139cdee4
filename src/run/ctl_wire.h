/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_wire: the control socket's bytes, for both ends.
 *	request  u32 length, then that many bytes: words, each with a NUL behind it
 *	reply    u32 status, then chunks: u32 length and that many bytes; a chunk of length 0 ends it
 * Integers are big-endian.  Everything is bounded before it is read.  Pure; any thread. */
#ifndef RUN_CTL_WIRE_H
#define RUN_CTL_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct buf;

enum { CTL_REQUEST_MAX = 65536, CTL_WORDS_MAX = 64, CTL_CHUNK_MAX = 65536 };
/* Status of a reply; the command line's exit status too. */
enum ctl_status { CTL_YES = 0, CTL_NO = 1, CTL_UNSURE = 2 };

struct ctl_words {
	unsigned n;
	const char *at[CTL_WORDS_MAX];
};

/* Append a request; fails on no words, too many, or too long. */
int ctl_wire_put_request(struct buf *out, unsigned n, const char *const *words, struct err *e);
/* The bytes that the frame at data needs in all, 0 while its length is not there yet, -1: rubbish. */
ssize_t ctl_wire_frame(const uint8_t *data, size_t len);
/* Split a request's body (without its length) into words that point into it; -1: rubbish. */
int ctl_wire_words(const char *body, size_t len, struct ctl_words *ret);
/* Append a whole reply: status, text in chunks, the end. */
void ctl_wire_put_reply(struct buf *out, enum ctl_status status, const char *text, size_t len);

void ctl_wire_put_u32(struct buf *out, uint32_t v);
uint32_t ctl_wire_get_u32(const uint8_t *p);

#endif
