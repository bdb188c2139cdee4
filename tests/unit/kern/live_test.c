/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole table in this kernel: sent, listed, read back, replaced. */
#include "unit/kern/live.h"

#include <errno.h>

#include "base/file.h"
#include "kern/nfq.h"

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
	ck_assert_ptr_nonnull(strstr(text, "ringfence layout 4 generation 1 page a"));
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

/* Several queues, by processor; and that one more or less is no small difference. */
START_TEST(asks_by_several_queues)
{
	struct nfq *q[3] = { 0 };

	x.in.queues = 3;
	for (uint16_t i = 0; i < 3; i++)
		ck_assert_msg(nfq_new((uint16_t)(x.in.queue + i), NULL, &q[i], &e) == 0, "%s", e.msg);
	load();
	in_step();
	ck_assert_ptr_nonnull(strstr(sh("nft list chain inet ringfence ask-q"), "queue num 100-102 fanout"));
	x.in.queues = 2;
	ck_assert_uint_ne(drift(), 0);
	load();
	in_step();
	for (unsigned i = 0; i < 3; i++)
		nfq_free(q[i]);
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
	tcase_add_test(tc, asks_by_several_queues);
	tcase_add_test(tc, tells_every_drift);
	tcase_add_test(tc, keeps_base_chains_and_counters_when_replaced);
	tcase_add_test(tc, says_what_it_is);
	tcase_add_test(tc, leaves_somebody_elses_table_alone);
	return suite_run(tc);
}
