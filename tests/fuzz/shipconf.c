/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz the shipper's configuration: what loads must print to something that loads and prints equal; what does not must say why. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/diag.h"
#include "ship/shipconf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct shipconf *load(const char *text, size_t len, struct buf *ret_print)
{
	struct diag *d = diag_new();
	struct shipconf *c = shipconf_load_text("fuzz", text, len, d);
	struct buf findings;

	buf_init(&findings);
	diag_text(d, false, &findings);
	if (!c != (diag_errors(d) > 0) || (!c && findings.len == 0))
		abort();
	buf_fini(&findings);
	diag_free(d);
	if (c)
		shipconf_print(c, ret_print);
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf first, second;
	struct shipconf *c, *again;

	buf_init(&first);
	buf_init(&second);
	c = load((const char *)data, size, &first);
	if (c) {
		again = load(first.data, first.len, &second);
		if (!again || strcmp(buf_cstr(&first), buf_cstr(&second)) != 0)
			abort();
		shipconf_free(again);
	}
	shipconf_free(c);
	buf_fini(&first);
	buf_fini(&second);
	return 0;
}
