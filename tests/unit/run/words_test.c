/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decisions in words, flows that nobody sent, and who opened what in a capture. */
#include "run/words.h"

#include <netinet/in.h>

#include "run/source.h"
#include "run/trial.h"
#include "unit/run/fake.h"

static struct words words;
static struct event ev;

static struct verdict told(const struct judge *j, const struct pkt *p)
{
	struct verdict v;
	struct flow f;

	flow_of_pkt(p, &j->ifmap, j->who, &f);
	v = prog_eval(j->prog, &f, NULL);
	words_event(j, p, &f, &v, &words, &ev);
	return v;
}

START_TEST(a_restricted_device)
{
	struct judge *j = fake_judge(FAKE_POLICY);
	struct pkt p = fake_packet(BAD_MAC, "10.20.0.6", "10.1.5.10", IPPROTO_TCP, 445);

	p.tcp_flags = PKT_TCP_SYN;
	told(j, &p);
	ck_assert_int_eq(ev.kind, EVENT_BLOCKED);
	ck_assert_int_eq(ev.action, EVENT_DROPPED);
	ck_assert_uint_eq(ev.severity, POLICY_SEV_HIGH);
	ck_assert_str_eq(ev.rule, "isolated");
	ck_assert_str_eq(ev.rule_place, "fake.yaml:17");
	ck_assert_str_eq(ev.reason, "not to be connected");
	ck_assert_str_eq(ev.why, "restrict");
	ck_assert_str_eq(ev.service, "tcp/445");
	ck_assert_str_eq(ev.site, "fake");
	ck_assert_str_eq(ev.from.device_name, "bad");
	ck_assert_str_eq(ev.from.maker, "hikvision");
	ck_assert_str_eq(ev.from.cls, "restricted");
	ck_assert_str_eq(ev.from.iface, "cam0");
	ck_assert_str_eq(ev.from.evidence[0], "listed: bad (fake.yaml:11)");
	ck_assert_ptr_nonnull(strstr(ev.from.evidence[1], "(MA-L 44:19:b6/24)"));
	ck_assert_ptr_nonnull(strstr(ev.from.authority, "uk-nil: understood"));
	ck_assert_str_eq(ev.to.zone, "core");
	ck_assert_str_eq(ev.to.cls, "");
	ck_assert_ptr_null(ev.to.authority);
	ck_assert_uint_eq(ev.to.port, 445);
	ck_assert_uint_eq(ev.from.port, 4000);
	ck_assert_int_eq(strncmp(ev.community_id, "1:", 2), 0);
	judge_free(j);
}
END_TEST

/* The same packet as an answer: its sender did not open the flow. */
START_TEST(an_answer_is_told_by_its_opener)
{
	struct judge *j = fake_judge(FAKE_POLICY);
	struct pkt p = fake_packet(BAD_MAC, "10.20.0.6", "10.1.5.10", IPPROTO_TCP, 445);

	p.direction = PKT_REPLY;
	told(j, &p);
	ck_assert_str_eq(ev.to.device_name, "bad");
	ck_assert_uint_eq(ev.to.port, 4000);
	ck_assert_uint_eq(ev.from.port, 445);
	ck_assert_str_eq(ev.from.zone, "core");
	ck_assert(ev.to.has_mac && !ev.from.has_mac);
	judge_free(j);
}
END_TEST

START_TEST(an_unknown_device_and_a_spoof)
{
	struct judge *j = fake_judge(FAKE_POLICY);
	struct pkt p = fake_packet("02:00:00:00:00:09", "10.20.0.99", "10.1.5.10", IPPROTO_UDP, 53);
	struct verdict v = told(j, &p);

	ck_assert_int_eq(v.why, VERDICT_RESTRICT);
	ck_assert_str_eq(ev.why, "unknown");
	ck_assert_str_eq(ev.from.cls, "unknown");
	p = fake_packet(CAM_MAC, "10.1.9.9", "10.1.5.10", IPPROTO_UDP, 5001);
	v = told(j, &p);
	ck_assert_int_eq(v.why, VERDICT_SPOOF);
	ck_assert_str_eq(ev.why, "spoof");
	ck_assert_uint_eq(ev.severity, POLICY_SEV_HIGH);
	ck_assert_ptr_null(ev.rule);
	judge_free(j);
}
END_TEST

START_TEST(an_observed_rule_on_the_way)
{
	struct judge *j = fake_judge(FAKE_POLICY);
	struct pkt p = fake_packet(CAM_MAC, "10.20.0.5", "10.1.5.10", IPPROTO_TCP, 80);
	struct verdict v = told(j, &p);

	ck_assert_int_eq(ev.kind, EVENT_BLOCKED);
	ck_assert_str_eq(ev.why, "default");
	ck_assert_uint_ne(v.observed, POLICY_NONE);
	words_observed(j, &v, &words, &ev);
	ck_assert_int_eq(ev.kind, EVENT_WOULD_ALLOW);
	ck_assert_str_eq(ev.rule, "try-web");
	judge_free(j);
}
END_TEST

START_TEST(services_in_words)
{
	char b[32];

	ck_assert_str_eq(words_service(IPPROTO_UDP, true, 53, 0, b, sizeof(b)), "udp/53");
	ck_assert_str_eq(words_service(IPPROTO_ICMP, false, 0, 8, b, sizeof(b)), "icmp/8");
	ck_assert_str_eq(words_service(47, false, 0, 0, b, sizeof(b)), "gre");
	ck_assert_str_eq(words_service(200, false, 0, 0, b, sizeof(b)), "proto/200");
}
END_TEST

