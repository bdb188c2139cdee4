/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The live source: one kernel queue.  What cannot be decoded keeps its place in the batch with a shape that the engine denies:
 * the kernel takes one answer for everything up to the last id, so none may be missing. */
#include "run/source.h"

#include <errno.h>
#include <stdlib.h>

#include "base/own.h"
#include "kern/nfq.h"
#include "run/source_part.h"

struct source_nfq {
	struct source head;
	struct nfq *queue;
	struct nfq_packet raw[SOURCE_BATCH];
};

static int decode(const struct source_nfq *q, int n, struct pkt *pkts)
{
	for (int i = 0; i < n; i++)
		source_packet(&q->raw[i], &pkts[i]);
	return n;
}

static int nfq_next(struct source *s, struct pkt *pkts, struct err *e)
{
	struct source_nfq *q = (struct source_nfq *)s;

	return decode(q, nfq_receive(q->queue, q->raw, SOURCE_BATCH, e), pkts);
}

static int nfq_wait(struct source *s, struct pkt *pkts, struct err *e)
{
	struct source_nfq *q = (struct source_nfq *)s;

	return decode(q, nfq_await(q->queue, q->raw, SOURCE_BATCH, e), pkts);
}

static int nfq_verdicts(struct source *s, const uint32_t *marks, unsigned n, struct err *e)
{
	struct source_nfq *q = (struct source_nfq *)s;
	const int rc = nfq_answer(q->queue, q->raw, marks, n, e);
	const struct nfq_counts *c = nfq_counts_of(q->queue);

	s->vanished = c->enoent;
	s->odd = c->malformed + c->unanswerable;
	return rc;
}

static void nfq_close(struct source *s)
{
	struct source_nfq *q = (struct source_nfq *)s;

	nfq_free(q->queue);
	free(q);
}

static const struct source_ops nfq_ops = { "queue", nfq_next, nfq_wait, nfq_verdicts, nfq_close };

struct source *source_nfq_new(uint16_t queue, uint32_t max_len, struct err *e)
{
	const struct nfq_options o = { .maxlen = max_len };
	struct source_nfq *q = calloc(1, sizeof(*q));

	if (!q) {
		err_plain(e, ENOMEM, "out of memory");
		return NULL;
	}
	if (nfq_new(queue, &o, &q->queue, e) < 0) {
		free(q);
		return NULL;
	}
	q->head = (struct source){ .ops = &nfq_ops, .fd = nfq_poll_fd(q->queue), .notes = true };
	return &q->head;
}
