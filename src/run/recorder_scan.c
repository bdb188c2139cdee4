/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elements that no event knows, since the kernel denied them by itself.  A sender that tried many targets, a few packets each, is
 * told as one event for each rule that denied them: how many, some of them, and all their packets.  The rest is told one by one:
 * what it tried elsewhere beside a scan, and what others tried through the same router.
 * Invariant: every packet is told exactly once. */
#include "run/recorder_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/now.h"
#include "policy/policy.h"

/* Where a device has more than TARGETS quiet ones: more than SCAN of them at one address are a scan, or TARGETS at many.  Of one
 * device, or of one router's many senders, no more than SCANS and ALONE are told apart. */
enum { TARGETS = 100, SCAN = 20, SCANS = 64, ALONE = 300, FEW = 10, EXAMPLES = 10 };

/* An element with what denied it. */
struct attempt {
	const struct tell_denied *el;
	uint32_t rule;
	uint8_t why;
	bool loud;                      /* too many packets to be one of many, or a reply */
	bool scan;                      /* one of many */
};

static int compare_sources(const struct attempt *a, const struct attempt *b)
{
	int c = (a->el->key.iface > b->el->key.iface) - (a->el->key.iface < b->el->key.iface);

	if (!c)
		c = memcmp(&a->el->key.mac, &b->el->key.mac, sizeof(a->el->key.mac));
	if (!c)
		c = a->why - b->why;
	return c ? c : (a->rule > b->rule) - (a->rule < b->rule);
}

static int compare_targets(const void *pa, const void *pb)
{
	const struct attempt *a = pa, *b = pb;
	int c = a->scan - b->scan;

	if (!c)
		c = addr_compare(&a->el->key.to, &b->el->key.to);
	if (!c)
		c = a->el->key.proto - b->el->key.proto;
	return c ? c : a->el->key.port - b->el->key.port;
}

static int compare(const void *pa, const void *pb)
{
	const struct attempt *a = pa, *b = pb;
	int c = compare_sources(a, b);

	if (!c)
		c = a->loud - b->loud;
	if (!c)
		c = addr_compare(&a->el->key.from, &b->el->key.from);
	return c ? c : compare_targets(a, b);
}

/* Most packets first. */
static int compare_packets(const void *pa, const void *pb)
{
	const struct attempt *a = pa, *b = pb;

	return (a->el->packets < b->el->packets) - (a->el->packets > b->el->packets);
}

static void tell_alone(struct recorder *r, const struct recorder_item *it, const struct tell_denied *el)
{
	const struct merge_count c = {
		.packets = el->packets, .bytes = el->bytes, .first_ns = it->first_ns, .last_ns = it->last_ns,
	};

	tell_element(&r->tell, it->judge, el, &c, it->outage, now_mono_ns());
}

struct extent { size_t targets, addresses, ports, sources; };

/* Sorted by address: an address begins where it differs from the one before. */
static struct extent extent_of(const struct attempt *a, size_t n)
{
	struct extent e = { 0 };
	uint8_t seen[2][65536 / 8] = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct merge_denied *k = &a[i].el->key, *before = i ? &a[i - 1].el->key : NULL;
		uint8_t *bits = &seen[k->proto == 17][k->port / 8];
		const bool same = before && addr_equal(&k->to, &before->to);

		e.targets += !same || k->port != before->port || k->proto != before->proto;
		e.addresses += !same;
		e.ports += !(*bits >> k->port % 8 & 1);
		*bits |= (uint8_t)(1U << k->port % 8);
	}
	return e;
}

static void example_of(const struct merge_denied *k, bool from, struct json *js)
{
	char addr[ADDR_TEXT], service[32];
	struct buf text;

	buf_init(&text);
	if (from)
		buf_printf(&text, "%s to ", addr_text(&k->from, addr, sizeof(addr)));
	buf_printf(&text, "%s %s", addr_text(&k->to, addr, sizeof(addr)),
		   words_service(k->proto, true, k->port, 0, service, sizeof(service)));
	json_str(js, NULL, buf_cstr(&text));
	buf_fini(&text);
}

/* Evenly from all of them; of several addresses the first target each. */
static void examples_of(const struct attempt *a, size_t n, const struct extent *e, struct json *js)
{
	size_t told = 0, address = 0;

	for (size_t i = 0; i < n && told < EXAMPLES; i++) {
		const bool next = i && !addr_equal(&a[i].el->key.to, &a[i - 1].el->key.to);

		address += next;
		if (e->addresses > 1 ? (i && !next) || address * EXAMPLES / e->addresses < told : i * EXAMPLES / n < told)
			continue;
		example_of(&a[i].el->key, e->sources > 1, js);
		told++;
	}
}

static void detail_of(const struct attempt *a, size_t n, const struct extent *e, struct buf *out)
{
	struct json js;

	json_init(&js, out);
	json_object(&js, NULL);
	json_u64(&js, "targets", e->targets);
	json_u64(&js, "addresses", e->addresses);
	json_u64(&js, "ports", e->ports);
	if (e->sources > 1)
		json_u64(&js, "sources", e->sources);
	json_array(&js, "examples");
	examples_of(a, n, e, &js);
	json_end_array(&js);
	json_end(&js);
}

