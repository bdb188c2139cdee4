/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy: the model that others compile from, questions about time and makers, and the sizes that must load. */
#include "policy/policy.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/now.h"
#include "policy/policy_check.h"
#include "unit/suite.h"

#define DATA "tests/golden/policy/data"
#define ZONES \
	"version: 1\nsite: { name: depot, timezone: Europe/London }\nzones:\n" \
	"  cctv: { interfaces: [eth1, eth2], networks: [10.20.0.0/16], guarded: true }\n" \
	"  core: { interfaces: [eth0], networks: [10.0.0.0/8] }\n"

static const struct policy_paths paths = { DATA "/registry/ieee-prefixes.tsv", { DATA "/makers", "" }, { DATA "/packs", "" } };
static struct diag *d;
static int64_t now;

static int64_t moment(const char *s)
{
	int64_t ns;

	ck_assert(now_parse_rfc3339(s, &ns));
	return ns;
}

static void setup(void)
{
	d = diag_new();
	now = moment("2026-11-22T12:00:00Z");
}

static void teardown(void)
{
	diag_free(d);
}

static struct policy *load(const char *text)
{
	struct policy *p = policy_load_text("t.yaml", text, strlen(text), NULL, &paths, now, d);
	struct buf b;

	buf_init(&b);
	diag_text(d, false, &b);
	ck_assert_msg(p != NULL, "%s", buf_cstr(&b));
	buf_fini(&b);
	return p;
}

/* The data is named from the tree's root, where tests/check.sh runs its programs. */
START_TEST(names_are_indexes)
{
	AUTO(policy) p = load(ZONES
		"devices:\n  - { name: cam, macs: [\"44:19:b6:00:00:01\"], maker: axis }\n"
		"rules:\n  - { id: one, from: cam, to: [core, any-host], services: [web, udp/5], action: allow }\n"
		"hosts: { any-host: { networks: [10.1.2.3] } }\nservices: { web: [tcp/80] }\n"
		"groups: { g: { zones: [core], devices: [cam] } }\n"
		"restrict:\n  - { id: zero, group: g }\n");
	const struct policy_rule *r;

	ck_assert_uint_eq(p->n_rules, 2);
	ck_assert_uint_eq(p->n_restrict, 1);
	ck_assert_int_eq(p->rules[0].section, POLICY_RESTRICT);
	ck_assert_uint_eq(p->rules[0].group, 0);
	r = &p->rules[1];
	ck_assert_int_eq(r->from.refs[0].kind, POLICY_REF_DEVICE);
	ck_assert_int_eq(r->to.refs[1].kind, POLICY_REF_HOST);
	ck_assert_uint_eq(r->to.refs[0].index, 1);
	ck_assert_uint_eq(r->services.n, 2);
	ck_assert_uint_eq(r->services.ports[1].proto, 17);
	ck_assert_uint_eq(r->loc.line, 9);
	ck_assert_uint_eq(r->to.loc.col, 31);
	ck_assert_str_eq(r->loc.file, "t.yaml");
	ck_assert_uint_eq(p->groups[0].zones[0], 1);
	ck_assert_uint_eq(p->n_ifaces, 3);
	ck_assert(p->ifaces[0].guarded && !p->ifaces[2].guarded);
	ck_assert_uint_eq(p->ifaces[1].zones[0], 0);
	ck_assert_str_eq(p->makers[p->devices[0].maker].name, "axis");
	ck_assert_str_eq(p->makers[p->devices[0].registry_maker].name, "hikvision");
}
END_TEST

