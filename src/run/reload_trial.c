/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy on trial, and what a daemon starts with when the one before it was ended meanwhile: the last confirmed one.  The mark on
 * disk is put before what is tried comes into force, and taken back after it no longer is. */
#include "run/reload_part.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "policy/policy.h"
#include "run/judge.h"
#include "run/publish.h"

struct judge *reload_first(struct reload *r, bool colour, struct buf *out, struct err *e)
{
	struct judge *file = reload_candidate(r, colour, out), *copy;
	char path[PATHS_MAX];

	if (!kept_stands_in(&r->kept, file ? file->policy : NULL))
		return file ? file : (err_plain(e, EINVAL, "%s is refused", r->c.policy), NULL);
	judge_free(file);
	buf_reset(out);
	copy = reload_from(r, kept_path(&r->kept, path), colour, out);
	if (!copy) {
		err_plain(e, EINVAL, "%s was on trial and not confirmed, and the copy of the last confirmed policy is refused "
			  "(to start with the file: rm %s/mark)", r->c.policy, r->kept.dir);
		return NULL;
	}
	log_warn("the policy file was on trial and not confirmed: starting with the last confirmed policy file=%s copy=%s",
		 r->c.policy, path);
	r->stands_in = true;
	return copy;
}

void reload_settle(struct reload *r)
{
	const struct policy *now = publish_current(r->c.publish)->policy;
	struct err e = { 0 };

	r->stands_in = strcmp(now->path, r->c.policy) != 0;
	if (!r->c.state)
		return;
	if (r->stands_in ? kept_ended(&r->kept, false, &e) < 0 :
	    kept_confirmed(&r->kept, now, &e) < 0)
		log_warn("no policy can be tried before the next reload: the one in force cannot be kept error=\"%s\"", e.msg);
}

int reload_try(struct reload *r, const struct judge *j, struct err *e)
{
	const struct judge *now = publish_current(r->c.publish);

	if (r->spare)
		return err_plain(e, EBUSY, "a policy is on trial already: confirm or cancel it first");
	if (!r->c.state)
		return err_plain(e, ENOTSUP, "there is no state directory to keep the policy in force in");
	r->spare = judge_who(now, r->ident, e);
	if (!r->spare)
		return -1;
	if (kept_try(&r->kept, j->policy, now->policy, e) == 0)
		return 0;
	judge_free(r->spare);
	r->spare = NULL;
	return err_wrap(e, "a restart meanwhile could not go back, so nothing is put on trial");
}

bool reload_on_trial(const struct reload *r)
{
	return r->spare != NULL;
}

bool reload_stands_in(const struct reload *r)
{
	return r->stands_in;
}

static void trial_over(struct reload *r, bool confirmed)
{
	struct err e = { 0 };

	judge_free(r->spare);
	r->spare = NULL;
	r->stands_in = !confirmed;
	if (kept_ended(&r->kept, confirmed, &e) < 0)
		log_error("what the trial's end was is not kept: a restart goes back to the policy before it error=\"%s\"", e.msg);
}

void reload_confirm(struct reload *r)
{
	trial_over(r, true);
}

void reload_abandon(struct reload *r)
{
	trial_over(r, false);
}

int reload_rollback(struct reload *r, const char *by, struct err *e)
{
	struct judge *j;

	if (!r->spare)
		return err_plain(e, ENOENT, "no policy is on trial");
	j = judge_at(r->spare, NULL, reload_now(r), e);
	if (!j || reload_apply(r, j, by, e) < 0)
		return -1;
	trial_over(r, false);
	return 0;
}
