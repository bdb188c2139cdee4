/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fence: see the header.  Invariant: f->in is what the kernel's table was made from, page and bindings included; every change
 * is sent first and noted after the kernel took it. */
#include "run/fence_part.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/now.h"
#include "engine/plan.h"
#include "kern/nl.h"
#include "kern/table_flow.h"
#include "run/ifaces.h"
#include "run/judge.h"

/* A plan is made anew for classes that came: at most once in so long, and no more than this share of the time. */
enum { PLAN_SHARE = 20 };
#define PLAN_PAUSE_NS (2 * NOW_NS_PER_S)

struct fence *fence_new(const struct fence_options *o, struct err *e)
{
	AUTO(fence) f = calloc(1, sizeof(*f));

	if (!f) {
		err_plain(e, ENOMEM, "out of memory");
		return NULL;
	}
	f->options = *o;
	if (nl_open(NL_NETFILTER, NULL, &f->nl, e) < 0 || nl_open(NL_NETFILTER, table_watch_groups, &f->watch, e) < 0 ||
	    nl_open(NL_ROUTE, NULL, &f->route, e) < 0)
		return NULL;
	return TAKE(f);
}

void fence_free(struct fence *f)
{
	if (!f)
		return;
	table_free(f->table);
	free(f->bindings);
	plan_free(f->plan);
	arena_free(f->arena);
	nl_free(f->nl);
	nl_free(f->watch);
	nl_free(f->route);
	free(f);
}

int fence_about(struct fence *f, struct table_about *ret, struct err *e)
{
	if (table_read_about(f->nl, ret, e) < 0)
		return -1;
	if (ret->present && !ret->ours)
		return err_plain(e, EEXIST, "there is a table inet %s that is not ours", TABLE_TABLE);
	if (ret->ours)
		f->last_generation = ret->generation;
	return table_flow_present(f->nl, &f->offloads, e);
}

int fence_next_generation(struct fence *f, unsigned mark_shift, unsigned *ret, struct err *e)
{
	const unsigned next = table_next_generation(f->last_generation);
	struct ct_match stale = { .generations = 0 };

	/* The one to use and the few behind it are cleared ahead of the wrap; the live one never is. */
	for (unsigned i = 0, g = next; i < 4; i++, g = table_next_generation(g)) {
		if (g != f->last_generation)
			stale.generations |= UINT64_C(1) << g;
	}
	if (ct_clear(f->nl, mark_shift, &stale, NULL, e) < 0)
		return -1;
	*ret = next;
	return 0;
}

/* plan NULL: for a closed table.  The bindings go to brief, the rest to a. */
static int input_of(struct fence *f, const struct judge *j, const struct ifaces *i, const struct plan *plan,
		    const struct table_input *like, char page, struct arena *a, struct arena *brief, struct table_input *ret,
		    struct err *e)
{
	const struct table_setup setup = {
		.generation = j->generation, .page = page, .queue = f->options.queue, .queues = f->options.queues,
		.nflog_group = f->options.nflog_group, .native_queue = f->options.native_queue, .owner = f->options.owner,
		.closed = !plan, .plan = plan, .like = like, .early = f->in.early,
		.fences = f->options.fences && plan,            /* closed: they stay as they are */
		.open = i->open, .n_open = i->n_open, .l3 = i->l3, .n_l3 = i->n_l3,
		.flowtables = f->options.flowtables, .bindings_in = brief,
		.trunks = i->trunks, .n_trunks = i->n_trunks, .ports = i->ports, .n_ports = i->n_ports,
		.stacked = i->stacked, .n_stacked = i->n_stacked, .bridged = i->bridged, .n_bridged = i->n_bridged,
	};

	return table_input_from(j->policy, j->prog, j->who, &setup, a, ret, e);
}

static char other(char page)
{
	return page == 'a' ? 'b' : 'a';
}

