/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "unit/event/samples.h"
#include "unit/suite.h"

static struct arena *arena;
static struct buf body;

static void setup(void)
{
	arena = arena_new();
	buf_init(&body);
}

static void teardown(void)
{
	arena_free(arena);
	buf_fini(&body);
}

static void ends_equal(const struct event_end *a, const struct event_end *b)
{
	ck_assert_pstr_eq(a->zone, b->zone);
	ck_assert_pstr_eq(a->zone_mode, b->zone_mode);
	ck_assert_pstr_eq(a->iface, b->iface);
	ck_assert_uint_eq(a->vlan, b->vlan);
	ck_assert(a->has_mac == b->has_mac && a->has_port == b->has_port && addr_mac_equal(&a->mac, &b->mac));
	ck_assert(addr_equal(&a->addr, &b->addr) && a->port == b->port && a->device == b->device);
	ck_assert_pstr_eq(a->device_name, b->device_name);
	ck_assert_pstr_eq(a->maker, b->maker);
	ck_assert_pstr_eq(a->cls, b->cls);
	ck_assert_pstr_eq(a->location, b->location);
	ck_assert_pstr_eq(a->switch_port, b->switch_port);
	ck_assert_pstr_eq(a->authority, b->authority);
	for (int i = 0; i < EVENT_EVIDENCE; i++)
		ck_assert_pstr_eq(a->evidence[i], b->evidence[i]);
}

static void words_equal(const struct event *a, const struct event *b)
{
	const char *const left[] = { a->service, a->rule, a->rule_place, a->why, a->exception, a->reason, a->community_id,
		a->technique, a->domain, a->dns_question, a->tls_name, a->site, a->sensitivity, a->policy_revision,
		a->policy_digest, a->detail };
	const char *const right[] = { b->service, b->rule, b->rule_place, b->why, b->exception, b->reason, b->community_id,
		b->technique, b->domain, b->dns_question, b->tls_name, b->site, b->sensitivity, b->policy_revision,
		b->policy_digest, b->detail };

	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		ck_assert_pstr_eq(left[i], right[i]);
}

START_TEST(every_kind_reads_back_equal)
{
	struct event a, b;
	struct err e;

	sample_event(&a, (enum event_kind)_i);
	a.dns_question = "question.example";
	a.exception = "an-exception";
	a.tcp_flags = 18;
	a.icmp_code = 3;
	ck_assert(event_pack(&a, &body));
	ck_assert_int_eq(event_unpack(body.data, body.len, arena, &b, &e), 0);
	ck_assert(a.kind == b.kind && a.action == b.action && a.severity == b.severity);
	ck_assert(a.first_ns == b.first_ns && a.last_ns == b.last_ns && a.packets == b.packets && a.bytes == b.bytes);
	ck_assert(a.opener_is_from == b.opener_is_from && a.summary == b.summary && a.proto == b.proto);
	ck_assert(a.tcp_flags == b.tcp_flags && a.icmp_type == b.icmp_type && a.icmp_code == b.icmp_code);
	ck_assert(a.n_names == b.n_names && a.more_names == b.more_names);
	for (unsigned i = 0; i < a.n_names; i++)
		ck_assert_str_eq(a.names[i], b.names[i]);
	ends_equal(&a.from, &b.from);
	ends_equal(&a.to, &b.to);
	words_equal(&a, &b);
}
END_TEST

START_TEST(port_zero_and_extremes_survive)
{
	struct event a = { .kind = EVENT_BLOCKED, .first_ns = -1, .last_ns = INT64_MAX, .packets = UINT64_MAX,
			   .from = { .has_port = true }, .to = { .vlan = UINT16_MAX, .device = UINT64_MAX } }, b;
	struct err e;

	ck_assert(event_pack(&a, &body));
	ck_assert_int_eq(event_unpack(body.data, body.len, arena, &b, &e), 0);
	ck_assert(b.from.has_port && b.from.port == 0 && !b.to.has_port);
	ck_assert(b.first_ns == -1 && b.last_ns == INT64_MAX && b.packets == UINT64_MAX);
	ck_assert(b.to.vlan == UINT16_MAX && b.to.device == UINT64_MAX);
}
END_TEST

START_TEST(long_words_are_cut_between_characters)
{
	char *words = malloc(3 * EVENT_WORD_MAX + 1);
	struct event a, b;
	struct err e;

	sample_event(&a, EVENT_BLOCKED);
	for (int i = 0; i < EVENT_WORD_MAX; i++)
		memcpy(words + 3 * (size_t)i, "\xe2\x82\xac", 3);
	words[3 * EVENT_WORD_MAX] = '\0';
	a.reason = words;
	ck_assert(event_pack(&a, &body));
	ck_assert_int_eq(event_unpack(body.data, body.len, arena, &b, &e), 0);
	ck_assert_uint_eq(strlen(b.reason), EVENT_WORD_MAX / 3 * 3);
	free(words);
}
END_TEST

