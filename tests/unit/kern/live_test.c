/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table in this kernel, in a network namespace of its own. */
#include <errno.h>
#include <time.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/buf.h"
#include "base/file.h"
#include "kern/nl.h"
#include "kern/probe.h"
#include "kern/table.h"
#include "unit/kern/example.h"
#include "unit/kern/space.h"
#include "unit/suite.h"

static struct example x;
static struct nl *nl;
static struct err e;
static struct buf out;

static void begin(void)
{
	struct probe p;

	space_enter();
	example_init(&x);
	buf_init(&out);
	ck_assert_msg(nl_open(NL_NETFILTER, NULL, &nl, &e) == 0, "%s", e.msg);
	ck_assert_msg(probe_run(nl, &p, &e) == 0, "%s", e.msg);
	x.in.native_queue = p.has[PROBE_QUEUE];
}

static void end(void)
{
	nl_free(nl);
	buf_fini(&out);
}

static struct table *built(void)
{
	struct table *t = NULL;

	ck_assert_msg(table_build(&x.in, &t, &e) == 0, "%s", e.msg);
	return t;
}

static void load(void)
{
	struct table *t = built();

	ck_assert_msg(table_send(nl, t, &e) == 0, "%s", e.msg);
	table_free(t);
}

static const char *sh(const char *command)
{
	buf_reset(&out);
	ck_assert_msg(space_run(&out, command) == 0, "%s: %.600s", command, buf_cstr(&out));
	return buf_cstr(&out);
}

static bool listed(const char *command, const char *words)
{
	return strstr(sh(command), words);
}

/* How many differences table_verify finds; what it says is in out. */
static size_t drift(void)
{
	struct table *t = built();
	size_t n = 0;

	buf_reset(&out);
	ck_assert_msg(table_verify(nl, t, &out, &n, &e) == 0, "%s", e.msg);
	table_free(t);
	return n;
}

static void in_step(void)
{
	size_t n = drift();

	ck_assert_msg(!n, "%zu differences:\n%.600s", n, buf_cstr(&out));
}

START_TEST(loads_and_nft_lists_it_whole)
{
	const char *text;

	load();
	text = sh("nft list table inet ringfence");
	ck_assert_ptr_nonnull(strstr(text, "type filter hook forward priority -12; policy drop;"));
	ck_assert_ptr_nonnull(strstr(text, "set restricted4-eth1.20"));
	ck_assert_ptr_nonnull(strstr(text, "ether saddr . ip saddr @known4-eth1.20"));
	ck_assert_ptr_nonnull(strstr(text, "elements = { 10.20.0.0/16 }"));
	ck_assert_ptr_nonnull(strstr(text, "\"eth1.20\" : jump who-eth1.20"));
	ck_assert_ptr_nonnull(strstr(text, "ringfence layout 1 generation 1 page a"));
	ck_assert_ptr_nonnull(strstr(text, "chain in-eth4"));
}
END_TEST

/* Lines of text that have one of the words (or none of them) into *ret. */
static void lines(const char *text, const char *const *words, size_t n, bool with, struct buf *ret)
{
	for (const char *end; *text; text = *end ? end + 1 : end) {
		bool has = false;

		end = strchrnul(text, '\n');
		for (size_t i = 0; i < n; i++)
			has = has || memmem(text, (size_t)(end - text), words[i], strlen(words[i]));
		if (has == with) {
			buf_add(ret, text, (size_t)(end - text));
			buf_char(ret, '\n');
		}
	}
}

static void nft_check(const struct buf *text)
{
	char path[] = "/tmp/kern-table-XXXXXX", command[64];
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(file_replace(path, buf_cstr(text), text->len, 0600, &e), 0);
	snprintf(command, sizeof(command), "nft -c -f %s", path);
	sh(command);
	unlink(path);
}

/* Somebody's backup of all rules, loaded again; nft 1.0.6 has no words for the compat queue. */
START_TEST(what_nft_lists_it_reads_back)
{
	static const char *const not_read[] = { "NFQUEUE", "libxtables", "Warning", "queue num", "queue to" };
	struct buf kept;

	load();
	buf_init(&kept);
	lines(sh("nft list table inet ringfence"), not_read, sizeof(not_read) / sizeof(*not_read), false, &kept);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&kept), "chain in-eth4"));
	nft_check(&kept);
	buf_fini(&kept);
}
END_TEST

