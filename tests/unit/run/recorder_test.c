/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The recorder on a store of its own: records become events once and then counts, elements of the kernel's are attributed to the
 * event that made them, what nobody remembers is told with its key, and a ticket passes behind everything before it. */
#include "run/recorder.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/ring.h"
#include "run/hit.h"
#include "run/tell.h"
#include "store/inventory.h"
#include "store/store.h"
#include "unit/run/fake.h"

static char dir[64];
static struct judge *judge;
static struct ring *ring;
static struct recorder *rec;

static void setup(void)
{
	struct store_config sc = { .dir = dir, .ballast_bytes = UINT64_MAX, .durability = DB_RELAXED };
	struct recorder_config c = { .n_rings = 1 };
	struct db_report report = { 0 };
	struct err e = { 0 };

	snprintf(dir, sizeof(dir), "/tmp/ringfence-recorder-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_msg(store_open(&sc, &c.db, &report, &e) == 0, "%s", e.msg);
	judge = fake_judge(FAKE_POLICY);
	ring = ring_new(4096, sizeof(struct hit));
	c.rings[0] = ring;
	c.report = &report;
	rec = recorder_new(&c, &e);
	ck_assert_msg(rec, "%s", e.msg);
	ck_assert_int_eq(recorder_start(rec, &e), 0);
}

static void teardown(void)
{
	char **names;
	size_t n;
	struct err e;

	recorder_free(rec);
	ring_free(ring);
	judge_free(judge);
	ck_assert_int_eq(file_list(dir, "", &names, &n, &e), 0);
	for (size_t i = 0; i < n; i++)
		unlink(names[i]);
	file_list_free(names, n);
	rmdir(dir);
}

static void push(const char *mac, const char *src, uint8_t proto, uint16_t dport)
{
	struct pkt p = fake_packet(mac, src, "10.1.5.10", proto, dport);
	struct hit *h = ring_slot(ring);
	struct flow f;

	ck_assert_ptr_nonnull(h);
	p.when_ns = now_wall_ns();
	flow_of_pkt(&p, &judge->ifmap, judge->who, &f);
	*h = (struct hit){ .judge = judge, .pkt = p, .verdict = prog_eval(judge->prog, &f, NULL), .sent_mark = 5U << 2 | HIT_DENY };
	ring_push(ring);
}

static void drained(void)
{
	const uint64_t ticket = recorder_ticket(rec);

	for (int i = 0; i < 200000 && !recorder_passed(rec, ticket); i++)
		usleep(50);
	ck_assert(recorder_passed(rec, ticket));
}

/* All events, after the recorder has gone. */
static size_t events(struct arena *a, struct spool_batch *ret)
{
	const struct spool_query q = { .max_rows = 1000, .max_bytes = 1 << 24 };
	struct spool_reader *r;
	struct err e = { 0 };

	recorder_stop(rec);
	ck_assert_msg(spool_reader_open(dir, &r, &e) == 0, "%s", e.msg);
	ck_assert_msg(spool_read(r, &q, a, ret, &e) == 0, "%s", e.msg);
	spool_reader_free(r);
	return ret->n;
}

START_TEST(records_are_merged)
{
	struct arena *a = arena_new();
	struct spool_batch b;

	for (int i = 0; i < 10; i++)
		push(BAD_MAC, "10.20.0.6", IPPROTO_TCP, 445);
	drained();
	ck_assert_uint_eq(ring_used(ring), 0);
	ck_assert_uint_eq(events(a, &b), 2);
	ck_assert_int_eq(b.rows[0].ev.kind, EVENT_BLOCKED);
	ck_assert_uint_eq(b.rows[0].ev.packets, 1);
	ck_assert_str_eq(b.rows[0].ev.rule, "isolated");
	ck_assert_str_eq(b.rows[0].ev.from.device_name, "bad");
	ck_assert_str_eq(b.rows[0].ev.from.cls, "restricted");
	ck_assert_str_eq(b.rows[0].ev.from.zone, "cctv");
	ck_assert_str_eq(b.rows[0].ev.to.zone, "core");
	ck_assert_ptr_nonnull(strstr(b.rows[0].ev.from.authority, "uk-nil: understood"));
	ck_assert_ptr_nonnull(strstr(b.rows[0].ev.from.evidence[1], "Hikvision"));
	ck_assert(b.rows[1].ev.summary);
	ck_assert_uint_eq(b.rows[1].ev.packets, 9);
	ck_assert_uint_eq(recorder_stats(rec).denied, 10);
	arena_free(a);
}
END_TEST

/* A judge is freed behind its ticket: nothing in any ring may point to it then. */
START_TEST(a_ticket_passes_behind_all_records)
{
	for (int round = 0; round < 20; round++) {
		for (uint16_t i = 0; i < 4000; i++)
			push(BAD_MAC, "10.20.0.6", IPPROTO_TCP, i % 8);
		drained();
		ck_assert_uint_eq(ring_used(ring), 0);
	}
}
END_TEST

static struct tell_denied *element(const char *mac, const char *src, uint16_t port, uint64_t packets)
{
	struct tell_denied *el = calloc(1, sizeof(*el));
	const struct pkt p = fake_packet(mac, src, "10.1.5.10", IPPROTO_TCP, port);

	memset(&el->key, 0, sizeof(el->key));
	el->key.from = p.src;
	el->key.to = p.dst;
	el->key.mac = p.smac;
	el->key.proto = IPPROTO_TCP;
	el->key.port = port;
	el->key.iface = 7;
	el->packets = packets;
	el->bytes = packets * 60;
	return el;
}

START_TEST(elements_count_for_their_event)
{
	struct arena *a = arena_new();
	struct spool_batch b;
	const int64_t now = now_wall_ns();

	push(BAD_MAC, "10.20.0.6", IPPROTO_TCP, 445);
	drained();
	recorder_denied(rec, judge, element(BAD_MAC, "10.20.0.6", 445, 500), 1, now, now, false);
	drained();
	ck_assert_uint_eq(events(a, &b), 2);
	ck_assert_uint_eq(b.rows[1].ev.packets, 500);
	ck_assert_str_eq(b.rows[1].ev.rule, "isolated");
	ck_assert_uint_eq(recorder_stats(rec).kernel_denied, 500);
	arena_free(a);
}
END_TEST

START_TEST(unknown_elements_are_told_themselves)
{
	struct arena *a = arena_new();
	struct spool_batch b;
	const int64_t now = now_wall_ns();

	recorder_denied(rec, judge, element(BAD_MAC, "10.20.0.6", 445, 7), 1, now - 5, now, true);
	drained();
	ck_assert_uint_eq(events(a, &b), 1);
	ck_assert_int_eq(b.rows[0].ev.kind, EVENT_OUTAGE);
	ck_assert_uint_eq(b.rows[0].ev.packets, 7);
	ck_assert_str_eq(b.rows[0].ev.rule, "isolated");
	ck_assert_uint_eq(b.rows[0].ev.to.port, 445);
	ck_assert_uint_eq(recorder_stats(rec).outage, 7);
	arena_free(a);
}
END_TEST

/* Nobody's address leaves by the one zone that owns such: by what the kernel denied it, not by what is said of no zone. */
START_TEST(elements_are_judged_on_their_way_out)
{
	struct judge *j = fake_judge(
		"version: 1\nsite: { name: out }\nzones:\n  cctv: { interfaces: [cam0], networks: [10.20.0.0/16], guarded: true }\n"
		"  world: { interfaces: [core0] }\ndevices:\n  - { name: cam, macs: [\"" CAM_MAC "\"], addresses: [10.20.0.5] }\n"
		"rules:\n  - { id: no-way-out, from: cctv, to: world, services: any, action: drop }\n");
	struct tell_denied *el = element(CAM_MAC, "10.20.0.5", 53, 1);
	struct verdict v;

	ck_assert(addr_parse("203.0.113.9", &el->key.to));
	v = tell_judge(j, el);
	ck_assert_int_eq(v.why, VERDICT_RULE);
	ck_assert_str_eq(j->policy->rules[v.rule].id, "no-way-out");
	free(el);
	judge_free(j);
}
END_TEST

static void set_element(struct tell_denied *el, const char *mac, const char *src, uint16_t port, uint64_t packets)
{
	struct tell_denied *one = element(mac, src, port, packets);

	*el = *one;
	free(one);
}

/* What the kernel denied by itself: a scan is one event, what was tried often or by another is told by itself; no packet is
 * missing and none is told twice. */
START_TEST(a_scan_is_one_event)
{
	enum { PORTS = 400, ALONE = 3 };
	struct tell_denied *els = calloc(PORTS + ALONE, sizeof(*els));
	struct arena *a = arena_new();
	struct spool_batch b;
	uint64_t packets = 0, scans = 0;
	const int64_t now = now_wall_ns();

	for (unsigned i = 0; i < PORTS; i++) {
		set_element(&els[i], BAD_MAC, "10.20.0.6", (uint16_t)(1000 + i), 1 + i % 3);
		els[i].key.to.b[3] = (uint8_t)(10 + i % 4);
	}
	set_element(&els[PORTS], BAD_MAC, "10.20.0.6", 445, 5000);
	set_element(&els[PORTS + 1], CAM_MAC, "10.20.0.5", 445, 2);
	set_element(&els[PORTS + 2], BAD_MAC, "10.20.0.6", 7, 4);
	els[PORTS + 2].key.reply = true;
	recorder_denied(rec, judge, els, PORTS + ALONE, now - 5, now, false);
	drained();
	ck_assert_uint_eq(events(a, &b), 1 + ALONE);
	for (size_t i = 0; i < b.n; i++) {
		const struct event *ev = &b.rows[i].ev;

		packets += ev->packets;
		ck_assert_int_eq(ev->action, EVENT_DROPPED);
		if (ev->kind != EVENT_SCAN) {
			ck_assert_int_eq(ev->kind, EVENT_BLOCKED);
			continue;
		}
		scans++;
		ck_assert_uint_eq(ev->packets, 799);
		ck_assert_str_eq(ev->rule, "isolated");
		ck_assert_str_eq(ev->from.device_name, "bad");
		ck_assert_ptr_nonnull(strstr(ev->from.evidence[1], "Hikvision"));
		ck_assert_ptr_nonnull(strstr(ev->detail, "\"targets\":400,\"addresses\":4,\"ports\":400,"));
		ck_assert_ptr_nonnull(strstr(ev->detail, "\"10.1.5.10 tcp/1000\""));
		ck_assert_uint_eq(ev->to.addr.family, 0);
		ck_assert_str_eq(ev->technique, "T1046");
	}
	ck_assert_uint_eq(scans, 1);
	ck_assert_uint_eq(packets, 799 + 5000 + 2 + 4);
	ck_assert_uint_eq(recorder_stats(rec).kernel_denied, packets);
	arena_free(a);
}
END_TEST

/* One of these is told alone: by the last byte of its ends. */
static bool told_alone(const struct spool_batch *b, uint8_t from, uint8_t to, uint16_t port)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct event *ev = &b->rows[i].ev;

		if (ev->kind == EVENT_BLOCKED && ev->from.addr.b[3] == from && ev->to.addr.b[3] == to && ev->to.port == port)
			return true;
	}
	return false;
}

