/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which key a record is merged under, which of the kernel's elements counts for it, and the elements that nobody remembers. */
#include "run/tell.h"

#include <string.h>

#include "base/digest.h"
#include "base/now.h"
#include "policy/policy.h"
#include "run/hit.h"
#include "run/judge.h"

/* Senders with one MAC, on an interface that is not guarded: so many are told apart at once, and a second. */
enum { SENDERS = 256, SENDERS_PER_S = 8 };

/* Stands for the rule over reloads too. */
static uint32_t rule_number(const struct policy *p, const struct verdict *v, uint32_t rule)
{
	if (rule != POLICY_NONE)
		return (uint32_t)digest_hash64(p->rules[rule].id, strlen(p->rules[rule].id), 1);
	return v->why;
}

static void key_of(const struct judge *j, const struct flow *f, const struct verdict *v, uint32_t rule, uint8_t kind,
		   struct merge_key *ret)
{
	MERGE_KEY_INIT(ret);
	/* The MAC before the device: a device's first packets come before it has a record. */
	if (f->from.has_mac)
		ret->mac = f->from.mac;
	else if (f->from.id.device)
		ret->device = f->from.id.device;
	else
		ret->from = f->from.addr;
	ret->to = f->to.addr;
	ret->kind = kind;
	ret->proto = f->proto;
	ret->port = f->has_ports ? f->dport : (uint16_t)(f->icmp_type << 8);
	ret->rule = rule_number(j->policy, v, rule);
}

/* The seed: nobody is to choose MACs that share a router's room. */
void tell_init(struct tell *t, struct merge *m)
{
	t->merge = m;
	t->seed = digest_seed();
}

static bool has_room(struct tell *t, const struct mac *mac, int64_t mono)
{
	const int64_t each = NOW_NS_PER_S / SENDERS_PER_S;
	int64_t *until = &t->rooms[digest_hash64(mac, sizeof(*mac), t->seed) % TELL_ROOMS];

	if (*until < mono)
		*until = mono;
	if (*until - mono > (SENDERS - 1) * each)
		return false;
	*until += each;
	return true;
}

/* Where nothing is guarded a MAC may be a router's. */
static bool may_be_many(const struct judge *j, const struct flow *f)
{
	return f->from.has_mac && f->from.iface != WHO_NONE && !j->policy->ifaces[f->from.iface].guarded;
}

/* Counted for an event that was told; else key is the one to start.  A router's senders are told apart as long as there is room. */
static bool counted(struct tell *t, const struct judge *j, const struct flow *f, struct merge_key *key,
		    const struct merge_denied *denied, const struct merge_count *c, int64_t mono)
{
	if (may_be_many(j, f)) {
		key->from = f->from.addr;
		if (merge_hit(t->merge, key, denied, c, NULL, mono))
			return true;
		if (has_room(t, &f->from.mac, mono))
			return false;
		memset(&key->from, 0, sizeof(key->from));
	}
	return merge_hit(t->merge, key, denied, c, NULL, mono);
}

void tell_many(struct event *ev)
{
	const struct event_end one = ev->from;

	ev->from = (struct event_end){
		.zone = one.zone, .zone_mode = one.zone_mode, .iface = one.iface, .vlan = one.vlan,
		.has_mac = one.has_mac, .mac = one.mac,
	};
	ev->community_id = NULL;
}

/* An event that stands for all the senders there was no room for names none of them. */
static void start(struct tell *t, const struct judge *j, const struct flow *f, const struct merge_key *key,
		  const struct merge_denied *denied, struct event *ev, int64_t mono)
{
	if (may_be_many(j, f) && !key->from.family)
		tell_many(ev);
	merge_start(t->merge, key, denied, ev, mono);
}

static struct merge_denied denied_of(const struct pkt *p)
{
	struct merge_denied d;

	memset(&d, 0, sizeof(d));
	d.from = p->src;
	d.to = p->dst;
	d.mac = p->smac;
	d.proto = p->proto;
	d.reply = p->direction == PKT_REPLY;
	d.port = d.reply ? p->sport : p->dport;
	d.iface = p->iif;
	return d;
}

static enum event_kind verdict_kind(const struct verdict *v)
{
	if (v->action == POLICY_ALLOW)
		return EVENT_EXCEPTION_USED;
	return v->enforced ? EVENT_BLOCKED : EVENT_WOULD_BLOCK;
}

