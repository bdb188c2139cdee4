/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text is checked byte by byte first (doc_text.c), so that libyaml only ever sees clean UTF-8 whose lines are
 * those that an editor counts.  Then its events are folded into a tree; recursion is bounded by DOC_MAX_DEPTH. */
#include "policy/doc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/vec.h"

struct doc_build {
	struct arena *arena;
	struct diag *diag;
	const char *file;
	yaml_parser_t parser;
	unsigned depth;
	uint32_t nodes;
};

/* What libyaml says of common slips, and what to write instead. */
static const struct { const char *problem, *hint; } hints[] = {
	{ "mapping values are not allowed", "put text that contains ': ' in quotes, or check the indentation" },
	{ "could not find expected ':'", "write 'key: value', and quote text that goes over lines" },
	{ "did not find expected key", "check that this line is indented as its neighbours are" },
	{ "did not find expected '-' indicator", "check that every '-' of the list stands in the same column" },
	{ "did not find expected ',' or ']'", "write ',' between the items and ']' after the last" },
	{ "did not find expected ',' or '}'", "write ',' between the entries and '}' after the last" },
	{ "found character that cannot start any token", "put text that begins with '@', '`' or '%' in quotes" },
	{ "found unexpected end of stream", "a quote, '[' or '{' is not closed" },
	{ "found unknown escape character", "write '\\\\' for a backslash, or use single quotes" },
	{ "block sequence entries are not allowed", "put a list on lines of its own below its key" },
	{ "did not find expected node content", "a value is missing here, or one that begins with ':' needs quotes" },
	{ "did not find expected <document start>", "everything belongs below a key: check the indentation" },
};

static struct loc loc_of(const struct doc_build *b, yaml_mark_t mark)
{
	return (struct loc){ b->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1 };
}

static bool out_of_memory(struct doc_build *b)
{
	diag_add(b->diag, DIAG_ERROR, (struct loc){ b->file, 1, 1 }, "out of memory while reading the file");
	return false;
}

static bool refuse_yaml(struct doc_build *b)
{
	const yaml_parser_t *p = &b->parser;
	const char *problem = p->problem ? p->problem : "it cannot be read", *hint = NULL;
	char context[160] = "";

	if (p->error == YAML_MEMORY_ERROR)
		return out_of_memory(b);
	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints) && !hint; i++)
		if (!strncmp(problem, hints[i].problem, strlen(hints[i].problem)))
			hint = hints[i].hint;
	if (p->context)
		snprintf(context, sizeof(context), ", %s that starts at line %zu, column %zu", p->context,
			 p->context_mark.line + 1, p->context_mark.column + 1);
	diag_add(b->diag, DIAG_ERROR, loc_of(b, p->problem_mark), "this is no YAML: %s%s%s%s", problem, context,
		 hint ? ": " : "", hint ? hint : "");
	return false;
}

static bool next(struct doc_build *b, yaml_event_t *ev)
{
	return yaml_parser_parse(&b->parser, ev) ? true : refuse_yaml(b);
}

/* Tags: the core ones alone, and those only where they agree with what the node is.  *ret_text: !!str. */
static bool check_tag(struct doc_build *b, const yaml_event_t *ev, const unsigned char *tag, enum doc_kind kind,
		      bool *ret_text)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	static const struct { const char *name; enum doc_kind kind; } core[] = {
		{ "str", DOC_SCALAR }, { "int", DOC_SCALAR }, { "bool", DOC_SCALAR }, { "null", DOC_SCALAR },
		{ "float", DOC_SCALAR }, { "seq", DOC_SEQ }, { "map", DOC_MAP },
	};
	const char *t = (const char *)tag;

	if (!t)
		return true;
	for (size_t i = 0; i < sizeof(core) / sizeof(*core) && !strncmp(t, prefix, sizeof(prefix) - 1); i++)
		if (core[i].kind == kind && !strcmp(t + sizeof(prefix) - 1, core[i].name)) {
			*ret_text = !strcmp(core[i].name, "str");
			return true;
		}
	diag_add(b->diag, DIAG_ERROR, loc_of(b, ev->start_mark), "the tag '%.80s' means nothing here: leave it out", t);
	return false;
}

static bool check_event(struct doc_build *b, const yaml_event_t *ev, const unsigned char *anchor)
{
	struct loc loc = loc_of(b, ev->start_mark);

	if (anchor) {
		diag_add(b->diag, DIAG_ERROR, loc, "the anchor '&%.80s': anchors and aliases are not read; write the "
			 "value out where it is needed", (const char *)anchor);
		return false;
	}
	if (++b->nodes > DOC_MAX_NODES) {
		diag_add(b->diag, DIAG_ERROR, loc, "more than %d values and keys in one file", DOC_MAX_NODES);
		return false;
	}
	return true;
}

