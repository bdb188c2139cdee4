/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_wire_expr: one statement as the kernel's expressions. */
#ifndef KERN_TABLE_WIRE_EXPR_H
#define KERN_TABLE_WIRE_EXPR_H

#include <stdbool.h>

struct nftnl_rule;
struct table;
struct table_stmt;

/* Appends to the rule; last: the statement before it in the rule (NULL: it is the first), whose keys are not loaded again when they
 * are the same.  false: out of memory. */
bool table_wire_stmt(struct nftnl_rule *r, const struct table *t, const struct table_stmt *s, const struct table_stmt *last);

#endif
