/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A capture file as a source.  Nobody tracks its connections, so this does: a bounded table of who opened which flow.  TCP says it
 * with SYN; a TCP flow whose beginning is not in the file was opened by the side with the higher port; else the first
 * packet's sender opened it.  A row that is overwritten costs a wrong guess for that flow, never memory. */
#include "run/source.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "net/pcap.h"

enum { FLOWS = 1 << 17 };

struct side {
	struct addr addr;
	uint16_t port;
};

struct flow_key {
	struct side a, b;               /* a is the smaller one */
	uint8_t proto;
};

struct flow_row {
	struct flow_key key;
	bool used, opener_is_a;
};

struct source_pcap {
	struct source head;
	struct pcap *pcap;
	source_frame_fn on_frame;
	void *arg;
	struct source_pcap_counts counts;
	struct flow_row *rows;
};

static int compare_sides(const struct side *a, const struct side *b)
{
	const int c = addr_compare(&a->addr, &b->addr);

	return c ? c : (a->port > b->port) - (a->port < b->port);
}

/* true: the packet's source is side a. */
static bool key_of(const struct pkt *p, struct flow_key *ret)
{
	struct side src, dst;
	bool first;

	memset(ret, 0, sizeof(*ret));
	memset(&src, 0, sizeof(src));
	memset(&dst, 0, sizeof(dst));
	src.addr = p->src;
	dst.addr = p->dst;
	if (p->has_ports) {
		src.port = p->sport;
		dst.port = p->dport;
	}
	first = compare_sides(&src, &dst) <= 0;
	memcpy(&ret->a, first ? &src : &dst, sizeof(src));      /* padding and all: keys are compared as bytes */
	memcpy(&ret->b, first ? &dst : &src, sizeof(src));
	ret->proto = p->proto;
	return first;
}

static bool opens(const struct pkt *p)
{
	if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6)
		return p->icmp_type != 0 && p->icmp_type != 129;        /* an echo reply answers */
	if (p->proto != IPPROTO_TCP || !p->has_ports)
		return true;
	if (p->tcp_flags & PKT_TCP_SYN)
		return !(p->tcp_flags & PKT_TCP_ACK);
	return p->sport >= p->dport;
}

static bool is_syn(const struct pkt *p)
{
	return p->proto == IPPROTO_TCP && p->tcp_flags & PKT_TCP_SYN;
}

static enum pkt_direction direction(struct source_pcap *s, const struct pkt *p)
{
	struct flow_key key;
	const bool src_is_a = key_of(p, &key);
	struct flow_row *row = &s->rows[digest_hash64(&key, sizeof(key), 0) % FLOWS];

	if (p->shape || p->quoted)
		return PKT_ORIGINAL;
	if (!row->used || memcmp(&row->key, &key, sizeof(key)) != 0 || is_syn(p))
		*row = (struct flow_row){ .key = key, .used = true, .opener_is_a = src_is_a == opens(p) };
	return row->opener_is_a == src_is_a ? PKT_ORIGINAL : PKT_REPLY;
}

static int pcap_batch(struct source *head, struct pkt *pkts, struct err *e)
{
	struct source_pcap *s = (struct source_pcap *)head;
	struct pcap_packet frame;
	int n = 0;

	while (n < SOURCE_BATCH) {
		const int rc = pcap_next(s->pcap, &frame, e);
		uint16_t vlan;
		bool ip;

		if (rc <= 0)
			return rc < 0 && n == 0 ? -1 : n;
		s->counts.frames++;
		s->counts.offset = pcap_offset(s->pcap);
		pkts[n] = (struct pkt){ .when_ns = frame.when_ns, .bytes = frame.len };
		ip = pcap_decode(&frame, &pkts[n], &vlan) == 0;
		if (s->on_frame)
			s->on_frame(s->arg, &frame, ip ? &pkts[n] : NULL);
		if (!ip) {
			s->counts.other++;
			continue;
		}
		pkts[n].direction = (uint8_t)direction(s, &pkts[n]);
		n++;
	}
	return n;
}

static void pcap_close(struct source *head)
{
	struct source_pcap *s = (struct source_pcap *)head;

	pcap_free(s->pcap);
	free(s->rows);
	free(s);
}

static const struct source_ops pcap_ops = { "capture", pcap_batch, NULL, NULL, pcap_close };

struct source *source_pcap_new(const char *path, source_frame_fn on_frame, void *arg, struct err *e)
{
	struct source_pcap *s = calloc(1, sizeof(*s));

	if (s)
		s->rows = calloc(FLOWS, sizeof(*s->rows));
	if (!s || !s->rows) {
		free(s);
		err_plain(e, ENOMEM, "out of memory");
		return NULL;
	}
	s->head = (struct source){ .ops = &pcap_ops, .fd = -1 };
	s->on_frame = on_frame;
	s->arg = arg;
	if (pcap_open(path, &s->pcap, e) < 0) {
		pcap_close(&s->head);
		return NULL;
	}
	return &s->head;
}

struct source_pcap_counts source_pcap_counts(const struct source *s)
{
	return ((const struct source_pcap *)s)->counts;
}
