/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pack: the files of authorities (rules/packs, a site's packs.d): which makers a rule of a government restricts, since
 * when, and whether it names them.  Pure data once loaded; lives in the arena given; any thread may read it.
 * Days are days of UTC. */
#ifndef POLICY_PACK_H
#define POLICY_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/word.h"
#include "policy/datafile.h"
#include "policy/maker.h"
#include "policy/when.h"


/* How an authority restricts a maker. */
enum policy_basis { POLICY_NAMED, POLICY_UNDERSTOOD, POLICY_DESCRIBED };
enum policy_authority_kind { POLICY_AUTH_NAMED, POLICY_AUTH_DESCRIPTIVE, POLICY_AUTH_PROCUREMENT };

struct policy_authority {
	const char *id, *title, *jurisdiction, *source;
	int kind;                               /* enum policy_authority_kind */
	struct policy_time date, valid_from, valid_to;
	struct loc loc;
};

struct policy_pack_entry {
	uint32_t maker;
	enum policy_basis basis;
	uint32_t authority;                     /* into the pack's */
	struct policy_time valid_from, valid_to;        /* of this entry; not set: the authority's */
	struct loc loc;
};

struct policy_pack {
	const char *name, *title;
	bool used;                              /* the policy's packs: lists it (the policy's reader sets it) */
	struct policy_authority *authorities;
	uint32_t n_authorities;
	struct policy_pack_entry *entries;
	uint32_t n_entries;
	struct loc loc;
};

/* As maker_load_dirs, after it: entries refer to makers by index. */
bool pack_load_dirs(const char *const *dirs, size_t n_dirs, const struct policy_maker *makers, uint32_t n_makers,
		    struct arena *a, struct diag *d, struct datafile_files *files, struct policy_pack **ret, uint32_t *ret_n);

extern const struct word pack_basis_words[], pack_kind_words[];

#endif
