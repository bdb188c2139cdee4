/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of a queue, cut and bent; the kernel's table of queues as text. */
#include "kern/nfq.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit/suite.h"

enum { QUEUE = 100, ROOM = 512 };

static _Alignas(8) uint8_t msg[ROOM];
static size_t len;

static void begin(uint16_t type, uint16_t queue)
{
	struct nlmsghdr h = { .nlmsg_type = type };
	struct nfgenmsg g = { .res_id = htons(queue) };

	memset(msg, 0, sizeof(msg));
	memcpy(msg, &h, sizeof(h));
	memcpy(msg + sizeof(h), &g, sizeof(g));
	len = sizeof(h) + sizeof(g);
}

static void finish(void)
{
	const uint32_t n = (uint32_t)len;

	memcpy(msg, &n, sizeof(n));
}

static size_t put(uint16_t type, const void *p, size_t n)
{
	struct nlattr a = { .nla_type = type, .nla_len = (uint16_t)(sizeof(a) + n) };
	const size_t at = len;

	memcpy(msg + len, &a, sizeof(a));
	if (n)
		memcpy(msg + len + sizeof(a), p, n);
	len += NLA_ALIGN(sizeof(a) + n);
	return at;
}

static size_t put32(uint16_t type, uint32_t v)
{
	v = htonl(v);
	return put(type, &v, sizeof(v));
}

static const uint8_t header[] = { 0, 0, 1, 2, 0x08, 0, 2 };
static const uint8_t hardware[] = { 0, 6, 0, 0, 2, 0, 0, 0, 0, 9, 0, 0 };
static const uint8_t payload[] = { 0x45, 0, 0, 33, 1, 2, 3, 4, 5, 6, 7 };
#define PACKET (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET)

/* As the kernel orders it. */
static void whole(void)
{
	begin(PACKET, QUEUE);
	put(NFQA_PACKET_HDR, header, sizeof(header));
	put32(NFQA_IFINDEX_INDEV, 3);
	put32(NFQA_IFINDEX_OUTDEV, 4);
	put32(NFQA_MARK, 0xfe000012);
	put(NFQA_HWADDR, hardware, sizeof(hardware));
	put32(NFQA_CAP_LEN, 1500);
	put32(NFQA_SKB_INFO, 1);
	put(NFQA_PAYLOAD, payload, sizeof(payload));
	finish();
}

static struct nfq_packet parsed(void)
{
	struct nfq_packet p;
	int code = -1;

	ck_assert(nfq_parse(msg, len, QUEUE, &p, &code));
	ck_assert_int_eq(code, 0);
	return p;
}

START_TEST(test_whole)
{
	const uint8_t mac[] = { 2, 0, 0, 0, 0, 9 };
	struct nfq_packet p;

	whole();
	p = parsed();
	ck_assert(p.has_id && !p.malformed && p.has_mac);
	ck_assert_uint_eq(p.id, 0x102);
	ck_assert_uint_eq(p.mark, 0xfe000012);
	ck_assert_uint_eq(p.iif, 3);
	ck_assert_uint_eq(p.oif, 4);
	ck_assert_uint_eq(p.bytes, 1500);
	ck_assert_uint_eq(p.caplen, sizeof(payload));
	ck_assert_uint_eq(p.protocol, 0x800);
	ck_assert_uint_eq(p.hook, 2);
	ck_assert_mem_eq(p.payload, payload, sizeof(payload));
	ck_assert_mem_eq(p.mac.b, mac, sizeof(mac));
}
END_TEST

START_TEST(test_least)
{
	struct nfq_packet p;

	begin(PACKET, QUEUE);
	put(NFQA_PACKET_HDR, header, sizeof(header));
	put(NFQA_PAYLOAD, payload, sizeof(payload));
	finish();
	p = parsed();
	ck_assert(p.has_id && !p.malformed && !p.has_mac);
	ck_assert_uint_eq(p.mark, 0);
	ck_assert_uint_eq(p.iif, 0);
	ck_assert_uint_eq(p.bytes, sizeof(payload));
}
END_TEST

