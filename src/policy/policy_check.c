/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of the site as a whole, its zones, and what the authorities leave open.  An error refuses the policy: it would not
 * do what it says.  A warning is for what it does say but nobody means. */
#include "policy/policy_check.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "policy/doc.h"

enum { CROWD = 5 };

bool policy_check_few(struct policy_check *c, enum policy_crowd kind, struct loc loc)
{
	if (++c->told[kind] == CROWD + 1)
		diag_add(c->d, DIAG_NOTE, loc, "more warnings of this kind are not shown");
	return c->told[kind] <= CROWD;
}

static bool collect_nets(struct policy_check *c)
{
	const struct policy *p = c->p;
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->n_zones; i++)
		n += p->zones[i].n_nets;
	c->nets.at = arena_array(c->r->a, n + 1, struct policy_net);
	if (!c->nets.at)
		return false;
	for (uint32_t i = 0; i < p->n_zones; i++) {
		c->zone_without_nets |= !p->zones[i].n_nets;
		for (uint32_t k = 0; k < p->zones[i].n_nets; k++)
			c->nets.at[c->nets.n++] = (struct policy_net){ p->zones[i].nets[k], i, POLICY_NONE,
								       p->zones[i].net_locs[k] };
	}
	policy_nets_sort(&c->nets);
	return true;
}

