/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ident_evidence: a device's evidence is a short list, one entry for each (source, value).  When it is full the weakest and
 * oldest gives way, but never to something weaker.  Restricted evidence beyond a hint makes the device sticky, at once. */
#include "ident/ident_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/now.h"
#include "policy/policy.h"

/* Writing "last seen" to the store more often than this is not worth it. */
static const int64_t rewrite_ns = 3600 * NOW_NS_PER_S;

static uint32_t find(const struct ident *id, uint32_t device, const char *source, const char *value)
{
	uint32_t i = id->devices.at[device].evidence;

	for (; i != IDENT_NONE; i = id->evidence.at[i].next)
		if (!strcmp(id->evidence.at[i].source, source) && !strcmp(id->evidence.at[i].value, value))
			break;
	return i;
}

static void drop(struct ident *id, uint32_t device, uint32_t evidence)
{
	uint32_t *at = &id->devices.at[device].evidence;

	while (*at != evidence)
		at = &id->evidence.at[*at].next;
	*at = id->evidence.at[evidence].next;
	free(id->evidence.at[evidence].source);
	id->evidence.at[evidence].source = NULL;
	id->evidence.at[evidence].used = false;
	id->evidence.at[evidence].next = id->free_evidence;
	id->free_evidence = evidence;
	id->devices.at[device].n_evidence--;
}

/* Room for one more of that strength. */
static bool make_room(struct ident *id, uint32_t device, enum ident_strength strength)
{
	uint32_t worst = IDENT_NONE;

	if (id->devices.at[device].n_evidence < IDENT_EVIDENCE)
		return true;
	for (uint32_t i = id->devices.at[device].evidence; i != IDENT_NONE; i = id->evidence.at[i].next) {
		const struct ident_evid *e = &id->evidence.at[i], *w = worst == IDENT_NONE ? NULL : &id->evidence.at[worst];

		if (!w || e->strength < w->strength || (e->strength == w->strength && e->last_ns < w->last_ns))
			worst = i;
	}
	if (id->evidence.at[worst].strength > strength)
		return false;
	drop(id, device, worst);
	return true;
}

static uint32_t add(struct ident *id, uint32_t device, const char *source, const char *value, const char *maker)
{
	size_t ns = strlen(source) + 1, nv = strlen(value) + 1, nm = strlen(maker) + 1;
	char *text = malloc(ns + nv + nm);
	struct ident_evid *e;
	uint32_t i = id->free_evidence;

	if (i != IDENT_NONE)
		id->free_evidence = id->evidence.at[i].next;
	else if (VEC_ROOM(&id->evidence))
		i = (uint32_t)id->evidence.n++;
	if (!text || i == IDENT_NONE) {
		free(text);
		return IDENT_NONE;
	}
	e = &id->evidence.at[i];
	*e = (struct ident_evid){ .used = true, .device = device, .next = id->devices.at[device].evidence,
				  .source = memcpy(text, source, ns), .value = memcpy(text + ns, value, nv),
				  .maker = memcpy(text + ns + nv, maker, nm) };
	id->devices.at[device].evidence = i;
	id->devices.at[device].n_evidence++;
	return i;
}

bool ident_evidence_put(struct ident *id, uint32_t device, const char *source, const char *value, enum ident_strength strength,
			const char *maker, int64_t now_ns)
{
	uint32_t at = find(id, device, source, value);
	struct ident_evid *e;

	if (at != IDENT_NONE && (strcmp(id->evidence.at[at].maker, maker) != 0 || id->evidence.at[at].strength != strength)) {
		drop(id, device, at);
		at = IDENT_NONE;
	}
	if (at == IDENT_NONE) {
		at = make_room(id, device, strength) ? add(id, device, source, value, maker) : IDENT_NONE;
		if (at == IDENT_NONE)
			return false;
		id->evidence.at[at].strength = strength;
		id->evidence.at[at].first_ns = now_ns;
		ident_table_touch_evidence(id, at);
	}
	e = &id->evidence.at[at];
	if (now_ns - e->last_ns > rewrite_ns || now_ns < e->last_ns)
		ident_table_touch_evidence(id, at);
	e->last_ns = now_ns;
	return true;
}

