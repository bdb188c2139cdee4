/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ident: claims, answers and contests.  A claim that somebody else's binding stands against waits while that one is asked; its
 * answer ends the contest for the incumbent, its silence lets the challenger be asked in turn, and only the challenger's own
 * answer, while the incumbent's silence is fresh, moves the address. */
#include "ident/ident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/now.h"
#include "ident/ident_part.h"
#include "policy/policy.h"

static const int64_t minute_ns = 60 * NOW_NS_PER_S, day_ns = 24 * 3600 * NOW_NS_PER_S;
/* After a series without answer; after a lost contest; how long an incumbent's silence counts; how late an answer may be. */
static const int64_t quiet_ns = 30 * NOW_NS_PER_S, beaten_ns = 60 * NOW_NS_PER_S, fresh_ns = 30 * NOW_NS_PER_S;
static const int64_t late_ns = 5 * NOW_NS_PER_S;

const struct ident_limits ident_defaults = {
	.v4_per_mac = 4, .v6_per_mac = 100, .macs_per_minute = 600, .macs = 262144, .bindings = 1048576, .foreign = 3,
	.forget_claim_ns = INT64_C(3600) * NOW_NS_PER_S, .forget_ns = INT64_C(30) * 24 * 3600 * NOW_NS_PER_S,
};

struct ident *ident_new(const struct ident_limits *limits, uint64_t seed)
{
	struct ident *id = calloc(1, sizeof(*id));

	if (!id)
		return NULL;
	id->facts = calloc(IDENT_FACTS, sizeof(*id->facts));
	if (!id->facts) {
		free(id);
		return NULL;
	}
	id->limits = limits ? *limits : ident_defaults;
	id->seed = seed;
	id->free_mac = id->free_device = id->free_evidence = id->free_bind = IDENT_NONE;
	return id;
}

void ident_free(struct ident *id)
{
	if (!id)
		return;
	ident_table_fini(id);
	zones_free(id->zones);
	VEC_FREE(&id->listed_macs);
	VEC_FREE(&id->listed_addrs);
	VEC_FREE(&id->due);
	VEC_FREE(&id->dirty_devices);
	VEC_FREE(&id->dirty_binds);
	VEC_FREE(&id->dirty_evidence);
	VEC_FREE(&id->gone_devices);
	VEC_FREE(&id->gone_binds);
	free(id->facts);
	free(id);
}

struct ident_fact *ident_tell(struct ident *id, enum ident_fact_kind kind, uint32_t mac, int64_t now_ns)
{
	struct ident_fact *f;

	if (id->facts_n == IDENT_FACTS) {
		id->facts_lost++;
		return NULL;
	}
	f = &id->facts[(id->facts_head + id->facts_n++) % IDENT_FACTS];
	*f = (struct ident_fact){ .kind = kind, .when_ns = now_ns };
	if (mac != IDENT_NONE) {
		f->mac = id->macs.at[mac].mac;
		f->device = id->devices.at[id->macs.at[mac].device].id;
		f->restricted = id->devices.at[id->macs.at[mac].device].sticky;
	}
	return f;
}

bool ident_next_fact(struct ident *id, struct ident_fact *ret)
{
	if (!id->facts_n)
		return false;
	*ret = id->facts[id->facts_head];
	id->facts_head = (id->facts_head + 1) % IDENT_FACTS;
	id->facts_n--;
	return true;
}

/* A fact about a binding; other: the other device's record, or IDENT_NONE. */
void ident_tell_bind(struct ident *id, enum ident_fact_kind kind, uint32_t bind, uint32_t other, const char *text,
		     int64_t now_ns)
{
	const struct ident_bind *b = &id->binds.at[bind];
	struct ident_fact *f = ident_tell(id, kind, b->mac, now_ns);

	if (!f)
		return;
	memcpy(f->iface, id->ifaces.at[b->iface].name, sizeof(f->iface));
	f->addr = b->addr;
	f->other = other == IDENT_NONE ? 0 : id->devices.at[other].id;
	snprintf(f->text, sizeof(f->text), "%s", text);
}

/* At least that long ago, or the clock has jumped back. */
bool ident_is_past(int64_t then_ns, int64_t span_ns, int64_t now_ns)
{
	return now_ns - then_ns >= span_ns || now_ns < then_ns;
}

/* Who holds the address of bind on its interface, other than its MAC; else the same MAC's binding on another interface that
 * answered last.  IDENT_NONE: nobody. */
