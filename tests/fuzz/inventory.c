/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz the inventory's reader: the table by itself, and as part of a policy below a directory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "policy/doc.h"
#include "policy/policy.h"
#include "policy/policy_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct policy_paths paths = {
	"", { "tests/golden/policy/data/makers", "" }, { "tests/golden/policy/data/packs", "" }
};
static const char policy_text[] = "version: 1\ninventory: [i.csv]\n";
static char dir[] = "/dev/shm/fuzz-inventory-XXXXXX", file[64];

static void leave(void)
{
	unlink(file);
	rmdir(dir);
}

static void check_row(const struct doc_node *row, const struct policy_csv_name *name)
{
	const struct doc_pair *pair = doc_get_pair(row, "name");

	if (row->kind != DOC_MAP || !row->n || !row->loc.line || !pair != !name->name)
		abort();
	if (pair && (strcmp(pair->value.text, name->name) != 0 || memcmp(&pair->loc, &name->loc, sizeof(pair->loc)) != 0))
		abort();
	for (uint32_t k = 0; k < row->n; k++)
		if (!row->pairs[k].loc.line || !row->pairs[k].loc.col || row->pairs[k].value.kind == DOC_MAP)
			abort();
}

/* As many rows as names, and of these names. */
static void check_table(struct policy_csv *csv, const struct diag *d)
{
	const struct policy_csv_name *names;
	const uint32_t n = policy_csv_names(csv, &names);
	struct doc_node row;
	uint32_t i = 0;

	for (; policy_csv_next(csv, &row); i++) {
		if (i == n)
			abort();
		check_row(&row, &names[i]);
	}
	if (i != n || diag_errors(d))
		abort();
}

static void check_policy(const uint8_t *data, size_t size)
{
	struct diag *d = diag_new();
	AUTO(policy) p = NULL;
	struct buf text;
	FILE *f = fopen(file, "we");

	if (!f || fwrite(data, 1, size, f) != size || fclose(f))
		abort();
	p = policy_load_text("fuzz", policy_text, sizeof(policy_text) - 1, dir, &paths, 0, d);
	if (!p == !diag_errors(d))
		abort();
	buf_init(&text);
	diag_text(d, false, &text);
	buf_reset(&text);
	if (p) {
		AUTO(policy) again = NULL;

		policy_print(p, &text);
		again = policy_load_text("again", text.data, text.len, NULL, &paths, 0, d);
		if (!again || again->n_devices != p->n_devices)
			abort();
	}
	buf_fini(&text);
	diag_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag *d = diag_new();
	AUTO(policy_csv) csv = policy_csv_open("fuzz.csv", (const char *)data, size, d);

	if (!file[0]) {
		if (access("/dev/shm", W_OK))
			memcpy(dir, "/var/tmp", 8);
		if (!mkdtemp(dir))
			abort();
		snprintf(file, sizeof(file), "%s/i.csv", dir);
		atexit(leave);
	}
	if (!csv == !diag_errors(d))
		abort();
	if (csv)
		check_table(csv, d);
	diag_free(d);
	check_policy(data, size);
	return 0;
}
