/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From packets to flows: who opened, who sent, replies and ICMP errors.  Traces, which have little to test. */
#include "unit/suite.h"

#include <string.h>

#include "base/diag.h"
#include "engine/flow.h"
#include "engine/trace.h"
#include "ident/ident.h"
#include "policy/policy.h"

static const char site[] =
	"version: 1\n"
	"zones:\n"
	"  cctv: { interfaces: [cam0], networks: [10.20.0.0/16], guarded: true }\n"
	"  core: { interfaces: [core0], networks: [10.1.0.0/16] }\n"
	"  lab: { interfaces: [cam0], networks: [10.30.0.0/16] }\n"
	"devices:\n"
	"  - { name: camera, macs: [\"00:40:8c:00:00:20\"], addresses: [10.20.2.20] }\n"
	"rules:\n"
	"  - { id: r, from: any, to: cctv, services: any, action: drop }\n";

static struct policy *p;
static struct who *w;

static void setup(void)
{
	const struct policy_paths paths = { .registry = "", .makers = { "rules/makers", "" }, .packs = { "rules/packs", "" } };
	struct diag *d = diag_new();
	struct err e = { 0 };

	p = policy_load_text("site.yaml", site, strlen(site), NULL, &paths, 0, d);
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(who_build(p, NULL, &w, &e), 0);
	diag_free(d);
}

static void teardown(void)
{
	who_free(w);
	policy_free(p);
}

static struct addr addr(const char *text)
{
	struct addr a;

	ck_assert(addr_parse(text, &a));
	return a;
}

static struct pkt packet(void)
{
	struct pkt k = { .iif = 7, .oif = 9, .src = addr("10.20.2.20"), .dst = addr("10.1.0.1"), .smac = { { 0, 0x40, 0x8c, 0, 0, 0x20 } },
			 .has_smac = 1, .proto = 6, .has_ports = 1, .sport = 40000, .dport = 443 };

	return k;
}

static struct flow flow(const struct pkt *k)
{
	static const struct flow_ifpair pairs[] = { { 3, 1 }, { 7, 0 }, { 9, 1 } };
	const struct flow_ifmap map = { pairs, 3 };
	struct flow f;

	flow_of_pkt(k, &map, w, &f);
	return f;
}

START_TEST(forward)
{
	const struct pkt k = packet();
	const struct flow f = flow(&k);

	ck_assert(!f.turned && f.from.iface_known && f.to.iface_known && f.from.has_mac && !f.to.has_mac);
	ck_assert_uint_eq(f.from.iface, 0);
	ck_assert_uint_eq(f.to.iface, 1);
	ck_assert_uint_eq(f.from.id.listed, 0);
	ck_assert_uint_eq(f.from.id.proof, WHO_PINNED);
	ck_assert_uint_eq(f.to.id.listed, WHO_NONE);
	ck_assert(f.has_ports && f.sport == 40000 && f.dport == 443 && f.proto == 6);
}
END_TEST

START_TEST(to_and_from_the_firewall)
{
	struct pkt k = packet();
	struct flow f;

	k.hook = PKT_INPUT;
	k.oif = 0;
	f = flow(&k);
	ck_assert(f.to.firewall && !f.from.firewall && !f.to.iface_known);
	k = packet();
	k.hook = PKT_OUTPUT;
	k.iif = 0;
	k.has_smac = 0;
	f = flow(&k);
	ck_assert(f.from.firewall && !f.to.firewall && !f.from.has_mac);
	ck_assert_uint_eq(f.to.iface, 1);
}
END_TEST

START_TEST(unnamed_and_unknown_interfaces)
{
	struct pkt k = packet();
	struct flow f;

	k.iif = 8;
	k.oif = 0;
	f = flow(&k);
	ck_assert(f.from.iface_known && f.from.iface == WHO_NONE);
	ck_assert(!f.to.iface_known && f.to.iface == WHO_NONE);
}
END_TEST

