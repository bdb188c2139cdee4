/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reference is a value, a branch (16 references, one cache line) or a leap: "all of these bits, then go on there; else this
 * value".  Values of shorter prefixes are pushed down while building, so that the first value met is the answer. */
#include "engine/lpm.h"

#include <string.h>

#include "base/vec.h"

enum { ROOT_BITS = 16, STRIDE = 4, KIND = 30 };
#define VALUE(ref) ((ref) & (LPM_VALUES - 1U))
#define BRANCH (1U << KIND)
#define LEAP (2U << KIND)

struct key {
	uint64_t hi, lo;
};

struct branch {
	uint32_t slot[1 << STRIDE];
};

struct leap {
	struct key bits, mask;
	uint32_t then, otherwise;
	uint32_t depth;         /* of then */
};

struct lpm {
	uint32_t *root[2];      /* by family: 4, 6 */
	uint32_t otherwise;
	VEC(struct branch) branches;
	VEC(struct leap) leaps;
};

static struct key key_of(const struct addr *a)
{
	struct key k;

	memcpy(&k.hi, a->b, sizeof(k.hi));
	memcpy(&k.lo, a->b + 8, sizeof(k.lo));
	k.hi = __builtin_bswap64(k.hi);
	k.lo = __builtin_bswap64(k.lo);
	return k;
}

static unsigned nibble(struct key k, unsigned depth)
{
	return (depth < 64 ? k.hi >> (60 - depth) : k.lo >> (124 - depth)) & 15;
}

static unsigned common_bits(struct key a, struct key b)
{
	if (a.hi != b.hi)
		return (unsigned)__builtin_clzll(a.hi ^ b.hi);
	return a.lo != b.lo ? 64 + (unsigned)__builtin_clzll(a.lo ^ b.lo) : 128;
}

static struct key mask_of(unsigned from, unsigned to)
{
	struct key m = { 0 };

	for (unsigned i = from; i < to; i++) {
		if (i < 64)
			m.hi |= UINT64_C(1) << (63 - i);
		else
			m.lo |= UINT64_C(1) << (127 - i);
	}
	return m;
}

int lpm_compare(const struct prefix *a, const struct prefix *b)
{
	int c = addr_compare(&a->addr, &b->addr);

	return c ? c : (a->len > b->len) - (a->len < b->len);
}

struct range {
	const struct lpm_entry *at;
	size_t n;
};

static uint32_t build(struct lpm *l, struct range r, unsigned depth, uint32_t inherited, bool *ok);

/* Fill the 2^bits slots of one node from entries that are longer than depth. */
static void fill(struct lpm *l, struct range r, unsigned depth, unsigned bits, uint32_t *slots, bool *ok)
{
	const unsigned end = depth + bits;

	for (size_t i = 0; i < r.n && *ok;) {
		struct key k = key_of(&r.at[i].prefix.addr);
		size_t slot = bits == ROOT_BITS ? k.hi >> 48 : nibble(k, depth), n = 1;

		if (r.at[i].prefix.len <= end) {
			for (size_t s = 0; s < (size_t)1 << (end - r.at[i].prefix.len); s++)
				slots[slot + s] = r.at[i].value;
			i++;
			continue;
		}
		while (i + n < r.n && common_bits(k, key_of(&r.at[i + n].prefix.addr)) >= end)
			n++;
		slots[slot] = build(l, (struct range){ r.at + i, n }, end, slots[slot], ok);
		i += n;
	}
}

/* How deep the first branch under depth is: no entry ends before it. */
static unsigned branch_depth(struct range r)
{
	struct key first = key_of(&r.at[0].prefix.addr);
	unsigned d = common_bits(first, key_of(&r.at[r.n - 1].prefix.addr));

	for (size_t i = 0; i < r.n; i++)
		d = d < r.at[i].prefix.len - 1U ? d : r.at[i].prefix.len - 1U;
	return d / STRIDE * STRIDE;
}

static uint32_t leap_to(struct lpm *l, struct range r, unsigned depth, unsigned deeper, uint32_t inherited, bool *ok)
{
	struct leap leap = { .mask = mask_of(depth, deeper), .otherwise = inherited, .depth = deeper };
	struct key k = key_of(&r.at[0].prefix.addr);

	leap.bits = (struct key){ k.hi & leap.mask.hi, k.lo & leap.mask.lo };
	leap.then = build(l, r, deeper, inherited, ok);
	*ok = *ok && VEC_PUSH(&l->leaps, leap);
	return *ok ? LEAP | (uint32_t)(l->leaps.n - 1) : inherited;
}

/* True recursion: at most 29 deep. */
static uint32_t build(struct lpm *l, struct range r, unsigned depth, uint32_t inherited, bool *ok)
{
	unsigned deeper = branch_depth(r);
	struct branch b;

	if (deeper > depth)
		return leap_to(l, r, depth, deeper, inherited, ok);
	for (unsigned i = 0; i < 1U << STRIDE; i++)
		b.slot[i] = inherited;
	fill(l, r, depth, STRIDE, b.slot, ok);
	*ok = *ok && VEC_PUSH(&l->branches, b);
	return *ok ? BRANCH | (uint32_t)(l->branches.n - 1) : inherited;
}

