/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_input: what the kernel has to know, from the policy, its program and who is where.
 * Networks become disjoint ranges, each owned by the zone with the longest prefix, so that a small open zone inside a
 * guarded network stays open in the kernel too. */
#include "kern/table_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/vec.h"
#include "engine/prog.h"
#include "ident/who.h"
#include "policy/policy.h"

struct net { struct addr lo, hi; uint32_t zone; };
struct owned { struct table_range range; uint32_t zone; };
struct ranges { VEC(struct owned) at; };

int table_binding_compare(const void *pa, const void *pb)
{
	const struct table_binding *a = pa, *b = pb;
	int c;

	if (a->iface != b->iface)
		return a->iface < b->iface ? -1 : 1;
	c = memcmp(&a->mac, &b->mac, sizeof(a->mac));
	return c ? c : addr_compare(&a->addr, &b->addr);
}

/* Wider networks before those inside them. */
static int compare_nets(const void *a, const void *b)
{
	const struct net *x = a, *y = b;
	int c = addr_compare(&x->lo, &y->lo);

	return c ? c : addr_compare(&y->hi, &x->hi);
}

static bool emit(struct ranges *r, const struct addr *lo, const struct addr *hi, uint32_t zone)
{
	if (lo->family != hi->family || addr_compare(lo, hi) > 0)
		return true;
	return VEC_PUSH(&r->at, (struct owned){ { *lo, *hi }, zone });
}

/* Sorted nets are disjoint or nested.  From net i on, everything inside it: what no inner net claims is its own.
 * Returns the index behind the last net inside. */
static size_t carve(struct ranges *r, const struct net *nets, size_t n, size_t i, bool *ok)
{
	struct addr from = nets[i].lo;
	const struct net *own = &nets[i++];
	bool whole = true;              /* some of it is left behind the last inner net */

	while (i < n && nets[i].lo.family == own->lo.family && addr_compare(&nets[i].lo, &own->hi) <= 0) {
		const struct net *inner = &nets[i];

		if (addr_compare(&inner->lo, &from) > 0) {
			struct addr before = addr_step(inner->lo, -1);

			*ok = emit(r, &from, &before, own->zone) && *ok;
		}
		i = carve(r, nets, n, i, ok);
		from = addr_step(inner->hi, 1);
		whole = addr_compare(&inner->hi, &own->hi) < 0;
	}
	if (whole)
		*ok = emit(r, &from, &own->hi, own->zone) && *ok;
	return i;
}

static struct net net_of(const struct prefix *p, uint32_t zone)
{
	return (struct net){ p->addr, addr_prefix_last(p), zone };
}

static int own_ranges(const struct policy *p, struct ranges *ret, struct err *e)
{
	VEC(struct net) nets = { 0 };
	bool ok = true;

	for (uint32_t z = 0; z < p->n_zones; z++)
		for (uint32_t i = 0; i < p->zones[z].n_nets; i++)
			ok = VEC_PUSH(&nets, net_of(&p->zones[z].nets[i], z)) && ok;
	if (nets.n)
		qsort(nets.at, nets.n, sizeof(*nets.at), compare_nets);
	for (size_t i = 0; ok && i < nets.n;)
		i = carve(ret, nets.at, nets.n, i, &ok);
	VEC_FREE(&nets);
	return ok ? 0 : err_plain(e, ENOMEM, "out of memory");
}

enum range_use { USE_NONE, USE_GUARDED, USE_REMOTE, USE_OBSERVED };

static enum range_use use_of(const struct policy_zone *z)
{
	if (z->guard == POLICY_OPEN)
		return USE_NONE;
	if (z->mode == POLICY_OBSERVE)
		return USE_OBSERVED;
	return z->n_ifaces ? USE_GUARDED : USE_REMOTE;
}

static struct table_range *take_use(const struct policy *p, const struct ranges *r, enum range_use use, struct arena *a,
				    size_t *ret_n)
{
	struct table_range *all = arena_array(a, r->at.n + 1, struct table_range);

	*ret_n = 0;
	for (size_t i = 0; all && i < r->at.n; i++)
		if (use_of(&p->zones[r->at.at[i].zone]) == use)
			all[(*ret_n)++] = r->at.at[i].range;
	return all;
}