/* Who is bound behind one interface is nobody behind another of no zone; where the interface is not told he is who he is. */
START_TEST(bound_elsewhere)
{
	const struct mac m = { { 0, 0x40, 0x8c, 0, 0, 0x21 } };
	const struct addr a = addr("10.30.0.21");
	struct ident *id = ident_new(NULL, 7);
	struct pkt k = packet();
	struct err e = { 0 };
	struct flow f;

	ck_assert_ptr_nonnull(id);
	ck_assert_int_eq(ident_set_policy(id, p, 1, &e), 0);
	ident_leased(id, "cam0", &m, &a, 1);
	who_free(w);
	ck_assert_int_eq(who_build(p, id, &w, &e), 0);
	k.dst = a;
	for (uint32_t oif = 7; oif <= 9; oif++) {
		k.oif = oif;
		f = flow(&k);
		ck_assert_uint_eq(f.to.id.proof, oif == 7 ? WHO_VERIFIED : WHO_NO_PROOF);
	}
	k.oif = 0;
	f = flow(&k);
	ck_assert_uint_eq(f.to.id.proof, WHO_VERIFIED);
	ident_free(id);
}
END_TEST

START_TEST(replies)
{
	struct pkt k = packet();
	struct flow f;

	k.direction = PKT_REPLY;
	k.sport = 554;
	k.dport = 41000;
	f = flow(&k);
	ck_assert(f.turned && f.to.has_mac && !f.from.has_mac);
	ck_assert_uint_eq(f.to.id.listed, 0);
	ck_assert_uint_eq(f.from.iface, 1);
	ck_assert(f.dport == 554 && f.sport == 41000);
	k.proto = 1;
	k.has_ports = 0;
	k.icmp_type = 0;
	ck_assert_uint_eq(flow(&k).icmp_type, 8);
}
END_TEST

static struct pkt error_about(uint16_t sport, uint16_t dport)
{
	struct pkt k = packet();

	k.proto = 1;
	k.has_ports = 0;
	k.sport = k.dport = 0;
	k.icmp_type = 3;
	k.quoted = 1;
	k.quoted_proto = 17;
	k.quoted_src = k.dst;
	k.quoted_dst = addr("10.20.2.99");
	k.quoted_sport = sport;
	k.quoted_dport = dport;
	return k;
}

START_TEST(errors)
{
	struct pkt k = error_about(40000, 53);
	struct flow f = flow(&k);

	ck_assert(f.turned && f.proto == 17 && f.has_ports && f.dport == 53);
	ck_assert(addr_equal(&f.from.addr, &k.dst) && addr_equal(&f.to.addr, &k.quoted_dst));
	ck_assert(f.to.has_mac && f.to.id.listed == 0);         /* who sent the error, whatever it quotes */
	k = error_about(53, 40000);
	f = flow(&k);
	ck_assert(!f.turned && f.dport == 53 && addr_equal(&f.to.addr, &k.dst) && f.from.has_mac);
	k.direction = PKT_REPLY;                                /* the gate knows: the opener sent what is quoted */
	f = flow(&k);
	ck_assert(f.turned && f.dport == 40000 && addr_equal(&f.from.addr, &k.dst));
	k.direction = PKT_ORIGINAL;
	k.quoted_src = addr("10.1.0.2");                        /* about nothing that the receiver sent */
	f = flow(&k);
	ck_assert(f.proto == 1 && f.icmp_type == 3 && !f.turned);
}
END_TEST

START_TEST(traces)
{
	struct trace t;

	trace_init(&t);
	trace_add(NULL, 1, TRACE_HIT);
	for (uint32_t i = 0; i < TRACE_STEPS + 5; i++)
		trace_add(&t, i, TRACE_FROM);
	ck_assert_uint_eq(t.n, TRACE_STEPS);
	ck_assert_uint_eq(t.more, 5);
	ck_assert_uint_eq(t.steps[9].rule, 9);
	trace_fini(&t);
	ck_assert_ptr_null(t.steps);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("flow");

	tcase_add_unchecked_fixture(tc, setup, teardown);
	tcase_add_test(tc, forward);
	tcase_add_test(tc, to_and_from_the_firewall);
	tcase_add_test(tc, unnamed_and_unknown_interfaces);
	tcase_add_test(tc, bound_elsewhere);
	tcase_add_test(tc, replies);
	tcase_add_test(tc, errors);
	tcase_add_test(tc, traces);
	return suite_run(tc);
}
