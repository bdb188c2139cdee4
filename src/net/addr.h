/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addr: IPv4 and IPv6 addresses, prefixes and MACs, as values.  Pure; any thread. */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ADDR_TEXT = 46, ADDR_PREFIX_TEXT = 50, ADDR_MAC_TEXT = 18 };

/* Network byte order; IPv4 uses b[0..3], the rest is zero.  family 0: no address. */
struct addr {
	uint8_t family;         /* 0, 4 or 6 */
	uint8_t b[16];
};

struct prefix {
	struct addr addr;       /* host bits zero */
	uint8_t len;            /* bits */
};

struct mac {
	uint8_t b[6];
};

struct addr addr_v4(uint32_t host_order);
struct addr addr_v4_net(const void *four_bytes);
struct addr addr_v6_net(const void *sixteen_bytes);
bool addr_equal(const struct addr *a, const struct addr *b);
int addr_compare(const struct addr *a, const struct addr *b);           /* family first, then numeric */
struct addr addr_step(struct addr a, int by);           /* by 1 or -1: the neighbour; wraps at the ends of its family */
unsigned addr_bits(const struct addr *a);                               /* 32, 128 or 0 */
bool addr_is_multicast(const struct addr *a);                           /* and 255.255.255.255 */
bool addr_is_unspecified(const struct addr *a);
/* Belongs to every zone: fe80::/10, ::, 0.0.0.0, multicast groups of the link (ff02::/16, 224.0.0.0/24), broadcast. */
bool addr_is_of_link(const struct addr *a);
bool addr_parse(const char *s, struct addr *ret);                       /* strict: no leading zeros, no zone id */
const char *addr_text(const struct addr *a, char *buf, size_t size);    /* RFC 5952 */

bool addr_prefix_contains(const struct prefix *p, const struct addr *a);
bool addr_prefix_overlaps(const struct prefix *p, const struct prefix *q);
/* "10.0.0.0/8", "10.1.2.3", IPv6 likewise.  *ret_host_bits: bits beyond the length were set (they are cleared). */
bool addr_prefix_parse(const char *s, struct prefix *ret, bool *ret_host_bits);
const char *addr_prefix_text(const struct prefix *p, char *buf, size_t size);   /* full length prints as an address */
struct addr addr_prefix_last(const struct prefix *p);

bool addr_mac_parse(const char *s, struct mac *ret);                    /* 6 groups of 2 hex digits by ':' or '-' */
const char *addr_mac_text(const struct mac *m, char *buf, size_t size); /* lower case, colons */
bool addr_mac_equal(const struct mac *a, const struct mac *b);
bool addr_mac_is_local(const struct mac *m);                            /* the locally administered bit */
bool addr_mac_is_group(const struct mac *m);
uint64_t addr_mac_u64(const struct mac *m);

#endif
