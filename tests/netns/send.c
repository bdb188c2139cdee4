/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends crafted packets at a rate: Ethernet frames through a packet socket (past every hook of the
 * sender), or with --via-ip IP packets through a raw socket (through the sender's own routing,
 * neighbours and output hooks).  Prints "sent N": packets that the kernel took. */
#include "netns/netprobe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "netns/frame.h"
#include "netns/sock.h"

#define BATCH 64

struct send {
	struct frame_spec spec;
	const char *ifname;
	unsigned count, rate, seconds;
	unsigned flows;			/* source ports used in turn */
	unsigned dflows;		/* destination ports used in turn */
	unsigned hosts;			/* destination addresses used in turn */
	bool random_mac, random_addr, random_port;
	bool via_ip, quiet;
	int fd, stop;
	char token[17];
	uint64_t lcg;
};

#define O(name, kind, field) { name, kind, offsetof(struct send, field) }
static const struct opt options[] = {
	O("i", OPT_STR, ifname), O("smac", OPT_MAC, spec.smac), O("dmac", OPT_MAC, spec.dmac),
	O("src", OPT_ADDR, spec.src), O("dst", OPT_ADDR, spec.dst), O("proto", OPT_STR, spec.proto),
	O("number", OPT_UINT, spec.number), O("sport", OPT_UINT, spec.sport), O("dport", OPT_UINT, spec.dport),
	O("inner-src", OPT_ADDR, spec.inner_src), O("inner-dst", OPT_ADDR, spec.inner_dst),
	O("inner-sport", OPT_UINT, spec.inner_sport), O("inner-dport", OPT_UINT, spec.inner_dport),
	O("inner-proto", OPT_STR, spec.inner_proto), O("tcp-seq", OPT_UINT, spec.tcp_seq),
	O("tcp-ack", OPT_UINT, spec.tcp_ack), O("icmp-type", OPT_UINT, spec.icmp_type),
	O("icmp-code", OPT_UINT, spec.icmp_code), O("mtu", OPT_UINT, spec.mtu), O("ttl", OPT_UINT, spec.ttl),
	O("id", OPT_UINT, spec.id), O("size", OPT_UINT, spec.size), O("vlan", OPT_UINT, spec.vlan),
	O("inner-vlan", OPT_UINT, spec.inner_vlan), O("token", OPT_STR, spec.token), O("ext", OPT_STR, spec.ext),
	O("frag", OPT_STR, spec.frag), O("record-route", OPT_FLAG, spec.record_route),
	O("count", OPT_UINT, count), O("rate", OPT_UINT, rate), O("seconds", OPT_UINT, seconds),
	O("flows", OPT_UINT, flows), O("dflows", OPT_UINT, dflows), O("hosts", OPT_UINT, hosts),
	O("random-mac", OPT_FLAG, random_mac), O("random-addr", OPT_FLAG, random_addr),
	O("random-port", OPT_FLAG, random_port), O("via-ip", OPT_FLAG, via_ip), O("quiet", OPT_FLAG, quiet),
	{ NULL, OPT_FLAG, 0 },
};
#undef O

static int open_packet(struct send *s)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET };
	struct ifreq req = {};
	int one = 1;

	s->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	at.sll_ifindex = (int)if_nametoindex(s->ifname ? s->ifname : "");
	if (s->fd < 0 || !at.sll_ifindex || bind(s->fd, (void *)&at, sizeof(at))) {
		fprintf(stderr, "netprobe: interface '%s': %s\n", s->ifname ? s->ifname : "", strerror(errno));
		return -1;
	}
	setsockopt(s->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", s->ifname);
	if (!opt_mac_given(s->spec.smac) && !ioctl(s->fd, SIOCGIFHWADDR, &req))
		memcpy(s->spec.smac, req.ifr_hwaddr.sa_data, 6);
	return sock_buffer(s->fd, false);
}

