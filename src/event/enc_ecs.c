/* SPDX-License-Identifier: GPL-2.0-or-later */
/* enc: Elastic Common Schema 8.11.0, one JSON object.  What the schema has no field for stands under ringfence.
 * Every field here is in the schema with its type (checked by tests/unit/event/ecs_check.py). */
#include "event/enc_format.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/now.h"
#include "event/event.h"

#define ECS_VERSION "8.11.0"

/* What a kind is in the schema's words; type NULL: by the action taken. */
struct meaning { const char *kind, *category, *category2, *type, *outcome; };

static const struct meaning meanings[EVENT_KINDS] = {
	[EVENT_BLOCKED] = { "event", "network", NULL, NULL, "success" },
	[EVENT_WOULD_BLOCK] = { "event", "network", NULL, NULL, "success" },
	[EVENT_WOULD_ALLOW] = { "event", "network", NULL, NULL, "success" },
	[EVENT_FLOOD] = { "alert", "network", "intrusion_detection", NULL, "success" },
	[EVENT_SCAN] = { "alert", "network", "intrusion_detection", NULL, "success" },
	[EVENT_DEVICE_NEW] = { "event", "host", NULL, "info", "success" },
	[EVENT_RESTRICTED_NEW] = { "alert", "host", "intrusion_detection", "info", "success" },
	[EVENT_IDENTITY_CHANGED] = { "alert", "host", "intrusion_detection", "info", "success" },
	[EVENT_SPOOF_SUSPECTED] = { "alert", "network", "intrusion_detection", NULL, "success" },
	[EVENT_EXCEPTION_USED] = { "event", "network", NULL, NULL, "success" },
	[EVENT_EXCEPTION_EXPIRING] = { "event", "configuration", NULL, "info", "success" },
	[EVENT_EXCEPTION_EXPIRED] = { "event", "configuration", NULL, "info", "success" },
	[EVENT_POLICY_LOADED] = { "event", "configuration", NULL, "change", "success" },
	[EVENT_POLICY_REFUSED] = { "event", "configuration", NULL, "change", "failure" },
	[EVENT_CONFIG_CHANGED] = { "event", "configuration", NULL, "change", "success" },
	[EVENT_MODE_CHANGED] = { "event", "configuration", NULL, "change", "success" },
	[EVENT_TAMPER] = { "alert", "configuration", "intrusion_detection", "info", "success" },
	[EVENT_STRANGE_INTERFACE] = { "alert", "network", NULL, NULL, "success" },
	[EVENT_BYPASS_POSSIBLE] = { "alert", "configuration", "intrusion_detection", "info", "success" },
	[EVENT_OUTAGE] = { "event", "network", NULL, NULL, "success" },
	[EVENT_LOSS] = { "pipeline_error", "host", NULL, "info", "failure" },
	[EVENT_CLOCK_UNSOUND] = { "alert", "host", NULL, "info", "failure" },
	[EVENT_HEARTBEAT] = { "state", "host", NULL, "info", "success" },
	[EVENT_CONNTRACK_FULL] = { "alert", "host", NULL, "info", "failure" },
};

/* Elastic's own four steps of severity; info is below them. */
static const uint8_t severities[] = { 0, 21, 47, 73, 99 };

static void put_number_text(struct json *j, const char *key, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	json_str(j, key, text);
}

static void put_time(struct json *j, const char *key, int64_t ns)
{
	char text[40];

	if (ns > 0)
		json_str(j, key, now_rfc3339(ns, 3, text, sizeof(text)));
}

static void put_mac(struct json *j, const struct event_end *end)
{
	char text[ADDR_MAC_TEXT];

	if (!end->has_mac)
		return;
	addr_mac_text(&end->mac, text, sizeof(text));
	for (char *c = text; *c; c++)
		*c = *c == ':' ? '-' : (char)toupper((unsigned char)*c);
	json_str(j, "mac", text);
}

