/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bounds ident: caps, routers, forgetting, facts. */
#include "unit/ident/steps.h"

START_TEST(test_addresses_per_mac)
{
	char addr[32];

	for (int i = 0; i < 4; i++) {
		snprintf(addr, sizeof(addr), "10.20.3.%d", i + 1);
		settle("cam0", AXIS "10", addr);
	}
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.3.5"), IDENT_REFUSED);
	take_facts();
	ck_assert_ptr_nonnull(fact(IDENT_CAPPED));
	claim("cam0", AXIS "10", "10.20.3.6");
	take_facts();
	ck_assert_uint_eq(n_facts, 0);                  /* told once a minute */
	for (int i = 0; i < 100; i++) {
		snprintf(addr, sizeof(addr), "fd00:20::%x", i + 0x100);
		settle("cam0", AXIS "10", addr);
	}
	ck_assert_int_eq(claim("cam0", AXIS "10", "fd00:20::9999"), IDENT_REFUSED);
	/* What another MAC took over is no longer counted. */
	claim("cam0", AXIS "11", "10.20.3.1");
	silence();
	probe();
	answer("cam0", AXIS "11", "10.20.3.1");
	settle("cam0", AXIS "10", "10.20.3.10");
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.3.5"), IDENT_REFUSED);
	claim("cam0", AXIS "10", "10.20.3.1");
	/* What was unseen for a day makes room; what is alive does not. */
	now += S(23 * 3600);
	for (int i = 1; i < 5; i++) {
		snprintf(addr, sizeof(addr), "10.20.3.%d", i < 4 ? i + 1 : 10);
		ck_assert_int_eq(claim("cam0", AXIS "10", addr), IDENT_HOLDS);
	}
	now += S(2 * 3600);
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.3.5"), IDENT_REFUSED);
	ck_assert_int_eq(claim("cam0", AXIS "10", "fd00:20::9999"), IDENT_ASKED);
	take_facts();
	ck_assert_ptr_nonnull(fact(IDENT_UNBOUND));
}
END_TEST

/* A device at its limit takes another address: of its old ones those that were silent for an hour are asked, one at a time. */
START_TEST(test_silent_addresses_make_room)
{
	settle("cam0", AXIS "10", "10.20.1.4");         /* listed: never asked for room */
	for (int i = 1; i < 4; i++) {
		char addr[32];

		now += S(60);
		snprintf(addr, sizeof(addr), "10.20.3.%d", i);
		settle("cam0", AXIS "10", addr);
	}
	now += S(3000);
	take_facts();
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.3.9"), IDENT_REFUSED);
	ck_assert_str_eq(probe(), "");                  /* none was silent for long */
	take_facts();
	ck_assert_ptr_nonnull(fact(IDENT_CAPPED));
	now += S(3600);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.3.9"), IDENT_REFUSED);
	ck_assert_str_eq(probe(), "cam0 " AXIS "10 10.20.3.1");
	ck_assert_str_eq(probe(), "");
	answer("cam0", AXIS "10", "10.20.3.1");         /* it keeps its place */
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.3.9"), IDENT_REFUSED);
	ck_assert_str_eq(probe(), "cam0 " AXIS "10 10.20.3.2");
	now += S(1);
	ck_assert_str_eq(probe(), "cam0 " AXIS "10 10.20.3.2");
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.3.9"), IDENT_REFUSED);
	now += S(1);
	ck_assert_str_eq(probe(), "cam0 " AXIS "10 10.20.3.2");
	now += S(1);
	ck_assert_str_eq(probe(), "");
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.3.2"), WHO_VERIFIED);          /* until its place is wanted */
	take_facts();
	ck_assert_uint_eq(n_facts, 0);
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.3.9"), IDENT_ASKED);
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.3.2"), WHO_NO_PROOF);
	ck_assert_str_eq(probe(), "cam0 " AXIS "10 10.20.3.9");
	answer("cam0", AXIS "10", "10.20.3.9");
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.3.9"), WHO_VERIFIED);
	take_facts();
	ck_assert_ptr_nonnull(fact(IDENT_UNBOUND));
	/* The third answers, too: then there is none to ask, for an hour. */
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.3.8"), IDENT_REFUSED);
	ck_assert_str_eq(probe(), "cam0 " AXIS "10 10.20.3.3");
	answer("cam0", AXIS "10", "10.20.3.3");
	now += S(3000);
	take_facts();
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.3.8"), IDENT_REFUSED);
	ck_assert_str_eq(probe(), "");
	take_facts();
	ck_assert_ptr_nonnull(fact(IDENT_CAPPED));
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.1.4"), WHO_VERIFIED);
}
END_TEST

