/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_build_fails: fail: open.  What only userspace can decide about a spared device goes to the queue with a note of its own and
 * by a rule of its own, which lets it pass when nobody listens; then it comes to the post chain still bearing the note (a verdict
 * replaces it), is counted by device, stamped and let go.  Where no zone fails open, none of this is in the table. */
#include "kern/table_model.h"

#include <stdio.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>

#include "engine/plan.h"

enum { TRIES = 3 };     /* as for the ledger's other pages */
enum { SPARED4, SPARED6, SPARED_AT4, SPARED_AT6, SPARED_SETS };

static const struct { const char *name; struct table_set_row row; } spared_sets[SPARED_SETS] = {
	[SPARED4] = { "spared4", { .types = { TABLE_T_IFNAME, TABLE_T_ETHER, TABLE_T_IP4 } } },
	[SPARED6] = { "spared6", { .types = { TABLE_T_IFNAME, TABLE_T_ETHER, TABLE_T_IP6 } } },
	[SPARED_AT4] = { "spared-at4", { .types = { TABLE_T_IFNAME, TABLE_T_IP4 } } },
	[SPARED_AT6] = { "spared-at6", { .types = { TABLE_T_IFNAME, TABLE_T_IP6 } } },
};
static const struct table_set_row nobody_rows[2] = {
	{ .types = { TABLE_T_IP4 }, .interval = true }, { .types = { TABLE_T_IP6 }, .interval = true },
};

/* A table that lacks some of the policy's denials opens nothing. */
static bool is_on(const struct table_input *in)
{
	return in->plan.fails && !in->closed && !in->plan.left_out;
}

static uint32_t make_spared(struct table *t)
{
	uint32_t first = 0;

	for (unsigned i = 0; i < SPARED_SETS; i++) {
		const uint32_t set = table_model_set(t, LOC_NONE, &spared_sets[i].row, "%s", spared_sets[i].name);

		first = i ? first : set;
	}
	return first;
}

void table_build_spared(struct table *t, const struct table_input *in, uint32_t *first, const struct table_binding *d)
{
	const struct table_iface *f = &in->ifaces[d->iface];
	const bool six = d->addr.family == 6;
	uint8_t key[TABLE_IFNAME + TABLE_KEY_BYTES];

	if (!d->spared || f->role != TABLE_GUARDED || f->l3 || !is_on(in))
		return;
	if (!*first)
		*first = make_spared(t);
	table_model_ifname_key(f->name, key);
	table_model_binding_key(d, false, key + TABLE_IFNAME);
	table_model_element(t, *first + SPARED4 + six, key, 0);
	table_model_binding_key(d, true, key + TABLE_IFNAME);
	if (d->sole)
		table_model_element(t, *first + SPARED_AT4 + six, key, 0);
}

static struct table_stmt keyed(uint32_t set, enum table_key k1, enum table_key k2, enum table_key k3)
{
	return (struct table_stmt){ .op = TABLE_S_IN, .keys = { k1, k2, k3 }, .index = set };
}

/* Addresses of nobody in particular as a set; UINT32_MAX: there are none. */
static uint32_t nobodys(struct table *t, const struct plan_where *w, bool six, const char *name)
{
	const uint8_t bytes = six ? 16 : 4;
	uint32_t set = UINT32_MAX;
	uint8_t key[32];

	for (size_t i = 0; i < w->n_spans; i++) {
		if (w->spans[i].lo.family != (six ? 6 : 4))
			continue;
		if (set == UINT32_MAX)
			set = table_model_set(t, LOC_NONE, &nobody_rows[six], "%s%u", name, six ? 6U : 4U);
		memcpy(key, w->spans[i].lo.b, bytes);
		memcpy(key + bytes, w->spans[i].hi.b, bytes);
		table_model_element(t, set, key, 0);
	}
	return set;
}

