/* SPDX-License-Identifier: GPL-2.0-or-later */
/* who_build: first every MAC (the policy's, then the learnt), then what ties MACs to addresses (pins, then what was proved),
 * then the hash tables over them, which never change again. */
#include "ident/who_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ident/ident.h"
#include "ident/who.h"
#include "policy/policy.h"

/* A pin counts on every interface of the address's zone; the kernel gets an element for each only up to so many.  On zones
 * with more, a pinned device gets its element where it was seen. */
enum { PIN_IFACES = 8 };

static bool hash_new(struct who_hash *h, size_t n)
{
	size_t cap = 16;

	while (cap < n * 2)
		cap *= 2;
	free(h->slots);
	h->slots = calloc(cap, sizeof(*h->slots));
	h->mask = cap - 1;
	return h->slots != NULL;
}

static void hash_put(struct who_hash *h, uint64_t hash, size_t index)
{
	size_t at = hash & h->mask;

	while (h->slots[at])
		at = (at + 1) & h->mask;
	h->slots[at] = (uint32_t)index + 1;
}

/* The policy's MACs; a MAC that two devices list (which the policy's check refuses) is the first one's. */
static bool add_listed_macs(struct who *w)
{
	const struct policy *p = w->policy;

	for (uint32_t i = 0; i < p->n_devices; i++)
		for (uint32_t k = 0; k < p->devices[i].n_macs; k++) {
			const struct mac *m = &p->devices[i].macs[k];

			if (who_find_mac(w, m))
				continue;
			if (!VEC_PUSH(&w->macs, (struct who_mac){
				    .mac = *m, .listed = i, .maker = policy_maker_of_mac(p, m, NULL) }))
				return false;
			hash_put(&w->by_mac, who_hash_mac(w, m), w->macs.n - 1);
		}
	return true;
}

static bool add_learnt_macs(struct who *w, const struct ident *learnt)
{
	for (size_t i = 0; i < ident_mac_places(learnt); i++) {
		struct who_mac new = { .listed = WHO_NONE }, *known = NULL;
		const struct who_mac *found;

		if (!ident_mac_at(learnt, i, &new.mac, &new.device, &new.sticky, &new.router))
			continue;
		found = who_find_mac(w, &new.mac);
		if (found) {
			known = &w->macs.at[found - w->macs.at];
			known->device = new.device;
			known->sticky = new.sticky;
			known->router = new.router;
			continue;
		}
		new.maker = policy_maker_of_mac(w->policy, &new.mac, NULL);
		if (!VEC_PUSH(&w->macs, new))
			return false;
		hash_put(&w->by_mac, who_hash_mac(w, &new.mac), w->macs.n - 1);
	}
	return true;
}

static bool add_macs(struct who *w, const struct ident *learnt)
{
	size_t n = learnt ? ident_mac_places(learnt) : 0;

	for (uint32_t i = 0; i < w->policy->n_devices; i++)
		n += w->policy->devices[i].n_macs;
	if (!hash_new(&w->by_mac, n) || !VEC_RESERVE(&w->macs, n) || !add_listed_macs(w))
		return false;
	return !learnt || add_learnt_macs(w, learnt);
}

static bool add_bind(struct who *w, uint32_t iface, const struct mac *m, const struct addr *a, enum who_proof proof)
{
	const struct who_mac *known = who_find_mac(w, m);

	if (!known)
		return true;
	return VEC_PUSH(&w->binds, (struct who_bind){
		.mac = *m, .addr = *a, .iface = iface, .mac_at = (uint32_t)(known - w->macs.at), .proof = (uint8_t)proof });
}

/* Each MAC with each address of one listed device: pins. */
static bool add_pins_of(struct who *w, const struct policy_device *d)
{
	for (uint32_t k = 0; k < d->n_macs; k++)
		for (uint32_t a = 0; a < d->n_addrs; a++)
			if (!add_bind(w, WHO_NONE, &d->macs[k], &d->addrs[a], WHO_PINNED))
				return false;
	return true;
}

static bool add_pins(struct who *w, const struct ident *learnt)
{
	size_t n = learnt ? ident_binding_places(learnt) : 0;

	for (uint32_t i = 0; i < w->policy->n_devices; i++)
		n += (size_t)w->policy->devices[i].n_macs * w->policy->devices[i].n_addrs;
	if (!VEC_RESERVE(&w->binds, n))
		return false;
	for (uint32_t i = 0; i < w->policy->n_devices; i++)
		if (!add_pins_of(w, &w->policy->devices[i]))
			return false;
	return true;
}

static bool add_listings(struct who *w, const struct ident *learnt)
{
	const struct policy *p = w->policy;
	size_t n = 0;

	for (uint32_t i = 0; i < p->n_devices; i++)
		n += p->devices[i].n_addrs;
	if (!hash_new(&w->by_listing, n) || !VEC_RESERVE(&w->listings, n))
		return false;
	for (uint32_t i = 0; i < p->n_devices; i++) {
		const struct policy_device *d = &p->devices[i];
		struct who_listing l = { .listed = i, .has_macs = d->n_macs > 0 };
		struct ident_device record;

		l.device = learnt ? ident_device_named(learnt, d->name) : 0;
		l.sticky = l.device && ident_find_device(learnt, l.device, &record) && record.sticky;
		for (uint32_t k = 0; k < d->n_addrs; k++) {
			l.addr = d->addrs[k];
			if (who_find_listing(w, &l.addr))
				continue;
			if (!VEC_PUSH(&w->listings, l))
				return false;
			hash_put(&w->by_listing, who_hash_addr(w, &l.addr), w->listings.n - 1);
		}
	}
	return true;
}

