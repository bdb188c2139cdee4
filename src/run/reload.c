/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changing what is in force: see the header.  Invariant: the judge published and the kernel's table agree, or the judge is one
 * generation ahead, which the post chain takes for allowed and does not remember. */
#include "run/reload.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/log.h"
#include "base/now.h"
#include "ident/ident.h"
#include "policy/policy.h"
#include "run/fence.h"
#include "run/judge.h"
#include "run/paths.h"
#include "run/publish.h"
#include "run/recorder.h"
#include "run/reload_part.h"
#include "run/trial.h"

#define LINKS_PAUSE_NS NOW_NS_PER_S

struct reload *reload_new(const struct reload_config *c, struct err *e)
{
	struct reload *r = calloc(1, sizeof(*r));
	char path[PATHS_MAX];

	if (!r) {
		err_plain(e, ENOMEM, "out of memory");
		return NULL;
	}
	r->c = *c;
	if (c->state && kept_open(&r->kept, c->state, c->policy, e) < 0) {
		log_error("which policy was confirmed last cannot be read: starting with the file error=\"%s\"", e->msg);
		r->c.state = NULL;
	}
	if (c->state && ifaces_recall(&r->memory, paths_join(c->state, "interfaces", path), c->links, e) < 0)
		log_error("which interfaces were guarded cannot be read: a renamed one may be open error=\"%s\"", e->msg);
	return r;
}

void reload_free(struct reload *r)
{
	if (!r)
		return;
	judge_free(r->spare);
	ifaces_forget(&r->memory);
	arena_free(r->ifaces_arena);
	arena_free(r->refused_arena);
	free(r);
}

void reload_learn(struct reload *r, struct ident *ident)
{
	r->ident = ident;
}

void reload_not_before(struct reload *r, int64_t wall_ns)
{
	r->not_before_ns = wall_ns;
}

int64_t reload_now(struct reload *r)
{
	const int64_t now = now_wall_ns();

	if (now > r->not_before_ns)
		r->not_before_ns = now;
	return r->not_before_ns;
}

int64_t reload_behind_ns(const struct reload *r)
{
	const int64_t now = now_wall_ns();

	return now < r->not_before_ns ? r->not_before_ns - now : 0;
}

const struct ifaces *reload_ifaces(const struct reload *r)
{
	return &r->ifaces;
}

struct recorder *reload_recorder(const struct reload *r)
{
	return r->c.recorder;
}

static bool tests_pass(const struct judge *j, struct buf *out)
{
	struct trial_result *results = calloc((size_t)j->policy->n_tests + 1, sizeof(*results));
	uint32_t bad = 1;

	if (results)
		bad = trial_run(j, results);
	for (uint32_t i = 0; results && i < j->policy->n_tests; i++) {
		if (results[i].passed)
			continue;
		buf_printf(out, "%s:%u: test failed: ", results[i].test->loc.file, results[i].test->loc.line);
		trial_text(j, &results[i], out);
		buf_char(out, '\n');
	}
	free(results);
	return bad == 0;
}

struct judge *reload_from(struct reload *r, const char *path, bool colour, struct buf *out)
{
	struct paths_data store;
	const struct policy_paths paths = paths_policy(r->c.data, &store);
	struct diag *d = diag_new();
	struct policy *p = d ? policy_load(path, &paths, now_wall_ns(), d) : NULL;
	AUTO(judge) j = NULL;
	struct err e = { 0 };

	if (p)
		j = judge_new(p, NULL, reload_now(r), &e);      /* its tests know the policy's own devices */
	if (p && !j)
		diag_err(d, &e);
	if (d)
		diag_text(d, colour, out);
	diag_free(d);
	if (j && tests_pass(j, out))
		return TAKE(j);
	return NULL;
}

struct judge *reload_candidate(struct reload *r, bool colour, struct buf *out)
{
	return reload_from(r, r->c.policy, colour, out);
}

