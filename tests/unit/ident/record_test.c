/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ident keeps of a device: listings, evidence, stickiness; into the store and back. */
#include "unit/ident/steps.h"

START_TEST(test_pin_comes_later)
{
	struct ident *first = id;
	struct policy *empty;
	char text[sizeof(site_text)];
	struct ident_evidence v[IDENT_EVIDENCE];
	struct err e = { 0 };
	struct mac second;
	uint64_t old;
	unsigned n, sadp = 0;

	memcpy(text, site_text, sizeof(text));
	memcpy(strstr(text, "devices:"), "tests: []\n#", 11);
	/* Comment every listed device out. */
	for (char *at = strstr(text, "  - { name: by-mac"); at && at < strstr(text, "groups:"); at = strchr(at, '\n') + 1)
		*at = '#';
	empty = site_policy(text);
	ck_assert_uint_eq(empty->n_devices, 0);
	id = ident_new(NULL, 1);
	ck_assert(!ident_set_policy(id, empty, now, &e));
	settle("cam0", AXIS "66", "10.20.1.1");
	settle("cam0", AXIS "03", "10.20.2.3");
	settle("cam0", HIK "01", "10.20.2.4");
	settle("cam0", AXIS "02", "10.20.2.5");
	second = site_mac(AXIS "03");
	ident_add_evidence(id, &second, "sadp", "DS-2CD", IDENT_PROTOCOL, "huawei", now);
	ck_assert(!record(AXIS "03").sticky);           /* not restricted by that policy's packs */
	ident_add_evidence(id, &second, "sadp", "DS-2CD", IDENT_PROTOCOL, "dahua", now);
	ck_assert(record(AXIS "03").sticky);
	ck_assert(!record(AXIS "02").sticky);
	old = device(AXIS "02");
	now += S(5);
	ck_assert(!ident_set_policy(id, p, now, &e));
	take_facts();
	ck_assert_int_eq(proof("cam0", AXIS "66", "10.20.1.1"), WHO_NO_PROOF);          /* the pin overrules it */
	ck_assert_ptr_nonnull(fact(IDENT_UNBOUND));
	ck_assert_int_eq(proof("cam0", AXIS "03", "10.20.2.3"), WHO_VERIFIED);
	ck_assert_uint_eq(device(AXIS "03"), old);              /* one record for both, with what was known of either */
	ck_assert(record(AXIS "03").sticky);
	n = ident_evidence_of(id, old, v);
	for (unsigned i = 0; i < n; i++)
		sadp += !strcmp(v[i].source, "sadp");
	ck_assert_uint_eq(sadp, 1);
	ck_assert_str_eq(record(AXIS "03").name, "by-mac");
	ck_assert_uint_eq(device(AXIS "02"), old);
	ck_assert(record(AXIS "03").listed);
	ck_assert_uint_ne(ident_device_named(id, "by-address"), 0);
	/* And back. */
	ck_assert(!ident_set_policy(id, empty, now + 1, &e));
	ck_assert(!record(AXIS "03").listed);
	n = ident_evidence_of(id, old, v);
	for (unsigned i = 0; i < n; i++)
		ck_assert_str_ne(v[i].source, "policy");
	ck_assert_uint_eq(ident_device_named(id, "by-address"), 0);
	ident_free(id);
	policy_free(empty);
	id = first;
}
END_TEST

