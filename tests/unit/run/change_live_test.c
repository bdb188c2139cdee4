/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Thousands of random changes (devices learnt, moved, contradicted by evidence and forgotten, entries that begin and end, other
 * policies, pages turned, interfaces that come and go) through reload and fence, in a kernel: after each one the kernel's table is
 * what the judge in force says, made from nothing.  CHANGES: how many; SEED: which. */
#include <time.h>

#include "ident/ident.h"
#include "unit/run/site.h"
#include "unit/suite.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CHANGES = 300 };
#else
enum { CHANGES = 2000 };
#endif
enum { MACS = 60, ADDRS = 200, LINKS = 4 };

static uint64_t state;
static int64_t now;                     /* as reload sees it */
static struct ident *ident;
static bool link_there[LINKS];

static uint32_t below(uint32_t n)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(state >> 33) % n;
}

static bool maybe(uint32_t percent)
{
	return below(100) < percent;
}

/* ---- a policy ---- */

static void some(struct buf *b, uint32_t percent, const char *line)
{
	if (maybe(percent))
		buf_str(b, line);
}

static void entry(struct buf *b, const char *id, const char *services)
{
	const uint32_t first = below(300);
	char from[16], to[16];
	time_t t = (time_t)(now / NOW_NS_PER_S) + (time_t)first * 86400;

	strftime(from, sizeof(from), "%Y-%m-%d", gmtime(&t));
	t += (time_t)(1 + below(60)) * 86400;
	strftime(to, sizeof(to), "%Y-%m-%d", gmtime(&t));
	buf_printf(b, "  - { id: %s, from: core, to: %s, services: [%s], starts: %s, expires: %s, owner: o, ticket: t, reason: r }\n",
		   id, maybe(50) ? "restricted" : "cctv", services, from, to);
}

static void write_policy(void)
{
	struct buf b;

	buf_init(&b);
	buf_printf(&b, "version: 1\nrevision: r%u\nsite: { name: change }\nmode: %s\npacks: [uk-nil]\nzones:\n", below(1000),
		   maybe(85) ? "enforce" : "observe");
	buf_printf(&b, "  cctv: { interfaces: [cam0], networks: [10.20.0.0/16, \"fd00:20::/64\"], guarded: true%s%s }\n",
		   maybe(30) ? ", unknown: rules" : "", maybe(20) ? ", mode: observe" : "");
	buf_printf(&b, "  lab: { interfaces: [cam1], networks: [10.30.0.0/16], guarded: %s%s%s }\n",
		   maybe(70) ? "true" : "restricted", maybe(40) ? ", routed: true" : "", maybe(30) ? ", dhcp: true" : "");
	buf_str(&b, "  core: { interfaces: [core0], networks: [10.1.0.0/16, \"fd00:1::/64\"] }\n");
	some(&b, 40, "  far: { networks: [10.40.0.0/24], guarded: true }\n");
	buf_str(&b, "devices:\n  - { name: cam, macs: [\"ac:cc:8e:00:00:01\"], addresses: [10.20.0.5], maker: axis }\n");
	some(&b, 50, "  - { name: bad, macs: [\"44:19:b6:00:00:01\"], addresses: [10.20.0.6], maker: hikvision }\n");
	some(&b, 50, "  - { name: six, macs: [\"ac:cc:8e:00:00:02\"], addresses: [\"fd00:20::5\"] }\n");
	some(&b, 50, "  - { name: lab1, macs: [\"00:1a:07:00:00:01\"], addresses: [10.30.0.5] }\n");
	buf_str(&b, "groups:\n  restricted: { packs: [uk-nil] }\nhosts:\n  vms: { networks: [10.1.5.10, \"fd00:1::10\"] }\n");
	buf_str(&b, "exceptions:\n");
	entry(&b, "x1", "tcp/8000");
	entry(&b, "x2", "udp/9000-9100");
	buf_str(&b, "restrict:\n  - { id: isolated, group: restricted, severity: high, reason: no }\nrules:\n");
	buf_str(&b, "  - { id: rtp, from: cctv, to: vms, services: [udp/5000-5999], action: allow }\n");
	some(&b, 50, "  - { id: pull, from: vms, to: cctv, services: [tcp/554, tcp/443], action: allow }\n");
	some(&b, 50, "  - { id: try, from: cctv, to: core, services: any, action: allow, observe: true }\n");
	some(&b, 50, "  - { id: one, from: cam, to: core, services: [tcp/25, icmp/echo-request], action: allow }\n");
	some(&b, 50, "  - { id: no, from: lab, to: vms, services: [udp/123], action: drop }\n");
	some(&b, 50, "  - { id: lab, from: lab, to: vms, services: [udp/1-1000], action: allow }\n");
	buf_printf(&b, "default: %s\n", maybe(80) ? "drop" : "reject");
	site_policy(buf_cstr(&b));
	buf_fini(&b);
}

