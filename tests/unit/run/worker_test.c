/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker_step on a source that the test fills: one answer per packet, in order, foreign mark bits kept, records and wishes. */
#include "run/worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <time.h>

#include "base/ring.h"
#include "kern/table.h"
#include "unit/run/fake.h"
#include "run/hit.h"
#include "run/source.h"

struct script {
	struct source head;
	struct pkt pkts[SOURCE_BATCH];
	int n, answered, fail_next;
	uint32_t marks[SOURCE_BATCH];
	bool closed;
};

static struct script script;
static unsigned awaited;

static int script_next(struct source *s, struct pkt *pkts, struct err *e)
{
	struct script *x = (struct script *)s;
	const int n = x->n;

	if (x->fail_next) {
		x->fail_next = 0;
		return err_plain(e, ENOBUFS, "planted");
	}
	memcpy(pkts, x->pkts, (size_t)n * sizeof(*pkts));
	x->n = 0;
	return n;
}

/* As a source that waits by itself: a little, then whatever there is. */
static int script_await(struct source *s, struct pkt *pkts, struct err *e)
{
	const struct timespec a_little = { .tv_nsec = 2000000 };

	nanosleep(&a_little, NULL);
	__atomic_fetch_add(&awaited, 1, __ATOMIC_RELAXED);
	return script_next(s, pkts, e);
}

static int script_verdicts(struct source *s, const uint32_t *marks, unsigned n, struct err *e)
{
	struct script *x = (struct script *)s;

	(void)e;
	memcpy(x->marks, marks, n * sizeof(*marks));
	x->answered += (int)n;
	return 0;
}

static void script_close(struct source *s)
{
	((struct script *)s)->closed = true;
}

static const struct source_ops live_ops = { "script", script_next, script_await, script_verdicts, script_close };
static const struct source_ops copy_ops = { "copies", script_next, NULL, NULL, script_close };

static struct qs_ptr current;
static struct judge *judge;
static struct worker *worker;

static void make(const char *policy, const struct source_ops *ops, size_t hits)
{
	struct worker_config c = { .name = "test", .source = &script.head, .judge = &current, .hits = hits, .wish_fd = -1, .cpu = -1 };
	struct err e = { 0 };

	script = (struct script){ .head = { .ops = ops, .fd = -1, .notes = true } };
	judge = fake_judge(policy);
	qs_swap(&current, judge);
	qs_thread_begin();
	worker = worker_new(&c, &e);
	ck_assert_msg(worker, "%s", e.msg);
}

static void unmake(void)
{
	worker_free(worker);
	ck_assert(script.closed);
	qs_thread_end();
	qs_swap(&current, NULL);
	judge_free(judge);
}

static int step(void)
{
	struct err e = { 0 };

	return worker_step(worker, &e);
}

START_TEST(every_packet_gets_one_answer)
{
	make(FAKE_POLICY, &live_ops, 0);
	script.pkts[0] = fake_packet(CAM_MAC, "10.20.0.5", "10.1.5.10", IPPROTO_UDP, 5001);
	script.pkts[1] = fake_packet(BAD_MAC, "10.20.0.6", "10.1.5.10", IPPROTO_UDP, 5001);
	script.pkts[2] = fake_packet(CAM_MAC, "10.20.0.5", "10.1.5.10", IPPROTO_TCP, 22);
	script.pkts[3] = fake_packet(CAM_MAC, "10.20.0.5", "10.1.5.10", IPPROTO_UDP, 5001);
	script.pkts[3].shape = PKT_FRAGMENT;
	script.pkts[4] = (struct pkt){ .shape = PKT_MALFORMED, .iif = 7, .oif = 8 };
	script.n = 5;
	ck_assert_int_eq(step(), 5);
	ck_assert_int_eq(script.answered, 5);
	/* generation 5 in the upper six of our bits; the others' stay. */
	ck_assert_uint_eq(script.marks[0], (5U << 2 | HIT_ALLOW) << 24 | 0xcafe);
	ck_assert_uint_eq(script.marks[1], (5U << 2 | HIT_DENY) << 24 | 0xcafe);
	ck_assert_uint_eq(script.marks[2], (5U << 2 | HIT_DENY) << 24 | 0xcafe);
	ck_assert_uint_eq(script.marks[3], (5U << 2 | HIT_DENY_FORGET) << 24 | 0xcafe);
	ck_assert_uint_eq(script.marks[4], (5U << 2 | HIT_DENY_FORGET) << 24);
	ck_assert_int_eq(step(), 0);
	ck_assert_int_eq(script.answered, 5);
	unmake();
}
END_TEST

