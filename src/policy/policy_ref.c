/* SPDX-License-Identifier: GPL-2.0-or-later */
/* References: names to indexes, from:/to:, and the ends of tests. */
#include "policy/policy_read.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/word.h"
#include "policy/doc.h"

#define BIT(kind) (1u << POLICY_NAME_##kind)

enum { SEL_KINDS = BIT(BUILTIN) | BIT(ZONE) | BIT(GROUP) | BIT(DEVICE) | BIT(HOST) };

const char *policy_kinds_text(unsigned kinds, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	kinds &= ~BIT(BUILTIN);
	for (unsigned k = 0; k < POLICY_NAME_KINDS && used < size; k++) {
		if (!(kinds & 1u << k))
			continue;
		kinds &= ~(1u << k);
		used += (size_t)snprintf(buf + used, size - used, "%s%s", !used ? "" : kinds ? ", " : " or ",
					 policy_kind_nouns[k]);
	}
	return buf;
}

static bool is_literal(const char *s)
{
	struct prefix p;
	struct mac m;
	bool host_bits;

	return addr_prefix_parse(s, &p, &host_bits) || addr_mac_parse(s, &m);
}

/* Where a name of these kinds would be defined. */
static const char *section_of(unsigned kinds)
{
	if (kinds & BIT(HOST))
		return "hosts, groups or zones";
	return kinds & BIT(SERVICE) ? "services" : kinds & BIT(GROUP) ? "groups" : kinds & BIT(ZONE) ? "zones" : "devices";
}

static void unknown_name(struct policy_read *r, const struct doc_node *v, const struct policy_names *in, unsigned kinds)
{
	const char *near = NULL, *own = r->sources.at[r->sources.n - 1].path;
	char text[100], hint[200] = "";

	if (diag_errors(r->d) < r->errors_before + DIAG_LIMIT)          /* beyond it nobody reads them */
		near = policy_names_nearest(in, v->text, kinds);
	if (near)
		snprintf(hint, sizeof(hint), "; did you mean '%s'?", near);
	else if (r->src->include)
		snprintf(hint, sizeof(hint), ": the included file needs it; define it in %.120s", own);
	else if (kinds == BIT(PACK))
		snprintf(hint, sizeof(hint), ": there is no file for it in the packs' directories");
	else if (kinds == BIT(MAKER))
		snprintf(hint, sizeof(hint), ": there is no file for it in the makers' directories");
	else
		snprintf(hint, sizeof(hint), "; define it under %s", section_of(kinds));
	diag_add(r->d, DIAG_ERROR, v->loc, "no %s is called '%.80s'%s", policy_kinds_text(kinds, text, sizeof(text)),
		 v->text, hint);
}

const struct policy_name *policy_read_ref(struct policy_read *r, const struct doc_node *v, unsigned kinds)
{
	const struct policy_names *in = kinds == BIT(MAKER) ? &r->makers : &r->names;
	const struct policy_name *n;
	char text[100];

	if (v->kind != DOC_SCALAR || doc_is_null(v)) {
		diag_add(r->d, DIAG_ERROR, v->loc, "the name of a %s belongs here, not %s",
			 policy_kinds_text(kinds, text, sizeof(text)), doc_kind_text(v));
		return NULL;
	}
	n = policy_names_find(in, v->text);
	if (n && (kinds & 1u << n->kind))
		return n;
	policy_kinds_text(kinds, text, sizeof(text));
	if (n && n->loc.line)
		diag_add2(r->d, DIAG_ERROR, v->loc, n->loc, "defined here", "'%s' is a %s; a %s belongs here", v->text,
			  policy_kind_nouns[n->kind], text);
	else if (n)
		diag_add(r->d, DIAG_ERROR, v->loc, "'%s' is a %s; a %s belongs here", v->text, policy_kind_nouns[n->kind], text);
	else if (is_literal(v->text))
		diag_add(r->d, DIAG_ERROR, v->loc, "'%.80s' is an address: give it a name under %s, and write that", v->text,
			 kinds & BIT(HOST) ? "hosts" : "devices");
	else
		unknown_name(r, v, in, kinds);
	return NULL;
}

void policy_read_one(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj)
{
	const struct policy_name *n = policy_read_ref(r, v, 1u << f->kind);

	if (n)
		*(uint32_t *)policy_at(obj, f->off) = n->index;
}

void policy_read_many(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj)
{
	const struct doc_node *items;
	uint32_t n, done = 0, *at;

	if (!policy_read_items(r, v, f, &items, &n) || !(at = arena_array(r->a, n + 1, uint32_t)))
		return;
	for (uint32_t i = 0; i < n; i++) {
		const struct policy_name *name = policy_read_ref(r, &items[i], 1u << f->kind);

		if (name)
			at[done++] = name->index;
	}
	*(uint32_t **)policy_at(obj, f->off) = at;
	*(uint32_t *)policy_at(obj, f->n_off) = done;
}

void policy_read_packs(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj)
{
	const struct doc_node *items;
	uint32_t n;

	(void)obj;
	if (!policy_read_items(r, v, f, &items, &n))
		return;
	for (uint32_t i = 0; i < n; i++) {
		const struct policy_name *name = policy_read_ref(r, &items[i], BIT(PACK));

		if (name)
			r->p->packs[name->index].used = true;
	}
}

static struct policy_ref ref_of(struct policy_read *r, const struct policy_name *n, struct loc loc)
{
	struct policy_ref ref = { .index = n->index, .name = arena_strdup(r->a, n->name), .loc = loc };

