/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets, clocks and the wish to stop. */
#include "netns/sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

socklen_t sock_addr(const struct opt_addr *a, unsigned port, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->ss_family = (sa_family_t)a->family;
	if (a->family == AF_INET) {
		struct sockaddr_in *in = (void *)ret;

		in->sin_port = htons((uint16_t)port);
		memcpy(&in->sin_addr, a->b, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (void *)ret;

	in6->sin6_port = htons((uint16_t)port);
	memcpy(&in6->sin6_addr, a->b, 16);
	return sizeof(*in6);
}

int sock_port(const char *text, unsigned *ret)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!*text || *end || n == 0 || n > UINT16_MAX) {
		fprintf(stderr, "netprobe: bad port '%s'\n", text);
		return -1;
	}
	*ret = (unsigned)n;
	return 0;
}

int sock_buffer(int fd, bool receive)
{
	int bytes = SOCK_BUFFER;

	if (!setsockopt(fd, SOL_SOCKET, receive ? SO_RCVBUFFORCE : SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		return 0;
	return setsockopt(fd, SOL_SOCKET, receive ? SO_RCVBUF : SO_SNDBUF, &bytes, sizeof(bytes));
}

int sock_listen(int type, unsigned port)
{
	struct opt_addr any = { .family = AF_INET6 };
	struct sockaddr_storage at;
	socklen_t len = sock_addr(&any, port, &at);
	int zero = 0, one = 1, fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);

	if (fd >= 0 && !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) &&
	    !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) &&
	    !bind(fd, (void *)&at, len) && (type != SOCK_STREAM || !listen(fd, 128)))
		return fd;
	fprintf(stderr, "netprobe: port %u: %s\n", port, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

uint64_t sock_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void sock_sleep_until_ns(uint64_t when)
{
	struct timespec t = { .tv_sec = (time_t)(when / 1000000000u), .tv_nsec = (long)(when % 1000000000u) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

int sock_stop_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
