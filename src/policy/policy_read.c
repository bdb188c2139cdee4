/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walk: mappings by their tables, sections over all files.  Names of all sections are entered first, so that
 * the index of an entry is known wherever it is referred to. */
#include "policy/policy_read.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/word.h"
#include "policy/doc.h"

bool policy_read_is_list(const struct policy_field *f)
{
	return f->type == POLICY_T_LIST || f->type == POLICY_T_NAMED || (f->type == POLICY_T_FILES && f->more);
}

void policy_read_wrong(struct policy_read *r, const struct doc_node *v, const struct policy_field *f)
{
	const char *what = policy_types[f->type].what;

	if (v->kind == DOC_SCALAR && !doc_is_null(v))
		diag_add(r->d, DIAG_ERROR, v->loc, "'%.80s' cannot stand here: '%s' takes %s", v->text, f->key, what);
	else
		diag_add(r->d, DIAG_ERROR, v->loc, "'%s' takes %s, not %s", f->key, what, doc_kind_text(v));
}

const char *policy_read_text(struct policy_read *r, const struct doc_node *v, const struct policy_field *f)
{
	if (v->kind == DOC_SCALAR && !doc_is_null(v))
		return v->text;
	policy_read_wrong(r, v, f);
	return NULL;
}

bool policy_read_items(struct policy_read *r, const struct doc_node *v, const struct policy_field *f,
		       const struct doc_node **ret, uint32_t *ret_n)
{
	if (v->kind == DOC_MAP || doc_is_null(v)) {
		policy_read_wrong(r, v, f);
		return false;
	}
	*ret = v->kind == DOC_SEQ ? v->items : v;
	*ret_n = v->kind == DOC_SEQ ? v->n : 1;
	if (!*ret_n && (f->flags & POLICY_F_FILLED)) {
		diag_add(r->d, DIAG_ERROR, v->loc, "the list is empty: it takes %s", policy_types[f->type].what);
		return false;
	}
	return true;
}

