/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of exceptions, restrict entries and rules, each by itself. */
#include "policy/policy_check.h"

#include <string.h>

#include "base/diag.h"
#include "base/now.h"

enum { TCP = 6, UDP = 17, MANY_PORTS = 10 };

static const char *noun(const struct policy_rule *r)
{
	return r->section == POLICY_EXCEPTION ? "exception" : r->section == POLICY_RESTRICT ? "restrict entry" : "rule";
}

/* The estate bounds how long an exception may last, from its start or from now. */
static void check_length(struct policy_check *c, const struct policy_rule *r)
{
	int64_t from = r->starts.set ? r->starts.ns : c->now_ns, max = (int64_t)c->p->exception_days * 86400 * NOW_NS_PER_S;
	char day[40];

	if (r->section != POLICY_EXCEPTION || !c->p->exception_days || r->expires.ns - from <= max + 86400 * NOW_NS_PER_S)
		return;
	now_rfc3339(from + max, 0, day, sizeof(day));
	diag_add(c->d, DIAG_ERROR, r->expires.loc, "exception '%s' lasts longer than limits.exception_days allows "
		 "(%u): write %.10s or earlier", r->id, c->p->exception_days, day);
}

static void check_times(struct policy_check *c, const struct policy_rule *r)
{
	if (r->starts.set && r->expires.set && r->expires.ns <= r->starts.ns)
		diag_add2(c->d, DIAG_ERROR, r->expires.loc, r->starts.loc, "the beginning", "%s '%s' ends before it "
			  "begins", noun(r),
			  r->id);
	else if (r->expires.set && r->expires.ns <= c->now_ns)
		diag_add(c->d, DIAG_WARNING, r->expires.loc, "%s '%s' has ended (%s): renew it or take it out", noun(r), r->id,
			 r->expires.text);
	else
		check_length(c, r);
	if (r->section == POLICY_RESTRICT && r->expires.set && r->expires.ns > c->now_ns)
		diag_add(c->d, DIAG_WARNING, r->expires.loc, "restrict entry '%s' ends: from then on its group is left "
			 "to the rules",
			 r->id);
}

static void check_sensitivity(struct policy_check *c, const struct policy_rule *r)
{
	if (r->n_sensitivity && !c->p->site.sensitivity)
		diag_add(c->d, DIAG_ERROR, r->loc, "%s '%s' applies by sensitivity, and the site has none: write site: "
			 "{ sensitivity: … }",
			 noun(r), r->id);
}

/* Ranges of UDP ports that a camera would send to, opened from the other side. */
static bool is_media(const struct policy_rule *r)
{
	for (uint32_t i = 0; i < r->services.n; i++) {
		const struct policy_port *p = &r->services.ports[i];

		if (p->proto == UDP && p->has_ports && p->lo >= 1024 && p->hi - p->lo >= MANY_PORTS)
			return true;
	}
	return false;
}

static bool from_anywhere(const struct policy_sel *from)
{
	for (uint32_t i = 0; i < from->n; i++)
		if (from->refs[i].kind == POLICY_REF_ANY || from->refs[i].kind == POLICY_REF_EXTERNAL)
			return true;
	return !from->n || from->negate;
}

static void check_allow(struct policy_check *c, const struct policy_rule *r)
{
	struct policy_span from = policy_check_span(c, &r->from), to = policy_check_span(c, &r->to);

	if (!r->services.loc.line)
		diag_add(c->d, DIAG_ERROR, r->loc, "rule '%s' allows and lacks 'services': write them, or services: any", r->id);
	else if (r->services.any && from_anywhere(&r->from) && to.guarded)
		diag_add(c->d, DIAG_WARNING, r->services.loc, "%s '%s' opens every service of a guarded zone to "
			 "everybody: name the services, or who opens", noun(r), r->id);
	if (is_media(r) && !from.guarded && to.guarded && !to.open)
		diag_add(c->d, DIAG_WARNING, r->services.loc, "%s '%s' lets '%s' open UDP media to cameras, but media "
			 "over UDP is opened by the camera: write from: %s, to: %s", noun(r), r->id,
			 r->from.n ? r->from.refs[0].name : "any",
			 r->to.n ? r->to.refs[0].name : "any", r->from.n ? r->from.refs[0].name : "any");
}

