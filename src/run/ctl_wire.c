/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket's framing: see the header.  A request is rubbish as soon as its length says so, before any of its
 * bytes are kept; words that lack their NUL, and empty requests, are rubbish too. */
#include "run/ctl_wire.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"

enum { LENGTH_BYTES = 4 };

void ctl_wire_put_u32(struct buf *out, uint32_t v)
{
	const uint8_t b[LENGTH_BYTES] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

	buf_add(out, b, sizeof(b));
}

uint32_t ctl_wire_get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int ctl_wire_put_request(struct buf *out, unsigned n, const char *const *words, struct err *e)
{
	size_t len = 0;

	if (n == 0 || n > CTL_WORDS_MAX)
		return err_plain(e, EINVAL, "a request has 1 to %d words, not %u", CTL_WORDS_MAX, n);
	for (unsigned i = 0; i < n; i++)
		len += strlen(words[i]) + 1;
	if (len > CTL_REQUEST_MAX)
		return err_plain(e, E2BIG, "the request has %zu bytes, more than %d", len, CTL_REQUEST_MAX);
	ctl_wire_put_u32(out, (uint32_t)len);
	for (unsigned i = 0; i < n; i++)
		buf_add(out, words[i], strlen(words[i]) + 1);
	return out->failed ? err_plain(e, ENOMEM, "out of memory") : 0;
}

ssize_t ctl_wire_frame(const uint8_t *data, size_t len)
{
	uint32_t body;

	if (len < LENGTH_BYTES)
		return 0;
	body = ctl_wire_get_u32(data);
	return body == 0 || body > CTL_REQUEST_MAX ? -1 : (ssize_t)body + LENGTH_BYTES;
}

int ctl_wire_words(const char *body, size_t len, struct ctl_words *ret)
{
	struct ctl_words w = { 0 };

	if (len == 0 || body[len - 1] != '\0')
		return -1;
	for (size_t at = 0; at < len; at += strlen(body + at) + 1) {
		if (w.n == CTL_WORDS_MAX)
			return -1;
		w.at[w.n++] = body + at;
	}
	*ret = w;
	return 0;
}

void ctl_wire_put_reply(struct buf *out, enum ctl_status status, const char *text, size_t len)
{
	ctl_wire_put_u32(out, status);
	for (size_t at = 0; at < len; at += CTL_CHUNK_MAX) {
		const size_t n = len - at < CTL_CHUNK_MAX ? len - at : CTL_CHUNK_MAX;

		ctl_wire_put_u32(out, (uint32_t)n);
		buf_add(out, text + at, n);
	}
	ctl_wire_put_u32(out, 0);
}
