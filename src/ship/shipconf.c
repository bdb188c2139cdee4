/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shipconf: lines and sections.  Columns count bytes from 1. */
#include "ship/shipconf_key.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/utf8.h"
#include "base/vec.h"

struct reader {
	struct shipconf *conf;
	struct shipconf_out out;
	const char *file;
	VEC(struct shipconf_sink) sinks;
	bool in_sink, skipping;         /* skipping: a section that can't be used */
	struct loc set[SHIPCONF_KEYS], globals[SHIPCONF_KEYS];    /* where each key was given; line 0: not */
};

/* Whether the section's keys go together, and those that were not given; called at its end. */
static void end_section(struct reader *r)
{
	struct shipconf_sink *s = r->sinks.n ? &r->sinks.at[r->sinks.n - 1] : NULL;

	if (!r->in_sink || !s || r->skipping)
		return;
	if (!r->set[0].line) {
		diag_add(r->out.diag, DIAG_ERROR, s->loc, "sink '%s' needs a 'type': file or syslog", s->name);
		return;
	}
	for (const struct shipconf_key *k = shipconf_sink_keys; k->name; k++) {
		bool given = r->set[k - shipconf_sink_keys].line != 0, has = k->types & 1 << s->type;

		if (given && !has)
			diag_add(r->out.diag, DIAG_ERROR, r->set[k - shipconf_sink_keys], "a sink of type %s has no '%s'",
				 word_name(shipconf_types, (int)s->type), k->name);
		if (!given && has && k->fallback)
			shipconf_set(&r->out, k, s, k->fallback, LOC_NONE);
		if (!given && has && k->required)
			diag_add(r->out.diag, DIAG_ERROR, s->loc, "sink '%s' needs '%s'", s->name, k->name);
	}
}

static bool is_name(const char *name)
{
	size_t n = strlen(name);

	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
			return false;
	return n && n <= SHIPCONF_NAME_MAX && isalnum((unsigned char)name[0]);
}

static void begin_sink(struct reader *r, const char *name, struct loc loc)
{
	struct shipconf_sink s = { .loc = loc };

	end_section(r);
	r->in_sink = true;
	r->skipping = true;
	memset(r->set, 0, sizeof(r->set));
	for (size_t i = 0; i < r->sinks.n; i++) {
		if (strcmp(r->sinks.at[i].name, name) == 0) {
			diag_add2(r->out.diag, DIAG_ERROR, loc, r->sinks.at[i].loc, "first defined here",
				  "sink '%s' stands here twice", name);
			return;
		}
	}
	if (!is_name(name)) {
		diag_add(r->out.diag, DIAG_ERROR, loc, "'%s' is no name for a sink: letters, digits, '-', '_' and '.', at most %d",
			 name, SHIPCONF_NAME_MAX);
		return;
	}
	if (r->sinks.n == SHIPCONF_SINKS_MAX) {
		diag_add(r->out.diag, DIAG_ERROR, loc, "there are more than %d sinks", SHIPCONF_SINKS_MAX);
		return;
	}
	s.name = arena_strdup(r->conf->arena, name);
	r->skipping = !s.name || !VEC_PUSH(&r->sinks, s);
}

static void header(struct reader *r, char *text, struct loc loc)
{
	size_t n = strlen(text);
	char *name = text + 1;

	if (text[n - 1] != ']') {
		diag_add(r->out.diag, DIAG_ERROR, loc, "a section is written [sink NAME]");
		r->skipping = true;
		return;
	}
	text[n - 1] = '\0';
	if (strncmp(name, "sink", 4) != 0 || (name[4] != ' ' && name[4] != '\t')) {
		end_section(r);
		diag_add(r->out.diag, DIAG_ERROR, loc, "there is no section '%s', only [sink NAME]", name);
		r->in_sink = r->skipping = true;
		return;
	}
	for (name += 4; *name == ' ' || *name == '\t'; name++)
		;
	begin_sink(r, name, loc);
}

/* --- lines --- */

static void unknown_key(struct reader *r, const struct shipconf_key *keys, const char *name, struct loc loc)
{
	const char *names[SHIPCONF_KEYS], *near;
	size_t n = 0;

	for (const struct shipconf_key *k = keys; k->name; k++)
		names[n++] = k->name;
	near = word_nearest(name, names, n);
	if (near)
		diag_add(r->out.diag, DIAG_ERROR, loc, "there is no '%s'%s; did you mean '%s'?", name,
			 r->in_sink ? " in a sink" : "", near);
	else
		diag_add(r->out.diag, DIAG_ERROR, loc, "there is no '%s'%s", name,
			 r->in_sink ? " in a sink" : " before the first [sink NAME]");
}

static void assign(struct reader *r, const char *name, struct loc at, const char *value, struct loc value_at)
{
	const struct shipconf_key *keys = r->in_sink ? shipconf_sink_keys : shipconf_global_keys, *k = keys;
	struct loc *set = r->in_sink ? r->set : r->globals;
	void *object = r->in_sink ? (void *)&r->sinks.at[r->sinks.n - 1] : r->conf;

	while (k->name && strcmp(k->name, name) != 0)
		k++;
	if (!k->name) {
		unknown_key(r, keys, name, at);
		return;
	}
	if (set[k - keys].line) {
		diag_add2(r->out.diag, DIAG_ERROR, at, set[k - keys], "first given here", "'%s' is given twice", name);
		return;
	}
	set[k - keys] = at;
	if (!*value)
		diag_add(r->out.diag, DIAG_ERROR, at, "'%s' has no value", name);
	else
		shipconf_set(&r->out, k, object, value, value_at);
}

