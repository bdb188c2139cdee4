/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every kind of edit that somebody else can make: named when the table is read back, heard of, and set right. */
#include "unit/kern/fences.h"

static const struct { const char *command, *difference, *heard; } edits[] = {
	{ "nft insert rule inet ringfence ask accept", "chain ask: rule 1 is another", "rule in chain ask added" },
	{ "nft add rule inet ringfence ask accept", "chain ask: ", "rule in chain ask added" },
	{ "nft replace rule inet ringfence pass handle %s accept", "chain pass: rule 1 is another",
	  "rule in chain pass" },
	{ "nft delete rule inet ringfence class-restricted handle %s",
	  "chain class-restricted: 2 rules instead of 3", "rule in chain class-restricted deleted" },
	{ "nft replace rule inet ringfence about handle %s return comment huh",
	  "chain about: rule 1 is another", "rule in chain about" },
	{ "nft flush chain inet ringfence class-known", "chain class-known: 0 rules instead of", "rule in chain class-known deleted" },
	{ "nft flush table inet ringfence", "chain forward: 0 rules instead of", "deleted" },
	{ "nft add chain inet ringfence extra", "chain extra is not ours", "chain extra changed" },
	{ "nft add chain inet ringfence extra '{ type filter hook forward priority -11; policy accept; }' ; "
	  "nft add rule inet ringfence extra meta mark set 0xfd000000", "base chain extra is not ours and has 1 rules", "chain extra" },
	{ "nft add chain inet ringfence extra '{ type filter hook input priority 0; policy drop; }'",
	  "base chain extra is not ours and has 0 rules and policy drop", "chain extra changed" },
	{ "nft chain inet ringfence forward '{ policy accept; }'", "chain forward has policy accept", "chain forward changed" },
	{ "nft add element inet ringfence known4-eth1.20 '{ 02:00:00:00:00:01 . 10.20.0.9 }'",
	  "set known4-eth1.20: element 02:00:00:00:00:01 . 10.20.0.9 is not ours", "element in known4-eth1.20 added" },
	{ "nft delete element inet ringfence restricted4-eth1.20 '{ 44:19:b6:00:00:03 . 10.20.0.3 }'",
	  "set restricted4-eth1.20: element 44:19:b6:00:00:03 . 10.20.0.3 is missing", "element in restricted4-eth1.20 deleted" },
	{ "nft flush set inet ringfence known4-eth1.20", "is missing", "element in known4-eth1.20 deleted" },
	{ "nft delete element inet ringfence from '{ \"eth1.20\" }'; nft add element inet ringfence from '{ \"eth1.20\" : accept }'",
	  "map from: an element does something else than jump", "element in from deleted" },
	{ "nft add element inet ringfence from '{ \"eth9\" : jump pass }'", "map from: element \"eth9\" : jump pass is not ours",
	  "element in from added" },
	{ "nft add set inet ringfence extra '{ type ipv4_addr; }'", "set extra is not ours", "set extra changed" },
	{ "nft add counter inet ringfence extra", "counter extra is not ours", "object extra changed" },
	{ "nft delete set inet ringfence closed-b", "set closed-b is missing", "set closed-b deleted" },
	{ "nft 'flush chain inet ringfence unknown-flood; delete counter inet ringfence unknown-flood-unkeyed'",
	  "counter unknown-flood-unkeyed is missing", "object unknown-flood-unkeyed deleted" },
	{ "nft add quota inet ringfence extra '{ over 1 mbytes }'", "object extra is not ours", "object extra changed" },
	{ "nft add flowtable inet ringfence extra '{ hook ingress priority 0; devices = { lo }; }'", "flowtable extra is not ours",
	  "flowtable extra added" },
	{ "nft add table inet ringfence '{ flags dormant; }'", "table ringfence is dormant", "table ringfence changed" },
	{ "nft delete table inet ringfence", "table ringfence is missing", "deleted" },
	{ "nft flush ruleset", "table ringfence is missing", "deleted" },
	{ "nft insert rule netdev ringfence to-eth1.20 accept", "chain to-eth1.20: ", "netdev ringfence: rule in chain to-eth1.20 added" },
	{ "nft delete rule netdev ringfence fence-drop handle %s",
	  "chain fence-drop: 2 rules instead of 3", "netdev ringfence: rule in chain fence-drop deleted" },
	{ "nft chain netdev ringfence to-eth1.20 '{ policy drop; }'", "chain to-eth1.20 has policy drop",
	  "netdev ringfence: chain to-eth1.20 changed" },
	{ "nft add element netdev ringfence pairs4-eth1.20 '{ 44:19:b6:00:00:03 . 10.20.0.2 }'",
	  "set pairs4-eth1.20: element 44:19:b6:00:00:03 . 10.20.0.2 is not ours", "element in pairs4-eth1.20 added" },
	{ "nft delete element netdev ringfence pairs4-eth1.20 '{ ac:cc:8e:00:00:02 . 10.20.0.2 }'",
	  "set pairs4-eth1.20: element ac:cc:8e:00:00:02 . 10.20.0.2 is missing", "element in pairs4-eth1.20 deleted" },
	{ "nft delete chain netdev ringfence to-eth4", "chain to-eth4 is missing", "chain to-eth4 deleted" },
	{ "nft 'add chain netdev ringfence extra { type filter hook ingress device eth1.20 priority 0; }; "
	  "add rule netdev ringfence extra drop'",
	  "base chain extra is not ours and has 1 rules", "netdev ringfence: chain extra changed" },
	{ "nft add counter netdev ringfence extra", "counter extra is not ours", "netdev ringfence: object extra changed" },
	{ "nft add table netdev ringfence '{ flags dormant; }'", "table ringfence is dormant",
	  "netdev ringfence: table ringfence changed" },
	{ "nft delete table netdev ringfence", "table netdev ringfence is missing", "deleted" },
};

