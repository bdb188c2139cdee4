/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/addr.h"

#include "unit/suite.h"

START_TEST(reads_and_prints_addresses)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "10.1.2.3", "10.1.2.3" }, { "0.0.0.0", "0.0.0.0" }, { "FD00:0:0::5:010", "fd00::5:10" },
		{ "::", "::" }, { "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
	};
	static const char *const wrong[] = { "", "10.1.2", "10.1.2.256", "010.1.2.3", "10.1.2.3 ", "fe80::1%eth0", "1::2::3", "10.1.2.3/8", ":" };
	char text[ADDR_TEXT];
	struct addr a;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert(addr_parse(cases[i].in, &a));
		ck_assert_str_eq(addr_text(&a, text, sizeof(text)), cases[i].out);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!addr_parse(wrong[i], &a), "%s was taken", wrong[i]);
	a = addr_v4(0x0a010203);
	ck_assert_str_eq(addr_text(&a, text, sizeof(text)), "10.1.2.3");
}
END_TEST

START_TEST(reads_prefixes)
{
	static const char *const wrong[] = { "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "::/129", "10.0.0.0/8x", "/8", "10.0.0.0/999999999999" };
	struct prefix p;
	struct addr a;
	bool host_bits;
	char text[ADDR_PREFIX_TEXT];

	ck_assert(addr_prefix_parse("10.1.2.3/9", &p, &host_bits));
	ck_assert(host_bits);
	ck_assert_str_eq(addr_prefix_text(&p, text, sizeof(text)), "10.0.0.0/9");
	ck_assert(addr_prefix_parse("fd00:20::/63", &p, &host_bits));
	ck_assert(!host_bits);
	a = addr_prefix_last(&p);
	ck_assert_str_eq(addr_text(&a, text, sizeof(text)), "fd00:20:0:1:ffff:ffff:ffff:ffff");
	ck_assert(addr_prefix_parse("0.0.0.0/0", &p, &host_bits) && p.len == 0);
	ck_assert(addr_prefix_parse("10.1.2.3", &p, &host_bits) && p.len == 32);
	ck_assert_str_eq(addr_prefix_text(&p, text, sizeof(text)), "10.1.2.3");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!addr_prefix_parse(wrong[i], &p, &host_bits), "%s was taken", wrong[i]);
}
END_TEST

/* Every length against a bit by bit count, one address inside and one just outside. */
START_TEST(contains_exactly_its_addresses)
{
	struct prefix p = { .len = (uint8_t)_i };
	struct addr a, b;

	ck_assert(addr_parse("fd12:3456:789a:bcde:f012:3456:789a:bcde", &a));
	p.addr = a;
	for (unsigned bit = p.len; bit < 128; bit++)
		p.addr.b[bit / 8] &= (uint8_t)~(0x80 >> (bit % 8));
	ck_assert(addr_prefix_contains(&p, &a));
	b = addr_prefix_last(&p);
	ck_assert(addr_prefix_contains(&p, &b));
	if (!p.len)
		return;
	a.b[(p.len - 1) / 8] ^= (uint8_t)(0x80 >> ((p.len - 1) % 8));
	ck_assert(!addr_prefix_contains(&p, &a));
	a = addr_v4(0);
	ck_assert(!addr_prefix_contains(&p, &a));
}
END_TEST

START_TEST(knows_kinds)
{
	static const struct { const char *text; bool of_link, multicast; } cases[] = {
		{ "224.0.0.251", true, true }, { "224.0.1.1", false, true }, { "239.255.255.250", false, true }, { "255.255.255.255", true, true },
		{ "0.0.0.0", true, false }, { "::", true, false }, { "fe80::1", true, false }, { "febf::1", true, false }, { "fec0::1", false, false },
		{ "ff02::1", true, true }, { "ff12::1", true, true }, { "ff05::1", false, true }, { "10.0.0.1", false, false }, { "2001:db8::1", false, false },
	};
	struct addr a;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert(addr_parse(cases[i].text, &a));
		ck_assert_msg(addr_is_of_link(&a) == cases[i].of_link, "%s", cases[i].text);
		ck_assert_msg(addr_is_multicast(&a) == cases[i].multicast, "%s", cases[i].text);
	}
}
END_TEST

START_TEST(reads_macs)
{
	static const char *const wrong[] = { "", "44:19:b6:01:02", "44:19:b6:01:02:03:04", "44:19-b6:01:02:03", "4:19:b6:01:02:03", "44:19:b6:01:02:0g", "4419b6010203" };
	struct mac m;
	char text[ADDR_MAC_TEXT];

	ck_assert(addr_mac_parse("44-19-B6-01-02-03", &m));
	ck_assert_str_eq(addr_mac_text(&m, text, sizeof(text)), "44:19:b6:01:02:03");
	ck_assert_uint_eq(addr_mac_u64(&m), 0x4419b6010203);
	ck_assert(!addr_mac_is_local(&m) && !addr_mac_is_group(&m));
	ck_assert(addr_mac_parse("03:00:00:00:00:01", &m) && addr_mac_is_local(&m) && addr_mac_is_group(&m));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!addr_mac_parse(wrong[i], &m), "%s was taken", wrong[i]);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("addr");

	tcase_add_test(tc, reads_and_prints_addresses);
	tcase_add_test(tc, reads_prefixes);
	tcase_add_loop_test(tc, contains_exactly_its_addresses, 0, 129);
	tcase_add_test(tc, knows_kinds);
	tcase_add_test(tc, reads_macs);
	return suite_run(tc);
}
