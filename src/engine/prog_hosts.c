/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses: every prefix that a zone or a host names, and those of the link, make a leaf; a leaf inherits from the prefix
 * around it, so one walk in order, with the prefixes that are open on a stack, makes them all. */
#include "engine/prog_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum item_kind { ITEM_ZONE, ITEM_HOST, ITEM_LINK, ITEM_UNSPECIFIED };

struct item {
	struct prefix prefix;
	enum item_kind kind;
	uint32_t index;
};

struct open {
	struct prefix prefix;
	uint32_t leaf;
};

struct walk {
	struct prog_build *b;
	VEC(struct item) items;
	VEC(struct open) stack;
	VEC(struct lpm_entry) entries;
	struct pool leaves;
	uint64_t *hosts;        /* scratch: a set of hosts */
};

enum { LEAF_WORDS = sizeof(struct prog_leaf) / 8 };
_Static_assert(sizeof(struct prog_leaf) % 8 == 0, "leaves are rows of a pool");

static int out_of_memory(struct prog_build *b)
{
	return err_plain(b->e, ENOMEM, "out of memory");
}

static int add_item(struct walk *w, const char *text, enum item_kind kind)
{
	struct item item = { .kind = kind };
	bool host_bits;

	if (!addr_prefix_parse(text, &item.prefix, &host_bits) || !VEC_PUSH(&w->items, item))
		return out_of_memory(w->b);
	return 0;
}

/* As addr_is_of_link and addr_is_unspecified say. */
static int add_link(struct walk *w)
{
	static const char *const link[] = { "fe80::/10", "224.0.0.0/24", "255.255.255.255" };
	struct item group = { .prefix = { { 6, { 0xff, 0x02 } }, 16 }, .kind = ITEM_LINK };

	for (size_t i = 0; i < sizeof(link) / sizeof(*link); i++)
		if (add_item(w, link[i], ITEM_LINK) < 0)
			return -1;
	for (unsigned flags = 0; flags < 16; flags++) {
		group.prefix.addr.b[1] = (uint8_t)(flags << 4 | 2);
		if (!VEC_PUSH(&w->items, group))
			return out_of_memory(w->b);
	}
	return add_item(w, "::", ITEM_UNSPECIFIED) < 0 ? -1 : add_item(w, "0.0.0.0", ITEM_UNSPECIFIED);
}

static int add_nets(struct walk *w, const struct prefix *nets, uint32_t n, enum item_kind kind, uint32_t index)
{
	for (uint32_t i = 0; i < n; i++)
		if (!VEC_PUSH(&w->items, (struct item){ nets[i], kind, index }))
			return out_of_memory(w->b);
	return 0;
}

static bool is_used(const struct prog_build *b, uint32_t host, bool *named)
{
	return named[host] || b->host_joint[PROG_FROM][host] || b->host_joint[PROG_TO][host];
}

static int collect(struct walk *w)
{
	const struct prog_build *b = w->b;
	const struct policy *p = b->p;
	AUTO_MEM bool *named = calloc(p->n_hosts + (size_t)1, sizeof(*named));

	if (!named)
		return out_of_memory(w->b);
	for (unsigned s = 0; s < PROG_SIDES; s++)
		for (size_t i = 0; i < b->uses[s].n; i++)
			if (b->uses[s].at[i].kind == POLICY_REF_HOST)
				named[b->uses[s].at[i].index] = true;
	for (uint32_t i = 0; i < p->n_zones; i++)
		if (add_nets(w, p->zones[i].nets, p->zones[i].n_nets, ITEM_ZONE, i) < 0)
			return -1;
	for (uint32_t i = 0; i < p->n_hosts; i++)
		if (is_used(b, i, named) && add_nets(w, p->hosts[i].nets, p->hosts[i].n_nets, ITEM_HOST, i) < 0)
			return -1;
	return add_link(w);
}

static int compare_items(const void *va, const void *vb)
{
	const struct item *a = va, *b = vb;

	return lpm_compare(&a->prefix, &b->prefix);
}

/* The classes of a leaf that lies inside another one and in these hosts besides. */
static int reclass(struct walk *w, const struct item *items, size_t n, struct prog_leaf *leaf)
{
	struct prog_build *b = w->b;

	for (unsigned s = 0; s < PROG_SIDES; s++) {
		struct pool *classes = &b->classes[s][PROG_HOST], *joint = &b->joint_hosts[s];

		memcpy(b->row, pool_at(classes, leaf->host[s]), b->words * sizeof(*b->row));
		memcpy(w->hosts, pool_at(joint, leaf->joint_host[s]), joint->words * sizeof(*w->hosts));
		for (size_t i = 0; i < n; i++) {
			if (items[i].kind != ITEM_HOST)
				continue;
			prog_apply(b, s, POLICY_REF_HOST, items[i].index, b->row);
			if (b->host_joint[s][items[i].index])
				pool_set(w->hosts, items[i].index);
		}
		leaf->host[s] = pool_add(classes, b->row);
		leaf->joint_host[s] = pool_add(joint, w->hosts);
		if (leaf->host[s] == POOL_NONE || leaf->joint_host[s] == POOL_NONE)
			return prog_too_big(b);
	}
	return 0;
}

