/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Canonical YAML, by the same tables that read it: sections in the tables' order, one key a line, lists in brackets.
 * A key whose value prints as nothing is left out. */
#include "policy/policy_print.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/word.h"

enum { INDENT = 2 };

/* Words that some reader of YAML takes for a truth value or for nothing. */
static bool is_plain(const char *s)
{
	static const char *const taken[] = { "true", "false", "yes", "no", "on", "off", "y", "n", "null" };
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-";

	if (!((*s | 0x20) >= 'a' && (*s | 0x20) <= 'z') || strspn(s, safe) != strlen(s))
		return false;
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		if (!strcasecmp(s, taken[i]))
			return false;
	return true;
}

static void put_text(struct buf *out, const char *s)
{
	if (is_plain(s)) {
		buf_str(out, s);
		return;
	}
	buf_char(out, '"');
	for (; *s; s++) {
		if (*s == '\n') {
			buf_str(out, "\\n");
			continue;
		}
		if (*s == '"' || *s == '\\')
			buf_char(out, '\\');
		buf_char(out, *s);
	}
	buf_char(out, '"');
}

/* ", " between the items of a list that was opened with '['. */
static void put_item(struct buf *out, const char *s, bool quote)
{
	if (out->len && out->data[out->len - 1] != '[')
		buf_str(out, ", ");
	if (quote)
		buf_printf(out, "\"%s\"", s);
	else
		put_text(out, s);
}

POLICY_PRINT(version)
{
	(void)p, (void)f, (void)obj;
	buf_char(out, '1');
	return true;
}

POLICY_PRINT(str)
{
	const char *s = *(const char *const *)policy_at_const(obj, f->off);

	(void)p;
	if (!s || !*s)
		return false;
	put_text(out, s);
	return true;
}

POLICY_PRINT(word)
{
	const char *s = word_name(f->more, *(const int *)policy_at_const(obj, f->off));

	(void)p;
	if (!s || (f->own && !*(const bool *)policy_at_const(obj, f->own - 1)))
		return false;
	buf_str(out, s);
	return true;
}

POLICY_PRINT(bool)
{
	bool yes = *(const bool *)policy_at_const(obj, f->off);

	(void)p;
	buf_str(out, yes ? "true" : "false");
	return yes || (f->flags & POLICY_F_REQUIRED);
}

POLICY_PRINT(tristate)
{
	enum policy_tristate t = *(const enum policy_tristate *)policy_at_const(obj, f->off);

	(void)p;
	buf_str(out, t == POLICY_YES ? "true" : "false");
	return t != POLICY_UNSET;
}

POLICY_PRINT(days)
{
	uint32_t n = *(const uint32_t *)policy_at_const(obj, f->off);

	(void)p;
	buf_printf(out, "%u", n);
	return n != 0;
}

POLICY_PRINT(mask)
{
	(void)p;
	buf_printf(out, "\"0x%08x\"", *(const uint32_t *)policy_at_const(obj, f->off));
	return true;
}

POLICY_PRINT(time)
{
	const struct policy_time *t = policy_at_const(obj, f->off);

	(void)p;
	if (!t->set)
		return false;
	buf_str(out, t->text);
	return true;
}

/* The items of a list, each as text. */
typedef const char *(*item_text_fn)(const struct policy *p, const struct policy_field *f, const void *item, char *text,
				    size_t size);

static bool print_list(const struct policy *p, const struct policy_field *f, const void *obj, struct buf *out, size_t size,
		       bool quote, item_text_fn text_of)
{
	uint32_t n = *(const uint32_t *)policy_at_const(obj, f->n_off);
	const char *items = *(const char *const *)policy_at_const(obj, f->off);
	char text[64];

	buf_char(out, '[');
	for (uint32_t i = 0; i < n; i++) {
		const char *s = text_of(p, f, items + i * size, text, sizeof(text));

		put_item(out, s, quote || strchr(s, ':'));
	}
	buf_char(out, ']');
	return n != 0;
}

static const char *text_str(const struct policy *p, const struct policy_field *f, const void *item, char *text, size_t size)
{
	(void)p, (void)f, (void)text, (void)size;
	return *(const char *const *)item;
}

static const char *text_addr(const struct policy *p, const struct policy_field *f, const void *item, char *text, size_t size)
{
	(void)p, (void)f;
	return addr_text(item, text, size);
}

static const char *text_mac(const struct policy *p, const struct policy_field *f, const void *item, char *text, size_t size)
{
	(void)p, (void)f;
	return addr_mac_text(item, text, size);
}

static const char *text_net(const struct policy *p, const struct policy_field *f, const void *item, char *text, size_t size)
{
	(void)p, (void)f;
	return addr_prefix_text(item, text, size);
}

