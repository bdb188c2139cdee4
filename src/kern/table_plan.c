/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_plan: names for what the kernel decides by itself.
 * A packet reads rules as of one generation, but the elements of a set as of now.  So whatever a set leads to is either the same
 * as before or has another name: each name ends in a digest over its contents and the names in them, down to the rules.  An old
 * rule that meets new elements then leads to a chain that decides as it did, or to one that was empty then: a question. */
#include "kern/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "engine/plan.h"

enum { LABEL = 24, HEX_BYTES = 5 };

static const char *digest_name(const char *label, const struct buf *content, struct arena *a)
{
	uint8_t digest[DIGEST_SHA256];
	char hex[2 * HEX_BYTES + 1];

	digest_sha256(content->data, content->len, digest);
	digest_hex(digest, HEX_BYTES, hex, sizeof(hex));
	return *label ? arena_printf(a, "%.*s-%s", LABEL, label, hex) : arena_strdup(a, hex);
}

static const char *rule_id(const struct table_plan *p, uint32_t rule)
{
	return rule < p->n_rules && p->rules[rule] ? p->rules[rule] : "";
}

static void put_answer(const struct table_plan *p, const struct plan_answer *x, struct buf *out)
{
	const bool bulk = x->act == PLAN_ALLOW && p->offload && p->offload[x->rule];

	buf_printf(out, " %u %s %" PRId64 "%s\n", x->act, x->act == PLAN_ALLOW ? rule_id(p, x->rule) : "", x->ends_ns,
		   bulk ? " bulk" : "");
}

/* By the first rule that it allows by. */
static const char *what_label(const struct table_plan *p, const struct plan_what *w)
{
	for (size_t i = 0; i < w->n_services; i++)
		if (w->services[i].answer.act == PLAN_ALLOW)
			return rule_id(p, w->services[i].answer.rule);
	return "nothing";
}

static void put_what(const struct table_plan *p, const struct plan_what *w, struct buf *out)
{
	for (size_t i = 0; i < w->n_services; i++) {
		buf_printf(out, "%u %u %u", w->services[i].proto, w->services[i].lo, w->services[i].hi);
		put_answer(p, &w->services[i].answer, out);
	}
	buf_str(out, "rest");
	put_answer(p, &w->rest, out);
}

static void put_where(const struct plan_where *w, const char *const *what_names, struct buf *out)
{
	for (size_t i = 0; i < w->n_spans; i++) {
		buf_add(out, w->spans[i].lo.b, sizeof(w->spans[i].lo.b));
		buf_add(out, w->spans[i].hi.b, sizeof(w->spans[i].hi.b));
		buf_str(out, w->spans[i].lo.family == 4 ? "4 " : "6 ");         /* there may be 262,144: no printf */
		buf_str(out, what_names[w->spans[i].what]);
		buf_char(out, '\n');
	}
}

static void put_class(const struct table_plan *p, const struct table_iface *ifaces, const struct plan_class *c,
		      const char *const *wheres, const char *const *whats, struct buf *out)
{
	buf_printf(out, "%s %s %s\n", c->to4 < p->n_wheres ? wheres[c->to4] : "-", c->to6 < p->n_wheres ? wheres[c->to6] : "-",
		   c->firewall < p->n_whats ? whats[c->firewall] : "-");
	for (size_t i = 0; i < p->n_from; i++)
		buf_printf(out, "%s %s %s\n", ifaces[i].name, c->from4[i] < p->n_wheres ? wheres[c->from4[i]] : "-",
			   c->from6[i] < p->n_wheres ? wheres[c->from6[i]] : "-");
}

struct named { const char *name; uint32_t i; };

static int compare_named(const void *pa, const void *pb)
{
	const struct named *a = pa, *b = pb;
	int c = strcmp(a->name, b->name);

	return c ? c : (a->i > b->i) - (a->i < b->i);
}

