/* SPDX-License-Identifier: GPL-2.0-or-later */
/* opt: long options into a struct, by a table.  Every option is --name VALUE, flags take no value.
 * Owns nothing: strings point into argv.  Errors go to stderr and end in -1. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opt_addr {
	int family;			/* AF_INET, AF_INET6; 0: not given */
	uint8_t b[16];
};

enum opt_kind { OPT_FLAG, OPT_UINT, OPT_STR, OPT_MAC, OPT_ADDR };

struct opt {
	const char *name;
	enum opt_kind kind;
	size_t offset;			/* of a bool, unsigned, const char *, uint8_t[6], struct opt_addr */
};

/* Fills *base; what is no option is moved to argv[1..] and its number returned, or -1. */
int opt_parse(int argc, char **argv, const struct opt *table, void *base);
int opt_addr(const char *text, struct opt_addr *ret);
int opt_mac(const char *text, uint8_t ret[6]);
bool opt_mac_given(const uint8_t mac[6]);
