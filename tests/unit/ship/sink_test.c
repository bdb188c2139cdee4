/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sinks by themselves, and framing. */
#include "ship/sink.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "ship/shipconf.h"
#include "unit/ship/receiver.h"
#include "unit/suite.h"

static struct shipconf_sink conf;
static struct sink *sink;
static int stop_fd;
static struct err e;
static char port_text[8], path[160];

#define OK(call) ck_assert_msg((call) == 0, "%s", e.msg)

static void make(void)
{
	OK(sink_make(&conf, stop_fd, &sink, &e));
}

static void setup(void)
{
	scratch_setup();
	signal(SIGPIPE, SIG_IGN);
	stop_fd = eventfd(0, EFD_CLOEXEC);
	snprintf(path, sizeof(path), "%s", scratch_path("out"));
	conf = (struct shipconf_sink){ .name = "x", .path = path, .keep = 2, .host = "127.0.0.1", .port = port_text,
				       .timeout_ms = 500, .confirm_ms = 100 };
}

static void teardown(void)
{
	sink_free(sink);
	sink = NULL;
	close(stop_fd);
	scratch_teardown();
}

/* --- framing --- */

START_TEST(frames)
{
	struct buf b;

	buf_init(&b);
	ck_assert(framing_add(FRAMING_OCTETS, "abc", 3, &b) && framing_add(FRAMING_OCTETS, "x\ny", 3, &b));
	ck_assert_str_eq(buf_cstr(&b), "3 abc3 x\ny");
	buf_reset(&b);
	ck_assert(framing_add(FRAMING_LF, "abc", 3, &b));
	ck_assert(!framing_add(FRAMING_LF, "x\ny", 3, &b) && !framing_add(FRAMING_LF, "", 0, &b));
	ck_assert_str_eq(buf_cstr(&b), "abc\n");
	buf_fini(&b);
}
END_TEST

/* --- file --- */

static void file_is(const char *name, const char *expected)
{
	size_t len;
	char *text = received_slurp(scratch_path(name), &len);

	ck_assert_str_eq(text, expected);
	free(text);
}

