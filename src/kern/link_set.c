/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link_set: interfaces and addresses as sorted arrays, and what can be asked of them. */
#include "kern/link_set.h"

#include <string.h>

void link_set_free(struct link_set *s)
{
	VEC_FREE(&s->ifaces);
	VEC_FREE(&s->addrs);
}

/* Where index is, or belongs. */
static size_t place_of(const struct link_set *s, uint32_t index)
{
	size_t low = 0, high = s->ifaces.n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (s->ifaces.at[mid].index < index)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct link_iface *link_set_iface(const struct link_set *s, uint32_t index)
{
	const size_t i = place_of(s, index);

	return i < s->ifaces.n && s->ifaces.at[i].index == index ? &s->ifaces.at[i] : NULL;
}

bool link_set_insert(struct link_set *s, const struct link_iface *l)
{
	const size_t i = place_of(s, l->index);

	if (!VEC_ROOM(&s->ifaces))
		return false;
	memmove(&s->ifaces.at[i + 1], &s->ifaces.at[i], (s->ifaces.n - i) * sizeof(*l));
	s->ifaces.at[i] = *l;
	s->ifaces.n++;
	return true;
}

void link_set_remove(struct link_set *s, uint32_t index)
{
	const size_t i = place_of(s, index);

	s->ifaces.n--;
	memmove(&s->ifaces.at[i], &s->ifaces.at[i + 1], (s->ifaces.n - i) * sizeof(*s->ifaces.at));
}

static int compare_addr(const struct link_addr *a, const struct link_addr *b)
{
	const int order = addr_compare(&a->addr, &b->addr);

	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	return order ? order : (int)a->len - (int)b->len;
}

static size_t place_of_addr(const struct link_set *s, const struct link_addr *a)
{
	size_t low = 0, high = s->addrs.n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (compare_addr(&s->addrs.at[mid], a) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct link_addr *link_set_addr(const struct link_set *s, const struct link_addr *a)
{
	const size_t i = place_of_addr(s, a);

	return i < s->addrs.n && !compare_addr(&s->addrs.at[i], a) ? &s->addrs.at[i] : NULL;
}

bool link_set_insert_addr(struct link_set *s, const struct link_addr *a)
{
	const size_t i = place_of_addr(s, a);

	if (!VEC_ROOM(&s->addrs))
		return false;
	memmove(&s->addrs.at[i + 1], &s->addrs.at[i], (s->addrs.n - i) * sizeof(*a));
	s->addrs.at[i] = *a;
	s->addrs.n++;
	return true;
}

void link_set_remove_addr(struct link_set *s, const struct link_addr *a)
{
	const size_t i = place_of_addr(s, a);

	s->addrs.n--;
	memmove(&s->addrs.at[i], &s->addrs.at[i + 1], (s->addrs.n - i) * sizeof(*a));
}

void link_set_remove_addrs(struct link_set *s, uint32_t index)
{
	size_t n = 0;

	for (size_t i = 0; i < s->addrs.n; i++)
		if (s->addrs.at[i].index != index)
			s->addrs.at[n++] = s->addrs.at[i];
	s->addrs.n = n;
}


/* ---- questions ---- */

size_t link_count(const struct link_map *m)
{
	return m->set.ifaces.n;
}

const struct link_iface *link_at(const struct link_map *m, size_t i)
{
	return i < m->set.ifaces.n ? &m->set.ifaces.at[i] : NULL;
}

const struct link_iface *link_by_index(const struct link_map *m, uint32_t index)
{
	return link_set_iface(&m->set, index);
}

const struct link_iface *link_by_name(const struct link_map *m, const char *name)
{
	for (size_t i = 0; i < m->set.ifaces.n; i++)
		if (!strcmp(m->set.ifaces.at[i].name, name))
			return &m->set.ifaces.at[i];
	return NULL;
}

/* How an interface was come by. */
enum { MET_NOT, MET_ABOVE, MET_WHOLE };

static void meet(const struct link_map *m, struct link_walk *w, uint32_t index, uint8_t how)
{
	const struct link_iface *l = link_set_iface(&m->set, index);
	const size_t i = l ? (size_t)(l - m->set.ifaces.at) : 0;

	if (!l || w->met[i])
		return;
	w->met[i] = how;
	w->list[w->n++] = (uint32_t)i;
}

/* What l stands on.  Members of a VRF share a routing table, not a wire: from one of them the VRF is met, not its other
 * members. */
static void meet_parts(const struct link_map *m, struct link_walk *w, const struct link_iface *l, uint8_t how)
{
	const struct link_iface *master = link_set_iface(&m->set, l->master);

	meet(m, w, l->lower, MET_WHOLE);
	if (master)
		meet(m, w, l->master, strcmp(master->kind, "vrf") ? MET_WHOLE : MET_ABOVE);
	if (how == MET_ABOVE || !*l->kind)
		return;
	for (size_t i = 0; i < m->set.ifaces.n; i++)
		if (m->set.ifaces.at[i].master == l->index)
			meet(m, w, m->set.ifaces.at[i].index, MET_WHOLE);
}

bool link_stands_on(const struct link_map *m, uint32_t index, bool (*yes)(const struct link_iface *l, void *arg), void *arg)
{
	struct link_walk w = m->walk;

	memset(w.met, MET_NOT, m->set.ifaces.n);
	w.n = 0;
	meet(m, &w, index, MET_WHOLE);
	for (size_t i = 0; i < w.n; i++) {
		const struct link_iface *l = &m->set.ifaces.at[w.list[i]];

		if (yes(l, arg))
			return true;
		meet_parts(m, &w, l, w.met[w.list[i]]);
	}
	return false;
}

bool link_own_address(const struct link_map *m, uint32_t index, const struct addr *peer, struct addr *ret, bool *ret_same)
{
	const struct link_addr *best = NULL;

	for (size_t i = 0; i < m->set.addrs.n; i++) {
		const struct link_addr *a = &m->set.addrs.at[i];
		const struct prefix network = { .addr = a->addr, .len = a->len };

		if (a->index != index || a->addr.family != peer->family || !a->usable)
			continue;
		if (addr_prefix_contains(&network, peer)) {
			*ret = a->addr;
			*ret_same = true;
			return true;
		}
		if (!best || (a->addr.family == 6 && addr_is_of_link(&a->addr)))
			best = a;
	}
	if (!best)
		return false;
	*ret = best->addr;
	*ret_same = false;
	return true;
}

bool link_is_own(const struct link_map *m, const struct addr *a)
{
	for (size_t i = 0; i < m->set.addrs.n; i++)
		if (addr_equal(&m->set.addrs.at[i].addr, a))
			return true;
	return false;
}
