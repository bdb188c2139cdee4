/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge: everything that a decision needs, as one frozen bundle: policy, program, who is where, which interface is which, and
 * the generation it speaks for.  Made by the main thread; published by qs; read by workers and the recorder.
 * Bundles share their parts (a new view of who keeps the policy and its program), counted by the main thread alone. */
#ifndef RUN_JUDGE_H
#define RUN_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "engine/prog.h"
#include "policy/policy.h"

struct ident;
struct judge_part;

struct judge {
	const struct policy *policy;
	const struct prog *prog;
	const struct who *who;
	struct flow_ifmap ifmap;
	struct flow_ifpair *pairs;              /* owned: what ifmap shows */
	uint32_t way_out;                       /* kernel's index: where what no network holds leaves; 0: not known */
	uint32_t generation;                    /* 1..62; 0: offline */
	uint64_t serial;                        /* grows with every bundle made */
	uint64_t view;                          /* ident's version that who shows; 0: of the policy alone */
	int64_t at_ns;                          /* the moment the program was compiled for */
	unsigned mark_shift;                    /* of the 8 bits that are ours in a mark */
	bool offload;                           /* some rule's flows may be offloaded, and the table in force will do so */
	struct judge_part *policy_part, *prog_part, *who_part;
};

/* A first bundle from a policy, which it takes over (also on failure).  learnt may be NULL. */
struct judge *judge_new(struct policy *policy, const struct ident *learnt, int64_t now_ns, struct err *e);
/* The next one from prev's policy: program and who built anew for now_ns, generation and interfaces as prev's. */
struct judge *judge_at(const struct judge *prev, const struct ident *learnt, int64_t now_ns, struct err *e);
/* The next one from prev's policy and program, with a new view of who. */
struct judge *judge_who(const struct judge *prev, const struct ident *learnt, struct err *e);
/* j itself, which nobody has seen yet, with another view of who; the view that it had is gone first (also on failure). */
int judge_learn(struct judge *j, const struct ident *learnt, struct err *e);
/* Another bundle of the same parts: for going back to it. */
struct judge *judge_again(const struct judge *prev, struct err *e);
void judge_free(struct judge *j);               /* NULL is fine */
OWN(judge)
/* Has the policy a rule whose flows may be offloaded? */
bool judge_wants_offload(const struct judge *j);
/* Before publishing: which kernel interface is which of the policy's.  Copies n pairs and sorts them. */
int judge_interfaces(struct judge *j, const struct flow_ifpair *pairs, size_t n, struct err *e);
/* Index into policy->ifaces of a kernel index or of a name, or WHO_NONE. */
uint32_t judge_iface_of(const struct judge *j, uint32_t ifindex);
uint32_t judge_iface_named(const struct judge *j, const char *name);
/* The kernel index of policy->ifaces[iface], 0: it is not there. */
uint32_t judge_ifindex(const struct judge *j, uint32_t iface);

#endif
