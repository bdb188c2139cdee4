/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two namespaces on one wire: the kernel of theirs answers what we ask, and what it says is heard: neighbour discovery by a packet
 * socket (_i 0), or from the log (1). */
#include "kern/arp.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "base/now.h"
#include "unit/kern/netns.h"
#include "unit/suite.h"

static const struct mac us = { { 2, 0, 0, 0, 0x99, 1 } }, them = { { 2, 0, 0, 0, 0x99, 2 } };
static struct netns_pair pair;
static struct arp *a;

enum { GROUP = 322 };
static const char rules[] =
	"table inet t {\n"
	"	chain in { type filter hook input priority -12; meta nfproto ipv6 meta l4proto ipv6-icmp ip6 hoplimit 255 "
	"icmpv6 type { 133, 135, 136 } log group 322 accept; }\n"
	"}\n";

static void site(bool logged)
{
	struct err e = { 0 };

	pair = netns_pair();
	if (logged)
		netns_nft(rules);
	ck_assert_msg(arp_new(logged ? GROUP : 0, &a, &e) == 0, "%s", e.msg);
}

static struct addr at(const char *s)
{
	struct addr x;

	ck_assert(addr_parse(s, &x));
	return x;
}

static void ask(const char *own, const struct mac *mac, const char *address)
{
	const struct addr o = at(own), x = at(address);
	struct err e = { 0 };

	ck_assert_msg(arp_ask(a, if_nametoindex("v0"), &us, &o, mac, &x, &e) == 0, "%s", e.msg);
}

/* Everything that was heard so far, also what the kernels say by themselves. */
static struct arp_sighting heard[256];
static size_t n_heard;

static bool was_heard(enum arp_kind kind, const char *address)
{
	const struct addr want = at(address);

	for (size_t i = 0; i < n_heard; i++)
		if (heard[i].kind == kind && addr_equal(&heard[i].addr, &want))
			return true;
	return false;
}

/* Is it heard within that time? */
static bool seen(enum arp_kind kind, const char *address, int ms)
{
	const int64_t until = now_mono_ns() + ms * NOW_NS_PER_MS;
	struct err e = { 0 };

	for (;;) {
		struct pollfd p[] = { { .fd = arp_fd4(a), .events = POLLIN }, { .fd = arp_fd6(a), .events = POLLIN } };
		const int n = arp_receive(a, heard + n_heard, 256 - n_heard, &e);

		ck_assert_msg(n >= 0, "%s", e.msg);
		for (int i = 0; i < n; i++, n_heard++) {
			ck_assert_uint_eq(heard[n_heard].ifindex, if_nametoindex("v0"));
			ck_assert(addr_mac_equal(&heard[n_heard].mac, &them));
		}
		if (was_heard(kind, address) || now_mono_ns() >= until)
			return was_heard(kind, address);
		poll(p, 2, 10);
	}
}

START_TEST(test_answers)
{
	site(_i);
	ask("10.99.0.1", &them, "10.99.0.2");
	ck_assert(seen(ARP_ANSWER, "10.99.0.2", 2000));
	n_heard = 0;
	ask("0.0.0.0", &them, "10.99.0.2");
	ck_assert(seen(ARP_ANSWER, "10.99.0.2", 2000));
	ask("fd99::1", &them, "fd99::2");
	ck_assert(seen(ARP_ANSWER, "fd99::2", 2000));
	ck_assert_uint_eq(arp_counts_of(a)->sent, 3);
	ck_assert_uint_eq(arp_counts_of(a)->malformed, 0);
	ck_assert_uint_eq(arp_counts_of(a)->contradictory, 0);
	arp_free(a);
}
END_TEST

/* An address that is not theirs, and a MAC that nobody has. */
START_TEST(test_silence)
{
	const struct mac other = { { 2, 0, 0, 0, 0x99, 3 } };

	site(_i);
	ask("10.99.0.1", &them, "10.99.0.3");
	ask("10.99.0.1", &other, "10.99.0.2");
	ask("fd99::1", &other, "fd99::2");
	ask("fd99::1", &them, "fd99::3");
	ck_assert(!seen(ARP_ANSWER, "10.99.0.2", 200));
	ck_assert(!seen(ARP_ANSWER, "10.99.0.3", 0));
	ck_assert(!seen(ARP_ANSWER, "fd99::2", 0));
	arp_free(a);
}
END_TEST

static void send6(const char *address)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(NETNS_PORT) };
	const int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(inet_pton(AF_INET6, address, &to.sin6_addr), 1);
	ck_assert_int_eq(sendto(fd, address, 1, 0, (const struct sockaddr *)&to, sizeof(to)), 1);
	close(fd);
}

