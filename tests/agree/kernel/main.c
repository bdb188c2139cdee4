/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agree-kernel: real packets through the real table and the real workers, against the naive evaluator.
 *	agree-kernel [--seed N] [--policies N] [--packets N]	(packets for each policy); needs root; TAP; stops at a disagreement */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agree/gen.h"
#include "agree/kernel/lab.h"
#include "agree/kernel/pair.h"
#include "agree/kernel/seen.h"
#include "agree/kernel/sent.h"
#include "agree/kernel/shot.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/now.h"
#include "base/ring.h"
#include "engine/plan.h"
#include "ident/ident.h"
#include "kern/nfq.h"
#include "kern/nl.h"
#include "kern/probe.h"
#include "kern/table.h"
#include "policy/policy.h"
#include "run/hit.h"
#include "run/judge.h"
#include "run/source.h"
#include "run/worker.h"
#include "unit/kern/space.h"

enum { QUEUE = SENT_QUEUE, GROUP = SENT_QUEUE, WORKERS = 3, PROVED = 70, QUIET_MS = 4, QUIETS = 3, LATE_MS = 3000, PLANNED = 40,
       OF_A_KIND = 4, TRIES = 4000, MOST_MORE = 400 };

struct run {
	struct gen gen;
	struct lab lab;
	struct nl *nl;
	bool native_queue;
	int stats;
	struct worker *workers[WORKERS];
	struct qs_ptr judge;
	struct table_counts counts;
	uint64_t decided;
	struct pair pairs[2 * PAIR_BATCH];      /* the last policy's packets, sent once more under this one; then its own */
	unsigned n, old, packets;
	bool planned, fail;                     /* what is sent now: flows that the kernel decides by itself; zones fail open */
	uint32_t next;                          /* token */
	struct seen seen;
};

static const struct policy_paths paths = { .registry = "", .makers = { "rules/makers", "" }, .packs = { "rules/packs", "" } };

static void start(struct run *r)
{
	static const char *const names[WORKERS] = { "ask", "unknown", "observe" };
	struct err e = { 0 };
	struct probe p;

	lab_open(&r->lab);
	sent_must(nl_open(NL_NETFILTER, NULL, &r->nl, &e), &e, "netlink");
	sent_must(probe_run(r->nl, &p, &e), &e, "probe");
	r->native_queue = p.has[PROBE_QUEUE];
	r->stats = nfq_stats_open(&e);
	sent_must(r->stats, &e, "queue statistics");
	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker_config c = { .name = names[i], .judge = &r->judge, .wish_fd = -1, .cpu = -1 };

		c.source = i < 2 ? source_nfq_new((uint16_t)(QUEUE + i), 0, &e) : source_nflog_new(GROUP, &e);
		sent_must(c.source ? 0 : -1, &e, names[i]);
		r->workers[i] = worker_new(&c, &e);
		sent_must(r->workers[i] ? 0 : -1, &e, names[i]);
	}
}

static struct policy *load(struct run *r)
{
	struct policy *p = NULL;
	struct buf yaml;
	struct diag *d = diag_new();

	buf_init(&yaml);
	gen_policy(&r->gen, &yaml);
	if (d)
		p = policy_load_text("agree.yaml", yaml.data, yaml.len, NULL, &paths, 0, d);
	diag_free(d);
	buf_fini(&yaml);
	return p;
}

/* The packets, and who of their senders proved what. */
static struct ident *populate(struct run *r, const struct policy *p, int64_t now)
{
	const struct ident_limits limits = {
		.v4_per_mac = 1000, .v6_per_mac = 1000, .macs_per_minute = 10000, .macs = 10000, .bindings = 10000, .foreign = 10000,
		.forget_claim_ns = NOW_NS_PER_S * 3600, .forget_ns = NOW_NS_PER_S * 3600,
	};
	struct ident *id = ident_new(&limits, 7);
	struct err e = { 0 };

	sent_must(id ? ident_set_policy(id, p, now, &e) : -1, &e, "identities");
	memmove(r->pairs, r->pairs + r->old, (r->n - r->old) * sizeof(r->pairs[0]));
	r->old = r->n -= r->old;
	for (; r->n < r->old + r->packets; r->n++)
		pair_make(&r->gen, p, &r->lab, r->pairs, r->n, r->next++, &r->pairs[r->n]);
	for (unsigned i = 0; i < r->n; i++)
		if (gen_chance(&r->gen, PROVED))
			pair_prove(&r->pairs[i], id, now);
	return id;
}

static struct judge *judge_of(struct run *r)
{
	struct policy *p = load(r);
	struct flow_ifpair pairs[LAB_PORTS];
	AUTO(ident) id = NULL;
	struct err e = { 0 };
	struct judge *j;
	int64_t now;

