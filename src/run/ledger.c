/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One event per interface and MAC for what has no destination (floods, invalid, strange interfaces, closed), up to a limit per
 * page and kind; beyond it one event for all the rest of that kind, with how many there were: a flood of invented MACs
 * must not become a flood of events. */
#include "run/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_ether.h>

#include "base/buf.h"
#include "base/json.h"
#include "ident/who.h"
#include "kern/link.h"
#include "policy/policy.h"
#include "run/judge.h"
#include "run/recorder.h"
#include "run/tell.h"
#include "run/words.h"

enum { EVENTS_PER_KIND = 64 };

static const struct {
	enum event_kind kind;
	const char *why, *reason;
	uint8_t severity;
	enum event_action action;
} rows[TABLE_LINES] = {
	[TABLE_L_DENIED_MORE] = { EVENT_FLOOD, "denied", "denied: without ports, or more than is kept apart",
				  POLICY_SEV_MEDIUM, EVENT_DROPPED },
	[TABLE_L_OUT_FLOOD] = { EVENT_FLOOD, "out-flood", "more new flows than the firewall itself may ask for",
				POLICY_SEV_MEDIUM, EVENT_DROPPED },
	[TABLE_L_FLOOD] = { EVENT_FLOOD, "flood", "more new flows than a device may ask for", POLICY_SEV_MEDIUM, EVENT_DROPPED },
	[TABLE_L_UNKNOWN_FLOOD] = { EVENT_FLOOD, "unknown-flood", "more new flows than unverified sources may ask for",
				    POLICY_SEV_MEDIUM, EVENT_DROPPED },
	[TABLE_L_INVALID] = { EVENT_BLOCKED, "invalid", "connection tracking calls it invalid", POLICY_SEV_LOW, EVENT_DROPPED },
	[TABLE_L_STRANGE] = { EVENT_STRANGE_INTERFACE, "strange-interface", "an interface that no zone names", POLICY_SEV_HIGH,
			    EVENT_DROPPED },
	[TABLE_L_CLOSED] = { EVENT_OUTAGE, "closed", "the table was closed: no policy was in force", POLICY_SEV_MEDIUM,
			     EVENT_DROPPED },
	[TABLE_L_FENCE] = { EVENT_BLOCKED, "fence", "it would have left to a device that has not proved the address",
			    POLICY_SEV_LOW, EVENT_DROPPED },
	[TABLE_L_FAILED_OPEN] = { EVENT_OUTAGE, "failed-open", "nobody listened, and the zone fails open: flows passed unjudged",
				  POLICY_SEV_HIGH, EVENT_PASSED },
	[TABLE_L_FENCE_ODD] = { EVENT_BLOCKED, "ethertype", "a frame that is neither IP nor ARP", POLICY_SEV_LOW, EVENT_DROPPED },
};

static void where(const struct judge *j, const struct table_line *line, struct event_end *ret)
{
	uint32_t iface = table_line_is_named(line->kind) ? judge_iface_named(j, line->iifname) : judge_iface_of(j, line->iif);

	if (table_line_is_named(line->kind)) {
		ret->iface = line->iifname;
	} else {
		ret->has_mac = true;
		ret->mac = line->mac;
	}
	if (iface == WHO_NONE)
		return;
	ret->iface = j->policy->ifaces[iface].name;
	if (j->policy->ifaces[iface].n_zones)
		ret->zone = j->policy->zones[j->policy->ifaces[iface].zones[0]].name;
}

static void detail_of(const struct table_line *line, size_t lines, struct buf *out)
{
	struct json js;
	char type[8];

	json_init(&js, out);
	json_object(&js, NULL);
	if (lines > 1)
		json_u64(&js, "sources", lines);
	else if (line->kind == TABLE_L_STRANGE)
		json_str(&js, "in", line->iifname);
	if (lines == 1 && line->kind == TABLE_L_FENCE_ODD) {
		snprintf(type, sizeof(type), "0x%04x", line->port);
		json_str(&js, "ethertype", type);
	}
	json_str(&js, "out", lines == 1 && *line->oifname ? line->oifname : NULL);
	json_end(&js);
}

/* Where a packet would have gone that the fence held back; when another has proved that address, somebody answers for it who
 * should not. */
static void to_whom(const struct judge *j, const struct table_line *line, struct words *w, struct event *ev)
{
	struct flow_end end = {
		.iface = judge_iface_of(j, line->iif), .has_mac = true, .mac = line->mac, .addr = line->dst,
	};

	end.id = who_source(j->who, end.iface, &line->mac, &end.addr);
	words_end(j, &end, POLICY_NONE, 1, w, &ev->to);
	ev->to.zone = NULL;
	where(j, line, &ev->to);
	if (who_address(j->who, end.iface, &line->dst).proof < WHO_VERIFIED)
		return;
	ev->kind = EVENT_SPOOF_SUSPECTED;
	ev->severity = POLICY_SEV_HIGH;
	ev->reason = "its address is answered for by another device than the one that proved it";
	ev->technique = "T1557.002";
}

