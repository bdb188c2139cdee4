/* SPDX-License-Identifier: GPL-2.0-or-later */
/* observer_part: what the observer's files share. */
#ifndef RUN_OBSERVER_PART_H
#define RUN_OBSERVER_PART_H

#include "ident/ident.h"
#include "run/observer.h"

struct arp;

struct observer {
	struct observer_config c;
	struct ident *ident;
	struct arp *arp;
	struct reload *reload;
	struct ring *rings[OBSERVER_RINGS];
	unsigned n_rings;
	bool view_refused;              /* the last one is published, but the kernel did not take it */
	bool more;                      /* wishes or probes beyond what a step takes */
	int64_t view_due_ns;            /* monotonic: not before */
	int64_t seeks_ns;               /* when this second of seeks began */
	unsigned seeks;
	struct observer_stats stats;
};

/* A fact as an event. */
void observer_tell(struct observer *o, const struct ident_fact *f);

#endif
