/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table while packets run: counts stay exact when the ledger's page is turned, nothing permitted is lost on a reload, a
 * full set does not leak, and observed zones lose nothing. */
#include <pthread.h>
#include <stdatomic.h>

#include "kern/nflog.h"
#include "unit/kern/site.h"
#include "unit/suite.h"

enum { FLOWS = 8, FIRST_PORT = 5000 };

static const struct wire_frame base = {
	.smac = SITE_CAM, .dmac = SITE_FW, .src = "10.20.0.2", .dst = "10.1.0.2", .proto = 17, .sport = 4000, .payload = 18,
};

static atomic_bool stop;
static atomic_uint verdict;             /* the mark that every packet is answered with */
static atomic_uint rounds;              /* batches answered, or found empty */
static uint64_t judged[65536];          /* by destination port; the worker's until it is joined */

static uint16_t port_of(const struct nfq_packet *p)
{
	return p->caplen >= 24 ? (uint16_t)(p->payload[22] << 8 | p->payload[23]) : 0;
}

static void *work(void *arg)
{
	struct nfq_packet pkts[NFQ_BATCH];
	uint32_t marks[NFQ_BATCH];
	struct err e;

	(void)arg;
	while (!stop) {
		struct pollfd fd = { .fd = nfq_poll_fd(site.ask), .events = POLLIN };
		uint32_t mark = verdict;
		int n = nfq_receive(site.ask, pkts, NFQ_BATCH, &e);

		for (int i = 0; i < n; i++) {
			marks[i] = mark;
			judged[port_of(&pkts[i])]++;
		}
		if (n > 0 && nfq_answer(site.ask, pkts, marks, (size_t)n, &e) < 0)
			abort();
		rounds++;
		if (n <= 0)
			poll(&fd, 1, 1);
	}
	return NULL;
}

/* Wait until the worker has sent every verdict that it began before now. */
static void grace(void)
{
	unsigned then = rounds;

	while (rounds - then < 2)
		poll(NULL, 0, 1);
}

/* Packets of the load that the firewall's first hook saw: under other people's load a veth loses some before. */
static void count_arrivals(void)
{
	site_sh("nft add table ip arrivals; nft add chain ip arrivals seen '{ type filter hook prerouting priority -300; }';"
		"nft add rule ip arrivals seen iifname f0 udp dport 5000-5010 counter");
}

static uint64_t arrivals(void)
{
	uint64_t n = 0;
	struct buf out;
	const char *at;

	buf_init(&out);
	ck_assert_int_eq(space_run(&out, "nft list chain ip arrivals seen"), 0);
	at = strstr(buf_cstr(&out), "packets ");
	ck_assert(at && sscanf(at, "packets %lu", &n) == 1);
	buf_fini(&out);
	return n;
}

struct load { unsigned packets, ports, pause_every; atomic_bool done; };

static void *send_load(void *arg)
{
	struct load *l = arg;
	uint8_t frames[FLOWS][2048];
	size_t n = 0;

	for (unsigned i = 0; i < FLOWS; i++) {
		struct wire_frame f = base;

		f.sport = (uint16_t)(4000 + i);
		f.dport = (uint16_t)(FIRST_PORT + i);
		n = wire_make(&f, frames[i]);
	}
	for (unsigned i = 0; i < l->packets; i++) {
		while (send(site.w_cam.fd, frames[i % FLOWS], n, 0) < 0)
			;
		if (i % l->pause_every == 0)
			poll(NULL, 0, 1);
	}
	l->done = true;
	return NULL;
}

static void fast_questions(void)
{
	site.in.rates.ask_per_s = site.in.rates.ask_burst = 10000000;
	site_load();
}

static void add_ledger(uint64_t *hits)
{
	struct table_ledger l = site_turn();

	for (size_t i = 0; i < l.n; i++) {
		ck_assert_int_eq(l.lines[i].kind, TABLE_L_DENIED);
		hits[l.lines[i].port] += l.lines[i].packets;
	}
	table_ledger_free(&l);
}

START_TEST(counts_exactly_while_the_page_is_turned)
{
	struct load l = { .packets = 80000, .pause_every = 80 };
	static uint64_t hits[65536];
	pthread_t worker, sender;
	uint64_t all_hits = 0, all_judged = 0;
	unsigned turns = 0;

	fast_questions();
	count_arrivals();
	verdict = site_mark(TABLE_DENY);
	ck_assert_int_eq(pthread_create(&worker, NULL, work, NULL), 0);
	ck_assert_int_eq(pthread_create(&sender, NULL, send_load, &l), 0);
	while (!l.done) {
		add_ledger(hits);
		turns++;
	}
	pthread_join(sender, NULL);
	poll(NULL, 0, 50);
	stop = true;
	pthread_join(worker, NULL);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 0);
	add_ledger(hits);
	for (unsigned i = FIRST_PORT; i < FIRST_PORT + FLOWS; i++) {
		ck_assert_uint_le(hits[i] + judged[i], l.packets / FLOWS);
		all_hits += hits[i];
		all_judged += judged[i];
	}
	printf("# %u turns: %lu packets denied by the kernel, %lu by userspace\n", turns, all_hits, all_judged);
	ck_assert_uint_gt(turns, 5);
	ck_assert_uint_eq(all_hits + all_judged, arrivals());
	ck_assert_uint_gt(all_hits, all_judged);
	ck_assert_uint_eq(site_counter(TABLE_C_DENIED), all_hits);
	ck_assert_uint_eq(site_counter(TABLE_C_POST_DENIED), all_judged);
	ck_assert_uint_eq(site_counter(TABLE_C_POST_DENIED_ONCE), 0);
	ck_assert_uint_eq(wire_count(&site.w_core, NULL, NULL, 17, 0, NULL), 0);
}
END_TEST

