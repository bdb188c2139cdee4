/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nl: see nl.h.  Answers are matched by sequence number; what belongs to an earlier request that failed half-way is
 * passed over.  Batches live in nl_batch.c. */
#include "kern/nl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "kern/nl_attr.h"
#include "kern/nl_wire.h"

enum {
	BUFFER_BYTES = 128 * 1024,
	ANSWER_TIMEOUT_S = 10,
	DUMP_ATTEMPTS = 8,
	LISTEN_BUFFER_BYTES = 4 * 1024 * 1024,
};

static void nl_option(struct mnl_socket *s, int option)
{
	int on = 1;

	mnl_socket_setsockopt(s, option, &on, sizeof(on));      /* older kernels: errors without words, nothing worse */
}

int nl_hear(struct nl *n, unsigned group, bool on, struct err *e)
{
	if (mnl_socket_setsockopt(n->socket, on ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP, &group, sizeof(group)) < 0)
		return err_sys(e, errno, "cannot %s netlink group %u", on ? "listen to" : "leave", group);
	return 0;
}

static int nl_join(struct nl *n, const unsigned *groups, struct err *e)
{
	int bytes = LISTEN_BUFFER_BYTES;

	if (!groups || !*groups)
		return 0;
	for (const unsigned *g = groups; *g; g++)
		if (nl_hear(n, *g, true, e) < 0)
			return -1;
	if (setsockopt(mnl_socket_get_fd(n->socket), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(mnl_socket_get_fd(n->socket), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return 0;
}

static int nl_connect(struct nl *n, enum nl_bus bus, const unsigned *groups, struct err *e)
{
	struct timeval patience = { .tv_sec = ANSWER_TIMEOUT_S };

	n->socket = mnl_socket_open2(bus == NL_ROUTE ? NETLINK_ROUTE : NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!n->socket)
		return err_sys(e, errno, "cannot open a netlink socket");
	if (mnl_socket_bind(n->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return err_sys(e, errno, "cannot bind a netlink socket");
	nl_option(n->socket, NETLINK_EXT_ACK);
	nl_option(n->socket, NETLINK_CAP_ACK);
	if (bus == NL_ROUTE)
		nl_option(n->socket, NETLINK_GET_STRICT_CHK);
	if (setsockopt(mnl_socket_get_fd(n->socket), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return err_sys(e, errno, "cannot limit the wait on a netlink socket");
	return nl_join(n, groups, e);
}

int nl_open(enum nl_bus bus, const unsigned *groups, struct nl **ret, struct err *e)
{
	AUTO(nl) n = calloc(1, sizeof(*n));

	if (!n)
		return err_plain(e, ENOMEM, "out of memory");
	n->out = malloc(BUFFER_BYTES);
	n->in = malloc(BUFFER_BYTES);
	if (!n->out || !n->in)
		return err_plain(e, ENOMEM, "out of memory");
	if (nl_connect(n, bus, groups, e) < 0)
		return -1;
	n->seq = 1;
	*ret = TAKE(n);
	return 0;
}

void nl_free(struct nl *n)
{
	if (!n)
		return;
	if (n->socket)
		mnl_socket_close(n->socket);
	free(n->out);
	free(n->in);
	free(n);
}

int nl_fd(const struct nl *n)
{
	return n ? mnl_socket_get_fd(n->socket) : -1;
}

uint32_t nl_portid(const struct nl *n)
{
	return mnl_socket_get_portid(n->socket);
}

struct nlmsghdr *nl_message(struct nl *n, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(n->out);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++n->seq;
	return nlh;
}

struct nlmsghdr *nl_netfilter(struct nl *n, uint8_t subsys, uint8_t msg, uint16_t flags, uint8_t family, uint16_t res_id)
{
	struct nlmsghdr *nlh = nl_message(n, (uint16_t)(subsys << 8 | msg), flags);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(res_id);
	return nlh;
}

/* The kernel's words of an error message, "" when it has none. */
const char *nl_words(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *m = mnl_nlmsg_get_payload(nlh);
	size_t offset = sizeof(*m);

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || mnl_nlmsg_get_payload_len(nlh) < sizeof(*m))
		return "";
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		offset += MNL_ALIGN(m->msg.nlmsg_len) - sizeof(m->msg);
	return nl_attr_str(nl_attr_find(nl_attr_from(nlh, offset), NLMSGERR_ATTR_MSG));
}

/* An NLMSG_ERROR's errno, 0: it is an ack. */
int nl_code(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *m = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(m->error))
		return EBADMSG;
	return m->error < 0 ? -m->error : m->error;
}

static int nl_refused(const struct nlmsghdr *nlh, int code, struct err *e)
{
	const char *words = nl_words(nlh);

	if (*words)
		return err_sys(e, code, "the kernel refused (%s)", words);
	return err_sys(e, code, "the kernel refused");
}

static ssize_t nl_read(struct nl *n, struct err *e)
{
	ssize_t got;

	do
		got = mnl_socket_recvfrom(n->socket, n->in, BUFFER_BYTES);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		err_sys(e, errno == EAGAIN ? ETIMEDOUT : errno, "no answer from the kernel");
	return got;
}

/* What one pass over a buffer found out. */
struct answer {
	uint32_t seq;
	nl_message_fn fn;
	void *arg;
	bool done, interrupted;
	int code;                       /* fn's or the kernel's */
	struct err *e;
};

static void nl_answer_one(struct answer *a, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		a->interrupted = true;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		a->done = true;
		a->code = a->code ? a->code : nl_code(nlh);
		if (a->code)
			nl_refused(nlh, a->code, a->e);
	} else if (nlh->nlmsg_type == NLMSG_DONE) {
		a->done = true;
		if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(int) && nl_code(nlh)) {
			a->code = a->code ? a->code : nl_code(nlh);
			nl_refused(nlh, a->code, a->e);
		}
	} else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && a->fn && !a->code) {
		a->code = a->fn(nlh, a->arg);
		if (a->code)
			err_sys(a->e, a->code, "cannot use the kernel's answer");
	}
}

static int nl_converse(struct nl *n, struct nlmsghdr *nlh, struct answer *a)
{
	a->seq = nlh->nlmsg_seq;
	if (mnl_socket_sendto(n->socket, nlh, nlh->nlmsg_len) < 0)
		return err_sys(a->e, errno, "cannot ask the kernel");
	while (!a->done) {
		ssize_t got = nl_read(n, a->e);
		const struct nlmsghdr *m = n->in;
		int left = (int)got;

		if (got < 0)
			return -1;
		for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
			if (m->nlmsg_seq == a->seq && !a->done)
				nl_answer_one(a, m);
	}
	return a->code ? -1 : 0;
}

int nl_request(struct nl *n, struct nlmsghdr *nlh, nl_message_fn fn, void *arg, struct err *e)
{
	struct answer a = { .fn = fn, .arg = arg, .e = e };

	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	return nl_converse(n, nlh, &a);
}

int nl_dump(struct nl *n, struct nlmsghdr *nlh, void (*begin)(void *arg), nl_message_fn fn, void *arg, struct err *e)
{
	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_DUMP;
	for (unsigned i = 0; i < DUMP_ATTEMPTS; i++) {
		struct answer a = { .fn = fn, .arg = arg, .e = e };
		int rc;

		nlh->nlmsg_seq = ++n->seq;
		if (begin)
			begin(arg);
		rc = nl_converse(n, nlh, &a);
		if (!a.interrupted && a.code != EINTR)
			return rc;
	}
	return err_plain(e, EAGAIN, "the kernel's data changed under every one of %d readings", DUMP_ATTEMPTS);
}

int nl_listen(struct nl *n, nl_message_fn fn, void *arg, bool *ret_lost, struct err *e)
{
	for (;;) {
		ssize_t got = recv(mnl_socket_get_fd(n->socket), n->in, BUFFER_BYTES, MSG_DONTWAIT);
		const struct nlmsghdr *m = n->in;
		int left = (int)got;

		if (got < 0 && errno == ENOBUFS) {
			*ret_lost = true;
			continue;
		}
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return 0;
		if (got < 0)
			return err_sys(e, errno, "cannot read netlink notifications");
		for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
			int code = m->nlmsg_type >= NLMSG_MIN_TYPE ? fn(m, arg) : 0;

			if (code)
				return err_sys(e, code, "cannot use a netlink notification");
		}
	}
}

static int nl_genid_one(const struct nlmsghdr *nlh, void *arg)
{
	*(uint32_t *)arg = nl_attr_u32(nl_attr_find(nl_attr_all(nlh), NFTA_GEN_ID));
	return 0;
}

int nl_genid(struct nl *n, uint32_t *ret, struct err *e)
{
	uint32_t genid = 0;

	if (nl_request(n, nl_netfilter(n, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN, 0, AF_UNSPEC, 0), nl_genid_one, &genid, e) < 0)
		return err_wrap(e, "nf_tables' generation");
	*ret = genid;
	return 0;
}
