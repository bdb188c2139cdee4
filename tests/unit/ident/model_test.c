/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random operations against a naive model: an array of all triples of a small world, walked in full each time, no hash, no
 * heap, no list.  After every step both must hold the same bindings, have sent the same probes and said the same of each claim;
 * and what was promised must hold by itself: one holder per address, and nothing held that did not just answer. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/now.h"
#include "ident/ident.h"

enum { IFACES = 2, MACS = 4, ADDRS = 4, TRIPLES = IFACES * MACS * ADDRS, NONE = -1 };
#define S(n) ((n) * NOW_NS_PER_S)
/* libcheck writes a line for each assertion, which would be most of the time here. */
#define MUST(condition, ...) do { if (!(condition)) ck_abort_msg(__VA_ARGS__); } while (0)

struct triple {
	bool known, held, probing, waiting, silent;
	int rival, tries;
	int64_t due, sent, quiet, silent_at, last, order;       /* order: of creation */
};

static struct triple model[TRIPLES];
static int64_t now, created;

static int iface_of(int t) { return t / (MACS * ADDRS); }
static int mac_of(int t) { return t / ADDRS % MACS; }
static int addr_of(int t) { return t % ADDRS; }

static int rival_of(int t)
{
	int best = NONE;

	for (int o = 0; o < TRIPLES; o++)
		if (model[o].held && iface_of(o) == iface_of(t) && addr_of(o) == addr_of(t) && mac_of(o) != mac_of(t))
			return o;
	for (int o = 0; o < TRIPLES; o++) {
		if (!model[o].held || mac_of(o) != mac_of(t) || iface_of(o) == iface_of(t))
			continue;
		/* The one seen last; of equals the one remembered last. */
		if (best == NONE || model[o].last > model[best].last ||
		    (model[o].last == model[best].last && model[o].order > model[best].order))
			best = o;
	}
	return best;
}

static void start(int t)
{
	model[t].probing = true;
	model[t].silent = false;
	model[t].tries = 3;
	model[t].sent = 0;
	model[t].due = now;
}

static void forget(int t)
{
	for (int o = 0; o < TRIPLES; o++)
		if (model[o].waiting && model[o].rival == t)
			model[o].waiting = false;
	model[t] = (struct triple){ 0 };
}

static enum ident_claim want(int t)
{
	int rival = rival_of(t);

	if (model[t].held)
		return IDENT_HOLDS;
	if (model[t].probing || model[t].waiting)
		return IDENT_ASKED;
	if (now < model[t].quiet)
		return IDENT_REFUSED;
	if (rival == NONE) {
		start(t);
		return IDENT_ASKED;
	}
	model[t].waiting = true;
	model[t].rival = rival;
	if (!model[rival].probing)
		start(rival);
	return IDENT_ASKED;
}

static void see(int t)
{
	if (!model[t].known) {
		model[t].known = true;
		model[t].order = ++created;
	}
	model[t].last = now;
}

static void answered(int t)
{
	int rival;

	see(t);
	if (!model[t].probing || !model[t].sent || now - model[t].sent >= S(5)) {
		want(t);
		return;
	}
	model[t].probing = model[t].silent = false;
	if (model[t].held) {
		for (int o = 0; o < TRIPLES; o++)
			if (model[o].waiting && model[o].rival == t) {
				model[o].waiting = false;
				model[o].quiet = now + S(60);
			}
		return;
	}
	rival = rival_of(t);
	if (rival != NONE && (!model[rival].silent || now - model[rival].silent_at >= S(30))) {
		want(t);
		return;
	}
	for (rival = rival_of(t); rival != NONE; rival = rival_of(t))
		forget(rival);
	model[t].held = true;
	model[t].waiting = false;
}

/* The next probe of the model, or NONE. */
static int next_probe(void)
{
	for (;;) {
		int t = NONE;

		for (int o = 0; o < TRIPLES; o++)
			if (model[o].probing && model[o].due <= now && (t == NONE || model[o].due < model[t].due))
				t = o;
		if (t == NONE)
			return NONE;
		if (model[t].tries) {
			model[t].tries--;
			model[t].sent = now;
			model[t].due = now + S(1);
			return t;
		}
		model[t].probing = false;
		model[t].silent = true;
		model[t].silent_at = now;
		if (!model[t].held)
			model[t].quiet = now + S(30);
		for (int o = 0; o < TRIPLES && model[t].held; o++)
			if (model[o].waiting && model[o].rival == t) {
				model[o].waiting = false;
				start(o);
			}
	}
}

static const char *const iface_names[IFACES] = { "a0", "b0" };

