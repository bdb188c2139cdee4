/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Echo servers: any number of TCP and UDP ports of both families in one process.  Prints "ready". */
#include "netns/netprobe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netns/sock.h"

#define FDS 1024

enum role { STOP, LISTEN_TCP, ECHO_UDP, ECHO_TCP };

struct serve {
	struct pollfd fds[FDS];
	enum role role[FDS];
	unsigned n;
};

static int add(struct serve *s, int fd, enum role role)
{
	if (fd < 0 || s->n == FDS) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	s->role[s->n] = role;
	s->fds[s->n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	return 0;
}

static int add_port(struct serve *s, const char *word)
{
	bool tcp = !strncmp(word, "tcp:", 4);
	unsigned port;

	if ((!tcp && strncmp(word, "udp:", 4)) || sock_port(word + 4, &port)) {
		fprintf(stderr, "netprobe: expected tcp:PORT or udp:PORT, not '%s'\n", word);
		return -1;
	}
	return add(s, sock_listen(tcp ? SOCK_STREAM : SOCK_DGRAM, port), tcp ? LISTEN_TCP : ECHO_UDP);
}

static void echo_udp(int fd)
{
	char data[65536], control[256];
	struct sockaddr_storage from;
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);

	if (n < 0)
		return;
	iov.iov_len = (size_t)n;
	msg.msg_control = NULL;
	msg.msg_controllen = 0;
	if (sendmsg(fd, &msg, 0) < 0)
		perror("netprobe: answer");
}

/* False: the peer has gone. */
static bool echo_tcp(int fd)
{
	char data[65536];
	ssize_t n = recv(fd, data, sizeof(data), 0);

	for (ssize_t done = 0; done < n;) {
		ssize_t m = send(fd, data + done, (size_t)(n - done), MSG_NOSIGNAL);

		if (m <= 0)
			return false;
		done += m;
	}
	return n > 0;
}

static void turn(struct serve *s)
{
	for (unsigned i = 1; i < s->n; i++) {
		int fd = s->fds[i].fd;

		if (!s->fds[i].revents)
			continue;
		if (s->role[i] == LISTEN_TCP) {
			add(s, accept4(fd, NULL, NULL, SOCK_CLOEXEC), ECHO_TCP);
		} else if (s->role[i] == ECHO_UDP) {
			echo_udp(fd);
		} else if (!echo_tcp(fd)) {
			close(fd);
			s->n--;
			s->fds[i] = s->fds[s->n];
			s->role[i] = s->role[s->n];
			i--;
		}
	}
}

int serve_main(int argc, char **argv)
{
	static struct serve s;

	if (argc < 2) {
		fprintf(stderr, "netprobe: no ports\n");
		return NETPROBE_USAGE;
	}
	add(&s, sock_stop_fd(), STOP);
	for (int i = 1; i < argc; i++)
		if (add_port(&s, argv[i]))
			return NETPROBE_USAGE;
	puts("ready");
	while (poll(s.fds, s.n, -1) >= 0 || errno == EINTR) {
		if (s.fds[0].revents)
			return 0;
		turn(&s);
	}
	perror("netprobe: poll");
	return NETPROBE_USAGE;
}
