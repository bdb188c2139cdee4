/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_part: what the two live sources share: a kernel message as a packet to judge. */
#ifndef RUN_SOURCE_PART_H
#define RUN_SOURCE_PART_H

#include "kern/nfq.h"
#include "net/pkt.h"

void source_packet(const struct nfq_packet *raw, struct pkt *ret);

#endif