static void keep_memory(struct reload *r)
{
	char path[PATHS_MAX];
	struct err e = { 0 };

	if (r->c.state && r->memory.changed && ifaces_keep(&r->memory, paths_join(r->c.state, "interfaces", path), &e) < 0)
		log_warn("which interfaces were guarded cannot be kept for the next start error=\"%s\"", e.msg);
}

/* The interfaces as they are now, for j's policy, into r and j. */
static int wire(struct reload *r, struct judge *j, struct err *e)
{
	struct arena *a = arena_new();
	struct ifaces now;

	if (!a)
		return err_plain(e, ENOMEM, "out of memory");
	if (ifaces_read(j->policy, r->c.links, &r->memory, a, &now, e) < 0 ||
	    judge_interfaces(j, now.pairs, now.n_pairs, e) < 0) {
		arena_free(a);
		return -1;
	}
	j->offload = fence_offloads(r->c.fence) && judge_wants_offload(j);
	reload_tell_ifaces(r, r->refused_arena ? &r->refused : &r->ifaces, &now);
	r->former_arena = r->ifaces_arena;
	r->former = r->ifaces;
	r->ifaces_arena = a;
	r->ifaces = now;
	ifaces_remember(&r->memory, j->policy, &now);
	keep_memory(r);
	return 0;
}

static void forget_refused(struct reload *r)
{
	arena_free(r->refused_arena);
	r->refused_arena = NULL;
}

/* The kernel has taken the table that says so, or it stays as it was: then what was guarded by name is guarded still. */
static void unwire(struct reload *r, bool taken)
{
	const struct judge *j = publish_current(r->c.publish);

	forget_refused(r);
	if (!taken) {
		r->refused_arena = r->ifaces_arena;
		r->refused = r->ifaces;
		r->ifaces_arena = r->former_arena;
		r->ifaces = r->former;
		if (j)
			ifaces_remember(&r->memory, j->policy, &r->ifaces);
		keep_memory(r);
	} else {
		arena_free(r->former_arena);
	}
	r->former_arena = NULL;
}

/* Publish, then the kernel; back again when it refuses. */
static int replace(struct reload *r, struct judge *j, struct err *e)
{
	const struct judge *old = publish_current(r->c.publish);
	struct judge *back = NULL;

	if (old) {
		back = judge_again(old, e);
		if (!back)
			goto out;
	}
	if (!publish_swap(r->c.publish, j, true)) {
		err_plain(e, ENOMEM, "out of memory");
		goto out;
	}
	if (fence_send(r->c.fence, j, &r->ifaces, false, e) == 0) {
		judge_free(back);
		return 0;
	}
	if (back && publish_swap(r->c.publish, back, true))
		return -1;
	judge_free(back);
	return -1;
out:
	judge_free(back);
	judge_free(j);
	return -1;
}

static int next_generation(struct reload *r, struct judge *j, struct err *e)
{
	if (fence_next_generation(r->c.fence, j->mark_shift, &j->generation, e) == 0)
		return 0;
	return err_wrap(e, "the next generation");
}

/* Takes j.  As another generation all flows are judged once more. */
static int apply(struct reload *r, struct judge *j, bool another, struct err *e)
{
	int rc;

	if (wire(r, j, e) < 0) {
		judge_free(j);
		return -1;
	}
	if (another && next_generation(r, j, e) < 0) {
		unwire(r, false);
		judge_free(j);
		return -1;
	}
	rc = replace(r, j, e);
	unwire(r, rc == 0);
	return rc;
}

/* The same with what was learnt; takes j. */
static struct judge *with_learnt(struct reload *r, struct judge *j, struct err *e)
{
	if (!r->ident || (ident_set_policy(r->ident, j->policy, reload_now(r), e) == 0 && judge_learn(j, r->ident, e) == 0))
		return j;
	judge_free(j);
	return NULL;
}

