/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program itself, as built beside this test: options, exit status, signals, readiness. */
#include "ship/ship.h"

#include <errno.h>
#include <libgen.h>
#include <sys/un.h>

#include "ship/resend.h"
#include "unit/ship/shipper.h"
#include "unit/suite.h"

static char program[512], config[200];

static void setup(void)
{
	char self[400];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	ck_assert_int_gt(n, 0);
	self[n] = '\0';
	snprintf(program, sizeof(program), "%s/../../ringfence-ship", dirname(self));
	ck_assert_msg(access(program, X_OK) == 0, "%s is not built", program);
	scratch_setup();
	snprintf(config, sizeof(config), "%s", scratch_path("ship.conf"));
}

static void write_config(const char *sinks)
{
	FILE *f = fopen(config, "we");

	fprintf(f, "store = %s\nstate = %s/ship\npoll = 20ms\n%s", scratch, scratch, sinks);
	fclose(f);
}

static pid_t spawn(const char *option)
{
	pid_t pid = fork();

	if (pid == 0) {
		int out = open(scratch_path("output"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
		execl(program, "ringfence-ship", "-c", config, option, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static int status(pid_t pid)
{
	int st;

	ck_assert_int_eq(waitpid(pid, &st, 0), pid);
	return WIFEXITED(st) ? WEXITSTATUS(st) : -WTERMSIG(st);
}

static void output_has(const char *text)
{
	size_t len;
	char *out = received_slurp(scratch_path("output"), &len);

	ck_assert_msg(strstr(out, text) != NULL, "'%s' is not in '%s'", text, out);
	free(out);
}

START_TEST(questions)
{
	write_config("[sink log]\ntype = file\nformat = ecx\npath = /x\n");
	ck_assert_int_eq(status(spawn("--check")), 1);
	output_has("ship.conf:6:10: error: 'format' can't be 'ecx'; did you mean 'ecs'?");
	ck_assert_int_eq(status(spawn(NULL)), 2);
	ck_assert_int_eq(status(spawn("--nonsense")), 2);
	write_config(file());
	ck_assert_int_eq(status(spawn("--check")), 0);
	ck_assert_int_eq(status(spawn("--print")), 0);
	output_has("[sink log]\ntype = file\nformat = ecs\n");
	ck_assert_int_eq(status(spawn("--once")), 1);           /* there is no store yet */
	scratch_open(&spool, NULL, NULL);
	scratch_fill(&spool, 30);
	ck_assert_int_eq(status(spawn("--status")), 1);
	output_has("30 behind");
	ck_assert_int_eq(status(spawn("--once")), 0);
	ck_assert_int_eq(status(spawn("--status")), 0);
	output_has("log: stopped, at 30, 0 behind");
	ck_assert_uint_eq(received_wait("out.json", false, 30), 0);
	scratch_close(&spool);
}
END_TEST

static int notify_socket(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%.100s", scratch_path("notify"));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	setenv("NOTIFY_SOCKET", sa.sun_path, 1);
	return fd;
}

static void wait_notice(int fd, const char *expected)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[200];
	ssize_t n;

	for (int i = 0; i < 100 && poll(&p, 1, 10000) == 1; i++) {
		n = recv(fd, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = '\0';
		if (strstr(text, expected))
			return;
	}
	ck_abort_msg("no %s", expected);
}

START_TEST(it_runs_reloads_sends_again_and_stops)
{
	struct resend_order o = { .sink = "log", .from = 5, .to = 6, .by = "root" };
	int fd = notify_socket();
	struct received *r;
	pid_t pid;

	scratch_open(&spool, NULL, NULL);
	scratch_fill(&spool, 10);
	write_config(file());
	pid = spawn(NULL);
	wait_notice(fd, "READY=1");
	ck_assert_uint_eq(received_wait("out.json", false, 10), 0);
	ck_assert_int_eq(status(spawn("--once")), 2);           /* one at a time */
	write_config("nonsense\n");
	kill(pid, SIGHUP);
	scratch_fill(&spool, 10);
	ck_assert_uint_eq(received_wait("out.json", false, 20), 0);
	rename(scratch_path("out.json"), scratch_path("out.json.moved"));
	write_config(file());
	kill(pid, SIGHUP);
	wait_notice(fd, "RELOADING=1");
	wait_notice(fd, "READY=1");
	scratch_fill(&spool, 10);
	ck_assert_uint_eq(received_wait("out.json", false, 30), 0);
	o.store = db_id(spool.db);
	OK(resend_request(scratch_path("ship"), &o, NULL, 0, &e));
	r = calloc(1, sizeof(*r));
	for (int i = 0; i < 200 && r->times[6] < 2; i++, usleep(20000)) {
		free(r);
		r = received_all("out.json", false);
	}
	ck_assert(r->times[5] == 2 && r->times[6] == 2 && r->times[7] == 1 && r->times[30] == 1);
	free(r);
	kill(pid, SIGTERM);
	wait_notice(fd, "STOPPING=1");
	ck_assert_int_eq(status(pid), 0);
	close(fd);
	scratch_close(&spool);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("program");

	tcase_add_checked_fixture(tc, setup, scratch_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, questions);
	tcase_add_test(tc, it_runs_reloads_sends_again_and_stops);
	return suite_run(tc);
}
