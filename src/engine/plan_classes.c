/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Classes: bindings that prog_eval cannot tell apart are one kind; each kind is held against every kind of other end; kinds that
 * come out equal are one class.  The kinds with most bindings go first, since there may be more than fit. */
#include "engine/plan_part.h"

#include <stdlib.h>
#include <string.h>

enum { UNSEEN = PLAN_NONE - 1 };

static const struct who_id nobody = { .listed = WHO_NONE, .maker = WHO_NONE };

static struct plan_end end_of(const struct plan_build *b, const struct flow_end *f, unsigned side)
{
	struct plan_end own = { .end = *f };

	prog_look(b->g, f, prog_leaf_of(b->g, &f->addr), side, &own.as);
	return own;
}

static struct plan_end other(const struct plan_build *b, unsigned side, uint32_t iface, const struct plan_place *at)
{
	struct plan_end o = { .end = { .iface = iface, .iface_known = true, .addr = at->addr, .id = nobody } };

	prog_look(b->g, &o.end, &b->g->leaves[at->leaf], side, &o.as);
	return o;
}

/* Where an address that nobody claims stands depends on the interface behind which it is, so all must answer alike. */
static int ask_to(struct plan_build *b, const struct plan_kind *k, const struct plan_end *own, const struct plan_place *at,
		  uint32_t *ret)
{
	const size_t n = at->zone < b->g->n_zones ? 1 : b->open_to.n;
	uint32_t first = PLAN_NONE;

	for (size_t i = 0; i < n; i++) {
		const struct plan_end to = other(b, PROG_TO, b->open_to.at[i], at);
		uint32_t what;

		if (plan_ask(b, k, own, &to, &what) < 0)
			return -1;
		first = i == 0 || first == what ? what : PLAN_NONE;
	}
	*ret = first;
	return 0;
}

static int ask_from(struct plan_build *b, const struct plan_kind *k, const struct plan_end *own, uint32_t open,
		    const struct plan_place *at, uint32_t *ret)
{
	const struct plan_end from = other(b, PROG_FROM, b->open.at[open], at);

	return plan_ask(b, k, &from, own, ret);
}

/* All places of one side: as senders behind that open interface, or as receivers; into wheres. */
static int look_around(struct plan_build *b, const struct plan_kind *k, unsigned side, uint32_t open, uint32_t *ret)
{
	const bool v6 = k->end.addr.family == 6;
	const struct plan_end own = end_of(b, &k->end, !side);
	struct pool *rows = &b->rows[side];
	AUTO_MEM uint64_t *row = malloc((rows->words + 1) * sizeof(*row));
	uint32_t at;

	if (!row)
		return plan_out_of_memory(b);
	memset(row, 0xff, (rows->words + 1) * sizeof(*row));
	for (uint32_t i = 0; i < b->places[side].n; i++) {
		const struct plan_place *place = &b->places[side].at[i];
		uint32_t what = PLAN_NONE;

		if ((side == PROG_TO ? ask_to(b, k, &own, place, &what) : ask_from(b, k, &own, open, place, &what)) < 0)
			return -1;
		row[i / 2] ^= (uint64_t)(what ^ PLAN_NONE) << i % 2 * 32;
	}
	at = pool_add(rows, row);
	if (at == POOL_NONE)
		return plan_out_of_memory(b);
	for (unsigned f = 0; f < 2; f++)
		while (b->where_of_row[side][f].n < rows->n)
			if (!VEC_PUSH(&b->where_of_row[side][f], UNSEEN))
				return plan_out_of_memory(b);
	if (b->where_of_row[side][v6].at[at] == UNSEEN && plan_spans(b, side, at, v6, &b->where_of_row[side][v6].at[at]) < 0)
		return -1;
	*ret = b->where_of_row[side][v6].at[at];
	return 0;
}

static const char *name_of(struct plan_build *b, const struct plan_kind *k)
{
	const struct who_id *id = &k->end.id;
	const char *s = k->restricted ? "restricted" : k->known ? "known" : "unknown";
	char *name;

	if (!k->mixed && id->listed != WHO_NONE)
		s = b->policy->devices[id->listed].name;
	else if (!k->mixed && !k->restricted && id->maker != WHO_NONE)
		s = b->policy->makers[id->maker].name;
	name = arena_strdup(b->p->arena, s);
	for (char *c = name; c && *c; c++)
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') && !(*c >= '0' && *c <= '9'))
			*c = '-';
	return name;
}

static bool is_none(const uint32_t *result, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (result[i] != PLAN_NONE)
			return false;
	return true;
}

