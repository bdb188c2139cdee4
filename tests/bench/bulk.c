/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bulk: one TCP stream as fast as it goes, by segments as large as the kernel makes them (GSO).
 *	bulk RX_NETNS ADDRESS PORT MEGABYTES
 * The receiver is a child in RX_NETNS that reads and forgets.  Prints "mbytes N cpu NS": the processor time of both ends with
 * all that the kernel did in their names, forwarding included. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char chunk[1 << 18];

static int64_t used_ns(int who)
{
	struct rusage r;

	getrusage(who, &r);
	return ((int64_t)r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000000 + ((int64_t)r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1000;
}

static int receive(const char *netns, const struct sockaddr_in *at, int ready)
{
	char path[64];
	int ns, fd, on = 1;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		return 2;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 || listen(fd, 1) < 0 || write(ready, "r", 1) != 1)
		return 2;
	alarm(30);
	fd = accept(fd, NULL, NULL);
	while (fd >= 0 && recv(fd, chunk, sizeof(chunk), 0) > 0)
		;
	return fd < 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	uint64_t left, all;
	int pipes[2], fd, status = 0;
	char c;

	if (argc != 5 || inet_pton(AF_INET, argv[2], &at.sin_addr) != 1 || pipe(pipes) < 0)
		return 2;
	at.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
	left = all = strtoull(argv[4], NULL, 10) << 20;
	if (fork() == 0)
		_exit(receive(argv[1], &at, pipes[1]));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	alarm(30);
	if (read(pipes[0], &c, 1) != 1 || connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
		perror("bulk");
		return 1;
	}
	while (left) {
		const ssize_t n = send(fd, chunk, left < sizeof(chunk) ? left : sizeof(chunk), 0);

		if (n <= 0)
			return 1;
		left -= (uint64_t)n;
	}
	close(fd);
	wait(&status);
	if (status)
		return 1;
	printf("mbytes %llu cpu %lld\n", (unsigned long long)(all >> 20), (long long)(used_ns(RUSAGE_SELF) + used_ns(RUSAGE_CHILDREN)));
	return 0;
}
