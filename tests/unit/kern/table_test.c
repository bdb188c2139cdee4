/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table's model and its text, without a kernel: goldens in tests/golden/table (UPDATE=1 writes them anew). */
#include "kern/table.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "kern/table_model.h"
#include "unit/kern/example.h"
#include "unit/suite.h"

static struct example x;

static void begin(void)
{
	example_init(&x);
}

static void end(void)
{
	example_fini(&x);
}

static char *printed(const struct table_input *in)
{
	struct table *t = NULL;
	struct err e = { 0 };
	struct buf out;

	buf_init(&out);
	ck_assert_msg(table_build(in, &t, &e) == 0, "%s", e.msg);
	table_print(t, &out);
	table_free(t);
	ck_assert(!out.failed);
	return buf_take(&out, NULL);
}

static void compare(const char *path, const struct table_input *in)
{
	char *text = printed(in), *golden = NULL;
	struct err e = { 0 };
	size_t len;

	if (getenv("UPDATE")) {
		ck_assert_msg(file_replace(path, text, strlen(text), 0644, &e) == 0, "%s", e.msg);
	} else {
		ck_assert_msg(file_read(path, 1 << 20, &golden, &len, &e) == 0, "%s", e.msg);
		ck_assert_msg(!strcmp(golden, text), "%s differs; now:\n%s", path, text);
	}
	free(golden);
	free(text);
}

START_TEST(prints_the_whole_example)
{
	compare("tests/golden/table/example.nft", &x.in);
}
END_TEST

START_TEST(prints_the_closed_table)
{
	x.in.closed = true;
	x.in.generation = 0;
	x.in.n_bindings = 0;
	compare("tests/golden/table/closed.nft", &x.in);
}
END_TEST

START_TEST(prints_a_site_that_only_observes)
{
	x.ifaces[0].role = x.ifaces[3].role = x.ifaces[4].role = TABLE_OBSERVED;
	x.in.n_guarded = x.in.n_remote = 0;
	x.in.page = 'b';
	x.in.mark_shift = 16;
	compare("tests/golden/table/observe.nft", &x.in);
}
END_TEST

static void offload(void)
{
	static const bool by_rule[4] = { false, true, false, false };
	static const char *const ifaces[] = { "eth1.20", "eth0" };

	x.in.offload = true;
	x.in.offload_ifaces = ifaces;
	x.in.n_offload_ifaces = 2;
	x.in.plan.offload = by_rule;
	ck_assert_int_eq(table_plan_name(&x.in.plan, x.ifaces, x.arena, &(struct err){ 0 }), 0);
}

START_TEST(prints_a_site_that_offloads)
{
	offload();
	compare("tests/golden/table/offload.nft", &x.in);
}
END_TEST

/* What may be offloaded has another name, so that elements of a later table lead nobody there by rules of an earlier one. */
START_TEST(names_what_is_offloaded_apart)
{
	const char *before = x.in.plan.what_names[3];

	offload();
	ck_assert_str_ne(x.in.plan.what_names[3], before);
}
END_TEST

/* A verdict, a note and a stamp that mean "and it may be offloaded" are never taken for any other. */
START_TEST(tells_marks_of_bulk_flows_apart)
{
	for (unsigned g = 1; g <= TABLE_GENERATIONS; g++) {
		const uint32_t bulk = table_mark_bulk(0, g);

		ck_assert_uint_ne(bulk, table_mark_bulk(0, table_next_generation(g)));
		ck_assert_uint_ne(bulk, table_mark_bulk(0, table_next_generation(table_next_generation(g))));
		ck_assert(bulk && bulk < 4);            /* of no generation, and not "no mark" */
		ck_assert_uint_eq(table_mark(0, g, TABLE_BULK) & table_mark_allowed(0), table_mark(0, g, TABLE_ALLOW));
		ck_assert_uint_ne(table_mark(0, g, TABLE_BULK), table_mark(0, g, TABLE_ALLOW));
		ck_assert_uint_ne(table_mark(0, g, TABLE_DENY_ONCE) & table_mark_allowed(0), table_mark(0, g, TABLE_ALLOW));
	}
	ck_assert_uint_eq(TABLE_NOTE_REJECTED & TABLE_ALLOW, 0);        /* a rejected flow was not allowed */
}
END_TEST

