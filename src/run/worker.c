/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker: see the header.  Verdicts of a batch go out in one call before anything is recorded, so that what waits is the
 * record.  A full batch is followed by the next at once; else how to wait is worker_pace's matter: nap, or poll. */
#include "run/worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/now.h"
#include "base/ring.h"
#include "engine/prog.h"
#include "ident/who.h"
#include "kern/table.h"
#include "run/hit.h"
#include "run/judge.h"
#include "run/source.h"
#include "run/worker_pace.h"

enum {
	HITS = 16384, WISHES = 4096,
	TURN = 32,                              /* packets judged side by side: what they take stays in the nearest cache */
	TROUBLE_MS = 20, TURN_US = 100,
	SHARES = 256, SEEKS_PER_S = 10,         /* of one sender, that all of a second are left to others */
	RECENT = 1024,                          /* wishes not repeated within WISH_NS */
};
#define WISH_NS (INT64_C(500) * NOW_NS_PER_MS)

struct recent {
	uint64_t key;
	int64_t when_ns;
};

struct worker {
	struct source *source;
	struct qs_ptr *judge;
	struct ring *hits, *wishes;
	char name[16];
	int cpu, stop_fd, wish_fd;
	unsigned cpu_step;
	struct worker_pace pace;
	bool wished;                            /* in this batch */
	pthread_t thread;
	bool running, stopping;
	struct pkt pkts[SOURCE_BATCH];
	struct verdict verdicts[SOURCE_BATCH];
	uint32_t marks[SOURCE_BATCH];
	struct recent recent[RECENT];
	struct share { int64_t since_ns; unsigned n; } shares[SHARES];
	_Alignas(64) struct worker_stats stats; /* written by the thread alone */
};

/* One writer: a relaxed store of the sum is enough, and no locked instruction is paid. */
static void count(uint64_t *c, uint64_t by)
{
	__atomic_store_n(c, *c + by, __ATOMIC_RELAXED);
}

static unsigned kind_of(const struct verdict *v)
{
	if (!v->enforced || v->action == POLICY_ALLOW)
		return HIT_ALLOW;
	if (v->action == POLICY_REJECT)
		return HIT_REJECT;
	return v->remember ? HIT_DENY : HIT_DENY_FORGET;
}

static void read_note(const struct judge *j, struct pkt *p)
{
	p->direction = (p->mark >> j->mark_shift & 0xff) == HIT_NOTE_REPLY ? PKT_REPLY : PKT_ORIGINAL;
}

/* An answer that says more than "allow": the flow may be offloaded. */
static bool is_bulk(const struct judge *j, const struct verdict *v)
{
	return j->offload && v->action == POLICY_ALLOW && v->enforced && v->why == VERDICT_RULE &&
	       j->policy->rules[v->rule].offload;
}

static uint32_t mark_of(const struct judge *j, const struct pkt *p, const struct verdict *v)
{
	const uint32_t rest = p->mark & ~table_mark_mask(j->mark_shift);

	if (is_bulk(j, v))
		return rest | table_mark_bulk(j->mark_shift, j->generation);
	return rest | (j->generation << 2 | kind_of(v)) << j->mark_shift;
}

/* The same is not wished for again at once. */
static bool is_recent(struct worker *w, const struct wish *wish)
{
	uint64_t h = addr_mac_u64(&wish->mac) * UINT64_C(0x9e3779b97f4a7c15) ^ wish->iface, part;
	struct recent *r;

	for (size_t i = 0; i < sizeof(wish->addr.b); i += sizeof(part)) {
		memcpy(&part, wish->addr.b + i, sizeof(part));
		h = (h ^ part) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
	}
	r = &w->recent[h % RECENT];
	if (r->key == h && wish->when_ns - r->when_ns < WISH_NS && wish->when_ns >= r->when_ns)
		return true;
	*r = (struct recent){ h, wish->when_ns };
	return false;
}