static const char *text_iface(const struct policy *p, const struct policy_field *f, const void *item, char *text, size_t size)
{
	(void)f, (void)text, (void)size;
	return p->ifaces[*(const uint32_t *)item].name;
}

static const char *name_of(const struct policy *p, enum policy_name_kind kind, uint32_t i)
{
	switch (kind) {
	case POLICY_NAME_ZONE: return p->zones[i].name;
	case POLICY_NAME_GROUP: return p->groups[i].name;
	case POLICY_NAME_DEVICE: return p->devices[i].name;
	case POLICY_NAME_HOST: return p->hosts[i].name;
	case POLICY_NAME_PACK: return p->packs[i].name;
	case POLICY_NAME_MAKER: return p->makers[i].name;
	default: return "";
	}
}

static const char *text_name(const struct policy *p, const struct policy_field *f, const void *item, char *text, size_t size)
{
	(void)text, (void)size;
	return name_of(p, f->kind, *(const uint32_t *)item);
}

static const char *text_ref(const struct policy *p, const struct policy_field *f, const void *item, char *text, size_t size)
{
	(void)p, (void)f, (void)text, (void)size;
	return ((const struct policy_ref *)item)->name;
}

static const char *text_port(const struct policy *p, const struct policy_field *f, const void *item, char *text, size_t size)
{
	(void)p, (void)f, (void)text, (void)size;
	return ((const struct policy_port *)item)->text;
}

POLICY_PRINT(strs)
{
	return print_list(p, f, obj, out, sizeof(const char *), false, text_str);
}

POLICY_PRINT(addrs)
{
	return print_list(p, f, obj, out, sizeof(struct addr), true, text_addr);
}

POLICY_PRINT(macs)
{
	return print_list(p, f, obj, out, sizeof(struct mac), true, text_mac);
}

POLICY_PRINT(nets)
{
	return print_list(p, f, obj, out, sizeof(struct prefix), true, text_net);
}

POLICY_PRINT(ifaces)
{
	return print_list(p, f, obj, out, sizeof(uint32_t), false, text_iface);
}

POLICY_PRINT(many)
{
	return print_list(p, f, obj, out, sizeof(uint32_t), false, text_name);
}

POLICY_PRINT(except)
{
	return print_list(p, f, obj, out, sizeof(struct policy_ref), false, text_ref);
}

POLICY_PRINT(ports)
{
	return print_list(p, f, obj, out, sizeof(struct policy_port), false, text_port);
}

POLICY_PRINT(packs)
{
	(void)f, (void)obj;
	buf_char(out, '[');
	for (uint32_t i = 0; i < p->n_packs; i++)
		if (p->packs[i].used)
			put_item(out, p->packs[i].name, false);
	buf_char(out, ']');
	return out->len && out->data[out->len - 2] != '[';
}

POLICY_PRINT(one)
{
	uint32_t i = *(const uint32_t *)policy_at_const(obj, f->off);

	if (i == POLICY_NONE)
		return false;
	put_text(out, name_of(p, f->kind, i));
	return true;
}

POLICY_PRINT(sel)
{
	const struct policy_sel *sel = policy_at_const(obj, f->off);
	struct policy_field refs = { .off = offsetof(struct policy_sel, refs), .n_off = offsetof(struct policy_sel, n) };

	if (!sel->n)
		return false;
	if (sel->negate)
		buf_str(out, "{ not: ");
	if (sel->n > 1 || sel->negate)
		print_list(p, &refs, sel, out, sizeof(*sel->refs), false, text_ref);
	else
		put_text(out, sel->refs[0].name);
	if (sel->negate)
		buf_str(out, " }");
	return true;
}

POLICY_PRINT(services)
{
	const struct policy_services *s = policy_at_const(obj, f->off);
	struct policy_field names = {
		.off = offsetof(struct policy_services, names), .n_off = offsetof(struct policy_services, n_names)
	};

	return print_list(p, &names, s, out, sizeof(*s->names), false, text_str);
}

POLICY_PRINT(port)
{
	(void)p;
	buf_str(out, ((const struct policy_port *)policy_at_const(obj, f->off))->text);
	return true;
}

POLICY_PRINT(addr)
{
	const struct addr *a = policy_at_const(obj, f->off);
	char text[ADDR_TEXT];

	(void)p;
	if (!a->family)
		return false;
	buf_printf(out, "\"%s\"", addr_text(a, text, sizeof(text)));
	return true;
}

POLICY_PRINT(mac)
{
	char text[ADDR_MAC_TEXT];

	(void)p;
	buf_printf(out, "\"%s\"", addr_mac_text(policy_at_const(obj, f->off), text, sizeof(text)));
	return *(const bool *)policy_at_const(obj, f->own - 1);
}

