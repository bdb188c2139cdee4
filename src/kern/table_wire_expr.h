/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_wire_expr: one statement as the kernel's expressions. */
#ifndef KERN_TABLE_WIRE_EXPR_H
#define KERN_TABLE_WIRE_EXPR_H

#include <stdbool.h>

struct nftnl_rule;
struct table;
struct table_stmt;

/* Appends to the rule; false: out of memory. */
bool table_wire_stmt(struct nftnl_rule *r, const struct table *t, const struct table_stmt *s);

#endif
