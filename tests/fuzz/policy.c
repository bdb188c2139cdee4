/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz the policy's loader: whatever loads prints as a policy that loads again and prints the same; whatever is refused says
 * why, and the finding can be rendered. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/diag.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct policy_paths paths = {
	"", { "tests/golden/policy/data/makers", "" }, { "tests/golden/policy/data/packs", "" }
};
static const int64_t now = INT64_C(1795000000000000000);

static void check_again(const struct policy *p)
{
	struct diag *d = diag_new();
	struct buf one, two;
	AUTO(policy) again = NULL;

	buf_init(&one);
	buf_init(&two);
	policy_print(p, &one);
	again = policy_load_text("again", one.data, one.len, NULL, &paths, now, d);
	if (!again)
		abort();
	policy_print(again, &two);
	if (one.len != two.len || memcmp(one.data, two.data, one.len) != 0)
		abort();
	if (policy_next_change(p, now) != policy_next_change(again, now))
		abort();
	buf_fini(&one);
	buf_fini(&two);
	diag_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag *d = diag_new();
	AUTO(policy) p = policy_load_text("fuzz", (const char *)data, size, NULL, &paths, now, d);
	struct buf text;

	if (!p == !diag_errors(d))
		abort();
	buf_init(&text);
	diag_text(d, true, &text);
	diag_json(d, &text);
	buf_fini(&text);
	if (p)
		check_again(p);
	diag_free(d);
	return 0;
}
