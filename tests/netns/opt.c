/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Long options into a struct, by a table. */
#include "netns/opt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int opt_addr(const char *text, struct opt_addr *ret)
{
	struct opt_addr a = {};

	a.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(a.family, text, a.b) != 1)
		return -1;
	*ret = a;
	return 0;
}

int opt_mac(const char *text, uint8_t ret[6])
{
	unsigned m[6];
	int end = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5], &end) != 6 ||
	    text[end])
		return -1;
	for (int i = 0; i < 6; i++)
		ret[i] = (uint8_t)m[i];
	return 0;
}

bool opt_mac_given(const uint8_t mac[6])
{
	static const uint8_t none[6];

	return memcmp(mac, none, 6) != 0;
}

static int opt_uint(const char *text, unsigned *ret)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 0);
	if (errno || !*text || *end || n > UINT32_MAX)
		return -1;
	*ret = (unsigned)n;
	return 0;
}

static int opt_store(const struct opt *o, char *text, void *base)
{
	void *at = (char *)base + o->offset;

	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)at = true;
		return 0;
	case OPT_UINT:
		return opt_uint(text, at);
	case OPT_STR:
		*(const char **)at = text;
		return 0;
	case OPT_MAC:
		return opt_mac(text, at);
	case OPT_ADDR:
		return opt_addr(text, at);
	}
	return -1;
}

int opt_parse(int argc, char **argv, const struct opt *table, void *base)
{
	int rest = 0;

	for (int i = 1; i < argc; i++) {
		const struct opt *o = table;
		const char *word = argv[i];

		if (word[0] != '-' || !word[1]) {
			argv[++rest] = argv[i];
			continue;
		}
		word += strspn(word, "-");
		while (o->name && strcmp(o->name, word))
			o++;
		if (!o->name || (o->kind != OPT_FLAG && i + 1 >= argc)) {
			fprintf(stderr, "netprobe: %s '%s'\n", o->name ? "no value for" : "no option", argv[i]);
			return -1;
		}
		if (opt_store(o, o->kind == OPT_FLAG ? argv[i] : argv[++i], base)) {
			fprintf(stderr, "netprobe: --%s: bad value '%s'\n", o->name, argv[i]);
			return -1;
		}
	}
	return rest;
}
