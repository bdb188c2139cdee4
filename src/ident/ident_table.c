/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ident_table: records, free lists and chains.  A chain doubles its heads when it holds more records than heads; walking the
 * records again by index keeps equal keys in an order that depends on nothing but what was told to ident. */
#include "ident/ident_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

enum { MAX_IFACES = 4096 };

/* Where the links of a table are. */
struct links {
	char *first;
	size_t stride;
};

static struct ident_link *link_at(struct links l, uint32_t i)
{
	return (struct ident_link *)(void *)(l.first + l.stride * i);
}

#define LINKS(table, field) \
	((struct links){ (table).at ? (char *)&(table).at[0].field : NULL, sizeof(*(table).at) })

static bool chain_grow(struct ident_chain *c, struct links l)
{
	uint32_t n = c->n_heads ? c->n_heads * 2 : 64, *heads;

	if (c->n < c->n_heads)
		return true;
	heads = malloc(n * sizeof(*heads));
	if (!heads)
		return c->n_heads > 0;          /* longer chains, no failure */
	memset(heads, 0xff, n * sizeof(*heads));
	for (uint32_t h = 0; h < c->n_heads; h++)
		for (uint32_t i = c->heads[h], next; i != IDENT_NONE; i = next) {
			struct ident_link *link = link_at(l, i);

			next = link->next;
			link->next = heads[link->hash & (n - 1)];
			heads[link->hash & (n - 1)] = i;
		}
	free(c->heads);
	c->heads = heads;
	c->n_heads = n;
	return true;
}

static bool chain_add(struct ident_chain *c, struct links l, uint32_t i, uint64_t hash)
{
	struct ident_link *link = link_at(l, i);

	if (!chain_grow(c, l))
		return false;
	link->hash = (uint32_t)(hash ^ hash >> 32);
	link->next = c->heads[link->hash & (c->n_heads - 1)];
	c->heads[link->hash & (c->n_heads - 1)] = i;
	c->n++;
	return true;
}

static void chain_remove(struct ident_chain *c, struct links l, uint32_t i)
{
	uint32_t *at = &c->heads[link_at(l, i)->hash & (c->n_heads - 1)];

	while (*at != i)
		at = &link_at(l, *at)->next;
	*at = link_at(l, i)->next;
	c->n--;
}

static uint32_t chain_head(const struct ident_chain *c, uint64_t hash)
{
	return c->n_heads ? c->heads[(uint32_t)(hash ^ hash >> 32) & (c->n_heads - 1)] : IDENT_NONE;
}

static uint64_t hash_mac(const struct ident *id, const struct mac *m)
{
	return digest_hash64(m->b, sizeof(m->b), id->seed);
}

static uint64_t hash_at(const struct ident *id, uint32_t iface, const struct addr *a)
{
	return digest_hash64(a->b, sizeof(a->b), id->seed + ((uint64_t)iface << 8) + a->family);
}

static uint64_t hash_pair(const struct ident *id, uint32_t iface, uint32_t mac, const struct addr *a)
{
	return digest_hash64(a->b, sizeof(a->b), id->seed + ((uint64_t)iface << 40) + ((uint64_t)mac << 8) + a->family);
}

static uint64_t hash_name(const struct ident *id, const char *name)
{
	return digest_hash64(name, strlen(name), id->seed);
}

uint32_t ident_table_find_iface(const struct ident *id, const char *name)
{
	for (uint32_t i = 0; i < id->ifaces.n; i++)
		if (!strncmp(id->ifaces.at[i].name, name, IDENT_IFACE))
			return i;
	return IDENT_NONE;
}

uint32_t ident_table_iface(struct ident *id, const char *name)
{
	uint32_t found = ident_table_find_iface(id, name);
	struct ident_if new = { .policy = IDENT_NONE };

	if (found != IDENT_NONE || strlen(name) >= IDENT_IFACE || id->ifaces.n >= MAX_IFACES)
		return found;
	memcpy(new.name, name, strlen(name));
	return VEC_PUSH(&id->ifaces, new) ? (uint32_t)id->ifaces.n - 1 : IDENT_NONE;
}

uint32_t ident_table_find_mac(const struct ident *id, const struct mac *m)
{
	uint32_t i = chain_head(&id->mac_chain, hash_mac(id, m));

	while (i != IDENT_NONE && !addr_mac_equal(&id->macs.at[i].mac, m))
		i = id->macs.at[i].link.next;
	return i;
}

uint32_t ident_table_find_device(const struct ident *id, uint64_t device)
{
	uint32_t i = chain_head(&id->device_chain, device * UINT64_C(0x9e3779b97f4a7c15));

	while (i != IDENT_NONE && id->devices.at[i].id != device)
		i = id->devices.at[i].by_id.next;
	return i;
}

