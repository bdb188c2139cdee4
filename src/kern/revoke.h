/* SPDX-License-Identifier: GPL-2.0-or-later */
/* revoke: every flow in any flowtable of this network namespace goes back to the forward hook with its next packet. */
#ifndef KERN_REVOKE_H
#define KERN_REVOKE_H

#include "base/err.h"

struct nl;

/* n: of NL_ROUTE.  After the rules (or marks) have changed that would put a flow there again; also those that were just being put
 * there by the old ones.  Nothing of conntrack, no hook and no rule is touched. */
int revoke_offloaded(struct nl *n, struct err *e);

#endif