/* Sorted by target; sources: how many there are. */
static void tell_scan(struct recorder *r, const struct recorder_item *it, const struct attempt *a, size_t n, size_t sources)
{
	struct merge_count c = { .first_ns = it->first_ns, .last_ns = it->last_ns };
	struct extent e = extent_of(a, n);
	struct verdict v;
	struct event ev;
	struct flow f;
	struct buf detail;

	for (size_t i = 0; i < n; i++) {
		c.packets += a[i].el->packets;
		c.bytes += a[i].el->bytes;
	}
	e.sources = sources;
	tell_element_event(it->judge, a->el, &c, &r->tell.words, &f, &v, &ev);
	buf_init(&detail);
	detail_of(a, n, &e, &detail);
	ev.kind = it->outage ? EVENT_OUTAGE : EVENT_SCAN;
	ev.summary = true;
	ev.technique = "T1046";
	ev.detail = detail.failed ? NULL : buf_cstr(&detail);
	if (sources > 1)
		tell_many(&ev);
	if (e.addresses > 1)
		ev.to = (struct event_end){ 0 };
	if (e.ports > 1) {
		ev.to.has_port = false;
		ev.to.port = 0;
		ev.service = NULL;
	}
	recorder_emit(r, &ev);
	buf_fini(&detail);
}

/* Which of a sender's are one of many?  Sorted by target. */
static size_t mark_scan(struct attempt *a, size_t n)
{
	size_t begin = 0, alone = 0;

	for (size_t i = 1; i <= n; i++) {
		if (i < n && addr_equal(&a[i].el->key.to, &a[begin].el->key.to))
			continue;
		for (size_t k = begin; k < i; k++)
			a[k].scan = i - begin > SCAN;
		alone += i - begin > SCAN ? 0 : i - begin;
		begin = i;
	}
	for (size_t i = 0; alone > TARGETS && i < n; i++)
		a[i].scan = true;
	return alone > TARGETS ? 0 : alone;
}

/* What is left of too many senders: most packets first, the rest as one. */
static size_t tell_rest(struct recorder *r, const struct recorder_item *it, struct attempt *a, size_t n)
{
	size_t sources = 1;

	if (n <= ALONE)
		return n;
	qsort(a, n, sizeof(*a), compare_packets);
	qsort(a + ALONE, n - ALONE, sizeof(*a), compare);
	for (size_t i = ALONE + 1; i < n; i++)
		sources += !addr_equal(&a[i].el->key.from, &a[i - 1].el->key.from);
	qsort(a + ALONE, n - ALONE, sizeof(*a), compare_targets);
	tell_scan(r, it, a + ALONE, n - ALONE, sources);
	return ALONE;
}

/* Scans are told; returns how many are left, to be told alone: moved to the front. */
static size_t tell_scans(struct recorder *r, const struct recorder_item *it, struct attempt *a, size_t n)
{
	size_t begin = 0, scans = 0, left = 0;

	for (size_t i = 1; i <= n; i++) {
		size_t alone = i - begin;

		if (i < n && addr_equal(&a[i].el->key.from, &a[begin].el->key.from))
			continue;
		if (scans < SCANS)
			alone = mark_scan(a + begin, i - begin);
		if (alone < i - begin) {
			qsort(a + begin, i - begin, sizeof(*a), compare_targets);
			tell_scan(r, it, a + begin + alone, i - begin - alone, 1);
			scans++;
		}
		memmove(a + left, a + begin, alone * sizeof(*a));
		left += alone;
		begin = i;
	}
	return tell_rest(r, it, a, left);
}

/* One device, or router, and one rule: the quiet ones first. */
static void tell_source(struct recorder *r, const struct recorder_item *it, struct attempt *a, size_t n)
{
	size_t quiet = 0, left;

	while (quiet < n && !a[quiet].loud)
		quiet++;
	left = quiet > TARGETS ? tell_scans(r, it, a, quiet) : quiet;
	for (size_t i = 0; i < left; i++)
		tell_alone(r, it, a[i].el);
	for (size_t i = quiet; i < n; i++)
		tell_alone(r, it, a[i].el);
}

void recorder_strange(struct recorder *r, const struct recorder_item *it, size_t n)
{
	struct attempt *all = n > TARGETS ? malloc(n * sizeof(*all)) : NULL;
	size_t begin = 0;

	for (size_t i = 0; i < n; i++) {
		const struct tell_denied *el = &it->elements[i];
		struct verdict v;

		if (!all) {
			tell_alone(r, it, el);
			continue;
		}
		v = tell_judge(it->judge, el);
		all[i] = (struct attempt){ el, v.rule, v.why, el->packets > FEW || el->key.reply, false };
	}
	if (all)
		qsort(all, n, sizeof(*all), compare);
	for (size_t i = 1; all && i <= n; i++) {
		if (i < n && compare_sources(&all[begin], &all[i]) == 0)
			continue;
		tell_source(r, it, all + begin, i - begin);
		begin = i;
	}
	free(all);
}