/* What they say by themselves. */
START_TEST(test_overheard)
{
	site(_i);
	netns_go(pair.theirs);
	netns_send("10.99.0.77", 1, 20);
	netns_go(pair.ours);
	ck_assert(seen(ARP_CLAIM, "10.99.0.2", 2000));
	netns_go(pair.theirs);
	netns_ip("address add fd99::7/64 dev v1");
	netns_go(pair.ours);
	/* To a group that we are not in: the packet socket alone hears that. */
	ck_assert(_i || seen(ARP_PROBE, "fd99::7", 5000));
	netns_go(pair.theirs);
	send6("fd99::1");
	netns_go(pair.ours);
	ck_assert(seen(ARP_CLAIM, "fd99::2", 2000));
	arp_free(a);
}
END_TEST

/* Opened once with the right to; used without. */
START_TEST(test_without_rights)
{
	struct err e = { 0 };
	struct arp *b;

	site(_i);
	ck_assert_int_eq(setuid(65534), 0);
	ask("10.99.0.1", &them, "10.99.0.2");
	ck_assert(seen(ARP_ANSWER, "10.99.0.2", 2000));
	ask("fd99::1", &them, "fd99::2");
	ck_assert(seen(ARP_ANSWER, "fd99::2", 2000));
	ck_assert_int_eq(arp_new(0, &b, &e), -1);
	ck_assert_int_eq(e.code, EPERM);
	arp_free(a);
}
END_TEST

/* A frame of theirs, byte by byte. */
static void say(const uint8_t *frame, size_t len)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
	int fd;

	netns_go(pair.theirs);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	to.sll_ifindex = (int)if_nametoindex("v1");
	ck_assert_int_eq(sendto(fd, frame, len, 0, (const struct sockaddr *)&to, sizeof(to)), (ssize_t)len);
	close(fd);
	netns_go(pair.ours);
}

/* A question of theirs, as it should be: a claim of own. */
static void ask_by(const struct addr *own, const struct addr *other)
{
	uint8_t frame[160];

	say(frame, arp_request(frame, &them, own, &us, other));
}

/* Frames that the filter must not let through, each followed by one that it must. */
START_TEST(test_filter)
{
	const struct addr own4 = at("10.99.0.2"), other4 = at("10.99.0.9");
	const struct addr own6 = at("fd99::2"), other6 = at("fd99::9"), ours6 = at("fd99::1");
	const struct mac other = { { 2, 0, 0, 0, 0x99, 3 } };
	const uint8_t tag[] = { 0x81, 0, 0, 5 };
	uint8_t frame[160];
	size_t len;

	site(_i);
	/* to somebody else, as seen by an interface in promiscuous mode */
	netns_ip("link set v0 promisc on");
	len = arp_request(frame, &them, &other4, &other, &own4);
	say(frame, len);
	len = arp_request(frame, &them, &other6, &other, &ours6);
	say(frame, len);
	/* of a VLAN that we have no interface of */
	len = arp_request(frame, &them, &other4, &us, &own4);
	memmove(frame + 16, frame + 12, len - 12);
	memcpy(frame + 12, tag, sizeof(tag));
	say(frame, len + sizeof(tag));
	/* forwarded; no neighbour discovery */
	len = arp_request(frame, &them, &other6, &us, &ours6);
	frame[21] = 254;
	say(frame, len);
	frame[21] = 255;
	frame[54] = 133;
	if (!_i)
		say(frame, len);
	frame[54] = 137;
	say(frame, len);
	frame[54] = 135;
	frame[20] = 17;
	say(frame, len);
	ask_by(&own4, &other4);
	ask_by(&own6, &ours6);
	ck_assert(seen(ARP_CLAIM, "10.99.0.2", 2000));
	ck_assert(seen(ARP_CLAIM, "fd99::2", 2000));
	ck_assert(!was_heard(ARP_CLAIM, "10.99.0.9"));
	ck_assert(!was_heard(ARP_CLAIM, "fd99::9"));
	ck_assert_uint_eq(arp_counts_of(a)->malformed, 0);
	arp_free(a);
}
END_TEST

/* A MAC inside that is not the frame's; a frame that ends too soon. */
START_TEST(test_counted)
{
	const struct addr own4 = at("10.99.0.2"), other4 = at("10.99.0.9");
	uint8_t frame[160];
	size_t len;

	site(_i);
	len = arp_request(frame, &them, &other4, &us, &own4);
	frame[27] ^= 1;
	say(frame, len);
	frame[27] ^= 1;
	say(frame, 30);
	ask_by(&own4, &other4);
	ck_assert(seen(ARP_CLAIM, "10.99.0.2", 2000));
	ck_assert(!was_heard(ARP_CLAIM, "10.99.0.9"));
	ck_assert_uint_eq(arp_counts_of(a)->contradictory, 1);
	ck_assert_uint_eq(arp_counts_of(a)->malformed, 1);
	arp_free(a);
}
END_TEST

