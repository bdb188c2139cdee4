/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries that an earlier one covers whole, so that they never match.  Pairs are compared, each first by three words of
 * bits that say "certainly not"; what is left is compared exactly, within a budget, so that no policy can make it slow.
 * Several entries that cover one together are not looked for. */
#include "policy/policy_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/diag.h"

enum { BUDGET = 50000000, MAX_HOST_NETS = 64 };

/* Bits that an entry which covers this one must have. */
struct shadow {
	uint64_t has_from, has_to, has_proto;   /* what it offers */
	uint64_t any_from, any_to;              /* what would cover its first reference: one bit is enough */
	uint64_t protos;                        /* what it needs: all of them */
};

static uint64_t bit(unsigned n)
{
	return UINT64_C(1) << (n & 63);
}

static uint64_t ref_bit(const struct policy_ref *ref)
{
	if (ref->kind == POLICY_REF_HOST)
		return bit(1);          /* hosts cover each other by their networks */
	return bit(4 + (ref->index * 7 + (unsigned)ref->kind * 13) % 60);
}

static uint64_t offers(const struct policy_sel *sel)
{
	uint64_t bits = 0;

	if (!sel->n || sel->negate)
		return ~UINT64_C(0);
	for (uint32_t i = 0; i < sel->n; i++)
		bits |= sel->refs[i].kind == POLICY_REF_ANY ? ~UINT64_C(0) : ref_bit(&sel->refs[i]) |
			(sel->refs[i].kind == POLICY_REF_GROUP ? bit(2) : sel->refs[i].kind == POLICY_REF_ZONE ? bit(3) : 0);
	return bits | bit(0);
}

/* Bit 0 is offered by everybody: for what needs an exact look. */
static uint64_t needs(const struct policy_sel *sel)
{
	if (!sel->n || sel->negate)
		return ~UINT64_C(0);
	switch (sel->refs[0].kind) {
	case POLICY_REF_HOST: return bit(1) | bit(3);
	case POLICY_REF_DEVICE: return ref_bit(&sel->refs[0]) | bit(2);
	default: return ref_bit(&sel->refs[0]);
	}
}

static uint64_t protos(const struct policy_services *s)
{
	uint64_t bits = 0;

	for (uint32_t i = 0; i < s->n; i++)
		bits |= bit(s->ports[i].proto);
	return s->any ? ~UINT64_C(0) : bits;
}

static bool port_in(const struct policy_port *in, const struct policy_port *out)
{
	if (in->proto != out->proto)
		return false;
	if (out->has_icmp)
		return in->has_icmp && in->icmp_type == out->icmp_type;
	return !out->has_ports || (in->has_ports && out->lo <= in->lo && in->hi <= out->hi);
}

static bool services_in(const struct policy_services *in, const struct policy_services *out, uint64_t *work)
{
	if (out->any || in->any)
		return out->any;
	if (in->ports == out->ports)
		return true;
	*work += (uint64_t)in->n * out->n;
	for (uint32_t i = 0; i < in->n; i++) {
		bool found = false;

		for (uint32_t k = 0; k < out->n && !found; k++)
			found = port_in(&in->ports[i], &out->ports[k]);
		if (!found)
			return false;
	}
	return true;
}

static bool host_in_host(const struct policy_host *in, const struct policy_host *out, uint64_t *work)
{
	if (in->n_nets > MAX_HOST_NETS || out->n_nets > MAX_HOST_NETS)
		return false;
	*work += (uint64_t)in->n_nets * out->n_nets;
	for (uint32_t i = 0; i < in->n_nets; i++) {
		bool found = false;

		for (uint32_t k = 0; k < out->n_nets && !found; k++)
			found = in->nets[i].len >= out->nets[k].len && addr_prefix_contains(&out->nets[k], &in->nets[i].addr);
		if (!found)
			return false;
	}
	return true;
}

static bool host_in_zone(const struct policy_check *c, const struct policy_host *h, uint32_t zone, uint64_t *work)
{
	if (h->n_nets > MAX_HOST_NETS)
		return false;
	*work += h->n_nets * 64u;
	for (uint32_t i = 0; i < h->n_nets; i++)
		if (policy_nets_owner(&c->nets, &h->nets[i]) != zone)
			return false;
	return true;
}

