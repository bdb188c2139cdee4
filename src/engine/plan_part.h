/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan_part: what the files of plan share: the frozen plan, and the workshop in which it is built.
 *
 * Two ends are asked about only once for all that prog_key cannot tell apart, each time about one service of each result that
 * the entries have there; so the work grows with kinds of devices times kinds of addresses (a few table reads for each pair),
 * and the questions with what the policy really says. */
#ifndef ENGINE_PLAN_PART_H
#define ENGINE_PLAN_PART_H

#include "base/arena.h"
#include "base/vec.h"
#include "engine/bank.h"
#include "engine/plan.h"
#include "engine/pool.h"
#include "engine/prog_part.h"

enum {
	PLAN_MAX_MACS = 65536,
	PLAN_MAX_PAIRS = 8 << 20,       /* of a class and a kind of address that are looked at */
	PLAN_MAX_ASKED = 16 << 20,      /* questions to the program */
	PLAN_MAX_KEYS = 1 << 18,        /* of pairs that the program tells apart */
	PLAN_BUDGET = 256 << 20,
	PLAN_MAX_PROSPECTS = 4096,
	PLAN_KIND_WORDS = 5,
	PLAN_KEY_WORDS = PROG_KEY_WORDS + 2,
};

struct plan {
	const struct prog *prog;
	const struct policy *policy;
	struct arena *arena;
	struct pool_budget budget;
	struct pool kinds;              /* of bindings: see plan_kind */
	uint32_t *class_of_kind;
	struct plan_class *classes;
	const struct plan_where *wheres;
	const struct plan_what *whats;
	const struct plan_macs *macs;
	const struct plan_prospect *prospects;
	size_t n_classes, n_wheres, n_whats, n_macs, n_prospects;
	bool no_from;                   /* too many MACs tell something: nothing from open interfaces is decided */
	struct plan_fails fails;
	struct plan_stats stats;
};

struct plan_span_of { struct addr lo, hi; uint32_t leaf; };

/* The addresses of one side and family that are decided about, in order, without those that tell who they are: what is walked for
 * each row is apart from what is read where a span begins or ends. */
struct plan_step { uint32_t place : 31, follows : 1; };        /* follows: begins where the one before it ends */
struct plan_ends { struct addr lo, hi; };
struct plan_line {
	VEC(struct plan_step) steps;
	VEC(struct plan_ends) ends;
};
/* Numbers (ports, types) that the program cannot tell apart. */
struct plan_run { uint8_t proto; uint16_t lo, hi; uint32_t class; };
struct plan_runs { VEC(struct plan_run) at; };

/* One kind of other end, as the program sees addresses on one side. */
struct plan_place { struct addr addr; uint32_t zone, leaf; };

/* An end of a flow to ask about, as the program sees it. */
struct plan_end { struct flow_end end; struct prog_end as; };

/* What a result means for the two ends at hand. */
struct plan_result { uint64_t of; uint32_t observed; struct plan_answer answer; };

/* One kind of device end. */
struct plan_kind {
	struct flow_end end;            /* one of them */
	uint32_t number, bindings;
	int64_t until_ns;               /* its allowing may end then: a clearing begins or ends */
	bool restricted, known, mixed;  /* mixed: several devices or makers */
	bool routed;                    /* behind a router: who sends is not who is sent to */
};

struct plan_build {
	struct plan *p;
	const struct prog *g;
	const struct policy *policy;
	const struct who *w;
	struct err *e;
	int64_t changes_ns;             /* when an authority next changes what a maker is */
	int64_t *begins_ns;             /* by entry: when an earlier one that denies begins; then: when any does */
	VEC(struct plan_span_of) leaves[2];     /* of each family, in order, until there are lines */
	struct plan_line lines[PROG_SIDES][2];
	uint32_t *place_of_leaf[PROG_SIDES];    /* PLAN_NONE: asked */
	VEC(struct plan_place) places[PROG_SIDES];
	VEC(struct addr) holes;         /* sorted: addresses that tell who they are */
	VEC(uint32_t) open;             /* one open interface of each kind of sender's; then of receiver's, WHO_NONE included */
	VEC(uint32_t) open_to;
	uint32_t *open_of_iface;        /* into open; PLAN_NONE: guarded */
	struct plan_runs runs[2];       /* by family */
	struct pool keys, rows[2];      /* what two ends have in common; a class's whats by place, on each side */
	VEC(uint32_t) what_of_key, where_of_row[2][2];
	uint64_t last_key[PLAN_KEY_WORDS];      /* most pairs are like the one before */
	uint32_t last_what;
	VEC(struct plan_kind) kinds;
	VEC(struct plan_prospect) prospects;    /* cls: a kind, until there are classes */
	struct pool looks;              /* of kinds: those that are equal are one class */
	VEC(struct plan_class) classes;
	struct bank whats, wheres;
	VEC(bool) allows;               /* by what: it allows something */
	VEC(struct plan_service) services;      /* scratch */
	struct plan_result *results;    /* scratch, by the entry that decides (none: the last): of what has ports, then of types */
	uint64_t pairs, asked, asked_about;     /* asked_about: pairs, the one at hand included */
};

/* The row of kinds that a binding belongs to.  false: it is never of a class. */
bool plan_kind_of(const struct plan *p, const struct who_binding *b, uint64_t row[static PLAN_KIND_WORDS]);
bool plan_tells(const struct plan *p, const struct mac *m);
bool plan_is_open(const struct policy *p, uint32_t iface);

/* Steps of plan_build; each sets *b->e when it returns -1: memory ran out. */
int plan_places(struct plan_build *b);
int plan_services(struct plan_build *b);
int plan_find_macs(struct plan_build *b);
int plan_find_kinds(struct plan_build *b);
int plan_draw_lines(struct plan_build *b);
int plan_make_classes(struct plan_build *b);
int plan_keep_prospects(struct plan_build *b);
int plan_find_fails(struct plan_build *b);

/* What may be opened between two ends, one of them k (the other's address stands for others, also of the other family): into
 * whats, or PLAN_NONE: nothing is decided.  *ret untouched on failure. */
int plan_ask(struct plan_build *b, const struct plan_kind *k, const struct plan_end *from, const struct plan_end *to,
	     uint32_t *ret);
/* The spans of a row of rows[side]: into wheres, or PLAN_NONE. */
int plan_spans(struct plan_build *b, unsigned side, uint32_t row, bool v6, uint32_t *ret);
/* Every address for which is says so, but for the holes; *ret is the arena's. */
typedef bool (*plan_leaf_fn)(const struct plan_build *b, const struct prog_leaf *leaf, uint32_t iface);
int plan_leaf_spans(struct plan_build *b, plan_leaf_fn is, uint32_t iface, struct plan_where *ret);
int plan_out_of_memory(struct plan_build *b);

#endif
