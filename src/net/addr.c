/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addr: parsing is strict, since a policy is read by people: no octal, no leading zeros, no trailing words, no zone ids.
 * inet_pton(3) is that strict in glibc; what it leaves open is checked here. */
#include "net/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct addr addr_v4(uint32_t host_order)
{
	uint32_t net = htonl(host_order);

	return addr_v4_net(&net);
}

struct addr addr_v4_net(const void *four_bytes)
{
	struct addr a = { .family = 4 };

	memcpy(a.b, four_bytes, 4);
	return a;
}

struct addr addr_v6_net(const void *sixteen_bytes)
{
	struct addr a = { .family = 6 };

	memcpy(a.b, sixteen_bytes, 16);
	return a;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, sizeof(a->b));
}

struct addr addr_step(struct addr a, int by)
{
	for (unsigned i = addr_bits(&a) / 8; i-- > 0;) {
		const int v = a.b[i] + by;

		a.b[i] = (uint8_t)v;
		if (v >= 0 && v <= 255)
			break;
	}
	return a;
}

unsigned addr_bits(const struct addr *a)
{
	return a->family == 4 ? 32 : a->family == 6 ? 128 : 0;
}

static bool is_broadcast(const struct addr *a)
{
	return a->family == 4 && memcmp(a->b, "\xff\xff\xff\xff", 4) == 0;
}

bool addr_is_multicast(const struct addr *a)
{
	if (a->family == 4)
		return (a->b[0] & 0xf0) == 0xe0 || is_broadcast(a);
	return a->family == 6 && a->b[0] == 0xff;
}

bool addr_is_unspecified(const struct addr *a)
{
	static const uint8_t zero[16];

	return a->family && memcmp(a->b, zero, sizeof(zero)) == 0;
}

bool addr_is_of_link(const struct addr *a)
{
	if (addr_is_unspecified(a) || is_broadcast(a))
		return true;
	if (a->family == 4)
		return a->b[0] == 224 && a->b[1] == 0 && a->b[2] == 0;
	if (a->family != 6)
		return false;
	return (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80) || (a->b[0] == 0xff && (a->b[1] & 0x0f) == 2);
}

bool addr_parse(const char *s, struct addr *ret)
{
	struct addr a = { 0 };

	if (inet_pton(AF_INET, s, a.b) == 1)
		a.family = 4;
	else if (memset(a.b, 0, sizeof(a.b)), inet_pton(AF_INET6, s, a.b) == 1)
		a.family = 6;
	else
		return false;
	*ret = a;
	return true;
}

const char *addr_text(const struct addr *a, char *buf, size_t size)
{
	if (!a->family || !inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->b, buf, (socklen_t)size))
		snprintf(buf, size, "-");
	return buf;
}

/* Clear what lies beyond len bits; says whether anything was set there. */
static bool clear_host_bits(struct addr *a, unsigned len)
{
	bool any = false;

	for (unsigned i = len / 8; i < addr_bits(a) / 8; i++) {
		uint8_t keep = i == len / 8 ? (uint8_t)(0xff00 >> (len % 8)) : 0;

		any |= (a->b[i] & (uint8_t)~keep) != 0;
		a->b[i] &= keep;
	}
	return any;
}

bool addr_prefix_contains(const struct prefix *p, const struct addr *a)
{
	unsigned whole = p->len / 8, rest = p->len % 8;

	if (p->addr.family != a->family || memcmp(p->addr.b, a->b, whole) != 0)
		return false;
	return !rest || ((p->addr.b[whole] ^ a->b[whole]) >> (8 - rest)) == 0;
}

bool addr_prefix_overlaps(const struct prefix *p, const struct prefix *q)
{
	return p->len <= q->len ? addr_prefix_contains(p, &q->addr) : addr_prefix_contains(q, &p->addr);
}

/* The digits behind the slash: no sign, no leading zero, nothing else. */
static bool parse_length(const char *s, unsigned max, uint8_t *ret)
{
	unsigned n = 0;

	if (!*s || (*s == '0' && s[1]))
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || n > max)
			return false;
		n = n * 10 + (unsigned)(*s - '0');
	}
	if (n > max)
		return false;
	*ret = (uint8_t)n;
	return true;
}

bool addr_prefix_parse(const char *s, struct prefix *ret, bool *ret_host_bits)
{
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	char text[ADDR_TEXT];
	struct prefix p = { 0 };

	if (n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	if (!addr_parse(text, &p.addr))
		return false;
	p.len = (uint8_t)addr_bits(&p.addr);
	if (slash && !parse_length(slash + 1, addr_bits(&p.addr), &p.len))
		return false;
	*ret_host_bits = clear_host_bits(&p.addr, p.len);
	*ret = p;
	return true;
}

const char *addr_prefix_text(const struct prefix *p, char *buf, size_t size)
{
	char text[ADDR_TEXT];

	addr_text(&p->addr, text, sizeof(text));
	if (p->len == addr_bits(&p->addr))
		snprintf(buf, size, "%s", text);
	else
		snprintf(buf, size, "%s/%u", text, p->len);
	return buf;
}

struct addr addr_prefix_last(const struct prefix *p)
{
	struct addr a = p->addr;

	for (unsigned i = p->len; i < addr_bits(&a); i++)
		a.b[i / 8] |= (uint8_t)(0x80 >> (i % 8));
	return a;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool addr_mac_parse(const char *s, struct mac *ret)
{
	struct mac m;
	char sep = s[0] && s[1] ? s[2] : '\0';

	if (sep != ':' && sep != '-')
		return false;
	for (unsigned i = 0; i < 6; i++, s += 3) {
		int hi = hex_digit(s[0]), lo = hi < 0 ? -1 : hex_digit(s[1]);

		if (lo < 0 || s[2] != (i < 5 ? sep : '\0'))
			return false;
		m.b[i] = (uint8_t)(hi << 4 | lo);
	}
	*ret = m;
	return true;
}

const char *addr_mac_text(const struct mac *m, char *buf, size_t size)
{
	snprintf(buf, size, "%02x:%02x:%02x:%02x:%02x:%02x", m->b[0], m->b[1], m->b[2], m->b[3], m->b[4], m->b[5]);
	return buf;
}

bool addr_mac_equal(const struct mac *a, const struct mac *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool addr_mac_is_local(const struct mac *m)
{
	return m->b[0] & 2;
}

bool addr_mac_is_group(const struct mac *m)
{
	return m->b[0] & 1;
}

uint64_t addr_mac_u64(const struct mac *m)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 6; i++)
		v = v << 8 | m->b[i];
	return v;
}
