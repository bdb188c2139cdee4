/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON Schema draft-07 of the language, from the tables.  It says what a mapping may hold and what values look like; what
 * names refer to and whether a rule makes sense is the loader's to say. */
#include "policy/policy_read.h"

#include <string.h>

#include "base/buf.h"
#include "base/word.h"

static void put_fields(struct buf *out, const struct policy_field *fields, unsigned indent);

static void put_line(struct buf *out, unsigned indent)
{
	buf_printf(out, "\n%*s", (int)indent * 2, "");
}

/* Descriptions have no quotes or backslashes in them; this keeps it so. */
static void put_about(struct buf *out, const struct policy_field *f)
{
	if (f->about)
		buf_printf(out, "\"description\": \"%s\", ", f->about);
}

static void put_words(struct buf *out, const struct word *w)
{
	buf_str(out, "\"enum\": [");
	for (const struct word *i = w; i->name; i++)
		buf_printf(out, !strcmp(i->name, "true") || !strcmp(i->name, "false") ? "%s%s" : "%s\"%s\"",
			   i == w ? "" : ", ", i->name);
	buf_char(out, ']');
}

static void put_entry(struct buf *out, const struct policy_table *t, unsigned indent)
{
	buf_str(out, "{ ");
	if (t->value)
		buf_str(out, policy_types[t->fields->type].schema);
	else
		put_fields(out, t->fields, indent);
	buf_str(out, " }");
}

/* The end of a test: a word or its keys. */
static void put_end(struct buf *out, const struct policy_field *f, unsigned indent)
{
	buf_str(out, "\"anyOf\": [{ \"type\": [\"string\", \"number\"] }, { \"minProperties\": 1, ");
	put_fields(out, f->more, indent + 1);
	buf_str(out, " }]");
}

static void put_value(struct buf *out, const struct policy_field *f, unsigned indent)
{
	const struct policy_type_row *type = &policy_types[f->type];

	buf_str(out, "{ ");
	put_about(out, f);
	if (f->flags & POLICY_F_FILLED)
		buf_str(out, "\"minItems\": 1, ");
	if (type->schema) {
		buf_str(out, type->schema);
	} else if (f->type == POLICY_T_WORD) {
		put_words(out, f->more);
	} else if (f->type == POLICY_T_FLOW_END) {
		put_end(out, f, indent);
	} else if (f->type == POLICY_T_MAP) {
		put_fields(out, f->more, indent);
	} else if (f->type == POLICY_T_FAIL) {
		buf_str(out, "\"type\": \"object\", \"additionalProperties\": { ");
		put_words(out, f->more);
		buf_str(out, " }");
	} else if (f->type == POLICY_T_LIST) {
		buf_str(out, "\"type\": [\"array\", \"null\"], \"items\": ");
		put_entry(out, f->more, indent);
	} else if (f->type == POLICY_T_NAMED) {
		buf_str(out, "\"type\": [\"object\", \"null\"], \"propertyNames\": { \"pattern\": "
			     "\"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$\" }, \"additionalProperties\": ");
		put_entry(out, f->more, indent);
	}
	buf_str(out, " }");
}

/* The inside of an object's schema. */
static void put_fields(struct buf *out, const struct policy_field *fields, unsigned indent)
{
	const char *between = "";

	buf_str(out, "\"type\": \"object\", \"additionalProperties\": false, \"properties\": {");
	for (const struct policy_field *f = fields; f->key; f++) {
		if (f->type == POLICY_T_REFUSED)
			continue;
		buf_str(out, between);
		put_line(out, indent + 1);
		buf_printf(out, "\"%s\": ", f->key);
		put_value(out, f, indent + 1);
		between = ",";
	}
	put_line(out, indent);
	buf_str(out, "}");
	between = ", \"required\": [";
	for (const struct policy_field *f = fields; f->key; f++)
		if (f->flags & POLICY_F_REQUIRED) {
			buf_printf(out, "%s\"%s\"", between, f->key);
			between = ", ";
		}
	if (between[2] == '\0')
		buf_char(out, ']');
}

void policy_schema(struct buf *out)
{
	buf_str(out, "{ \"$schema\": \"http://json-schema.org/draft-07/schema#\", \"title\": \"ringfence policy\", ");
	put_fields(out, policy_top_fields, 0);
	buf_str(out, " }\n");
}
