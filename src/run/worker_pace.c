/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker_pace: see its header. */
#include "run/worker_pace.h"

#include "base/now.h"

static int64_t nap_of(uint64_t pps, bool napping)
{
	const int64_t us = pps ? (int64_t)(WORKER_BATCH * UINT64_C(1000000) / pps) : 0;

	if (pps < (napping ? WORKER_CALM_PPS : WORKER_BUSY_PPS))
		return 0;
	return (us < WORKER_NAP_MIN_US ? WORKER_NAP_MIN_US : us > WORKER_NAP_MAX_US ? WORKER_NAP_MAX_US : us) * 1000;
}

int64_t worker_pace_next(struct worker_pace *p, unsigned n, int64_t now_ns)
{
	const int64_t took = now_ns - p->since_ns;

	p->packets += n;
	if (took >= WORKER_WINDOW_US * INT64_C(1000)) {
		p->nap_ns = nap_of(p->packets * NOW_NS_PER_S / (uint64_t)took, p->nap_ns > 0);
		p->packets = 0;
		p->since_ns = now_ns;
	}
	return p->nap_ns;
}
