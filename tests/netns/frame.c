/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Crafted packets.  A frame grows towards its front: payload first, then each header pushed before
 * what is there, so that lengths and checksums are known when a header is written.  One row per
 * protocol word (frame_part.c) says what stands above IP. */
#include "netns/frame_part.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static void payload(struct frame_part *p)
{
	size_t n = p->spec->size > FRAME_MARK ? p->spec->size : FRAME_MARK;
	uint8_t *at = frame_push(p->f, n);

	memcpy(at, FRAME_MAGIC, sizeof(FRAME_MAGIC) - 1);
	memcpy(at + sizeof(FRAME_MAGIC) - 1, p->spec->token, 16);
}

static void push_ip4(struct frame_part *p, unsigned proto, unsigned frag_field)
{
	size_t options = p->spec->record_route ? 8 : 0, total = p->f->len + 20 + options;
	uint8_t *at = frame_push(p->f, 20 + options);

	at[0] = (uint8_t)(0x40 | (20 + options) / 4);
	frame_put16(at + 2, (unsigned)total);
	frame_put16(at + 4, p->spec->id);
	frame_put16(at + 6, frag_field);
	at[8] = (uint8_t)(p->spec->ttl ? p->spec->ttl : 64);
	at[9] = (uint8_t)proto;
	memcpy(at + 12, p->src.b, 4);
	memcpy(at + 16, p->dst.b, 4);
	if (options) {
		at[20] = 7;			/* record route, room for one address */
		at[21] = 7;
		at[22] = 4;
	}
	frame_put16(at + 10, frame_fold(frame_sum(0, at, 20 + options)));
}

/* Extension headers in the order of spec->ext; each names what follows it. */
static unsigned push_ext6(struct frame_part *p, unsigned next)
{
	static const struct { char letter; unsigned header; } ext[] = {
		{ 'h', IPPROTO_HOPOPTS }, { 'd', IPPROTO_DSTOPTS }, { 'r', IPPROTO_ROUTING }, { 'f', IPPROTO_FRAGMENT },
	};
	const char *list = p->spec->ext ? p->spec->ext : "";

	for (size_t n = strlen(list); n--;)
		for (size_t i = 0; i < sizeof(ext) / sizeof(*ext); i++) {
			uint8_t *at;

			if (ext[i].letter != list[n])
				continue;
			at = frame_push(p->f, 8);
			at[0] = (uint8_t)next;
			if (ext[i].letter == 'h' || ext[i].letter == 'd')
				frame_put16(at + 2, 0x0104);	/* PadN over the rest */
			if (ext[i].letter == 'r')
				at[2] = 253;		/* experimental type, no segments left */
			if (ext[i].letter == 'f')
				frame_put32(at + 4, p->spec->id + 1);
			next = ext[i].header;
		}
	return next;
}

static void push_ip6(struct frame_part *p, unsigned proto, unsigned frag_field)
{
	uint8_t *at;
	unsigned next = proto;

	if (frag_field) {
		at = frame_push(p->f, 8);
		at[0] = (uint8_t)proto;
		frame_put16(at + 2, (frag_field & 0x1fff) << 3 | (frag_field & 0x2000 ? 1 : 0));
		frame_put32(at + 4, p->spec->id + 1);
		next = IPPROTO_FRAGMENT;
	}
	next = push_ext6(p, next);
	at = frame_push(p->f, 40);
	at[0] = 0x60;
	frame_put16(at + 4, (unsigned)(p->f->len - 40));
	at[6] = (uint8_t)next;
	at[7] = (uint8_t)(p->spec->ttl ? p->spec->ttl : 64);
	memcpy(at + 8, p->src.b, 16);
	memcpy(at + 24, p->dst.b, 16);
}

void frame_push_ip(struct frame_part *p, unsigned proto, unsigned frag_field)
{
	if (p->src.family == AF_INET6)
		push_ip6(p, proto, frag_field);
	else
		push_ip4(p, proto, frag_field);
}

static void push_link(const struct frame_spec *spec, struct frame *f, unsigned type)
{
	unsigned tags[2] = { spec->inner_vlan, spec->vlan };
	size_t before = f->len;

	for (int i = 0; i < 2; i++) {
		uint8_t *at;

		if (!tags[i])
			continue;
		at = frame_push(f, 4);
		frame_put16(at, tags[i]);
		frame_put16(at + 2, type);
		type = ETHERTYPE_VLAN;
	}
	frame_put16(frame_push(f, 14) + 12, type);
	memcpy(f->at, spec->dmac, 6);
	memcpy(f->at + 6, spec->smac, 6);
	f->link = f->len - before;
}

