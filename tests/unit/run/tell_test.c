/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Senders behind one MAC of an open interface: told apart while there is room, then counted together under no name; and no
 * other MAC takes a router's room. */
#include "run/tell.h"

#include <netinet/in.h>

#include "base/digest.h"
#include "run/hit.h"
#include "unit/run/fake.h"
#include "unit/suite.h"

enum { ROOM = 256, MONO = 1000 };

static struct judge *judge;
static struct tell *tell;
static unsigned named, nameless;
static uint64_t packets, counted_nameless;

static void emit(void *arg, const struct event *ev)
{
	(void)arg;
	ck_assert_int_eq(ev->kind, EVENT_BLOCKED);
	ck_assert(ev->from.has_mac && strcmp(ev->from.zone, "core") == 0);
	packets += ev->packets;
	if (ev->from.addr.family) {
		named++;
		return;
	}
	nameless++;
	counted_nameless += ev->packets;
	ck_assert(!ev->from.has_port && !ev->community_id && !ev->from.device_name);
	ck_assert_str_eq(ev->from.iface, "core0");
}

static void setup(void)
{
	judge = fake_judge(FAKE_POLICY);
	tell = calloc(1, sizeof(*tell));
	ck_assert_ptr_nonnull(tell);
	tell_init(tell, merge_new(&(struct merge_config){ 0 }, emit, NULL));
	ck_assert_ptr_nonnull(tell->merge);
}

static void teardown(void)
{
	merge_free(tell->merge);
	free(tell);
	judge_free(judge);
}

/* From the open side to the camera. */
static void sends(const struct mac *mac, unsigned sender)
{
	struct hit h = { .judge = judge, .pkt = fake_packet(CAM_MAC, "10.1.0.0", "10.20.0.5", IPPROTO_TCP, 23) };
	struct flow f;

	h.pkt.smac = *mac;
	h.pkt.iif = 8;
	h.pkt.oif = 7;
	h.pkt.src.b[2] = (uint8_t)(sender >> 8);
	h.pkt.src.b[3] = (uint8_t)sender;
	flow_of_pkt(&h.pkt, &judge->ifmap, judge->who, &f);
	h.verdict = prog_eval(judge->prog, &f, NULL);
	tell_hit(tell, &h, MONO);
}

START_TEST(who_has_no_room_is_not_named)
{
	const struct mac router = { { 0x02, 0, 0, 0, 0, 1 } };

	for (unsigned i = 0; i < 400; i++)
		sends(&router, i);
	ck_assert_uint_eq(named, ROOM);
	ck_assert_uint_eq(nameless, 1);
	merge_flush(tell->merge, true);
	ck_assert_uint_eq(nameless, 2);
	ck_assert_uint_eq(counted_nameless, 400 - ROOM);
	ck_assert_uint_eq(packets, 400);
}
END_TEST

/* MACs of one room, should the seed be known: 0, 1 or whatever a fixed one would be. */
START_TEST(nobody_can_choose_a_routers_room)
{
	const struct mac router = { { 0x02, 0, 0, 0, 0, 1 } };
	const uint64_t seed = (uint64_t)_i, room = digest_hash64(&router, sizeof(router), seed) % TELL_ROOMS;
	struct mac mac = { { 0x06 } };

	for (unsigned i = 0, found = 0; found < 400; i++) {
		mac.b[3] = (uint8_t)(i >> 16);
		mac.b[4] = (uint8_t)(i >> 8);
		mac.b[5] = (uint8_t)i;
		if (digest_hash64(&mac, sizeof(mac), seed) % TELL_ROOMS != room)
			continue;
		sends(&mac, found++);
	}
	sends(&router, 1000);
	ck_assert_uint_eq(named, 401);
	ck_assert_uint_eq(nameless, 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("tell");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, who_has_no_room_is_not_named);
	tcase_add_loop_test(t, nobody_can_choose_a_routers_room, 0, 2);
	return suite_run(t);
}