	if (!p)
		return NULL;
	if (gen_chance(&r->gen, 50))
		gen_mutate(&r->gen, p);
	gen_fail(&r->gen, p, r->fail);
	now = gen_moment(&r->gen, p);
	id = populate(r, p, now);
	for (uint32_t i = 0; i < p->n_ifaces; i++)
		pairs[i] = (struct flow_ifpair){ r->lab.near[lab_port(p->ifaces[i].name)], i };
	j = judge_new(p, id, now, &e);
	sent_must(j ? judge_interfaces(j, pairs, p->n_ifaces, &e) : -1, &e, "judge");
	j->generation = (uint32_t)(1 + r->seen.policies % TABLE_GENERATIONS);
	return j;
}

/* Every other policy: too few samples for all that is denied. */
static bool denies(const struct run *r) { return r->seen.policies % 2; }

static void publish(struct run *r, struct judge *j)
{
	struct judge *old = qs_swap(&r->judge, j);
	struct err e = { 0 };

	for (unsigned i = 0; !old && i < WORKERS; i++)
		sent_must(worker_start(r->workers[i], &e), &e, "worker");
	if (!old)
		return;
	qs_synchronize();
	judge_free(old);
}

static void heard(unsigned port, uint8_t proto, const uint8_t *transport, size_t n, void *arg)
{
	struct run *r = arg;
	uint32_t token, copy;
	struct pair *x;

	if (!shot_read(proto, transport, n, &token, &copy) || token - r->pairs[0].token >= r->n || copy > PAIR_ANSWER)
		return;
	x = &r->pairs[token - r->pairs[0].token];
	if (port == (copy == PAIR_ANSWER ? x->in : x->out) && proto == x->pkt.proto)
		x->heard[copy]++;
	else
		x->astray++;
}

static uint64_t waiting(struct run *r)
{
	struct nfq_stats s[2] = { { 0 } };
	struct err e = { 0 };

	for (unsigned i = 0; i < 2; i++)
		sent_must(nfq_stats_read(r->stats, (uint16_t)(QUEUE + i), &s[i], &e), &e, "queue statistics");
	return s[0].waiting + s[1].waiting;
}

static uint64_t worked(struct run *r)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < WORKERS; i++)
		n += worker_stats(r->workers[i]).packets;
	return n;
}

/* Is there to be a record?  A denial that is remembered is told once for all that look alike,
 * those whose shape alone is wrong among them. */
static bool wants_record(const struct run *r, const struct pair *x)
{
	const bool worth = !x->planned && (x->want.action != POLICY_ALLOW || x->want.observed != POLICY_NONE || x->want.why == VERDICT_EXCEPTION);

	if (denies(r) && x->want.action != POLICY_ALLOW && x->want.enforced)
		return false;                   /* the ledger may be all that knows it */
	for (unsigned i = 0; worth && i < r->n; i++)
		if (&r->pairs[i] != x && r->pairs[i].want.remember && pair_like(&r->pairs[i], x))
			return false;
	return worth;
}

static void drain(struct run *r)
{
	const struct hit *h;

	for (unsigned w = 0; w < WORKERS; w++) {
		for (; (h = ring_peek(worker_hits(r->workers[w]))); ring_pop(worker_hits(r->workers[w])), r->seen.hits++)
			for (unsigned i = 0; i < r->n; i++)
				pair_tell(&r->pairs[i], h);
		while (ring_peek(worker_wishes(r->workers[w])))
			ring_pop(worker_wishes(r->workers[w]));
	}
}

static const char *missing(const struct run *r, const struct pair *x, unsigned copy)
{
	if (x->passes && !x->heard[copy] && (copy != PAIR_ANSWER || x->must))
		return "it did not arrive";
	return !x->told && wants_record(r, x) ? "there is no record of it" : NULL;
}

/* What the kernel decides by itself is sent before the rest, so that the question whether anybody was asked has an answer. */
static bool is_fired(const struct run *r, const struct pair *x, unsigned copy)
{
	return copy == PAIR_ANSWER || x->planned == r->planned;
}

static bool all_there(struct run *r, unsigned copy)
{
	drain(r);
	for (unsigned i = 0; i < r->n; i++)
		if (is_fired(r, &r->pairs[i], copy) && missing(r, &r->pairs[i], copy))
			return false;
	return true;
}

/* Until nothing waits, nobody works and nothing comes, a few times over; what has to come gets longer. */
static void settle(struct run *r, unsigned copy)
{
	const int64_t late = now_mono_ns() + LATE_MS * NOW_NS_PER_MS;

	for (unsigned quiet = 0; quiet < QUIETS || (!all_there(r, copy) && now_mono_ns() < late);) {
		const uint64_t before = worked(r);
		const unsigned came = lab_hear(&r->lab, QUIET_MS, heard, r);

		quiet = came || worked(r) != before || waiting(r) ? 0 : quiet + 1;
	}
}

