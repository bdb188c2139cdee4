/* SPDX-License-Identifier: GPL-2.0-or-later */
/* who: lookups over frozen hash tables.  A source is known by its MAC; its address counts by the proof that ties the two.
 * Any other end is known by its address, through the binding that holds it or the policy's listing.
 * Claims that were never proved are in no table: they prove nothing, and anybody can make any number of them. */
#include "ident/who.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "ident/who_part.h"
#include "policy/policy.h"

static const struct who_id nobody = { .listed = WHO_NONE, .maker = WHO_NONE };

uint64_t who_hash_mac(const struct who *w, const struct mac *m)
{
	return digest_hash64(m->b, sizeof(m->b), w->seed);
}

uint64_t who_hash_addr(const struct who *w, const struct addr *a)
{
	return digest_hash64(a->b, sizeof(a->b), w->seed + a->family);
}

uint64_t who_hash_pair(const struct who *w, const struct mac *m, const struct addr *a)
{
	return who_hash_addr(w, a) ^ who_hash_mac(w, m);
}

const struct who_mac *who_find_mac(const struct who *w, const struct mac *m)
{
	const struct who_hash *h = &w->by_mac;

	for (size_t at = who_hash_mac(w, m) & h->mask; h->slots[at]; at = (at + 1) & h->mask) {
		const struct who_mac *found = &w->macs.at[h->slots[at] - 1];

		if (addr_mac_equal(&found->mac, m))
			return found;
	}
	return NULL;
}

const struct who_listing *who_find_listing(const struct who *w, const struct addr *a)
{
	const struct who_hash *h = &w->by_listing;

	for (size_t at = who_hash_addr(w, a) & h->mask; h->slots[at]; at = (at + 1) & h->mask) {
		const struct who_listing *found = &w->listings.at[h->slots[at] - 1];

		if (addr_equal(&found->addr, a))
			return found;
	}
	return NULL;
}

bool who_bind_holds(const struct who *w, const struct who_bind *b, uint32_t iface)
{
	uint32_t zone;

	if (iface == WHO_NONE || b->iface == iface)
		return true;
	if (b->iface != WHO_NONE)
		return false;
	zone = zones_find(w->zones, &b->addr);
	return zone != POLICY_NONE ? zones_on(w->zones, zone, iface) : zones_at_home(w->zones, iface, &b->addr);
}

/* The best proof that the pair holds on iface. */
static enum who_proof proof_of(const struct who *w, uint32_t iface, const struct mac *m, const struct addr *a)
{
	const struct who_hash *h = &w->by_pair;
	enum who_proof best = WHO_NO_PROOF;

	for (size_t at = who_hash_pair(w, m, a) & h->mask; h->slots[at]; at = (at + 1) & h->mask) {
		const struct who_bind *b = &w->binds.at[h->slots[at] - 1];

		if (b->proof > best && addr_mac_equal(&b->mac, m) && addr_equal(&b->addr, a) && who_bind_holds(w, b, iface))
			best = b->proof;
	}
	return best;
}

/* Who holds the address on iface, by the best proof; NULL: nobody. */
static const struct who_bind *holder_of(const struct who *w, uint32_t iface, const struct addr *a)
{
	const struct who_hash *h = &w->by_addr;
	const struct who_bind *best = NULL;

	for (size_t at = who_hash_addr(w, a) & h->mask; h->slots[at]; at = (at + 1) & h->mask) {
		const struct who_bind *b = &w->binds.at[h->slots[at] - 1];

		if ((!best || b->proof > best->proof) && addr_equal(&b->addr, a) && who_bind_holds(w, b, iface))
			best = b;
	}
	return best;
}

struct who_id who_id_of_mac(const struct who *w, const struct who_mac *m)
{
	(void)w;
	return (struct who_id){
		.device = m->device, .listed = m->listed, .maker = m->maker, .sticky = m->sticky, .router = m->router,
	};
}

