/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay: what the policy would do with a capture, through the same worker_step that filters.  A capture tells no interfaces: ends
 * stand in the zones that their addresses say, and a MAC seen with an address of a guarded zone is taken as its owner.
 * --devices: who is in the capture, by the registry and the shipped makers, without any policy (cmd_replay_devices.c). */
#include "app/cmd_replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/now.h"
#include "base/ring.h"
#include "base/word.h"
#include "event/enc.h"
#include "ident/ident.h"
#include "run/hit.h"
#include "run/judge.h"
#include "run/source.h"
#include "run/trial.h"
#include "run/words.h"
#include "run/worker.h"

enum { ROWS = 1 << 16, LEARN_MAX = 1 << 20 };

/* One line of the summary: who, whom, what, by which rule, how often. */
struct row {
	bool used;
	struct addr from, to;
	struct mac mac;
	bool has_mac;
	uint8_t proto, kind, why;
	uint16_t port;
	uint32_t rule;
	uint64_t packets, bytes;
	struct hit first;
};

struct replay {
	const struct cmd *cmd;
	const char *path, *format;
	bool events;
	const struct enc *enc;
	struct judge *judge;
	struct qs_ptr published;
	struct source *source;
	struct worker *worker;
	struct row *rows;
	size_t n_rows;
	uint64_t beyond;                        /* packets whose line found no room */
	struct ident *ident;
	const struct policy *learning;          /* while the first pass runs */
};

/* First pass: a MAC that speaks for an address of a guarded zone is bound to it. */
static void learn(void *arg, const struct pcap_packet *frame, const struct pkt *p)
{
	struct replay *r = arg;
	uint32_t z = p && p->has_smac && !p->shape ? trial_zone_of(r->learning, &p->src) : POLICY_NONE;
	const struct policy_zone *zone = z == POLICY_NONE ? NULL : &r->learning->zones[z];
	struct ident_probe probe;
	const char *iface;

	(void)frame;
	if (!zone || zone->guard == POLICY_OPEN || !zone->n_ifaces)
		return;
	iface = r->learning->ifaces[zone->ifaces[0]].name;
	if (ident_claim(r->ident, iface, &p->smac, &p->src, p->when_ns) != IDENT_ASKED)
		return;
	while (ident_next_probe(r->ident, p->when_ns, &probe))
		ident_answered(r->ident, probe.iface, &probe.mac, &probe.addr, p->when_ns);
}

/* Run a pass of the file with fn alone. */
static int first_pass(struct replay *r, const struct policy *p, struct err *e)
{
	struct ident_limits limits = ident_defaults;
	struct pkt pkts[SOURCE_BATCH];
	struct source *s;
	int n;

	limits.macs_per_minute = LEARN_MAX;
	r->ident = ident_new(&limits, 1);
	if (!r->ident)
		return err_plain(e, ENOMEM, "out of memory");
	if (ident_set_policy(r->ident, p, 0, e) < 0)
		return -1;
	r->learning = p;
	s = source_pcap_new(r->path, learn, r, e);
	if (!s)
		return -1;
	do {
		n = s->ops->next(s, pkts, e);
		cmd_progress(r->cmd, "reading %s: %llu frames", r->path, (unsigned long long)source_pcap_counts(s).frames);
	} while (n > 0);
	source_free(s);
	return n;
}

static bool same(const struct row *row, const struct hit *h, const struct flow *f)
{
	return row->proto == f->proto && row->port == f->dport && row->rule == h->verdict.rule && row->why == h->verdict.why &&
	       addr_equal(&row->from, &f->from.addr) && addr_equal(&row->to, &f->to.addr) && row->has_mac == f->from.has_mac &&
	       (!row->has_mac || addr_mac_equal(&row->mac, &f->from.mac));
}

static void count(struct replay *r, const struct hit *h, const struct flow *f)
{
	uint64_t hash = digest_hash64(&f->from.addr, sizeof(f->from.addr), f->dport) ^
			digest_hash64(&f->to.addr, sizeof(f->to.addr), h->verdict.rule);

	for (size_t i = 0; i < 64; i++) {
		struct row *row = &r->rows[(hash + i) & (ROWS - 1)];

		if (row->used && !same(row, h, f))
			continue;
		if (!row->used) {
			*row = (struct row){
				.used = true, .from = f->from.addr, .to = f->to.addr,
				.mac = f->from.mac, .has_mac = f->from.has_mac,
				.proto = f->proto, .port = f->dport, .rule = h->verdict.rule, .why = h->verdict.why, .first = *h,
			};
			r->n_rows++;
		}
		row->packets++;
		row->bytes += h->pkt.bytes;
		return;
	}
	r->beyond++;
}

