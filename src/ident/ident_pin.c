/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ident_pin: what the policy lists.  Each listed device has a record of its own, named after it, which takes over the records
 * that its MACs had before.  A pin is a MAC and an address of one listed device, wherever that address is at home. */
#include "ident/ident_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

static int compare_macs(const void *va, const void *vb)
{
	const struct ident_listed_mac *a = va, *b = vb;
	int c = memcmp(a->mac.b, b->mac.b, sizeof(a->mac.b));

	return c ? c : (a->listed > b->listed) - (a->listed < b->listed);
}

static int compare_addrs(const void *va, const void *vb)
{
	const struct ident_listed_addr *a = va, *b = vb;
	int c = addr_compare(&a->addr, &b->addr);

	return c ? c : (a->listed > b->listed) - (a->listed < b->listed);
}

uint32_t ident_pin_of_mac(const struct ident *id, const struct mac *m)
{
	size_t lo = 0, hi = id->listed_macs.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(id->listed_macs.at[mid].mac.b, m->b, sizeof(m->b)) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < id->listed_macs.n && addr_mac_equal(&id->listed_macs.at[lo].mac, m) ? id->listed_macs.at[lo].listed :
											   IDENT_NONE;
}

/* The first listed device with that address, or IDENT_NONE. */
static uint32_t listed_at(const struct ident *id, const struct addr *a)
{
	size_t lo = 0, hi = id->listed_addrs.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr_compare(&id->listed_addrs.at[mid].addr, a) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < id->listed_addrs.n && addr_equal(&id->listed_addrs.at[lo].addr, a) ? id->listed_addrs.at[lo].listed :
											  IDENT_NONE;
}

bool ident_pin_lists(const struct ident *id, const struct addr *a)
{
	return id->policy && listed_at(id, a) != IDENT_NONE;
}

/* Is the address at home on iface, as a pin sees it? */
static bool at_home(const struct ident *id, uint32_t iface, const struct addr *a)
{
	uint32_t zone = zones_find(id->zones, a), policy_iface = id->ifaces.at[iface].policy;

	if (policy_iface == IDENT_NONE)
		return false;
	return zone != POLICY_NONE ? zones_on(id->zones, zone, policy_iface) : zones_at_home(id->zones, policy_iface, a);
}

bool ident_pin_holds(const struct ident *id, uint32_t iface, const struct mac *m, const struct addr *a)
{
	uint32_t by_mac = id->policy ? ident_pin_of_mac(id, m) : IDENT_NONE;

	return by_mac != IDENT_NONE && listed_at(id, a) == by_mac && at_home(id, iface, a);
}

bool ident_pin_forbids(const struct ident *id, uint32_t iface, const struct mac *m, const struct addr *a, bool *ret_elsewhere)
{
	uint32_t by_mac = id->policy ? ident_pin_of_mac(id, m) : IDENT_NONE;
	uint32_t by_addr = id->policy ? listed_at(id, a) : IDENT_NONE;
	const struct policy_device *d;

	*ret_elsewhere = false;
	if (by_addr != IDENT_NONE && id->policy->devices[by_addr].n_macs && by_addr != by_mac)
		return true;
	if (by_mac == IDENT_NONE || !id->policy->devices[by_mac].n_addrs)
		return false;
	d = &id->policy->devices[by_mac];
	for (uint32_t i = 0; i < d->n_addrs; i++)
		if (at_home(id, iface, &d->addrs[i]))
			return false;
	*ret_elsewhere = true;
	return true;
}

static bool read_listings(struct ident *id, const struct policy *p)
{
	id->listed_macs.n = id->listed_addrs.n = 0;
	for (uint32_t i = 0; i < p->n_devices; i++) {
		for (uint32_t k = 0; k < p->devices[i].n_macs; k++)
			if (!VEC_PUSH(&id->listed_macs, (struct ident_listed_mac){ p->devices[i].macs[k], i }))
				return false;
		for (uint32_t k = 0; k < p->devices[i].n_addrs; k++)
			if (!VEC_PUSH(&id->listed_addrs, (struct ident_listed_addr){ p->devices[i].addrs[k], i }))
				return false;
	}
	if (id->listed_macs.n)
		qsort(id->listed_macs.at, id->listed_macs.n, sizeof(*id->listed_macs.at), compare_macs);
	if (id->listed_addrs.n)
		qsort(id->listed_addrs.at, id->listed_addrs.n, sizeof(*id->listed_addrs.at), compare_addrs);
	return true;
}

static void read_ifaces(struct ident *id, const struct policy *p)
{
	for (size_t i = 0; i < id->ifaces.n; i++)
		id->ifaces.at[i].policy = IDENT_NONE;
	for (uint32_t i = 0; i < p->n_ifaces; i++) {
		uint32_t at = ident_table_iface(id, p->ifaces[i].name);

		if (at != IDENT_NONE)
			id->ifaces.at[at].policy = i;
	}
}