static struct mac mac_no(int i)
{
	return (struct mac){ { 0, 1, 2, 3, 4, (uint8_t)(i + 1) } };
}

static struct addr addr_no(int i)
{
	struct addr a = addr_v4(0x0a000000 + (uint32_t)i + 1);

	if (i % 2) {
		a = (struct addr){ .family = 6 };
		a.b[0] = 0xfd;
		a.b[15] = (uint8_t)(i + 1);
	}
	return a;
}

static int triple_of(const char *iface, const struct mac *m, const struct addr *a)
{
	for (int t = 0; t < TRIPLES; t++) {
		struct mac tm = mac_no(mac_of(t));
		struct addr ta = addr_no(addr_of(t));

		if (!strcmp(iface, iface_names[iface_of(t)]) && addr_mac_equal(&tm, m) && addr_equal(&ta, a))
			return t;
	}
	ck_abort_msg("a triple of another world");
	return NONE;
}

/* Send all that is due; the same probes, in whatever order. */
static void compare_probes(struct ident *id, int64_t sent_at[TRIPLES])
{
	int count[TRIPLES] = { 0 };
	struct ident_probe p;

	while (ident_next_probe(id, now, &p)) {
		int t = triple_of(p.iface, &p.mac, &p.addr);

		count[t]++;
		sent_at[t] = now;
	}
	for (int t = next_probe(); t != NONE; t = next_probe())
		count[t]--;
	for (int t = 0; t < TRIPLES; t++)
		MUST(!count[t], "triple %d: %+d probes", t, count[t]);
}

static void compare_bindings(const struct ident *id, bool held[TRIPLES])
{
	memset(held, 0, TRIPLES * sizeof(*held));
	for (size_t i = 0; i < ident_binding_places(id); i++) {
		struct ident_binding b;
		int t;

		if (!ident_binding_at(id, i, &b))
			continue;
		t = triple_of(b.iface, &b.mac, &b.addr);
		MUST(model[t].known, "triple %d is not known to the model", t);
		held[t] = b.proof == WHO_VERIFIED;
	}
	for (int t = 0; t < TRIPLES; t++) {
		MUST(held[t] == model[t].held, "triple %d: %d, the model says %d", t, held[t], model[t].held);
		for (int o = 0; o < t; o++) {
			bool same_place = iface_of(o) == iface_of(t);

			if (!held[t] || !held[o])
				continue;
			MUST(!same_place || addr_of(o) != addr_of(t) || mac_of(o) == mac_of(t), "two hold address %d", addr_of(t));
			MUST(same_place || mac_of(o) != mac_of(t), "MAC %d is in two places", mac_of(t));
		}
	}
}

START_TEST(test_against_the_model)
{
	struct ident_limits limits = ident_defaults;
	bool held[TRIPLES] = { 0 }, before[TRIPLES];
	int64_t sent_at[TRIPLES] = { 0 };
	struct ident_fact fact;
	struct ident *id;

	srand((unsigned)_i + 1);
	limits.v4_per_mac = limits.v6_per_mac = 100;
	id = ident_new(&limits, (uint64_t)_i);
	memset(model, 0, sizeof(model));
	created = 0;
	now = S(INT64_C(1000000));
	for (int step = 0; step < 4000; step++) {
		int t = rand() % TRIPLES, op = rand() % 10;
		struct mac m = mac_no(mac_of(t));
		struct addr a = addr_no(addr_of(t));

		memcpy(before, held, sizeof(before));
		if (op < 4) {
			enum ident_claim got = ident_claim(id, iface_names[iface_of(t)], &m, &a, now);

			see(t);
			MUST(got == want(t), "step %d: a claim of triple %d: %d", step, t, (int)got);
		} else if (op < 8) {
			/* Mostly those answer who were asked. */
			for (int k = 0; k < 50 && now - sent_at[t] > S(4) && op < 7; k++)
				t = rand() % TRIPLES;
			m = mac_no(mac_of(t));
			a = addr_no(addr_of(t));
			ident_answered(id, iface_names[iface_of(t)], &m, &a, now);
			answered(t);
		} else {
			now += op == 8 ? S(1) : S(rand() % 40);
		}
		compare_probes(id, sent_at);
		compare_bindings(id, held);
		for (int o = 0; o < TRIPLES; o++)
			MUST(!held[o] || before[o] || now - sent_at[o] < S(5), "triple %d was not asked", o);
		while (ident_next_fact(id, &fact))
			;
	}
	ident_free(id);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model");
	TCase *c = tcase_create("model");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 120);
	tcase_add_loop_test(c, test_against_the_model, 0, 40);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
