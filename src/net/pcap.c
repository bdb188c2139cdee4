/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcap: one reader for both file formats.  The first four bytes tell which, and the byte order; pcapng may change it with
 * every section.  A block is read whole into one buffer that is used again, so memory is bounded by the largest block. */
#include "net/pcap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/now.h"

enum { IFACES_MAX = 1024, SECTION_BLOCK = 0x0a0d0d0a, IFACE_BLOCK = 1, SIMPLE_BLOCK = 3, ENHANCED_BLOCK = 6, PACKET_BLOCK = 2 };

struct iface {
	uint32_t linktype, snaplen;
	uint64_t per_second;            /* timestamp units in a second */
};

struct pcap {
	FILE *file;                     /* NULL: from memory */
	const uint8_t *memory;
	size_t memory_left;
	uint64_t offset;
	bool swapped, ng;
	struct iface ifaces[IFACES_MAX];
	uint32_t n_ifaces;
	uint8_t *block;
	size_t block_size;
	const char *name;
};

/* Read n bytes: 1 all, 0 the end before the first, -1 cut short. */
static int fill(struct pcap *p, void *into, size_t n)
{
	size_t got;

	if (p->file) {
		got = fread(into, 1, n, p->file);
	} else {
		got = n < p->memory_left ? n : p->memory_left;
		memcpy(into, p->memory, got);
		p->memory += got;
		p->memory_left -= got;
	}
	p->offset += got;
	return got == n ? 1 : got == 0 ? 0 : -1;
}

static uint32_t u32(const struct pcap *p, const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return p->swapped ? __builtin_bswap32(v) : v;
}

static uint16_t u16(const struct pcap *p, const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return p->swapped ? __builtin_bswap16(v) : v;
}

static int bad(const struct pcap *p, struct err *e, const char *what)
{
	return err_plain(e, EBADMSG, "%s: %s near byte %llu", p->name, what, (unsigned long long)p->offset);
}

/* Room for n bytes in p->block. */
static int room(struct pcap *p, size_t n, struct err *e)
{
	uint8_t *grown;

	if (n > PCAP_BLOCK_MAX)
		return bad(p, e, "a packet or block of more than 16 MiB");
	if (p->block && n <= p->block_size)
		return 0;
	grown = realloc(p->block, n ? n : 1);   /* a packet without bytes is somewhere, too */
	if (!grown)
		return err_plain(e, ENOMEM, "out of memory");
	p->block = grown;
	p->block_size = n;
	return 0;
}

/* The rest of a classic file's header, behind its magic. */
static int open_classic(struct pcap *p, bool nanoseconds, struct err *e)
{
	uint8_t rest[20];

	if (fill(p, rest, sizeof(rest)) != 1)
		return bad(p, e, "the file header is cut short");
	p->n_ifaces = 1;
	p->ifaces[0] = (struct iface){
		.snaplen = u32(p, rest + 12),
		.linktype = u32(p, rest + 16) & 0xffff,         /* the upper half says how long an FCS is */
		.per_second = nanoseconds ? 1000000000 : 1000000,
	};
	return 0;
}

/* The section header's length and byte order; the block's type was read. */
static int open_section(struct pcap *p, struct err *e)
{
	uint8_t head[8];
	uint32_t length;

	if (fill(p, head, sizeof(head)) != 1)
		return bad(p, e, "a section header is cut short");
	if (memcmp(head + 4, "\x1a\x2b\x3c\x4d", 4) == 0)
		p->swapped = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
	else if (memcmp(head + 4, "\x4d\x3c\x2b\x1a", 4) == 0)
		p->swapped = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	else
		return bad(p, e, "a section header without its byte-order magic");
	length = u32(p, head);
	if (length < 28 || length % 4)
		return bad(p, e, "a section header with a wrong length");
	p->ng = true;
	p->n_ifaces = 0;
	if (room(p, length - 12, e) < 0)
		return -1;
	return fill(p, p->block, length - 12) == 1 ? 0 : bad(p, e, "a section header is cut short");
}

static int open_magic(struct pcap *p, struct err *e)
{
	uint8_t magic[4];
	uint32_t v;

	if (fill(p, magic, sizeof(magic)) != 1)
		return bad(p, e, "not a capture file: it is too short");
	memcpy(&v, magic, sizeof(v));
	if (v == SECTION_BLOCK)
		return open_section(p, e);
	p->swapped = v == 0xd4c3b2a1 || v == 0x4d3cb2a1;
	v = u32(p, magic);
	if (v == 0xa1b2c3d4 || v == 0xa1b23c4d)
		return open_classic(p, v == 0xa1b23c4d, e);
	return bad(p, e, "not a capture file: neither pcap nor pcapng");
}