static bool has_streams(const struct policy_services *s)
{
	bool yes = s->any;

	for (uint32_t i = 0; i < s->n; i++)
		yes = yes || s->ports[i].any_proto || s->ports[i].proto == TCP || s->ports[i].proto == UDP;
	return yes;
}

static bool is_firewall(const struct policy_sel *s)
{
	return s->n == 1 && !s->negate && s->refs[0].kind == POLICY_REF_FIREWALL;
}

/* What is offloaded is looked at again only when something changes that the daemon sees. */
static void check_offload(struct policy_check *c, const struct policy_rule *r)
{
	if (!r->offload)
		return;
	if (r->action != POLICY_ALLOW)
		diag_add(c->d, DIAG_ERROR, r->offload_loc, "rule '%s' allows nothing that could be offloaded: leave 'offload' out",
			 r->id);
	else if (r->observe)
		diag_add(c->d, DIAG_ERROR, r->offload_loc, "rule '%s' only observes, it decides nothing that could be offloaded: "
			 "leave one of the two out", r->id);
	else if (r->expires.set)
		diag_add2(c->d, DIAG_ERROR, r->offload_loc, r->expires.loc, "its end", "rule '%s' ends, and what is offloaded is "
			  "not looked at: leave one of the two out", r->id);
	else if (is_firewall(&r->from) || is_firewall(&r->to))
		diag_add(c->d, DIAG_ERROR, r->offload_loc, "rule '%s' is about the firewall's own flows, which cannot be "
			 "offloaded: only what is forwarded can", r->id);
	else if (!has_streams(&r->services))
		diag_add(c->d, DIAG_ERROR, r->offload_loc, "rule '%s' has no TCP or UDP service, and nothing else can be offloaded",
			 r->id);
}

static void check_twice(struct policy_check *c, const struct policy_sel *sel)
{
	for (uint32_t i = 1; i < sel->n && sel->n <= 256; i++)
		for (uint32_t k = 0; k < i; k++)
			if (sel->refs[i].kind == sel->refs[k].kind && sel->refs[i].index == sel->refs[k].index)
				diag_add(c->d, DIAG_WARNING, sel->refs[i].loc, "'%s' stands in this list twice", sel->refs[i].name);
}

/* Makers cannot be seen behind a router: where unknown devices are left to the rules, that is a hole. */
static void check_routed(struct policy_check *c, const struct policy_rule *r)
{
	const struct policy_group *g = &c->p->groups[r->group];

	for (uint32_t i = 0; i < c->p->n_zones && (g->n_packs || g->n_makers); i++) {
		const struct policy_zone *z = &c->p->zones[i];

		if (z->routed && z->guard != POLICY_OPEN && z->unknown == POLICY_UNKNOWN_RULES)
			diag_add2(c->d, DIAG_WARNING, r->loc, z->loc, "the zone", "restrict entry '%s' goes by makers, "
				  "which cannot be seen in the routed zone '%s', and unknown devices there are left to "
				  "the rules: write unknown: restrict, or list the devices", r->id, z->name);
	}
}

void policy_check_rules(struct policy_check *c)
{
	for (uint32_t i = 0; i < c->p->n_rules; i++) {
		const struct policy_rule *r = &c->p->rules[i];

		check_sensitivity(c, r);
		check_offload(c, r);
		if (r->disabled)
			continue;
		check_times(c, r);
		if (r->section == POLICY_RESTRICT) {
			check_routed(c, r);
			continue;
		}
		if (r->action == POLICY_ALLOW)
			check_allow(c, r);
		check_twice(c, &r->from);
		check_twice(c, &r->to);
	}
}
