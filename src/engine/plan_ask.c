/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may be opened between two ends: the program is asked about one service of each kind, and answers that stand next to each
 * other and are equal become one.  What is asked already about two ends like these is not asked again. */
#include "engine/plan_part.h"

#include <stdlib.h>
#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17, ICMP6 = 58 };

struct asking {
	struct flow flow;
	int64_t until_ns;
	const uint64_t *key;
};

/* Requests alone: what else ICMP says belongs to some flow, and conntrack takes no other type for a new one. */
static bool is_request(uint8_t proto, unsigned type)
{
	return proto == ICMP ? type == 8 || type == 13 || type == 15 || type == 17 : type == 128;
}

static bool add_run(struct plan_runs *r, struct plan_run run)
{
	struct plan_run *last = r->at.n ? &r->at.at[r->at.n - 1] : NULL;

	if (last && last->proto == run.proto && last->class == run.class && last->hi + 1 == run.lo) {
		last->hi = run.hi;
		return true;
	}
	return VEC_PUSH(&r->at, run);
}

static bool add_proto(struct plan_runs *r, const struct prog *g, uint8_t proto, bool own)
{
	const bool icmp = proto == ICMP || proto == ICMP6;
	const struct prog_proto *p = &g->protos[proto];
	const uint32_t *table = icmp ? p->types : p->ports;
	const unsigned n = icmp ? 256 : 65536;

	for (unsigned v = 0; v < n; v++) {
		uint32_t class = icmp && !(own && is_request(proto, v)) ? PLAN_NONE : table ? table[v] : p->without;

		if (!add_run(r, (struct plan_run){ proto, (uint16_t)v, (uint16_t)v, class }))
			return false;
	}
	return true;
}

