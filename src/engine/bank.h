/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bank: equal pieces of memory of any length are one, and have a number.  Copies live in the arena that is given each time. */
#ifndef ENGINE_BANK_H
#define ENGINE_BANK_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"

#define BANK_NONE UINT32_MAX

struct bank_piece { const void *at; size_t bytes; };
struct bank {
	VEC(struct bank_piece) pieces;  /* by number */
	uint32_t *slots;                /* open addressing, number + 1 */
	size_t n_slots;
};

/* Its number; BANK_NONE: memory ran out. */
uint32_t bank_add(struct bank *k, struct arena *a, const void *piece, size_t bytes);
void bank_fini(struct bank *k);

#endif
