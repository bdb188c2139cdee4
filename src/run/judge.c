/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A judge's parts are shared between bundles by counting; only the main thread makes and frees bundles, so plain counts do. */
#include "run/judge.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "engine/prog.h"
#include "ident/ident.h"
#include "ident/who.h"

struct judge_part {
	unsigned refs;
	void *object;
	void (*free)(void *object);
};

static void free_policy(void *p) { policy_free(p); }
static void free_prog(void *p) { prog_free(p); }
static void free_who(void *p) { who_free(p); }

static void part_put(struct judge_part *p)
{
	if (!p || --p->refs > 0)
		return;
	p->free(p->object);
	free(p);
}

static struct judge_part *part_get(struct judge_part *p)
{
	p->refs++;
	return p;
}

/* Takes object over, also on failure. */
static struct judge_part *part_new(void *object, void (*fn)(void *), struct err *e)
{
	struct judge_part *p = malloc(sizeof(*p));

	if (!p) {
		fn(object);
		err_plain(e, ENOMEM, "out of memory");
		return NULL;
	}
	*p = (struct judge_part){ .refs = 1, .object = object, .free = fn };
	return p;
}

static unsigned shift_of(uint32_t mask)
{
	return mask ? (unsigned)__builtin_ctz(mask) : 24;
}

static struct judge *bundle_new(struct err *e)
{
	static uint64_t serial;
	struct judge *j = calloc(1, sizeof(*j));

	if (!j)
		err_plain(e, ENOMEM, "out of memory");
	else
		j->serial = ++serial;
	return j;
}

static int build_prog(struct judge *j, int64_t now_ns, struct err *e)
{
	struct prog *prog;

	if (prog_build(j->policy, now_ns, &prog, e) < 0)
		return -1;
	j->prog_part = part_new(prog, free_prog, e);
	j->prog = prog;
	j->at_ns = now_ns;
	return j->prog_part ? 0 : -1;
}

static int build_who(struct judge *j, const struct ident *learnt, struct err *e)
{
	struct who *who;

	if (who_build(j->policy, learnt, &who, e) < 0)
		return -1;
	j->who_part = part_new(who, free_who, e);
	j->who = who;
	j->view = learnt ? ident_version(learnt) : 0;
	return j->who_part ? 0 : -1;
}

static struct judge *bundle_after(const struct judge *prev, struct err *e)
{
	AUTO(judge) j = bundle_new(e);

	if (!j)
		return NULL;
	j->policy_part = part_get(prev->policy_part);
	j->policy = prev->policy;
	j->generation = prev->generation;
	j->mark_shift = prev->mark_shift;
	j->offload = prev->offload;
	if (judge_interfaces(j, prev->pairs, prev->ifmap.n, e) < 0)
		return NULL;
	return TAKE(j);
}

struct judge *judge_new(struct policy *policy, const struct ident *learnt, int64_t now_ns, struct err *e)
{
	AUTO(judge) j = bundle_new(e);

	if (!j) {
		policy_free(policy);
		return NULL;
	}
	j->policy_part = part_new(policy, free_policy, e);
	if (!j->policy_part)
		return NULL;
	j->policy = policy;
	j->mark_shift = shift_of(policy->mark_mask);
	malloc_trim(0);         /* reading a big policy takes more than twice what stays: not on top of what comes now */
	if (build_prog(j, now_ns, e) < 0 || build_who(j, learnt, e) < 0)
		return NULL;
	return TAKE(j);
}

struct judge *judge_at(const struct judge *prev, const struct ident *learnt, int64_t now_ns, struct err *e)
{
	AUTO(judge) j = bundle_after(prev, e);

	if (!j || build_prog(j, now_ns, e) < 0 || build_who(j, learnt, e) < 0)
		return NULL;
	return TAKE(j);
}

struct judge *judge_who(const struct judge *prev, const struct ident *learnt, struct err *e)
{
	AUTO(judge) j = bundle_after(prev, e);

	if (!j)
		return NULL;
	j->prog_part = part_get(prev->prog_part);
	j->prog = prev->prog;
	j->at_ns = prev->at_ns;
	if (build_who(j, learnt, e) < 0)
		return NULL;
	return TAKE(j);
}

int judge_learn(struct judge *j, const struct ident *learnt, struct err *e)
{
	part_put(j->who_part);
	j->who_part = NULL;
	j->who = NULL;
	return build_who(j, learnt, e);
}

struct judge *judge_again(const struct judge *prev, struct err *e)
{
	AUTO(judge) j = bundle_after(prev, e);

	if (!j)
		return NULL;
	j->prog_part = part_get(prev->prog_part);
	j->prog = prev->prog;
	j->who_part = part_get(prev->who_part);
	j->who = prev->who;
	j->view = prev->view;
	j->at_ns = prev->at_ns;
	return TAKE(j);
}

void judge_free(struct judge *j)
{
	if (!j)
		return;
	part_put(j->who_part);          /* the program and who point into the policy: it goes last */
	part_put(j->prog_part);
	part_put(j->policy_part);
	free(j->pairs);
	free(j);
}

bool judge_wants_offload(const struct judge *j)
{
	for (uint32_t i = 0; i < j->policy->n_rules; i++)
		if (j->policy->rules[i].offload && !j->policy->rules[i].disabled)
			return true;
	return false;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct flow_ifpair *p = a, *q = b;

	return (p->ifindex > q->ifindex) - (p->ifindex < q->ifindex);
}

/* What no network holds leaves by the one open zone that has none. */
static uint32_t way_out(const struct judge *j)
{
	uint32_t found = POLICY_NONE;

	for (uint32_t i = 0; i < j->policy->n_zones; i++) {
		const struct policy_zone *z = &j->policy->zones[i];

		if (z->n_nets || !z->n_ifaces || j->policy->ifaces[z->ifaces[0]].guarded)
			continue;
		if (found != POLICY_NONE)
			return 0;
		found = z->ifaces[0];
	}
	return found == POLICY_NONE ? 0 : judge_ifindex(j, found);
}

int judge_interfaces(struct judge *j, const struct flow_ifpair *pairs, size_t n, struct err *e)
{
	struct flow_ifpair *copy = malloc((n ? n : 1) * sizeof(*copy));

	if (!copy)
		return err_plain(e, ENOMEM, "out of memory");
	if (n)
		memcpy(copy, pairs, n * sizeof(*copy));
	qsort(copy, n, sizeof(*copy), compare_pairs);
	free(j->pairs);
	j->pairs = copy;
	j->ifmap = (struct flow_ifmap){ .pairs = copy, .n = n };
	j->way_out = way_out(j);
	return 0;
}

uint32_t judge_iface_of(const struct judge *j, uint32_t ifindex)
{
	const struct flow_ifpair key = { .ifindex = ifindex };
	const struct flow_ifpair *p = j->ifmap.n ? bsearch(&key, j->ifmap.pairs, j->ifmap.n, sizeof(key), compare_pairs) : NULL;

	return p ? p->iface : WHO_NONE;
}

uint32_t judge_iface_named(const struct judge *j, const char *name)
{
	for (uint32_t i = 0; i < j->policy->n_ifaces; i++) {
		if (strcmp(j->policy->ifaces[i].name, name) == 0)
			return i;
	}
	return WHO_NONE;
}

uint32_t judge_ifindex(const struct judge *j, uint32_t iface)
{
	for (size_t i = 0; i < j->ifmap.n; i++) {
		if (j->ifmap.pairs[i].iface == iface)
			return j->ifmap.pairs[i].ifindex;
	}
	return 0;
}
