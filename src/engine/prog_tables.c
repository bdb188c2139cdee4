/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services become classes; then the cross tables. */
#include "engine/prog_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/vec.h"
#include "engine/span.h"

struct spans {
	VEC(struct span) ports, types;
	bool mentioned;
};

static int add_port(struct spans *protos, const struct policy_port *s, uint32_t entry, uint64_t *bases, size_t words)
{
	struct spans *at = &protos[s->proto];

	at->mentioned = true;
	if (s->has_icmp)
		return VEC_PUSH(&at->types, (struct span){ s->icmp_type, s->icmp_type, entry }) ? 0 : -1;
	if (s->has_ports)
		return s->lo > s->hi || VEC_PUSH(&at->ports, (struct span){ s->lo, s->hi, entry }) ? 0 : -1;
	pool_set(bases + s->proto * words, entry);
	return 0;
}

/* Each entry's pieces to their protocols.  bases: a set per protocol, of entries that want no port; any: that want nothing. */
static int sort_pieces(const struct prog_build *b, struct spans *protos, uint64_t *bases, uint64_t *any)
{
	for (uint32_t entry = 0; entry < b->n_entries; entry++) {
		const struct policy_services *s = &b->p->rules[b->entries[entry]].services;

		if (s->any)
			pool_set(any, entry);
		for (uint32_t i = 0; i < s->n; i++) {
			if (s->ports[i].any_proto)
				pool_set(any, entry);
			else if (add_port(protos, &s->ports[i], entry, bases, b->words) < 0)
				return -1;
		}
	}
	return 0;
}

static bool class_proto(struct prog_build *b, const struct spans *s, const uint64_t *base, struct prog_proto *ret)
{
	ret->without = pool_add(&b->services, base);
	if (ret->without == POOL_NONE)
		return false;
	if (s->ports.n) {
		ret->ports = prog_alloc(b, 65536, sizeof(*ret->ports));
		if (!ret->ports || !span_classes(s->ports.at, s->ports.n, base, &b->services, ret->ports, 65536))
			return false;
	}
	if (s->types.n) {
		ret->types = prog_alloc(b, 256, sizeof(*ret->types));
		if (!ret->types || !span_classes(s->types.at, s->types.n, base, &b->services, ret->types, 256))
			return false;
	}
	return true;
}

static bool class_services(struct prog_build *b, struct spans *protos, uint64_t *bases, const uint64_t *any)
{
	struct prog_proto others = { .without = pool_add(&b->services, any) };

	for (unsigned i = 0; i < 256; i++) {
		uint64_t *base = bases + i * b->words;

		for (size_t w = 0; w < b->words; w++)
			base[w] |= any[w];
		if (!protos[i].mentioned)
			b->g->protos[i] = others;
		else if (!class_proto(b, &protos[i], base, &b->g->protos[i]))
			return false;
	}
	return others.without != POOL_NONE;
}

int prog_services(struct prog_build *b)
{
	AUTO_MEM struct spans *protos = calloc(256, sizeof(*protos));
	AUTO_MEM uint64_t *bases = calloc(257 * b->words, sizeof(*bases));
	uint64_t *any = bases ? bases + 256 * b->words : NULL;
	bool ok = protos && bases;

	pool_init(&b->services, b->words, &b->budget);
	ok = ok && sort_pieces(b, protos, bases, any) == 0 && class_services(b, protos, bases, any);
	for (unsigned i = 0; protos && i < 256; i++) {
		VEC_FREE(&protos[i].ports);
		VEC_FREE(&protos[i].types);
	}
	return ok ? 0 : prog_too_big(b);
}

/* What comes behind an entry that decides for every service never matters. */
static uint32_t set_of(void *ctx, const uint64_t *shared)
{
	struct prog_build *b = ctx;
	size_t w = 0;

	memcpy(b->row, shared, b->words * sizeof(*b->row));
	while (w < b->words && !(b->row[w] & b->ends_here[w]))
		w++;
	if (w < b->words) {
		unsigned bit = (unsigned)__builtin_ctzll(b->row[w] & b->ends_here[w]);

		b->row[w] &= UINT64_MAX >> (63 - bit);
		memset(b->row + w + 1, 0, (b->words - w - 1) * sizeof(*b->row));
	}
	return pool_add(&b->sets, b->row);
}

