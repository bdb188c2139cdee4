/* SPDX-License-Identifier: GPL-2.0-or-later */
/* naive: first match, straight from the policy, entry by entry: the oracle that the compiled program and the kernel's
 * table are tested against.  Slow on purpose; shares no data structure with prog.  Any thread. */
#ifndef ENGINE_NAIVE_H
#define ENGINE_NAIVE_H

#include "engine/prog.h"

struct verdict naive_eval(const struct policy *p, int64_t now_ns, const struct flow *f);

#endif
