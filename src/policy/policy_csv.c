/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inventories: RFC 4180 with a header whose words are the keys of devices:.  Rows are mappings, so that they are read by the same
 * table as the policy's own devices.  Empty cells are keys left out; cells of lists hold several values with spaces or ';'
 * between them.  An inventory may have 100,000 rows, whose nodes would be ten times its text: when it is opened all of it is
 * checked and its names are noted, then each row is made when it is read, in the memory of the one before it. */
#include "policy/policy_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "policy/doc.h"

struct policy_csv {
	struct arena *names, *row;      /* row: of the last one read */
	struct diag *diag;              /* keeps the text */
	const char *at, *end;
	struct loc start, loc;          /* of the text; of at */
	struct doc_pair cells[POLICY_MAX_CSV_COLUMNS];  /* of one line: text in value */
	uint32_t n_cells;
	const struct policy_field *columns[POLICY_MAX_CSV_COLUMNS];
	struct loc column_locs[POLICY_MAX_CSV_COLUMNS];
	uint32_t n_columns;
	VEC(struct policy_csv_name) entries;
};

static bool refuse(struct policy_csv *c, struct loc loc, const char *what)
{
	diag_add(c->diag, DIAG_ERROR, loc, "%s", what);
	return false;
}

static void step(struct policy_csv *c)
{
	if (*c->at == '\n') {
		c->loc.line++;
		c->loc.col = 1;
	} else if (((unsigned char)*c->at & 0xc0) != 0x80) {
		c->loc.col++;
	}
	c->at++;
}

static bool at_line_end(const struct policy_csv *c)
{
	return c->at == c->end || *c->at == '\n' || (*c->at == '\r' && c->at + 1 < c->end && c->at[1] == '\n');
}

/* The text of a cell in quotes, at the opening one; out has room for all of it. */
static bool quoted_cell(struct policy_csv *c, char *out, size_t *ret_len)
{
	struct loc open = c->loc;

	for (step(c); c->at < c->end; step(c)) {
		if (*c->at == '"' && (c->at + 1 == c->end || c->at[1] != '"')) {
			step(c);
			return at_line_end(c) || *c->at == ',' ||
			       refuse(c, c->loc, "text behind the closing quote: a ',' or the line's end belongs here");
		}
		if (*c->at == '"')
			step(c);
		if (*c->at != '\r')
			out[(*ret_len)++] = *c->at;
	}
	return refuse(c, open, "the quote that is opened here is not closed");
}

static bool plain_cell(struct policy_csv *c, char *out, size_t *ret_len)
{
	for (; !at_line_end(c) && *c->at != ','; step(c)) {
		if (*c->at == '"')
			return refuse(c, c->loc, "a quote inside a cell: put the whole cell in quotes and double this one");
		out[(*ret_len)++] = *c->at;
	}
	return true;
}

static size_t cell_room(const struct policy_csv *c)
{
	const char *p = c->at + (*c->at == '"');

	if (p == c->at)
		while (p < c->end && *p != ',' && *p != '\n')
			p++;
	else
		while (p < c->end && (*p != '"' || (p + 1 < c->end && p[1] == '"')))
			p += *p == '"' ? 2 : 1;
	return (size_t)(p - c->at) + 1;
}

/* One cell without the spaces around it; c->at stands at the ',' or the line's end behind it. */
static bool read_cell(struct policy_csv *c)
{
	struct doc_pair *cell = &c->cells[c->n_cells];
	size_t room, len = 0, skip = 0;
	char *text;

	if (c->n_cells == POLICY_MAX_CSV_COLUMNS)
		return refuse(c, c->loc, "more columns than an inventory has");
	room = c->at < c->end ? cell_room(c) : 1;
	if (room > DOC_MAX_SCALAR)
		return refuse(c, c->loc, "a cell that is longer than 64 KiB: is a quote not closed?");
	text = arena_alloc(c->row, room + 1, 1);
	cell->value = (struct doc_node){ .kind = DOC_SCALAR, .quoted = true, .loc = c->loc };
	if (!text || !(c->at < c->end && *c->at == '"' ? quoted_cell(c, text, &len) : plain_cell(c, text, &len)))
		return false;
	while (len && text[len - 1] == ' ')
		len--;
	text[len] = '\0';
	while (text[skip] == ' ')
		skip++;
	cell->value.text = text + skip;
	cell->value.n = (uint32_t)(len - skip);
	c->n_cells++;
	return true;
}

