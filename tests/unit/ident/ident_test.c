/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each rule of ident.h by itself: claims and proofs, incumbents, moves, pins. */
#include "unit/ident/steps.h"

START_TEST(test_a_claim_holds_when_it_answered)
{
	uint64_t version = ident_version(id);

	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.0.10"), IDENT_ASKED);
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.0.10"), WHO_CLAIMED);
	take_facts();
	ck_assert_uint_eq(n_facts, 1);
	ck_assert_int_eq(facts[0].kind, IDENT_DEVICE_NEW);
	ck_assert_str_eq(facts[0].iface, "cam0");
	ck_assert_uint_eq(facts[0].device, device(AXIS "10"));
	ck_assert_str_eq(probe(), "cam0 00:40:8c:00:00:10 10.20.0.10");
	ck_assert_str_eq(probe(), "");
	answer("cam0", AXIS "10", "10.20.0.10");
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.0.10"), WHO_VERIFIED);
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.0.10"), IDENT_HOLDS);
	take_facts();
	ck_assert_uint_eq(n_facts, 1);
	ck_assert_int_eq(facts[0].kind, IDENT_BOUND);
	ck_assert_uint_gt(ident_version(id), version);
	ck_assert_str_eq(record(AXIS "10").maker, "axis");
	now += S(10);
	ck_assert_str_eq(probe(), "");
}
END_TEST

START_TEST(test_an_answer_nobody_asked_for_is_a_claim)
{
	answer("cam0", AXIS "10", "10.20.0.10");
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.0.10"), WHO_CLAIMED);
	answer("cam0", AXIS "10", "10.20.0.10");        /* asked for, but not sent yet */
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.0.10"), WHO_CLAIMED);
	ck_assert_str_ne(probe(), "");
	answer("cam0", AXIS "11", "10.20.0.10");        /* another MAC */
	answer("cam1", AXIS "10", "10.20.0.10");        /* another interface */
	answer("cam0", AXIS "10", "10.20.0.11");        /* another address */
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.0.10"), WHO_CLAIMED);
	ck_assert_int_eq(proof("cam0", AXIS "11", "10.20.0.10"), WHO_CLAIMED);
	now += S(6);                                    /* too late */
	answer("cam0", AXIS "10", "10.20.0.10");
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.0.10"), WHO_CLAIMED);
}
END_TEST

START_TEST(test_three_probes_then_silence)
{
	claim("cam0", AXIS "10", "10.20.0.10");
	for (int i = 0; i < 3; i++) {
		ck_assert_str_ne(probe(), "");
		ck_assert_str_eq(probe(), "");
		ck_assert_int_eq(ident_next_due(id), now + S(1));
		now += S(1);
	}
	ck_assert_str_eq(probe(), "");
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.0.10"), IDENT_REFUSED);
	now += S(29);
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.0.10"), IDENT_REFUSED);
	now += S(2);
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.0.10"), IDENT_ASKED);
	ck_assert_str_ne(probe(), "");
}
END_TEST