uint32_t ident_table_find_name(const struct ident *id, const char *name)
{
	uint32_t i = chain_head(&id->name_chain, hash_name(id, name));

	while (i != IDENT_NONE && strcmp(id->devices.at[i].name, name) != 0)
		i = id->devices.at[i].by_name.next;
	return i;
}

uint32_t ident_table_find_bind(const struct ident *id, uint32_t iface, uint32_t mac, const struct addr *a)
{
	uint32_t i = chain_head(&id->pair_chain, hash_pair(id, iface, mac, a));

	for (; i != IDENT_NONE; i = id->binds.at[i].by_pair.next)
		if (id->binds.at[i].mac == mac && ident_table_is_at(id, i, iface, a))
			break;
	return i;
}

bool ident_table_is_at(const struct ident *id, uint32_t bind, uint32_t iface, const struct addr *a)
{
	return id->binds.at[bind].iface == iface && addr_equal(&id->binds.at[bind].addr, a);
}

uint32_t ident_table_first_at(const struct ident *id, uint32_t iface, const struct addr *a)
{
	return chain_head(&id->addr_chain, hash_at(id, iface, a));
}

/* A free place of a table, or a new one; the record is zeroed.  false: out of memory. */
#define PLACE(id, table, free_head, link, ret) \
	((id)->free_head != IDENT_NONE ? \
	 (*(ret) = (id)->free_head, (id)->free_head = (id)->table.at[*(ret)].link.next, \
	  memset(&(id)->table.at[*(ret)], 0, sizeof(*(id)->table.at)), true) : \
	 VEC_ROOM(&(id)->table) ? \
	 (*(ret) = (uint32_t)(id)->table.n++, memset(&(id)->table.at[*(ret)], 0, sizeof(*(id)->table.at)), true) : false)

#define GIVE_BACK(id, table, free_head, link, i) \
	((id)->table.at[i].used = false, (id)->table.at[i].link.next = (id)->free_head, (id)->free_head = (i))

uint32_t ident_table_new_device(struct ident *id, uint64_t wanted, int64_t now_ns)
{
	uint64_t key = wanted ? wanted : id->last_id + 1;
	struct ident_dev *d;
	uint32_t i;

	if (!PLACE(id, devices, free_device, by_id, &i))
		return IDENT_NONE;
	d = &id->devices.at[i];
	*d = (struct ident_dev){
		.used = true, .id = key, .evidence = IDENT_NONE, .iface = IDENT_NONE, .first_ns = now_ns, .last_ns = now_ns,
	};
	if (!chain_add(&id->device_chain, LINKS(id->devices, by_id), i, key * UINT64_C(0x9e3779b97f4a7c15))) {
		GIVE_BACK(id, devices, free_device, by_id, i);
		return IDENT_NONE;
	}
	if (key > id->last_id)
		id->last_id = key;
	ident_table_touch_device(id, i);
	return i;
}

uint32_t ident_table_new_mac(struct ident *id, const struct mac *m, uint32_t device, int64_t now_ns)
{
	struct ident_mac *new;
	uint32_t i;

	if (id->used_macs >= id->limits.macs || !PLACE(id, macs, free_mac, link, &i))
		return IDENT_NONE;
	new = &id->macs.at[i];
	*new = (struct ident_mac){
		.used = true, .mac = *m, .device = device, .bindings = IDENT_NONE, .first_ns = now_ns, .last_ns = now_ns,
	};
	if (!chain_add(&id->mac_chain, LINKS(id->macs, link), i, hash_mac(id, m))) {
		GIVE_BACK(id, macs, free_mac, link, i);
		return IDENT_NONE;
	}
	id->used_macs++;
	if (!id->devices.at[device].n_macs++)
		id->devices.at[device].mac = *m;
	return i;
}

uint32_t ident_table_new_bind(struct ident *id, uint32_t iface, uint32_t mac, const struct addr *a, int64_t now_ns)
{
	struct ident_bind *b;
	uint32_t i, serial;

	if (id->used_binds >= id->limits.bindings)
		return IDENT_NONE;
	serial = id->free_bind != IDENT_NONE ? id->binds.at[id->free_bind].serial : 0;
	if (!PLACE(id, binds, free_bind, by_pair, &i))
		return IDENT_NONE;
	b = &id->binds.at[i];
	*b = (struct ident_bind){
		.used = true, .proof = WHO_CLAIMED, .iface = iface, .mac = mac, .addr = *a, .serial = serial + 1,
		.rival = IDENT_NONE, .first_ns = now_ns, .last_ns = now_ns, .next_of_mac = id->macs.at[mac].bindings,
	};
	if (!chain_add(&id->pair_chain, LINKS(id->binds, by_pair), i, hash_pair(id, iface, mac, a))) {
		GIVE_BACK(id, binds, free_bind, by_pair, i);
		return IDENT_NONE;
	}
	if (!chain_add(&id->addr_chain, LINKS(id->binds, by_addr), i, hash_at(id, iface, a))) {
		chain_remove(&id->pair_chain, LINKS(id->binds, by_pair), i);
		GIVE_BACK(id, binds, free_bind, by_pair, i);
		return IDENT_NONE;
	}
	id->macs.at[mac].bindings = i;
	id->used_binds++;
	return i;
}