/* What did not answer and was heard afterwards stays; another family's have nothing to do with it. */
START_TEST(test_heard_again_keeps_its_place)
{
	char addr[32];

	for (int i = 1; i < 5; i++) {
		snprintf(addr, sizeof(addr), "10.20.3.%d", i);
		settle("cam0", AXIS "10", addr);
	}
	settle("cam0", AXIS "10", "fd00:20::10");
	now += S(3700);
	claim("cam0", AXIS "10", "10.20.3.9");
	for (int i = 0; i < 4; i++, now += S(1))
		probe();
	for (int i = 1; i < 5; i++) {
		snprintf(addr, sizeof(addr), "10.20.3.%d", i);
		ck_assert_int_eq(claim("cam0", AXIS "10", addr), IDENT_HOLDS);
	}
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.3.9"), IDENT_REFUSED);
	ck_assert_str_eq(probe(), "");
	now += S(3700);
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.3.9"), IDENT_REFUSED);         /* it is asked again first */
	ck_assert_str_ne(probe(), "");
	ck_assert_int_eq(proof("cam0", AXIS "10", "fd00:20::10"), WHO_VERIFIED);
}
END_TEST

START_TEST(test_claims_make_room_for_claims)
{
	char addr[32];

	for (int i = 0; i < 4; i++) {
		snprintf(addr, sizeof(addr), "10.20.3.%d", i + 1);
		ck_assert_int_eq(claim("cam0", AXIS "10", addr), IDENT_ASKED);
	}
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.3.5"), IDENT_REFUSED);         /* they are being asked */
	for (int i = 0; i < 4; i++) {
		while (*probe())
			;
		now += S(1);
	}
	now += S(60);
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.3.5"), IDENT_ASKED);
}
END_TEST

START_TEST(test_new_macs_per_interface_and_minute)
{
	struct ident_limits limits = ident_defaults;
	struct err e = { 0 };

	ident_free(id);
	limits.macs_per_minute = 3;
	limits.macs = 20;
	id = ident_new(&limits, 1);
	ck_assert(!ident_set_policy(id, p, now, &e));
	for (int i = 0; i < 3; i++) {
		char mac[18];

		snprintf(mac, sizeof(mac), AXIS "%02x", 0x40 + i);
		ck_assert_int_eq(claim("cam0", mac, "10.20.0.40"), IDENT_ASKED);
	}
	take_facts();
	ck_assert_int_eq(claim("cam0", AXIS "44", "10.20.0.44"), IDENT_REFUSED);
	ck_assert_int_eq(claim("cam0", AXIS "45", "10.20.0.45"), IDENT_REFUSED);
	take_facts();
	ck_assert_uint_eq(n_facts, 1);
	ck_assert_int_eq(facts[0].kind, IDENT_CAPPED);
	ck_assert_int_eq(claim("cam1", AXIS "44", "10.20.0.44"), IDENT_ASKED);          /* each interface has its own */
	ck_assert_int_eq(claim("cam0", AXIS "02", "10.20.0.45"), IDENT_ASKED);          /* a listed one is not new */
	now += S(60);
	ck_assert_int_eq(claim("cam0", AXIS "46", "10.20.0.46"), IDENT_ASKED);
	/* Twenty in all, the listed four among them; with what was never proved forgotten there is room again. */
	for (int i = 0; i < 40; i++) {
		char mac[18];

		now += S(60);
		snprintf(mac, sizeof(mac), AXIS "%02x", 0x80 + i);
		claim("cam0", mac, "10.20.0.40");
	}
	ck_assert_int_eq(claim("cam0", AXIS "ff", "10.20.0.99"), IDENT_REFUSED);
	now += S(2 * 3600);
	while (*probe())
		now += S(1);
	ident_tick(id, now);
	ident_tick(id, now);
	ck_assert_int_eq(claim("cam0", AXIS "ff", "10.20.0.99"), IDENT_ASKED);
	ck_assert_uint_ne(device(AXIS "02"), 0);
	ck_assert_uint_eq(device(AXIS "80"), 0);
}
END_TEST

