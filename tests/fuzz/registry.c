/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz the registry's reader: whatever loads must answer every question about itself. */
#include <stdlib.h>
#include <string.h>

#include "policy/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct registry *r = NULL;
	struct err e = { 0 };

	if (registry_load_text("fuzz", (const char *)data, size, &r, &e)) {
		if (!e.code || !e.msg[0] || r)
			abort();
		return 0;
	}
	for (uint32_t i = 0; i < registry_registrants(r); i++) {
		char text[512];

		registry_normalise(registry_registrant(r, i), text, sizeof(text));
		if (strcmp(text, registry_registrant(r, i)) != 0)       /* normal forms stay as they are */
			abort();
	}
	for (size_t i = 0; i + 6 <= size; i++) {
		struct registry_hit hits[4];
		struct mac m;
		unsigned n;

		memcpy(m.b, data + i, 6);
		n = registry_find(r, &m, hits);
		if (n > 4 || (n && hits[n - 1].registrant >= registry_registrants(r)))
			abort();
	}
	registry_free(r);
	return 0;
}
