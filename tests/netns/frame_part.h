/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame_part: what frame.c (IP, link, fragments) and frame_part.c (what stands above IP) share. */
#pragma once

#include "netns/frame.h"

/* What a builder of a layer sees: the frame, and the addresses and ports that are its own. */
struct frame_part {
	const struct frame_spec *spec;
	struct frame *f;
	struct opt_addr src, dst;
	unsigned sport, dport;
};

struct frame_word {
	const char *name;
	int ip_proto4, ip_proto6;	/* -1: not over this family */
	void (*build)(struct frame_part *p, unsigned arg);
	unsigned arg;
	bool bare;			/* no room for a token */
};

const struct frame_word *frame_word_find(const char *name);	/* NULL: no such protocol */

uint8_t *frame_push(struct frame *f, size_t bytes);	/* zeroed, in front of what is there */
void frame_put16(uint8_t *at, unsigned v);
void frame_put32(uint8_t *at, uint32_t v);
uint32_t frame_sum(uint32_t s, const uint8_t *p, size_t n);
unsigned frame_fold(uint32_t s);
/* frag_field: offset in units of 8 bytes, 0x2000 more fragments. */
void frame_push_ip(struct frame_part *p, unsigned proto, unsigned frag_field);