START_TEST(test_evidence)
{
	struct mac m = site_mac(STRANGER "10");
	struct ident_evidence v[IDENT_EVIDENCE];
	char value[32];

	ck_assert_uint_eq(ident_add_evidence(id, &m, "sadp", "DS-2CD", IDENT_PROTOCOL, "hikvision", now), 0);
	settle("cam0", STRANGER "10", "10.20.0.10");
	ck_assert_str_eq(record(STRANGER "10").maker, "");
	ck_assert_uint_ne(ident_add_evidence(id, &m, "dhcp", "udhcp", IDENT_HINT, "hikvision", now), 0);
	ck_assert(!record(STRANGER "10").sticky);               /* a hint restricts nobody */
	ident_add_evidence(id, &m, "onvif", "AXIS", IDENT_PROTOCOL, "axis", now);
	ck_assert_str_eq(record(STRANGER "10").maker, "axis");
	take_facts();
	now += S(10);
	ident_add_evidence(id, &m, "sadp", "DS-2CD", IDENT_PROTOCOL, "hikvision", now);
	ck_assert(record(STRANGER "10").sticky);
	take_facts();
	ck_assert_ptr_nonnull(fact(IDENT_RESTRICTED_NEW));
	ck_assert_str_eq(fact(IDENT_RESTRICTED_NEW)->text, "sadp: DS-2CD: hikvision");
	ck_assert_ptr_nonnull(fact(IDENT_CONTRADICTION));
	now += S(10);
	ident_add_evidence(id, &m, "sadp", "DS-2CD", IDENT_PROTOCOL, "hikvision", now);
	take_facts();
	ck_assert_uint_eq(n_facts, 0);                  /* told once */
	ck_assert_uint_eq(ident_evidence_of(id, device(STRANGER "10"), v), 4);          /* the registrant, too */
	for (int i = 0; i < 4; i++)
		if (!strcmp(v[i].source, "sadp"))
			ck_assert_int_eq(v[i].last_ns - v[i].first_ns, S(10));
	/* Bounded; what is weaker gives way first. */
	for (int i = 0; i < 100; i++) {
		snprintf(value, sizeof(value), "host-%d", i);
		ident_add_evidence(id, &m, "dhcp", value, IDENT_HINT, "", now + i);
	}
	ck_assert_uint_eq(ident_evidence_of(id, device(STRANGER "10"), v), IDENT_EVIDENCE);
	ck_assert_str_eq(v[0].value, "host-99");
	for (int i = 0; i < 100; i++) {
		snprintf(value, sizeof(value), "model-%d", i);
		ident_add_evidence(id, &m, "onvif", value, IDENT_PROTOCOL, "", now + i);
	}
	ident_add_evidence(id, &m, "dhcp", "a last hint", IDENT_HINT, "", now + 200);
	ck_assert_uint_eq(ident_evidence_of(id, device(STRANGER "10"), v), IDENT_EVIDENCE);
	for (int i = 0; i < IDENT_EVIDENCE; i++)
		ck_assert_int_eq(v[i].strength, IDENT_PROTOCOL);
	ck_assert(record(STRANGER "10").sticky);                /* and stays, though its evidence was pushed out */
}
END_TEST

/* A pin can restrict; a policy that no longer says so does not clear. */
START_TEST(test_sticky)
{
	char text[sizeof(site_text)];
	struct policy *lax;
	struct err e = { 0 };

	ck_assert(record(STRANGER "06").sticky);
	ck_assert_str_eq(record(STRANGER "06").maker, "hikvision");
	claim("cam0", STRANGER "06", "10.20.1.6");              /* told when it is first seen */
	take_facts();
	ck_assert_ptr_nonnull(fact(IDENT_DEVICE_NEW));
	ck_assert_str_eq(fact(IDENT_RESTRICTED_NEW)->text, "policy: listed as typed: hikvision");
	claim("cam0", STRANGER "06", "10.20.1.6");
	take_facts();
	ck_assert_uint_eq(n_facts, 0);
	memcpy(text, site_text, sizeof(text));
	memcpy(strstr(text, "maker: hikvision"), "maker: axis     ", 16);
	lax = site_policy(text);
	now += 1;
	ck_assert(!ident_set_policy(id, lax, now, &e));
	ck_assert_str_eq(record(STRANGER "06").maker, "axis");
	ck_assert(record(STRANGER "06").sticky);
	ck_assert(!ident_set_policy(id, p, now, &e));
	policy_free(lax);
}
END_TEST

/* A store of a few rows. */
static struct ident_device devices[64];
static struct ident_evidence evidence[256];
static struct ident_binding bindings[64];
static unsigned n_devices, n_evidence, n_bindings, n_writes;

static void put_device(void *ctx, const struct ident_device *d)
{
	unsigned i = 0;

	(void)ctx;
	while (i < n_devices && devices[i].id != d->id)
		i++;
	devices[i] = *d;
	n_devices += i == n_devices;
	n_writes++;
}

