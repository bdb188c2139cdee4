/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The observer's step.  Views are debounced: the first change is published at once, later ones wait ten times as long as the last
 * publication took, so that a flood of new devices costs a bounded part of the main thread. */
#include "run/observer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/now.h"
#include "base/ring.h"
#include "ident/ident.h"
#include "kern/arp.h"
#include "kern/link.h"
#include "policy/policy.h"
#include "run/hit.h"
#include "run/ifaces.h"
#include "run/judge.h"
#include "run/observer_part.h"
#include "run/publish.h"
#include "run/reload.h"

enum { SIGHTINGS = 64, ROUNDS = 16, WISHES = 1024, PROBES = 256, SEEKS = 100 };
#define PAUSE_MIN_NS (10 * NOW_NS_PER_MS)
#define PAUSE_FACTOR 10

/* Without the log a packet socket does the same, at a cost for every IPv6 packet. */
static int open_arp(struct observer *o, struct err *e)
{
	if (o->c.log_group) {
		if (arp_new(o->c.log_group, &o->arp, e) == 0)
			return 0;
		log_warn("neighbour discovery cannot be heard by the packet log: by a packet socket error=\"%s\"", e->msg);
	}
	return arp_new(0, &o->arp, e);
}

struct observer *observer_new(const struct observer_config *c, struct err *e)
{
	AUTO(observer) o = calloc(1, sizeof(*o));
	struct ident_limits limits = ident_defaults;
	uint64_t seed = 0;

	if (!o) {
		err_plain(e, ENOMEM, "out of memory");
		return NULL;
	}
	o->c = *c;
	if (c->macs_per_minute)
		limits.macs_per_minute = c->macs_per_minute;
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = (uint64_t)now_wall_ns();
	o->ident = ident_new(&limits, seed);
	if (!o->ident) {
		err_plain(e, ENOMEM, "out of memory");
		return NULL;
	}
	if (open_arp(o, e) < 0)
		return NULL;
	return TAKE(o);
}

void observer_free(struct observer *o)
{
	if (!o)
		return;
	arp_free(o->arp);
	ident_free(o->ident);
	free(o);
}

struct ident *observer_ident(struct observer *o)
{
	return o->ident;
}

void observer_attach(struct observer *o, struct reload *r, struct ring *const *rings, unsigned n_rings)
{
	o->reload = r;
	o->n_rings = n_rings;
	for (unsigned i = 0; i < n_rings; i++)
		o->rings[i] = rings[i];
}

int observer_fd4(const struct observer *o)
{
	return arp_fd4(o->arp);
}

int observer_fd6(const struct observer *o)
{
	return arp_fd6(o->arp);
}

static const struct policy *policy_of(const struct observer *o)
{
	return publish_current(o->c.publish)->policy;
}

static void claim(struct observer *o, const char *iface, const struct mac *mac, const struct addr *addr, int64_t now)
{
	o->stats.claims++;
	if (ident_claim(o->ident, iface, mac, addr, now) == IDENT_REFUSED)
		o->stats.refused++;
}

/* As many as a second has, so that a scan of empty networks makes little noise in them; who is waited for is asked for again. */
static void seek(struct observer *o, const struct link_iface *l, const struct addr *addr, int64_t now)
{
	struct addr own;
	struct err e;
	bool same;

	if (now - o->seeks_ns >= NOW_NS_PER_S || now < o->seeks_ns) {
		o->seeks_ns = now;
		o->seeks = 0;
	}
	if (o->seeks >= SEEKS) {
		o->stats.seeks_refused++;
		return;
	}
	if (!l->ether || !link_own_address(o->c.links, l->index, addr, &own, &same) || !same)
		return;
	o->seeks++;
	o->stats.seeks++;
	if (arp_ask(o->arp, l->index, &l->mac, &own, NULL, addr, &e) < 0)
		o->stats.arp_errors++;
}

static void grant(struct observer *o, const struct link_iface *l, const struct wish *w, int64_t now)
{
	if (addr_mac_u64(&w->mac))
		claim(o, l->name, &w->mac, &w->addr, now);
	else
		seek(o, l, &w->addr, now);
}

static void take_wishes(struct observer *o, int64_t now)
{
	const struct policy *p = policy_of(o);

	for (unsigned i = 0; i < o->n_rings; i++) {
		const struct wish *w;
		unsigned n = 0;

		for (; n < WISHES && (w = ring_peek(o->rings[i])); n++) {
			const struct link_iface *l = link_by_index(o->c.links, w->ifindex);

			if (l && ifaces_find(p, l->name) != WHO_NONE)
				grant(o, l, w, now);
			ring_pop(o->rings[i]);
		}
		o->more |= n == WISHES;
	}
}