	switch (n->kind) {
	case POLICY_NAME_ZONE: ref.kind = POLICY_REF_ZONE; break;
	case POLICY_NAME_GROUP: ref.kind = POLICY_REF_GROUP; break;
	case POLICY_NAME_DEVICE: ref.kind = POLICY_REF_DEVICE; break;
	case POLICY_NAME_HOST: ref.kind = POLICY_REF_HOST; break;
	default:
		ref.kind = (enum policy_ref_kind)n->index;
		ref.index = POLICY_NONE;
	}
	return ref;
}

/* A list of references; one written twice is said and kept once. */
static uint32_t read_refs(struct policy_read *r, const struct doc_node *items, uint32_t n, unsigned kinds,
			  struct policy_ref **ret)
{
	struct policy_ref *refs = arena_array(r->a, n + 1, struct policy_ref);
	uint32_t done = 0;

	for (uint32_t i = 0; refs && i < n; i++) {
		const struct policy_name *name = policy_read_ref(r, &items[i], kinds);

		if (name)
			refs[done++] = ref_of(r, name, items[i].loc);
	}
	*ret = refs;
	return done;
}

void policy_read_except(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj)
{
	const struct doc_node *items;
	struct policy_ref *refs;
	uint32_t n;

	if (!policy_read_items(r, v, f, &items, &n))
		return;
	*(uint32_t *)policy_at(obj, f->n_off) = read_refs(r, items, n, BIT(GROUP) | BIT(DEVICE), &refs);
	*(struct policy_ref **)policy_at(obj, f->off) = refs;
}

void policy_read_sel(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj)
{
	struct policy_sel *sel = policy_at(obj, f->off);
	const struct doc_node *items;
	uint32_t n;

	sel->loc = v->loc;
	if (v->kind == DOC_MAP) {
		if (v->n != 1 || strcmp(v->pairs[0].key, "not")) {
			diag_add(r->d, DIAG_ERROR, v->n ? v->pairs[0].loc : v->loc, "'%s' takes a name, a list of "
				 "names, or { not: [names] }", f->key);
			return;
		}
		sel->negate = true;
		v = &v->pairs[0].value;
	}
	if (!policy_read_items(r, v, f, &items, &n))
		return;
	if (!n)
		diag_add(r->d, DIAG_ERROR, v->loc, "the list is empty: it matches nobody; write names or leave '%s' out", f->key);
	sel->n = read_refs(r, items, n, SEL_KINDS, &sel->refs);
	for (uint32_t i = 0; i < sel->n; i++)
		if (sel->refs[i].kind == POLICY_REF_ANY && (sel->n > 1 || sel->negate))
			diag_add(r->d, DIAG_ERROR, sel->refs[i].loc, "'any' stands alone: it is everything already");
}

void policy_read_fail(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj)
{
	(void)obj;
	if (v->kind != DOC_MAP) {
		policy_read_wrong(r, v, f);
		return;
	}
	for (uint32_t i = 0; i < v->n; i++) {
		struct doc_node key = { .kind = DOC_SCALAR, .quoted = true, .text = v->pairs[i].key, .loc = v->pairs[i].loc };
		struct policy_field value = { f->key, POLICY_T_WORD, .off = offsetof(struct policy_zone, fail),
					      .more = f->more };
		const struct policy_name *n = policy_read_ref(r, &key, BIT(ZONE));

		if (!n)
			continue;
		policy_scalar_word(r, &v->pairs[i].value, &value, &r->p->zones[n->index]);
		r->p->zones[n->index].fail_loc = v->pairs[i].value.loc;
	}
}

void policy_read_rule_id(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj)
{
	const char *s = policy_read_text(r, v, f), *near;

	if (!s)
		return;
	*(const char **)policy_at(obj, f->off) = arena_strdup(r->a, s);
	if (!strcmp(s, "default") || policy_names_find(&r->rules, s))
		return;
	near = policy_names_nearest(&r->rules, s, BIT(RULE));
	diag_add(r->d, DIAG_ERROR, v->loc, "no exception, restrict entry or rule has the id '%.80s'%s%s%s", s,
		 near ? "; did you mean '" : ": write an id, or default", near ? near : "", near ? "'?" : "");
}

/* The end of a test in one word: an address, a MAC, or a name. */
static void read_end_word(struct policy_read *r, const struct doc_node *v, struct policy_test_end *end)
{
	const struct policy_name *n;

	if (addr_parse(v->text, &end->addr))
		return;
	if (addr_mac_parse(v->text, &end->mac)) {
		end->has_mac = true;
		return;
	}
	n = policy_names_find(&r->names, v->text);
	if (n && n->kind == POLICY_NAME_BUILTIN && n->index == POLICY_REF_FIREWALL) {
		end->firewall = true;
		return;
	}
	if (n && (n->kind == POLICY_NAME_BUILTIN || n->kind == POLICY_NAME_GROUP)) {
		diag_add(r->d, DIAG_ERROR, v->loc, "'%s' is no single end: write an address, or the name of a device, "
			 "host or zone", v->text);
		return;
	}
	n = policy_read_ref(r, v, BIT(ZONE) | BIT(DEVICE) | BIT(HOST));
	if (n)
		*(n->kind == POLICY_NAME_ZONE ? &end->zone : n->kind == POLICY_NAME_DEVICE ? &end->device : &end->host) =
			n->index;
}

void policy_read_flow_end(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj)
{
	struct policy_test_end *end = policy_at(obj, f->off);

	end->loc = v->loc;
	if (v->kind == DOC_SCALAR)
		read_end_word(r, v, end);
	else if (v->kind == DOC_MAP && v->n)
		policy_read_map(r, v, f->more, end, f->key);
	else
		policy_read_wrong(r, v, f);
	if (end->device != POLICY_NONE && end->host != POLICY_NONE)
		diag_add(r->d, DIAG_ERROR, v->loc, "one end is a device or a host, not both");
}