static struct who_id id_of_listing(const struct who_listing *l, enum who_proof proof)
{
	return (struct who_id){
		.device = l->device, .listed = l->listed, .maker = WHO_NONE, .proof = (uint8_t)proof, .sticky = l->sticky,
	};
}

/* A device that the policy lists by its address alone is whoever proved to hold that address.  What the MAC tells of itself
 * still counts. */
static void add_listing(const struct who *w, const struct addr *a, struct who_id *id)
{
	const struct who_listing *l = who_find_listing(w, a);

	if (id->listed != WHO_NONE || id->proof < WHO_VERIFIED || !l || l->has_macs)
		return;
	id->listed = l->listed;
	id->sticky |= l->sticky;
	if (l->device)
		id->device = l->device;
}

/* Behind a router the frame carries the router's MAC, so that the registry says nothing of the sender; what is known against
 * that MAC by itself holds all the same. */
static struct who_id behind_router(const struct who *w, const struct who_id *mac, const struct addr *a)
{
	const struct who_listing *l = who_find_listing(w, a);
	struct who_id id = l ? id_of_listing(l, WHO_PINNED) : *mac;

	id.maker = WHO_NONE;
	id.sticky |= mac->sticky;
	id.router = mac->router;
	return id;
}

struct who_id who_source(const struct who *w, uint32_t iface, const struct mac *m, const struct addr *a)
{
	const struct who_mac *known;
	struct who_id id = nobody;

	if (!m)
		return who_address(w, iface, a);
	known = who_find_mac(w, m);
	if (known)
		id = who_id_of_mac(w, known);
	else
		id.maker = policy_maker_of_mac(w->policy, m, NULL);
	id.proof = (uint8_t)proof_of(w, iface, m, a);
	if (zones_routed(w->zones, a))
		return behind_router(w, &id, a);
	add_listing(w, a, &id);
	return id;
}

struct who_id who_address(const struct who *w, uint32_t iface, const struct addr *a)
{
	const struct who_listing *l = who_find_listing(w, a);
	const struct who_bind *b;
	struct who_id id;

	if (zones_routed(w->zones, a))
		return l ? id_of_listing(l, WHO_PINNED) : nobody;
	b = holder_of(w, iface, a);
	if (!b)
		return l ? id_of_listing(l, WHO_PINNED) : nobody;
	id = who_id_of_mac(w, &w->macs.at[b->mac_at]);
	id.proof = b->proof;
	add_listing(w, a, &id);
	return id;
}

size_t who_bindings(const struct who *w)
{
	return w->bindings.n;
}

const struct who_binding *who_binding(const struct who *w, size_t i)
{
	return i < w->bindings.n ? &w->bindings.at[i] : NULL;
}

size_t who_macs(const struct who *w)
{
	return w->macs.n;
}

struct who_id who_mac(const struct who *w, size_t i, struct mac *ret)
{
	*ret = w->macs.at[i].mac;
	return who_id_of_mac(w, &w->macs.at[i]);
}

static int compare_named(const void *key, const void *element)
{
	uint64_t a = *(const uint64_t *)key, b = ((const struct who_named *)element)->device;

	return (a > b) - (a < b);
}

const char *who_name(const struct who *w, const struct who_id *id)
{
	const struct who_named *found;

	if (id->listed < w->policy->n_devices)
		return w->policy->devices[id->listed].name;
	if (!id->device || !w->names.n)
		return "";
	found = bsearch(&id->device, w->names.at, w->names.n, sizeof(*found), compare_named);
	return found ? found->name : "";
}

void who_free(struct who *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->names.n; i++) {
		char *name;

		memcpy(&name, &w->names.at[i].name, sizeof(name));      /* it is ours: cast the const away */
		free(name);
	}
	VEC_FREE(&w->macs);
	VEC_FREE(&w->binds);
	VEC_FREE(&w->listings);
	VEC_FREE(&w->bindings);
	VEC_FREE(&w->names);
	free(w->by_mac.slots);
	free(w->by_pair.slots);
	free(w->by_addr.slots);
	free(w->by_listing.slots);
	zones_free(w->zones);
	free(w);
}
