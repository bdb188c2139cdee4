/* SPDX-License-Identifier: GPL-2.0-or-later */
/* datafile: what the readers of maker and pack files share: directories of small YAML files in name order, their digests,
 * and scalars, words and lists out of mappings, with findings where they stand.  One thread, while loading. */
#ifndef POLICY_DATAFILE_H
#define POLICY_DATAFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"

struct arena;
struct diag;
struct doc_node;
struct word;

/* A file that took part, for digests and heartbeats. */
struct policy_file {
	const char *path;
	uint8_t sha256[32];
	size_t bytes;
};

/* A VEC (base/vec.h) on the heap; the paths are interned.  The caller frees with VEC_FREE. */
struct datafile_files {
	struct policy_file *at;
	size_t n, cap;
};

struct datafile {
	struct arena *arena;
	struct diag *diag;
	bool failed;                    /* an error was added */
};

/* Parse each *.yaml below dir and hand its root, a mapping, to read.  missing_ok: a directory that is not there is empty. */
void datafile_each(struct datafile *f, const char *dir, bool missing_ok, struct datafile_files *files,
		   void (*read)(void *ctx, const struct doc_node *root), void *ctx);
void datafile_error(struct datafile *f, struct loc loc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Is node a mapping with none but these keys? */
bool datafile_keys(struct datafile *f, const struct doc_node *node, const char *const *keys, size_t n);
/* Text of a key, in the arena; absent: NULL, and an error where it is required. */
const char *datafile_text(struct datafile *f, const struct doc_node *map, const char *key, bool required);
/* A name: [a-z0-9] then [a-z0-9.-]. */
const char *datafile_name(struct datafile *f, const struct doc_node *map, const char *key);
bool datafile_word(struct datafile *f, const struct doc_node *map, const char *key, const struct word *words, int *ret);
/* A list of texts; absent: none.  ret_locs may be NULL. */
uint32_t datafile_list(struct datafile *f, const struct doc_node *map, const char *key, uint32_t max, const char ***ret,
		       struct loc **ret_locs);

#endif