START_TEST(prints_the_compat_queue_as_a_comment)
{
	char *text;

	x.in.native_queue = false;
	text = printed(&x.in);
	ck_assert_ptr_nonnull(strstr(text, "# xt target NFQUEUE queue 100\n"));
	ck_assert_ptr_nonnull(strstr(text, "# xt target NFQUEUE queue 101\n"));
	free(text);
}
END_TEST

START_TEST(prints_several_queues_as_a_range)
{
	char *text;

	x.in.queues = 4;
	text = printed(&x.in);
	ck_assert_ptr_nonnull(strstr(text, "queue num 100-103 fanout\n"));
	ck_assert_ptr_nonnull(strstr(text, "queue num 104\n"));
	free(text);
	x.in.native_queue = false;
	text = printed(&x.in);
	ck_assert_ptr_nonnull(strstr(text, "# xt target NFQUEUE queue 100-103 fanout\n"));
	free(text);
}
END_TEST

/* Ahead of the map and the sets of all; of many, each would cost those behind it. */
START_TEST(compares_names_where_few_are_guarded)
{
	char *text = printed(&x.in);

	ck_assert_ptr_nonnull(strstr(text, "priority -12; policy drop;\n\t\tiifname vmap @from\n"));
	ck_assert_ptr_nonnull(strstr(text, "chain from-open {\n\t\toifname @open "));
	free(text);
	x.ifaces[3].role = TABLE_OBSERVED;
	text = printed(&x.in);
	ck_assert_ptr_nonnull(strstr(text, "priority -12; policy drop;\n\t\tiifname \"eth1.20\" jump who-eth1.20\n"
				     "\t\tiifname \"eth4\" jump who-eth4\n\t\tiifname vmap @from\n"));
	ck_assert_ptr_nonnull(strstr(text, "chain from-open {\n\t\toifname \"eth1.20\" "));
	free(text);
}
END_TEST

START_TEST(is_the_same_whatever_the_order_of_bindings)
{
	char *before = printed(&x.in), *after;
	struct table_binding first = x.bindings[0];

	x.bindings[0] = x.bindings[5];
	x.bindings[5] = first;
	after = printed(&x.in);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
}
END_TEST

START_TEST(counts_a_binding_of_two_classes_as_restricted)
{
	struct table *t = NULL;
	struct err e = { 0 };

	x.bindings[5] = x.bindings[0];
	x.bindings[0].cls = TABLE_RESTRICTED;
	ck_assert_int_eq(table_build(&x.in, &t, &e), 0);
	for (size_t i = 0; i < t->sets.n; i++)
		if (!strcmp(t->sets.at[i].name, "known4-eth1.20"))
			ck_assert_uint_eq(t->sets.at[i].n, 0);
		else if (!strcmp(t->sets.at[i].name, "restricted4-eth1.20"))
			ck_assert_uint_eq(t->sets.at[i].n, 2);
	table_free(t);
}
END_TEST

/* Chains whose names begin so. */
static size_t parts(const char *prefix)
{
	struct table *t = NULL;
	struct err e = { 0 };
	size_t n = 0;

	ck_assert_msg(table_build(&x.in, &t, &e) == 0, "%s", e.msg);
	for (size_t i = 0; i < t->chains.n; i++)
		n += !strncmp(t->chains.at[i].name, prefix, strlen(prefix));
	table_free(t);
	return n;
}