static uint32_t iface_named(const struct policy *p, const char *name)
{
	for (uint32_t i = 0; i < p->n_ifaces; i++)
		if (!strcmp(p->ifaces[i].name, name))
			return i;
	return WHO_NONE;
}

/* The policy lists the address with other MACs than this one. */
static bool is_overruled(const struct who *w, const struct mac *m, const struct addr *a)
{
	const struct who_listing *l = who_find_listing(w, a);
	const struct who_mac *known = who_find_mac(w, m);

	return l && l->has_macs && (!known || known->listed != l->listed);
}

/* What was proved, on interfaces that the policy still knows.  A pin overrules it; one that the policy has taken back is an
 * ordinary proof. */
static bool add_learnt_binds(struct who *w, const struct ident *learnt)
{
	uint32_t iface = WHO_NONE;
	char name[IDENT_IFACE] = "";

	for (size_t i = 0; i < ident_binding_places(learnt); i++) {
		struct ident_binding b;

		if (!ident_binding_at(learnt, i, &b) || b.proof < WHO_VERIFIED)
			continue;
		if (strcmp(b.iface, name) != 0) {
			memcpy(name, b.iface, sizeof(name));
			iface = iface_named(w->policy, name);
		}
		if (iface != WHO_NONE && !is_overruled(w, &b.mac, &b.addr) &&
		    !add_bind(w, iface, &b.mac, &b.addr, WHO_VERIFIED))
			return false;
	}
	return true;
}

static bool hash_binds(struct who *w)
{
	if (!hash_new(&w->by_pair, w->binds.n) || !hash_new(&w->by_addr, w->binds.n))
		return false;
	for (size_t i = 0; i < w->binds.n; i++) {
		hash_put(&w->by_pair, who_hash_pair(w, &w->binds.at[i].mac, &w->binds.at[i].addr), i);
		hash_put(&w->by_addr, who_hash_addr(w, &w->binds.at[i].addr), i);
	}
	return true;
}

static bool add_element(struct who *w, const struct who_bind *b, uint32_t iface)
{
	struct who_binding out = { .iface = iface, .mac = b->mac, .addr = b->addr };

	out.id = who_source(w, iface, &b->mac, &b->addr);
	return VEC_PUSH(&w->bindings, out);
}

/* The elements of one pin: every interface of the address's zone, if they are few. */
static bool add_pin_elements(struct who *w, const struct who_bind *b)
{
	uint32_t zone = zones_find(w->zones, &b->addr);
	const struct policy_zone *z;

	if (zone == POLICY_NONE)
		return true;
	z = &w->policy->zones[zone];
	for (uint32_t i = 0; i < z->n_ifaces && z->n_ifaces <= PIN_IFACES; i++)
		if (!add_element(w, b, z->ifaces[i]))
			return false;
	return true;
}

static int compare_elements(const void *va, const void *vb)
{
	const struct who_binding *a = va, *b = vb;
	int c = (a->iface > b->iface) - (a->iface < b->iface);

	if (!c)
		c = memcmp(a->mac.b, b->mac.b, sizeof(a->mac.b));
	return c ? c : addr_compare(&a->addr, &b->addr);
}

static bool add_elements(struct who *w)
{
	size_t n = 0;

	if (!VEC_RESERVE(&w->bindings, w->binds.n))     /* but for pins of zones that stand on several interfaces */
		return false;
	for (size_t i = 0; i < w->binds.n; i++) {
		const struct who_bind *b = &w->binds.at[i];

		if (b->iface == WHO_NONE ? !add_pin_elements(w, b) : !add_element(w, b, b->iface))
			return false;
	}
	if (w->bindings.n)
		qsort(w->bindings.at, w->bindings.n, sizeof(*w->bindings.at), compare_elements);
	for (size_t i = 0; i < w->bindings.n; i++)
		if (!n || compare_elements(&w->bindings.at[n - 1], &w->bindings.at[i]) != 0)
			w->bindings.at[n++] = w->bindings.at[i];
	w->bindings.n = n;
	return true;
}

static int compare_named(const void *va, const void *vb)
{
	const struct who_named *a = va, *b = vb;

	return (a->device > b->device) - (a->device < b->device);
}

static bool add_names(struct who *w, const struct ident *learnt)
{
	for (size_t i = 0; i < ident_device_places(learnt); i++) {
		struct ident_device d;
		char *name;

		if (!ident_device_at(learnt, i, &d) || !d.name[0])
			continue;
		name = strdup(d.name);
		if (!name || !VEC_PUSH(&w->names, (struct who_named){ d.id, name })) {
			free(name);
			return false;
		}
	}
	if (w->names.n)
		qsort(w->names.at, w->names.n, sizeof(*w->names.at), compare_named);
	return true;
}

int who_build(const struct policy *p, const struct ident *learnt, struct who **ret, struct err *e)
{
	AUTO(who) w = calloc(1, sizeof(*w));

	if (!w)
		return err_plain(e, ENOMEM, "out of memory");
	w->policy = p;
	w->seed = learnt ? ident_seed(learnt) : 0;
	w->zones = zones_new(p);
	if (!w->zones || !add_macs(w, learnt) || !add_listings(w, learnt) || !add_pins(w, learnt) ||
	    (learnt && (!add_learnt_binds(w, learnt) || !add_names(w, learnt))) || !hash_binds(w) || !add_elements(w))
		return err_plain(e, ENOMEM, "out of memory");
	*ret = TAKE(w);
	return 0;
}