static int print_event(const struct replay *r, const struct hit *h, const struct flow *f, struct err *e)
{
	char hostname[256] = "-";
	const struct enc_config config = { .hostname = hostname, .version = RINGFENCE_VERSION, .budget = ENC_BUDGET_MAX };
	struct words w;
	struct event ev;
	struct buf line;
	int rc;

	gethostname(hostname, sizeof(hostname) - 1);
	words_event(r->judge, &h->pkt, f, &h->verdict, &w, &ev);
	buf_init(&line);
	rc = enc_event(r->enc, &ev, &config, &line, e);
	if (rc == 0)
		puts(buf_cstr(&line));
	buf_fini(&line);
	return rc;
}

/* Everything that the last batch told. */
static int drain(struct replay *r, struct err *e)
{
	struct ring *ring = worker_hits(r->worker);
	const struct hit *h;
	struct flow f;

	while ((h = ring_peek(ring))) {
		int rc = 0;

		flow_of_pkt(&h->pkt, &r->judge->ifmap, r->judge->who, &f);
		if (r->events)
			rc = print_event(r, h, &f, e);
		else
			count(r, h, &f);
		ring_pop(ring);
		if (rc < 0)
			return -1;
	}
	while (ring_peek(worker_wishes(r->worker)))
		ring_pop(worker_wishes(r->worker));
	return 0;
}

static int second_pass(struct replay *r, struct err *e)
{
	struct worker_config config = { .name = "replay", .judge = &r->published, .wish_fd = -1, .cpu = -1 };
	int n;

	r->source = source_pcap_new(r->path, NULL, NULL, e);
	if (!r->source)
		return -1;
	config.source = r->source;
	r->worker = worker_new(&config, e);
	if (!r->worker)
		return -1;
	do {
		n = worker_step(r->worker, e);
		if (n < 0 || drain(r, e) < 0)
			return -1;
		cmd_progress(r->cmd, "judging %s: %llu packets", r->path, (unsigned long long)worker_stats(r->worker).packets);
	} while (n > 0);
	return 0;
}

static int by_packets(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->used != y->used)
		return x->used ? -1 : 1;
	return x->packets == y->packets ? 0 : x->packets > y->packets ? -1 : 1;
}

static void table_of(const struct replay *r)
{
	struct cmd_table t;
	struct buf out;

	cmd_table_init(&t, 6);
	for (size_t i = 0; i < 6; i++)
		cmd_table_cell(&t, "%s", ((const char *const[]){ "DECISION", "FROM", "TO", "SERVICE", "RULE", "PACKETS" })[i]);
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *row = &r->rows[i];
		struct words w;
		struct event ev;
		struct flow f;
		char from[ADDR_TEXT], to[ADDR_TEXT];

		flow_of_pkt(&row->first.pkt, &r->judge->ifmap, r->judge->who, &f);
		words_event(r->judge, &row->first.pkt, &f, &row->first.verdict, &w, &ev);
		cmd_table_cell(&t, "%s", word_name(event_kind_words, (int)ev.kind));
		cmd_table_cell(&t, "%s%s%s", addr_text(&row->from, from, sizeof(from)), ev.from.maker ? " " : "",
			       ev.from.maker ? ev.from.maker : "");
		cmd_table_cell(&t, "%s%s%s", addr_text(&row->to, to, sizeof(to)), ev.to.maker ? " " : "",
			       ev.to.maker ? ev.to.maker : "");
		cmd_table_cell(&t, "%s", ev.service ? ev.service : "");
		cmd_table_cell(&t, "%s", ev.rule ? ev.rule : words_why(&row->first.verdict));
		cmd_table_cell(&t, "%llu", (unsigned long long)row->packets);
	}
	buf_init(&out);
	if (r->n_rows)
		cmd_table_print(&t, r->cmd, &out);
	cmd_print(&out);
	buf_fini(&out);
}

