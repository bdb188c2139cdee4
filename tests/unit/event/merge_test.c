/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event/merge.h"

#include <stdio.h>
#include <string.h>

#include "base/now.h"
#include "unit/event/samples.h"
#include "unit/suite.h"

enum { SEEN = 4096 };

/* What was emitted; words are compared at once, since they are borrowed. */
static struct seen {
	unsigned n, summaries, without_ends;
	uint64_t packets, bytes;
	struct { bool summary; uint64_t packets, bytes, more_names; int64_t first, last; unsigned names; bool ends; } at[SEEN];
} seen;

static void emit(void *arg, const struct event *ev)
{
	ck_assert_ptr_eq(arg, &seen);
	ck_assert_uint_lt(seen.n, SEEN);
	seen.at[seen.n].summary = ev->summary;
	seen.at[seen.n].packets = ev->packets;
	seen.at[seen.n].bytes = ev->bytes;
	seen.at[seen.n].first = ev->first_ns;
	seen.at[seen.n].last = ev->last_ns;
	seen.at[seen.n].names = ev->n_names;
	seen.at[seen.n].more_names = ev->more_names;
	seen.at[seen.n++].ends = ev->to.addr.family != 0;
	seen.packets += ev->packets;
	seen.bytes += ev->bytes;
	seen.summaries += ev->summary;
	if (ev->rule)
		ck_assert_str_eq(ev->rule, "restricted-isolated");
}

static struct merge *merge;

static void start(size_t keys, size_t rules)
{
	struct merge_config c = { .max_keys = keys, .max_rules = rules };

	memset(&seen, 0, sizeof(seen));
	merge = merge_new(&c, emit, &seen);
	ck_assert_ptr_nonnull(merge);
}

static void setup(void)
{
	start(0, 0);
}

static void teardown(void)
{
	merge_free(merge);
}

static struct merge_key key(unsigned to, uint32_t rule)
{
	struct merge_key k;

	MERGE_KEY_INIT(&k);
	k.device = 17;
	k.to = addr_v4(to);
	k.kind = EVENT_BLOCKED;
	k.proto = 6;
	k.port = 445;
	k.rule = rule;
	return k;
}

static struct merge_denied denied(unsigned to)
{
	struct merge_denied d;

	MERGE_KEY_INIT(&d);
	d.from = addr_v4(0x0a140407);
	d.to = addr_v4(to);
	d.proto = 6;
	d.port = 445;
	d.iface = 3;
	return d;
}

/* A packet as the recorder hands it in. */
static void packet_named(const struct merge_key *k, const struct merge_denied *d, const char *name, int64_t now)
{
	struct merge_count c = { 1, 60, SAMPLE_NS + now, SAMPLE_NS + now };
	struct event ev;

	if (merge_hit(merge, k, d, &c, name, now))
		return;
	sample_event(&ev, EVENT_BLOCKED);
	ev.first_ns = ev.last_ns = SAMPLE_NS + now;
	merge_start(merge, k, d, &ev, now);
}

static void packet(unsigned to, uint32_t rule, int64_t now)
{
	struct merge_key k = key(to, rule);

	packet_named(&k, NULL, NULL, now);
}

#define S(n) ((n) * NOW_NS_PER_S)

START_TEST(first_at_once_then_a_summary_per_window)
{
	packet(1, 1, S(100));
	ck_assert_uint_eq(seen.n, 1);
	ck_assert(!seen.at[0].summary && seen.at[0].packets == 1);
	for (int i = 1; i <= 50; i++)
		packet(1, 1, S(100 + i));
	ck_assert_uint_eq(seen.n, 1);
	merge_tick(merge, S(159));
	ck_assert_uint_eq(seen.n, 1);
	merge_tick(merge, S(160));
	ck_assert_uint_eq(seen.n, 2);
	ck_assert(seen.at[1].summary && seen.at[1].packets == 50 && seen.at[1].bytes == 3000);
	ck_assert_int_eq(seen.at[1].first, SAMPLE_NS + S(101));
	ck_assert_int_eq(seen.at[1].last, SAMPLE_NS + S(150));
	merge_tick(merge, S(221));
	ck_assert_uint_eq(seen.n, 2);
}
END_TEST

START_TEST(keys_differ_by_every_field)
{
	struct merge_key k[7];

	for (int i = 0; i < 7; i++)
		k[i] = key(1, 1);
	k[1].device = 18;
	k[2].to = addr_v4(2);
	k[3].proto = 17;
	k[4].port = 446;
	k[5].rule = 2;
	k[6].kind = EVENT_WOULD_BLOCK;
	for (int i = 0; i < 7; i++)
		packet_named(&k[i], NULL, NULL, S(100));
	ck_assert_uint_eq(seen.n, 7);
	ck_assert_uint_eq(seen.summaries, 0);
}
END_TEST

START_TEST(what_is_quiet_is_forgotten_and_begins_anew)
{
	struct merge_stats st;

	packet(1, 1, S(100));
	merge_tick(merge, S(189));
	merge_stats(merge, &st);
	ck_assert_uint_eq(st.keys, 1);
	merge_tick(merge, S(190));
	merge_stats(merge, &st);
	ck_assert_uint_eq(st.keys, 0);
	packet(1, 1, S(200));
	ck_assert_uint_eq(seen.n, 2);
	ck_assert(!seen.at[1].summary);
}
END_TEST

