/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/bank.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

static bool grow(struct bank *k)
{
	const size_t n = k->n_slots ? k->n_slots * 2 : 64;
	uint32_t *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < k->pieces.n; i++) {
		size_t at = digest_hash64(k->pieces.at[i].at, k->pieces.at[i].bytes, 0) & (n - 1);

		while (slots[at])
			at = (at + 1) & (n - 1);
		slots[at] = (uint32_t)i + 1;
	}
	free(k->slots);
	k->slots = slots;
	k->n_slots = n;
	return true;
}

uint32_t bank_add(struct bank *k, struct arena *a, const void *piece, size_t bytes)
{
	size_t at;
	void *copy;

	if (k->pieces.n * 2 >= k->n_slots && !grow(k))
		return BANK_NONE;
	at = digest_hash64(piece, bytes, 0) & (k->n_slots - 1);
	for (; k->slots[at]; at = (at + 1) & (k->n_slots - 1)) {
		const struct bank_piece *old = &k->pieces.at[k->slots[at] - 1];

		if (old->bytes == bytes && memcmp(old->at, piece, bytes) == 0)
			return k->slots[at] - 1;
	}
	copy = arena_memdup(a, piece, bytes);
	if (!copy || !VEC_PUSH(&k->pieces, (struct bank_piece){ copy, bytes }))
		return BANK_NONE;
	k->slots[at] = (uint32_t)k->pieces.n;
	return (uint32_t)k->pieces.n - 1;
}

void bank_fini(struct bank *k)
{
	VEC_FREE(&k->pieces);
	free(k->slots);
}
