/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fence_bind: the live table's bindings, kept equal to who. */
#include "run/fence_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "engine/plan.h"
#include "run/judge.h"

int fence_part_copy(const struct table_input *in, struct table_binding **ret, struct err *e)
{
	struct table_binding *b = malloc((in->n_bindings + 1) * sizeof(*b));

	if (!b)
		return err_plain(e, ENOMEM, "out of memory");
	if (in->n_bindings) {
		memcpy(b, in->bindings, in->n_bindings * sizeof(*b));
		qsort(b, in->n_bindings, sizeof(*b), table_binding_compare);
	}
	*ret = b;
	return 0;
}

void fence_part_adopt(struct fence *f, struct table_binding *b, size_t n)
{
	free(f->bindings);
	f->bindings = b;
	f->in.bindings = b;
	f->in.n_bindings = n;
}

static bool is_same(const struct table_binding *a, const struct table_binding *b)
{
	return a->cls == b->cls && a->restricted == b->restricted && a->confined == b->confined && a->plan == b->plan &&
	       a->sole == b->sole && a->spared == b->spared;
}

/* Both sorted.  A changed class is a removal and an addition. */
static void difference(const struct table_binding *old, size_t n_old, const struct table_binding *now, size_t n_now,
		       struct fence_change *ret)
{
	size_t i = 0, k = 0;

	while (i < n_old || k < n_now) {
		const int c = i == n_old ? 1 : k == n_now ? -1 : table_binding_compare(&old[i], &now[k]);

		if (c == 0 && is_same(&old[i], &now[k])) {
			i++;
			k++;
			continue;
		}
		if (c <= 0)
			ret->del[ret->n_del++] = old[i++];
		if (c >= 0)
			ret->add[ret->n_add++] = now[k++];
	}
}

static int compare_addresses(const void *a, const void *b)
{
	return addr_compare(a, b);
}

int fence_part_change(const struct fence *f, const struct table_binding *now, size_t n_now, struct arena *a,
		      struct fence_change *ret, struct err *e)
{
	*ret = (struct fence_change){
		.add = arena_array(a, n_now + 1, struct table_binding),
		.del = arena_array(a, f->in.n_bindings + 1, struct table_binding),
	};
	if (arena_failed(a))
		return err_plain(e, ENOMEM, "out of memory");
	difference(f->bindings, f->in.n_bindings, now, n_now, ret);
	return 0;
}

int fence_part_clear(struct fence *f, const struct fence_change *c, struct err *e)
{
	const size_t n = c->n_add + c->n_del;
	struct addr *addrs = calloc(n + 1, sizeof(*addrs));
	const struct ct_match m = { .generations = CT_ANY_GENERATION, .addrs = addrs, .n_addrs = n };
	int rc = 0;

	if (!addrs)
		return err_plain(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < c->n_add; i++)
		addrs[i] = c->add[i].addr;
	for (size_t i = 0; i < c->n_del; i++)
		addrs[c->n_add + i] = c->del[i].addr;
	if (n) {
		qsort(addrs, n, sizeof(*addrs), compare_addresses);
		rc = ct_clear(f->nl, f->in.mark_shift, &m, NULL, e);
	}
	free(addrs);
	return rc;
}

/* *ret_bound: all that a change needs is done.  Without it the next attempt is a whole table (fence_send), which finds the same
 * difference. */
static int apply(struct fence *f, const struct fence_change *c, bool *ret_bound, struct err *e)
{
	if (c->n_add + c->n_del &&
	    (fence_part_clear(f, c, e) < 0 || table_bind(f->nl, &f->in, c->add, c->n_add, c->del, c->n_del, e) < 0 ||
	     fence_part_clear(f, c, e) < 0))
		return -1;
	if (c->n_add + c->n_del)
		fence_part_revoke(f, false);
	*ret_bound = true;
	for (size_t i = 0; i < c->n_add; i++)
		f->unplanned = f->unplanned || c->add[i].plan == TABLE_NO_PLAN;
	return c->n_add ? table_forget(f->nl, e) : 0;
}

int fence_bind(struct fence *f, const struct judge *j, size_t *ret_changed, struct err *e)
{
	const struct table_setup setup = { .generation = f->in.generation, .page = f->in.page, .queue = f->options.queue,
					   .queues = f->options.queues, .nflog_group = f->options.nflog_group, .like = &f->in,
					   .plan = j->prog == f->prog ? f->plan : NULL };
	struct arena *a = arena_new();
	struct table_binding *now = NULL;
	struct fence_change c;
	bool bound = false;
	struct table_input next;
	int rc = -1;

	if (!a || !f->table) {
		arena_free(a);
		return err_plain(e, ENOENT, "no table to bind in");
	}
	fence_part_begins(f);
	if (table_input_from(j->policy, j->prog, j->who, &setup, a, &next, e) == 0 && fence_part_copy(&next, &now, e) == 0 &&
	    fence_part_change(f, now, next.n_bindings, a, &c, e) == 0)
		rc = apply(f, &c, &bound, e);
	f->unplanned = f->unplanned || (setup.plan && !plan_knows_macs(setup.plan, j->who));
	if (bound) {
		f->bound = f->bound || c.n_add + c.n_del;
		fence_part_adopt(f, TAKE(now), next.n_bindings);
		*ret_changed = c.n_add + c.n_del;
	}
	f->trusted = f->trusted && rc == 0;
	fence_part_ends(f);
	free(now);
	arena_free(a);
	return rc;
}
