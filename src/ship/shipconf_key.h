/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shipconf: the keys as rows, for shipconf.c (lines and sections) and shipconf_key.c (values). */
#ifndef SHIP_SHIPCONF_KEY_H
#define SHIP_SHIPCONF_KEY_H

#include <stdbool.h>

#include "ship/shipconf.h"

enum { SHIPCONF_KEYS = 16 };

struct shipconf_key {
	const char *name;
	uint8_t kind, types;            /* types: sinks that have it */
	bool required;
	uint16_t offset;
	const char *fallback;           /* as if written; NULL: none */
	uint64_t min, max;
};

extern const struct shipconf_key shipconf_global_keys[], shipconf_sink_keys[];      /* each ends with a NULL name */

/* Where findings and copies go. */
struct shipconf_out {
	struct arena *arena;
	struct diag *diag;
};

/* Read text into the key's place in object (a struct shipconf or shipconf_sink); what is wrong is told at loc. */
void shipconf_set(const struct shipconf_out *o, const struct shipconf_key *k, void *object, const char *text, struct loc loc);
void shipconf_print_key(const struct shipconf_key *k, const void *object, struct buf *out);

#endif
