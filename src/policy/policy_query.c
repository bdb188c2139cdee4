/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to a policy that is loaded: who is restricted, whose a MAC is, and when any of it changes. */
#include "policy/policy.h"

#include "policy/registry.h"

bool policy_rule_live(const struct policy_rule *r, int64_t now_ns)
{
	return !r->disabled && (!r->starts.set || now_ns >= r->starts.ns) && (!r->expires.set || now_ns < r->expires.ns);
}

static bool is_valid(const struct policy_time *from, const struct policy_time *to, int64_t now_ns)
{
	return (!from->set || now_ns >= from->ns) && (!to->set || now_ns < to->ns);
}

static bool entry_valid(const struct policy_pack *pack, const struct policy_pack_entry *e, int64_t now_ns)
{
	const struct policy_authority *a = &pack->authorities[e->authority];

	return is_valid(&a->valid_from, &a->valid_to, now_ns) && is_valid(&e->valid_from, &e->valid_to, now_ns);
}

static enum policy_tristate assessed(const struct policy *p, uint32_t maker, uint32_t pack)
{
	for (uint32_t i = 0; i < p->n_assessed; i++)
		if (p->assessed[i].maker == maker && p->assessed[i].pack == pack)
			return p->assessed[i].restricted ? POLICY_YES : POLICY_NO;
	return POLICY_UNSET;
}

/* The lower, the stricter; 4: nothing is said of it. */
static unsigned laxness(const struct policy *p, const struct policy_pack_entry *e, uint32_t pack)
{
	enum policy_tristate decided;

	if (e->basis != POLICY_DESCRIBED)
		return e->basis == POLICY_NAMED ? 0 : 1;
	decided = assessed(p, e->maker, pack);
	return decided == POLICY_YES ? 2 : decided == POLICY_UNSET ? 3 : 4;
}

bool policy_maker_restricted(const struct policy *p, uint32_t maker, const uint32_t *packs, uint32_t n_packs, int64_t now_ns,
			     struct policy_basis_hit *ret)
{
	struct policy_basis_hit best = { POLICY_NONE, POLICY_NONE, false, false };
	unsigned least = 4;

	for (uint32_t i = 0; i < (packs ? n_packs : p->n_packs); i++) {
		uint32_t at = packs ? packs[i] : i;
		const struct policy_pack *pack = &p->packs[at];

		for (uint32_t k = 0; (packs || pack->used) && k < pack->n_entries; k++) {
			unsigned lax = pack->entries[k].maker == maker && entry_valid(pack, &pack->entries[k], now_ns) ?
				       laxness(p, &pack->entries[k], at) : 4;

			if (lax >= least)
				continue;
			least = lax;
			best = (struct policy_basis_hit){ at, k, lax < 3, lax == 3 };
		}
	}
	if (ret)
		*ret = best;
	return best.restricted;
}

uint32_t policy_maker_of_mac(const struct policy *p, const struct mac *m, const char **ret_registrant)
{
	struct registry_hit hits[4];
	unsigned n = p->registry ? registry_find(p->registry, m, hits) : 0;

	if (ret_registrant)
		*ret_registrant = n && !hits[0].nobody ? hits[0].name : NULL;
	for (unsigned i = 0; i < n; i++) {
		uint32_t maker = hits[i].nobody ? POLICY_NONE : p->maker_of_registrant[hits[i].registrant];

		if (maker != POLICY_NONE)
			return maker;
	}
	return POLICY_NONE;
}

static void sooner(const struct policy_time *t, int64_t now_ns, int64_t *next)
{
	if (t->set && t->ns > now_ns && t->ns < *next)
		*next = t->ns;
}

int64_t policy_next_clearing(const struct policy_cleared *c, int64_t now_ns)
{
	int64_t next = INT64_MAX;

	if (c) {
		sooner(&c->date, now_ns, &next);
		sooner(&c->until, now_ns, &next);
	}
	return next;
}

int64_t policy_next_authority(const struct policy *p, int64_t now_ns)
{
	int64_t next = INT64_MAX;

	for (uint32_t i = 0; i < p->n_packs; i++) {
		const struct policy_pack *pack = &p->packs[i];

		for (uint32_t k = 0; k < pack->n_authorities; k++) {
			sooner(&pack->authorities[k].valid_from, now_ns, &next);
			sooner(&pack->authorities[k].valid_to, now_ns, &next);
		}
		for (uint32_t k = 0; k < pack->n_entries; k++) {
			sooner(&pack->entries[k].valid_from, now_ns, &next);
			sooner(&pack->entries[k].valid_to, now_ns, &next);
		}
	}
	return next;
}

int64_t policy_next_change(const struct policy *p, int64_t now_ns)
{
	int64_t next = policy_next_authority(p, now_ns);

	for (uint32_t i = 0; i < p->n_rules; i++) {
		if (p->rules[i].disabled)
			continue;
		sooner(&p->rules[i].starts, now_ns, &next);
		sooner(&p->rules[i].expires, now_ns, &next);
	}
	for (uint32_t i = 0; i < p->n_devices; i++) {
		const int64_t clearing = policy_next_clearing(p->devices[i].cleared, now_ns);

		if (clearing < next)
			next = clearing;
	}
	return next;
}
