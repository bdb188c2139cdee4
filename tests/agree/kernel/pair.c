/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agree/kernel/pair.h"

#include <stdio.h>
#include <string.h>

#include "agree/gen.h"
#include "agree/kernel/lab.h"
#include "base/buf.h"
#include "engine/naive.h"
#include "ident/ident.h"
#include "policy/policy.h"
#include "run/hit.h"
#include "run/judge.h"

enum { STRANGER = 4, HERE = 8, OWN = 6, ODD = 4 };
/* percent: an interface that is not meant; to and from the firewall itself; options or an extension header */

static unsigned port_of(struct gen *g, const struct policy *p, uint32_t ifindex)
{
	if (!p->n_ifaces || gen_chance(g, STRANGER))
		return gen_below(g, LAB_PORTS);
	return lab_port(p->ifaces[ifindex - 1].name);
}

static void aim(struct pair *x, const struct lab *l)
{
	x->pkt.iif = x->in == LAB_HERE ? 0 : l->near[x->in];
	x->pkt.oif = x->out == LAB_HERE ? 0 : l->near[x->out];
	x->pkt.hook = x->out == LAB_HERE ? PKT_INPUT : x->in == LAB_HERE ? PKT_OUTPUT : PKT_FORWARD;
	if (x->pkt.has_ports)
		x->pkt.sport = (uint16_t)(1024 + x->token % PAIR_TOKENS);
}

void pair_make(struct gen *g, const struct policy *p, const struct lab *l, const struct pair *before, unsigned n, uint32_t token,
	       struct pair *ret)
{
	*ret = (struct pair){ .token = token };
	gen_packet(g, p, &ret->pkt);
	ret->in = port_of(g, p, ret->pkt.iif);
	ret->out = gen_chance(g, HERE) ? LAB_HERE : port_of(g, p, ret->pkt.oif);
	for (unsigned i = 0; i < n; i++)
		if (addr_equal(&before[i].pkt.dst, &ret->pkt.dst))
			ret->out = before[i].out;
	if (ret->out != LAB_HERE && gen_chance(g, OWN)) {
		ret->in = LAB_HERE;
		ret->pkt.has_smac = 0;
	}
	aim(ret, l);
	if (gen_chance(g, ODD))
		ret->pkt.shape = ret->pkt.src.family == 4 ? PKT_OPTIONS : PKT_EXTENSION;
	if (ret->pkt.proto == 6)
		ret->pkt.tcp_flags = PKT_TCP_SYN;
}

/* On no interface where anybody is guarded, if there is one. */
static unsigned open_port(struct gen *g, const struct policy *p)
{
	unsigned port = gen_below(g, LAB_PORTS);

	for (unsigned i = 0; i < LAB_PORTS; i++, port = (port + 1) % LAB_PORTS) {
		bool guarded = false;

		for (uint32_t k = 0; k < p->n_ifaces; k++)
			guarded = guarded || (p->ifaces[k].guarded && lab_port(p->ifaces[k].name) == port);
		if (!guarded)
			break;
	}
	return port;
}

/* Mostly where nobody is guarded: of a host that the policy names, or anywhere. */
static struct addr outside(struct gen *g, const struct policy *p, uint8_t family)
{
	struct addr a = gen_plain_addr(g, p, family);

	for (unsigned i = 0; i < 8; i++, a = gen_plain_addr(g, p, family)) {
		bool guarded = false;

		for (uint32_t z = 0; z < p->n_zones; z++)
			for (uint32_t k = 0; k < p->zones[z].n_nets; k++)
				guarded = guarded || (p->zones[z].guard && addr_prefix_contains(&p->zones[z].nets[k], &a));
		if (!guarded)
			break;
	}
	return a;
}

static uint16_t a_service(struct gen *g, const struct policy *p, struct pkt *k)
{
	struct flow f;

	do
		gen_service(g, p, &f);
	while (f.proto != 6 && f.proto != 17 && f.proto != (k->src.family == 6 ? 58 : 1));
	k->proto = f.proto;
	k->has_ports = f.proto == 6 || f.proto == 17;
	k->icmp_type = f.proto == 1 ? 8 : f.proto == 58 ? 128 : 0;
	k->tcp_flags = f.proto == 6 ? PKT_TCP_SYN : 0;
	return k->has_ports ? f.dport : 0;
}

