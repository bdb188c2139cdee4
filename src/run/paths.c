/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Default places; one function, so that the daemon and every command look in the same ones. */
#include "run/paths.h"

#include <stdio.h>

const char *paths_join(const char *dir, const char *name, char *buf)
{
	snprintf(buf, PATHS_MAX, "%s/%s", dir, name);
	return buf;
}

struct policy_paths paths_policy(const char *dir, struct paths_data *store)
{
	struct policy_paths p = { 0 };

	if (!dir)
		return p;
	p.registry = paths_join(dir, "registry/ieee-prefixes.tsv", store->registry);
	p.makers[0] = paths_join(dir, "makers", store->makers);
	p.packs[0] = paths_join(dir, "packs", store->packs);
	return p;
}
