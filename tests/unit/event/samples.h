/* SPDX-License-Identifier: GPL-2.0-or-later */
/* samples: one event of each kind, for tests of what stores, encodes and ships them. */
#ifndef TESTS_UNIT_EVENT_SAMPLES_H
#define TESTS_UNIT_EVENT_SAMPLES_H

#include <string.h>

#include "event/event.h"

#define SAMPLE_NS INT64_C(1795255200123456789)  /* 2026-11-21T10:00:00.123456789Z */

static inline void sample_ends(struct event *ev)
{
	ev->from = (struct event_end){
		.zone = "cctv", .zone_mode = "enforce", .iface = "eth1.20", .vlan = 20, .has_mac = true, .has_port = true,
		.mac = { { 0x44, 0x19, 0xb6, 0x01, 0x02, 0x03 } }, .addr = addr_v4(0x0a140407), .port = 49152, .device = 17,
		.device_name = "hall-cam-3", .maker = "hikvision", .cls = "restricted", .location = "B1, hall",
		.switch_port = "sw4 ge-0/0/7",
		.evidence = { "registry: Hangzhou Hikvision Digital Technology Co.,Ltd. (MA-L 44:19:b6)",
			      "protocol: SADP answer", "pinned: asset register" },
		.authority = "uk-nil: understood, 2022-11-24",
	};
	ev->to = (struct event_end){
		.zone = "core", .zone_mode = "enforce", .iface = "eth0", .has_port = true, .addr = addr_v4(0x0a010709), .port = 445,
	};
	ev->proto = 6;
	ev->tcp_flags = 2;
	ev->opener_is_from = true;
	ev->service = "tcp/445";
	ev->community_id = "1:LQU9qZlK+B5F3KDmev6m5PMibrg=";
	ev->packets = 1;
	ev->bytes = 60;
}

static inline void sample_names(struct event *ev)
{
	static const char *const names[] = { "dev.hik-connect.com", "litedev.hik-connect.com", "time.example.net" };

	ev->to.zone = "external";
	ev->summary = true;
	ev->packets = 41;
	ev->bytes = 3280;
	ev->domain = ev->tls_name = "dev.hik-connect.com";
	for (unsigned i = 0; i < 3; i++)
		ev->names[i] = names[i];
	ev->n_names = 3;
	ev->more_names = 7;
	ev->last_ns += INT64_C(59870000000);
}

static inline void sample_flow6(struct event *ev)
{
	static const uint8_t from[16] = { 0xfd, 0, 0, 0x20, [15] = 7 }, to[16] = { 0xfd, 0, 0, 1, [15] = 9 };

	ev->from.addr = addr_v6_net(from);
	ev->to.addr = addr_v6_net(to);
	ev->proto = 58;
	ev->icmp_type = 128;
	ev->from.has_port = ev->to.has_port = false;
	ev->from.port = ev->to.port = 0;
	ev->service = "icmp/echo-request";
}

/* What differs by kind. */
static inline void sample_kind(struct event *ev)
{
	switch (ev->kind) {
	case EVENT_BLOCKED:
		ev->action = EVENT_DROPPED;
		ev->technique = "T1021.002";
		break;
	case EVENT_WOULD_BLOCK:
		ev->action = EVENT_PASSED;
		ev->from.zone_mode = "observe";
		sample_names(ev);
		break;
	case EVENT_FLOOD:
		ev->action = EVENT_DROPPED;
		ev->packets = 250000;
		ev->bytes = 15000000;
		break;
	case EVENT_SCAN: case EVENT_WOULD_ALLOW:
		ev->action = EVENT_DROPPED;
		sample_flow6(ev);
		break;
	case EVENT_EXCEPTION_USED:
		ev->action = EVENT_PASSED;
		ev->exception = "clerks-playback";
		break;
	case EVENT_OUTAGE: case EVENT_SPOOF_SUSPECTED: case EVENT_STRANGE_INTERFACE:
		ev->action = EVENT_DROPPED;
		break;
	default:
		break;
	}
}

static inline void sample_event(struct event *ev, enum event_kind kind)
{
	memset(ev, 0, sizeof(*ev));
	ev->kind = kind;
	ev->first_ns = ev->last_ns = SAMPLE_NS;
	ev->site = "depot-3";
	ev->sensitivity = "sensitive";
	ev->policy_revision = "depot-3 2026.11.1";
	ev->policy_digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
	if (event_is_traffic(kind)) {
		sample_ends(ev);
		ev->severity = 3;
		ev->why = "restrict";
		ev->rule = "restricted-isolated";
		ev->rule_place = "policy.yaml:48:5";
		ev->reason = "Not to be connected to the core network (Cabinet Office, 24 Nov 2022)";
	} else {
		ev->severity = kind == EVENT_TAMPER ? 4 : 1;
		ev->reason = "words for a person: \"quoted\", back\\slash and ] bracket";
		ev->detail = "{\"uid\":0,\"command\":\"reload\",\"files\":[{\"path\":\"policy.yaml\",\"sha256\":\"9f86d0\"}]}";
	}
	if (kind == EVENT_DEVICE_NEW || kind == EVENT_RESTRICTED_NEW || kind == EVENT_IDENTITY_CHANGED) {
		sample_ends(ev);
		ev->to = (struct event_end){ 0 };
		ev->proto = 0;
		ev->service = ev->community_id = NULL;
		ev->packets = ev->bytes = 0;
	}
	sample_kind(ev);
	ev->store_id = "0123456789abcdef0123456789abcdef";
	ev->seq = (uint64_t)kind + 1;
}

#endif
