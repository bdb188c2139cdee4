/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ident_read: in from the store, out to it, and out to who looks.  What nobody proved and nothing says anything against is
 * not written: anybody can make any number of such. */
#include "ident/ident_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/now.h"

enum { SLICE = 4096, KEEP_PROVED = 12 };        /* places per tick; devices that were proved stay so many times longer */
static const int64_t stagger_ns = 10 * NOW_NS_PER_MS;

int ident_restore_device(struct ident *id, const struct ident_device *d, struct err *e)
{
	struct ident_dev *new;
	uint32_t at;

	if (!d->id || ident_table_find_device(id, d->id) != IDENT_NONE)
		return err_plain(e, EINVAL, "device %llu is none, or is there twice", (unsigned long long)d->id);
	if (d->has_mac && (addr_mac_is_group(&d->mac) || ident_table_find_mac(id, &d->mac) != IDENT_NONE))
		return err_plain(e, EINVAL, "the MAC of device %llu is another's", (unsigned long long)d->id);
	at = ident_table_new_device(id, d->id, d->first_ns);
	if (at == IDENT_NONE)
		return err_plain(e, ENOMEM, "out of memory");
	new = &id->devices.at[at];
	new->last_ns = new->written_ns = d->last_ns;
	new->sticky = d->sticky;
	new->proved = new->stored = true;
	new->dirty = false;
	if (d->iface[0])
		new->iface = ident_table_iface(id, d->iface);
	if (d->name[0] && ident_table_find_name(id, d->name) == IDENT_NONE && !ident_table_name_device(id, at, d->name))
		return err_plain(e, ENOMEM, "out of memory");
	if (d->has_mac && ident_table_new_mac(id, &d->mac, at, d->last_ns) == IDENT_NONE)
		return err_plain(e, ENOSPC, "more than %u MACs", id->limits.macs);
	return 0;
}

int ident_restore_evidence(struct ident *id, const struct ident_evidence *v, struct err *e)
{
	uint32_t at = ident_table_find_device(id, v->device);

	if (at == IDENT_NONE)
		return err_plain(e, ENOENT, "evidence about device %llu, which is not there", (unsigned long long)v->device);
	/* Put twice, so that both times are kept. */
	ident_evidence_put(id, at, v->source, v->value, v->strength, v->maker, v->first_ns);
	ident_evidence_put(id, at, v->source, v->value, v->strength, v->maker, v->last_ns);
	return 0;
}

int ident_restore_binding(struct ident *id, const struct ident_binding *b, int64_t now_ns, struct err *e)
{
	uint32_t iface = ident_table_iface(id, b->iface), device = ident_table_find_device(id, b->device);
	uint32_t mac = ident_table_find_mac(id, &b->mac), bind;

	if (iface == IDENT_NONE || device == IDENT_NONE || !addr_bits(&b->addr) || b->proof < WHO_VERIFIED)
		return err_plain(e, EINVAL, "a binding of device %llu that says nothing", (unsigned long long)b->device);
	if (mac == IDENT_NONE)
		mac = ident_table_new_mac(id, &b->mac, device, b->last_ns);
	if (mac == IDENT_NONE)
		return err_plain(e, ENOSPC, "more than %u MACs", id->limits.macs);
	if (id->macs.at[mac].device != device || ident_table_find_bind(id, iface, mac, &b->addr) != IDENT_NONE)
		return err_plain(e, EINVAL, "a binding of device %llu is another's, or is there twice",
				 (unsigned long long)b->device);
	bind = ident_table_new_bind(id, iface, mac, &b->addr, b->first_ns);
	if (bind == IDENT_NONE)
		return err_plain(e, ENOSPC, "more than %u bindings", id->limits.bindings);
	id->binds.at[bind].proof = WHO_VERIFIED;
	id->binds.at[bind].last_ns = id->binds.at[bind].written_ns = b->last_ns;
	id->binds.at[bind].stored = true;
	++*(b->addr.family == 4 ? &id->macs.at[mac].n4 : &id->macs.at[mac].n6);
	ident_probe_start(id, bind, stagger_ns * (int64_t)id->used_binds, now_ns);
	id->version++;
	return 0;
}

static bool is_worth_storing(const struct ident_dev *d)
{
	return d->proved || d->sticky || d->listed;
}

static void to_evidence(const struct ident *id, const struct ident_evid *e, struct ident_evidence *ret)
{
	*ret = (struct ident_evidence){ .device = id->devices.at[e->device].id, .strength = e->strength, .first_ns = e->first_ns,
					.last_ns = e->last_ns };
	snprintf(ret->source, sizeof(ret->source), "%s", e->source);
	snprintf(ret->value, sizeof(ret->value), "%s", e->value);
	snprintf(ret->maker, sizeof(ret->maker), "%s", e->maker);
}