/* What is cut off never counts as whole, and is never looked for behind the end. */
START_TEST(test_cut)
{
	const size_t id_end = sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg) + sizeof(struct nlattr) + sizeof(header);

	whole();
	for (size_t n = 0; n < len - 1; n++) {          /* the last byte is padding */
		uint8_t *copy = malloc(n ? n : 1);
		struct nfq_packet p;
		int code;

		memcpy(copy, msg, n);
		if (nfq_parse(copy, n, QUEUE, &p, &code)) {
			ck_assert(p.malformed);
			ck_assert_int_eq(p.has_id, n >= id_end);
		} else {
			ck_assert_uint_lt(n, sizeof(struct nlmsghdr));
			ck_assert_int_eq(code, EBADMSG);
		}
		free(copy);
	}
}
END_TEST

/* Everything is there, but there was more. */
START_TEST(test_more)
{
	struct nfq_packet p;

	whole();
	len += 8;
	finish();
	len -= 8;
	p = parsed();
	ck_assert(p.malformed && p.has_id && p.payload);
}
END_TEST

/* Cut, with a length in the header that agrees. */
START_TEST(test_short)
{
	const size_t full = (whole(), len);

	for (size_t n = sizeof(struct nlmsghdr); n < full - 1; n++) {
		struct nfq_packet p;

		whole();
		len = n;
		finish();
		p = parsed();
		ck_assert(p.malformed);
	}
}
END_TEST

static void bend(size_t at, uint16_t nla_len)
{
	memcpy(msg + at, &nla_len, sizeof(nla_len));
}

START_TEST(test_attributes)
{
	static const uint16_t lengths[] = { 0, 1, 3, 200, 0xffff };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct nfq_packet p;
		size_t at;

		begin(PACKET, QUEUE);
		put(NFQA_PACKET_HDR, header, sizeof(header));
		at = put32(NFQA_MARK, 7);
		put(NFQA_PAYLOAD, payload, sizeof(payload));
		finish();
		bend(at, lengths[i]);
		p = parsed();
		ck_assert(p.malformed && p.has_id);
		ck_assert_uint_eq(p.mark, 0);
		ck_assert_ptr_null(p.payload);
	}
}
END_TEST

START_TEST(test_sizes)
{
	static const struct { uint16_t type, len; bool has_id; } rows[] = {
		{ NFQA_MARK, 3, true }, { NFQA_IFINDEX_INDEV, 0, true }, { NFQA_IFINDEX_OUTDEV, 2, true }, { NFQA_CAP_LEN, 1, true },
		{ NFQA_HWADDR, 8, true }, { NFQA_PACKET_HDR, 6, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nfq_packet p;

		begin(PACKET, QUEUE);
		if (rows[i].has_id)
			put(NFQA_PACKET_HDR, header, sizeof(header));
		put(rows[i].type, hardware, rows[i].len);
		put(NFQA_PAYLOAD, payload, sizeof(payload));
		finish();
		p = parsed();
		ck_assert_msg(p.malformed, "type %u", rows[i].type);
		ck_assert_int_eq(p.has_id, rows[i].has_id);
		ck_assert_ptr_nonnull(p.payload);
	}
}
END_TEST

START_TEST(test_missing)
{
	struct nfq_packet p;

	begin(PACKET, QUEUE);
	put(NFQA_PACKET_HDR, header, sizeof(header));
	finish();
	p = parsed();
	ck_assert(p.malformed && p.has_id && !p.payload);
	begin(PACKET, QUEUE);
	put(NFQA_PAYLOAD, payload, sizeof(payload));
	finish();
	p = parsed();
	ck_assert(p.malformed && !p.has_id);
}
END_TEST

/* An id of another queue is no id of ours. */
START_TEST(test_other_queue)
{
	struct nfq_packet p;

	whole();
	msg[sizeof(struct nlmsghdr) + 3]++;
	p = parsed();
	ck_assert(p.malformed && !p.has_id);
}
END_TEST

/* An address of another length is no MAC, and no mistake. */
START_TEST(test_infiniband)
{
	struct nfq_packet p;

	whole();
	msg[sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg) + 12 + 8 + 8 + 8 + 4 + 1] = 8;
	p = parsed();
	ck_assert(!p.malformed && !p.has_mac);
}
END_TEST