static void build_arp(const struct frame_spec *spec, struct frame *f)
{
	uint8_t *at = frame_push(f, 28);

	frame_put16(at, 1);
	frame_put16(at + 2, ETHERTYPE_IP);
	at[4] = 6;
	at[5] = 4;
	frame_put16(at + 6, 2);
	memcpy(at + 8, spec->smac, 6);
	memcpy(at + 14, spec->src.b, 4);
	memcpy(at + 18, spec->dmac, 6);
	memcpy(at + 24, spec->dst.b, 4);
	push_link(spec, f, ETHERTYPE_ARP);
}

static void start(struct frame *f)
{
	f->at = f->room + sizeof(f->room);
	f->len = 0;
}

/* Copies bytes [from, to) of the transport part into a fragment of its own. */
static void fragment(struct frame_part *p, const struct frame *whole, unsigned proto, size_t from, size_t to, bool more)
{
	start(p->f);
	memcpy(frame_push(p->f, to - from), whole->at + from, to - from);
	frame_push_ip(p, proto, (unsigned)(from / 8) | (more ? 0x2000 : 0));
	push_link(p->spec, p->f, p->src.family == AF_INET6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
}

/* Where a kind of fragmentation cuts: [from, to) of both pieces; to 0: this piece is not sent. */
struct cut {
	const char *name;
	size_t from[2], to[2];		/* to 1: up to the end */
};

static const struct cut cuts[] = {
	{ "first", { 0, 0 }, { 64, 0 } },
	{ "later", { 0, 8 }, { 0, 1 } },
	{ "pair", { 0, 64 }, { 64, 1 } },
	{ "tiny", { 0, 8 }, { 8, 1 } },
	{ "overlap", { 0, 8 }, { 24, 1 } },
};

static const struct cut *cut_find(const char *name)
{
	for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++)
		if (!strcmp(cuts[i].name, name))
			return &cuts[i];
	return NULL;
}

static int build_cut(struct frame_part *p, unsigned proto, const struct cut *c, struct frame out[2])
{
	struct frame whole = *p->f;
	int n = 0;

	whole.at = whole.room + (p->f->at - p->f->room);
	for (int i = 0; i < 2; i++) {
		size_t to = c->to[i] == 1 || c->to[i] > whole.len ? whole.len : c->to[i];

		if (!to)
			continue;
		p->f = &out[n++];
		fragment(p, &whole, proto, c->from[i], to, to < whole.len);
	}
	return n;
}

int frame_check(const struct frame_spec *spec)
{
	const struct frame_word *w = spec->proto ? frame_word_find(spec->proto) : NULL;
	const char *bad = NULL;

	if (!w)
		bad = "unknown --proto";
	else if (spec->inner_proto && !frame_word_find(spec->inner_proto))
		bad = "unknown --inner-proto";
	else if (!spec->token || strlen(spec->token) != 16)
		bad = "--token is 16 hex digits";
	else if (spec->frag && !cut_find(spec->frag))
		bad = "unknown --frag";
	else if (spec->size > FRAME_MAX - 200)
		bad = "--size is too large";
	else if (!spec->src.family || spec->src.family != spec->dst.family)
		bad = "--src and --dst must be of one family";
	else if ((spec->src.family == AF_INET6 ? w->ip_proto6 : w->ip_proto4) < 0)
		bad = "--proto does not go over this family";
	if (!bad)
		return 0;
	fprintf(stderr, "netprobe: %s\n", bad);
	return -1;
}

int frame_build(const struct frame_spec *spec, struct frame out[2])
{
	const struct frame_word *w = frame_word_find(spec->proto);
	struct frame_part p = { .spec = spec, .f = out, .src = spec->src, .dst = spec->dst,
			  .sport = spec->sport, .dport = spec->dport };
	bool v6 = spec->src.family == AF_INET6;
	unsigned proto = (unsigned)(v6 ? w->ip_proto6 : w->ip_proto4);

	start(out);
	if (!strcmp(w->name, "arp-reply")) {
		build_arp(spec, out);
		return 1;
	}
	if (!w->bare)
		payload(&p);
	if (!strcmp(w->name, "ether")) {
		push_link(spec, out, spec->number);
		return 1;
	}
	if (!strcmp(w->name, "raw"))
		proto = spec->number;
	w->build(&p, w->arg);
	if (spec->frag)
		return build_cut(&p, proto, cut_find(spec->frag), out);
	frame_push_ip(&p, proto, 0);
	push_link(spec, out, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
	return 1;
}

void frame_token(char text[17])
{
	uint64_t r = 0;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		perror("netprobe: getrandom");
	snprintf(text, 17, "%016llx", (unsigned long long)r);
}