static uint32_t add_leaf(struct walk *w, const struct prog_leaf *leaf)
{
	uint64_t row[LEAF_WORDS] = { 0 };

	memcpy(row, leaf, sizeof(*leaf));
	return pool_add(&w->leaves, row);
}

static struct prog_leaf leaf_at(const struct walk *w, uint32_t i)
{
	struct prog_leaf leaf;

	memcpy(&leaf, pool_at(&w->leaves, i), sizeof(leaf));
	return leaf;
}

/* items: the n that share one prefix. */
static int visit(struct walk *w, const struct item *items, size_t n)
{
	const struct prefix *prefix = &items[0].prefix;
	const uint32_t n_zones = w->b->p->n_zones;
	struct prog_leaf leaf;
	uint32_t around, at;

	while (w->stack.n > 1 && !addr_prefix_overlaps(&w->stack.at[w->stack.n - 1].prefix, prefix))
		w->stack.n--;
	around = w->stack.at[w->stack.n - 1].leaf;
	leaf = leaf_at(w, around);
	for (size_t i = 0; i < n; i++) {
		if (items[i].kind == ITEM_ZONE)
			leaf.zone = items[i].index;
		else if (items[i].kind != ITEM_HOST)
			leaf.column = n_zones + (items[i].kind == ITEM_LINK ? PROG_LINK : PROG_UNSPECIFIED);
	}
	if (leaf.column <= n_zones)
		leaf.column = leaf.zone;
	if (reclass(w, items, n, &leaf) < 0)
		return -1;
	at = add_leaf(w, &leaf);
	if (at == POOL_NONE)
		return prog_too_big(w->b);
	if (!VEC_PUSH(&w->stack, (struct open){ *prefix, at }) ||
	    (at != around && !VEC_PUSH(&w->entries, (struct lpm_entry){ *prefix, at })))
		return out_of_memory(w->b);
	return 0;
}

/* The leaf of addresses that nothing covers. */
static int start(struct walk *w)
{
	struct prog_build *b = w->b;
	struct prog_leaf leaf = { .zone = b->p->n_zones, .column = b->p->n_zones };
	size_t words = (b->p->n_hosts + (size_t)63) / 64;

	pool_init(&w->leaves, LEAF_WORDS, &b->budget);
	w->hosts = calloc(words + 1, sizeof(*w->hosts));
	if (!w->hosts)
		return out_of_memory(b);
	for (unsigned s = 0; s < PROG_SIDES; s++) {
		pool_init(&b->joint_hosts[s], words, &b->budget);
		leaf.host[s] = pool_add(&b->classes[s][PROG_HOST], b->base[s][PROG_HOST]);
		leaf.joint_host[s] = pool_add(&b->joint_hosts[s], w->hosts);
		if (leaf.host[s] == POOL_NONE || leaf.joint_host[s] == POOL_NONE)
			return prog_too_big(b);
	}
	if (add_leaf(w, &leaf) == POOL_NONE)
		return prog_too_big(b);
	return VEC_PUSH(&w->stack, (struct open){ .leaf = 0 }) ? 0 : out_of_memory(b);
}

static int walk(struct walk *w)
{
	if (start(w) < 0 || collect(w) < 0)
		return -1;
	qsort(w->items.at, w->items.n, sizeof(*w->items.at), compare_items);
	for (size_t i = 0, n; i < w->items.n; i += n) {
		for (n = 1; i + n < w->items.n && compare_items(&w->items.at[i], &w->items.at[i + n]) == 0; n++)
			;
		if (visit(w, &w->items.at[i], n) < 0)
			return -1;
	}
	return 0;
}

static int freeze(struct walk *w)
{
	struct prog_build *b = w->b;
	struct prog *g = b->g;

	g->lpm = lpm_new(w->entries.at, w->entries.n, 0, g->arena);
	if (!g->lpm)
		return out_of_memory(b);
	g->leaves = prog_alloc(b, w->leaves.n, sizeof(*g->leaves));
	if (!g->leaves || !pool_spend(&b->budget, lpm_bytes(g->lpm)))
		return prog_too_big(b);
	g->n_leaves = w->leaves.n;
	for (uint32_t i = 0; i < w->leaves.n; i++)
		g->leaves[i] = leaf_at(w, i);
	for (unsigned s = 0; s < PROG_SIDES; s++)
		g->n_joint_hosts[s] = b->joint_hosts[s].n;
	return 0;
}

int prog_hosts(struct prog_build *b)
{
	struct walk w = { .b = b };
	int rc = walk(&w) < 0 ? -1 : freeze(&w);

	VEC_FREE(&w.items);
	VEC_FREE(&w.stack);
	VEC_FREE(&w.entries);
	pool_fini(&w.leaves);
	free(w.hosts);
	return rc;
}
