/* SPDX-License-Identifier: GPL-2.0-or-later */
/* word: tables of words, for parser, printer and error text alike, and "did you mean". */
#ifndef BASE_WORD_H
#define BASE_WORD_H

#include <stdbool.h>
#include <stddef.h>

struct word {
	const char *name;
	int value;
};

/* Tables end with { NULL, 0 }. */
bool word_find(const struct word *table, const char *name, int *ret);
const char *word_name(const struct word *table, int value);             /* NULL: none */
/* "allow, drop or reject", for messages; returns buf. */
const char *word_list(const struct word *table, char *buf, size_t size);
/* The candidate nearest to name by edit distance, or NULL when none is near enough to suggest. */
const char *word_nearest(const char *name, const char *const *candidates, size_t n);

#endif