static void push_wish(struct worker *w, const struct wish *wish)
{
	struct wish *slot;

	if (is_recent(w, wish))
		return;
	slot = ring_slot(w->wishes);
	if (!slot) {
		count(&w->stats.wishes_lost, 1);
		return;
	}
	*slot = *wish;
	ring_push(w->wishes);
	w->wished = true;
}

static bool is_unproved(const struct judge *j, const struct flow_end *end)
{
	return end->iface != WHO_NONE && end->id.proof < WHO_VERIFIED && j->policy->ifaces[end->iface].guarded;
}

static void wish(struct worker *w, const struct judge *j, const struct flow_end *end, const struct pkt *p)
{
	if (p->has_smac && p->hook != PKT_OUTPUT && is_unproved(j, end) && addr_mac_u64(&p->smac) && !addr_mac_is_group(&p->smac))
		push_wish(w, &(struct wish){ .ifindex = p->iif, .iface = end->iface, .mac = p->smac, .addr = p->src,
					     .when_ns = p->when_ns });
}

static bool has_share(struct worker *w, const struct pkt *p)
{
	struct share *s = &w->shares[digest_hash64(&p->smac, sizeof(p->smac), p->iif) % SHARES];

	if (p->when_ns - s->since_ns >= NOW_NS_PER_S || p->when_ns < s->since_ns)
		*s = (struct share){ .since_ns = p->when_ns };
	if (s->n >= SEEKS_PER_S) {
		count(&w->stats.seeks_refused, 1);
		return false;
	}
	s->n++;
	return true;
}

/* No for what the sender is or sends: whoever it opens to. */
static bool is_senders_fault(const struct verdict *v)
{
	return v->why == VERDICT_SHAPE || v->why == VERDICT_SPOOF || v->why == VERDICT_UNVERIFIED ||
	       (v->why == VERDICT_RESTRICT && v->member & 1);
}

/* Who is opened to may never speak unasked, and what is denied makes the kernel ask nobody. */
static void seek(struct worker *w, const struct judge *j, const struct flow *f, const struct pkt *p, const struct verdict *v)
{
	if (v->action != POLICY_ALLOW && !is_senders_fault(v) && !f->turned && p->oif && p->hook != PKT_INPUT &&
	    is_unproved(j, &f->to) && has_share(w, p))
		push_wish(w, &(struct wish){ .ifindex = p->oif, .iface = f->to.iface, .addr = p->dst, .when_ns = p->when_ns });
}

/* n packets from first on. */
static void judge_turn(struct worker *w, const struct judge *j, unsigned first, unsigned n)
{
	struct pkt *pkts = &w->pkts[first];
	struct verdict *v = &w->verdicts[first];
	struct flow flows[TURN];

	for (unsigned i = 0; i < n && w->source->notes; i++)
		read_note(j, &pkts[i]);
	flow_of_pkts(pkts, n, &j->ifmap, j->who, flows);
	prog_eval_many(j->prog, flows, n, v);
	for (unsigned i = 0; i < n; i++) {
		w->marks[first + i] = mark_of(j, &pkts[i], &v[i]);
		wish(w, j, flows[i].turned ? &flows[i].to : &flows[i].from, &pkts[i]);
		seek(w, j, &flows[i], &pkts[i], &v[i]);
	}
}

static void tally(struct worker *w, const struct pkt *p, const struct verdict *v)
{
	struct worker_stats *s = &w->stats;
	const unsigned kind = kind_of(v);

	count(kind == HIT_ALLOW ? &s->allowed : kind == HIT_REJECT ? &s->rejected :
	      kind == HIT_DENY ? &s->denied : &s->forgotten, 1);
	if (kind == HIT_ALLOW && v->action != POLICY_ALLOW)
		count(&s->would_block, 1);
	if (v->why == VERDICT_UNGUARDED)
		count(&s->unguarded, 1);
	count(&s->bytes, p->bytes);
}

