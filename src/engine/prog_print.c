/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program as text: stable, one fact a line. */
#include "engine/prog_part.h"

#include "base/buf.h"

static const char *const dim_names[PROG_DIMS] = { "zone", "device", "host", "joint" };

static const char *rule_name(const struct prog *g, uint32_t rule)
{
	return rule == POLICY_NONE ? "-" : g->policy->rules[rule].id;
}

static void print_zones(const struct prog *g, struct buf *out)
{
	for (uint32_t z = 0; z < g->n_zones + 2; z++) {
		const struct prog_zone *zone = &g->zones[z];

		buf_printf(out, "zone %s: from %u to %u joint %u\n", z < g->n_zones ? g->policy->zones[z].name :
			   z == g->n_zones ? "external" : "firewall", zone->class[PROG_FROM], zone->class[PROG_TO], zone->joint);
	}
}

static void print_leaves(const struct prog *g, struct buf *out)
{
	for (uint32_t i = 0; i < g->n_leaves; i++) {
		const struct prog_leaf *l = &g->leaves[i];

		buf_printf(out, "addresses %u: %s%s%s from %u to %u joint %u %u\n", i,
			   l->zone < g->n_zones ? g->policy->zones[l->zone].name : "unclaimed",
			   prog_is_of_link(g, l) ? " link" : "",
			   l->column == g->n_zones + PROG_UNSPECIFIED ? " unspecified" : "", l->host[PROG_FROM],
			   l->host[PROG_TO], l->joint_host[PROG_FROM], l->joint_host[PROG_TO]);
	}
}

static void print_ids(const struct prog *g, struct buf *out)
{
	for (uint32_t i = 0; i < g->n_ids; i++) {
		const struct prog_id *id = &g->ids[i];

		buf_printf(out, "identity %u:%s%s%s%s from %u to %u joint %u\n", i,
			   id->flags & PROG_RESTRICTED ? " restricted" : "", id->flags & PROG_KNOWN ? " known" : "",
			   i == g->nobody ? " nobody" : "", i == g->firewall ? " firewall" : "", id->class[PROG_FROM],
			   id->class[PROG_TO], id->joint);
	}
	for (uint32_t z = 0; z < g->n_joint_zones; z++) {
		for (uint32_t w = 0; w < g->n_joint_ids; w++) {
			const struct prog_member *m = &g->members[g->member_of[(size_t)z * g->n_joint_ids + w]];

			if (m->first != POLICY_NONE || m->observed != POLICY_NONE)
				buf_printf(out, "restrict joint %u %u: %s observed %s\n", z, w, rule_name(g, m->first),
					   rule_name(g, m->observed));
		}
	}
}

static void print_runs(const char *what, unsigned proto, const uint32_t *table, uint32_t n, struct buf *out)
{
	for (uint32_t lo = 0, hi; table && lo < n; lo = hi) {
		for (hi = lo + 1; hi < n && table[hi] == table[lo]; hi++)
			;
		buf_printf(out, "protocol %u %s %u-%u: service %u\n", proto, what, lo, hi - 1, table[lo]);
	}
}

static void print_tables(const struct prog *g, struct buf *out)
{
	for (uint32_t i = 0; i < g->n_pairs; i++)
		buf_printf(out, "pair %s %s: %u x %u\n", dim_names[g->pairs[i].from], dim_names[g->pairs[i].to],
			   g->n_classes[PROG_FROM][g->pairs[i].from], g->n_classes[PROG_TO][g->pairs[i].to]);
	for (uint32_t set = 1; set < g->n_sets; set++) {
		for (uint32_t s = 0; s < g->n_services; s++) {
			const struct prog_result *r = &g->results[cross_get(&g->services, set, s)];

			if (r->rule != POLICY_NONE || r->observed != POLICY_NONE)
				buf_printf(out, "set %u service %u: %s observed %s\n", set, s, rule_name(g, r->rule),
					   rule_name(g, r->observed));
		}
	}
}

void prog_print(const struct prog *g, struct buf *out)
{
	buf_printf(out, "entries %u, sets %u, services %u, results %u\n", g->n_entries, g->n_sets, g->n_services, g->n_results);
	print_zones(g, out);
	print_leaves(g, out);
	print_ids(g, out);
	for (unsigned i = 0; i < 256; i++) {
		if (!g->protos[i].ports && !g->protos[i].types && g->protos[i].without == g->protos[255].without)
			continue;
		buf_printf(out, "protocol %u: service %u\n", i, g->protos[i].without);
		print_runs("port", i, g->protos[i].ports, 65536, out);
		print_runs("type", i, g->protos[i].types, 256, out);
	}
	print_tables(g, out);
}
