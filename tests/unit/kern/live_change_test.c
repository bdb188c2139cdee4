/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small changes of a table that is there, others' hands on it, and its size. */
#include "unit/kern/live.h"

#include <errno.h>
#include <time.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

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

/* What is known to be there is not told again, as long as nobody else was there. */
START_TEST(tells_what_differs)
{
	struct table *before = built(), *after;
	struct table_was was = { .table = before };

	load();
	ck_assert_int_eq(nl_genid(nl, &was.genid, &e), 0);
	x.bindings[0].addr = example_addr("10.20.3.2");
	x.bindings[5].plan = TABLE_NO_PLAN;
	x.bindings[1].sole = false;
	x.in.n_guarded--;
	after = built();
	ck_assert_msg(table_send_after(nl, after, &was, &e) == 0, "%s", e.msg);
	in_step();
	ck_assert_int_eq(nl_genid(nl, &was.genid, &e), 0);
	ck_assert_msg(table_send_after(nl, before, &(struct table_was){ before, was.genid }, &e) == 0, "%s", e.msg);
	ck_assert_uint_gt(drift(), 0);                  /* it was told that the elements are there: it does not look */
	ck_assert_msg(table_send_after(nl, after, &was, &e) == 0, "%s", e.msg);
	in_step();                                      /* somebody was there: told whole */
	table_free(before);
	table_free(after);
}
END_TEST

/* Counters outlive what they count, and go with the rule. */
START_TEST(keeps_the_counters_of_rules)
{
	load();
	ck_assert(listed("nft list counters table inet ringfence", "allow-axis-to-vms"));
	ck_assert(!listed("nft list counters table inet ringfence", "allow-never-used"));
	x.in.plan.n_members = 0;                        /* nobody is there: nothing counts */
	load();
	in_step();
	ck_assert(listed("nft list counters table inet ringfence", "allow-axis-to-vms"));
	x.rules[0] = "another";
	example_name(&x);
	load();
	in_step();
	ck_assert(!listed("nft list counters table inet ringfence", "allow-axis-to-vms"));
	ck_assert(listed("nft list counters table inet ringfence", "allow-another"));
}
END_TEST

/* A device that comes, moves or goes is elements of its class's sets. */
START_TEST(binds_into_classes)
{
	struct table_binding more = example_binding(0, "00:00:5e:00:53:01", "10.20.9.9", TABLE_KNOWN), was;

	more.plan = 0;
	load();
	ck_assert_msg(table_bind(nl, &x.in, &more, 1, NULL, 0, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(drift(), 3);                  /* known, members, at */
	was = more;
	more.sole = false;
	ck_assert_msg(table_bind(nl, &x.in, &more, 1, &was, 1, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(drift(), 2);
	was = more;
	more.plan = 1;
	ck_assert_msg(table_bind(nl, &x.in, &more, 1, &was, 1, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(drift(), 2);
	ck_assert_msg(table_bind(nl, &x.in, NULL, 0, &more, 1, &e) == 0, "%s", e.msg);
	in_step();
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
static bool is_owned(void)
{
	struct table_about a;

	ck_assert_msg(table_read_about(nl, &a, &e) == 0, "%s", e.msg);
	ck_assert(a.ours);
	return a.owned;
}

/* Another process of ours cannot touch it either, and says why. */
static void held_by_other(void)
{
	AUTO(nl) other = NULL;
	struct table *t = built();

	ck_assert_int_eq(nl_open(NL_NETFILTER, NULL, &other, &e), 0);
	ck_assert_int_eq(table_send(other, t, &e), -1);
	ck_assert_msg(strstr(e.msg, "belongs to a process that is alive"), "%s", e.msg);
	ck_assert_int_eq(table_delete(other, &e), -1);
	ck_assert_int_eq(e.code, EPERM);
	ck_assert_msg(strstr(e.msg, "belongs to a process that is alive"), "%s", e.msg);
	table_free(t);
}

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
	ck_assert_int_ne(space_run(&out, "nft delete table inet ringfence"), 0);
	sh("nft flush ruleset");
	in_step();
	held_by_other();
	ck_assert(is_owned());
	nl_free(nl);
	ck_assert_int_eq(nl_open(NL_NETFILTER, NULL, &nl, &e), 0);
	ck_assert(!is_owned());
	in_step();
	sh("nft add counter inet ringfence anybodys; nft delete counter inet ringfence anybodys");
	x.in.generation = 2;
	load();
	ck_assert(is_owned());
	in_step();
	ck_assert_int_ne(space_run(&out, "nft add rule inet ringfence ask accept"), 0);
	x.in.owner = false;             /* it stays as it was made */
	load();
	in_step();
	ck_assert_int_eq(table_delete(nl, &e), 0);
	load();
	x.in.owner = true;              /* made by a version before: nothing is deleted, and it has no owner */
	load();
	in_step();
	ck_assert(!is_owned());
	sh("nft add rule inet ringfence ask accept; nft delete table inet ringfence");
	load();
	ck_assert(is_owned());
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
	TCase *tc = tcase_create("live-change");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, changes_bindings_one_by_one);
	tcase_add_test(tc, tells_what_differs);
	tcase_add_test(tc, keeps_the_counters_of_rules);
	tcase_add_test(tc, binds_into_classes);
	tcase_add_test(tc, opens_and_closes_an_interface);
	tcase_add_test(tc, turns_its_page);
	tcase_add_test(tc, hears_what_others_do);
	tcase_add_test(tc, names_what_the_kernel_refuses);
	tcase_add_test(tc, refuses_a_stale_view);
	tcase_add_test(tc, owns_its_table_where_the_kernel_can);
	tcase_add_test(tc, holds_a_hundred_thousand_devices);
	return suite_run(tc);
}
