/* SPDX-License-Identifier: GPL-2.0-or-later */
/* datafile: one pass per file: read, digest, parse, hand on.  Each helper adds its own finding and sets failed, so that
 * a reader goes through the whole file and every mistake in it is told at once. */
#include "policy/datafile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/own.h"
#include "base/word.h"
#include "policy/doc.h"

enum { MAX_FILES = 4096, MAX_FILE = 4 << 20 };

void datafile_error(struct datafile *f, struct loc loc, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_add(f->diag, DIAG_ERROR, loc, "%s", text);
	f->failed = true;
}

/* An error of base, as a finding. */
static void fail(struct datafile *f, const struct err *e)
{
	diag_err(f->diag, e);
	f->failed = true;
}

static void read_one(struct datafile *f, const char *path, struct datafile_files *files,
		     void (*read)(void *ctx, const struct doc_node *root), void *ctx)
{
	struct policy_file file = { .path = err_intern(path) };
	AUTO_MEM char *text = NULL;
	AUTO(doc) doc = NULL;
	struct err e = { 0 };

	if (file_read(path, MAX_FILE, &text, &file.bytes, &e)) {
		fail(f, &e);
		return;
	}
	digest_sha256(text, file.bytes, file.sha256);
	doc = doc_parse(path, text, file.bytes, f->diag);
	if (!doc)
		f->failed = true;
	else if (doc->root.kind != DOC_MAP)
		datafile_error(f, doc->root.loc, "the file is %s, not a mapping", doc_kind_text(&doc->root));
	else
		read(ctx, &doc->root);
	if (files && !VEC_PUSH(files, file))
		datafile_error(f, LOC_NONE, "out of memory");
}

void datafile_each(struct datafile *f, const char *dir, bool missing_ok, struct datafile_files *files,
		   void (*read)(void *ctx, const struct doc_node *root), void *ctx)
{
	struct err e = { 0 };
	struct stat st;
	char **names = NULL;
	size_t n = 0;

	if (missing_ok && stat(dir, &st) && errno == ENOENT)
		return;
	if (file_list(dir, ".yaml", &names, &n, &e)) {
		fail(f, &e);
		return;
	}
	if (n > MAX_FILES)
		datafile_error(f, LOC_NONE, "%s holds more than %d files", dir, MAX_FILES);
	for (size_t i = 0; i < n && n <= MAX_FILES; i++)
		read_one(f, names[i], files, read, ctx);
	file_list_free(names, n);
}

bool datafile_keys(struct datafile *f, const struct doc_node *node, const char *const *keys, size_t n)
{
	bool good = true;

	if (node->kind != DOC_MAP) {
		datafile_error(f, node->loc, "here stands %s, not a mapping", doc_kind_text(node));
		return false;
	}
	for (uint32_t i = 0; i < node->n; i++) {
		const struct doc_pair *pair = &node->pairs[i];
		const char *near;
		size_t k = 0;

		while (k < n && strcmp(pair->key, keys[k]) != 0)
			k++;
		if (k < n)
			continue;
		near = word_nearest(pair->key, keys, n);
		datafile_error(f, pair->loc, near ? "unknown key '%.64s': did you mean '%s'?" : "unknown key '%.64s'",
			       pair->key, near);
		good = false;
	}
	return good;
}

static char *keep(struct datafile *f, const char *text)
{
	char *copy = arena_strdup(f->arena, text);

	if (!copy)
		datafile_error(f, LOC_NONE, "out of memory");
	return copy;
}

/* A scalar that says something, or NULL with a finding. */
static const char *text_of(struct datafile *f, const struct doc_node *node, const char *what)
{
	if (node->kind == DOC_SCALAR && !doc_is_null(node) && node->n)
		return keep(f, node->text);
	datafile_error(f, node->loc, "%s is text, not %s", what, doc_kind_text(node));
	return NULL;
}

const char *datafile_text(struct datafile *f, const struct doc_node *map, const char *key, bool required)
{
	const struct doc_node *node = doc_get(map, key);

	if (node)
		return text_of(f, node, key);
	if (required)
		datafile_error(f, map->loc, "'%s' is missing", key);
	return NULL;
}

const char *datafile_name(struct datafile *f, const struct doc_node *map, const char *key)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char more[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
	const char *name = datafile_text(f, map, key, true);

	if (!name)
		return NULL;
	if (strspn(name, first) && !name[strspn(name, more)] && strlen(name) <= 64)
		return name;
	datafile_error(f, doc_get(map, key)->loc,
		       "'%.64s' is no name: lower-case letters, digits, '-' and '.', at most 64, a letter or digit first", name);
	return NULL;
}

bool datafile_word(struct datafile *f, const struct doc_node *map, const char *key, const struct word *words, int *ret)
{
	const char *text = datafile_text(f, map, key, true);
	char list[128];

	if (!text)
		return false;
	if (word_find(words, text, ret))
		return true;
	datafile_error(f, doc_get(map, key)->loc, "'%.64s' is no %s: write %s", text, key,
		       word_list(words, list, sizeof(list)));
	return false;
}

uint32_t datafile_list(struct datafile *f, const struct doc_node *map, const char *key, uint32_t max, const char ***ret,
		       struct loc **ret_locs)
{
	const struct doc_node *node = doc_get(map, key);
	const char **texts;
	struct loc *locs;
	uint32_t n = 0;

	if (!node)
		return 0;
	if (node->kind != DOC_SEQ || node->n > max) {
		datafile_error(f, node->loc, "%s is a list of at most %u texts", key, max);
		return 0;
	}
	texts = arena_array(f->arena, node->n + 1, const char *);
	locs = arena_array(f->arena, node->n + 1, struct loc);
	if (!texts || !locs) {
		datafile_error(f, LOC_NONE, "out of memory");
		return 0;
	}
	for (uint32_t i = 0; i < node->n; i++) {
		texts[n] = text_of(f, &node->items[i], key);
		locs[n] = node->items[i].loc;
		n += texts[n] != NULL;
	}
	*ret = texts;
	if (ret_locs)
		*ret_locs = locs;
	return n;
}
