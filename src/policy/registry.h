/* SPDX-License-Identifier: GPL-2.0-or-later */
/* registry: the IEEE's registrants of MAC prefixes, longest prefix first (36, 28, 24 bits; CIDs in the local range).
 * Frozen after loading; any thread may look up. */
#ifndef POLICY_REGISTRY_H
#define POLICY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "net/addr.h"

enum registry_kind { REGISTRY_MA_L, REGISTRY_MA_M, REGISTRY_MA_S, REGISTRY_IAB, REGISTRY_CID };

struct registry_hit {
	const char *name;               /* as the IEEE writes it */
	const char *normalised;         /* lower case, runs outside [a-z0-9] as one space */
	uint32_t registrant;            /* index of the distinct normalised name */
	enum registry_kind kind;
	uint8_t bits;
	bool nobody;                    /* "IEEE Registration Authority" or "Private": unknown, never a maker */
};

struct registry;

/* Read the snapshot (format: the header of rules/registry/ieee-prefixes.tsv), bounded; errors name the line. */
int registry_load(const char *path, struct registry **ret, struct err *e);
int registry_load_text(const char *name, const char *text, size_t len, struct registry **ret, struct err *e);
void registry_free(struct registry *r);
OWN(registry)

/* The registrants of a MAC, longest prefix alone; a prefix with several owners gives them all.  Returns how many (0: none). */
unsigned registry_find(const struct registry *r, const struct mac *m, struct registry_hit ret[static 4]);
/* All rows, i below registry_rows: the MACs of a prefix from *ret_lo to *ret_hi; returns the registrant.  Longer prefixes lie in
 * shorter ones. */
uint32_t registry_row(const struct registry *r, uint32_t i, struct mac *ret_lo, struct mac *ret_hi);
const char *registry_date(const struct registry *r);            /* "2026-08-26": the MA-L data's */
uint32_t registry_rows(const struct registry *r);
uint32_t registry_registrants(const struct registry *r);        /* distinct normalised names: 0 .. n-1 */
const char *registry_registrant(const struct registry *r, uint32_t index);      /* normalised */
/* Normalise a name as above into buf (HTML entities decoded, no-break spaces folded). */
const char *registry_normalise(const char *name, char *buf, size_t size);

#endif
