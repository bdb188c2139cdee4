/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan as text: stable, one fact a line. */
#include "engine/plan_part.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/now.h"

static void print_answer(const struct plan *p, const struct plan_answer *a, struct buf *out)
{
	static const char *const acts[] = { "asked", "allow", "drop", "asked, never unjudged" };
	char when[32];

	buf_str(out, acts[a->act]);
	if (a->act == PLAN_ALLOW || a->act == PLAN_DROP)
		buf_printf(out, " %s", a->rule == POLICY_NONE ? "by default" : p->policy->rules[a->rule].id);
	if (a->ends_ns)
		buf_printf(out, " until %s", now_rfc3339(a->ends_ns, 0, when, sizeof(when)));
	buf_char(out, '\n');
}

static void print_where(const char *what, uint32_t where, struct buf *out)
{
	if (where != PLAN_NONE)
		buf_printf(out, "  %s: where %u\n", what, where);
}

static void print_class(const struct plan *p, uint32_t i, struct buf *out)
{
	const struct plan_class *c = &p->classes[i];

	buf_printf(out, "class %u %s\n", i, c->name);
	print_where("to IPv4", c->to4, out);
	print_where("to IPv6", c->to6, out);
	if (c->firewall != PLAN_NONE)
		buf_printf(out, "  to the firewall: what %u\n", c->firewall);
	for (uint32_t k = 0; k < p->policy->n_ifaces; k++) {
		const char *name = p->policy->ifaces[k].name;

		if (c->from4[k] != PLAN_NONE)
			buf_printf(out, "  from IPv4 on %s: where %u\n", name, c->from4[k]);
		if (c->from6[k] != PLAN_NONE)
			buf_printf(out, "  from IPv6 on %s: where %u\n", name, c->from6[k]);
	}
	for (size_t k = 0; k < p->n_prospects; k++)
		if (p->prospects[k].cls == i)
			buf_printf(out, "  expected on %s\n", p->policy->ifaces[p->prospects[k].iface].name);
}

static void print_range(const struct plan_span *s, struct buf *out)
{
	char text[ADDR_TEXT];

	buf_printf(out, "  %s", addr_text(&s->lo, text, sizeof(text)));
	if (!addr_equal(&s->lo, &s->hi))
		buf_printf(out, " - %s", addr_text(&s->hi, text, sizeof(text)));
}

static void print_spans(const struct plan *p, uint32_t i, struct buf *out)
{
	const struct plan_where *w = &p->wheres[i];

	buf_printf(out, "where %u\n", i);
	for (size_t k = 0; k < w->n_spans; k++) {
		print_range(&w->spans[k], out);
		buf_printf(out, ": what %u\n", w->spans[k].what);
	}
}

static void print_open(const char *title, const struct plan_where *w, struct buf *out)
{
	buf_printf(out, "fails open %s\n", title);
	for (size_t k = 0; k < w->n_spans; k++) {
		print_range(&w->spans[k], out);
		buf_char(out, '\n');
	}
}

static void print_fails(const struct plan *p, struct buf *out)
{
	const struct plan_fails *f = &p->fails;
	char when[32], title[64];

	if (!f->open)
		return;
	if (f->until_ns)
		buf_printf(out, "fails open until %s\n", now_rfc3339(f->until_ns, 0, when, sizeof(when)));
	print_open("to", &f->to, out);
	for (uint32_t i = 0; i < p->policy->n_ifaces && !f->no_from; i++) {
		if (f->from_of[i] == PLAN_NONE)
			continue;
		snprintf(title, sizeof(title), "from %s", p->policy->ifaces[i].name);
		print_open(title, &f->from[f->from_of[i]], out);
	}
}

static const char *proto_name(uint8_t proto)
{
	return proto == 1 ? "icmp" : proto == 6 ? "tcp" : proto == 17 ? "udp" : "icmpv6";
}

static void print_services(const struct plan *p, uint32_t i, struct buf *out)
{
	const struct plan_what *w = &p->whats[i];

	buf_printf(out, "what %u\n", i);
	for (size_t k = 0; k < w->n_services; k++) {
		const struct plan_service *s = &w->services[k];

		buf_printf(out, "  %s/%u", proto_name(s->proto), s->lo);
		if (s->lo != s->hi)
			buf_printf(out, "-%u", s->hi);
		buf_str(out, ": ");
		print_answer(p, &s->answer, out);
	}
	buf_str(out, "  else: ");
	print_answer(p, &w->rest, out);
}

void plan_print(const struct plan *p, struct buf *out)
{
	char lo[ADDR_MAC_TEXT], hi[ADDR_MAC_TEXT];

	buf_printf(out, "classes %zu, wheres %zu, spans %zu, whats %zu, services %zu%s%s%s\n", p->n_classes, p->n_wheres,
		   p->stats.spans, p->n_whats, p->stats.services, p->stats.classes_left_out ? ", classes left out" : "",
		   p->stats.spans_left_out ? ", spans left out" : "", p->stats.services_left_out ? ", services left out" : "");
	for (uint32_t i = 0; i < p->n_classes; i++)
		print_class(p, i, out);
	for (uint32_t i = 0; i < p->n_wheres; i++)
		print_spans(p, i, out);
	for (uint32_t i = 0; i < p->n_whats; i++)
		print_services(p, i, out);
	for (size_t i = 0; i < p->n_macs; i++)
		buf_printf(out, "asked from open interfaces: %s - %s\n", addr_mac_text(&p->macs[i].lo, lo, sizeof(lo)),
			   addr_mac_text(&p->macs[i].hi, hi, sizeof(hi)));
	print_fails(p, out);
}
