/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace: why a decision came out as it did: the zones, the identities, each entry that was tried and what it failed on.
 * Filled by prog_eval when one is given; for explain.  One owner. */
#ifndef ENGINE_TRACE_H
#define ENGINE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trace_miss { TRACE_HIT, TRACE_NOT_LIVE, TRACE_DISABLED, TRACE_FROM, TRACE_TO, TRACE_SERVICE, TRACE_NOT_MEMBER,
		  TRACE_OWN_ZONE, TRACE_OBSERVED };

struct trace_step {
	uint32_t rule;          /* into policy->rules */
	enum trace_miss miss;
};

enum { TRACE_STEPS = 4096 };    /* beyond, steps are counted only */

struct trace {
	struct trace_step *steps;       /* heap */
	size_t n, more;
	bool spoof;
};

void trace_init(struct trace *t);
void trace_fini(struct trace *t);
void trace_add(struct trace *t, uint32_t rule, enum trace_miss miss);   /* t NULL is fine */

#endif
