/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Goldens: tests/golden/events/FORMAT.txt, one line for each kind; UPDATE=1 writes them. */
#include "event/enc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "unit/event/samples.h"
#include "unit/suite.h"

#define HOST "fw-depot-3.cctv.a-rather-long-domain-name.estates.example.gov.uk"

static const struct enc_config config = { .hostname = HOST, .version = "1.0.0" };
static struct buf out;

static void setup(void)
{
	buf_init(&out);
}

static void teardown(void)
{
	buf_fini(&out);
}

static void encode(const char *format, const struct event *ev, size_t budget)
{
	struct enc_config c = config;
	struct err e;

	c.budget = budget;
	ck_assert_msg(enc_event(enc_find(format), ev, &c, &out, &e) == 0, "%s", e.msg);
	ck_assert_uint_le(out.len, budget ? budget : ENC_BUDGET);
	for (size_t i = 0; i < out.len; ) {
		uint32_t cp;
		unsigned n = utf8_next(out.data + i, out.len - i, &cp);

		ck_assert_msg(n > 0, "no UTF-8 at %zu", i);
		ck_assert_msg(cp >= 32 && cp != 127 && !(cp >= 0x80 && cp < 0xa0), "control character %u at %zu", cp, i);
		i += n;
	}
}

static void contains(const char *text)
{
	ck_assert_msg(strstr(buf_cstr(&out), text) != NULL, "%s is not in %s", text, buf_cstr(&out));
}

START_TEST(goldens)
{
	const struct enc *enc = &enc_table[_i];
	char path[128], id[80], line[ENC_BUDGET_MAX + 2];
	FILE *f;

	snprintf(path, sizeof(path), "tests/golden/events/%s.txt", enc->name);
	f = fopen(path, getenv("UPDATE") ? "we" : "re");
	ck_assert_msg(f != NULL, "%s: %s (run from the top of the tree)", path, strerror(errno));
	for (int k = 0; k < EVENT_KINDS; k++) {
		struct event ev;

		sample_event(&ev, (enum event_kind)k);
		snprintf(id, sizeof(id), "%s-%llu-a1b2c3d4", ev.store_id, (unsigned long long)ev.seq);
		ev.id = id;
		encode(enc->name, &ev, ENC_BUDGET_MAX);
		if (getenv("UPDATE")) {
			fprintf(f, "%s\n", buf_cstr(&out));
		} else {
			ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
			line[strcspn(line, "\n")] = '\0';
			ck_assert_str_eq(buf_cstr(&out), line);
		}
	}
	fclose(f);
}
END_TEST