static void shoot(struct run *r, const struct pkt *p, unsigned in, unsigned out, uint32_t token, unsigned copy)
{
	const struct mac m = lab_mac(in);
	uint8_t frame[SHOT_FRAME];
	const size_t n = shot_make(p, &m, out == LAB_HERE ? LAB_HERE : out + 1, token, copy, frame);

	if (in == LAB_HERE)
		lab_say(&r->lab, out, frame, n);
	else
		lab_send(&r->lab, in, frame, n);
}

static void fire(struct run *r, unsigned copy)
{
	for (unsigned i = 0; i < r->n; i++) {
		const struct pair *x = &r->pairs[i];

		if (!is_fired(r, x, copy))
			continue;
		if (copy != PAIR_ANSWER)
			shoot(r, &x->pkt, x->in, x->out, x->token, copy);
		else if (x->passes)
			shoot(r, &x->answer, x->out, x->in, x->token, copy);
	}
	settle(r, copy);
}

static void complain(struct run *r, const struct judge *j, const struct pair *x, const char *fault)
{
	struct table_counts now;
	struct err e = { 0 };
	struct buf out;

	buf_init(&out);
	policy_print(j->policy, &out);
	printf("%s\nmoment %" PRId64 ", policy %" PRIu64 "\n", buf_cstr(&out), j->at_ns, r->seen.policies);
	for (unsigned i = 0; i < r->n; i++)
		if (&r->pairs[i] == x || !x)
			pair_print(&r->pairs[i], j->policy);
	printf("fault: %s\n", fault);
	sent_must(table_read_counters(r->nl, &now, &e), &e, "counters");
	for (unsigned i = 0; i < TABLE_COUNTERS; i++)
		if (now.at[i].packets != r->counts.at[i].packets)
			printf("counter %s: %" PRIu64 " in this batch\n", table_counter_names[i], now.at[i].packets - r->counts.at[i].packets);
	buf_fini(&out);
}

/* Every packet that did not arrive was dropped by a verdict or by the memory of one, and is in their counters; nothing else
 * dropped anything. */
static const char *misses(struct run *r)
{
	static const enum table_counter verdicts[] = {
		TABLE_C_DENIED, TABLE_C_DENIED_MORE, TABLE_C_POST_DENIED, TABLE_C_POST_DENIED_ONCE, TABLE_C_POST_REJECTED,
	};
	struct table_counts now;
	struct err e = { 0 };
	uint64_t denied = 0, all = 0, dropped = 0;

	sent_must(table_read_counters(r->nl, &now, &e), &e, "counters");
	for (unsigned i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++)
		denied += now.at[verdicts[i]].packets - r->counts.at[verdicts[i]].packets;
	for (unsigned i = 0; i < TABLE_COUNTERS; i++)
		if (table_counter_is_drop(i))
			all += now.at[i].packets - r->counts.at[i].packets;
	for (unsigned i = 0; i < r->n; i++)
		dropped += r->pairs[i].passes ? 0 : PAIR_COPIES;
	if (denied != all)
		return "the table dropped without a verdict";
	return denied != dropped ? "the counters do not say how many were dropped" : NULL;
}

static bool compare(struct run *r, const struct judge *j)
{
	const char *sums = misses(r), *fault;

	fire(r, PAIR_ANSWER);
	for (unsigned i = 0; i < r->n; i++) {
		const struct pair *x = &r->pairs[i];

		fault = missing(r, x, PAIR_COPIES - 1);
		fault = fault ? fault : pair_fault(x);
		if (fault) {
			complain(r, j, x, fault);
			return false;
		}
		seen_pair(&r->seen, j->policy, x, i < r->old);
	}
	if (sums)
		complain(r, j, NULL, sums);
	return !sums;
}

static void add_one(struct run *r, const struct pair *x)
{
	r->pairs[r->n] = *x;
	pair_renew(&r->pairs[r->n++], &r->lab, r->next++);
}

/* Flows that the plan decides are rare among random packets: some more of each kind; of those from an open side the like by a MAC
 * that may tell something. */
