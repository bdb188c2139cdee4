/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends, services and moments from the command line. */
#include "app/cmd_end.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/now.h"
#include "base/word.h"

enum { TEXT = 256 };

static const struct word protos[] = {
	{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "icmp", IPPROTO_ICMP }, { "icmpv6", IPPROTO_ICMPV6 },
	{ "sctp", IPPROTO_SCTP }, { "gre", IPPROTO_GRE }, { "esp", IPPROTO_ESP }, { NULL, 0 },
};
static const struct word icmp_types[] = {
	{ "echo-reply", 0 }, { "destination-unreachable", 3 }, { "redirect", 5 }, { "echo-request", 8 },
	{ "time-exceeded", 11 }, { NULL, 0 },
};
static const struct word icmpv6_types[] = {
	{ "destination-unreachable", 1 }, { "packet-too-big", 2 }, { "time-exceeded", 3 }, { "echo-request", 128 },
	{ "echo-reply", 129 }, { NULL, 0 },
};

static bool number(const char *s, unsigned long max, unsigned long *ret)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*ret = strtoul(s, &end, 10);
	return !errno && !*end && *ret <= max;
}

static bool find_zone(const struct policy *p, const char *name, uint32_t *ret)
{
	for (uint32_t i = 0; i < p->n_zones; i++) {
		if (strcmp(p->zones[i].name, name) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool find_name(const struct policy *p, const char *name, struct policy_test_end *ret)
{
	for (uint32_t i = 0; i < p->n_devices; i++) {
		if (strcmp(p->devices[i].name, name) == 0) {
			ret->device = i;
			return true;
		}
	}
	for (uint32_t i = 0; i < p->n_hosts; i++) {
		if (strcmp(p->hosts[i].name, name) == 0) {
			ret->host = i;
			return true;
		}
	}
	ret->firewall = strcmp(name, "firewall") == 0;
	return ret->firewall;
}

/* "10.0.0.1:443", "[fd00::1]:443": cuts the port off. */
static bool cut_port(char *text, int *ret_port)
{
	char *colon = strrchr(text, ':'), *close = strchr(text, ']');
	unsigned long port;

	if (text[0] == '[') {
		if (!close || (close[1] && (close[1] != ':' || !number(close + 2, UINT16_MAX, &port))))
			return false;
		if (close[1])
			*ret_port = (int)port;
		*close = '\0';
		memmove(text, text + 1, (size_t)(close - text));
	} else if (colon && strchr(text, ':') == colon && number(colon + 1, UINT16_MAX, &port)) {
		*colon = '\0';
		*ret_port = (int)port;
	}
	return true;
}

static int address(const char *text, struct policy_test_end *ret, int *ret_port, struct err *e)
{
	char copy[TEXT];

	snprintf(copy, sizeof(copy), "%s", text);
	if (!cut_port(copy, ret_port) || !addr_parse(copy, &ret->addr))
		return err_plain(e, EINVAL, "\"%s\" is no MAC, address, device or host", text);
	return 0;
}

int cmd_end_parse(const struct policy *p, const char *text, struct policy_test_end *ret, int *ret_port, struct err *e)
{
	char copy[TEXT], *zone, *comma;

	*ret = (struct policy_test_end){ .zone = POLICY_NONE, .device = POLICY_NONE, .host = POLICY_NONE };
	*ret_port = -1;
	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return err_plain(e, EINVAL, "\"%s\" is too long", text);
	zone = strchr(copy, '@');
	if (zone) {
		*zone++ = '\0';
		if (!find_zone(p, zone, &ret->zone))
			return err_plain(e, EINVAL, "there is no zone \"%s\"", zone);
	}
	comma = strchr(copy, ',');
	if (comma)
		*comma++ = '\0';
	if (addr_mac_parse(copy, &ret->mac)) {
		ret->has_mac = true;
		return comma ? address(comma, ret, ret_port, e) : 0;
	}
	if (comma)
		return err_plain(e, EINVAL, "\"%s\" is no MAC", copy);
	if (!*copy && zone)
		return 0;
	return find_name(p, copy, ret) ? 0 : address(copy, ret, ret_port, e);
}

static int service_piece(const char *text, struct policy_port *ret, struct err *e)
{
	char copy[TEXT], *slash;
	unsigned long n;
	int value;

	snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	if (word_find(protos, copy, &value))
		n = (unsigned long)value;
	else if (!number(copy, UINT8_MAX, &n))
		return err_plain(e, EINVAL, "there is no service or protocol \"%s\"", text);
	ret->proto = (uint8_t)n;
	if (!slash)
		return 0;
	if (n == IPPROTO_ICMP || n == IPPROTO_ICMPV6) {
		unsigned long type;

		if (word_find(n == IPPROTO_ICMP ? icmp_types : icmpv6_types, slash, &value))
			type = (unsigned long)value;
		else if (!number(slash, UINT8_MAX, &type))
			return err_plain(e, EINVAL, "there is no ICMP type \"%s\"", slash);
		ret->has_icmp = true;
		ret->icmp_type = (uint8_t)type;
		return 0;
	}
	if (!number(slash, UINT16_MAX, &n))
		return err_plain(e, EINVAL, "\"%s\" is no port", slash);
	ret->has_ports = true;
	ret->lo = ret->hi = (uint16_t)n;
	return 0;
}

int cmd_end_service(const struct policy *p, const char *text, int port, struct policy_port *ret, struct err *e)
{
	const struct policy_service *named = NULL;

	*ret = (struct policy_port){ .proto = IPPROTO_TCP };
	for (uint32_t i = 0; text && i < p->n_services; i++) {
		if (strcmp(p->services[i].name, text) == 0 && p->services[i].n)
			named = &p->services[i];
	}
	if (named)
		*ret = named->ports[0];
	else if (text && service_piece(text, ret, e) < 0)
		return -1;
	if (port >= 0) {
		ret->has_ports = true;
		ret->lo = ret->hi = (uint16_t)port;
	}
	if ((ret->proto == IPPROTO_TCP || ret->proto == IPPROTO_UDP) && !ret->has_ports)
		return err_plain(e, EINVAL, "which port? --to ADDRESS:PORT, or --service tcp/PORT");
	return 0;
}

int cmd_end_time(const struct policy *p, const char *text, int64_t *ret, struct err *e)
{
	unsigned month, day;
	int year;

	if (now_parse_rfc3339(text, ret))
		return 0;
	if (!now_parse_date(text, &year, &month, &day) || !now_civil(p->site.timezone, year, month, day, ret))
		return err_plain(e, EINVAL, "\"%s\" is no day (2027-04-01) or time (2027-04-01T12:00:00Z)", text);
	*ret += 12 * 3600 * NOW_NS_PER_S;
	return 0;
}