static bool worth_telling(const struct verdict *v)
{
	return v->action != POLICY_ALLOW || v->observed != POLICY_NONE || v->why == VERDICT_EXCEPTION;
}

static void tell(struct worker *w, const struct judge *j, unsigned i)
{
	struct hit *h;

	tally(w, &w->pkts[i], &w->verdicts[i]);
	if (!worth_telling(&w->verdicts[i]))
		return;
	h = ring_slot(w->hits);
	if (!h) {
		count(&w->stats.hits_lost, 1);
		return;
	}
	h->judge = j;
	h->verdict = w->verdicts[i];
	h->pkt = w->pkts[i];
	h->sent_mark = w->source->ops->verdicts ? j->generation << 2 | kind_of(&h->verdict) : 0;
	ring_push(w->hits);
	count(&w->stats.hits, 1);
}

/* Once per batch at most. */
static void call_main(struct worker *w)
{
	const uint64_t one = 1;

	w->wished = false;
	if (w->wish_fd >= 0)
		(void)!write(w->wish_fd, &one, sizeof(one));
}

/* The n packets that were taken. */
static int judge_all(struct worker *w, int n, struct err *e)
{
	const int64_t begin = now_mono_ns(), wall = now_wall_ns();
	const struct judge *j;
	int rc = 0;

	j = qs_get(w->judge);
	for (int i = 0; i < n; i++)
		if (!w->pkts[i].when_ns)
			w->pkts[i].when_ns = wall;
	for (unsigned i = 0; i < (unsigned)n; i += TURN)
		judge_turn(w, j, i, (unsigned)n - i < TURN ? (unsigned)n - i : TURN);
	if (w->source->ops->verdicts)
		rc = w->source->ops->verdicts(w->source, w->marks, (unsigned)n, e);
	for (int i = 0; i < n; i++)
		tell(w, j, (unsigned)i);
	qs_quiescent();
	if (w->wished)
		call_main(w);
	count(&w->stats.packets, (uint64_t)n);
	count(&w->stats.batches, 1);
	count(&w->stats.step_ns, (uint64_t)(now_mono_ns() - begin));
	return rc < 0 ? -1 : n;
}

int worker_step(struct worker *w, struct err *e)
{
	const int n = w->source->ops->next(w->source, w->pkts, e);

	return n > 0 ? judge_all(w, n, e) : n;
}

static void beat(struct worker *w)
{
	count(&w->stats.beats, 1);
	__atomic_store_n(&w->stats.vanished, w->source->vanished, __ATOMIC_RELAXED);
	__atomic_store_n(&w->stats.odd, w->source->odd, __ATOMIC_RELAXED);
}

/* Takes the next batch: after a full one at once, else after a nap, or when the first packet has come. */
static int take(struct worker *w, int last, struct err *e)
{
	struct pollfd fds[] = { { .fd = w->stop_fd, .events = POLLIN }, { .fd = w->source->fd, .events = POLLIN } };
	struct timespec nap = { 0 };
	int n;

	if (last == SOURCE_BATCH) {
		w->pace.packets += SOURCE_BATCH;
		return w->source->ops->next(w->source, w->pkts, e);
	}
	nap.tv_nsec = worker_pace_next(&w->pace, (unsigned)last, now_mono_ns());
	qs_offline();
	if (nap.tv_nsec)
		nanosleep(&nap, NULL);
	else if (!w->source->ops->await)
		poll(fds, 2, SOURCE_WAIT_MS);
	n = nap.tv_nsec || !w->source->ops->await ? w->source->ops->next(w->source, w->pkts, e) :
	    w->source->ops->await(w->source, w->pkts, e);
	qs_online();
	return n;
}

static void rest(struct worker *w)
{
	struct pollfd fd = { .fd = w->stop_fd, .events = POLLIN };

	qs_offline();
	poll(&fd, 1, TROUBLE_MS);
	qs_online();
}