/* Days are the site's: in summer they begin an hour earlier in UTC. */
START_TEST(live)
{
	AUTO(policy) p = load(ZONES
		"rules:\n  - { id: a, from: cctv, action: drop, starts: 2027-06-01, expires: 2027-06-02 }\n"
		"  - { id: b, from: core, action: drop, starts: \"2027-01-01T00:00:00+01:00\" }\n");
	const struct policy_rule *a = &p->rules[0], *b = &p->rules[1];

	ck_assert(a->starts.ns == moment("2027-05-31T23:00:00Z"));
	ck_assert(a->expires.ns == moment("2027-06-02T23:00:00Z"));
	ck_assert(!policy_rule_live(a, a->starts.ns - 1));
	ck_assert(policy_rule_live(a, a->starts.ns));
	ck_assert(policy_rule_live(a, a->expires.ns - 1));
	ck_assert(!policy_rule_live(a, a->expires.ns));
	ck_assert(policy_next_change(p, now) == b->starts.ns);
	ck_assert(b->starts.ns == moment("2026-12-31T23:00:00Z"));
	ck_assert(policy_next_change(p, b->starts.ns) == a->starts.ns);
	ck_assert(policy_next_change(p, a->starts.ns) == a->expires.ns);
	ck_assert(policy_next_change(p, a->expires.ns) == moment("2090-01-01T00:00:00Z"));       /* the pack "later" */
	ck_assert(policy_next_change(p, moment("2090-01-01T00:00:00Z")) == INT64_MAX);
}
END_TEST

static uint32_t maker(const struct policy *p, const char *name)
{
	for (uint32_t i = 0; i < p->n_makers; i++)
		if (!strcmp(p->makers[i].name, name))
			return i;
	ck_abort_msg("no maker %s", name);
	return 0;
}

static uint32_t pack(const struct policy *p, const char *name)
{
	for (uint32_t i = 0; i < p->n_packs; i++)
		if (!strcmp(p->packs[i].name, name))
			return i;
	ck_abort_msg("no pack %s", name);
	return 0;
}

START_TEST(who_is_restricted)
{
	AUTO(policy) p = load(ZONES "packs: [uk-nil]\n");
	AUTO(policy) q = load(ZONES "packs: [uk-nil, us-889]\nassessed:\n"
		"  - { maker: tiandy, under: uk-nil, restricted: true, by: b, date: 2026-01-01, ticket: t }\n");
	uint32_t us = pack(p, "us-889"), later = pack(p, "later");
	struct policy_basis_hit hit;

	ck_assert(policy_maker_restricted(p, maker(p, "hikvision"), NULL, 0, now, &hit));
	ck_assert_uint_eq(hit.pack, pack(p, "uk-nil"));
	ck_assert(hit.restricted && !hit.described_only);
	ck_assert(policy_maker_restricted(q, maker(q, "hikvision"), NULL, 0, now, &hit));
	ck_assert_uint_eq(hit.pack, pack(q, "us-889"));         /* named is stricter than understood */
	ck_assert(!policy_maker_restricted(p, maker(p, "axis"), NULL, 0, now, &hit));
	ck_assert(!hit.described_only);
	ck_assert_uint_eq(hit.pack, POLICY_NONE);
	ck_assert(!policy_maker_restricted(p, maker(p, "tiandy"), NULL, 0, now, &hit));
	ck_assert(hit.described_only);
	ck_assert(policy_maker_restricted(q, maker(q, "tiandy"), NULL, 0, now, NULL));
	ck_assert(policy_maker_restricted(p, maker(p, "dahua"), &us, 1, now, NULL));            /* a pack that is not used, by name */
	ck_assert(!policy_maker_restricted(p, maker(p, "tiandy"), &us, 1, now, &hit));
	ck_assert(!hit.described_only);
	ck_assert(!policy_maker_restricted(p, maker(p, "hikvision"), NULL, 0, moment("2022-11-23T23:59:59Z"), NULL));
	ck_assert(!policy_maker_restricted(p, maker(p, "axis"), &later, 1, moment("2089-12-31T23:59:59Z"), NULL));
	ck_assert(policy_maker_restricted(p, maker(p, "axis"), &later, 1, moment("2090-01-01T00:00:00Z"), NULL));
}
END_TEST

START_TEST(whose_mac)
{
	static const struct mac hik = { { 0x44, 0x19, 0xb6, 0, 0, 1 } }, none = { { 0xfc, 0, 0, 0, 0, 1 } },
				other = { { 0, 0, 0x11, 0, 0, 1 } };
	AUTO(policy) p = load(ZONES);
	const char *registrant;

	ck_assert_uint_eq(policy_maker_of_mac(p, &hik, &registrant), maker(p, "hikvision"));
	ck_assert_str_eq(registrant, "Hangzhou Hikvision Digital Technology Co.,Ltd.");
	ck_assert_uint_eq(policy_maker_of_mac(p, &none, &registrant), POLICY_NONE);
	ck_assert_ptr_null(registrant);
	ck_assert_uint_eq(policy_maker_of_mac(p, &other, &registrant), POLICY_NONE);
	ck_assert_str_eq(registrant, "NORMEREL SYSTEMES");
	ck_assert_uint_eq(policy_maker_of_mac(p, &other, NULL), POLICY_NONE);
}
END_TEST

