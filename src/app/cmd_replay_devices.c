/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is in a capture: one line per MAC that sent anything, with what the registry and the shipped packs say of its maker. */
#include "app/cmd_replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/now.h"
#include "net/pcap.h"
#include "policy/registry.h"
#include "run/source.h"

enum { MACS = 1 << 16, ADDRS = 3 };

struct sender {
	struct mac mac;
	bool used;
	uint64_t frames;
	int64_t first_ns, last_ns;
	struct addr addrs[ADDRS];
	unsigned n_addrs;               /* more than ADDRS: there were others */
};

struct census {
	struct sender *senders;
	size_t n;
	uint64_t beyond;                /* frames whose sender found no room */
};

static void note_addr(struct sender *s, const struct addr *a)
{
	unsigned known = s->n_addrs < ADDRS ? s->n_addrs : ADDRS;

	for (unsigned i = 0; i < known; i++)
		if (addr_equal(&s->addrs[i], a))
			return;
	if (known < ADDRS)
		s->addrs[known] = *a;
	if (s->n_addrs <= ADDRS)
		s->n_addrs++;
}

/* Ethernet frames carry the sender in bytes 6 to 11; other link types only with IP, and then it is in p. */
static void note(void *arg, const struct pcap_packet *frame, const struct pkt *p)
{
	struct census *c = arg;
	struct mac mac;
	uint64_t at;

	if (p && p->has_smac)
		mac = p->smac;
	else if (frame->linktype == 1 && frame->caplen >= 12)
		memcpy(mac.b, frame->data + 6, sizeof(mac.b));
	else
		return;
	at = addr_mac_u64(&mac) * UINT64_C(0x9e3779b97f4a7c15) >> 48;
	for (unsigned i = 0; i < 64; i++) {
		struct sender *s = &c->senders[(at + i) & (MACS - 1)];

		if (s->used && !addr_mac_equal(&s->mac, &mac))
			continue;
		if (!s->used) {
			*s = (struct sender){ .used = true, .mac = mac, .first_ns = frame->when_ns };
			c->n++;
		}
		s->frames++;
		s->last_ns = frame->when_ns;
		if (p && p->src.family && !addr_is_of_link(&p->src))
			note_addr(s, &p->src);
		return;
	}
	c->beyond++;
}

static int by_frames(const void *a, const void *b)
{
	const struct sender *x = a, *y = b;

	if (x->used != y->used)
		return x->used ? -1 : 1;
	return x->frames == y->frames ? 0 : x->frames > y->frames ? -1 : 1;
}

static const char *registrant_of(const struct policy *p, const struct mac *m)
{
	struct registry_hit hits[4];

	if (registry_find(p->registry, m, hits))
		return hits[0].name;
	return addr_mac_is_local(m) ? "(locally administered)" : "(not registered)";
}

/* "uk-nil us-889": the shipped packs that restrict the maker now. */
static void packs_of(const struct policy *p, uint32_t maker, struct buf *out)
{
	buf_reset(out);
	for (uint32_t i = 0; maker != POLICY_NONE && i < p->n_packs; i++)
		if (policy_maker_restricted(p, maker, &i, 1, now_wall_ns(), NULL))
			buf_printf(out, "%s%s", out->len ? " " : "", p->packs[i].name);
}

static void addrs_of(const struct sender *s, struct buf *out)
{
	char text[ADDR_TEXT];

	buf_reset(out);
	for (unsigned i = 0; i < s->n_addrs && i < ADDRS; i++)
		buf_printf(out, "%s%s", i ? " " : "", addr_text(&s->addrs[i], text, sizeof(text)));
	if (s->n_addrs > ADDRS)
		buf_str(out, " …");
}

