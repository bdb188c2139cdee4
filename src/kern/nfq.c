/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfq: see nfq.h.  recvmmsg into slots of one block, one forward walk over each message's attributes, verdicts as run-length
 * VERDICT_BATCH messages in one sendmsg.  A batch verdict covers every id up to its own, so answers go out in id order
 * and for all packets received. */
#include "kern/nfq.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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

enum {
	SLOT_EXTRA = 384,               /* headers and attributes around the copied bytes */
	BYTES_PER_WAITING = 832,        /* what a waiting message costs of the receive buffer */
	ANSWER_BYTES = 64,              /* one verdict message */
	BIND_PATIENCE_MS = 2000, BIND_PAUSE_MS = 20,
	SEND_ATTEMPTS = 100, SEND_PAUSE_MS = 10,
	CONFIG_BYTES = 512,
};

struct nfq {
	struct mnl_socket *socket;
	uint16_t queue;
	size_t slot;
	uint8_t *slots, *answers;
	struct mmsghdr messages[NFQ_BATCH];
	struct iovec vectors[NFQ_BATCH];
	struct nfq_counts counts;
};

/* ---- reading one message ---- */

static uint32_t read_u32(const struct nlattr *a)
{
	uint32_t v;

	memcpy(&v, (const char *)a + MNL_ATTR_HDRLEN, sizeof(v));
	return ntohl(v);
}

static void read_header(const struct nlattr *a, struct nfq_packet *p)
{
	struct nfqnl_msg_packet_hdr h;

	memcpy(&h, (const char *)a + MNL_ATTR_HDRLEN, sizeof(h));
	p->id = ntohl(h.packet_id);
	p->protocol = ntohs(h.hw_protocol);
	p->hook = h.hook;
	p->has_id = true;
}

static void read_mac(const struct nlattr *a, struct nfq_packet *p)
{
	struct nfqnl_msg_packet_hw h;

	memcpy(&h, (const char *)a + MNL_ATTR_HDRLEN, sizeof(h));
	p->has_mac = ntohs(h.hw_addrlen) == sizeof(p->mac.b);
	if (p->has_mac)
		memcpy(p->mac.b, h.hw_addr, sizeof(p->mac.b));
}

/* Sizes that an attribute must have at least; 0: any. */
static const uint8_t sizes[NFQA_MAX + 1] = {
	[NFQA_PACKET_HDR] = sizeof(struct nfqnl_msg_packet_hdr), [NFQA_MARK] = 4, [NFQA_IFINDEX_INDEV] = 4, [NFQA_IFINDEX_OUTDEV] = 4,
	[NFQA_HWADDR] = sizeof(struct nfqnl_msg_packet_hw), [NFQA_CAP_LEN] = 4,
};

static void read_attribute(const struct nlattr *a, unsigned type, size_t len, struct nfq_packet *p)
{
	switch (type) {
	case NFQA_PACKET_HDR:
		read_header(a, p);
		break;
	case NFQA_MARK:
		p->mark = read_u32(a);
		break;
	case NFQA_IFINDEX_INDEV:
		p->iif = read_u32(a);
		break;
	case NFQA_IFINDEX_OUTDEV:
		p->oif = read_u32(a);
		break;
	case NFQA_HWADDR:
		read_mac(a, p);
		break;
	case NFQA_CAP_LEN:
		p->bytes = read_u32(a);
		break;
	case NFQA_PAYLOAD:
		p->payload = (const uint8_t *)a + MNL_ATTR_HDRLEN;
		p->caplen = (uint32_t)len;
		break;
	default:
		break;
	}
}

static void read_attributes(const uint8_t *at, size_t left, struct nfq_packet *p)
{
	while (left >= MNL_ATTR_HDRLEN) {
		const struct nlattr *a = (const struct nlattr *)(const void *)at;
		unsigned type = a->nla_type & NLA_TYPE_MASK;
		size_t len = a->nla_len, step;

		if (len < MNL_ATTR_HDRLEN || len > left)
			break;
		if (type <= NFQA_MAX && len - MNL_ATTR_HDRLEN >= sizes[type])
			read_attribute(a, type, len - MNL_ATTR_HDRLEN, p);
		else if (type <= NFQA_MAX)
			p->malformed = true;
		step = MNL_ALIGN(len);
		if (step >= left)
			return;
		at += step;
		left -= step;
	}
	p->malformed = true;                    /* bytes left over, or no attribute at all */
}

