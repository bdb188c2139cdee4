/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services: "tcp/554" and its like, named lists of them, and the services of a rule flattened. */
#include "policy/policy_read.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/word.h"
#include "policy/doc.h"

enum { TCP = 6, UDP = 17, SCTP = 132, ICMP = 1, ICMPV6 = 58 };

/* Decimal digits up to end or dash, at most max. */
static bool number(const char **s, unsigned max, unsigned *ret)
{
	const char *start = *s;
	unsigned n = 0;

	while (**s >= '0' && **s <= '9' && *s - start < 6)
		n = n * 10 + (unsigned)(*(*s)++ - '0');
	*ret = n;
	return *s > start && (*start != '0' || *s == start + 1) && n <= max;
}

static bool port_range(const char *s, struct policy_port *ret, const char **ret_why)
{
	unsigned lo, hi;

	*ret_why = "ports are numbers from 0 to 65535, or ranges such as 50000-59999";
	if (!number(&s, 65535, &lo))
		return false;
	hi = lo;
	if (*s == '-') {
		s++;
		if (!number(&s, 65535, &hi))
			return false;
	}
	if (*s)
		return false;
	if (hi < lo) {
		*ret_why = "the range ends before it begins: write the lower port first";
		return false;
	}
	ret->has_ports = true;
	ret->lo = (uint16_t)lo;
	ret->hi = (uint16_t)hi;
	return true;
}

static bool icmp_type(const char *s, struct policy_port *ret, const char **ret_why)
{
	const struct word *words = ret->proto == ICMP ? policy_icmp_words : policy_icmp6_words;
	unsigned n;
	int type;

	*ret_why = ret->proto == ICMP ? "write a type such as icmp/echo-request, or its number" :
					"write a type such as icmpv6/echo-request, or its number";
	if (word_find(words, s, &type))
		n = (unsigned)type;
	else if (!number(&s, 255, &n) || *s)
		return false;
	ret->has_icmp = true;
	ret->icmp_type = (uint8_t)n;
	return true;
}

static bool proto_number(const char *s, struct policy_port *ret, const char **ret_why)
{
	unsigned n;

	*ret_why = "write a protocol's number from 0 to 255, such as proto/47";
	if (!number(&s, 255, &n) || *s)
		return false;
	*ret_why = "that protocol has a name: write tcp, udp, sctp, icmp or icmpv6";
	if (word_name(policy_proto_words, (int)n))
		return false;
	ret->proto = (uint8_t)n;
	return true;
}

bool policy_read_looks_like_port(const char *s)
{
	size_t len = strcspn(s, "/");
	int proto;

	return s[len] || !strcmp(s, "any") || word_find(policy_proto_words, s, &proto);
}

bool policy_read_port_text(const char *s, struct policy_port *ret, const char **ret_why)
{
	const char *slash = strchr(s, '/');
	char word[16] = "";
	int proto;

	*ret_why = "write one such as tcp/554, udp/50000-59999, icmp/echo-request or proto/47";
	if (!strcmp(s, "any"))
		return ret->any_proto = true;
	if (slash && slash - s < (int)sizeof(word))
		memcpy(word, s, (size_t)(slash - s));
	if (slash && !strcmp(word, "proto"))
		return proto_number(slash + 1, ret, ret_why);
	if (!word_find(policy_proto_words, slash ? word : s, &proto))
		return false;
	ret->proto = (uint8_t)proto;
	if (!slash)
		return true;
	return proto == ICMP || proto == ICMPV6 ? icmp_type(slash + 1, ret, ret_why) : port_range(slash + 1, ret, ret_why);
}

static bool read_piece(struct policy_read *r, const struct doc_node *v, struct policy_port *ret)
{
	const char *why;

	*ret = (struct policy_port){ .loc = v->loc };
	if (policy_read_port_text(v->text, ret, &why)) {
		ret->text = arena_strdup(r->a, v->text);
		return true;
	}
	diag_add(r->d, DIAG_ERROR, v->loc, "'%.60s' is no service: %s", v->text, why);
	return false;
}