static int start(struct pcap *p, struct pcap **ret, struct err *e)
{
	if (open_magic(p, e) < 0) {
		pcap_free(p);
		return -1;
	}
	*ret = p;
	return 0;
}

int pcap_open(const char *path, struct pcap **ret, struct err *e)
{
	struct pcap *p = calloc(1, sizeof(*p));

	if (!p)
		return err_plain(e, ENOMEM, "out of memory");
	p->name = err_intern(path);
	p->file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
	if (!p->file) {
		free(p);
		return err_sys(e, errno, "cannot open the capture %s", path);
	}
	return start(p, ret, e);
}

int pcap_open_memory(const char *name, const void *data, size_t len, struct pcap **ret, struct err *e)
{
	struct pcap *p = calloc(1, sizeof(*p));

	if (!p)
		return err_plain(e, ENOMEM, "out of memory");
	p->name = err_intern(name);
	p->memory = data;
	p->memory_left = len;
	return start(p, ret, e);
}

void pcap_free(struct pcap *p)
{
	if (!p)
		return;
	if (p->file && p->file != stdin)
		fclose(p->file);
	free(p->block);
	free(p);
}

uint64_t pcap_offset(const struct pcap *p)
{
	return p->offset;
}

static int next_classic(struct pcap *p, struct pcap_packet *ret, struct err *e)
{
	uint8_t head[16];
	uint32_t caplen;
	int got = fill(p, head, sizeof(head));

	if (got == 0)
		return 0;
	if (got < 0)
		return bad(p, e, "a packet header is cut short");
	caplen = u32(p, head + 8);
	if (room(p, caplen, e) < 0)
		return -1;
	if (caplen && fill(p, p->block, caplen) != 1)
		return bad(p, e, "a packet is cut short");
	*ret = (struct pcap_packet){
		.when_ns = (int64_t)u32(p, head) * NOW_NS_PER_S +
			   (int64_t)(u32(p, head + 4) * (uint64_t)(1000000000 / p->ifaces[0].per_second)),
		.data = p->block, .caplen = caplen, .len = u32(p, head + 12), .linktype = p->ifaces[0].linktype,
	};
	return 1;
}

/* if_tsresol: a power of ten, or of two when the top bit is set. */
static uint64_t resolution(uint8_t v)
{
	uint64_t n = 1;

	if (v & 0x80)
		return (v & 0x7f) < 63 ? UINT64_C(1) << (v & 0x7f) : 0;
	for (unsigned i = 0; i < v && n && i < 19; i++)
		n *= 10;
	return v > 18 ? 0 : n;
}

static int add_iface(struct pcap *p, size_t n, struct err *e)
{
	struct iface *f;

	if (n < 8 || p->n_ifaces == IFACES_MAX)
		return bad(p, e, n < 8 ? "an interface block is too short" : "more than 1024 interfaces");
	f = &p->ifaces[p->n_ifaces];
	*f = (struct iface){ .linktype = u16(p, p->block), .snaplen = u32(p, p->block + 4), .per_second = 1000000 };
	for (size_t at = 8; at + 4 <= n;) {
		uint16_t code = u16(p, p->block + at), size = u16(p, p->block + at + 2);

		if (!code || at + 4 + size > n)
			break;
		if (code == 9 && size >= 1)
			f->per_second = resolution(p->block[at + 4]);
		at += 4 + ((size + 3U) & ~3U);
	}
	if (!f->per_second)
		return bad(p, e, "an interface with an unusable timestamp resolution");
	p->n_ifaces++;
	return 0;
}

static int64_t when(uint64_t units, uint64_t per_second)
{
	uint64_t rest = units % per_second;

	if (units / per_second > INT64_MAX / (uint64_t)NOW_NS_PER_S - 1)
		return 0;
	/* rest < per_second; a resolution finer than a nanosecond would overflow the product */
	rest = per_second <= 1000000000 ? rest * 1000000000 / per_second : (uint64_t)((double)rest / (double)per_second * 1e9);
	return (int64_t)(units / per_second * (uint64_t)NOW_NS_PER_S + rest);
}

