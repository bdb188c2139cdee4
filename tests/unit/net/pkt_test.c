/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/pkt.h"

#include <stdlib.h>
#include <string.h>

#include "unit/suite.h"

/* Bytes from hex text; blanks are skipped. */
static size_t hex(const char *text, uint8_t *out)
{
	size_t n = 0;
	char two[3] = "";

	for (; *text; text++) {
		if (*text == ' ')
			continue;
		two[0] = *text++;
		two[1] = *text;
		out[n++] = (uint8_t)strtoul(two, NULL, 16);
	}
	return n;
}

static struct pkt decode(const char *text)
{
	uint8_t data[512];
	size_t n = hex(text, data);
	uint8_t *exact = malloc(n ? n : 1);
	struct pkt p;

	memset(&p, 0xee, sizeof(p));            /* whatever was there must not show through */
	memcpy(exact, data, n);
	pkt_decode(exact, n, &p);
	free(exact);
	return p;
}

#define V4(len, frag, proto) "4500" len "0001" frag "40" proto "0000 0a140102 0a010509 "
#define V6(len, next) "60000000" len next "40 fd000020000000000000000000000002 fd000001000000000000000000050010 "
#define TCP "c000 022a 00000001 00000000 5002 ffff 0000 0000"
#define UDP "c000 022a 0010 0000 0000000000000000"

START_TEST(reads_whole_packets)
{
	struct pkt p = decode(V4("0028", "4000", "06") TCP);

	ck_assert_uint_eq(p.shape, 0);
	ck_assert(p.has_ports && p.sport == 49152 && p.dport == 554 && p.tcp_flags == PKT_TCP_SYN);
	ck_assert(p.src.family == 4 && p.src.b[3] == 2 && p.dst.b[3] == 9 && p.bytes == 40);
	p = decode(V6("0010", "11") UDP);
	ck_assert_uint_eq(p.shape, 0);
	ck_assert(p.proto == 17 && p.has_ports && p.dport == 554 && p.bytes == 56 && p.src.family == 6);
	p = decode(V4("001c", "0000", "01") "0800 0000 0001 0001");
	ck_assert(!p.shape && !p.has_ports && p.icmp_type == 8 && !p.quoted);
	p = decode(V4("0018", "0000", "2f") "00000800");          /* GRE: a protocol and nothing else */
	ck_assert(!p.shape && !p.has_ports && p.proto == 47);
}
END_TEST

/* The queue copies 128 bytes of a packet of 1500: that is no fault. */
START_TEST(a_short_copy_is_no_fault)
{
	struct pkt p = decode(V4("05dc", "4000", "06") TCP);

	ck_assert_uint_eq(p.shape, 0);
	ck_assert_uint_eq(p.bytes, 1500);
	p = decode(V4("0000", "4000", "06") TCP);                 /* a super-packet */
	ck_assert_uint_eq(p.shape, 0);
}
END_TEST