/* A scan hides neither what its sender tries elsewhere nor what others try by the same MAC. */
START_TEST(a_scan_hides_nothing)
{
	enum { PORTS = 900, ALL = PORTS + 2 };
	struct tell_denied *els = calloc(ALL, sizeof(*els));
	struct arena *a = arena_new();
	struct spool_batch b;
	const int64_t now = now_wall_ns();

	for (unsigned i = 0; i < PORTS; i++)
		set_element(&els[i], BAD_MAC, "10.20.0.6", (uint16_t)(1000 + i), 1);
	set_element(&els[PORTS], BAD_MAC, "10.20.0.6", 445, 3);
	els[PORTS].key.to.b[3] = 99;
	set_element(&els[PORTS + 1], BAD_MAC, "10.20.0.7", 445, 3);
	recorder_denied(rec, judge, els, ALL, now, now, false);
	drained();
	ck_assert_uint_eq(events(a, &b), 3);
	ck_assert(told_alone(&b, 6, 99, 445));
	ck_assert(told_alone(&b, 7, 10, 445));
	ck_assert_uint_eq(recorder_stats(rec).kernel_denied, PORTS + 6);
	for (size_t i = 0; i < b.n; i++)
		if (b.rows[i].ev.kind == EVENT_SCAN)
			ck_assert_uint_eq(b.rows[i].ev.to.addr.family, 4);
	arena_free(a);
}
END_TEST