static void load(void)
{
	write_policy();
	site_load();
}

/* ---- changes ---- */

static struct mac a_mac(void)
{
	static const char *const makers[] = { "ac:cc:8e:00:00:00", "44:19:b6:00:00:00", "02:00:00:00:00:00", "00:1a:07:00:00:00" };
	struct mac m;

	ck_assert(addr_mac_parse(makers[below(4)], &m));
	m.b[5] = (uint8_t)below(MACS);
	return m;
}

static struct addr an_addr(void)
{
	char text[40];
	struct addr a;

	snprintf(text, sizeof(text), maybe(40) ? "fd00:20::%x" : maybe(70) ? "10.20.0.%u" : "10.30.0.%u", below(ADDRS) + 1);
	ck_assert(addr_parse(text, &a));
	return a;
}

static void answer_probes(uint32_t percent)
{
	struct ident_probe p;

	for (unsigned i = 0; i < 500 && ident_next_probe(ident, now, &p); i++) {
		if (maybe(percent))
			ident_answered(ident, p.iface, &p.mac, &p.addr, now);
		now += NOW_NS_PER_S / 10;
	}
}

static void learn(void)
{
	for (uint32_t i = below(4) + 1; i > 0; i--) {
		const struct mac m = a_mac();
		const struct addr a = an_addr();

		ident_claim(ident, maybe(75) ? "cam0" : "cam1", &m, &a, now);
	}
	answer_probes(80);
}

/* Who held the address is silent now. */
static void move(void)
{
	learn();
	for (unsigned i = 0; i < 20; i++) {
		now += 2 * NOW_NS_PER_S;
		answer_probes(30);
	}
}

static void restrict_one(void)
{
	const struct mac m = a_mac();

	ident_add_evidence(ident, &m, "sadp", "a reply", IDENT_PROTOCOL, "hikvision", now);
}

static void forget(void)
{
	now += ident_defaults.forget_ns / 20;
	for (unsigned i = 0; i < 64; i++)
		ident_tick(ident, now);
}

static void time_passes(void)
{
	const struct judge *j = publish_current(publish);
	const int64_t next = policy_next_change(j->policy, j->at_ns);

	if (next == INT64_MAX)
		return;
	now = next > now ? next : now;
	reload_not_before(reload, now);
	ck_assert_msg(reload_time(reload, &e) == 0, "%s", e.msg);
}

static void turn(void)
{
	struct table_ledger l;
	bool turned;

	ck_assert_msg(fence_turn(fence, &turned, &e) == 0, "%s", e.msg);
	ck_assert_msg(fence_collect(fence, &l, &e) == 0, "%s", e.msg);
	table_ledger_free(&l);
	publish_page_collected(publish);
}

static void ignore(enum link_change c, const struct link_iface *old, const struct link_iface *is, void *arg)
{
	(void)c, (void)old, (void)is, (void)arg;
}

static void plug(void)
{
	static const char *const add[] = { "ip link add o0 type bridge", "ip link add link cam0 name v0 type macvlan",
					   "ip link add cam1 type veth peer name p1", "ip link add o1 type bridge" };
	static const char *const del[] = { "ip link del o0", "ip link del v0", "ip link del cam1", "ip link del o1" };
	const uint32_t i = below(LINKS);

	ck_assert_int_eq(space_run(NULL, link_there[i] ? del[i] : add[i]), 0);
	link_there[i] = !link_there[i];
	ck_assert_msg(link_read(links, ignore, NULL, &e) == 0, "%s", e.msg);
	ck_assert_msg(reload_links(reload, &e) == 0, "%s", e.msg);
}

static void restore(void)
{
	ck_assert_msg(fence_restore(fence, &e) == 0, "%s", e.msg);
}

