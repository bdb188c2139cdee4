/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prog_part: what the files of prog share: the frozen program, and the workshop in which it is built.
 *
 * An end of a flow is looked at from four sides ("dimensions"), each with classes of its own, so that ten thousand devices and
 * ten thousand hosts do not multiply:
 *	ZONE	the zone it stands in (firewall and external are two more)
 *	DEVICE	its identity: listed device, makers, groups that do not ask for a zone
 *	HOST	the hosts that its address is in
 *	JOINT	for what asks for several of these at once: groups with zones:, mixed lists under not:
 * A class is the set of entries that match from that side; an entry whose list names zones and hosts stands in both.  A flow's
 * entries are then those that a class of the opener and a class of the other end share, for any pair of dimensions that some
 * entry uses: each pair has a cross table.  The shared sets, cut behind the first entry that decides for every service, are the
 * rows of one last table whose columns are the services; its cells say which entry decides and which observed one comes first.
 * The smallest number over all pairs wins.  restrict entries go by membership and zones, apart from all this. */
#ifndef ENGINE_PROG_PART_H
#define ENGINE_PROG_PART_H

#include "base/arena.h"
#include "engine/cross.h"
#include "engine/lpm.h"
#include "engine/pool.h"
#include "engine/prog.h"
#include "policy/policy.h"

enum { PROG_FROM, PROG_TO, PROG_SIDES };
enum { PROG_ZONE, PROG_DEVICE, PROG_HOST, PROG_JOINT, PROG_DIMS };
enum { PROG_BUDGET = 256 << 20 };

/* What is known of an address by its prefix. */
struct prog_leaf {
	uint32_t zone;                          /* n_zones: none */
	uint32_t column;                        /* of the places: the zone, or: */
	uint32_t host[PROG_SIDES];              /* class */
	uint32_t joint_host[PROG_SIDES];
};
enum { PROG_LINK = 1, PROG_UNSPECIFIED, PROG_MORE_COLUMNS };    /* columns behind n_zones; unspecified is of the link, too */
/* Rows of the places behind those of the interfaces: one that no zone names, none known (and an address of the link, or
 * unspecified), the firewall. */
enum { PROG_UNNAMED, PROG_UNKNOWN, PROG_FIREWALL = PROG_UNKNOWN + PROG_MORE_COLUMNS, PROG_MORE_ROWS };

/* What an interface makes of an address's zone; flags of RESTRICTED go for those who are, the others of a pair for the rest. */
enum {
	PROG_SPOOF = 1 << 0, PROG_STRAY = 1 << 1, PROG_ROUTED = 1 << 2,
	PROG_MEANINGFUL = 1 << 3,               /* unknown means something there */
	PROG_GUARDS = 1 << 4, PROG_GUARDS_RESTRICTED = 1 << 5,
	PROG_ENFORCES = 1 << 6, PROG_ENFORCES_RESTRICTED = 1 << 7,
	PROG_PROOF = 1 << 8, PROG_PROOF_RESTRICTED = 1 << 9,    /* a source's address has to be verified */
	PROG_OF_RESTRICTED = PROG_GUARDS_RESTRICTED | PROG_ENFORCES_RESTRICTED | PROG_PROOF_RESTRICTED,
	PROG_OF_OTHERS = PROG_GUARDS | PROG_ENFORCES | PROG_PROOF,
};
struct prog_place {
	uint32_t row;                           /* of prog.zones */
	uint32_t flags;
};

struct prog_zone {
	uint32_t zone;                          /* POLICY_NONE: external, or the firewall */
	uint32_t class[PROG_SIDES];
	uint32_t joint;                         /* row of the joint tables */
};

enum { PROG_RESTRICTED = 1 << 16, PROG_KNOWN = 1 << 17 };       /* beside those of a place */
struct prog_id {
	uint32_t class[PROG_SIDES];
	uint32_t joint;                         /* column of the joint tables */
	uint32_t as_unknown;                    /* the same where unknown means something */
	uint32_t flags;
	uint32_t heeds;                         /* flags of a place that mean something for it */
};

struct prog_proto {
	uint32_t without;                       /* class of flows of which no port or type is known, or matters */
	uint32_t *ports;                        /* class by destination port, or NULL */
	uint32_t *types;                        /* class by ICMP type, or NULL */
};

struct prog_pair {
	uint8_t from, to;                       /* dimensions */
	struct cross cross;                     /* -> row of services */
};

struct prog_result {
	uint32_t rule, observed;
};

/* What follows from what decided. */
struct prog_outcome {
	uint8_t action, why;
};

/* By membership, when the zones differ. */
struct prog_member {
	uint32_t first, observed;               /* entries of policy->rules */
	const uint64_t *of;                     /* bit by restrict entry, 0: the first in policy->rules[n_exceptions] */
};

