/* SPDX-License-Identifier: GPL-2.0-or-later */
/* space: a network namespace of the test's own, and commands run in it.  The test is skipped (exit status 77) without root. */
#ifndef UNIT_KERN_SPACE_H
#define UNIT_KERN_SPACE_H

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

enum { SPACE_WORDS = 200 };

/* One command's words, up to a ';' outside quotes; returns what is behind it.  'single quotes' keep a word together. */
static inline char *space_words(char *at, char **words)
{
	size_t n = 0;
	char *out = at;

	while (*at && *at != ';' && n < SPACE_WORDS) {
		bool quoted = false;

		while (*at == ' ')
			at++;
		if (!*at || *at == ';')
			break;
		for (words[n++] = out; *at && (quoted || (*at != ' ' && *at != ';')); at++)
			if (*at == '\'')
				quoted = !quoted;
			else
				*out++ = *at;
		if (*at == ';') {
			*out = '\0';
			words[n] = NULL;
			return at + 1;
		}
		if (*at)
			at++;
		*out++ = '\0';
	}
	words[n] = NULL;
	return *at ? at + 1 : at;
}

static inline int space_run_one(struct buf *out, char *const *words)
{
	char chunk[4096];
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe(fds) < 0)
		return -1;
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		execvp(words[0], words);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], chunk, sizeof(chunk))) > 0)
		if (out)
			buf_add(out, chunk, (size_t)n);
	close(fds[0]);
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs commands ("a b; c 'd e'") until one fails, with their output into *out (or NULL: away); returns the last exit status. */
static inline int space_run(struct buf *out, const char *commands)
{
	char *copy = strdup(commands), *at = copy, *words[SPACE_WORDS + 1];
	int rc = 0;

	while (copy && !rc && *at) {
		at = space_words(at, words);
		if (words[0])
			rc = space_run_one(out, words);
	}
	free(copy);
	return copy ? rc : -1;
}

/* Another namespace, loopback up; its descriptor. */
static inline int space_new(void)
{
	int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), there;

	if (here < 0 || unshare(CLONE_NEWNET) < 0 || space_run(NULL, "ip link set lo up"))
		abort();
	there = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (there < 0 || setns(here, CLONE_NEWNET) < 0)
		abort();
	close(here);
	return there;
}

/* Go there; returns the way back, for space_back. */
static inline int space_go(int there)
{
	int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (here < 0 || setns(there, CLONE_NEWNET) < 0)
		abort();
	return here;
}

static inline void space_back(int here)
{
	if (setns(here, CLONE_NEWNET) < 0)
		abort();
	close(here);
}

/* For main, before the suite: 0, or what main is to return. */
static inline int space_allowed(void)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid)
		_exit(unshare(CLONE_NEWNET) < 0);
	waitpid(pid, &status, 0);
	if (!status)
		return 0;
	printf("needs root: network namespaces cannot be made\n");
	return 77;
}

/* For the fixture of each (forked) test. */
static inline void space_enter(void)
{
	if (unshare(CLONE_NEWNET) < 0 || space_run(NULL, "ip link set lo up"))
		abort();
}

#endif