static void drop_device(void *ctx, uint64_t device_id)
{
	(void)ctx;
	for (unsigned i = 0; i < n_devices; i++)
		if (devices[i].id == device_id)
			devices[i] = devices[--n_devices];
	n_writes++;
}

static void put_evidence(void *ctx, const struct ident_evidence *v)
{
	(void)ctx;
	evidence[n_evidence++] = *v;
	n_writes++;
}

static void put_binding(void *ctx, const struct ident_binding *b)
{
	unsigned i = 0;

	(void)ctx;
	while (i < n_bindings && (strcmp(bindings[i].iface, b->iface) != 0 || !addr_mac_equal(&bindings[i].mac, &b->mac) ||
				  !addr_equal(&bindings[i].addr, &b->addr)))
		i++;
	n_writes++;
	if (b->gone) {
		if (i < n_bindings)
			bindings[i] = bindings[--n_bindings];
		return;
	}
	bindings[i] = *b;
	n_bindings += i == n_bindings;
}

static const struct ident_sink sink = { put_device, drop_device, put_evidence, put_binding, NULL };

START_TEST(test_store_and_back)
{
	struct err e = { 0 };
	uint64_t hik, last;
	unsigned before;

	settle("cam0", AXIS "10", "10.20.0.10");
	settle("cam1", HIK "11", "fd00:20::11");
	claim("cam0", AXIS "12", "10.20.0.12");         /* not proved: not written */
	claim("cam0", AXIS "01", "10.20.1.1");
	ident_flush(id, &sink, SIZE_MAX);
	ck_assert_uint_eq(n_bindings, 3);
	ck_assert_uint_eq(n_devices, 2 + 5);            /* and the listed ones */
	n_writes = 0;
	ident_flush(id, &sink, SIZE_MAX);
	ck_assert_uint_eq(n_writes, 0);
	/* One that is proved later brings the evidence that was there before. */
	before = n_evidence;
	while (*probe())
		;
	answer("cam0", AXIS "12", "10.20.0.12");
	ident_flush(id, &sink, SIZE_MAX);
	ck_assert_uint_eq(n_evidence, before + 1);
	ck_assert_str_eq(evidence[before].maker, "axis");
	hik = device(HIK "11");
	last = ident_last_id(id);
	ident_free(id);
	id = ident_new(NULL, 99);
	for (unsigned i = 0; i < n_devices; i++)
		ck_assert_msg(!ident_restore_device(id, &devices[i], &e), "%s", e.msg);
	for (unsigned i = 0; i < n_evidence; i++)
		ck_assert_msg(!ident_restore_evidence(id, &evidence[i], &e), "%s", e.msg);
	now += S(1000);
	for (unsigned i = 0; i < n_bindings; i++)
		ck_assert_msg(!ident_restore_binding(id, &bindings[i], now, &e), "%s", e.msg);
	ck_assert(!ident_set_policy(id, p, now, &e));
	ck_assert_uint_eq(device(HIK "11"), hik);
	ck_assert(record(HIK "11").sticky);
	ck_assert_str_eq(record(AXIS "01").name, "pinned");
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.0.10"), WHO_VERIFIED);         /* at once */
	ck_assert_int_eq(proof("cam0", AXIS "01", "10.20.1.1"), WHO_PINNED);
	ck_assert_uint_le(ident_last_id(id), last);
	take_facts();
	ck_assert_ptr_null(fact(IDENT_DEVICE_NEW));
	ck_assert_ptr_null(fact(IDENT_RESTRICTED_NEW));         /* old news */
	now += S(1);
	ck_assert_str_ne(probe(), "");                  /* and asked again in the background */
	ck_assert_int_eq(claim("cam0", AXIS "13", "10.20.0.13"), IDENT_ASKED);
	/* Silence does not take what was kept. */
	for (int i = 0; i < 10; i++, now += S(1))
		while (*probe())
			;
	ck_assert_int_eq(proof("cam0", AXIS "10", "10.20.0.10"), WHO_VERIFIED);
	/* What goes is taken out of the store. */
	now += S(40 * 86400);
	ident_tick(id, now);
	ident_flush(id, &sink, SIZE_MAX);
	ck_assert_uint_eq(n_bindings, 1);               /* the pinned one stays */
}
END_TEST

