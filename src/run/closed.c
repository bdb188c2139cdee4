/* SPDX-License-Identifier: GPL-2.0-or-later */
/* closed: see closed.h.  With no interface there is none to leave open but the policy's own: what comes later stays shut until
 * the daemon opens it. */
#include "run/closed.h"

#include <errno.h>

#include "base/arena.h"
#include "kern/link.h"
#include "kern/table.h"
#include "run/fence.h"
#include "run/ifaces.h"
#include "run/judge.h"
#include "run/paths.h"

static bool any_enforces(const struct policy *p)
{
	for (uint32_t i = 0; i < p->n_zones; i++) {
		if (p->zones[i].guard != POLICY_OPEN && p->zones[i].mode == POLICY_ENFORCE)
			return true;
	}
	return false;
}

int closed_send(struct judge *j, struct fence *f, const struct table_about *about, const char *state, bool *ret_sent,
		struct err *e)
{
	AUTO(link_map) links = NULL;
	struct arena *a;
	struct ifaces_memory memory = { .changed = false };
	struct ifaces i;
	char path[PATHS_MAX];
	int rc = -1;

	if (!any_enforces(j->policy)) {
		*ret_sent = false;
		return 0;
	}
	a = arena_new();
	if (!a)
		return err_plain(e, ENOMEM, "out of memory");
	j->generation = about->ours && about->generation ? about->generation : 1;
	if (link_open(&links, e) == 0) {
		/* What cannot be recalled must not keep the door open. */
		(void)ifaces_recall(&memory, paths_join(state, "interfaces", path), links, e);
		if (ifaces_read(j->policy, links, &memory, a, &i, e) == 0)
			rc = fence_send(f, j, &i, true, e);
	}
	ifaces_forget(&memory);
	arena_free(a);
	if (rc == 0)
		*ret_sent = true;
	return rc;
}