/* What could be allowed, roughly: for prog_may_allow. */
enum { PROG_MAY_EXCEPT = 1, PROG_MAY_ALLOW = 2, PROG_MAY_INSIDE = 4 /* both ends in one zone */ };

struct prog {
	const struct policy *policy;
	int64_t now_ns;
	struct arena *arena;
	struct lpm *lpm;
	size_t bytes;
	struct prog_leaf *leaves;               /* 0: what no prefix covers, and of whom no address counts */
	uint32_t n_leaves, n_zones, n_ifaces;
	struct prog_place *places[2];           /* of receivers, of senders: (n_ifaces + PROG_MORE_ROWS) x columns */
	uint32_t columns;                       /* n_zones + PROG_MORE_COLUMNS */
	struct prog_zone *zones;                /* and external, firewall */
	uint32_t *device_class;                 /* 0: not listed; then by device */
	uint32_t *maker_plane;                  /* of id_of: 0: no maker; then by maker */
	uint32_t n_devices, n_makers;
	struct policy_basis_hit *maker_hit;
	uint32_t n_device_classes, n_maker_classes;
	uint32_t sticky_plane;                  /* where the sticky ones' begin */
	uint32_t *id_of;                        /* sticky x maker class x device class */
	struct prog_id *ids;
	uint32_t n_ids, nobody, firewall;       /* ids of an unknown and of this host */
	struct prog_proto protos[256];
	struct prog_pair pairs[PROG_DIMS * PROG_DIMS];
	uint32_t n_pairs;
	struct cross services;
	struct prog_result *results;
	struct prog_outcome *outcomes;          /* by entry of policy->rules; the last: none */
	uint32_t n_rules;
	uint32_t *set_first;                    /* by row of services: the first entry that any service finds there */
	uint32_t n_joint_ids, n_joint_zones, n_joint_hosts[PROG_SIDES];
	uint32_t *joint[PROG_SIDES];            /* joint zone x joint id x joint host -> class, or NULL */
	struct prog_member *members;
	uint32_t *member_of;                    /* joint zone x joint id */
	bool restricts;                         /* any member of a restrict entry is any of them */
	bool joins;                             /* or anything else hangs on zone and identity at once */
	uint8_t *zone_may, *id_may;             /* PROG_MAY_…, by row of zones, by id */
	uint8_t *joint_may;                     /* joint zone x joint id */
	uint32_t n_entries, n_classes[PROG_SIDES][PROG_DIMS], n_sets, n_services, n_results, n_members;
};

/* An end of a flow, as a decision looks at it.  Its flags are those of its identity, and what the place says of such a one:
 * MEANINGFUL is left where it is unknown and that means something. */
struct prog_end {
	uint32_t row, flags;                    /* of the place */
	uint32_t joint;                         /* joint zone and id, as members are found; if anything joins */
	uint32_t class[PROG_DIMS];
};

static inline bool prog_is_of_link(const struct prog *g, const struct prog_leaf *leaf)
{
	return leaf->column > g->n_zones;
}

static inline const struct prog_place *prog_place(const struct prog *g, const struct flow_end *end, const struct prog_leaf *leaf,
						  bool sender)
{
	uint32_t row = end->iface < g->n_ifaces ? end->iface : g->n_ifaces, column = leaf->column;

	if (!end->iface_known || end->firewall) {
		row = g->n_ifaces + (end->firewall ? PROG_FIREWALL : PROG_UNKNOWN);
		if (!end->firewall && prog_is_of_link(g, leaf)) {
			row += column - g->n_zones;
			column = leaf->zone;
		}
	}
	return &g->places[sender][(size_t)row * g->columns + column];
}

/* NONE is -1: that of nobody in particular stands at 0. */
static inline const uint32_t *prog_device(const struct prog *g, const struct who_id *id)
{
	return &g->device_class[(uint32_t)(id->listed + 1)];
}

/* routed: what the registry says of the MAC does not count. */
static inline uint32_t prog_id_row(const struct prog *g, const struct who_id *id, bool routed)
{
	const uint32_t maker = routed ? 0 : id->maker + 1;

	return g->id_of[(size_t)g->maker_plane[maker] + id->sticky * g->sticky_plane + *prog_device(g, id)];
}

/* An identity, as entries are matched against it while building. */
struct prog_who {
	uint32_t listed, makers[3];
	bool cleared, sticky, firewall, restricted, known, unknown;
};

/* Where a zone, group, device or host stands in the entries' lists. */
struct prog_use {
	enum policy_ref_kind kind;
	uint32_t index, entry;
	bool negate;
};
struct prog_uses {
	struct prog_use *at;
	size_t n, cap;
};

