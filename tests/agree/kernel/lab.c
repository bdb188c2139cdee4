/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agree/kernel/lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>

#include "base/buf.h"
#include "unit/kern/space.h"

const char *const lab_names[LAB_PORTS] = { "e0", "e1", "e2", "e3", "e4", "e5", "e9" };

static const struct { int family, proto; } ears[LAB_RAW] = {
	{ AF_INET, IPPROTO_TCP }, { AF_INET, IPPROTO_UDP }, { AF_INET, IPPROTO_ICMP },
	{ AF_INET6, IPPROTO_TCP }, { AF_INET6, IPPROTO_UDP }, { AF_INET6, IPPROTO_ICMPV6 },
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	fflush(stdout);
	abort();
}

static void must_run(const char *command)
{
	struct buf out;

	buf_init(&out);
	if (space_run(&out, command) != 0) {
		printf("Bail out! %s: %s\n", command, buf_cstr(&out));
		fflush(stdout);
		abort();
	}
	buf_fini(&out);
}

unsigned lab_port(const char *name)
{
	unsigned i = 0;

	while (i < LAB_PORTS && strcmp(lab_names[i], name) != 0)
		i++;
	return i;
}

struct mac lab_mac(unsigned port)
{
	return (struct mac){ { 2, 0xf0, 0, 0, 0, (uint8_t)port } };
}

/* The far end's MAC is the next hop's; nobody answers ARP or neighbour discovery, so it is said. */
static void make_port(const struct lab *l, unsigned i, struct buf *rules)
{
	const char *e = lab_names[i];
	char command[1024];

	snprintf(command, sizeof(command),
		 "ip link add %s address 02:f0:00:00:00:%02x type veth peer name %s address 02:be:00:00:00:%02x netns /proc/%d/fd/%d; "
		 "sysctl -qw net.ipv6.conf.%s.accept_dad=0 net.ipv6.conf.%s.addr_gen_mode=1 net.ipv4.conf.%s.rp_filter=0 "
		 "net.ipv4.conf.%s.accept_local=1 net.ipv4.conf.%s.send_redirects=0; ip link set %s up; "
		 "ip neigh add 169.254.77.%u lladdr 02:be:00:00:00:%02x dev %s nud permanent; "
		 "ip neigh add fe80::77:%u lladdr 02:be:00:00:00:%02x dev %s nud permanent",
		 e, i, e, i, getpid(), l->far, e, e, e, e, e, e, i + 1, i, e, i + 1, i, e);
	must_run(command);
	snprintf(command, sizeof(command),
		 "ip route add default via 169.254.77.%u dev %s onlink table %u; ip rule add fwmark %u/255 lookup %u; "
		 "ip -6 route add default via fe80::77:%u dev %s onlink table %u; ip -6 rule add fwmark %u/255 lookup %u",
		 i + 1, e, 100 + i, i + 1, 100 + i, i + 1, e, 100 + i, i + 1, 100 + i);
	buf_printf(rules, "%s%s", rules->len ? "; " : "", command);
}

/* The aim is a mark outside our eight bits; somebody's table that sets such marks is what sites have too. */
static void make_aim(void)
{
	char command[1024] = "nft 'table inet aim { chain aim { type filter hook prerouting priority -300;";
	size_t n = strlen(command);

	for (unsigned i = 1; i <= LAB_HERE; i++)
		n += (size_t)snprintf(command + n, sizeof(command) - n, " ip dscp %u meta mark set %u; ip6 dscp %u meta mark set %u;", i, i, i, i);
	snprintf(command + n, sizeof(command) - n, " }; }'");
	must_run(command);
	must_run("ip route add local default dev lo table 200; ip rule add fwmark 8/255 lookup 200; "
		 "ip -6 route add local default dev lo table 200; ip -6 rule add fwmark 8/255 lookup 200");
}

