/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nflog: see nflog.h.  The kernel gathers packets into one datagram (up to GATHER of them, or what came in WAIT), which is
 * walked here message by message; what does not fit into one nflog_receive is given by the next.  A lost datagram is told
 * twice, as an overrun and as a gap in the group's sequence numbers: the gap says how many packets it was. */
#include "kern/nflog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>

#include "kern/nfq_wire.h"

enum {
	RECEIVE_BYTES = 8 * 1024 * 1024,
	DATAGRAM_BYTES = 64 * 1024,     /* the kernel's buffer; ours is twice that */
	GATHER = 64,                    /* packets */
	WAIT = 5,                       /* hundredths of a second */
	ONE_BYTES = 4 * 1024,           /* the same where each is told at once */
	COPY_MAX = 16 * 1024,
	ACK_WAIT_MS = 2000, EARLY_MAX = 256,
	BIND_TRIES = 100, BIND_PAUSE_MS = 20,
	SEQ_CONFIG = 2,
};
#define TYPE(msg) ((uint16_t)(NFNL_SUBSYS_ULOG << 8 | (msg)))

struct nflog {
	int fd;
	uint16_t group;
	bool prompt;
	uint8_t *data;                  /* one datagram */
	size_t at, end;                 /* what of it was not given yet */
	uint32_t next;                  /* the sequence number awaited */
	struct nflog_counts counts;
};

/* ---- reading a message ---- */

static bool read_mac(struct nfq_packet *p, const struct nfq_attr *a)
{
	const size_t at = offsetof(struct nfulnl_msg_packet_hw, hw_addr);

	if (a->len < at + sizeof(p->mac.b))
		return false;
	p->has_mac = nfq_wire_be16(a->at) == sizeof(p->mac.b);
	if (p->has_mac)
		memcpy(p->mac.b, a->at + at, sizeof(p->mac.b));
	return true;
}

static bool read_header(struct nfq_packet *p, const struct nfq_attr *a)
{
	if (a->len < sizeof(struct nfulnl_msg_packet_hdr))
		return false;
	p->protocol = nfq_wire_be16(a->at);
	p->hook = a->at[offsetof(struct nfulnl_msg_packet_hdr, hook)];
	return true;
}

static bool read_number(uint32_t *ret, const struct nfq_attr *a)
{
	if (a->len < sizeof(*ret))
		return false;
	*ret = nfq_wire_be32(a->at);
	return true;
}

/* The link's header counts only where it is known to be Ethernet's; of the two attributes either may come first. */
struct link { bool ether; const uint8_t *header; };

static bool read_link(struct link *l, const struct nfq_attr *a)
{
	if (a->type == NFULA_HWTYPE) {
		l->ether = a->len >= 2 && nfq_wire_be16(a->at) == ARPHRD_ETHER;
		return a->len >= 2;
	}
	l->header = a->len >= ETH_HLEN ? a->at : NULL;
	return true;
}

static bool read_attr(struct nfq_packet *p, struct link *l, const struct nfq_attr *a)
{
	switch (a->type) {
	case NFULA_PACKET_HDR:
		return read_header(p, a);
	case NFULA_MARK:
		return read_number(&p->mark, a);
	case NFULA_IFINDEX_INDEV:
		return read_number(&p->iif, a);
	case NFULA_IFINDEX_OUTDEV:
		return read_number(&p->oif, a);
	case NFULA_HWADDR:
		return read_mac(p, a);
	case NFULA_HWTYPE:
	case NFULA_HWHEADER:
		return read_link(l, a);
	case NFULA_SEQ:
		p->has_id = read_number(&p->id, a);
		return p->has_id;
	case NFULA_PAYLOAD:
		p->payload = a->at;
		p->caplen = a->len;
		return true;
	default:
		return true;
	}
}

/* The log does not say how long the packet was: its own header does. */
static uint32_t length_of(const struct nfq_packet *p)
{
	uint32_t len = 0;

	if (p->caplen >= 4 && p->payload[0] >> 4 == 4)
		len = nfq_wire_be16(p->payload + 2);
	else if (p->caplen >= 6 && p->payload[0] >> 4 == 6)
		len = 40u + nfq_wire_be16(p->payload + 4);
	return len < p->caplen ? p->caplen : len;
}