static void tell_one(struct recorder *r, const struct judge *j, const struct table_line *line, uint64_t packets, uint64_t bytes,
		     size_t lines, struct event *base)
{
	struct words w;
	struct event ev = *base;
	struct flow_end end = { .iface = judge_iface_of(j, line->iif), .has_mac = true, .mac = line->mac };
	struct buf detail;

	buf_init(&detail);
	ev.kind = rows[line->kind].kind;
	ev.why = rows[line->kind].why;
	ev.reason = rows[line->kind].reason;
	ev.severity = rows[line->kind].severity;
	ev.action = rows[line->kind].action;
	ev.packets = packets;
	ev.bytes = bytes;
	words_site(j, &w, &ev);
	if (line->kind == TABLE_L_FENCE_ODD && (line->port == ETH_P_IP || line->port == ETH_P_IPV6)) {
		ev.why = "bridged";
		ev.reason = "its interface is a port of another that is not guarded: it would go around the table";
		ev.severity = POLICY_SEV_HIGH;
	}
	if (lines == 1 && line->kind == TABLE_L_FENCE) {
		to_whom(j, line, &w, &ev);
	} else if (lines == 1 && !table_line_is_named(line->kind)) {
		end.id = who_source(j->who, end.iface, &line->mac, &end.addr);
		words_end(j, &end, POLICY_NONE, 0, &w, &ev.from);
		ev.from.zone = NULL;
	}
	if (lines == 1 && line->kind != TABLE_L_FENCE)
		where(j, line, &ev.from);
	if (lines > 1 || table_line_is_named(line->kind) || line->kind == TABLE_L_FENCE_ODD)
		detail_of(line, lines, &detail);
	if (detail.len && !detail.failed)
		ev.detail = buf_cstr(&detail);
	recorder_event(r, &ev);
	buf_fini(&detail);
}

static void tell_kind(struct recorder *r, const struct judge *j, const struct table_ledger *l, enum table_line_kind kind,
		      struct event *base)
{
	const struct table_line *rest = NULL;
	uint64_t packets = 0, bytes = 0;
	size_t told = 0, more = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct table_line *line = &l->lines[i];

		if (line->kind != kind || line->packets == 0)
			continue;
		if (told++ < EVENTS_PER_KIND) {
			tell_one(r, j, line, line->packets, line->bytes, 1, base);
			continue;
		}
		rest = line;
		packets += line->packets;
		bytes += line->bytes;
		more++;
	}
	if (rest)
		tell_one(r, j, rest, packets, bytes, more, base);
}

static struct tell_denied element_of(const struct table_line *line, const struct link_map *links)
{
	struct tell_denied el;

	memset(&el, 0, sizeof(el));
	el.key.from = line->src;
	el.key.to = line->dst;
	el.key.mac = line->mac;
	el.key.proto = line->proto;
	el.key.reply = line->reply;
	el.key.port = line->port;
	el.key.iface = line->iif;
	el.here = links && link_is_own(links, &line->dst);
	el.packets = line->packets;
	el.bytes = line->bytes;
	return el;
}

void ledger_tell(struct recorder *r, const struct judge *j, const struct link_map *links, const struct table_ledger *l,
		 int64_t first_ns, int64_t last_ns, bool outage, struct ledger_told *told)
{
	struct event base = {
		.first_ns = first_ns, .last_ns = last_ns, .action = EVENT_DROPPED, .summary = true, .opener_is_from = true,
	};
	struct tell_denied *elements = calloc(l->n + 1, sizeof(*elements));
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		*(outage && l->lines[i].kind != TABLE_L_FAILED_OPEN ? &told->outage : &told->packets[l->lines[i].kind]) +=
			l->lines[i].packets;
		if (elements && l->lines[i].kind == TABLE_L_DENIED && l->lines[i].packets)
			elements[n++] = element_of(&l->lines[i], links);
	}
	told->lines += l->n;
	for (unsigned k = TABLE_L_DENIED + 1; k < TABLE_LINES; k++)
		if (rows[k].why)
			tell_kind(r, j, l, k, &base);
	if (n)
		recorder_denied(r, j, elements, n, first_ns, last_ns, outage);
	else
		free(elements);
}

uint64_t ledger_told_sum(const struct ledger_told *t)
{
	uint64_t sum = t->outage;

	for (size_t i = 0; i < TABLE_LINES; i++)
		sum += i == TABLE_L_FAILED_OPEN ? 0 : t->packets[i];
	return sum;
}
