/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shipconf: one row per key; the rows serve reader, "did you mean", defaults and printer. */
#include "ship/shipconf_key.h"

#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "event/enc.h"

enum kind { TEXT, PATH, NUMBER, SIZE, TIME, FORMAT, TYPE, FRAME, SYNC };
enum { FOR_FILE = 1 << SHIPCONF_FILE, FOR_SYSLOG = 1 << SHIPCONF_SYSLOG, FOR_ALL = FOR_FILE | FOR_SYSLOG };

#define G(name, kind, member, fallback, min, max) { name, kind, 0, false, offsetof(struct shipconf, member), fallback, min, max }
#define S(name, kind, types, required, member, fallback, min, max) \
	{ name, kind, types, required, offsetof(struct shipconf_sink, member), fallback, min, max }

const struct shipconf_key shipconf_global_keys[] = {
	G("store", PATH, store, "/var/lib/ringfence", 0, 0),
	G("state", PATH, state, "/var/lib/ringfence-ship", 0, 0),
	G("hostname", TEXT, hostname, "", 0, 0),
	G("enterprise_number", NUMBER, pen, "32473", 1, UINT32_MAX),
	G("facility", NUMBER, facility, "16", 1, 23),
	G("poll", TIME, poll_ms, "250ms", 10, 60000),
	{ .name = NULL }
};

const struct shipconf_key shipconf_sink_keys[] = {
	S("type", TYPE, FOR_ALL, true, type, NULL, 0, 0),
	S("format", FORMAT, FOR_ALL, true, format, NULL, 0, 0),
	S("max_message", SIZE, FOR_ALL, false, budget, "2048", ENC_BUDGET_MIN, ENC_BUDGET_MAX),
	S("path", PATH, FOR_FILE, true, path, NULL, 0, 0),
	S("max_size", SIZE, FOR_FILE, false, max_size, "100M", 0, UINT64_C(1) << 40),
	S("keep", NUMBER, FOR_FILE, false, keep, "10", 1, 1000),
	S("sync", SYNC, FOR_FILE, false, sync, "batch", 0, 0),
	S("host", TEXT, FOR_SYSLOG, true, host, NULL, 0, 0),
	S("port", TEXT, FOR_SYSLOG, false, port, "601", 0, 0),
	S("framing", FRAME, FOR_SYSLOG, false, framing, "octet-counting", 0, 0),
	S("timeout", TIME, FOR_SYSLOG, false, timeout_ms, "10s", 100, 600000),
	S("confirm", TIME, FOR_SYSLOG, false, confirm_ms, "500ms", 0, 60000),
	S("window", NUMBER, FOR_ALL, false, window, "8192", 1, 100000),
	{ .name = NULL }
};

const struct word shipconf_types[] = { { "file", SHIPCONF_FILE }, { "syslog", SHIPCONF_SYSLOG }, { NULL, 0 } };
const struct word shipconf_syncs[] = { { "batch", SHIPCONF_SYNC_BATCH }, { "none", SHIPCONF_SYNC_NONE }, { NULL, 0 } };