static uint32_t rival_of(const struct ident *id, uint32_t bind)
{
	const struct ident_bind *b = &id->binds.at[bind];
	uint32_t best = IDENT_NONE;

	for (uint32_t i = ident_table_first_at(id, b->iface, &b->addr); i != IDENT_NONE; i = id->binds.at[i].by_addr.next)
		if (ident_table_is_at(id, i, b->iface, &b->addr) && id->binds.at[i].mac != b->mac &&
		    id->binds.at[i].proof >= WHO_VERIFIED)
			return i;
	for (uint32_t i = id->macs.at[b->mac].bindings; i != IDENT_NONE; i = id->binds.at[i].next_of_mac) {
		const struct ident_bind *o = &id->binds.at[i];

		if (o->iface != b->iface && o->proof == WHO_VERIFIED &&
		    (best == IDENT_NONE || o->last_ns > id->binds.at[best].last_ns))
			best = i;
	}
	return best;
}

static bool is_waiting_for(const struct ident *id, uint32_t bind, uint32_t holder)
{
	const struct ident_bind *b = &id->binds.at[bind];

	return b->waiting && b->rival == holder && b->rival_serial == id->binds.at[holder].serial;
}

/* Call fn for each binding that waits for holder: they claim its address, or are of its MAC. */
static void each_waiting(struct ident *id, uint32_t holder, int64_t now_ns,
			 void (*fn)(struct ident *id, uint32_t bind, uint32_t holder, int64_t now_ns))
{
	const struct ident_bind *h = &id->binds.at[holder];

	for (uint32_t i = ident_table_first_at(id, h->iface, &h->addr); i != IDENT_NONE; i = id->binds.at[i].by_addr.next)
		if (is_waiting_for(id, i, holder))
			fn(id, i, holder, now_ns);
	for (uint32_t i = id->macs.at[h->mac].bindings; i != IDENT_NONE; i = id->binds.at[i].next_of_mac)
		if (is_waiting_for(id, i, holder))
			fn(id, i, holder, now_ns);
}

static void contested(struct ident *id, uint32_t bind, bool by_mac, uint32_t other, const char *text, int64_t now_ns)
{
	struct ident_bind *b = &id->binds.at[bind];

	b->waiting = false;
	b->quiet_ns = now_ns + beaten_ns;
	if (b->told_ns && !ident_is_past(b->told_ns, minute_ns, now_ns))
		return;
	b->told_ns = now_ns;
	ident_tell_bind(id, by_mac ? IDENT_MAC_CONTESTED : IDENT_ADDRESS_CONTESTED, bind, other, text, now_ns);
}

static void lost(struct ident *id, uint32_t bind, uint32_t holder, int64_t now_ns)
{
	const struct ident_bind *h = &id->binds.at[holder];
	bool by_mac = h->mac == id->binds.at[bind].mac;

	contested(id, bind, by_mac, id->macs.at[h->mac].device,
		  by_mac ? id->ifaces.at[h->iface].name : "the holder answers", now_ns);
}

static void ask_waiting(struct ident *id, uint32_t bind, uint32_t holder, int64_t now_ns)
{
	(void)holder;
	id->binds.at[bind].waiting = false;
	ident_probe_start(id, bind, 0, now_ns);
}

void ident_silent(struct ident *id, uint32_t bind, int64_t now_ns)
{
	struct ident_bind *b = &id->binds.at[bind];

	b->silent = true;
	b->silent_ns = now_ns;
	if (b->proof >= WHO_VERIFIED)
		each_waiting(id, bind, now_ns, ask_waiting);
	else
		b->quiet_ns = now_ns + quiet_ns;
}

/* The address (or the MAC) has moved: what holds no more goes, the stricter reading of the two stays. */
static void displace(struct ident *id, uint32_t bind, uint32_t old, bool *mac_told, int64_t now_ns)
{
	const struct ident_bind *b = &id->binds.at[bind], *o = &id->binds.at[old];
	uint32_t device = id->macs.at[b->mac].device, from = id->macs.at[o->mac].device;
	char text[IDENT_TEXT], addr[ADDR_TEXT];

	if (b->mac == o->mac) {
		if (!*mac_told)
			ident_tell_bind(id, IDENT_MAC_MOVED, bind, IDENT_NONE, id->ifaces.at[o->iface].name, now_ns);
		*mac_told = true;
		ident_unbind(id, old, now_ns);
		return;
	}
	ident_tell_bind(id, IDENT_ADDRESS_MOVED, bind, from, "", now_ns);
	if (id->devices.at[from].sticky && !id->devices.at[device].listed && !ident_is_past(o->last_ns, day_ns, now_ns)) {
		snprintf(text, sizeof(text), "took %s over from restricted device %llu", addr_text(&b->addr, addr, sizeof(addr)),
			 (unsigned long long)id->devices.at[from].id);
		ident_evidence_put(id, device, "address", text, IDENT_PROTOCOL, "", now_ns);
		ident_evidence_stick(id, device, text, now_ns);
	}
	ident_unbind(id, old, now_ns);
}

