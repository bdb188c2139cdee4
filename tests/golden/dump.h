/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dump: every field of a policy as text, but for places and files: for comparing two models field by field. */
#ifndef GOLDEN_DUMP_H
#define GOLDEN_DUMP_H

struct buf;
struct policy;

void dump_policy(const struct policy *p, struct buf *out);

#endif