START_TEST(digest_is_of_content)
{
	AUTO(policy) a = load(ZONES);
	AUTO(policy) b = load(ZONES);
	AUTO(policy) c = load(ZONES "revision: other\n");

	ck_assert_mem_eq(a->digest, b->digest, 32);
	ck_assert_mem_ne(a->digest, c->digest, 32);
	ck_assert_uint_ge(a->n_files, 9);       /* itself, registry, makers and packs */
	ck_assert_str_eq(a->files[0].path, "t.yaml");
}
END_TEST

/* A diag that holds errors of somebody else does not refuse this policy. */
START_TEST(errors_before)
{
	diag_add(d, DIAG_ERROR, LOC_NONE, "an older one");
	{
		AUTO(policy) p = load(ZONES "rules:\n  - { id: a, from: cctv, action: drop }\n");

		ck_assert_uint_eq(p->n_rules, 1);
		ck_assert_uint_eq(p->ifaces[0].n_zones, 1);
	}
	ck_assert_ptr_null(policy_load_text("t.yaml", "version: 2\n", 11, NULL, &paths, now, d));
	ck_assert_ptr_null(policy_load("no/such/file.yaml", &paths, now, d));
	policy_free(NULL);
}
END_TEST

START_TEST(included_entries)
{
	AUTO(policy) p = policy_load("tests/golden/policy/good/everything.yaml", &paths, now, d);

	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(p->rules[p->n_exceptions + p->n_restrict].id, "estate-clock");
	ck_assert(p->rules[p->n_exceptions + p->n_restrict].from_include);
	ck_assert(!p->rules[0].from_include);
	ck_assert_str_eq(p->rules[p->n_exceptions + p->n_restrict].loc.file, "tests/golden/policy/good/estate.d/20-rules.yaml");
	ck_assert(p->devices[p->n_devices - 1].inventory);
	ck_assert(!p->devices[0].inventory);
	ck_assert_uint_eq(p->devices[3].loc.line, 3);           /* in cameras.csv */
	ck_assert_uint_eq(p->exception_days, 365);
}
END_TEST

/* The longest prefix that has an address, against looking at each. */
START_TEST(nets)
{
	struct policy_net at[400];
	struct policy_nets t = { at, 0 };

	srand(7);
	while (t.n < 400) {
		struct addr a = addr_v4((uint32_t)rand() & 0x0f0f0f0fu);
		char text[ADDR_PREFIX_TEXT], base[ADDR_TEXT];
		bool bits;

		snprintf(text, sizeof(text), "%s/%d", addr_text(&a, base, sizeof(base)), 8 + rand() % 25);
		at[t.n] = (struct policy_net){ .owner = t.n };
		ck_assert(addr_prefix_parse(text, &at[t.n].net, &bits));
		t.n++;
	}
	policy_nets_sort(&t);
	for (int i = 0; i < 20000; i++) {
		struct addr a = addr_v4((uint32_t)rand() & 0x0f0f0f0fu);
		const struct policy_net *hit = policy_nets_find(&t, &a);
		int longest = -1;

		for (uint32_t k = 0; k < t.n; k++)
			if (addr_prefix_contains(&at[k].net, &a) && at[k].net.len > longest)
				longest = at[k].net.len;
		ck_assert_int_eq(hit ? hit->net.len : -1, longest);
	}
}
END_TEST

