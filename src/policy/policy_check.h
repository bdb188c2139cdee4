/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside policy alone: what the checks share.  They run on a policy that was read without errors, so every index holds. */
#ifndef POLICY_POLICY_CHECK_H
#define POLICY_POLICY_CHECK_H

#include "policy/policy_read.h"

/* A prefix of some owner (a zone's index, or 0 where there is one owner alone). */
struct policy_net {
	struct prefix net;
	uint32_t owner, parent;         /* parent: the next wider one in the table, or POLICY_NONE */
	struct loc loc;
};

/* Prefixes sorted by address, then from wide to narrow. */
struct policy_nets {
	struct policy_net *at;
	uint32_t n;
};

/* Findings that come in crowds: after a few of a kind, the rest is only mentioned. */
enum policy_crowd { POLICY_CROWD_NO_ZONE, POLICY_CROWD_REGISTRANT, POLICY_CROWD_UNGUARDED, POLICY_CROWD_STACK, POLICY_CROWDS };

struct policy_check {
	struct policy_read *r;
	const struct policy *p;
	struct diag *d;
	int64_t now_ns;
	struct policy_nets nets;        /* of all zones */
	unsigned told[POLICY_CROWDS];
	bool zone_without_nets;
};

void policy_nets_sort(struct policy_nets *t);                   /* and link parents */
const struct policy_net *policy_nets_find(const struct policy_nets *t, const struct addr *a);   /* longest prefix, or NULL */
/* The zone that owns all of a prefix; POLICY_NONE: none, or several. */
uint32_t policy_nets_owner(const struct policy_nets *t, const struct prefix *p);

/* Should another finding of this kind be shown?  Says once that there are more. */
bool policy_check_few(struct policy_check *c, enum policy_crowd kind, struct loc loc);
/* What an end of a flow can be, as far as the policy alone tells. */
struct policy_span {
	bool v4, v6;                    /* addresses of this family are among it */
	bool guarded;                   /* some of it may stand in a guarded zone */
	bool open;                      /* some of it may not */
};
struct policy_span policy_check_span(const struct policy_check *c, const struct policy_sel *sel);
/* Does the group have the device whatever is learnt of it?  By packs, makers, tags, devices and zones. */
bool policy_check_member(const struct policy_check *c, const struct policy_group *g, const struct policy_device *d);
uint32_t policy_check_zone_of(const struct policy_check *c, const struct policy_device *d);     /* of its first address */
bool policy_check_device_restricted(const struct policy_check *c, const struct policy_device *d);

void policy_check_zones(struct policy_check *c);
void policy_check_devices(struct policy_check *c);
void policy_check_groups(struct policy_check *c);
void policy_check_rules(struct policy_check *c);
void policy_check_reach(struct policy_check *c);
void policy_check_shadow(struct policy_check *c);
void policy_check_tests(struct policy_check *c);

#endif