START_TEST(says_what_is_wrong)
{
	static const struct { const char *text; unsigned shape; } cases[] = {
		{ "", PKT_TRUNCATED }, { "00", PKT_MALFORMED }, { "45", PKT_TRUNCATED }, { "60", PKT_TRUNCATED },
		{ V4("0028", "4000", "06") "c000 022a", PKT_TRUNCATED },
		{ V4("0014", "4000", "06") TCP, PKT_TRUNCATED },                          /* its own length leaves no TCP header */
		{ V4("0010", "4000", "06") TCP, PKT_MALFORMED },                          /* shorter than its own header */
		{ "4400 0028 0001 4000 4006 0000 0a140102 0a010509" TCP, PKT_MALFORMED }, /* 16 bytes of header */
		{ V4("0028", "2000", "06") TCP, PKT_FRAGMENT }, { V4("0028", "0001", "06") TCP, PKT_FRAGMENT },
		{ "4600 002c 0001 4000 4006 0000 0a140102 0a010509 07040400" TCP, PKT_OPTIONS },
		{ "4600 002c 0001 4000 4006 0000 0a140102 0a010509", PKT_OPTIONS | PKT_TRUNCATED },
		{ V4("0028", "4000", "06") "c000 022a 00000001 00000000 4002 ffff 0000 0000", PKT_MALFORMED },
		{ V4("001c", "4000", "11") "c000 022a 0007 0000", PKT_MALFORMED },
		{ V6("0018", "3c") "1100 0104 00000000" UDP, PKT_EXTENSION },
		{ V6("0018", "00") "1100 0104 00000000" UDP, PKT_EXTENSION },
		{ V6("0018", "2c") "1100 0000 00000001" UDP, PKT_EXTENSION | PKT_FRAGMENT },              /* atomic */
		{ V6("0018", "2c") "1100 0008 00000001" UDP, PKT_EXTENSION | PKT_FRAGMENT },              /* later */
		{ V6("0018", "3c") "11ff 0104 00000000" UDP, PKT_EXTENSION | PKT_TRUNCATED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pkt p = decode(cases[i].text);

		ck_assert_msg(p.shape == cases[i].shape, "%s: shape %#x, want %#x", cases[i].text, p.shape, cases[i].shape);
	}
}
END_TEST

START_TEST(later_fragments_have_no_ports)
{
	struct pkt p = decode(V4("0028", "0001", "06") TCP);

	ck_assert(!p.has_ports && p.dport == 0);
	p = decode(V6("0018", "2c") "1100 0008 00000001" UDP);
	ck_assert(!p.has_ports && p.proto == 17);
}
END_TEST

START_TEST(an_endless_chain_of_extensions_ends)
{
	uint8_t data[40 + 64 * 8] = { 0x60, [4] = 2, [5] = 0, [6] = 60, [7] = 64 };
	struct pkt p;

	for (size_t i = 40; i < sizeof(data); i += 8)
		data[i] = 60;
	pkt_decode(data, sizeof(data), &p);
	ck_assert(p.shape & PKT_MALFORMED && p.shape & PKT_EXTENSION);
}
END_TEST

START_TEST(reads_what_an_error_quotes)
{
	struct pkt p = decode(V4("0038", "0000", "01") "0304 0000 00000578" "4500003c 00014000 40060000 0a010509 0a140102 022a c000 00000001");

	ck_assert(!p.shape && p.quoted && p.quoted_proto == 6 && p.quoted_sport == 554 && p.quoted_dport == 49152);
	ck_assert(p.quoted_src.b[3] == 9 && p.quoted_dst.b[3] == 2);
	p = decode(V4("0024", "0000", "01") "0304 0000 00000578" "4500003c 00014000");
	ck_assert(!p.quoted);
	p = decode(V4("0038", "0000", "01") "0304 0000 00000578" "4500003c 00010001 40060000 0a010509 0a140102 022a c000 00000001");
	ck_assert(!p.quoted);                   /* it quotes a later fragment */
	p = decode(V6("0038", "3a") "0200 0000 00000500" V6("0008", "11") "022a c000 0008 0000");
	ck_assert(!p.shape && p.quoted && p.quoted_proto == 17 && p.quoted_src.family == 6 && p.quoted_dport == 49152);
}
END_TEST

START_TEST(looks_behind_tags)
{
	uint8_t frame[256];
	struct pkt p = { 0 };
	uint16_t vlan, type;
	size_t n = hex("ffffffffffff 4419b6010203 88a8 0014 8100 0015 0800" V4("0028", "4000", "06") TCP, frame);

	ck_assert_int_eq(pkt_decode_ether(frame, n, &p, &vlan, &type), 0);
	ck_assert(vlan == 20 && type == 0x0800 && p.has_smac && p.smac.b[5] == 3 && p.dport == 554);
	n = hex("ffffffffffff 4419b6010203 0806 0001", frame);
	ck_assert_int_eq(pkt_decode_ether(frame, n, &p, &vlan, &type), -1);
	ck_assert_uint_eq(type, 0x0806);
	ck_assert_int_eq(pkt_decode_ether(frame, 13, &p, &vlan, &type), -1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("pkt");

	tcase_add_test(tc, reads_whole_packets);
	tcase_add_test(tc, a_short_copy_is_no_fault);
	tcase_add_test(tc, says_what_is_wrong);
	tcase_add_test(tc, later_fragments_have_no_ports);
	tcase_add_test(tc, an_endless_chain_of_extensions_ends);
	tcase_add_test(tc, reads_what_an_error_quotes);
	tcase_add_test(tc, looks_behind_tags);
	return suite_run(tc);
}
