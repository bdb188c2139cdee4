/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is not told because a minute is not over is told by the first look after it, with everything that came meanwhile. */
#include "run/tight.h"

#include "base/now.h"

#define PAUSE_NS (60 * NOW_NS_PER_S)
enum { OVER_PERCENT = 80 };

bool tight_look(struct tight *t, const struct ct_stats *now, int64_t mono_ns, struct tight_news *ret)
{
	const bool was_near = t->near;
	struct tight_news n;

	if (!t->known) {                        /* what was lost before is nobody's news */
		t->told = *now;
		t->told_ns = mono_ns - PAUSE_NS;
		t->known = true;
	}
	t->near = ct_is_filled(now, CT_NEARLY_FULL) || (t->near && ct_is_filled(now, OVER_PERCENT));
	t->near_told = t->near_told && t->near;
	n = (struct tight_news){                /* sums of counters of 32 bits each, which wrap */
		.near = t->near, .dropped = (uint32_t)(now->drop - t->told.drop),
		.evicted = (uint32_t)(now->early_drop - t->told.early_drop),
		.not_inserted = (uint32_t)(now->insert_failed - t->told.insert_failed),
	};
	t->full = t->full || t->near || was_near || n.evicted;
	if (!t->full) {
		t->told.drop = now->drop;
		t->told.insert_failed = now->insert_failed;
		return false;
	}
	if (!(t->near && !t->near_told) && !n.dropped && !n.evicted)
		return false;
	if (mono_ns - t->told_ns < PAUSE_NS)
		return false;
	t->told = *now;
	t->told_ns = mono_ns;
	t->near_told = t->near;
	t->full = t->near;
	*ret = n;
	return true;
}

const char *tight_words(const struct tight_news *n)
{
	if (n->dropped)
		return "conntrack's table is full: packets that open flows were lost, whoever sent them";
	if (n->evicted)
		return "conntrack's table is full: flows that nobody answered made room for new ones";
	return "conntrack's table is nearly full";
}