static uint32_t result_of(void *ctx, const uint64_t *shared)
{
	struct prog_build *b = ctx;
	uint32_t rule = POLICY_NONE, observed = POLICY_NONE;
	uint64_t row;

	for (size_t w = 0; w < b->words && rule == POLICY_NONE; w++) {
		for (uint64_t left = shared[w]; left && rule == POLICY_NONE; left &= left - 1) {
			uint32_t at = b->entries[w * 64 + (unsigned)__builtin_ctzll(left)];

			if (!b->p->rules[at].observe)
				rule = at;
			else if (observed == POLICY_NONE)
				observed = at;
		}
	}
	row = (uint64_t)rule << 32 | observed;
	return pool_add(&b->results, &row);
}

static void unite(const struct pool *p, uint64_t *ret)
{
	memset(ret, 0, p->words * sizeof(*ret));
	for (uint32_t i = 0; i < p->n; i++)
		for (size_t w = 0; w < p->words; w++)
			ret[w] |= pool_at(p, i)[w];
}

/* Does any entry look at the opener from there and at the other end from here? */
static bool is_needed(const struct prog_build *b, unsigned from, unsigned to, uint64_t *left, uint64_t *right)
{
	unite(&b->classes[PROG_FROM][from], left);
	unite(&b->classes[PROG_TO][to], right);
	for (size_t w = 0; w < b->words; w++)
		if (left[w] & right[w])
			return true;
	return false;
}

static int cross_ends(struct prog_build *b)
{
	AUTO_MEM uint64_t *scratch = calloc(2 * b->words, sizeof(*scratch));
	struct prog *g = b->g;

	if (!scratch)
		return err_plain(b->e, ENOMEM, "out of memory");
	for (unsigned i = 0; i < PROG_DIMS * PROG_DIMS; i++) {
		const unsigned from = i / PROG_DIMS, to = i % PROG_DIMS;
		struct prog_pair *pair = &g->pairs[g->n_pairs];

		if (!is_needed(b, from, to, scratch, scratch + b->words))
			continue;
		pair->from = (uint8_t)from;
		pair->to = (uint8_t)to;
		g->n_pairs++;
		if (!cross_build(&pair->cross, &b->classes[PROG_FROM][from], &b->classes[PROG_TO][to], set_of, b, g->arena))
			return prog_too_big(b);
	}
	return 0;
}

static struct prog_outcome outcome_of(const struct policy *p, uint32_t rule)
{
	const struct policy_rule *r = &p->rules[rule];

	if (rule == p->n_rules)
		return (struct prog_outcome){ (uint8_t)p->fallback, VERDICT_DEFAULT };
	if (r->section == POLICY_EXCEPTION)
		return (struct prog_outcome){ POLICY_ALLOW, VERDICT_EXCEPTION };
	return (struct prog_outcome){ (uint8_t)r->action, r->section == POLICY_RESTRICT ? VERDICT_RESTRICT : VERDICT_RULE };
}

static int find_first(struct prog_build *b)
{
	uint32_t *first = b->g->set_first = prog_alloc(b, b->sets.n, sizeof(*first));

	if (!first)
		return prog_too_big(b);
	for (uint32_t i = 0; i < b->sets.n; i++) {
		const uint64_t *row = pool_at(&b->sets, i);
		size_t w = 0;

		while (w < b->words && !row[w])
			w++;
		first[i] = w < b->words ? b->entries[w * 64 + (unsigned)__builtin_ctzll(row[w])] : POLICY_NONE;
	}
	return 0;
}

int prog_tables(struct prog_build *b)
{
	const uint64_t nothing = UINT64_MAX;
	struct prog *g = b->g;

	pool_init(&b->sets, b->words, &b->budget);
	pool_init(&b->results, 1, &b->budget);
	memset(b->row, 0, b->words * sizeof(*b->row));
	if (pool_add(&b->sets, b->row) != 0 || pool_add(&b->results, &nothing) != 0)
		return prog_too_big(b);
	if (cross_ends(b) < 0)
		return -1;
	if (!cross_build(&g->services, &b->sets, &b->services, result_of, b, g->arena))
		return prog_too_big(b);
	g->results = prog_alloc(b, b->results.n, sizeof(*g->results));
	g->outcomes = prog_alloc(b, b->p->n_rules + (size_t)1, sizeof(*g->outcomes));
	if (!g->results || !g->outcomes)
		return prog_too_big(b);
	for (uint32_t i = 0; i <= b->p->n_rules; i++)
		g->outcomes[i] = outcome_of(b->p, i);
	for (uint32_t i = 0; i < b->results.n; i++) {
		uint64_t row = *pool_at(&b->results, i);

		g->results[i] = (struct prog_result){ (uint32_t)(row >> 32), (uint32_t)row };
	}
	g->n_results = b->results.n;
	return find_first(b);
}
