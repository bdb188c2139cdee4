/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other kinds of links: an interface without MACs (tun), networks behind a router, a tunnel on the open side; and what is heard of
 * neighbours. */
#include "unit/kern/site.h"

#include <sys/ioctl.h>

#include <linux/if_tun.h>

#include "kern/arp.h"
#include "unit/suite.h"

/* A tun interface in our namespace, up, with 10.50.0.1/24; -1: this kernel has none. */
static int tun_open(void)
{
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	strncpy(r.ifr_name, "tun0", sizeof(r.ifr_name) - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0) {
		printf("# no tun here: %s\n", strerror(errno));
		return -1;
	}
	site_sh("sysctl -qw net.ipv6.conf.tun0.disable_ipv6=1 net.ipv4.conf.tun0.rp_filter=0; ip addr add 10.50.0.1/24 dev tun0;"
		"ip link set tun0 up");
	return fd;
}

static void tun_send(int fd, const struct wire_frame *f, unsigned times)
{
	uint8_t frame[2048];
	size_t n = wire_make(f, frame);

	while (times--)
		ck_assert_int_eq(write(fd, frame + 14, n - 14), (ssize_t)n - 14);
}

static unsigned tun_count(int fd, uint16_t dport)
{
	uint8_t b[2048];
	unsigned n = 0;

	while (read(fd, b, sizeof(b)) > 0)
		n += b[9] == 17 && (b[22] << 8 | b[23]) == dport;
	return n;
}

static const struct wire_frame tunneled = {
	.smac = SITE_CAM, .dmac = SITE_FW, .src = "10.50.0.2", .dst = "10.1.0.2", .proto = 17, .sport = 4000, .dport = 5001, .payload = 18,
};

static void with_tun(enum table_role role, bool binding)
{
	static struct table_iface ifaces[3];
	static struct table_range guarded[3];

	memcpy(ifaces, site.ifaces, sizeof(site.ifaces));
	memcpy(guarded, site.guarded, sizeof(site.guarded));
	ifaces[2] = (struct table_iface){ .name = "tun0", .role = role, .l3 = true };
	guarded[2] = example_range("10.50.0.0", "10.50.0.255");
	site.in.ifaces = ifaces;
	site.in.n_ifaces = 3;
	site.in.guarded = guarded;
	site.in.n_guarded = role == TABLE_GUARDED ? 3 : 2;
	site.bindings[3] = (struct table_binding){ .iface = 2, .addr = example_addr("10.50.0.2"), .cls = TABLE_KNOWN };
	site.in.n_bindings = binding ? 4 : 3;
	site_load();
}

START_TEST(judges_a_guarded_interface_without_macs)
{
	struct wire_frame f = tunneled;
	int fd = tun_open();

	if (fd < 0)
		return;
	with_tun(TABLE_GUARDED, true);
	tun_send(fd, &f, 3);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 3);
	ck_assert(!site.last.has_mac);
	tun_send(fd, &f, 2);                            /* no MAC, no memory: every packet is judged */
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 2);
	ck_assert_uint_eq(site_counter(TABLE_C_POST_DENIED_ONCE), 5);
	tun_send(fd, &f, 1);
	site_answer(site_mark(TABLE_ALLOW));
	tun_send(fd, &f, 10);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 0);
	ck_assert_uint_eq(at_core(&f), 11);
	f.src = "10.50.0.9";
	tun_send(fd, &f, 2);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked_unknown, 2);
	close(fd);
}
END_TEST

/* One sender takes nothing of another, known or not. */
START_TEST(limits_it_by_address)
{
	struct wire_frame stranger = tunneled, other = tunneled;
	int fd = tun_open();

	if (fd < 0)
		return;
	site.in.rates.ask_per_s = 1;
	site.in.rates.ask_burst = 10;
	with_tun(TABLE_GUARDED, true);
	tun_send(fd, &tunneled, 30);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_ge(site.asked, 10);
	ck_assert_uint_le(site.asked, 12);
	ck_assert_uint_eq(site_counter(TABLE_C_FLOOD_UNKEYED), 30 - site.asked);
	site.bindings[3].addr = example_addr("10.50.0.3");
	site_load();
	other.src = "10.50.0.3";
	tun_send(fd, &other, 5);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 5);
	stranger.src = "10.50.0.8";
	tun_send(fd, &stranger, 80);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_ge(site.asked_unknown, 50);
	ck_assert_uint_le(site.asked_unknown, 60);
	stranger.src = "10.50.0.9";
	tun_send(fd, &stranger, 5);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked_unknown, 5);
	close(fd);
}
END_TEST

/* An operator behind a VPN on the open side may still look at a camera. */
START_TEST(asks_for_an_open_tunnel)
{
	struct wire_frame f = tunneled, answer = back;
	int fd = tun_open();

	if (fd < 0)
		return;
	with_tun(TABLE_OPEN, false);
	f.dst = "10.20.0.2";
	tun_send(fd, &f, 1);
	site_answer(site_mark(TABLE_ALLOW));
	ck_assert_uint_eq(site.asked, 1);
	tun_send(fd, &f, 5);
	answer.smac = SITE_CAM;
	answer.dmac = SITE_FW;
	answer.src = "10.20.0.2";
	answer.dst = "10.50.0.2";
	wire_send(&site.w_cam, &answer, 5);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked, 0);
	ck_assert_uint_eq(at_cam(&f), 6);
	ck_assert_uint_eq(tun_count(fd, 4000), 5);
	close(fd);
}
END_TEST

