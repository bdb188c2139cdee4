/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kept: the policy that was last confirmed, as a copy of its files in the state directory, and a mark that says which one that is
 * and which one is, or was, on trial.  A daemon that comes back while a policy is on trial, or to a file that a trial ended
 * without, starts with the copy: nobody has ever said that the file may stay.
 *
 * STATE/policy/mark, and one directory per policy, named by its digest.  The mark is replaced last and whole; copies that it
 * does not name are removed.  Only the policy's own files are kept: makers, packs and registry are the package's and the site's.
 * Main thread. */
#ifndef RUN_KEPT_H
#define RUN_KEPT_H

#include <stdbool.h>

#include "base/err.h"
#include "run/paths.h"

struct policy;

enum { KEPT_DIGEST = 65 };

struct kept {
	char dir[PATHS_MAX], policy[PATHS_MAX];         /* STATE/policy; the file that all this is about */
	char confirmed[KEPT_DIGEST];                    /* "": nothing is kept */
	char unconfirmed[KEPT_DIGEST];                  /* "": none was on trial since */
	bool on_trial;                                  /* and its trial has not ended */
};

/* What the mark says; one of another policy file, or none: nothing is kept. */
int kept_open(struct kept *k, const char *state, const char *policy, struct err *e);
/* p, read from its file just now, is in force for good. */
int kept_confirmed(struct kept *k, const struct policy *p, struct err *e);
/* p, read from its file just now, is about to be tried; in force is what was confirmed last: ENOENT when that is not now. */
int kept_try(struct kept *k, const struct policy *p, const struct policy *now, struct err *e);
/* The trial's end: what was tried stays, or does not. */
int kept_ended(struct kept *k, bool confirmed, struct err *e);
/* At start, where the file is p (NULL: it was not read or is refused): must the copy stand in for it? */
bool kept_stands_in(const struct kept *k, const struct policy *p);
/* The copy's path, for policy_load; buf is of PATHS_MAX. */
const char *kept_path(const struct kept *k, char *buf);

#endif
