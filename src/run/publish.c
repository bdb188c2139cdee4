/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line of retired judges, oldest first.  Each goes through two states: waiting for its page, waiting for its ticket. */
#include "run/publish.h"

#include <malloc.h>
#include <stdint.h>

#include "base/vec.h"
#include "run/judge.h"
#include "run/recorder.h"

struct retired {
	struct judge *judge;
	bool page;                      /* waits for its page */
	bool whole;                     /* was followed by another policy or program, not just another view of who */
	uint64_t ticket;                /* 0: not asked for yet */
};

struct publish {
	struct qs_ptr current;
	struct recorder *recorder;
	VEC(struct retired) retired;
};

struct publish *publish_new(void)
{
	return calloc(1, sizeof(struct publish));
}

void publish_recorder(struct publish *p, struct recorder *r)
{
	p->recorder = r;
}

void publish_free(struct publish *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->retired.n; i++)
		judge_free(p->retired.at[i].judge);
	VEC_FREE(&p->retired);
	judge_free(p->current.p);
	free(p);
}

struct qs_ptr *publish_pointer(struct publish *p)
{
	return &p->current;
}

const struct judge *publish_current(const struct publish *p)
{
	return p->current.p;            /* written by this thread alone */
}

bool publish_swap(struct publish *p, struct judge *j, bool page)
{
	struct judge *old;

	if (!VEC_ROOM(&p->retired))
		return false;
	old = qs_swap(&p->current, j);
	if (!old)
		return true;
	qs_synchronize();
	p->retired.at[p->retired.n++] = (struct retired){ .judge = old, .page = page, .whole = page };
	publish_tick(p);
	return true;
}

const struct judge *publish_page_owner(const struct publish *p)
{
	for (size_t i = 0; i < p->retired.n; i++) {
		if (p->retired.at[i].page)
			return p->retired.at[i].judge;
	}
	return publish_current(p);
}

void publish_page_collected(struct publish *p)
{
	for (size_t i = 0; i < p->retired.n; i++)
		p->retired.at[i].page = false;
	publish_tick(p);
}

void publish_tick(struct publish *p)
{
	bool trim = false;
	size_t kept = 0;

	for (size_t i = 0; i < p->retired.n; i++) {
		struct retired *r = &p->retired.at[i];

		if (!r->page && !r->ticket)
			r->ticket = recorder_ticket(p->recorder);
		if (r->ticket && recorder_passed(p->recorder, r->ticket)) {
			judge_free(r->judge);
			trim |= r->whole;
		} else {
			p->retired.at[kept++] = *r;
		}
	}
	p->retired.n = kept;
	if (trim)               /* policies come and go whole: what they leave would only grow */
		malloc_trim(0);
}

size_t publish_retired(const struct publish *p)
{
	return p->retired.n;
}