/* The page to write to next, and whether the present one is to be collected then. */
static char next_page(const struct fence *f)
{
	if (!f->in.page)
		return 'a';
	return f->old_page ? f->in.page : other(f->in.page);
}

/* Around each transaction of ours: when notifications overflow (a big table makes many), the counter still tells whether
 * anybody else changed anything. */
void fence_part_begins(struct fence *f)
{
	struct err e;
	uint32_t now;

	if (f->genid && (nl_genid(f->nl, &now, &e) < 0 || now != f->genid)) {
		f->interleaved = true;
		f->trusted = false;
	}
}

void fence_part_ends(struct fence *f)
{
	struct err e;

	if (nl_genid(f->nl, &f->genid, &e) < 0)
		f->genid = 0;
}

int fence_genid(struct fence *f, uint32_t *ret, struct err *e)
{
	return nl_genid(f->nl, ret, e);
}

bool fence_only_ours(struct fence *f)
{
	const bool interleaved = f->interleaved;
	struct err e;
	uint32_t now;

	f->interleaved = false;
	return !interleaved && f->genid && nl_genid(f->nl, &now, &e) == 0 && now == f->genid;
}

static void adopt_plan(struct fence *f, struct plan *plan, const struct prog *prog, int64_t since_ns)
{
	plan_free(f->plan);
	f->plan = plan;
	f->prog = prog;
	f->unplanned = false;
	f->planned_ns = since_ns;
	f->plan_took_ns = now_mono_ns() - since_ns;
}

bool fence_wants_plan(const struct fence *f)
{
	const int64_t pause_ns = f->plan_took_ns * PLAN_SHARE > PLAN_PAUSE_NS ? f->plan_took_ns * PLAN_SHARE : PLAN_PAUSE_NS;

	return f->unplanned && now_mono_ns() - f->planned_ns >= pause_ns;
}

static int send(struct fence *f, const struct table *t, const struct table_was *was, struct err *e)
{
	return table_send_deaf(f->nl, f->watch, t, was, &f->missed, e);
}

/* Into the kernel: as a change of what is there, when that is known for sure. */
static int put_table(struct fence *f, const struct table *t, struct err *e)
{
	struct table_was was = { f->table, f->genid };
	struct table *built = NULL;
	int rc;

	if (!f->trusted || !f->genid || (f->bound && table_build(&f->in, &built, e) < 0))
		was.table = NULL;
	if (was.table && built)
		was.table = built;
	rc = was.table ? send(f, t, &was, e) : -1;
	if (rc < 0)                             /* also when it was not what it was thought to be */
		rc = send(f, t, NULL, e);
	table_free(built);
	return rc;
}

/* In a generation that lives on, marks hold: those of flows whose ends change go with the change, as in fence_bind. */
static int put_bindings(struct fence *f, const struct table *t, const struct table_binding *now, const struct table_input *in,
			struct err *e)
{
	const bool lives = f->table && in->generation == f->last_generation;
	struct arena *a = arena_new();
	struct fence_change c = { 0 };
	int rc = -1;

	if (!a)
		return err_plain(e, ENOMEM, "out of memory");
	if ((!lives || (fence_part_change(f, now, in->n_bindings, a, &c, e) == 0 && fence_part_clear(f, &c, e) == 0)) &&
	    put_table(f, t, e) == 0 && (!lives || fence_part_clear(f, &c, e) == 0))
		rc = 0;
	arena_free(a);
	return rc;
}

/* The same with its bindings sorted, on the heap. */
static int bound_input(struct fence *f, const struct judge *j, const struct ifaces *i, const struct plan *plan, char page,
		       struct arena *a, struct table_input *ret, struct table_binding **ret_bindings, struct err *e)
{
	struct arena *brief = arena_new();
	int rc;

	if (!brief)
		return err_plain(e, ENOMEM, "out of memory");
	rc = input_of(f, j, i, plan, NULL, page, a, brief, ret, e);
	if (rc == 0)
		rc = fence_part_copy(ret, ret_bindings, e);
	arena_free(brief);
	ret->bindings = *ret_bindings;
	return rc;
}

