/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfq_wire: what nfq and nflog share: their socket, and a walk over the attributes of a message that trusts nothing in it. */
#ifndef KERN_NFQ_WIRE_H
#define KERN_NFQ_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct nlmsghdr;

/* What is left of a message.  bad: it ended in the middle of something; there is no next then. */
struct nfq_cursor {
	const uint8_t *at, *end;
	bool bad;
};

/* One attribute; at is not aligned. */
struct nfq_attr {
	uint16_t type, len;
	const uint8_t *at;
};

/* A message's fixed head.  family and res_id only of netfilter's own messages. */
struct nfq_head {
	uint16_t type, res_id;
	uint32_t len, seq;
	int error;                      /* NLMSG_ERROR: its errno, 0 an ack, EBADMSG unreadable */
};

/* Begin with the message at msg, of which len bytes are there; false: not even its head is.  *ret_attrs is behind the head,
 * and bad when the message claims to be longer than what is there. */
bool nfq_wire_head(const void *msg, size_t len, struct nfq_head *ret, struct nfq_cursor *ret_attrs);
bool nfq_wire_next(struct nfq_cursor *c, struct nfq_attr *ret);
uint16_t nfq_wire_be16(const uint8_t *p);
uint32_t nfq_wire_be32(const uint8_t *p);

/* A socket of NETLINK_NETFILTER that hears and speaks to the kernel alone, with that much memory for what was not read yet (as
 * asked for; the kernel doubles it). */
int nfq_wire_open(int receive_bytes, bool no_enobufs, struct err *e);
/* Send to the kernel, again when memory is short for a moment: 0, or an errno.  *retries is counted up. */
int nfq_wire_send(int fd, const void *msgs, size_t len, uint64_t *retries);

#endif