bool pair_aim(struct gen *g, const struct lab *l, const struct judge *j, const struct pair *before, unsigned n, struct pair *ret)
{
	const size_t bindings = who_bindings(j->who);
	const struct who_binding *b = bindings ? who_binding(j->who, gen_below(g, (uint32_t)bindings)) : NULL;
	const unsigned way = gen_below(g, 4), here = b ? lab_port(j->policy->ifaces[b->iface].name) : LAB_PORTS;
	struct pair x = { 0 };

	if (here == LAB_PORTS)
		return false;
	x.pkt = (struct pkt){ .has_smac = 1, .smac = b->mac, .bytes = 60, .src = b->addr };
	x.pkt.dst = outside(g, j->policy, b->addr.family);
	x.in = here;
	x.out = way == 1 ? LAB_HERE : open_port(g, j->policy);
	if (way >= 2) {
		x.pkt.src = x.pkt.dst;
		x.pkt.dst = b->addr;
		x.pkt.smac = (struct mac){ { 2, 0xbe, 0, 0, 1, 0 } };
		x.in = x.out;
		x.out = here;
	}
	x.pkt.dport = a_service(g, j->policy, &x.pkt);
	for (unsigned i = 0; i < n; i++)
		if (addr_equal(&before[i].pkt.dst, &x.pkt.dst))
			x.out = before[i].out;
	aim(&x, l);
	*ret = x;
	return x.in != x.out && !addr_equal(&x.pkt.src, &x.pkt.dst);
}

void pair_renew(struct pair *x, const struct lab *l, uint32_t token)
{
	x->token = token;
	aim(x, l);
}

void pair_prove(const struct pair *x, struct ident *id, int64_t now_ns)
{
	if (x->in != LAB_HERE)
		ident_leased(id, lab_names[x->in], &x->pkt.smac, &x->pkt.src, now_ns);
}

void pair_expect(struct pair *x, const struct judge *j)
{
	flow_of_pkt(&x->pkt, &j->ifmap, j->who, &x->flow);
	x->want = naive_eval(j->policy, j->at_ns, &x->flow);
	x->passes = x->want.action == POLICY_ALLOW || !x->want.enforced;
	x->astray = x->told = x->lied = 0;
	memset(x->heard, 0, sizeof(x->heard));
}

/* From the one who holds the address, or from somebody else. */
static struct mac answering(struct gen *g, const struct judge *j, const struct pair *x)
{
	const uint32_t iface = judge_iface_of(j, x->pkt.oif);
	const struct mac next_hop = { { 2, 0xbe, 0, 0, 0, (uint8_t)x->out } };

	for (size_t i = gen_chance(g, 25) ? who_bindings(j->who) : 0; i < who_bindings(j->who); i++)
		if (who_binding(j->who, i)->iface == iface && addr_equal(&who_binding(j->who, i)->addr, &x->pkt.dst))
			return who_binding(j->who, i)->mac;
	return gen_chance(g, 50) ? x->pkt.smac : next_hop;
}

static bool is_enforcing(const struct policy *p, uint32_t iface)
{
	for (uint32_t i = 0; iface != WHO_NONE && i < p->ifaces[iface].n_zones; i++) {
		const struct policy_zone *z = &p->zones[p->ifaces[iface].zones[i]];

		if (z->guard != POLICY_OPEN && z->mode == POLICY_ENFORCE)
			return true;
	}
	return false;
}

static bool is_routed(const struct policy *p)
{
	for (uint32_t i = 0; i < p->n_zones; i++)
		if (p->zones[i].routed)
			return true;
	return false;
}

/* What the evaluator lets pass arrives.  What it does not may still ride on the flow's stamp, but never from where guarded
 * devices stand without a proved address. */
void pair_answer(struct pair *x, struct gen *g, const struct judge *j)
{
	struct pkt *a = &x->answer;
	struct flow f;

	*a = x->pkt;
	a->iif = x->pkt.oif;
	a->oif = x->pkt.iif;
	a->src = x->pkt.dst;
	a->dst = x->pkt.src;
	a->sport = x->pkt.dport;
	a->dport = x->pkt.sport;
	a->hook = x->in == LAB_HERE ? PKT_INPUT : x->out == LAB_HERE ? PKT_OUTPUT : PKT_FORWARD;
	a->direction = PKT_REPLY;
	a->shape = 0;
	a->tcp_flags = x->pkt.proto == 6 ? PKT_TCP_SYN | PKT_TCP_ACK : 0;
	a->icmp_type = x->pkt.proto == 1 ? 0 : x->pkt.proto == 58 ? 129 : 0;
	a->has_smac = x->out != LAB_HERE;
	if (a->has_smac)
		a->smac = answering(g, j, x);
	flow_of_pkt(a, &j->ifmap, j->who, &f);
	x->turned = naive_eval(j->policy, j->at_ns, &f);
	x->must = x->turned.action == POLICY_ALLOW || !x->turned.enforced;
	x->never = !x->must && x->out != LAB_HERE && is_enforcing(j->policy, f.to.iface) && f.to.id.proof < WHO_VERIFIED &&
		   !is_routed(j->policy);
}

