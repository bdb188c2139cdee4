/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reference is a value, a branch (16 references, one cache line; 256 where most of the 16 would branch again) or a leap: "all
 * of these bits, then go on there; else this value".  Values of shorter prefixes are pushed down while building, so that the
 * first value met is the answer.
 * The reference of a branch says which bits it wants to see, so that a step needs no more than it and the address: of byte
 * AT all eight (WIDE), or four, which are the first ones (FIRST) or the last.
 * Behind most branches there is nothing but values of 16 bits: such a last one (LAST) takes half a cache line. */
#include "engine/lpm.h"

#include <string.h>

#include "base/vec.h"

enum { ROOT_BITS = 16, STRIDE = 4, SLOTS = 1 << STRIDE, WIDE_STRIDE = 8, WIDE_FROM = 12 /* of 16 that branch again */ };
#define WIDE (1U << 31)
#define BRANCH (1U << 30)
#define LEAP (1U << 29)         /* if it is no branch */
#define LAST (WIDE | BRANCH | LEAP)     /* of all kinds the greatest */
#define FIRST (1U << 28)
#define AT 24                   /* to 27 */
#define BRANCHES (1U << AT)     /* at most; last ones by halves */
#define IS_VALUE(ref) ((ref) < LEAP)
#define IS_OPEN(ref) ((ref) - LEAP < LAST - LEAP)       /* neither a value nor a last branch */
_Static_assert(LPM_VALUES == LEAP, "what is less is a value");

struct key {
	uint64_t hi, lo;
};

struct branch {
	union {
		uint32_t slot[SLOTS];
		uint16_t last[2][SLOTS];        /* two last ones */
	};
};

struct leap {
	struct key bits, mask;  /* as they lie in an address */
	uint32_t then, otherwise;
	uint32_t depth;         /* of then */
};

struct lpm {
	uint32_t *root[2];      /* by family: 4, 6 */
	uint32_t otherwise;
	struct branch *branches;        /* a wide one takes 16 */
	struct leap *leaps;
	size_t bytes;
};

struct making {
	struct lpm *l;
	VEC(struct branch) branches;
	VEC(struct leap) leaps;
	size_t half;            /* where the next last branch goes: odd: beside the one before */
};

static struct key in_address(const struct addr *a)
{
	struct key k;

	memcpy(&k.hi, a->b, sizeof(k.hi));
	memcpy(&k.lo, a->b + 8, sizeof(k.lo));
	return k;
}

/* From numbers to their order in an address, or back. */
static struct key swapped(struct key k)
{
	return (struct key){ __builtin_bswap64(k.hi), __builtin_bswap64(k.lo) };
}

static struct key key_of(const struct addr *a)
{
	return swapped(in_address(a));
}

/* Some bits of it, which are all in the one half or the other. */
static size_t bits_of(struct key k, unsigned depth, unsigned bits)
{
	const uint64_t half = depth < 64 ? k.hi : k.lo;

	return half >> (64 - bits - depth % 64) & ((UINT64_C(1) << bits) - 1);
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
		size_t slot = bits_of(k, depth, bits), n = 1;

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

	leap.bits = swapped((struct key){ k.hi & leap.mask.hi, k.lo & leap.mask.lo });
	leap.mask = swapped(leap.mask);
	leap.then = build(m, r, deeper, inherited, ok);
	*ok = *ok && VEC_PUSH(&m->leaps, leap);
	return *ok ? LEAP | (uint32_t)(m->leaps.n - 1) : inherited;
}

/* Would most of a narrow branch's slots branch again?  Then a wide one is hardly larger than all of them. */
static bool is_dense(struct range r, unsigned depth)
{
	unsigned last = SLOTS, slots = 0;

	for (size_t i = 0; i < r.n; i++) {
		const unsigned slot = (unsigned)bits_of(key_of(&r.at[i].prefix.addr), depth, STRIDE);

		if (r.at[i].prefix.len <= depth + STRIDE || slot == last)
			continue;
		last = slot;
		slots++;
	}
	return slots >= WIDE_FROM;
}

static bool push(struct making *m, const uint32_t *slots, unsigned n)
{
	struct branch b;
	bool ok = m->branches.n + n / SLOTS <= BRANCHES;

	for (unsigned i = 0; i < n && ok; i += SLOTS) {
		memcpy(b.slot, slots + i, sizeof(b.slot));
		ok = VEC_PUSH(&m->branches, b);
	}
	return ok;
}

static bool is_last(const uint32_t *slots)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (slots[i] > UINT16_MAX)
			return false;
	return true;
}

/* Returns its number, by halves. */
static uint32_t push_last(struct making *m, const uint32_t *slots, bool *ok)
{
	const size_t at = m->half % 2 ? m->half : 2 * m->branches.n;

	*ok = *ok && at < BRANCHES && (at % 2 || VEC_PUSH(&m->branches, (struct branch){ 0 }));
	for (unsigned i = 0; i < SLOTS && *ok; i++)
		m->branches.at[at / 2].last[at % 2][i] = (uint16_t)slots[i];
	m->half = at + 1;
	return (uint32_t)at;
}

