/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfq: see nfq.h.
 *
 * Answers.  A batch verdict answers every packet that waits with an id up to its own.  So packets are answered in id order,
 * one message for each run of equal marks, all in one sendmsg.  What lies between two ids that we know (a message that could
 * not be read, a batch whose answer failed) was judged by nobody and must not go along with its neighbour's verdict: such a
 * gap is swept by a DROP of its own.  Most gaps are harmless (the kernel dropped the packet itself and its id is gone), then
 * nothing matches and the kernel says ENOENT, which is told apart by the sweep's sequence number.
 *
 * Start.  The queue lives from BIND on, so packets may come in front of the ack: they stay in their slots and are
 * the first that nfq_receive gives. */
#include "kern/nfq.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

#include "base/now.h"
#include "kern/nfq_wire.h"

enum {
	HEADERS_BYTES = 256,            /* of a message without its payload, at most */
	SLOT_ALIGN = 512,
	COPY_MAX = 65531,
	SMALL_COPY = 256,               /* up to here a message costs SMALL_BYTES of receive memory, else up to LARGE_BYTES */
	SMALL_BYTES = 832, LARGE_BYTES = 2304,
	RECEIVE_MAX = 512 * 1024 * 1024,
	ROUNDS = 4,                     /* of receiving nothing but error messages */
	ANSWER_BYTES = 40, SWEEP_BYTES = 32,
	BIND_WAIT_MS = 2000, BIND_PAUSE_MS = 20, ACK_WAIT_MS = 2000,
	SEQ_ANSWER = 0, SEQ_SWEEP = 1, SEQ_CONFIG = 2,
	STATS_BYTES = 4096,
};
#define TYPE(msg) ((uint16_t)(NFNL_SUBSYS_QUEUE << 8 | (msg)))

struct nfq {
	int fd;
	uint16_t queue;
	size_t slot_bytes;
	uint8_t *slots;                 /* NFQ_BATCH of them */
	unsigned early, early_next;     /* slots filled in front of the ack, and the first not given yet */
	uint32_t last;                  /* the last id answered */
	struct nfq_counts counts;
	struct mmsghdr msgs[NFQ_BATCH];
	struct iovec vecs[NFQ_BATCH];
	uint8_t out[NFQ_BATCH * (ANSWER_BYTES + SWEEP_BYTES)];
};

/* ---- reading a message ---- */

static bool read_header(struct nfq_packet *p, const struct nfq_attr *a)
{
	if (a->len < sizeof(struct nfqnl_msg_packet_hdr))
		return false;
	p->id = nfq_wire_be32(a->at + offsetof(struct nfqnl_msg_packet_hdr, packet_id));
	p->protocol = nfq_wire_be16(a->at + offsetof(struct nfqnl_msg_packet_hdr, hw_protocol));
	p->hook = a->at[offsetof(struct nfqnl_msg_packet_hdr, hook)];
	p->has_id = true;
	return true;
}

static bool read_mac(struct nfq_packet *p, const struct nfq_attr *a)
{
	const size_t at = offsetof(struct nfqnl_msg_packet_hw, hw_addr);

	if (a->len < at + sizeof(p->mac.b))
		return false;
	p->has_mac = nfq_wire_be16(a->at) == sizeof(p->mac.b);
	if (p->has_mac)
		memcpy(p->mac.b, a->at + at, sizeof(p->mac.b));
	return true;
}

static bool read_number(uint32_t *ret, const struct nfq_attr *a)
{
	if (a->len < sizeof(*ret))
		return false;
	*ret = nfq_wire_be32(a->at);
	return true;
}

static bool read_attr(struct nfq_packet *p, const struct nfq_attr *a)
{
	switch (a->type) {
	case NFQA_PACKET_HDR:
		return read_header(p, a);
	case NFQA_MARK:
		return read_number(&p->mark, a);
	case NFQA_IFINDEX_INDEV:
		return read_number(&p->iif, a);
	case NFQA_IFINDEX_OUTDEV:
		return read_number(&p->oif, a);
	case NFQA_HWADDR:
		return read_mac(p, a);
	case NFQA_CAP_LEN:
		return read_number(&p->bytes, a);
	case NFQA_PAYLOAD:
		p->payload = a->at;
		p->caplen = a->len;
		return true;
	default:
		return true;
	}
}

