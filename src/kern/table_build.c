/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_build: from the input to the model.  Pure.  The parts: gate (chains every packet may pass), asks (the way to the
 * queues and what the kernel drops by itself), post (what a verdict does), ifaces (what depends on interfaces and bindings). */
#include "kern/table_model.h"

#include <errno.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "base/arena.h"
#include "base/digest.h"
#include "kern/table_fences.h"

/* mark = mark without our bits, with these. */
struct table_stmt table_set_mark(const struct table_build *b, enum table_op op, uint32_t bits)
{
	return (struct table_stmt){ .op = op, .mask = b->mask, .value = bits };
}

struct table_stmt table_family(bool six)
{
	return table_is(TABLE_K_NFPROTO, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
}

struct table_stmt table_own_flow(void)
{
	return table_bits(TABLE_K_CT_STATE, NF_CT_STATE_BIT(IP_CT_NEW) | NF_CT_STATE_BIT(IP_CT_ESTABLISHED));
}

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
	return value ? value : fallback;
}

static struct table_rates rates_of(const struct table_input *in)
{
	struct table_rates d = TABLE_RATES, r = in->rates;

	return (struct table_rates){
		or_default(r.ask_per_s, d.ask_per_s), or_default(r.ask_burst, d.ask_burst),
		or_default(r.new_per_s, d.new_per_s), or_default(r.new_burst, d.new_burst),
		or_default(r.new_iface_per_s, d.new_iface_per_s), or_default(r.new_iface_burst, d.new_iface_burst),
		or_default(r.observe_per_s, d.observe_per_s),
		or_default(r.again_per_s, d.again_per_s), or_default(r.again_burst, d.again_burst),
		or_default(r.deny_per_s, d.deny_per_s), or_default(r.deny_burst, d.deny_burst),
		or_default(r.others_per_s, d.others_per_s), or_default(r.others_burst, d.others_burst),
	};
}

static int check_iface(const struct table_input *in, size_t i, struct err *e)
{
	const struct table_iface *f = &in->ifaces[i];
	size_t len = strlen(f->name);

	if (!len || len >= TABLE_IFNAME)
		return err_set(e, EINVAL, f->loc, "interface name '%s' has %zu characters, 1 to %d are possible", f->name, len,
			       TABLE_IFNAME - 1);
	if (strpbrk(f->name, "/ \t\n\""))
		return err_set(e, EINVAL, f->loc, "interface name '%s' has a character that no interface has", f->name);
	for (size_t j = 0; j < f->n_routed; j++)
		if (f->routed[j].lo.family != f->routed[j].hi.family || addr_compare(&f->routed[j].lo, &f->routed[j].hi) > 0)
			return err_set(e, EINVAL, f->loc, "a range of addresses behind '%s' is none", f->name);
	return 0;
}

static int check_input(const struct table_input *in, struct err *e)
{
	if (in->generation > TABLE_GENERATIONS_EVER || (!in->generation && !in->closed))
		return err_plain(e, EINVAL, "generation %u is not one of 1 to %d", in->generation, TABLE_GENERATIONS);
	if (in->mark_shift > 24)
		return err_plain(e, EINVAL, "the mark's 8 bits do not fit at bit %u", in->mark_shift);
	if (in->page && in->page != 'a' && in->page != 'b')
		return err_plain(e, EINVAL, "page '%c' is neither a nor b", in->page);
	if (in->queue + (in->queues ? in->queues : 1U) > UINT16_MAX)
		return err_plain(e, EINVAL, "queue %u leaves no number for the unknown", in->queue);
	for (size_t i = 0; i < in->n_ifaces; i++)
		if (check_iface(in, i, e) < 0)
			return -1;
	for (size_t i = 0; i < in->n_bindings; i++)
		if (in->bindings[i].iface >= in->n_ifaces ||
		    (in->bindings[i].addr.family != 4 && in->bindings[i].addr.family != 6))
			return err_plain(e, EINVAL, "binding %zu has no interface or no address", i);
	return 0;
}

static bool some_zone_enforces(const struct table_input *in)
{
	bool yes = in->n_guarded || in->n_remote;

	for (size_t i = 0; i < in->n_ifaces; i++)
		yes = yes || in->ifaces[i].role == TABLE_GUARDED;
	return yes;
}

