/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scale: how much processor time a reload takes at the limits of scale, part by part, as one JSON line.
 *	scale DIR [DIVISOR]
 * Makes a policy in DIR: 64 guarded interfaces, 100,000 devices with bindings, 10,000 hosts of ten prefixes each, 10,000 rules (each
 * number divided by DIVISOR), and puts it in force twice in this network namespace, which must be nobody else's: the second time
 * is a reload.  The transaction is the time within sendmsg, in which the kernel does all of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/now.h"
#include "base/qs.h"
#include "kern/nl.h"
#include "kern/probe.h"
#include "policy/policy.h"
#include "run/fence.h"
#include "run/ifaces.h"
#include "run/judge.h"
#include "run/paths.h"

enum { ZONES = 64, DEVICES = 100000, HOSTS = 10000, PREFIXES = 10, RULES = 10000 };

struct took { double read_ms, build_ms, table_ms, transaction_ms; };

static int64_t in_kernel_ns;

/* Of this process, in the kernel too: other work on the machine does not count. */
static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* In front of libc's. */
ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	const int64_t begin = cpu_ns();
	const ssize_t n = syscall(SYS_sendmsg, fd, m, flags);

	in_kernel_ns += cpu_ns() - begin;
	return n;
}

static void write_devices(const char *path, unsigned n)
{
	struct buf b;
	struct err e;

	buf_init(&b);
	buf_str(&b, "name,macs,addresses,tags\n");
	for (unsigned i = 0; i < n; i++)
		buf_printf(&b, "d%u,ac:cc:8e:%02x:%02x:%02x,10.%u.%u.%u,t%u\n", i, i >> 16, i >> 8 & 255, i & 255, 64 + i % ZONES,
			   i / ZONES / 250, 1 + i / ZONES % 250, i % 16);
	if (file_replace(path, buf_cstr(&b), b.len, 0600, &e) < 0)
		exit(2);
	buf_fini(&b);
}

static void write_policy(const char *path, unsigned hosts, unsigned rules)
{
	struct buf b;
	struct err e;

	buf_init(&b);
	buf_str(&b, "version: 1\nsite: { name: scale }\npacks: [uk-nil]\ninventory: [devices.csv]\nzones:\n");
	for (unsigned i = 0; i < ZONES; i++)
		buf_printf(&b, "  z%u: { interfaces: [cam%u], networks: [10.%u.0.0/16], guarded: true }\n", i, i, 64 + i);
	buf_str(&b, "  core: { interfaces: [core0], networks: [172.16.0.0/12] }\ngroups:\n  restricted: { packs: [uk-nil] }\nhosts:\n");
	for (unsigned i = 0; i < hosts; i++) {
		buf_printf(&b, "  h%u: { networks: [", i);
		for (unsigned k = 0; k < PREFIXES; k++) {
			const unsigned n = (i * PREFIXES + k) * 2;

			buf_printf(&b, "%s172.%u.%u.%u/32", k ? ", " : "", 16 + (n >> 16), n >> 8 & 255, n & 255);
		}
		buf_str(&b, "] }\n");
	}
	buf_str(&b, "restrict:\n  - { id: isolated, group: restricted }\nrules:\n");
	for (unsigned i = 0; i < rules; i++)
		buf_printf(&b, "  - { id: r%u, from: z%u, to: h%u, services: [tcp/%u], action: allow }\n", i, i % ZONES, i % hosts,
			   1000 + i % 200);
	buf_str(&b, "default: drop\n");
	if (file_replace(path, buf_cstr(&b), b.len, 0600, &e) < 0)
		exit(2);
	buf_fini(&b);
}

static double ms_since(int64_t begin)
{
	return (double)(cpu_ns() - begin) / 1e6;
}

static struct judge *make(const char *path, struct took *t)
{
	struct paths_data store;
	const struct policy_paths paths = paths_policy(getenv("RINGFENCE_DATA"), &store);
	int64_t begin = cpu_ns();
	struct diag *d = diag_new();
	struct policy *p = policy_load(path, &paths, now_wall_ns(), d);
	struct judge *j;
	struct buf text;
	struct err e;

	if (!p) {
		buf_init(&text);
		diag_text(d, false, &text);
		fprintf(stderr, "%.2000s\n", buf_cstr(&text));
		exit(1);
	}
	diag_free(d);
	t->read_ms = ms_since(begin);
	begin = cpu_ns();
	j = judge_new(p, NULL, now_wall_ns(), &e);
	t->build_ms = ms_since(begin);
	if (!j) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	return j;
}

static void put(struct fence *f, struct judge *j, unsigned generation, struct took *t)
{
	const struct ifaces none = { 0 };
	const int64_t begin = cpu_ns();
	struct err e;

	j->generation = generation;
	in_kernel_ns = 0;
	if (fence_send(f, j, &none, false, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	t->table_ms = ms_since(begin);
	t->transaction_ms = (double)in_kernel_ns / 1e6;
}

static struct fence *open_fence(void)
{
	struct fence_options o = { .queue = 100, .queues = 1, .nflog_group = 100 };
	struct probe probe;
	struct fence *f;
	struct nl *n = NULL;
	struct err e;

	if (nl_open(NL_NETFILTER, NULL, &n, &e) < 0 || probe_run(n, &probe, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(2);
	}
	nl_free(n);
	o.native_queue = probe.has[PROBE_QUEUE];
	f = fence_new(&o, &e);
	if (!f)
		exit(2);
	return f;
}

int main(int argc, char **argv)
{
	const unsigned by = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
	char policy[PATHS_MAX], devices[PATHS_MAX];
	struct judge *first, *second;
	struct took t0, t;
	struct rusage used;
	struct fence *f;

	if (argc < 2 || !by)
		return 2;
	write_devices(paths_join(argv[1], "devices.csv", devices), DEVICES / by);
	write_policy(paths_join(argv[1], "scale.yaml", policy), HOSTS / by, RULES / by);
	qs_thread_begin();
	f = open_fence();
	first = make(policy, &t0);
	put(f, first, 1, &t0);
	second = make(policy, &t);
	put(f, second, 2, &t);
	getrusage(RUSAGE_SELF, &used);
	printf("{\"bench\":\"scale\",\"rules\":%u,\"devices\":%u,\"prefixes\":%u,\"interfaces\":%u,\"read_ms\":%.0f,\"build_ms\":%.0f,"
	       "\"table_ms\":%.0f,\"transaction_ms\":%.0f,\"first_transaction_ms\":%.0f,\"reload_ms\":%.0f,\"peak_mib\":%ld}\n",
	       RULES / by, DEVICES / by, HOSTS / by * PREFIXES, ZONES, t.read_ms, t.build_ms, t.table_ms, t.transaction_ms,
	       t0.transaction_ms, t.read_ms + t.build_ms + t.table_ms, used.ru_maxrss / 1024);
	judge_free(first);
	fence_free(f);
	judge_free(second);
	qs_thread_end();
	return 0;
}
