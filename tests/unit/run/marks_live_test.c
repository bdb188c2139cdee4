/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In a generation that lives on, flows with an address whose holder changes lose our mark, however the change reaches the kernel:
 * who was nobody when it was opened to may turn out to be restricted, and must not ride on. */
#include <arpa/inet.h>

#include "ident/ident.h"
#include "run/judge.h"
#include "unit/kern/heard.h"
#include "unit/run/site.h"
#include "unit/suite.h"

static struct ident *ident;

/* Flows of the firewall itself, marked behind our table as if it had allowed them. */
static const char marks[] =
	"nft 'add table ip other; add chain ip other c { type filter hook output priority 100; }; "
	"add rule ip other c udp dport 7 ct mark set 0x15000000'";
static const char policy[] =
	"version: 1\nrevision: r1\nsite: { name: marks }\nmode: enforce\npacks: [uk-nil]\nzones:\n"
	"  cctv: { interfaces: [cam0], networks: [10.20.0.0/16], guarded: true }\n"
	"  core: { interfaces: [core0], networks: [10.1.0.0/16] }\n"
	"groups:\n  restricted: { packs: [uk-nil] }\n"
	"restrict:\n  - { id: isolated, group: restricted, severity: high, reason: no }\ndefault: drop\n";

static void begin(void)
{
	site_begin("ip link add cam0 type veth peer name core0; ip link set lo up; ip addr add 10.20.0.9/32 dev lo; "
		   "ip addr add 10.20.0.10/32 dev lo");
	ident = ident_new(NULL, 7);
	ck_assert_ptr_nonnull(ident);
	reload_learn(reload, ident);
	site_policy(policy);
	site_load();
	ck_assert_int_eq(space_run(NULL, marks), 0);
}

static void end(void)
{
	site_end();
	ident_free(ident);
}

static void flow_to(const char *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7) };
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(inet_pton(AF_INET, address, &to.sin_addr), 1);
	ck_assert_int_eq(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	close(fd);
}

static bool is_marked(const char *address)
{
	FILE *f = fopen("/proc/net/nf_conntrack", "re");
	char line[512], want[40];
	bool marked = false;

	ck_assert_ptr_nonnull(f);
	snprintf(want, sizeof(want), "dst=%s ", address);
	while (fgets(line, sizeof(line), f))
		marked |= strstr(line, want) && strstr(line, "mark=352321536");
	fclose(f);
	return marked;
}

static void learn(const char *mac, const char *address)
{
	const int64_t now = now_wall_ns();
	struct ident_probe p;
	struct addr a;
	struct mac m;

	ck_assert(addr_mac_parse(mac, &m) && addr_parse(address, &a));
	ident_claim(ident, "cam0", &m, &a, now);
	while (ident_next_probe(ident, now, &p))
		ident_answered(ident, p.iface, &p.mac, &p.addr, now);
}

START_TEST(who_was_nobody_is_not_ridden_to)
{
	flow_to("10.20.0.9");
	flow_to("10.20.0.10");
	ck_assert(is_marked("10.20.0.9") && is_marked("10.20.0.10"));
	learn("44:19:b6:00:00:01", "10.20.0.9");
	ck_assert_msg(reload_who(reload, &e) == 0, "%s", e.msg);
	ck_assert(!is_marked("10.20.0.9"));
	ck_assert(is_marked("10.20.0.10"));
}
END_TEST

START_TEST(a_whole_table_does_so_too)
{
	struct judge *j;

	flow_to("10.20.0.9");
	flow_to("10.20.0.10");
	learn("44:19:b6:00:00:01", "10.20.0.9");
	j = judge_who(publish_current(publish), ident, &e);
	ck_assert(j && publish_swap(publish, j, true));
	ck_assert_msg(fence_send(fence, j, reload_ifaces(reload), false, &e) == 0, "%s", e.msg);
	ck_assert(!is_marked("10.20.0.9"));
	ck_assert(is_marked("10.20.0.10"));
}
END_TEST

/* Who is learnt, moves or is found to be restricted is told to the kernel as that device's elements: in the sets of who is there and
 * of its class, and in the fence's. */
START_TEST(whoever_else_is_there_is_not_touched)
{
	char mac[20], address[20];
	AUTO(nl) watch = NULL;

	for (unsigned i = 0; i < 50; i++) {
		snprintf(mac, sizeof(mac), "ac:cc:8e:00:00:%02x", i);
		snprintf(address, sizeof(address), "10.20.1.%u", i + 1);
		learn(mac, address);
	}
	ck_assert_msg(reload_who(reload, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(nl_open(NL_NETFILTER, table_watch_groups, &watch, &e), 0);
	learn("ac:cc:8e:00:01:01", "10.20.2.1");
	ck_assert_msg(reload_who(reload, &e) == 0, "%s", e.msg);
	heard_is(watch, 4, 0);
	ident_add_evidence(ident, &(struct mac){ { 0xac, 0xcc, 0x8e, 0, 1, 1 } }, "sadp", "a reply", IDENT_PROTOCOL, "hikvision", now_wall_ns());
	ck_assert_msg(reload_who(reload, &e) == 0, "%s", e.msg);
	heard_is(watch, 4, 4);
	ck_assert_msg(site_drift() == 0, "%s", buf_cstr(&said));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("marks-live");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, who_was_nobody_is_not_ridden_to);
	tcase_add_test(tc, a_whole_table_does_so_too);
	tcase_add_test(tc, whoever_else_is_there_is_not_touched);
	return suite_run(tc);
}