int fence_send(struct fence *f, const struct judge *j, const struct ifaces *i, bool closed, struct err *e)
{
	const int64_t since_ns = now_mono_ns();
	struct arena *a = arena_new();
	const char page = next_page(f);
	struct table_binding *bindings = NULL;
	struct plan *plan = NULL;
	struct table_input in = { .offload = false };
	struct table *t = NULL;
	int rc;

	if (!a)
		return err_plain(e, ENOMEM, "out of memory");
	fence_part_begins(f);
	if ((!closed && plan_build(j->prog, j->who, &plan, e) < 0) ||
	    bound_input(f, j, i, plan, page, a, &in, &bindings, e) < 0 || table_build(&in, &t, e) < 0)
		rc = -1;
	else
		rc = put_bindings(f, t, bindings, &in, e);
	fence_part_revoke(f, in.offload);       /* also after a failure: who knows what came of it */
	if (rc < 0) {
		table_free(t);
		free(bindings);
		plan_free(plan);
		arena_free(a);
		f->planned_ns = since_ns;
		return -1;
	}
	fence_part_ends(f);
	if (in.plan.left_out && in.plan.left_out != f->in.plan.left_out)
		log_warn("more than the kernel's table holds: it asks about some new flows parts=%zu", in.plan.left_out);
	adopt_plan(f, plan, j->prog, since_ns);
	f->trusted = !f->missed;
	if (f->in.page && page != f->in.page) {
		f->old_page = f->in.page;
		f->old_since_ns = now_mono_ns();
	}
	table_free(f->table);
	arena_free(f->arena);
	f->table = t;
	f->arena = a;
	f->in = in;
	f->in.page = page;
	f->bound = false;
	fence_part_adopt(f, bindings, in.n_bindings);
	f->last_generation = j->generation;
	f->offloads = in.offload || f->revoke_due;
	return 0;
}

enum fence_owner fence_owner(struct fence *f)
{
	struct table_about about;
	struct err e;

	return table_read_about(f->nl, &about, &e) == 0 && about.owned ? FENCE_OWNED : FENCE_SHARED;
}

bool fence_is_gone(struct fence *f)
{
	struct table_about about;
	struct err e;

	return table_read_about(f->nl, &about, &e) == 0 && !about.ours;
}

int fence_restore(struct fence *f, struct err *e)
{
	struct table *t = NULL;
	int rc;

	if (!f->table)
		return 0;
	if (table_build(&f->in, &t, e) < 0)
		return -1;
	fence_part_begins(f);
	rc = send(f, t, NULL, e);
	fence_part_ends(f);
	fence_part_revoke(f, f->in.offload);
	f->trusted = rc == 0 && !f->missed;
	f->bound = f->bound && rc < 0;
	table_free(f->table);
	f->table = t;
	return rc;
}

int fence_early(struct fence *f, struct err *e)
{
	struct table *t = NULL;
	int rc;

	if (!f->table || f->in.early || f->in.closed)
		return 0;
	f->in.early = true;
	fence_part_begins(f);
	rc = table_build(&f->in, &t, e) < 0 ? -1 : table_early(f->nl, t, e);
	fence_part_ends(f);
	f->in.early = rc == 0;
	if (rc < 0) {
		table_free(t);
		return -1;
	}
	table_free(f->table);
	f->table = t;
	return 0;
}

int fence_turn(struct fence *f, bool *ret, struct err *e)
{
	const char old = f->in.page;

	*ret = false;
	if (!f->table || f->old_page)
		return 0;
	fence_part_begins(f);
	if (table_turn(f->nl, &f->in, e) < 0)
		return -1;
	fence_part_ends(f);
	f->old_page = old;
	f->old_since_ns = now_mono_ns();
	*ret = true;
	return 0;
}

bool fence_page_waits(const struct fence *f, int64_t *ret_since_ns)
{
	*ret_since_ns = f->old_since_ns;
	return f->old_page != 0;
}

