/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: framing, rights by row, and clients that misbehave.  The server runs in a loop on a thread of its own;
 * the test's thread is the client. */
#include "run/ctl_server.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/loop.h"
#include "run/ctl_client.h"

enum { IDLE_MS = 1000, BIG = 8 << 20, PATIENCE_MS = 20000 };

static char dir[40], path[64];
static struct loop *loop;
static struct ctl_server *server;
static pthread_t thread;
static atomic_bool stop;
static atomic_uint changes;

static enum ctl_status cmd_echo(void *arg, const struct ctl_request *req, struct buf *out)
{
	(void)arg;
	for (unsigned i = 1; i < req->words->n; i++)
		buf_printf(out, "<%s>", req->words->at[i]);
	return req->words->n > 1 ? CTL_YES : CTL_NO;
}

static enum ctl_status cmd_big(void *arg, const struct ctl_request *req, struct buf *out)
{
	char part[4096];

	(void)arg;
	(void)req;
	for (unsigned i = 0; i < BIG; i += sizeof(part)) {
		for (unsigned k = 0; k < sizeof(part); k++)
			part[k] = (char)('a' + (i + k) % 26);
		buf_add(out, part, sizeof(part));
	}
	return CTL_YES;
}

static enum ctl_status cmd_change(void *arg, const struct ctl_request *req, struct buf *out)
{
	(void)arg;
	(void)req;
	(void)out;
	changes++;
	return CTL_YES;
}

static const struct ctl_command commands[] = {
	{ "echo", CTL_READ, cmd_echo },
	{ "big", CTL_READ, cmd_big },
	{ "change", CTL_CHANGE, cmd_change },
	{ NULL, CTL_READ, NULL },
};

static void *serve(void *arg)
{
	struct err e;

	(void)arg;
	while (!stop)
		loop_once(loop, 20, &e);
	return NULL;
}

static void setup(void)
{
	struct err e = { 0 };

	stop = false;
	snprintf(dir, sizeof(dir), "/tmp/ringfence-ctl-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	loop = loop_new(&e);
	ck_assert_ptr_nonnull(loop);
	server = ctl_server_new(loop, path, (gid_t)-1, IDLE_MS, commands, NULL, &e);
	ck_assert_msg(server, "%s", e.msg);
	ck_assert_int_eq(pthread_create(&thread, NULL, serve, NULL), 0);
}

static void teardown(void)
{
	stop = true;
	pthread_join(thread, NULL);
	ctl_server_free(server);
	loop_free(loop);
	ck_assert_int_lt(access(path, F_OK), 0);
	rmdir(dir);
}

static int ask(struct buf *out, enum ctl_status *ret, const char *a, const char *b)
{
	const char *words[] = { a, b };
	struct err e = { 0 };

	buf_init(out);
	return ctl_client_call(path, b ? 2 : 1, words, PATIENCE_MS, out, ret, &e);
}

static int dial(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(sa.sun_path, path, strlen(path));
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

START_TEST(words_arrive)
{
	enum ctl_status st;
	struct buf out;

	ck_assert_int_eq(ask(&out, &st, "echo", "two words"), 0);
	ck_assert_int_eq(st, CTL_YES);
	ck_assert_str_eq(buf_cstr(&out), "<two words>");
	buf_fini(&out);
	ck_assert_int_eq(ask(&out, &st, "echo", NULL), 0);
	ck_assert_int_eq(st, CTL_NO);
	buf_fini(&out);
}
END_TEST

START_TEST(big_reply_arrives_whole)
{
	enum ctl_status st;
	struct buf out;

	ck_assert_int_eq(ask(&out, &st, "big", NULL), 0);
	ck_assert_int_eq(st, CTL_YES);
	ck_assert_uint_eq(out.len, BIG);
	ck_assert_int_eq(out.data[BIG - 1], 'a' + (BIG - 1) % 26);
	buf_fini(&out);
}
END_TEST

START_TEST(unknown_command_is_refused)
{
	enum ctl_status st;
	struct buf out;

	ck_assert_int_eq(ask(&out, &st, "flush", NULL), 0);
	ck_assert_int_eq(st, CTL_UNSURE);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "knows no such command"));
	buf_fini(&out);
}
END_TEST

/* Another user, with the socket opened up to everybody: neither may read nor change. */
START_TEST(rights_come_from_the_kernel)
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chmod(dir, 0755) | chmod(path, 0666), 0);
	pid = fork();
	if (pid == 0) {
		enum ctl_status st = CTL_YES, st2 = CTL_YES;
		struct buf out;

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(3);
		if (ask(&out, &st, "change", NULL) < 0 || ask(&out, &st2, "echo", "x") < 0)
			_exit(4);
		_exit(st == CTL_UNSURE && st2 == CTL_UNSURE ? 0 : 5);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(changes, 0);
}
END_TEST

START_TEST(rubbish_is_dropped)
{
	static const struct { const char *bytes; size_t n; } bad[] = {
		{ "\0\0\0\0", 4 }, { "\xff\xff\xff\xff", 4 }, { "\0\1\0\1", 4 }, { "\0\0\0\3abc", 7 },
	};
	enum ctl_status st;
	struct buf out;
	char c;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = dial();

		ck_assert_int_eq(send(fd, bad[i].bytes, bad[i].n, MSG_NOSIGNAL), bad[i].n);
		ck_assert_int_le(recv(fd, &c, 1, 0), 0);        /* closed, not answered */
		close(fd);
	}
	ck_assert_int_eq(ask(&out, &st, "echo", "alive"), 0);
	ck_assert_str_eq(buf_cstr(&out), "<alive>");
	buf_fini(&out);
}
END_TEST