/* The firewall is the end that only a word can name; all others print as a mapping. */
POLICY_PRINT(end_word)
{
	const struct policy_test_end *end = policy_at_const(obj, f->off);

	(void)p;
	buf_str(out, "firewall");
	return end->firewall;
}

static void cut_back(struct buf *out, size_t len)
{
	if (out->failed || !out->data)
		return;
	out->len = len;
	out->data[len] = '\0';
}

/* first: the line has been begun (with "- "). */
static bool print_map(const struct policy *p, const struct policy_field *fields, const void *obj, unsigned indent, bool first,
		      struct buf *out);

static bool print_field(const struct policy *p, const struct policy_field *f, const void *obj, unsigned indent,
			struct buf *out)
{
	const struct policy_type_row *type = &policy_types[f->type];
	const bool apart = f->flags & POLICY_F_APART;
	const void *map = policy_at_const(obj, f->off);
	size_t start = out->len;
	bool any;

	if (apart && !(map = *(const void *const *)map))
		return false;
	if (f->type == POLICY_T_MAP && !apart && f->loc_off && !((const struct loc *)policy_at_const(obj, f->loc_off))->line)
		return false;           /* it was not written */
	buf_printf(out, "%s: ", f->key);
	if (type->print && type->print(p, f, obj, out)) {
		buf_char(out, '\n');
		return true;
	}
	cut_back(out, start);
	if (f->type != POLICY_T_MAP && f->type != POLICY_T_FLOW_END)
		return false;
	buf_printf(out, "%s:\n", f->key);
	any = print_map(p, f->more, map, indent + INDENT, false, out);
	if (!any)
		cut_back(out, start);
	return any;
}

static bool print_map(const struct policy *p, const struct policy_field *fields, const void *obj, unsigned indent, bool first,
		      struct buf *out)
{
	bool any = false;

	for (const struct policy_field *f = fields; f->key; f++) {
		size_t start = out->len;

		if (f->type == POLICY_T_REFUSED)
			continue;
		if (!first)
			buf_printf(out, "%*s", (int)indent, "");
		if (print_field(p, f, obj, indent, out)) {
			any = true;
			first = false;
		} else {
			cut_back(out, start);
		}
	}
	return any;
}

static void print_entry(const struct policy *p, const struct policy_table *t, const void *entry, struct buf *out)
{
	if (t->list) {
		buf_printf(out, "%*s- ", INDENT, "");
		print_map(p, t->fields, entry, INDENT + 2, true, out);
		return;
	}
	buf_printf(out, "%*s", INDENT, "");
	put_text(out, *(const char *const *)policy_at_const(entry, t->name_off));
	buf_char(out, ':');
	if (t->value) {
		buf_char(out, ' ');
		policy_types[t->fields->type].print(p, t->fields, entry, out);
		buf_char(out, '\n');
		return;
	}
	buf_char(out, '\n');
	print_map(p, t->fields, entry, INDENT * 2, false, out);
}

static void print_section(const struct policy *p, const struct policy_field *f, struct buf *out)
{
	const struct policy_table *t = f->more;
	const char *entries = *(const char *const *)policy_at_const(p, t->off);
	uint32_t n = *(const uint32_t *)policy_at_const(p, t->n_off);
	bool any = false;

	for (uint32_t i = 0; i < n; i++) {
		const void *entry = entries + (size_t)i * t->size;

		if (t->mine && !t->mine(entry))
			continue;
		if (!any)
			buf_printf(out, "%s:\n", f->key);
		any = true;
		print_entry(p, t, entry, out);
	}
}

static void print_fail(const struct policy *p, const struct policy_field *f, struct buf *out)
{
	bool any = false;

	for (uint32_t i = 0; i < p->n_zones; i++) {
		if (p->zones[i].fail == POLICY_FAIL_CLOSED)
			continue;
		if (!any)
			buf_printf(out, "%s:\n", f->key);
		any = true;
		buf_printf(out, "%*s", INDENT, "");
		put_text(out, p->zones[i].name);
		buf_printf(out, ": %s\n", word_name(policy_fail_words, (int)p->zones[i].fail));
	}
}

void policy_print(const struct policy *p, struct buf *out)
{
	for (const struct policy_field *f = policy_top_fields; f->key; f++) {
		size_t start = out->len;

		if (f->flags & POLICY_F_QUIET)
			continue;
		if (f->type == POLICY_T_LIST || f->type == POLICY_T_NAMED)
			print_section(p, f, out);
		else if (f->type == POLICY_T_FAIL)
			print_fail(p, f, out);
		else if (!print_field(p, f, p, 0, out))
			cut_back(out, start);
	}
}