START_TEST(test_router)
{
	struct err e = { 0 };

	ck_assert_int_eq(claim("cam0", STRANGER "70", "192.0.2.1"), IDENT_REFUSED);
	claim("cam0", STRANGER "70", "192.0.2.2");
	take_facts();
	ck_assert_ptr_null(fact(IDENT_ROUTER));
	claim("cam0", STRANGER "70", "192.0.2.3");
	take_facts();
	ck_assert_ptr_nonnull(fact(IDENT_ROUTER));
	ck_assert(record(STRANGER "70").router);
	ck_assert_str_eq(probe(), "");                  /* nobody answers ARP for another network's address */
	ck_assert_int_eq(claim("cam0", STRANGER "70", "fe80::1"), IDENT_ASKED);         /* its own link address is at home */
	ck_assert_int_eq(claim("cam0", STRANGER "70", "10.20.0.70"), IDENT_ASKED);
	for (int i = 0; i < 50; i++) {
		char addr[32];

		snprintf(addr, sizeof(addr), "198.51.100.%d", i);
		claim("cam0", STRANGER "70", addr);
	}
	take_facts();
	ck_assert_uint_eq(n_facts, 0);
	ck_assert_uint_lt(ident_binding_places(id), 12);        /* bounded */
	/* Old addresses of other networks make no room for more of this one. */
	probe();
	probe();
	answer("cam0", STRANGER "70", "10.20.0.70");
	for (int i = 0; i < 3; i++) {
		char addr[32];

		snprintf(addr, sizeof(addr), "10.20.0.%d", 71 + i);
		settle("cam0", STRANGER "70", addr);
	}
	now += S(120);
	ck_assert_int_eq(claim("cam0", STRANGER "70", "10.20.0.74"), IDENT_REFUSED);
	/* A MAC seen with an address of a routed zone is that zone's router. */
	claim("cam0", HIK "71", "10.30.0.9");
	ck_assert(record(HIK "71").router);
	ck_assert(!record(HIK "71").sticky);            /* where the registry is not used */
	/* A reload may have given those networks a zone: it is found out again. */
	ck_assert(!ident_set_policy(id, p, now, &e));
	ck_assert(!record(STRANGER "70").router);
}
END_TEST

START_TEST(test_forgetting)
{
	settle("cam0", AXIS "10", "10.20.0.10");
	settle("cam0", HIK "11", "10.20.0.11");
	claim("cam0", AXIS "12", "10.20.0.12");
	while (*probe() || ident_next_due(id) <= now + S(5))
		now += S(1);
	now += S(3000);
	ident_tick(id, now);
	ck_assert_uint_ne(device(AXIS "12"), 0);
	now += S(700);
	ident_tick(id, now);
	ident_tick(id, now);
	ck_assert_uint_eq(device(AXIS "12"), 0);
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.0.10"), WHO_VERIFIED);
	now += S(31 * 86400);
	ident_tick(id, now);
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.0.10"), WHO_NO_PROOF);
	ident_tick(id, now);
	ck_assert_uint_ne(device(AXIS "10"), 0);        /* who was really there is remembered for a year */
	ck_assert(record(HIK "11").sticky);
	now += S(INT64_C(400) * 86400);
	ident_tick(id, now);
	ck_assert_uint_eq(device(AXIS "10"), 0);
	ck_assert_uint_ne(device(AXIS "01"), 0);        /* the listed stay */
}
END_TEST

/* One waits while the incumbent is asked; a reload pins the address to a third, and the one never speaks again. */
START_TEST(test_waiting_for_nobody)
{
	struct policy *before;
	char text[sizeof(site_text)];
	struct err e = { 0 };

	memcpy(text, site_text, sizeof(text));
	memcpy(strstr(text, "10.20.1.1,"), "10.20.2.1,", 10);
	before = site_policy(text);
	ck_assert(!ident_set_policy(id, before, now, &e));
	settle("cam0", AXIS "10", "10.20.1.1");
	ck_assert_int_eq(claim("cam0", AXIS "11", "10.20.1.1"), IDENT_ASKED);
	ck_assert(!ident_set_policy(id, p, now, &e));
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.1.1"), WHO_NO_PROOF);
	now += S(3700);
	ck_assert_str_eq(probe(), "");
	ident_tick(id, now);
	ident_tick(id, now);
	ck_assert_uint_eq(device(AXIS "11"), 0);
	policy_free(before);
}
END_TEST

START_TEST(test_facts_are_bounded)
{
	struct ident_limits limits = ident_defaults;
	struct ident_fact f;
	unsigned n = 0;

	ident_free(id);
	limits.macs_per_minute = 100000;
	id = ident_new(&limits, 1);
	for (unsigned i = 0; i < 5000; i++) {
		struct mac m = { { 0, 0x40, 0x8c, 1, (uint8_t)(i >> 8), (uint8_t)i } };
		struct addr a = addr_v4(0x0a140000 + i + 1);

		ident_claim(id, "cam0", &m, &a, now);
	}
	while (ident_next_fact(id, &f))
		n++;
	ck_assert_uint_eq(n, 4096);
	ck_assert_uint_eq(ident_facts_lost(id), 5000 - 4096);
}
END_TEST

int main(void)
{
	const TTest *const all[] = {
		test_addresses_per_mac,
		test_silent_addresses_make_room,
		test_heard_again_keeps_its_place,
		test_claims_make_room_for_claims,
		test_new_macs_per_interface_and_minute,
		test_router,
		test_forgetting,
		test_waiting_for_nobody,
		test_facts_are_bounded,
	};

	return steps_run("bounds", all, sizeof(all) / sizeof(*all));
}