/* A protocol with both ports and types (no policy says so) would not fit the program's own order of looking. */
int plan_services(struct plan_build *b)
{
	static const uint8_t protos[] = { ICMP, TCP, UDP, ICMP6 };
	for (unsigned f = 0; f < 2; f++)
		for (size_t i = 0; i < sizeof(protos); i++)
			if (!add_proto(&b->runs[f], b->g, protos[i], protos[i] != (f ? ICMP : ICMP6)))
				return plan_out_of_memory(b);
	b->results = calloc(2 * (b->policy->n_rules + (size_t)1), sizeof(*b->results));
	pool_init(&b->keys, PLAN_KEY_WORDS, &b->p->budget);
	return b->results ? 0 : plan_out_of_memory(b);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static struct plan_answer answer_of(const struct plan_build *b, const struct verdict *v, int64_t until_ns)
{
	struct plan_answer a;
	int64_t ends = sooner(until_ns, b->changes_ns);

	memset(&a, 0, sizeof(a));       /* answers are compared as memory */
	a.rule = POLICY_NONE;
	if (b->p->fails.open && v->enforced && v->action != POLICY_ALLOW)
		a.act = PLAN_REFUSE;
	if (!v->enforced || v->observed != POLICY_NONE)
		return a;
	if (v->action == POLICY_ALLOW && (v->why == VERDICT_EXCEPTION || v->why == VERDICT_RULE)) {
		const struct policy_rule *r = &b->policy->rules[v->rule];

		ends = sooner(ends, sooner(r->expires.set ? r->expires.ns : INT64_MAX, b->begins_ns[v->rule]));
		a.act = PLAN_ALLOW;
		a.rule = v->rule;
		a.ends_ns = ends == INT64_MAX ? 0 : ends;
	}
	if (v->action == POLICY_DROP && v->remember && !(v->why == VERDICT_RESTRICT && v->unknown) &&
	    (v->why == VERDICT_RESTRICT || v->why == VERDICT_RULE || v->why == VERDICT_DEFAULT)) {
		a.act = PLAN_DROP;
		a.rule = v->rule;
	}
	return a;
}

static const struct plan_answer *answer(struct plan_build *b, struct asking *q, const struct plan_run *r)
{
	static const struct plan_answer asked = { .act = PLAN_ASK, .rule = POLICY_NONE };
	const bool icmp = r->proto == ICMP || r->proto == ICMP6;
	const uint32_t n = b->policy->n_rules;
	struct prog_result found;
	struct plan_result *at;
	struct verdict v;

	if (r->class == PLAN_NONE)
		return &asked;
	found = prog_key_result(b->g, q->key, r->class);
	at = &b->results[icmp * (n + (size_t)1) + (found.rule == POLICY_NONE ? n : found.rule)];
	if (at->of == b->asked_about && at->observed == found.observed)
		return &at->answer;
	q->flow.proto = r->proto;
	q->flow.has_ports = !icmp;
	q->flow.sport = icmp ? 0 : 40000;
	q->flow.dport = icmp ? 0 : r->lo;
	q->flow.icmp_type = icmp ? (uint8_t)r->lo : 0;
	v = prog_eval(b->g, &q->flow, NULL);
	b->asked++;
	*at = (struct plan_result){ b->asked_about, found.observed, answer_of(b, &v, q->until_ns) };
	return &at->answer;
}

static bool same(const struct plan_answer *a, const struct plan_answer *b)
{
	return a->act == b->act && a->rule == b->rule && a->ends_ns == b->ends_ns;
}

static bool add_service(struct plan_build *b, const struct plan_run *r, const struct plan_answer *a)
{
	struct plan_service *last = b->services.n > 1 ? &b->services.at[b->services.n - 1] : NULL;
	struct plan_service s;

	if (last && last->proto == r->proto && last->hi + 1 == r->lo && same(&last->answer, a)) {
		last->hi = r->hi;
		return true;
	}
	memset(&s, 0, sizeof(s));
	s.proto = r->proto;
	s.lo = r->lo;
	s.hi = r->hi;
	memcpy(&s.answer, a, sizeof(*a));
	return VEC_PUSH(&b->services, s);
}

/* Of the denials, that of the widest run; without any, everything else is asked. */
static void choose_rest(struct plan_build *b)
{
	struct plan_service *all = b->services.at;
	unsigned widest = 0;
	size_t kept = 1;

	for (size_t i = 1; i < b->services.n; i++) {
		const unsigned width = (unsigned)(all[i].hi - all[i].lo) + 1;

		if (all[i].answer.act == PLAN_DROP && width > widest) {
			widest = width;
			all[0].answer = all[i].answer;
		}
	}
	for (size_t i = 1; i < b->services.n; i++)
		if (!same(&all[i].answer, &all[0].answer))
			all[kept++] = all[i];
	b->services.n = kept;
}

/* The first service of a piece holds what the rest gets. */
static int keep(struct plan_build *b, uint32_t *ret)
{
	const size_t before = b->whats.pieces.n, bytes = b->services.n * sizeof(*b->services.at);
	const uint32_t what = bank_add(&b->whats, b->p->arena, b->services.at, bytes);
	bool allows = false;

	if (what == BANK_NONE)
		return plan_out_of_memory(b);
	for (size_t i = 1; i < b->services.n; i++)
		allows |= b->services.at[i].answer.act == PLAN_ALLOW;
	if (what == before) {
		b->p->stats.services += b->services.n - 1;
		if (!VEC_PUSH(&b->allows, allows))
			return plan_out_of_memory(b);
	}
	*ret = what;
	return 0;
}

static int ask_all(struct plan_build *b, const struct plan_kind *k, struct asking *q, uint32_t *ret)
{
	const struct plan_runs *runs = &b->runs[k->end.addr.family == 6];
	const struct plan_run rest = { .proto = 0, .class = PLAN_NONE };

	b->asked_about++;
	b->services.n = 0;
	if (!add_service(b, &rest, answer(b, q, &rest)))
		return plan_out_of_memory(b);
	for (size_t i = 0; i < runs->at.n; i++)
		if (!add_service(b, &runs->at.at[i], answer(b, q, &runs->at.at[i])))
			return plan_out_of_memory(b);
	choose_rest(b);
	if (b->services.n == 1 && b->services.at[0].answer.act == PLAN_ASK) {
		*ret = PLAN_NONE;
		return 0;
	}
	return keep(b, ret);
}

static bool is_enough(struct plan_build *b)
{
	struct plan_stats *stats = &b->p->stats;

	stats->services_left_out = stats->services_left_out || stats->services >= PLAN_MAX_SERVICES ||
				   b->asked >= PLAN_MAX_ASKED || b->keys.n >= PLAN_MAX_KEYS;
	return stats->services_left_out;
}

/* A pair that was not asked about yet. */
static int ask_new(struct plan_build *b, const struct plan_kind *k, struct asking *q, uint32_t *ret)
{
	uint32_t what = PLAN_NONE;

	if (is_enough(b)) {
		*ret = PLAN_NONE;
		return 0;
	}
	if (ask_all(b, k, q, &what) < 0)
		return -1;
	if (pool_add(&b->keys, q->key) == POOL_NONE || !VEC_PUSH(&b->what_of_key, what))
		return plan_out_of_memory(b);
	*ret = what;
	return 0;
}

int plan_ask(struct plan_build *b, const struct plan_kind *k, const struct plan_end *from, const struct plan_end *to,
	     uint32_t *ret)
{
	uint64_t key[PLAN_KEY_WORDS];
	uint32_t at;

	b->pairs++;
	if (!prog_key(b->g, &from->as, &to->as, key)) {
		*ret = PLAN_NONE;
		return 0;
	}
	key[PROG_KEY_WORDS] = (uint64_t)k->until_ns;
	key[PROG_KEY_WORDS + 1] = k->end.addr.family;
	if (memcmp(key, b->last_key, sizeof(key)) == 0) {
		*ret = b->last_what;
		return 0;
	}
	at = pool_find(&b->keys, key);
	if (at != POOL_NONE) {
		*ret = b->what_of_key.at[at];
	} else {
		struct asking q = { { .from = from->end, .to = to->end }, k->until_ns, key };

		if (ask_new(b, k, &q, ret) < 0)
			return -1;
	}
	memcpy(b->last_key, key, sizeof(key));
	b->last_what = *ret;
	return 0;
}
