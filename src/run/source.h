/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source: where packets come from: a kernel queue, the kernel's copies of what an observing zone passes, or a file.
 * The worker asks for a batch and answers it before it asks again; ids, sockets and formats stay behind the ops.
 * One thread per source. */
#ifndef RUN_SOURCE_H
#define RUN_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/pkt.h"

enum { SOURCE_BATCH = 128, SOURCE_WAIT_MS = 200 };

struct source;
struct judge;

struct source_ops {
	const char *name;
	/* Up to SOURCE_BATCH packets; 0: none now (a file: none any more).  A packet that makes no sense is one with its shape
	 * set, never one less.  -1: the kernel refused; the worker counts it and goes on. */
	int (*next)(struct source *s, struct pkt *pkts, struct err *e);
	/* The same, waiting for the first one, SOURCE_WAIT_MS or so at most.  NULL: poll fd. */
	int (*await)(struct source *s, struct pkt *pkts, struct err *e);
	/* The mark of each packet of the last batch, in order.  NULL: copies, nobody waits. */
	int (*verdicts)(struct source *s, const uint32_t *marks, unsigned n, struct err *e);
	void (*close)(struct source *s);
};

/* The head of every source. */
struct source {
	const struct source_ops *ops;
	int fd;                                 /* to poll; -1: a file, which ends */
	bool notes;                             /* marks carry the gate's note of the direction */
	uint64_t odd;                           /* messages that were no packet */
	uint64_t vanished;                      /* ENOENT: packets that were gone when the answer came */
};

/* A kernel queue: bound, with room for max_len packets. */
struct source *source_nfq_new(uint16_t queue, uint32_t max_len, struct err *e);
/* An NFLOG group. */
struct source *source_nflog_new(uint16_t group, struct err *e);
/* A capture file (pcap or pcapng).  What opens a flow is told by its first packet, as conntrack would.
 * on_frame, where given, sees each frame's packet before it is judged, IP or not (ARP). */
struct pcap_packet;
typedef void (*source_frame_fn)(void *arg, const struct pcap_packet *frame, const struct pkt *p /* NULL: no IP */);
struct source *source_pcap_new(const char *path, source_frame_fn on_frame, void *arg, struct err *e);
/* What a file was made of: frames in all, those that were no IP packet, and the bytes read so far. */
struct source_pcap_counts { uint64_t frames, other, offset; };
struct source_pcap_counts source_pcap_counts(const struct source *s);

static inline void source_free(struct source *s)
{
	if (s)
		s->ops->close(s);
}

#endif
