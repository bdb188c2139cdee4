/* SPDX-License-Identifier: GPL-2.0-or-later */
/* uses: see uses.h.  Sorted by id: they come in hardly ever, and are looked up all the time. */
#include "run/uses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

struct uses { VEC(struct uses_rule) at; };

struct uses *uses_new(void)
{
	return calloc(1, sizeof(struct uses));
}

void uses_free(struct uses *u)
{
	if (!u)
		return;
	VEC_FREE(&u->at);
	free(u);
}

static struct uses_rule *rule_of(struct uses *u, const char *id)
{
	struct uses_rule fresh = { .packets = 0 };
	size_t lo = 0, hi = u->at.n;

	snprintf(fresh.id, sizeof(fresh.id), "%s", id);
	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;
		const int c = strcmp(u->at.at[mid].id, fresh.id);

		if (c == 0)
			return &u->at.at[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!VEC_PUSH(&u->at, fresh))
		return NULL;
	memmove(&u->at.at[lo + 1], &u->at.at[lo], (u->at.n - 1 - lo) * sizeof(fresh));
	u->at.at[lo] = fresh;
	return &u->at.at[lo];
}

void uses_kept(struct uses *u, const char *id, uint64_t told)
{
	struct uses_rule *r = rule_of(u, id);

	if (r)
		r->packets = r->told = told;
}

void uses_take(void *arg, const char *id, uint64_t packets, uint64_t bytes)
{
	struct uses_rule *r = rule_of(arg, id);

	(void)bytes;
	if (!r)
		return;
	if (packets < r->packets)
		r->told = 0;
	r->packets = packets;
}

void uses_tell(struct uses *u, uses_fn fn, void *arg)
{
	for (size_t i = 0; i < u->at.n; i++) {
		struct uses_rule *r = &u->at.at[i];
		const uint64_t grown = r->packets - r->told;

		if (!grown)
			continue;
		r->told = r->packets;
		fn(arg, r, grown);
	}
}

size_t uses_count(const struct uses *u)
{
	return u->at.n;
}

const struct uses_rule *uses_at(const struct uses *u, size_t i)
{
	return i < u->at.n ? &u->at.at[i] : NULL;
}
