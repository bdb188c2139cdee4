/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_input: parts of table_input_from that depend on the plan. */
#ifndef KERN_TABLE_INPUT_H
#define KERN_TABLE_INPUT_H

#include "kern/table.h"

/* The plan's rows and names; plan NULL: the rules' ids alone, so that their counters stay. */
int table_input_take_plan(const struct policy *p, const struct plan *plan, struct arena *a, struct table_input *in, struct err *e);
/* Is name one of n? */
bool table_input_lists(const char *const *names, size_t n, const char *name);
/* Before the plan: its names tell rules with offload. */
void table_input_take_flow(const struct policy *p, const struct table_setup *s, struct arena *a, struct table_input *in);
/* all[i] is who's binding from[i]: fill in plan and sole, and the input's members. */
int table_input_take_classes(const struct table_setup *s, const struct who *w, const size_t *from, struct table_binding *all,
			     size_t n, struct arena *a, struct arena *brief, struct table_input *in, struct err *e);

#endif
