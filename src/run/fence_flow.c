/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fence_flow: flows that are offloaded pass no hook, so whatever changes a decision ends with calling them back. */
#include "run/fence_part.h"

#include "base/log.h"
#include "base/now.h"
#include "kern/revoke.h"
#include "kern/table_flow.h"

bool fence_offloads(const struct fence *f)
{
	return f->options.flowtables;
}

/* The change itself is in force; where this fails it is tried again, each second until it is done.  Others' flowtables hold our
 * flows, too. */
void fence_part_revoke(struct fence *f, bool offloads)
{
	const bool again = f->revoke_due;
	struct err e = { 0 };

	f->offloads = f->offloads || offloads;
	if (!f->offloads && (!f->options.flowtables || (table_flow_present(f->nl, &f->offloads, &e) == 0 && !f->offloads)))
		return;
	f->revoked_ns = now_mono_ns();
	f->revoke_due = revoke_offloaded(f->route, &e) < 0;
	if (f->revoke_due && !again)
		log_error("flows go on by an earlier decision, this is tried again error=\"%s\"", e.msg);
	if (again && !f->revoke_due)
		log_info("offloaded flows are called back after all");
}

bool fence_revoke_due(const struct fence *f)
{
	return f->revoke_due;
}

void fence_tick(struct fence *f)
{
	if (f->revoke_due && now_mono_ns() - f->revoked_ns >= NOW_NS_PER_S)
		fence_part_revoke(f, false);
}