bool ident_table_name_device(struct ident *id, uint32_t device, const char *name)
{
	struct ident_dev *d = &id->devices.at[device];
	char *copy;

	if (d->name && !strcmp(d->name, name))
		return true;
	copy = strdup(name);
	if (!copy)
		return false;
	if (d->name)
		chain_remove(&id->name_chain, LINKS(id->devices, by_name), device);
	free(d->name);
	d->name = copy;
	if (!chain_add(&id->name_chain, LINKS(id->devices, by_name), device, hash_name(id, name))) {
		free(d->name);
		d->name = NULL;
		return false;
	}
	ident_table_touch_device(id, device);
	return true;
}

static void to_binding(const struct ident *id, uint32_t i, struct ident_binding *ret)
{
	(void)ident_binding_at(id, i, ret);
	ret->gone = true;
}

void ident_table_drop_bind(struct ident *id, uint32_t bind)
{
	struct ident_bind *b = &id->binds.at[bind];
	uint32_t *at = &id->macs.at[b->mac].bindings;

	if (b->stored) {
		struct ident_binding gone;

		to_binding(id, bind, &gone);
		if (!VEC_PUSH(&id->gone_binds, gone))
			id->facts_lost++;       /* the store keeps a binding too many; it is asked again at the next start */
	}
	while (*at != bind)
		at = &id->binds.at[*at].next_of_mac;
	*at = b->next_of_mac;
	chain_remove(&id->pair_chain, LINKS(id->binds, by_pair), bind);
	chain_remove(&id->addr_chain, LINKS(id->binds, by_addr), bind);
	GIVE_BACK(id, binds, free_bind, by_pair, bind);
	b->serial++;
	id->used_binds--;
}

void ident_table_drop_device(struct ident *id, uint32_t device)
{
	struct ident_dev *d = &id->devices.at[device];

	ident_evidence_drop(id, device);
	if (d->stored && !VEC_PUSH(&id->gone_devices, d->id))
		id->facts_lost++;
	if (d->name)
		chain_remove(&id->name_chain, LINKS(id->devices, by_name), device);
	free(d->name);
	d->name = NULL;
	chain_remove(&id->device_chain, LINKS(id->devices, by_id), device);
	GIVE_BACK(id, devices, free_device, by_id, device);
}

void ident_table_drop_mac(struct ident *id, uint32_t mac)
{
	struct ident_mac *m = &id->macs.at[mac];
	uint32_t device = m->device;

	while (m->bindings != IDENT_NONE)
		ident_table_drop_bind(id, m->bindings);
	chain_remove(&id->mac_chain, LINKS(id->macs, link), mac);
	GIVE_BACK(id, macs, free_mac, link, mac);
	id->used_macs--;
	if (!--id->devices.at[device].n_macs && !id->devices.at[device].listed)
		ident_table_drop_device(id, device);
}

void ident_table_touch_device(struct ident *id, uint32_t device)
{
	if (id->devices.at[device].dirty)
		return;
	id->devices.at[device].dirty = VEC_PUSH(&id->dirty_devices, device);
}

void ident_table_touch_bind(struct ident *id, uint32_t bind)
{
	if (id->binds.at[bind].dirty)
		return;
	id->binds.at[bind].dirty = VEC_PUSH(&id->dirty_binds, bind);
}

void ident_table_touch_evidence(struct ident *id, uint32_t at)
{
	if (id->evidence.at[at].dirty)
		return;
	id->evidence.at[at].dirty = VEC_PUSH(&id->dirty_evidence, at);
}

void ident_table_fini(struct ident *id)
{
	for (size_t i = 0; i < id->devices.n; i++)
		free(id->devices.at[i].name);
	for (size_t i = 0; i < id->evidence.n; i++)
		if (id->evidence.at[i].used)
			free(id->evidence.at[i].source);
	VEC_FREE(&id->ifaces);
	VEC_FREE(&id->macs);
	VEC_FREE(&id->devices);
	VEC_FREE(&id->evidence);
	VEC_FREE(&id->binds);
	free(id->mac_chain.heads);
	free(id->device_chain.heads);
	free(id->name_chain.heads);
	free(id->pair_chain.heads);
	free(id->addr_chain.heads);
}
