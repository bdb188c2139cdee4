/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maker_pattern: a run of whole words with its anchors (maker.h).  Values; borrows the pattern's text. */
#ifndef POLICY_MAKER_PATTERN_H
#define POLICY_MAKER_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

struct maker_pattern {
	const char *words;      /* in the pattern's text: lower-case words, one space between */
	size_t len;
	bool begins, ends;      /* '^', '$' */
};

/* NULL: *ret is filled; else what is wrong, to stand behind "pattern '…' ". */
const char *maker_pattern_parse(const char *text, struct maker_pattern *ret);
/* Does it match name where a word begins at at? */
bool maker_pattern_at(const struct maker_pattern *p, const char *name, const char *at);

#endif