/* What is told apart by the program and equal to the kernel stands there once: services, destinations, whole classes. */
START_TEST(shares_equal_tables)
{
	struct plan_what whats[6];
	struct plan_where wheres[5];
	struct plan_span spans[4];
	struct plan_class classes[4] = { x.classes[0], x.classes[1], x.classes[0], x.classes[0] };
	struct table_members members[] = { { 0, 0 }, { 0, 1 }, { 0, 3 }, { 4, 0 } };
	const size_t n_whats = parts("what-"), n_classes = parts("class4-");

	memcpy(whats, x.whats, sizeof(x.whats));
	memcpy(wheres, x.wheres, sizeof(x.wheres));
	memcpy(spans, x.spans, sizeof(spans));
	whats[5] = whats[0];
	spans[1].what = 5;                      /* where the first place leads to the same services */
	wheres[4] = (struct plan_where){ spans, 4 };
	classes[2].to4 = classes[3].to4 = 4;    /* one like the first, one that reaches less by IPv6 */
	classes[3].to6 = PLAN_NONE;
	classes[3].name = "other";
	x.in.plan.whats = whats;
	x.in.plan.n_whats = 6;
	x.in.plan.wheres = wheres;
	x.in.plan.n_wheres = 5;
	x.in.plan.classes = classes;
	x.in.plan.n_classes = 4;
	x.in.plan.members = members;
	x.in.plan.n_members = 4;
	ck_assert_int_eq(table_plan_name(&x.in.plan, x.ifaces, x.arena, &(struct err){ 0 }), 0);
	ck_assert_uint_eq(x.in.plan.what_as[5], 0);
	ck_assert_uint_eq(x.in.plan.where_as[4], 0);
	ck_assert_uint_eq(x.in.plan.class_as[2], 0);
	ck_assert_uint_eq(x.in.plan.class_as[3], 3);
	ck_assert_uint_eq(parts("what-"), n_whats);
	ck_assert_uint_eq(parts("class4-"), n_classes + 1);     /* the other one's; eth4 leads to the same as eth1.20 */
}
END_TEST

/* One place with more sets of services than a chain is made for is left to questions, and counted. */
START_TEST(leaves_out_what_is_too_much)
{
	enum { MANY = TABLE_MAX_WHATS + 1 };
	struct plan_service services[MANY];
	struct plan_what whats[MANY];
	struct plan_span spans[MANY];
	struct plan_where wheres[4];
	char address[20];

	memcpy(wheres, x.wheres, sizeof(wheres));
	wheres[0] = (struct plan_where){ spans, MANY };
	for (unsigned i = 0; i < MANY; i++) {
		services[i] = (struct plan_service){ 17, (uint16_t)(i + 1), (uint16_t)(i + 1), x.services[0].answer };
		whats[i] = (struct plan_what){ &services[i], 1, x.whats[0].rest };
		snprintf(address, sizeof(address), "10.1.0.%u", i + 1);
		spans[i] = example_span(address, address, i);
	}
	x.in.plan.whats = whats;
	x.in.plan.n_whats = MANY;
	x.in.plan.wheres = wheres;
	for (unsigned more = 0; more < 2; more++) {
		wheres[0].n_spans = MANY - 1 + more;
		ck_assert_int_eq(table_plan_name(&x.in.plan, x.ifaces, x.arena, &(struct err){ 0 }), 0);
		ck_assert_uint_eq(x.in.plan.left_out, more);
		ck_assert(more ? parts("what-") < 10 : parts("what-") >= TABLE_MAX_WHATS);
	}
}
END_TEST