int fence_collect(struct fence *f, struct table_ledger *ret, struct err *e)
{
	*ret = (struct table_ledger){ 0 };
	if (!f->old_page)
		return 0;
	if (table_read_ledger(f->nl, f->old_page, ret, e) < 0)
		return -1;
	fence_part_begins(f);
	if (table_clear_page(f->nl, f->old_page, e) < 0) {
		table_ledger_free(ret);
		return -1;
	}
	fence_part_ends(f);
	f->old_page = 0;
	return 0;
}

int fence_collect_left(struct fence *f, const struct table_about *about, struct table_ledger *ret, struct err *e)
{
	const char left = other(about->page);

	*ret = (struct table_ledger){ 0 };
	f->in.page = about->page;               /* so that the first send turns it */
	if (table_read_ledger(f->nl, left, ret, e) < 0 || table_clear_page(f->nl, left, e) < 0) {
		table_ledger_free(ret);
		return -1;
	}
	return 0;
}

int fence_counters(struct fence *f, struct table_counts *ret, struct err *e)
{
	return table_read_counters(f->nl, ret, e);
}

int fence_rules(struct fence *f, table_rule_fn fn, void *arg, struct err *e)
{
	return table_read_rules(f->nl, fn, arg, e);
}

int fence_ct_stats(struct fence *f, struct ct_stats *ret, struct err *e)
{
	return ct_read_stats(f->nl, ret, e);
}

int fence_verify(struct fence *f, struct buf *out, size_t *ret_n, struct err *e)
{
	struct table *t = NULL;
	int rc;

	if (!f->table)
		return err_plain(e, ENOENT, "no table was sent yet");
	if (table_build(&f->in, &t, e) < 0)
		return -1;
	rc = table_verify(f->nl, t, out, ret_n, e);
	table_free(t);
	return rc;
}

int fence_agrees(struct fence *f, const struct judge *j, const struct ifaces *i, struct buf *out, size_t *ret_n, struct err *e)
{
	const bool planned = j->prog == f->prog;
	struct arena *a = arena_new();
	struct plan *plan = NULL;
	struct table *t = NULL;
	struct table_input in;
	int rc = -1;

	if (!a || !f->table)
		err_plain(e, f->table ? ENOMEM : ENOENT, f->table ? "out of memory" : "no table was sent yet");
	else if ((planned || f->in.closed || plan_build(j->prog, j->who, &plan, e) == 0) &&
		 input_of(f, j, i, planned ? f->plan : plan, planned ? &f->in : NULL, f->in.page, a, a, &in, e) == 0 &&
		 table_build(&in, &t, e) == 0)
		rc = table_verify(f->nl, t, out, ret_n, e);
	table_free(t);
	plan_free(plan);
	arena_free(a);
	return rc;
}

void fence_print(const struct fence *f, struct buf *out)
{
	if (f->table)
		table_print(f->table, out);
}

const struct table_input *fence_input(const struct fence *f)
{
	return f->table ? &f->in : NULL;
}

int fence_watch_fd(const struct fence *f)
{
	return nl_fd(f->watch);
}

int fence_watch(struct fence *f, table_change_fn fn, void *arg, bool *ret_lost, struct err *e)
{
	const uint32_t self[] = { nl_portid(f->nl), nl_portid(f->watch) };

	if (f->missed && nl_hear(f->watch, *table_watch_groups, true, e) < 0)   /* it may not listen since then */
		return -1;
	if (table_watch(f->watch, &f->seen, self, sizeof(self) / sizeof(self[0]), fn, arg, ret_lost, e) < 0)
		return -1;
	*ret_lost |= f->missed;
	f->interleaved |= f->missed;
	f->missed = false;
	return 0;
}

int fence_risks(struct fence *f, table_change_fn fn, void *arg, struct err *e)
{
	return table_risks(f->nl, fn, arg, e);
}
