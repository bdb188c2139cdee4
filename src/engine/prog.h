/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prog: a policy compiled for matching, by Recursive Flow Classification: ends and services become equivalence classes when
 * it is built, first match is resolved then, and a decision is a handful of table reads.
 * Built once, then frozen: any number of threads may evaluate it.  No I/O, clock or allocation in prog_eval.
 * Keeps pointers into the policy, which must outlive it.  Semantics: /src/README.md "The decision"; the oracle is naive.h. */
#ifndef ENGINE_PROG_H
#define ENGINE_PROG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "engine/flow.h"
#include "ident/who.h"

struct policy;
struct buf;
struct prog;
struct trace;

/* What decided. */
enum verdict_why {
	VERDICT_UNGUARDED,      /* none of our business: passes without an event */
	VERDICT_SHAPE, VERDICT_SPOOF, VERDICT_UNVERIFIED,
	VERDICT_EXCEPTION, VERDICT_RESTRICT, VERDICT_RULE, VERDICT_DEFAULT,
};

struct verdict {
	uint8_t action;         /* enum policy_action */
	uint8_t why;            /* enum verdict_why */
	bool enforced;          /* false: the zones involved only observe; the packet passes whatever the action */
	bool remember;          /* a denial that follows from interface, MAC, addresses, protocol and port alone */
	bool unknown;           /* RESTRICT because the member is unknown, not because its maker is restricted */
	uint8_t member;         /* RESTRICT: bit 0: from is the member, bit 1: to is */
	uint32_t rule;          /* into policy->rules, or POLICY_NONE */
	uint32_t observed;      /* the first observed entry that hit before the decision, or POLICY_NONE */
	uint32_t from_zone, to_zone;    /* into policy->zones, or POLICY_NONE: external or the firewall */
};

/* now_ns: entries that are not live at that moment take no part.  *e names the worst rules when the tables would be too big. */
int prog_build(const struct policy *p, int64_t now_ns, struct prog **ret, struct err *e);
void prog_free(struct prog *prog);
OWN(prog)
/* Many at once cost less each: what one waits for from memory the others need not.  The same verdicts as one by one. */
void prog_eval_many(const struct prog *prog, const struct flow *flows, unsigned n, struct verdict *ret);
struct verdict prog_eval(const struct prog *prog, const struct flow *f, struct trace *tr /* or NULL */);
size_t prog_bytes(const struct prog *prog);
const struct policy *prog_policy(const struct prog *prog);
/* Stable text of classes and tables, for goldens and `ringfence show program`. */
void prog_print(const struct prog *prog, struct buf *out);
/* Whether an identity is restricted (by any used pack) at the program's moment, and by what: for events, kernel classes, status. */
struct prog_restriction { bool restricted, cleared; uint32_t maker, pack, entry; };
struct prog_restriction prog_restriction(const struct prog *prog, const struct who_id *id);
/* Could any exception, rule or own-zone traffic allow something to or from this identity on this interface?
 * For the kernel's class. */
bool prog_may_allow(const struct prog *prog, uint32_t iface, const struct who_id *id);
/* Is it a member of a restrict entry in a zone of that interface (who is unknown, too, where that counts so)? */
bool prog_confines(const struct prog *prog, uint32_t iface, const struct who_id *id);

#endif