bool nfq_parse(const void *msg, size_t len, uint16_t queue, struct nfq_packet *ret, int *ret_error)
{
	struct nfq_cursor c;
	struct nfq_head h;
	struct nfq_attr a;

	*ret = (struct nfq_packet){ 0 };
	*ret_error = EBADMSG;
	if (!nfq_wire_head(msg, len, &h, &c))
		return false;
	if (h.type == NLMSG_ERROR)
		*ret_error = h.error;
	if (h.type != TYPE(NFQNL_MSG_PACKET))
		return false;
	*ret_error = 0;
	while (nfq_wire_next(&c, &a))
		if (!read_attr(ret, &a))
			ret->malformed = true;
	if (h.res_id != queue)
		ret->has_id = false;
	if (!ret->has_id || c.bad || !ret->payload)
		ret->malformed = true;
	if (ret->bytes < ret->caplen)
		ret->bytes = ret->caplen;
	return true;
}

/* ---- binding ---- */

static size_t config_message(uint8_t *to, uint16_t queue, uint32_t copy, uint32_t maxlen)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(to);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	const struct nfqnl_msg_config_cmd cmd = { .command = NFQNL_CFG_CMD_BIND };
	const struct nfqnl_msg_config_params params = { .copy_range = htonl(copy), .copy_mode = NFQNL_COPY_PACKET };

	nlh->nlmsg_type = TYPE(NFQNL_MSG_CONFIG);
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = SEQ_CONFIG;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(queue);
	mnl_attr_put(nlh, NFQA_CFG_CMD, sizeof(cmd), &cmd);
	mnl_attr_put(nlh, NFQA_CFG_PARAMS, sizeof(params), &params);
	mnl_attr_put_u32(nlh, NFQA_CFG_QUEUE_MAXLEN, htonl(maxlen));
	mnl_attr_put_u32(nlh, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
	mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
	return nlh->nlmsg_len;
}

/* The kernel's answer to the configuration as an errno; packets in front of it stay where they are. */
static int wait_ack(struct nfq *q)
{
	struct pollfd fd = { .fd = q->fd, .events = POLLIN };

	for (unsigned i = 0; i < NFQ_BATCH; ) {
		uint8_t *slot = q->slots + i * q->slot_bytes;
		struct nfq_cursor c;
		struct nfq_head h;
		ssize_t got;

		if (poll(&fd, 1, ACK_WAIT_MS) == 0)
			return ETIMEDOUT;
		got = recv(q->fd, slot, q->slot_bytes, MSG_DONTWAIT);
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return errno;
		if (got < 0 || !nfq_wire_head(slot, (size_t)got, &h, &c))
			continue;
		if (h.type == NLMSG_ERROR && h.seq == SEQ_CONFIG)
			return h.error;
		q->msgs[i].msg_len = (unsigned)got;
		q->early = ++i;
	}
	return ETIMEDOUT;
}

static bool holder_of(uint16_t queue, uint32_t *ret_portid)
{
	struct nfq_stats s;
	struct err ignored;
	AUTO_FD fd = nfq_stats_open(&ignored);

	if (fd < 0 || nfq_stats_read(fd, queue, &s, &ignored) < 0 || !s.found)
		return false;
	*ret_portid = s.portid;
	return true;
}