/* Thousands of senders are not thousands of events: who sent most is told, the rest is counted. */
START_TEST(many_senders_are_few_events)
{
	enum { SENDERS = 5000 };
	struct tell_denied *els = calloc(SENDERS, sizeof(*els));
	struct arena *a = arena_new();
	struct spool_batch b;
	uint64_t packets = 0;
	const int64_t now = now_wall_ns();

	for (unsigned i = 0; i < SENDERS; i++) {
		set_element(&els[i], BAD_MAC, "10.20.0.7", (uint16_t)(1000 + i % 7), 1);
		els[i].key.from = els[i].key.to;
		els[i].key.from.b[2] = (uint8_t)(10 + i / 250);
		els[i].key.from.b[3] = (uint8_t)(i % 250);
		els[i].key.to.b[1] = 20;
		els[i].key.iface = 8;
	}
	els[SENDERS / 2].packets = 5;
	els[SENDERS / 2].key.from.b[3] = 255;
	els[SENDERS / 2].key.port = 445;
	recorder_denied(rec, judge, els, SENDERS, now, now, false);
	drained();
	ck_assert_uint_le(events(a, &b), 301);
	ck_assert_uint_ge(b.n, 256);
	ck_assert(told_alone(&b, 255, 10, 445));
	for (size_t i = 0; i < b.n; i++) {
		const struct event *ev = &b.rows[i].ev;

		packets += ev->packets;
		if (ev->kind != EVENT_SCAN)
			continue;
		ck_assert_uint_eq(ev->from.addr.family, 0);
		ck_assert_str_eq(ev->from.zone, "core");
		ck_assert_str_eq(ev->from.zone_mode, "enforce");
		ck_assert_ptr_nonnull(strstr(ev->detail, "\"targets\":7,\"addresses\":1,\"ports\":7,\"sources\":4700,"));
		ck_assert_ptr_nonnull(strstr(ev->detail, " to 10.20.5.10 tcp/1000\""));
	}
	ck_assert_uint_eq(packets, SENDERS + 4);
	arena_free(a);
}
END_TEST

