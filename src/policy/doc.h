/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doc: YAML text as a tree in which every node and key knows its place.  The only code that knows libyaml.
 * Strict: duplicate keys, `<<`, anchors, aliases, tags beyond the core ones, a second document, tabs, control bytes
 * and text that is no UTF-8 are errors, and so is all that exceeds the bounds below.
 * A doc owns its tree (one arena) and is frozen once made. */
#ifndef POLICY_DOC_H
#define POLICY_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

struct arena;
struct diag;

enum {
	DOC_MAX_BYTES = 64 << 20,
	DOC_MAX_DEPTH = 24,
	DOC_MAX_NODES = 6000000,
	DOC_MAX_SCALAR = 64 << 10,
};

enum doc_kind { DOC_SCALAR, DOC_SEQ, DOC_MAP };

struct doc_pair;

struct doc_node {
	enum doc_kind kind : 8;         /* there are hundreds of thousands of nodes */
	bool quoted;                    /* scalar: in quotes, a block scalar or !!str; so never null, a number or a truth value */
	uint32_t n;                     /* scalar: bytes; else items or pairs */
	union {
		const char *text;       /* scalar: UTF-8, NUL-terminated, without NUL inside; control characters: newline alone */
		struct doc_node *items;
		struct doc_pair *pairs;
	};
	struct loc loc;
};

struct doc_pair {
	const char *key;
	struct loc loc;
	struct doc_node value;
	bool quoted;
};

struct doc {
	struct arena *arena;
	struct doc_node root;
};

/* Parse text; name is for locations and is interned.  Hands the text to d for carets, adds what is wrong to d
 * and then returns NULL. */
struct doc *doc_parse(const char *name, const char *text, size_t len, struct diag *d);
/* Read the file (bounded) and parse it. */
struct doc *doc_load(const char *path, struct diag *d);
void doc_free(struct doc *doc);                                 /* NULL is fine */
OWN(doc)

/* The value of a key of a mapping; NULL when it is absent or node is no mapping.  ret (or NULL): the pair itself. */
const struct doc_node *doc_get(const struct doc_node *node, const char *key);
const struct doc_pair *doc_get_pair(const struct doc_node *node, const char *key);
/* A plain scalar that YAML reads as no value: nothing at all, ~ or null. */
bool doc_is_null(const struct doc_node *node);
/* "a mapping", "a list", "nothing", "text": for messages. */
const char *doc_kind_text(const struct doc_node *node);
/* Text checks alone: bounds, UTF-8, control characters, tabs.  For other formats (CSV).  false: said in d. */
bool doc_check_text(const char *name, const char *text, size_t len, struct diag *d);

#endif
