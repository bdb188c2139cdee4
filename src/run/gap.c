/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/gap.h"

void gap_look(struct gap *g, const struct gap_turn *t, uint64_t page, uint64_t accounted)
{
	const int64_t least = (int64_t)(t->drops_before - accounted);
	const int64_t most = (int64_t)(t->drops_after - t->accounted_before - page);

	if (g->looks == 0 || least > g->least)
		g->least = least;
	if (g->looks == 0 || most < g->most)
		g->most = most;
	g->looks++;
}

bool gap_is_exact(const struct gap *g)
{
	return g->looks && g->least >= g->most;
}

uint64_t gap_certain(const struct gap *g)
{
	const int64_t least = gap_is_exact(g) ? g->most : g->least;

	return g->looks && least > 0 ? (uint64_t)least : 0;
}
