/* SPDX-License-Identifier: GPL-2.0-or-later */
/* receiver: a stub in a process of its own on loopback.  Each connection's bytes go to a file of their own in the scratch directory
 * (recv-PID-N), so that what a broken connection left half is seen as such. */
#ifndef TESTS_UNIT_SHIP_RECEIVER_H
#define TESTS_UNIT_SHIP_RECEIVER_H

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "unit/store/scratch.h"

enum { RECEIVER_CONNECTIONS = 64 };

static inline int receiver_listen(unsigned *port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)*port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, small = 4096;
	socklen_t len = sizeof(sa);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	*port = ntohs(sa.sin_port);
	return fd;
}

static inline void receiver_loop(int listener, bool reads)
{
	struct pollfd fds[RECEIVER_CONNECTIONS + 1] = { { .fd = listener, .events = POLLIN } };
	int files[RECEIVER_CONNECTIONS + 1], n = 1;
	char bytes[1500], name[64];

	for (;;) {
		poll(fds, (nfds_t)n, -1);
		if (fds[0].revents && n <= RECEIVER_CONNECTIONS) {
			fds[n] = (struct pollfd){ .fd = accept(listener, NULL, NULL), .events = reads ? POLLIN : 0 };
			snprintf(name, sizeof(name), "recv-%d-%d", (int)getpid(), n);
			files[n++] = open(scratch_path(name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		}
		for (int i = 1; i < n; i++) {
			ssize_t got = fds[i].revents & POLLIN ? recv(fds[i].fd, bytes, sizeof(bytes), 0) : 0;

			if (got > 0)
				(void)!write(files[i], bytes, (size_t)got);
			else if (fds[i].revents) {
				close(fds[i].fd);
				fds[i].fd = -1;
			}
		}
	}
}

/* port 0: any; set to the one taken.  reads false: it takes connections and never a byte. */
static inline pid_t receiver_start(unsigned *port, bool reads)
{
	int fd = receiver_listen(port);
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		receiver_loop(fd, reads);
	}
	close(fd);
	return pid;
}

static inline void receiver_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* --- what came --- */

struct received {
	unsigned times[100001];         /* how often each sequence number came */
	unsigned frames, losses, torn, max;
	uint64_t lost;                  /* events that loss messages tell of */
};

static inline void received_message(struct received *r, const char *text)
{
	const char *seq = strstr(text, "\"sequence\":"), *lost = strstr(text, "\"events\":"), *loss = strstr(text, "\"code\":\"loss\"");
	unsigned long n = seq ? strtoul(seq + 11, NULL, 10) : 0;

	r->frames++;
	if (loss && lost && !seq) {
		r->losses++;
		r->lost += strtoul(lost + 9, NULL, 10);
	}
	ck_assert_uint_le(n, 100000);
	if (seq)
		r->times[n]++;
	r->max = seq && n > r->max ? (unsigned)n : r->max;
}

static inline char *received_slurp(const char *path, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text;

	ck_assert_int_ge(fd, 0);
	fstat(fd, &st);
	text = calloc(1, (size_t)st.st_size + 1);
	ck_assert_int_eq(read(fd, text, (size_t)st.st_size), st.st_size);
	close(fd);
	*ret_len = (size_t)st.st_size;
	return text;
}

static inline void received_octets(struct received *r, const char *path)
{
	size_t len, at = 0;
	char *text = received_slurp(path, &len);

	while (at < len) {
		char *end, saved;
		unsigned long n = strtoul(text + at, &end, 10);
		size_t start = (size_t)(end - text) + 1;

		if (start + n > len) {          /* cut by the end of the connection */
			r->torn++;
			break;
		}
		ck_assert_msg(*end == ' ' && n > 100 && n <= 8096, "no frame at %zu of %s: %.40s", at, path, text + at);
		saved = text[start + n];
		text[start + n] = '\0';
		received_message(r, text + start);
		text[start + n] = saved;
		at = start + n;
	}
	free(text);
}

static inline void received_lines(struct received *r, const char *path)
{
	size_t len;
	char *text = received_slurp(path, &len), *line = text;

	/* Not strchr: with strict_string_checks the sanitizer measures the whole rest for each line. */
	for (char *end; (end = memchr(line, '\n', len - (size_t)(line - text))); line = end + 1) {
		*end = '\0';
		received_message(r, line);
	}
	r->torn += *line != '\0';
	free(text);
}

/* Everything that came in files whose names begin so. */
static inline struct received *received_all(const char *prefix, bool octets)
{
	struct received *r = calloc(1, sizeof(*r));
	DIR *d = opendir(scratch);

	for (struct dirent *x; (x = readdir(d)); )
		if (strncmp(x->d_name, prefix, strlen(prefix)) == 0)
			(octets ? received_octets : received_lines)(r, scratch_path(x->d_name));
	closedir(d);
	return r;
}

/* How many of 1..n did not come. */
static inline unsigned received_missing(const struct received *r, unsigned n)
{
	unsigned missing = 0;

	for (unsigned i = 1; i <= n; i++)
		missing += r->times[i] == 0;
	return missing;
}

/* Wait until all of 1..n have come (or 20 s are over); how many are missing then. */
static inline unsigned received_wait(const char *prefix, bool octets, unsigned n)
{
	unsigned missing = n;

	for (int i = 0; i < 400 && missing; i++) {
		struct received *r = received_all(prefix, octets);

		missing = received_missing(r, n);
		free(r);
		if (missing)
			usleep(50000);
	}
	return missing;
}

#endif
