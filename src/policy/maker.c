/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maker: the files.  What a pattern is stands in maker_pattern.c, which registrant is whose in maker_match.c. */
#include "policy/maker.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/vec.h"
#include "policy/doc.h"
#include "policy/maker_pattern.h"
#include "policy/registry.h"

enum { MAX_MAKERS = 4096, MAX_PATTERNS = 256, MAX_REGISTRANTS = 1024, MAX_BRANDS = 256, MAX_DOMAINS = 1024 };

static const char *const keys[] = { "maker", "title", "patterns", "registrants", "brands", "domains" };

struct loaded {
	struct policy_maker maker;
	size_t dir;                     /* a later directory may replace it */
};

struct maker_load {
	struct datafile file;
	VEC(struct loaded) makers;
	size_t dir;
};

static void check_patterns(struct maker_load *l, const struct policy_maker *m)
{
	for (uint32_t i = 0; i < m->n_patterns; i++) {
		struct maker_pattern p;
		const char *wrong = maker_pattern_parse(m->patterns[i], &p);

		if (wrong)
			datafile_error(&l->file, m->pattern_locs[i], "pattern '%.64s' %s", m->patterns[i], wrong);
	}
}

/* A listed registrant that no pattern would find, or that is listed twice, is a slip of the pen. */
static void check_registrants(struct maker_load *l, const struct policy_maker *m)
{
	char name[512], other[512];

	for (uint32_t i = 0; i < m->n_registrants; i++) {
		bool found = false;

		registry_normalise(m->registrants[i], name, sizeof(name));
		for (uint32_t k = 0; k < m->n_patterns && !found; k++)
			found = maker_pattern_matches(m->patterns[k], name);
		if (!found)
			datafile_error(&l->file, m->registrant_locs[i], "no pattern of maker '%s' matches its registrant '%.128s'",
				       m->name, m->registrants[i]);
		for (uint32_t k = 0; k < i; k++)
			if (!strcmp(name, registry_normalise(m->registrants[k], other, sizeof(other)))) {
				diag_add2(l->file.diag, DIAG_ERROR, m->registrant_locs[i], m->registrant_locs[k],
					  "first listed here", "registrant '%.128s' is listed twice", m->registrants[i]);
				l->file.failed = true;
			}
	}
}

/* A domain is given in lower case, whole labels, without a trailing dot or wildcard: suffixes match at a dot. */
static void check_domains(struct maker_load *l, const struct policy_maker *m, const struct loc *locs)
{
	for (uint32_t i = 0; i < m->n_domains; i++) {
		const char *d = m->domains[i];
		size_t n = strlen(d);

		if (n > 253 || d[strspn(d, "abcdefghijklmnopqrstuvwxyz0123456789.-")] || !strchr(d, '.') || *d == '.' ||
		    d[n - 1] == '.' || strstr(d, ".."))
			datafile_error(&l->file, locs[i], "'%.64s' is no domain: lower case, two labels at least, no wildcard", d);
	}
}

static void add_maker(struct maker_load *l, const struct policy_maker *m)
{
	for (size_t i = 0; i < l->makers.n; i++) {
		struct loaded *old = &l->makers.at[i];

		if (strcmp(old->maker.name, m->name) != 0)
			continue;
		if (old->dir == l->dir) {
			diag_add2(l->file.diag, DIAG_ERROR, m->loc, old->maker.loc, "first defined here",
				  "maker '%s' is defined twice", m->name);
			l->file.failed = true;
			return;
		}
		diag_add2(l->file.diag, DIAG_NOTE, m->loc, old->maker.loc, "the one replaced",
			  "maker '%s' replaces one of the same name", m->name);
		*old = (struct loaded){ *m, l->dir };
		return;
	}
	if (l->makers.n >= MAX_MAKERS)
		datafile_error(&l->file, m->loc, "more than %d makers", MAX_MAKERS);
	else if (!VEC_PUSH(&l->makers, (struct loaded){ *m, l->dir }))
		datafile_error(&l->file, m->loc, "out of memory");
}

static void read_maker(void *ctx, const struct doc_node *root)
{
	struct maker_load *l = ctx;
	struct datafile *f = &l->file;
	struct policy_maker m = { 0 };
	struct loc *domain_locs = NULL;
	bool before = f->failed;

	f->failed = false;
	datafile_keys(f, root, keys, sizeof(keys) / sizeof(*keys));
	m.name = datafile_name(f, root, "maker");
	m.title = datafile_text(f, root, "title", true);
	m.n_patterns = datafile_list(f, root, "patterns", MAX_PATTERNS, &m.patterns, &m.pattern_locs);
	m.n_registrants = datafile_list(f, root, "registrants", MAX_REGISTRANTS, &m.registrants, &m.registrant_locs);
	m.n_brands = datafile_list(f, root, "brands", MAX_BRANDS, &m.brands, NULL);
	m.n_domains = datafile_list(f, root, "domains", MAX_DOMAINS, &m.domains, &domain_locs);
	m.loc = m.name ? doc_get(root, "maker")->loc : root->loc;
	check_patterns(l, &m);
	check_domains(l, &m, domain_locs);
	if (!f->failed)
		check_registrants(l, &m);
	if (!f->failed)
		add_maker(l, &m);
	f->failed |= before;
}

bool maker_load_dirs(const char *const *dirs, size_t n_dirs, struct arena *a, struct diag *d, struct datafile_files *files,
		     struct policy_maker **ret, uint32_t *ret_n)
{
	struct maker_load l = { .file = { .arena = a, .diag = d } };
	struct policy_maker *makers;

	for (l.dir = 0; l.dir < n_dirs; l.dir++)
		if (dirs[l.dir] && *dirs[l.dir])
			datafile_each(&l.file, dirs[l.dir], l.dir > 0, files, read_maker, &l);
	makers = arena_array(a, l.makers.n + 1, struct policy_maker);
	if (!makers)
		datafile_error(&l.file, LOC_NONE, "out of memory");
	for (size_t i = 0; makers && i < l.makers.n; i++)
		makers[i] = l.makers.at[i].maker;
	if (!l.file.failed) {
		*ret = makers;
		*ret_n = (uint32_t)l.makers.n;
	}
	VEC_FREE(&l.makers);
	return !l.file.failed;
}