enum { PROG_ASKS_ZONE = 1, PROG_ASKS_WHO = 2 };

struct prog_build {
	struct prog *g;
	const struct policy *p;
	struct err *e;
	struct pool_budget budget;
	uint32_t *entries;                      /* live exceptions and rules: into policy->rules */
	uint32_t n_entries;
	size_t words;                           /* of a set of entries */
	uint8_t *group_asks;
	bool *group_maker;                      /* group x maker: its packs restrict it */
	bool *group_joint;                      /* groups that the joint dimension and restrict look into */
	bool *device_named, *device_joint, *zone_joint, *host_joint[PROG_SIDES];
	struct prog_uses uses[PROG_SIDES];
	uint64_t *base[PROG_SIDES][PROG_DIMS];  /* entries that match there unless a use clears them */
	uint64_t *joint_entries[PROG_SIDES];
	struct pool classes[PROG_SIDES][PROG_DIMS];
	struct pool sets, services, results, members;
	uint64_t *ends_here;                    /* entries that decide for every service */
	/* One of each kind, for the joint tables: identities, zones (as rows of prog.zones), sets of hosts. */
	struct { struct prog_who *at; size_t n, cap; } joint_who;
	struct { uint32_t *at; size_t n, cap; } joint_zones;
	struct pool joint_hosts[PROG_SIDES];
	uint64_t *row;                          /* scratch, words */
};

/* Steps of prog_build, in this order; each sets *b->e when it returns -1. */
int prog_entries(struct prog_build *b);
int prog_places(struct prog_build *b);
int prog_hosts(struct prog_build *b);
int prog_zones(struct prog_build *b);
int prog_ids(struct prog_build *b);
int prog_joint(struct prog_build *b);
int prog_members(struct prog_build *b);
int prog_services(struct prog_build *b);
int prog_tables(struct prog_build *b);
int prog_may(struct prog_build *b);

/* The tables are too big, or memory ran out: names the entries that cost most. */
int prog_too_big(struct prog_build *b);
void *prog_alloc(struct prog_build *b, size_t n, size_t size);  /* in the program's arena, counted; NULL: too big */
/* Set or clear the entries whose lists on that side name it. */
void prog_apply(const struct prog_build *b, unsigned side, enum policy_ref_kind kind, uint32_t index, uint64_t *row);
/* Does the group have this member?  zone: POLICY_NONE outside. */
bool prog_is_member(const struct prog_build *b, uint32_t group, const struct prog_who *who, uint32_t zone);
/* Its own keys alone, zones: and except: left out. */
bool prog_is_like(const struct prog_build *b, uint32_t group, const struct prog_who *who);
/* One combination of what a list can name; zone_row as prog.zones, hosts a set. */
struct prog_combination {
	uint32_t zone_row;
	const struct prog_who *who;
	const uint64_t *hosts;
};
bool prog_is_selected(const struct prog_build *b, const struct policy_sel *sel, const struct prog_combination *c);
bool prog_is_cleared(const struct policy_cleared *c, int64_t now_ns);
static inline uint32_t prog_zone_of_row(const struct prog_build *b, uint32_t row)
{
	return row < b->p->n_zones ? row : POLICY_NONE;
}

static inline const struct prog_leaf *prog_leaf_of(const struct prog *g, const struct addr *a)
{
	return &g->leaves[lpm_find(g->lpm, a)];
}

/* f, whose address has that leaf, as the opener, who is the sender (PROG_FROM), or as the other end. */
void prog_look(const struct prog *g, const struct flow_end *f, const struct prog_leaf *leaf, unsigned side, struct prog_end *ret);
/* What the entries have to say about two ends, whatever the service: flows with equal keys get equal verdicts for equal services
 * but for their zones; what stands behind the restrict entry that decides is left out.  For whole flows of openers that are
 * verified or need not be.  false: no entry decides (unguarded, spoofed) or nothing is enforced. */
enum { PROG_KEY_WORDS = PROG_DIMS * PROG_DIMS / 2 + 2 };
bool prog_key(const struct prog *g, const struct prog_end *from, const struct prog_end *to, uint64_t key[static PROG_KEY_WORDS]);
/* Which exception or rule decides there for a class of services, and which observed one comes first: flows with equal keys and
 * equal results get equal verdicts, but that only those with ports are remembered. */
struct prog_result prog_key_result(const struct prog *g, const uint64_t key[static PROG_KEY_WORDS], uint32_t service);

/* Fills the trace of a decision that is made. */
void prog_explain(const struct prog *g, const struct flow *f, const struct verdict *v, struct trace *tr);

#endif