/* More stalling clients than there are slots: they are gone after their time, and the next one is served. */
START_TEST(stalling_clients_lose_their_slots)
{
	int fds[40];
	enum ctl_status st = CTL_UNSURE;
	struct buf out;
	char c;

	for (size_t i = 0; i < 40; i++) {
		fds[i] = dial();
		send(fds[i], "\0\0\0\5ec", 6, MSG_NOSIGNAL);
	}
	for (size_t i = 0; i < 40; i++)
		ck_assert_int_le(recv(fds[i], &c, 1, 0), 0);
	ck_assert_int_eq(ask(&out, &st, "echo", "alive"), 0);
	ck_assert_int_eq(st, CTL_YES);
	buf_fini(&out);
	for (size_t i = 0; i < 40; i++)
		close(fds[i]);
}
END_TEST

/* A byte now and then is no request: it has to be whole in its time. */
START_TEST(a_dripping_client_loses_its_slot)
{
	const int fd = dial();
	int sent = 0;

	ck_assert_int_eq(send(fd, "\0\0\0\100", 4, MSG_NOSIGNAL), 4);
	while (sent < 40 && send(fd, "a", 1, MSG_NOSIGNAL) == 1) {
		usleep(IDLE_MS * 1000 / 4);
		sent++;
	}
	ck_assert_int_lt(sent, 20);
	close(fd);
}
END_TEST

/* Others hold every slot, and come back: who may change things is served at once. */
START_TEST(others_do_not_lock_out_who_may_change)
{
	enum ctl_status st = CTL_UNSURE;
	int fds[40], ready[2];
	struct buf out;
	pid_t pid;
	char c;

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chmod(dir, 0755) | chmod(path, 0666) | pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(3);
		for (size_t i = 0; i < 40; i++) {
			fds[i] = dial();
			send(fds[i], "\0\0\0\5ec", 6, MSG_NOSIGNAL);
		}
		_exit(write(ready[1], "x", 1) == 1 && pause());
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	ck_assert_int_eq(ask(&out, &st, "change", NULL), 0);
	ck_assert_int_eq(st, CTL_YES);
	buf_fini(&out);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
}
END_TEST

/* Asks for 8 MiB and reads nothing: others are served meanwhile, and it is dropped. */
START_TEST(a_client_that_never_reads_is_dropped)
{
	const int fd = dial();
	enum ctl_status st = CTL_UNSURE;
	size_t got = 0;
	char part[65536];
	struct buf out;
	ssize_t n;

	ck_assert_int_eq(send(fd, "\0\0\0\4big", 8, MSG_NOSIGNAL), 8);
	ck_assert_int_eq(ask(&out, &st, "echo", "alive"), 0);
	ck_assert_int_eq(st, CTL_YES);
	buf_fini(&out);
	usleep(4 * IDLE_MS * 1000);
	while ((n = recv(fd, part, sizeof(part), 0)) > 0)
		got += (size_t)n;
	ck_assert_uint_lt(got, BIG);
	close(fd);
}
END_TEST

START_TEST(requests_are_bounded)
{
	static char word[CTL_REQUEST_MAX + 1];
	const char *many[CTL_WORDS_MAX + 1], *one[] = { word };
	struct err e = { 0 };
	struct buf out;

	buf_init(&out);
	memset(word, 'x', CTL_REQUEST_MAX);
	ck_assert_int_lt(ctl_wire_put_request(&out, 1, one, &e), 0);
	ck_assert_int_eq(e.code, E2BIG);
	for (size_t i = 0; i <= CTL_WORDS_MAX; i++)
		many[i] = "";
	ck_assert_int_lt(ctl_wire_put_request(&out, CTL_WORDS_MAX + 1, many, &e), 0);
	ck_assert_int_eq(ctl_wire_put_request(&out, CTL_WORDS_MAX, many, &e), 0);
	ck_assert_int_eq(ctl_wire_frame((const uint8_t *)out.data, out.len), (ssize_t)out.len);
	buf_fini(&out);
}
END_TEST

START_TEST(nobody_there)
{
	const char *words[] = { "status" };
	enum ctl_status st;
	struct err e = { 0 };
	struct buf out;

	buf_init(&out);
	ck_assert_int_lt(ctl_client_call("/nonexistent/sock", 1, words, 100, &out, &st, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "no daemon answers"));
	buf_fini(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl");
	TCase *live = tcase_create("live"), *pure = tcase_create("pure");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(live, setup, teardown);
	tcase_set_timeout(live, 60);
	tcase_add_test(live, words_arrive);
	tcase_add_test(live, big_reply_arrives_whole);
	tcase_add_test(live, unknown_command_is_refused);
	tcase_add_test(live, rights_come_from_the_kernel);
	tcase_add_test(live, rubbish_is_dropped);
	tcase_add_test(live, stalling_clients_lose_their_slots);
	tcase_add_test(live, a_dripping_client_loses_its_slot);
	tcase_add_test(live, others_do_not_lock_out_who_may_change);
	tcase_add_test(live, a_client_that_never_reads_is_dropped);
	tcase_add_test(pure, requests_are_bounded);
	tcase_add_test(pure, nobody_there);
	suite_add_tcase(s, live);
	suite_add_tcase(s, pure);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
