/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/pcap.h"

#include <string.h>

#include "unit/suite.h"

#define S(text) text, sizeof(text) - 1
/* Ethernet, little endian, microseconds: one packet of 4 captured bytes at 1.000002 s. */
#define CLASSIC "\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\1\0\0\0"
#define PACKET "\1\0\0\0\2\0\0\0\4\0\0\0\x3c\0\0\0abcd"
#define SECTION "\n\r\r\n\x1c\0\0\0\x4d\x3c\x2b\x1a\1\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0"
/* raw IP, nanoseconds */
#define IFACE "\1\0\0\0\x1c\0\0\0\x65\0\0\0\0\0\0\0\x09\0\1\0\x09\0\0\0\x1c\0\0\0"
#define ENHANCED "\6\0\0\0\x24\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0\3\0\0\0\3\0\0\0abc\0\x24\0\0\0"
#define UNKNOWN "\x99\0\0\0\x10\0\0\0abcd\x10\0\0\0"

static struct pcap *open_text(const char *data, size_t len)
{
	struct pcap *p = NULL;
	struct err e = { 0 };

	ck_assert_msg(pcap_open_memory("test.pcap", data, len, &p, &e) == 0, "%s", e.msg);
	return p;
}

START_TEST(reads_classic)
{
	struct pcap *p = open_text(S(CLASSIC PACKET PACKET));
	struct pcap_packet got;
	struct err e;

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pcap_next(p, &got, &e), 1);
		ck_assert(got.when_ns == 1000002000 && got.caplen == 4 && got.len == 60 && got.linktype == 1);
		ck_assert_mem_eq(got.data, "abcd", 4);
	}
	ck_assert_int_eq(pcap_next(p, &got, &e), 0);
	pcap_free(p);
}
END_TEST

START_TEST(reads_big_endian_nanoseconds)
{
	struct pcap *p = open_text(S("\xa1\xb2\x3c\x4d\0\2\0\4\0\0\0\0\0\0\0\0\0\4\0\0\0\0\0\x65" "\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0\1x"));
	struct pcap_packet got;
	struct err e;

	ck_assert_int_eq(pcap_next(p, &got, &e), 1);
	ck_assert(got.when_ns == 1000000002 && got.linktype == 101 && got.data[0] == 'x');
	pcap_free(p);
}
END_TEST

START_TEST(reads_next_generation)
{
	struct pcap *p = open_text(S(SECTION IFACE UNKNOWN ENHANCED SECTION IFACE ENHANCED));
	struct pcap_packet got;
	struct err e;

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pcap_next(p, &got, &e), 1);
		ck_assert(got.when_ns == 5 && got.caplen == 3 && got.linktype == 101);
		ck_assert_mem_eq(got.data, "abc", 3);
	}
	ck_assert_int_eq(pcap_next(p, &got, &e), 0);
	pcap_free(p);
}
END_TEST

START_TEST(says_where_a_file_is_broken)
{
	static const struct { const char *data; size_t len; bool opens; const char *words; } cases[] = {
		{ S(""), false, "too short" }, { S("GIF89a.."), false, "neither pcap nor pcapng" }, { S("\xd4\xc3\xb2\xa1\2"), false, "cut short" },
		{ S(CLASSIC "\1\0\0"), true, "a packet header is cut short near byte 27" },
		{ S(CLASSIC "\1\0\0\0\2\0\0\0\4\0\0\0\x3c\0\0\0ab"), true, "a packet is cut short" },
		{ S(CLASSIC "\1\0\0\0\2\0\0\0\xff\xff\xff\x7f\x3c\0\0\0ab"), true, "more than 16 MiB" },
		{ S(SECTION ENHANCED), true, "not declared" }, { S(SECTION "\1\0\0\0\5\0\0\0"), true, "wrong length" },
		{ S(SECTION IFACE "\6\0\0\0\x24\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0\xff\0\0\0\3\0\0\0abc\0\x24\0\0\0"), true, "longer than its block" },
		{ S(SECTION "\1\0\0\0\x1c\0\0\0\x65\0\0\0\0\0\0\0\x09\0\1\0\x7e\0\0\0\x1c\0\0\0"), true, "timestamp resolution" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pcap *p = NULL;
		struct pcap_packet got;
		struct err e = { 0 };
		int rc = pcap_open_memory("x.pcap", cases[i].data, cases[i].len, &p, &e);

		ck_assert_msg((rc == 0) == cases[i].opens, "case %zu: %s", i, e.msg);
		if (rc == 0) {
			ck_assert_msg(pcap_next(p, &got, &e) == -1, "case %zu was read", i);
			pcap_free(p);
		}
		ck_assert_msg(strstr(e.msg, cases[i].words) && strstr(e.msg, "x.pcap"), "case %zu: %s", i, e.msg);
	}
}
END_TEST

START_TEST(finds_the_packet_by_link_type)
{
	static const uint8_t cooked[] = "\0\0\0\1\0\6\x44\x19\xb6\1\2\3\0\0\x08\0" "\x45\0\0\x14\0\1\0\0\x40\x3b\0\0\x0a\1\1\1\x0a\2\2\2";
	struct pcap_packet packet = { .data = cooked, .caplen = 36, .len = 36, .linktype = 113 };
	struct pkt p = { 0 };
	uint16_t vlan;

	ck_assert_int_eq(pcap_decode(&packet, &p, &vlan), 0);
	ck_assert(p.has_smac && p.smac.b[0] == 0x44 && p.smac.b[5] == 3 && p.proto == 59 && p.dst.b[1] == 2);
	packet.data += 16;
	packet.caplen = 20;
	packet.linktype = 101;
	ck_assert_int_eq(pcap_decode(&packet, &p, &vlan), 0);
	ck_assert(!p.has_smac);
	packet.linktype = 147;
	ck_assert_int_eq(pcap_decode(&packet, &p, &vlan), -1);
	packet.linktype = 276;
	packet.caplen = 19;
	ck_assert_int_eq(pcap_decode(&packet, &p, &vlan), -1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("pcap");

	tcase_add_test(tc, reads_classic);
	tcase_add_test(tc, reads_big_endian_nanoseconds);
	tcase_add_test(tc, reads_next_generation);
	tcase_add_test(tc, says_where_a_file_is_broken);
	tcase_add_test(tc, finds_the_packet_by_link_type);
	return suite_run(tc);
}