START_TEST(nft_checks_what_is_printed)
{
	struct table *t = built();
	struct buf text;

	buf_init(&text);
	table_print(t, &text);
	nft_check(&text);
	buf_fini(&text);
	table_free(t);
}
END_TEST

START_TEST(reads_back_what_it_sent)
{
	load();
	in_step();
	x.in.closed = true;
	x.in.generation = 0;
	load();
	in_step();
	x.in.closed = false;
	x.in.generation = 62;
	x.in.mark_shift = 3;
	load();
	in_step();
}
END_TEST

START_TEST(tells_every_drift)
{
	load();
	sh("nft insert rule inet ringfence class-restricted accept");
	ck_assert_uint_gt(drift(), 0);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "chain class-restricted: 4 rules instead of 3"));
	load();
	in_step();
	sh("nft add element inet ringfence open '{ \"eth9\" }'");
	ck_assert_uint_eq(drift(), 1);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "set open: element \"eth9\" is not ours"));
	load();
	sh("nft delete element inet ringfence restricted4-eth1.20 '{ 44:19:b6:00:00:03 . 10.20.0.3 }'");
	sh("nft add element inet ringfence known4-eth1.20 '{ 44:19:b6:00:00:03 . 10.20.0.3 }'");
	ck_assert_uint_eq(drift(), 2);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "set restricted4-eth1.20: element 44:19:b6:00:00:03 . 10.20.0.3 is missing"));
	load();
	sh("nft delete element inet ringfence from '{ \"eth1.20\" }'; nft add element inet ringfence from '{ \"eth1.20\" : jump pass }'");
	ck_assert_uint_eq(drift(), 1);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "is changed"));
	load();
	sh("nft delete element inet ringfence from '{ \"eth1.20\" }'; nft add element inet ringfence from '{ \"eth1.20\" : accept }'");
	ck_assert_uint_ge(drift(), 1);
	load();
	sh("nft delete element inet ringfence guarded-4 '{ 10.20.0.0/16 }'");
	ck_assert_uint_ge(drift(), 1);
	load();
	sh("nft chain inet ringfence forward '{ policy accept; }'");
	ck_assert_uint_eq(drift(), 1);
	load();
	sh("nft add chain inet ringfence mine; nft add set inet ringfence my-set '{ type ipv4_addr; }'");
	ck_assert_uint_eq(drift(), 2);
	load();
	in_step();
	sh("nft add table inet ringfence '{ flags dormant; }'");
	ck_assert_uint_eq(drift(), 1);
	load();
	in_step();
	sh("nft delete table inet ringfence");
	ck_assert_uint_eq(drift(), 1);
	load();
	in_step();
}
END_TEST

/* The base chains with their handles. */
static void handles(struct buf *ret)
{
	static const char *const words[] = { "chain forward", "chain input", "chain output" };

	buf_reset(ret);
	lines(sh("nft -a list table inet ringfence"), words, sizeof(words) / sizeof(*words), true, ret);
	ck_assert_ptr_nonnull(strstr(buf_cstr(ret), "chain output-post { # handle "));
}

START_TEST(keeps_base_chains_and_counters_when_replaced)
{
	struct buf before, after;

	buf_init(&before);
	buf_init(&after);
	load();
	handles(&before);
	x.in.generation = 2;
	x.in.n_bindings = 2;
	x.in.n_ifaces = 4;              /* one interface's chains and sets go */
	load();
	in_step();
	handles(&after);
	ck_assert_str_eq(buf_cstr(&before), buf_cstr(&after));
	ck_assert(!listed("nft list table inet ringfence", "in-eth4"));
	x.ifaces[3].l3 = false;         /* its sets have another key now */
	x.in.n_ifaces = 5;
	load();
	in_step();
	handles(&after);
	ck_assert_str_eq(buf_cstr(&before), buf_cstr(&after));
	buf_fini(&before);
	buf_fini(&after);
}
END_TEST

