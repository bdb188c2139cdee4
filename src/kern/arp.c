/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arp: see arp.h.  The sockets' filters let in what came over Ethernet, to us or to a group, without a VLAN tag of which there
 * is no interface (the kernel calls such frames somebody else's); of IPv6 the input hook sees nothing else.  Everything inside
 * the frame is judged by arp_frame.c. */
#include "kern/arp.h"

#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "kern/arp_frame.h"
#include "kern/nflog.h"

enum {
	FRAME_BYTES = 2048,
	RECEIVE_BYTES = 1024 * 1024,
	IDLE_FRAMES = 64,               /* looked at in one call beyond max, when there is nothing to report in them */
	NEXT_HEADER = 20, HOP_LIMIT = 21, ICMP_TYPE = 54,       /* in an Ethernet frame */
};

struct arp {
	int fd[2];                      /* ARP, IPv6 (-1: logged); both may send anything */
	struct nflog *log;
	unsigned turn;                  /* which is read first */
	struct arp_counts counts;
};

#define LOAD_BYTE(at) BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(at))
#define LOAD_HALF(at) BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)(at))
#define IF_EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define RETURN(bytes) BPF_STMT(BPF_RET | BPF_K, (bytes))

static struct sock_filter arp_filter[] = {
	LOAD_HALF(SKF_AD_OFF + SKF_AD_HATYPE),
	IF_EQUAL(ARPHRD_ETHER, 0, 3),
	LOAD_BYTE(SKF_AD_OFF + SKF_AD_PKTTYPE),
	IF_EQUAL(PACKET_OTHERHOST, 1, 0),
	RETURN(FRAME_BYTES),
	RETURN(0),
};

/* Neighbour solicitations and advertisements directly behind the IPv6 header, not forwarded by anybody. */
static struct sock_filter nd_filter[] = {
	LOAD_HALF(SKF_AD_OFF + SKF_AD_HATYPE),
	IF_EQUAL(ARPHRD_ETHER, 0, 10),
	LOAD_BYTE(SKF_AD_OFF + SKF_AD_PKTTYPE),
	IF_EQUAL(PACKET_OTHERHOST, 8, 0),
	LOAD_BYTE(NEXT_HEADER),
	IF_EQUAL(IPPROTO_ICMPV6, 0, 6),
	LOAD_BYTE(HOP_LIMIT),
	IF_EQUAL(255, 0, 4),
	LOAD_BYTE(ICMP_TYPE),
	IF_EQUAL(ARP_ND_SOLICIT, 1, 0),
	IF_EQUAL(ARP_ND_ADVERT, 0, 1),
	RETURN(FRAME_BYTES),
	RETURN(0),
};

static const struct { uint16_t ethertype; struct sock_fprog filter; const char *name; } kinds[2] = {
	{ ETH_P_ARP, { sizeof(arp_filter) / sizeof(arp_filter[0]), arp_filter }, "ARP" },
	{ ETH_P_IPV6, { sizeof(nd_filter) / sizeof(nd_filter[0]), nd_filter }, "neighbour discovery" },
};

/* Protocol 0 hears nothing, so that no frame gets in front of the filter. */
static int open_socket(size_t kind, struct err *e)
{
	const struct sockaddr_ll all = { .sll_family = AF_PACKET, .sll_protocol = htons(kinds[kind].ethertype) };
	const int bytes = RECEIVE_BYTES;
	AUTO_FD fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int opened;

	if (fd < 0)
		return err_sys(e, errno, "cannot open a packet socket for %s", kinds[kind].name);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &kinds[kind].filter, sizeof(kinds[kind].filter)) < 0)
		return err_sys(e, errno, "cannot filter %s", kinds[kind].name);
	if (bind(fd, (const struct sockaddr *)&all, sizeof(all)) < 0)
		return err_sys(e, errno, "cannot listen to %s", kinds[kind].name);
	opened = fd;
	fd = -1;
	return opened;
}

int arp_new(uint16_t group, struct arp **ret, struct err *e)
{
	AUTO(arp) a = calloc(1, sizeof(*a));

	if (!a)
		return err_plain(e, ENOMEM, "out of memory");
	a->fd[0] = a->fd[1] = -1;
	for (size_t i = 0; i < (group ? 1 : 2); i++) {
		a->fd[i] = open_socket(i, e);
		if (a->fd[i] < 0)
			return -1;
	}
	if (group && nflog_new(group, FRAME_BYTES - ETH_HLEN, true, &a->log, e) < 0)
		return -1;
	*ret = TAKE(a);
	return 0;
}

