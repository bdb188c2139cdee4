/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nl_batch: a transaction as one sendmsg over chunks of memory, from BATCH_BEGIN to BATCH_END.  An error's sequence number
 * finds the message it is about.  The kernel has queued every answer when sendmsg
 * returns, so they are drained without waiting.  Sticky: after a failed allocation messages go to a scratch page and
 * commit says so. */
#include "kern/nl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "base/vec.h"
#include "kern/nl_wire.h"

enum {
	CHUNK_BYTES = 1024 * 1024,
	ROOM_BYTES = 128 * 1024,                /* the most that one message may take */
	ANSWER_BYTES = 1024,                    /* receive memory per message, should all of them fail */
	ANSWERS_MAX_BYTES = 32 * 1024 * 1024,
};

struct nl_subject { uint32_t seq; struct loc loc; const char *kind, *name; };

struct nl_batch {
	struct nl *nl;
	VEC(struct iovec) chunks;
	VEC(struct nl_subject) subjects;        /* one a message, seq ascending; [0]: BATCH_BEGIN */
	struct nlmsghdr *last;                  /* not yet counted into its chunk's length */
	void *scratch;                          /* where messages go after a failure */
	bool failed;
};

struct nl_batch *nl_batch_new(struct nl *n, uint32_t genid)
{
	struct nl_batch *b = calloc(1, sizeof(*b));
	struct nlmsghdr *nlh;

	if (!b)
		return NULL;
	b->scratch = malloc(ROOM_BYTES);
	if (!b->scratch) {
		free(b);
		return NULL;
	}
	b->nl = n;
	nlh = nl_batch_add(b, 0, 0, AF_UNSPEC, LOC_NONE, "batch", "");
	nlh->nlmsg_type = NFNL_MSG_BATCH_BEGIN;
	((struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))->res_id = htons(NFNL_SUBSYS_NFTABLES);
	if (genid)
		mnl_attr_put_u32(nlh, NFNL_BATCH_GENID, htonl(genid));
	return b;
}

void nl_batch_free(struct nl_batch *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->chunks.n; i++)
		free(b->chunks.at[i].iov_base);
	VEC_FREE(&b->chunks);
	VEC_FREE(&b->subjects);
	free(b->scratch);
	free(b);
}

/* Count the message that was being filled into its chunk. */
static void nl_batch_settle(struct nl_batch *b)
{
	if (b->last && b->chunks.n)
		b->chunks.at[b->chunks.n - 1].iov_len += MNL_ALIGN(b->last->nlmsg_len);
	b->last = NULL;
}

static void *nl_batch_room(struct nl_batch *b)
{
	const struct iovec *last = b->chunks.n ? &b->chunks.at[b->chunks.n - 1] : NULL;
	void *page;

	if (b->failed)
		return b->scratch;
	if (last && last->iov_len + ROOM_BYTES <= CHUNK_BYTES)
		return (char *)last->iov_base + last->iov_len;
	page = malloc(CHUNK_BYTES);
	if (page && VEC_PUSH(&b->chunks, (struct iovec){ page, 0 }))
		return page;
	free(page);
	b->failed = true;
	return b->scratch;
}

struct nlmsghdr *nl_batch_add(struct nl_batch *b, uint8_t msg, uint16_t flags, uint8_t family, struct loc loc,
			      const char *kind, const char *name)
{
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;

	nl_batch_settle(b);
	if (!VEC_PUSH(&b->subjects, (struct nl_subject){ ++b->nl->seq, loc, kind, name }))
		b->failed = true;
	nlh = mnl_nlmsg_put_header(nl_batch_room(b));
	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | msg);
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = b->nl->seq;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	if (!b->failed)
		b->last = nlh;
	return nlh;
}

size_t nl_batch_messages(const struct nl_batch *b)
{
	return b->subjects.n ? b->subjects.n - 1 : 0;
}

static void nl_batch_buffers(struct nl_batch *b)
{
	size_t bytes = 0, answers = b->subjects.n * ANSWER_BYTES;
	int fd = mnl_socket_get_fd(b->nl->socket), n;

	for (size_t i = 0; i < b->chunks.n; i++)
		bytes += b->chunks.at[i].iov_len;
	n = (int)(bytes + CHUNK_BYTES);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &n, sizeof(n));
	n = (int)(answers > ANSWERS_MAX_BYTES ? ANSWERS_MAX_BYTES : answers + CHUNK_BYTES);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &n, sizeof(n));
}

static const struct nl_subject *nl_batch_subject(const struct nl_batch *b, uint32_t seq)
{
	for (size_t i = 0; i < b->subjects.n; i++)
		if (b->subjects.at[i].seq == seq)
			return &b->subjects.at[i];
	return NULL;
}

static void nl_batch_blame(const struct nl_subject *s, const struct nlmsghdr *nlh, int code, struct err *e)
{
	const char *words = nl_words(nlh);

	if (code == ERESTART)
		err_plain(e, code, "somebody else changed nf_tables at the same moment");
	else if (*words)
		err_sys(e, code, "the kernel refused (%s)", words);
	else
		err_sys(e, code, "the kernel refused");
	if (*s->name)
		err_wrap(e, "%s '%s'", s->kind, s->name);
	e->loc = s->loc;
}

/* Every answer is there by now.  The first error is told; later ones follow from it more often than not. */
static int nl_batch_answers(struct nl_batch *b, struct err *e)
{
	bool failed = false, acked = false;

	for (;;) {
		ssize_t got = recv(mnl_socket_get_fd(b->nl->socket), b->nl->in, CHUNK_BYTES / 8, MSG_DONTWAIT);
		const struct nlmsghdr *m = b->nl->in;
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			break;
		if (got < 0)
			return failed ? -1 : err_sys(e, errno, "the kernel's answer to a transaction was lost");
		for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
			const struct nl_subject *s = m->nlmsg_type == NLMSG_ERROR ? nl_batch_subject(b, m->nlmsg_seq) : NULL;
			int code = s ? nl_code(m) : 0;

			acked = acked || s;
			if (code && !failed)
				nl_batch_blame(s, m, code, e);
			failed = failed || code;
		}
	}
	if (failed)
		return -1;
	return acked ? 0 : err_plain(e, EPROTO, "the kernel did not answer a transaction");
}

static int nl_batch_send(struct nl_batch *b, struct err *e)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr msg = { .msg_name = &kernel, .msg_namelen = sizeof(kernel) };

	nl_batch_settle(b);
	if (b->failed)
		return err_plain(e, ENOMEM, "out of memory for a transaction");
	nl_batch_buffers(b);
	msg.msg_iov = b->chunks.at;
	msg.msg_iovlen = b->chunks.n;
	if (sendmsg(mnl_socket_get_fd(b->nl->socket), &msg, 0) < 0)
		return err_sys(e, errno, "cannot send a transaction to the kernel");
	return nl_batch_answers(b, e);
}

int nl_batch_try(struct nl_batch *b, struct err *e)
{
	if (b->last)
		b->last->nlmsg_flags |= NLM_F_ACK;
	return nl_batch_send(b, e);
}

int nl_batch_commit(struct nl_batch *b, struct err *e)
{
	struct nlmsghdr *nlh;

	if (!nl_batch_messages(b))
		return 0;
	if (b->last)
		b->last->nlmsg_flags |= NLM_F_ACK;
	nlh = nl_batch_add(b, 0, 0, AF_UNSPEC, LOC_NONE, "batch", "");
	nlh->nlmsg_type = NFNL_MSG_BATCH_END;
	((struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))->res_id = htons(NFNL_SUBSYS_NFTABLES);
	return nl_batch_send(b, e);
}