START_TEST(test_errors)
{
	struct nlmsghdr h = { .nlmsg_len = 36, .nlmsg_type = NLMSG_ERROR };
	static const struct { int32_t code; int want; } rows[] = {
		{ -ENOENT, ENOENT }, { 0, 0 }, { -EPERM, EPERM }, { 5, EBADMSG }, { INT32_MIN, EBADMSG },
	};
	struct nfq_packet p;
	int code;

	memset(msg, 0, sizeof(msg));
	memcpy(msg, &h, sizeof(h));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(msg + sizeof(h), &rows[i].code, 4);
		ck_assert(!nfq_parse(msg, 36, QUEUE, &p, &code));
		ck_assert_int_eq(code, rows[i].want);
	}
	ck_assert(!nfq_parse(msg, 19, QUEUE, &p, &code));
	ck_assert_int_eq(code, EBADMSG);
}
END_TEST

START_TEST(test_other_types)
{
	static const uint16_t types[] = {
		NLMSG_NOOP, NLMSG_DONE, NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT, NFNL_SUBSYS_ULOG << 8 | NFQNL_MSG_PACKET,
	};
	struct nfq_packet p;
	int code;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		whole();
		memcpy(msg + 4, &types[i], sizeof(types[i]));
		ck_assert(!nfq_parse(msg, len, QUEUE, &p, &code));
		ck_assert_int_eq(code, EBADMSG);
	}
}
END_TEST

static int stats_of(const char *text, uint16_t queue, struct nfq_stats *ret)
{
	const int fd = memfd_create("stats", MFD_CLOEXEC);
	struct err e;
	int rc;

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	rc = nfq_stats_read(fd, queue, ret, &e);
	close(fd);
	return rc;
}

START_TEST(test_stats)
{
	const char *text = "   10   4711     3 2   128     4     5       77  1\n"
			   "  100 4293918720  12 2 65531    14 5000000000   78  1\n";
	struct nfq_stats s;

	ck_assert_int_eq(stats_of(text, 100, &s), 0);
	ck_assert(s.found);
	ck_assert_uint_eq(s.portid, 4293918720u);
	ck_assert_uint_eq(s.waiting, 12);
	ck_assert_uint_eq(s.dropped_full, 14);
	ck_assert_uint_eq(s.dropped_socket, 5000000000u);
	ck_assert_uint_eq(s.id_sequence, 78);
	ck_assert_int_eq(stats_of(text, 10, &s), 0);
	ck_assert(s.found);
	ck_assert_uint_eq(s.portid, 4711);
	ck_assert_int_eq(stats_of(text, 1, &s), 0);
	ck_assert(!s.found);
	ck_assert_int_eq(stats_of("", 1, &s), 0);
	ck_assert(!s.found);
	ck_assert_int_eq(stats_of("100 words\n100 1 2\n", 100, &s), 0);
	ck_assert(!s.found);
}
END_TEST

/* More rows than one reading holds, and a line that never ends. */
START_TEST(test_stats_long)
{
	static char text[64 * 1024];
	struct nfq_stats s;
	size_t n = 0;

	for (unsigned i = 0; i < 500; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%5u %6u %5u 2   128     0     0 %8u  1\n", i, 5000 + i, i % 7, i);
	for (uint16_t i = 0; i < 500; i++) {
		ck_assert_int_eq(stats_of(text, i, &s), 0);
		ck_assert(s.found);
		ck_assert_uint_eq(s.portid, 5000u + i);
	}
	memset(text, '1', sizeof(text) - 1);
	ck_assert_int_eq(stats_of(text, 1, &s), -1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("nfq");

	tcase_add_test(tc, test_whole);
	tcase_add_test(tc, test_least);
	tcase_add_test(tc, test_cut);
	tcase_add_test(tc, test_more);
	tcase_add_test(tc, test_short);
	tcase_add_test(tc, test_attributes);
	tcase_add_test(tc, test_sizes);
	tcase_add_test(tc, test_missing);
	tcase_add_test(tc, test_other_queue);
	tcase_add_test(tc, test_infiniband);
	tcase_add_test(tc, test_errors);
	tcase_add_test(tc, test_other_types);
	tcase_add_test(tc, test_stats);
	tcase_add_test(tc, test_stats_long);
	return suite_run(tc);
}