START_TEST(says_what_it_is)
{
	struct table_about a;

	ck_assert_int_eq(table_read_about(nl, &a, &e), 0);
	ck_assert(!a.present && !a.ours);
	sh("nft add table inet ringfence; nft add chain inet ringfence about; nft add rule inet ringfence about return comment huh");
	ck_assert_int_eq(table_read_about(nl, &a, &e), 0);
	ck_assert(a.present && !a.ours);
	x.in.generation = 17;
	x.in.page = 'b';
	load();
	ck_assert_int_eq(table_read_about(nl, &a, &e), 0);
	ck_assert(a.present && a.ours && !a.closed);
	ck_assert_uint_eq(a.generation, 17);
	ck_assert_uint_eq(a.layout, TABLE_LAYOUT);
	ck_assert_int_eq(a.page, 'b');
	ck_assert_mem_eq(a.digest, x.in.digest, 32);
	x.in.closed = true;
	load();
	ck_assert_int_eq(table_read_about(nl, &a, &e), 0);
	ck_assert(a.ours && a.closed);
	ck_assert_uint_eq(a.generation, 17);
}
END_TEST

START_TEST(leaves_somebody_elses_table_alone)
{
	struct table *t = built();

	sh("nft add table inet ringfence; nft add chain inet ringfence forward '{ type filter hook forward priority 0; }'");
	ck_assert_int_eq(table_send(nl, t, &e), -1);
	ck_assert_int_eq(e.code, EEXIST);
	ck_assert_ptr_nonnull(strstr(e.msg, "chain 'forward' is not one of ours"));
	sh("nft delete table inet ringfence");
	ck_assert_int_eq(table_try(nl, t, &e), 0);
	ck_assert(!listed("nft list tables", "ringfence"));
	table_free(t);
}
END_TEST

START_TEST(changes_bindings_one_by_one)
{
	struct table_binding more[] = {
		example_binding(0, "00:00:5e:00:53:01", "10.20.9.9", TABLE_KNOWN),
		example_binding(4, "00:00:5e:00:53:01", "fd00:21::9", TABLE_RESTRICTED),
	}, was;

	load();
	ck_assert_msg(table_bind(nl, &x.in, more, 2, NULL, 0, &e) == 0, "%s", e.msg);
	ck_assert_msg(table_bind(nl, &x.in, more, 2, NULL, 0, &e) == 0, "%s", e.msg);
	ck_assert(listed("nft list set inet ringfence known4-eth1.20", "00:00:5e:00:53:01 . 10.20.9.9"));
	ck_assert(listed("nft list set inet ringfence restricted6-eth4", "00:00:5e:00:53:01 . fd00:21::9"));
	was = more[0];
	more[0].cls = TABLE_RESTRICTED;
	ck_assert_msg(table_bind(nl, &x.in, more, 1, &was, 1, &e) == 0, "%s", e.msg);
	ck_assert(listed("nft list set inet ringfence restricted4-eth1.20", "00:00:5e:00:53:01 . 10.20.9.9"));
	ck_assert(!listed("nft list set inet ringfence known4-eth1.20", "00:00:5e:00:53:01"));
	ck_assert_msg(table_bind(nl, &x.in, NULL, 0, more, 2, &e) == 0, "%s", e.msg);
	in_step();
	ck_assert_int_eq(table_bind(nl, &x.in, NULL, 0, more, 2, &e), -1);
	ck_assert_int_eq(e.code, ENOENT);
	in_step();
	more[0].iface = 1;                      /* open */
	ck_assert_int_eq(table_bind(nl, &x.in, more, 1, NULL, 0, &e), -1);
}
END_TEST

