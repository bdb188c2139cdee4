/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: bytes that a client sends to the control socket, as the server frames and splits them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "run/ctl_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const ssize_t want = ctl_wire_frame(data, len);
	struct ctl_words words;
	char *body;
	size_t sum = 0;

	if (want <= 4 || (size_t)want > len)
		return 0;
	body = malloc((size_t)want - 4);        /* exactly as long, so that reading past the end is seen */
	if (!body)
		return 0;
	memcpy(body, data + 4, (size_t)want - 4);
	if (ctl_wire_words(body, (size_t)want - 4, &words) == 0) {
		for (unsigned i = 0; i < words.n; i++)
			sum += strlen(words.at[i]) + 1;
		if (words.n == 0 || sum != (size_t)want - 4)
			abort();
	}
	free(body);
	return 0;
}