static void add_planned(struct run *r, const struct judge *j, const struct plan *plan)
{
	unsigned kinds[SEEN_WAYS][PLAN_REFUSE + 1][2] = { 0 }, *kind;
	enum seen_way way;
	struct pair x;
	uint8_t act;

	for (unsigned i = 0; i < TRIES && r->n + 1 < r->old + r->packets + PLANNED; i++) {
		if (!pair_aim(&r->gen, &r->lab, j, r->pairs + r->old, r->n - r->old, &x))
			continue;
		flow_of_pkt(&x.pkt, &j->ifmap, j->who, &x.flow);
		act = plan_eval(plan, j->who, &x.flow).act;
		way = x.out == LAB_HERE ? SEEN_HERE : x.flow.from.id.proof >= WHO_VERIFIED ? SEEN_OUT : SEEN_IN;
		kind = &kinds[way][act][x.pkt.src.family == 6];
		if (act == PLAN_ASK || act == PLAN_REFUSE || *kind == OF_A_KIND)
			continue;
		++*kind;
		add_one(r, &x);
		x.pkt.smac = gen_mac(&r->gen, j->policy);
		if (way == SEEN_IN)
			add_one(r, &x);
	}
}

static void expect(struct run *r, const struct judge *j, const struct plan *plan)
{
	for (unsigned i = 0; i < r->n; i++) {
		struct pair *x = &r->pairs[i];
		struct plan_answer answer;

		pair_expect(x, j);
		answer = plan_eval(plan, j->who, &x->flow);
		x->planned = answer.act == PLAN_ALLOW && x->pkt.shape == 0;
		x->shut = answer.act == PLAN_DROP && x->pkt.shape == 0;
		r->seen.until += x->planned && answer.ends_ns;
		pair_answer(x, &r->gen, j);
	}
}

static void add_decided(void *arg, const char *id, uint64_t packets, uint64_t bytes)
{
	(void)id;
	(void)bytes;
	*(uint64_t *)arg += packets;
}

/* What all rules' own counters say. */
static uint64_t decided(struct run *r)
{
	struct err e = { 0 };
	uint64_t n = 0;

	sent_must(table_read_rules(r->nl, add_decided, &n, &e), &e, "the rules' counters");
	return n;
}

/* The flows that the plan opens: the kernel opens each of them, once, and asks nobody about any. */
static const char *opens(struct run *r)
{
	struct table_counts now;
	struct err e = { 0 };
	uint64_t n = 0;

	r->planned = true;
	for (unsigned c = 0; c < PAIR_COPIES; c++)
		fire(r, c);
	r->planned = false;
	sent_must(table_read_counters(r->nl, &now, &e), &e, "counters");
	for (unsigned i = 0; i < r->n; i++)
		n += r->pairs[i].planned;
	if (now.at[TABLE_C_ASKED].packets != r->counts.at[TABLE_C_ASKED].packets)
		return "somebody was asked about what the kernel is to decide by itself";
	n -= decided(r) - r->decided;
	return n ? "the kernel has not opened each flow once that it is to open by itself" : NULL;
}

static bool one_policy(struct run *r)
{
	struct judge *j = judge_of(r);
	struct plan *plan = NULL;
	struct err e = { 0 };
	const char *fault;

	if (!j) {
		r->seen.refused++;
		return true;
	}
	r->seen.policies++;
	sent_must(plan_build(j->prog, j->who, &plan, &e), &e, "plan");
	sent_table(&(struct sent_how){ r->nl, r->native_queue, r->seen.policies > TABLE_GENERATIONS, denies(r) }, j, plan);
	publish(r, j);
	sent_must(table_read_counters(r->nl, &r->counts, &e), &e, "counters");
	r->decided = decided(r);
	add_planned(r, j, plan);
	expect(r, j, plan);
	plan_free(plan);
	fault = opens(r);
	if (fault)
		complain(r, j, NULL, fault);
	for (unsigned c = 0; !fault && c < PAIR_COPIES; c++)
		fire(r, c);
	return !fault && compare(r, j);
}

int main(int argc, char **argv)
{
	static struct run r;
	const uint64_t seed = gen_option(argc, argv, "--seed", 20261122), wanted = gen_option(argc, argv, "--policies", 80);
	const char *missing_one;
	bool ok = true;
	int rc = space_allowed();

	if (rc)
		return rc;
	r.gen.state = seed * 2 + 1;
	r.fail = gen_option(argc, argv, "--fail", 0);
	r.packets = (unsigned)gen_option(argc, argv, "--packets", 40);
	r.packets = r.packets > PAIR_BATCH - PLANNED ? PAIR_BATCH - PLANNED : r.packets;
	setvbuf(stdout, NULL, _IOLBF, 0);
	start(&r);
	while (ok && seen_missing(&r.seen, wanted) && r.seen.policies < wanted + MOST_MORE && r.seen.refused < 10 * (wanted + MOST_MORE))
		ok = one_policy(&r);
	for (unsigned i = 0; i < WORKERS; i++)
		worker_free(r.workers[i]);
	seen_print(&r.seen, seed);
	missing_one = seen_missing(&r.seen, wanted);
	if (ok && missing_one)
		ok = !printf("# that is not enough to say anything: %s\n", missing_one);
	printf("%sok 1 - the kernel does what the naive evaluator says\n", ok ? "" : "not ");
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