static void parse(const struct nfq_head *h, struct nfq_cursor *c, uint16_t group, struct nfq_packet *ret)
{
	struct link link = { 0 };
	bool has_header = false;
	struct nfq_attr a;

	*ret = (struct nfq_packet){ 0 };
	while (nfq_wire_next(c, &a)) {
		has_header = has_header || a.type == NFULA_PACKET_HDR;
		if (!read_attr(ret, &link, &a))
			ret->malformed = true;
	}
	if (c->bad || !has_header || !ret->payload || h->res_id != group)
		ret->malformed = true;
	if (ret->payload)
		ret->bytes = length_of(ret);
	if (link.ether)
		ret->ether = link.header;
}

bool nflog_parse(const void *msg, size_t len, uint16_t group, struct nfq_packet *ret)
{
	struct nfq_cursor c;
	struct nfq_head h;

	if (!nfq_wire_head(msg, len, &h, &c) || h.type != TYPE(NFULNL_MSG_PACKET))
		return false;
	parse(&h, &c, group, ret);
	return true;
}

static void read_packet(struct nflog *l, const struct nfq_head *h, struct nfq_cursor *c, struct nfq_packet *ret)
{
	parse(h, c, l->group, ret);
	l->counts.malformed += ret->malformed;
	if (!ret->has_id)
		return;
	l->counts.lost += ret->id - l->next;
	l->next = ret->id + 1;
}

/* The next message of the datagram. */
static bool take_message(struct nflog *l, struct nfq_packet *ret)
{
	while (l->at < l->end) {
		struct nfq_cursor c;
		struct nfq_head h;
		size_t len;

		if (!nfq_wire_head(l->data + l->at, l->end - l->at, &h, &c)) {
			l->counts.malformed++;
			l->at = l->end;
			return false;
		}
		len = NLMSG_ALIGN((size_t)h.len);
		l->at = len < l->end - l->at ? l->at + len : l->end;
		if (h.type != TYPE(NFULNL_MSG_PACKET))
			continue;       /* the end of what was gathered */
		read_packet(l, &h, &c, ret);
		return true;
	}
	return false;
}

/* ---- binding ---- */

static size_t config_message(uint8_t *to, uint16_t group, uint32_t copy, bool prompt)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(to);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	const struct nfulnl_msg_config_cmd cmd = { .command = NFULNL_CFG_CMD_BIND };
	const struct nfulnl_msg_config_mode mode = { .copy_range = htonl(copy), .copy_mode = NFULNL_COPY_PACKET };

	nlh->nlmsg_type = TYPE(NFULNL_MSG_CONFIG);
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = SEQ_CONFIG;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(group);
	mnl_attr_put(nlh, NFULA_CFG_CMD, sizeof(cmd), &cmd);
	mnl_attr_put(nlh, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(nlh, NFULA_CFG_NLBUFSIZ, htonl(prompt ? ONE_BYTES : DATAGRAM_BYTES));
	mnl_attr_put_u32(nlh, NFULA_CFG_TIMEOUT, htonl(WAIT));
	mnl_attr_put_u32(nlh, NFULA_CFG_QTHRESH, htonl(prompt ? 1 : GATHER));
	mnl_attr_put_u16(nlh, NFULA_CFG_FLAGS, htons(NFULNL_CFG_F_SEQ));
	return nlh->nlmsg_len;
}

/* Copies that come in front of the ack are let go and counted as lost by their gap. */
static int wait_ack(struct nflog *l)
{
	struct pollfd fd = { .fd = l->fd, .events = POLLIN };

	for (unsigned i = 0; i < EARLY_MAX; i++) {
		struct nfq_cursor c;
		struct nfq_head h;
		ssize_t got;

		if (poll(&fd, 1, ACK_WAIT_MS) == 0)
			return ETIMEDOUT;
		got = recv(l->fd, l->data, 2 * DATAGRAM_BYTES, MSG_DONTWAIT);
		if (got < 0 && errno != EINTR && errno != EAGAIN && errno != ENOBUFS)
			return errno;
		if (got >= 0 && nfq_wire_head(l->data, (size_t)got, &h, &c) && h.type == NLMSG_ERROR && h.seq == SEQ_CONFIG)
			return h.error;
	}
	return ETIMEDOUT;
}

