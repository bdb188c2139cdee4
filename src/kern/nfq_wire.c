/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfq_wire: see its header.  Numbers are copied out, never read through a cast pointer. */
#include "kern/nfq_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "base/own.h"
#include "kern/nfq.h"

enum {
	SEND_TRIES = 500,
	SEND_PAUSE_NS = 200 * 1000,
	SEND_BYTES = 1024 * 1024,
};

uint16_t nfq_wire_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t nfq_wire_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int error_of(const uint8_t *payload, size_t len)
{
	int32_t code;

	if (len < sizeof(code))
		return EBADMSG;
	memcpy(&code, payload, sizeof(code));
	return code > 0 || code == INT32_MIN ? EBADMSG : -code;
}

bool nfq_wire_head(const void *msg, size_t len, struct nfq_head *ret, struct nfq_cursor *ret_attrs)
{
	const uint8_t *p = msg;
	struct nlmsghdr h;
	size_t have;

	if (len < sizeof(h))
		return false;
	memcpy(&h, p, sizeof(h));
	have = h.nlmsg_len < len ? h.nlmsg_len : len;
	if (have < sizeof(h))
		return false;
	*ret = (struct nfq_head){ .type = h.nlmsg_type, .len = h.nlmsg_len, .seq = h.nlmsg_seq };
	*ret_attrs = (struct nfq_cursor){ .at = p + have, .end = p + have, .bad = h.nlmsg_len > len };
	if (h.nlmsg_type == NLMSG_ERROR) {
		ret->error = error_of(p + sizeof(h), have - sizeof(h));
	} else if (have >= sizeof(h) + sizeof(struct nfgenmsg)) {
		ret->res_id = nfq_wire_be16(p + sizeof(h) + offsetof(struct nfgenmsg, res_id));
		ret_attrs->at = p + sizeof(h) + sizeof(struct nfgenmsg);
	} else {
		ret_attrs->bad = true;
	}
	return true;
}

bool nfq_wire_next(struct nfq_cursor *c, struct nfq_attr *ret)
{
	const size_t left = (size_t)(c->end - c->at);
	struct nlattr a;

	if (left < sizeof(a)) {
		c->bad = c->bad || left;
		return false;
	}
	memcpy(&a, c->at, sizeof(a));
	if (a.nla_len < sizeof(a) || a.nla_len > left) {
		c->bad = true;
		c->at = c->end;
		return false;
	}
	ret->type = a.nla_type & NLA_TYPE_MASK;
	ret->len = (uint16_t)(a.nla_len - sizeof(a));
	ret->at = c->at + sizeof(a);
	c->at += NLA_ALIGN((size_t)a.nla_len) < left ? NLA_ALIGN((size_t)a.nla_len) : left;
	return true;
}

int nfq_wire_open(int receive_bytes, bool no_enobufs, struct err *e)
{
	const struct sockaddr_nl own = { .nl_family = AF_NETLINK };
	const struct timeval wait = { .tv_usec = NFQ_WAIT_MS * 1000 };
	const int on = 1, send_bytes = SEND_BYTES;
	AUTO_FD fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	int bound;

	if (fd < 0)
		return err_sys(e, errno, "cannot open a netlink socket");
	if (bind(fd, (const struct sockaddr *)&own, sizeof(own)) < 0)
		return err_sys(e, errno, "cannot bind a netlink socket");
	/* To port 0, the kernel: it refuses what any other process sends here. */
	if (connect(fd, (const struct sockaddr *)&own, sizeof(own)) < 0)
		return err_sys(e, errno, "cannot connect a netlink socket to the kernel");
	if (no_enobufs && setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on)) < 0)
		return err_sys(e, errno, "cannot set NETLINK_NO_ENOBUFS");
	if (setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) < 0)
		return err_sys(e, errno, "cannot set NETLINK_CAP_ACK");
	/* The root of a user namespace may not force; what is lost for lack of memory the kernel counts. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof(receive_bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &send_bytes, sizeof(send_bytes));    /* the default does, too */
	/* Of calls that wait; most do not. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
		return err_sys(e, errno, "cannot limit how long a netlink socket waits");
	bound = fd;
	fd = -1;
	return bound;
}

int nfq_wire_send(int fd, const void *msgs, size_t len, uint64_t *retries)
{
	const struct timespec pause = { .tv_nsec = SEND_PAUSE_NS };

	for (unsigned i = 0; i < SEND_TRIES; i++) {
		if (send(fd, msgs, len, 0) >= 0)
			return 0;
		if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			return errno;
		++*retries;
		if (errno != EINTR)
			nanosleep(&pause, NULL);
	}
	return ENOBUFS;
}