START_TEST(owners)
{
	static const struct { const char *net; uint32_t owner; } zones[] = {
		{ "10.0.0.0/8", 0 }, { "10.20.0.0/16", 1 }, { "10.20.5.0/24", 1 }, { "10.30.0.0/16", 1 }, { "10.30.7.0/24", 0 }
	}, asked[] = {
		{ "10.20.0.0/16", 1 }, { "10.20.4.0/23", 1 }, { "10.20.5.9", 1 }, { "10.30.0.0/16", POLICY_NONE }, { "10.30.7.0/25", 0 },
		{ "10.30.8.0/24", 1 }, { "10.0.0.0/8", POLICY_NONE }, { "10.1.0.0/16", 0 }, { "11.0.0.0/8", POLICY_NONE },
		{ "0.0.0.0/0", POLICY_NONE }, { "fd00::/8", POLICY_NONE },
	};
	struct policy_net at[5] = { 0 };
	struct policy_nets t = { at, 5 };
	struct prefix p;
	bool bits;

	for (int i = 0; i < 5; i++) {
		ck_assert(addr_prefix_parse(zones[i].net, &at[i].net, &bits));
		at[i].owner = zones[i].owner;
	}
	policy_nets_sort(&t);
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		ck_assert(addr_prefix_parse(asked[i].net, &p, &bits));
		ck_assert_msg(policy_nets_owner(&t, &p) == asked[i].owner, "%s", asked[i].net);
	}
}
END_TEST

START_TEST(modes)
{
	AUTO(policy) p = load("version: 1\nmode: observe\nzones:\n  a: { interfaces: [e1], guarded: true }\n"
			      "  b: { interfaces: [e2], mode: enforce }\n");

	ck_assert_int_eq(p->mode, POLICY_OBSERVE);
	ck_assert_int_eq(p->zones[0].mode, POLICY_OBSERVE);
	ck_assert_int_eq(p->zones[1].mode, POLICY_ENFORCE);
	ck_assert(p->zones[1].mode_own && !p->zones[0].mode_own);
	ck_assert_int_eq(p->fallback, POLICY_DROP);
	ck_assert_uint_eq(p->mark_mask, 0xff000000u);
	ck_assert_str_eq(p->site.name, "");
	ck_assert_str_eq(p->site.timezone, "UTC");
}
END_TEST

static void put_big(struct buf *b, int rules, int devices, int hosts)
{
	buf_str(b, ZONES "devices:\n");
	for (int i = 0; i < devices; i++)
		buf_printf(b, "  - { name: cam-%d, macs: [\"44:19:b6:%02x:%02x:%02x\"], addresses: [10.20.%d.%d], tags: [t%d] }\n", i,
			   i >> 16, i >> 8 & 255, i & 255, i >> 8 & 255, i & 255, i % 20);
	buf_str(b, "hosts:\n");
	for (int i = 0; i < hosts; i++) {
		buf_printf(b, "  h%d: { networks: [", i);
		for (int k = 0; k < 10; k++)
			buf_printf(b, "%s10.%d.%d.%d", k ? ", " : "", 30 + i / 2500, i / 10 % 250, i % 10 * 10 + k);
		buf_str(b, "] }\n");
	}
	buf_str(b, "rules:\n");
	for (int i = 0; i < rules; i++)
		buf_printf(b, "  - { id: r%d, from: h%d, to: cctv, services: [tcp/%d], action: allow }\n", i, i % hosts, i + 1);
}

/* 10,000 rules, 65,536 devices, 100,000 prefixes: about a second, ten under sanitizers; a quadratic check takes minutes. */
START_TEST(big)
{
	int64_t began = now_mono_ns();
	struct buf b;
	struct policy *p;

	buf_init(&b);
	put_big(&b, 10000, 65536, 10000);
	p = policy_load_text("big.yaml", b.data, b.len, NULL, &paths, now, d);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(p->n_rules, 10000);
	ck_assert_uint_eq(p->n_devices, 65536);
	policy_free(p);
	buf_fini(&b);
	ck_assert_msg(now_mono_ns() - began < 60 * NOW_NS_PER_S, "%lld ms", (long long)(now_mono_ns() - began) / 1000000);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("policy");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, names_are_indexes);
	tcase_add_test(t, live);
	tcase_add_test(t, who_is_restricted);
	tcase_add_test(t, whose_mac);
	tcase_add_test(t, digest_is_of_content);
	tcase_add_test(t, errors_before);
	tcase_add_test(t, included_entries);
	tcase_add_test(t, nets);
	tcase_add_test(t, owners);
	tcase_add_test(t, modes);
	tcase_add_test(t, big);
	return suite_run(t);
}
