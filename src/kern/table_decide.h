/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_decide: what the parts of table_build_decide share. */
#ifndef KERN_TABLE_DECIDE_H
#define KERN_TABLE_DECIDE_H

#include "engine/plan.h"
#include "kern/table_model.h"

/* The chain of a rule that allows until a moment (0: for good); next: of the same rule, until another one. */
struct allow { uint32_t chain, next; int64_t until_s; };
/* Addresses of a where that share a what: n spans, in a set unless they are few. */
struct part { uint32_t set, what, n; };
struct parts { bool built; uint32_t first, n; };

/* By the plan's numbers; chains 0: not built yet (it is a base chain's number). */
struct table_decide {
	uint32_t *allows;                       /* by rule: into allow, plus 1 */
	uint32_t *whats, *shuts, *opens[2], *towards;   /* chains; the latter by class, opens (table_build_new.c) by family */
	bool *allows_what;                      /* by what: something is allowed */
	uint32_t *members;                      /* by members: the first of the four sets */
	struct parts *wheres;
	uint32_t ways_of, opens_to[2], opens_here[2];   /* of the interface at hand (+ 1): chains for its members, by family */
	VEC(struct allow) allow;
	VEC(struct part) part;
};

/* The rules of a where, by key, to what: from an interface, or of a family; NULL: the chain is of one family, and no single
 * range asks for it (a set does, so that nft lists its key as what it is). */
void table_build_where(struct table_build *b, uint32_t chain, const struct table_stmt *from, uint32_t where, enum table_key key);
/* Does the class open anything by itself?  (What opens nothing is denied or asked about by other chains.) */
bool table_build_allows(const struct table_build *b, uint32_t cls);
/* A class's members on an interface (first: of their sets), of one family. */
void table_build_member_rule(struct table_build *b, uint32_t chain, const struct table_iface *f, uint32_t first, bool six,
			     uint32_t to);
/* Flows of devices that open something, which are not new and have no stamp. */
void table_build_goes_on(struct table_build *b, uint32_t chain, uint32_t iface);
/* The chain of the plan's what, made when it is wanted first. */
uint32_t table_build_what(struct table_build *b, uint32_t what);

#endif
