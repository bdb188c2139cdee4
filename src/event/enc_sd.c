/* SPDX-License-Identifier: GPL-2.0-or-later */
/* enc: a whole RFC 5424 message: header, structured data (meta, origin, ringfence@PEN), and a sentence for a person; or the
 * header with ECS in the place of the sentence.  Names are lower_snake: rsyslog lower-cases them anyway.  No BOM. */
#include "event/enc_format.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/now.h"
#include "event/event.h"

enum { HOST_MAX = 64, SEQUENCE_MAX = 2147483647 };

/* Syslog: critical 2 (crit), high 4 (warning), medium 4, low 5 (notice), info 6. */
static const uint8_t levels[] = { 6, 5, 4, 4, 2 };

static void put_header_word(struct buf *out, const char *s, size_t max)
{
	size_t n = 0;

	for (; s && *s && n < max; s++, n++)
		buf_char(out, *s > 32 && *s < 127 ? *s : '_');
	if (n == 0)
		buf_char(out, '-');
}

static void put_header(const struct event *ev, const struct enc_config *c, struct buf *out)
{
	unsigned facility = c->facility ? c->facility : ENC_FACILITY_LOCAL0;
	char when[40];

	buf_printf(out, "<%u>1 ", facility * 8 + levels[ev->severity <= 4 ? ev->severity : 4]);
	buf_str(out, ev->last_ns > 0 ? now_rfc3339(ev->last_ns, 6, when, sizeof(when)) : "-");
	buf_char(out, ' ');
	put_header_word(out, c->hostname, HOST_MAX);
	buf_str(out, " ringfence - ");
	put_header_word(out, word_name(event_kind_words, (int)ev->kind), 32);
	buf_char(out, ' ');
}

static void put_param(struct buf *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buf_printf(out, " %s=\"", name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\' || *value == ']')
			buf_char(out, '\\');
		buf_char(out, *value);
	}
	buf_char(out, '"');
}

static void put_number(struct buf *out, const char *name, uint64_t n)
{
	if (n)
		buf_printf(out, " %s=\"%llu\"", name, (unsigned long long)n);
}

static void put_meta(const struct event *ev, const struct enc_config *c, struct buf *out)
{
	if (ev->seq)
		buf_printf(out, "[meta sequenceId=\"%llu\"]", (unsigned long long)((ev->seq - 1) % SEQUENCE_MAX + 1));
	buf_str(out, "[origin software=\"ringfence\"");
	put_param(out, "swVersion", c->version);
	buf_char(out, ']');
}

static void put_end(struct buf *out, const char *side, const struct event_end *end)
{
	const struct { const char *name, *value; } words[] = {
		{ "zone", end->zone }, { "zone_mode", end->zone_mode }, { "interface", end->iface },
		{ "name", end->device_name }, { "maker", end->maker }, { "class", end->cls }, { "location", end->location },
		{ "switch_port", end->switch_port }, { "authority", end->authority }, { "evidence", end->evidence[0] },
		{ "evidence2", end->evidence[1] }, { "evidence3", end->evidence[2] },
	};
	char name[40], text[ADDR_TEXT];

	if (end->addr.family) {
		snprintf(name, sizeof(name), "%s_ip", side);
		put_param(out, name, addr_text(&end->addr, text, sizeof(text)));
	}
	if (end->has_mac) {
		snprintf(name, sizeof(name), "%s_mac", side);
		put_param(out, name, addr_mac_text(&end->mac, text, sizeof(text)));
	}
	if (end->has_port)
		buf_printf(out, " %s_port=\"%u\"", side, end->port);
	snprintf(name, sizeof(name), "%s_vlan", side);
	put_number(out, name, end->vlan);
	snprintf(name, sizeof(name), "%s_device", side);
	put_number(out, name, end->device);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(name, sizeof(name), "%s_%s", side, words[i].name);
		put_param(out, name, words[i].value);
	}
}

static void put_counts(const struct event *ev, struct buf *out)
{
	char when[40];

	if (enc_has_flow(ev)) {
		buf_printf(out, " packets=\"%llu\" bytes=\"%llu\"", (unsigned long long)ev->packets,
			   (unsigned long long)ev->bytes);
		put_number(out, "proto", ev->proto);
		put_number(out, "tcp_flags", ev->proto == 6 ? ev->tcp_flags : 0);
		put_param(out, "opener", ev->opener_is_from ? "source" : "destination");
	}
	if (ev->proto == 1 || ev->proto == 58)
		buf_printf(out, " icmp_type=\"%u\" icmp_code=\"%u\"", ev->icmp_type, ev->icmp_code);
	if (ev->first_ns > 0)
		put_param(out, "first", now_rfc3339(ev->first_ns, 3, when, sizeof(when)));
	if (ev->last_ns > 0)
		put_param(out, "last", now_rfc3339(ev->last_ns, 3, when, sizeof(when)));
}

static void put_words(const struct event *ev, struct buf *out)
{
	const struct { const char *name, *value; } words[] = {
		{ "service", ev->service }, { "rule", ev->rule }, { "rule_place", ev->rule_place }, { "why", ev->why },
		{ "exception", ev->exception }, { "reason", ev->reason }, { "community_id", ev->community_id },
		{ "technique", ev->technique }, { "domain", ev->domain }, { "dns_question", ev->dns_question },
		{ "tls_name", ev->tls_name }, { "site", ev->site }, { "sensitivity", ev->sensitivity },
		{ "policy_revision", ev->policy_revision }, { "policy_digest", ev->policy_digest }, { "detail", ev->detail },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		put_param(out, words[i].name, words[i].value);
}

static void put_names(const struct event *ev, struct buf *out)
{
	char name[16];

	for (unsigned i = 0; i < ev->n_names; i++) {
		snprintf(name, sizeof(name), "name%u", i + 1);
		put_param(out, name, ev->names[i]);
	}
	put_number(out, "more_names", ev->more_names);
}

void enc_sd(const struct event *ev, const struct enc_config *c, unsigned steps, struct buf *out)
{
	put_header(ev, c, out);
	put_meta(ev, c, out);
	buf_printf(out, "[ringfence@%u", c->pen ? c->pen : ENC_PEN_EXAMPLE);
	put_param(out, "id", ev->id);
	put_param(out, "kind", word_name(event_kind_words, (int)ev->kind));
	put_param(out, "action", word_name(event_action_words, (int)ev->action));
	put_param(out, "severity", word_name(event_severity_words, ev->severity));
	put_param(out, "summary", ev->summary ? "true" : "false");
	put_counts(ev, out);
	put_end(out, "src", &ev->from);
	put_end(out, "dst", &ev->to);
	put_words(ev, out);
	put_names(ev, out);
	if (steps)
		put_param(out, "shortened", enc_steps[steps - 1]);
	buf_str(out, "] ");
	if (steps <= ENC_COPIES_NONE)
		enc_message(ev, out);
	else
		buf_str(out, word_name(event_kind_words, (int)ev->kind));
}

void enc_sd_ecs(const struct event *ev, const struct enc_config *c, unsigned steps, struct buf *out)
{
	put_header(ev, c, out);
	put_meta(ev, c, out);
	buf_char(out, ' ');
	enc_ecs(ev, c, steps, out);
}
