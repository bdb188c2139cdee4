/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fence_part: what fence's files share. */
#ifndef RUN_FENCE_PART_H
#define RUN_FENCE_PART_H

#include "run/fence.h"

struct fence {
	struct fence_options options;
	struct nl *nl, *watch, *route;
	bool offloads;                          /* flows may be in the kernel's flowtable */
	bool revoke_due;                        /* they could not be revoked */
	int64_t revoked_ns;                     /* monotonic: when that was tried */
	struct arena *arena;                    /* of in */
	struct plan *plan;                      /* of in; made from prog, which is not looked into any more once another one came */
	const struct prog *prog;
	bool unplanned;                         /* a binding came whose class the live table does not have */
	int64_t planned_ns, plan_took_ns;       /* when the live table's plan was begun, and how long all of it took */
	struct table_watch seen;                /* of others' transactions */
	struct table_input in;
	struct table_binding *bindings;         /* of in: sorted, on the heap, since they change more often than the rest */
	struct table *table;                    /* NULL: nothing was sent yet */
	char old_page;                          /* not collected yet; 0: none */
	int64_t old_since_ns;
	unsigned last_generation;
	bool bound;                             /* bindings have changed since: table is not what is in the kernel, in is */
	bool trusted;                           /* nobody else changed nf_tables since the table was sent whole */
	uint32_t genid;                         /* of nf_tables, after our last transaction */
	bool interleaved, missed;               /* others had one in between; and it may not have been heard */
};

/* Around each transaction of ours. */
void fence_part_begins(struct fence *f);
void fence_part_ends(struct fence *f);
/* The input's bindings, sorted, on the heap. */
int fence_part_copy(const struct table_input *in, struct table_binding **ret, struct err *e);
void fence_part_adopt(struct fence *f, struct table_binding *b, size_t n);

/* After a change of what is decided: what is offloaded is to be judged anew.  offloads: the table may do so from now on. */
void fence_part_revoke(struct fence *f, bool offloads);

/* What makes the live bindings (sorted) into others; both arrays are the arena's. */
struct fence_change {
	struct table_binding *add, *del;
	size_t n_add, n_del;
};
int fence_part_change(const struct fence *f, const struct table_binding *now, size_t n_now, struct arena *a,
		      struct fence_change *ret, struct err *e);
/* Flows with an address whose holder or class changes lose their marks: before the change, so that nobody inherits them; and
 * after it, since until then the kernel stamped by the old one, and who was nobody before may have been opened to. */
int fence_part_clear(struct fence *f, const struct fence_change *c, struct err *e);

#endif
