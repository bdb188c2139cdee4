/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: a message of conntrack's (an entry of a dump, an end), as the kernel's netlink socket gives it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kern/ctflow.h"

enum { SHIFT = 24, ROOM = 8192 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_Alignas(8) static uint8_t room[ROOM];
	struct ctflow f, untouched;
	enum ctflow_what what;

	if (len > ROOM)
		return 0;
	memset(&untouched, 0xa5, sizeof(untouched));
	f = untouched;
	memcpy(room, data, len);
	what = ctflow_parse(room, len, SHIFT, &f);
	if (what == CTFLOW_NONE) {
		if (memcmp(&f, &untouched, sizeof(f)) != 0)
			abort();
		return 0;
	}
	/* What is told carries our allow (bit 0, also where it may be offloaded), and has two ends of one family. */
	if (!(f.mark >> SHIFT & 1) || (f.from.family != 4 && f.from.family != 6) || f.from.family != f.to.family || !f.proto)
		abort();
	if (!f.has_counts && (f.packets[0] | f.packets[1] | f.bytes[0] | f.bytes[1]))
		abort();
	return 0;
}
