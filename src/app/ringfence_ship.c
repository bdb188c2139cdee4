/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ringfence-ship: delivers recorded events to SIEMs.  No privileges; reads ringfenced's store, writes only its own state directory
 * and what its file sinks say.
 *	ringfence-ship [-c FILE] [--once | --status [--json] | --check | --print]
 * Start: configuration, cursor database, a thread for each sink, READY.  HUP: the configuration again (when it is bad, the old
 * one stays), files opened anew.  TERM, INT: stop.
 * Exit: 0 done; 1 not everything is delivered (--once, --status); 2 could not tell. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/ringfenced.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/log.h"
#include "base/loop.h"
#include "ship/resend.h"
#include "ship/ship.h"
#include "ship/shipconf.h"
#include "store/cursor.h"
#include "store/db.h"

enum { TICK_MS = 500, COULD_NOT_TELL = 2 };

struct options {
	const char *config;
	bool once, status, json, check, print;
};

struct program {
	const struct options *options;
	struct loop *loop;
	struct shipconf *conf;
	struct cursor *cursor;
	struct ship *ship;              /* NULL: the sinks could not be started; tried again */
};

static const char usage[] =
	"usage: ringfence-ship [-c FILE] [--once | --status [--json] | --check | --print]\n"
	"  -c, --config FILE  configuration (" SHIPCONF_PATH ")\n"
	"      --once         deliver what there is now, then exit\n"
	"      --status       how far each sink is; exit 1 when one is down or behind\n"
	"      --json         the same as JSON\n"
	"      --check        check the configuration only\n"
	"      --print        print the configuration with every key\n"
	"  -h, --help         this; -V, --version\n";

static struct shipconf *load(const char *path)
{
	struct diag *d = diag_new();
	struct shipconf *conf = d ? shipconf_load(path, d) : NULL;
	struct buf text;

	buf_init(&text);
	if (d)
		diag_text(d, isatty(STDERR_FILENO), &text);
	fputs(buf_cstr(&text), stderr);
	buf_fini(&text);
	diag_free(d);
	return conf;
}

/* --- running --- */

static int start(struct program *p, struct err *e)
{
	struct db_report report = { 0 };

	if (!p->cursor && cursor_open(p->conf->state, &p->cursor, &report, e) < 0)
		return -1;
	if (report.set_aside)
		log_warn("the cursor database was damaged and set aside: everything is sent again path=%s", report.aside_path);
	return ship_start(p->conf, p->cursor, p->options->once, &p->ship, e);
}

static void stop(struct program *p)
{
	ship_free(p->ship);
	p->ship = NULL;
}

static void on_stop(void *arg, int signo)
{
	struct program *p = arg;

	(void)signo;
	loop_stop(p->loop);
}

static void on_hup(void *arg, int signo)
{
	struct program *p = arg;
	struct shipconf *next = load(p->options->config);
	struct err e;

	(void)signo;
	if (!next) {
		log_error("the configuration is refused; the old one stays path=%s", p->options->config);
		return;
	}
	ringfenced_notify("RELOADING=1");
	stop(p);
	if (strcmp(next->state, p->conf->state) != 0) {
		cursor_free(p->cursor);
		p->cursor = NULL;
	}
	shipconf_free(p->conf);
	p->conf = next;
	if (start(p, &e) < 0)
		log_error("the sinks could not be started error=\"%s\"", e.msg);
	else
		log_info("configuration loaded path=%s sinks=%zu", p->options->config, next->n_sinks);
	ringfenced_notify("READY=1");
}

static void on_tick(void *arg)
{
	struct program *p = arg;
	unsigned n;
	struct err e;

	if (!p->ship && start(p, &e) < 0)
		return;
	if (resend_take(p->conf->state, p->cursor, &n, &e) < 0)
		log_warn("orders to send again can't be taken error=\"%s\"", e.msg);
	else if (n)
		log_info("orders to send again taken count=%u", n);
	if (p->options->once && ship_is_done(p->ship))
		loop_stop(p->loop);
	ringfenced_notify("WATCHDOG=1");
}

static int run_loop(struct program *p, struct err *e)
{
	p->loop = loop_new(e);
	if (!p->loop)
		return -1;
	if (loop_signal(p->loop, SIGTERM, on_stop, p, e) < 0 || loop_signal(p->loop, SIGINT, on_stop, p, e) < 0 ||
	    loop_signal(p->loop, SIGHUP, on_hup, p, e) < 0 || start(p, e) < 0 ||
	    loop_timer(p->loop, p->options->once ? 20 : TICK_MS, p->options->once ? 20 : TICK_MS, on_tick, p, e) < 0)
		return -1;
	ringfenced_notify("READY=1");
	return loop_run(p->loop, e);
}

static int run(struct program *p)
{
	bool good = true;
	struct err e;
	int rc = run_loop(p, &e);

	ringfenced_notify("STOPPING=1");
	if (rc < 0)
		log_error("%s", e.msg);
	else if (p->options->once)
		good = p->ship && ship_is_good(p->ship);
	stop(p);
	cursor_free(p->cursor);
	loop_free(p->loop);
	return rc < 0 ? COULD_NOT_TELL : good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- questions --- */

static int answer(const struct options *o, const struct shipconf *conf)
{
	bool behind = false;
	struct buf out;
	struct err e;
	int rc = 0;

	buf_init(&out);
	if (o->print)
		shipconf_print(conf, &out);
	else if (o->status)
		rc = ship_status(conf, o->json, &out, &behind, &e);
	if (rc < 0)
		fprintf(stderr, "ringfence-ship: %s\n", e.msg);
	else
		fputs(buf_cstr(&out), stdout);
	buf_fini(&out);
	return rc < 0 || fflush(stdout) != 0 ? COULD_NOT_TELL : behind ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* -1: go on. */
static int read_options(int argc, char **argv, struct options *o)
{
	enum { ONCE = 256, STATUS, JSON, CHECK, PRINT };
	static const struct option words[] = {
		{ "config", required_argument, NULL, 'c' }, { "once", no_argument, NULL, ONCE },
		{ "status", no_argument, NULL, STATUS }, { "json", no_argument, NULL, JSON }, { "check", no_argument, NULL, CHECK },
		{ "print", no_argument, NULL, PRINT }, { "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	bool *const flags[] = { &o->once, &o->status, &o->json, &o->check, &o->print };
	int c;

	while ((c = getopt_long(argc, argv, "c:hV", words, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case ONCE: case STATUS: case JSON: case CHECK: case PRINT:
			*flags[c - ONCE] = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		case 'V':
			puts("ringfence-ship " RINGFENCE_VERSION);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return COULD_NOT_TELL;
		}
	}
	if (optind < argc || o->once + o->status + o->check + o->print > 1) {
		fputs(usage, stderr);
		return COULD_NOT_TELL;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct options o = { .config = SHIPCONF_PATH };
	struct program p = { .options = &o };
	int rc = read_options(argc, argv, &o);

	if (rc >= 0)
		return rc;
	log_open("ringfence-ship", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	p.conf = load(o.config);
	if (!p.conf)
		return o.check ? EXIT_FAILURE : COULD_NOT_TELL;
	rc = o.check || o.status || o.print ? answer(&o, p.conf) : run(&p);
	shipconf_free(p.conf);
	return rc;
}