/* Short turns come sooner (EEVDF, 6.12 and later; others take no notice): a worker has little to do, but soon. */
static void soon(void)
{
	const struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = { .size = sizeof(attr), .nice = getpriority(PRIO_PROCESS, 0), .runtime = TURN_US * UINT64_C(1000) };

	if (sched_getscheduler(0) == SCHED_OTHER)       /* else somebody knows better */
		syscall(SYS_sched_setattr, 0, &attr, 0);
}

/* What came in on a processor is answered there, while it is in its caches.  Processors that are not there are let be. */
static void stay(const struct worker *w)
{
	cpu_set_t set;

	if (w->cpu < 0)
		return;
	CPU_ZERO(&set);
	for (unsigned cpu = (unsigned)w->cpu; cpu < CPU_SETSIZE; cpu += w->cpu_step) {
		CPU_SET(cpu, &set);
		if (!w->cpu_step)
			break;
	}
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct err e;
	int n = 0;

	qs_thread_begin();
	prctl(PR_SET_TIMERSLACK, 1000UL);       /* ns; the default would add 50 us to each nap */
	pthread_setname_np(pthread_self(), w->name);
	stay(w);
	soon();
	while (!__atomic_load_n(&w->stopping, __ATOMIC_RELAXED)) {
		n = take(w, n, &e);
		if (n > 0)
			n = judge_all(w, n, &e);
		beat(w);
		if (n < 0) {
			count(&w->stats.errors, 1);
			rest(w);
			n = 0;
		}
	}
	qs_thread_end();
	return NULL;
}

struct worker *worker_new(const struct worker_config *c, struct err *e)
{
	struct worker *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);

	if (!w) {
		source_free(c->source);
		err_plain(e, ENOMEM, "out of memory");
		return NULL;
	}
	memset(w, 0, sizeof(*w));
	w->source = c->source;
	w->judge = c->judge;
	w->cpu = c->cpu;
	w->cpu_step = c->cpu_step;
	w->wish_fd = c->wish_fd;
	snprintf(w->name, sizeof(w->name), "%s", c->name);
	w->hits = ring_new(c->hits ? c->hits : HITS, sizeof(struct hit));
	w->wishes = ring_new(c->wishes ? c->wishes : WISHES, sizeof(struct wish));
	w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!w->hits || !w->wishes || w->stop_fd < 0) {
		err_plain(e, ENOMEM, "no room for worker %s", c->name);
		worker_free(w);
		return NULL;
	}
	return w;
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	worker_stop(w);
	source_free(w->source);
	ring_free(w->hits);
	ring_free(w->wishes);
	if (w->stop_fd >= 0)
		close(w->stop_fd);
	free(w);
}

int worker_start(struct worker *w, struct err *e)
{
	int rc;

	w->stopping = false;
	rc = pthread_create(&w->thread, NULL, worker_main, w);

	if (rc)
		return err_sys(e, rc, "worker %s", w->name);
	w->running = true;
	return 0;
}

void worker_stop(struct worker *w)
{
	const uint64_t one = 1;

	if (!w->running)
		return;
	__atomic_store_n(&w->stopping, true, __ATOMIC_RELAXED);
	while (write(w->stop_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(w->thread, NULL);
	w->running = false;
}

struct ring *worker_hits(struct worker *w)
{
	return w->hits;
}

struct ring *worker_wishes(struct worker *w)
{
	return w->wishes;
}

#define GET(f) .f = __atomic_load_n(&w->stats.f, __ATOMIC_RELAXED)

struct worker_stats worker_stats(const struct worker *w)
{
	return (struct worker_stats){
		GET(packets), GET(bytes), GET(batches), GET(errors), GET(allowed), GET(denied), GET(forgotten), GET(rejected),
		GET(would_block), GET(unguarded), GET(hits), GET(hits_lost), GET(wishes_lost),
		GET(seeks_refused), GET(vanished), GET(odd),
		GET(step_ns), GET(beats),
	};
}

const char *worker_name(const struct worker *w)
{
	return w->name;
}
