/* SPDX-License-Identifier: GPL-2.0-or-later */
/* site: camera - firewall - core in three namespaces, the table between them, and a queue that a test answers by hand. */
#ifndef UNIT_KERN_SITE_H
#define UNIT_KERN_SITE_H

#include <check.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "kern/nfq.h"
#include "kern/nl.h"
#include "kern/probe.h"
#include "kern/table.h"
#include "unit/kern/wire.h"

#define SITE_CAM "ac:cc:8e:00:00:02"
#define SITE_BAD "44:19:b6:00:00:03"
#define SITE_FW "02:00:00:00:f0:01"     /* towards the cameras */
#define SITE_CORE "02:00:00:00:c0:02"
#define SITE_FW_CORE "02:00:00:00:f1:01"

struct site {
	int cam, core;                  /* namespaces; we live in the firewall's */
	struct wire w_cam, w_core;
	struct nl *nl;
	struct nfq *ask, *unknown;
	struct table_range guarded[2];
	struct table_iface ifaces[2];
	struct table_binding bindings[4];
	struct table_input in;
	struct err e;
	unsigned asked, asked_unknown;  /* packets that came to the queues */
	struct nfq_packet last;         /* the last of them (its payload is gone) */
};

static struct site site;

static inline void site_sh(const char *command)
{
	struct buf out;

	buf_init(&out);
	ck_assert_msg(space_run(&out, command) == 0, "%s: %.600s", command, buf_cstr(&out));
	buf_fini(&out);
}

static inline void site_load(void)
{
	struct table *t = NULL;

	ck_assert_msg(table_build(&site.in, &t, &site.e) == 0, "%s", site.e.msg);
	ck_assert_msg(table_send(site.nl, t, &site.e) == 0, "%s", site.e.msg);
	table_free(t);
}

static inline void site_links(void)
{
	char command[1024];

	site.cam = space_new();
	site.core = space_new();
	snprintf(command, sizeof(command),
		 "ip link add f0 address " SITE_FW " type veth peer name c0 address " SITE_CAM "; "
		 "ip link add f1 address " SITE_FW_CORE " type veth peer name k0 address " SITE_CORE "; "
		 "ip link set c0 netns /proc/%d/fd/%d; ip link set k0 netns /proc/%d/fd/%d; "
		 "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 "
		 "net.ipv6.conf.f0.accept_dad=0 net.ipv6.conf.f1.accept_dad=0 "
		 "net.ipv4.conf.f0.rp_filter=0 net.ipv4.conf.f1.rp_filter=0 net.netfilter.nf_conntrack_tcp_be_liberal=1",
		 getpid(), site.cam, getpid(), site.core);
	site_sh(command);
	site_sh("ip addr add 10.20.0.1/16 dev f0; ip addr add fd00:20::1/64 dev f0; ip link set f0 up;"
		"ip addr add 10.1.0.1/16 dev f1; ip addr add fd00:1::1/64 dev f1; ip link set f1 up;"
		"ip neigh add 10.20.0.2 lladdr " SITE_CAM " dev f0; ip neigh add 10.20.0.3 lladdr " SITE_BAD " dev f0;"
		"ip neigh add fd00:20::2 lladdr " SITE_CAM " dev f0;"
		"ip neigh add 10.1.0.2 lladdr " SITE_CORE " dev f1; ip neigh add fd00:1::2 lladdr " SITE_CORE " dev f1");
}

/* The camera's interface under another name, its link up again (which takes the kernel up to a second) and its neighbour known. */
static inline void site_rename(const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { .ifr_name = "" };
	char command[256];

	snprintf(command, sizeof(command), "ip link set f0 down; ip link set f0 name %s; ip link set %s up;"
		 "ip addr replace 10.20.0.1/16 dev %s; ip neigh replace 10.20.0.2 lladdr " SITE_CAM " dev %s", name, name, name, name);
	site_sh(command);
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	for (unsigned i = 0; i < 1000 && ioctl(fd, SIOCGIFFLAGS, &r) == 0 && !(r.ifr_flags & IFF_RUNNING); i++)
		poll(NULL, 0, 10);
	ck_assert(r.ifr_flags & IFF_RUNNING);
	close(fd);
}

/* The far ends have no addresses: everything there is made and read by hand. */
static inline void site_far_ends(void)
{
	int here = space_go(site.cam);

	site_sh("sysctl -qw net.ipv6.conf.c0.disable_ipv6=1; ip link set c0 up");
	space_back(here);
	here = space_go(site.core);
	site_sh("sysctl -qw net.ipv6.conf.k0.disable_ipv6=1; ip link set k0 up");
	space_back(here);
	site.w_cam = wire_open(site.cam, "c0");
	site.w_core = wire_open(site.core, "k0");
}