/* EPERM is said for a group of somebody else's, and for lack of CAP_NET_ADMIN. */
static int bind_group(struct nflog *l, uint32_t copy, struct err *e)
{
	const struct timespec pause = { .tv_nsec = BIND_PAUSE_MS * 1000000 };
	uint64_t ignored = 0;
	int code = EBUSY;

	for (unsigned i = 0; i < BIND_TRIES && (code == EBUSY || code == EPERM); i++) {
		const size_t len = config_message(l->data, l->group, copy, l->prompt);

		if (i)
			nanosleep(&pause, NULL);
		code = nfq_wire_send(l->fd, l->data, len, &ignored);
		if (!code)
			code = wait_ack(l);
	}
	if (code == EBUSY || code == EPERM)
		return err_sys(e, code, "log group %u is held by another process, or not ours to have", l->group);
	return code ? err_sys(e, code, "log group %u cannot be bound", l->group) : 0;
}

int nflog_new(uint16_t group, uint32_t copy, bool prompt, struct nflog **ret, struct err *e)
{
	AUTO(nflog) l = calloc(1, sizeof(*l));

	if (!l)
		return err_plain(e, ENOMEM, "out of memory");
	l->fd = -1;
	l->group = group;
	l->prompt = prompt;
	l->data = malloc(2 * DATAGRAM_BYTES);
	if (!l->data)
		return err_plain(e, ENOMEM, "out of memory");
	l->fd = nfq_wire_open(RECEIVE_BYTES, false, e);
	if (l->fd < 0)
		return err_wrap(e, "log group %u", group);
	if (!copy)
		copy = NFQ_COPY;
	if (bind_group(l, copy < COPY_MAX ? copy : COPY_MAX, e) < 0)
		return -1;
	*ret = TAKE(l);
	return 0;
}

void nflog_free(struct nflog *l)
{
	if (!l)
		return;
	if (l->fd >= 0)
		close(l->fd);
	free(l->data);
	free(l);
}

int nflog_poll_fd(const struct nflog *l)
{
	return l->fd;
}

/* false: there is nothing, or *e.code says what went wrong. */
static bool next_datagram(struct nflog *l, struct err *e)
{
	struct sockaddr_nl from = { 0 };
	socklen_t len = sizeof(from);
	const ssize_t got = recvfrom(l->fd, l->data, 2 * DATAGRAM_BYTES, MSG_DONTWAIT, (struct sockaddr *)&from, &len);

	l->at = l->end = 0;
	if (got >= 0) {
		l->end = from.nl_pid ? 0 : (size_t)got;
	} else if (errno == ENOBUFS) {
		l->counts.overruns++;
	} else if (errno != EINTR) {
		if (errno != EAGAIN)
			err_sys(e, errno, "log group %u cannot be read", l->group);
		return false;
	}
	return true;
}

int nflog_receive(struct nflog *l, struct nfq_packet *ret, size_t max, struct err *e)
{
	struct err failed = { 0 };
	size_t n = 0;

	if (max > NFQ_BATCH)
		max = NFQ_BATCH;
	while (n < max && take_message(l, &ret[n]))
		n++;
	/* Packets given point into the datagram: another one is read only while there are none. */
	for (unsigned round = 0; !n && max && round < 4 && next_datagram(l, &failed); round++)
		while (n < max && take_message(l, &ret[n]))
			n++;
	if (failed.code) {
		*e = failed;
		return -1;
	}
	l->counts.packets += n;
	l->counts.batches += n > 0;
	return (int)n;
}

const struct nflog_counts *nflog_counts_of(const struct nflog *l)
{
	return &l->counts;
}