static void summary_json(const struct replay *r, const struct worker_stats *s, const struct source_pcap_counts *frames)
{
	struct json js;
	struct buf out;

	buf_init(&out);
	json_init(&js, &out);
	json_object(&js, NULL);
	json_u64(&js, "frames", frames->frames);
	json_u64(&js, "not_ip", frames->other);
	json_u64(&js, "packets", s->packets);
	json_u64(&js, "allowed", s->allowed);
	json_u64(&js, "unguarded", s->unguarded);
	json_u64(&js, "denied", s->denied + s->forgotten + s->rejected);
	json_u64(&js, "would_block", s->would_block);
	json_u64(&js, "not_listed", r->beyond);
	json_array(&js, "flows");
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *row = &r->rows[i];
		char text[ADDR_TEXT];

		json_object(&js, NULL);
		json_str(&js, "from", addr_text(&row->from, text, sizeof(text)));
		json_str(&js, "to", addr_text(&row->to, text, sizeof(text)));
		json_u64(&js, "protocol", row->proto);
		json_u64(&js, "port", row->port);
		json_str(&js, "why", words_why(&row->first.verdict));
		json_str(&js, "rule", row->rule == POLICY_NONE ? NULL : r->judge->policy->rules[row->rule].id);
		json_u64(&js, "packets", row->packets);
		json_u64(&js, "bytes", row->bytes);
		json_end(&js);
	}
	json_end_array(&js);
	json_end(&js);
	buf_char(&out, '\n');
	cmd_print(&out);
	buf_fini(&out);
}

static void summary(struct replay *r)
{
	const struct worker_stats s = worker_stats(r->worker);
	const struct source_pcap_counts frames = source_pcap_counts(r->source);

	qsort(r->rows, ROWS, sizeof(*r->rows), by_packets);
	if (r->cmd->json) {
		summary_json(r, &s, &frames);
		return;
	}
	table_of(r);
	printf("%llu frames (%llu no IP), %llu packets: %llu allowed (%llu of them touch no guarded zone), "
	       "%llu denied, %llu would be\n",
	       (unsigned long long)frames.frames, (unsigned long long)frames.other, (unsigned long long)s.packets,
	       (unsigned long long)s.allowed, (unsigned long long)s.unguarded,
	       (unsigned long long)(s.denied + s.forgotten + s.rejected), (unsigned long long)s.would_block);
	if (r->beyond)
		printf("%llu denied packets of further flows are not listed\n", (unsigned long long)r->beyond);
}

static int replay(struct replay *r)
{
	struct policy *p = cmd_load(r->cmd, r->cmd->policy, NULL);
	struct err e = { 0 };

	if (!p)
		return CTL_UNSURE;
	if (first_pass(r, p, &e) < 0) {
		policy_free(p);
		return cmd_fail(&e);
	}
	r->judge = judge_new(p, r->ident, now_wall_ns(), &e);
	if (!r->judge)
		return cmd_fail(&e);
	r->published.p = r->judge;
	if (second_pass(r, &e) < 0)
		return cmd_fail(&e);
	if (!r->events)
		summary(r);
	return CTL_YES;
}

int cmd_replay(struct cmd *c, int argc, char **argv)
{
	struct replay r = { .cmd = c };
	bool devices = false;
	const struct cmd_option own[] = {
		{ "events", NULL, CMD_FLAG, &r.events, "each denied packet as an event, instead of a summary" },
		{ "format", "FORMAT", CMD_VALUE, &r.format, "of --events: ecs (the default) or sd" },
		{ "devices", NULL, CMD_FLAG, &devices, "who is in the capture; needs no policy" },
		{ 0 },
	};
	int rc = cmd_options(c, argc, argv, own, 1, 1);

	if (rc >= 0)
		return rc;
	r.path = c->args[0];
	if (devices)
		return cmd_replay_devices(c, r.path);
	r.enc = enc_find(r.format ? r.format : "ecs");
	if (!r.enc)
		return cmd_misuse(c, "--format %s: there are ecs and sd", r.format);
	r.rows = calloc(ROWS, sizeof(*r.rows));
	if (!r.rows)
		return cmd_misuse(c, "out of memory");
	rc = replay(&r);
	if (r.worker)
		worker_free(r.worker);
	judge_free(r.judge);
	ident_free(r.ident);
	free(r.rows);
	return rc;
}