START_TEST(few_targets_are_no_scan)
{
	enum { PORTS = 100 };
	struct tell_denied *els = calloc(PORTS, sizeof(*els));
	struct arena *a = arena_new();
	struct spool_batch b;
	const int64_t now = now_wall_ns();

	for (unsigned i = 0; i < PORTS; i++)
		set_element(&els[i], BAD_MAC, "10.20.0.6", (uint16_t)(1000 + i), 1);
	recorder_denied(rec, judge, els, PORTS, now, now, false);
	drained();
	ck_assert_uint_eq(events(a, &b), PORTS);
	arena_free(a);
}
END_TEST

START_TEST(events_of_our_own_are_copied)
{
	struct arena *a = arena_new();
	struct spool_batch b;
	char word[16];

	for (int i = 0; i < 3; i++) {
		const struct event ev = { .kind = EVENT_TAMPER, .why = word, .first_ns = 1, .last_ns = 1 };

		snprintf(word, sizeof(word), "word %d", i);
		recorder_event(rec, &ev);
	}
	memset(word, 'x', sizeof(word) - 1);
	drained();
	ck_assert_uint_eq(events(a, &b), 3);
	ck_assert_str_eq(b.rows[2].ev.why, "word 2");
	arena_free(a);
}
END_TEST

static int keep(struct db *db, void *arg, struct err *e)
{
	const struct inventory_device d = { .id = *(uint64_t *)arg, .name = "kept", .first_ns = 1, .last_ns = 2 };

	return inventory_put_device(db, &d, e);
}

