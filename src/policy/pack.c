/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pack: the files.  What they claim is checked as far as the form can tell: a text that names nobody cannot have a maker
 * as named, nothing ends before it begins, every authority has its date and source. */
#include "policy/pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/vec.h"
#include "policy/doc.h"

enum { MAX_PACKS = 256, MAX_AUTHORITIES = 64, MAX_ENTRIES = 4096 };

const struct word pack_basis_words[] = {
	{ "named", POLICY_NAMED }, { "understood", POLICY_UNDERSTOOD }, { "described", POLICY_DESCRIBED }, { NULL, 0 },
};
const struct word pack_kind_words[] = {
	{ "named", POLICY_AUTH_NAMED }, { "descriptive", POLICY_AUTH_DESCRIPTIVE },
	{ "procurement", POLICY_AUTH_PROCUREMENT }, { NULL, 0 },
};

static const char *const pack_keys[] = { "pack", "title", "authorities", "makers" };
static const char *const authority_keys[] = {
	"id", "title", "kind", "jurisdiction", "date", "source", "valid_from", "valid_to",
};
static const char *const entry_keys[] = { "maker", "basis", "authority", "valid_from", "valid_to" };

struct loaded {
	struct policy_pack pack;
	size_t dir;                     /* a later directory may replace it */
};

struct pack_load {
	struct datafile file;
	const struct policy_maker *makers;
	uint32_t n_makers;
	VEC(struct loaded) packs;
	size_t dir;
};

/* A moment of map; absent: not set, and an error where it is required. */
static void read_time(struct datafile *f, const struct doc_node *map, const char *key, bool required, bool end,
		      struct policy_time *ret)
{
	const char *text = datafile_text(f, map, key, required);
	struct err e = { 0 };

	if (!text || !when_parse(text, NULL, end, doc_get(map, key)->loc, ret, &e))
		return;
	diag_err(f->diag, &e);
	f->failed = true;
}

static void check_span(struct datafile *f, const struct policy_time *from, const struct policy_time *to)
{
	if (from->set && to->set && to->ns <= from->ns)
		datafile_error(f, to->loc, "valid_to %s is not after valid_from %s", to->text, from->text);
}

static void twice(struct datafile *f, struct loc loc, struct loc first, const char *what, const char *name)
{
	diag_add2(f->diag, DIAG_ERROR, loc, first, "first here", "%s '%s' is here twice", what, name);
	f->failed = true;
}

/* The list below key, bounded; NULL with a finding. */
static const struct doc_node *list_of(struct datafile *f, const struct doc_node *root, const char *key, uint32_t max)
{
	const struct doc_node *node = doc_get(root, key);

	if (node && node->kind == DOC_SEQ && node->n > 0 && node->n <= max)
		return node;
	datafile_error(f, node ? node->loc : root->loc, "'%s' is a list of 1 to %u mappings", key, max);
	return NULL;
}

static void read_authority(struct datafile *f, const struct doc_node *node, struct policy_pack *pack)
{
	struct policy_authority *a = &pack->authorities[pack->n_authorities];

	a->loc = node->loc;
	if (!datafile_keys(f, node, authority_keys, sizeof(authority_keys) / sizeof(*authority_keys)))
		return;
	a->id = datafile_name(f, node, "id");
	a->title = datafile_text(f, node, "title", true);
	a->jurisdiction = datafile_text(f, node, "jurisdiction", true);
	a->source = datafile_text(f, node, "source", true);
	datafile_word(f, node, "kind", pack_kind_words, &a->kind);
	read_time(f, node, "date", true, false, &a->date);
	read_time(f, node, "valid_from", true, false, &a->valid_from);
	read_time(f, node, "valid_to", false, true, &a->valid_to);
	check_span(f, &a->valid_from, &a->valid_to);
	for (uint32_t i = 0; a->id && i < pack->n_authorities; i++)
		if (!strcmp(pack->authorities[i].id, a->id))
			twice(f, a->loc, pack->authorities[i].loc, "authority", a->id);
	pack->n_authorities += a->id != NULL;
}

static void read_authorities(struct datafile *f, const struct doc_node *root, struct policy_pack *pack)
{
	const struct doc_node *list = list_of(f, root, "authorities", MAX_AUTHORITIES);

	if (!list)
		return;
	pack->authorities = arena_array(f->arena, list->n, struct policy_authority);
	if (!pack->authorities)
		datafile_error(f, list->loc, "out of memory");
	for (uint32_t i = 0; pack->authorities && i < list->n; i++)
		read_authority(f, &list->items[i], pack);
}

/* The place of a key's text among n names; an unknown one is an error with the nearest. */
static bool resolve(struct datafile *f, const struct doc_node *node, const char *key, const char *const *names, uint32_t n,
		    uint32_t *ret)
{
	const char *name = datafile_text(f, node, key, true), *near;

	if (!name)
		return false;
	for (*ret = 0; *ret < n; ++*ret)
		if (!strcmp(names[*ret], name))
			return true;
	near = word_nearest(name, names, n);
	datafile_error(f, doc_get(node, key)->loc, near ? "no %s '%.64s': did you mean '%s'?" : "no %s '%.64s'", key, name, near);
	return false;
}

