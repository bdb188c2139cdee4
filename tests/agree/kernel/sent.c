/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agree/kernel/sent.h"

#include <stdio.h>
#include <stdlib.h>

#include "agree/kernel/lab.h"
#include "base/arena.h"
#include "base/now.h"
#include "engine/plan.h"
#include "kern/ct.h"
#include "kern/nl.h"
#include "kern/table.h"
#include "run/judge.h"
#include "unit/kern/space.h"

void sent_must(int rc, const struct err *e, const char *what)
{
	if (rc >= 0)
		return;
	printf("Bail out! %s: %s\n", what, e->msg);
	exit(EXIT_FAILURE);
}

/* The policy's moment is not now: what ends does so as much later by the kernel's clock. */
static void put_off(struct table_input *in, struct arena *a, int64_t by_ns)
{
	struct plan_what *whats = arena_array(a, in->plan.n_whats + 1, struct plan_what);

	for (size_t i = 0; i < in->plan.n_whats; i++) {
		const struct plan_what *w = &in->plan.whats[i];
		struct plan_service *s = arena_array(a, w->n_services + 1, struct plan_service);

		for (size_t k = 0; k < w->n_services; k++)
			s[k] = w->services[k];
		for (size_t k = 0; k < w->n_services; k++)
			if (s[k].answer.ends_ns)
				s[k].answer.ends_ns += by_ns;
		whats[i] = *w;
		whats[i].services = s;
	}
	in->plan.whats = whats;
}

void sent_table(const struct sent_how *how, const struct judge *j, const struct plan *plan)
{
	const struct table_setup setup = {
		.generation = j->generation, .page = 'a', .queue = SENT_QUEUE, .nflog_group = SENT_QUEUE, .native_queue = how->native_queue,
		.rates = { 100000, 100000, 100000, 100000, 100000, 100000, 100000,
			   .deny_per_s = 1, .deny_burst = how->denies ? 1 : 100000 }, .early = how->denies, .open = lab_names, .n_open = LAB_PORTS,
		.plan = plan,
	};
	const struct ct_match reused = { .generations = UINT64_C(1) << j->generation };
	struct arena *a = arena_new();
	struct table_input in;
	struct err e = { 0 };
	AUTO(table) t = NULL;

	if (how->again)
		sent_must(ct_clear(how->nl, j->mark_shift, &reused, NULL, &e), &e, "conntrack");

	sent_must(table_input_from(j->policy, j->prog, j->who, &setup, a, &in, &e), &e, "input");
	put_off(&in, a, now_wall_ns() - j->at_ns + NOW_NS_PER_S * 3600);
	sent_must(table_plan_name(&in.plan, in.ifaces, a, &e), &e, "names");
	sent_must(table_build(&in, &t, &e), &e, "table");
	sent_must(table_send(how->nl, t, &e), &e, "sending the table");
	/* Meters stay in a table, with the rate that they were made with. */
	sent_must(space_run(NULL, "nft flush set inet ringfence samples") ? -1 : 0, &(struct err){ .msg = "nft" }, "samples");
	arena_free(a);
}
