/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_build_what: the last stage of what the kernel decides by itself: protocol and port to the rule, its counter, its end. */
#include "kern/table_decide.h"

#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter.h>

#define IPV4 table_is(TABLE_K_NFPROTO, NFPROTO_IPV4)
#define IPV6 table_is(TABLE_K_NFPROTO, NFPROTO_IPV6)

enum { DIRECT = 2 };     /* so many ranges need no set */
static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6 };
static const char *const proto_names[] = { "tcp", "udp", "icmp", "icmpv6" };

static const struct table_set_row service_rows[] = {
	{ .types = { TABLE_T_PORT }, .interval = true }, { .types = { TABLE_T_PORT }, .interval = true },
	{ .types = { TABLE_T_ICMP }, .interval = true }, { .types = { TABLE_T_ICMP6 }, .interval = true },
};
static const enum table_key service_keys[] = { TABLE_K_DPORT, TABLE_K_DPORT, TABLE_K_ICMP_TYPE, TABLE_K_ICMP6_TYPE };

/* Counted and stamped, while the rule is in force: an exception that has ended opens nothing, whoever is there to say so.  What
 * leads here has looked at the flow's state: a new one, or one that goes on, and its own direction. */
static uint32_t new_allow(struct table_build *b, uint32_t rule, int64_t until_s)
{
	const char *id = b->in->plan.rules[rule];
	const struct table_stmt clean = table_masked(TABLE_K_META_MARK, b->mask, 0), count = table_count(TABLE_COUNTERS + rule);
	const bool bulk = b->in->offload && b->in->plan.offload && b->in->plan.offload[rule];
	const struct table_stmt stamp = table_set_mark(b, TABLE_S_SET_CT_MARK, table_mark(b->in->mark_shift, b->in->generation,
											   bulk ? TABLE_BULK : TABLE_ALLOW));
	const struct table_stmt before = { .op = TABLE_S_BEFORE, .until_s = until_s };
	uint32_t chain;

	if (until_s) {
		chain = table_model_chain(b->t, LOC_NONE, "allow-%s-until-%lld", id, (long long)until_s);
		TABLE_RULE(b->t, chain, before, clean, count, stamp, table_do(TABLE_S_ACCEPT, 0));
		TABLE_RULE(b->t, chain, before, count, stamp, table_goto(TABLE_CH_PASS));
		if (b->in->plan.fails)          /* what it allowed is not opened by its end */
			TABLE_RULE(b->t, chain, table_goto(TABLE_CH_ASK));
	} else {
		chain = table_model_chain(b->t, LOC_NONE, "allow-%s", id);
		TABLE_RULE(b->t, chain, clean, count, stamp, table_do(TABLE_S_ACCEPT, 0));
		TABLE_RULE(b->t, chain, count, stamp, table_goto(TABLE_CH_PASS));
	}
	b->t->counters.at[rule].used = true;
	return chain;
}

static uint32_t allow_chain(struct table_build *b, const struct plan_answer *x)
{
	struct table_decide *d = b->decide;
	const int64_t until_s = x->ends_ns / 1000000000;
	uint32_t i, chain;

	if (x->rule >= b->in->plan.n_rules)
		return TABLE_CH_ASK;
	for (i = d->allows[x->rule]; i; i = d->allow.at[i - 1].next)
		if (d->allow.at[i - 1].until_s == until_s)
			return d->allow.at[i - 1].chain;
	chain = new_allow(b, x->rule, until_s);
	if (!VEC_PUSH(&d->allow, (struct allow){ chain, d->allows[x->rule], until_s }))
		b->t->failed = true;
	else
		d->allows[x->rule] = (uint32_t)d->allow.n;
	return chain;
}

static uint32_t answer_chain(struct table_build *b, const struct plan_answer *x)
{
	switch (x->act) {
	case PLAN_ALLOW: return allow_chain(b, x);
	case PLAN_DROP: return TABLE_CH_DENY;
	case PLAN_REFUSE: return TABLE_CH_ASK;
	default: return b->ask;
	}
}

static bool same_answer(const struct plan_answer *x, const struct plan_answer *y)
{
	return x->act == y->act && (x->act != PLAN_ALLOW || (x->rule == y->rule && x->ends_ns == y->ends_ns));
}

static void ends_of(const struct plan_service *s, bool ports, uint8_t ret[static 4])
{
	const uint8_t wide[4] = { (uint8_t)(s->lo >> 8), (uint8_t)s->lo, (uint8_t)(s->hi >> 8), (uint8_t)s->hi };
	const uint8_t narrow[4] = { (uint8_t)s->lo, (uint8_t)s->hi };

	memcpy(ret, ports ? wide : narrow, sizeof(wide));
}