static void put_event(struct json *j, const struct event *ev, bool copies)
{
	const struct meaning *m = &meanings[ev->kind];
	const char *word = word_name(event_kind_words, (int)ev->kind);
	bool denied = ev->action == EVENT_DROPPED || ev->action == EVENT_REJECTED;

	json_object(j, "event");
	json_str(j, "kind", m->kind);
	json_array(j, "category");
	json_str(j, NULL, m->category);
	json_str(j, NULL, m->category2);
	json_end_array(j);
	json_array(j, "type");
	if (!m->type)
		json_str(j, NULL, "connection");
	json_str(j, NULL, m->type ? m->type : denied ? "denied" : ev->action == EVENT_PASSED ? "allowed" : "info");
	json_end_array(j);
	json_str(j, "outcome", m->outcome);
	json_str(j, "action", m->type || ev->action == EVENT_NOTHING ? word : word_name(event_action_words, (int)ev->action));
	json_str(j, "code", word);
	json_str(j, "module", copies ? "ringfence" : NULL);
	json_str(j, "dataset", copies ? "ringfence.event" : NULL);
	json_str(j, "id", ev->id);
	if (ev->seq)
		json_u64(j, "sequence", ev->seq);
	json_u64(j, "severity", severities[ev->severity <= 4 ? ev->severity : 4]);
	json_str(j, "reason", ev->reason);
	put_time(j, "start", ev->first_ns);
	put_time(j, "end", ev->last_ns);
	if (copies && ev->last_ns > ev->first_ns && ev->first_ns > 0)
		json_i64(j, "duration", ev->last_ns - ev->first_ns);
	json_end(j);
}

static void put_end(struct json *j, const char *key, const struct event_end *end, const char *domain, bool copies)
{
	char text[ADDR_TEXT];

	if (!end->addr.family && !end->has_mac && !domain)
		return;
	json_object(j, key);
	if (end->addr.family) {
		addr_text(&end->addr, text, sizeof(text));
		json_str(j, "address", copies ? text : NULL);
		json_str(j, "ip", text);
	}
	put_mac(j, end);
	if (end->has_port)
		json_u64(j, "port", end->port);
	json_str(j, "domain", domain);
	json_end(j);
}

static const char *transport(uint8_t proto)
{
	switch (proto) {
	case 1:
		return "icmp";
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 58:
		return "ipv6-icmp";
	case 132:
		return "sctp";
	default:
		return NULL;
	}
}

static const char *direction(const struct event *ev)
{
	static const char external[] = "external";
	bool from = ev->from.zone && strcmp(ev->from.zone, external) == 0, to = ev->to.zone && strcmp(ev->to.zone, external) == 0;

	return from && to ? external : to ? "outbound" : from ? "inbound" : ev->from.zone && ev->to.zone ? "internal" : "unknown";
}

static void put_network(struct json *j, const struct event *ev, bool copies)
{
	uint8_t family = ev->from.addr.family ? ev->from.addr.family : ev->to.addr.family;

	if (!enc_has_flow(ev))
		return;
	json_object(j, "network");
	if (family)
		json_str(j, "type", family == 4 ? "ipv4" : "ipv6");
	json_str(j, "transport", transport(ev->proto));
	if (ev->proto)
		put_number_text(j, "iana_number", ev->proto);
	json_str(j, "direction", direction(ev));
	json_u64(j, "packets", ev->packets);
	json_u64(j, "bytes", ev->bytes);
	json_str(j, "community_id", ev->community_id);
	if (copies && ev->from.vlan) {
		json_object(j, "vlan");
		put_number_text(j, "id", ev->from.vlan);
		json_end(j);
	}
	json_end(j);
}

static void put_side(struct json *j, const char *key, const struct event_end *end)
{
	if (!end->zone && !end->iface)
		return;
	json_object(j, key);
	json_str(j, "zone", end->zone);
	if (end->iface) {
		json_object(j, "interface");
		json_str(j, "name", end->iface);
		json_end(j);
	}
	if (end->vlan) {
		json_object(j, "vlan");
		put_number_text(j, "id", end->vlan);
		json_end(j);
	}
	json_end(j);
}

