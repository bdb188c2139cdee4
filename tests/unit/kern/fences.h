/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The site of the fences' tests: eth1.20 (proved), eth4 (proved, with networks behind a router), eth5 (restricted devices alone)
 * are ends of veth pairs. */
#ifndef UNIT_KERN_FENCES_H
#define UNIT_KERN_FENCES_H

#include "unit/kern/live.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sys/socket.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "base/file.h"
#include "kern/table_fences.h"

#define FENCES "nft list table netdev ringfence"

static const char links[] =
	"ip link add eth1.20 address 02:00:00:00:99:01 type veth peer name p1; ip link set eth1.20 up; ip link set p1 up;"
	"ip link add eth4 type veth peer name p4; ip link set eth4 up; ip link set p4 up;"
	"ip link add eth5 type veth peer name p5; ip link set eth5 up; ip link set p5 up";

static struct table_iface ifaces[6];
static struct table_binding bindings[9];

static inline void begin_fences(void)
{
	begin();
	sh(links);
	memcpy(ifaces, x.ifaces, sizeof(x.ifaces));
	ifaces[4].stacked = true;
	ifaces[0].fence = ifaces[3].fence = ifaces[4].fence = TABLE_FENCE_PROVED;
	ifaces[5] = (struct table_iface){ .name = "eth5", .role = TABLE_GUARDED, .fence = TABLE_FENCE_RESTRICTED };
	memcpy(bindings, x.bindings, sizeof(x.bindings));
	ifaces[5].observes = true;
	bindings[6] = example_binding(4, "ac:cc:8e:00:00:50", "10.50.0.9", TABLE_KNOWN);
	bindings[7] = example_binding(4, "44:19:b6:00:00:51", "10.50.0.10", TABLE_RESTRICTED);
	bindings[8] = example_binding(5, "44:19:b6:00:00:61", "10.60.0.2", TABLE_RESTRICTED);
	bindings[2].restricted = bindings[7].restricted = bindings[8].restricted = true;
	x.in.ifaces = ifaces;
	x.in.n_ifaces = 6;
	x.in.bindings = bindings;
	x.in.n_bindings = 9;
	x.in.fences = true;
}

/* n frames of that type from dst's point of view, sent as an interface sends them: past the hooks of IP. */
static inline void send_frames(const char *dev, const char *dst, const char *src, uint16_t type, const uint8_t *body, size_t len, unsigned n)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(dev), .sll_protocol = htons(type) };
	const struct mac d = example_mac(dst), s = example_mac(src);
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	uint8_t bytes[128] = { 0 };

	memcpy(bytes, d.b, 6);
	memcpy(bytes + 6, s.b, 6);
	bytes[12] = (uint8_t)(type >> 8);
	bytes[13] = (uint8_t)type;
	memcpy(bytes + 14, body, len);
	for (unsigned i = 0; i < n; i++)
		ck_assert(sendto(fd, bytes, 14 + len, 0, (void *)&to, sizeof(to)) == (ssize_t)(14 + len) || errno == ENOBUFS);
	close(fd);
}

/* UDP from one port to another of that address, at that MAC; ICMPv6 of that type where ports are 0. */
static inline void send_ip(const char *dev, const char *address, const char *mac, uint16_t sport, uint16_t dport, uint8_t icmp, unsigned n)
{
	const struct addr a = example_addr(address);
	uint8_t ip[48] = { 0 }, *udp;
	size_t len;

	if (a.family == 4) {
		const uint8_t head[16] = { 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 0, 1 };

		memcpy(ip, head, sizeof(head));
		memcpy(ip + 16, a.b, 4);
		len = 20;
	} else {
		ip[0] = 0x60;
		ip[5] = 8;
		ip[6] = icmp ? 58 : 17;
		ip[7] = icmp ? 255 : 64;
		ip[8] = 0xfd;
		memcpy(ip + 24, a.b, 16);
		len = 40;
	}
	udp = ip + len;
	if (icmp) {
		udp[0] = icmp;
	} else {
		const uint8_t head[6] = { (uint8_t)(sport >> 8), (uint8_t)sport, (uint8_t)(dport >> 8), (uint8_t)dport, 0, 8 };

		memcpy(udp, head, sizeof(head));
	}
	send_frames(dev, mac, "02:00:00:00:99:01", a.family == 4 ? ETH_P_IP : ETH_P_IPV6, ip, len + 8, n);
}

static inline void send_to(const char *dev, const char *address, const char *mac, unsigned n)
{
	send_ip(dev, address, mac, 9, 9, 0, n);
}

static inline struct table_counts counts(void)
{
	struct table_counts c;

	ck_assert_msg(table_read_counters(nl, &c, &e) == 0, "%s", e.msg);
	return c;
}

static inline uint64_t dropped(void)
{
	return counts().at[TABLE_C_FENCE].packets;
}

/* The page's lines of that kind. */
static inline struct table_ledger page_of(char page, enum table_line_kind kind)
{
	struct table_ledger l;
	size_t n = 0;

	ck_assert_msg(table_read_ledger(nl, page, &l, &e) == 0, "%s", e.msg);
	for (size_t i = 0; i < l.n; i++)
		if (l.lines[i].kind == kind)
			l.lines[n++] = l.lines[i];
	l.n = n;
	return l;
}

/* Words of the line that has them, for comparing handles. */
static inline void handle_of(const char *chain, char ret[static 80])
{
	const char *at = strstr(sh("nft -a list table netdev ringfence"), chain);

	ret[0] = '\0';
	if (at)
		snprintf(ret, 80, "%.*s", (int)strcspn(at, "\n"), at);
}

#endif