/* An enhanced (or obsolete) packet block: header of 20 bytes, then the data. */
static int packet_block(struct pcap *p, size_t n, bool obsolete, struct pcap_packet *ret, struct err *e)
{
	const uint8_t *b = p->block;
	uint32_t iface, caplen;

	if (n < 20)
		return bad(p, e, "a packet block is too short");
	iface = obsolete ? u16(p, b) : u32(p, b);
	caplen = u32(p, b + 12);
	if (iface >= p->n_ifaces || caplen > n - 20)
		return bad(p, e, iface >= p->n_ifaces ? "a packet of an interface that was not declared" :
			   "a packet longer than its block");
	*ret = (struct pcap_packet){
		.when_ns = when((uint64_t)u32(p, b + 4) << 32 | u32(p, b + 8), p->ifaces[iface].per_second),
		.data = b + 20, .caplen = caplen, .len = u32(p, b + 16), .linktype = p->ifaces[iface].linktype, .iface = iface,
	};
	return 1;
}

static int simple_block(struct pcap *p, size_t n, struct pcap_packet *ret, struct err *e)
{
	uint32_t len, caplen;

	if (n < 4 || !p->n_ifaces)
		return bad(p, e, "a simple packet block that cannot be read");
	len = u32(p, p->block);
	caplen = p->ifaces[0].snaplen && len > p->ifaces[0].snaplen ? p->ifaces[0].snaplen : len;
	if (caplen > n - 4)
		return bad(p, e, "a packet longer than its block");
	*ret = (struct pcap_packet){ .data = p->block + 4, .caplen = caplen, .len = len, .linktype = p->ifaces[0].linktype };
	return 1;
}

/* One block: 1 a packet, 2 something else, 0 the end, -1 *e. */
static int next_block(struct pcap *p, struct pcap_packet *ret, struct err *e)
{
	uint8_t head[8];
	uint32_t type, length;
	int got = fill(p, head, 4);

	if (got <= 0)
		return got < 0 ? bad(p, e, "a block is cut short") : 0;
	memcpy(&type, head, sizeof(type));
	if (type == SECTION_BLOCK)              /* a palindrome: the same in either byte order */
		return open_section(p, e) < 0 ? -1 : 2;
	if (fill(p, head + 4, 4) != 1)
		return bad(p, e, "a block is cut short");
	type = u32(p, head);
	length = u32(p, head + 4);
	if (length < 12 || length % 4)
		return bad(p, e, "a block with a wrong length");
	if (room(p, length - 8, e) < 0)
		return -1;
	if (fill(p, p->block, length - 8) != 1)
		return bad(p, e, "a block is cut short");
	length -= 12;                           /* what is left of it without both lengths and the type */
	if (type == IFACE_BLOCK)
		return add_iface(p, length, e) < 0 ? -1 : 2;
	if (type == ENHANCED_BLOCK || type == PACKET_BLOCK)
		return packet_block(p, length, type == PACKET_BLOCK, ret, e);
	return type == SIMPLE_BLOCK ? simple_block(p, length, ret, e) : 2;
}

int pcap_next(struct pcap *p, struct pcap_packet *ret, struct err *e)
{
	int got;

	if (!p->ng)
		return next_classic(p, ret, e);
	do
		got = next_block(p, ret, e);
	while (got == 2);
	return got;
}

/* Where the IP header begins, by link type: the header's length, where its ethertype stands and its sender's MAC. */
static const struct link {
	uint32_t linktype;
	uint8_t header, ethertype_at, mac_at;   /* 0xff: there is none */
} links[] = {
	{ 113, 16, 14, 6 },                     /* Linux cooked, v1 */
	{ 276, 20, 0, 12 },                     /* Linux cooked, v2 */
	{ 101, 0, 0xff, 0xff }, { 12, 0, 0xff, 0xff }, { 14, 0, 0xff, 0xff }, { 228, 0, 0xff, 0xff }, { 229, 0, 0xff, 0xff },
	{ 0, 4, 0xff, 0xff }, { 108, 4, 0xff, 0xff },
};

int pcap_decode(const struct pcap_packet *packet, struct pkt *ret, uint16_t *ret_vlan)
{
	uint16_t ethertype;

	*ret_vlan = 0;
	if (packet->linktype == 1)
		return pkt_decode_ether(packet->data, packet->caplen, ret, ret_vlan, &ethertype);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		const struct link *l = &links[i];

		if (l->linktype != packet->linktype)
			continue;
		if (packet->caplen < l->header)
			return -1;
		if (l->ethertype_at != 0xff) {
			ethertype = (uint16_t)(packet->data[l->ethertype_at] << 8 | packet->data[l->ethertype_at + 1]);
			if (ethertype != 0x0800 && ethertype != 0x86dd)
				return -1;
		}
		ret->has_smac = l->mac_at != 0xff;
		if (ret->has_smac)
			memcpy(ret->smac.b, packet->data + l->mac_at, sizeof(ret->smac.b));
		pkt_decode(packet->data + l->header, packet->caplen - l->header, ret);
		return 0;
	}
	return -1;
}
