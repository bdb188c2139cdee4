/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/ring.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "unit/suite.h"

struct record { uint64_t seq, copy[5]; };

START_TEST(keeps_order_and_refuses_when_full)
{
	struct ring *r = ring_new(5, sizeof(int));      /* rounded up to 8 */
	int *slot;

	ck_assert_ptr_null(ring_peek(r));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 8; i++) {
			slot = ring_slot(r);
			ck_assert_ptr_nonnull(slot);
			*slot = round * 10 + i;
			ring_push(r);
		}
		ck_assert_ptr_null(ring_slot(r));
		ck_assert_uint_eq(ring_lost(r), (uint64_t)round + 1);
		ck_assert_uint_eq(ring_used(r), 8);
		for (int i = 0; i < 8; i++) {
			ck_assert_int_eq(*(const int *)ring_peek(r), round * 10 + i);
			ring_pop(r);
		}
		ck_assert_ptr_null(ring_peek(r));
		ck_assert_uint_eq(ring_used(r), 0);
	}
	ring_free(r);
	ring_free(NULL);
}
END_TEST

START_TEST(a_slot_not_pushed_is_not_seen)
{
	struct ring *r = ring_new(2, sizeof(int));
	int *slot = ring_slot(r);

	*slot = 1;
	ck_assert_ptr_null(ring_peek(r));
	ck_assert_ptr_eq(ring_slot(r), slot);
	ring_push(r);
	ck_assert_int_eq(*(const int *)ring_peek(r), 1);
	ck_assert_ptr_eq(ring_peek(r), slot);
	ring_free(r);
}
END_TEST

START_TEST(refuses_sizes_that_overflow)
{
	ck_assert_ptr_null(ring_new(SIZE_MAX, 1));
	ck_assert_ptr_null(ring_new(SIZE_MAX / 4, 64));
}
END_TEST

enum { RECORDS = 300000 };

static void *produce(void *arg)
{
	struct ring *r = arg;
	uint64_t sent = 0;

	for (uint64_t seq = 0; seq < RECORDS; seq++) {
		struct record *slot = ring_slot(r);

		if (!slot) {
			sched_yield();
			continue;
		}
		slot->seq = seq;
		for (int i = 0; i < 5; i++)
			slot->copy[i] = seq;
		ring_push(r);
		sent++;
	}
	return (void *)(uintptr_t)sent;
}

/* What was sent arrives whole and in order; sent and lost make up all. */
START_TEST(passes_records_between_two_threads)
{
	struct ring *r = ring_new(64, sizeof(struct record));
	uint64_t got = 0, last = 0;
	pthread_t thread;
	void *sent = NULL;
	bool joined = false;

	ck_assert_int_eq(pthread_create(&thread, NULL, produce, r), 0);
	for (;;) {
		const struct record *rec = ring_peek(r);

		if (!rec && joined)
			break;
		if (!rec) {
			joined = pthread_tryjoin_np(thread, &sent) == 0;
			if (!joined)
				sched_yield();
			continue;
		}
		if (got && rec->seq <= last)
			ck_abort_msg("record %lu after %lu", (unsigned long)rec->seq, (unsigned long)last);
		for (int i = 0; i < 5; i++)
			if (rec->copy[i] != rec->seq)
				ck_abort_msg("record %lu is torn", (unsigned long)rec->seq);
		last = rec->seq;
		got++;
		ring_pop(r);
	}
	ck_assert_uint_eq(got, (uintptr_t)sent);
	ck_assert_uint_eq(got + ring_lost(r), RECORDS);
	ck_assert_uint_gt(got, 0);
	ring_free(r);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("ring");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, keeps_order_and_refuses_when_full);
	tcase_add_test(tc, a_slot_not_pushed_is_not_seen);
	tcase_add_test(tc, refuses_sizes_that_overflow);
	tcase_add_test(tc, passes_records_between_two_threads);
	return suite_run(tc);
}
