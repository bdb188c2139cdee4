/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seen: what a run has compared, by the way of a flow, its family and who decided it; and whether that is enough to say anything. */
#ifndef KERNEL_SEEN_H
#define KERNEL_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/prog.h"

struct pair;
struct policy;

enum seen_way { SEEN_OUT, SEEN_IN, SEEN_BETWEEN, SEEN_HERE, SEEN_OWN, SEEN_OTHER, SEEN_WAYS };
enum seen_fate { SEEN_OPENED, SEEN_ALLOWED, SEEN_SHUT, SEEN_DENIED, SEEN_PASSED, SEEN_FATES };
enum seen_sender { SEEN_RESTRICTED, SEEN_UNKNOWN, SEEN_UNVERIFIED, SEEN_VERIFIED, SEEN_SENDERS };

struct seen {
	uint64_t policies, refused, compared, arrived, dropped, again, told, hits, until;
	uint64_t why[VERDICT_DEFAULT + 1];
	uint64_t flows[SEEN_WAYS][SEEN_FATES][2], senders[SEEN_SENDERS][2], protos[3][2];
	uint64_t answers[SEEN_WAYS][2], refused_answers, riding;
};

/* again: the same packet was sent under the last policy. */
void seen_pair(struct seen *s, const struct policy *p, const struct pair *x, bool again);
void seen_print(const struct seen *s, uint64_t seed);
/* What is missing, NULL: nothing. */
const char *seen_missing(const struct seen *s, uint64_t policies);

#endif
