/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch_part: what the watch's files share. */
#ifndef RUN_WATCH_PART_H
#define RUN_WATCH_PART_H

#include "run/gap.h"
#include "run/tight.h"
#include "run/watch.h"

/* What nf_tables' counter was when. */
enum { WATCH_SAMPLES = 16 };
struct watch_sample { int64_t at_ns; uint32_t genid; };

struct watch {
	struct watch_config c;
	struct watch_state s;
	int64_t started_ns;                     /* wall */
	int64_t page_from_ns, page_to_ns;       /* wall: when the page that waits was live */
	int64_t trial_until_ns;
	int64_t next_change_ns;                 /* wall */
	const void *next_change_of;             /* the judge it was computed for */
	uint64_t turned_at;                     /* sum of the ledger's counters at the last turn */
	uint64_t denied;                        /* by the kernel, as of the turn before */
	bool clock_behind;
	unsigned ticks;
	uint64_t beats[WATCH_WORKERS], recorder_beats;
	unsigned still[WATCH_WORKERS + 1];      /* seconds without a beat */
	struct watch_residual told;             /* of the residual, as events */
	uint64_t drops_seen;                    /* while the gap is being found out: */
	struct gap gap;
	struct gap_turn gap_turn;               /* of the page that waits, … */
	int64_t gap_turned_ns;                  /* … which was turned then; 0: by somebody else */
	uint64_t asked, unanswered, queue_seen; /* asked: as of the refresh before; unanswered: told since the table was made */
	uint64_t gap_told;
	uint64_t keep_failed;           /* inventory changes lost, as last seen */
	unsigned put_all_at;            /* tick at which everything is put again; 0: no need */
	struct watch_sample samples[WATCH_SAMPLES];
	unsigned n_samples;
	unsigned epoch;                         /* of the store, as last seen */
	struct tight tight;
};

bool watch_ledger_is_read(const struct watch *w);       /* but for the page that waits */
void watch_gap_turns(struct watch *w, bool turned);     /* before the page is turned, and after */
void watch_gap_told(struct watch *w, int64_t turned_ns, uint64_t page);
void watch_heartbeat(struct watch *w);
void watch_conntrack(struct watch *w);
void watch_risks(struct watch *w);
void watch_keep_unanswered(struct watch *w);
void watch_bypass(struct watch *w);
int64_t watch_before(const struct watch *w, uint32_t genid);

#endif
