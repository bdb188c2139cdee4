/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ident_claim: what a claim takes to be remembered at all: a record for its MAC, room under the caps, an address that belongs
 * there.  All of it can be had by anybody who sends packets, so all of it is bounded. */
#include "ident/ident_part.h"

#include <stdio.h>
#include <string.h>

#include "base/now.h"

static const int64_t minute_ns = 60 * NOW_NS_PER_S, hour_ns = 3600 * NOW_NS_PER_S, day_ns = 24 * 3600 * NOW_NS_PER_S;

static void tell_capped(struct ident *id, int64_t *told_ns, const char *iface, uint32_t mac, const struct mac *m,
			const char *text, int64_t now_ns)
{
	struct ident_fact *f;

	if (*told_ns && !ident_is_past(*told_ns, minute_ns, now_ns))
		return;
	f = ident_tell(id, IDENT_CAPPED, mac, now_ns);
	if (!f)
		return;
	*told_ns = now_ns;
	f->mac = *m;
	snprintf(f->iface, sizeof(f->iface), "%s", iface);
	snprintf(f->text, sizeof(f->text), "%s", text);
}

/* A MAC never seen: a device of its own, if the interface has not brought too many this minute. */
static uint32_t new_mac(struct ident *id, uint32_t iface, const struct mac *m, bool routed, int64_t now_ns)
{
	struct ident_if *at = &id->ifaces.at[iface];
	uint32_t device, mac;
	struct ident_fact *f;

	if (ident_is_past(at->window_ns, minute_ns, now_ns)) {
		at->window_ns = now_ns;
		at->window_n = 0;
	}
	if (at->window_n >= id->limits.macs_per_minute) {
		tell_capped(id, &at->told_ns, at->name, IDENT_NONE, m, "too many new MACs this minute", now_ns);
		return IDENT_NONE;
	}
	device = ident_table_new_device(id, 0, now_ns);
	mac = device == IDENT_NONE ? IDENT_NONE : ident_table_new_mac(id, m, device, now_ns);
	if (mac == IDENT_NONE) {
		if (device != IDENT_NONE)
			ident_table_drop_device(id, device);
		tell_capped(id, &at->told_ns, at->name, IDENT_NONE, m, "too many MACs in all", now_ns);
		return IDENT_NONE;
	}
	at->window_n++;
	id->version++;
	id->devices.at[device].iface = iface;
	f = ident_tell(id, IDENT_DEVICE_NEW, mac, now_ns);
	if (f)
		memcpy(f->iface, at->name, sizeof(f->iface));
	if (!routed)    /* behind a router the registry tells of the router alone */
		ident_evidence_registry(id, mac, now_ns);
	ident_evidence_class(id, device, now_ns);
	return mac;
}

/* A MAC or a device of the policy's list shows itself for the first time. */
static void first_seen(struct ident *id, uint32_t iface, uint32_t mac, int64_t now_ns)
{
	struct ident_mac *m = &id->macs.at[mac];
	struct ident_dev *d = &id->devices.at[m->device];
	struct ident_fact *f;

	m->first_ns = now_ns;
	f = ident_tell(id, IDENT_DEVICE_NEW, mac, now_ns);
	if (f)
		memcpy(f->iface, id->ifaces.at[iface].name, sizeof(f->iface));
	if (d->first_ns)
		return;
	d->first_ns = now_ns;
	d->iface = iface;
	if (d->sticky)
		ident_evidence_seen(id, m->device, NULL, now_ns);
}

/* Seen now: last seen, and where. */
static void touch(struct ident *id, uint32_t iface, uint32_t mac, uint32_t bind, int64_t now_ns)
{
	struct ident_mac *m = &id->macs.at[mac];
	struct ident_dev *d = &id->devices.at[m->device];

	if (!m->first_ns)
		first_seen(id, iface, mac, now_ns);
	m->last_ns = now_ns;
	d->last_ns = now_ns;
	if (d->iface != iface || ident_is_past(d->written_ns, hour_ns, now_ns)) {
		d->iface = iface;
		d->written_ns = now_ns;
		ident_table_touch_device(id, m->device);
	}
	if (bind == IDENT_NONE)
		return;
	id->binds.at[bind].last_ns = now_ns;
	if (id->binds.at[bind].proof >= WHO_VERIFIED && ident_is_past(id->binds.at[bind].written_ns, hour_ns, now_ns)) {
		id->binds.at[bind].written_ns = now_ns;
		ident_table_touch_bind(id, bind);
	}
}

