/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tell: records of workers into merged events; the recorder's and replay's alike.  One thread per struct tell. */
#ifndef RUN_TELL_H
#define RUN_TELL_H

#include <stdbool.h>
#include <stdint.h>

#include "event/merge.h"
#include "run/words.h"

struct hit;

/* One element of a denied set that was dumped. */
struct tell_denied {
	struct merge_denied key;                /* iface: the kernel's index */
	bool here;                              /* to the firewall itself */
	uint64_t packets, bytes;
};

enum { TELL_ROOMS = 256 };

struct tell {
	struct merge *merge;            /* borrowed; emits the events */
	struct words words;
	uint64_t seed;
	int64_t rooms[TELL_ROOMS];      /* by MAC: until when its room for further senders is taken */
};

void tell_init(struct tell *t, struct merge *m);         /* of zeros */
/* mono_ns: merge's clock (replay: the packet's own time). */
void tell_hit(struct tell *t, const struct hit *h, int64_t mono_ns);
/* An element of a denied set that no row of merge remembers, judged once more by the judge that made it. */
void tell_element(struct tell *t, const struct judge *j, const struct tell_denied *el, const struct merge_count *c,
		  bool outage, int64_t mono_ns);
/* What the judge says of an element, and its event with those counts (w keeps its words). */
struct verdict tell_judge(const struct judge *j, const struct tell_denied *el);
void tell_element_event(const struct judge *j, const struct tell_denied *el, const struct merge_count *c, struct words *w,
			struct flow *f, struct verdict *v, struct event *ret);
/* The event stands for many senders by one MAC: of from, what holds for each of them is left. */
void tell_many(struct event *ev);

#endif