/* A word of names: letters, digits, '.', '_' and '-', begun with a letter or digit; nothing that reads as an address. */
bool policy_read_is_name(const char *s)
{
	static const char rest[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	struct addr addr;
	struct mac mac;

	return *s && strlen(s) <= POLICY_MAX_NAME && *s != '.' && *s != '-' && *s != '_' &&
	       strspn(s, rest) == strlen(s) && !addr_parse(s, &addr) && !addr_mac_parse(s, &mac);
}

void policy_read_bad_name(struct policy_read *r, struct loc loc, const char *s, const char *noun)
{
	char better[POLICY_MAX_NAME + 1];
	struct addr addr;
	struct mac mac;
	size_t n = 0;

	if (addr_parse(s, &addr) || addr_mac_parse(s, &mac)) {
		diag_add(r->d, DIAG_ERROR, loc, "a %s's name cannot read as an address: write a word with a letter, such as at-%s",
			 noun, s);
		return;
	}

	for (; *s && n < sizeof(better) - 1; s++) {
		better[n] = *s;
		better[n + 1] = '\0';
		if (!policy_read_is_name(better))
			better[n] = '-';
		if (better[n] != '-' || (n && better[n - 1] != '-'))
			n++;
	}
	better[n] = '\0';
	if (n && policy_read_is_name(better))
		diag_add(r->d, DIAG_ERROR, loc, "a %s's name has up to %d letters, digits, '.', '_' and '-': write "
			 "'%s'", noun, POLICY_MAX_NAME, better);
	else
		diag_add(r->d, DIAG_ERROR, loc, "a %s's name has up to %d letters, digits, '.', '_' and '-', and "
			 "begins with one of the first two", noun, POLICY_MAX_NAME);
}

static const struct policy_field *find_field(const struct policy_field *fields, const char *key)
{
	for (; fields->key; fields++)
		if (!strcmp(fields->key, key))
			return fields;
	return NULL;
}

static void unknown_key(struct policy_read *r, const struct doc_pair *pair, const struct policy_field *fields,
			const char *noun)
{
	const char *keys[64], *near;
	char list[400] = "";
	size_t n = 0, used = 0;

	for (const struct policy_field *f = fields; f->key && n < 64; f++) {
		if (f->type == POLICY_T_REFUSED)
			continue;
		keys[n++] = f->key;
		if (used < sizeof(list))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", f->key);
	}
	near = word_nearest(pair->key, keys, n);
	if (near)
		diag_add(r->d, DIAG_ERROR, pair->loc, "unknown key '%.80s'; did you mean '%s'?", pair->key, near);
	else
		diag_add(r->d, DIAG_ERROR, pair->loc, "unknown key '%.80s'; the keys of %s are %s", pair->key, noun, list);
}

/* Most entries have none, and there may be many entries. */
static void read_apart(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj)
{
	void *map = arena_alloc(r->a, 1, f->n_off);

	if (!map)
		return;
	*(struct loc *)policy_at(map, f->loc_off) = v->loc;
	*(void **)policy_at(obj, f->off) = map;
	policy_read_map(r, v, f->more, map, f->key);
}

static void read_field(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj)
{
	if (doc_is_null(v) && !policy_read_is_list(f) && f->type != POLICY_T_FILES) {
		diag_add(r->d, DIAG_ERROR, v->loc, "'%s' has no value: it takes %s", f->key, policy_types[f->type].what);
		return;
	}
	if (f->flags & POLICY_F_APART) {
		read_apart(r, v, f, obj);
		return;
	}
	if (f->own)
		*(bool *)policy_at(obj, f->own - 1) = true;
	if (f->loc_off && !f->n_off)
		*(struct loc *)policy_at(obj, f->loc_off) = v->loc;
	if (f->type == POLICY_T_MAP)
		policy_read_map(r, v, f->more, policy_at(obj, f->off), f->key);
	else
		policy_types[f->type].read(r, v, f, obj);
}

/* The field of a pair, or NULL when it cannot be read here (said). */
static const struct policy_field *usable_field(struct policy_read *r, const struct doc_pair *pair,
					       const struct policy_field *fields, const char *noun)
{
	const struct policy_field *f = find_field(fields, pair->key);

	if (!f) {
		unknown_key(r, pair, fields, noun);
	} else if (f->type == POLICY_T_REFUSED) {
		diag_add(r->d, DIAG_ERROR, pair->loc, "%s", (const char *)f->more);
	} else if ((f->flags & POLICY_F_MAIN) && r->src->include) {
		diag_add(r->d, DIAG_ERROR, pair->loc, "'%s' belongs into the policy itself, not into what it includes",
			 pair->key);
	} else {
		return f;
	}
	return NULL;
}

static void check_required(struct policy_read *r, const struct doc_node *v, const struct policy_field *fields,
			   const char *noun)
{
	for (const struct policy_field *f = fields; f->key; f++) {
		const char *about = f->about ? f->about : "", *what = policy_types[f->type].what;
		bool text = f->type == POLICY_T_STR || f->type == POLICY_T_NAME || f->type == POLICY_T_ONE;
		char words[200];

		if (!(f->flags & POLICY_F_REQUIRED) || doc_get(v, f->key))
			continue;
		if (text)
			diag_add(r->d, DIAG_ERROR, v->loc, "%s lacks '%s': %c%.*s", noun, f->key, *about | 0x20,
				 (int)strcspn(about, ".") - 1, about + 1);
		else
			diag_add(r->d, DIAG_ERROR, v->loc, "%s lacks '%s': write %s", noun, f->key,
				 f->type == POLICY_T_WORD ? word_list(f->more, words, sizeof(words)) : what);
	}
}

void policy_read_map(struct policy_read *r, const struct doc_node *v, const struct policy_field *fields, void *obj,
		     const char *noun)
{
	if (v->kind != DOC_MAP) {
		diag_add(r->d, DIAG_ERROR, v->loc, "%s takes keys with values (%s: …), not %s", noun, fields->key,
			 doc_kind_text(v));
		return;
	}
	for (uint32_t i = 0; i < v->n; i++) {
		const struct policy_field *f = usable_field(r, &v->pairs[i], fields, noun);

		if (f)
			read_field(r, &v->pairs[i].value, f, obj);
	}
	check_required(r, v, fields, noun);
}

static void read_entry(struct policy_read *r, const struct policy_table *t, const struct doc_pair *pair,
		       const struct doc_node *v)
{
	uint32_t *n = policy_at(r->p, t->n_off);
	void *entry = *(char **)policy_at(r->p, t->off) + (size_t)*n * t->size;

	(*n)++;
	*(struct loc *)policy_at(entry, t->loc_off) = pair ? pair->loc : v->loc;
	if (t->init)
		t->init(r, entry);
	if (pair) {
		*(const char **)policy_at(entry, t->name_off) = arena_strdup(r->a, pair->key);
		if (!policy_read_is_name(pair->key))
			policy_read_bad_name(r, pair->loc, pair->key, t->noun);
	}
	if (t->value)
		read_field(r, v, t->fields, entry);
	else
		policy_read_map(r, v, t->fields, entry, t->noun);
}

void policy_read_section(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj)
{
	const struct policy_table *t = f->more;

	(void)obj;
	if (doc_is_null(v))
		return;
	if (v->kind != (t->list ? DOC_SEQ : DOC_MAP)) {
		policy_read_wrong(r, v, f);
		return;
	}
	for (uint32_t i = 0; i < v->n; i++)
		read_entry(r, t, v->kind == DOC_MAP ? &v->pairs[i] : NULL,
			   v->kind == DOC_MAP ? &v->pairs[i].value : &v->items[i]);
}

void policy_read_inventory(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj)
{
	struct doc_node row;

	(void)v;
	(void)obj;
	if (!f->more)
		return;         /* include: read already */
	r->src->reading_csv = true;
	for (uint32_t i = 0; i < r->src->n_csv; i++)
		while (policy_csv_next(r->src->csv[i], &row))
			read_entry(r, f->more, NULL, &row);
	r->src->reading_csv = false;
}

/* Two of one name. */
static void refuse_name(struct policy_read *r, const struct policy_name *n, const struct policy_name *first)
{
	if (first->kind == POLICY_NAME_BUILTIN)
		diag_add(r->d, DIAG_ERROR, n->loc, "'%s' is built in: give the %s another name", n->name,
			 policy_kind_nouns[n->kind]);
	else if (n->kind == POLICY_NAME_RULE)
		diag_add2(r->d, DIAG_ERROR, n->loc, first->loc, "first here", "the id '%s' is taken: exceptions, "
			  "restrict entries and rules share their ids; write another", n->name);
	else if (!first->loc.line)
		diag_add(r->d, DIAG_ERROR, n->loc, "'%s' is a %s already: give the %s another name", n->name,
			 policy_kind_nouns[first->kind], policy_kind_nouns[n->kind]);
	else
		diag_add2(r->d, DIAG_ERROR, n->loc, first->loc, "first defined here", "'%s' is a %s already: give the "
			  "%s another name", n->name, policy_kind_nouns[first->kind], policy_kind_nouns[n->kind]);
}

static bool enter_name(struct policy_read *r, const struct policy_table *t, const char *name, struct loc loc)
{
	struct policy_names *in = t->kind == POLICY_NAME_RULE ? &r->rules : t->kind == POLICY_NAME_TEST ? &r->tests : &r->names;
	struct policy_name n = { name, t->kind, *(uint32_t *)policy_at(r->p, t->n_off), loc };
	const struct policy_name *first;
	bool failed = false;

	first = policy_names_add(in, n, &failed);
	if (first)
		refuse_name(r, &n, first);
	return !failed;
}

/* Count an entry of the section that begins at section.  false: out of memory, or said. */
static bool count_entry(struct policy_read *r, const struct policy_table *t, struct loc section)
{
	uint32_t *n = policy_at(r->p, t->n_off);

	if ((*n)++ < t->max)
		return true;
	diag_add(r->d, DIAG_ERROR, section, "more than %u entries of this kind in one policy", t->max);
	return false;
}

/* Count a section's entries in one document and enter their names. */
static bool enter_section(struct policy_read *r, const struct policy_table *t, const struct doc_node *v)
{
	if (!v || v->kind != (t->list ? DOC_SEQ : DOC_MAP))
		return true;
	for (uint32_t i = 0; i < v->n; i++) {
		const struct doc_node *name = t->name_key && v->kind == DOC_SEQ ? doc_get(&v->items[i], t->name_key) : NULL;
		bool ok = true;

		if (v->kind == DOC_MAP)
			ok = enter_name(r, t, v->pairs[i].key, v->pairs[i].loc);
		else if (name && name->kind == DOC_SCALAR && !doc_is_null(name))
			ok = enter_name(r, t, name->text, name->loc);
		if (!ok || !count_entry(r, t, v->loc))
			return false;
	}
	return true;
}

static bool enter_inventory(struct policy_read *r, const struct policy_table *t, const struct policy_csv *csv)
{
	const struct policy_csv_name *names;
	const uint32_t n = policy_csv_names(csv, &names);

	for (uint32_t i = 0; i < n; i++)
		if ((names[i].name && !enter_name(r, t, names[i].name, names[i].loc)) ||
		    !count_entry(r, t, policy_csv_loc(csv)))
			return false;
	return true;
}

static bool enter_field(struct policy_read *r, const struct policy_field *f)
{
	for (size_t i = 0; i < r->sources.n; i++) {
		const struct policy_source *s = &r->sources.at[i];

		if (f->type != POLICY_T_FILES && !enter_section(r, f->more, doc_get(&s->doc->root, f->key)))
			return false;
		for (uint32_t j = 0; f->type == POLICY_T_FILES && j < s->n_csv; j++)
			if (!enter_inventory(r, f->more, s->csv[j]))
				return false;
	}
	return true;
}

/* Arrays of the size that was counted; then the counts start again. */
static bool make_arrays(struct policy_read *r)
{
	for (const struct policy_field *f = policy_top_fields; f->key; f++) {
		const struct policy_table *t = f->more;

		if (policy_read_is_list(f) && !*(void **)policy_at(r->p, t->off))
			*(void **)policy_at(r->p, t->off) =
				arena_alloc(r->a, *(uint32_t *)policy_at(r->p, t->n_off) + 1, t->size);
	}
	for (const struct policy_field *f = policy_top_fields; f->key; f++)
		if (policy_read_is_list(f))
			*(uint32_t *)policy_at(r->p, ((const struct policy_table *)f->more)->n_off) = 0;
	return !arena_failed(r->a);
}

static void check_keys(struct policy_read *r, struct policy_source *s)
{
	const struct doc_node *root = &s->doc->root;

	r->src = s;
	if (root->kind != DOC_MAP) {
		diag_add(r->d, DIAG_ERROR, root->loc, "a policy is keys with values, from 'version: 1' on, not %s",
			 doc_kind_text(root));
		return;
	}
	for (uint32_t i = 0; i < root->n; i++)
		usable_field(r, &root->pairs[i], policy_top_fields, "a policy");
	check_required(r, root, policy_top_fields, "the file");
}

void policy_read_top(struct policy_read *r)
{
	bool ok = true;

	for (size_t i = 0; i < r->sources.n; i++)
		check_keys(r, &r->sources.at[i]);
	for (const struct policy_field *f = policy_top_fields; f->key && ok; f++)
		if (policy_read_is_list(f))
			ok = enter_field(r, f);
	if (!ok || !make_arrays(r)) {
		diag_add(r->d, DIAG_ERROR, r->sources.at[0].doc->root.loc, "the policy is too large to read");
		return;
	}
	for (const struct policy_field *f = policy_top_fields; f->key; f++) {
		for (size_t i = 0; i < r->sources.n; i++) {
			const struct doc_node *v = doc_get(&r->sources.at[i].doc->root, f->key);

			r->src = &r->sources.at[i];
			if (v && !((f->flags & POLICY_F_MAIN) && r->src->include))
				read_field(r, v, f, r->p);
		}
	}
}