START_TEST(asks_for_networks_behind_a_router_by_address)
{
	struct table_range routed = example_range("10.21.0.0", "10.21.0.255");
	struct wire_frame f = video;

	site.ifaces[0].routed = &routed;
	site.ifaces[0].n_routed = 1;
	site_load();
	site_sh("ip route add 10.21.0.0/24 via 10.20.0.2");
	f.smac = "00:00:5e:00:53:77";
	f.src = "10.21.0.5";
	allow(&site.w_cam, &f);
	ck_assert_uint_eq(site.asked, 1);
	wire_send(&site.w_cam, &f, 200);                /* no meter for strangers, and the fast path */
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked + site.asked_unknown, 0);
	ck_assert_uint_eq(at_core(&f), 201);
	f.src = "10.22.0.5";
	wire_send(&site.w_cam, &f, 2);
	site_answer(site_mark(TABLE_DENY));
	ck_assert_uint_eq(site.asked_unknown, 2);
}
END_TEST

/* Which way a quoted packet went: the note says it (engine/flow.c). */
START_TEST(notes_the_direction_of_icmp_errors)
{
	struct wire_frame error = video;
	uint8_t quoted[2048];
	size_t n;

	allow(&site.w_cam, &video);
	wire_send(&site.w_core, &back, 1);
	site.in.generation = 2;
	site_load();
	n = wire_make(&back, quoted);                   /* the camera complains about an answer */
	error.proto = 1;
	error.quote = quoted + 14;
	error.quote_len = n - 14;
	wire_send(&site.w_cam, &error, 1);
	site_answer(site_mark(TABLE_DENY_ONCE));
	ck_assert_uint_eq(site.asked, 1);
	ck_assert_uint_eq(site.last.mark, 0xfe000000);
	n = wire_make(&video, quoted);                  /* the core complains about what the camera sent */
	error = back;
	error.proto = 1;
	error.quote = quoted + 14;
	error.quote_len = n - 14;
	wire_send(&site.w_core, &error, 1);
	site_answer(site_mark(TABLE_DENY_ONCE));
	ck_assert_uint_eq(site.asked, 1);
	ck_assert_uint_eq(site.last.mark, 0xff000000);
}
END_TEST

/* The MAC says that the address is its own. */
static void solicit(const char *mac, const char *addr, unsigned times)
{
	const struct addr own = example_addr(addr), fw = example_addr("fd00:20::1");
	struct mac from, to;
	uint8_t frame[128];
	size_t n;

	ck_assert(addr_mac_parse(mac, &from) && addr_mac_parse(SITE_FW, &to));
	n = arp_request(frame, &from, &own, &to, &fw);
	while (times--)
		while (send(site.w_cam.fd, frame, n, 0) < 0)
			ck_assert(errno == ENOBUFS || errno == EAGAIN);
}

/* From the camera. */
static unsigned heard_of(struct arp *a, const char *addr)
{
	const struct addr want = example_addr(addr);
	struct arp_sighting s[64];
	struct mac cam;
	unsigned n = 0;
	int got;

	ck_assert(addr_mac_parse(SITE_CAM, &cam));
	while ((got = arp_receive(a, s, 64, &site.e)) > 0)
		for (int i = 0; i < got; i++)
			n += addr_equal(&s[i].addr, &want) && addr_mac_equal(&s[i].mac, &cam);
	ck_assert_msg(got == 0, "%s", site.e.msg);
	return n;
}

/* Of neighbours, where zones enforce and where they observe.  In a flood that takes all of the interface's limit a verified one is
 * heard all the same: who outshouted it would make it seem silent, and take its address over.  A closed table tells nobody. */
START_TEST(hears_verified_neighbours_in_a_flood)
{
	struct arp *a = NULL;

	ck_assert_msg(arp_new(table_discovery_group(site.in.nflog_group), &a, &site.e) == 0, "%s", site.e.msg);
	for (unsigned i = 0; i < 2; i++) {
		site.ifaces[0].role = i ? TABLE_OBSERVED : TABLE_GUARDED;
		site_load();
		solicit(SITE_CAM, "fd00:20::5", 1);     /* one that it was not asked for yet */
		ck_assert_uint_eq(heard_of(a, "fd00:20::5"), 1);
		solicit(SITE_BAD, "fd00:20::3", 4000);
		for (unsigned n = 0; n < 20; n++) {
			solicit(SITE_BAD, "fd00:20::3", 100);
			solicit(SITE_CAM, "fd00:20::2", 1);
			solicit(SITE_BAD, "fd00:20::2", 1);
		}
		ck_assert_uint_eq(heard_of(a, "fd00:20::2"), 20);
	}
	site.ifaces[0].role = TABLE_GUARDED;
	site.in.closed = true;
	site_load();
	solicit(SITE_CAM, "fd00:20::2", 3);
	ck_assert_uint_eq(heard_of(a, "fd00:20::2"), 0);
	arp_free(a);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("traffic-link");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, site_begin, site_end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, judges_a_guarded_interface_without_macs);
	tcase_add_test(tc, limits_it_by_address);
	tcase_add_test(tc, asks_for_an_open_tunnel);
	tcase_add_test(tc, asks_for_networks_behind_a_router_by_address);
	tcase_add_test(tc, notes_the_direction_of_icmp_errors);
	tcase_add_test(tc, hears_verified_neighbours_in_a_flood);
	return suite_run(tc);
}