static void put_observer(struct json *j, const struct event *ev, const struct enc_config *c, bool copies)
{
	json_object(j, "observer");
	json_str(j, "type", "firewall");
	json_str(j, "vendor", copies ? "ringfence" : NULL);
	json_str(j, "product", "ringfence");
	json_str(j, "version", c->version);
	json_str(j, "hostname", c->hostname);
	json_str(j, "name", ev->site);
	put_side(j, "ingress", &ev->from);
	put_side(j, "egress", &ev->to);
	json_end(j);
}

static void put_one(struct json *j, const char *key, const char *inner, const char *value)
{
	if (!value)
		return;
	json_object(j, key);
	json_str(j, inner, value);
	json_end(j);
}

static void put_names(struct json *j, const struct event *ev)
{
	if (ev->dns_question) {
		json_object(j, "dns");
		put_one(j, "question", "name", ev->dns_question);
		json_end(j);
	}
	if (ev->tls_name) {
		json_object(j, "tls");
		put_one(j, "client", "server_name", ev->tls_name);
		json_end(j);
	}
}

static void put_rule(struct json *j, const struct event *ev, bool copies)
{
	if (!ev->rule && !ev->why)
		return;
	json_object(j, "rule");
	json_str(j, "id", ev->rule);
	json_str(j, "name", copies ? ev->rule : NULL);
	json_str(j, "ruleset", ev->why);
	json_str(j, "version", copies ? ev->policy_revision : NULL);
	json_str(j, "reference", ev->rule_place);
	json_end(j);
}

/* The device that the event is about: the restricted end, else the one that is known. */
static void put_device(struct json *j, const struct event *ev)
{
	bool to_restricted = ev->to.cls && strcmp(ev->to.cls, "restricted") == 0;
	bool from_restricted = ev->from.cls && strcmp(ev->from.cls, "restricted") == 0;
	const struct event_end *end = from_restricted || (!to_restricted && ev->from.device) ? &ev->from : &ev->to;

	if (!end->device && !end->maker)
		return;
	json_object(j, "device");
	if (end->device)
		put_number_text(j, "id", end->device);
	json_str(j, "manufacturer", end->maker);
	json_end(j);
}

static void put_related(struct json *j, const struct event *ev)
{
	const struct event_end *ends[2] = { &ev->from, &ev->to };
	const char *hosts[3] = { ev->domain, ev->dns_question, ev->tls_name };
	bool ips = ev->from.addr.family || ev->to.addr.family, names = hosts[0] || hosts[1] || hosts[2] || ev->n_names;
	char text[ADDR_TEXT];

	if (!ips && !names)
		return;
	json_object(j, "related");
	if (ips)
		json_array(j, "ip");
	for (unsigned i = 0; i < 2; i++)
		if (ends[i]->addr.family)
			json_str(j, NULL, addr_text(&ends[i]->addr, text, sizeof(text)));
	if (ips)
		json_end_array(j);
	if (names)
		json_array(j, "hosts");
	for (unsigned i = 0; i < 3; i++)
		json_str(j, NULL, i && hosts[i] && hosts[i - 1] && strcmp(hosts[i], hosts[i - 1]) == 0 ? NULL : hosts[i]);
	for (unsigned i = 0; i < ev->n_names; i++)
		json_str(j, NULL, ev->names[i]);
	if (names)
		json_end_array(j);
	json_end(j);
}

static void put_threat(struct json *j, const struct event *ev)
{
	if (!ev->technique)
		return;
	json_object(j, "threat");
	json_str(j, "framework", "MITRE ATT&CK");
	json_object(j, "technique");
	json_array(j, "id");
	json_str(j, NULL, ev->technique);
	json_end_array(j);
	json_end(j);
	json_end(j);
}

/* --- ringfence.* --- */

