/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames of ARP and neighbour discovery: what they tell, what they cannot, and questions as the other side reads them. */
#include "kern/arp.h"

#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "kern/nfq.h"
#include "unit/suite.h"

static const struct mac us = { { 2, 0, 0, 0, 0x99, 1 } }, them = { { 2, 0, 0, 0, 0x99, 2 } };
static const struct mac everybody = { { 255, 255, 255, 255, 255, 255 } }, nobody;

static uint8_t frame[128];
static size_t len;
static struct arp_sighting seen;
static bool bad;

static struct addr at(const char *s)
{
	struct addr a;

	ck_assert(addr_parse(s, &a));
	return a;
}

static void put(size_t where, const void *p, size_t n)
{
	memcpy(frame + where, p, n);
}

static void arp(unsigned op, const struct mac *to, const char *sender, const char *target)
{
	static const uint8_t head[] = { 8, 6, 0, 1, 8, 0, 6, 4, 0 };
	const struct addr s = at(sender), t = at(target);

	memset(frame, 0, sizeof(frame));
	put(0, to->b, 6);
	put(6, them.b, 6);
	put(12, head, sizeof(head));
	frame[21] = (uint8_t)op;
	put(22, them.b, 6);
	put(28, s.b, 4);
	put(32, op == 2 ? us.b : nobody.b, 6);
	put(38, t.b, 4);
	len = 42;
}

/* With one option of a link-layer address. */
static void nd(unsigned type, const struct mac *to, const char *src, const char *dst, const char *target, unsigned flags)
{
	static const uint8_t head[] = { 0x86, 0xdd, 0x60, 0, 0, 0, 0, 32, 58, 255 };
	const struct addr s = at(src), d = at(dst), t = at(target);

	memset(frame, 0, sizeof(frame));
	put(0, to->b, 6);
	put(6, them.b, 6);
	put(12, head, sizeof(head));
	put(22, s.b, 16);
	put(38, d.b, 16);
	frame[54] = (uint8_t)type;
	frame[58] = (uint8_t)flags;
	put(62, t.b, 16);
	frame[78] = type == 135 ? 1 : 2;
	frame[79] = 1;
	put(80, them.b, 6);
	len = 86;
}

static bool told4(bool to_us)
{
	return arp_parse4(frame, len, to_us, &seen, &bad);
}

static bool told6(bool to_us)
{
	return arp_parse6(frame, len, to_us, &seen, &bad);
}

static void check(enum arp_kind kind, const char *address)
{
	const struct addr a = at(address);

	ck_assert(!bad);
	ck_assert_int_eq(seen.kind, kind);
	ck_assert(addr_equal(&seen.addr, &a));
	ck_assert(addr_mac_equal(&seen.mac, &them));
}

START_TEST(test_arp)
{
	arp(2, &us, "10.99.0.2", "10.99.0.1");
	ck_assert(told4(true));
	check(ARP_ANSWER, "10.99.0.2");
	ck_assert(told4(false));                /* a reply that everybody gets proves nothing */
	check(ARP_CLAIM, "10.99.0.2");
	arp(1, &everybody, "10.99.0.2", "10.99.0.1");
	ck_assert(told4(false));
	check(ARP_CLAIM, "10.99.0.2");
	ck_assert(told4(true));                 /* nor does a request */
	check(ARP_CLAIM, "10.99.0.2");
	arp(1, &everybody, "0.0.0.0", "10.99.0.7");
	ck_assert(told4(false));
	check(ARP_PROBE, "10.99.0.7");
	arp(1, &us, "10.99.0.2", "10.99.0.1");
	len = 60;                               /* padded */
	ck_assert(told4(true));
	frame[21] = 8;                          /* InARP */
	ck_assert(!told4(true) && !bad);
}
END_TEST

