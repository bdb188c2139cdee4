/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records into events: which key they are merged under, which of the kernel's elements counts for it, and the elements that no
 * row remembers, which are judged once more by the judge that made them. */
#include "run/recorder_part.h"

#include <netinet/in.h>
#include <string.h>

#include "base/digest.h"
#include "base/log.h"
#include "base/now.h"
#include "run/hit.h"
#include "run/judge.h"

void recorder_emit(void *arg, const struct event *ev)
{
	static struct log_limit limit;
	struct recorder *r = arg;
	struct event copy = *ev;
	struct err e = { 0 };
	unsigned held;

	if (spool_append(r->spool, &copy, &e) == 0)
		return;
	r->now.append_failed++;
	if (log_allow(&limit, 3, &held))
		log_warn("an event was not kept error=\"%s\" held_back=%u", e.msg, held);
}

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
	ret->device = f->from.id.device;
	if (!ret->device && f->from.has_mac)
		ret->mac = f->from.mac;
	else if (!ret->device)
		ret->from = f->from.addr;
	ret->to = f->to.addr;
	ret->kind = kind;
	ret->proto = f->proto;
	ret->port = f->has_ports ? f->dport : (uint16_t)(f->icmp_type << 8);
	ret->rule = rule_number(j->policy, v, rule);
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
static void tell(struct recorder *r, const struct judge *j, const struct pkt *p, const struct verdict *v,
		 const struct merge_denied *denied, const struct merge_count *c)
{
	const int64_t mono = now_mono_ns();
	struct merge_key key;
	struct event ev;
	struct flow f;

	flow_of_pkt(p, &j->ifmap, j->who, &f);
	if (v->action != POLICY_ALLOW || v->why == VERDICT_EXCEPTION) {
		key_of(j, &f, v, v->rule, (uint8_t)verdict_kind(v), &key);
		if (!merge_hit(r->merge, &key, denied, c, NULL, mono)) {
			words_event(j, p, &f, v, &r->words, &ev);
			merge_start(r->merge, &key, denied, &ev, mono);
		}
	}
	if (v->observed == POLICY_NONE)
		return;
	key_of(j, &f, v, v->observed, EVENT_WOULD_BLOCK, &key);
	if (merge_hit(r->merge, &key, NULL, c, NULL, mono))
		return;
	words_event(j, p, &f, v, &r->words, &ev);
	words_observed(j, v, &r->words, &ev);
	merge_start(r->merge, &key, NULL, &ev, mono);
}

static void tally(struct recorder_stats *s, const struct hit *h)
{
	s->hits++;
	if (h->verdict.action == POLICY_ALLOW)
		return;
	if (!h->verdict.enforced)
		s->would_block++;
	else if ((h->sent_mark & 3) == HIT_DENY)
		s->denied++;
	else if ((h->sent_mark & 3) == HIT_REJECT)
		s->rejected++;
	else
		s->forgotten++;
}

void recorder_hit(struct recorder *r, const struct hit *h)
{
	const struct merge_denied d = denied_of(&h->pkt);
	const bool remembered = h->sent_mark && (h->sent_mark & 3) == HIT_DENY && h->pkt.has_ports;
	const struct merge_count c = { .packets = 1, .bytes = h->pkt.bytes, .first_ns = h->pkt.when_ns, .last_ns = h->pkt.when_ns };

	tally(&r->now, h);
	tell(r, h->judge, &h->pkt, &h->verdict, remembered ? &d : NULL, &c);
}

/* A packet as the element's key describes it. */
static struct pkt pkt_of(const struct recorder_item *it, const struct recorder_element *el)
{
	return (struct pkt){
		.when_ns = it->first_ns, .iif = el->key.iface, .src = el->key.from, .dst = el->key.to, .smac = el->key.mac,
		.has_smac = 1, .proto = el->key.proto, .has_ports = 1, .hook = PKT_FORWARD,
		.sport = el->key.reply ? el->key.port : 0, .dport = el->key.reply ? 0 : el->key.port,
		.direction = el->key.reply ? PKT_REPLY : PKT_ORIGINAL,
	};
}

static void element_again(struct recorder *r, const struct recorder_item *it, const struct recorder_element *el,
			  const struct merge_count *c)
{
	const struct judge *j = it->judge;
	const struct pkt p = pkt_of(it, el);
	struct merge_key key;
	struct verdict v;
	struct event ev;
	struct flow f;

	flow_of_pkt(&p, &j->ifmap, j->who, &f);
	v = prog_eval(j->prog, &f, NULL);
	words_event(j, &p, &f, &v, &r->words, &ev);
	ev.kind = it->outage ? EVENT_OUTAGE : EVENT_BLOCKED;
	ev.action = EVENT_DROPPED;
	ev.packets = c->packets;
	ev.bytes = c->bytes;
	ev.first_ns = c->first_ns;
	ev.last_ns = c->last_ns;
	ev.community_id = NULL;                 /* the source port is not in the key */
	ev.from.has_port = false;               /* whichever way round, the opener's port is what is missing */
	key_of(j, &f, &v, v.rule, (uint8_t)ev.kind, &key);
	if (!merge_hit(r->merge, &key, it->outage ? NULL : &el->key, c, NULL, now_mono_ns()))
		merge_start(r->merge, &key, it->outage ? NULL : &el->key, &ev, now_mono_ns());
}

void recorder_elements(struct recorder *r, const struct recorder_item *it)
{
	for (size_t i = 0; i < it->n_elements; i++) {
		const struct recorder_element *el = &it->elements[i];
		const struct merge_count c = {
			.packets = el->packets, .bytes = el->bytes, .first_ns = it->first_ns, .last_ns = it->last_ns,
		};

		if (el->packets == 0)
			continue;
		r->now.elements++;
		r->now.kernel_denied += el->packets;
		if (it->outage)
			r->now.outage += el->packets;
		if (it->outage || !merge_count_denied(r->merge, &el->key, &c, now_mono_ns()))
			element_again(r, it, el, &c);
	}
}