/* The MAC belongs to this device from now on; what its old record knew goes along. */
static void adopt(struct ident *id, uint32_t device, uint32_t mac, int64_t now_ns)
{
	uint32_t old = id->macs.at[mac].device;
	struct ident_dev *d = &id->devices.at[device], *from = &id->devices.at[old];

	if (old == device)
		return;
	if (from->first_ns && (!d->first_ns || from->first_ns < d->first_ns))
		d->first_ns = from->first_ns;
	if (from->last_ns > d->last_ns)
		d->last_ns = from->last_ns;
	if (from->sticky)
		ident_evidence_stick(id, device, "one of its MACs was restricted before it was listed", now_ns);
	d->proved |= from->proved;
	if (d->iface == IDENT_NONE)
		d->iface = from->iface;
	id->macs.at[mac].device = device;
	if (!d->n_macs++)
		d->mac = id->macs.at[mac].mac;
	for (uint32_t b = id->macs.at[mac].bindings; b != IDENT_NONE; b = id->binds.at[b].next_of_mac)
		ident_table_touch_bind(id, b);
	ident_table_touch_device(id, device);
	if (--from->n_macs)
		return;
	ident_evidence_move(id, old, device);
	if (!from->listed)
		ident_table_drop_device(id, old);
}

/* The record of a listed device: the one of its name, else of a MAC of it that nobody else lists, else a new one. */
static uint32_t record_of(struct ident *id, const struct policy_device *d)
{
	uint32_t at = ident_table_find_name(id, d->name);

	for (uint32_t k = 0; at == IDENT_NONE && k < d->n_macs; k++) {
		uint32_t mac = ident_table_find_mac(id, &d->macs[k]);

		if (mac != IDENT_NONE && !id->devices.at[id->macs.at[mac].device].listed)
			at = id->macs.at[mac].device;
	}
	if (at == IDENT_NONE)
		at = ident_table_new_device(id, 0, 0);
	if (at == IDENT_NONE || !ident_table_name_device(id, at, d->name))
		return IDENT_NONE;
	id->devices.at[at].listed = true;
	return at;
}

static bool list_device(struct ident *id, uint32_t listed, int64_t now_ns)
{
	const struct policy_device *d = &id->policy->devices[listed];
	uint32_t at = record_of(id, d);
	char value[IDENT_TEXT];

	if (at == IDENT_NONE)
		return false;
	for (uint32_t k = 0; k < d->n_macs; k++) {
		uint32_t mac = ident_table_find_mac(id, &d->macs[k]);

		if (ident_pin_of_mac(id, &d->macs[k]) != listed)
			continue;       /* another device lists it too: the first keeps it */
		if (mac != IDENT_NONE)
			adopt(id, at, mac, now_ns);
		else if (ident_table_new_mac(id, &d->macs[k], at, 0) == IDENT_NONE)
			return false;
	}
	snprintf(value, sizeof(value), "listed as %.80s", d->name);
	ident_evidence_put(id, at, "policy", value, IDENT_PINNED,
			   d->maker == POLICY_NONE ? "" : id->policy->makers[d->maker].name, now_ns);
	return true;
}

/* Bindings that a pin overrules go; those that are pinned now say so.  What made a MAC a router depended on the zones: that
 * is found out again. */
static void apply_pins(struct ident *id, int64_t now_ns)
{
	for (uint32_t i = 0; i < id->macs.n; i++)
		id->macs.at[i].router = false;
	for (uint32_t i = 0; i < id->binds.n; i++) {
		struct ident_bind *b = &id->binds.at[i];
		const struct mac *m = b->used ? &id->macs.at[b->mac].mac : NULL;
		bool elsewhere;

		if (m && b->proof < WHO_VERIFIED && (b->foreign || zones_routed(id->zones, &b->addr)))
			ident_drop(id, i);
		else if (m && zones_routed(id->zones, &b->addr))
			id->macs.at[b->mac].router = true;
		if (!b->used || b->proof < WHO_VERIFIED)
			continue;
		if (ident_pin_holds(id, b->iface, m, &b->addr))
			b->proof = WHO_PINNED;
		else if (ident_pin_forbids(id, b->iface, m, &b->addr, &elsewhere))
			ident_unbind(id, i, now_ns);
		else
			b->proof = WHO_VERIFIED;
	}
}

/* Records that the policy lists no more and that have no MAC go; others lose what the policy said of them. */
static void unlist(struct ident *id, int64_t now_ns)
{
	for (uint32_t i = 0; i < id->devices.n; i++) {
		if (!id->devices.at[i].used)
			continue;
		ident_evidence_expire(id, i, "policy", now_ns);
		if (!id->devices.at[i].listed && !id->devices.at[i].n_macs)
			ident_table_drop_device(id, i);
	}
}

/* Routers too were looked up once, unless all that was seen of them came from a routed zone. */
static void classify(struct ident *id, int64_t now_ns)
{
	for (uint32_t i = 0; i < id->macs.n; i++)
		if (id->macs.at[i].used && !id->macs.at[i].router)
			ident_evidence_registry(id, i, now_ns);
	for (uint32_t i = 0; i < id->devices.n; i++)
		if (id->devices.at[i].used)
			ident_evidence_class(id, i, now_ns);
}

int ident_set_policy(struct ident *id, const struct policy *p, int64_t now_ns, struct err *e)
{
	struct zones *zones = zones_new(p);
	bool good;

	if (!zones)
		return err_plain(e, ENOMEM, "out of memory");
	zones_free(id->zones);
	id->zones = zones;
	id->policy = p;
	id->version++;
	read_ifaces(id, p);
	good = read_listings(id, p);
	for (uint32_t i = 0; i < id->devices.n; i++)
		id->devices.at[i].listed = false;
	for (uint32_t i = 0; good && i < p->n_devices; i++)
		good = list_device(id, i, now_ns);
	unlist(id, now_ns);
	classify(id, now_ns);
	apply_pins(id, now_ns);
	return good ? 0 : err_plain(e, ENOMEM, "the devices of the policy do not fit: at most %u MACs", id->limits.macs);
}