/* A spared device opens: to the firewall itself, to nobody in particular behind an open interface, to another spared device. */
static uint32_t build_to(struct table_build *b, uint32_t spared, uint32_t ask)
{
	const uint32_t to = table_model_chain(b->t, LOC_NONE, "fail-open-to");

	TABLE_RULE(b->t, to, table_is(TABLE_K_OIF, 0), table_goto(ask));
	for (unsigned six = 0; six < 2; six++) {
		const enum table_key daddr = six ? TABLE_K_IP6_DADDR : TABLE_K_IP_DADDR;
		const uint32_t set = nobodys(b->t, &b->in->plan.fails->to, six, "nobodys");

		if (set != UINT32_MAX)
			TABLE_RULE(b->t, to, table_family(six), table_in(TABLE_K_OIFNAME, TABLE_SET_OPEN), table_in(daddr, set),
				   table_goto(ask));
		TABLE_RULE(b->t, to, table_family(six), keyed(spared + SPARED_AT4 + six, TABLE_K_OIFNAME, daddr, 0),
			   table_goto(ask));
	}
	return to;
}

/* Those who come in by that kind of interface, each with an address that may come in there. */
static void build_kind(struct table_build *b, uint32_t from, uint32_t spared, size_t kind, uint32_t ask)
{
	const struct plan_fails *f = b->in->plan.fails;
	char name[TABLE_NAME];

	snprintf(name, sizeof(name), "nobodys-%zu-", kind);
	for (unsigned six = 0; six < 2; six++) {
		const uint32_t set = nobodys(b->t, &f->from[kind], six, name);
		const struct table_stmt to = keyed(spared + SPARED_AT4 + six, TABLE_K_OIFNAME, six ? TABLE_K_IP6_DADDR :
						   TABLE_K_IP_DADDR, 0);

		for (size_t i = 0; set != UINT32_MAX && i < b->in->plan.n_from; i++)
			if (f->from_of[i] == kind && b->in->ifaces[i].role == TABLE_OPEN)
				TABLE_RULE(b->t, from, table_named(TABLE_K_IIFNAME, b->in->ifaces[i].name),
					   table_family(six), table_in(six ? TABLE_K_IP6_SADDR : TABLE_K_IP_SADDR, set), to,
					   table_goto(ask));
	}
}

/* Nobody in particular opens to a spared device. */
static uint32_t build_from(struct table_build *b, uint32_t spared, uint32_t ask)
{
	const struct plan_fails *f = b->in->plan.fails;
	const uint32_t from = table_model_chain(b->t, LOC_NONE, "fail-open-from");

	for (size_t k = 0; k < f->n_from && !f->no_from; k++)
		build_kind(b, from, spared, k, ask);
	return from;
}

/* Of a new flow or one that lost its stamp, of a protocol whose requests conntrack tells from the rest, with a sender's address,
 * by which it is counted; and before anybody else may count as restricted. */
static void build_either(struct table_build *b, uint32_t chain, uint32_t next)
{
	const struct table_stmt own = table_is(TABLE_K_CT_DIRECTION, IP_CT_DIR_ORIGINAL);
	const int64_t until_s = b->in->plan.fails->until_ns / 1000000000;

	table_build_middles(b, chain);
	for (unsigned six = 0; six < 2; six++) {
		const struct table_stmt proto = table_in(TABLE_K_L4PROTO, six ? TABLE_SET_SHAPE6 : TABLE_SET_JUDGED4);

		if (until_s)
			TABLE_RULE(b->t, chain, table_family(six), TABLE_ETHER, proto, table_own_flow(), own,
				   { .op = TABLE_S_BEFORE, .until_s = until_s }, table_jump(next));
		else
			TABLE_RULE(b->t, chain, table_family(six), TABLE_ETHER, proto, table_own_flow(), own, table_jump(next));
	}
	TABLE_RULE(b->t, chain, table_goto(TABLE_CH_ASK));
}