/* Who looks for a router is heard in the log. */
START_TEST(test_router_solicit)
{
	const struct addr own6 = at("fd99::2"), all = at("fd99::1");
	uint8_t frame[160];
	size_t len;

	site(true);
	len = arp_request(frame, &them, &own6, &us, &all);
	frame[54] = 133;
	memmove(frame + 62, frame + 78, len - 78);
	frame[19] -= 16;
	say(frame, len - 16);
	ck_assert(seen(ARP_CLAIM, "fd99::2", 2000));
	ck_assert_uint_eq(arp_counts_of(a)->malformed, 0);
	arp_free(a);
}
END_TEST

/* What the log could not keep is lost, counted, and no answer. */
START_TEST(test_lost)
{
	const struct addr own6 = at("fd99::2"), x = at("fd99::1");
	struct arp_sighting s[64];
	struct err e = { 0 };
	const int little = 1;
	unsigned got = 0;
	uint8_t frame[160];
	size_t len;
	int n;

	site(true);
	ck_assert_int_eq(setsockopt(arp_fd6(a), SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)), 0);
	len = arp_request(frame, &them, &own6, &us, &x);
	for (unsigned i = 0; i < 200; i++)
		say(frame, len);
	while ((n = arp_receive(a, s, 64, &e)) > 0)
		for (int i = 0; i < n; i++)
			got += s[i].addr.family == 6;
	ck_assert_msg(n == 0, "%s", e.msg);
	ck_assert_int_eq(setsockopt(arp_fd6(a), SOL_SOCKET, SO_RCVBUF, &(int){ 1 << 20 }, sizeof(int)), 0);
	say(frame, len);
	ck_assert(netns_wait(arp_fd6(a), 2000));
	while ((n = arp_receive(a, s, 64, &e)) > 0)
		for (int i = 0; i < n; i++)
			got += s[i].addr.family == 6;
	ck_assert_uint_gt(arp_counts_of(a)->lost, 0);
	ck_assert_uint_ge(got + arp_counts_of(a)->lost, 201);
	arp_free(a);
}
END_TEST

/* A flood on one socket does not keep the other from being heard. */
START_TEST(test_fair)
{
	const struct addr flood = at("10.99.0.9"), own = at("10.99.0.2"), ours6 = at("fd99::1"), want = at("fd99::9");
	struct arp_sighting s[8];
	struct err e = { 0 };
	uint8_t frame[160];
	bool six = false;
	size_t len;

	site(_i);
	len = arp_request(frame, &them, &flood, &us, &own);
	for (unsigned i = 0; i < 100; i++)
		say(frame, len);
	len = arp_request(frame, &them, &want, &us, &ours6);
	for (unsigned i = 0; i < 8; i++)
		say(frame, len);
	ck_assert(netns_wait(arp_fd6(a), 2000));
	ck_assert_int_eq(arp_receive(a, s, 8, &e), 8);
	for (unsigned i = 0; i < 8; i++)
		six = six || s[i].addr.family == 6;
	ck_assert(six);
	arp_free(a);
}
END_TEST

START_TEST(test_cannot)
{
	const struct addr own = at("10.99.0.1"), x = at("10.99.0.2"), six = at("fd99::2");
	struct err e = { 0 };

	site(_i);
	ck_assert_int_eq(arp_ask(a, 999, &us, &own, &them, &x, &e), -1);
	ck_assert_int_eq(e.code, ENXIO);
	ck_assert_int_eq(arp_ask(a, if_nametoindex("v0"), &us, &own, &them, &six, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "fd99::2"));
	netns_ip("link set v0 down");
	ck_assert_int_eq(arp_ask(a, if_nametoindex("v0"), &us, &own, &them, &x, &e), -1);
	ck_assert_uint_eq(arp_counts_of(a)->send_failed, 3);
	ck_assert_uint_eq(arp_counts_of(a)->sent, 0);
	netns_ip("link set v0 up");
	ck_assert_int_eq(arp_receive(a, &(struct arp_sighting){ 0 }, 0, &e), 0);
	arp_free(a);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("arp_live");

	if (netns_skip())
		return NETNS_SKIP;
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_answers, 0, 2);
	tcase_add_loop_test(tc, test_silence, 0, 2);
	tcase_add_loop_test(tc, test_overheard, 0, 2);
	tcase_add_loop_test(tc, test_without_rights, 0, 2);
	tcase_add_loop_test(tc, test_filter, 0, 2);
	tcase_add_loop_test(tc, test_counted, 0, 2);
	tcase_add_loop_test(tc, test_fair, 0, 2);
	tcase_add_test(tc, test_router_solicit);
	tcase_add_test(tc, test_lost);
	tcase_add_loop_test(tc, test_cannot, 0, 2);
	return suite_run(tc);
}