bool nfq_parse(const void *msg, size_t len, uint16_t queue, struct nfq_packet *ret, int *ret_error)
{
	const struct nlmsghdr *nlh = msg;
	const size_t head = MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg);
	const struct nfgenmsg *nfg;
	int code;

	memset(ret, 0, sizeof(*ret));
	*ret_error = 0;
	if (len < MNL_NLMSG_HDRLEN || nlh->nlmsg_len < MNL_NLMSG_HDRLEN || nlh->nlmsg_len > len) {
		*ret_error = EBADMSG;
		return false;
	}
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		if (nlh->nlmsg_len >= MNL_NLMSG_HDRLEN + sizeof(code)) {
			memcpy(&code, (const char *)msg + MNL_NLMSG_HDRLEN, sizeof(code));
			*ret_error = code == INT32_MIN ? EBADMSG : code < 0 ? -code : code;
		} else {
			*ret_error = EBADMSG;
		}
		return false;
	}
	if (nlh->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET) || nlh->nlmsg_len < head) {
		*ret_error = EBADMSG;
		return false;
	}
	nfg = (const struct nfgenmsg *)((const char *)msg + MNL_NLMSG_HDRLEN);
	ret->malformed = nfg->res_id != htons(queue);
	read_attributes((const uint8_t *)msg + head, nlh->nlmsg_len - head, ret);
	if (!ret->bytes)
		ret->bytes = ret->caplen;
	if (!ret->payload || !ret->has_id)
		ret->malformed = true;
	return true;
}

/* ---- binding ---- */

static size_t config(const struct nfq *q, const struct nfq_options *o, uint8_t *buffer)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct nfqnl_msg_config_cmd cmd = { .command = NFQNL_CFG_CMD_BIND, .pf = htons(AF_INET) };
	struct nfqnl_msg_config_params params = { .copy_range = htonl(o->copy), .copy_mode = NFQNL_COPY_PACKET };
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = 1;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(q->queue);
	mnl_attr_put(nlh, NFQA_CFG_CMD, sizeof(cmd), &cmd);
	mnl_attr_put(nlh, NFQA_CFG_PARAMS, sizeof(params), &params);
	mnl_attr_put_u32(nlh, NFQA_CFG_QUEUE_MAXLEN, htonl(o->maxlen));
	mnl_attr_put_u32(nlh, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN));
	mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));   /* and never fail open */
	return nlh->nlmsg_len;
}

/* 0 or the errno of the kernel's answer. */
static int ask_bind(struct nfq *q, const struct nfq_options *o)
{
	uint8_t buffer[CONFIG_BYTES] __attribute__((aligned(8)));
	struct nfq_packet p;
	int code;

	if (mnl_socket_sendto(q->socket, buffer, config(q, o, buffer)) < 0)
		return errno;
	for (;;) {
		struct pollfd fd = { .fd = mnl_socket_get_fd(q->socket), .events = POLLIN };
		ssize_t got;

		if (poll(&fd, 1, BIND_PATIENCE_MS) <= 0)
			return ETIMEDOUT;
		got = recv(fd.fd, q->slots, q->slot, MSG_DONTWAIT);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return errno;
		if (!nfq_parse(q->slots, (size_t)got, q->queue, &p, &code))
			return code;
		/* A packet that came before the ack stays unanswered until the first batch: ids only grow, so that answers it. */
	}
}

static int explain_bind(const struct nfq *q, int code, struct err *e)
{
	struct nfq_stats s = { 0 };
	struct err ignored = { 0 };
	int fd;

	if (code != EPERM && code != EBUSY)
		return err_sys(e, code, "cannot bind queue %u", q->queue);
	fd = nfq_stats_open(&ignored);
	if (fd >= 0) {
		nfq_stats_read(fd, q->queue, &s, &ignored);
		close(fd);
	}
	if (s.found)
		return err_plain(e, EBUSY, "queue %u is taken by another program (netlink port %u)", q->queue, s.portid);
	return err_sys(e, code, "cannot bind queue %u (is CAP_NET_ADMIN there?)", q->queue);
}

static int bind_queue(struct nfq *q, const struct nfq_options *o, struct err *e)
{
	struct timespec pause = { .tv_nsec = BIND_PAUSE_MS * 1000000L };
	int code;

	for (unsigned waited = 0;; waited += BIND_PAUSE_MS) {
		code = ask_bind(q, o);
		if (!code)
			return 0;
		if ((code != EPERM && code != EBUSY) || waited >= BIND_PATIENCE_MS)
			return explain_bind(q, code, e);
		nanosleep(&pause, NULL);        /* a dead predecessor's socket is still being reaped */
	}
}

