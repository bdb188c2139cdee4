/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies of what observing zones pass: read like a queue, answered by nobody. */
#include "run/source.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "kern/nflog.h"
#include "run/source_part.h"

struct source_nflog {
	struct source head;
	struct nflog *log;
	struct nfq_packet raw[SOURCE_BATCH];
};

void source_packet(const struct nfq_packet *raw, struct pkt *ret)
{
	*ret = (struct pkt){
		.iif = raw->iif, .oif = raw->oif, .mark = raw->mark, .has_smac = raw->has_mac, .smac = raw->mac,
		.hook = raw->hook == NF_INET_LOCAL_IN ? PKT_INPUT : raw->hook == NF_INET_LOCAL_OUT ? PKT_OUTPUT : PKT_FORWARD,
	};
	if (raw->malformed || !raw->payload)
		ret->shape = PKT_MALFORMED;
	else
		pkt_decode(raw->payload, raw->caplen, ret);
	ret->bytes = raw->bytes;
}

static int nflog_next(struct source *s, struct pkt *pkts, struct err *e)
{
	struct source_nflog *l = (struct source_nflog *)s;
	const int n = nflog_receive(l->log, l->raw, SOURCE_BATCH, e);
	const struct nflog_counts *c = nflog_counts_of(l->log);

	for (int i = 0; i < n; i++)
		source_packet(&l->raw[i], &pkts[i]);
	s->vanished = c->lost;
	s->odd = c->malformed;
	return n;
}

static void nflog_close(struct source *s)
{
	struct source_nflog *l = (struct source_nflog *)s;

	nflog_free(l->log);
	free(l);
}

static const struct source_ops nflog_ops = { "log", nflog_next, NULL, NULL, nflog_close };

struct source *source_nflog_new(uint16_t group, struct err *e)
{
	struct source_nflog *l = calloc(1, sizeof(*l));

	if (!l) {
		err_plain(e, ENOMEM, "out of memory");
		return NULL;
	}
	if (nflog_new(group, 0, false, &l->log, e) < 0) {
		free(l);
		return NULL;
	}
	l->head = (struct source){ .ops = &nflog_ops, .fd = nflog_poll_fd(l->log), .notes = true };
	return &l->head;
}