START_TEST(loses_nothing_permitted_on_reloads)
{
	struct load l = { .packets = 120000, .pause_every = 60 };
	pthread_t worker, sender;
	unsigned reloads = 0, came = 0;
	uint64_t all = 0;

	fast_questions();
	count_arrivals();
	verdict = site_mark(TABLE_ALLOW);
	ck_assert_int_eq(pthread_create(&worker, NULL, work, NULL), 0);
	ck_assert_int_eq(pthread_create(&sender, NULL, send_load, &l), 0);
	while (!l.done) {
		site.in.generation = table_next_generation(site.in.generation);
		site.in.page = site.in.page == 'a' ? 'b' : 'a';
		verdict = site_mark(TABLE_ALLOW);       /* first userspace, then the kernel */
		grace();
		site_load();
		reloads++;
		came += wire_count(&site.w_core, "10.20.0.2", "10.1.0.2", 17, 0, NULL);
		poll(NULL, 0, 5);
	}
	pthread_join(sender, NULL);
	poll(NULL, 0, 50);
	stop = true;
	pthread_join(worker, NULL);
	came += wire_count(&site.w_core, "10.20.0.2", "10.1.0.2", 17, 0, NULL);
	for (unsigned i = FIRST_PORT; i < FIRST_PORT + FLOWS; i++)
		all += judged[i];
	printf("# %u reloads: %u of %u came, %lu asked about\n", reloads, came, l.packets, all);
	ck_assert_uint_gt(reloads, 20);
	ck_assert_uint_eq(came, arrivals());
	ck_assert_uint_gt(came, l.packets / 2);
	ck_assert_uint_lt(all, l.packets / 4);
}
END_TEST

START_TEST(leaks_nothing_when_the_memory_is_full)
{
	enum { PORTS = 35000 };
	struct wire_frame f = base;
	pthread_t worker;
	uint64_t denied;

	fast_questions();
	verdict = site_mark(TABLE_DENY);
	ck_assert_int_eq(pthread_create(&worker, NULL, work, NULL), 0);
	for (unsigned i = 0; i < 2 * PORTS; i++) {
		f.dst = i < PORTS ? "10.1.0.2" : "10.1.0.3";
		f.dport = (uint16_t)(i % PORTS + 1);
		wire_send(&site.w_cam, &f, 1);
		if (i % 200 == 0)
			grace();
	}
	poll(NULL, 0, 50);
	stop = true;
	pthread_join(worker, NULL);
	denied = site_counter(TABLE_C_POST_DENIED);
	ck_assert_uint_le(denied, 65536);
	ck_assert_uint_gt(denied, 60000);
	ck_assert_uint_gt(site_counter(TABLE_C_POST_DENIED_ONCE), 0);
	ck_assert_uint_eq(site_counter(TABLE_C_POST_DENIED_ONCE) + denied, nfq_counts_of(site.ask)->packets);
	ck_assert_uint_eq(wire_count(&site.w_core, "10.20.0.2", NULL, 17, 0, NULL), 0);
}
END_TEST

START_TEST(observes_without_being_in_the_way)
{
	struct wire_frame f = base;
	struct nfq_packet p[NFQ_BATCH];
	struct nflog *log = NULL;
	int n;

	f.dport = 5001;
	site.ifaces[0].role = TABLE_OBSERVED;
	site.in.n_guarded = 0;
	site.in.observed = site.guarded;
	site.in.n_observed = 2;
	site_load();
	nfq_free(site.ask);
	nfq_free(site.unknown);
	site.ask = site.unknown = NULL;
	wire_send(&site.w_cam, &f, 50);                 /* nobody there at all */
	ck_assert_uint_eq(wire_count(&site.w_core, "10.20.0.2", NULL, 17, 5001, NULL), 50);
	ck_assert_msg(nflog_new(100, 0, false, &log, &site.e) == 0, "%s", site.e.msg);
	site.in.generation = 2;
	site_load();
	wire_send(&site.w_cam, &f, 50);
	f.smac = SITE_BAD;
	f.src = "10.20.0.77";
	wire_send(&site.w_cam, &f, 50);
	f.options = true;
	wire_send(&site.w_cam, &f, 5);
	poll(NULL, 0, 1100);                            /* the kernel may keep copies back for a moment */
	n = nflog_receive(log, p, NFQ_BATCH, &site.e);
	ck_assert_int_eq(n, 2);                         /* and none of the link's own housekeeping */
	ck_assert_uint_eq(p[0].mark, 0xfe000000);
	ck_assert(p[0].has_mac && p[0].mac.b[0] == 0xac && p[1].mac.b[0] == 0x44);
	ck_assert_uint_eq(p[0].iif, if_nametoindex("f0"));
	ck_assert_uint_eq(wire_count(&site.w_core, NULL, NULL, 17, 5001, NULL), 105);
	ck_assert_uint_eq(site_counter(TABLE_C_FELL_THROUGH) + site_counter(TABLE_C_STRANGE), 0);
	site_rename("other");
	wire_send(&site.w_cam, &f, 5);                  /* nothing enforces: not even a strange interface is dropped */
	ck_assert_uint_eq(wire_count(&site.w_core, NULL, NULL, 17, 5001, NULL), 5);
	nflog_free(log);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("stress");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, site_begin, site_end);
	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, counts_exactly_while_the_page_is_turned);
	tcase_add_test(tc, loses_nothing_permitted_on_reloads);
	tcase_add_test(tc, leaks_nothing_when_the_memory_is_full);
	tcase_add_test(tc, observes_without_being_in_the_way);
	return suite_run(tc);
}