static void hold(struct ident *id, uint32_t bind, enum who_proof proof, int64_t now_ns)
{
	struct ident_bind *b = &id->binds.at[bind];

	b->proof = (uint8_t)proof;
	b->probing = b->waiting = b->silent = false;
	b->written_ns = now_ns;
	id->devices.at[id->macs.at[b->mac].device].proved = true;
	ident_table_touch_device(id, id->macs.at[b->mac].device);
	ident_table_touch_bind(id, bind);
	id->version++;
	ident_tell_bind(id, IDENT_BOUND, bind, IDENT_NONE, proof == WHO_PINNED ? "pinned" : "verified", now_ns);
}

/* Everything that stands in the way of bind goes. */
static void take_over(struct ident *id, uint32_t bind, int64_t now_ns)
{
	bool mac_told = false;

	for (uint32_t old = rival_of(id, bind); old != IDENT_NONE; old = rival_of(id, bind))
		displace(id, bind, old, &mac_told, now_ns);
}

/* What to do about a claim that does not hold yet. */
static enum ident_claim want(struct ident *id, uint32_t bind, int64_t now_ns)
{
	struct ident_bind *b = &id->binds.at[bind];
	const struct mac *m = &id->macs.at[b->mac].mac;
	uint32_t rival;
	bool elsewhere;

	if (ident_pin_holds(id, b->iface, m, &b->addr)) {
		take_over(id, bind, now_ns);
		hold(id, bind, WHO_PINNED, now_ns);
		return IDENT_HOLDS;
	}
	if (b->waiting && id->binds.at[b->rival].serial != b->rival_serial)
		b->waiting = false;
	if (b->probing || b->waiting)
		return IDENT_ASKED;
	if (b->foreign || (now_ns < b->quiet_ns && now_ns >= b->quiet_ns - minute_ns))
		return IDENT_REFUSED;
	if (ident_pin_forbids(id, b->iface, m, &b->addr, &elsewhere)) {
		contested(id, bind, elsewhere, IDENT_NONE, "the policy lists it elsewhere", now_ns);
		return IDENT_REFUSED;
	}
	rival = rival_of(id, bind);
	if (rival == IDENT_NONE) {
		ident_probe_start(id, bind, 0, now_ns);
		return IDENT_ASKED;
	}
	b->waiting = true;
	b->rival = rival;
	b->rival_serial = id->binds.at[rival].serial;
	if (!id->binds.at[rival].probing)
		ident_probe_start(id, rival, 0, now_ns);
	return IDENT_ASKED;
}

enum ident_claim ident_claim(struct ident *id, const char *iface, const struct mac *mac, const struct addr *addr,
			     int64_t now_ns)
{
	uint32_t bind = ident_claim_record(id, iface, mac, addr, now_ns);

	if (bind == IDENT_NONE)
		return IDENT_REFUSED;
	return id->binds.at[bind].proof >= WHO_VERIFIED ? IDENT_HOLDS : want(id, bind, now_ns);
}

void ident_answered(struct ident *id, const char *iface, const struct mac *mac, const struct addr *addr, int64_t now_ns)
{
	uint32_t bind = ident_claim_record(id, iface, mac, addr, now_ns), rival;
	struct ident_bind *b = bind == IDENT_NONE ? NULL : &id->binds.at[bind];

	if (!b)
		return;
	if (!b->probing || ident_is_past(b->sent_ns, late_ns, now_ns)) {
		if (b->proof < WHO_VERIFIED)
			want(id, bind, now_ns);
		return;
	}
	b->probing = false;
	b->silent = false;
	if (b->proof >= WHO_VERIFIED) {
		each_waiting(id, bind, now_ns, lost);
		return;
	}
	rival = rival_of(id, bind);
	if (rival != IDENT_NONE &&
	    (!id->binds.at[rival].silent || ident_is_past(id->binds.at[rival].silent_ns, fresh_ns, now_ns))) {
		want(id, bind, now_ns);
		return;
	}
	take_over(id, bind, now_ns);
	hold(id, bind, WHO_VERIFIED, now_ns);
}

void ident_leased(struct ident *id, const char *iface, const struct mac *mac, const struct addr *addr, int64_t now_ns)
{
	uint32_t bind = ident_claim_record(id, iface, mac, addr, now_ns);
	bool elsewhere;

	if (bind == IDENT_NONE || id->binds.at[bind].proof >= WHO_VERIFIED || id->binds.at[bind].foreign)
		return;
	/* The server knows its leases, but not who is there without one: an incumbent is asked first all the same. */
	if (rival_of(id, bind) != IDENT_NONE || ident_pin_forbids(id, id->binds.at[bind].iface, mac, addr, &elsewhere) ||
	    ident_pin_holds(id, id->binds.at[bind].iface, mac, addr))
		want(id, bind, now_ns);
	else
		hold(id, bind, WHO_VERIFIED, now_ns);
}
