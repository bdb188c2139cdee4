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

enum { STRANGER = 4, HERE = 8, OWN = 6 };       /* percent: an interface that is not meant; to and from the firewall itself */

static unsigned port_of(struct gen *g, const struct policy *p, uint32_t ifindex)
{
	if (!p->n_ifaces || gen_chance(g, STRANGER))
		return gen_below(g, LAB_PORTS);
	return lab_port(p->ifaces[ifindex - 1].name);
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
	ret->pkt.iif = ret->in == LAB_HERE ? 0 : l->near[ret->in];
	ret->pkt.oif = ret->out == LAB_HERE ? 0 : l->near[ret->out];
	ret->pkt.hook = ret->out == LAB_HERE ? PKT_INPUT : ret->in == LAB_HERE ? PKT_OUTPUT : PKT_FORWARD;
	if (ret->pkt.has_ports)
		ret->pkt.sport = (uint16_t)(1024 + token % PAIR_TOKENS);
	if (ret->pkt.proto == 6)
		ret->pkt.tcp_flags = PKT_TCP_SYN;
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

bool pair_like(const struct pair *x, const struct pair *y)
{
	const struct pkt *p = &x->pkt, *q = &y->pkt;

	return p->iif == q->iif && addr_mac_equal(&p->smac, &q->smac) && addr_equal(&p->src, &q->src) && addr_equal(&p->dst, &q->dst) &&
	       p->proto == q->proto && p->dport == q->dport;
}

bool pair_tell(struct pair *x, const struct hit *h)
{
	const struct pkt *p = &x->pkt, *q = &h->pkt;
	const struct verdict *a = &x->want, *b = &h->verdict;

	if (p->iif != q->iif || p->hook != q->hook || !addr_equal(&p->src, &q->src) || !addr_equal(&p->dst, &q->dst) ||
	    p->proto != q->proto || p->sport != q->sport || p->dport != q->dport ||
	    (p->has_smac && !addr_mac_equal(&p->smac, &q->smac)))
		return false;
	x->told++;
	x->lied += a->action != b->action || a->why != b->why || a->enforced != b->enforced || a->rule != b->rule ||
		   a->observed != b->observed || a->from_zone != b->from_zone || a->to_zone != b->to_zone ||
		   a->unknown != b->unknown || a->member != b->member || p->oif != q->oif;
	return true;
}

const char *pair_fault(const struct pair *x)
{
	for (unsigned c = 0; c < PAIR_COPIES; c++)
		if (x->heard[c] != x->passes)
			return x->passes ? "it did not arrive" : "it arrived";
	if (x->astray)
		return "it came out elsewhere";
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
	buf_fini(&out);
}
