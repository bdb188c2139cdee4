/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maker_match: which registrant is whose.  Patterns are sorted by their first word, so that each word of each of the 33,000
 * registrants costs one binary search and not a pass over all patterns. */
#include "policy/maker.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/own.h"
#include "base/vec.h"
#include "policy/maker_pattern.h"
#include "policy/registry.h"

struct entry {
	struct maker_pattern pattern;
	size_t first;                   /* length of its first word */
	uint32_t maker, index;
};

struct match {
	const struct policy_maker *makers;
	struct diag *diag;
	VEC(struct entry) entries;
	bool failed;
};

static size_t word_len(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n] && s[n] != ' ')
		n++;
	return n;
}

static int compare_words(const char *a, size_t alen, const char *b, size_t blen)
{
	int c = memcmp(a, b, alen < blen ? alen : blen);

	return c ? c : (alen > blen) - (alen < blen);
}

static int compare_entries(const void *va, const void *vb)
{
	const struct entry *a = va, *b = vb;
	int c = compare_words(a->pattern.words, a->first, b->pattern.words, b->first);

	if (c)
		return c;
	c = (a->maker > b->maker) - (a->maker < b->maker);
	return c ? c : (a->index > b->index) - (a->index < b->index);
}

static bool sort_patterns(struct match *m, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < m->makers[i].n_patterns; k++) {
			struct entry e = { .maker = i, .index = k };

			if (maker_pattern_parse(m->makers[i].patterns[k], &e.pattern))
				continue;
			e.first = word_len(e.pattern.words, e.pattern.len);
			if (!VEC_PUSH(&m->entries, e))
				return false;
		}
	if (m->entries.n)
		qsort(m->entries.at, m->entries.n, sizeof(*m->entries.at), compare_entries);
	return true;
}

/* The first entry whose first word is not below the one given. */
static size_t find_word(const struct match *m, const char *word, size_t len)
{
	size_t lo = 0, hi = m->entries.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct entry *e = &m->entries.at[mid];

		if (compare_words(e->pattern.words, e->first, word, len) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_listed(const struct policy_maker *maker, const char *normalised)
{
	char name[512];

	for (uint32_t i = 0; i < maker->n_registrants; i++)
		if (!strcmp(normalised, registry_normalise(maker->registrants[i], name, sizeof(name))))
			return true;
	return false;
}

/* e matches name, which had the entry *owner (NULL: none) so far. */
static void add_match(struct match *m, const char *name, const struct entry *e, const struct entry **owner)
{
	const struct policy_maker *maker = &m->makers[e->maker];
	const struct entry *old = *owner;

	if (old && old->maker == e->maker)
		return;
	if (old) {
		diag_add2(m->diag, DIAG_ERROR, maker->pattern_locs[e->index], m->makers[old->maker].pattern_locs[old->index],
			  "the other one is here", "registrant '%.128s' is matched by makers '%s' and '%s'", name,
			  m->makers[old->maker].name, maker->name);
		m->failed = true;
		return;
	}
	*owner = e;
	if (!is_listed(maker, name))
		diag_add(m->diag, DIAG_WARNING, maker->pattern_locs[e->index],
			 "this pattern of maker '%s' matches registrant '%.128s', which the maker does not list: "
			 "check whose it is and add it to registrants", maker->name, name);
}

static uint32_t match_name(struct match *m, const char *name)
{
	const struct entry *owner = NULL;

	for (const char *at = name; at; at = strchr(at, ' ')) {
		size_t len;

		at += *at == ' ';
		len = word_len(at, SIZE_MAX);
		for (size_t i = find_word(m, at, len); i < m->entries.n; i++) {
			const struct entry *e = &m->entries.at[i];

			if (compare_words(e->pattern.words, e->first, at, len) != 0)
				break;
			if (maker_pattern_at(&e->pattern, name, at))
				add_match(m, name, e, &owner);
		}
	}
	return owner ? owner->maker : MAKER_NONE;
}

uint32_t *maker_of_registrants(const struct policy_maker *makers, uint32_t n, const struct registry *r, struct arena *a,
			       struct diag *d)
{
	struct match m = { .makers = makers, .diag = d };
	uint32_t count = registry_registrants(r);
	uint32_t *table = arena_array(a, (size_t)count + 1, uint32_t);

	if (!table || !sort_patterns(&m, n)) {
		diag_add(d, DIAG_ERROR, LOC_NONE, "out of memory");
		VEC_FREE(&m.entries);
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++)
		table[i] = match_name(&m, registry_registrant(r, i));
	VEC_FREE(&m.entries);
	return m.failed ? NULL : table;
}
