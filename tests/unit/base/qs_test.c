/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qs: the writer poisons and frees what it replaced; a reader that still sees it fails the test (and, under
 * the sanitizers, is a use after free or a race). */
#include "base/qs.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "unit/suite.h"

enum { READERS = 3, SWAPS = 200, FIELDS = 16 };

struct thing { unsigned long field[FIELDS]; };

static struct qs_ptr current;
static atomic_bool stop;
static atomic_ulong reads;

static struct thing *thing_new(unsigned long value)
{
	struct thing *t = malloc(sizeof(*t));

	for (int i = 0; i < FIELDS; i++)
		t->field[i] = value;
	return t;
}

/* Returns NULL when every object it saw was whole and alive. */
static void *read_on(void *arg)
{
	bool offline = *(const bool *)arg, torn = false;

	qs_thread_begin();
	while (!atomic_load(&stop)) {
		const struct thing *t = qs_get(&current);

		for (int i = 0; i < FIELDS; i++)
			torn |= t->field[i] != t->field[0] || t->field[i] == 0;
		atomic_fetch_add_explicit(&reads, 1, memory_order_relaxed);
		qs_quiescent();
		if (offline) {
			qs_offline();
			usleep(100);
			qs_online();
		}
	}
	qs_thread_end();
	return torn ? &current : NULL;
}

START_TEST(old_objects_live_until_no_reader_has_them)
{
	static const bool goes_offline[READERS] = { false, false, true };
	pthread_t threads[READERS];
	void *torn;

	qs_swap(&current, thing_new(1));
	for (int i = 0; i < READERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, read_on, (void *)(uintptr_t)&goes_offline[i]), 0);
	while (atomic_load(&reads) == 0)
		usleep(100);
	for (unsigned long n = 2; n < SWAPS; n++) {
		struct thing *old = qs_swap(&current, thing_new(n));

		qs_synchronize();
		ck_assert_uint_eq(old->field[0], n - 1);
		for (int i = 0; i < FIELDS; i++)
			old->field[i] = 0;
		free(old);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < READERS; i++) {
		pthread_join(threads[i], &torn);
		ck_assert_ptr_null(torn);
	}
	free(qs_swap(&current, NULL));
	ck_assert_ptr_null(qs_get(&current));
}
END_TEST

static atomic_int at_read, may_go;

static void *hold(void *arg)
{
	const struct thing *t;

	(void)arg;
	qs_thread_begin();
	t = qs_get(&current);
	atomic_store(&at_read, 1);
	while (!atomic_load(&may_go))
		usleep(100);
	atomic_store(&at_read, (int)t->field[3]);
	qs_thread_end();
	return NULL;
}

static atomic_int synchronized;

static void *wait_for_grace(void *arg)
{
	(void)arg;
	qs_synchronize();
	atomic_store(&synchronized, 1);
	return NULL;
}

START_TEST(a_grace_period_waits_for_a_reader_in_its_batch)
{
	pthread_t reader, writer;
	struct thing *old;

	qs_swap(&current, thing_new(7));
	ck_assert_int_eq(pthread_create(&reader, NULL, hold, NULL), 0);
	while (!atomic_load(&at_read))
		usleep(100);
	old = qs_swap(&current, thing_new(8));
	ck_assert_int_eq(pthread_create(&writer, NULL, wait_for_grace, NULL), 0);
	usleep(50000);
	ck_assert_int_eq(atomic_load(&synchronized), 0);
	atomic_store(&may_go, 1);
	pthread_join(writer, NULL);
	ck_assert_int_eq(atomic_load(&synchronized), 1);
	free(old);
	pthread_join(reader, NULL);
	ck_assert_int_eq(atomic_load(&at_read), 7);
	free(qs_swap(&current, NULL));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("qs");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, old_objects_live_until_no_reader_has_them);
	tcase_add_test(tc, a_grace_period_waits_for_a_reader_in_its_batch);
	return suite_run(tc);
}
