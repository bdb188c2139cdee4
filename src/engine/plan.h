/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan: what of a program the kernel can decide by itself, as plain data for the table's who, where and what.
 *
 * It is made by asking the program (prog_eval) about one of each kind of end and service that it tells apart, never by
 * reading the policy a second time; so the kernel's answers are the program's.  It speaks of what an end of a flow opens.  What
 * it leaves out is asked (PLAN_ASK): replies, both ends guarded, observed entries, reject, unknown or unverified devices, ends of
 * which the address alone does not tell who they are, ICMP but for requests (the rest belongs to some flow), groups, and
 * whatever does not fit PLAN_MAX_...: an absent span or class is never an answer.
 *
 * A device end is of a class by its interface, identity and address; the other end ("place") is an interval of addresses behind
 * an interface that is not guarded, or the firewall itself; a service is a protocol with an interval of destination ports or
 * ICMP types.  Frozen once built, any thread; keeps pointers into the program and its policy, which must outlive it. */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "engine/prog.h"
#include "ident/who.h"
#include "net/addr.h"

struct buf;
struct plan;

/* Beyond these the rest is asked, and plan_stats says how much. */
enum { PLAN_MAX_CLASSES = 1024, PLAN_MAX_SPANS = 262144, PLAN_MAX_SERVICES = 65536 };
#define PLAN_NONE UINT32_MAX

enum plan_act {
	PLAN_ASK,
	PLAN_ALLOW,             /* stamp it; rule: the rule or exception, whose counter it is */
	PLAN_DROP,              /* the program would deny and remember it (RESTRICT, RULE, DEFAULT: rule is POLICY_NONE) */
	PLAN_REFUSE,            /* asked about; the program would not allow it, so fail: open does not open it.  Only where some
				 * zone fails open */
};

/* One answer.  ends_ns: 0, or wall clock: an allow that holds only before that moment (the entry's expiry). */
struct plan_answer { uint8_t act; uint32_t rule; int64_t ends_ns; };

/* tcp, udp: destination ports lo..hi; icmp, ipv6-icmp: types lo..hi. */
struct plan_service { uint8_t proto; uint16_t lo, hi; struct plan_answer answer; };

/* What may be opened between a class and a place: services sorted by proto and lo, disjoint, none of them PLAN_ASK unless rest is
 * not; every other tcp, udp and ICMP flow gets rest, every other protocol is asked.  Equal ones are one. */
struct plan_what {
	const struct plan_service *services;
	size_t n_services;
	struct plan_answer rest;        /* PLAN_ASK or PLAN_DROP */
};

/* Addresses lo..hi (inclusive, one family), what: into plan_whats.  Sorted, disjoint, neighbours with the same what joined. */
struct plan_span { struct addr lo, hi; uint32_t what; };
struct plan_where { const struct plan_span *spans; size_t n_spans; };

/* Of a class: what it opens to (destination address, any open interface), and what opens to it from interface i of the policy
 * (source address; PLAN_NONE: guarded or all is asked). */
struct plan_class {
	uint32_t to4, to6;              /* into plan_wheres, or PLAN_NONE */
	uint32_t firewall;              /* into plan_whats: what it may open to this host, or PLAN_NONE */
	const uint32_t *from4, *from6;  /* by policy interface: into plan_wheres, or PLAN_NONE */
	const char *name;               /* for people: "axis", "restricted", "old-nvr"; letters, digits, '-'; not unique */
};

/* A sender on an interface that is not guarded is known by its MAC before its address, if that MAC tells anything: a restricted
 * maker's, a listed device's.  Packets from open interfaces with such a MAC are asked about; from4 and from6 hold for the others.
 * Sorted, disjoint. */
struct plan_macs { struct mac lo, hi; };

/* Behind an interface a device of that class may turn up any time: a maker's, a listed one whose address is to be learnt. */
struct plan_prospect { uint32_t iface, cls; };

/* The policy's fail: open: what passes unjudged while nobody listens, if it is for userspace to decide.  One end is a spared device
 * (plan_spares), and it or another spared one opens, or who tells nobody from behind an interface that is not guarded. */
struct plan_fails {
	bool open;                      /* some zone that enforces says so; else the rest means nothing */
	bool no_from;                   /* too many MACs tell something: nobody from elsewhere opens */
	int64_t until_ns;               /* 0, or wall clock: from then on others may be restricted, and nothing is opened */
	struct plan_where to;           /* addresses behind interfaces that are not guarded, and nobody's in particular */
	const struct plan_where *from;  /* the same of those who come in, by kind of interface */
	size_t n_from;
	const uint32_t *from_of;        /* by policy interface: into from, or PLAN_NONE: guarded */
};

/* bindings: the verified ones that are there now; a class is made for each kind among them, and for kinds that may well come.
 * *e names what is too big only when memory runs out. */
int plan_build(const struct prog *prog, const struct who *w, struct plan **ret, struct err *e);
void plan_free(struct plan *p);         /* NULL is fine */
OWN(plan)
/* The class of a binding; PLAN_NONE: the plan has none for its kind (it came later, or the limits were reached): it is asked.
 * What is opened to an address that bindings of several classes hold on one interface is asked. */
uint32_t plan_class_of(const struct plan *p, const struct who_binding *b);
size_t plan_classes(const struct plan *p);
const struct plan_class *plan_class(const struct plan *p, uint32_t i);
size_t plan_wheres(const struct plan *p);
const struct plan_where *plan_where(const struct plan *p, uint32_t i);
size_t plan_whats(const struct plan *p);
const struct plan_what *plan_what(const struct plan *p, uint32_t i);
size_t plan_macs(const struct plan *p);
const struct plan_macs *plan_mac(const struct plan *p, uint32_t i);
size_t plan_prospects(const struct plan *p);            /* sorted by interface and class */
const struct plan_prospect *plan_prospect(const struct plan *p, uint32_t i);

const struct plan_fails *plan_fails(const struct plan *p);
/* Is the binding's device one that fail: open covers?  Known and permitted, nobody's member of any restrict entry, verified at an
 * address of a zone that fails open, on an interface of whose zones none fails closed.  Only while the plan's program is alive. */
bool plan_spares(const struct plan *p, const struct who_binding *b);

/* Does the plan know every MAC of who that tells something by itself?  false: one came later; it is to be built anew, since its
 * sender on an open interface would be taken for anybody.  Only while the plan's program is alive. */
bool plan_knows_macs(const struct plan *p, const struct who *w);

/* The plan's own answer for a flow, as the kernel would find it: for the agreement tests. */
struct plan_answer plan_eval(const struct plan *p, const struct who *w, const struct flow *f);

/* Would the kernel let the flow pass unjudged, when nobody listens?  As table_build_fails.c says it; only before until_ns. */
bool plan_opens(const struct plan *p, const struct who *w, const struct flow *f);

struct plan_stats {
	size_t classes, wheres, whats, spans, services, bytes;
	bool classes_left_out, spans_left_out, services_left_out;
};
struct plan_stats plan_stats(const struct plan *p);
/* Stable text, for goldens and `ringfence show plan`. */
void plan_print(const struct plan *p, struct buf *out);

#endif
