/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Against a real receiver: rsyslogd with imtcp, on loopback, with its own configuration and directory. */
#include "ship/ship.h"

#include <errno.h>

#include "ship/resend.h"
#include "unit/ship/shipper.h"
#include "unit/suite.h"

#define RSYSLOGD "/usr/sbin/rsyslogd"

static unsigned port;
static pid_t rsyslogd = -1;

static bool is_missing(void)
{
	if (access(RSYSLOGD, X_OK) == 0)
		return false;
	fprintf(stderr, "skipped: no %s\n", RSYSLOGD);
	return true;
}

static void setup(void)
{
	scratch_setup();
	signal(SIGPIPE, SIG_IGN);
	mkdir(scratch_path("work"), 0700);
	port = 0;
	close(receiver_listen(&port));                  /* a port that is free */
}

static void write_config(void)
{
	FILE *f = fopen(scratch_path("rsyslog.conf"), "we");

	ck_assert_ptr_nonnull(f);
	fprintf(f, "global(workDirectory=\"%s\")\nmodule(load=\"imtcp\")\n", scratch_path("work"));
	fprintf(f, "input(type=\"imtcp\" port=\"%u\" address=\"127.0.0.1\")\n", port);
	fprintf(f, "template(name=\"msg\" type=\"string\" string=\"%%msg%%\\n\")\n"
		   "template(name=\"sd\" type=\"string\" string=\"%%pri%%|%%hostname%%|%%app-name%%|%%msgid%%|%%structured-data%%\\n\")\n");
	fprintf(f, "action(type=\"omfile\" file=\"%s\" template=\"msg\" flushOnTXEnd=\"on\")\n", scratch_path("rsyslog.out"));
	fprintf(f, "action(type=\"omfile\" file=\"%s\" template=\"sd\" flushOnTXEnd=\"on\")\n", scratch_path("rsyslog.sd"));
	fclose(f);
}

static bool is_listening(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;

	close(fd);
	return ok;
}

static void rsyslog_start(bool wait)
{
	write_config();
	unlink(scratch_path("rsyslog.pid"));
	rsyslogd = fork();
	if (rsyslogd == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(RSYSLOGD, "rsyslogd", "-n", "-f", scratch_path("rsyslog.conf"), "-i", scratch_path("rsyslog.pid"), (char *)NULL);
		_exit(127);
	}
	for (int i = 0; wait && i < 200 && !is_listening(); i++)
		usleep(50000);
}

static void rsyslog_stop(int signo)
{
	kill(rsyslogd, signo);
	waitpid(rsyslogd, NULL, 0);
}

START_TEST(it_reads_every_frame_and_field)
{
	char sinks[500];
	size_t len;
	char *text;

	if (is_missing())
		return;
	snprintf(sinks, sizeof(sinks), "[sink sd]\ntype = syslog\nformat = sd\nhost = 127.0.0.1\nport = %u\nmax_message = 8096\n%s", port,
		 siem(port));
	rsyslog_start(true);
	scratch_open(&spool, NULL, NULL);
	for (int k = 0; k < EVENT_KINDS; k++)
		scratch_put(&spool, (enum event_kind)k);
	OK(spool_commit(spool.spool, &e));
	ck_assert(ship_once(sinks));
	ck_assert_uint_eq(received_wait("rsyslog.out", false, EVENT_KINDS), 0);
	rsyslog_stop(SIGTERM);
	text = received_slurp(scratch_path("rsyslog.sd"), &len);
	for (int k = 0; k < EVENT_KINDS; k++) {
		char head[100];

		snprintf(head, sizeof(head), "|fw-1|ringfence|%s|[meta sequenceId=\"%d\"][origin software=\"ringfence\"",
			 word_name(event_kind_words, k), k + 1);
		ck_assert_msg(strstr(text, head) != NULL, "%s is not in %s", head, text);
	}
	ck_assert_ptr_nonnull(strstr(text, "][ringfence@32473 id=\""));
	ck_assert_ptr_nonnull(strstr(text, " reason=\"words for a person: \\\"quoted\\\", back\\\\slash and \\] bracket\""));
	free(text);
	scratch_close(&spool);
}
END_TEST

