/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loadpolicy [--data DIR] [--now MOMENT] [--quiet] FILE: what the policy's loader says.  Diagnostics go to stderr, the canonical
 * form to stdout.  The canonical form is loaded again: it must print as itself, and every field of the two
 * models must be equal (dump.c).  --schema: the JSON Schema alone.
 * Exit status: 0 loaded, 1 refused, 2 usage, 3 the canonical form is not the policy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/now.h"
#include "golden/dump.h"
#include "policy/policy.h"

static void put(FILE *f, struct buf *b)
{
	fwrite(buf_cstr(b), 1, b->len, f);
	buf_fini(b);
}

static void tell(const struct diag *d)
{
	struct buf text;

	buf_init(&text);
	diag_text(d, false, &text);
	put(stderr, &text);
}

static int differ(const char *what, struct buf *a, struct buf *b)
{
	const char *x = buf_cstr(a), *y = buf_cstr(b);
	size_t i = 0, line = 0;

	while (x[i] && x[i] == y[i])
		if (x[i++] == '\n')
			line = i;
	if (a->len == b->len && !x[i])
		return 0;
	fprintf(stderr, "%s differ:\n%.*s\n%.*s\n", what, (int)strcspn(x + line, "\n"), x + line,
		(int)strcspn(y + line, "\n"), y + line);
	return 3;
}

/* The policy's text again, in memory and without a directory: nothing of it may depend on the files it came from. */
static int check_again(const struct policy *p, const struct policy_paths *paths, int64_t now, struct buf *canonical)
{
	struct diag *d = diag_new();
	AUTO(policy) again = d ? policy_load_text("canonical", canonical->data, canonical->len, NULL, paths, now, d) : NULL;
	struct buf print, one, two;
	int status;

	if (!again) {
		fprintf(stderr, "the canonical form is refused:\n%s", buf_cstr(canonical));
		if (d)
			tell(d);
		diag_free(d);
		return 3;
	}
	buf_init(&print);
	buf_init(&one);
	buf_init(&two);
	policy_print(again, &print);
	dump_policy(p, &one);
	dump_policy(again, &two);
	status = differ("the canonical form and its own", canonical, &print);
	status = status ? status : differ("the fields", &one, &two);
	buf_fini(&print);
	buf_fini(&one);
	buf_fini(&two);
	diag_free(d);
	return status;
}

static int load(const char *path, const struct policy_paths *paths, int64_t now, bool quiet)
{
	struct diag *d = diag_new();
	AUTO(policy) p = d ? policy_load(path, paths, now, d) : NULL;
	struct buf canonical;
	int status;

	if (d && !(quiet && p))
		tell(d);
	diag_free(d);
	if (!p)
		return 1;
	buf_init(&canonical);
	policy_print(p, &canonical);
	status = check_again(p, paths, now, &canonical);
	if (quiet)
		buf_fini(&canonical);
	else
		put(stdout, &canonical);
	return status;
}

int main(int argc, char **argv)
{
	struct policy_paths paths = { .makers = { NULL, "" }, .packs = { NULL, "" } };
	char registry[1000], makers[1000], packs[1000];
	int64_t now = now_wall_ns();
	bool quiet = false;
	int i = 1;

	for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
		if (!strcmp(argv[i], "--schema")) {
			struct buf schema;

			buf_init(&schema);
			policy_schema(&schema);
			put(stdout, &schema);
			return 0;
		}
		if (!strcmp(argv[i], "--quiet")) {
			quiet = true;
		} else if (!strcmp(argv[i], "--data") && i + 1 < argc) {
			i++;
			snprintf(registry, sizeof(registry), "%s/registry/ieee-prefixes.tsv", argv[i]);
			snprintf(makers, sizeof(makers), "%s/makers", argv[i]);
			snprintf(packs, sizeof(packs), "%s/packs", argv[i]);
			paths = (struct policy_paths){ registry, { makers, "" }, { packs, "" } };
		} else if (strcmp(argv[i], "--now") || i + 1 >= argc || !now_parse_rfc3339(argv[++i], &now)) {
			return 2;
		}
	}
	return i + 1 == argc ? load(argv[i], &paths, now, quiet) : 2;
}
