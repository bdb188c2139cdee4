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

static bool any_enforces(const struct policy *p)
{
	for (uint32_t i = 0; i < p->n_zones; i++) {
		if (p->zones[i].guard != POLICY_OPEN && p->zones[i].mode == POLICY_ENFORCE)
			return true;
	}
	return false;
}

int closed_send(struct judge *j, struct fence *f, const struct table_about *about, bool *ret_sent, struct err *e)
{
	AUTO(link_map) links = NULL;
	struct arena *a;
	struct ifaces i;
	int rc = -1;

	if (!any_enforces(j->policy)) {
		*ret_sent = false;
		return 0;
	}
	a = arena_new();
	if (!a)
		return err_plain(e, ENOMEM, "out of memory");
	j->generation = about->ours && about->generation ? about->generation : 1;
	if (link_open(&links, e) == 0 && ifaces_read(j->policy, links, NULL, a, &i, e) == 0)
		rc = fence_send(f, j, &i, true, e);
	arena_free(a);
	if (rc == 0)
		*ret_sent = true;
	return rc;
}
