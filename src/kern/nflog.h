/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nflog: copies of packets that rules log ("log group"), in the form nfq gives them.  Nothing waits for an answer: what is
 * lost here is lost as knowledge only, and counted.  One group belongs to one thread; nflog_receive calls no allocator. */
#ifndef KERN_NFLOG_H
#define KERN_NFLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "kern/nfq.h"

struct nflog;
struct nflog_counts { uint64_t packets, batches, malformed, overruns, lost; };  /* lost: gaps in the sequence numbers */

/* copy 0: the default.  prompt: each packet is told at once, else many together, within some hundredths of a second. */
int nflog_new(uint16_t group, uint32_t copy, bool prompt, struct nflog **ret, struct err *e);
void nflog_free(struct nflog *l);
OWN(nflog)
int nflog_poll_fd(const struct nflog *l);
/* As nfq_receive; id is the sequence number. */
int nflog_receive(struct nflog *l, struct nfq_packet *ret, size_t max, struct err *e);
const struct nflog_counts *nflog_counts_of(const struct nflog *l);

/* Read one message; pure.  false: not a packet message. */
bool nflog_parse(const void *msg, size_t len, uint16_t group, struct nfq_packet *ret);

#endif
