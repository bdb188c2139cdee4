/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the recorder does with one thing at a time: store an event, tell a record, attribute the elements of a dump. */

#include "run/recorder_part.h"

#include <string.h>

#include "base/log.h"
#include "base/now.h"
#include "policy/policy.h"
#include "run/hit.h"

void recorder_emit(void *arg, const struct event *ev)
{
	static struct log_limit limit;
	struct recorder *r = arg;
	struct event copy = *ev;
	struct err e = { 0 };
	unsigned held;

	if (spool_append(r->spool, &copy, &e) == 0)
		return;
	r->now.append_failed++;
	if (log_allow(&limit, 3, &held))
		log_warn("an event was not kept error=\"%s\" held_back=%u", e.msg, held);
}

static void tally(struct recorder_stats *s, const struct hit *h)
{
	s->hits++;
	if (h->verdict.action == POLICY_ALLOW)
		return;
	if (!h->verdict.enforced)
		s->would_block++;
	else if ((h->sent_mark & 3) == HIT_DENY)
		s->denied++;
	else if ((h->sent_mark & 3) == HIT_REJECT)
		s->rejected++;
	else
		s->forgotten++;
}

void recorder_hit(struct recorder *r, const struct hit *h)
{
	tally(&r->now, h);
	tell_hit(&r->tell, h, now_mono_ns());
}

void recorder_elements(struct recorder *r, const struct recorder_item *it)
{
	for (size_t i = 0; i < it->n_elements; i++) {
		const struct recorder_element *el = &it->elements[i];
		const struct merge_count c = {
			.packets = el->packets, .bytes = el->bytes, .first_ns = it->first_ns, .last_ns = it->last_ns,
		};

		if (el->packets == 0)
			continue;
		r->now.elements++;
		r->now.kernel_denied += el->packets;
		if (it->outage)
			r->now.outage += el->packets;
		if (it->outage || !merge_count_denied(r->merge, &el->key, &c, now_mono_ns()))
			tell_element(&r->tell, it->judge, &el->key, &c, it->outage, now_mono_ns());
	}
}
