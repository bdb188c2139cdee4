/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gen: random policies, and flows that stand on the borders of what they say: the first and last address of a prefix and
 * their neighbours, ports one off, moments one nanosecond off.  The same seed gives the same.  Also for the test of the
 * kernel's table. */
#ifndef AGREE_GEN_H
#define AGREE_GEN_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/flow.h"
#include "net/pkt.h"
#include "policy/policy.h"

struct buf;

struct gen {
	uint64_t state;
};

uint64_t gen_next(struct gen *g);
uint32_t gen_below(struct gen *g, uint32_t n);          /* 0 .. n - 1; n 0 gives 0 */
bool gen_chance(struct gen *g, uint32_t percent);

void gen_policy(struct gen *g, struct buf *yaml);
/* Change a loaded policy in place into something that no file says: flags, guards, negations, times, actions. */
void gen_mutate(struct gen *g, struct policy *p);
/* fail: open for some zones, also where it means nothing; or for none. */
void gen_fail(const struct gen *g, struct policy *p, bool some);
int64_t gen_moment(struct gen *g, const struct policy *p);
/* family 0: either. */
struct addr gen_addr(struct gen *g, const struct policy *p, uint8_t family);
struct addr gen_plain_addr(struct gen *g, const struct policy *p, uint8_t family);      /* a host's own */
struct mac gen_mac(struct gen *g, const struct policy *p);      /* a listed device's, or by a maker of some sort or of none */
void gen_service(struct gen *g, const struct policy *p, struct flow *f);        /* protocol, port, type */
void gen_flow(struct gen *g, const struct policy *p, struct flow *ret);
/* A first packet that a host could send and a firewall would forward: unicast, TCP, UDP or an echo request, whole; its MAC is a
 * listed device's, a registrant's of a restricted or another make, or nobody's.  iif and oif are 1 + index into policy->ifaces,
 * two different ones where there are two. */
void gen_packet(struct gen *g, const struct policy *p, struct pkt *ret);

/* A program's "--name NUMBER". */
uint64_t gen_option(int argc, char **argv, const char *name, uint64_t otherwise);

/* For reports. */
void gen_print_flow(const struct policy *p, const struct flow *f, struct buf *out);

#endif
