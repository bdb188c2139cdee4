/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pair: a packet with what the naive evaluator says of it under the policy in force, and what the kernel did with it. */
#ifndef KERNEL_PAIR_H
#define KERNEL_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/prog.h"
#include "net/pkt.h"

struct gen;
struct ident;
struct judge;
struct lab;
struct policy;

enum { PAIR_COPIES = 2, PAIR_ANSWER = PAIR_COPIES, PAIR_BATCH = 80, PAIR_TOKENS = 60000 };

struct hit;

struct pair {
	struct pkt pkt;                         /* with the kernel's interface indexes */
	unsigned in, out;                       /* ports of the lab; either may be LAB_HERE */
	uint32_t token;
	struct flow flow;
	struct verdict want;
	bool passes;                            /* what the kernel has to do with it */
	bool planned, shut;                     /* it allows it by itself: nobody is asked; denies it so, but for samples */
	unsigned heard[PAIR_COPIES + 1], astray;        /* at the right place; anywhere else */
	unsigned told, lied;                    /* records of it; those that say anything but want */
	struct pkt answer;                      /* what is sent back where it passes */
	struct verdict turned;                  /* the evaluator about that */
	bool must, never;                       /* arrive; neither: it rides on what the kernel knows of the flow */
};

/* A packet to send.  The route depends on the destination alone, as a router's does: before is what the batch has already. */
void pair_make(struct gen *g, const struct policy *p, const struct lab *l, const struct pair *before, unsigned n, uint32_t token,
	       struct pair *ret);
/* One between a device that has proved its address and an open side or the firewall, either way; false: not this time. */
bool pair_aim(struct gen *g, const struct lab *l, const struct judge *j, const struct pair *before, unsigned n, struct pair *ret);
void pair_renew(struct pair *x, const struct lab *l, uint32_t token);   /* a flow of its own, by its port */
/* Let its sender have proved its address. */
void pair_prove(const struct pair *x, struct ident *id, int64_t now_ns);
/* Fill in flow, want and passes. */
void pair_expect(struct pair *x, const struct judge *j);
/* Make the answer, and what is to become of it. */
void pair_answer(struct pair *x, struct gen *g, const struct judge *j);
/* Is the record about it, its answer, or one just like it?  Then it is compared. */
void pair_tell(struct pair *x, const struct hit *h);
/* One that the memory of denials cannot tell from x. */
bool pair_like(const struct pair *x, const struct pair *y);
/* What is wrong, NULL: nothing. */
const char *pair_fault(const struct pair *x);
void pair_print(const struct pair *x, const struct policy *p);
const char *pair_why(unsigned why);

#endif
