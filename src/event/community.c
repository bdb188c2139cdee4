/* SPDX-License-Identifier: GPL-2.0-or-later */
/* community: SHA-1 over seed, addresses, protocol, padding and ports, the lower (address, port) first.  ICMP has a request's type
 * paired with its answer's, so that both directions give one key; types without an answer are one-way: never turned round. */
#include "event/community.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"

enum { ICMP = 1, TCP = 6, UDP = 17, ICMP6 = 58, SCTP = 132 };

struct pair { uint8_t type, other; };
static const struct pair icmp4[] = { { 8, 0 }, { 0, 8 }, { 13, 14 }, { 14, 13 }, { 15, 16 }, { 16, 15 }, { 10, 9 },
				     { 17, 18 } };
static const struct pair icmp6[] = { { 128, 129 }, { 129, 128 }, { 133, 134 }, { 134, 133 }, { 135, 136 }, { 136, 135 },
				     { 130, 131 }, { 131, 130 }, { 144, 145 }, { 145, 144 }, { 139, 140 }, { 140, 139 } };

/* Type and code as a pair of ports; true: one-way. */
static bool icmp_ports(const struct pair *pairs, size_t n, uint16_t *type, uint16_t *code)
{
	for (size_t i = 0; i < n; i++) {
		if (pairs[i].type == *type) {
			*code = pairs[i].other;
			return false;
		}
	}
	return true;
}

static size_t put16(uint8_t *out, uint16_t v)
{
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
	return 2;
}

const char *community_id(const struct addr *src, const struct addr *dst, uint8_t proto, uint16_t sport, uint16_t dport,
			 uint16_t seed, char *buf, size_t size)
{
	size_t n = src->family == 4 ? 4 : 16, len = 0;
	uint8_t text[2 + 16 + 16 + 2 + 4], sum[DIGEST_SHA1];
	bool one_way = false, ports = proto == TCP || proto == UDP || proto == SCTP || proto == ICMP || proto == ICMP6;
	char base64[COMMUNITY_TEXT];
	int order;

	if (size == 0)
		return "";
	buf[0] = '\0';
	if (src->family == 0 || src->family != dst->family)
		return buf;
	if (proto == ICMP)
		one_way = icmp_ports(icmp4, sizeof(icmp4) / sizeof(icmp4[0]), &sport, &dport);
	if (proto == ICMP6)
		one_way = icmp_ports(icmp6, sizeof(icmp6) / sizeof(icmp6[0]), &sport, &dport);
	order = memcmp(src->b, dst->b, n);
	if (!one_way && (order > 0 || (order == 0 && ports && sport > dport))) {
		const struct addr *a = src;
		uint16_t p = sport;

		src = dst;
		dst = a;
		sport = dport;
		dport = p;
	}
	len += put16(text + len, seed);
	memcpy(text + len, src->b, n);
	memcpy(text + len + n, dst->b, n);
	len += 2 * n;
	text[len++] = proto;
	text[len++] = 0;
	if (ports) {
		len += put16(text + len, sport);
		len += put16(text + len, dport);
	}
	digest_sha1(text, len, sum);
	snprintf(buf, size, "1:%s", digest_base64(sum, sizeof(sum), base64, sizeof(base64)));
	return buf;
}