static bool check_scalar_text(struct doc_build *b, struct loc loc, const char *s, size_t len)
{
	if (len > DOC_MAX_SCALAR) {
		diag_add(b->diag, DIAG_ERROR, loc, "a text of %zu bytes; at most %d are read", len, DOC_MAX_SCALAR);
		return false;
	}
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)s[i] < 0x20 && s[i] != '\n') || s[i] == 0x7f) {
			diag_add(b->diag, DIAG_ERROR, loc, "the text holds the control character 0x%02X", s[i]);
			return false;
		}
	return true;
}

static bool build_scalar(struct doc_build *b, const yaml_event_t *ev, struct doc_node *ret)
{
	const char *s = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	bool text = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;

	ret->kind = DOC_SCALAR;
	ret->loc = loc_of(b, ev->start_mark);
	if (!check_event(b, ev, ev->data.scalar.anchor) || !check_scalar_text(b, ret->loc, s, len) ||
	    !check_tag(b, ev, ev->data.scalar.tag, DOC_SCALAR, &text))
		return false;
	ret->quoted = text;
	ret->n = (uint32_t)len;
	ret->text = arena_strndup(b->arena, s, len);
	return ret->text ? true : out_of_memory(b);
}

static bool build_node(struct doc_build *b, const yaml_event_t *ev, struct doc_node *ret);

static bool build_seq(struct doc_build *b, struct doc_node *ret)
{
	VEC(struct doc_node) v = { 0 };
	bool ok = true, end = false;

	while (ok && !end) {
		struct doc_node item = { 0 };
		yaml_event_t ev;

		if (!next(b, &ev)) {
			ok = false;
			break;
		}
		end = ev.type == YAML_SEQUENCE_END_EVENT;
		if (!end)
			ok = build_node(b, &ev, &item) && (VEC_PUSH(&v, item) || out_of_memory(b));
		yaml_event_delete(&ev);
	}
	if (ok && v.n) {
		ret->items = arena_memdup(b->arena, v.at, v.n * sizeof(*v.at));
		ret->n = (uint32_t)v.n;
		ok = ret->items || out_of_memory(b);
	}
	VEC_FREE(&v);
	return ok;
}

static bool refuse_twice(struct doc_build *b, const struct doc_pair *pair, const struct doc_pair *first)
{
	diag_add2(b->diag, DIAG_ERROR, pair->loc, first->loc, "first written here",
		  "the key '%.80s' stands here twice: merge the two or rename one", pair->key);
	return false;
}

/* No key twice; in a table of slots for large mappings. */
static bool check_keys(struct doc_build *b, const struct doc_pair *pairs, uint32_t n)
{
	size_t size = 16;
	uint32_t *slots;
	bool ok = true;

	while (size < (size_t)n * 2)
		size *= 2;
	slots = calloc(size, sizeof(*slots));
	if (!slots)
		return out_of_memory(b);
	for (uint32_t i = 0; i < n && ok; i++) {
		size_t at = digest_hash64(pairs[i].key, strlen(pairs[i].key), 0) & (size - 1);

		for (; slots[at] && ok; at = (at + 1) & (size - 1))
			if (!strcmp(pairs[slots[at] - 1].key, pairs[i].key))
				ok = refuse_twice(b, &pairs[i], &pairs[slots[at] - 1]);
		slots[at] = i + 1;
	}
	free(slots);
	return ok;
}

static bool build_key(struct doc_build *b, const yaml_event_t *ev, struct doc_pair *ret)
{
	struct doc_node key = { 0 };

	if (ev->type == YAML_MAPPING_START_EVENT || ev->type == YAML_SEQUENCE_START_EVENT) {
		diag_add(b->diag, DIAG_ERROR, loc_of(b, ev->start_mark),
			 "a key is one word, not a list or a mapping: write 'key: value'");
		return false;
	}
	if (!build_node(b, ev, &key))
		return false;
	if (!key.quoted && !strcmp(key.text, "<<")) {
		diag_add(b->diag, DIAG_ERROR, key.loc, "'<<' merges are not read: write the keys out");
		return false;
	}
	ret->key = key.text;
	ret->quoted = key.quoted;
	ret->loc = key.loc;
	return true;
}

/* The key has been read by ev; its value follows. */
static bool build_pair(struct doc_build *b, const yaml_event_t *key, struct doc_pair *ret)
{
	yaml_event_t ev;
	bool ok;

	if (!build_key(b, key, ret) || !next(b, &ev))
		return false;
	ok = build_node(b, &ev, &ret->value);
	yaml_event_delete(&ev);
	return ok;
}