/* True recursion: at most 29 deep. */
static uint32_t build(struct making *m, struct range r, unsigned depth, uint32_t inherited, bool *ok)
{
	const unsigned deeper = branch_depth(r);
	const bool wide = depth % WIDE_STRIDE == 0 && is_dense(r, depth);
	const unsigned bits = wide ? WIDE_STRIDE : STRIDE;
	uint32_t slots[1 << WIDE_STRIDE], kind = wide ? WIDE | BRANCH : BRANCH, at;

	if (deeper > depth)
		return leap_to(m, r, depth, deeper, inherited, ok);
	for (unsigned i = 0; i < 1U << bits; i++)
		slots[i] = inherited;
	fill(m, r, depth, bits, slots, ok);
	if (!wide && is_last(slots)) {
		kind = LAST;
		at = push_last(m, slots, ok);
	} else {
		*ok = *ok && push(m, slots, 1U << bits);
		at = (uint32_t)(m->branches.n - (1U << bits) / SLOTS);
	}
	if (!wide && depth % WIDE_STRIDE == 0)
		kind |= FIRST;
	return *ok ? kind | depth / 8 << AT | at : inherited;
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

/* What stands in a branch or leap for that address; in a last branch: last. */
static inline uint32_t step(const struct lpm *l, uint32_t ref, const struct addr *a)
{
	const struct leap *leap;
	uint32_t differs;
	struct key k;

	if (ref & BRANCH) {
		const uint32_t *slots = l->branches[ref % BRANCHES].slot;
		const uint32_t seen = ref & WIDE ? UINT8_MAX : SLOTS - 1, shift = ref & FIRST ? STRIDE : 0;

		return slots[a->b[ref >> AT & 15] >> shift & seen];
	}
	leap = &l->leaps[ref % LEAP];
	k = in_address(a);
	differs = (((k.hi & leap->mask.hi) ^ leap->bits.hi) | ((k.lo & leap->mask.lo) ^ leap->bits.lo)) != 0;
	return leap->then ^ ((leap->then ^ leap->otherwise) & -differs);
}

static inline const uint16_t *last_slots(const struct lpm *l, uint32_t ref)
{
	return l->branches->last[0] + (size_t)(ref % BRANCHES) * SLOTS;
}

static inline uint32_t last(const struct lpm *l, uint32_t ref, const struct addr *a)
{
	const uint32_t shift = ref & FIRST ? STRIDE : 0;

	return last_slots(l, ref)[a->b[ref >> AT & 15] >> shift & (SLOTS - 1)];
}

static inline uint32_t begin(const struct lpm *l, const struct addr *a)
{
	return a->family ? l->root[a->family == 6][a->b[0] << 8 | a->b[1]] : l->otherwise;
}

uint32_t lpm_find(const struct lpm *l, const struct addr *a)
{
	uint32_t ref = begin(l, a);

	while (IS_OPEN(ref))
		ref = step(l, ref, a);
	return IS_VALUE(ref) ? ref : last(l, ref, a);
}

/* Whether one is found yet depends on chance, so that is no branch.  open: which are not; ends: which are but for a last branch. */
void lpm_find_many(const struct lpm *l, const struct addr *const addrs[], unsigned n, uint32_t *ret)
{
	uint32_t open[LPM_MANY + 1], ends[LPM_MANY + 1];
	unsigned left = 0, ending = 0;

	for (unsigned i = 0; i < n; i++) {
		const uint32_t ref = ret[i] = begin(l, addrs[i]);

		open[left] = ends[ending] = i;
		left += IS_OPEN(ref);
		ending += ref >= LAST;
	}
	while (left) {
		const unsigned before = left;

		left = 0;
		for (unsigned i = 0; i < before; i++) {
			const uint32_t at = open[i], ref = ret[at] = step(l, ret[at], addrs[at]);

			__builtin_prefetch(last_slots(l, ref));         /* or for nothing */
			open[left] = ends[ending] = at;
			left += IS_OPEN(ref);
			ending += ref >= LAST;
		}
	}
	for (unsigned i = 0; i < ending; i++)
		ret[ends[i]] = last(l, ret[ends[i]], addrs[ends[i]]);
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

	k = swapped(k);
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

static void tour(struct tour *t, uint32_t ref, struct key at, unsigned depth);

static void tour_branch(struct tour *t, uint32_t ref, struct key at, unsigned depth)
{
	const unsigned bits = ref & WIDE && ref < LAST ? WIDE_STRIDE : STRIDE, end = depth + bits;
	const uint16_t *values = ref < LAST ? NULL : last_slots(t->l, ref);
	const uint32_t *slots = values ? NULL : t->l->branches[ref % BRANCHES].slot;

	for (uint64_t i = 0; i < 1U << bits; i++) {
		const struct key then = depth < 64 ? (struct key){ at.hi | i << (64 - end), at.lo } :
					(struct key){ at.hi, at.lo | i << (128 - end) };

		tour(t, values ? values[i] : slots[i], then, end);
	}
}

/* True recursion: as deep as build. */
static void tour(struct tour *t, uint32_t ref, struct key at, unsigned depth)
{
	const struct leap *leap;
	struct key bits, then, end, all;

	if (IS_VALUE(ref)) {
		arrive(t, at, ref);
		return;
	}
	if (ref & BRANCH) {
		tour_branch(t, ref, at, depth);
		return;
	}
	leap = &t->l->leaps[ref % LEAP];
	bits = swapped(leap->bits);
	then = (struct key){ at.hi | bits.hi, at.lo | bits.lo };
	if (bits.hi || bits.lo)
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