static void read_entry(struct pack_load *l, const struct doc_node *node, struct policy_pack *pack,
		       const char *const *makers, const char *const *authorities)
{
	struct datafile *f = &l->file;
	struct policy_pack_entry *e = &pack->entries[pack->n_entries];
	int basis = 0;

	*e = (struct policy_pack_entry){ .loc = node->loc };
	if (!datafile_keys(f, node, entry_keys, sizeof(entry_keys) / sizeof(*entry_keys)) ||
	    !datafile_word(f, node, "basis", pack_basis_words, &basis) ||
	    !resolve(f, node, "maker", makers, l->n_makers, &e->maker) ||
	    !resolve(f, node, "authority", authorities, pack->n_authorities, &e->authority))
		return;
	e->basis = (enum policy_basis)basis;
	read_time(f, node, "valid_from", false, false, &e->valid_from);
	read_time(f, node, "valid_to", false, true, &e->valid_to);
	check_span(f, e->valid_from.set ? &e->valid_from : &pack->authorities[e->authority].valid_from, &e->valid_to);
	if (e->basis == POLICY_NAMED && pack->authorities[e->authority].kind == POLICY_AUTH_DESCRIPTIVE)
		datafile_error(f, doc_get(node, "basis")->loc,
			       "authority '%s' is descriptive and names nobody: the basis is understood or described",
			       pack->authorities[e->authority].id);
	for (uint32_t i = 0; i < pack->n_entries; i++)
		if (pack->entries[i].maker == e->maker && pack->entries[i].authority == e->authority)
			twice(f, e->loc, pack->entries[i].loc, "maker", makers[e->maker]);
	pack->n_entries++;
}

static void read_entries(struct pack_load *l, const struct doc_node *root, struct policy_pack *pack)
{
	struct datafile *f = &l->file;
	const struct doc_node *list = list_of(f, root, "makers", MAX_ENTRIES);
	const char **makers, **authorities;

	if (!list || !pack->authorities)
		return;
	makers = calloc((size_t)l->n_makers + 1, sizeof(*makers));
	authorities = calloc((size_t)pack->n_authorities + 1, sizeof(*authorities));
	pack->entries = arena_array(f->arena, list->n, struct policy_pack_entry);
	if (!makers || !authorities || !pack->entries)
		datafile_error(f, list->loc, "out of memory");
	for (uint32_t i = 0; makers && i < l->n_makers; i++)
		makers[i] = l->makers[i].name;
	for (uint32_t i = 0; authorities && i < pack->n_authorities; i++)
		authorities[i] = pack->authorities[i].id;
	for (uint32_t i = 0; makers && authorities && pack->entries && i < list->n; i++)
		read_entry(l, &list->items[i], pack, makers, authorities);
	free(makers);
	free(authorities);
}

static void add_pack(struct pack_load *l, const struct policy_pack *pack)
{
	for (size_t i = 0; i < l->packs.n; i++) {
		struct loaded *old = &l->packs.at[i];

		if (strcmp(old->pack.name, pack->name) != 0)
			continue;
		if (old->dir == l->dir) {
			twice(&l->file, pack->loc, old->pack.loc, "pack", pack->name);
			return;
		}
		diag_add2(l->file.diag, DIAG_NOTE, pack->loc, old->pack.loc, "the one replaced",
			  "pack '%s' replaces one of the same name", pack->name);
		*old = (struct loaded){ *pack, l->dir };
		return;
	}
	if (l->packs.n >= MAX_PACKS)
		datafile_error(&l->file, pack->loc, "more than %d packs", MAX_PACKS);
	else if (!VEC_PUSH(&l->packs, (struct loaded){ *pack, l->dir }))
		datafile_error(&l->file, pack->loc, "out of memory");
}

static void read_pack(void *ctx, const struct doc_node *root)
{
	struct pack_load *l = ctx;
	struct datafile *f = &l->file;
	struct policy_pack pack = { 0 };
	bool before = f->failed;

	f->failed = false;
	datafile_keys(f, root, pack_keys, sizeof(pack_keys) / sizeof(*pack_keys));
	pack.name = datafile_name(f, root, "pack");
	pack.title = datafile_text(f, root, "title", true);
	pack.loc = pack.name ? doc_get(root, "pack")->loc : root->loc;
	read_authorities(f, root, &pack);
	read_entries(l, root, &pack);
	if (!f->failed)
		add_pack(l, &pack);
	f->failed |= before;
}

bool pack_load_dirs(const char *const *dirs, size_t n_dirs, const struct policy_maker *makers, uint32_t n_makers,
		    struct arena *a, struct diag *d, struct datafile_files *files, struct policy_pack **ret, uint32_t *ret_n)
{
	struct pack_load l = { .file = { .arena = a, .diag = d }, .makers = makers, .n_makers = n_makers };
	struct policy_pack *packs;

	for (l.dir = 0; l.dir < n_dirs; l.dir++)
		if (dirs[l.dir] && *dirs[l.dir])
			datafile_each(&l.file, dirs[l.dir], l.dir > 0, files, read_pack, &l);
	packs = arena_array(a, l.packs.n + 1, struct policy_pack);
	if (!packs)
		datafile_error(&l.file, LOC_NONE, "out of memory");
	for (size_t i = 0; packs && i < l.packs.n; i++)
		packs[i] = l.packs.at[i].pack;
	if (!l.file.failed) {
		*ret = packs;
		*ret_n = (uint32_t)l.packs.n;
	}
	VEC_FREE(&l.packs);
	return !l.file.failed;
}
