/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows put to somebody's account, and the hour's rows. */
#include "run/allowed_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "engine/prog.h"
#include "policy/policy.h"
#include "run/judge.h"
#include "run/words.h"

enum { HEADS_MIN = 1024 };

/* ---- whose ---- */

static const char *zone_name(const struct judge *j, uint32_t zone, bool here)
{
	return here ? "firewall" : zone < j->policy->n_zones ? j->policy->zones[zone].name : "";
}

static const char *rule_name(const struct judge *j, const struct verdict *v)
{
	if (v->action != POLICY_ALLOW && v->enforced)
		return "former-policy";         /* it was allowed once, and has not sent anything since */
	return v->rule != POLICY_NONE ? j->policy->rules[v->rule].id : words_why(v);
}

void allowed_attribute(const struct judge *j, const struct ctflow *f, const struct allowed_ways *w, struct traffic_row *ret)
{
	const struct pkt p = {
		.src = f->from, .dst = f->to, .proto = f->proto, .icmp_type = f->icmp_type, .has_ports = f->has_ports,
		.sport = f->sport, .dport = f->dport, .iif = w->from, .oif = w->to,
		.hook = w->from_here ? PKT_OUTPUT : w->to_here ? PKT_INPUT : PKT_FORWARD,
	};
	struct verdict v;
	struct flow flow;

	flow_of_pkt(&p, &j->ifmap, j->who, &flow);
	v = prog_eval(j->prog, &flow, NULL);
	*ret = (struct traffic_row){
		.from_device = flow.from.id.device, .to_device = flow.to.id.device, .from = f->from, .to = f->to, .proto = f->proto,
		.port = f->has_ports ? f->dport : (uint16_t)(f->icmp_type << 8 | f->icmp_code),
	};
	snprintf(ret->rule, sizeof(ret->rule), "%s", rule_name(j, &v));
	snprintf(ret->from_zone, sizeof(ret->from_zone), "%s", zone_name(j, v.from_zone, w->from_here));
	snprintf(ret->to_zone, sizeof(ret->to_zone), "%s", zone_name(j, v.to_zone, w->to_here));
}

/* ---- rows ---- */

static uint64_t hash_of(const struct traffic_row *r)
{
	struct { uint64_t device, rule; struct addr from, to; uint16_t port; uint8_t proto; } k;

	memset(&k, 0, sizeof(k));
	k.device = r->from_device;
	k.rule = digest_hash64(r->rule, strlen(r->rule), 1);
	if (!r->from_device)
		k.from = r->from;
	k.to = r->to;
	k.port = r->port;
	k.proto = r->proto;
	return digest_hash64(&k, sizeof(k), 1);
}

static bool is_same(const struct traffic_row *a, const struct traffic_row *b)
{
	return a->from_device == b->from_device && a->proto == b->proto && a->port == b->port && addr_equal(&a->to, &b->to) &&
	       (a->from_device || addr_equal(&a->from, &b->from)) && strcmp(a->rule, b->rule) == 0;
}

void allowed_rows_fini(struct allowed_rows *rows)
{
	VEC_FREE(&rows->at);
	free(rows->heads);
	rows->heads = NULL;
	rows->n_heads = 0;
}

void allowed_rows_begin(struct allowed_rows *rows, int64_t hour_ns)
{
	rows->at.n = 0;
	rows->hour_ns = hour_ns;
	if (rows->heads)
		memset(rows->heads, 0, rows->n_heads * sizeof(*rows->heads));
}

static uint32_t *head_of(const struct allowed_rows *rows, const struct traffic_row *r)
{
	size_t at = hash_of(r) & (rows->n_heads - 1);

	while (rows->heads[at] && !is_same(&rows->at.at[rows->heads[at] - 1].sum, r))
		at = (at + 1) & (rows->n_heads - 1);
	return &rows->heads[at];
}

static bool more_heads(struct allowed_rows *rows)
{
	const size_t n = rows->n_heads ? rows->n_heads * 2 : HEADS_MIN;
	uint32_t *heads;

	if (rows->n_heads && rows->at.n < rows->n_heads / 2)
		return true;
	heads = calloc(n, sizeof(*heads));
	if (!heads)
		return false;
	free(rows->heads);
	rows->heads = heads;
	rows->n_heads = n;
	for (size_t i = 0; i < rows->at.n; i++)
		*head_of(rows, &rows->at.at[i].sum) = (uint32_t)i + 1;
	return true;
}

static void add(struct traffic_row *to, const struct traffic_row *r)
{
	to->flows += r->flows;
	for (int i = 0; i < 2; i++) {
		to->packets[i] += r->packets[i];
		to->bytes[i] += r->bytes[i];
	}
	if (!to->first_ns || r->first_ns < to->first_ns)
		to->first_ns = r->first_ns;
	if (r->last_ns > to->last_ns)
		to->last_ns = r->last_ns;
}

/* The one row that takes what there is no room for: by rule. */
static struct traffic_row folded(const struct traffic_row *r)
{
	struct traffic_row all = *r;

	all.from_device = all.to_device = 0;
	all.from = all.to = (struct addr){ 0 };
	all.proto = 0;
	all.port = 0;
	memset(all.from_zone, 0, sizeof(all.from_zone));
	memset(all.to_zone, 0, sizeof(all.to_zone));
	return all;
}

int allowed_rows_add(struct allowed_rows *rows, const struct traffic_row *r)
{
	struct traffic_row key = *r;
	struct allowed_row *row;
	uint32_t *head;

	if (!more_heads(rows))
		return -1;
	head = head_of(rows, &key);
	if (!*head && rows->at.n >= rows->max) {
		key = folded(r);
		head = head_of(rows, &key);
		rows->folded++;
	}
	if (!*head) {
		struct traffic_row fresh = key;

		fresh.flows = 0;
		memset(fresh.packets, 0, sizeof(fresh.packets));
		memset(fresh.bytes, 0, sizeof(fresh.bytes));
		fresh.first_ns = fresh.last_ns = 0;
		fresh.hour_ns = rows->hour_ns;
		if (!VEC_PUSH(&rows->at, (struct allowed_row){ .sum = fresh }))
			return -1;
		*head = (uint32_t)rows->at.n;
	}
	row = &rows->at.at[*head - 1];
	row->sum.from = key.from;
	row->sum.to_device = key.to_device;
	memcpy(row->sum.from_zone, key.from_zone, sizeof(key.from_zone));
	memcpy(row->sum.to_zone, key.to_zone, sizeof(key.to_zone));
	add(&row->sum, r);
	row->pending = true;
	return 0;
}
