/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial: flows that nobody sent: the policy's tests: and explain.  What is said of an end is taken as a fact (a MAC and an address
 * named together belong together); what is not said is filled in from the zone.  Pure but for the programs of other moments. */
#ifndef RUN_TRIAL_H
#define RUN_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/prog.h"
#include "policy/policy.h"

struct buf;
struct judge;

int trial_flow(const struct judge *j, const struct policy_test_end *from, const struct policy_test_end *to,
	       const struct policy_port *service, struct flow *ret, struct err *e);

struct trial_result {
	const struct policy_test *test;
	struct verdict verdict;
	bool judged, passed;                    /* judged false: error says why it could not be */
	struct err error;
};
/* All tests of the judge's policy.  results: one per test, of the caller.  Returns how many did not pass. */
uint32_t trial_run(const struct judge *j, struct trial_result *results);
/* One line: "camera cannot reach finance: expected drop by x, got allow by y (file:line)". */
void trial_text(const struct judge *j, const struct trial_result *r, struct buf *out);
/* The zone that a trial end stands in by its words, or POLICY_NONE. */
uint32_t trial_zone_of(const struct policy *p, const struct addr *a);

#endif
