/* SPDX-License-Identifier: GPL-2.0-or-later */
/* floorloop: what the kernel alone costs in the context of whoever answers: packets received and accepted in batches, as ringfenced
 * does, with no decision at all and naps of argv[2] microseconds.  What it needs no daemon can save.
 * Accepts everything of queue argv[1] until SIGTERM, then prints "judged N".  Prints "ready" first. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "kern/nfq.h"

static volatile sig_atomic_t over;

static void stop(int signo)
{
	(void)signo;
	over = 1;
}

int main(int argc, char **argv)
{
	static struct nfq_packet pkts[NFQ_BATCH];
	static uint32_t marks[NFQ_BATCH];
	const struct timespec nap = { .tv_nsec = (argc > 2 ? strtol(argv[2], NULL, 10) : 300) * 1000 };
	const struct nfq_options o = { .maxlen = 16384 };
	struct sigaction sa = { .sa_handler = stop };
	unsigned empty = 0;
	struct nfq *q;
	struct err e;

	if (argc < 2 || nfq_new((uint16_t)strtoul(argv[1], NULL, 10), &o, &q, &e) < 0)
		return 2;
	prctl(PR_SET_TIMERSLACK, 1000UL);
	sigaction(SIGTERM, &sa, NULL);
	puts("ready");
	fflush(stdout);
	while (!over) {
		const int n = nfq_receive(q, pkts, NFQ_BATCH, &e);
		struct pollfd fd = { .fd = nfq_poll_fd(q), .events = POLLIN };

		if (n > 0) {
			empty = 0;
			if (nfq_answer(q, pkts, marks, (size_t)n, &e) < 0)
				return 1;
		} else if (nap.tv_nsec && ++empty < 64) {
			nanosleep(&nap, NULL);
		} else {
			poll(&fd, 1, 100);
		}
	}
	printf("judged %llu\n", (unsigned long long)nfq_counts_of(q)->packets);
	nfq_free(q);
	return 0;
}
