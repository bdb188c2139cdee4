/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of events: long details are cut between characters. */
#include "app/cmd.h"

#include <fcntl.h>
#include <locale.h>
#include <string.h>

#include "base/file.h"
#include "unit/store/scratch.h"
#include "unit/suite.h"

/* What `ringfence events` prints of the scratch store; free it. */
static char *printed(void)
{
	static const struct cmd_row row = { .name = "events", .fn = cmd_events };
	struct cmd c = { .row = &row, .state = scratch };
	char name[] = "events", *argv[] = { name, NULL }, *ret;
	int fd = open(scratch_path("out"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), before = dup(STDOUT_FILENO);
	struct err e;

	ck_assert(fd >= 0 && before >= 0);
	fflush(stdout);
	ck_assert_int_ge(dup2(fd, STDOUT_FILENO), 0);
	ck_assert_int_eq(cmd_events(&c, 1, argv), CTL_YES);
	fflush(stdout);
	ck_assert_int_ge(dup2(before, STDOUT_FILENO), 0);
	close(before);
	close(fd);
	ck_assert_msg(file_read(scratch_path("out"), 1 << 20, &ret, NULL, &e) == 0, "%s", e.msg);
	return ret;
}

/* ahead: how many ASCII characters; then so many of another size. */
static char *table_with(unsigned ahead, const char *character, unsigned n)
{
	char detail[1024] = "{\"k\":\"";
	struct event ev = { .kind = EVENT_CONFIG_CHANGED, .detail = detail };
	struct scratch_spool s;
	struct err e;

	while (ahead--)
		strncat(detail, "a", sizeof(detail) - strlen(detail) - 1);
	while (n--)
		strncat(detail, character, sizeof(detail) - strlen(detail) - 1);
	strncat(detail, "\"}", sizeof(detail) - strlen(detail) - 1);
	scratch_open(&s, NULL, NULL);
	ck_assert_msg(spool_append(s.spool, &ev, &e) == 0, "%s", e.msg);
	scratch_close(&s);
	return printed();
}

START_TEST(a_detail_is_cut_between_characters)
{
	static const char *const characters[] = { "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x93\xb7" };
	char *out = table_with((unsigned)_i / 3, characters[_i % 3], 100);

	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
	ck_assert_msg(mbstowcs(NULL, out, 0) != (size_t)-1, "no UTF-8: %s", out);
	ck_assert_ptr_nonnull(strstr(out, "…"));
	free(out);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("cmd_events");

	tcase_add_checked_fixture(tc, scratch_setup, scratch_teardown);
	tcase_add_loop_test(tc, a_detail_is_cut_between_characters, 0, 12);
	return suite_run(tc);
}