static uint32_t build_ask(struct table_build *b)
{
	const uint32_t ask = table_model_chain(b->t, LOC_NONE, "ask-open");

	TABLE_RULE(b->t, ask, table_jump(TABLE_CH_DENIED));
	TABLE_RULE(b->t, ask, table_set_mark(b, TABLE_S_SET_META_MARK, table_mark_note(b->in->mark_shift, TABLE_NOTE_OPEN)),
		   table_goto(TABLE_CH_ASK_METER));
	return ask;
}

void table_build_fails(struct table_build *b)
{
	uint32_t spared, either, to, first, ask;

	b->ask = TABLE_CH_ASK;
	if (!is_on(b->in))
		return;
	first = spared = make_spared(b->t);
	for (size_t i = 0; i < b->in->n_bindings; i++)
		table_build_spared(b->t, b->in, &first, &b->in->bindings[i]);
	b->ask = table_model_chain(b->t, LOC_NONE, "ask-or-open");
	either = table_model_chain(b->t, LOC_NONE, "fail-open");
	ask = build_ask(b);
	to = build_to(b, spared, ask);
	build_either(b, b->ask, either);
	for (unsigned six = 0; six < 2; six++)
		TABLE_RULE(b->t, either, table_family(six),
			   keyed(spared + SPARED4 + six, TABLE_K_IIFNAME, TABLE_K_ETHER_SADDR,
				 six ? TABLE_K_IP6_SADDR : TABLE_K_IP_SADDR), table_goto(to));
	table_build_from_anybody(b, either, table_jump(build_from(b, spared, ask)));
}

static struct table_stmt has_note(const struct table_build *b)
{
	return table_masked(TABLE_K_META_MARK, b->mask, table_mark_note(b->in->mark_shift, TABLE_NOTE_OPEN));
}

/* The only rules that let pass what nobody listens for. */
void table_build_fails_asked(struct table_build *b)
{
	const uint32_t queues = b->in->queues ? b->in->queues : 1;

	uint32_t queue;

	if (!is_on(b->in))
		return;
	queue = table_model_chain(b->t, LOC_NONE, "ask-open-q");
	TABLE_RULE(b->t, TABLE_CH_ASK_Q, has_note(b), table_goto(queue));
	TABLE_RULE(b->t, queue, table_count(TABLE_C_ASKED));
	TABLE_RULE(b->t, queue, { .op = TABLE_S_QUEUE, .index = b->in->queue, .value = queues,
				  .native = b->in->native_queue, .bypass = true });
}

void table_build_fails_after(struct table_build *b)
{
	if (!is_on(b->in))
		return;
	TABLE_RULE(b->t, TABLE_CH_AFTER, has_note(b), table_own_flow(), table_goto(TABLE_CH_FAILED_OPEN));
	TABLE_RULE(b->t, TABLE_CH_AFTER, has_note(b), table_count(TABLE_C_NO_VERDICT), table_do(TABLE_S_DROP, 0));
}

/* What cannot be counted does not pass: the events tell of all that did. */
void table_build_fails_page(struct table_build *b)
{
	const struct table_stmt count = {
		.op = TABLE_S_UPDATE, .keys = { TABLE_K_IIF, TABLE_K_ETHER_SADDR },
		.index = TABLE_SET_FAILED_OPEN_A + (b->page == 'b'),
	};

	const uint32_t stamp = table_mark(b->in->mark_shift, b->in->generation, TABLE_ALLOW);

	if (!is_on(b->in))
		return;
	for (unsigned i = 0; i < TRIES; i++)
		TABLE_RULE(b->t, TABLE_CH_FAILED_OPEN, TABLE_ETHER, count, table_set_mark(b, TABLE_S_SET_META_MARK, 0),
			   table_set_mark(b, TABLE_S_SET_CT_MARK, stamp), table_count(TABLE_C_FAILED_OPEN),
			   table_do(TABLE_S_ACCEPT, 0));
	TABLE_RULE(b->t, TABLE_CH_FAILED_OPEN, table_count(TABLE_C_NO_VERDICT), table_do(TABLE_S_DROP, 0));
}
