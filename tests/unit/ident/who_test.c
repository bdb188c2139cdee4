/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frozen view: listings, pins, proofs, routed zones, with and without what was learnt; 100,000 devices. */
#include "ident/ident.h"
#include "ident/who.h"
#include "unit/ident/site.h"

enum { CAM0, CAM1, CORE0 };
#define T0 (INT64_C(1800000000) * NOW_NS_PER_S)

static struct policy *p;
static struct ident *id;
static struct who *w;

static void setup(void)
{
	p = site_policy(site_text);
	id = ident_new(NULL, 42);
	w = NULL;
}

static void teardown(void)
{
	who_free(w);
	ident_free(id);
	policy_free(p);
}

static void build(bool learnt)
{
	struct err e = { 0 };

	who_free(w);
	w = NULL;
	ck_assert_msg(!who_build(p, learnt ? id : NULL, &w, &e), "%s", e.msg);
}

static struct who_id source(uint32_t iface, const char *mac, const char *addr)
{
	struct addr a = site_addr(addr);
	struct mac m = site_mac(mac ? mac : "00:00:00:00:00:01");

	return who_source(w, iface, mac ? &m : NULL, &a);
}

static struct who_id address(uint32_t iface, const char *addr)
{
	struct addr a = site_addr(addr);

	return who_address(w, iface, &a);
}

static uint32_t device(const char *name)
{
	for (uint32_t i = 0; i < p->n_devices; i++)
		if (!strcmp(p->devices[i].name, name))
			return i;
	ck_abort_msg("no device %s", name);
	return 0;
}

static const char *maker(uint32_t m)
{
	return m == WHO_NONE ? "" : p->makers[m].name;
}

static void learn(const char *iface, const char *mac, const char *addr, int64_t when)
{
	struct mac m = site_mac(mac);
	struct addr a = site_addr(addr);
	struct ident_probe probe;

	ident_claim(id, iface, &m, &a, when);
	while (ident_next_probe(id, when, &probe))
		;
	ident_answered(id, iface, &m, &a, when);
}

START_TEST(test_the_policy_alone)
{
	build(false);
	ck_assert_uint_eq(source(CAM0, AXIS "01", "10.20.1.1").listed, device("pinned"));
	ck_assert_uint_eq(source(CAM0, AXIS "01", "10.20.1.1").proof, WHO_PINNED);
	ck_assert_uint_eq(source(CAM1, AXIS "01", "fd00:20::1:1").proof, WHO_PINNED);
	ck_assert_uint_eq(source(WHO_NONE, AXIS "01", "10.20.1.1").proof, WHO_PINNED);
	ck_assert_uint_eq(source(CORE0, AXIS "01", "10.20.1.1").proof, WHO_NO_PROOF);
	ck_assert_uint_eq(source(CAM0, AXIS "01", "10.20.9.9").proof, WHO_NO_PROOF);
	ck_assert_uint_eq(source(CAM0, AXIS "01", "10.20.9.9").listed, device("pinned"));
	ck_assert_uint_eq(source(CAM0, AXIS "02", "10.20.9.9").listed, device("by-mac"));
	ck_assert_uint_eq(source(CAM0, AXIS "03", "10.20.9.9").listed, device("by-mac"));
	ck_assert_uint_eq(source(CAM0, AXIS "04", "10.20.9.9").listed, WHO_NONE);
	ck_assert_str_eq(maker(source(CAM0, AXIS "04", "10.20.9.9").maker), "axis");
	ck_assert_str_eq(maker(source(CAM0, HIK "04", "10.20.9.9").maker), "hikvision");
	ck_assert_str_eq(maker(source(CAM0, STRANGER "04", "10.20.9.9").maker), "");
	/* An address alone proves nothing about whoever uses it. */
	ck_assert_uint_eq(source(CAM0, HIK "04", "10.20.1.4").listed, WHO_NONE);
	ck_assert_uint_eq(source(CAM0, HIK "04", "10.20.1.1").listed, WHO_NONE);
	ck_assert_uint_eq(address(CAM0, "10.20.1.1").listed, device("pinned"));
	ck_assert_uint_eq(address(CAM0, "10.20.1.1").proof, WHO_PINNED);
	ck_assert_uint_eq(address(CAM0, "10.20.1.4").listed, device("by-address"));
	ck_assert_uint_eq(address(CAM0, "10.20.9.9").listed, WHO_NONE);
	ck_assert_uint_eq(address(CAM0, "10.20.9.9").maker, WHO_NONE);
	ck_assert_uint_eq(source(CAM0, NULL, "10.20.1.1").listed, device("pinned"));
}
END_TEST

