/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctflow: see ctflow.h. */
#include "kern/ctflow.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "base/digest.h"
#include "kern/nl.h"
#include "kern/table.h"

enum { READ_MAX = 1024, MESSAGE_BYTES = 8192 };

/* ---- what a message says ---- */

struct tuple {
	struct addr src, dst;
	uint16_t sport, dport;
	uint8_t proto, icmp_type, icmp_code;
	bool has_ports;
};

static void read_address(const struct nlattr *a, struct addr *ret)
{
	const uint16_t len = mnl_attr_get_payload_len(a);

	if (len != 4 && len != 16)
		return;
	*ret = (struct addr){ .family = len == 4 ? 4 : 6 };
	memcpy(ret->b, mnl_attr_get_payload(a), len);
}

static void read_ips(const struct nlattr *ips, struct tuple *ret)
{
	struct nlattr *a;

	mnl_attr_for_each_nested(a, ips) {
		const uint16_t type = mnl_attr_get_type(a);

		if (type == CTA_IP_V4_SRC || type == CTA_IP_V6_SRC)
			read_address(a, &ret->src);
		else if (type == CTA_IP_V4_DST || type == CTA_IP_V6_DST)
			read_address(a, &ret->dst);
	}
}

static void read_proto(const struct nlattr *proto, struct tuple *ret)
{
	struct nlattr *a;

	mnl_attr_for_each_nested(a, proto) {
		const uint16_t type = mnl_attr_get_type(a), len = mnl_attr_get_payload_len(a);

		if (len == 2 && (type == CTA_PROTO_SRC_PORT || type == CTA_PROTO_DST_PORT)) {
			*(type == CTA_PROTO_SRC_PORT ? &ret->sport : &ret->dport) = ntohs(mnl_attr_get_u16(a));
			ret->has_ports = true;
		} else if (len == 1 && type == CTA_PROTO_NUM) {
			ret->proto = mnl_attr_get_u8(a);
		} else if (len == 1 && (type == CTA_PROTO_ICMP_TYPE || type == CTA_PROTO_ICMPV6_TYPE)) {
			ret->icmp_type = mnl_attr_get_u8(a);
		} else if (len == 1 && (type == CTA_PROTO_ICMP_CODE || type == CTA_PROTO_ICMPV6_CODE)) {
			ret->icmp_code = mnl_attr_get_u8(a);
		}
	}
}

static struct tuple read_tuple(const struct nlattr *tuple)
{
	struct tuple t = { 0 };
	struct nlattr *a;

	mnl_attr_for_each_nested(a, tuple) {
		if (mnl_attr_get_type(a) == CTA_TUPLE_IP)
			read_ips(a, &t);
		else if (mnl_attr_get_type(a) == CTA_TUPLE_PROTO)
			read_proto(a, &t);
	}
	return t;
}

static bool read_counters(const struct nlattr *counters, uint64_t *packets, uint64_t *bytes)
{
	bool any = false;
	struct nlattr *a;

	mnl_attr_for_each_nested(a, counters) {
		if (mnl_attr_get_payload_len(a) != sizeof(uint64_t))
			continue;
		if (mnl_attr_get_type(a) == CTA_COUNTERS_PACKETS)
			*packets = be64toh(mnl_attr_get_u64(a));
		else if (mnl_attr_get_type(a) == CTA_COUNTERS_BYTES)
			*bytes = be64toh(mnl_attr_get_u64(a));
		any = true;
	}
	return any;
}

/* A generation's allow, and no note of the gate's. */
static bool is_allowed(uint32_t mark, unsigned shift)
{
	const unsigned bits = mark >> shift & 0xff;

	return (bits & TABLE_ALLOW) && bits >> 2 && bits >> 2 < 63;
}

static uint64_t key_of(uint32_t id, const struct tuple *t)
{
	struct { struct addr src, dst; uint16_t sport, dport; uint32_t id; uint8_t proto; } k;

	memset(&k, 0, sizeof(k));
	k.src = t->src;
	k.dst = t->dst;
	k.sport = t->sport;
	k.dport = t->dport;
	k.id = id;
	k.proto = t->proto;
	return digest_hash64(&k, sizeof(k), 0);
}

static bool read_flow(const struct nlmsghdr *nlh, unsigned shift, struct ctflow *ret)
{
	struct ctflow f = { 0 };
	struct tuple orig = { 0 }, reply = { 0 };
	struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg)) {
		const uint16_t type = mnl_attr_get_type(a);

		if (type == CTA_TUPLE_ORIG)
			orig = read_tuple(a);
		else if (type == CTA_TUPLE_REPLY)
			reply = read_tuple(a);
		else if (type == CTA_COUNTERS_ORIG)
			f.has_counts |= read_counters(a, &f.packets[0], &f.bytes[0]);
		else if (type == CTA_COUNTERS_REPLY)
			f.has_counts |= read_counters(a, &f.packets[1], &f.bytes[1]);
		else if (type == CTA_MARK && mnl_attr_get_payload_len(a) == 4)
			f.mark = ntohl(mnl_attr_get_u32(a));
		else if (type == CTA_ID && mnl_attr_get_payload_len(a) == 4)
			f.id = ntohl(mnl_attr_get_u32(a));
	}
	if (!orig.src.family || orig.src.family != reply.src.family || !orig.proto || !is_allowed(f.mark, shift))
		return false;
	f.from = orig.src;
	f.to = reply.src;
	f.proto = orig.proto;
	f.icmp_type = orig.icmp_type;
	f.icmp_code = orig.icmp_code;
	f.has_ports = orig.has_ports;
	f.sport = orig.sport;
	f.dport = orig.has_ports ? reply.sport : 0;
	f.key = key_of(f.id, &orig);
	*ret = f;
	return true;
}