static int open_raw(struct send *s)
{
	int one = 1;
	bool v6 = s->spec.src.family == AF_INET6;

	s->fd = socket(s->spec.src.family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (s->fd >= 0 && v6)
		setsockopt(s->fd, IPPROTO_IPV6, 36 /* IPV6_HDRINCL */, &one, sizeof(one));
	if (s->fd >= 0 && s->ifname && setsockopt(s->fd, SOL_SOCKET, SO_BINDTODEVICE, s->ifname, (socklen_t)strlen(s->ifname)))
		return -1;
	return s->fd < 0 ? -1 : 0;
}

static unsigned random32(struct send *s)
{
	s->lcg = s->lcg * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(s->lcg >> 33);
}

/* The n-th packet's own addresses and ports. */
static struct frame_spec vary(struct send *s, unsigned n)
{
	struct frame_spec f = s->spec;
	size_t last = f.dst.family == AF_INET6 ? 15 : 3;

	f.id += n;
	if (s->flows)
		f.sport += n % s->flows;
	if (s->dflows)
		f.dport += (s->flows ? n / s->flows : n) % s->dflows;
	if (s->hosts) {
		unsigned low = f.dst.b[last] + (f.dst.b[last - 1] << 8) + n % s->hosts;

		f.dst.b[last] = (uint8_t)low;
		f.dst.b[last - 1] = (uint8_t)(low >> 8);
	}
	if (s->random_mac) {
		uint32_t r = random32(s);

		memcpy(f.smac + 2, &r, 4);
	}
	if (s->random_addr) {
		uint32_t r = random32(s);

		memcpy(f.src.b + last - 1, &r, 2);
	}
	if (s->random_port)
		f.sport = 1024 + random32(s) % 60000;
	return f;
}

/* Fills up to BATCH messages; their number. */
static unsigned fill(struct send *s, unsigned done, unsigned want, struct frame *frames, struct mmsghdr *msgs,
		     struct iovec *iov, struct sockaddr_storage *to)
{
	unsigned n = 0;

	while (want-- && n + 1 < BATCH) {
		struct frame_spec spec = vary(s, done++);
		struct frame pieces[2];
		int made = frame_build(&spec, pieces);

		for (int i = 0; i < made; i++, n++) {
			struct frame *f = &frames[n];
			size_t skip = s->via_ip ? pieces[i].link : 0;

			memcpy(f->room, pieces[i].at + skip, pieces[i].len - skip);
			iov[n] = (struct iovec){ f->room, pieces[i].len - skip };
			msgs[n].msg_hdr = (struct msghdr){ .msg_iov = &iov[n], .msg_iovlen = 1 };
			if (!s->via_ip)
				continue;
			msgs[n].msg_hdr.msg_namelen = sock_addr(&spec.dst, 0, &to[n]);
			msgs[n].msg_hdr.msg_name = &to[n];
		}
	}
	return n;
}

static int flush(struct send *s, struct mmsghdr *msgs, unsigned n)
{
	unsigned done = 0;

	while (done < n) {
		int got = sendmmsg(s->fd, msgs + done, n - done, 0);

		if (got > 0) {
			done += (unsigned)got;
			continue;
		}
		if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) {
			if (!s->quiet)
				perror("netprobe: send");
			return -1;
		}
		poll(&(struct pollfd){ .fd = s->fd, .events = POLLOUT }, 1, 1);
	}
	return 0;
}

static bool stop_wanted(const struct send *s)
{
	return poll(&(struct pollfd){ .fd = s->stop, .events = POLLIN }, 1, 0) > 0;
}

static int run(struct send *s, unsigned *ret_sent)
{
	static struct frame frames[BATCH];
	static struct mmsghdr msgs[BATCH];
	static struct iovec iov[BATCH];
	static struct sockaddr_storage to[BATCH];
	uint64_t begin = sock_now_ns(), end = s->seconds ? begin + s->seconds * 1000000000ull : UINT64_MAX;
	unsigned per_frame = s->spec.frag && strcmp(s->spec.frag, "first") && strcmp(s->spec.frag, "later") ? 2 : 1;

	for (*ret_sent = 0; *ret_sent < s->count && !stop_wanted(s);) {
		uint64_t now = sock_now_ns();
		unsigned want = s->count - *ret_sent, n;

		if (now >= end)
			break;
		if (s->rate) {
			uint64_t due = (now - begin) * s->rate / 1000000000u + 1;

			if (due <= *ret_sent) {
				sock_sleep_until_ns(begin + (uint64_t)*ret_sent * 1000000000u / s->rate + 200000);
				continue;
			}
			want = due - *ret_sent < want ? (unsigned)(due - *ret_sent) : want;
		}
		n = fill(s, *ret_sent, want, frames, msgs, iov, to);
		if (flush(s, msgs, n))
			return -1;
		*ret_sent += n / per_frame;
	}
	return 0;
}

int send_main(int argc, char **argv)
{
	static struct send s;
	static int stop = -1;
	unsigned sent = 0;
	int status;

	s = (struct send){ .fd = -1 };
	if (opt_parse(argc, argv, options, &s) != 0)
		return NETPROBE_USAGE;
	if (!s.count)
		s.count = s.seconds ? UINT32_MAX : 1;
	if (!s.spec.token) {
		frame_token(s.token);
		s.spec.token = s.token;
	}
	s.lcg = sock_now_ns();
	s.spec.id = s.spec.id ? s.spec.id : (unsigned)s.lcg & 0x7fff;
	stop = stop < 0 ? sock_stop_fd() : stop;
	s.stop = stop;
	if (frame_check(&s.spec) || (s.via_ip ? open_raw(&s) : open_packet(&s))) {
		close(s.fd);
		return NETPROBE_USAGE;
	}
	status = run(&s, &sent);
	printf("sent %u\n", sent);
	close(s.fd);
	return status ? NETPROBE_BROKEN : 0;
}

int sender_main(int argc, char **argv)
{
	char line[4096], *words[128];

	(void)argc;
	(void)argv;
	while (fgets(line, sizeof(line), stdin)) {
		int n = 0;
		char *rest = line, *w;

		while ((w = strsep(&rest, " \n")) && n < 128)
			if (*w)
				words[n++] = w;
		if (n)
			printf("done %d\n", send_main(n, words));
	}
	return 0;
}