static bool read_line(struct policy_csv *c)
{
	c->n_cells = 0;
	arena_reset(c->row);
	for (;;) {
		if (!read_cell(c))
			return false;
		if (c->at == c->end || *c->at != ',')
			break;
		step(c);
	}
	while (c->at < c->end && *c->at != '\n')
		step(c);
	if (c->at < c->end)
		step(c);
	return true;
}

static const struct policy_field *column_of(const char *name)
{
	for (const struct policy_field *f = policy_device_table.fields; f->key; f++)
		if (!strcmp(f->key, name) && f->type != POLICY_T_MAP)
			return f;
	return NULL;
}

static bool bad_column(struct policy_csv *c, const struct doc_node *cell)
{
	const char *keys[32], *near;
	char list[200] = "";
	size_t n = 0, used = 0;

	if (!strncmp(cell->text, "cleared", 7))
		return refuse(c, cell->loc, "a device is cleared in the policy itself, under devices, not in an inventory");
	if (strchr(cell->text, ';') && c->n_cells == 1)
		return refuse(c, cell->loc, "the columns are divided by ';': write ','");
	for (const struct policy_field *f = policy_device_table.fields; f->key && n < 32; f++)
		if (f->type != POLICY_T_MAP) {
			keys[n++] = f->key;
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", f->key);
		}
	near = word_nearest(cell->text, keys, n);
	if (near)
		diag_add(c->diag, DIAG_ERROR, cell->loc, "unknown column '%.80s'; did you mean '%s'?", cell->text, near);
	else
		diag_add(c->diag, DIAG_ERROR, cell->loc, "unknown column '%.80s'; the columns are %s", cell->text, list);
	return false;
}

static bool read_header(struct policy_csv *c)
{
	bool ok = true, named = false;

	if (c->at == c->end)
		return refuse(c, c->loc, "the file says nothing: its first line has the columns, name first");
	if (!read_line(c))
		return false;
	for (uint32_t i = 0; i < c->n_cells; i++) {
		const struct doc_node *cell = &c->cells[i].value;

		c->columns[i] = column_of(cell->text);
		c->column_locs[i] = cell->loc;
		ok &= c->columns[i] || bad_column(c, cell);
		named |= !strcmp(cell->text, "name");
		for (uint32_t j = 0; j < i && c->columns[i]; j++)
			if (c->columns[j] == c->columns[i]) {
				diag_add2(c->diag, DIAG_ERROR, cell->loc, c->column_locs[j], "first here",
					  "the column '%s' stands here twice", cell->text);
				ok = false;
			}
	}
	c->n_columns = c->n_cells;
	if (ok && !named)
		return refuse(c, c->cells[0].value.loc, "an inventory needs the column 'name'");
	return ok;
}

/* Values of a list cell, divided by spaces, line ends or ';'. */
static bool split_cell(struct policy_csv *c, struct doc_node *cell)
{
	static const char between[] = " ;\n";
	struct doc_node *items = NULL;
	uint32_t n = 0;

	if (!strpbrk(cell->text, between)) {    /* most often: the cell is the item, and its text needs no copy */
		items = arena_memdup(c->row, cell, sizeof(*cell));
		*cell = (struct doc_node){ .kind = DOC_SEQ, .n = 1, .items = items, .loc = cell->loc };
		return items != NULL;
	}
	for (int pass = 0; pass < 2; pass++) {
		const char *s = cell->text + strspn(cell->text, between);

		for (n = 0; *s; n++) {
			size_t len = strcspn(s, between);

			if (pass)
				items[n] = (struct doc_node){ .kind = DOC_SCALAR, .quoted = true, .n = (uint32_t)len,
							      .text = arena_strndup(c->row, s, len), .loc = cell->loc };
			if (pass && !items[n].text)
				return false;
			s += len;
			s += strspn(s, between);
		}
		if (!pass && !(items = arena_array(c->row, n, struct doc_node)))
			return false;
	}
	*cell = (struct doc_node){ .kind = DOC_SEQ, .n = n, .items = items, .loc = cell->loc };
	return true;
}