/* Every chain that a packet is queued, dropped or accepted in ends so, whatever the rules before it do. */
START_TEST(has_no_chain_that_falls_off_its_end_where_it_must_not)
{
	static const enum table_fixed_chain must_end[] = {
		TABLE_CH_FORWARD, TABLE_CH_FORWARD_POST, TABLE_CH_INPUT, TABLE_CH_INPUT_POST, TABLE_CH_OUTPUT, TABLE_CH_OUTPUT_POST,
		TABLE_CH_PASS, TABLE_CH_STRANGE, TABLE_CH_OPEN_OPEN, TABLE_CH_TO_GUARDED, TABLE_CH_KNOWN, TABLE_CH_RESTRICTED,
		TABLE_CH_ASK, TABLE_CH_ASK_REPLY, TABLE_CH_ASK_METER, TABLE_CH_ASK_OUT, TABLE_CH_ASK_OUT_REPLY, TABLE_CH_UNKNOWN,
		TABLE_CH_UNKNOWN_REPLY, TABLE_CH_UNKNOWN_METER, TABLE_CH_ASK_Q, TABLE_CH_UNKNOWN_Q, TABLE_CH_FLOOD,
		TABLE_CH_UNKNOWN_FLOOD, TABLE_CH_INVALID, TABLE_CH_CLOSED, TABLE_CH_OBSERVE, TABLE_CH_AFTER, TABLE_CH_ALLOWED,
		TABLE_CH_REMEMBER, TABLE_CH_REMEMBER_REPLY, TABLE_CH_REJECTED, TABLE_CH_OUT_GUARDED, TABLE_CH_OUT_JUDGE,
	};
	struct table *t = NULL;
	struct err e = { 0 };

	ck_assert_int_eq(table_build(&x.in, &t, &e), 0);
	for (size_t i = 0; i < sizeof(must_end) / sizeof(*must_end); i++) {
		const struct table_chain *c = &t->chains.at[must_end[i]];
		const struct table_rule *last = &c->rules.at[c->rules.n - 1];
		const struct table_stmt *s = &last->stmts[last->n - 1];

		ck_assert_uint_gt(c->rules.n, 0);
		ck_assert_msg(s->op == TABLE_S_DROP || s->op == TABLE_S_GOTO || s->op == TABLE_S_ACCEPT || s->op == TABLE_S_QUEUE,
			      "%s", c->name);
		for (size_t j = 0; j + 1 < last->n; j++)
			ck_assert_msg(last->stmts[j].op == TABLE_S_COUNTER || last->stmts[j].op == TABLE_S_SET_META_MARK,
				      "%s: the last rule has a condition", c->name);
	}
	table_free(t);
}
END_TEST

/* Each packet on the way to the queue passes the denials first and gets a note of generation 63. */
START_TEST(accepts_by_the_ct_mark_only_in_the_gate)
{
	struct table *t = NULL;
	struct err e = { 0 };

	ck_assert_int_eq(table_build(&x.in, &t, &e), 0);
	for (size_t c = TABLE_CH_AFTER; c < TABLE_CH_FIXED; c++)
		for (size_t r = 0; r < t->chains.at[c].rules.n; r++)
			for (size_t s = 0; s < t->chains.at[c].rules.at[r].n; s++)
				ck_assert_msg(t->chains.at[c].rules.at[r].stmts[s].op != TABLE_S_MATCH ||
					      t->chains.at[c].rules.at[r].stmts[s].keys[0] != TABLE_K_CT_MARK,
					      "%s reads the ct mark", t->chains.at[c].name);
	table_free(t);
}
END_TEST

START_TEST(refuses_what_makes_no_sense)
{
	struct table *t = NULL;
	struct err e = { 0 };

	x.in.generation = 63;
	ck_assert_int_eq(table_build(&x.in, &t, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "generation 63"));
	x.in.generation = 0;
	ck_assert_int_eq(table_build(&x.in, &t, &e), -1);
	x.in.generation = 62;
	x.in.mark_shift = 25;
	ck_assert_int_eq(table_build(&x.in, &t, &e), -1);
	x.in.mark_shift = 0;
	x.in.queue = UINT16_MAX - 3;
	x.in.queues = 4;                        /* leaves no number for the unknown */
	ck_assert_int_eq(table_build(&x.in, &t, &e), -1);
	x.in.queue = 100;
	x.ifaces[1].name = "sixteen-letters-";
	x.ifaces[1].loc = (struct loc){ "site.yaml", 3, 9 };
	ck_assert_int_eq(table_build(&x.in, &t, &e), -1);
	ck_assert_uint_eq(e.loc.line, 3);
	x.ifaces[1].name = "fifteen-letters";
	x.bindings[1].iface = 5;
	ck_assert_int_eq(table_build(&x.in, &t, &e), -1);
	x.bindings[1].iface = 0;
	ck_assert_msg(table_build(&x.in, &t, &e) == 0, "%s", e.msg);
	table_free(t);
}
END_TEST

