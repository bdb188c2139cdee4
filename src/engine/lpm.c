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
	struct branch *branches;
	struct leap *leaps;
	size_t bytes;
};

struct making {
	struct lpm *l;
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

static uint32_t build(struct making *m, struct range r, unsigned depth, uint32_t inherited, bool *ok);

/* Fill the 2^bits slots of one node from entries that are longer than depth. */
static void fill(struct making *m, struct range r, unsigned depth, unsigned bits, uint32_t *slots, bool *ok)
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
		slots[slot] = build(m, (struct range){ r.at + i, n }, end, slots[slot], ok);
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

static uint32_t leap_to(struct making *m, struct range r, unsigned depth, unsigned deeper, uint32_t inherited, bool *ok)
{
	struct leap leap = { .mask = mask_of(depth, deeper), .otherwise = inherited, .depth = deeper };
	struct key k = key_of(&r.at[0].prefix.addr);

	leap.bits = (struct key){ k.hi & leap.mask.hi, k.lo & leap.mask.lo };
	leap.then = build(m, r, deeper, inherited, ok);
	*ok = *ok && VEC_PUSH(&m->leaps, leap);
	return *ok ? LEAP | (uint32_t)(m->leaps.n - 1) : inherited;
}

/* True recursion: at most 29 deep. */
static uint32_t build(struct making *m, struct range r, unsigned depth, uint32_t inherited, bool *ok)
{
	unsigned deeper = branch_depth(r);
	struct branch b;

	if (deeper > depth)
		return leap_to(m, r, depth, deeper, inherited, ok);
	for (unsigned i = 0; i < 1U << STRIDE; i++)
		b.slot[i] = inherited;
	fill(m, r, depth, STRIDE, b.slot, ok);
	*ok = *ok && VEC_PUSH(&m->branches, b);
	return *ok ? BRANCH | (uint32_t)(m->branches.n - 1) : inherited;
}

static bool build_root(struct making *m, unsigned family, struct range r, uint32_t otherwise, struct arena *a)
{
	uint32_t *root = arena_array(a, (size_t)1 << ROOT_BITS, uint32_t);
	bool ok = root != NULL;
	size_t skip = 0;

	if (!ok)
		return false;
	while (skip < r.n && r.at[skip].prefix.len == 0)
		otherwise = r.at[skip++].value;
	for (size_t i = 0; i < (size_t)1 << ROOT_BITS; i++)
		root[i] = otherwise;
	m->l->root[family == 6] = root;
	fill(m, (struct range){ r.at + skip, r.n - skip }, 0, ROOT_BITS, root, &ok);
	return ok;
}

static bool freeze(struct making *m, struct arena *a)
{
	struct lpm *l = m->l;

	l->branches = arena_aligned(a, m->branches.at, m->branches.n * sizeof(*l->branches));
	l->leaps = arena_memdup(a, m->leaps.at, m->leaps.n * sizeof(*l->leaps));
	l->bytes = sizeof(*l) + 2 * (sizeof(uint32_t) << ROOT_BITS) + m->branches.n * sizeof(*l->branches) +
		   m->leaps.n * sizeof(*l->leaps);
	return l->branches && l->leaps;
}

struct lpm *lpm_new(const struct lpm_entry *entries, size_t n, uint32_t otherwise, struct arena *a)
{
	struct making m = { .l = arena_new_of(a, struct lpm) };
	size_t v4 = 0;
	bool ok;