/* ---- tests: of the policy ---- */

#define TESTED FAKE_POLICY \
	"exceptions:\n" \
	"  - { id: ends, from: vms, to: bad, services: [tcp/8000], expires: 2030-01-31, owner: o, ticket: t, reason: r }\n" \
	"tests:\n" \
	"  - { name: one, from: bad, to: 10.1.5.10, service: tcp/445, expect: drop, rule: isolated }\n" \
	"  - { name: two, from: { mac: \"ac:cc:8e:00:00:77\", zone: cctv }, to: vms, service: udp/5001, expect: allow, rule: rtp }\n" \
	"  - { name: three, from: cam, to: vms, service: tcp/22, expect: allow }\n" \
	"  - { name: four, at: 2030-01-15, from: vms, to: bad, service: tcp/8000, expect: allow, rule: ends }\n" \
	"  - { name: six, from: { mac: \"ac:cc:8e:00:00:77\", address: 10.20.0.77 }, to: vms, service: udp/5001, expect: allow }\n" \
	"  - { name: five, at: 2030-02-15, from: vms, to: bad, service: tcp/8000, expect: drop, rule: isolated }\n"

START_TEST(tests_are_judged)
{
	struct judge *j = fake_judge(TESTED);
	struct trial_result r[6];
	struct buf b;

	ck_assert_uint_eq(trial_run(j, r), 1);
	for (int i = 0; i < 6; i++)
		ck_assert_msg(r[i].passed == (i != 2), "test %d", i + 1);
	buf_init(&b);
	trial_text(j, &r[2], &b);
	ck_assert_str_eq(buf_cstr(&b), "three: expected allow, got drop by default");
	buf_fini(&b);
	judge_free(j);
}
END_TEST

/* ---- a capture ---- */

static void u16(FILE *f, unsigned v) { fputc((int)(v >> 8), f); fputc((int)(v & 255), f); }

static void u32le(FILE *f, uint32_t v) { fwrite(&v, 4, 1, f); }

/* An Ethernet frame with IPv4 and TCP, addresses 10.0.0.a and 10.0.0.b. */
static void frame(FILE *f, unsigned a, unsigned b, unsigned sport, unsigned dport, unsigned flags)
{
	u32le(f, 1);
	u32le(f, 0);
	u32le(f, 54);
	u32le(f, 54);
	fwrite("\2\0\0\0\0\1\2\0\0\0\0\2\x08\0", 1, 14, f);
	fwrite("\x45\0\0\x28\0\0\0\0\x40\6\0\0\x0a\0\0", 1, 15, f);
	fputc((int)a, f);
	fwrite("\x0a\0\0", 1, 3, f);
	fputc((int)b, f);
	u16(f, sport);
	u16(f, dport);
	fwrite("\0\0\0\0\0\0\0\0\x50", 1, 9, f);
	fputc((int)flags, f);
	fwrite("\0\0\0\0\0\0", 1, 6, f);
}

START_TEST(who_opened_is_told_by_the_capture)
{
	static const int wanted[] = { PKT_ORIGINAL, PKT_REPLY, PKT_ORIGINAL, PKT_REPLY, PKT_ORIGINAL, PKT_ORIGINAL, PKT_REPLY };
	char path[] = "/tmp/ringfence-pcap-XXXXXX";
	FILE *f = fdopen(mkstemp(path), "wb");
	struct pkt pkts[SOURCE_BATCH];
	struct source *s;
	struct err e = { 0 };

	u32le(f, 0xa1b2c3d4);
	u32le(f, 0x00040002);
	u32le(f, 0);
	u32le(f, 0);
	u32le(f, 65535);
	u32le(f, 1);
	frame(f, 1, 2, 1000, 9000, PKT_TCP_SYN);                        /* opened from the lower port */
	frame(f, 2, 1, 9000, 1000, PKT_TCP_SYN | PKT_TCP_ACK);
	frame(f, 1, 2, 1000, 9000, PKT_TCP_ACK);
	frame(f, 3, 4, 554, 40000, PKT_TCP_ACK);                        /* begun before the capture: the lower port serves */
	frame(f, 4, 3, 40000, 554, PKT_TCP_ACK);
	frame(f, 2, 1, 9000, 1000, PKT_TCP_SYN);                        /* opened anew, from the other side */
	frame(f, 1, 2, 1000, 9000, PKT_TCP_ACK);
	fclose(f);
	s = source_pcap_new(path, NULL, NULL, &e);
	ck_assert_msg(s, "%s", e.msg);
	ck_assert_int_eq(s->ops->next(s, pkts, &e), 7);
	for (int i = 0; i < 7; i++)
		ck_assert_msg(pkts[i].direction == wanted[i], "packet %d", i + 1);
	ck_assert_int_eq(s->ops->next(s, pkts, &e), 0);
	ck_assert_uint_eq(source_pcap_counts(s).frames, 7);
	source_free(s);
	unlink(path);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("words");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_restricted_device);
	tcase_add_test(t, an_answer_is_told_by_its_opener);
	tcase_add_test(t, an_unknown_device_and_a_spoof);
	tcase_add_test(t, an_observed_rule_on_the_way);
	tcase_add_test(t, services_in_words);
	tcase_add_test(t, tests_are_judged);
	tcase_add_test(t, who_opened_is_told_by_the_capture);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