/* Prefixes of no zone: of the link, of groups, of the host itself, and IPv4 written as IPv6. */
static const char *special(const struct prefix *p)
{
	static const struct { struct prefix net; const char *what; } table[] = {
		{ { { 6, { 0xfe, 0x80 } }, 10 }, "are of the link and belong to every zone: leave it out" },
		{ { { 6, { 0xff } }, 8 }, "are of groups and belong to no zone: leave it out" },
		{ { { 4, { 224 } }, 4 }, "are of groups and belong to no zone: leave it out" },
		{ { { 4, { 127 } }, 8 }, "are each host's own and belong to no zone: leave it out" },
		{ { { 6, { [15] = 1 } }, 128 }, "are each host's own and belong to no zone: leave it out" },
		{ { { 6, { [10] = 0xff, [11] = 0xff } }, 96 }, "are IPv4 addresses: write them as such" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (p->addr.family == table[i].net.addr.family && p->len >= table[i].net.len &&
		    addr_prefix_contains(&table[i].net, &p->addr))
			return table[i].what;
	return NULL;
}

static void check_net(struct policy_check *c, const struct policy_net *n)
{
	const struct policy_net *up = n->parent == POLICY_NONE ? NULL : &c->nets.at[n->parent];
	const char *mine = c->p->zones[n->owner].name, *what = special(&n->net);
	char text[ADDR_PREFIX_TEXT], wide[ADDR_PREFIX_TEXT];

	addr_prefix_text(&n->net, text, sizeof(text));
	if (what)
		diag_add(c->d, DIAG_ERROR, n->loc, "addresses of %s %s", text, what);
	if (!up)
		return;
	addr_prefix_text(&up->net, wide, sizeof(wide));
	if (up->net.len == n->net.len && up->owner == n->owner)
		diag_add2(c->d, DIAG_ERROR, n->loc, up->loc, "first here", "%s stands in zone '%s' twice", text, mine);
	else if (up->net.len == n->net.len)
		diag_add2(c->d, DIAG_ERROR, n->loc, up->loc, "first here", "%s belongs to zone '%s' already: a prefix has one zone",
			  text, c->p->zones[up->owner].name);
	else if (up->owner == n->owner)
		diag_add2(c->d, DIAG_WARNING, n->loc, up->loc, "the wider one", "%s lies in %s of the same zone: leave it out",
			  text, wide);
}

/* Its packets wait in the queue, or die there, like those of the zone that enforces. */
static void check_mixed_iface(struct policy_check *c, const struct policy_zone *z, const struct policy_iface *f)
{
	if (z->guard == POLICY_OPEN || z->mode == POLICY_ENFORCE)
		return;
	for (uint32_t k = 0; k < f->n_zones; k++) {
		const struct policy_zone *other = &c->p->zones[f->zones[k]];

		if (other->guard == POLICY_OPEN || other->mode != POLICY_ENFORCE)
			continue;
		diag_add2(c->d, DIAG_WARNING, z->loc, other->loc, "the zone that enforces",
			  "zone '%s' observes and shares interface '%s' with zone '%s', which enforces: its packets are asked "
			  "about like that one's, and are dropped while the daemon is away; observe in both, or part them", z->name,
			  f->name, other->name);
		return;
	}
}

static void check_zone_ifaces(struct policy_check *c, const struct policy_zone *z)
{
	for (uint32_t i = 0; i < z->n_ifaces; i++) {
		const struct policy_iface *f = &c->p->ifaces[z->ifaces[i]];

		check_mixed_iface(c, z, f);
		for (uint32_t k = 0; k < i; k++)
			if (z->ifaces[k] == z->ifaces[i])
				diag_add(c->d, DIAG_ERROR, z->loc, "interface '%s' stands in zone '%s' twice", f->name, z->name);
		for (uint32_t k = 0; k < f->n_zones && !z->n_nets; k++)
			if (&c->p->zones[f->zones[k]] != z)
				diag_add2(c->d, DIAG_ERROR, z->loc, c->p->zones[f->zones[k]].loc, "the other zone",
					  "zone '%s' shares interface '%s' with zone '%s', so it needs networks", z->name,
					  f->name, c->p->zones[f->zones[k]].name);
	}
}

/* Keys that say nothing in a zone that is not guarded. */
static void check_open_zone(struct policy_check *c, const struct policy_zone *z)
{
	const char *idle = z->unknown_own ? "unknown" : z->routed ? "routed" : z->dhcp ? "dhcp" : NULL;

	if (z->fail == POLICY_FAIL_OPEN)
		diag_add2(c->d, DIAG_ERROR, z->fail_loc, z->loc, "the zone", "zone '%s' is not guarded, so nothing there waits for "
			  "the daemon: leave it out", z->name);
	if (idle)
		diag_add(c->d, DIAG_WARNING, z->loc, "zone '%s' is not guarded: '%s' does nothing there; write "
			 "guarded: true, or leave it out", z->name, idle);
}

/* A zone on the interface that stays shut, or NULL. */
static const struct policy_zone *fails_closed(const struct policy *p, const struct policy_iface *f)
{
	for (uint32_t k = 0; k < f->n_zones; k++) {
		const struct policy_zone *z = &p->zones[f->zones[k]];

		if (z->guard != POLICY_OPEN && z->mode == POLICY_ENFORCE && z->fail != POLICY_FAIL_OPEN)
			return z;
	}
	return NULL;
}

/* What it means, said each time: it is a hole by intent. */
static void check_fail_open(struct policy_check *c, const struct policy_zone *z)
{
	if (z->mode != POLICY_ENFORCE || z->routed || !z->n_ifaces) {
		diag_add(c->d, DIAG_WARNING, z->fail_loc, "fail: open does nothing in zone '%s': %s", z->name,
			 z->mode != POLICY_ENFORCE ? "it observes, so nothing is dropped there" :
			 z->routed ? "it is routed, so no device there is verified" :
			 "it has no interfaces, so no device there is verified");
		return;
	}
	diag_add(c->d, DIAG_WARNING, z->fail_loc, "zone '%s' fails open: while no daemon listens, what only the daemon can judge "
		 "passes unjudged from and to its known and permitted devices; never of restricted or unknown ones, nor what the "
		 "kernel knows to be denied", z->name);
	for (uint32_t i = 0; i < z->n_ifaces; i++) {
		const struct policy_iface *f = &c->p->ifaces[z->ifaces[i]];
		const struct policy_zone *shut = fails_closed(c->p, f);

		if (shut)
			diag_add2(c->d, DIAG_WARNING, z->fail_loc, shut->loc, "the zone that fails closed",
				  "fail: open of zone '%s' does nothing on interface '%s', which zone '%s' shares: that one fails "
				  "closed", z->name, f->name, shut->name);
	}
}

static void check_zone(struct policy_check *c, const struct policy_zone *z)
{
	if (!z->n_ifaces && !z->n_nets)
		diag_add(c->d, DIAG_ERROR, z->loc, "nothing belongs to zone '%s': give it interfaces or networks", z->name);
	else if (z->guard != POLICY_OPEN && !z->n_ifaces)
		diag_add(c->d, DIAG_WARNING, z->loc, "zone '%s' is guarded and has no interfaces: it is told by "
			 "addresses alone, which can be forged", z->name);
	check_zone_ifaces(c, z);
	if (z->guard == POLICY_OPEN)
		check_open_zone(c, z);
	else if (z->fail == POLICY_FAIL_OPEN)
		check_fail_open(c, z);
	if (z->mode_own && z->mode == POLICY_ENFORCE && c->p->mode == POLICY_OBSERVE)
		diag_add(c->d, DIAG_WARNING, z->loc, "zone '%s' enforces in a site that observes: nothing is dropped; "
			 "write mode: enforce for the site, and observe in the other zones", z->name);
}

void policy_check_zones(struct policy_check *c)
{
	bool guarded = false;

	for (uint32_t i = 0; i < c->p->n_zones; i++) {
		check_zone(c, &c->p->zones[i]);
		guarded |= c->p->zones[i].guard != POLICY_OPEN;
	}
	for (uint32_t i = 0; i < c->nets.n; i++)
		check_net(c, &c->nets.at[i]);
	if (!guarded)
		diag_add(c->d, DIAG_WARNING, c->r->sources.at[c->r->sources.n - 1].doc->root.loc,
			 "no zone is guarded, so nothing is decided: write guarded: true in the zone to be fenced");
}

/* Makers that a used pack only describes, and that nobody has assessed. */
static void list_undecided(struct policy_check *c, const struct policy_pack *pack, uint32_t index, struct loc loc)
{
	char list[300] = "";
	size_t used = 0;
	unsigned n = 0;

	for (uint32_t i = 0; i < pack->n_entries; i++) {
		struct policy_basis_hit hit;

		policy_maker_restricted(c->p, pack->entries[i].maker, &index, 1, c->now_ns, &hit);
		if (pack->entries[i].basis != POLICY_DESCRIBED || !hit.described_only)
			continue;
		if (n++ < 8 && used < sizeof(list))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", n == 1 ? "" : ", ",
						 c->p->makers[pack->entries[i].maker].name);
	}
	if (n)
		diag_add(c->d, DIAG_WARNING, loc, "pack '%s' describes makers without naming them, and nobody has "
			 "decided on %u: %s%s; until assessed: decides, their devices are unknown", pack->name, n,
			 list, n > 8 ? ", ..." : "");
}

static void check_assessed(struct policy_check *c)
{
	for (uint32_t i = 0; i < c->p->n_assessed; i++) {
		const struct policy_assessed *a = &c->p->assessed[i];
		const struct policy_pack *pack = &c->p->packs[a->pack];
		bool described = false;

		for (uint32_t k = 0; k < pack->n_entries; k++)
			described |= pack->entries[k].maker == a->maker && pack->entries[k].basis == POLICY_DESCRIBED;
		if (!described)
			diag_add(c->d, DIAG_ERROR, a->loc, "pack '%s' does not describe maker '%s' without naming it, "
				 "so there is nothing to assess: leave the entry out", pack->name,
				 c->p->makers[a->maker].name);
		for (uint32_t k = 0; k < i; k++)
			if (c->p->assessed[k].maker == a->maker && c->p->assessed[k].pack == a->pack)
				diag_add2(c->d, DIAG_ERROR, a->loc, c->p->assessed[k].loc, "first here",
					  "maker '%s' is assessed under '%s' twice", c->p->makers[a->maker].name, pack->name);
	}
}

static void check_site(struct policy_check *c)
{
	const struct policy *p = c->p;
	const struct doc_node *root = &c->r->sources.at[c->r->sources.n - 1].doc->root, *packs = doc_get(root, "packs");
	struct loc loc = packs ? packs->loc : root->loc;
	bool any_pack = false;

	for (uint32_t i = 0; i < p->n_packs; i++)
		if (p->packs[i].used) {
			list_undecided(c, &p->packs[i], i, loc);
			any_pack = true;
		}
	if (any_pack && !p->n_restrict)
		diag_add(c->d, DIAG_WARNING, loc, "packs say who is restricted, and no restrict entry cuts anybody: "
			 "write a group with packs, and a restrict entry for it");
	for (uint32_t i = 0; i < p->n_zones && !p->n_restrict; i++)
		if (p->zones[i].unknown_own && p->zones[i].unknown == POLICY_UNKNOWN_RESTRICT)
			diag_add(c->d, DIAG_WARNING, p->zones[i].loc, "zone '%s' treats unknown devices as members of "
				 "the first restrict entry, and there is none", p->zones[i].name);
	if (p->site.baseline.set && p->site.remove_by.set && p->site.remove_by.ns <= p->site.baseline.ns)
		diag_add2(c->d, DIAG_ERROR, p->site.remove_by.loc, p->site.baseline.loc, "the baseline",
			  "remove_by lies before the baseline");
	if (p->n_rules && !p->n_tests)
		diag_add(c->d, DIAG_NOTE, root->loc, "the policy has no tests: write some, so that a reload which breaks "
			 "what they ask for is refused");
}

void policy_check_all(struct policy_read *r)
{
	struct policy_check c = { .r = r, .p = r->p, .d = r->d, .now_ns = r->now_ns };

	if (!collect_nets(&c))
		return;
	policy_check_zones(&c);
	policy_check_devices(&c);
	policy_check_groups(&c);
	policy_check_rules(&c);
	check_assessed(&c);
	policy_check_tests(&c);
	if (diag_errors(r->d) != r->errors_before)
		return;         /* what follows would be about a policy that nobody loads */
	policy_check_reach(&c);
	policy_check_shadow(&c);
	check_site(&c);
}
