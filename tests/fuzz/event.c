/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz a stored row's body: what unpacks must pack to something equal, and every encoder must make one clean line of it within the
 * smallest budget. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "event/enc.h"
#include "event/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const struct buf *b)
{
	for (size_t i = 0; i < b->len; ) {
		uint32_t cp;
		unsigned n = utf8_next(b->data + i, b->len - i, &cp);

		if (n == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			abort();
		i += n;
	}
}

static void encode(const struct event *ev)
{
	static const struct enc_config config = { .hostname = "fuzz", .version = "1.0.0", .budget = ENC_BUDGET_MIN };
	struct buf out;
	struct err e;

	buf_init(&out);
	for (const struct enc *enc = enc_table; enc->name; enc++) {
		if (enc_event(enc, ev, &config, &out, &e) < 0)
			abort();
		check_line(&out);
	}
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct event ev, again;
	struct buf first, second;
	struct err e = { 0 };

	if (event_unpack(data, size, a, &ev, &e) < 0) {
		if (!e.code || !e.msg[0])
			abort();
		arena_free(a);
		return 0;
	}
	buf_init(&first);
	buf_init(&second);
	if (!event_pack(&ev, &first) || event_unpack(first.data, first.len, a, &again, &e) < 0 || !event_pack(&again, &second))
		abort();
	if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
		abort();
	ev.store_id = "0123456789abcdef0123456789abcdef";
	ev.id = "0123456789abcdef0123456789abcdef-18446744073709551615-00000000";
	ev.seq = UINT64_MAX;
	encode(&ev);
	buf_fini(&first);
	buf_fini(&second);
	arena_free(a);
	return 0;
}