/* The decision itself, then an observed entry that it met. */
static void decision(struct tell *t, const struct judge *j, const struct pkt *p, const struct verdict *v,
		     const struct merge_denied *denied, const struct merge_count *c, int64_t mono)
{
	struct merge_key key;
	struct event ev;
	struct flow f;

	flow_of_pkt(p, &j->ifmap, j->who, &f);
	if (v->action != POLICY_ALLOW || v->why == VERDICT_EXCEPTION) {
		key_of(j, &f, v, v->rule, (uint8_t)verdict_kind(v), &key);
		if (!counted(t, j, &f, &key, denied, c, mono)) {
			words_event(j, p, &f, v, &t->words, &ev);
			start(t, j, &f, &key, denied, &ev, mono);
		}
	}
	if (v->observed == POLICY_NONE)
		return;
	key_of(j, &f, v, v->observed, EVENT_WOULD_BLOCK, &key);
	if (counted(t, j, &f, &key, NULL, c, mono))
		return;
	words_event(j, p, &f, v, &t->words, &ev);
	words_observed(j, v, &t->words, &ev);
	start(t, j, &f, &key, NULL, &ev, mono);
}

void tell_hit(struct tell *t, const struct hit *h, int64_t mono_ns)
{
	const struct merge_denied d = denied_of(&h->pkt);
	const bool remembered = h->sent_mark && (h->sent_mark & 3) == HIT_DENY && h->pkt.has_ports;
	const struct merge_count c = {
		.packets = 1, .bytes = h->pkt.bytes, .first_ns = h->pkt.when_ns, .last_ns = h->pkt.when_ns,
	};

	decision(t, h->judge, &h->pkt, &h->verdict, remembered ? &d : NULL, &c, mono_ns);
}

/* A packet as the element's key describes it. */
static struct pkt pkt_of(const struct tell_denied *el, int64_t when_ns)
{
	const struct merge_denied *key = &el->key;

	return (struct pkt){
		.when_ns = when_ns, .iif = key->iface, .src = key->from, .dst = key->to, .smac = key->mac, .has_smac = 1,
		.proto = key->proto, .has_ports = 1, .hook = el->here ? PKT_INPUT : PKT_FORWARD,
		.sport = key->reply ? key->port : 0, .dport = key->reply ? 0 : key->port,
		.direction = key->reply ? PKT_REPLY : PKT_ORIGINAL,
	};
}

/* The key does not say on which interface it was to leave. */
static struct verdict judged(const struct judge *j, const struct tell_denied *el, struct pkt *p, struct flow *f)
{
	struct verdict v;

	flow_of_pkt(p, &j->ifmap, j->who, f);
	v = prog_eval(j->prog, f, NULL);
	if (v.to_zone != POLICY_NONE || el->here || f->turned || !j->way_out)
		return v;
	p->oif = j->way_out;
	flow_of_pkt(p, &j->ifmap, j->who, f);
	return prog_eval(j->prog, f, NULL);
}

struct verdict tell_judge(const struct judge *j, const struct tell_denied *el)
{
	struct pkt p = pkt_of(el, 0);
	struct flow f;

	return judged(j, el, &p, &f);
}

/* Whatever the judge says by now, the packets were dropped. */
void tell_element_event(const struct judge *j, const struct tell_denied *el, const struct merge_count *c,
			struct words *w, struct flow *f, struct verdict *v, struct event *ret)
{
	struct pkt p = pkt_of(el, c->first_ns);

	*v = judged(j, el, &p, f);
	words_event(j, &p, f, v, w, ret);
	if (v->action == POLICY_ALLOW) {
		ret->rule = ret->rule_place = ret->exception = NULL;
		ret->why = "former";
		ret->reason = "denied by what was known of its ends then";
	}
	ret->kind = EVENT_BLOCKED;
	ret->action = EVENT_DROPPED;
	ret->packets = c->packets;
	ret->bytes = c->bytes;
	ret->first_ns = c->first_ns;
	ret->last_ns = c->last_ns;
	ret->community_id = NULL;       /* the opener's port is not in the key */
	ret->from.has_port = false;
}

void tell_element(struct tell *t, const struct judge *j, const struct tell_denied *el, const struct merge_count *c,
		  bool outage, int64_t mono_ns)
{
	const struct merge_denied *denied = outage ? NULL : &el->key;
	struct merge_key key;
	struct verdict v;
	struct event ev;
	struct flow f;

	tell_element_event(j, el, c, &t->words, &f, &v, &ev);
	if (outage)
		ev.kind = EVENT_OUTAGE;
	key_of(j, &f, &v, v.rule, (uint8_t)ev.kind, &key);
	if (!counted(t, j, &f, &key, denied, c, mono_ns))
		start(t, j, &f, &key, denied, &ev, mono_ns);
}
