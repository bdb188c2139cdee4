/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A steady stream of numbered packets through real sockets, and its exact receiver.
 * UDP: each packet carries its flow and its number there; the receiver keeps one bit per packet, so
 * that lost, reordered and duplicated are facts.  lost = sent - unique - overruns.
 * TCP: numbered records of one size; a gap can't happen, so the sender reports what the kernel had
 * to send again, and a cut connection is exit status 5.
 * Both sides run until --seconds, the end of stdin, or a signal. */
#include "netns/netprobe.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netns/sock.h"

#define MAGIC 0x72696e67u
#define BATCH 64
#define FLOWS 4096
#define SIZE_MAX_BYTES 1400

struct record {
	uint32_t magic, flow, number, pad;
};

struct stream {
	struct opt_addr to, bind;
	unsigned port, bind_port, rate, seconds, flows, size;
	bool tcp;
	int fd[FLOWS];
	int stop;
};

struct seen {
	uint8_t *bits;
	uint32_t room;			/* numbers that bits can hold */
	uint32_t next;			/* highest number + 1 */
};

static const struct opt options[] = {
	{ "tcp", OPT_FLAG, offsetof(struct stream, tcp) },
	{ "rate", OPT_UINT, offsetof(struct stream, rate) },
	{ "seconds", OPT_UINT, offsetof(struct stream, seconds) },
	{ "flows", OPT_UINT, offsetof(struct stream, flows) },
	{ "size", OPT_UINT, offsetof(struct stream, size) },
	{ "bind", OPT_ADDR, offsetof(struct stream, bind) },
	{ "bind-port", OPT_UINT, offsetof(struct stream, bind_port) },
	{ NULL, OPT_FLAG, 0 },
};

static bool stop_wanted(const struct stream *s, int wait_ms)
{
	struct pollfd p[2] = { { .fd = s->stop, .events = POLLIN },
			       { .fd = s->seconds ? -1 : STDIN_FILENO, .events = POLLIN } };
	char line[64];

	if (poll(p, 2, wait_ms) <= 0)
		return false;
	return p[0].revents || (p[1].revents && read(STDIN_FILENO, line, sizeof(line)) <= 0);
}