/* What one flush may still tell. */
struct flush { struct ident *id; const struct ident_sink *sink; size_t left; };

static void told(struct flush *f)
{
	f->left -= f->left > 0;
}

static void flush_evidence(struct flush *f, struct ident_evid *e)
{
	struct ident_evidence out;

	e->dirty = false;
	to_evidence(f->id, e, &out);
	f->sink->evidence(f->sink->ctx, &out);
	told(f);
}

/* A device that is written for the first time brings all its evidence. */
static void flush_device(struct flush *f, uint32_t at)
{
	struct ident *id = f->id;
	struct ident_dev *d = &id->devices.at[at];
	struct ident_device out;

	if (!d->used || !d->dirty)
		return;
	d->dirty = false;
	if (!is_worth_storing(d) || !ident_device_at(id, at, &out))
		return;
	f->sink->device(f->sink->ctx, &out);
	told(f);
	for (uint32_t i = d->stored ? IDENT_NONE : d->evidence; i != IDENT_NONE; i = id->evidence.at[i].next)
		flush_evidence(f, &id->evidence.at[i]);
	d->stored = true;
}

/* Of a device that was never written it comes with that. */
static void flush_changed_evidence(struct flush *f, uint32_t at)
{
	struct ident_evid *e = &f->id->evidence.at[at];

	if (e->used && e->dirty && f->id->devices.at[e->device].stored)
		flush_evidence(f, e);
	e->dirty = false;
}

static void flush_bind(struct flush *f, uint32_t at)
{
	struct ident_bind *b = &f->id->binds.at[at];
	struct ident_binding out;

	if (b->used && b->dirty && b->proof >= WHO_VERIFIED && ident_binding_at(f->id, at, &out)) {
		f->sink->binding(f->sink->ctx, &out);
		b->stored = true;
		told(f);
	}
	b->dirty = false;
}

/* *n places that wait, as far as there is room; false: some wait on. */
static bool flush_places(struct flush *f, uint32_t *places, size_t *n, void (*one)(struct flush *f, uint32_t at))
{
	size_t done = 0;

	while (done < *n && f->left)
		one(f, places[done++]);
	*n -= done;
	if (*n)
		memmove(places, places + done, *n * sizeof(*places));
	return !*n;
}

static void flush_gone(struct ident *id, const struct ident_sink *sink)
{
	for (size_t i = 0; i < id->gone_binds.n; i++)
		sink->binding(sink->ctx, &id->gone_binds.at[i]);
	for (size_t i = 0; i < id->gone_devices.n; i++)
		sink->device_gone(sink->ctx, id->gone_devices.at[i]);
	id->gone_binds.n = id->gone_devices.n = 0;
}

bool ident_flush(struct ident *id, const struct ident_sink *sink, size_t most)
{
	struct flush f = { id, sink, most };

	flush_gone(id, sink);
	return !flush_places(&f, id->dirty_devices.at, &id->dirty_devices.n, flush_device) ||
	       !flush_places(&f, id->dirty_evidence.at, &id->dirty_evidence.n, flush_changed_evidence) ||
	       !flush_places(&f, id->dirty_binds.at, &id->dirty_binds.n, flush_bind);
}

void ident_flush_again(struct ident *id)
{
	for (uint32_t i = 0; i < id->devices.n; i++) {
		if (id->devices.at[i].used)
			ident_table_touch_device(id, i);
	}
	for (uint32_t i = 0; i < id->evidence.n; i++) {
		if (id->evidence.at[i].used)
			ident_table_touch_evidence(id, i);
	}
	for (uint32_t i = 0; i < id->binds.n; i++) {
		if (id->binds.at[i].used)
			ident_table_touch_bind(id, i);
	}
}

/* How long a MAC without bindings is remembered: junk for an hour, what other evidence than its own MAC speaks of for longer. */
static int64_t memory_of(const struct ident *id, uint32_t device)
{
	const struct ident_dev *d = &id->devices.at[device];
	const struct ident_evid *best = ident_evidence_best(id, device);

	if (d->listed)
		return INT64_MAX;
	if (d->proved)
		return KEEP_PROVED * id->limits.forget_ns;
	return best && best->strength > IDENT_REGISTRY ? id->limits.forget_ns : id->limits.forget_claim_ns;
}

