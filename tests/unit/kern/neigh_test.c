/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kern/neigh.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit/suite.h"

struct seen {
	unsigned n;
	char text[256];
};

static int note(void *arg, const struct neigh *n)
{
	struct seen *s = arg;
	char mac[ADDR_MAC_TEXT], addr[ADDR_TEXT];
	size_t at = strlen(s->text);

	s->n++;
	snprintf(s->text + at, sizeof(s->text) - at, "%s %s;", addr_mac_text(&n->mac, mac, sizeof(mac)),
		 addr_text(&n->addr, addr, sizeof(addr)));
	return 0;
}

enum { PATIENCE = 300 };

static int ends(const char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	ck_assert(waitpid(pid, &status, 0) == pid);
	return status;
}

/* The machine has one table of neighbours for all namespaces: others may have filled it for some seconds (no buffer space). */
static void run(const char *const argv[])
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	int status = ends(argv);

	for (unsigned i = 0; status && i < PATIENCE; i++) {
		nanosleep(&pause, NULL);
		status = ends(argv);
	}
	ck_assert_int_eq(status, 0);
}

/* In a network namespace of its own: entries of both families, and none that failed. */
START_TEST(reads_both_families)
{
	struct seen s = { 0 };
	struct err e = { 0 };

	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		return;                         /* not root: CI is */
	run((const char *const[]){ "ip", "link", "add", "rf0", "type", "veth", "peer", "name", "rf1", NULL });
	run((const char *const[]){ "ip", "link", "set", "rf0", "up", NULL });
	run((const char *const[]){ "ip", "neigh", "add", "10.9.0.2", "lladdr", "44:19:b6:00:00:01", "dev", "rf0", NULL });
	run((const char *const[]){ "ip", "-6", "neigh", "add", "fd00::2", "lladdr", "ac:cc:8e:00:00:02", "dev", "rf0", NULL });
	run((const char *const[]){ "ip", "neigh", "add", "10.9.0.3", "dev", "rf0", "nud", "failed", NULL });
	ck_assert_msg(neigh_each(note, &s, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(s.n, 2);
	ck_assert_ptr_nonnull(strstr(s.text, "44:19:b6:00:00:01 10.9.0.2;"));
	ck_assert_ptr_nonnull(strstr(s.text, "ac:cc:8e:00:00:02 fd00::2;"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("neigh");

	tcase_add_test(tc, reads_both_families);
	return suite_run(tc);
}