bool table_input_lists(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static void take_routed(struct table_iface *f, const struct ranges *r, uint32_t zone, struct arena *a)
{
	struct table_range *all = arena_array(a, f->n_routed + r->at.n + 1, struct table_range);
	size_t n = f->n_routed;

	if (!all)
		return;
	for (size_t i = 0; i < n; i++)
		all[i] = f->routed[i];
	for (size_t i = 0; i < r->at.n; i++)
		if (r->at.at[i].zone == zone)
			all[n++] = r->at.at[i].range;
	f->routed = all;
	f->n_routed = n;
}

/* Where every zone is routed, nothing but routers stands on the link, under addresses that no zone needs to name. */
static enum table_fence fence_of(const struct policy *p, const struct policy_iface *i)
{
	enum table_fence fence = TABLE_FENCE_NONE;

	for (uint32_t k = 0; k < i->n_zones; k++) {
		const struct policy_zone *z = &p->zones[i->zones[k]];

		if (z->guard == POLICY_GUARDED_RESTRICTED)
			return TABLE_FENCE_RESTRICTED;
		if (!z->routed)
			fence = TABLE_FENCE_PROVED;
	}
	return fence;
}

/* May the kernel deny by itself what is never allowed?  Not where some zone observes or guards the restricted alone (others
 * pass there unasked), and not where the answer to a denial is a reject. */
static bool denies_alone(const struct policy *p, const struct policy_iface *i)
{
	bool yes = p->fallback == POLICY_DROP;

	for (uint32_t k = 0; k < p->n_rules; k++)
		yes = yes && p->rules[k].action != POLICY_REJECT;
	for (uint32_t k = 0; k < i->n_zones; k++) {
		const struct policy_zone *z = &p->zones[i->zones[k]];

		yes = yes && (z->guard == POLICY_OPEN || (z->guard == POLICY_GUARDED && z->mode == POLICY_ENFORCE));
	}
	return yes;
}

static struct table_iface take_iface(const struct policy *p, const struct policy_iface *i, const struct ranges *r,
				     const struct table_setup *s, struct arena *a)
{
	struct table_iface f = {
		.name = i->name, .role = TABLE_OPEN, .l3 = table_input_lists(s->l3, s->n_l3, i->name),
		.trunk = table_input_lists(s->trunks, s->n_trunks, i->name),
		.port = table_input_lists(s->ports, s->n_ports, i->name),
		.stacked = table_input_lists(s->stacked, s->n_stacked, i->name),
		.fence = fence_of(p, i), .loc = i->loc,
	};

	for (uint32_t k = 0; k < i->n_zones; k++) {
		const struct policy_zone *z = &p->zones[i->zones[k]];

		if (z->guard == POLICY_OPEN)
			continue;
		if (z->mode == POLICY_ENFORCE)
			f.role = TABLE_GUARDED;         /* the stricter of several */
		else if (f.role == TABLE_OPEN)
			f.role = TABLE_OBSERVED;
		f.observes = f.observes || z->mode != POLICY_ENFORCE;
		f.dhcp = f.dhcp || z->dhcp;
		if (z->routed)
			take_routed(&f, r, i->zones[k], a);
	}
	f.denies = f.role == TABLE_GUARDED && denies_alone(p, i);
	return f;
}

static void take_ifaces(const struct policy *p, const struct ranges *r, const struct table_setup *s, struct arena *a,
			struct table_input *ret)
{
	struct table_iface *all = arena_array(a, p->n_ifaces + s->n_open + 1, struct table_iface);

	if (!all)
		return;
	for (uint32_t i = 0; i < p->n_ifaces; i++)
		all[ret->n_ifaces++] = take_iface(p, &p->ifaces[i], r, s, a);
	for (size_t i = 0; i < s->n_open; i++) {
		bool known = !strcmp(s->open[i], "lo");         /* has its place already */

		for (uint32_t j = 0; j < p->n_ifaces; j++)
			known = known || !strcmp(p->ifaces[j].name, s->open[i]);
		if (!known)
			all[ret->n_ifaces++] = (struct table_iface){ .name = arena_strdup(a, s->open[i]), .role = TABLE_OPEN };
	}
	ret->ifaces = all;
}

/* brief: for what is not needed any more when this returns. */
static int take_bindings(const struct prog *prog, const struct who *w, const struct table_setup *setup, struct arena *a,
			 struct arena *brief, struct table_input *ret, struct err *e)
{
	size_t n = w ? who_bindings(w) : 0;
	struct table_binding *all = arena_array(setup->bindings_in ? setup->bindings_in : a, n + 1, struct table_binding);
	size_t *from = arena_array(brief, n + 1, size_t);

	if (!all || !from)
		return err_plain(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const struct who_binding *b = who_binding(w, i);

		if (b->iface >= ret->n_ifaces || ret->ifaces[b->iface].role == TABLE_OPEN)
			continue;
		from[ret->n_bindings] = i;
		all[ret->n_bindings++] = (struct table_binding){
			.iface = b->iface, .mac = b->mac, .addr = b->addr,
			.cls = prog && !prog_may_allow(prog, b->iface, &b->id) ? TABLE_RESTRICTED : TABLE_KNOWN,
			.restricted = prog && prog_restriction(prog, &b->id).restricted,
			.confined = prog && prog_confines(prog, b->iface, &b->id),
		};
	}
	ret->bindings = all;
	return table_input_take_classes(setup, w, from, all, ret->n_bindings, a, brief, ret, e);
}

static int take_plan(const struct policy *p, const struct table_setup *setup, struct arena *a, struct table_input *ret,
		     struct err *e)
{
	if (!setup->like)
		return table_input_take_plan(p, setup->plan, a, ret, e);
	ret->plan = setup->like->plan;
	return 0;
}

static bool is_guarded(const struct table_input *in, const struct addr *a)
{
	size_t lo = 0, hi = in->n_guarded;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (addr_compare(&in->guarded[mid].hi, a) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < in->n_guarded && addr_compare(&in->guarded[lo].lo, a) <= 0;
}

/* Those of devices that may be elsewhere, too: where a device of guarded interfaces alone stands it proves its addresses. */
static void take_listed(const struct policy *p, const struct table_input *like, struct arena *a, struct table_input *in)
{
	struct mac *all;
	size_t n = 0;

	if (like) {
		in->listed = like->listed;
		in->n_listed = like->n_listed;
		return;
	}
	for (uint32_t i = 0; i < p->n_devices; i++)
		n += p->devices[i].n_macs;
	in->listed = all = arena_array(a, n + 1, struct mac);
	for (uint32_t i = 0; all && i < p->n_devices; i++) {
		const struct policy_device *d = &p->devices[i];
		uint32_t at_home = 0;

		while (at_home < d->n_addrs && is_guarded(in, &d->addrs[at_home]))
			at_home++;
		for (uint32_t k = 0; k < d->n_macs && (!d->n_addrs || at_home < d->n_addrs); k++)
			all[in->n_listed++] = d->macs[k];
	}
}

int table_input_from(const struct policy *p, const struct prog *prog, const struct who *w, const struct table_setup *setup,
		     struct arena *a, struct table_input *ret, struct err *e)
{
	struct table_input in = {
		.generation = setup->generation, .page = setup->page,
		.mark_shift = (unsigned)__builtin_ctz(p->mark_mask | 1U << 31),
		.queue = setup->queue, .queues = setup->queues, .nflog_group = setup->nflog_group,
		.native_queue = setup->native_queue, .fences = setup->fences,
		.owner = setup->owner, .closed = setup->closed, .early = setup->early, .rates = setup->rates,
	};
	struct ranges r = { 0 };
	struct arena *brief;
	int rc;

	if (own_ranges(p, &r, e) < 0)
		return -1;
	memcpy(in.digest, p->digest, sizeof(in.digest));
	in.guarded = take_use(p, &r, USE_GUARDED, a, &in.n_guarded);
	in.remote = take_use(p, &r, USE_REMOTE, a, &in.n_remote);
	in.observed = take_use(p, &r, USE_OBSERVED, a, &in.n_observed);
	take_ifaces(p, &r, setup, a, &in);
	take_listed(p, setup->like, a, &in);
	VEC_FREE(&r.at);
	if (arena_failed(a))
		return err_plain(e, ENOMEM, "out of memory");
	table_input_take_flow(p, setup, a, &in);
	if (take_plan(p, setup, a, &in, e) < 0)
		return -1;
	brief = arena_new();
	rc = take_bindings(prog, w, setup, a, brief, &in, e);
	arena_free(brief);
	if (rc < 0)
		return -1;
	if (arena_failed(a))
		return err_plain(e, ENOMEM, "out of memory");
	*ret = in;
	return 0;
}
