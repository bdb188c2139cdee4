/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps of ident's tests, on the site of site.h: claim, answer, take probes and facts, look at what came of it. */
#ifndef IDENT_STEPS_H
#define IDENT_STEPS_H

#include "ident/ident.h"
#include "unit/ident/site.h"

#define T0 (INT64_C(1800000000) * NOW_NS_PER_S)
#define S(n) ((n) * NOW_NS_PER_S)

static struct policy *p;
static struct ident *id;
static int64_t now;
static struct ident_fact facts[64];
static unsigned n_facts;

static inline void setup(void)
{
	struct err e = { 0 };

	p = site_policy(site_text);
	id = ident_new(NULL, 42);
	now = T0;
	ck_assert(!ident_set_policy(id, p, now, &e));
	ck_assert_uint_eq(n_facts, 0);                  /* what is listed and was never seen is no news */
}

static inline void teardown(void)
{
	ident_free(id);
	policy_free(p);
}

static inline enum ident_claim claim(const char *iface, const char *mac, const char *addr)
{
	struct mac m = site_mac(mac);
	struct addr a = site_addr(addr);

	return ident_claim(id, iface, &m, &a, now);
}

static inline void answer(const char *iface, const char *mac, const char *addr)
{
	struct mac m = site_mac(mac);
	struct addr a = site_addr(addr);

	ident_answered(id, iface, &m, &a, now);
}

/* The next probe as "iface mac addr", or "". */
static inline const char *probe(void)
{
	static char text[128];
	char mac[ADDR_MAC_TEXT], addr[ADDR_TEXT];
	struct ident_probe q;

	if (!ident_next_probe(id, now, &q))
		return "";
	snprintf(text, sizeof(text), "%s %s %s", q.iface, addr_mac_text(&q.mac, mac, sizeof(mac)),
		 addr_text(&q.addr, addr, sizeof(addr)));
	return text;
}

static inline void take_facts(void)
{
	n_facts = 0;
	while (n_facts < 64 && ident_next_fact(id, &facts[n_facts]))
		n_facts++;
}

static inline const struct ident_fact *fact(enum ident_fact_kind kind)
{
	for (unsigned i = 0; i < n_facts; i++)
		if (facts[i].kind == kind)
			return &facts[i];
	return NULL;
}

static inline uint64_t device(const char *mac)
{
	struct mac m = site_mac(mac);

	return ident_device_of_mac(id, &m);
}

static inline struct ident_device record(const char *mac)
{
	struct ident_device d = { 0 };

	ck_assert(ident_find_device(id, device(mac), &d));
	return d;
}

static inline enum who_proof proof(const char *iface, const char *mac, const char *addr)
{
	struct addr a = site_addr(addr);
	struct mac m = site_mac(mac);

	for (size_t i = 0; i < ident_binding_places(id); i++) {
		struct ident_binding b;

		if (ident_binding_at(id, i, &b) && !strcmp(b.iface, iface) && addr_mac_equal(&b.mac, &m) &&
		    addr_equal(&b.addr, &a))
			return b.proof;
	}
	return WHO_NO_PROOF;
}

/* Claim, be asked, answer. */
static inline void settle(const char *iface, const char *mac, const char *addr)
{
	ck_assert_int_eq(claim(iface, mac, addr), IDENT_ASKED);
	while (*probe())
		;
	answer(iface, mac, addr);
	ck_assert_int_eq(proof(iface, mac, addr), WHO_VERIFIED);
	take_facts();
}

/* Let the incumbent's three probes go by. */
static inline void silence(void)
{
	for (int i = 0; i < 3; i++) {
		ck_assert_str_ne(probe(), "");
		now += S(1);
	}
}

/* All tests of one file. */
static inline int steps_run(const char *name, const TTest *const *tests, size_t n)
{
	Suite *s = suite_create(name);
	TCase *c = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(c, tests[i]);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}

#endif
