/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A daemon that cannot begin leaves nothing open: what is in the kernel stays, and where nothing is, the closed table comes. */
#include <errno.h>
#include <sys/utsname.h>

#include "app/ringfenced.h"
#include "base/diag.h"
#include "base/log.h"
#include "base/now.h"
#include "policy/policy.h"
#include "run/closed.h"
#include "run/fence.h"
#include "run/judge.h"
#include "run/paths.h"

int ringfenced_lacks(const char *what, const char *module, struct err *e)
{
	struct utsname u;

	if (uname(&u) < 0)
		u.release[0] = '\0';
	return err_plain(e, ENOTSUP, "this kernel (%s) has no %s: 'modprobe %s' has to succeed; Debian has the module in "
			 "linux-image-%s, and /etc/modprobe.d may forbid it", u.release, what, module, u.release);
}

static struct judge *judge_of_file(const struct ringfenced *d, struct err *e)
{
	struct paths_data store;
	const struct policy_paths paths = paths_policy(d->o.data, &store);
	struct diag *found = diag_new();
	struct policy *p = found ? policy_load(d->o.policy, &paths, now_wall_ns(), found) : NULL;

	diag_free(found);
	if (!p) {
		err_plain(e, EINVAL, "%s does not load", d->o.policy);
		return NULL;
	}
	return judge_new(p, NULL, now_wall_ns(), e);
}

void ringfenced_close(struct ringfenced *d)
{
	AUTO(judge) j = NULL;
	struct err e = { 0 };
	bool sent = false;

	if (!d->fence || fence_about(d->fence, &d->about, &e) < 0)
		return;                 /* nothing could be asked, or another ringfenced is there */
	if (d->about.present) {
		log_info("the table in the kernel stays closed=%s generation=%u", d->about.closed ? "yes" : "no",
			 d->about.generation);
		return;
	}
	j = judge_of_file(d, &e);
	if (!j || closed_send(j, d->fence, &d->about, d->o.state, &sent, &e) < 0)
		log_error("zones that enforce cannot be closed: nothing is in force error=\"%s\"", e.msg);
	else if (sent)
		log_error("the closed table is in force: nothing new passes from or to a zone that enforces");
	else
		log_warn("nothing is in force; no zone enforces");
}
