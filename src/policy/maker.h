/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maker: the files of makers (rules/makers, a site's makers.d): whose registrants, brands and names are whose.
 * Pure data once loaded; lives in the arena given; any thread may read it.
 *
 * A pattern is a run of whole words over the normalised registrant (registry.h), written with its anchors:
 *	'^zhejiang dahua\b'     the name begins with these words
 *	'\bhikvision\b'         these words stand anywhere in it
 *	'^zte corporation$'     this is the name
 * Whatever is not bounded by words on both sides is refused: "hik" would match Hikari and Informationstechik. */
#ifndef POLICY_MAKER_H
#define POLICY_MAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "policy/datafile.h"

struct arena;
struct diag;
struct registry;

#define MAKER_NONE UINT32_MAX

struct policy_maker {
	const char *name, *title;               /* "hikvision", "Hangzhou Hikvision Digital Technology" */
	const char **patterns;                  /* as above */
	uint32_t n_patterns;
	const char **registrants;               /* the names, as the IEEE writes them, that the patterns may match */
	uint32_t n_registrants;
	const char **domains, **brands;
	uint32_t n_domains, n_brands;
	struct loc loc, *pattern_locs, *registrant_locs;
};

/* Read every *.yaml of dirs in order (NULL and "": skipped).  The first directory must exist, others may be missing.
 * A maker named in a later directory replaces the earlier one, and d gets a note.  Findings go to d; false: an error was
 * added.  Nobody's list is kept on an error.  files: appended to, NULL: not wanted. */
bool maker_load_dirs(const char *const *dirs, size_t n_dirs, struct arena *a, struct diag *d, struct datafile_files *files,
		     struct policy_maker **ret, uint32_t *ret_n);
/* For each registrant of r the maker or MAKER_NONE, in a.  Two makers for one registrant: an error naming both; a registrant
 * that a pattern matches and its maker does not list: a warning (it counts all the same).  NULL: an error was added. */
uint32_t *maker_of_registrants(const struct policy_maker *makers, uint32_t n, const struct registry *r, struct arena *a,
			       struct diag *d);
/* Does the maker's i-th pattern match a normalised name? */
bool maker_pattern_matches(const char *pattern, const char *normalised);

#endif
