/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fence_flow: flows that are offloaded pass no hook, so whatever changes a decision ends with calling them back. */
#include "run/fence_part.h"

#include "base/log.h"
#include "kern/revoke.h"

bool fence_offloads(const struct fence *f)
{
	return f->options.flowtables;
}

/* The change itself is in force; where this fails it is tried again until it is done. */
void fence_part_revoke(struct fence *f, bool offloads)
{
	struct err e = { 0 };

	f->offloads = f->offloads || offloads;
	if (!f->offloads)
		return;
	f->revoke_due = revoke_offloaded(f->route, &e) < 0;
	if (f->revoke_due)
		log_error("flows go on by an earlier decision, this is tried again error=\"%s\"", e.msg);
}

bool fence_revoke_due(const struct fence *f)
{
	return f->revoke_due;
}

void fence_tick(struct fence *f)
{
	if (f->revoke_due)
		fence_part_revoke(f, false);
}