static bool ref_in(const struct policy_check *c, const struct policy_ref *in, const struct policy_ref *out, uint64_t *work)
{
	++*work;
	if (out->kind == POLICY_REF_ANY)
		return true;
	if (in->kind == out->kind && in->index == out->index)
		return true;
	if (in->kind == POLICY_REF_HOST && out->kind == POLICY_REF_HOST)
		return host_in_host(&c->p->hosts[in->index], &c->p->hosts[out->index], work);
	if (in->kind == POLICY_REF_HOST && out->kind == POLICY_REF_ZONE)
		return host_in_zone(c, &c->p->hosts[in->index], out->index, work);
	if (in->kind == POLICY_REF_DEVICE && out->kind == POLICY_REF_GROUP && !c->p->groups[out->index].n_packs &&
	    !c->p->groups[out->index].n_zones) {
		*work += 16;
		return policy_check_member(c, &c->p->groups[out->index], &c->p->devices[in->index]);
	}
	return false;
}

static bool all_in(const struct policy_check *c, const struct policy_sel *in, const struct policy_sel *out, uint64_t *work)
{
	for (uint32_t i = 0; i < in->n; i++) {
		bool found = false;

		for (uint32_t k = 0; k < out->n && !found; k++)
			found = ref_in(c, &in->refs[i], &out->refs[k], work);
		if (!found)
			return false;
	}
	return true;
}

static bool sel_in(const struct policy_check *c, const struct policy_sel *in, const struct policy_sel *out, uint64_t *work)
{
	if (!out->n)
		return true;
	if (out->negate)        /* outside A covers outside B when A lies in B */
		return in->negate && all_in(c, out, in, work);
	for (uint32_t i = 0; i < out->n; i++)
		if (out->refs[i].kind == POLICY_REF_ANY)
			return true;
	return in->n && !in->negate && all_in(c, in, out, work);
}

/* Whenever in is live, so is out. */
static bool time_in(const struct policy_rule *in, const struct policy_rule *out)
{
	return (!out->starts.set || (in->starts.set && out->starts.ns <= in->starts.ns)) &&
	       (!out->expires.set || (in->expires.set && in->expires.ns <= out->expires.ns));
}

static bool maybe_in(const struct shadow *in, const struct shadow *out)
{
	return (in->any_from & out->has_from) && (in->any_to & out->has_to) && !(in->protos & ~out->has_proto);
}

static void say(struct policy_check *c, const struct policy_rule *r, const struct policy_rule *by)
{
	const char *does = r->action == by->action ? "" : by->action == POLICY_ALLOW ? ", and allows it" :
			   by->action == POLICY_DROP ? ", and drops it" : ", and rejects it";

	diag_add2(c->d, DIAG_WARNING, r->loc, by->loc, "the one before it", "'%s' never matches: '%s' stands before it "
		  "and matches all that it would%s; move it up or take it out", r->id, by->id, does);
}

static void compare(struct policy_check *c, const struct shadow *s, uint32_t first, uint32_t end)
{
	const struct policy_rule *rules = c->p->rules;
	uint64_t work = 0;

	for (uint32_t i = first; i < end && work < BUDGET; i++) {
		bool found = rules[i].disabled;

		for (uint32_t k = first; k < i && !found && work < BUDGET; k++) {
			if (!maybe_in(&s[i], &s[k]) || rules[k].disabled || rules[k].observe)
				continue;
			found = time_in(&rules[i], &rules[k]) && services_in(&rules[i].services, &rules[k].services, &work) &&
				sel_in(c, &rules[i].from, &rules[k].from, &work) && sel_in(c, &rules[i].to, &rules[k].to, &work);
			if (found)
				say(c, &rules[i], &rules[k]);
		}
		if (work >= BUDGET)
			diag_add(c->d, DIAG_NOTE, rules[i].loc, "from here on, entries are not looked at for being "
				 "shadowed: there are too many to compare");
	}
}

static void compare_restrict(struct policy_check *c, uint32_t first, uint32_t end)
{
	const struct policy_rule **of_group = calloc(c->p->n_groups + 1, sizeof(*of_group));

	for (uint32_t i = first; i < end && of_group; i++) {
		const struct policy_rule *r = &c->p->rules[i], *by = of_group[r->group];

		if (r->disabled)
			continue;
		if (by && time_in(r, by))
			say(c, r, by);
		if (!r->observe && !by)
			of_group[r->group] = r;
	}
	free(of_group);
}

void policy_check_shadow(struct policy_check *c)
{
	uint32_t n = c->p->n_rules, restricts = c->p->n_exceptions, plain = c->p->n_exceptions + c->p->n_restrict;
	struct shadow *s = calloc((size_t)n + 1, sizeof(*s));

	if (!s) {
		diag_add(c->d, DIAG_ERROR, LOC_NONE, "out of memory while comparing rules");
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct policy_rule *r = &c->p->rules[i];

		s[i] = (struct shadow){ offers(&r->from), offers(&r->to), protos(&r->services), needs(&r->from), needs(&r->to),
					protos(&r->services) };
	}
	compare(c, s, 0, restricts);
	compare_restrict(c, restricts, plain);
	compare(c, s, plain, n);
	free(s);
}