bool pair_like(const struct pair *x, const struct pair *y)
{
	const struct pkt *p = &x->pkt, *q = &y->pkt;

	return p->iif == q->iif && addr_mac_equal(&p->smac, &q->smac) && addr_equal(&p->src, &q->src) && addr_equal(&p->dst, &q->dst) &&
	       p->proto == q->proto && p->dport == q->dport;
}

static bool is_of(const struct pkt *p, const struct pkt *q)
{
	return p->iif == q->iif && p->oif == q->oif && p->hook == q->hook && p->direction == q->direction && p->shape == q->shape &&
	       addr_equal(&p->src, &q->src) &&
	       addr_equal(&p->dst, &q->dst) && p->proto == q->proto && p->sport == q->sport && p->dport == q->dport &&
	       (!p->has_smac || addr_mac_equal(&p->smac, &q->smac));
}

static bool differ(const struct verdict *a, const struct verdict *b)
{
	return a->action != b->action || a->why != b->why || a->enforced != b->enforced || a->remember != b->remember ||
	       a->rule != b->rule || a->observed != b->observed || a->from_zone != b->from_zone || a->to_zone != b->to_zone ||
	       a->unknown != b->unknown || a->member != b->member;
}

void pair_tell(struct pair *x, const struct hit *h)
{
	if (is_of(&x->pkt, &h->pkt)) {
		x->told++;
		x->lied += differ(&x->want, &h->verdict);
	} else if (is_of(&x->answer, &h->pkt)) {
		x->lied += differ(&x->turned, &h->verdict);
	}
}

const char *pair_fault(const struct pair *x)
{
	for (unsigned c = 0; c < PAIR_COPIES; c++)
		if (x->heard[c] != x->passes)
			return x->passes ? "it did not arrive" : "it arrived";
	if (x->astray)
		return "it came out elsewhere";
	if (x->heard[PAIR_ANSWER] > 1 || (x->must && x->passes && !x->heard[PAIR_ANSWER]))
		return "its answer did not arrive once";
	if (x->never && x->heard[PAIR_ANSWER])
		return "its answer arrived";
	return x->lied ? "its record says something else" : NULL;
}

const char *pair_why(unsigned why)
{
	static const char *const words[] = { "unguarded", "shape", "spoof", "unverified", "exception", "restrict", "rule", "default" };

	return words[why];
}

static const char *port_name(unsigned port)
{
	return port == LAB_HERE ? "the firewall" : port < LAB_PORTS ? lab_names[port] : "nowhere";
}

void pair_print(const struct pair *x, const struct policy *p)
{
	const struct verdict *v = &x->want;
	char mac[ADDR_MAC_TEXT];
	struct buf out;

	buf_init(&out);
	gen_print_flow(p, &x->flow, &out);
	printf("packet %u: in by %s with MAC %s, out to %s\n%s", x->token, port_name(x->in), addr_mac_text(&x->pkt.smac, mac, sizeof(mac)),
	       port_name(x->out), buf_cstr(&out));
	printf("naive: action %u why %s rule %s observed %s zones %s %s enforced %d remember %d: it must %s\n", v->action, pair_why(v->why),
	       v->rule == POLICY_NONE ? "-" : p->rules[v->rule].id, v->observed == POLICY_NONE ? "-" : p->rules[v->observed].id,
	       v->from_zone == POLICY_NONE ? "-" : p->zones[v->from_zone].name,
	       v->to_zone == POLICY_NONE ? "-" : p->zones[v->to_zone].name, v->enforced, v->remember, x->passes ? "arrive" : "be dropped");
	printf("kernel: arrived %u and %u times, elsewhere %u times; %u records, %u of them wrong\n", x->heard[0], x->heard[1], x->astray,
	       x->told, x->lied);
	printf("answer from %s: naive: action %u why %s enforced %d; arrived %u times\n", addr_mac_text(&x->answer.smac, mac, sizeof(mac)),
	       x->turned.action, pair_why(x->turned.why), x->turned.enforced, x->heard[PAIR_ANSWER]);
	buf_fini(&out);
}
