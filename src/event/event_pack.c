/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event: the body of a stored row.  A version byte, then fields in table order: a tag (field number, high bit: bytes with a
 * length; else a number) and a varint (LEB128) or length and bytes.  Field numbers are for ever: what is stored years ago is read
 * by them; new ones are added, none is used again.  Numbers 1 to 63 are the event's, 64 to 95 from's, 96 to 126 to's. */
#include "event/event.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"

enum { VERSION = 1, BYTES = 0x80, FROM = 64, TO = 96 };
enum type { U8, U16, U64, I64, BOOL, WORD, DETAIL, MAC, ADDR, PORT, KIND, ACTION, SEVERITY };

struct field {
	uint8_t id, type;
	uint16_t offset, many;          /* many: length of an array of words */
};

#define F(n, t, member) { n, t, offsetof(struct event, member), 1 }
#define E(n, t, member) { n, t, offsetof(struct event_end, member), 1 }

static const struct field event_fields[] = {
	F(1, KIND, kind), F(2, I64, first_ns), F(3, I64, last_ns), F(4, U64, packets), F(5, U64, bytes),
	F(6, SEVERITY, severity), F(7, ACTION, action), F(8, BOOL, opener_is_from), F(9, U8, proto), F(10, U8, tcp_flags),
	F(11, U8, icmp_type), F(12, U8, icmp_code), F(13, BOOL, summary), F(14, WORD, service), F(15, WORD, rule),
	F(16, WORD, rule_place), F(17, WORD, why), F(18, WORD, exception), F(19, WORD, reason), F(20, WORD, community_id),
	F(21, WORD, technique), F(22, WORD, domain), F(23, WORD, dns_question), F(24, WORD, tls_name), F(25, WORD, site),
	F(26, WORD, sensitivity), F(27, WORD, policy_revision), F(28, WORD, policy_digest), F(29, DETAIL, detail),
	{ 30, WORD, offsetof(struct event, names), EVENT_NAMES }, F(31, U64, more_names),
};

static const struct field end_fields[] = {
	E(0, WORD, zone), E(1, WORD, zone_mode), E(2, WORD, iface), E(3, U16, vlan), E(4, MAC, mac), E(5, ADDR, addr),
	E(6, PORT, port), E(7, U64, device), E(8, WORD, device_name), E(9, WORD, maker), E(10, WORD, cls),
	E(11, WORD, location), E(12, WORD, switch_port), { 13, WORD, offsetof(struct event_end, evidence), EVENT_EVIDENCE },
	E(14, WORD, authority),
};

enum { N_EVENT = sizeof(event_fields) / sizeof(event_fields[0]), N_END = sizeof(end_fields) / sizeof(end_fields[0]) };

/* --- writing --- */

static void put_varint(struct buf *out, uint64_t v)
{
	while (v >= 0x80) {
		buf_char(out, (char)(v | 0x80));
		v >>= 7;
	}
	buf_char(out, (char)v);
}

static void put_number(struct buf *out, unsigned id, uint64_t v)
{
	buf_char(out, (char)id);
	put_varint(out, v);
}

static void put_bytes(struct buf *out, unsigned id, const void *p, size_t n)
{
	buf_char(out, (char)(id | BYTES));
	put_varint(out, n);
	buf_add(out, p, n);
}

static void put_word(struct buf *out, unsigned id, const char *s)
{
	size_t n;

	if (!s || !*s)
		return;
	n = strnlen(s, EVENT_WORD_MAX + 1);
	put_bytes(out, id, s, n > EVENT_WORD_MAX ? utf8_trim(s, EVENT_WORD_MAX) : n);
}

static void put_detail(struct buf *out, unsigned id, const char *s)
{
	size_t n = s ? strlen(s) : 0;
	char instead[48];

	if (n == 0)
		return;
	if (n > EVENT_DETAIL_MAX || !event_is_object(s, n)) {
		snprintf(instead, sizeof(instead), "{\"unreadable\":%zu}", n);
		s = instead;
		n = strlen(s);
	}
	put_bytes(out, id, s, n);
}

static uint64_t number_at(const void *p, unsigned type)
{
	switch (type) {
	case U8: case SEVERITY:
		return *(const uint8_t *)p;
	case BOOL:
		return *(const bool *)p;
	case U16: case PORT:
		return *(const uint16_t *)p;
	case KIND:
		return *(const enum event_kind *)p;
	case ACTION:
		return *(const enum event_action *)p;
	case I64:
		return (uint64_t)*(const int64_t *)p;
	default:
		return *(const uint64_t *)p;
	}
}

static void put_field(struct buf *out, const struct field *f, unsigned base, const void *object)
{
	const void *p = (const char *)object + f->offset;
	unsigned id = base + f->id;
	const struct event_end *end = object;           /* MAC, ADDR and PORT are an end's alone */
	const struct addr *addr = p;

	if (f->type == WORD) {
		for (unsigned i = 0; i < f->many; i++)
			put_word(out, id, ((const char *const *)p)[i]);
	} else if (f->type == DETAIL) {
		put_detail(out, id, *(const char *const *)p);
	} else if (f->type == MAC) {
		if (end->has_mac)
			put_bytes(out, id, p, sizeof(struct mac));
	} else if (f->type == ADDR) {
		if (addr->family)
			put_bytes(out, id, addr->b, addr->family == 4 ? 4 : 16);
	} else if (f->type == PORT ? end->has_port : f->type == KIND || number_at(p, f->type)) {
		put_number(out, id, number_at(p, f->type));
	}
}