void policy_read_ports(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj)
{
	const struct doc_node *items;
	uint32_t n, done = 0;
	struct policy_port *at;

	if (!policy_read_items(r, v, f, &items, &n) || !(at = arena_array(r->a, n + 1, struct policy_port)))
		return;
	for (uint32_t i = 0; i < n; i++) {
		if (items[i].kind != DOC_SCALAR || doc_is_null(&items[i]))
			policy_read_wrong(r, &items[i], f);
		else if (read_piece(r, &items[i], &at[done]))
			done++;
	}
	if (n > POLICY_MAX_RULE_PORTS)
		diag_add(r->d, DIAG_ERROR, v->loc, "a service of %u pieces; at most %d are read", n, POLICY_MAX_RULE_PORTS);
	*(struct policy_port **)policy_at(obj, f->off) = at;
	*(uint32_t *)policy_at(obj, f->n_off) = done;
}

void policy_read_port(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj)
{
	struct policy_port *p = policy_at(obj, f->off);
	const char *s = policy_read_text(r, v, f);

	if (!s || !read_piece(r, v, p))
		return;
	if (p->any_proto || p->lo != p->hi)
		diag_add(r->d, DIAG_ERROR, v->loc, "a test is of one port: write one such as tcp/554, not '%s'", s);
	else if ((p->proto == TCP || p->proto == UDP || p->proto == SCTP) && !p->has_ports)
		diag_add(r->d, DIAG_ERROR, v->loc, "a test is of one port: write %s/ and its number", s);
}

/* The pieces that one word of services: stands for. */
static uint32_t pieces_of(struct policy_read *r, const struct doc_node *v, struct policy_port *one,
			  const struct policy_port **ret)
{
	const struct policy_name *n;

	*ret = one;
	if (v->kind == DOC_SCALAR && !doc_is_null(v) && policy_read_looks_like_port(v->text))
		return read_piece(r, v, one);
	n = policy_read_ref(r, v, 1u << POLICY_NAME_SERVICE);
	if (!n)
		return 0;
	*ret = r->p->services[n->index].ports;
	return r->p->services[n->index].n;
}

static void flatten(struct policy_read *r, const struct doc_node *items, uint32_t n, struct policy_services *s)
{
	VEC(struct policy_port) v = { 0 };

	for (uint32_t i = 0; i < n && v.n <= POLICY_MAX_RULE_PORTS; i++) {
		const struct policy_port *pieces;
		struct policy_port one;
		uint32_t k = pieces_of(r, &items[i], &one, &pieces);

		for (uint32_t j = 0; j < k && v.n <= POLICY_MAX_RULE_PORTS; j++) {
			s->any |= pieces[j].any_proto;
			if (!VEC_PUSH(&v, pieces[j]))
				diag_add(r->d, DIAG_ERROR, items[i].loc, "out of memory");
		}
		if (k)
			s->names[s->n_names++] = arena_strdup(r->a, items[i].text);
	}
	r->ports += v.n;
	if (v.n > POLICY_MAX_RULE_PORTS || r->ports > POLICY_MAX_PORTS)
		diag_add(r->d, DIAG_ERROR, s->loc, "more than %d pieces in one entry, or %d in all: use ranges",
			 POLICY_MAX_RULE_PORTS, POLICY_MAX_PORTS);
	s->n = s->any ? 0 : (uint32_t)v.n;
	if (s->n)
		s->ports = arena_memdup(r->a, v.at, v.n * sizeof(*v.at));
	VEC_FREE(&v);
}

/* One name alone: its pieces are shared, not copied. */
static bool share(struct policy_read *r, const struct doc_node *v, struct policy_services *s)
{
	const struct policy_name *n;
	const struct policy_service *of;

	if (v->kind != DOC_SCALAR || doc_is_null(v) || policy_read_looks_like_port(v->text))
		return false;
	n = policy_names_find(&r->names, v->text);
	if (!n || n->kind != POLICY_NAME_SERVICE)
		return false;
	of = &r->p->services[n->index];
	for (uint32_t i = 0; i < of->n; i++)
		s->any |= of->ports[i].any_proto;
	s->ports = of->ports;
	s->n = s->any ? 0 : of->n;
	s->names[s->n_names++] = of->name;
	return true;
}

void policy_read_services(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj)
{
	struct policy_services *s = policy_at(obj, f->off);
	const struct doc_node *items;
	uint32_t n;

	s->any = false;
	s->loc = v->loc;
	if (!policy_read_items(r, v, f, &items, &n))
		return;
	if (!n)
		diag_add(r->d, DIAG_ERROR, v->loc, "the list is empty: write services, or any");
	s->names = arena_array(r->a, n + 1, const char *);
	if (s->names && !(n == 1 && share(r, items, s)))
		flatten(r, items, n, s);
}