int reload_apply(struct reload *r, struct judge *j, const char *by, struct err *e)
{
	const struct judge *old = publish_current(r->c.publish);
	struct judge *before = NULL;
	struct err second;

	if (old) {                      /* to compare with, and to go back to, after the old one may be gone */
		before = judge_again(old, e);
		if (!before) {
			judge_free(j);
			return -1;
		}
	}
	j = with_learnt(r, j, e);
	if (before)
		ifaces_release(&r->memory, before->policy, r->c.links);
	if (!j || apply(r, j, true, e) < 0) {
		if (r->ident && before)
			ident_set_policy(r->ident, publish_current(r->c.publish)->policy, reload_now(r), &second);
		judge_free(before);
		return -1;
	}
	reload_tell_loaded(r, publish_current(r->c.publish), before, by);
	judge_free(before);
	return 0;
}

int reload_time(struct reload *r, struct err *e)
{
	const struct judge *old = publish_current(r->c.publish);
	const int64_t was_ns = old->at_ns;
	struct judge *j = judge_at(old, r->ident, reload_now(r), e);

	if (!j || apply(r, j, true, e) < 0)
		return -1;
	reload_tell_ended(r, publish_current(r->c.publish), was_ns);
	return 0;
}

int reload_who(struct reload *r, struct err *e)
{
	struct judge *j = judge_who(publish_current(r->c.publish), r->ident, e);
	size_t changed = 0;

	if (!j)
		return -1;
	if (!publish_swap(r->c.publish, j, false)) {
		judge_free(j);
		return err_plain(e, ENOMEM, "out of memory");
	}
	if (fence_bind(r->c.fence, j, &changed, e) < 0) {
		log_warn("bindings cannot be changed one by one, the whole table is sent error=\"%s\"", e->msg);
		return fence_send(r->c.fence, j, &r->ifaces, false, e);
	}
	if (changed)
		log_debug("bindings changed elements=%zu", changed);
	return 0;
}

int reload_links(struct reload *r, struct err *e)
{
	const struct judge *old = publish_current(r->c.publish);
	struct arena *a = arena_new();
	struct ifaces now;
	struct judge *j;
	bool same, alike;

	if (!a)
		return err_plain(e, ENOMEM, "out of memory");
	if (ifaces_read(old->policy, r->c.links, &r->memory, a, &now, e) < 0) {
		arena_free(a);
		return -1;
	}
	same = ifaces_equal(&now, &r->ifaces);
	alike = ifaces_lead_alike(&now, &r->ifaces);
	arena_free(a);
	r->links_due = false;
	if (same) {
		forget_refused(r);
		return 0;
	}
	j = judge_who(old, r->ident, e);
	r->links_due = !j || apply(r, j, !alike, e) < 0;
	r->links_again_ns = now_mono_ns() + LINKS_PAUSE_NS;
	return r->links_due ? -1 : 0;
}

void reload_second(struct reload *r)
{
	struct err e = { 0 };

	if (ifaces_further(NULL) != r->ifaces.further && !r->links_due && reload_links(r, &e) < 0)
		log_error("the kernel refuses the table for further protocols error=\"%s\"", e.msg);
}

static void links_again(struct reload *r)
{
	static struct log_limit limit;
	struct err e = { 0 };
	unsigned held;

	if (!r->links_due || now_mono_ns() < r->links_again_ns)
		return;
	if (reload_links(r, &e) == 0)
		log_info("the table agrees with the interfaces again");
	else if (log_allow(&limit, 1, &held))
		log_error("the kernel refuses the table for changed interfaces, it is tried again error=\"%s\" held_back=%u", e.msg,
			  held);
}

void reload_tick(struct reload *r)
{
	struct err e = { 0 };

	fence_tick(r->c.fence);
	links_again(r);
	if (!fence_wants_plan(r->c.fence))
		return;
	if (fence_send(r->c.fence, publish_current(r->c.publish), &r->ifaces, false, &e) < 0)
		log_error("the kernel refused a table for the classes of new devices error=\"%s\"", e.msg);
}
