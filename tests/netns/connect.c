/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens a connection to an echo server, sends bytes, reads them back; in rounds, so that a flow can
 * be watched while a policy changes under it.  Prints "round N" after each, and at last one word:
 * connected, timeout, refused, icmp or broken.  The exit status says the same (netprobe.h). */
#include "netns/netprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netns/sock.h"

#define CHUNK 65536

struct connect {
	bool udp;
	struct opt_addr to, bind;
	const char *text;		/* sent before the rounds; its echo is read */
	unsigned port, bind_port, bytes, rounds, pause_ms, timeout_ms;
	int fd;
};

static const struct opt options[] = {
	{ "udp", OPT_FLAG, offsetof(struct connect, udp) },
	{ "bind", OPT_ADDR, offsetof(struct connect, bind) },
	{ "bind-port", OPT_UINT, offsetof(struct connect, bind_port) },
	{ "send", OPT_UINT, offsetof(struct connect, bytes) },
	{ "text", OPT_STR, offsetof(struct connect, text) },
	{ "rounds", OPT_UINT, offsetof(struct connect, rounds) },
	{ "pause-ms", OPT_UINT, offsetof(struct connect, pause_ms) },
	{ "timeout-ms", OPT_UINT, offsetof(struct connect, timeout_ms) },
	{ NULL, OPT_FLAG, 0 },
};

static int status_of(int error)
{
	switch (error) {
	case 0:
		return NETPROBE_CONNECTED;
	case ECONNREFUSED:
	case ECONNRESET:
		return NETPROBE_REFUSED;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EACCES:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
		return NETPROBE_ICMP;
	case ETIMEDOUT:
	case EAGAIN:
		return NETPROBE_TIMEOUT;
	default:
		return NETPROBE_BROKEN;
	}
}

/* Waits for events until the deadline; 0, or an errno. */
static int await(const struct connect *c, short events, uint64_t deadline)
{
	for (;;) {
		uint64_t now = sock_now_ns();
		struct pollfd p = { .fd = c->fd, .events = events };

		if (now >= deadline)
			return ETIMEDOUT;
		if (poll(&p, 1, (int)((deadline - now) / 1000000 + 1)) > 0)
			return 0;
	}
}

static int socket_error(const struct connect *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

static int open_flow(struct connect *c, uint64_t deadline)
{
	struct sockaddr_storage at;
	socklen_t len;
	int one = 1, error;

	c->fd = socket(c->to.family, (c->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (c->bind.family || c->bind_port) {
		if (!c->bind.family)
			c->bind.family = c->to.family;
		len = sock_addr(&c->bind, c->bind_port, &at);
		if (bind(c->fd, (void *)&at, len)) {
			perror("netprobe: bind");
			return EINVAL;
		}
	}
	len = sock_addr(&c->to, c->port, &at);
	if (!connect(c->fd, (void *)&at, len))
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	error = await(c, POLLOUT, deadline);
	return error ? error : socket_error(c);
}

/* Sends one round and reads it back; 0, or an errno (EPROTO: the echo differs, EPIPE: closed). */
static int round_trip(struct connect *c, uint64_t deadline)
{
	static char out[CHUNK], in[CHUNK];
	unsigned sent = 0, got = 0;

	for (unsigned i = 0; i < CHUNK; i++)
		out[i] = (char)(i * 31 + i / 251);
	while (got < c->bytes) {
		ssize_t n;
		int error = await(c, (short)(POLLIN | (sent < c->bytes ? POLLOUT : 0)), deadline);

		if (error)
			return error;
		if (sent < c->bytes) {
			size_t at = sent % CHUNK, room = CHUNK - at;

			n = send(c->fd, out + at, c->bytes - sent < room ? c->bytes - sent : room, MSG_NOSIGNAL);
			if (n < 0 && errno != EAGAIN)
				return errno;
			sent += n > 0 ? (unsigned)n : 0;
		}
		n = recv(c->fd, in, CHUNK - got % CHUNK, 0);
		if (n < 0 && errno == EAGAIN)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EPIPE;
		if (memcmp(in, out + got % CHUNK, (size_t)n))
			return EPROTO;
		got += (unsigned)n;
	}
	return 0;
}

/* One line, CR and LF added, for what reads protocols (connection trackers). */
static int say(struct connect *c)
{
	char line[512];
	int len = snprintf(line, sizeof(line), "%s\r\n", c->text), got = 0;
	uint64_t deadline = sock_now_ns() + c->timeout_ms * 1000000ull;

	if (len >= (int)sizeof(line) || send(c->fd, line, (size_t)len, MSG_NOSIGNAL) != len)
		return -1;
	while (got < len) {
		ssize_t n;

		if (await(c, POLLIN, deadline))
			return -1;
		n = recv(c->fd, line, sizeof(line), 0);
		if (n <= 0)
			return -1;
		got += (int)n;
	}
	return 0;
}

static int finish(int status)
{
	static const char *const word[] = { "connected", "timeout", "refused", "icmp", "usage", "broken" };

	puts(word[status]);
	return status;
}

int connect_main(int argc, char **argv)
{
	static struct connect c = { .bytes = 64, .rounds = 1, .timeout_ms = 10000, .fd = -1 };
	int error;

	if (opt_parse(argc, argv, options, &c) != 2 || opt_addr(argv[1], &c.to) || sock_port(argv[2], &c.port)) {
		fprintf(stderr, "netprobe: connect ADDRESS PORT [options]\n");
		return NETPROBE_USAGE;
	}
	error = open_flow(&c, sock_now_ns() + c.timeout_ms * 1000000ull);
	if (error)
		return finish(status_of(error));
	if (c.text && say(&c))
		return finish(NETPROBE_BROKEN);
	for (unsigned i = 1; i <= c.rounds; i++) {
		error = round_trip(&c, sock_now_ns() + c.timeout_ms * 1000000ull);
		if (error)
			return finish(c.udp || error == ETIMEDOUT ? status_of(error) : NETPROBE_BROKEN);
		printf("round %u\n", i);
		if (c.pause_ms && i < c.rounds)
			sock_sleep_until_ns(sock_now_ns() + c.pause_ms * 1000000ull);
	}
	return finish(NETPROBE_CONNECTED);
}