bool event_pack(const struct event *ev, struct buf *out)
{
	buf_char(out, VERSION);
	for (unsigned i = 0; i < N_EVENT; i++)
		put_field(out, &event_fields[i], 0, ev);
	for (unsigned i = 0; i < N_END; i++)
		put_field(out, &end_fields[i], FROM, &ev->from);
	for (unsigned i = 0; i < N_END; i++)
		put_field(out, &end_fields[i], TO, &ev->to);
	return !out->failed;
}

/* --- reading --- */

struct cursor {
	const uint8_t *at, *end;
	struct arena *arena;
	bool bad;
	bool kind_seen;
};

static uint64_t get_varint(struct cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b;

		if (c->at == c->end)
			break;
		b = *c->at++;
		if (shift == 63 && b > 1)
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}

static const struct field *find(const struct field *fields, unsigned n, unsigned id)
{
	for (unsigned i = 0; i < n; i++)
		if (fields[i].id == id)
			return &fields[i];
	return NULL;
}

static bool set_number(void *p, unsigned type, uint64_t v)
{
	switch (type) {
	case U8:
		*(uint8_t *)p = (uint8_t)v;
		return v <= UINT8_MAX;
	case SEVERITY:
		*(uint8_t *)p = (uint8_t)v;
		return v <= 4;
	case BOOL:
		*(bool *)p = v == 1;
		return v <= 1;
	case U16: case PORT:
		*(uint16_t *)p = (uint16_t)v;
		return v <= UINT16_MAX;
	case KIND:
		if (v < EVENT_KINDS)
			*(enum event_kind *)p = (enum event_kind)v;
		return v < EVENT_KINDS;
	case ACTION:
		if (v <= EVENT_PASSED)
			*(enum event_action *)p = (enum event_action)v;
		return v <= EVENT_PASSED;
	case I64:
		*(int64_t *)p = (int64_t)v;
		return true;
	case U64:
		*(uint64_t *)p = v;
		return true;
	default:
		return false;
	}
}

static bool set_word(struct cursor *c, const struct field *f, void *p, const uint8_t *data, size_t n)
{
	const char **slot = p;
	size_t max = f->type == DETAIL ? EVENT_DETAIL_MAX : EVENT_WORD_MAX;

	if (n == 0 || n > max || memchr(data, '\0', n))
		return false;
	if (f->type == DETAIL && !event_is_object((const char *)data, n))
		return false;
	for (unsigned i = 0; i < f->many; i++, slot++) {
		if (f->many > 1 && *slot)
			continue;
		*slot = arena_strndup(c->arena, (const char *)data, n);
		return true;
	}
	return false;
}

static bool set_bytes(struct cursor *c, const struct field *f, void *object, const uint8_t *data, size_t n)
{
	void *p = (char *)object + f->offset;
	struct event_end *end = object;

	switch (f->type) {
	case WORD: case DETAIL:
		return set_word(c, f, p, data, n);
	case MAC:
		if (n != sizeof(struct mac))
			return false;
		memcpy(p, data, n);
		return end->has_mac = true;
	case ADDR:
		if (n != 4 && n != 16)
			return false;
		*(struct addr *)p = n == 4 ? addr_v4_net(data) : addr_v6_net(data);
		return true;
	default:
		return false;
	}
}

/* One field; what is unknown is passed over. */
static void get_field(struct cursor *c, struct event *ev)
{
	unsigned tag = *c->at++, id = tag & 0x7f, base = id < FROM ? 0 : id < TO ? FROM : TO;
	void *object = base == 0 ? (void *)ev : base == FROM ? &ev->from : &ev->to;
	const struct field *f = base ? find(end_fields, N_END, id - base) : find(event_fields, N_EVENT, id);
	uint64_t v = get_varint(c);
	const uint8_t *data = c->at;

	if (tag & BYTES) {
		if (c->bad || v > (uint64_t)(c->end - c->at)) {
			c->bad = true;
			return;
		}
		c->at += v;
	}
	if (c->bad || !f)
		return;
	if (tag & BYTES ? !set_bytes(c, f, object, data, v) : !set_number((char *)object + f->offset, f->type, v))
		c->bad = true;
	if (f->type == PORT)
		((struct event_end *)object)->has_port = true;
	c->kind_seen |= f->type == KIND;
}

int event_unpack(const void *body, size_t len, struct arena *a, struct event *ret, struct err *e)
{
	struct cursor c = { .at = body, .end = (const uint8_t *)body + len, .arena = a };
	struct event ev = { 0 };

	if (len == 0 || len > EVENT_BODY_MAX)
		return err_plain(e, EBADMSG, "an event's body has %zu bytes", len);
	if (*c.at++ != VERSION)
		return err_plain(e, EBADMSG, "an event's body is of version %u, not %u", *(const uint8_t *)body, VERSION);
	while (!c.bad && c.at < c.end)
		get_field(&c, &ev);
	if (c.bad)
		return err_plain(e, EBADMSG, "an event's body is damaged at byte %zu", (size_t)(c.at - (const uint8_t *)body));
	if (!c.kind_seen)
		return err_plain(e, EBADMSG, "an event's body names no kind");
	while (ev.n_names < EVENT_NAMES && ev.names[ev.n_names])
		ev.n_names++;
	if (arena_failed(a))
		return err_plain(e, ENOMEM, "out of memory");
	*ret = ev;
	return 0;
}