/* A port id is the process's number, unless that process has several netlink sockets. */
static int held_by(uint16_t queue, uint32_t portid, struct err *e)
{
	char path[64], name[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/comm", portid);
	f = fopen(path, "re");
	if (!f || !fgets(name, sizeof(name), f))
		name[0] = '\0';
	if (f)
		fclose(f);
	name[strcspn(name, "\n")] = '\0';
	if (!*name)
		return err_plain(e, EBUSY, "queue %u is held by another process (netlink port %" PRIu32 ")", queue, portid);
	return err_plain(e, EBUSY, "queue %u is held by another process (netlink port %" PRIu32 ", which is the number of '%s')",
			 queue, portid, name);
}

/* EPERM is said for a queue of somebody else's, and for lack of CAP_NET_ADMIN. */
static int bind_queue(struct nfq *q, uint32_t copy, uint32_t maxlen, struct err *e)
{
	const struct timespec pause = { .tv_nsec = BIND_PAUSE_MS * NOW_NS_PER_MS };
	const int64_t until = now_mono_ns() + BIND_WAIT_MS * NOW_NS_PER_MS;
	const size_t len = config_message(q->out, q->queue, copy, maxlen);
	unsigned free_before = 0;
	uint32_t portid;
	int code;

	for (;;) {
		code = nfq_wire_send(q->fd, q->out, len, &q->counts.retries);
		if (!code)
			code = wait_ack(q);
		if (!code)
			return 0;
		if (code != EPERM && code != EBUSY)
			return err_sys(e, code, "queue %u cannot be bound", q->queue);
		if (!holder_of(q->queue, &portid)) {
			if (free_before++)
				return err_sys(e, code, "queue %u cannot be bound", q->queue);
		} else if (now_mono_ns() >= until) {
			return held_by(q->queue, portid, e);
		} else {
			free_before = 0;
		}
		nanosleep(&pause, NULL);
	}
}

static void point_slots(struct nfq *q)
{
	for (size_t i = 0; i < NFQ_BATCH; i++) {
		q->vecs[i] = (struct iovec){ q->slots + i * q->slot_bytes, q->slot_bytes };
		q->msgs[i].msg_hdr.msg_iov = &q->vecs[i];
		q->msgs[i].msg_hdr.msg_iovlen = 1;
	}
}

int nfq_new(uint16_t queue, const struct nfq_options *o, struct nfq **ret, struct err *e)
{
	const uint32_t asked = o && o->copy ? o->copy : NFQ_COPY, copy = asked < COPY_MAX ? asked : COPY_MAX;
	const uint32_t maxlen = o && o->maxlen ? o->maxlen : NFQ_MAXLEN;
	const uint64_t bytes = (uint64_t)maxlen * (copy <= SMALL_COPY ? SMALL_BYTES : LARGE_BYTES);
	AUTO(nfq) q = calloc(1, sizeof(*q));

	if (!q)
		return err_plain(e, ENOMEM, "out of memory");
	q->fd = -1;
	q->queue = queue;
	q->slot_bytes = (copy + HEADERS_BYTES + SLOT_ALIGN - 1) / SLOT_ALIGN * SLOT_ALIGN;
	q->slots = calloc(NFQ_BATCH, q->slot_bytes);
	if (!q->slots)
		return err_plain(e, ENOMEM, "out of memory");
	point_slots(q);
	q->fd = nfq_wire_open((int)(bytes < RECEIVE_MAX ? bytes : RECEIVE_MAX), true, e);
	if (q->fd < 0)
		return err_wrap(e, "queue %u", queue);
	if (bind_queue(q, copy, maxlen, e) < 0)
		return -1;
	*ret = TAKE(q);
	return 0;
}

void nfq_free(struct nfq *q)
{
	if (!q)
		return;
	if (q->fd >= 0)
		close(q->fd);
	free(q->slots);
	free(q);
}

int nfq_poll_fd(const struct nfq *q)
{
	return q->fd;
}

/* ---- packets ---- */

static void count_error(struct nfq *q, const void *msg, size_t len, int code)
{
	struct nfq_cursor c;
	struct nfq_head h;

	if (!nfq_wire_head(msg, len, &h, &c) || h.type != NLMSG_ERROR || code == EBADMSG)
		q->counts.malformed++;
	else if (code == ENOENT && h.seq == SEQ_SWEEP)
		return;
	else if (code == ENOENT)
		q->counts.enoent++;
	else if (code)
		q->counts.errors++;
}

/* Messages in slots first..end to packets; returns how many. */
static int take_slots(struct nfq *q, unsigned first, unsigned end, struct nfq_packet *ret)
{
	int n = 0, code;

	for (unsigned i = first; i < end; i++) {
		const void *msg = q->vecs[i].iov_base;
		const size_t len = q->msgs[i].msg_len < q->slot_bytes ? q->msgs[i].msg_len : q->slot_bytes;

		if (!nfq_parse(msg, len, q->queue, &ret[n], &code)) {
			count_error(q, msg, len, code);
		} else {
			q->counts.malformed += ret[n].malformed;
			q->counts.unanswerable += !ret[n].has_id;
			n++;
		}
	}
	q->counts.packets += (uint64_t)n;
	q->counts.batches += n > 0;
	return n;
}

static int take_early(struct nfq *q, struct nfq_packet *ret, unsigned max)
{
	const unsigned first = q->early_next, end = q->early - first < max ? q->early : first + max;

	q->early_next = end;
	return take_slots(q, first, end, ret);
}

static int receive(struct nfq *q, struct nfq_packet *ret, size_t max, int flags, struct err *e)
{
	const unsigned want = max < NFQ_BATCH ? (unsigned)max : NFQ_BATCH;
	int n = 0;

	if (q->early_next < q->early)
		n = take_early(q, ret, want);
	for (unsigned round = 0; !n && round < ROUNDS; round++) {
		const int got = recvmmsg(q->fd, q->msgs, want, flags, NULL);
		if (got < 0 && errno == EAGAIN)
			return 0;
		if (got < 0 && errno == ENOBUFS)
			q->counts.errors++;     /* an error message to us was lost */
		else if (got < 0 && errno != EINTR)
			return err_sys(e, errno, "queue %u cannot be read", q->queue);
		else if (got > 0)
			n = take_slots(q, 0, (unsigned)got, ret);
	}
	return n;
}

int nfq_receive(struct nfq *q, struct nfq_packet *ret, size_t max, struct err *e)
{
	return receive(q, ret, max, MSG_DONTWAIT, e);
}

int nfq_await(struct nfq *q, struct nfq_packet *ret, size_t max, struct err *e)
{
	return receive(q, ret, max, MSG_WAITFORONE, e);
}

static uint8_t *put_verdict(const struct nfq *q, uint8_t *to, uint32_t verdict, uint32_t id, const uint32_t *mark)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(to);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	const struct nfqnl_msg_verdict_hdr v = { .verdict = htonl(verdict), .id = htonl(id) };

	nlh->nlmsg_type = TYPE(NFQNL_MSG_VERDICT_BATCH);
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = mark ? SEQ_ANSWER : SEQ_SWEEP;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(q->queue);
	mnl_attr_put(nlh, NFQA_VERDICT_HDR, sizeof(v), &v);
	if (mark)
		mnl_attr_put_u32(nlh, NFQA_MARK, htonl(*mark));
	return to + nlh->nlmsg_len;
}