static void open_ears(struct lab *l)
{
	int bytes = 8 << 20;

	for (unsigned i = 0; i < LAB_RAW; i++) {
		l->raw[i] = socket(ears[i].family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, ears[i].proto);
		must(l->raw[i] >= 0, "raw socket");
		setsockopt(l->raw[i], SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	}
}

static void open_mouth(struct lab *l)
{
	must_run("ip link set lo up; ip -6 addr add fd77::1/128 dev lo nodad; ip addr add 169.254.88.1/32 dev lo");
	for (unsigned i = 0; i < 2; i++) {
		l->own[i] = socket(i ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
		must(l->own[i] >= 0, "raw socket");
	}
}

static void open_wire(struct lab *l)
{
	int here = space_go(l->far), bytes = 32 << 20;
	char command[128];

	for (unsigned i = 0; i < LAB_PORTS; i++) {
		snprintf(command, sizeof(command), "sysctl -qw net.ipv6.conf.%s.disable_ipv6=1; ip link set %s up", lab_names[i], lab_names[i]);
		must_run(command);
	}
	l->wire = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
	must(l->wire >= 0, "packet socket");
	setsockopt(l->wire, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	for (unsigned i = 0; i < LAB_PORTS; i++)
		l->beyond[i] = if_nametoindex(lab_names[i]);
	space_back(here);
}

void lab_open(struct lab *l)
{
	struct buf rules;

	space_enter();
	l->far = space_new();
	must_run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 "
		 "net.ipv4.conf.all.accept_local=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.icmp_echo_ignore_all=1 "
		 "net.ipv6.icmp.echo_ignore_all=1");
	buf_init(&rules);
	for (unsigned i = 0; i < LAB_PORTS; i++)
		make_port(l, i, &rules);
	open_wire(l);
	must_run(buf_cstr(&rules));     /* a route wants a link with a carrier */
	buf_fini(&rules);
	make_aim();
	open_ears(l);
	open_mouth(l);
	for (unsigned i = 0; i < LAB_PORTS; i++)
		l->near[i] = if_nametoindex(lab_names[i]);
}

void lab_send(const struct lab *l, unsigned port, const uint8_t *frame, size_t n)
{
	const struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_ifindex = (int)l->beyond[port], .sll_halen = 6, .sll_protocol = htons(ETH_P_ALL),
	};

	while (sendto(l->wire, frame, n, 0, (const struct sockaddr *)&at, sizeof(at)) < 0)
		must(errno == ENOBUFS || errno == EAGAIN, "send");
}

void lab_say(const struct lab *l, unsigned port, const uint8_t *frame, size_t n)
{
	const bool six = frame[12] == 0x86;
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	const int mark = (int)port + 1;

	memcpy(&to4.sin_addr, frame + 30, 4);
	memcpy(&to6.sin6_addr, frame + 38, 16);
	must(setsockopt(l->own[six], SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0, "mark");
	/* EPERM: the table's drop is told to who sends. */
	must(sendto(l->own[six], frame + 14, n - 14, 0, six ? (const struct sockaddr *)&to6 : (const struct sockaddr *)&to4,
		    six ? sizeof(to6) : sizeof(to4)) > 0 || errno == EPERM, "send from here");
}

static unsigned port_beyond(const struct lab *l, int ifindex)
{
	unsigned i = 0;

	while (i < LAB_PORTS && (int)l->beyond[i] != ifindex)
		i++;
	return i;
}

/* A frame or a packet from its network header on; one extension header at most is sent here. */
static void hand_on(unsigned port, const uint8_t *ip, ssize_t n, lab_heard_fn fn, void *arg)
{
	const ssize_t head = ip[0] >> 4 == 4 ? (ip[0] & 15) * 4 : ip[6] == IPPROTO_DSTOPTS ? 48 : 40;

	if (n >= 20 && n >= head)
		fn(port, ip[0] >> 4 == 4 ? ip[9] : head == 48 ? ip[40] : ip[6], ip + head, (size_t)(n - head), arg);
}

static unsigned hear_wire(const struct lab *l, lab_heard_fn fn, void *arg)
{
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	uint8_t b[2048];
	unsigned heard = 0;
	ssize_t n;

	while ((n = recvfrom(l->wire, b, sizeof(b), 0, (struct sockaddr *)&from, &len)) >= 0) {
		if (from.sll_pkttype != PACKET_OUTGOING && port_beyond(l, from.sll_ifindex) < LAB_PORTS) {
			hand_on(port_beyond(l, from.sll_ifindex), b + 14, n - 14, fn, arg);
			heard++;
		}
		len = sizeof(from);
	}
	return heard;
}

unsigned lab_hear(const struct lab *l, int wait_ms, lab_heard_fn fn, void *arg)
{
	struct pollfd fds[LAB_RAW + 1] = { { .fd = l->wire, .events = POLLIN } };
	uint8_t b[2048];
	unsigned heard;
	ssize_t n;

	for (unsigned i = 0; i < LAB_RAW; i++)
		fds[i + 1] = (struct pollfd){ .fd = l->raw[i], .events = POLLIN };
	poll(fds, LAB_RAW + 1, wait_ms);
	heard = hear_wire(l, fn, arg);
	for (unsigned i = 0; i < LAB_RAW; i++)
		while ((n = recv(l->raw[i], b, sizeof(b), 0)) >= 0) {
			if (ears[i].family == AF_INET)
				hand_on(LAB_HERE, b, n, fn, arg);
			else
				fn(LAB_HERE, (uint8_t)ears[i].proto, b, (size_t)n, arg);
			heard++;
		}
	return heard;
}
