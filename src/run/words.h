/* SPDX-License-Identifier: GPL-2.0-or-later */
/* words: a decision as an event that stands by itself: names, evidence, authority and places instead of indexes.
 * Pure; what an event borrows is in the struct words given and in the judge's policy. */
#ifndef RUN_WORDS_H
#define RUN_WORDS_H

#include <stdint.h>

#include "engine/prog.h"
#include "event/community.h"
#include "event/event.h"
#include "net/pkt.h"

struct judge;

enum { WORDS_EVIDENCE = 3, WORDS_TEXT = 192 };

struct words {
	char place[WORDS_TEXT], service[32], digest[65], community[COMMUNITY_TEXT];
	char evidence[2][WORDS_EVIDENCE][WORDS_TEXT], authority[2][WORDS_TEXT];
};

/* Site, revision and digest of the judge's policy. */
void words_site(const struct judge *j, struct words *w, struct event *ev);
/* One end: device, maker, class, evidence and authority.  slot: 0 or 1, which storage of w. */
void words_end(const struct judge *j, const struct flow_end *end, uint32_t zone, unsigned slot, struct words *w,
	       struct event_end *ret);
/* The whole event of a decision; its kind is told by the verdict, counts are those of the one packet. */
void words_event(const struct judge *j, const struct pkt *p, const struct flow *f, const struct verdict *v, struct words *w,
		 struct event *ret);
/* The same for an observed entry that the verdict met on its way: would_block or would_allow. */
void words_observed(const struct judge *j, const struct verdict *v, struct words *w, struct event *ev);
/* "restrict", "spoof" … */
const char *words_why(const struct verdict *v);
/* "restricted", "permitted", "unknown", "router" or "". */
const char *words_class(const struct judge *j, const struct flow_end *end, uint32_t zone);
/* "tcp/445", "icmp/8", or the protocol's number. */
const char *words_service(uint8_t proto, bool has_ports, uint16_t port, uint8_t icmp_type, char *buf, size_t size);
/* "uk-nil: understood, 2022-11-24", or "". */
const char *words_authority(const struct judge *j, const struct prog_restriction *r, char *buf, size_t size);

#endif
