/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ct: see ct.h.  A mark is changed bitwise by an update of the entry that names its tuple, zone and a mask; nothing else of
 * the entry is touched.  Updates are made while reading (their tuple is a copy of what was read) and sent afterwards, some
 * at a time, only the last of each time acknowledged. */
#include "kern/ct.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/buf.h"
#include "kern/nl.h"
#include "kern/nl_wire.h"
#include "kern/table.h"

enum {
	UPDATE_MAX = 1024,              /* of one update */
	SEND_BYTES = 8 * 1024,          /* of updates in one message to the kernel: its errors fit into the receive buffer */
	READ_BYTES = 64 * 1024,
};

/* ---- what an entry says ---- */

struct entry {
	uint8_t family;
	uint32_t mark;
	const struct nlattr *tuple, *reply, *zone;
};

static struct entry read_entry(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct entry x = { 0 };
	struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg))
		return x;
	x.family = nfg->nfgen_family;
	mnl_attr_for_each(a, nlh, sizeof(*nfg)) {
		if (mnl_attr_get_type(a) == CTA_MARK && mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
			x.mark = ntohl(mnl_attr_get_u32(a));
		else if (mnl_attr_get_type(a) == CTA_TUPLE_ORIG)
			x.tuple = a;
		else if (mnl_attr_get_type(a) == CTA_TUPLE_REPLY)
			x.reply = a;
		else if (mnl_attr_get_type(a) == CTA_ZONE)
			x.zone = a;
	}
	return x;
}

static bool is_listed(const struct nlattr *a, const struct ct_match *m)
{
	const unsigned type = mnl_attr_get_type(a), len = mnl_attr_get_payload_len(a);
	struct addr addr = { 0 };
	size_t lo = 0, hi = m->n_addrs;

	if ((type == CTA_IP_V4_SRC || type == CTA_IP_V4_DST) && len == 4)
		addr.family = 4;
	else if ((type == CTA_IP_V6_SRC || type == CTA_IP_V6_DST) && len == 16)
		addr.family = 6;
	else
		return false;
	memcpy(addr.b, mnl_attr_get_payload(a), len);
	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;
		const int c = addr_compare(&m->addrs[mid], &addr);

		if (c == 0)
			return true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static bool ips_have(const struct nlattr *ips, const struct ct_match *m)
{
	struct nlattr *a;

	mnl_attr_for_each_nested(a, ips)
		if (is_listed(a, m))
			return true;
	return false;
}

static bool tuple_has(const struct nlattr *tuple, const struct ct_match *m)
{
	struct nlattr *a;

	if (!tuple)
		return false;
	mnl_attr_for_each_nested(a, tuple)
		if (mnl_attr_get_type(a) == CTA_TUPLE_IP && ips_have(a, m))
			return true;
	return false;
}

static unsigned bits_of(const struct entry *x, unsigned shift)
{
	return x->mark >> shift & 0xff;
}

static bool is_match(const struct entry *x, unsigned shift, const struct ct_match *m)
{
	const unsigned bits = bits_of(x, shift);

	if (!bits || !(m->generations >> (bits >> 2) & 1) || !x->tuple)
		return false;
	return !m->n_addrs || tuple_has(x->tuple, m) || tuple_has(x->reply, m);
}

/* ---- clearing ---- */

struct clearing {
	unsigned shift;
	const struct ct_match *match;
	struct buf updates;             /* netlink messages without sequence numbers */
	size_t n;
};

static void begin(void *arg)
{
	struct clearing *c = arg;

	buf_reset(&c->updates);
	c->n = 0;
}

static void put_copy(struct nlmsghdr *nlh, const struct nlattr *a)
{
	mnl_attr_put(nlh, a->nla_type, mnl_attr_get_payload_len(a), mnl_attr_get_payload(a));
}

static int take_entry(const struct nlmsghdr *entry, void *arg)
{
	struct clearing *c = arg;
	const struct entry x = read_entry(entry);
	_Alignas(struct nlmsghdr) uint8_t room[UPDATE_MAX];
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;

	if (!is_match(&x, c->shift, c->match))
		return 0;
	if (mnl_attr_get_payload_len(x.tuple) > UPDATE_MAX / 2 || (x.zone && mnl_attr_get_payload_len(x.zone) > UPDATE_MAX / 8))
		return EMSGSIZE;
	nlh = mnl_nlmsg_put_header(room);
	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = x.family;
	nfg->version = NFNETLINK_V0;
	put_copy(nlh, x.tuple);
	if (x.zone)
		put_copy(nlh, x.zone);
	mnl_attr_put_u32(nlh, CTA_MARK, 0);
	mnl_attr_put_u32(nlh, CTA_MARK_MASK, htonl(table_mark_mask(c->shift)));
	buf_add(&c->updates, room, MNL_ALIGN(nlh->nlmsg_len));
	c->n++;
	return c->updates.failed ? ENOMEM : 0;
}

/* Until the last of them is acknowledged.  *ret_gone: entries that had ended.  Returns an errno. */
static int read_answers(struct nl *n, uint32_t first, size_t *ret_gone)
{
	for (;;) {
		const ssize_t got = mnl_socket_recvfrom(n->socket, n->in, READ_BYTES);
		const struct nlmsghdr *m = n->in;
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? ETIMEDOUT : errno;
		for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
			const int code = m->nlmsg_type == NLMSG_ERROR ? nl_code(m) : 0;

			if (m->nlmsg_type != NLMSG_ERROR || m->nlmsg_seq - first > n->seq - first)
				continue;
			if (code && code != ENOENT)
				return code;
			*ret_gone += code == ENOENT;
			if (m->nlmsg_seq == n->seq)
				return 0;
		}
	}
}

