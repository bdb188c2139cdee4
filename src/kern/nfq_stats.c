/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfq_stats: the kernel's own count of a queue. */
#include "kern/nfq.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PROC_BYTES = 16 * 1024 };

int nfq_stats_open(struct err *e)
{
	int fd = open("/proc/net/netfilter/nfnetlink_queue", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, errno, "cannot open the kernel's list of queues") : fd;
}

int nfq_stats_read(int fd, uint16_t queue, struct nfq_stats *ret, struct err *e)
{
	char text[PROC_BYTES];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	memset(ret, 0, sizeof(*ret));
	if (n < 0)
		return err_sys(e, errno, "cannot read the kernel's list of queues");
	text[n] = '\0';
	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		struct nfq_stats s = { .found = true };
		unsigned number;

		if (sscanf(line, "%u %" SCNu32 " %" SCNu64 " %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64, &number, &s.portid,
			   &s.waiting, &s.dropped_full, &s.dropped_socket, &s.id_sequence) == 6 && number == queue)
			*ret = s;
	}
	return 0;
}
