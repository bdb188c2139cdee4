/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of devices and groups.  A hundred thousand devices: sorted arrays, no pairs. */
#include "policy/policy_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"

/* A MAC or an address as bytes that sort, and whose it is. */
struct owned {
	uint8_t key[17];
	uint32_t device, item;
};

static int by_key(const void *a, const void *b)
{
	const struct owned *x = a, *y = b;
	int order = memcmp(x->key, y->key, sizeof(x->key));

	if (order)
		return order;
	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

static struct loc item_loc(const struct policy_check *c, const struct owned *o, bool macs)
{
	const struct policy_device *d = &c->p->devices[o->device];

	return (macs ? d->mac_locs : d->addr_locs)[o->item];
}

static void say_twice(struct policy_check *c, const struct owned *first, const struct owned *again, bool macs)
{
	const struct policy_device *a = &c->p->devices[first->device], *b = &c->p->devices[again->device];
	char text[ADDR_TEXT];

	if (macs)
		addr_mac_text(&b->macs[again->item], text, sizeof(text));
	else
		addr_text(&b->addrs[again->item], text, sizeof(text));
	if (a == b)
		diag_add2(c->d, DIAG_ERROR, item_loc(c, again, macs), item_loc(c, first, macs), "first here",
			  "%s stands in device '%s' twice", text, a->name);
	else
		diag_add2(c->d, DIAG_ERROR, item_loc(c, again, macs), item_loc(c, first, macs), "first here",
			  "%s belongs to device '%s' already: one %s, one device", text, a->name, macs ? "MAC" : "address");
}

static void check_unique(struct policy_check *c, bool macs)
{
	struct owned *all;
	size_t n = 0;

	for (uint32_t i = 0; i < c->p->n_devices; i++)
		n += macs ? c->p->devices[i].n_macs : c->p->devices[i].n_addrs;
	all = calloc(n + 1, sizeof(*all));
	if (!all) {
		diag_add(c->d, DIAG_ERROR, LOC_NONE, "out of memory while comparing devices");
		return;
	}
	n = 0;
	for (uint32_t i = 0; i < c->p->n_devices; i++) {
		const struct policy_device *d = &c->p->devices[i];

		for (uint32_t k = 0; k < (macs ? d->n_macs : d->n_addrs); k++) {
			struct owned *o = &all[n++];

			*o = (struct owned){ .device = i, .item = k };
			memcpy(o->key, macs ? (const void *)d->macs[k].b : d->addrs[k].b, macs ? 6 : 16);
			o->key[16] = macs ? 0 : d->addrs[k].family;
		}
	}
	qsort(all, n, sizeof(*all), by_key);
	for (size_t i = 1; i < n; i++)
		if (!memcmp(all[i - 1].key, all[i].key, sizeof(all[i].key)))
			say_twice(c, &all[i - 1], &all[i], macs);
	free(all);
}

uint32_t policy_check_zone_of(const struct policy_check *c, const struct policy_device *d)
{
	const struct policy_net *n = d->n_addrs ? policy_nets_find(&c->nets, &d->addrs[0]) : NULL;

	return n ? n->owner : POLICY_NONE;
}

static bool is_cleared(const struct policy_check *c, const struct policy_device *d)
{
	return d->cleared && d->cleared->date.ns <= c->now_ns && c->now_ns < d->cleared->until.ns;
}

static bool maker_in(const struct policy_check *c, const struct policy_device *d, const uint32_t *packs, uint32_t n)
{
	return (d->maker != POLICY_NONE && policy_maker_restricted(c->p, d->maker, packs, n, c->now_ns, NULL)) ||
	       (d->registry_maker != POLICY_NONE && policy_maker_restricted(c->p, d->registry_maker, packs, n, c->now_ns, NULL));
}

bool policy_check_device_restricted(const struct policy_check *c, const struct policy_device *d)
{
	return !is_cleared(c, d) && maker_in(c, d, NULL, 0);
}

static bool has_index(const uint32_t *at, uint32_t n, uint32_t i)
{
	for (uint32_t k = 0; k < n; k++)
		if (at[k] == i && i != POLICY_NONE)
			return true;
	return false;
}

static bool has_tag(const struct policy_group *g, const struct policy_device *d)
{
	for (uint32_t i = 0; i < g->n_tags; i++)
		for (uint32_t k = 0; k < d->n_tags; k++)
			if (!strcmp(g->tags[i], d->tags[k]))
				return true;
	return false;
}

bool policy_check_member(const struct policy_check *c, const struct policy_group *g, const struct policy_device *d)
{
	if (g->n_except || g->unknown == POLICY_YES || g->enrolled == POLICY_NO)
		return false;
	if (g->n_packs && (is_cleared(c, d) || !maker_in(c, d, g->packs, g->n_packs)))
		return false;
	if (g->n_makers && !has_index(g->makers, g->n_makers, d->maker) && !has_index(g->makers, g->n_makers, d->registry_maker))
		return false;
	if (g->n_devices && !has_index(g->devices, g->n_devices, (uint32_t)(d - c->p->devices)))
		return false;
	if (g->n_zones && !has_index(g->zones, g->n_zones, policy_check_zone_of(c, d)))
		return false;
	return !g->n_tags || has_tag(g, d);
}

static void check_registrant(struct policy_check *c, const struct policy_device *d)
{
	for (uint32_t k = 0; k < d->n_macs && d->maker != POLICY_NONE; k++) {
		const char *registrant, *typed = c->p->makers[d->maker].name;
		uint32_t maker = policy_maker_of_mac(c->p, &d->macs[k], &registrant);
		char mac[ADDR_MAC_TEXT];

		if (maker == d->maker || !registrant || !policy_check_few(c, POLICY_CROWD_REGISTRANT, d->mac_locs[k]))
			continue;
		diag_add(c->d, DIAG_WARNING, d->mac_locs[k], "%s is registered to %s%s%s%s, and the device is typed "
			 "'%s': the stricter of the two counts", addr_mac_text(&d->macs[k], mac, sizeof(mac)),
			 registrant,
			 maker != POLICY_NONE ? " (" : "", maker != POLICY_NONE ? c->p->makers[maker].name : "",
			 maker != POLICY_NONE ? ")" : "", typed);
	}
}

static void check_cleared(struct policy_check *c, const struct policy_device *d)
{
	const struct policy_cleared *k = d->cleared;

	if (!k)
		return;
	if (k->until.ns <= k->date.ns)
		diag_add2(c->d, DIAG_ERROR, k->until.loc, k->date.loc, "the beginning", "'until' lies before 'date'");
	else if (k->until.ns <= c->now_ns)
		diag_add(c->d, DIAG_WARNING, k->until.loc, "the clearing of '%s' has ended (%s): renew it or take it out", d->name,
			 k->until.text);
	else if (!maker_in(c, d, NULL, 0))
		diag_add(c->d, DIAG_WARNING, k->loc, "no pack restricts '%s' by its maker, so there is nothing to clear", d->name);
}

static void check_addresses(struct policy_check *c, const struct policy_device *d)
{
	char text[ADDR_TEXT];

	for (uint32_t k = 0; k < d->n_addrs; k++) {
		const struct addr *a = &d->addrs[k];

		addr_text(a, text, sizeof(text));
		if (addr_is_of_link(a) || addr_is_multicast(a) || addr_is_unspecified(a))
			diag_add(c->d, DIAG_ERROR, d->addr_locs[k], "%s is no device's own address: leave it out", text);
		else if (!c->zone_without_nets && !policy_nets_find(&c->nets, a) &&
			 policy_check_few(c, POLICY_CROWD_NO_ZONE, d->addr_locs[k]))
			diag_add(c->d, DIAG_WARNING, d->addr_locs[k], "%s of device '%s' lies in no zone's networks",
				 text, d->name);
	}
}

/* Restricted and outside every fence: nothing that it does is seen. */
static void check_fenced(struct policy_check *c, const struct policy_device *d)
{
	uint32_t zone = policy_check_zone_of(c, d);

	if (zone == POLICY_NONE || c->p->zones[zone].guard != POLICY_OPEN || !policy_check_device_restricted(c, d) ||
	    !policy_check_few(c, POLICY_CROWD_UNGUARDED, d->loc))
		return;
	diag_add2(c->d, DIAG_WARNING, d->loc, c->p->zones[zone].loc, "the zone", "device '%s' is of a restricted maker "
		  "and stands in zone '%s', which is not guarded: write guarded: restricted there", d->name,
		  c->p->zones[zone].name);
}

void policy_check_devices(struct policy_check *c)
{
	check_unique(c, true);
	check_unique(c, false);
	for (uint32_t i = 0; i < c->p->n_devices; i++) {
		const struct policy_device *d = &c->p->devices[i];

		if (!d->n_macs && !d->n_addrs)
			diag_add(c->d, DIAG_ERROR, d->loc, "device '%s' cannot be told from others: give it macs or "
				 "addresses", d->name);
		check_addresses(c, d);
		check_registrant(c, d);
		check_cleared(c, d);
		check_fenced(c, d);
	}
}