START_TEST(opens_and_closes_an_interface)
{
	load();
	ck_assert_msg(table_open_add(nl, "docker0", &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(drift(), 4);
	ck_assert(listed("nft list map inet ringfence from", "\"docker0\" : jump from-open"));
	ck_assert_msg(table_open_remove(nl, "docker0", &e) == 0, "%s", e.msg);
	in_step();
	ck_assert_int_eq(table_open_remove(nl, "docker0", &e), -1);
	ck_assert_int_eq(table_open_add(nl, "a-name-that-is-too-long", &e), -1);
}
END_TEST

START_TEST(turns_its_page)
{
	struct table_ledger l;

	load();
	ck_assert_int_eq(table_clear_page(nl, 'a', &e), -1);
	ck_assert_int_eq(e.code, EBUSY);
	ck_assert_msg(table_clear_page(nl, 'b', &e) == 0, "%s", e.msg);
	ck_assert_msg(table_turn(nl, &x.in, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(x.in.page, 'b');
	in_step();
	ck_assert_int_eq(table_read_ledger(nl, 'a', &l, &e), 0);
	ck_assert_uint_eq(l.n, 0);
	table_ledger_free(&l);
	ck_assert_int_eq(table_clear_page(nl, 'b', &e), -1);
	ck_assert_int_eq(table_turn(nl, &x.in, &e), 0);
	ck_assert_int_eq(x.in.page, 'a');
	in_step();
}
END_TEST

static unsigned changes;
static struct table_change last;

static void changed(const struct table_change *c, void *arg)
{
	(void)arg;
	changes++;
	last = *c;
}

START_TEST(hears_what_others_do)
{
	struct table_watch w = { .pending = false };
	struct nl *watch;
	uint32_t self;
	bool lost;

	ck_assert_msg(nl_open(NL_NETFILTER, table_watch_groups, &watch, &e) == 0, "%s", e.msg);
	self = nl_portid(nl);
	load();
	sh("nft add table inet other; nft add chain inet other c; nft add rule inet other c counter");
	ck_assert_int_eq(table_watch(watch, &w, &self, 1, changed, NULL, &lost, &e), 0);
	ck_assert_uint_eq(changes, 0);
	sh("nft insert rule inet ringfence ask accept");
	ck_assert_int_eq(table_watch(watch, &w, &self, 1, changed, NULL, &lost, &e), 0);
	ck_assert_uint_eq(changes, 1);
	ck_assert(last.ours && !last.foreign_risk);
	ck_assert_str_eq(last.what, "inet ringfence: rule in chain ask added by nft");
	sh("nft add rule inet other c ct mark set 7");
	ck_assert_int_eq(table_watch(watch, &w, &self, 1, changed, NULL, &lost, &e), 0);
	ck_assert_uint_eq(changes, 2);
	ck_assert(!last.ours && last.foreign_risk);
	ck_assert_str_eq(last.what, "inet other: ct mark set in c by nft");
	sh("nft delete table inet ringfence");
	ck_assert_int_eq(table_watch(watch, &w, &self, 1, changed, NULL, &lost, &e), 0);
	ck_assert(last.ours);
	changes = 0;
	ck_assert_int_eq(table_risks(nl, changed, NULL, &e), 0);
	ck_assert_uint_eq(changes, 1);
	ck_assert_str_eq(last.what, "inet other: ct mark set in c");
	nl_free(watch);
}
END_TEST

START_TEST(names_what_the_kernel_refuses)
{
	AUTO(nl_batch) b = nl_batch_new(nl, 0);
	struct loc loc = { "site.yaml", 14, 7 };

	load();
	nl_batch_add(b, NFT_MSG_NEWCHAIN, 0, NFPROTO_INET, loc, "chain", "no-name");
	nl_batch_add(b, NFT_MSG_NEWCHAIN, 0, NFPROTO_INET, LOC_NONE, "chain", "nor-this");
	ck_assert_int_eq(nl_batch_commit(b, &e), -1);
	ck_assert_uint_eq(e.loc.line, 14);
	ck_assert_int_eq(strncmp(e.msg, "chain 'no-name': the kernel refused", 35), 0);
	in_step();
}
END_TEST

/* Somebody's transaction between our looking and our sending is no loss: the kernel says so and we look again. */
START_TEST(refuses_a_stale_view)
{
	AUTO(nl_batch) b = NULL;
	uint32_t genid;

	ck_assert_int_eq(nl_genid(nl, &genid, &e), 0);
	sh("nft add table inet other");
	b = nl_batch_new(nl, genid);
	nl_batch_add(b, NFT_MSG_NEWTABLE, 0, NFPROTO_INET, LOC_NONE, "table", "x");
	ck_assert_int_eq(nl_batch_commit(b, &e), -1);
	ck_assert_int_eq(e.code, ERESTART);
}
END_TEST

/* Nobody else may touch an owned table while we live; it stays when we go, and we can take it up again. */
START_TEST(owns_its_table_where_the_kernel_can)
{
	struct probe p;

	ck_assert_int_eq(probe_run(nl, &p, &e), 0);
	if (!p.has[PROBE_OWNER])
		return;
	x.in.owner = true;
	load();
	buf_reset(&out);
	ck_assert_int_ne(space_run(&out, "nft add rule inet ringfence ask accept"), 0);
	sh("nft flush ruleset");
	in_step();
	nl_free(nl);
	ck_assert_int_eq(nl_open(NL_NETFILTER, NULL, &nl, &e), 0);
	in_step();
	x.in.generation = 2;
	load();
	in_step();
	ck_assert_int_ne(space_run(&out, "nft add rule inet ringfence ask accept"), 0);
	x.in.owner = false;             /* it stays as it was made */
	load();
	in_step();
	ck_assert_int_eq(table_delete(nl, &e), 0);
	load();
	x.in.owner = true;
	load();
	in_step();
	sh("nft add rule inet ringfence ask accept");
}
END_TEST

START_TEST(holds_a_hundred_thousand_devices)
{
	enum { N = 100000 };
	struct table_binding *b = calloc(N, sizeof(*b)), was;
	struct timespec t0, t1;
	struct table *t;

	ck_assert_ptr_nonnull(b);
	for (uint32_t i = 0; i < N; i++) {
		b[i] = example_binding(0, "02:00:00:00:00:00", "10.20.0.0", TABLE_KNOWN);
		b[i].mac.b[3] = b[i].addr.b[1] = (uint8_t)(i >> 16);
		b[i].mac.b[4] = b[i].addr.b[2] = (uint8_t)(i >> 8);
		b[i].mac.b[5] = b[i].addr.b[3] = (uint8_t)i;
	}
	x.in.bindings = b;
	x.in.n_bindings = N;
	t = built();
	for (unsigned i = 0; i < 2; i++) {
		clock_gettime(CLOCK_MONOTONIC, &t0);
		ck_assert_msg(table_send(nl, t, &e) == 0, "%s", e.msg);
		clock_gettime(CLOCK_MONOTONIC, &t1);
		printf("# %d bindings %s in %ld ms\n", N, i ? "replaced" : "sent",
		       (t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000);
	}
	table_free(t);
	in_step();
	clock_gettime(CLOCK_MONOTONIC, &t0);
	was = b[0];
	b[0].cls = TABLE_RESTRICTED;
	ck_assert_msg(table_bind(nl, &x.in, b, 1, &was, 1, &e) == 0, "%s", e.msg);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	printf("# one of them changed in %ld us\n", (t1.tv_sec - t0.tv_sec) * 1000000 + (t1.tv_nsec - t0.tv_nsec) / 1000);
	in_step();
	free(b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("live");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, loads_and_nft_lists_it_whole);
	tcase_add_test(tc, what_nft_lists_it_reads_back);
	tcase_add_test(tc, nft_checks_what_is_printed);
	tcase_add_test(tc, reads_back_what_it_sent);
	tcase_add_test(tc, tells_every_drift);
	tcase_add_test(tc, keeps_base_chains_and_counters_when_replaced);
	tcase_add_test(tc, says_what_it_is);
	tcase_add_test(tc, leaves_somebody_elses_table_alone);
	tcase_add_test(tc, changes_bindings_one_by_one);
	tcase_add_test(tc, opens_and_closes_an_interface);
	tcase_add_test(tc, turns_its_page);
	tcase_add_test(tc, hears_what_others_do);
	tcase_add_test(tc, names_what_the_kernel_refuses);
	tcase_add_test(tc, refuses_a_stale_view);
	tcase_add_test(tc, owns_its_table_where_the_kernel_can);
	tcase_add_test(tc, holds_a_hundred_thousand_devices);
	return suite_run(tc);
}