void ident_tick(struct ident *id, int64_t now_ns)
{
	for (int k = 0; k < SLICE && id->binds.n; k++) {
		uint32_t i = id->sweep_bind++ % (uint32_t)id->binds.n;
		struct ident_bind *b = &id->binds.at[i];

		if (b->used && b->waiting && id->binds.at[b->rival].serial != b->rival_serial)
			b->waiting = false;             /* whom it waited for is gone */
		if (!b->used || b->probing || b->waiting || b->proof == WHO_PINNED)
			continue;
		if (b->proof < WHO_VERIFIED && now_ns - b->last_ns > id->limits.forget_claim_ns)
			ident_drop(id, i);
		else if (b->proof == WHO_VERIFIED && now_ns - b->last_ns > id->limits.forget_ns)
			ident_unbind(id, i, now_ns);
	}
	for (int k = 0; k < SLICE && id->macs.n; k++) {
		uint32_t i = id->sweep_mac++ % (uint32_t)id->macs.n;
		const struct ident_mac *m = &id->macs.at[i];

		if (m->used && m->bindings == IDENT_NONE && now_ns - m->last_ns > memory_of(id, m->device)) {
			ident_table_drop_mac(id, i);
			id->version++;
		}
	}
}

size_t ident_device_places(const struct ident *id)
{
	return id->devices.n;
}

bool ident_device_at(const struct ident *id, size_t place, struct ident_device *ret)
{
	const struct ident_dev *d = place < id->devices.n ? &id->devices.at[place] : NULL;
	const struct ident_evid *best;
	uint32_t mac;

	if (!d || !d->used)
		return false;
	best = ident_evidence_best(id, (uint32_t)place);
	mac = d->n_macs ? ident_table_find_mac(id, &d->mac) : IDENT_NONE;
	*ret = (struct ident_device){
		.id = d->id, .mac = d->mac, .has_mac = d->n_macs > 0, .sticky = d->sticky, .listed = d->listed,
		.router = mac != IDENT_NONE && id->macs.at[mac].router, .first_ns = d->first_ns, .last_ns = d->last_ns,
	};
	snprintf(ret->name, sizeof(ret->name), "%s", d->name ? d->name : "");
	snprintf(ret->maker, sizeof(ret->maker), "%s", best ? best->maker : "");
	if (d->iface != IDENT_NONE)
		memcpy(ret->iface, id->ifaces.at[d->iface].name, sizeof(ret->iface));
	return true;
}

size_t ident_binding_places(const struct ident *id)
{
	return id->binds.n;
}

bool ident_binding_at(const struct ident *id, size_t place, struct ident_binding *ret)
{
	const struct ident_bind *b = place < id->binds.n ? &id->binds.at[place] : NULL;

	if (!b || !b->used)
		return false;
	*ret = (struct ident_binding){
		.device = id->devices.at[id->macs.at[b->mac].device].id, .mac = id->macs.at[b->mac].mac, .addr = b->addr,
		.proof = b->proof, .first_ns = b->first_ns, .last_ns = b->last_ns,
	};
	memcpy(ret->iface, id->ifaces.at[b->iface].name, sizeof(ret->iface));
	return true;
}

size_t ident_mac_places(const struct ident *id)
{
	return id->macs.n;
}

bool ident_mac_at(const struct ident *id, size_t place, struct mac *ret, uint64_t *ret_device, bool *ret_sticky,
		  bool *ret_router)
{
	const struct ident_mac *m = place < id->macs.n ? &id->macs.at[place] : NULL;

	if (!m || !m->used)
		return false;
	*ret = m->mac;
	*ret_device = id->devices.at[m->device].id;
	*ret_sticky = id->devices.at[m->device].sticky;
	*ret_router = m->router;
	return true;
}

bool ident_find_device(const struct ident *id, uint64_t device, struct ident_device *ret)
{
	uint32_t at = ident_table_find_device(id, device);

	return at != IDENT_NONE && ident_device_at(id, at, ret);
}

uint64_t ident_device_of_mac(const struct ident *id, const struct mac *mac)
{
	uint32_t at = ident_table_find_mac(id, mac);

	return at == IDENT_NONE ? 0 : id->devices.at[id->macs.at[at].device].id;
}

uint64_t ident_device_named(const struct ident *id, const char *name)
{
	uint32_t at = ident_table_find_name(id, name);

	return at == IDENT_NONE ? 0 : id->devices.at[at].id;
}

uint64_t ident_facts_lost(const struct ident *id)
{
	return id->facts_lost;
}

uint64_t ident_version(const struct ident *id)
{
	return id->version;
}

uint64_t ident_last_id(const struct ident *id)
{
	return id->last_id;
}

uint64_t ident_seed(const struct ident *id)
{
	return id->seed;
}