/* A command that names a rule by %s means the first one of its chain. */
static const char *command_of(const char *edit)
{
	static char command[300];
	char list[100], family[10], chain[30];
	const char *at;

	if (sscanf(edit, "nft %*s rule %9s ringfence %29s handle", family, chain) < 2 || !strstr(edit, "handle %s"))
		return edit;
	snprintf(list, sizeof(list), "nft -a list chain %s ringfence %s", family, chain);
	at = strstr(sh(list), "\n\t\t");
	ck_assert_ptr_nonnull(at);
	at = strstr(at, " # handle ");
	ck_assert_ptr_nonnull(at);
	snprintf(command, sizeof(command), "%.*s%lu%s", (int)(strstr(edit, "%s") - edit), edit, strtoul(at + 10, NULL, 10),
		 strstr(edit, "%s") + 2);
	return command;
}

static struct table_change first;

static void heard(const struct table_change *c, void *arg)
{
	(void)arg;
	if (c->ours && !*first.what)
		first = *c;
}

START_TEST(is_named_heard_and_set_right)
{
	struct table_watch w = { .pending = false };
	uint32_t before, self = nl_portid(nl);
	const char *command;
	AUTO(nl) watch = NULL;
	struct probe p;
	bool lost;

	ck_assert_int_eq(probe_run(nl, &p, &e), 0);
	if (strstr(edits[_i].command, "flowtable") && !p.has[PROBE_FLOWTABLE])
		return;
	ck_assert_int_eq(nl_open(NL_NETFILTER, table_watch_groups, &watch, &e), 0);
	memset(&first, 0, sizeof(first));
	load();
	in_step();
	ck_assert_int_eq(table_watch(watch, &w, &self, 1, heard, NULL, &lost, &e), 0);
	ck_assert_str_eq(first.what, "");
	command = command_of(edits[_i].command);
	ck_assert_int_eq(nl_genid(nl, &before, &e), 0);
	sh(command);
	ck_assert_uint_gt(drift(), 0);
	ck_assert_msg(strstr(buf_cstr(&out), edits[_i].difference), "%s:\n%.600s", edits[_i].command, buf_cstr(&out));
	ck_assert_int_eq(table_watch(watch, &w, &self, 1, heard, NULL, &lost, &e), 0);
	ck_assert_msg(strstr(first.what, edits[_i].heard), "%s: %s", edits[_i].command, first.what);
	ck_assert_msg(strstr(first.what, " by nft"), "%s", first.what);
	ck_assert_uint_eq(first.genid, before + 1);
	load();
	in_step();
}
END_TEST

/* What runs between a gate and its post could write the gate's note: somebody else's base chain there is told. */
START_TEST(a_chain_among_ours_is_told)
{
	static const char *const chains[] = {
		"add table ip other; add chain ip other x '{ type filter hook forward priority -12; }'",
		"add table ip6 other; add chain ip6 other x '{ type filter hook input priority -11; }'",
		"add table ip ringfence; add chain ip ringfence x '{ type filter hook output priority -11; }'",
	};
	struct table_watch w = { .pending = false };
	uint32_t self = nl_portid(nl);
	AUTO(nl) watch = NULL;
	char command[200];
	bool lost;

	load();
	sh("nft add table inet far; nft add chain inet far x '{ type filter hook forward priority -13; }'; "
	   "nft add chain inet far y '{ type filter hook prerouting priority -12; }'");
	in_step();
	ck_assert_int_eq(nl_open(NL_NETFILTER, table_watch_groups, &watch, &e), 0);
	for (size_t i = 0; i < sizeof(chains) / sizeof(*chains); i++) {
		const char *second = strchr(chains[i], ';') + 1;

		snprintf(command, sizeof(command), "nft %.*s; nft%s", (int)(second - chains[i] - 1), chains[i], second);
		sh(command);
		ck_assert_uint_eq(drift(), i + 1);
		ck_assert_msg(strstr(buf_cstr(&out), "runs among ours"), "%s", buf_cstr(&out));
	}
	memset(&first, 0, sizeof(first));
	ck_assert_int_eq(table_watch(watch, &w, &self, 1, heard, NULL, &lost, &e), 0);
	ck_assert_str_eq(first.what, "");
	sh("nft delete table ip other; nft delete table ip6 other; nft delete table ip ringfence");
	in_step();
}
END_TEST

/* Of another version: it is emptied and accepts, and stays until the next boot, since deleting it would empty every queue. */
START_TEST(a_base_chain_of_another_version_stays_without_effect)
{
	load();
	sh("nft add chain inet ringfence old '{ type filter hook forward priority -10; policy drop; }'; "
	   "nft add rule inet ringfence old drop");
	load();
	in_step();
	ck_assert(listed("nft list chain inet ringfence old", "hook forward priority filter - 10; policy accept;"));
	ck_assert(!listed("nft list chain inet ringfence old", "\tdrop"));
	sh("nft add rule inet ringfence old drop");
	ck_assert_uint_eq(drift(), 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("edits");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin_fences, end);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, is_named_heard_and_set_right, 0, (int)(sizeof(edits) / sizeof(*edits)));
	tcase_add_test(tc, a_chain_among_ours_is_told);
	tcase_add_test(tc, a_base_chain_of_another_version_stays_without_effect);
	return suite_run(tc);
}