static void print_table(const struct cmd *c, const struct policy *p, const struct census *all)
{
	static const char *const names[] = { "MAC", "REGISTRANT", "MAKER", "RESTRICTED BY", "FRAMES", "ADDRESSES" };
	struct cmd_table t;
	struct buf packs, addrs, out;

	buf_init(&packs);
	buf_init(&addrs);
	buf_init(&out);
	cmd_table_init(&t, 6);
	for (unsigned i = 0; i < 6; i++)
		cmd_table_cell(&t, "%s", names[i]);
	for (size_t i = 0; i < all->n; i++) {
		const struct sender *s = &all->senders[i];
		uint32_t maker = policy_maker_of_mac(p, &s->mac, NULL);
		char mac[ADDR_MAC_TEXT];

		packs_of(p, maker, &packs);
		addrs_of(s, &addrs);
		cmd_table_cell(&t, "%s", addr_mac_text(&s->mac, mac, sizeof(mac)));
		cmd_table_cell(&t, "%s", registrant_of(p, &s->mac));
		cmd_table_cell(&t, "%s", maker == POLICY_NONE ? "" : p->makers[maker].name);
		cmd_table_cell(&t, "%s", buf_cstr(&packs));
		cmd_table_cell(&t, "%llu", (unsigned long long)s->frames);
		cmd_table_cell(&t, "%s", buf_cstr(&addrs));
	}
	cmd_table_print(&t, c, &out);
	cmd_print(&out);
	buf_fini(&packs);
	buf_fini(&addrs);
	buf_fini(&out);
}

static void print_json(const struct policy *p, const struct census *all)
{
	struct json js;
	struct buf out, packs;

	buf_init(&out);
	buf_init(&packs);
	json_init(&js, &out);
	json_object(&js, NULL);
	json_str(&js, "registry", registry_date(p->registry));
	json_array(&js, "devices");
	for (size_t i = 0; i < all->n; i++) {
		const struct sender *s = &all->senders[i];
		uint32_t maker = policy_maker_of_mac(p, &s->mac, NULL);
		char text[ADDR_TEXT];

		packs_of(p, maker, &packs);
		json_object(&js, NULL);
		json_str(&js, "mac", addr_mac_text(&s->mac, text, sizeof(text)));
		json_str(&js, "registrant", registrant_of(p, &s->mac));
		json_str(&js, "maker", maker == POLICY_NONE ? NULL : p->makers[maker].name);
		json_str(&js, "restricted_by", packs.len ? buf_cstr(&packs) : NULL);
		json_u64(&js, "frames", s->frames);
		json_str(&js, "first", s->first_ns ? now_rfc3339(s->first_ns, 3, text, sizeof(text)) : NULL);
		json_str(&js, "last", s->last_ns ? now_rfc3339(s->last_ns, 3, text, sizeof(text)) : NULL);
		json_array(&js, "addresses");
		for (unsigned k = 0; k < s->n_addrs && k < ADDRS; k++)
			json_str(&js, NULL, addr_text(&s->addrs[k], text, sizeof(text)));
		json_end_array(&js);
		json_end(&js);
	}
	json_end_array(&js);
	json_end(&js);
	buf_char(&out, '\n');
	cmd_print(&out);
	buf_fini(&packs);
	buf_fini(&out);
}

int cmd_replay_devices(struct cmd *c, const char *path)
{
	static const char empty[] = "version: 1\n";     /* registry, makers and packs come with it */
	struct census all = { 0 };
	struct pkt pkts[SOURCE_BATCH];
	struct err e = { 0 };
	struct policy *p = cmd_load_text(c, "capture", empty, sizeof(empty) - 1);
	struct source *s = p ? source_pcap_new(path, note, &all, &e) : NULL;
	int n = -1;

	all.senders = calloc(MACS, sizeof(*all.senders));
	if (s && all.senders)
		while ((n = s->ops->next(s, pkts, &e)) > 0)
			cmd_progress(c, "reading %s: %llu frames", path, (unsigned long long)source_pcap_counts(s).frames);
	source_free(s);
	if (n == 0) {
		qsort(all.senders, MACS, sizeof(*all.senders), by_frames);
		if (c->json)
			print_json(p, &all);
		else
			print_table(c, p, &all);
		if (all.beyond)
			fprintf(stderr, "ringfence replay: %llu frames of further senders are not listed\n",
				(unsigned long long)all.beyond);
	} else if (p) {
		cmd_fail(&e);
	}
	policy_free(p);
	free(all.senders);
	return n == 0 ? CTL_YES : CTL_UNSURE;
}