START_TEST(test_nonsense_is_refused)
{
	static const struct { const char *mac, *addr; } bad[] = {
		{ "01:00:5e:00:00:01", "10.20.0.1" }, { "ff:ff:ff:ff:ff:ff", "10.20.0.1" }, { "00:00:00:00:00:00", "10.20.0.1" },
		{ AXIS "10", "0.0.0.0" }, { AXIS "10", "::" }, { AXIS "10", "224.0.0.1" }, { AXIS "10", "255.255.255.255" },
		{ AXIS "10", "ff02::1" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_int_eq(claim("cam0", bad[i].mac, bad[i].addr), IDENT_REFUSED);
	ck_assert_int_eq(claim("an-interface-name-too-long", AXIS "10", "10.20.0.1"), IDENT_REFUSED);
	ck_assert_str_eq(probe(), "");
	take_facts();
	ck_assert_uint_eq(n_facts, 0);
}
END_TEST

START_TEST(test_incumbent_keeps_what_it_answers_for)
{
	settle("cam0", AXIS "10", "10.20.0.10");
	now += S(1);
	ck_assert_int_eq(claim("cam0", AXIS "11", "10.20.0.10"), IDENT_ASKED);
	answer("cam0", AXIS "10", "10.20.0.10");        /* an echo of an earlier answer decides nothing */
	ck_assert_int_eq(claim("cam0", AXIS "11", "10.20.0.10"), IDENT_ASKED);
	ck_assert_str_eq(probe(), "cam0 00:40:8c:00:00:10 10.20.0.10");         /* the incumbent is asked, not the challenger */
	ck_assert_str_eq(probe(), "");
	answer("cam0", AXIS "11", "10.20.0.10");        /* the challenger may say what it likes */
	ck_assert_int_eq(proof("cam0", AXIS "11", "10.20.0.10"), WHO_CLAIMED);
	answer("cam0", AXIS "10", "10.20.0.10");
	take_facts();
	ck_assert_ptr_nonnull(fact(IDENT_ADDRESS_CONTESTED));
	ck_assert_uint_eq(fact(IDENT_ADDRESS_CONTESTED)->device, device(AXIS "11"));
	ck_assert_uint_eq(fact(IDENT_ADDRESS_CONTESTED)->other, device(AXIS "10"));
	ck_assert_int_eq(claim("cam0", AXIS "11", "10.20.0.10"), IDENT_REFUSED);
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.0.10"), WHO_VERIFIED);
	now += S(61);                                   /* and again, for ever */
	ck_assert_int_eq(claim("cam0", AXIS "11", "10.20.0.10"), IDENT_ASKED);
	ck_assert_str_eq(probe(), "cam0 00:40:8c:00:00:10 10.20.0.10");
}
END_TEST

START_TEST(test_silent_incumbent_gives_way)
{
	settle("cam0", AXIS "10", "10.20.0.10");
	claim("cam0", AXIS "11", "10.20.0.10");
	silence();
	ck_assert_str_eq(probe(), "cam0 00:40:8c:00:00:11 10.20.0.10");
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.0.10"), WHO_VERIFIED);         /* until the challenger proves itself */
	answer("cam0", AXIS "11", "10.20.0.10");
	ck_assert_int_eq(proof("cam0", AXIS "11", "10.20.0.10"), WHO_VERIFIED);
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.0.10"), WHO_NO_PROOF);
	take_facts();
	ck_assert_ptr_nonnull(fact(IDENT_ADDRESS_MOVED));
	ck_assert_uint_eq(fact(IDENT_ADDRESS_MOVED)->other, device(AXIS "10"));
	ck_assert_ptr_nonnull(fact(IDENT_UNBOUND));
	ck_assert_ptr_nonnull(fact(IDENT_BOUND));
	ck_assert(!record(AXIS "11").sticky);
}
END_TEST

/* Its silence from long ago is no leave to take the address now. */
START_TEST(test_old_silence_does_not_count)
{
	settle("cam0", AXIS "10", "10.20.0.10");
	claim("cam0", AXIS "11", "10.20.0.10");
	silence();
	while (*probe())
		now += S(1);                            /* the challenger is silent too */
	now += S(100);
	answer("cam0", AXIS "11", "10.20.0.10");
	ck_assert_str_eq(probe(), "cam0 00:40:8c:00:00:10 10.20.0.10");
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.0.10"), WHO_VERIFIED);
}
END_TEST

START_TEST(test_restriction_goes_along_with_the_address)
{
	settle("cam0", HIK "10", "10.20.0.10");
	ck_assert(record(HIK "10").sticky);
	claim("cam0", AXIS "11", "10.20.0.10");
	silence();
	probe();
	answer("cam0", AXIS "11", "10.20.0.10");
	ck_assert_int_eq(proof("cam0", AXIS "11", "10.20.0.10"), WHO_VERIFIED);
	ck_assert(record(AXIS "11").sticky);
	take_facts();
	ck_assert(fact(IDENT_RESTRICTED_NEW)->restricted);
	ck_assert_ptr_nonnull(strstr(fact(IDENT_RESTRICTED_NEW)->text, "took 10.20.0.10 over"));
	/* A listed device is known: it inherits nothing. */
	settle("cam0", HIK "20", "10.20.0.20");
	claim("cam0", AXIS "02", "10.20.0.20");
	silence();
	probe();
	answer("cam0", AXIS "02", "10.20.0.20");
	ck_assert_int_eq(proof("cam0", AXIS "02", "10.20.0.20"), WHO_VERIFIED);
	ck_assert(!record(AXIS "02").sticky);
	/* Nor does who gets the address a day later. */
	settle("cam0", HIK "30", "10.20.0.30");
	now += S(25 * 3600);
	claim("cam0", AXIS "31", "10.20.0.30");
	silence();
	probe();
	answer("cam0", AXIS "31", "10.20.0.30");
	ck_assert(!record(AXIS "31").sticky);
}
END_TEST

START_TEST(test_mac_on_a_second_interface)
{
	settle("cam0", AXIS "10", "10.20.0.10");
	now += S(1);
	ck_assert_int_eq(claim("cam1", AXIS "10", "10.20.1.10"), IDENT_ASKED);
	ck_assert_str_eq(probe(), "cam0 00:40:8c:00:00:10 10.20.0.10");
	answer("cam0", AXIS "10", "10.20.0.10");
	take_facts();
	ck_assert_ptr_nonnull(fact(IDENT_MAC_CONTESTED));
	ck_assert_str_eq(fact(IDENT_MAC_CONTESTED)->iface, "cam1");
	ck_assert_str_eq(fact(IDENT_MAC_CONTESTED)->text, "cam0");
	ck_assert_int_eq(proof("cam1", AXIS "10", "10.20.1.10"), WHO_CLAIMED);
	now += S(61);
	claim("cam1", AXIS "10", "10.20.1.10");
	silence();
	ck_assert_str_eq(probe(), "cam1 00:40:8c:00:00:10 10.20.1.10");
	answer("cam1", AXIS "10", "10.20.1.10");
	ck_assert_int_eq(proof("cam1", AXIS "10", "10.20.1.10"), WHO_VERIFIED);
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.0.10"), WHO_NO_PROOF);
	take_facts();
	ck_assert_str_eq(fact(IDENT_MAC_MOVED)->text, "cam0");
	ck_assert_str_eq(record(AXIS "10").iface, "cam1");
}
END_TEST

START_TEST(test_pins)
{
	ck_assert_int_eq(claim("cam0", AXIS "01", "10.20.1.1"), IDENT_HOLDS);
	ck_assert_int_eq(proof("cam0", AXIS "01", "10.20.1.1"), WHO_PINNED);
	ck_assert_int_eq(claim("cam1", AXIS "01", "10.20.1.1"), IDENT_HOLDS);
	take_facts();
	ck_assert_str_eq(fact(IDENT_BOUND)->text, "pinned");
	ck_assert_str_eq(record(AXIS "01").name, "pinned");
	/* Nobody else gets the address, whoever is silent. */
	ck_assert_int_eq(claim("cam0", AXIS "66", "10.20.1.1"), IDENT_REFUSED);
	ck_assert_str_eq(probe(), "");
	take_facts();
	ck_assert_ptr_nonnull(fact(IDENT_ADDRESS_CONTESTED));
	/* Nor does the MAC hold anything where it does not belong; where it does, it may have more addresses. */
	ck_assert_int_eq(claim("core0", AXIS "01", "10.1.0.9"), IDENT_REFUSED);
	take_facts();
	ck_assert_ptr_nonnull(fact(IDENT_MAC_CONTESTED));
	ck_assert_int_eq(claim("cam0", AXIS "01", "10.20.1.99"), IDENT_ASKED);
	/* The pin is of MAC and address: the MAC alone has to prove itself. */
	ck_assert_int_eq(claim("cam0", AXIS "02", "10.20.2.2"), IDENT_ASKED);
}
END_TEST

START_TEST(test_lease)
{
	struct mac m = site_mac(AXIS "10"), other = site_mac(AXIS "11");
	struct addr a = site_addr("10.20.0.10"), foreign = site_addr("192.0.2.9");

	ident_leased(id, "cam0", &m, &a, now);
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.0.10"), WHO_VERIFIED);
	ident_leased(id, "cam0", &other, &a, now);
	ck_assert_int_eq(proof("cam0", AXIS "11", "10.20.0.10"), WHO_CLAIMED);
	ck_assert_str_eq(probe(), "cam0 00:40:8c:00:00:10 10.20.0.10");
	ident_leased(id, "cam0", &m, &foreign, now);
	ck_assert_int_eq(proof("cam0", AXIS "10", "192.0.2.9"), WHO_CLAIMED);
}
END_TEST

/* A clock that jumps, either way, neither locks anybody out nor lets anybody in. */
START_TEST(test_clock_jumps)
{
	settle("cam0", AXIS "10", "10.20.0.10");
	claim("cam0", AXIS "14", "10.20.0.14");
	silence();
	ck_assert_str_eq(probe(), "");
	ck_assert_int_eq(claim("cam0", AXIS "14", "10.20.0.14"), IDENT_REFUSED);
	claim("cam0", AXIS "11", "10.20.0.11");
	while (*probe())
		;
	now -= S(86400);
	ck_assert_int_eq(claim("cam0", AXIS "14", "10.20.0.14"), IDENT_ASKED);
	answer("cam0", AXIS "11", "10.20.0.11");
	ck_assert_int_eq(proof("cam0", AXIS "11", "10.20.0.11"), WHO_CLAIMED);
	ck_assert_int_eq(claim("cam0", AXIS "10", "10.20.0.10"), IDENT_HOLDS);
	ck_assert_int_eq(claim("cam0", AXIS "12", "10.20.0.12"), IDENT_ASKED);
	now += S(3 * 86400);
	while (*probe())
		now += S(1);
	now += S(40);
	ck_assert_int_eq(claim("cam0", AXIS "11", "10.20.0.11"), IDENT_ASKED);
	probe();
	answer("cam0", AXIS "11", "10.20.0.11");
	ck_assert_int_eq(proof("cam0", AXIS "11", "10.20.0.11"), WHO_VERIFIED);
}
END_TEST

static int64_t kept;

static void on_kept(void *ctx, const struct ident_device *d)
{
	(void)ctx;
	if (d->last_ns > kept)
		kept = d->last_ns;
}

static void on_gone(void *ctx, uint64_t device)
{
	(void)ctx;
	(void)device;
}

static void on_evidence(void *ctx, const struct ident_evidence *v)
{
	(void)ctx;
	(void)v;
}

static void on_binding(void *ctx, const struct ident_binding *b)
{
	(void)ctx;
	(void)b;
}

static int64_t flushed(void)
{
	ident_flush(id, &(struct ident_sink){ on_kept, on_gone, on_evidence, on_binding, NULL }, SIZE_MAX);
	return kept;
}

/* What is known of a device's traffic from elsewhere moves its last sight forward, never back, and is kept at times. */
START_TEST(test_seen_elsewhere)
{
	struct mac m = site_mac(AXIS "11");
	struct ident_device d;
	uint64_t device;

	claim("cam0", AXIS "11", "10.20.0.11");
	probe();
	answer("cam0", AXIS "11", "10.20.0.11");
	device = ident_device_of_mac(id, &m);
	ident_seen(id, device, now + S(30));
	ck_assert(ident_find_device(id, device, &d));
	ck_assert_int_eq(d.last_ns, now + S(30));
	ident_seen(id, device, now + S(20));
	ident_seen(id, device + 1000, now + S(90));
	ck_assert(ident_find_device(id, device, &d));
	ck_assert_int_eq(d.last_ns, now + S(30));
	ck_assert_int_eq(flushed(), now + S(30));
	ident_seen(id, device, now + S(60));
	ck_assert_int_eq(flushed(), now + S(30));       /* not every minute */
	ident_seen(id, device, now + S(4000));
	ck_assert_int_eq(flushed(), now + S(4000));
}
END_TEST

int main(void)
{
	const TTest *const all[] = {
		test_a_claim_holds_when_it_answered,
		test_an_answer_nobody_asked_for_is_a_claim,
		test_three_probes_then_silence,
		test_nonsense_is_refused,
		test_incumbent_keeps_what_it_answers_for,
		test_silent_incumbent_gives_way,
		test_old_silence_does_not_count,
		test_restriction_goes_along_with_the_address,
		test_mac_on_a_second_interface,
		test_pins,
		test_lease,
		test_clock_jumps,
		test_seen_elsewhere,
	};

	return steps_run("ident", all, sizeof(all) / sizeof(*all));
}
