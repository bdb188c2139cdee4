/* SPDX-License-Identifier: GPL-2.0-or-later */
/* enc: the table of formats, and what all of them do first: every word is made printable (no control characters, C1 ones
 * included, valid UTF-8), and as much as needed is shortened until the line fits. */
#include "event/enc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "event/community.h"
#include "event/enc_format.h"
#include "event/event.h"

/* In this order; ENC_* of enc_format.h are the same as numbers. */
const char *const enc_steps[] = {
	[ENC_NAMES_FEW] = "names: the first 8", [ENC_EVIDENCE_ONE] = "evidence: the first", [ENC_WORDS_120] = "words: 160 bytes",
	[ENC_DETAIL_THIRD] = "detail: what fits a third", [ENC_NAMES_NONE] = "names: none",
	[ENC_CONTEXT_NONE] = "context: none", [ENC_DETAIL_NONE] = "detail: none", [ENC_COPIES_NONE] = "copies: none",
	[ENC_WORDS_48] = "words: 48 bytes", [ENC_WORDS_12] = "words: 12 bytes", [ENC_STEPS] = NULL
};

#define CLIP "\xe2\x80\xa6"             /* … */
#define BROKEN "\xef\xbf\xbd"           /* U+FFFD */

struct slot {
	uint16_t offset;
	bool context;                   /* explains, does not identify */
};

#define W(member) { offsetof(struct event, member), false }
#define C(member) { offsetof(struct event, member), true }
static const struct slot event_slots[] = {
	C(service), W(rule), C(rule_place), W(why), W(exception), W(reason), W(community_id), C(technique), W(domain),
	W(dns_question), W(tls_name), W(site), C(sensitivity), W(policy_revision), C(policy_digest),
};
#undef W
#undef C
#define W(member) { offsetof(struct event_end, member), false }
#define C(member) { offsetof(struct event_end, member), true }
static const struct slot end_slots[] = {
	W(zone), W(zone_mode), W(iface), W(device_name), W(maker), W(cls), C(location), C(switch_port), C(authority),
	C(evidence[0]), C(evidence[1]), C(evidence[2]),
};
#undef W
#undef C

/* How words are written at a step. */
struct manner {
	struct arena *arena;
	size_t max;
	bool plain;                     /* no quotes and backslashes, which escaping would double */
	bool no_context;
};

static bool is_printable(uint32_t cp)
{
	return cp >= 0x20 && cp != 0x7f && !(cp >= 0x80 && cp < 0xa0) && cp != 0x2028 && cp != 0x2029;
}

/* Bytes of the code point at s and what is written for it; NULL: itself. */
static unsigned code_point(const char *s, size_t n, bool plain, const char **ret_instead)
{
	uint32_t cp;
	unsigned len = utf8_next(s, n, &cp);

	*ret_instead = NULL;
	if (len == 0 || !is_printable(cp))
		*ret_instead = BROKEN;
	else if (plain && cp == '"')
		*ret_instead = "'";
	else if (plain && cp == '\\')
		*ret_instead = "/";
	return len ? len : 1;
}

static bool is_fine(const char *s, size_t n, const struct manner *m)
{
	const char *instead;

	if (n > m->max)
		return false;
	for (size_t i = 0; i < n; ) {
		i += code_point(s + i, n - i, m->plain, &instead);
		if (instead)
			return false;
	}
	return true;
}

static const char *word_as(const char *s, const struct manner *m)
{
	size_t n = s ? strnlen(s, 4 * EVENT_WORD_MAX) : 0, room = m->max - strlen(CLIP), clip = 0;
	struct buf b;
	const char *ret;

	if (n == 0)
		return NULL;
	if (is_fine(s, n, m))
		return s;
	buf_init(&b);
	for (size_t i = 0; i < n && b.len <= m->max; ) {
		const char *instead;
		unsigned len = code_point(s + i, n - i, m->plain, &instead);

		if (instead)
			buf_str(&b, instead);
		else
			buf_add(&b, s + i, len);
		i += len;
		if (b.len <= room)
			clip = b.len;
	}
	if (b.len > m->max)
		ret = arena_printf(m->arena, "%.*s" CLIP, (int)clip, buf_cstr(&b));
	else
		ret = arena_strdup(m->arena, buf_cstr(&b));
	buf_fini(&b);
	return ret;
}

static void slots_as(void *object, const struct slot *slots, size_t n, const struct manner *m)
{
	for (size_t i = 0; i < n; i++) {
		const char **word = (const char **)(void *)((char *)object + slots[i].offset);

		*word = m->no_context && slots[i].context ? NULL : word_as(*word, m);
	}
}

/* --- detail: a JSON object whose last members may have to go --- */

/* The end of the member that starts at s: at its ',' or '}'. */
static const char *member_end(const char *s)
{
	unsigned depth = 0;
	bool quoted = false;

	for (; *s; s++) {
		if (quoted) {
			if (*s == '\\' && s[1])
				s++;
			else if (*s == '"')
				quoted = false;
		} else if (*s == '"') {
			quoted = true;
		} else if (*s == '{' || *s == '[') {
			depth++;
		} else if (depth == 0 && (*s == ',' || *s == '}')) {
			return s;
		} else if (*s == '}' || *s == ']') {
			depth--;
		}
	}
	return s;
}