START_TEST(test_arp_bad)
{
	static const struct { const char *what; uint8_t where, value; } rows[] = {
		{ "ethertype", 13, 0 }, { "hardware", 15, 6 }, { "protocol", 16, 0x86 }, { "MAC length", 18, 8 },
		{ "address length", 19, 16 }, { "sender's MAC", 27, 9 }, { "group source", 6, 3 }, { "loopback", 28, 127 },
		{ "multicast", 28, 224 }, { "broadcast", 28, 255 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		arp(2, &us, i == 9 ? "10.255.255.255" : "10.99.0.2", "10.99.0.1");
		frame[rows[i].where] = rows[i].value;
		ck_assert_msg(!told4(true) && bad, "%s", rows[i].what);
	}
	arp(2, &us, "0.0.0.0", "10.99.0.1");
	ck_assert(!told4(true) && bad);
	arp(1, &us, "0.0.0.0", "0.0.0.0");
	ck_assert(!told4(true) && bad);
	arp(1, &us, "10.99.0.2", "10.99.0.1");
	memset(frame + 6, 0, 6);
	memset(frame + 22, 0, 6);
	ck_assert(!told4(true) && bad);
}
END_TEST

START_TEST(test_nd)
{
	nd(136, &us, "fd99::2", "fd99::1", "fd99::2", 0x60);
	ck_assert(told6(true));
	check(ARP_ANSWER, "fd99::2");
	ck_assert(told6(false));
	check(ARP_CLAIM, "fd99::2");
	nd(136, &us, "fd99::2", "fd99::1", "fd99::2", 0x20);    /* nobody asked */
	ck_assert(told6(true));
	check(ARP_CLAIM, "fd99::2");
	nd(136, &us, "fd99::2", "ff02::1", "fd99::2", 0x60);
	ck_assert(told6(true));
	check(ARP_CLAIM, "fd99::2");
	nd(136, &us, "fe80::2", "fd99::1", "fd99::9", 0x40);    /* the target is what is claimed */
	ck_assert(told6(true));
	check(ARP_ANSWER, "fd99::9");
	nd(135, &us, "fd99::2", "ff02::1:ff00:1", "fd99::1", 0x40);
	ck_assert(told6(true));
	check(ARP_CLAIM, "fd99::2");
	nd(135, &us, "::", "ff02::1:ff00:7", "fd99::7", 0);
	frame[78] = 14;                                         /* a nonce */
	ck_assert(told6(false));
	check(ARP_PROBE, "fd99::7");
	nd(136, &us, "fd99::2", "fd99::1", "fd99::2", 0x60);
	frame[19] = 24;                                         /* padding instead of an option */
	ck_assert(told6(true));
	check(ARP_ANSWER, "fd99::2");
	frame[54] = 134;
	ck_assert(!told6(true) && !bad);
}
END_TEST

START_TEST(test_nd_bad)
{
	static const struct { const char *what; uint8_t where, value; } rows[] = {
		{ "ethertype", 12, 8 }, { "version", 14, 0x40 }, { "length", 18, 1 }, { "longer than the frame", 19, 33 },
		{ "shorter than its head", 19, 23 }, { "half an option", 19, 28 }, { "next header", 20, 0 }, { "hop limit", 21, 254 },
		{ "code", 55, 1 }, { "multicast target", 62, 255 }, { "multicast source", 22, 255 }, { "group source", 6, 3 },
		{ "option's MAC", 85, 9 }, { "option of no length", 79, 0 }, { "option beyond the end", 79, 2 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		nd(136, &us, "fd99::2", "fd99::1", "fd99::2", 0x60);
		frame[rows[i].where] = rows[i].value;
		ck_assert_msg(!told6(true) && bad, "%s", rows[i].what);
	}
	for (unsigned extra = 0; extra < 2; extra++) {          /* sixteen bytes where eight are left */
		uint8_t *copy;

		nd(136, &us, "fd99::2", "fd99::1", "fd99::2", 0x60);
		frame[78] = 14;
		frame[79] = (uint8_t)(2 + extra);
		copy = malloc(len);
		memcpy(copy, frame, len);
		ck_assert(!arp_parse6(copy, len, true, &seen, &bad) && bad);
		free(copy);
	}
	nd(136, &us, "fd99::2", "fd99::1", "fd99::2", 0x60);    /* the packet is longer than the frame, by a whole option */
	frame[19] = 40;
	put(86, "\x0e\1", 2);
	ck_assert(!arp_parse6(frame, len, true, &seen, &bad) && bad);
	nd(136, &us, "fd99::2", "fd99::1", "::1", 0x60);
	ck_assert(!told6(true) && bad);
	nd(136, &us, "::", "fd99::1", "fd99::2", 0x60);
	ck_assert(!told6(true) && bad);
	nd(135, &us, "ff02::2", "fd99::1", "fd99::2", 0);
	ck_assert(!told6(true) && bad);
	nd(136, &us, "fd99::2", "fd99::1", "fd99::2", 0x60);
	frame[79] = 2;                                          /* sixteen bytes are no MAC */
	frame[19] = 40;
	len += 8;
	ck_assert(!told6(true) && bad);
}
END_TEST

/* Another option's contents are not compared. */
START_TEST(test_nd_options)
{
	nd(136, &us, "fd99::2", "fd99::1", "fd99::2", 0x60);
	put(86, frame + 78, 8);
	frame[78] = 1;
	frame[80] = 77;
	frame[19] = 40;
	len = 94;
	ck_assert(told6(true));
	frame[93] ^= 1;
	ck_assert(!told6(true) && bad);
}
END_TEST

static void cut(bool (*parse)(const uint8_t *, size_t, bool, struct arp_sighting *, bool *))
{
	for (size_t n = 0; n < len; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, frame, n);
		ck_assert(!parse(copy, n, true, &seen, &bad) && bad);
		free(copy);
	}
}

START_TEST(test_cut)
{
	arp(2, &us, "10.99.0.2", "10.99.0.1");
	cut(arp_parse4);
	nd(136, &us, "fd99::2", "fd99::1", "fd99::2", 0x60);
	cut(arp_parse6);
}
END_TEST

/* Router solicitations have no target. */
static void rs(const char *src)
{
	nd(133, &us, src, "ff02::2", "fd99::1", 0);
	put(62, "\1\1", 2);
	put(64, them.b, 6);
	frame[19] = 16;
	len = 70;
}

START_TEST(test_router_solicit)
{
	rs("fe80::2");
	ck_assert(told6(true));
	check(ARP_CLAIM, "fe80::2");
	cut(arp_parse6);
	rs("fe80::2");
	frame[64] ^= 4;
	ck_assert(!told6(true) && bad);
	rs("::");
	ck_assert(!told6(true) && !bad);
	rs("ff02::2");
	ck_assert(!told6(true) && bad);
	rs("fe80::2");
	frame[6] |= 1;
	ck_assert(!told6(true) && bad);
}
END_TEST

/* What the input hook logs is the same frame, but for its type (a tag's), and says by the MAC whether it was for us alone. */
static struct nfq_packet logged(void)
{
	return (struct nfq_packet){ .ether = frame, .payload = frame + 14, .caplen = (uint32_t)len - 14, .protocol = 0x86dd,
				    .hook = NF_INET_LOCAL_IN, .iif = 4 };
}

static bool told(const struct nfq_packet *p)
{
	return arp_parse_logged(p, &seen, &bad);
}

START_TEST(test_logged)
{
	static uint8_t much[4096];
	struct nfq_packet p;

	nd(136, &us, "fd99::2", "fd99::1", "fd99::2", 0x60);
	frame[12] = 0x81;
	p = logged();
	ck_assert(told(&p));
	check(ARP_ANSWER, "fd99::2");
	ck_assert_uint_eq(seen.ifindex, 4);
	frame[0] = 0x33;
	ck_assert(told(&p));
	check(ARP_CLAIM, "fd99::2");
	for (unsigned i = 0; i < 7; i++) {
		nd(136, &us, "fd99::2", "fd99::1", "fd99::2", 0x60);
		p = logged();
		p.malformed = i == 0;
		p.ether = i == 1 ? NULL : p.ether;
		p.hook = i == 2 ? NF_INET_FORWARD : p.hook;
		p.protocol = i == 3 ? 0x800 : p.protocol;
		p.iif = i == 4 ? 0 : p.iif;
		p.caplen -= i == 5;
		frame[21] = i == 6 ? 254 : 255;
		ck_assert_msg(!told(&p) && bad, "%u", i);
	}
	/* Padding behind it may be longer than what is kept. */
	nd(136, &us, "fd99::2", "fd99::1", "fd99::2", 0x60);
	memcpy(much, frame + 14, len - 14);
	p = logged();
	p.payload = much;
	p.caplen = 2034;
	ck_assert(told(&p));
	p.caplen = sizeof(much);
	ck_assert(!told(&p) && bad);
}
END_TEST

static size_t ask(const char *own, const char *address)
{
	const struct addr o = at(own), a = at(address);

	memset(frame, 0xee, sizeof(frame));
	len = arp_request(frame, &them, &o, &us, &a);
	return len;
}

static void sum_is_right(void)
{
	unsigned sum = 32 + 58;

	for (size_t i = 22; i < len; i += 2)
		sum += (unsigned)frame[i] << 8 | frame[i + 1];
	ck_assert_uint_eq((sum & 0xffff) + (sum >> 16), 0xffff);
}

START_TEST(test_request)
{
	ck_assert_uint_eq(ask("10.99.0.2", "10.99.0.1"), 42);
	ck_assert(told4(true));
	check(ARP_CLAIM, "10.99.0.2");
	ck_assert_mem_eq(frame, us.b, 6);
	ck_assert_mem_eq(frame + 32, nobody.b, 6);
	ck_assert_mem_eq(frame + 38, "\x0a\x63\x00\x01", 4);
	ck_assert_uint_eq(ask("0.0.0.0", "10.99.0.1"), 42);
	ck_assert(told4(true));
	check(ARP_PROBE, "10.99.0.1");
	ck_assert_uint_eq(ask("fd99::2", "fd99::1"), 86);
	ck_assert(told6(true));
	check(ARP_CLAIM, "fd99::2");
	ck_assert_mem_eq(frame + 38, frame + 62, 16);
	sum_is_right();
}
END_TEST

START_TEST(everybody_is_asked)
{
	const struct addr own = at("10.99.0.2"), a = at("10.99.0.1"), own6 = at("fd99::2"), a6 = at("fd99::12:3456");

	len = arp_request(frame, &them, &own, NULL, &a);
	ck_assert_uint_eq(len, 42);
	ck_assert_mem_eq(frame, everybody.b, 6);
	ck_assert(told4(false));
	check(ARP_CLAIM, "10.99.0.2");
	len = arp_request(frame, &them, &own6, NULL, &a6);
	ck_assert_uint_eq(len, 86);
	ck_assert_mem_eq(frame, "\x33\x33\xff\x12\x34\x56", 6);
	ck_assert_mem_eq(frame + 38, "\xff\x02\0\0\0\0\0\0\0\0\0\1\xff\x12\x34\x56", 16);
	ck_assert(told6(false));
	check(ARP_CLAIM, "fd99::2");
	sum_is_right();
}
END_TEST

START_TEST(test_request_not)
{
	const struct addr own = at("10.99.0.2"), a = at("10.99.0.1");

	ck_assert_uint_eq(ask("::", "fd99::1"), 0);
	ck_assert_uint_eq(ask("10.99.0.2", "fd99::1"), 0);
	ck_assert_uint_eq(ask("fd99::2", "10.99.0.1"), 0);
	ck_assert_uint_eq(ask("10.99.0.2", "0.0.0.0"), 0);
	ck_assert_uint_eq(ask("10.99.0.2", "224.0.0.1"), 0);
	ck_assert_uint_eq(ask("fd99::2", "ff02::1"), 0);
	ck_assert_uint_eq(ask("ff02::2", "fd99::1"), 0);
	ck_assert_uint_eq(arp_request(frame, &them, &own, &everybody, &a), 0);
	ck_assert_uint_eq(arp_request(frame, &nobody, &own, &us, &a), 0);
	ck_assert_uint_eq(arp_request(frame, &them, &own, &nobody, &a), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("arp");

	tcase_add_test(tc, test_arp);
	tcase_add_test(tc, test_arp_bad);
	tcase_add_test(tc, test_nd);
	tcase_add_test(tc, test_nd_bad);
	tcase_add_test(tc, test_nd_options);
	tcase_add_test(tc, test_cut);
	tcase_add_test(tc, test_router_solicit);
	tcase_add_test(tc, test_logged);
	tcase_add_test(tc, test_request);
	tcase_add_test(tc, test_request_not);
	tcase_add_test(tc, everybody_is_asked);
	return suite_run(tc);
}
