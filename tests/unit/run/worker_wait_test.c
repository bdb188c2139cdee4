/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a worker's thread takes its batches, from a source that always has the next one: at once after a full batch, after a nap
 * where many come, waiting for the first one where few do; and that it stays on the processors that it was given. */
#include "run/worker.h"

#include <netinet/in.h>
#include <sched.h>
#include <time.h>

#include "run/source.h"
#include "run/worker_pace.h"
#include "unit/run/fake.h"
#include "unit/suite.h"

enum phase { FULL, MANY, FEW, PHASES };
static const struct { int batch; unsigned calls; } phases[PHASES] = {
	[FULL] = { SOURCE_BATCH, 400 },
	[MANY] = { SOURCE_BATCH - 28, 2000 },           /* a million a second without naps, 250,000 with them */
	[FEW] = { 1, 100 },                             /* 500 a second */
};

/* Of the worker's thread until it is joined, but for phase. */
static struct {
	struct source head;
	struct pkt pkt;
	int phase;
	int64_t answered_ns;
	struct { unsigned calls, awaited, napped; } seen[PHASES];
	cpu_set_t cpus;
} steady;

static int give(struct pkt *pkts, bool awaits)
{
	const int64_t now = now_mono_ns();
	const enum phase at = (enum phase)steady.phase;

	if (at == PHASES)
		return 0;
	steady.seen[at].calls++;
	steady.seen[at].awaited += awaits;
	steady.seen[at].napped += !awaits && now - steady.answered_ns >= WORKER_NAP_MIN_US * INT64_C(1000);
	for (int i = 0; i < phases[at].batch; i++)
		pkts[i] = steady.pkt;
	if (steady.seen[at].calls == phases[at].calls)
		__atomic_store_n(&steady.phase, steady.phase + 1, __ATOMIC_RELEASE);
	return phases[at].batch;
}

static int steady_next(struct source *s, struct pkt *pkts, struct err *e)
{
	(void)s, (void)e;
	return give(pkts, false);
}

static int steady_await(struct source *s, struct pkt *pkts, struct err *e)
{
	const struct timespec a_little = { .tv_nsec = 2000000 };

	(void)s, (void)e;
	if (steady.phase >= FEW)
		nanosleep(&a_little, NULL);
	return give(pkts, true);
}

static int steady_verdicts(struct source *s, const uint32_t *marks, unsigned n, struct err *e)
{
	(void)s, (void)marks, (void)n, (void)e;
	sched_getaffinity(0, sizeof(steady.cpus), &steady.cpus);
	steady.answered_ns = now_mono_ns();
	return 0;
}

static void steady_close(struct source *s)
{
	(void)s;
}

static const struct source_ops ops = { "steady", steady_next, steady_await, steady_verdicts, steady_close };

/* Until every phase is over, or one batch was answered. */
static void run(int cpu, unsigned step, bool whole)
{
	const struct timespec a_little = { .tv_nsec = 2000000 };
	struct worker_config c = { .name = "waits", .source = &steady.head, .wish_fd = -1, .cpu = cpu, .cpu_step = step };
	struct judge *judge = fake_judge(FAKE_POLICY);
	static struct qs_ptr current;
	struct worker *worker;
	struct err e = { 0 };

	memset(&steady, 0, sizeof(steady));
	steady.head = (struct source){ .ops = &ops, .fd = -1, .notes = true };
	steady.pkt = fake_packet(CAM_MAC, "10.20.0.5", "10.1.5.10", IPPROTO_UDP, 5001);
	qs_swap(&current, judge);
	c.judge = &current;
	worker = worker_new(&c, &e);
	ck_assert_msg(worker && worker_start(worker, &e) == 0, "%s", e.msg);
	for (unsigned i = 0; i < 10000 && __atomic_load_n(&steady.phase, __ATOMIC_ACQUIRE) < (whole ? PHASES : 1); i++)
		nanosleep(&a_little, NULL);
	worker_stop(worker);
	ck_assert_int_ge(steady.phase, whole ? PHASES : 1);
	worker_free(worker);
	qs_swap(&current, NULL);
	judge_free(judge);
}

/* Rates are known after some milliseconds, and others may keep the thread from its processor: so not each of many and few. */
START_TEST(waits_as_packets_come)
{
	run(-1, 0, true);
	for (int i = 0; i < PHASES; i++)
		printf("# batches of %d: %u, waited for %u, after a nap %u\n", phases[i].batch, steady.seen[i].calls,
		       steady.seen[i].awaited, steady.seen[i].napped);
	ck_assert_uint_le(steady.seen[FULL].awaited, 1);                /* the first one of all */
	ck_assert_uint_lt(steady.seen[FULL].napped, phases[FULL].calls / 2);
	ck_assert_uint_ge(steady.seen[MANY].napped, 50);
	ck_assert_uint_ge(steady.seen[FEW].awaited, 10);
}
END_TEST

/* Every so manieth processor from one on; all where that is none that there is. */
static void stays_on(unsigned cpu, unsigned step, const cpu_set_t *here)
{
	cpu_set_t want;

	CPU_ZERO(&want);
	for (unsigned i = cpu; i < CPU_SETSIZE; i += step)
		if (CPU_ISSET(i, here))
			CPU_SET(i, &want);
	run((int)cpu, step, false);
	ck_assert(CPU_EQUAL(&steady.cpus, CPU_COUNT(&want) ? &want : here));
}

START_TEST(stays_where_it_was_put)
{
	cpu_set_t here;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(here), &here), 0);
	for (unsigned step = 2; step < 4; step++)
		for (unsigned cpu = 0; cpu < step; cpu++)
			stays_on(cpu, step, &here);
	run(-1, 0, false);
	ck_assert(CPU_EQUAL(&steady.cpus, &here));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("wait");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, waits_as_packets_come);
	tcase_add_test(tc, stays_where_it_was_put);
	return suite_run(tc);
}
