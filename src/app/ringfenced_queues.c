/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ringfenced_queues: the queues, bound before any rule leads there, and a worker for each. */
#include "app/ringfenced.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "kern/nfq.h"
#include "run/publish.h"
#include "run/source.h"
#include "run/worker.h"

uint16_t ringfenced_workers(void)
{
	const long n = sysconf(_SC_NPROCESSORS_ONLN);

	return (uint16_t)(n < 1 ? 1 : n > RINGFENCED_ASKS ? RINGFENCED_ASKS : n);
}

/* step 0: on any processor; else on this one and every step further. */
static int add_worker(struct ringfenced *d, const char *name, struct source *source, unsigned cpu, unsigned step, struct err *e)
{
	const struct worker_config c = {
		.name = name, .source = source, .judge = publish_pointer(d->publish), .wish_fd = d->wish_fd,
		.cpu = step ? (int)cpu : -1, .cpu_step = step,
	};

	if (!source)
		return -1;
	d->workers[d->n_workers] = worker_new(&c, e);
	return d->workers[d->n_workers++] ? 0 : -1;
}

int ringfenced_bind(struct ringfenced *d, struct err *e)
{
	const uint16_t asks = d->o.workers;
	struct source *log;
	char name[16];

	d->publish = publish_new();
	d->wish_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!d->publish || d->wish_fd < 0)
		return err_plain(e, ENOMEM, "out of memory");
	for (uint16_t i = 0; i < asks; i++) {
		snprintf(name, sizeof(name), asks > 1 ? "ask-%u" : "ask", i);
		if (add_worker(d, name, source_nfq_new((uint16_t)(d->o.queue + i), 0, e), i, asks > 1 ? asks : 0, e) < 0)
			return access(NFQ_STATS_PATH, F_OK) < 0 ? ringfenced_lacks("queue to listen to", "nfnetlink_queue", e) : -1;
	}
	if (add_worker(d, "unknown", source_nfq_new((uint16_t)(d->o.queue + asks), 0, e), 0, 0, e) < 0)
		return -1;
	d->queue_fd = nfq_stats_open(e);        /* there since the module is, which the first queue loads */
	log = d->has_log ? source_nflog_new(d->o.nflog_group, e) : NULL;
	if (!log) {
		log_warn("observed zones cannot be seen: no packet log error=\"%s\"", d->has_log ? e->msg : "not in this kernel");
		return 0;
	}
	return add_worker(d, "observe", log, 0, 0, e);
}