void ident_evidence_drop(struct ident *id, uint32_t device)
{
	while (id->devices.at[device].evidence != IDENT_NONE)
		drop(id, device, id->devices.at[device].evidence);
}

void ident_evidence_expire(struct ident *id, uint32_t device, const char *source, int64_t now_ns)
{
	for (uint32_t i = id->devices.at[device].evidence, next; i != IDENT_NONE; i = next) {
		next = id->evidence.at[i].next;
		if (!strcmp(id->evidence.at[i].source, source) && id->evidence.at[i].last_ns != now_ns)
			drop(id, device, i);
	}
}

void ident_evidence_move(struct ident *id, uint32_t from, uint32_t to)
{
	for (uint32_t i = id->devices.at[from].evidence; i != IDENT_NONE; i = id->evidence.at[i].next) {
		struct ident_evid e = id->evidence.at[i];

		ident_evidence_put(id, to, e.source, e.value, e.strength, e.maker, e.last_ns);
	}
	ident_evidence_drop(id, from);
}

const struct ident_evid *ident_evidence_best(const struct ident *id, uint32_t device)
{
	const struct ident_evid *best = NULL;

	for (uint32_t i = id->devices.at[device].evidence; i != IDENT_NONE; i = id->evidence.at[i].next) {
		const struct ident_evid *e = &id->evidence.at[i];

		if (e->maker[0] && (!best || e->strength > best->strength))
			best = e;
	}
	return best;
}

void ident_evidence_registry(struct ident *id, uint32_t mac, int64_t now_ns)
{
	const struct ident_mac *m = &id->macs.at[mac];
	const char *registrant = NULL;
	char value[IDENT_TEXT];
	uint32_t maker;

	if (!id->policy)
		return;
	maker = policy_maker_of_mac(id->policy, &m->mac, &registrant);
	if (!registrant && maker == POLICY_NONE)
		return;
	snprintf(value, sizeof(value), "%.120s (%02x:%02x:%02x)", registrant ? registrant : "", m->mac.b[0], m->mac.b[1],
		 m->mac.b[2]);
	ident_evidence_put(id, m->device, "registry", value, IDENT_REGISTRY,
			   maker == POLICY_NONE ? "" : id->policy->makers[maker].name, now_ns);
}

static uint32_t maker_named(const struct policy *p, const char *name)
{
	for (uint32_t i = 0; i < p->n_makers; i++)
		if (!strcmp(p->makers[i].name, name))
			return i;
	return POLICY_NONE;
}

void ident_evidence_seen(struct ident *id, uint32_t device, const char *text, int64_t now_ns)
{
	const struct ident_dev *d = &id->devices.at[device];
	const struct ident_evid *best = ident_evidence_best(id, device);
	struct ident_fact *f;

	f = ident_tell(id, IDENT_RESTRICTED_NEW, IDENT_NONE, now_ns);
	if (!f)
		return;
	f->device = d->id;
	f->mac = d->mac;
	f->restricted = true;
	if (d->iface != IDENT_NONE)
		memcpy(f->iface, id->ifaces.at[d->iface].name, IDENT_IFACE);
	if (text)
		snprintf(f->text, sizeof(f->text), "%s", text);
	else if (best)
		snprintf(f->text, sizeof(f->text), "%.24s: %.100s: %.24s", best->source, best->value, best->maker);
}

void ident_evidence_stick(struct ident *id, uint32_t device, const char *text, int64_t now_ns)
{
	struct ident_dev *d = &id->devices.at[device];

	if (d->sticky)
		return;
	d->sticky = true;
	id->version++;
	ident_table_touch_device(id, device);
	if (d->first_ns)
		ident_evidence_seen(id, device, text, now_ns);
}