static bool make_row(struct policy_csv *c, struct doc_node *ret)
{
	struct doc_pair *pairs;
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n_cells; i++)
		n += c->cells[i].value.n != 0;
	pairs = arena_array(c->row, n, struct doc_pair);
	n = 0;
	for (uint32_t i = 0; pairs && i < c->n_cells; i++) {
		if (!c->cells[i].value.n)
			continue;
		pairs[n] = c->cells[i];
		pairs[n].key = c->columns[i]->key;
		pairs[n].loc = pairs[n].value.loc;
		if (c->columns[i]->n_off && !split_cell(c, &pairs[n].value))
			return false;
		n++;
	}
	*ret = (struct doc_node){ .kind = DOC_MAP, .n = n, .pairs = pairs, .loc = c->cells[0].value.loc };
	return pairs != NULL;
}

static bool is_blank(const struct policy_csv *c)
{
	for (uint32_t i = 0; i < c->n_cells; i++)
		if (c->cells[i].value.n)
			return false;
	return true;
}

/* The next line that says something, as many cells as columns.  false: there is none, or it is wrong. */
static bool read_row(struct policy_csv *c)
{
	while (c->at < c->end) {
		if (!read_line(c))
			return false;
		if (is_blank(c))
			continue;
		if (c->n_cells == c->n_columns)
			return true;
		diag_add(c->diag, DIAG_ERROR, c->cells[0].value.loc, "this line has %u cells, the header %u: "
			 "put cells that hold a ',' in quotes", c->n_cells, c->n_columns);
		return false;
	}
	return false;
}

/* What the row read last calls its device. */
static bool note_name(struct policy_csv *c)
{
	struct policy_csv_name entry = { .loc = LOC_NONE };

	for (uint32_t i = 0; i < c->n_columns; i++) {
		const struct doc_node *cell = &c->cells[i].value;

		if (!cell->n || strcmp(c->columns[i]->key, policy_device_table.name_key) != 0)
			continue;
		entry = (struct policy_csv_name){ arena_strndup(c->names, cell->text, cell->n), cell->loc };
		if (!entry.name)
			return false;
	}
	return c->entries.n < POLICY_MAX_DEVICES && VEC_PUSH(&c->entries, entry);
}

/* Every row is looked at once; then it begins anew. */
static bool check_rows(struct policy_csv *c)
{
	const unsigned before = diag_errors(c->diag);
	const char *const first = c->at;
	const struct loc loc = c->loc;

	while (read_row(c))
		if (!note_name(c))
			return refuse(c, c->loc, "the inventory is too large to read");
	c->at = first;
	c->loc = loc;
	return diag_errors(c->diag) == before && !arena_failed(c->row);
}

static bool open_text(struct policy_csv *c, const char *name, const char *text, size_t len)
{
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		len -= 3;
	}
	c->at = diag_source(c->diag, name, text, len);
	if (!doc_check_text(name, text, len, c->diag))
		return false;
	c->end = c->at + len;
	c->names = arena_new();
	c->row = arena_new();
	return c->at && c->names && c->row && read_header(c) && check_rows(c);
}

struct policy_csv *policy_csv_open(const char *name, const char *text, size_t len, struct diag *d)
{
	const struct loc start = { err_intern(name), 1, 1 };
	const unsigned before = diag_errors(d);
	struct policy_csv *c = calloc(1, sizeof(*c));

	if (c)
		*c = (struct policy_csv){ .diag = d, .start = start, .loc = start };
	if (c && open_text(c, name, text, len))
		return c;
	if (diag_errors(d) == before)
		diag_add(d, DIAG_ERROR, c ? c->loc : start, "out of memory");
	policy_csv_free(c);
	return NULL;
}

void policy_csv_free(struct policy_csv *c)
{
	if (!c)
		return;
	arena_free(c->names);
	arena_free(c->row);
	VEC_FREE(&c->entries);
	free(c);
}

struct loc policy_csv_loc(const struct policy_csv *c)
{
	return c->start;
}

uint32_t policy_csv_names(const struct policy_csv *c, const struct policy_csv_name **ret)
{
	*ret = c->entries.at;
	return (uint32_t)c->entries.n;
}

bool policy_csv_next(struct policy_csv *c, struct doc_node *ret)
{
	const unsigned before = diag_errors(c->diag);

	if (read_row(c) && make_row(c, ret))
		return true;
	if (arena_failed(c->row) && diag_errors(c->diag) == before)
		refuse(c, c->loc, "the inventory is too large to read");
	return false;
}