void ident_seen(struct ident *id, uint64_t device, int64_t when_ns)
{
	const uint32_t at = ident_table_find_device(id, device);
	struct ident_dev *d = at == IDENT_NONE ? NULL : &id->devices.at[at];

	if (!d || when_ns <= d->last_ns)
		return;
	d->last_ns = when_ns;
	if (!ident_is_past(d->written_ns, hour_ns, when_ns))
		return;
	d->written_ns = when_ns;
	ident_table_touch_device(id, at);
}

/* The address belongs to no zone on that interface: somebody forwards, or lies. */
static bool is_foreign(const struct ident *id, uint32_t iface, const struct addr *a)
{
	uint32_t at = id->ifaces.at[iface].policy;

	return id->policy && at != IDENT_NONE && !addr_is_of_link(a) && !zones_at_home(id->zones, at, a);
}

/* How long it must have been unseen before it makes room: what was asked since it was seen last, and did not answer, an hour. */
static int64_t kept_for_ns(const struct ident *id, const struct ident_bind *b)
{
	if (b->proof == WHO_CLAIMED)
		return minute_ns;
	return b->silent && b->silent_ns >= b->last_ns && !ident_pin_lists(id, &b->addr) ? hour_ns : day_ns;
}

/* The binding of that MAC and family that can best be spared: a claim of more than a minute, else what was unseen for a day, or
 * for an hour and does not answer. */
static uint32_t spare(const struct ident *id, uint32_t mac, uint8_t family, bool foreign, int64_t now_ns)
{
	uint32_t best = IDENT_NONE;

	for (uint32_t i = id->macs.at[mac].bindings; i != IDENT_NONE; i = id->binds.at[i].next_of_mac) {
		const struct ident_bind *b = &id->binds.at[i], *o = best == IDENT_NONE ? NULL : &id->binds.at[best];
		int64_t unseen = now_ns - b->last_ns;

		if (b->foreign != foreign || (!foreign && b->addr.family != family) || b->proof == WHO_PINNED || b->probing ||
		    b->waiting || unseen < kept_for_ns(id, b))
			continue;
		if (!o || b->proof < o->proof || (b->proof == o->proof && b->last_ns < o->last_ns))
			best = i;
	}
	return best;
}

static uint32_t *count_of(struct ident *id, const struct ident_bind *b)
{
	struct ident_mac *m = &id->macs.at[b->mac];

	return b->foreign ? &m->n_foreign : b->addr.family == 4 ? &m->n4 : &m->n6;
}

void ident_drop(struct ident *id, uint32_t bind)
{
	--*count_of(id, &id->binds.at[bind]);
	if (id->binds.at[bind].proof >= WHO_VERIFIED)
		id->version++;
	ident_table_drop_bind(id, bind);
}

void ident_unbind(struct ident *id, uint32_t bind, int64_t now_ns)
{
	ident_tell_bind(id, IDENT_UNBOUND, bind, IDENT_NONE, "", now_ns);
	ident_drop(id, bind);
}

/* No room: of the MAC's proved addresses that were unseen for an hour the one that was so longest is asked.  If it answers it is
 * seen, and stays; if not, the next claim finds room.  One at a time, each no more than once an hour: so few probes come of any
 * number of claims.  True: one is being asked.
 * Whoever sends with another's MAC has these addresses asked, no more: one that answers, or that the policy lists, he does not
 * get rid of.  Of a device that is away for an hour he may take the places for addresses that he answers for himself,
 * as he could have with free ones; they are judged as the device's, which is what the MAC alone gives him anyway, and hold until
 * they are silent in turn. */