/* What a rule with offload allows is answered so, where the table will know the answer; and never so for anything else. */
START_TEST(says_what_may_be_offloaded)
{
	make(FAKE_BEFORE_RULES "  - { id: rtp, from: cctv, to: vms, services: [udp/5000-5999], action: allow, offload: true }\n"
	     "  - { id: other, from: cctv, to: vms, services: [tcp/22], action: allow }\ndefault: drop\n", &live_ops, 0);
	for (unsigned i = 0; i < 2; i++) {
		script.pkts[0] = fake_packet(CAM_MAC, "10.20.0.5", "10.1.5.10", IPPROTO_UDP, 5001);
		script.pkts[1] = fake_packet(CAM_MAC, "10.20.0.5", "10.1.5.10", IPPROTO_TCP, 22);
		script.pkts[2] = fake_packet(CAM_MAC, "10.20.0.5", "10.1.5.10", IPPROTO_TCP, 23);
		script.n = 3;
		ck_assert_int_eq(step(), 3);
		ck_assert_uint_eq(script.marks[0], i ? table_mark_bulk(24, 5) | 0xcafe : table_mark(24, 5, TABLE_ALLOW) | 0xcafe);
		ck_assert_uint_eq(script.marks[1], table_mark(24, 5, TABLE_ALLOW) | 0xcafe);
		ck_assert_uint_eq(script.marks[2], table_mark(24, 5, TABLE_DENY) | 0xcafe);
		ck_assert(judge_wants_offload(judge));
		judge->offload = true;
	}
	unmake();
}
END_TEST

static struct pkt any_packet(void)
{
	static const char *const macs[] = { CAM_MAC, BAD_MAC, "ac:cc:8e:00:00:99" };
	static const char *const addrs[] = { "10.20.0.5", "10.20.0.6", "10.20.0.77", "10.1.5.10", "10.9.9.9" };
	static uint64_t seed = 1;
	struct pkt p;

	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	p = fake_packet(macs[(seed >> 33) % 3], addrs[(seed >> 36) % 5], addrs[(seed >> 40) % 5],
			seed >> 44 & 1 ? IPPROTO_UDP : IPPROTO_TCP, seed >> 45 & 1 ? 80 : 5001);
	p.mark |= seed >> 46 & 1 ? 0xff000000 : 0;      /* a reply */
	p.shape = seed >> 47 & 15 ? 0 : PKT_FRAGMENT;
	return p;
}

/* Each packet gets the answer that it gets alone, at any place of a batch of any size. */
START_TEST(batches_as_one_by_one)
{
	static const int sizes[] = { 1, 31, 32, 33, 63, 64, 65, SOURCE_BATCH };
	struct pkt pkts[SOURCE_BATCH];
	uint32_t marks[SOURCE_BATCH];
	const int n = sizes[_i];

	make(FAKE_POLICY, &live_ops, 0);
	for (int i = 0; i < n; i++)
		script.pkts[i] = pkts[i] = any_packet();
	script.n = n;
	ck_assert_int_eq(step(), n);
	memcpy(marks, script.marks, sizeof(marks));
	for (int i = 0; i < n; i++) {
		script.pkts[0] = pkts[i];
		script.n = 1;
		ck_assert_int_eq(step(), 1);
		ck_assert_uint_eq(marks[i], script.marks[0]);
	}
	unmake();
}
END_TEST

/* A reply is judged turned round: by the port that it comes from. */
START_TEST(replies_are_judged_turned_round)
{
	struct pkt p;

	make(FAKE_POLICY, &live_ops, 0);
	p = fake_packet(CAM_MAC, "10.20.0.5", "10.1.5.10", IPPROTO_UDP, 5001);
	script.pkts[0] = p;
	script.pkts[0].mark = 0xff000000;       /* to port 5001, but as an answer: from port 4000, which nobody may open */
	script.pkts[1] = p;
	script.n = 2;
	ck_assert_int_eq(step(), 2);
	ck_assert_uint_eq(script.marks[0] >> 24 & 3, HIT_DENY);
	ck_assert_uint_eq(script.marks[1] >> 24 & 3, HIT_ALLOW);
	unmake();
}
END_TEST

