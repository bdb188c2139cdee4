/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Longest prefix match against looking at every prefix. */
#include "unit/suite.h"

#include <string.h>

#include "engine/lpm.h"

enum { MANY = 400 };

static struct lpm_entry entries[MANY];
static size_t n;
static uint64_t seed;
static struct arena *arena;

static uint32_t below(uint32_t limit)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((seed >> 33) % limit);
}

static void setup(void)
{
	arena = arena_new();
}

static void teardown(void)
{
	arena_free(arena);
}

static void add(const char *text, uint32_t value)
{
	bool host_bits;

	ck_assert(addr_prefix_parse(text, &entries[n].prefix, &host_bits));
	entries[n++].value = value;
}

static int compare(const void *a, const void *b)
{
	return lpm_compare(&((const struct lpm_entry *)a)->prefix, &((const struct lpm_entry *)b)->prefix);
}

/* Sorted, and of equal prefixes only one. */
static struct lpm *make(uint32_t otherwise)
{
	size_t kept = 0;
	struct lpm *l;

	qsort(entries, n, sizeof(*entries), compare);
	for (size_t i = 0; i < n; i++)
		if (!kept || compare(&entries[kept - 1], &entries[i]) != 0)
			entries[kept++] = entries[i];
	n = kept;
	l = lpm_new(entries, n, otherwise, arena);
	ck_assert_ptr_nonnull(l);
	return l;
}

static uint32_t slow(const struct addr *a, uint32_t otherwise)
{
	int best = -1;

	for (size_t i = 0; i < n; i++) {
		if (entries[i].prefix.len > best && addr_prefix_contains(&entries[i].prefix, a)) {
			best = entries[i].prefix.len;
			otherwise = entries[i].value;
		}
	}
	return otherwise;
}

static uint32_t find(const struct lpm *l, const char *text)
{
	struct addr a;

	ck_assert(addr_parse(text, &a));
	return lpm_find(l, &a);
}

START_TEST(nested)
{
	struct lpm *l;

	n = 0;
	add("0.0.0.0/0", 1);
	add("10.0.0.0/8", 2);
	add("10.20.0.0/16", 3);
	add("10.20.4.0/24", 4);
	add("10.20.4.7", 5);
	add("fd00::/16", 6);
	add("fd00:20::/64", 7);
	add("fd00:20::7", 8);
	l = make(99);
	ck_assert_uint_eq(find(l, "9.255.255.255"), 1);
	ck_assert_uint_eq(find(l, "10.0.0.0"), 2);
	ck_assert_uint_eq(find(l, "10.19.255.255"), 2);
	ck_assert_uint_eq(find(l, "10.20.3.255"), 3);
	ck_assert_uint_eq(find(l, "10.20.4.6"), 4);
	ck_assert_uint_eq(find(l, "10.20.4.7"), 5);
	ck_assert_uint_eq(find(l, "10.20.4.8"), 4);
	ck_assert_uint_eq(find(l, "fd00:1::"), 6);
	ck_assert_uint_eq(find(l, "fd00:20::6"), 7);
	ck_assert_uint_eq(find(l, "fd00:20::7"), 8);
	ck_assert_uint_eq(find(l, "fd00:20::8"), 7);
	ck_assert_uint_eq(find(l, "fd00:20:0:1::"), 6);
	ck_assert_uint_eq(find(l, "fe80::1"), 99);
}
END_TEST

START_TEST(empty_and_no_family)
{
	struct addr none = { 0 };
	struct lpm *l;

	n = 0;
	l = make(7);
	ck_assert_uint_eq(find(l, "1.2.3.4"), 7);
	ck_assert_uint_eq(find(l, "::"), 7);
	ck_assert_uint_eq(lpm_find(l, &none), 7);
}
END_TEST

static struct addr near(const struct prefix *p)
{
	struct addr a = below(2) ? p->addr : addr_prefix_last(p);
	unsigned bytes = addr_bits(&a) / 8, bit = below(addr_bits(&a));

	if (below(3) == 0)
		a.b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	if (below(3) == 0)
		a.b[bytes - 1]++;
	return a;
}

/* alike: so many bytes of all of them are; what comes then differs so much that wide branches are made.  0: hardly any do.
 * Values below limit: where they have 16 bits most branches are last ones. */