static int open_flow(struct stream *s, unsigned i)
{
	struct sockaddr_storage at;
	socklen_t len;
	int one = 1;

	s->fd[i] = socket(s->to.family, (s->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	if (s->fd[i] < 0)
		return -1;
	setsockopt(s->fd[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (s->bind.family || s->bind_port) {
		if (!s->bind.family)
			s->bind.family = s->to.family;
		len = sock_addr(&s->bind, s->bind_port ? s->bind_port + i : 0, &at);
		if (bind(s->fd[i], (void *)&at, len))
			return -1;
	}
	len = sock_addr(&s->to, s->port, &at);
	return connect(s->fd[i], (void *)&at, len);
}

/* Packet n belongs to flow n % flows and is its n / flows-th. */
static int send_one(struct stream *s, uint64_t n)
{
	static char data[SIZE_MAX_BYTES];
	struct record r = { .magic = MAGIC, .flow = (uint32_t)(n % s->flows), .number = (uint32_t)(n / s->flows) };

	memcpy(data, &r, sizeof(r));
	for (;;) {
		ssize_t done = send(s->fd[r.flow], data, s->size, MSG_NOSIGNAL);

		if (done == (ssize_t)s->size)
			return 0;
		/* An ICMP error about an earlier packet is not about this one. */
		if (done >= 0 || s->tcp || (errno != ECONNREFUSED && errno != EHOSTUNREACH && errno != EACCES &&
					    errno != ENOBUFS && errno != ENETUNREACH))
			return -1;
	}
}

static void report_sent(struct stream *s, uint64_t sent)
{
	printf("sent %llu\n", (unsigned long long)sent);
	for (unsigned i = 0, again = 0; s->tcp && i < s->flows; i++) {
		struct tcp_info info = {};
		socklen_t len = sizeof(info);

		if (!getsockopt(s->fd[i], IPPROTO_TCP, TCP_INFO, &info, &len))
			again += info.tcpi_total_retrans;
		if (i + 1 == s->flows)
			printf("retransmitted %u\n", again);
	}
}

int stream_send_main(int argc, char **argv)
{
	static struct stream s = { .rate = 1000, .flows = 1, .size = 64 };
	uint64_t begin, now, sent = 0;
	int status = 0;

	if (opt_parse(argc, argv, options, &s) != 2 || opt_addr(argv[1], &s.to) || sock_port(argv[2], &s.port) ||
	    !s.rate || !s.flows || s.flows > FLOWS || s.size < sizeof(struct record) || s.size > SIZE_MAX_BYTES)
		return NETPROBE_USAGE;
	s.stop = sock_stop_fd();
	for (unsigned i = 0; i < s.flows; i++)
		if (open_flow(&s, i)) {
			fprintf(stderr, "netprobe: flow %u: %s\n", i, strerror(errno));
			return errno == ECONNREFUSED ? NETPROBE_REFUSED : NETPROBE_TIMEOUT;
		}
	puts("ready");
	begin = sock_now_ns();
	do {
		uint64_t due;

		now = sock_now_ns();
		due = (now - begin) * s.rate / 1000000000u + 1;
		due = due < sent + BATCH ? due : sent + BATCH;
		for (; sent < due && !status; sent++)
			if (send_one(&s, sent)) {
				fprintf(stderr, "netprobe: send: %s\n", strerror(errno));
				status = NETPROBE_BROKEN;
				break;
			}
		sock_sleep_until_ns(begin + sent * 1000000000u / s.rate);
	} while (!status && !stop_wanted(&s, 0) && (!s.seconds || now < begin + s.seconds * 1000000000ull));
	report_sent(&s, sent);
	return status;
}

struct recv {
	struct stream s;
	struct seen flow[FLOWS];
	unsigned long long received, unique, reordered, duplicated, foreign, overruns;
};

static int grow(struct seen *f, uint32_t number)
{
	uint32_t room = f->room ? f->room : 65536;
	uint8_t *bits;

	while (room <= number)
		room *= 2;
	if (room == f->room)
		return 0;
	bits = realloc(f->bits, room / 8);
	if (!bits)
		return -1;
	memset(bits + f->room / 8, 0, (room - f->room) / 8);
	f->bits = bits;
	f->room = room;
	return 0;
}

static void note(struct recv *r, const char *data, size_t len)
{
	struct record rec;
	struct seen *f;

	if (len < sizeof(rec) || (memcpy(&rec, data, sizeof(rec)), rec.magic != MAGIC) || rec.flow >= FLOWS ||
	    rec.number > 1u << 30 || grow(&r->flow[rec.flow], rec.number)) {
		r->foreign++;
		return;
	}
	f = &r->flow[rec.flow];
	r->received++;
	if (f->bits[rec.number / 8] & 1u << rec.number % 8) {
		r->duplicated++;
		return;
	}
	f->bits[rec.number / 8] |= (uint8_t)(1u << rec.number % 8);
	r->unique++;
	if (rec.number + 1 < f->next)
		r->reordered++;
	else
		f->next = rec.number + 1;
}

static void drain_udp(struct recv *r, int fd)
{
	static char room[BATCH][2048], control[BATCH][64];
	struct iovec iov[BATCH];
	struct mmsghdr msgs[BATCH] = {};
	int got;

	do {
		for (int i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){ room[i], sizeof(room[i]) };
			msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1,
							   .msg_control = control[i], .msg_controllen = sizeof(control[i]) };
		}
		got = recvmmsg(fd, msgs, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < got; i++) {
			struct cmsghdr *cm = CMSG_FIRSTHDR(&msgs[i].msg_hdr);

			if (cm && cm->cmsg_type == SO_RXQ_OVFL) {
				uint32_t lost;

				memcpy(&lost, CMSG_DATA(cm), sizeof(lost));
				r->overruns = lost;
			}
			note(r, room[i], msgs[i].msg_len);
		}
	} while (got == BATCH);
}

/* Reads whole records of 64 bytes, the default size; false at the end of the connection. */
static bool drain_tcp(struct recv *r, int fd)
{
	char data[64];
	ssize_t n = recv(fd, data, sizeof(data), MSG_WAITALL);

	if (n == (ssize_t)sizeof(data))
		note(r, data, sizeof(data));
	return n > 0;
}

static void report_received(const struct recv *r)
{
	printf("received %llu\nunique %llu\nreordered %llu\nduplicated %llu\nforeign %llu\noverruns %llu\n", r->received,
	       r->unique, r->reordered, r->duplicated, r->foreign, r->overruns);
}

static int receive(struct recv *r, int listener)
{
	struct pollfd p[3 + 64] = { { .fd = r->s.stop, .events = POLLIN },
				    { .fd = r->s.seconds ? -1 : STDIN_FILENO, .events = POLLIN },
				    { .fd = listener, .events = POLLIN } };
	unsigned n = 3;

	for (;;) {
		if (poll(p, n, -1) < 0)
			return NETPROBE_USAGE;
		if (p[2].revents && !r->s.tcp)
			drain_udp(r, listener);
		if (p[2].revents && r->s.tcp && n < sizeof(p) / sizeof(*p))
			p[n++] = (struct pollfd){ .fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), .events = POLLIN };
		for (unsigned i = 3; i < n; i++)
			if (p[i].revents && !drain_tcp(r, p[i].fd)) {
				close(p[i].fd);
				p[i--] = p[--n];
			}
		if ((p[0].revents || p[1].revents) && stop_wanted(&r->s, 0))
			break;
	}
	if (!r->s.tcp)
		drain_udp(r, listener);
	report_received(r);
	return 0;
}

int stream_recv_main(int argc, char **argv)
{
	static struct recv r;
	int fd, one = 1;

	if (opt_parse(argc, argv, options, &r.s) != 1 || sock_port(argv[1], &r.s.port))
		return NETPROBE_USAGE;
	r.s.stop = sock_stop_fd();
	fd = sock_listen(r.s.tcp ? SOCK_STREAM : SOCK_DGRAM, r.s.port);
	if (fd < 0 || sock_buffer(fd, true) || setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one)))
		return NETPROBE_USAGE;
	puts("ready");
	return receive(&r, fd);
}