/* Blanks off both ends; *col moves with the start. */
static char *trim(char *s, unsigned *col)
{
	size_t n;

	for (; *s == ' ' || *s == '\t'; s++)
		++*col;
	for (n = strlen(s); n && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r'); )
		s[--n] = '\0';
	return s;
}

static void line(struct reader *r, char *text, unsigned number)
{
	unsigned col = 1, value_col;
	char *equals, *value, *name;

	for (char *c = strchr(text, '#'); c; c = strchr(c + 1, '#')) {
		if (c == text || c[-1] == ' ' || c[-1] == '\t') {
			*c = '\0';
			break;
		}
	}
	name = trim(text, &col);
	if (!*name)
		return;
	if (*name == '[') {
		header(r, name, (struct loc){ r->file, number, col });
		return;
	}
	equals = strchr(name, '=');
	if (!equals) {
		diag_add(r->out.diag, DIAG_ERROR, (struct loc){ r->file, number, col }, "a line is 'key = value' or [sink NAME]");
		return;
	}
	*equals = '\0';
	value_col = col + (unsigned)(equals - name) + 1;
	value = trim(equals + 1, &value_col);
	trim(name, &col);
	if (!r->skipping)
		assign(r, name, (struct loc){ r->file, number, col }, value, (struct loc){ r->file, number, value_col });
}

/* --- the whole --- */

static bool check_bytes(struct reader *r, const char *text, size_t len)
{
	unsigned number = 1, col = 1;

	for (size_t i = 0; i < len; ) {
		uint32_t cp = 0;
		unsigned n = utf8_next(text + i, len - i, &cp);

		if (n == 0 || (cp < 0x20 && cp != '\n' && cp != '\t' && cp != '\r')) {
			diag_add(r->out.diag, DIAG_ERROR, (struct loc){ r->file, number, col }, "a byte that is no text (%02x)",
				 (unsigned char)text[i]);
			return false;
		}
		number += cp == '\n';
		col = cp == '\n' ? 1 : col + n;
		i += n;
	}
	return true;
}

static void lines(struct reader *r, char *text)
{
	unsigned number = 1;

	for (char *end; text; text = end, number++) {
		end = strchr(text, '\n');
		if (end)
			*end++ = '\0';
		line(r, text, number);
	}
	end_section(r);
	if (r->sinks.n == 0 && diag_errors(r->out.diag) == 0)
		diag_add(r->out.diag, DIAG_ERROR, (struct loc){ r->file, 1, 1 },
			 "there is no [sink NAME]: nothing would be delivered");
}

struct shipconf *shipconf_load_text(const char *name, const char *text, size_t len, struct diag *d)
{
	struct reader r = { .out.diag = d, .file = err_intern(name) };
	AUTO(shipconf) conf = calloc(1, sizeof(*conf));
	char *copy;

	diag_source(d, name, text, len);
	if (conf)
		conf->arena = arena_new();
	copy = conf && conf->arena ? arena_strndup(conf->arena, text, len) : NULL;
	if (!copy) {
		diag_add(d, DIAG_ERROR, LOC_NONE, "out of memory");
		return NULL;
	}
	r.conf = conf;
	r.out.arena = conf->arena;
	for (const struct shipconf_key *k = shipconf_global_keys; k->name; k++)
		shipconf_set(&r.out, k, conf, k->fallback, LOC_NONE);
	if (check_bytes(&r, text, len))
		lines(&r, copy);
	conf->sinks = arena_memdup(conf->arena, r.sinks.at, r.sinks.n * sizeof(*r.sinks.at));
	conf->n_sinks = r.sinks.n;
	VEC_FREE(&r.sinks);
	if (arena_failed(conf->arena))
		diag_add(d, DIAG_ERROR, LOC_NONE, "out of memory");
	return diag_errors(d) ? NULL : TAKE(conf);
}

struct shipconf *shipconf_load(const char *path, struct diag *d)
{
	AUTO_MEM char *text = NULL;
	struct err e;
	size_t len;

	if (file_read(path, SHIPCONF_SIZE_MAX, &text, &len, &e) < 0) {
		diag_err(d, &e);
		return NULL;
	}
	return shipconf_load_text(path, text, len, d);
}

void shipconf_free(struct shipconf *c)
{
	if (!c)
		return;
	arena_free(c->arena);
	free(c);
}

void shipconf_print(const struct shipconf *c, struct buf *out)
{
	for (const struct shipconf_key *k = shipconf_global_keys; k->name; k++)
		shipconf_print_key(k, c, out);
	for (size_t i = 0; i < c->n_sinks; i++) {
		buf_printf(out, "\n[sink %s]\n", c->sinks[i].name);
		for (const struct shipconf_key *k = shipconf_sink_keys; k->name; k++)
			if (k->types & 1 << c->sinks[i].type)
				shipconf_print_key(k, &c->sinks[i], out);
	}
}