/* Two makers by evidence of the same strength, protocol or better: one of the two is a lie. */
static void check_contradiction(struct ident *id, uint32_t device, int64_t now_ns)
{
	const struct ident_evid *best = ident_evidence_best(id, device);
	struct ident_fact *f;

	for (uint32_t i = id->devices.at[device].evidence; best && i != IDENT_NONE; i = id->evidence.at[i].next) {
		const struct ident_evid *e = &id->evidence.at[i];

		/* Told when the later of the two comes. */
		if (e->strength < IDENT_PROTOCOL || !e->maker[0] || !strcmp(e->maker, best->maker) ||
		    (e->first_ns != now_ns && best->first_ns != now_ns))
			continue;
		f = ident_tell(id, IDENT_CONTRADICTION, IDENT_NONE, now_ns);
		if (!f)
			return;
		f->device = id->devices.at[device].id;
		f->mac = id->devices.at[device].mac;
		f->restricted = id->devices.at[device].sticky;
		snprintf(f->text, sizeof(f->text), "%.24s says %.40s, %.24s says %.40s", best->source, best->maker, e->source,
			 e->maker);
		return;
	}
}

void ident_evidence_class(struct ident *id, uint32_t device, int64_t now_ns)
{
	char text[IDENT_TEXT];

	for (uint32_t i = id->devices.at[device].evidence; id->policy && i != IDENT_NONE; i = id->evidence.at[i].next) {
		const struct ident_evid *e = &id->evidence.at[i];
		uint32_t maker = e->strength > IDENT_HINT && e->maker[0] ? maker_named(id->policy, e->maker) : POLICY_NONE;

		if (maker == POLICY_NONE || !policy_maker_restricted(id->policy, maker, NULL, 0, now_ns, NULL))
			continue;
		snprintf(text, sizeof(text), "%.24s: %.100s: %.24s", e->source, e->value, e->maker);
		ident_evidence_stick(id, device, text, now_ns);
	}
	check_contradiction(id, device, now_ns);
}

uint64_t ident_add_evidence(struct ident *id, const struct mac *mac, const char *source, const char *value,
			    enum ident_strength strength, const char *maker, int64_t now_ns)
{
	struct ident_evidence cut;
	uint32_t m = ident_table_find_mac(id, mac), device;

	if (m == IDENT_NONE)
		return 0;
	device = id->macs.at[m].device;
	snprintf(cut.source, sizeof(cut.source), "%s", source);
	snprintf(cut.value, sizeof(cut.value), "%s", value);
	snprintf(cut.maker, sizeof(cut.maker), "%s", maker ? maker : "");
	ident_evidence_put(id, device, cut.source, cut.value, strength, cut.maker, now_ns);
	ident_evidence_class(id, device, now_ns);
	return id->devices.at[device].id;
}

unsigned ident_evidence_of(const struct ident *id, uint64_t device, struct ident_evidence ret[static IDENT_EVIDENCE])
{
	uint32_t at = ident_table_find_device(id, device);
	unsigned n = 0;

	if (at == IDENT_NONE)
		return 0;
	for (uint32_t i = id->devices.at[at].evidence; i != IDENT_NONE && n < IDENT_EVIDENCE; i = id->evidence.at[i].next) {
		const struct ident_evid *e = &id->evidence.at[i];
		struct ident_evidence *out = &ret[n++];

		*out = (struct ident_evidence){ .device = device, .strength = e->strength, .first_ns = e->first_ns,
						.last_ns = e->last_ns };
		snprintf(out->source, sizeof(out->source), "%s", e->source);
		snprintf(out->value, sizeof(out->value), "%s", e->value);
		snprintf(out->maker, sizeof(out->maker), "%s", e->maker);
	}
	return n;
}