/* A few at a time: the same in the end, and no binding ahead of its device. */
START_TEST(test_store_by_and_by)
{
	unsigned calls = 1, of_devices = 0;

	settle("cam0", AXIS "10", "10.20.0.10");
	settle("cam1", HIK "11", "fd00:20::11");
	claim("cam0", AXIS "01", "10.20.1.1");
	for (; ident_flush(id, &sink, 2); calls++) {
		ck_assert_uint_gt(n_devices + n_evidence + n_bindings, of_devices);
		of_devices = n_devices + n_evidence + n_bindings;
		ck_assert(!n_bindings || n_devices == 2 + 5);
	}
	ck_assert_uint_gt(calls, 5);
	ck_assert_uint_eq(n_bindings, 3);
	ck_assert_uint_eq(n_devices, 2 + 5);
	of_devices = n_evidence;
	n_writes = 0;
	ck_assert(!ident_flush(id, &sink, 2));
	ck_assert_uint_eq(n_writes, 0);
	/* The store was made anew. */
	n_devices = n_evidence = n_bindings = 0;
	ident_flush_again(id);
	while (ident_flush(id, &sink, 2))
		;
	ck_assert_uint_eq(n_bindings, 3);
	ck_assert_uint_eq(n_devices, 2 + 5);
	ck_assert_uint_eq(n_evidence, of_devices);
}
END_TEST

/* Restricted once, by evidence that is long gone: the listing of another of its MACs does not wash it off. */
START_TEST(test_sticky_without_evidence)
{
	struct ident_device plain = { .id = 5, .has_mac = true, .mac = site_mac(AXIS "02") };
	struct ident_device sticky = { .id = 6, .has_mac = true, .mac = site_mac(AXIS "03"), .sticky = true };
	struct err e = { 0 };

	ident_free(id);
	id = ident_new(NULL, 1);
	ck_assert(!ident_restore_device(id, &plain, &e));
	ck_assert(!ident_restore_device(id, &sticky, &e));
	ck_assert(!ident_set_policy(id, p, now, &e));
	ck_assert_uint_eq(device(AXIS "02"), 5);
	ck_assert_uint_eq(device(AXIS "03"), 5);
	ck_assert(record(AXIS "02").sticky);
}
END_TEST

START_TEST(test_restore_refuses_nonsense)
{
	struct ident_device d = { .id = 7, .has_mac = true, .mac = site_mac(AXIS "77") }, none = { 0 };
	struct ident_evidence v = { .device = 8 };
	struct ident_binding b = { .device = 7, .iface = "cam0", .mac = site_mac(AXIS "77"), .addr = site_addr("10.20.0.7"),
				   .proof = WHO_VERIFIED };
	struct err e = { 0 };

	ident_free(id);
	id = ident_new(NULL, 1);
	ck_assert_int_eq(ident_restore_device(id, &none, &e), -1);
	ck_assert_int_eq(ident_restore_device(id, &d, &e), 0);
	ck_assert_int_eq(ident_restore_device(id, &d, &e), -1);
	d.id = 8;
	ck_assert_int_eq(ident_restore_device(id, &d, &e), -1);
	ck_assert_int_eq(ident_restore_evidence(id, &v, &e), -1);
	ck_assert_int_eq(ident_restore_binding(id, &b, now, &e), 0);
	ck_assert_int_eq(ident_restore_binding(id, &b, now, &e), -1);
	b.addr.family = 0;
	ck_assert_int_eq(ident_restore_binding(id, &b, now, &e), -1);
	ck_assert_uint_eq(ident_last_id(id), 7);
}
END_TEST

int main(void)
{
	const TTest *const all[] = {
		test_pin_comes_later,
		test_evidence,
		test_sticky,
		test_store_and_back,
		test_store_by_and_by,
		test_sticky_without_evidence,
		test_restore_refuses_nonsense,
	};

	return steps_run("record", all, sizeof(all) / sizeof(*all));
}
