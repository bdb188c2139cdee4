/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ship/shipconf.h"

#include <string.h>

#include "base/buf.h"
#include "base/diag.h"
#include "event/enc.h"
#include "unit/suite.h"

#define SIEM "[sink siem]\ntype = syslog\nformat = sd\nhost = 10.1.5.20\n"

static struct diag *diag;

static void setup(void)
{
	diag = diag_new();
}

static void teardown(void)
{
	diag_free(diag);
}

static struct shipconf *load(const char *text)
{
	return shipconf_load_text("ship.conf", text, strlen(text), diag);
}

static const char *findings(void)
{
	static struct buf b;

	buf_fini(&b);
	diag_text(diag, false, &b);
	return buf_cstr(&b);
}

START_TEST(a_full_file)
{
	static const char text[] = "# ours\nstore = /srv/rf   # behind a blank\nhostname = fw-1\nenterprise_number = 4711\n\n"
		"[sink siem]\r\n\ttype=syslog\nformat = syslog-ecs\nhost = siem.example\nport = 1514\nframing = lf\ntimeout = 2m\n"
		"[sink log.1]\ntype = file\nformat = ecs\npath = /var/log/ringfence/a#b.json\nmax_size = 64K\nkeep = 3\nsync = none\n";
	AUTO(shipconf) c = load(text);

	ck_assert_msg(c != NULL, "%s", findings());
	ck_assert_str_eq(c->store, "/srv/rf");
	ck_assert_str_eq(c->state, "/var/lib/ringfence-ship");
	ck_assert_str_eq(c->hostname, "fw-1");
	ck_assert(c->pen == 4711 && c->facility == 16 && c->poll_ms == 250 && c->n_sinks == 2);
	ck_assert_str_eq(c->sinks[0].name, "siem");
	ck_assert(c->sinks[0].type == SHIPCONF_SYSLOG && c->sinks[0].framing == FRAMING_LF && c->sinks[0].timeout_ms == 120000);
	ck_assert_str_eq(c->sinks[0].format->name, "syslog-ecs");
	ck_assert_str_eq(c->sinks[0].port, "1514");
	ck_assert_uint_eq(c->sinks[0].budget, ENC_BUDGET);
	ck_assert(c->sinks[1].type == SHIPCONF_FILE && c->sinks[1].max_size == 65536 && c->sinks[1].keep == 3);
	ck_assert(c->sinks[1].sync == SHIPCONF_SYNC_NONE && c->sinks[1].framing == FRAMING_LF);
	ck_assert_str_eq(c->sinks[1].path, "/var/log/ringfence/a#b.json");
}
END_TEST

START_TEST(what_is_printed_loads_back_equal)
{
	AUTO(shipconf) first = load("poll = 1s\n" SIEM "window = 5\n[sink f]\ntype = file\nformat = ecs\npath = /x\nmax_size = 0\n");
	struct buf one, two;

	ck_assert_msg(first != NULL, "%s", findings());
	buf_init(&one);
	buf_init(&two);
	shipconf_print(first, &one);
	AUTO(shipconf) second = load(buf_cstr(&one));
	ck_assert_msg(second != NULL, "%s in %s", findings(), buf_cstr(&one));
	shipconf_print(second, &two);
	ck_assert_str_eq(buf_cstr(&one), buf_cstr(&two));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&one), "poll = 1s\n"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&one), "max_size = 0\n"));
	buf_fini(&one);
	buf_fini(&two);
}
END_TEST

static const struct { const char *text, *finding; } faults[] = {
	{ "", "ship.conf:1:1: error: there is no [sink NAME]" },
	{ "xyzzy = /x\n" SIEM, "ship.conf:1:1: error: there is no 'xyzzy' before the first [sink NAME]\n" },
	{ "stores = /x\n" SIEM, "ship.conf:1:1: error: there is no 'stores'; did you mean 'store'?" },
	{ "store = x\n" SIEM, "ship.conf:1:9: error: 'store' needs a path from the root, not 'x'" },
	{ "store =\n" SIEM, "ship.conf:1:1: error: 'store' has no value" },
	{ "store = /x\n  store = /y\n" SIEM, "ship.conf:2:3: error: 'store' is given twice" },
	{ "poll = 1\n" SIEM, "ship.conf:1:8: error: 'poll' needs a time such as 250ms, 10s or 2m, not '1'" },
	{ "poll = 2m\n" SIEM, "ship.conf:1:8: error: 'poll' must be between 10ms and 1m, not 2m" },
	{ "facility = 24\n" SIEM, "'facility' must be between 1 and 23, not 24" },
	{ "facility = 99999999999999999999999\n" SIEM, "'facility' needs a whole number" },
	{ "hello\n" SIEM, "ship.conf:1:1: error: a line is 'key = value' or [sink NAME]" },
	{ "a\x01" "b = c\n" SIEM, "ship.conf:1:2: error: a byte that is no text (01)" },
	{ "\xff = c\n" SIEM, "ship.conf:1:1: error: a byte that is no text (ff)" },
	{ "[sinks x]\n" SIEM, "ship.conf:1:1: error: there is no section 'sinks x', only [sink NAME]" },
	{ "[sink x\n" SIEM, "ship.conf:1:1: error: a section is written [sink NAME]" },
	{ "[sink a b]\n" SIEM, "'a b' is no name for a sink" },
	{ SIEM SIEM, "ship.conf:5:1: error: sink 'siem' stands here twice" },
	{ "[sink x]\nformat = ecs\n", "ship.conf:1:1: error: sink 'x' needs a 'type': file or syslog" },
	{ "[sink x]\ntype = fil\nformat = ecs\npath = /x\n", "ship.conf:2:8: error: 'type' can't be 'fil'; did you mean 'file'?" },
	{ "[sink x]\ntype = pigeon\n", "ship.conf:2:8: error: 'type' can't be 'pigeon'; it is file or syslog" },
	{ "[sink x]\ntype = file\nformat = esc\n", "ship.conf:3:10: error: 'format' can't be 'esc'; did you mean 'ecs'?" },
	{ "[sink x]\ntype = file\nformat = ecs\n", "ship.conf:1:1: error: sink 'x' needs 'path'" },
	{ SIEM "path = /x\n", "ship.conf:5:1: error: a sink of type syslog has no 'path'" },
	{ SIEM "framing = octets\n", "ship.conf:5:11: error: 'framing' can't be 'octets'; it is lf or octet-counting" },
	{ SIEM "max_message = 9000\n", "'max_message' must be between 2K and 8096, not 9000" },
	{ SIEM "tiemout = 1s\n", "ship.conf:5:1: error: there is no 'tiemout' in a sink; did you mean 'timeout'?" },
};

START_TEST(faults_have_their_place)
{
	AUTO(shipconf) c = load(faults[_i].text);

	ck_assert_ptr_null(c);
	ck_assert_msg(strstr(findings(), faults[_i].finding) != NULL, "%s\nis not in\n%s", faults[_i].finding, findings());
}
END_TEST

START_TEST(one_run_tells_all)
{
	ck_assert_ptr_null(load("poll = x\nfoo = 1\n[sink a]\ntype = file\n[sink b]\nport = 1\n"));
	ck_assert_uint_eq(diag_errors(diag), 5);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("shipconf");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_full_file);
	tcase_add_test(tc, what_is_printed_loads_back_equal);
	tcase_add_loop_test(tc, faults_have_their_place, 0, sizeof(faults) / sizeof(faults[0]));
	tcase_add_test(tc, one_run_tells_all);
	return suite_run(tc);
}