static int keep_badly(struct db *db, void *arg, struct err *e)
{
	(void)db;
	(void)arg;
	return err_plain(e, EIO, "planted");
}

START_TEST(the_inventory_is_kept_in_its_thread)
{
	uint64_t *id = malloc(sizeof(*id));

	*id = 42;
	recorder_keep(rec, keep, id, free);
	recorder_keep(rec, keep_badly, NULL, NULL);
	drained();
	recorder_stop(rec);
	ck_assert_uint_eq(recorder_stats(rec).keep_failed, 1);
}
END_TEST

static int keep_in_ruins(struct db *db, void *arg, struct err *e)
{
	return db_epoch(db) ? keep(db, arg, e) : err_plain(e, EUCLEAN, "planted");
}

/* What is damaged where only the inventory stands is set aside, too: it is kept in the new one, and so is the sum of drops. */
START_TEST(a_damaged_inventory_is_set_aside)
{
	const struct store_config sc = { .dir = dir, .ballast_bytes = UINT64_MAX };
	uint64_t *id = malloc(sizeof(*id)), sum = 0;
	struct spool_batch b;
	struct arena *a = arena_new();
	struct db_report report;
	struct db *db;
	struct err e;

	*id = 42;
	push(BAD_MAC, "10.20.0.6", IPPROTO_TCP, 1);
	drained();
	recorder_keep(rec, keep_in_ruins, id, free);
	drained();
	recorder_stop(rec);
	ck_assert_uint_eq(recorder_stats(rec).keep_failed, 0);
	ck_assert_uint_eq(recorder_stats(rec).epoch, 1);
	ck_assert_uint_ge(events(a, &b), 1);                 /* what was not committed goes with it */
	ck_assert_int_eq(b.rows[0].ev.kind, EVENT_LOSS);
	ck_assert(strstr(b.rows[0].ev.detail, "store_quarantined"));
	recorder_free(rec);
	rec = NULL;
	ck_assert_msg(store_open(&sc, &db, &report, &e) == 0, "%s", e.msg);
	ck_assert(recorder_dropped_before(db, &sum));
	ck_assert_uint_eq(sum, 1);
	db_free(db);
	arena_free(a);
}
END_TEST

/* The store's directory goes away under it: draining goes on, failures are counted. */
START_TEST(a_failing_store_stops_nothing)
{
	char path[96];

	push(BAD_MAC, "10.20.0.6", IPPROTO_TCP, 1);
	drained();
	snprintf(path, sizeof(path), "%s/events.db", dir);
	ck_assert_int_eq(truncate(path, 100), 0);       /* corrupt from here on */
	for (uint16_t i = 0; i < 200; i++)
		push(BAD_MAC, "10.20.0.6", IPPROTO_TCP, (uint16_t)(1000 + i));
	drained();
	ck_assert_uint_eq(ring_used(ring), 0);
	recorder_stop(rec);
	ck_assert_uint_eq(recorder_stats(rec).hits, 201);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("recorder");
	TCase *t = tcase_create("thread");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, records_are_merged);
	tcase_add_test(t, a_ticket_passes_behind_all_records);
	tcase_add_test(t, elements_count_for_their_event);
	tcase_add_test(t, unknown_elements_are_told_themselves);
	tcase_add_test(t, elements_are_judged_on_their_way_out);
	tcase_add_test(t, a_scan_is_one_event);
	tcase_add_test(t, a_scan_hides_nothing);
	tcase_add_test(t, many_senders_are_few_events);
	tcase_add_test(t, few_targets_are_no_scan);
	tcase_add_test(t, events_of_our_own_are_copied);
	tcase_add_test(t, the_inventory_is_kept_in_its_thread);
	tcase_add_test(t, a_damaged_inventory_is_set_aside);
	tcase_add_test(t, a_failing_store_stops_nothing);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
