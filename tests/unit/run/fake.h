/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small policy and its judge, for the tests of run/. */
#ifndef TESTS_RUN_FAKE_H
#define TESTS_RUN_FAKE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/now.h"
#include "policy/policy.h"
#include "run/judge.h"
#include "run/paths.h"

#define FAKE_BEFORE_RULES \
	"version: 1\n" \
	"revision: fake 1\n" \
	"site: { name: fake, sensitivity: sensitive, timezone: Europe/London }\n" \
	"mode: enforce\n" \
	"packs: [uk-nil]\n" \
	"zones:\n" \
	"  cctv: { interfaces: [cam0], networks: [10.20.0.0/16], guarded: true }\n" \
	"  core: { interfaces: [core0], networks: [10.1.0.0/16] }\n" \
	"devices:\n" \
	"  - { name: cam, macs: [\"ac:cc:8e:00:00:01\"], addresses: [10.20.0.5], maker: axis }\n" \
	"  - { name: bad, macs: [\"44:19:b6:00:00:01\"], addresses: [10.20.0.6], maker: hikvision }\n" \
	"groups:\n" \
	"  restricted: { packs: [uk-nil] }\n" \
	"hosts:\n" \
	"  vms: { networks: [10.1.5.10] }\n" \
	"restrict:\n" \
	"  - { id: isolated, group: restricted, severity: high, reason: not to be connected }\n" \
	"rules:\n"

#define FAKE_POLICY FAKE_BEFORE_RULES \
	"  - { id: try-web, from: cctv, to: vms, services: [tcp/80], action: allow, observe: true }\n" \
	"  - { id: rtp, from: cctv, to: vms, services: [udp/5000-5999], action: allow }\n" \
	"default: drop\n"

static inline struct judge *fake_judge(const char *text)
{
	struct paths_data store;
	const char *data = getenv("RINGFENCE_DATA");
	const struct policy_paths paths = paths_policy(data ? data : "rules", &store);
	struct diag *d = diag_new();
	struct policy *p = policy_load_text("fake.yaml", text, strlen(text), NULL, &paths, now_wall_ns(), d);
	static const struct flow_ifpair pairs[] = { { 7, 0 }, { 8, 1 } };      /* cam0, core0 */
	struct err e = { 0 };
	struct judge *j;
	struct buf b;

	buf_init(&b);
	diag_text(d, false, &b);
	ck_assert_msg(p, "%s", buf_cstr(&b));
	buf_fini(&b);
	diag_free(d);
	j = judge_new(p, NULL, now_wall_ns(), &e);
	ck_assert_msg(j, "%s", e.msg);
	ck_assert_int_eq(judge_interfaces(j, pairs, 2, &e), 0);
	j->generation = 5;
	return j;
}

static inline struct pkt fake_packet(const char *mac, const char *src, const char *dst, uint8_t proto, uint16_t dport)
{
	struct pkt p = { .iif = 7, .oif = 8, .bytes = 100, .proto = proto, .has_ports = 1, .sport = 4000, .dport = dport,
			 .has_smac = 1, .hook = PKT_FORWARD, .when_ns = 1000, .mark = 0xfe00cafe };

	ck_assert(addr_mac_parse(mac, &p.smac) && addr_parse(src, &p.src) && addr_parse(dst, &p.dst));
	return p;
}

#define CAM_MAC "ac:cc:8e:00:00:01"
#define BAD_MAC "44:19:b6:00:00:01"

#endif