START_TEST(a_bad_detail_says_so)
{
	static const char *const bad[] = { "no object", "[1]", "{\"a\":1", "{\"a\":1}x", "{\"a\":\n1}", "{\"a\":\"\x01\"}",
					   "{\"a\":\"\xff\"}", "{a:1}", "{\"a\":01}", "{\"a\":1,}",
					   "{\"a\":[[[[[[[[[[1]]]]]]]]]]}" };
	static const char *const good[] = { "{}", "{\"a\":[1,-2.5e3,true,false,null,\"\\u00e9\\n\"],\"b\":{\"c\":{}}}",
					    "{ \"a\" : [ ] }" };
	struct event a, b;
	struct err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(!event_is_object(bad[i], strlen(bad[i])), "%s", bad[i]);
		sample_event(&a, EVENT_HEARTBEAT);
		a.detail = bad[i];
		buf_reset(&body);
		ck_assert(event_pack(&a, &body));
		ck_assert_int_eq(event_unpack(body.data, body.len, arena, &b, &e), 0);
		ck_assert_int_eq(strncmp(b.detail, "{\"unreadable\":", 14), 0);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(event_is_object(good[i], strlen(good[i])), "%s", good[i]);
}
END_TEST

START_TEST(fields_of_later_versions_are_passed_over)
{
	static const uint8_t later[] = { 50, 0xac, 0x02, 51 | 0x80, 3, 'a', 'b', 'c', 94, 1, 126 | 0x80, 0 };
	struct event a, b;
	struct err e;

	sample_event(&a, EVENT_BLOCKED);
	ck_assert(event_pack(&a, &body));
	buf_add(&body, later, sizeof(later));
	ck_assert_int_eq(event_unpack(body.data, body.len, arena, &b, &e), 0);
	words_equal(&a, &b);
}
END_TEST

START_TEST(what_is_no_body_is_refused)
{
	static const struct { size_t n; uint8_t b[16]; } bad[] = {
		{ 0, { 0 } }, { 1, { 1 } }, { 3, { 2, 1, 0 } },                 /* empty, no kind, version 2 */
		{ 3, { 1, 1, 200 } },                                           /* a varint cut short */
		{ 3, { 1, 1, 99 } },                                            /* no such kind */
		{ 6, { 1, 1, 0, 14 | 0x80, 9, 'x' } },                          /* a word beyond the end */
		{ 7, { 1, 1, 0, 14 | 0x80, 2, 'x', 0 } },                       /* NUL in a word */
		{ 5, { 1, 1, 0, 9, 0x80 } }, { 6, { 1, 1, 0, 9, 0xff, 2 } },    /* cut; above a byte */
		{ 6, { 1, 1, 0, 68 | 0x80, 1, 9 } },                            /* a MAC of one byte */
		{ 8, { 1, 1, 0, 69 | 0x80, 3, 1, 2, 3 } },                      /* an address of three */
		{ 5, { 1, 1, 0, 14, 1 } },                                      /* a number where a word belongs */
		{ 14, { 1, 1, 0, 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2 } },
	};
	struct event ev = { .packets = 77 };
	struct err e = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t *exact = malloc(bad[i].n ? bad[i].n : 1);       /* of its length, for AddressSanitizer */

		memcpy(exact, bad[i].b, bad[i].n);
		ck_assert_msg(event_unpack(exact, bad[i].n, arena, &ev, &e) == -1, "case %zu", i);
		free(exact);
		ck_assert_int_eq(e.code, EBADMSG);
		ck_assert_uint_eq(ev.packets, 77);
	}
}
END_TEST

START_TEST(every_kind_has_its_word)
{
	int value;

	for (int k = 0; k < EVENT_KINDS; k++) {
		ck_assert_ptr_nonnull(word_name(event_kind_words, k));
		ck_assert(word_find(event_kind_words, word_name(event_kind_words, k), &value) && value == k);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("event");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, every_kind_reads_back_equal, 0, EVENT_KINDS);
	tcase_add_test(tc, port_zero_and_extremes_survive);
	tcase_add_test(tc, long_words_are_cut_between_characters);
	tcase_add_test(tc, a_bad_detail_says_so);
	tcase_add_test(tc, fields_of_later_versions_are_passed_over);
	tcase_add_test(tc, what_is_no_body_is_refused);
	tcase_add_test(tc, every_kind_has_its_word);
	return suite_run(tc);
}