struct unit { const char *name; uint64_t factor; };
static const struct unit sizes[] = { { "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 }, { "", 1 }, { NULL, 0 } };
static const struct unit times[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { NULL, 0 } };
static const struct unit numbers[] = { { "", 1 }, { NULL, 0 } };

static const struct unit *units_of(unsigned kind)
{
	return kind == SIZE ? sizes : kind == TIME ? times : numbers;
}

static const struct word *words_of(unsigned kind)
{
	return kind == TYPE ? shipconf_types : kind == FRAME ? framing_words : shipconf_syncs;
}

static bool read_number(const char *text, const struct unit *units, uint64_t *ret)
{
	uint64_t n = 0;
	const char *c = text;

	for (; *c >= '0' && *c <= '9'; c++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(*c - '0'), &n))
			return false;
	if (c == text)
		return false;
	for (; units->name; units++)
		if (strcmp(units->name, c) == 0)
			return !__builtin_mul_overflow(n, units->factor, ret);
	return false;
}

static void put_count(struct buf *out, const struct shipconf_key *k, uint64_t n)
{
	const struct unit *units = units_of(k->kind), *best = units;

	for (const struct unit *u = units; u->name; u++)        /* the largest that divides it; for 0 the smallest */
		if (n ? n % u->factor == 0 && (n % best->factor || u->factor > best->factor) : u->factor < best->factor)
			best = u;
	buf_printf(out, "%llu%s", (unsigned long long)(n / best->factor), best->name);
}

static void set_number(const struct shipconf_out *o, const struct shipconf_key *k, uint64_t *p, const char *text, struct loc loc)
{
	static const char *const examples[] = { [NUMBER] = "a whole number", [SIZE] = "a size such as 2048, 64K or 100M",
						[TIME] = "a time such as 250ms, 10s or 2m" };
	struct buf low, high;
	uint64_t n;

	if (!read_number(text, units_of(k->kind), &n)) {
		diag_add(o->diag, DIAG_ERROR, loc, "'%s' needs %s, not '%s'", k->name, examples[k->kind], text);
		return;
	}
	*p = n;
	if (n >= k->min && n <= k->max)
		return;
	buf_init(&low);
	buf_init(&high);
	put_count(&low, k, k->min);
	put_count(&high, k, k->max);
	diag_add(o->diag, DIAG_ERROR, loc, "'%s' must be between %s and %s, not %s", k->name, buf_cstr(&low), buf_cstr(&high),
		 text);
	buf_fini(&low);
	buf_fini(&high);
}

static void near_word(const struct shipconf_out *o, const struct shipconf_key *k, const char *text, struct loc loc,
		      const char *const *names, size_t n, const char *list)
{
	const char *near = word_nearest(text, names, n);

	if (near)
		diag_add(o->diag, DIAG_ERROR, loc, "'%s' can't be '%s'; did you mean '%s'?", k->name, text, near);
	else
		diag_add(o->diag, DIAG_ERROR, loc, "'%s' can't be '%s'; it is %s", k->name, text, list);
}

static void set_word(const struct shipconf_out *o, const struct shipconf_key *k, void *p, const char *text, struct loc loc)
{
	const struct word *table = words_of(k->kind);
	const char *names[SHIPCONF_KEYS];
	char list[160];
	size_t n = 0;
	int value;

	if (word_find(table, text, &value)) {
		memcpy(p, &value, sizeof(value));
		return;
	}
	for (const struct word *w = table; w->name && n < SHIPCONF_KEYS; w++)
		names[n++] = w->name;
	near_word(o, k, text, loc, names, n, word_list(table, list, sizeof(list)));
}

static void set_format(const struct shipconf_out *o, const struct shipconf_key *k, const struct enc **p, const char *text,
		       struct loc loc)
{
	const char *names[SHIPCONF_KEYS];
	struct buf list;
	size_t n = 0;

	*p = enc_find(text);
	if (*p)
		return;
	buf_init(&list);
	for (const struct enc *enc = enc_table; enc->name && n < SHIPCONF_KEYS; enc++) {
		buf_printf(&list, "%s%s", n ? enc[1].name ? ", " : " or " : "", enc->name);
		names[n++] = enc->name;
	}
	near_word(o, k, text, loc, names, n, buf_cstr(&list));
	buf_fini(&list);
}

void shipconf_set(const struct shipconf_out *o, const struct shipconf_key *k, void *object, const char *text, struct loc loc)
{
	void *p = (char *)object + k->offset;

	switch (k->kind) {
	case PATH:
		if (text[0] != '/')
			diag_add(o->diag, DIAG_ERROR, loc, "'%s' needs a path from the root, not '%s'", k->name, text);
		*(const char **)p = arena_strdup(o->arena, text);
		break;
	case TEXT:
		*(const char **)p = arena_strdup(o->arena, text);
		break;
	case FORMAT:
		set_format(o, k, p, text, loc);
		break;
	case NUMBER: case SIZE: case TIME:
		set_number(o, k, p, text, loc);
		break;
	default:
		set_word(o, k, p, text, loc);
	}
}

void shipconf_print_key(const struct shipconf_key *k, const void *object, struct buf *out)
{
	const void *p = (const char *)object + k->offset;
	int value;

	if ((k->kind == TEXT || k->kind == PATH) && (!*(const char *const *)p || !**(const char *const *)p))
		return;
	buf_printf(out, "%s = ", k->name);
	switch (k->kind) {
	case TEXT: case PATH:
		buf_str(out, *(const char *const *)p);
		break;
	case FORMAT:
		buf_str(out, (*(const struct enc *const *)p)->name);
		break;
	case NUMBER: case SIZE: case TIME:
		put_count(out, k, *(const uint64_t *)p);
		break;
	default:
		memcpy(&value, p, sizeof(value));
		buf_str(out, word_name(words_of(k->kind), value));
	}
	buf_char(out, '\n');
}