static int send_some(struct nl *n, char *at, size_t len, size_t *ret_gone, struct err *e)
{
	const uint32_t first = n->seq + 1;
	struct nlmsghdr *nlh = (struct nlmsghdr *)at;
	int code = 0;

	for (size_t done = 0; done < len; done += MNL_ALIGN(nlh->nlmsg_len)) {
		nlh = (struct nlmsghdr *)(at + done);
		nlh->nlmsg_seq = ++n->seq;
	}
	nlh->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(n->socket, at, len) < 0)
		code = errno;
	if (!code)
		code = read_answers(n, first, ret_gone);
	return code ? err_sys(e, code, "marks of connections cannot be cleared") : 0;
}

static int send_updates(struct nl *n, struct clearing *c, size_t *ret_gone, struct err *e)
{
	size_t at = 0, len;

	for (; at < c->updates.len; at += len) {
		for (len = 0; at + len < c->updates.len && len < SEND_BYTES; ) {
			const struct nlmsghdr *nlh = (const struct nlmsghdr *)(c->updates.data + at + len);

			len += MNL_ALIGN(nlh->nlmsg_len);
		}
		if (send_some(n, c->updates.data + at, len, ret_gone, e) < 0)
			return -1;
	}
	return 0;
}

static struct nlmsghdr *ask(struct nl *n, uint8_t msg)
{
	return nl_netfilter(n, NFNL_SUBSYS_CTNETLINK, msg, 0, AF_UNSPEC, 0);
}

int ct_clear(struct nl *n, unsigned mark_shift, const struct ct_match *m, size_t *ret_n, struct err *e)
{
	const uint64_t g = m->generations;
	struct clearing c = { .shift = mark_shift, .match = m };
	struct nlmsghdr *nlh = ask(n, IPCTNL_MSG_CT_GET);
	size_t gone = 0;
	int rc;

	if (g && !(g & (g - 1))) {      /* one generation: the kernel need not show the others */
		const uint32_t wanted = (uint32_t)__builtin_ctzll(g) << 2 << mark_shift, mask = UINT32_C(0xfc) << mark_shift;

		mnl_attr_put_u32(nlh, CTA_MARK, htonl(wanted));
		mnl_attr_put_u32(nlh, CTA_MARK_MASK, htonl(mask));
	}
	buf_init(&c.updates);
	rc = nl_dump(n, nlh, begin, take_entry, &c, e);
	if (rc < 0)
		err_wrap(e, "connections");
	else
		rc = send_updates(n, &c, &gone, e);
	if (rc == 0 && ret_n)
		*ret_n = c.n - gone;
	buf_fini(&c.updates);
	return rc;
}

/* ---- reading ---- */

struct generations { unsigned shift; uint64_t found; };

static int take_generation(const struct nlmsghdr *nlh, void *arg)
{
	struct generations *g = arg;
	const struct entry x = read_entry(nlh);

	if (bits_of(&x, g->shift))
		g->found |= UINT64_C(1) << (bits_of(&x, g->shift) >> 2);
	return 0;
}

int ct_generations(struct nl *n, unsigned mark_shift, uint64_t *ret, struct err *e)
{
	struct generations g = { .shift = mark_shift };

	if (nl_dump(n, ask(n, IPCTNL_MSG_CT_GET), NULL, take_generation, &g, e) < 0)
		return err_wrap(e, "connections");
	*ret = g.found;
	return 0;
}

static void begin_stats(void *arg)
{
	*(struct ct_stats *)arg = (struct ct_stats){ 0 };
}

static int take_cpu(const struct nlmsghdr *nlh, void *arg)
{
	struct ct_stats *s = arg;
	uint64_t *const sums[CTA_STATS_MAX + 1] = {
		[CTA_STATS_FOUND] = &s->found, [CTA_STATS_INVALID] = &s->invalid, [CTA_STATS_INSERT_FAILED] = &s->insert_failed,
		[CTA_STATS_DROP] = &s->drop, [CTA_STATS_EARLY_DROP] = &s->early_drop, [CTA_STATS_ERROR] = &s->error,
	};
	struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg)) {
		const uint16_t type = mnl_attr_get_type(a);

		if (type <= CTA_STATS_MAX && sums[type] && mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
			*sums[type] += ntohl(mnl_attr_get_u32(a));
	}
	return 0;
}

static int take_fill(const struct nlmsghdr *nlh, void *arg)
{
	struct ct_stats *s = arg;
	struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_validate(a, MNL_TYPE_U32) < 0)
			continue;
		if (mnl_attr_get_type(a) == CTA_STATS_GLOBAL_ENTRIES)
			s->entries = ntohl(mnl_attr_get_u32(a));
		else if (mnl_attr_get_type(a) == CTA_STATS_GLOBAL_MAX_ENTRIES)
			s->max = ntohl(mnl_attr_get_u32(a));
	}
	return 0;
}

int ct_read_stats(struct nl *n, struct ct_stats *ret, struct err *e)
{
	struct ct_stats s = { 0 };

	if (nl_dump(n, ask(n, IPCTNL_MSG_CT_GET_STATS_CPU), begin_stats, take_cpu, &s, e) < 0 ||
	    nl_request(n, ask(n, IPCTNL_MSG_CT_GET_STATS), take_fill, &s, e) < 0)
		return err_wrap(e, "conntrack's statistics");
	*ret = s;
	return 0;
}

bool ct_is_filled(const struct ct_stats *s, unsigned percent)
{
	return s->max && s->entries * 100 >= s->max * percent;
}