START_TEST(what_is_worth_telling_is_told)
{
	const struct hit *h;

	make(FAKE_POLICY, &live_ops, 0);
	script.pkts[0] = fake_packet(CAM_MAC, "10.20.0.5", "10.1.5.10", IPPROTO_UDP, 5001);
	script.pkts[1] = fake_packet(BAD_MAC, "10.20.0.6", "10.1.5.10", IPPROTO_UDP, 5001);
	script.pkts[2] = fake_packet(CAM_MAC, "10.20.0.5", "10.1.5.10", IPPROTO_TCP, 80);
	script.n = 3;
	ck_assert_int_eq(step(), 3);
	h = ring_peek(worker_hits(worker));
	ck_assert_ptr_nonnull(h);
	ck_assert_int_eq(h->verdict.why, VERDICT_RESTRICT);
	ck_assert_uint_eq(h->sent_mark, 5U << 2 | HIT_DENY);
	ck_assert_ptr_eq(h->judge, judge);
	ring_pop(worker_hits(worker));
	h = ring_peek(worker_hits(worker));             /* dropped by default, and noted by the observed rule on the way */
	ck_assert_ptr_nonnull(h);
	ck_assert_int_eq(h->verdict.why, VERDICT_DEFAULT);
	ck_assert_uint_ne(h->verdict.observed, POLICY_NONE);
	ring_pop(worker_hits(worker));
	ck_assert_ptr_null(ring_peek(worker_hits(worker)));
	unmake();
}
END_TEST

START_TEST(a_full_ring_costs_the_record_alone)
{
	make(FAKE_POLICY, &live_ops, 4);
	for (int i = 0; i < 32; i++)
		script.pkts[i] = fake_packet(BAD_MAC, "10.20.0.6", "10.1.5.10", IPPROTO_TCP, (uint16_t)(100 + i));
	script.n = 32;
	ck_assert_int_eq(step(), 32);
	ck_assert_int_eq(script.answered, 32);
	ck_assert_uint_eq(worker_stats(worker).denied, 32);
	ck_assert_uint_eq(worker_stats(worker).hits, 4);
	ck_assert_uint_eq(worker_stats(worker).hits_lost, 28);
	unmake();
}
END_TEST

START_TEST(copies_are_never_answered)
{
	make(FAKE_POLICY, &copy_ops, 0);
	script.pkts[0] = fake_packet(BAD_MAC, "10.20.0.6", "10.1.5.10", IPPROTO_TCP, 22);
	script.n = 1;
	ck_assert_int_eq(step(), 1);
	ck_assert_int_eq(script.answered, 0);
	ck_assert_uint_eq(((const struct hit *)ring_peek(worker_hits(worker)))->sent_mark, 0);
	unmake();
}
END_TEST

/* Only the sender of a guarded interface whose address is not proved; not again at once; never a verified one. */
START_TEST(unproved_sources_are_wished_for)
{
	const struct wish *w;
	char mac[ADDR_MAC_TEXT];

	make(FAKE_POLICY, &live_ops, 0);
	script.pkts[0] = fake_packet(CAM_MAC, "10.20.0.5", "10.1.5.10", IPPROTO_UDP, 5001);
	script.pkts[1] = fake_packet("ac:cc:8e:00:00:99", "10.20.0.77", "10.1.5.10", IPPROTO_UDP, 5001);
	script.pkts[2] = script.pkts[1];
	script.n = 3;
	ck_assert_int_eq(step(), 3);
	w = ring_peek(worker_wishes(worker));
	ck_assert_ptr_nonnull(w);
	ck_assert_str_eq(addr_mac_text(&w->mac, mac, sizeof(mac)), "ac:cc:8e:00:00:99");
	ck_assert_uint_eq(w->ifindex, 7);
	ring_pop(worker_wishes(worker));
	ck_assert_ptr_null(ring_peek(worker_wishes(worker)));
	unmake();
}
END_TEST

static unsigned sought(void)
{
	unsigned n = 0;

	for (const struct wish *w; (w = ring_peek(worker_wishes(worker))); ring_pop(worker_wishes(worker)))
		n += !addr_mac_u64(&w->mac);
	return n;
}

/* One sender takes its share and no more; who is denied whatever it opens to has none. */
START_TEST(few_are_sought_for_one_sender)
{
	make(FAKE_POLICY, &live_ops, 0);
	for (unsigned i = 0; i < 40; i++) {
		char to[32];

		snprintf(to, sizeof(to), "10.20.1.%u", i);
		script.pkts[i] = fake_packet(i < 30 ? CAM_MAC : "02:00:00:00:00:99", "10.1.5.10", to, IPPROTO_UDP, 554);
		script.pkts[i].iif = 8;
		script.pkts[i].oif = 7;
	}
	script.n = 40;
	ck_assert_int_eq(step(), 40);
	ck_assert_uint_eq(sought(), 20);
	ck_assert_uint_eq(worker_stats(worker).seeks_refused, 20);
	for (unsigned i = 0; i < 5; i++) {
		script.pkts[i].when_ns += NOW_NS_PER_S;
		script.pkts[i].shape = PKT_FRAGMENT;
		script.pkts[5 + i] = fake_packet(BAD_MAC, "10.1.5.10", "10.20.1.9", IPPROTO_UDP, 554);
		script.pkts[5 + i].iif = 8;
		script.pkts[5 + i].oif = 7;
	}
	script.n = 10;
	ck_assert_int_eq(step(), 10);
	ck_assert_uint_eq(sought(), 0);
	unmake();
}
END_TEST

