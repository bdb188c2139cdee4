/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hit: what a worker hands on: a decision worth telling (to the recorder), or a source worth verifying (to the main thread).
 * Fixed-size records for rings.  judge is kept alive by the main thread until the recorder has drained what points to it. */
#ifndef RUN_HIT_H
#define RUN_HIT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/prog.h"
#include "net/pkt.h"

struct judge;

struct hit {
	const struct judge *judge;
	struct verdict verdict;
	struct pkt pkt;
	uint32_t sent_mark;                     /* the answer's 8 bits; 0: nobody waited (a copy) */
};

/* A source that is not verified yet; or an address that somebody opened to, of which nobody is known (mac: zero). */
struct wish {
	uint32_t ifindex, iface;
	struct mac mac;
	struct addr addr;
	int64_t when_ns;
};

/* Kinds in the low two of our eight mark bits. */
enum hit_kind { HIT_DENY_FORGET, HIT_ALLOW, HIT_DENY, HIT_REJECT };
/* The gate's notes: generation 63. */
enum hit_note { HIT_NOTE_DECIDED = 0xfd, HIT_NOTE_ASKED = 0xfe, HIT_NOTE_REPLY = 0xff };

#endif