/* Read back by table_read_about. */
static void build_about(struct table_build *b)
{
	const struct table_input *in = b->in;
	const struct table_stmt stmts[] = { { .op = TABLE_S_RETURN }, { .op = TABLE_S_END } };
	char hex[2 * sizeof(in->digest) + 1];

	digest_hex(in->digest, sizeof(in->digest), hex, sizeof(hex));
	b->t->about = arena_printf(b->t->arena, "ringfence layout %d generation %u page %c digest %s%s", TABLE_LAYOUT,
				   in->generation, b->page, hex, in->closed ? " closed" : "");
	table_model_rule(b->t, TABLE_CH_ABOUT, b->t->about, stmts);
}

static void build_ranges(struct table_build *b, uint32_t set4, const struct table_range *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t bytes = r[i].lo.family == 4 ? 4 : 16;
		uint8_t key[32];

		memcpy(key, r[i].lo.b, bytes);
		memcpy(key + bytes, r[i].hi.b, bytes);
		table_model_element(b->t, r[i].lo.family == 4 ? set4 : set4 + 1, key, 0);
	}
}

static void build_numbers(struct table_build *b, uint32_t set, const char *numbers)
{
	for (; *numbers; numbers++)
		table_model_element(b->t, set, numbers, 0);
}

static void build_sets(struct table_build *b)
{
	build_ranges(b, TABLE_SET_GUARDED4, b->in->guarded, b->in->n_guarded);
	build_ranges(b, TABLE_SET_REMOTE4, b->in->remote, b->in->n_remote);
	build_ranges(b, TABLE_SET_OBSERVED4, b->in->observed, b->in->n_observed);
	for (size_t i = 0; i < b->in->n_listed; i++)
		table_model_element(b->t, TABLE_SET_LISTED, b->in->listed[i].b, 0);
	build_numbers(b, TABLE_SET_SHAPE6, "\x06\x11\x3a");             /* TCP, UDP, ICMPv6 */
	build_numbers(b, TABLE_SET_JUDGED4, "\x01\x06\x11");
	build_numbers(b, TABLE_SET_PORTED, "\x06\x11");                 /* TCP, UDP */
	build_numbers(b, TABLE_SET_ERRORS4, "\x03\x0b\x0c");
	build_numbers(b, TABLE_SET_ERRORS6, "\x01\x02\x03\x04");
	build_numbers(b, TABLE_SET_ND_IN, "\x85\x87\x88");              /* never an advertisement of a router */
	build_numbers(b, TABLE_SET_ND_OUT, "\x83\x84\x85\x86\x87\x88\x8f");
}

static int begin(struct table_build *b, const struct table_input *in, char page, struct table **ret, struct err *e)
{
	if (table_model_new(ret, e) < 0)
		return -1;
	*b = (struct table_build){
		.t = *ret, .in = in, .rates = rates_of(in), .mask = table_mark_mask(in->mark_shift), .page = page,
		.enforcing = some_zone_enforces(in),
	};
	b->t->owner = in->owner;
	build_about(b);
	return 0;
}

static int finish(struct table *t, struct err *e)
{
	table_model_freeze(t);
	return t->failed ? err_plain(e, ENOMEM, "out of memory for the kernel's table") : 0;
}

int table_build_turned(const struct table_input *in, char page, struct table **ret, struct err *e)
{
	AUTO(table) t = NULL;
	struct table_build b;

	if (begin(&b, in, page, &t, e) < 0)
		return -1;
	table_build_page(&b);
	if ((in->fences && table_fences_turned(page, &t->fences, e) < 0) || finish(t, e) < 0)
		return -1;
	*ret = TAKE(t);
	return 0;
}

int table_build(const struct table_input *in, struct table **ret, struct err *e)
{
	AUTO(table) t = NULL;
	struct table_build b;

	if (check_input(in, e) < 0 || begin(&b, in, in->page ? in->page : 'a', &t, e) < 0)
		return -1;
	build_sets(&b);
	table_build_decide(&b);
	table_build_fails(&b);
	table_build_gate(&b);
	table_build_asks(&b);
	table_build_page(&b);
	table_build_early(&b);
	table_build_post(&b);
	table_build_flow(&b);
	table_build_ifaces(&b);
	table_build_base(&b);
	table_build_other_meters(&b);
	table_build_decided(&b);
	if (in->fences && table_fences_build(in, b.page, &t->fences, e) < 0)
		return -1;
	if (finish(t, e) < 0)
		return -1;
	*ret = TAKE(t);
	return 0;
}