void arp_free(struct arp *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < 2; i++)
		if (a->fd[i] >= 0)
			close(a->fd[i]);
	nflog_free(a->log);
	free(a);
}

int arp_fd4(const struct arp *a)
{
	return a->fd[0];
}

int arp_fd6(const struct arp *a)
{
	return a->log ? nflog_poll_fd(a->log) : a->fd[1];
}

/* Is it told? */
static bool note(struct arp *a, enum arp_frame f)
{
	a->counts.received++;
	a->counts.malformed += f == ARP_FRAME_MALFORMED;
	a->counts.contradictory += f == ARP_FRAME_CONTRADICTORY;
	return f == ARP_FRAME_TELLS;
}

static bool take_frame(struct arp *a, size_t kind, const uint8_t *frame, size_t len, const struct sockaddr_ll *from,
		       struct arp_sighting *ret)
{
	const bool to_us = from->sll_pkttype == PACKET_HOST;
	const enum arp_frame f = kind ? arp_frame6(frame, len, to_us, ret) : arp_frame4(frame, len, to_us, ret);

	ret->ifindex = (uint32_t)from->sll_ifindex;
	return note(a, f);
}

static int hear_socket(struct arp *a, size_t kind, struct arp_sighting *ret, size_t max, struct err *e)
{
	size_t n = 0;

	for (size_t looked = 0; n < max && looked < max + IDLE_FRAMES; ) {
		struct sockaddr_ll from = { 0 };
		socklen_t from_len = sizeof(from);
		uint8_t frame[FRAME_BYTES];
		const ssize_t got = recvfrom(a->fd[kind], frame, sizeof(frame), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);

		if (got < 0 && errno == EAGAIN)
			break;
		if (got >= 0) {
			looked++;
			n += take_frame(a, kind, frame, (size_t)got, &from, &ret[n]);
		} else if (errno != EINTR && errno != ENETDOWN) {
			return err_sys(e, errno, "cannot hear %s", kinds[kind].name);
		}
	}
	return (int)n;
}

static int hear_log(struct arp *a, struct arp_sighting *ret, size_t max, struct err *e)
{
	struct nfq_packet p[NFQ_BATCH];
	size_t n = 0;

	for (size_t looked = 0; n < max && looked < max + IDLE_FRAMES; ) {
		const int got = nflog_receive(a->log, p, max - n < NFQ_BATCH ? max - n : NFQ_BATCH, e);

		if (got < 0)
			return err_wrap(e, "cannot hear %s", kinds[1].name);
		if (!got)
			break;
		for (int i = 0; i < got; i++)
			n += note(a, arp_frame_logged(&p[i], &ret[n]));
		looked += (size_t)got;
	}
	a->counts.lost = nflog_counts_of(a->log)->lost;
	return (int)n;
}

static int hear(struct arp *a, size_t kind, struct arp_sighting *ret, size_t max, struct err *e)
{
	return kind && a->log ? hear_log(a, ret, max, e) : hear_socket(a, kind, ret, max, e);
}

/* Both by turns; half the room is the other's, if it has anything to say. */
int arp_receive(struct arp *a, struct arp_sighting *ret, size_t max, struct err *e)
{
	const size_t first = a->turn, share[3] = { (max + 1) / 2, max, max };
	size_t n = 0;

	a->turn = !first;
	for (size_t i = 0; i < 3; i++) {
		const int got = hear(a, i == 1 ? !first : first, ret + n, share[i] - n, e);

		if (got < 0)
			return -1;
		n += (size_t)got;
	}
	return (int)n;
}

int arp_ask(struct arp *a, uint32_t ifindex, const struct mac *own_mac, const struct addr *own, const struct mac *mac,
	    const struct addr *addr, struct err *e)
{
	const size_t kind = addr->family == 6;
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = htons(kinds[kind].ethertype), .sll_ifindex = (int)ifindex,
		.sll_halen = sizeof(mac->b),
	};
	uint8_t frame[128];
	const size_t len = arp_request(frame, own_mac, own, mac, addr);
	char text[ADDR_TEXT];

	if (!len) {
		a->counts.send_failed++;
		return err_plain(e, EINVAL, "%s cannot be asked for", addr_text(addr, text, sizeof(text)));
	}
	memcpy(to.sll_addr, frame, sizeof(mac->b));
	if (sendto(a->fd[a->log ? 0 : kind], frame, len, MSG_DONTWAIT, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		a->counts.send_failed++;
		return err_sys(e, errno, "cannot ask for %s", addr_text(addr, text, sizeof(text)));
	}
	a->counts.sent++;
	return 0;
}

const struct arp_counts *arp_counts_of(const struct arp *a)
{
	return &a->counts;
}
