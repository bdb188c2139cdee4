/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the tests of what is read from two directories of YAML (shipped, site): the directories, an arena, the findings. */
#ifndef UNIT_POLICY_DIRS_H
#define UNIT_POLICY_DIRS_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"

static char dir[2][64];
static struct arena *arena;
static struct diag *diag;

static void dirs_open(void)
{
	for (int i = 0; i < 2; i++) {
		snprintf(dir[i], sizeof(dir[i]), "/tmp/ringfence_dirs.XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(dir[i]));
	}
	arena = arena_new();
	diag = diag_new();
}

static void dirs_close(void)
{
	char path[160];

	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 4; k++) {
			snprintf(path, sizeof(path), "%s/%c.yaml", dir[i], 'a' + k);
			unlink(path);
		}
	rmdir(dir[0]);
	rmdir(dir[1]);
	diag_free(diag);
	arena_free(arena);
}

static void put(int d, char name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%c.yaml", dir[d], name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

/* Everything in diag, as text; static. */
static const char *findings(void)
{
	static char text[8192];
	struct buf b;

	buf_init(&b);
	diag_text(diag, false, &b);
	snprintf(text, sizeof(text), "%s", buf_cstr(&b));
	buf_fini(&b);
	return text;
}

static void expect_finding(const char *words)
{
	ck_assert_msg(strstr(findings(), words) != NULL, "'%s' is not in:\n%s", words, findings());
}

#endif