enum ctflow_what ctflow_parse(const void *msg, size_t len, unsigned mark_shift, struct ctflow *ret)
{
	const struct nlmsghdr *nlh = msg;

	/* libmnl takes a length beyond INT32_MAX for a negative one, which fits. */
	if (len < MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg) || nlh->nlmsg_len > len ||
	    nlh->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg))
		return CTFLOW_NONE;
	switch (nlh->nlmsg_type) {
	case NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW:
		return read_flow(nlh, mark_shift, ret) ? CTFLOW_LIVES : CTFLOW_NONE;
	case NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE:
		return read_flow(nlh, mark_shift, ret) ? CTFLOW_ENDED : CTFLOW_NONE;
	default:
		return CTFLOW_NONE;
	}
}

/* ---- those that end ---- */

struct ctflow_listener {
	struct nl *nl;
	unsigned shift;
	uint64_t odd;
	_Alignas(struct nlmsghdr) uint8_t room[MESSAGE_BYTES];
};

/* The kernel looks at the mark before it copies anything into our buffer. */
static int filter(struct ctflow_listener *l, struct err *e)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_IMM, NLMSG_HDRLEN + sizeof(struct nfgenmsg)),
		BPF_STMT(BPF_LDX | BPF_IMM, CTA_MARK),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_NLATTR)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 5, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, sizeof(struct nlattr)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (uint32_t)TABLE_ALLOW << l->shift),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)TABLE_ALLOW << l->shift, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog prog = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (setsockopt(nl_fd(l->nl), SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0)
		return err_sys(e, errno, "conntrack's events cannot be filtered");
	return 0;
}

int ctflow_open(unsigned mark_shift, struct ctflow_listener **ret, struct err *e)
{
	static const unsigned groups[] = { NFNLGRP_CONNTRACK_DESTROY, 0 };
	AUTO(ctflow_listener) l = calloc(1, sizeof(*l));

	if (!l)
		return err_plain(e, ENOMEM, "out of memory");
	l->shift = mark_shift;
	if (nl_open(NL_NETFILTER, groups, &l->nl, e) < 0 || filter(l, e) < 0)
		return err_wrap(e, "conntrack's events");
	*ret = TAKE(l);
	return 0;
}

void ctflow_free(struct ctflow_listener *l)
{
	if (!l)
		return;
	nl_free(l->nl);
	free(l);
}

int ctflow_fd(const struct ctflow_listener *l)
{
	return nl_fd(l->nl);
}

int ctflow_read(struct ctflow_listener *l, ctflow_fn fn, void *arg, struct err *e)
{
	struct ctflow f;
	int n = 0;

	while (n < READ_MAX) {
		const ssize_t got = recv(nl_fd(l->nl), l->room, sizeof(l->room), MSG_DONTWAIT);

		if (got < 0 && errno == EAGAIN)
			break;
		if (got < 0 && errno != ENOBUFS && errno != EINTR)      /* ENOBUFS: counted by the socket, see ctflow_lost */
			return err_sys(e, errno, "conntrack's events cannot be read");
		if (got < 0)
			continue;
		n++;
		if (ctflow_parse(l->room, (size_t)got, l->shift, &f) == CTFLOW_ENDED)
			fn(arg, &f);
		else
			l->odd++;
	}
	return n;
}

uint64_t ctflow_lost(const struct ctflow_listener *l)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(nl_fd(l->nl), SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
		return 0;
	return info[SK_MEMINFO_DROPS];
}

uint64_t ctflow_odd(const struct ctflow_listener *l)
{
	return l->odd;
}

/* ---- those that live ---- */

struct dump {
	unsigned shift;
	ctflow_fn fn;
	void *arg;
};

static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct dump *d = arg;
	struct ctflow f;

	if (ctflow_parse(nlh, nlh->nlmsg_len, d->shift, &f) == CTFLOW_LIVES)
		d->fn(d->arg, &f);
	return 0;
}

int ctflow_dump(struct nl *n, unsigned mark_shift, ctflow_fn fn, void *arg, struct err *e)
{
	struct dump d = { mark_shift, fn, arg };
	struct nlmsghdr *nlh = nl_netfilter(n, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, 0, AF_UNSPEC, 0);

	mnl_attr_put_u32(nlh, CTA_MARK, htonl((uint32_t)TABLE_ALLOW << mark_shift));
	mnl_attr_put_u32(nlh, CTA_MARK_MASK, htonl((uint32_t)TABLE_ALLOW << mark_shift));
	if (nl_dump(n, nlh, NULL, take, &d, e) < 0)
		return err_wrap(e, "connections");
	return 0;
}

/* ---- accounting ---- */

/* 1 where it is 0; automatic events (2) are fine. */
static int switch_on(const char *path, const char *name, struct err *e)
{
	AUTO_FD fd = open(path, O_RDWR | O_CLOEXEC);
	AUTO_FD see = fd < 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char now = '0';

	if (fd < 0 && see < 0)
		return err_plain(e, errno, "%s: %s", path, strerror(errno));
	if (read(fd >= 0 ? fd : see, &now, 1) == 1 && now != '0')
		return 0;
	if (fd < 0 || pwrite(fd, "1", 1, 0) != 1)
		return err_plain(e, EPERM, "set %s = 1 (sysctl)", name);
	return 0;
}

int ctflow_account(struct err *e)
{
	if (switch_on("/proc/sys/net/netfilter/nf_conntrack_acct", "net.netfilter.nf_conntrack_acct", e) < 0 ||
	    switch_on("/proc/sys/net/netfilter/nf_conntrack_events", "net.netfilter.nf_conntrack_events", e) < 0)
		return -1;
	return 0;
}