static void random_prefix(struct lpm_entry *e, unsigned alike, uint32_t limit)
{
	struct addr a = { .family = below(2) ? 4 : 6 };
	unsigned bits = addr_bits(&a);
	char text[ADDR_PREFIX_TEXT];
	bool host_bits;

	for (unsigned i = 0; i < bits / 8; i++)
		a.b[i] = (uint8_t)(!alike && below(4) ? 0x10 * below(3) : i < alike ? 0x2f : below(256));
	e->prefix = (struct prefix){ a, (uint8_t)(alike < bits / 8 ? 8 * alike + below(bits - 8 * alike + 1) : bits) };
	ck_assert(addr_prefix_parse(addr_prefix_text(&e->prefix, text, sizeof(text)), &e->prefix, &host_bits));
	e->value = below(limit);
}

struct tour {
	const struct lpm *l;
	struct addr next;
	uint32_t last;
	size_t n;
};

static struct addr behind(struct addr a)
{
	for (unsigned i = addr_bits(&a) / 8; i-- > 0 && !++a.b[i];)
		;
	return a;
}

/* They follow each other without a gap, each of one value, which its neighbours have not. */
static bool visit(void *ctx, const struct addr *lo, const struct addr *hi, uint32_t value)
{
	struct tour *t = ctx;

	ck_assert(addr_equal(lo, &t->next) && addr_compare(lo, hi) <= 0);
	ck_assert_uint_eq(lpm_find(t->l, lo), value);
	ck_assert_uint_eq(lpm_find(t->l, hi), value);
	ck_assert(t->n++ == 0 || value != t->last);
	for (size_t i = 0; i < n; i++) {
		const struct addr ends[2] = { entries[i].prefix.addr, addr_prefix_last(&entries[i].prefix) };

		for (unsigned k = 0; k < 2; k++)
			if (addr_compare(lo, &ends[k]) <= 0 && addr_compare(&ends[k], hi) <= 0)
				ck_assert_uint_eq(lpm_find(t->l, &ends[k]), value);
	}
	t->last = value;
	t->next = behind(*hi);
	return true;
}

static void tour(const struct lpm *l, uint8_t family)
{
	struct tour t = { .l = l, .next = { .family = family } };
	const struct addr first = t.next;

	ck_assert(lpm_each(l, family, visit, &t));
	ck_assert(addr_equal(&t.next, &first));         /* wrapped: the last address was told */
}

static void find_many(const struct lpm *l, unsigned k)
{
	const struct addr *addrs[LPM_MANY] = { NULL };
	struct addr a[LPM_MANY];
	uint32_t found[LPM_MANY + 1];

	for (unsigned i = 0; i < k; i++) {
		a[i] = below(40) ? near(&entries[below((uint32_t)n)].prefix) : (struct addr){ 0 };
		addrs[i] = &a[i];
	}
	found[k] = 77;
	lpm_find_many(l, addrs, k, found);
	for (unsigned i = 0; i < k; i++)
		ck_assert_uint_eq(found[i], lpm_find(l, &a[i]));
	ck_assert_uint_eq(found[k], 77);
}

static void try_random(unsigned alike, size_t many, uint32_t limit)
{
	struct lpm *l;

	for (n = 0; n < many && n < MANY; n++)
		random_prefix(&entries[n], alike, limit);
	l = make(5);
	for (unsigned i = 0; i < 4000; i++) {
		struct addr a = near(&entries[below((uint32_t)n)].prefix);

		ck_assert_uint_eq(lpm_find(l, &a), slow(&a, 5));
	}
	for (unsigned i = 0; i <= LPM_MANY; i++)
		find_many(l, i);
	tour(l, 4);
	tour(l, 6);
}

/* Nearly all too large for 16 bits; none; some. */
static const uint32_t limits[] = { LPM_VALUES, 1 << 16, 3 << 15 };
enum { LIMITS = sizeof(limits) / sizeof(*limits) };

START_TEST(random_ones)
{
	seed = (uint64_t)_i + 1;
	try_random(0, 1 + (size_t)_i * 8, limits[_i % LIMITS]);
}
END_TEST

START_TEST(crowded_ones)
{
	seed = (uint64_t)_i + 1;
	try_random(2 + (unsigned)_i / LIMITS, MANY, limits[_i % LIMITS]);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("lpm");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nested);
	tcase_add_test(tc, empty_and_no_family);
	tcase_add_loop_test(tc, random_ones, 0, 45);
	tcase_add_loop_test(tc, crowded_ones, 0, 14 * LIMITS);
	return suite_run(tc);
}