int nfq_answer(struct nfq *q, const struct nfq_packet *pkts, const uint32_t *marks, size_t n, struct err *e)
{
	const uint32_t *run = NULL;     /* the mark of ids up to last, not yet written */
	uint32_t last = q->last;
	uint8_t *to = q->out;
	int code;

	if (n > NFQ_BATCH)
		return err_plain(e, EINVAL, "more packets answered than a batch holds");
	for (size_t i = 0; i < n; i++) {
		const bool gap = pkts[i].id != last + 1;

		if (!pkts[i].has_id)
			continue;
		if (run && (gap || *run != marks[i]))
			to = put_verdict(q, to, NF_ACCEPT, last, run);
		if (gap)
			to = put_verdict(q, to, NF_DROP, pkts[i].id - 1, NULL);
		run = &marks[i];
		last = pkts[i].id;
	}
	if (!run)
		return 0;
	to = put_verdict(q, to, NF_ACCEPT, last, run);
	code = nfq_wire_send(q->fd, q->out, (size_t)(to - q->out), &q->counts.retries);
	if (code)
		return err_sys(e, code, "queue %u cannot be answered", q->queue);
	q->last = last;
	return 0;
}

const struct nfq_counts *nfq_counts_of(const struct nfq *q)
{
	return &q->counts;
}

/* ---- the kernel's own counts ---- */

int nfq_stats_open(struct err *e)
{
	const int fd = open(NFQ_STATS_PATH, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, errno, "cannot open " NFQ_STATS_PATH) : fd;
}

static bool read_row(const char *row, uint16_t queue, struct nfq_stats *ret)
{
	uint64_t number, portid;
	struct nfq_stats s = { .found = true };

	if (sscanf(row, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64, &number, &portid,
		   &s.waiting, &s.dropped_full, &s.dropped_socket, &s.id_sequence) != 6 || number != queue)
		return false;
	s.portid = (uint32_t)portid;
	*ret = s;
	return true;
}

int nfq_stats_read(int fd, uint16_t queue, struct nfq_stats *ret, struct err *e)
{
	char text[STATS_BYTES];
	size_t have = 0;
	off_t at = 0;

	*ret = (struct nfq_stats){ 0 };
	for (;;) {
		const ssize_t got = pread(fd, text + have, sizeof(text) - 1 - have, at);
		char *line = text, *end;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, errno, "cannot read " NFQ_STATS_PATH);
		if (got == 0)
			return 0;
		at += got;
		have += (size_t)got;
		text[have] = '\0';
		for (; (end = strchr(line, '\n')); line = end + 1)
			if (read_row(line, queue, ret))
				return 0;
		have -= (size_t)(line - text);
		memmove(text, line, have);
		if (have == sizeof(text) - 1)
			return err_plain(e, EBADMSG, NFQ_STATS_PATH " is not the table it should be");
	}
}
