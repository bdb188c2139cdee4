/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shot: one generated packet as a frame, told from all others by a token in its payload, its source port or its ICMP id. */
#ifndef KERNEL_SHOT_H
#define KERNEL_SHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/pkt.h"

enum { SHOT_FRAME = 256 };

/* The bytes of p to dmac, aimed by dscp; returns the length. */
size_t shot_make(const struct pkt *p, const struct mac *dmac, unsigned dscp, uint32_t token, uint32_t copy, uint8_t frame[SHOT_FRAME]);
/* Is it one of ours (not an error that quotes it)?  transport: its TCP, UDP or ICMP header. */
bool shot_read(uint8_t proto, const uint8_t *transport, size_t n, uint32_t *ret_token, uint32_t *ret_copy);

#endif
