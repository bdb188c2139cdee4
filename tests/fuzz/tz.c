/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: a TZif file of the system's, and the POSIX rule in its footer. */
#include <stdint.h>

#include "base/tz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tz tz;
	struct tz_rule rule;

	if (tz_parse(data, len, &tz))
		for (int64_t utc = -(INT64_C(1) << 40); utc < INT64_C(1) << 40; utc += INT64_C(1) << 36)
			tz_offset(&tz, utc);
	tz_parse_rule((const char *)data, len, &rule);
	return 0;
}