/* The worst event there is: every word as long as it may be and full of what needs escaping. */
static void fill(struct event *ev, char *word)
{
	const char **words[] = { &ev->service, &ev->rule, &ev->rule_place, &ev->why, &ev->exception, &ev->reason, &ev->technique,
		&ev->domain, &ev->dns_question, &ev->tls_name, &ev->site, &ev->sensitivity, &ev->policy_revision,
		&ev->policy_digest };
	struct event_end *ends[] = { &ev->from, &ev->to };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		*words[i] = word;
	for (unsigned i = 0; i < EVENT_NAMES; i++)
		ev->names[i] = word;
	ev->n_names = EVENT_NAMES;
	for (int i = 0; i < 2; i++) {
		struct event_end *end = ends[i];
		const char **more[] = { &end->zone, &end->zone_mode, &end->iface, &end->device_name, &end->maker, &end->cls,
			&end->location, &end->switch_port, &end->evidence[0], &end->evidence[1], &end->evidence[2],
			&end->authority };

		memset(end, 0xff, sizeof(*end));
		end->has_mac = end->has_port = true;
		end->addr = addr_v6_net("\x20\x01\x0d\xb8\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
		for (size_t w = 0; w < sizeof(more) / sizeof(more[0]); w++)
			*more[w] = word;
	}
	ev->packets = ev->bytes = ev->more_names = ev->seq = UINT64_MAX;
	ev->first_ns = SAMPLE_NS;
	ev->last_ns = SAMPLE_NS + 1000000000;
	ev->summary = true;
	ev->proto = 58;
	ev->icmp_type = ev->icmp_code = 255;
}

START_TEST(the_worst_event_fits_in_every_format)
{
	static const size_t budgets[] = { ENC_BUDGET, 3000, ENC_BUDGET_MAX };
	static const char *const units[] = { "\"", "\\", "]", "\xe2\x82\xac", "\x01", "\xff", "\xc2\x9b", "x" };
	char word[EVENT_WORD_MAX + 8] = "";
	struct event ev;

	while (strlen(word) + strlen(units[_i]) <= EVENT_WORD_MAX)
		strncat(word, units[_i], sizeof(word) - strlen(word) - 1);
	for (const struct enc *enc = enc_table; enc->name; enc++) {
		for (size_t b = 0; b < 3; b++) {
			sample_event(&ev, EVENT_BLOCKED);
			fill(&ev, word);
			ev.detail = "{\"a\":\"b\"}";
			ev.id = "ffffffffffffffffffffffffffffffff-18446744073709551615-ffffffff";
			encode(enc->name, &ev, budgets[b]);
			contains("18446744073709551615");  /* counts are never shortened */
			contains("hortened");
		}
	}
}
END_TEST

START_TEST(what_fits_is_not_shortened)
{
	struct event ev;

	for (const struct enc *enc = enc_table; enc->name; enc++) {
		for (int k = 0; k < EVENT_KINDS; k++) {
			sample_event(&ev, (enum event_kind)k);
			encode(enc->name, &ev, ENC_BUDGET_MAX);
			ck_assert_ptr_null(strstr(buf_cstr(&out), "hortened"));
		}
	}
}
END_TEST

/* The order is the stated one: names go before evidence, evidence before words, detail loses whole members only. */
START_TEST(shortened_in_the_stated_order)
{
	char long_name[200];
	struct event ev;

	memset(long_name, 'n', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	sample_event(&ev, EVENT_BLOCKED);
	for (unsigned i = 0; i < EVENT_NAMES; i++)
		ev.names[i] = long_name;
	ev.n_names = EVENT_NAMES;
	encode("ecs", &ev, 6000);
	contains("\"shortened\":\"names: the first 8\"");
	contains("pinned: asset register");
	encode("ecs", &ev, 4400);
	ck_assert_ptr_null(strstr(buf_cstr(&out), "pinned: asset register"));
	contains("Hangzhou Hikvision");
}
END_TEST

START_TEST(a_long_detail_keeps_whole_members)
{
	struct buf detail;
	struct event ev;

	buf_init(&detail);
	buf_str(&detail, "{\"head\":\"abc\",\"tricky\":\"a,}\\\"{\"");
	for (int i = 0; i < 100; i++)
		buf_printf(&detail, ",\"file%d\":{\"sha256\":[\"%064d\",2]}", i, i);
	buf_char(&detail, '}');
	sample_event(&ev, EVENT_HEARTBEAT);
	ev.detail = buf_cstr(&detail);
	encode("ecs", &ev, 3000);
	contains("\"detail\":{\"head\":\"abc\",\"tricky\":\"a,}\\\"{\",\"file0\":{\"sha256\":[");
	contains("]},\"omitted\":");
	encode("sd", &ev, 3000);
	buf_fini(&detail);
}
END_TEST

START_TEST(structured_data_is_escaped)
{
	struct event ev;

	sample_event(&ev, EVENT_CONFIG_CHANGED);
	encode("sd", &ev, 0);
	contains(" reason=\"words for a person: \\\"quoted\\\", back\\\\slash and \\] bracket\"");
	ck_assert_int_eq(strncmp(buf_cstr(&out), "<133>1 2026-11-21T", 18), 0);
	contains(" " HOST " ringfence - config_changed [meta sequenceId=\"");
	contains("[ringfence@32473 ");
}
END_TEST

START_TEST(sequence_ids_wrap_within_their_range)
{
	struct event ev;

	sample_event(&ev, EVENT_HEARTBEAT);
	ev.seq = 2147483647;
	encode("sd", &ev, 0);
	contains("[meta sequenceId=\"2147483647\"]");
	ev.seq = 2147483648;
	encode("sd", &ev, 0);
	contains("[meta sequenceId=\"1\"]");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("enc");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, goldens, 0, 3);
	tcase_add_loop_test(tc, the_worst_event_fits_in_every_format, 0, 8);
	tcase_add_test(tc, what_fits_is_not_shortened);
	tcase_add_test(tc, shortened_in_the_stated_order);
	tcase_add_test(tc, a_long_detail_keeps_whole_members);
	tcase_add_test(tc, structured_data_is_escaped);
	tcase_add_test(tc, sequence_ids_wrap_within_their_range);
	return suite_run(tc);
}
