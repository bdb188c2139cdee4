/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zones of addresses against looking at every network of every zone. */
#include "ident/zones.h"

#include "policy/policy.h"
#include "unit/suite.h"

enum { ZONES = 30, NETS = 6 };

static struct prefix nets[ZONES][NETS];
static struct policy_zone of[ZONES];
static struct policy p = { .zones = of, .n_zones = ZONES };

static uint64_t seed = 1;

static uint32_t below(uint32_t limit)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((seed >> 33) % limit);
}

/* Close together, so that many lie inside each other. */
static struct addr any_addr(void)
{
	struct addr a = { .family = below(2) ? 4 : 6 };

	for (unsigned i = 0; i < addr_bits(&a) / 8; i++)
		a.b[i] = (uint8_t)(below(4) ? 0 : below(3) << 6 | below(2));
	return a;
}

static bool is_taken(const struct prefix *n, uint32_t zones)
{
	for (uint32_t z = 0; z <= zones && z < ZONES; z++)
		for (uint32_t i = 0; i < of[z].n_nets; i++)
			if (of[z].nets[i].len == n->len && addr_equal(&of[z].nets[i].addr, &n->addr))
				return true;
	return false;
}

static struct prefix any_net(void)
{
	struct prefix n = { .addr = any_addr() };

	n.len = (uint8_t)below(addr_bits(&n.addr) + 1);
	for (unsigned i = n.len; i < addr_bits(&n.addr); i++)
		n.addr.b[i / 8] &= (uint8_t)~(0x80 >> i % 8);
	return n;
}

static uint32_t slow(const struct addr *a)
{
	uint32_t found = UINT32_MAX;
	int best = -1;

	for (uint32_t z = 0; z < ZONES; z++) {
		for (uint32_t i = 0; i < of[z].n_nets; i++) {
			if (of[z].nets[i].len > best && addr_prefix_contains(&of[z].nets[i], a)) {
				best = of[z].nets[i].len;
				found = z;
			}
		}
	}
	return found;
}

START_TEST(finds_the_longest)
{
	struct zones *zones;

	seed = (uint64_t)_i;
	for (uint32_t z = 0; z < ZONES; z++) {
		of[z] = (struct policy_zone){ .nets = nets[z] };
		for (uint32_t i = 0; i < NETS; i++) {
			nets[z][i] = any_net();
			if (!is_taken(&nets[z][i], z))
				nets[z][of[z].n_nets++] = nets[z][i];
		}
	}
	zones = zones_new(&p);
	ck_assert_ptr_nonnull(zones);
	for (unsigned i = 0; i < 2000; i++) {
		const struct addr a = any_addr();

		ck_assert_uint_eq(zones_find(zones, &a), slow(&a));
	}
	zones_free(zones);
}
END_TEST

START_TEST(none)
{
	struct policy empty = { .n_zones = 0 };
	const struct addr a = addr_v4(1), no = { 0 };
	struct zones *zones = zones_new(&empty);

	ck_assert_uint_eq(zones_find(zones, &a), UINT32_MAX);
	ck_assert_uint_eq(zones_find(zones, &no), UINT32_MAX);
	ck_assert(!zones_routed(zones, &a));
	zones_free(zones);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("zones");

	tcase_add_loop_test(tc, finds_the_longest, 0, 20);
	tcase_add_test(tc, none);
	return suite_run(tc);
}
