/* SPDX-License-Identifier: GPL-2.0-or-later */
/* word: nearness is the optimal-string-alignment distance (insert, delete, change, swap neighbours), blind
 * to case and to '_' for '-'; at most a third of the name, at least one, may differ. */
#include "base/word.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_LEN = 64 };

bool word_find(const struct word *table, const char *name, int *ret)
{
	for (; table->name; table++) {
		if (strcmp(table->name, name) == 0) {
			*ret = table->value;
			return true;
		}
	}
	return false;
}

const char *word_name(const struct word *table, int value)
{
	for (; table->name; table++)
		if (table->value == value)
			return table->name;
	return NULL;
}

const char *word_list(const struct word *table, char *buf, size_t size)
{
	size_t used = 0;

	if (size)
		buf[0] = '\0';
	for (const struct word *w = table; w->name && used < size; w++) {
		const char *sep = w == table ? "" : w[1].name ? ", " : " or ";

		used += (size_t)snprintf(buf + used, size - used, "%s%s", sep, w->name);
	}
	return buf;
}

static int fold(char c)
{
	return c == '_' ? '-' : tolower((unsigned char)c);
}

static unsigned min2(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Distance of a to b, or limit + 1 as soon as it must be above limit.  Rows i-2, i-1 and i of the matrix. */
static unsigned distance(const char *a, size_t alen, const char *b, size_t blen, unsigned limit)
{
	unsigned rows[3][NAME_MAX_LEN + 1];

	for (size_t j = 0; j <= blen; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= alen; i++) {
		unsigned *row = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];
		unsigned least = row[0] = (unsigned)i;

		for (size_t j = 1; j <= blen; j++) {
			bool same = fold(a[i - 1]) == fold(b[j - 1]);

			row[j] = min2(min2(up[j], row[j - 1]) + 1, up[j - 1] + !same);
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]))
				row[j] = min2(row[j], up2[j - 2] + 1);
			least = min2(least, row[j]);
		}
		if (least > limit)
			return limit + 1;
	}
	return rows[alen % 3][blen];
}

const char *word_nearest(const char *name, const char *const *candidates, size_t n)
{
	size_t len = strlen(name);
	unsigned limit = len < 6 ? 1 : (unsigned)(len / 3);
	const char *best = NULL;

	if (len < 2 || len > NAME_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t other = strlen(candidates[i]);
		unsigned d;

		if (other > NAME_MAX_LEN || other + limit < len || len + limit < other)
			continue;
		d = distance(name, len, candidates[i], other, limit);
		if (d > limit)
			continue;
		best = candidates[i];
		if (d == 0)
			break;
		limit = d - 1;
	}
	return best;
}
