/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfq: one netfilter queue: packets received and answered in batches, in id order.
 * One queue belongs to one thread.  nfq_receive and nfq_answer call no allocator.
 * Every packet received must be answered before the next nfq_receive: the kernel takes a batch verdict for all ids up to it. */
#ifndef KERN_NFQ_H
#define KERN_NFQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/own.h"
#include "net/addr.h"

enum { NFQ_BATCH = 128, NFQ_COPY = 128, NFQ_MAXLEN = 8192, NFQ_WAIT_MS = 200 };

/* What the message says, from the queue or from the log. */
struct nfq_packet {
	uint32_t id;
	uint32_t mark;
	uint32_t iif, oif;              /* 0: none */
	uint32_t bytes;                 /* the packet's length at layer 3, also when less was copied */
	uint32_t caplen;
	const uint8_t *payload;         /* from the network header; valid until the next receive */
	uint16_t protocol;              /* ethertype */
	uint8_t hook;                   /* NF_INET_… : 1 input, 2 forward, 3 output */
	bool has_id;                    /* false: not even the id could be read, it cannot be answered */
	bool malformed;                 /* the message is not what a kernel sends: answer it with a denial */
	bool has_mac;
	struct mac mac;                 /* source */
	const uint8_t *ether;           /* its Ethernet header, from the log alone; NULL: none */
};

struct nfq_options { uint32_t copy, maxlen; };  /* 0: the defaults */

struct nfq_counts { uint64_t packets, batches, malformed, unanswerable, enoent, errors, retries; };

struct nfq;

/* Bind; a predecessor that is still being reaped is waited for (2 s); a queue that another process holds is an error that
 * names it. */
int nfq_new(uint16_t queue, const struct nfq_options *o, struct nfq **ret, struct err *e);
void nfq_free(struct nfq *q);           /* packets not answered are dropped by the kernel */
OWN(nfq)
int nfq_poll_fd(const struct nfq *q);
/* Up to max (at most NFQ_BATCH) packets without waiting; returns how many, 0 when there are none, -1 and *e. */
int nfq_receive(struct nfq *q, struct nfq_packet *ret, size_t max, struct err *e);
/* The same, but waits for the first, NFQ_WAIT_MS at most: one call where poll and receive would be two. */
int nfq_await(struct nfq *q, struct nfq_packet *ret, size_t max, struct err *e);
/* ACCEPT all n with marks[i] as their whole mark (see table_mark: put foreign bits back), equal neighbours in one message. */
int nfq_answer(struct nfq *q, const struct nfq_packet *pkts, const uint32_t *marks, size_t n, struct err *e);
const struct nfq_counts *nfq_counts_of(const struct nfq *q);

/* Read one queue message; pure.  false: not a packet message (an error reply: *ret_error its errno). */
bool nfq_parse(const void *msg, size_t len, uint16_t queue, struct nfq_packet *ret, int *ret_error);

/* A row of /proc/net/netfilter/nfnetlink_queue, read from an open descriptor. */
struct nfq_stats { bool found; uint32_t portid; uint64_t waiting, dropped_full, dropped_socket, id_sequence; };
#define NFQ_STATS_PATH "/proc/net/netfilter/nfnetlink_queue"
int nfq_stats_open(struct err *e);      /* the descriptor or -1; the module is loaded at the latest by the first nfq_new */
int nfq_stats_read(int fd, uint16_t queue, struct nfq_stats *ret, struct err *e);

#endif