static bool ask_longest_unseen(struct ident *id, uint32_t mac, uint8_t family, int64_t now_ns)
{
	uint32_t best = IDENT_NONE;

	for (uint32_t i = id->macs.at[mac].bindings; i != IDENT_NONE; i = id->binds.at[i].next_of_mac) {
		const struct ident_bind *b = &id->binds.at[i];

		if (b->foreign || b->addr.family != family || b->proof != WHO_VERIFIED || now_ns - b->last_ns < hour_ns ||
		    ident_pin_lists(id, &b->addr))
			continue;
		if (b->probing)
			return true;
		if (best == IDENT_NONE || b->last_ns < id->binds.at[best].last_ns)
			best = i;
	}
	if (best == IDENT_NONE)
		return false;
	ident_probe_start(id, best, 0, now_ns);
	return true;
}

/* Room for one more claim of that MAC. */
static bool make_room(struct ident *id, uint32_t iface, uint32_t mac, const struct addr *a, bool foreign, int64_t now_ns)
{
	struct ident_mac *m = &id->macs.at[mac];
	uint32_t limit = foreign ? 2 * id->limits.foreign : a->family == 4 ? id->limits.v4_per_mac : id->limits.v6_per_mac;
	uint32_t n = foreign ? m->n_foreign : a->family == 4 ? m->n4 : m->n6, victim;

	if (n < limit && id->used_binds < id->limits.bindings)
		return true;
	victim = spare(id, mac, a->family, foreign, now_ns);
	if (victim != IDENT_NONE) {
		if (id->binds.at[victim].proof >= WHO_VERIFIED)
			ident_unbind(id, victim, now_ns);
		else
			ident_drop(id, victim);
		return true;
	}
	if (!foreign && !ask_longest_unseen(id, mac, a->family, now_ns))
		tell_capped(id, &m->told_ns, id->ifaces.at[iface].name, mac, &m->mac,
			    n < limit ? "too many addresses in all" : "too many addresses of one MAC", now_ns);
	return false;
}

static uint32_t new_bind(struct ident *id, uint32_t iface, uint32_t mac, const struct addr *a, int64_t now_ns)
{
	bool foreign = is_foreign(id, iface, a);
	uint32_t bind;

	if (!make_room(id, iface, mac, a, foreign, now_ns))
		return IDENT_NONE;
	bind = ident_table_new_bind(id, iface, mac, a, now_ns);
	if (bind == IDENT_NONE)
		return IDENT_NONE;
	id->binds.at[bind].foreign = foreign;
	++*count_of(id, &id->binds.at[bind]);
	if (id->macs.at[mac].router)
		return bind;
	if ((foreign && id->macs.at[mac].n_foreign >= id->limits.foreign) || (id->policy && zones_routed(id->zones, a))) {
		id->macs.at[mac].router = true;
		id->version++;
		ident_table_touch_device(id, id->macs.at[mac].device);
		ident_tell_bind(id, IDENT_ROUTER, bind, IDENT_NONE, "", now_ns);
	}
	return bind;
}

/* The claim's record, made when new; IDENT_NONE: refused. */
uint32_t ident_claim_record(struct ident *id, const char *iface, const struct mac *m, const struct addr *a, int64_t now_ns)
{
	uint32_t at = ident_table_iface(id, iface), mac, bind;

	if (at == IDENT_NONE || addr_mac_is_group(m) || !addr_mac_u64(m) || addr_is_unspecified(a) || addr_is_multicast(a))
		return IDENT_NONE;
	mac = ident_table_find_mac(id, m);
	if (mac == IDENT_NONE)
		mac = new_mac(id, at, m, id->policy && zones_routed(id->zones, a), now_ns);
	if (mac == IDENT_NONE)
		return IDENT_NONE;
	bind = ident_table_find_bind(id, at, mac, a);
	if (bind == IDENT_NONE)
		bind = new_bind(id, at, mac, a, now_ns);
	touch(id, at, mac, bind, now_ns);
	return bind;
}
