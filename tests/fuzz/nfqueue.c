/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: a message of the queue, as the kernel's netlink socket gives it. */
#include <stdint.h>
#include <stdlib.h>

#include "kern/nfq.h"

enum { QUEUE = 100 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct nfq_packet p;
	int code;

	if (!nfq_parse(data, len, QUEUE, &p, &code))
		return 0;
	if (code || p.caplen > len || p.bytes < p.caplen)
		abort();
	/* Whole means: it can be answered, and there is something to judge. */
	if (!p.malformed && !(p.has_id && p.payload))
		abort();
	if (p.payload && (p.payload < data || p.payload + p.caplen > data + len))
		abort();
	return 0;
}
