/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top: what was allowed, biggest first, read from the store itself.
 *	ringfence top [--since TIME] [--by flow|device|rule] [--last N] */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/now.h"
#include "base/word.h"
#include "run/paths.h"
#include "run/words.h"
#include "store/store.h"
#include "store/traffic.h"

enum { LAST = 20, LAST_MAX = 100000 };
#define HOUR_NS (TRAFFIC_HOUR_S * NOW_NS_PER_S)

static const struct word by_words[] = {
	{ "flow", TRAFFIC_BY_FLOW }, { "device", TRAFFIC_BY_DEVICE }, { "rule", TRAFFIC_BY_RULE }, { 0 },
};

struct wanted {
	const char *since, *by, *last;
	int64_t since_ns;
	int sums;               /* enum traffic_by */
	size_t max;
};

static int read_wanted(const struct cmd *c, struct wanted *w)
{
	char list[64], *end;
	unsigned long n;

	w->since_ns = now_wall_ns() - 24 * HOUR_NS;
	w->max = LAST;
	if (w->since && !cmd_moment(w->since, &w->since_ns))
		return cmd_misuse(c, "--since needs a day, an RFC 3339 time or an age such as 15m, not \"%s\"", w->since);
	if (w->by && !word_find(by_words, w->by, &w->sums))
		return cmd_misuse(c, "--by %s: there are %s", w->by, word_list(by_words, list, sizeof(list)));
	if (w->last) {
		n = strtoul(w->last, &end, 10);
		if (*end || end == w->last || *w->last == '-' || !n || n > LAST_MAX)
			return cmd_misuse(c, "--last needs a number up to %d, not \"%s\"", LAST_MAX, w->last);
		w->max = n;
	}
	return -1;
}

static const char *service_of(const struct traffic_row *r, char *buf, size_t size)
{
	const bool icmp = r->proto == 1 || r->proto == 58;

	if (!r->proto)
		return "";
	return words_service(r->proto, !icmp && r->port, r->port, (uint8_t)(r->port >> 8), buf, size);
}

static void end_text(const char *name, const char *mac, const struct addr *a, const char *zone, struct buf *out)
{
	char text[ADDR_TEXT];

	buf_reset(out);
	if (*name)
		buf_printf(out, "%s ", name);
	if (a->family)
		buf_str(out, addr_text(a, text, sizeof(text)));
	else
		buf_str(out, *mac ? mac : "(others)");
	if (*zone)
		buf_printf(out, " @%s", zone);
}

static void bytes_cell(struct cmd_table *t, uint64_t n)
{
	static const char units[] = "kMGTPE";
	double x = (double)n;
	int i = -1;

	while (x >= 1000 && i < 5) {
		x /= 1000;
		i++;
	}
	if (i < 0)
		cmd_table_cell(t, "%llu", (unsigned long long)n);
	else
		cmd_table_cell(t, "%.*f %c", x < 10 ? 2 : x < 100 ? 1 : 0, x, units[i]);
}

static void cells(struct cmd_table *t, const struct wanted *w, const struct traffic_sum *s)
{
	const struct traffic_row *r = &s->row;
	char when[40], service[32];
	struct buf end;

	buf_init(&end);
	if (w->sums != TRAFFIC_BY_RULE) {
		end_text(s->from_name, s->from_mac, &r->from, r->from_zone, &end);
		cmd_table_cell(t, "%s", buf_cstr(&end));
	}
	if (w->sums == TRAFFIC_BY_FLOW) {
		end_text(s->to_name, "", &r->to, r->to_zone, &end);
		cmd_table_cell(t, "%s", buf_cstr(&end));
		cmd_table_cell(t, "%s", service_of(r, service, sizeof(service)));
	}
	if (w->sums != TRAFFIC_BY_DEVICE)
		cmd_table_cell(t, "%s", r->rule);
	cmd_table_cell(t, "%llu", (unsigned long long)r->flows);
	for (int i = 0; i < 2; i++) {
		cmd_table_cell(t, "%llu", (unsigned long long)r->packets[i]);
		bytes_cell(t, r->bytes[i]);
	}
	cmd_table_cell(t, "%s", now_rfc3339(r->last_ns, 0, when, sizeof(when)));
	buf_fini(&end);
}