static const char *detail_within(struct arena *a, const char *detail, size_t max)
{
	const char *at = detail + 1, *end, *ret;
	unsigned left_out = 0;
	struct buf b;

	if (strlen(detail) <= max)
		return detail;
	buf_init(&b);
	buf_char(&b, '{');
	for (; *at && *at != '}'; at = *end == ',' ? end + 1 : end) {
		end = member_end(at);
		if (b.len + (size_t)(end - at) + 24 > max) {
			left_out++;
			continue;
		}
		buf_add(&b, at, (size_t)(end - at));
		buf_char(&b, ',');
	}
	buf_printf(&b, "\"omitted\":%u}", left_out);
	ret = arena_strdup(a, buf_cstr(&b));
	buf_fini(&b);
	return ret;
}

/* --- shortening --- */

static size_t words_max(unsigned steps)
{
	return steps > ENC_WORDS_12 ? 12 : steps > ENC_WORDS_48 ? 48 : steps > ENC_WORDS_120 ? 160 : EVENT_WORD_MAX;
}

static void shorten(struct event *ev, unsigned steps, size_t budget, struct arena *a)
{
	struct manner m = { a, words_max(steps), steps > ENC_WORDS_48, steps > ENC_CONTEXT_NONE };
	struct event_end *ends[2] = { &ev->from, &ev->to };
	const char *community = ev->community_id;
	unsigned names = steps > ENC_NAMES_NONE ? 0 : steps > ENC_NAMES_FEW ? 8 : EVENT_NAMES;

	if (ev->n_names > names)
		ev->n_names = (uint8_t)names;
	for (unsigned i = 0; i < ev->n_names; i++)
		ev->names[i] = word_as(ev->names[i], &m);
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned j = 1; steps > ENC_EVIDENCE_ONE && j < EVENT_EVIDENCE; j++)
			ends[i]->evidence[j] = NULL;
		slots_as(ends[i], end_slots, sizeof(end_slots) / sizeof(end_slots[0]), &m);
	}
	slots_as(ev, event_slots, sizeof(event_slots) / sizeof(event_slots[0]), &m);
	ev->community_id = word_as(community, &(struct manner){ .arena = a, .max = COMMUNITY_TEXT });   /* of no use when cut */
	if (ev->detail && (steps > ENC_DETAIL_NONE || !event_is_object(ev->detail, strlen(ev->detail))))
		ev->detail = NULL;
	else if (ev->detail && steps > ENC_DETAIL_THIRD)
		ev->detail = detail_within(a, ev->detail, budget / 3);
}

int enc_event(const struct enc *enc, const struct event *ev, const struct enc_config *c, struct buf *out, struct err *e)
{
	size_t budget = c->budget ? c->budget : ENC_BUDGET;

	for (unsigned steps = 0; steps <= ENC_STEPS; steps++) {
		struct arena *a = arena_new();
		struct event copy = *ev;
		bool ok;

		if (!a)
			return err_plain(e, ENOMEM, "out of memory");
		shorten(&copy, steps, budget, a);
		buf_reset(out);
		enc->fn(&copy, c, steps, out);
		ok = !arena_failed(a) && !out->failed;
		arena_free(a);
		if (!ok)
			return err_plain(e, ENOMEM, "out of memory");
		if (out->len <= budget)
			return 0;
	}
	return err_plain(e, EMSGSIZE, "event %llu takes %zu bytes as %s even when shortened; %zu are allowed",
			 (unsigned long long)ev->seq, out->len, enc->name, budget);
}

/* --- words that several formats need --- */

void enc_flow_text(const struct event_end *end, struct buf *out)
{
	char text[ADDR_TEXT];

	if (end->device_name)
		buf_printf(out, " %s", end->device_name);
	if (end->addr.family)
		buf_printf(out, " %s", addr_text(&end->addr, text, sizeof(text)));
	else if (end->has_mac)
		buf_printf(out, " %s", addr_mac_text(&end->mac, text, sizeof(text)));
	else if (!end->device_name)
		buf_printf(out, " %s", end->zone ? end->zone : "any");
	if (end->maker && end->cls)
		buf_printf(out, " (%s, %s)", end->maker, end->cls);
	else if (end->maker || end->cls)
		buf_printf(out, " (%s)", end->maker ? end->maker : end->cls);
}

void enc_message(const struct event *ev, struct buf *out)
{
	const char *kind = word_name(event_kind_words, (int)ev->kind);

	buf_str(out, kind ? kind : "event");
	if (enc_has_flow(ev)) {
		buf_char(out, ':');
		enc_flow_text(&ev->from, out);
		buf_str(out, " to");
		enc_flow_text(&ev->to, out);
		if (ev->service)
			buf_printf(out, " %s", ev->service);
		buf_printf(out, ", %llu packet%s", (unsigned long long)ev->packets, ev->packets == 1 ? "" : "s");
		if (ev->summary)
			buf_str(out, " more");
	}
	if (ev->rule)
		buf_printf(out, ", rule %s", ev->rule);
	if (ev->reason)
		buf_printf(out, ": %s", ev->reason);
}

bool enc_has_flow(const struct event *ev)
{
	return event_is_traffic(ev->kind) || ev->from.addr.family || ev->to.addr.family;
}

const struct enc *enc_find(const char *name)
{
	for (const struct enc *enc = enc_table; enc->name; enc++)
		if (strcmp(enc->name, name) == 0)
			return enc;
	return NULL;
}

const struct enc enc_table[] = {
	{ "ecs", enc_ecs, "application/json" },
	{ "sd", enc_sd, "text/plain; charset=utf-8" },
	{ "syslog-ecs", enc_sd_ecs, "text/plain; charset=utf-8" },
	{ NULL, NULL, NULL }
};