static void put_file(const char *name, const char *text)
{
	int fd = open(scratch_path(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

START_TEST(a_file_rotates_and_keeps_few)
{
	uint64_t token;
	struct stat st;

	conf.max_size = 10;
	umask(0);
	make();
	for (uint64_t i = 1; i <= 7; i++) {
		OK(sink_send(sink, "1234\n", 5, i, &e));
		OK(sink_confirmed(sink, 0, &token, &e));
		ck_assert_uint_eq(token, i);
	}
	file_is("out", "1234\n");
	file_is("out.1", "1234\n1234\n");
	file_is("out.2", "1234\n1234\n");
	ck_assert_int_ne(access(scratch_path("out.3"), F_OK), 0);
	stat(path, &st);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(a_half_line_is_cut_off)
{
	put_file("out", "whole\nhal");
	make();
	OK(sink_send(sink, "next\n", 5, 1, &e));
	file_is("out", "whole\nnext\n");
}
END_TEST

START_TEST(a_file_moved_away_is_made_anew)
{
	make();
	OK(sink_send(sink, "one\n", 4, 1, &e));
	rename(path, scratch_path("moved"));
	OK(sink_send(sink, "two\n", 4, 2, &e));
	file_is("moved", "one\n");
	file_is("out", "two\n");
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	make();
	ck_assert_int_eq(sink_send(sink, "one\n", 4, 1, &e), -1);
	unlink(path);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_eq(sink_send(sink, "one\n", 4, 1, &e), -1);
}
END_TEST

START_TEST(a_write_that_fails_leaves_no_half_line)
{
	struct rlimit limit = { 10, RLIM_INFINITY }, none = { RLIM_INFINITY, RLIM_INFINITY };
	uint64_t token;

	signal(SIGXFSZ, SIG_IGN);
	make();
	OK(sink_send(sink, "one\n", 4, 1, &e));
	setrlimit(RLIMIT_FSIZE, &limit);
	ck_assert_int_eq(sink_send(sink, "two, which is longer\n", 21, 2, &e), -1);
	setrlimit(RLIMIT_FSIZE, &none);
	OK(sink_confirmed(sink, 0, &token, &e));
	ck_assert_uint_eq(token, 1);
	file_is("out", "one\n");
	OK(sink_send(sink, "two\n", 4, 3, &e));
	file_is("out", "one\ntwo\n");
}
END_TEST

/* --- syslog over TCP --- */

static void make_syslog(unsigned port)
{
	conf.type = SHIPCONF_SYSLOG;
	snprintf(port_text, sizeof(port_text), "%u", port);
	make();
}

START_TEST(tcp_confirms_what_arrived)
{
	static char big[300000];
	uint64_t token = 0;
	unsigned port = 0;
	pid_t pid = receiver_start(&port, true);
	struct stat st = { 0 };
	char name[64];

	memset(big, 'x', sizeof(big));
	make_syslog(port);
	OK(sink_send(sink, big, sizeof(big), 1, &e));
	OK(sink_send(sink, big, sizeof(big), 2, &e));
	for (int i = 0; i < 100 && token < 2; i++)
		OK(sink_confirmed(sink, 100, &token, &e));
	ck_assert_uint_eq(token, 2);
	snprintf(name, sizeof(name), "recv-%d-1", (int)pid);
	for (int i = 0; i < 100 && st.st_size < (off_t)(2 * sizeof(big)); i++, usleep(10000))
		stat(scratch_path(name), &st);
	ck_assert_int_eq(st.st_size, 2 * sizeof(big));
	receiver_stop(pid);
}
END_TEST

START_TEST(a_receiver_that_never_reads_is_given_up)
{
	static char big[1 << 20];
	int64_t start = now_mono_ns();
	unsigned port = 0;
	pid_t pid = receiver_start(&port, false);
	uint64_t token = 0;
	int rc = 0;

	make_syslog(port);
	for (uint64_t i = 1; rc == 0 && i < 100; i++)
		rc = sink_send(sink, big, sizeof(big), i, &e);
	ck_assert_int_eq(rc, -1);
	ck_assert_int_eq(e.code, ETIMEDOUT);
	ck_assert_int_lt(now_mono_ns() - start, 5 * NOW_NS_PER_S);
	OK(sink_confirmed(sink, 0, &token, &e));
	ck_assert_uint_eq(token, 0);
	receiver_stop(pid);
}
END_TEST

/* What waits in our own kernel, because the receiver's window is full, is not confirmed however long it waits. */
START_TEST(queued_bytes_are_not_confirmed)
{
	static char some[60000];
	unsigned port = 0;
	pid_t pid = receiver_start(&port, false);
	uint64_t token = 1;

	conf.confirm_ms = 0;
	conf.timeout_ms = 60000;
	make_syslog(port);
	OK(sink_send(sink, some, sizeof(some), 1, &e));
	OK(sink_confirmed(sink, 400, &token, &e));
	ck_assert_uint_eq(token, 0);
	receiver_stop(pid);
}
END_TEST

/* The time to live on runs for all that is acknowledged at once, not for one after the other. */
START_TEST(confirmation_is_no_queue)
{
	unsigned port = 0;
	pid_t pid = receiver_start(&port, true);
	int64_t start = now_mono_ns();
	uint64_t token = 0;

	conf.confirm_ms = 300;
	make_syslog(port);
	for (uint64_t i = 1; i <= 20; i++)
		OK(sink_send(sink, "x", 1, i, &e));
	while (token < 20 && now_mono_ns() - start < 5 * NOW_NS_PER_S)
		OK(sink_confirmed(sink, 50, &token, &e));
	ck_assert_uint_eq(token, 20);
	ck_assert_int_ge(now_mono_ns() - start, 300 * NOW_NS_PER_MS);
	ck_assert_int_lt(now_mono_ns() - start, 2 * NOW_NS_PER_S);
	receiver_stop(pid);
}
END_TEST

/* Its kernel acknowledged the bytes, but it dies before it reads them: not confirmed. */
START_TEST(a_receiver_that_dies_with_unread_bytes_confirms_nothing)
{
	unsigned port = 0;
	pid_t pid = receiver_start(&port, false);
	uint64_t token = 0;

	conf.confirm_ms = 1000;
	make_syslog(port);
	OK(sink_send(sink, "hello", 5, 1, &e));
	OK(sink_confirmed(sink, 200, &token, &e));
	ck_assert_uint_eq(token, 0);
	receiver_stop(pid);
	ck_assert_int_eq(sink_confirmed(sink, 5000, &token, &e), -1);
	OK(sink_confirmed(sink, 0, &token, &e));
	ck_assert_uint_eq(token, 0);
	ck_assert_int_eq(sink_send(sink, "again", 5, 2, &e), -1);
	ck_assert_int_eq(e.code, ECONNREFUSED);
}
END_TEST

START_TEST(a_stop_ends_every_wait)
{
	static char big[1 << 20];
	int64_t start = now_mono_ns();
	unsigned port = 0;
	pid_t pid = receiver_start(&port, false);
	uint64_t one = 1;
	int rc = 0;

	conf.timeout_ms = 60000;
	make_syslog(port);
	ck_assert_int_eq(write(stop_fd, &one, sizeof(one)), sizeof(one));
	for (uint64_t i = 1; rc == 0 && i < 100; i++)
		rc = sink_send(sink, big, sizeof(big), i, &e);
	ck_assert_int_eq(e.code, ECANCELED);
	ck_assert_int_lt(now_mono_ns() - start, 5 * NOW_NS_PER_S);
	receiver_stop(pid);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("sink");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, frames);
	tcase_add_test(tc, a_file_rotates_and_keeps_few);
	tcase_add_test(tc, a_half_line_is_cut_off);
	tcase_add_test(tc, a_file_moved_away_is_made_anew);
	tcase_add_test(tc, what_is_no_file_is_refused);
	tcase_add_test(tc, a_write_that_fails_leaves_no_half_line);
	tcase_add_test(tc, tcp_confirms_what_arrived);
	tcase_add_test(tc, a_receiver_that_never_reads_is_given_up);
	tcase_add_test(tc, queued_bytes_are_not_confirmed);
	tcase_add_test(tc, confirmation_is_no_queue);
	tcase_add_test(tc, a_receiver_that_dies_with_unread_bytes_confirms_nothing);
	tcase_add_test(tc, a_stop_ends_every_wait);
	return suite_run(tc);
}