/* Behind a router the MAC says nothing, unless something is held against the MAC itself. */
START_TEST(test_routed_zone)
{
	struct err e = { 0 };
	struct mac m = site_mac(HIK "77");

	build(false);
	ck_assert_uint_eq(source(CAM0, AXIS "99", "10.30.0.5").listed, device("remote"));
	ck_assert_uint_eq(source(CAM0, AXIS "99", "10.30.0.5").proof, WHO_PINNED);
	ck_assert_uint_eq(source(CAM0, AXIS "99", "10.30.0.6").maker, WHO_NONE);
	ck_assert_uint_eq(source(CAM0, HIK "99", "10.30.0.6").maker, WHO_NONE);
	ck_assert_uint_eq(source(CAM0, AXIS "99", "10.30.0.6").listed, WHO_NONE);
	ck_assert_uint_eq(address(CAM0, "10.30.0.5").listed, device("remote"));
	ck_assert_uint_eq(address(CAM0, "10.30.0.6").listed, WHO_NONE);
	ck_assert(!ident_set_policy(id, p, T0, &e));
	learn("cam0", HIK "77", "10.20.7.7", T0);       /* known from its own link: restricted, wherever it says it is */
	ck_assert_uint_ne(ident_device_of_mac(id, &m), 0);
	build(true);
	ck_assert(source(CAM0, HIK "77", "10.30.0.6").sticky);
	ck_assert(source(CAM0, HIK "77", "10.30.0.5").sticky);
	ck_assert(!source(CAM0, AXIS "99", "10.30.0.5").sticky);
}
END_TEST

START_TEST(test_what_was_learnt)
{
	struct err e = { 0 };
	struct who_id got;
	struct mac m = site_mac(AXIS "50");
	struct addr claimed = site_addr("10.20.5.1");

	ck_assert(!ident_set_policy(id, p, T0, &e));
	learn("cam0", AXIS "50", "10.20.5.0", T0);
	ident_claim(id, "cam0", &m, &claimed, T0);
	learn("cam1", HIK "51", "fd00:20::51", T0);
	learn("cam0", HIK "52", "10.20.1.4", T0);       /* at the address of a device that is listed by it alone */
	build(true);
	got = source(CAM0, AXIS "50", "10.20.5.0");
	ck_assert_uint_eq(got.proof, WHO_VERIFIED);
	ck_assert_str_eq(maker(got.maker), "axis");
	ck_assert_uint_eq(got.device, ident_device_of_mac(id, &m));
	ck_assert(!got.sticky);
	ck_assert_uint_eq(source(CAM0, AXIS "50", "10.20.5.1").proof, WHO_NO_PROOF);
	ck_assert_uint_eq(source(CAM1, AXIS "50", "10.20.5.0").proof, WHO_NO_PROOF);
	ck_assert_uint_eq(source(WHO_NONE, AXIS "50", "10.20.5.0").proof, WHO_VERIFIED);
	got = source(CAM1, HIK "51", "fd00:20::51");
	ck_assert_uint_eq(got.proof, WHO_VERIFIED);
	ck_assert(got.sticky);
	got = address(CAM1, "fd00:20::51");
	ck_assert_str_eq(maker(got.maker), "hikvision");
	ck_assert(got.sticky);
	ck_assert_uint_eq(address(CAM0, "fd00:20::51").maker, WHO_NONE);
	ck_assert_uint_ne(address(WHO_NONE, "fd00:20::51").maker, WHO_NONE);
	got = source(CAM0, HIK "52", "10.20.1.4");
	ck_assert_uint_eq(got.listed, device("by-address"));
	ck_assert_str_eq(maker(got.maker), "hikvision");        /* the MAC's own evidence is not lost */
	got = address(CAM0, "10.20.1.4");
	ck_assert_uint_eq(got.listed, device("by-address"));
	ck_assert_str_eq(maker(got.maker), "hikvision");
	ck_assert_str_eq(who_name(w, &got), "by-address");
	got = source(CAM0, AXIS "50", "10.20.5.0");
	ck_assert_str_eq(who_name(w, &got), "");
	ck_assert(source(CAM0, STRANGER "06", "10.20.1.6").sticky);     /* listed, as restricted */
	ck_assert_uint_ne(source(CAM0, STRANGER "06", "10.20.1.6").device, 0);
}
END_TEST