/* Equal names mean the same for the kernel, though the program may tell them apart (by the rule that denies). */
static const uint32_t *first_of_name(const char *const *names, size_t n, struct arena *a)
{
	struct named *order = arena_array(a, n + 1, struct named);
	uint32_t *as = arena_array(a, n + 1, uint32_t);

	if (!order || !as)
		return NULL;
	for (size_t i = 0; i < n; i++)
		order[i] = (struct named){ names[i], (uint32_t)i };
	qsort(order, n, sizeof(*order), compare_named);
	for (size_t i = 0; i < n; i++)
		as[order[i].i] = i && !strcmp(order[i].name, order[i - 1].name) ? as[order[i - 1].i] : order[i].i;
	return as;
}

/* What table_build makes nothing of. */
static size_t too_big(const struct table_plan *p)
{
	uint32_t seen[TABLE_MAX_WHATS];
	size_t left_out = 0;

	for (size_t i = 0; i < p->n_wheres; i++) {
		const struct plan_where *w = &p->wheres[i];
		size_t n = 0, k = 0;

		for (size_t s = 0; s < w->n_spans && n <= TABLE_MAX_WHATS; s++) {
			const uint32_t what = p->what_as[w->spans[s].what];

			for (k = 0; k < n && seen[k] != what; k++)
				;
			if (k == n && n < TABLE_MAX_WHATS)
				seen[n] = what;
			n += k == n;
		}
		left_out += n > TABLE_MAX_WHATS;
	}
	return left_out;
}

int table_plan_name(struct table_plan *p, const struct table_iface *ifaces, struct arena *a, struct err *e)
{
	const char **classes = arena_array(a, p->n_classes + 1, const char *);
	const char **wheres = arena_array(a, p->n_wheres + 1, const char *);
	const char **whats = arena_array(a, p->n_whats + 1, const char *);
	struct buf out;
	bool ok = !arena_failed(a);

	buf_init(&out);
	for (size_t i = 0; ok && i < p->n_whats; i++, buf_reset(&out)) {
		put_what(p, &p->whats[i], &out);
		whats[i] = digest_name(what_label(p, &p->whats[i]), &out, a);
		ok = !out.failed && whats[i];
	}
	for (size_t i = 0; ok && i < p->n_wheres; i++, buf_reset(&out)) {
		put_where(&p->wheres[i], whats, &out);
		wheres[i] = digest_name("", &out, a);
		ok = !out.failed && wheres[i];
	}
	for (size_t i = 0; ok && i < p->n_classes; i++, buf_reset(&out)) {
		put_class(p, ifaces, &p->classes[i], wheres, whats, &out);
		classes[i] = digest_name(p->classes[i].name ? p->classes[i].name : "devices", &out, a);
		ok = !out.failed && classes[i];
	}
	for (size_t i = 0; i < p->n_macs; i++) {
		buf_add(&out, p->macs[i].lo.b, sizeof(p->macs[i].lo.b));
		buf_add(&out, p->macs[i].hi.b, sizeof(p->macs[i].hi.b));
	}
	p->macs_name = ok && !out.failed ? digest_name("", &out, a) : NULL;
	buf_fini(&out);
	if (!ok || !p->macs_name)
		return err_plain(e, ENOMEM, "out of memory");
	p->class_names = classes;
	p->where_names = wheres;
	p->what_names = whats;
	p->class_as = first_of_name(classes, p->n_classes, a);
	p->where_as = first_of_name(wheres, p->n_wheres, a);
	p->what_as = first_of_name(whats, p->n_whats, a);
	if (arena_failed(a))
		return err_plain(e, ENOMEM, "out of memory");
	p->left_out = too_big(p);
	return 0;
}

static int compare_members(const void *pa, const void *pb)
{
	const struct table_members *a = pa, *b = pb;

	if (a->iface != b->iface)
		return a->iface < b->iface ? -1 : 1;
	return a->cls == b->cls ? 0 : a->cls < b->cls ? -1 : 1;
}

size_t table_plan_find(const struct table_plan *p, uint32_t iface, uint32_t cls)
{
	const struct table_members key = { iface, cls };
	const struct table_members *m = NULL;

	if (p->n_members)
		m = bsearch(&key, p->members, p->n_members, sizeof(key), compare_members);
	return m ? (size_t)(m - p->members) : SIZE_MAX;
}
