/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace is a comfort: when memory runs out, steps are counted instead. */
#include "engine/trace.h"

#include <stdlib.h>

void trace_init(struct trace *t)
{
	*t = (struct trace){ 0 };
}

void trace_fini(struct trace *t)
{
	free(t->steps);
	*t = (struct trace){ 0 };
}

void trace_add(struct trace *t, uint32_t rule, enum trace_miss miss)
{
	if (!t)
		return;
	if (!t->steps)
		t->steps = malloc(TRACE_STEPS * sizeof(*t->steps));
	if (!t->steps || t->n == TRACE_STEPS)
		t->more++;
	else
		t->steps[t->n++] = (struct trace_step){ rule, miss };
}
