/* SPDX-License-Identifier: GPL-2.0-or-later */
/* paths: where things are unless an option says otherwise, and names below those directories. */
#ifndef RUN_PATHS_H
#define RUN_PATHS_H

#include "policy/policy.h"

#define PATHS_POLICY "/etc/ringfence/policy.yaml"
#define PATHS_STATE "/var/lib/ringfence"
#define PATHS_RUN "/run/ringfence"
#define PATHS_GROUP "ringfence"

enum { PATHS_MAX = 512 };

/* Storage for the words that a struct policy_paths borrows. */
struct paths_data {
	char registry[PATHS_MAX], makers[PATHS_MAX], packs[PATHS_MAX];
};

/* The shipped data below dir (NULL: the loader's own defaults), the site's overlays in /etc/ringfence beside it. */
struct policy_paths paths_policy(const char *dir, struct paths_data *store);
/* dir/name into buf (of PATHS_MAX); returns buf. */
const char *paths_join(const char *dir, const char *name, char *buf);

#endif