START_TEST(merges_ranges_that_touch)
{
	struct table_range r[5] = {
		example_range("10.0.0.128", "10.0.0.255"), example_range("10.0.0.0", "10.0.0.127"),
		example_range("10.0.0.10", "10.0.0.20"), example_range("10.0.2.0", "10.0.2.0"), example_range("255.255.255.0", "255.255.255.255"),
	};
	struct table *t = NULL;
	struct err e = { 0 };
	const struct table_set *s;

	x.in.guarded = r;
	x.in.n_guarded = 5;
	ck_assert_int_eq(table_build(&x.in, &t, &e), 0);
	s = &t->sets.at[TABLE_SET_GUARDED4];
	ck_assert_uint_eq(s->n, 3);
	ck_assert_mem_eq(s->keys, "\x0a\0\0\0\x0a\0\0\xff\x0a\0\x02\0\x0a\0\x02\0\xff\xff\xff\0\xff\xff\xff\xff", 24);
	table_free(t);
}
END_TEST

START_TEST(makes_names_that_nft_reads)
{
	char a[TABLE_NAME], b[TABLE_NAME];

	ck_assert_str_eq(table_model_ifname("eth1.20", a), "eth1.20");
	ck_assert_str_eq(table_model_ifname("br@x", a), "br/40x");
	ck_assert_str_ne(table_model_ifname("a+b", a), table_model_ifname("a,b", b));
}
END_TEST

START_TEST(counts_generations_round)
{
	ck_assert_uint_eq(table_next_generation(1), 2);
	ck_assert_uint_eq(table_next_generation(TABLE_GENERATIONS), 1);
	ck_assert_uint_le(table_next_generation(62), 3);        /* of an older table */
	ck_assert_uint_eq(table_mark(24, 1, TABLE_ALLOW), 0x05000000);
	ck_assert_uint_eq(table_mark(24, 62, TABLE_REJECT), 0xfb000000);
	ck_assert_uint_eq(table_mark_note(24, TABLE_NOTE_REPLY), 0xff000000);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("table");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, prints_the_whole_example);
	tcase_add_test(tc, prints_the_closed_table);
	tcase_add_test(tc, prints_a_site_that_only_observes);
	tcase_add_test(tc, prints_a_site_that_offloads);
	tcase_add_test(tc, names_what_is_offloaded_apart);
	tcase_add_test(tc, tells_marks_of_bulk_flows_apart);
	tcase_add_test(tc, prints_the_compat_queue_as_a_comment);
	tcase_add_test(tc, prints_several_queues_as_a_range);
	tcase_add_test(tc, compares_names_where_few_are_guarded);
	tcase_add_test(tc, is_the_same_whatever_the_order_of_bindings);
	tcase_add_test(tc, counts_a_binding_of_two_classes_as_restricted);
	tcase_add_test(tc, shares_equal_tables);
	tcase_add_test(tc, leaves_out_what_is_too_much);
	tcase_add_test(tc, has_no_chain_that_falls_off_its_end_where_it_must_not);
	tcase_add_test(tc, accepts_by_the_ct_mark_only_in_the_gate);
	tcase_add_test(tc, refuses_what_makes_no_sense);
	tcase_add_test(tc, merges_ranges_that_touch);
	tcase_add_test(tc, makes_names_that_nft_reads);
	tcase_add_test(tc, counts_generations_round);
	return suite_run(tc);
}