	if (!m.l)
		return NULL;
	m.l->otherwise = otherwise;
	while (v4 < n && entries[v4].prefix.addr.family == 4)
		v4++;
	ok = build_root(&m, 4, (struct range){ entries, v4 }, otherwise, a) &&
	     build_root(&m, 6, (struct range){ entries + v4, n - v4 }, otherwise, a) && freeze(&m, a);
	VEC_FREE(&m.branches);
	VEC_FREE(&m.leaps);
	return ok ? m.l : NULL;
}

/* What stands in a branch or leap for that key. */
static inline uint32_t step(const struct lpm *l, uint32_t ref, const uint64_t key[2], unsigned *depth)
{
	const struct leap *leap;
	uint64_t differ;
	unsigned at = *depth;

	if (ref & BRANCH) {
		*depth = at + STRIDE;
		return l->branches[VALUE(ref)].slot[key[at / 64] >> (60 - at) % 64 & 15];
	}
	leap = &l->leaps[VALUE(ref)];
	differ = ((key[0] & leap->mask.hi) ^ leap->bits.hi) | ((key[1] & leap->mask.lo) ^ leap->bits.lo);
	*depth = leap->depth;
	return differ ? leap->otherwise : leap->then;
}

static inline uint32_t begin(const struct lpm *l, const struct addr *a, uint64_t key[2])
{
	struct key k = key_of(a);

	key[0] = k.hi;
	key[1] = k.lo;
	return a->family ? l->root[a->family == 6][k.hi >> 48] : l->otherwise;
}

uint32_t lpm_find(const struct lpm *l, const struct addr *a)
{
	unsigned depth = ROOT_BITS;
	uint64_t key[2];
	uint32_t ref = begin(l, a, key);

	while (ref >> KIND)
		ref = step(l, ref, key, &depth);
	return ref;
}

/* Whether one is found yet depends on chance, so that is no branch.  open: reference, depth and place of each that is not. */
void lpm_find_many(const struct lpm *l, const struct addr *const addrs[], unsigned n, uint32_t *ret)
{
	uint64_t keys[LPM_MANY][2], open[LPM_MANY];
	unsigned left = 0;

	for (unsigned i = 0; i < n; i++) {
		ret[i] = begin(l, addrs[i], keys[i]);
		open[left] = (uint64_t)ret[i] << 32 | ROOT_BITS << 8 | i;
		left += ret[i] >> KIND != 0;
	}
	while (left) {
		const unsigned before = left;

		left = 0;
		for (unsigned i = 0; i < before; i++) {
			const unsigned at = open[i] & 0xff;
			unsigned depth = open[i] >> 8 & 0xff;
			const uint32_t ref = step(l, (uint32_t)(open[i] >> 32), keys[at], &depth);

			ret[at] = ref;
			open[left] = (uint64_t)ref << 32 | depth << 8 | at;
			left += ref >> KIND != 0;
		}
	}
}

size_t lpm_bytes(const struct lpm *l)
{
	return l->bytes;
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

static void arrive(struct tour *t, struct key at, uint32_t value)
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
		arrive(t, at, ref);
		return;
	}
	if (ref & BRANCH) {
		for (uint64_t i = 0; i < 1U << STRIDE; i++) {
			then = depth < 64 ? (struct key){ at.hi | i << (60 - depth), at.lo } :
			       (struct key){ at.hi, at.lo | i << (124 - depth) };
			tour(t, t->l->branches[VALUE(ref)].slot[i], then, depth + STRIDE);
		}
		return;
	}
	leap = &t->l->leaps[VALUE(ref)];
	then = (struct key){ at.hi | leap->bits.hi, at.lo | leap->bits.lo };
	if (leap->bits.hi || leap->bits.lo)
		arrive(t, at, leap->otherwise);
	tour(t, leap->then, then, leap->depth);
	all = mask_of(depth, 128);
	end = mask_of(leap->depth, 128);
	end = (struct key){ then.hi | end.hi, then.lo | end.lo };
	if (end.hi != (at.hi | all.hi) || end.lo != (at.lo | all.lo))
		arrive(t, (struct key){ end.hi + (end.lo == UINT64_MAX), end.lo + 1 }, leap->otherwise);
}

bool lpm_each(const struct lpm *l, uint8_t family, lpm_visit visit, void *ctx)
{
	struct tour t = { .l = l, .family = family, .visit = visit, .ctx = ctx, .ok = true };

	for (uint64_t i = 0; i < 1U << ROOT_BITS; i++)
		tour(&t, l->root[family == 6][i], (struct key){ i << 48, 0 }, ROOT_BITS);
	tell(&t, (struct key){ UINT64_MAX, UINT64_MAX });
	return t.ok;
}
