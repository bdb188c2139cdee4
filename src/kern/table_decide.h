/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_decide: what the parts of table_build_decide share. */
#ifndef KERN_TABLE_DECIDE_H
#define KERN_TABLE_DECIDE_H

#include "engine/plan.h"
#include "kern/table_model.h"

/* The chain of a rule that allows until a moment (0: for good); next: of the same rule, until another one. */
struct allow { uint32_t chain, next; int64_t until_s; };
/* Addresses of a where that share a what. */
struct part { uint32_t set, what; };
struct parts { bool built; uint32_t first, n; };

/* By the plan's numbers; chains 0: not built yet (it is a base chain's number). */
struct table_decide {
	uint32_t *allows;                       /* by rule: into allow, plus 1 */
	uint32_t *whats, *opens, *towards;      /* chains; the latter two by class */
	uint32_t *members;                      /* by members: the first of the four sets */
	struct parts *wheres;
	VEC(struct allow) allow;
	VEC(struct part) part;
};

/* The chain of the plan's what, made when it is wanted first. */
uint32_t table_build_what(struct table_build *b, uint32_t what);

#endif