static bool build_map(struct doc_build *b, struct doc_node *ret)
{
	VEC(struct doc_pair) v = { 0 };
	bool ok = true, end = false;

	while (ok && !end) {
		struct doc_pair pair = { 0 };
		yaml_event_t ev;

		if (!next(b, &ev)) {
			ok = false;
			break;
		}
		end = ev.type == YAML_MAPPING_END_EVENT;
		if (!end)
			ok = build_pair(b, &ev, &pair) && (VEC_PUSH(&v, pair) || out_of_memory(b));
		yaml_event_delete(&ev);
	}
	if (ok && v.n) {
		ret->pairs = arena_memdup(b->arena, v.at, v.n * sizeof(*v.at));
		ret->n = (uint32_t)v.n;
		ok = ret->pairs ? check_keys(b, ret->pairs, ret->n) : out_of_memory(b);
	}
	VEC_FREE(&v);
	return ok;
}

static bool build_inner(struct doc_build *b, const yaml_event_t *ev, struct doc_node *ret)
{
	bool map = ev->type == YAML_MAPPING_START_EVENT, ok, text = false;
	const unsigned char *anchor = map ? ev->data.mapping_start.anchor : ev->data.sequence_start.anchor;
	const unsigned char *tag = map ? ev->data.mapping_start.tag : ev->data.sequence_start.tag;

	ret->kind = map ? DOC_MAP : DOC_SEQ;
	ret->loc = loc_of(b, ev->start_mark);
	if (!check_event(b, ev, anchor) || !check_tag(b, ev, tag, ret->kind, &text))
		return false;
	if (b->depth == DOC_MAX_DEPTH) {
		diag_add(b->diag, DIAG_ERROR, ret->loc, "lists and mappings more than %d deep", DOC_MAX_DEPTH);
		return false;
	}
	b->depth++;
	ok = map ? build_map(b, ret) : build_seq(b, ret);
	b->depth--;
	return ok;
}

static bool build_node(struct doc_build *b, const yaml_event_t *ev, struct doc_node *ret)
{
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return build_scalar(b, ev, ret);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return build_inner(b, ev, ret);
	case YAML_ALIAS_EVENT:
		diag_add(b->diag, DIAG_ERROR, loc_of(b, ev->start_mark), "the alias '*%.80s': anchors and aliases are "
			 "not read; write the value out", (const char *)ev->data.alias.anchor);
		return false;
	default:
		diag_add(b->diag, DIAG_ERROR, loc_of(b, ev->start_mark), "a value is missing here");
		return false;
	}
}

static bool refuse_count(struct doc_build *b, const yaml_event_t *ev, bool first)
{
	if (first)
		diag_add(b->diag, DIAG_ERROR, (struct loc){ b->file, 1, 1 }, "the file says nothing");
	else
		diag_add(b->diag, DIAG_ERROR, loc_of(b, ev->start_mark),
			 "a second document starts here: one file is one document; remove the '---'");
	return false;
}

/* Stream start, document start, one node, document end, stream end. */
static bool build_document(struct doc_build *b, struct doc_node *ret)
{
	bool ok = true, first = true;

	for (bool end = false; ok && !end;) {
		yaml_event_t ev;

		if (!next(b, &ev))
			return false;
		end = ev.type == YAML_STREAM_END_EVENT;
		if (end || ev.type == YAML_DOCUMENT_START_EVENT) {
			ok = end != first || refuse_count(b, &ev, first);
			first = false;
		} else if (ev.type != YAML_STREAM_START_EVENT && ev.type != YAML_DOCUMENT_END_EVENT) {
			ok = build_node(b, &ev, ret);
		}
		yaml_event_delete(&ev);
	}
	return ok;
}

static bool build(struct doc_build *b, const char *text, size_t len, struct doc_node *ret)
{
	bool ok;

	if (!yaml_parser_initialize(&b->parser))
		return out_of_memory(b);
	yaml_parser_set_encoding(&b->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b->parser, (const unsigned char *)text, len);
	ok = build_document(b, ret);
	yaml_parser_delete(&b->parser);
	return ok;
}

struct doc *doc_parse(const char *name, const char *text, size_t len, struct diag *d)
{
	struct doc_build b = { .diag = d, .file = err_intern(name) };
	struct doc_node root = { 0 };
	struct doc *doc;

	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {     /* a byte order mark is no text */
		text += 3;
		len -= 3;
	}
	diag_source(d, name, text, len);
	if (!doc_check_text(name, text, len, d))
		return NULL;
	b.arena = arena_new();
	doc = b.arena ? arena_new_of(b.arena, struct doc) : NULL;
	if (!doc || !build(&b, text, len, &root)) {
		if (!doc)
			out_of_memory(&b);
		arena_free(b.arena);
		return NULL;
	}
	doc->arena = b.arena;
	doc->root = root;
	return doc;
}

struct doc *doc_load(const char *path, struct diag *d)
{
	AUTO_MEM char *text = NULL;
	struct err e = { 0 };
	size_t len;

	if (file_read(path, DOC_MAX_BYTES, &text, &len, &e) < 0) {
		diag_err(d, &e);
		return NULL;
	}
	return doc_parse(path, text, len, d);
}

void doc_free(struct doc *doc)
{
	if (doc)
		arena_free(doc->arena);
}