START_TEST(thirty_two_names_then_counted)
{
	struct merge_key k = key(1, 1);
	char name[32];

	packet_named(&k, NULL, "first.example", S(100));
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 40; i++) {
			snprintf(name, sizeof(name), "n%d.example", i);
			packet_named(&k, NULL, name, S(101));
		}
	}
	merge_tick(merge, S(161));
	ck_assert_uint_eq(seen.at[1].names, 32);
	ck_assert_uint_eq(seen.at[1].more_names, 16);
	ck_assert_uint_eq(seen.at[1].packets, 80);
}
END_TEST

START_TEST(a_full_table_loses_no_count)
{
	uint64_t sent = 0;
	struct merge_stats st;

	merge_free(merge);
	start(8, 2);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned to = 1; to <= 100; to++, sent++)
			packet(to, to % 5, S(100 + round));
	merge_stats(merge, &st);
	ck_assert_uint_eq(st.keys, 8);
	ck_assert_uint_eq(st.rules, 3);                 /* two by rule, the rest by kind */
	ck_assert_uint_eq(seen.n, 8 + 3);
	merge_flush(merge, false);
	ck_assert_uint_eq(seen.packets, sent);
	ck_assert_uint_eq(seen.bytes, sent * 60);
	ck_assert_uint_eq(st.folded, 3 * 92);
	for (unsigned i = 0; i < seen.n; i++)
		seen.without_ends += !seen.at[i].ends;
	ck_assert_uint_eq(seen.without_ends, 2 * 3);
}
END_TEST

START_TEST(what_the_kernel_counted_is_added)
{
	struct merge_key k = key(1, 1);
	struct merge_denied d = denied(1), other = denied(2);
	struct merge_count c = { 1000, 60000, SAMPLE_NS, SAMPLE_NS + S(9) };

	packet_named(&k, &d, NULL, S(100));
	ck_assert(!merge_count_denied(merge, &other, &c, S(110)));
	ck_assert(merge_count_denied(merge, &d, &c, S(110)));
	merge_flush(merge, false);
	ck_assert_uint_eq(seen.n, 2);
	ck_assert_uint_eq(seen.at[1].packets, 1000);
	ck_assert_int_eq(seen.at[1].last, SAMPLE_NS + S(9));
	merge_tick(merge, S(300));
	ck_assert(!merge_count_denied(merge, &d, &c, S(301)));
}
END_TEST

START_TEST(an_element_may_change_its_rule)
{
	struct merge_key a = key(1, 1), b = key(1, 2);
	struct merge_denied d = denied(1);
	struct merge_count c = { 5, 300, SAMPLE_NS, SAMPLE_NS };

	packet_named(&a, &d, NULL, S(100));
	packet_named(&b, &d, NULL, S(101));
	packet_named(&a, &d, NULL, S(102));
	packet_named(&b, &d, NULL, S(103));
	ck_assert(merge_count_denied(merge, &d, &c, S(104)));
	merge_flush(merge, true);
	ck_assert_uint_eq(seen.packets, 4 + 5);
	ck_assert(!merge_count_denied(merge, &d, &c, S(105)));
}
END_TEST

START_TEST(elements_are_bounded_and_overflow_rows_have_them_too)
{
	struct merge_count c = { 2, 120, SAMPLE_NS, SAMPLE_NS };
	unsigned known = 0;
	struct merge_key k;

	merge_free(merge);
	start(16, 2);
	for (unsigned i = 1; i <= 100; i++) {
		struct merge_denied d = denied(i);

		k = key(i, 1);
		packet_named(&k, &d, NULL, S(100));
	}
	for (unsigned i = 1; i <= 100; i++) {
		struct merge_denied d = denied(i);

		known += merge_count_denied(merge, &d, &c, S(101));
	}
	ck_assert_uint_eq(known, 32);                   /* twice the keys */
	merge_flush(merge, true);
	ck_assert_uint_eq(seen.packets, 100 + 2 * 32);
}
END_TEST

/* Random traffic over a small table: whatever happens, the sums agree. */
START_TEST(sums_agree)
{
	uint64_t state = 42, sent = 0;

	merge_free(merge);
	start(32, 4);
	for (int i = 0; i < 20000; i++) {
		unsigned r, to;
		struct merge_denied d;
		struct merge_key k;

		state = state * 6364136223846793005u + 1442695040888963407u;
		r = (unsigned)(state >> 33);
		to = 1 + r % 97;
		d = denied(to);
		k = key(to, (r >> 8) % 7);
		if (r % 11 == 0) {
			struct merge_count c = { 3, 180, SAMPLE_NS, SAMPLE_NS };

			sent += merge_count_denied(merge, &d, &c, S(i / 10)) ? 3 : 0;
		} else {
			packet_named(&k, r % 3 ? &d : NULL, r % 2 ? "a.example" : NULL, S(i / 10));
			sent++;
		}
		if (i % 97 == 0) {
			merge_tick(merge, S(i / 10));
			seen.n = 0;
		}
	}
	merge_flush(merge, true);
	ck_assert_uint_eq(seen.packets, sent);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("merge");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, first_at_once_then_a_summary_per_window);
	tcase_add_test(tc, keys_differ_by_every_field);
	tcase_add_test(tc, what_is_quiet_is_forgotten_and_begins_anew);
	tcase_add_test(tc, thirty_two_names_then_counted);
	tcase_add_test(tc, a_full_table_loses_no_count);
	tcase_add_test(tc, what_the_kernel_counted_is_added);
	tcase_add_test(tc, an_element_may_change_its_rule);
	tcase_add_test(tc, elements_are_bounded_and_overflow_rows_have_them_too);
	tcase_add_test(tc, sums_agree);
	return suite_run(tc);
}