static bool build_root(struct lpm *l, unsigned family, struct range r, uint32_t otherwise)
{
	uint32_t *root = malloc(sizeof(*root) << ROOT_BITS);
	bool ok = root != NULL;
	size_t skip = 0;

	if (!ok)
		return false;
	while (skip < r.n && r.at[skip].prefix.len == 0)
		otherwise = r.at[skip++].value;
	for (size_t i = 0; i < (size_t)1 << ROOT_BITS; i++)
		root[i] = otherwise;
	l->root[family == 6] = root;
	fill(l, (struct range){ r.at + skip, r.n - skip }, 0, ROOT_BITS, root, &ok);
	return ok;
}

struct lpm *lpm_new(const struct lpm_entry *entries, size_t n, uint32_t otherwise)
{
	AUTO(lpm) l = calloc(1, sizeof(*l));
	size_t v4 = 0;

	if (!l)
		return NULL;
	l->otherwise = otherwise;
	while (v4 < n && entries[v4].prefix.addr.family == 4)
		v4++;
	if (!build_root(l, 4, (struct range){ entries, v4 }, otherwise) ||
	    !build_root(l, 6, (struct range){ entries + v4, n - v4 }, otherwise))
		return NULL;
	return TAKE(l);
}

void lpm_free(struct lpm *l)
{
	if (!l)
		return;
	free(l->root[0]);
	free(l->root[1]);
	VEC_FREE(&l->branches);
	VEC_FREE(&l->leaps);
	free(l);
}

uint32_t lpm_find(const struct lpm *l, const struct addr *a)
{
	struct key k = key_of(a);
	unsigned depth = ROOT_BITS;
	uint32_t ref;

	if (!a->family)
		return l->otherwise;
	ref = l->root[a->family == 6][k.hi >> 48];
	while (ref >> KIND) {
		if (ref & BRANCH) {
			ref = l->branches.at[VALUE(ref)].slot[nibble(k, depth)];
			depth += STRIDE;
		} else {
			const struct leap *leap = &l->leaps.at[VALUE(ref)];
			uint64_t differ = ((k.hi & leap->mask.hi) ^ leap->bits.hi) | ((k.lo & leap->mask.lo) ^ leap->bits.lo);

			ref = differ ? leap->otherwise : leap->then;
			depth = leap->depth;
		}
	}
	return ref;
}

size_t lpm_bytes(const struct lpm *l)
{
	return sizeof(*l) + 2 * (sizeof(uint32_t) << ROOT_BITS) + l->branches.cap * sizeof(struct branch) +
	       l->leaps.cap * sizeof(struct leap);
}

/* An interval is told when the next value begins. */
struct tour {
	const struct lpm *l;
	uint8_t family;
	lpm_visit visit;
	void *ctx;
	struct key lo;          /* where value began */
	uint32_t value;
	bool any, ok;
};

static struct addr addr_of(uint8_t family, struct key k)
{
	struct addr a = { .family = family };

	k.hi = __builtin_bswap64(k.hi);
	k.lo = __builtin_bswap64(k.lo);
	memcpy(a.b, &k.hi, family == 4 ? 4 : sizeof(k.hi));
	if (family == 6)
		memcpy(a.b + 8, &k.lo, sizeof(k.lo));
	return a;
}

static void tell(struct tour *t, struct key hi)
{
	const struct addr lo = addr_of(t->family, t->lo), last = addr_of(t->family, hi);

	t->ok = t->ok && t->visit(t->ctx, &lo, &last, t->value);
}

static void begin(struct tour *t, struct key at, uint32_t value)
{
	if (t->any && value == t->value)
		return;
	if (t->any)
		tell(t, (struct key){ at.hi - !at.lo, at.lo - 1 });
	t->any = true;
	t->lo = at;
	t->value = value;
}

/* True recursion: as deep as build. */
static void tour(struct tour *t, uint32_t ref, struct key at, unsigned depth)
{
	const struct leap *leap;
	struct key then, end, all;

	if (!(ref >> KIND)) {
		begin(t, at, ref);
		return;
	}
	if (ref & BRANCH) {
		for (uint64_t i = 0; i < 1U << STRIDE; i++) {
			then = depth < 64 ? (struct key){ at.hi | i << (60 - depth), at.lo } :
			       (struct key){ at.hi, at.lo | i << (124 - depth) };
			tour(t, t->l->branches.at[VALUE(ref)].slot[i], then, depth + STRIDE);
		}
		return;
	}
	leap = &t->l->leaps.at[VALUE(ref)];
	then = (struct key){ at.hi | leap->bits.hi, at.lo | leap->bits.lo };
	if (leap->bits.hi || leap->bits.lo)
		begin(t, at, leap->otherwise);
	tour(t, leap->then, then, leap->depth);
	all = mask_of(depth, 128);
	end = mask_of(leap->depth, 128);
	end = (struct key){ then.hi | end.hi, then.lo | end.lo };
	if (end.hi != (at.hi | all.hi) || end.lo != (at.lo | all.lo))
		begin(t, (struct key){ end.hi + (end.lo == UINT64_MAX), end.lo + 1 }, leap->otherwise);
}

bool lpm_each(const struct lpm *l, uint8_t family, lpm_visit visit, void *ctx)
{
	struct tour t = { .l = l, .family = family, .visit = visit, .ctx = ctx, .ok = true };

	for (uint64_t i = 0; i < 1U << ROOT_BITS; i++)
		tour(&t, l->root[family == 6][i], (struct key){ i << 48, 0 }, ROOT_BITS);
	tell(&t, (struct key){ UINT64_MAX, UINT64_MAX });
	return t.ok;
}