static void print_table(const struct cmd *c, const struct wanted *w, const struct traffic_sum *sums, size_t n)
{
	static const char *const heads[][12] = {
		[TRAFFIC_BY_FLOW] = { "FROM", "TO", "SERVICE", "RULE", "FLOWS", "PACKETS", "BYTES", "BACK", "BYTES BACK", "LAST" },
		[TRAFFIC_BY_DEVICE] = { "DEVICE", "FLOWS", "SENT", "BYTES SENT", "RECEIVED", "BYTES RECEIVED", "LAST" },
		[TRAFFIC_BY_RULE] = { "RULE", "FLOWS", "PACKETS", "BYTES", "BACK", "BYTES BACK", "LAST" },
	};
	unsigned columns = 0;
	struct cmd_table t;
	struct buf out;

	while (heads[w->sums][columns])
		columns++;
	cmd_table_init(&t, columns);
	for (unsigned i = 0; i < columns; i++)
		cmd_table_cell(&t, "%s", heads[w->sums][i]);
	for (size_t i = 0; i < n; i++)
		cells(&t, w, &sums[i]);
	buf_init(&out);
	cmd_table_print(&t, c, &out);
	cmd_print(&out);
	buf_fini(&out);
}

static void end_json(struct json *js, const char *key, uint64_t device, const char *name, const struct addr *a, const char *zone)
{
	char text[ADDR_TEXT];

	json_object(js, key);
	if (device)
		json_u64(js, "device", device);
	json_str(js, "name", *name ? name : NULL);
	json_str(js, "address", a->family ? addr_text(a, text, sizeof(text)) : NULL);
	json_str(js, "zone", *zone ? zone : NULL);
	json_end(js);
}

static void one_json(struct json *js, const struct wanted *w, const struct traffic_sum *s)
{
	const struct traffic_row *r = &s->row;
	char when[40], service[32];

	json_object(js, NULL);
	if (w->sums != TRAFFIC_BY_RULE)
		end_json(js, w->sums == TRAFFIC_BY_FLOW ? "from" : "device", r->from_device, s->from_name, &r->from, r->from_zone);
	if (w->sums == TRAFFIC_BY_FLOW) {
		end_json(js, "to", r->to_device, s->to_name, &r->to, r->to_zone);
		json_str(js, "service", service_of(r, service, sizeof(service)));
	}
	if (w->sums != TRAFFIC_BY_DEVICE)
		json_str(js, "rule", r->rule);
	json_u64(js, "flows", r->flows);
	json_u64(js, "packets", r->packets[0]);
	json_u64(js, "bytes", r->bytes[0]);
	json_u64(js, "packets_back", r->packets[1]);
	json_u64(js, "bytes_back", r->bytes[1]);
	json_str(js, "first", now_rfc3339(r->first_ns, 0, when, sizeof(when)));
	json_str(js, "last", now_rfc3339(r->last_ns, 0, when, sizeof(when)));
	json_end(js);
}

static void print_json(const struct wanted *w, const struct traffic_sum *sums, size_t n)
{
	struct json js;
	struct buf out;

	buf_init(&out);
	json_init(&js, &out);
	json_array(&js, NULL);
	for (size_t i = 0; i < n; i++)
		one_json(&js, w, &sums[i]);
	json_end_array(&js);
	buf_char(&out, '\n');
	cmd_print(&out);
	buf_fini(&out);
}

int cmd_top(struct cmd *c, int argc, char **argv)
{
	struct wanted w = { 0 };
	const struct cmd_option own[] = {
		{ "since", "TIME", CMD_VALUE, &w.since, "a day, an RFC 3339 time, or an age: 15m, 2h, 7d; default 24h" },
		{ "by", "WHAT", CMD_VALUE, &w.by, "flow (the default), device or rule" },
		{ "last", "N", CMD_VALUE, &w.last, "the biggest N, default 20" },
		{ 0 },
	};
	struct traffic_sum *sums = NULL;
	struct arena *a = arena_new();
	struct db *db = NULL;
	struct err e = { 0 };
	size_t n = 0;
	int rc = cmd_options(c, argc, argv, own, 0, 0);

	if (rc < 0)
		rc = read_wanted(c, &w);
	if (rc < 0) {
		if (!a)
			err_plain(&e, ENOMEM, "out of memory");
		else if (store_open_reader(c->state ? c->state : PATHS_STATE, &db, &e) == 0 &&
			 traffic_list(db, (enum traffic_by)w.sums, w.since_ns, w.max, a, &sums, &n, &e) == 0)
			rc = CTL_YES;
		if (rc < 0)
			rc = cmd_fail(&e);
		else if (c->json)
			print_json(&w, sums, n);
		else
			print_table(c, &w, sums, n);
	}
	db_free(db);
	arena_free(a);
	return rc;
}
