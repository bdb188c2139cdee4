/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bypass: ways around the table that guarded interfaces have: programs that run before every hook of ours, and bridges that send
 * frames through hooks which are not theirs.  Others' rules are table_watch's.  Main thread. */
#ifndef RUN_BYPASS_H
#define RUN_BYPASS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct link_map;
struct policy;

enum { BYPASS_WORDS = 200, BYPASS_MAX = 32 };

struct bypass { char at[BYPASS_MAX][BYPASS_WORDS]; size_t n; bool bridged; /* the first is what breaks filtering: see there */ };

/* sysctl: "/proc/sys/net/bridge".  Which of the policy's guarded interfaces has which way; the bridges first. */
int bypass_find(const struct policy *p, struct link_map *m, const char *sysctl, struct bypass *ret, struct err *e);
/* Is that one among them? */
bool bypass_has(const struct bypass *b, const char *words);

#endif