static inline void site_begin(void)
{
	struct probe p;

	space_enter();
	memset(&site, 0, sizeof(site));
	site_links();
	site_far_ends();
	ck_assert_msg(nl_open(NL_NETFILTER, NULL, &site.nl, &site.e) == 0, "%s", site.e.msg);
	ck_assert_msg(probe_run(site.nl, &p, &site.e) == 0, "%s", site.e.msg);
	site.guarded[0] = example_range("10.20.0.0", "10.20.255.255");
	site.guarded[1] = example_range("fd00:20::", "fd00:20::ffff:ffff:ffff:ffff");
	site.ifaces[0] = (struct table_iface){ .name = "f0", .role = TABLE_GUARDED };
	site.ifaces[1] = (struct table_iface){ .name = "f1", .role = TABLE_OPEN };
	site.bindings[0] = example_binding(0, SITE_CAM, "10.20.0.2", TABLE_KNOWN);
	site.bindings[1] = example_binding(0, SITE_CAM, "fd00:20::2", TABLE_KNOWN);
	site.bindings[2] = example_binding(0, SITE_BAD, "10.20.0.3", TABLE_RESTRICTED);
	site.in = (struct table_input){
		.generation = 1, .page = 'a', .mark_shift = 24, .queue = 100, .nflog_group = 100, .native_queue = p.has[PROBE_QUEUE],
		.ifaces = site.ifaces, .n_ifaces = 2, .guarded = site.guarded, .n_guarded = 2, .bindings = site.bindings,
		.n_bindings = 3,
	};
	ck_assert_msg(nfq_new(100, NULL, &site.ask, &site.e) == 0, "%s", site.e.msg);
	ck_assert_msg(nfq_new(101, NULL, &site.unknown, &site.e) == 0, "%s", site.e.msg);
	site_load();
}

static inline void site_end(void)
{
	nfq_free(site.ask);
	nfq_free(site.unknown);
	nl_free(site.nl);
}

/* Answer whatever waits in a queue; mark 0: give every packet back with the mark it came with. */
static inline unsigned site_answer_one(struct nfq *q, uint32_t mark)
{
	struct nfq_packet pkts[NFQ_BATCH];
	uint32_t marks[NFQ_BATCH];
	unsigned all = 0;

	for (;;) {
		int n = nfq_receive(q, pkts, NFQ_BATCH, &site.e);

		ck_assert_msg(n >= 0, "%s", site.e.msg);
		if (!n)
			return all;
		for (int i = 0; i < n; i++) {
			marks[i] = mark ? mark | (pkts[i].mark & 0x00ffffff) : pkts[i].mark;
			site.last = pkts[i];
		}
		ck_assert_msg(nfq_answer(q, pkts, marks, (size_t)n, &site.e) == 0, "%s", site.e.msg);
		all += (unsigned)n;
	}
}

/* Until both queues have been quiet for a moment. */
static inline void site_answer(uint32_t mark)
{
	struct pollfd fds[2] = {
		{ .fd = nfq_poll_fd(site.ask), .events = POLLIN }, { .fd = nfq_poll_fd(site.unknown), .events = POLLIN },
	};

	site.asked = site.asked_unknown = 0;
	while (poll(fds, 2, 30) > 0) {
		site.asked += site_answer_one(site.ask, mark);
		site.asked_unknown += site_answer_one(site.unknown, mark);
	}
}

static inline uint32_t site_mark(enum table_kind kind)
{
	return table_mark(24, site.in.generation, kind);
}

static inline uint64_t site_counter(enum table_counter c)
{
	struct table_counts counts;

	ck_assert_msg(table_read_counters(site.nl, &counts, &site.e) == 0, "%s", site.e.msg);
	return counts.at[c].packets;
}

/* Turn the page, read and clear the old one. */
static inline struct table_ledger site_turn(void)
{
	char page = site.in.page;
	struct table_ledger l;

	ck_assert_msg(table_turn(site.nl, &site.in, &site.e) == 0, "%s", site.e.msg);
	ck_assert_msg(table_read_ledger(site.nl, page, &l, &site.e) == 0, "%s", site.e.msg);
	ck_assert_msg(table_clear_page(site.nl, page, &site.e) == 0, "%s", site.e.msg);
	return l;
}

static inline uint64_t site_sum(const struct table_ledger *l, enum table_line_kind kind)
{
	uint64_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->lines[i].kind == kind)
			n += l->lines[i].packets;
	return n;
}

/* The flows that the tests send. */
static const struct wire_frame video __attribute__((unused)) = {  /* the camera to the core */
	.smac = SITE_CAM, .dmac = SITE_FW, .src = "10.20.0.2", .dst = "10.1.0.2", .proto = 17, .sport = 4000, .dport = 5001, .payload = 18,
};
static const struct wire_frame back __attribute__((unused)) = {         /* and its answer */
	.smac = SITE_CORE, .dmac = SITE_FW_CORE, .src = "10.1.0.2", .dst = "10.20.0.2", .proto = 17, .sport = 5001, .dport = 4000,
	.payload = 18,
};
static const struct wire_frame video6 __attribute__((unused)) = {
	.smac = SITE_CAM, .dmac = SITE_FW, .src = "fd00:20::2", .dst = "fd00:1::2", .proto = 17, .sport = 4000, .dport = 5001, .payload = 18,
};

static inline unsigned at_core(const struct wire_frame *f)
{
	return wire_count(&site.w_core, f->src, f->dst, f->proto, f->dport, NULL);
}

static inline unsigned at_cam(const struct wire_frame *f)
{
	return wire_count(&site.w_cam, f->src, f->dst, f->proto, f->dport, NULL);
}

/* Let the flow of f be allowed and stamped. */
static inline void allow(const struct wire *w, const struct wire_frame *f)
{
	wire_send(w, f, 1);
	site_answer(site_mark(TABLE_ALLOW));
}

#endif