/* What the kernel gets: sorted, each pair once, pins on each interface of their zone. */
START_TEST(test_bindings)
{
	struct err e = { 0 };
	unsigned pinned = 0;

	build(false);
	ck_assert_uint_eq(who_bindings(w), 2 * 3);      /* pinned: two addresses, typed: one; each on cam0 and cam1 */
	ck_assert(!ident_set_policy(id, p, T0, &e));
	learn("cam0", AXIS "50", "10.20.5.0", T0);
	learn("cam0", AXIS "01", "10.20.1.1", T0);      /* the pinned one, seen */
	learn("cam9", AXIS "51", "10.20.5.1", T0);      /* an interface that the policy does not know */
	build(true);
	ck_assert_uint_eq(who_bindings(w), 2 * 3 + 1);
	for (size_t i = 0; i < who_bindings(w); i++) {
		const struct who_binding *b = who_binding(w, i), *q = i ? who_binding(w, i - 1) : NULL;

		ck_assert(b->iface == CAM0 || b->iface == CAM1);
		ck_assert(!q || q->iface < b->iface || (q->iface == b->iface && memcmp(q->mac.b, b->mac.b, 6) <= 0));
		pinned += b->id.proof == WHO_PINNED;
	}
	ck_assert_uint_eq(pinned, 6);
	ck_assert_ptr_null(who_binding(w, who_bindings(w)));
}
END_TEST

/* A proof from before the policy pinned the address to somebody else. */
START_TEST(test_pin_overrules_a_proof)
{
	struct policy *before;
	char text[sizeof(site_text)];
	struct err e = { 0 };
	char *at;

	memcpy(text, site_text, sizeof(text));
	at = strstr(text, "10.20.1.1,");
	memcpy(at, "10.20.2.1,", 10);
	before = site_policy(text);
	ck_assert(!ident_set_policy(id, before, T0, &e));
	learn("cam0", HIK "61", "10.20.1.1", T0);
	build(true);            /* the new policy over what was learnt under the old */
	ck_assert_uint_lt(source(CAM0, HIK "61", "10.20.1.1").proof, WHO_VERIFIED);
	ck_assert_uint_eq(address(CAM0, "10.20.1.1").listed, device("pinned"));
	ck_assert(!ident_set_policy(id, p, T0, &e));
	build(true);
	ck_assert_uint_lt(source(CAM0, HIK "61", "10.20.1.1").proof, WHO_VERIFIED);
	for (size_t i = 0; i < who_bindings(w); i++)
		ck_assert_uint_eq(who_binding(w, i)->id.proof, WHO_PINNED);
	policy_free(before);
}
END_TEST

START_TEST(test_a_hundred_thousand)
{
	const unsigned n = 100000;
	struct err e = { 0 };
	struct ident_limits limits = ident_defaults;
	struct ident_probe probe;
	int64_t start;
	unsigned found = 0;

	ident_free(id);
	limits.macs_per_minute = n;
	id = ident_new(&limits, 7);
	ck_assert(!ident_set_policy(id, p, T0, &e));
	start = now_mono_ns();
	for (unsigned i = 0; i < n; i++) {
		struct mac m = { { 0x00, 0x40, 0x8c, (uint8_t)(0x80 | i >> 16), (uint8_t)(i >> 8), (uint8_t)i } };
		struct addr a = i % 2 ? addr_v4(0x0a140000 + 0x2000 + i % 50000) : site_addr("fd00:20::");

		if (a.family == 6)
			memcpy(a.b + 10, m.b, 6);
		ident_claim(id, i / 50000 ? "cam0" : "cam1", &m, &a, T0);
		ck_assert(ident_next_probe(id, T0, &probe));
		ident_answered(id, i / 50000 ? "cam0" : "cam1", &m, &a, T0);
	}
	printf("# %u devices learnt in %lld ms\n", n, (long long)((now_mono_ns() - start) / NOW_NS_PER_MS));
	start = now_mono_ns();
	build(true);
	printf("# view built in %lld ms\n", (long long)((now_mono_ns() - start) / NOW_NS_PER_MS));
	ck_assert_uint_eq(who_bindings(w), n + 6);
	start = now_mono_ns();
	for (size_t i = 0; i < who_bindings(w); i++) {
		const struct who_binding *b = who_binding(w, i);

		found += who_source(w, b->iface, &b->mac, &b->addr).proof >= WHO_VERIFIED;
	}
	printf("# a lookup takes %lld ns\n", (long long)((now_mono_ns() - start) / n));
	ck_assert_uint_eq(found, n + 6);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("who");
	TCase *c = tcase_create("who");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_the_policy_alone);
	tcase_add_test(c, test_routed_zone);
	tcase_add_test(c, test_what_was_learnt);
	tcase_add_test(c, test_bindings);
	tcase_add_test(c, test_pin_overrules_a_proof);
	tcase_add_test(c, test_a_hundred_thousand);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
