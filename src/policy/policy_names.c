/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names to what they stand for: open addressing, kept at most half full. */
#include "policy/policy_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/word.h"

static size_t slot_of(const struct policy_names *t, const char *name)
{
	size_t at = digest_hash64(name, strlen(name), 0) & (t->size - 1);

	while (t->slots[at].name && strcmp(t->slots[at].name, name))
		at = (at + 1) & (t->size - 1);
	return at;
}

static bool grow(struct policy_names *t)
{
	struct policy_names bigger = { .n = t->n, .size = t->size ? t->size * 2 : 64 };

	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < t->size; i++)
		if (t->slots[i].name)
			bigger.slots[slot_of(&bigger, t->slots[i].name)] = t->slots[i];
	free(t->slots);
	*t = bigger;
	return true;
}

const struct policy_name *policy_names_find(const struct policy_names *t, const char *name)
{
	const struct policy_name *n = t->size ? &t->slots[slot_of(t, name)] : NULL;

	return n && n->name ? n : NULL;
}

const struct policy_name *policy_names_add(struct policy_names *t, struct policy_name n, bool *failed)
{
	struct policy_name *slot;

	if (t->n * 2 >= t->size && !grow(t)) {
		*failed = true;
		return NULL;
	}
	slot = &t->slots[slot_of(t, n.name)];
	if (slot->name)
		return slot;
	*slot = n;
	t->n++;
	return NULL;
}

const char *policy_names_nearest(const struct policy_names *t, const char *name, unsigned kinds)
{
	const char **candidates = calloc(t->n + 1, sizeof(*candidates));
	const char *nearest = NULL;
	size_t n = 0, len = strlen(name), slack = len / 3 + 1;

	for (size_t i = 0; candidates && i < t->size; i++) {
		const struct policy_name *s = &t->slots[i];
		size_t l = s->name && (kinds & 1u << s->kind) ? strlen(s->name) : SIZE_MAX;

		if (l != SIZE_MAX && l <= len + slack && len <= l + slack)
			candidates[n++] = s->name;
	}
	if (candidates)
		nearest = word_nearest(name, candidates, n);
	free(candidates);
	return nearest;
}

void policy_names_fini(struct policy_names *t)
{
	free(t->slots);
	*t = (struct policy_names){ 0 };
}