START_TEST(stopped_and_started_it_misses_nothing)
{
	struct shipper s;
	unsigned put = 0;

	if (is_missing())
		return;
	scratch_open(&spool, NULL, NULL);
	shipper_start(&s, siem(port), false);
	for (int round = 0; round < 3; round++) {
		scratch_fill(&spool, 200);              /* while it is down */
		rsyslog_start(true);
		for (int i = 0; i < 10; i++) {
			scratch_fill(&spool, 50);
			usleep(20000);
		}
		put += 700;
		rsyslog_stop(SIGTERM);
	}
	rsyslog_start(true);
	ck_assert_uint_eq(received_wait("rsyslog.out", false, put), 0);
	rsyslog_stop(SIGTERM);
	shipper_stop(&s);
	scratch_close(&spool);
}
END_TEST

static void send_again(unsigned from, unsigned to)
{
	struct resend_order o = { .sink = "siem", .store = db_id(spool.db), .from = from, .to = to, .by = "test" };

	OK(resend_request(scratch_path("ship"), &o, NULL, 0, &e));
}

/* The receiver's own loss: it forgets what has these numbers. */
static void forget(unsigned from, unsigned to)
{
	size_t len;
	char *text = received_slurp(scratch_path("rsyslog.out"), &len), *line = text;
	FILE *f = fopen(scratch_path("rsyslog.out"), "we");

	for (char *end; (end = memchr(line, '\n', len - (size_t)(line - text))); line = end + 1) {
		const char *seq = memmem(line, (size_t)(end - line), "\"sequence\":", 11);
		unsigned long n = seq ? strtoul(seq + 11, NULL, 10) : 0;

		if (n < from || n > to)
			fwrite(line, 1, (size_t)(end - line) + 1, f);
	}
	fclose(f);
	free(text);
}

/* Both ends are killed at any moment.  What rsyslogd had read and not written is lost there; it shows as gaps, and sending the gaps
 * again closes them. */
START_TEST(gaps_after_kill_9_are_seen_and_closed)
{
	unsigned put = 0, missing, n;
	struct received *r;
	struct shipper s;
	pid_t shipper;

	if (is_missing())
		return;
	srand(11);
	scratch_open(&spool, NULL, NULL);
	for (int round = 0; round < 6; round++) {
		rsyslog_start(true);
		shipper = shipper_fork(siem(port));
		for (int i = 0; i < 10; i++) {
			scratch_fill(&spool, 100);
			usleep((useconds_t)(rand() % 30000));
		}
		put += 1000;
		kill(shipper, SIGKILL);
		waitpid(shipper, NULL, 0);
		rsyslog_stop(SIGKILL);
	}
	rsyslog_start(true);
	ck_assert(ship_once(siem(port)));
	rsyslog_stop(SIGTERM);
	forget(1500, 1700);
	forget(3000, 3000);
	rsyslog_start(true);
	r = received_all("rsyslog.out", false);
	missing = received_missing(r, put);
	ck_assert_uint_ge(missing, 202);
	for (unsigned i = 1; i <= put; i++) {
		unsigned from = i;

		while (i <= put && r->times[i] == 0)
			i++;
		if (i > from)
			send_again(from, i - 1);
	}
	fprintf(stderr, "%u of %u missing after kills of the receiver, sent again\n", missing, put);
	free(r);
	shipper_start(&s, siem(port), false);
	OK(resend_take(s.conf->state, s.cursor, &n, &e));
	ck_assert((n > 0) == (missing > 0));
	ck_assert_uint_eq(received_wait("rsyslog.out", false, put), 0);
	shipper_stop(&s);
	rsyslog_stop(SIGTERM);
	scratch_close(&spool);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("rsyslog");

	tcase_add_checked_fixture(tc, setup, scratch_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, it_reads_every_frame_and_field);
	tcase_add_test(tc, stopped_and_started_it_misses_nothing);
	tcase_add_test(tc, gaps_after_kill_9_are_seen_and_closed);
	return suite_run(tc);
}