static void put_own_end(struct json *j, const char *key, const struct event_end *end, bool copies)
{
	if (!end->zone && !end->device && !end->device_name && !end->cls && !end->maker)
		return;
	json_object(j, key);
	json_str(j, "zone", copies ? end->zone : NULL);
	json_str(j, "zone_mode", end->zone_mode);
	if (end->device)
		put_number_text(j, "device", end->device);
	json_str(j, "name", end->device_name);
	json_str(j, "maker", end->maker);
	json_str(j, "class", end->cls);
	json_str(j, "location", end->location);
	json_str(j, "switch_port", end->switch_port);
	json_str(j, "authority", end->authority);
	if (end->evidence[0]) {
		json_array(j, "evidence");
		for (unsigned i = 0; i < EVENT_EVIDENCE; i++)
			json_str(j, NULL, end->evidence[i]);
		json_end_array(j);
	}
	json_end(j);
}

static void put_own_list(struct json *j, const char *key, const char *const *words, unsigned n)
{
	if (n == 0)
		return;
	json_array(j, key);
	for (unsigned i = 0; i < n; i++)
		json_str(j, NULL, words[i]);
	json_end_array(j);
}

static void put_own_packet(struct json *j, const struct event *ev)
{
	if (ev->proto == 6 && ev->tcp_flags)
		json_u64(j, "tcp_flags", ev->tcp_flags);
	if (ev->proto == 1 || ev->proto == 58) {
		json_u64(j, "icmp_type", ev->icmp_type);
		json_u64(j, "icmp_code", ev->icmp_code);
	}
	if (enc_has_flow(ev))
		json_str(j, "opener", ev->opener_is_from ? "source" : "destination");
}

static void put_own(struct json *j, const struct event *ev, unsigned steps)
{
	bool copies = steps <= ENC_COPIES_NONE;

	json_object(j, "ringfence");
	json_str(j, "kind", copies ? word_name(event_kind_words, (int)ev->kind) : NULL);
	json_str(j, "severity", word_name(event_severity_words, ev->severity));
	json_bool(j, "summary", ev->summary);
	json_str(j, "store", copies ? ev->store_id : NULL);
	json_str(j, "sensitivity", ev->sensitivity);
	if (ev->policy_revision || ev->policy_digest) {
		json_object(j, "policy");
		json_str(j, "revision", ev->policy_revision);
		json_str(j, "digest", ev->policy_digest);
		json_end(j);
	}
	json_str(j, "service", ev->service);
	json_str(j, "exception", ev->exception);
	put_own_packet(j, ev);
	put_own_end(j, "source", &ev->from, copies);
	put_own_end(j, "destination", &ev->to, copies);
	put_own_list(j, "names", ev->names, ev->n_names);
	if (ev->more_names)
		json_u64(j, "more_names", ev->more_names);
	if (ev->detail)
		json_raw(j, "detail", ev->detail);
	json_str(j, "shortened", steps ? enc_steps[steps - 1] : NULL);
	json_end(j);
}

void enc_ecs(const struct event *ev, const struct enc_config *c, unsigned steps, struct buf *out)
{
	bool copies = steps <= ENC_COPIES_NONE;         /* what stands elsewhere too, for searching */
	struct json j;
	struct buf text;

	buf_init(&text);
	enc_message(ev, &text);
	json_init(&j, out);
	json_object(&j, NULL);
	put_time(&j, "@timestamp", ev->last_ns ? ev->last_ns : 1);
	put_one(&j, "ecs", "version", ECS_VERSION);
	if (copies)
		json_str(&j, "message", buf_cstr(&text));
	put_event(&j, ev, copies);
	put_end(&j, "source", &ev->from, NULL, copies);
	put_end(&j, "destination", &ev->to, ev->domain ? ev->domain : ev->tls_name, copies);
	put_network(&j, ev, copies);
	put_observer(&j, ev, c, copies);
	put_names(&j, ev);
	put_rule(&j, ev, copies);
	if (copies)
		put_device(&j, ev);
	put_threat(&j, ev);
	if (copies)
		put_related(&j, ev);
	put_own(&j, ev, steps);
	json_end(&j);
	out->failed |= text.failed;
	buf_fini(&text);
}