/* result: where it opens to, what to this host, then from where by open interface. */
static int make_class(struct plan_build *b, const struct plan_kind *k, const uint32_t *result)
{
	const bool v6 = k->end.addr.family == 6;
	const uint32_t n = b->policy->n_ifaces;
	struct arena *a = b->p->arena;
	uint32_t *from[2] = { arena_array(a, n + (size_t)1, uint32_t), arena_array(a, n + (size_t)1, uint32_t) };
	struct plan_class c = { .to4 = PLAN_NONE, .to6 = PLAN_NONE, .firewall = result[1], .from4 = from[0], .from6 = from[1],
				.name = name_of(b, k) };

	if (!from[0] || !from[1] || !c.name)
		return plan_out_of_memory(b);
	*(v6 ? &c.to6 : &c.to4) = result[0];
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t open = b->open_of_iface[i];

		from[v6][i] = open == PLAN_NONE ? PLAN_NONE : result[2 + open];
		from[!v6][i] = PLAN_NONE;
	}
	return VEC_PUSH(&b->classes, c) ? 0 : plan_out_of_memory(b);
}

/* Another kind of the same class: a name that fits both. */
static void share_name(struct plan_build *b, const struct plan_kind *k, uint32_t class)
{
	struct plan_class *c = &b->classes.at[class];
	const char *name = name_of(b, k);

	if (name && strcmp(c->name, name) != 0)
		c->name = k->restricted ? "restricted" : k->known ? "known" : "unknown";
}

static int class_of(struct plan_build *b, const struct plan_kind *k, const uint32_t *result, size_t n, uint32_t *ret)
{
	AUTO_MEM uint64_t *row = calloc(b->looks.words, sizeof(*row));
	uint32_t at;

	if (!row)
		return plan_out_of_memory(b);
	row[0] = (k->end.addr.family == 6) | (unsigned)k->restricted << 1 | (unsigned)k->known << 2;
	memcpy(row + 1, result, n * sizeof(*result));
	at = pool_find(&b->looks, row);
	if (at != POOL_NONE) {
		share_name(b, k, at);
		*ret = at;
		return 0;
	}
	if (b->classes.n == PLAN_MAX_CLASSES) {
		b->p->stats.classes_left_out = true;
		return 0;
	}
	if (pool_add(&b->looks, row) == POOL_NONE)
		return plan_out_of_memory(b);
	*ret = (uint32_t)b->classes.n;
	return make_class(b, k, result);
}

static int look_at(struct plan_build *b, const struct plan_kind *k)
{
	const size_t n = 2 + b->open.n;
	AUTO_MEM uint32_t *result = malloc(n * sizeof(*result));
	const struct flow_end host = { .iface = WHO_NONE, .firewall = true, .addr = k->end.addr, .id = nobody };
	const struct plan_end own = end_of(b, &k->end, PROG_FROM), firewall = end_of(b, &host, PROG_TO);

	if (!result)
		return plan_out_of_memory(b);
	memset(result, 0xff, n * sizeof(*result));
	if (look_around(b, k, PROG_TO, 0, &result[0]) < 0 || plan_ask(b, k, &own, &firewall, &result[1]) < 0)
		return -1;
	for (uint32_t i = 0; i < b->open.n && !b->p->no_from && !k->routed; i++)
		if (look_around(b, k, PROG_FROM, i, &result[2 + i]) < 0)
			return -1;
	return is_none(result, n) ? 0 : class_of(b, k, result, n, &b->p->class_of_kind[k->number]);
}

static bool fits(const struct plan_build *b)
{
	const uint64_t more = (uint64_t)b->places[PROG_TO].n * b->open_to.n + (uint64_t)b->places[PROG_FROM].n * b->open.n;

	return b->pairs + more <= PLAN_MAX_PAIRS;
}

int plan_make_classes(struct plan_build *b)
{
	b->p->class_of_kind = arena_array(b->p->arena, b->kinds.n + 1, uint32_t);
	if (!b->p->class_of_kind)
		return plan_out_of_memory(b);
	memset(b->p->class_of_kind, 0xff, (b->kinds.n + 1) * sizeof(uint32_t));
	for (unsigned s = 0; s < PROG_SIDES; s++)
		pool_init(&b->rows[s], b->places[s].n / 2 + 1, &b->p->budget);
	pool_init(&b->looks, 1 + (2 + b->open.n + 1) / 2, &b->p->budget);
	for (size_t i = 0; i < b->kinds.n; i++) {
		if (!fits(b))
			b->p->stats.classes_left_out = true;
		else if (look_at(b, &b->kinds.at[i]) < 0)
			return -1;
	}
	return 0;
}
