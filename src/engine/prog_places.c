/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Places: for each interface and each zone that an address can belong to, the zone that the end stands in and what follows. */
#include "engine/prog_part.h"

/* What an interface carries, in short. */
struct carried {
	uint32_t home;          /* its first guarded zone, else its first */
	uint32_t owner;         /* the zone without networks */
	bool any_guarded, strict;
	uint32_t guards;        /* PROG_GUARDS…, PROG_ENFORCES… of all its zones */
};

/* What a zone adds when it is one of those involved. */
static uint32_t guards_of(const struct policy *p, uint32_t zone)
{
	const struct policy_zone *z = zone == POLICY_NONE ? NULL : &p->zones[zone];
	const bool enforces = z && z->mode == POLICY_ENFORCE;

	if (!z || z->guard == POLICY_OPEN)
		return 0;
	if (z->guard == POLICY_GUARDED)
		return PROG_GUARDS | PROG_GUARDS_RESTRICTED | (enforces ? PROG_ENFORCES | PROG_ENFORCES_RESTRICTED : 0);
	return PROG_GUARDS_RESTRICTED | (enforces ? PROG_ENFORCES_RESTRICTED : 0);
}

static struct carried carried_by(const struct policy *p, uint32_t iface)
{
	struct carried c = { POLICY_NONE, POLICY_NONE, false, false, 0 };

	for (uint32_t i = 0; iface != POLICY_NONE && i < p->ifaces[iface].n_zones; i++) {
		uint32_t zone = p->ifaces[iface].zones[i];
		const struct policy_zone *z = &p->zones[zone];
		bool guarded = z->guard != POLICY_OPEN;

		if (c.home == POLICY_NONE || (guarded && !c.any_guarded))
			c.home = zone;
		if (c.owner == POLICY_NONE && !z->n_nets)
			c.owner = zone;
		c.any_guarded |= guarded;
		c.strict |= z->guard == POLICY_GUARDED;
		c.guards |= guards_of(p, zone);
	}
	return c;
}

static bool stands_on(const struct policy_zone *z, uint32_t iface)
{
	for (uint32_t i = 0; i < z->n_ifaces; i++)
		if (z->ifaces[i] == iface)
			return true;
	return false;
}

/* The guards and enforcers of zone z and of a spoofed one; the interface's others speak where z is not guarded itself. */
static uint32_t involve(const struct policy *p, const struct carried *c, uint32_t zone, uint32_t claimed)
{
	uint32_t own = guards_of(p, zone), flags = own | guards_of(p, claimed);

	flags |= c->guards & (PROG_GUARDS | PROG_GUARDS_RESTRICTED);
	if (!(own & PROG_GUARDS))
		flags |= c->guards & PROG_ENFORCES;
	if (!(own & PROG_GUARDS_RESTRICTED))
		flags |= c->guards & PROG_ENFORCES_RESTRICTED;
	return flags;
}

static struct prog_place place(const struct policy *p, const struct carried *c, uint32_t zone, uint32_t claimed, uint32_t flags)
{
	const struct policy_zone *z = zone == POLICY_NONE ? NULL : &p->zones[zone];

	flags |= involve(p, c, zone, claimed);
	if (z && z->routed)
		flags |= PROG_ROUTED;
	if (z && z->guard == POLICY_GUARDED)
		flags |= PROG_MEANINGFUL;
	if (!(flags & PROG_ROUTED) && (c->strict || (z && z->guard == POLICY_GUARDED)))
		flags |= PROG_PROOF;
	if (!(flags & PROG_ROUTED) && (c->any_guarded || (z && z->guard != POLICY_OPEN)))
		flags |= PROG_PROOF_RESTRICTED;
	return (struct prog_place){ z ? zone : p->n_zones, flags };
}

/* An address of zone by_addr (POLICY_NONE: nobody's) on an interface.  Where a route leads to a guarded zone's address by an
 * interface that is none of the zone's (its own is down, say), whoever is there is not of the zone. */
static struct prog_place place_of(const struct policy *p, uint32_t iface, bool known, uint32_t by_addr, bool sender)
{
	const struct carried c = carried_by(p, iface);
	const struct policy_zone *z = by_addr == POLICY_NONE ? NULL : &p->zones[by_addr];

	if (z) {
		if (known && !sender && z->guard != POLICY_OPEN && z->n_ifaces && !stands_on(z, iface))
			return place(p, &c, POLICY_NONE, by_addr, PROG_STRAY);
		if (!sender || !known || (!z->n_ifaces && !c.any_guarded) || stands_on(z, iface))
			return place(p, &c, by_addr, POLICY_NONE, 0);
		return place(p, &c, c.home, by_addr, PROG_SPOOF);
	}
	if (c.owner != POLICY_NONE)
		return place(p, &c, c.owner, POLICY_NONE, 0);
	return c.any_guarded ? place(p, &c, c.home, POLICY_NONE, PROG_STRAY) : place(p, &c, POLICY_NONE, POLICY_NONE, 0);
}

static struct prog_place place_of_link(const struct policy *p, uint32_t iface)
{
	const struct carried c = carried_by(p, iface);

	return place(p, &c, c.home, POLICY_NONE, 0);
}

/* Nobody could prove the unspecified address. */
static struct prog_place without_proof(struct prog_place at)
{
	at.flags &= ~(uint32_t)(PROG_PROOF | PROG_PROOF_RESTRICTED);
	return at;
}

int prog_places(struct prog_build *b)
{
	const struct policy *p = b->p;
	const size_t columns = b->g->columns = p->n_zones + PROG_MORE_COLUMNS;
	const struct prog_place firewall = { p->n_zones + 1, 0 };

	for (unsigned sender = 0; sender < 2; sender++) {
		struct prog_place *at = prog_alloc(b, (p->n_ifaces + (size_t)PROG_MORE_ROWS) * columns, sizeof(*at));

		if (!at)
			return prog_too_big(b);
		b->g->places[sender] = at;
		for (uint32_t i = 0; i <= p->n_ifaces; i++) {
			uint32_t iface = i < p->n_ifaces ? i : POLICY_NONE;

			for (uint32_t z = 0; z <= p->n_zones; z++)
				at[z] = place_of(p, iface, true, prog_zone_of_row(b, z), sender);
			at[p->n_zones + PROG_LINK] = place_of_link(p, iface);
			at[p->n_zones + PROG_UNSPECIFIED] = without_proof(at[p->n_zones + PROG_LINK]);
			at += columns;
		}
		/* Nothing known: the address's zone lends its first interface. */
		for (uint32_t z = 0; z <= p->n_zones; z++) {
			const struct policy_zone *zone = z < p->n_zones ? &p->zones[z] : NULL;
			uint32_t iface = zone && zone->n_ifaces ? zone->ifaces[0] : POLICY_NONE;

			at[z] = place_of(p, iface, false, prog_zone_of_row(b, z), sender);
			at[PROG_LINK * columns + z] = place_of_link(p, iface);
			at[PROG_UNSPECIFIED * columns + z] = without_proof(at[PROG_LINK * columns + z]);
		}
		for (size_t z = 0; z < columns; z++)
			at[(PROG_FIREWALL - PROG_UNKNOWN) * columns + z] = firewall;
	}
	return 0;
}