/* Who is opened to on a guarded interface and is not known there; not for replies, not where it is allowed, not again at once. */
START_TEST(unknown_destinations_are_sought)
{
	const struct wish *w;

	make(FAKE_POLICY, &live_ops, 0);
	for (unsigned i = 0; i < 4; i++) {
		script.pkts[i] = fake_packet(CAM_MAC, "10.1.5.10", i == 3 ? "10.20.0.5" : "10.20.0.77", IPPROTO_UDP, 554);
		script.pkts[i].iif = 8;
		script.pkts[i].oif = 7;
	}
	script.pkts[0].mark = (uint32_t)HIT_NOTE_REPLY << 24;
	script.n = 4;
	ck_assert_int_eq(step(), 4);
	w = ring_peek(worker_wishes(worker));
	ck_assert_ptr_nonnull(w);
	ck_assert_uint_eq(addr_mac_u64(&w->mac), 0);
	ck_assert_mem_eq(w->addr.b, script.pkts[1].dst.b, 4);
	ck_assert_uint_eq(w->ifindex, 7);
	ring_pop(worker_wishes(worker));
	ck_assert_ptr_null(ring_peek(worker_wishes(worker)));
	unmake();
}
END_TEST

START_TEST(a_source_that_fails_is_asked_again)
{
	make(FAKE_POLICY, &live_ops, 0);
	script.fail_next = 1;
	script.pkts[0] = fake_packet(BAD_MAC, "10.20.0.6", "10.1.5.10", IPPROTO_TCP, 22);
	script.n = 1;
	ck_assert_int_eq(step(), -1);
	ck_assert_int_eq(step(), 1);
	ck_assert_int_eq(script.answered, 1);
	unmake();
}
END_TEST

/* The thread: what it is given is answered, trouble does not end it, it stops when told, and is waited for. */
START_TEST(a_thread_waits_and_stops)
{
	const struct timespec a_little = { .tv_nsec = 5000000 };
	struct err e = { 0 };

	make(FAKE_POLICY, &live_ops, 0);
	awaited = 0;
	for (unsigned i = 0; i < SOURCE_BATCH; i++)
		script.pkts[i] = fake_packet(CAM_MAC, "10.20.0.5", "10.1.5.10", IPPROTO_UDP, 5001);
	script.n = SOURCE_BATCH;                /* a full batch: the next is taken without waiting */
	script.fail_next = 1;
	ck_assert_msg(worker_start(worker, &e) == 0, "%s", e.msg);
	for (unsigned i = 0; i < 2000 && worker_stats(worker).packets < SOURCE_BATCH; i++)
		nanosleep(&a_little, NULL);
	ck_assert_uint_eq(worker_stats(worker).packets, SOURCE_BATCH);
	ck_assert_uint_eq(worker_stats(worker).errors, 1);
	for (unsigned i = 0; i < 2000 && __atomic_load_n(&awaited, __ATOMIC_RELAXED) < 5; i++)
		nanosleep(&a_little, NULL);
	worker_stop(worker);
	ck_assert_uint_ge(awaited, 5);
	ck_assert_int_eq(script.answered, SOURCE_BATCH);
	unmake();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("worker");
	TCase *t = tcase_create("step");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, every_packet_gets_one_answer);
	tcase_add_test(t, says_what_may_be_offloaded);
	tcase_add_loop_test(t, batches_as_one_by_one, 0, 8);
	tcase_add_test(t, replies_are_judged_turned_round);
	tcase_add_test(t, what_is_worth_telling_is_told);
	tcase_add_test(t, a_full_ring_costs_the_record_alone);
	tcase_add_test(t, copies_are_never_answered);
	tcase_add_test(t, unproved_sources_are_wished_for);
	tcase_add_test(t, unknown_destinations_are_sought);
	tcase_add_test(t, few_are_sought_for_one_sender);
	tcase_add_test(t, a_source_that_fails_is_asked_again);
	tcase_add_test(t, a_thread_waits_and_stops);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