static void take_sighting(struct observer *o, const struct arp_sighting *s, int64_t now)
{
	const struct link_iface *l = link_by_index(o->c.links, s->ifindex);
	const uint32_t iface = l ? ifaces_find(policy_of(o), l->name) : WHO_NONE;

	if (iface == WHO_NONE || !policy_of(o)->ifaces[iface].guarded || s->kind == ARP_PROBE ||
	    addr_is_unspecified(&s->addr) || addr_is_multicast(&s->addr))
		return;
	if (s->kind == ARP_ANSWER) {
		o->stats.answers++;
		ident_answered(o->ident, l->name, &s->mac, &s->addr, now);
	} else {
		claim(o, l->name, &s->mac, &s->addr, now);
	}
}

static void take_sightings(struct observer *o, int64_t now)
{
	static struct log_limit limit;
	struct arp_sighting seen[SIGHTINGS];
	struct err e = { 0 };
	unsigned held;
	int n;

	for (unsigned round = 0; round < ROUNDS; round++) {
		n = arp_receive(o->arp, seen, SIGHTINGS, &e);
		if (n < 0) {
			o->stats.arp_errors++;
			if (log_allow(&limit, 3, &held))
				log_warn("neighbours cannot be heard error=\"%s\" held_back=%u", e.msg, held);
		}
		for (int i = 0; i < n; i++)
			take_sighting(o, &seen[i], now);
		if (n < SIGHTINGS)
			break;
	}
}

static void send_probes(struct observer *o, int64_t now)
{
	struct ident_probe p;
	struct addr own;
	unsigned n = 0;
	struct err e;
	bool same;

	for (; n < PROBES && ident_next_probe(o->ident, now, &p); n++) {
		const struct link_iface *l = link_by_name(o->c.links, p.iface);

		o->stats.probes++;
		if (!l || !l->ether)
			continue;
		if (!link_own_address(o->c.links, l->index, &p.addr, &own, &same))
			own = (struct addr){ .family = p.addr.family };
		if (arp_ask(o->arp, l->index, &l->mac, &own, &p.mac, &p.addr, &e) < 0)
			o->stats.arp_errors++;
	}
	o->more |= n == PROBES;
}

static void take_facts(struct observer *o)
{
	struct ident_fact f;

	while (ident_next_fact(o->ident, &f)) {
		o->stats.facts++;
		o->stats.limits_hit += f.kind == IDENT_CAPPED;
		observer_tell(o, &f);
	}
}

/* What a reload published shows what was learnt until then. */
static bool view_changed(const struct observer *o)
{
	return publish_current(o->c.publish)->view != ident_version(o->ident) || o->view_refused;
}

/* The pause follows what a view costs, not how long it waited for others: on a busy machine devices are still learnt soon. */
static int publish_view(struct observer *o, struct err *e)
{
	const int64_t now = now_mono_ns();
	int64_t began, cost;

	if (!view_changed(o) || now < o->view_due_ns)
		return 0;
	began = now_thread_ns();
	o->view_refused = reload_who(o->reload, e) < 0;
	if (o->view_refused) {
		o->view_due_ns = now + NOW_NS_PER_S;
		return -1;
	}
	cost = now_thread_ns() - began;
	o->stats.views++;
	o->stats.view_ns += (uint64_t)(now_mono_ns() - now);
	o->view_due_ns = now_mono_ns() + (cost * PAUSE_FACTOR > PAUSE_MIN_NS ? cost * PAUSE_FACTOR : PAUSE_MIN_NS);
	return 0;
}

int observer_step(struct observer *o, struct err *e)
{
	const int64_t now = now_wall_ns();

	o->more = false;
	take_wishes(o, now);
	take_sightings(o, now);
	send_probes(o, now);
	take_facts(o);
	return publish_view(o, e);
}

bool observer_waits(const struct observer *o)
{
	return o->more || view_changed(o);
}

void observer_seen(struct observer *o, uint64_t device, int64_t when_ns)
{
	ident_seen(o->ident, device, when_ns);
}

struct observer_stats observer_stats(const struct observer *o)
{
	const struct arp_counts *a = arp_counts_of(o->arp);
	struct observer_stats s = o->stats;

	s.malformed = a->malformed;
	s.contradictory = a->contradictory;
	s.unheard = a->lost;
	s.facts_lost = ident_facts_lost(o->ident);
	return s;
}

void observer_devices(struct observer *o, observer_device_fn fn, void *arg)
{
	const struct judge *j = publish_current(o->c.publish);
	const size_t n = ident_device_places(o->ident);
	struct ident_device d;

	for (size_t i = 0; i < n; i++) {
		struct who_id id;

		if (!ident_device_at(o->ident, i, &d))
			continue;
		id = who_source(j->who, WHO_NONE, d.has_mac ? &d.mac : NULL, &(struct addr){ 0 });
		fn(arg, &d, &id);
	}
}