static int connect_queue(struct nfq *q, const struct nfq_options *o, struct err *e)
{
	int on = 1, bytes = (int)(o->maxlen * BYTES_PER_WAITING), fd;

	q->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!q->socket || mnl_socket_bind(q->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return err_sys(e, errno, "cannot open a netlink socket");
	fd = mnl_socket_get_fd(q->socket);
	mnl_socket_setsockopt(q->socket, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	mnl_socket_setsockopt(q->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		return err_sys(e, errno, "cannot give queue %u its buffers", q->queue);
	return 0;
}

int nfq_new(uint16_t queue, const struct nfq_options *options, struct nfq **ret, struct err *e)
{
	struct nfq_options o = {
		options && options->copy ? options->copy : NFQ_COPY, options && options->maxlen ? options->maxlen : NFQ_MAXLEN,
	};
	AUTO(nfq) q = calloc(1, sizeof(*q));

	if (!q)
		return err_plain(e, ENOMEM, "out of memory");
	q->queue = queue;
	q->slot = (o.copy + SLOT_EXTRA + 511U) & ~511U;
	q->slots = aligned_alloc(64, NFQ_BATCH * q->slot);
	q->answers = aligned_alloc(64, (size_t)NFQ_BATCH * ANSWER_BYTES);
	if (!q->slots || !q->answers)
		return err_plain(e, ENOMEM, "out of memory");
	for (unsigned i = 0; i < NFQ_BATCH; i++) {
		q->vectors[i] = (struct iovec){ q->slots + i * q->slot, q->slot };
		q->messages[i].msg_hdr = (struct msghdr){ .msg_iov = &q->vectors[i], .msg_iovlen = 1 };
	}
	if (connect_queue(q, &o, e) < 0 || bind_queue(q, &o, e) < 0)
		return -1;
	*ret = TAKE(q);
	return 0;
}

void nfq_free(struct nfq *q)
{
	if (!q)
		return;
	if (q->socket)
		mnl_socket_close(q->socket);
	free(q->slots);
	free(q->answers);
	free(q);
}

int nfq_poll_fd(const struct nfq *q)
{
	return mnl_socket_get_fd(q->socket);
}

const struct nfq_counts *nfq_counts_of(const struct nfq *q)
{
	return &q->counts;
}

/* ---- receiving and answering ---- */

/* One received message into the next place of the caller's array; returns how many it filled (0 or 1). */
static size_t take_message(struct nfq *q, const struct mmsghdr *m, struct nfq_packet *ret)
{
	int code;

	if (!nfq_parse(m->msg_hdr.msg_iov->iov_base, m->msg_len, q->queue, ret, &code)) {
		if (code == ENOENT)
			q->counts.enoent++;     /* what was answered is not there any more: somebody flushed the queue */
		else if (code)
			q->counts.errors++;
		return 0;
	}
	if (m->msg_hdr.msg_flags & MSG_TRUNC)
		ret->malformed = true;
	q->counts.malformed += ret->malformed;
	q->counts.unanswerable += !ret->has_id;
	return ret->has_id;
}

int nfq_receive(struct nfq *q, struct nfq_packet *ret, size_t max, struct err *e)
{
	size_t n = 0;
	int got;

	if (max > NFQ_BATCH)
		max = NFQ_BATCH;
	do
		got = recvmmsg(mnl_socket_get_fd(q->socket), q->messages, (unsigned)max, MSG_DONTWAIT, NULL);
	while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == ENOBUFS))
		return 0;
	if (got < 0)
		return err_sys(e, errno, "cannot receive from queue %u", q->queue);
	for (int i = 0; i < got; i++)
		n += take_message(q, &q->messages[i], &ret[n]);
	q->counts.packets += n;
	q->counts.batches += n > 0;
	return (int)n;
}

static size_t put_answer(const struct nfq *q, uint8_t *at, uint32_t id, uint32_t mark)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);
	struct nfqnl_msg_verdict_hdr v = { .verdict = htonl(NF_ACCEPT), .id = htonl(id) };
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT_BATCH;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(q->queue);
	mnl_attr_put(nlh, NFQA_VERDICT_HDR, sizeof(v), &v);
	mnl_attr_put_u32(nlh, NFQA_MARK, htonl(mark));
	return nlh->nlmsg_len;
}

/* The kernel acts on the messages while it takes them; a full buffer only means that it has not taken these. */
static int send_answers(struct nfq *q, size_t bytes, struct err *e)
{
	struct timespec pause = { .tv_nsec = SEND_PAUSE_MS * 1000000L };

	for (unsigned i = 0;; i++) {
		if (mnl_socket_sendto(q->socket, q->answers, bytes) >= 0)
			return 0;
		if ((errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM && errno != EINTR) || i == SEND_ATTEMPTS)
			return err_sys(e, errno, "cannot answer queue %u", q->queue);
		q->counts.retries++;
		if (errno != EINTR)
			nanosleep(&pause, NULL);
	}
}

int nfq_answer(struct nfq *q, const struct nfq_packet *pkts, const uint32_t *marks, size_t n, struct err *e)
{
	size_t bytes = 0;

	if (n > NFQ_BATCH)
		return err_plain(e, E2BIG, "%zu answers are more than a batch", n);
	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || marks[i] != marks[i + 1])
			bytes += put_answer(q, q->answers + bytes, pkts[i].id, marks[i]);
	return bytes ? send_answers(q, bytes, e) : 0;
}
