/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zones: all prefixes in one array, longest first, and by address inside each length; a lookup is one binary search for
 * each length that occurs, of which a site has a handful. */
#include "ident/zones.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "policy/policy.h"

struct key {
	uint64_t hi, lo;        /* numerically */
};

struct net {
	struct prefix prefix;
	uint32_t zone;
};

struct run {
	size_t first, n;
	struct key mask;
	uint8_t family, len;
};

struct zones {
	const struct policy *policy;
	VEC(struct net) nets;
	VEC(struct key) keys;   /* of nets */
	VEC(struct run) runs;
	bool any_routed;
};

static int compare_nets(const void *va, const void *vb)
{
	const struct net *a = va, *b = vb;
	int c = (a->prefix.addr.family > b->prefix.addr.family) - (a->prefix.addr.family < b->prefix.addr.family);

	if (!c)
		c = (a->prefix.len < b->prefix.len) - (a->prefix.len > b->prefix.len);
	if (!c)
		c = addr_compare(&a->prefix.addr, &b->prefix.addr);
	return c ? c : (a->zone > b->zone) - (a->zone < b->zone);
}

static struct key key_of(const struct addr *a)
{
	struct key k;

	memcpy(&k.hi, a->b, sizeof(k.hi));
	memcpy(&k.lo, a->b + 8, sizeof(k.lo));
	return (struct key){ __builtin_bswap64(k.hi), __builtin_bswap64(k.lo) };
}

static struct key mask_of(unsigned len)
{
	return (struct key){ len ? UINT64_MAX << (len < 64 ? 64 - len : 0) : 0, len > 64 ? UINT64_MAX << (128 - len) : 0 };
}

static bool is_below(struct key a, struct key b)
{
	return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo;
}

static bool add_runs(struct zones *z)
{
	for (size_t i = 0; i < z->nets.n; i++) {
		const struct prefix *p = &z->nets.at[i].prefix;
		struct run *last = z->runs.n ? &z->runs.at[z->runs.n - 1] : NULL;

		if (last && last->family == p->addr.family && last->len == p->len)
			last->n++;
		else if (!VEC_PUSH(&z->runs, (struct run){ i, 1, mask_of(p->len), p->addr.family, p->len }))
			return false;
		if (!VEC_PUSH(&z->keys, key_of(&p->addr)))
			return false;
	}
	return true;
}

struct zones *zones_new(const struct policy *p)
{
	AUTO(zones) z = calloc(1, sizeof(*z));

	if (!z)
		return NULL;
	z->policy = p;
	for (uint32_t i = 0; i < p->n_zones; i++) {
		z->any_routed |= p->zones[i].routed;
		for (uint32_t k = 0; k < p->zones[i].n_nets; k++)
			if (!VEC_PUSH(&z->nets, (struct net){ p->zones[i].nets[k], i }))
				return NULL;
	}
	if (z->nets.n)
		qsort(z->nets.at, z->nets.n, sizeof(*z->nets.at), compare_nets);
	return add_runs(z) ? TAKE(z) : NULL;
}

void zones_free(struct zones *z)
{
	if (!z)
		return;
	VEC_FREE(&z->nets);
	VEC_FREE(&z->keys);
	VEC_FREE(&z->runs);
	free(z);
}

/* The first of a run that is not below k. */
static size_t search(const struct zones *z, const struct run *run, struct key k)
{
	size_t lo = run->first, n = run->n;

	while (n > 0) {
		const size_t half = n / 2;

		if (is_below(z->keys.at[lo + half], k)) {
			lo += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return lo;
}

uint32_t zones_find(const struct zones *z, const struct addr *a)
{
	const struct key k = key_of(a);

	for (size_t r = 0; r < z->runs.n; r++) {
		const struct run *run = &z->runs.at[r];
		const struct key want = { k.hi & run->mask.hi, k.lo & run->mask.lo };
		size_t at;

		if (run->family != a->family)
			continue;
		at = search(z, run, want);
		if (at < run->first + run->n && z->keys.at[at].hi == want.hi && z->keys.at[at].lo == want.lo)
			return z->nets.at[at].zone;
	}
	return POLICY_NONE;
}

bool zones_routed(const struct zones *z, const struct addr *a)
{
	uint32_t zone = z->any_routed ? zones_find(z, a) : POLICY_NONE;

	return zone != POLICY_NONE && z->policy->zones[zone].routed;
}

bool zones_on(const struct zones *z, uint32_t zone, uint32_t iface)
{
	const struct policy_zone *at = &z->policy->zones[zone];

	for (uint32_t i = 0; i < at->n_ifaces; i++)
		if (at->ifaces[i] == iface)
			return true;
	return !at->n_ifaces;
}

bool zones_at_home(const struct zones *z, uint32_t iface, const struct addr *a)
{
	uint32_t zone = zones_find(z, a);
	const struct policy_iface *at;

	if (iface >= z->policy->n_ifaces)
		return false;
	if (zone != POLICY_NONE)
		return z->policy->zones[zone].n_ifaces && zones_on(z, zone, iface);
	at = &z->policy->ifaces[iface];
	for (uint32_t i = 0; i < at->n_zones; i++)
		if (!z->policy->zones[at->zones[i]].n_nets)
			return true;
	return false;
}