/* Few ranges: a rule each, which costs less than a set. */
static void service_rules(struct table_build *b, uint32_t chain, const struct plan_what *w, const uint32_t *group_of,
			  uint32_t group, enum table_key key)
{
	for (size_t i = 0; i < w->n_services; i++) {
		const struct plan_service *s = &w->services[i];
		uint8_t ends[4];

		if (group_of[i] != group)
			continue;
		ends_of(s, true, ends);
		TABLE_RULE(b->t, chain, table_is(TABLE_K_L4PROTO, s->proto), table_range_of(b->t, key, ends, ends + 2),
			   table_jump(answer_chain(b, &s->answer)));
	}
}

/* The services of a group as one rule: all of the protocol, one number, or a set of ranges. */
static void group_rule(struct table_build *b, uint32_t chain, const char *name, const struct plan_what *w,
		       const uint32_t *group_of, uint32_t group)
{
	const struct plan_service *first = NULL;
	struct table_stmt rule[5] = { { 0 } };
	unsigned n = 0, proto = 0, same = 0;
	uint8_t ends[4];
	bool ports;

	for (size_t i = 0; i < w->n_services; i++)
		if (group_of[i] == group && !same++)
			first = &w->services[i];
	while (protos[proto] != first->proto)
		proto++;
	ports = proto < 2;
	if (!ports)
		rule[n++] = protos[proto] == IPPROTO_ICMP ? IPV4 : IPV6;
	rule[n++] = table_is(TABLE_K_L4PROTO, first->proto);
	if (ports && same <= DIRECT && (same > 1 || first->lo > 0 || first->hi < 65535)) {
		service_rules(b, chain, w, group_of, group, service_keys[proto]);
		return;
	}
	if (same == 1 && first->lo == first->hi) {
		rule[n++] = table_is(service_keys[proto], first->lo);
	} else if (same > 1 || first->lo > 0 || first->hi < (ports ? 65535 : 255)) {
		uint32_t set = table_model_set(b->t, LOC_NONE, &service_rows[proto], "%s-%s-%u", proto_names[proto], name, group);

		for (size_t i = 0; i < w->n_services; i++)
			if (group_of[i] == group) {
				ends_of(&w->services[i], ports, ends);
				table_model_element(b->t, set, ends, 0);
			}
		rule[n++] = table_in(service_keys[proto], set);
	}
	rule[n] = table_jump(answer_chain(b, &first->answer));
	table_model_rule(b->t, chain, NULL, rule);
}

static bool is_judged(uint8_t proto)
{
	return memchr(protos, proto, sizeof(protos)) != NULL;
}

/* Same protocol and answer: same group.  Returns how many, or too many. */
static uint32_t group_services(const struct plan_what *w, uint32_t *group_of, const struct plan_service *firsts[TABLE_MAX_RULES])
{
	uint32_t n = 0;

	for (size_t i = 0; i < w->n_services; i++) {
		const struct plan_service *s = &w->services[i];
		uint32_t g = 0;

		if (!is_judged(s->proto))
			return TABLE_MAX_RULES + 1;
		while (g < n && (firsts[g]->proto != s->proto || !same_answer(&firsts[g]->answer, &s->answer)))
			g++;
		if (g == TABLE_MAX_RULES)
			return TABLE_MAX_RULES + 1;
		if (g == n)
			firsts[n++] = s;
		group_of[i] = g;
	}
	return n;
}

uint32_t table_build_what(struct table_build *b, uint32_t what)
{
	const struct plan_service *firsts[TABLE_MAX_RULES];
	const struct plan_what *w;
	const char *name;
	uint32_t *group_of, chain, n;

	what = b->in->plan.what_as[what];
	w = &b->in->plan.whats[what];
	name = b->in->plan.what_names[what];
	if (b->decide->whats[what])
		return b->decide->whats[what];
	chain = b->decide->whats[what] = table_model_chain(b->t, LOC_NONE, "what-%s", name);
	group_of = calloc(w->n_services + 1, sizeof(*group_of));
	if (!group_of) {
		b->t->failed = true;
		return chain;
	}
	n = group_services(w, group_of, firsts);
	/* What has ports first: most flows. */
	for (unsigned ports = 2; ports-- && n <= TABLE_MAX_RULES;)
		for (uint32_t g = 0; g < n; g++)
			if (ports == (firsts[g]->proto == IPPROTO_TCP || firsts[g]->proto == IPPROTO_UDP))
				group_rule(b, chain, name, w, group_of, g);
	free(group_of);
	if (n <= TABLE_MAX_RULES && w->rest.act == PLAN_DROP) {
		TABLE_RULE(b->t, chain, IPV6, table_jump(TABLE_CH_DENY));
		TABLE_RULE(b->t, chain, table_in(TABLE_K_L4PROTO, TABLE_SET_JUDGED4), table_jump(TABLE_CH_DENY));
	}
	return chain;
}