static const struct { const char *name; void (*does)(void); uint32_t share; } kinds[] = {
	{ "learnt", learn, 30 }, { "moved", move, 20 }, { "restricted", restrict_one, 15 }, { "forgotten", forget, 6 },
	{ "time", time_passes, 8 }, { "policy", load, 10 }, { "page", turn, 6 }, { "link", plug, 3 }, { "restored", restore, 2 },
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static size_t any_kind(void)
{
	uint32_t n = below(100);
	size_t k = 0;

	while (n >= kinds[k].share)
		n -= kinds[k++].share;
	return k;
}

/* ---- the test ---- */

static void equal(unsigned change, const char *kind)
{
	size_t n = 0, m = 0;

	buf_reset(&said);
	ck_assert_msg(fence_verify(fence, &said, &n, &e) == 0, "%s", e.msg);
	ck_assert_msg(fence_agrees(fence, publish_current(publish), reload_ifaces(reload), &said, &m, &e) == 0, "%s", e.msg);
	ck_assert_msg(n + m == 0, "change %u (%s): %zu and %zu differences:\n%.800s", change, kind, n, m, buf_cstr(&said));
}

static void view(void)
{
	static uint64_t seen;
	struct ident_fact f;

	while (ident_next_fact(ident, &f))
		;
	if (ident_version(ident) == seen)
		return;
	ck_assert_msg(reload_who(reload, &e) == 0, "%s", e.msg);
	seen = ident_version(ident);
}

START_TEST(the_table_is_what_the_judge_says)
{
	const char *changes = getenv("CHANGES"), *seed = getenv("SEED");
	const unsigned n = changes ? (unsigned)strtoul(changes, NULL, 10) : CHANGES;
	unsigned count[KINDS] = { 0 };
	size_t most = 0, bound[2] = { 0 };

	state = seed ? strtoull(seed, NULL, 10) : (uint64_t)now_wall_ns();
	printf("# SEED=%llu\n", (unsigned long long)state);
	load();
	for (unsigned i = 0; i < n; i++) {
		const size_t k = any_kind();

		now += (int64_t)below(60) * NOW_NS_PER_S;
		kinds[k].does();
		view();
		publish_tick(publish);
		count[k]++;
		if (fence_input(fence)->n_bindings > most)
			most = fence_input(fence)->n_bindings;
		for (size_t b = 0; b < fence_input(fence)->n_bindings; b++)
			bound[fence_input(fence)->bindings[b].addr.family == 6]++;
		equal(i, kinds[k].name);
	}
	for (size_t k = 0; k < KINDS; k++)
		ck_assert_msg(printf("# %s %u\n", kinds[k].name, count[k]) > 0 && count[k], "none %s", kinds[k].name);
	printf("# at most %zu bindings, generation %u\n", most, publish_current(publish)->generation);
	ck_assert(most > 20 && bound[0] && bound[1]);
}
END_TEST

/* One that is not told of shows. */
START_TEST(a_forgotten_change_is_seen)
{
	const struct judge *j;
	const struct mac m = a_mac();
	struct addr a;
	struct judge *next;
	size_t n = 0;

	state = 1;
	load();
	ck_assert(addr_parse("10.20.77.77", &a));
	ident_claim(ident, "cam0", &m, &a, now);
	answer_probes(100);
	j = publish_current(publish);
	next = judge_who(j, ident, &e);
	ck_assert_ptr_nonnull(next);
	buf_reset(&said);
	ck_assert_int_eq(fence_agrees(fence, next, reload_ifaces(reload), &said, &n, &e), 0);
	ck_assert_uint_gt(n, 0);
	ck_assert_int_eq(fence_verify(fence, &said, &n, &e), 0);
	ck_assert_uint_eq(n, 0);
	judge_free(next);
}
END_TEST

static void begin(void)
{
	site_begin("ip link add cam0 type veth peer name core0");
	now = now_wall_ns();
	ident = ident_new(NULL, 7);
	ck_assert_ptr_nonnull(ident);
	reload_learn(reload, ident);
}

static void end(void)
{
	site_end();
	ident_free(ident);
}

int main(void)
{
	TCase *tc = tcase_create("change-live");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, 600);
	tcase_add_test(tc, the_table_is_what_the_judge_says);
	tcase_add_test(tc, a_forgotten_change_is_seen);
	return suite_run(tc);
}
