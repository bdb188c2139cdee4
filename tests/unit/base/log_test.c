/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/suite.h"

static int saved_stderr, reader;
static char text[8192];

/* stderr becomes a pipe, named to the process as journald would when asked for. */
static void capture(int journal)
{
	char name[64];
	struct stat st;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	saved_stderr = dup(STDERR_FILENO);
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	reader = fds[0];
	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(name, sizeof(name), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino + !journal);
	setenv("JOURNAL_STREAM", name, 1);
}

static const char *captured(void)
{
	ssize_t n = read(reader, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(reader);
	return text;
}

START_TEST(writes_lines_and_holds_to_its_threshold)
{
	capture(0);
	log_open("ringfenced", LOG_LEVEL_INFO);
	errno = EBADF;
	log_error("queue=%d lost", 100);
	log_warn("w");
	log_info("i\nforged \33[1m");
	log_debug("d");
	ck_assert_int_eq(errno, EBADF);
	ck_assert_str_eq(captured(), "ringfenced: error: queue=100 lost\nringfenced: warning: w\n"
				     "ringfenced: info: i?forged ?[1m\n");
}
END_TEST

START_TEST(keeps_errno_when_nobody_listens)
{
	capture(0);
	close(reader);
	log_open("r", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	errno = ENOENT;
	log_error("unheard");
	ck_assert_int_eq(errno, ENOENT);
	captured();
}
END_TEST

START_TEST(tells_the_journal_its_levels)
{
	capture(1);
	log_open("ringfenced", LOG_LEVEL_DEBUG);
	log_error("e");
	log_warn("w");
	log_info("i");
	log_debug("d");
	ck_assert_str_eq(captured(), "<3>e\n<4>w\n<6>i\n<7>d\n");
}
END_TEST

START_TEST(cuts_a_line_that_is_too_long)
{
	char big[5000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	capture(0);
	log_open("r", LOG_LEVEL_INFO);
	log_info("%s", big);
	ck_assert_uint_eq(strlen(captured()), 2048);
	ck_assert_int_eq(text[2047], '\n');
}
END_TEST

START_TEST(holds_back_what_comes_too_often)
{
	struct log_limit limit = { 0 };
	unsigned held = 9, passed = 0;

	for (int i = 0; i < 100; i++)
		passed += (unsigned)log_allow(&limit, 5, &held);
	ck_assert_uint_eq(passed, 5);
	ck_assert_uint_eq(held, 0);
	limit.window_ns -= 61 * 1000000000LL;   /* a minute later */
	ck_assert_int_eq(log_allow(&limit, 5, &held), 1);
	ck_assert_uint_eq(held, 95);
	ck_assert_int_eq(log_allow(&limit, 5, &held), 1);
	ck_assert_uint_eq(held, 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("log");

	tcase_add_test(tc, writes_lines_and_holds_to_its_threshold);
	tcase_add_test(tc, keeps_errno_when_nobody_listens);
	tcase_add_test(tc, tells_the_journal_its_levels);
	tcase_add_test(tc, cuts_a_line_that_is_too_long);
	tcase_add_test(tc, holds_back_what_comes_too_often);
	return suite_run(tc);
}
