/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event: one thing that happened, complete in itself: words and numbers, no index into any policy, so that the store, the
 * encoders and the shipper need nothing else.  Strings are borrowed: an event points into the arena or the row it came from.
 * Plain data; one owner. */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/word.h"
#include "net/addr.h"

enum event_kind {
	EVENT_BLOCKED, EVENT_WOULD_BLOCK, EVENT_WOULD_ALLOW, EVENT_FLOOD, EVENT_SCAN, EVENT_DEVICE_NEW, EVENT_RESTRICTED_NEW,
	EVENT_IDENTITY_CHANGED, EVENT_SPOOF_SUSPECTED, EVENT_EXCEPTION_USED, EVENT_EXCEPTION_EXPIRING, EVENT_EXCEPTION_EXPIRED,
	EVENT_POLICY_LOADED, EVENT_POLICY_REFUSED, EVENT_CONFIG_CHANGED, EVENT_MODE_CHANGED, EVENT_TAMPER, EVENT_STRANGE_INTERFACE,
	EVENT_BYPASS_POSSIBLE, EVENT_OUTAGE, EVENT_LOSS, EVENT_CLOCK_UNSOUND, EVENT_HEARTBEAT,
	EVENT_CONNTRACK_FULL,
	EVENT_KINDS
};
enum { EVENT_NAMES = 32, EVENT_EVIDENCE = 3 };
enum event_action { EVENT_NOTHING, EVENT_DROPPED, EVENT_REJECTED, EVENT_PASSED };

/* One end.  Absent words are NULL, absent numbers 0. */
struct event_end {
	const char *zone, *zone_mode, *iface;
	uint16_t vlan;
	bool has_mac, has_port;
	struct mac mac;
	struct addr addr;
	uint16_t port;
	uint64_t device;                        /* stable id */
	const char *device_name, *maker, *cls;  /* cls: restricted, permitted, unknown, router, "" for what is no device */
	const char *location, *switch_port;
	const char *evidence[EVENT_EVIDENCE];               /* "registry: Hangzhou Hikvision … (MA-L 44:19:b6)" */
	const char *authority;                  /* "uk-nil: understood, 2022-11-24" */
};

struct event {
	enum event_kind kind;
	int64_t first_ns, last_ns;              /* wall clock */
	uint64_t packets, bytes;
	uint8_t severity;                       /* enum policy_severity: 0 info … 4 critical */
	enum event_action action;
	bool opener_is_from;                    /* who opened: from opens unless the packet was a reply */
	struct event_end from, to;
	uint8_t proto, tcp_flags, icmp_type, icmp_code;
	bool summary;                           /* more packets of what was told before: counts are added, never repeated */
	const char *service;                    /* the policy's word for it, or "tcp/445" */
	const char *rule, *rule_place;          /* id; file:line */
	const char *why;                        /* restrict, rule, default, spoof, shape, unverified … */
	const char *exception;                  /* its id, for exception_* and observed ones */
	const char *reason;                     /* words for a person */
	const char *community_id, *technique;   /* "1:…"; MITRE ATT&CK id */
	const char *domain, *dns_question, *tls_name;
	const char *names[EVENT_NAMES];         /* of a summary: distinct names that its packets asked for, in order */
	uint8_t n_names;
	uint64_t more_names;                    /* packets that asked for others beyond these */
	const char *site, *sensitivity, *policy_revision, *policy_digest;       /* digest: hex */
	const char *detail;                     /* kinds without a flow: their facts as a JSON object, or NULL */
	/* set by the store: */
	const char *store_id;                   /* 32 hex digits */
	uint64_t seq;
	const char *id;                         /* store_id-seq-xxxxxxxx */
	uint8_t chain[32];                      /* hash chain head after this event */
};

extern const struct word event_kind_words[], event_action_words[], event_severity_words[];

struct arena;
struct buf;
struct err;

enum { EVENT_BODY_MAX = 65536, EVENT_WORD_MAX = 1024, EVENT_DETAIL_MAX = 32768 };

/* Append ev's body: a version byte, then (field, value) pairs; what is absent takes no room.  Words longer than EVENT_WORD_MAX
 * are cut at a code point; a detail that is no JSON object or is too long becomes {"unreadable":bytes}.  What the store sets
 * (store_id, seq, id, chain) is not part of it.  Fails (false) only with out. */
bool event_pack(const struct event *ev, struct buf *out);
/* The other way; words go to a.  Any bytes may be given: bounded, and refused with EBADMSG when they are no body.
 * Fields of later versions are passed over. */
int event_unpack(const void *body, size_t len, struct arena *a, struct event *ret, struct err *e);
/* Does the event tell of traffic (a flow and its packets), rather than of a change of ours? */
bool event_is_traffic(enum event_kind kind);
/* Is the text one JSON object, on one line, of bounded depth? */
bool event_is_object(const char *text, size_t len);

#endif
