/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shipper: the shipper of a test, in this process or in a child, over the store in the scratch directory. */
#ifndef TESTS_UNIT_SHIP_SHIPPER_H
#define TESTS_UNIT_SHIP_SHIPPER_H

#include "base/buf.h"
#include "base/diag.h"
#include "ship/ship.h"
#include "ship/shipconf.h"
#include "store/cursor.h"
#include "unit/ship/receiver.h"

static struct err e;
static struct scratch_spool spool;

#define OK(call) ck_assert_msg((call) == 0, "%s", e.msg)

static inline struct shipconf *configure(const char *sinks)
{
	struct diag *d = diag_new();
	struct buf text, findings;
	struct shipconf *c;

	buf_init(&text);
	buf_init(&findings);
	buf_printf(&text, "store = %s\nstate = %s/ship\npoll = 20ms\nhostname = fw-1\n%s", scratch, scratch, sinks);
	c = shipconf_load_text("ship.conf", buf_cstr(&text), text.len, d);
	diag_text(d, false, &findings);
	ck_assert_msg(c != NULL, "%s", buf_cstr(&findings));
	buf_fini(&text);
	buf_fini(&findings);
	diag_free(d);
	return c;
}

static inline const char *siem(unsigned port)
{
	static char text[200];

	snprintf(text, sizeof(text), "[sink siem]\ntype = syslog\nformat = syslog-ecs\nmax_message = 8096\nhost = 127.0.0.1\n"
		 "port = %u\ntimeout = 500ms\nconfirm = 100ms\n", port);
	return text;
}

static inline const char *file(void)
{
	static char text[200];

	snprintf(text, sizeof(text), "[sink log]\ntype = file\nformat = ecs\nmax_message = 8096\npath = %s/out.json\n", scratch);
	return text;
}

struct shipper {
	struct shipconf *conf;
	struct cursor *cursor;
	struct ship *ship;
};

static inline void shipper_start(struct shipper *s, const char *sinks, bool once)
{
	struct db_report report;

	s->conf = configure(sinks);
	OK(cursor_open(s->conf->state, &s->cursor, &report, &e));
	OK(ship_start(s->conf, s->cursor, once, &s->ship, &e));
}

static inline void shipper_stop(struct shipper *s)
{
	ship_free(s->ship);
	cursor_free(s->cursor);
	shipconf_free(s->conf);
}

/* Deliver all there is; false: it could not. */
static inline bool ship_once(const char *sinks)
{
	struct shipper s;
	bool good;

	shipper_start(&s, sinks, true);
	while (!ship_is_done(s.ship))
		usleep(5000);
	good = ship_is_good(s.ship);
	shipper_stop(&s);
	return good;
}

static inline pid_t shipper_fork(const char *sinks)
{
	pid_t pid = fork();
	struct shipper s;

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		shipper_start(&s, sinks, false);
		for (;;)
			pause();
	}
	return pid;
}

#endif
