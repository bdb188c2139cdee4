/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy that init writes: what was found, and beside it in comments what to decide next. */
#include <ctype.h>
#include <string.h>

#include "app/cmd_init.h"
#include "base/buf.h"
#include "base/now.h"

bool cmd_init_is_restricted(const struct init *in, const struct init_device *d)
{
	for (uint32_t i = 0; i < in->shipped->n_packs; i++)
		if (strcmp(in->shipped->packs[i].name, "uk-nil") == 0 && d->maker != POLICY_NONE)
			return policy_maker_restricted(in->shipped, d->maker, &i, 1, now_wall_ns(), NULL);
	return false;
}

/* An interface's name as a zone's: "eth1.20" is "zone-eth1-20". */
static void zone_name(const struct init_zone *z, struct buf *out)
{
	buf_str(out, "zone-");
	for (const char *s = z->iface; *s; s++)
		buf_char(out, isalnum((unsigned char)*s) ? (char)tolower((unsigned char)*s) : '-');
}

static void write_head(const struct init *in, struct buf *out)
{
	char now[40];

	now_rfc3339(now_wall_ns(), 0, now, sizeof(now));
	buf_printf(out, "# yaml-language-server: $schema=/usr/share/ringfence/policy.schema.json\n"
		   "# Written by `ringfence init` on %s from what this machine has and sees.  It observes: nothing is dropped.\n"
		   "# The language: ringfence-policy(5).  After each change: ringfence check, ringfence test, ringfence reload.\n"
		   "version: 1\n"
		   "site: { name: unnamed, timezone: UTC }       # the site's name goes into every event\n"
		   "mode: observe                            # enforce, once the would_block events are only what must be blocked\n"
		   "packs: [uk-nil]                              # who is restricted, by what: uk-nil, us-889, fcc-covered\n", now);
	(void)in;
}

static void write_zones(const struct init *in, struct buf *out)
{
	char text[ADDR_PREFIX_TEXT];

	buf_str(out, "\n# One zone per interface, as found.  Rename them; say guarded: true where the cameras are.\n");
	buf_str(out, in->n_zones ? "zones:\n" : "zones: {}\n");
	for (size_t z = 0; z < in->n_zones; z++) {
		const struct init_zone *zone = &in->zones[z];

		buf_str(out, "  ");
		zone_name(zone, out);
		buf_printf(out, ": { interfaces: [\"%s\"]", zone->iface);
		for (size_t i = 0; i < zone->n_nets; i++)
			buf_printf(out, "%s\"%s\"", i ? ", " : ", networks: [",
				   addr_prefix_text(&zone->nets[i], text, sizeof(text)));
		buf_printf(out, "%s%s }\n", zone->n_nets ? "]" : "", zone->guarded ? ", guarded: true" : "");
	}
}

static void write_device(const struct init *in, size_t i, struct buf *out)
{
	const struct init_device *d = &in->devices[i];
	const char *maker = d->maker == POLICY_NONE ? NULL : in->shipped->makers[d->maker].name;
	char text[ADDR_TEXT];

	buf_printf(out, "  - { name: %s-%zu, macs: [\"%s\"], addresses: [", maker ? maker : "device", i + 1,
		   addr_mac_text(&d->mac, text, sizeof(text)));
	for (size_t k = 0; k < d->n_addrs; k++)
		buf_printf(out, "%s\"%s\"", k ? ", " : "", addr_text(&d->addrs[k], text, sizeof(text)));
	buf_printf(out, "] }   # %s%s\n", d->registrant ? d->registrant : "no registrant is known",
		   cmd_init_is_restricted(in, d) ? ": RESTRICTED" : "");
}

static void write_devices(const struct init *in, struct buf *out)
{
	bool any = false;

	buf_str(out, "\n# Devices seen on the guarded interfaces, with the registrants of their MACs.  Give them their names.\n");
	for (size_t i = 0; i < in->n_devices; i++) {
		if (!in->zones[in->devices[i].zone].guarded)
			continue;
		buf_str(out, any ? "" : "devices:\n");
		any = true;
		write_device(in, i, out);
	}
	if (!any)
		buf_str(out, "devices: []\n");
	if (in->beyond)
		buf_printf(out, "# %zu further sightings are not listed\n", in->beyond);
}

static void write_rules(struct buf *out)
{
	buf_str(out, "\ngroups:\n"
		"  restricted: { packs: [uk-nil] }\n"
		"\nrestrict:                                    # both directions, before every rule\n"
		"  - { id: restricted-isolated, group: restricted, severity: high }\n"
		"\nservices:\n"
		"  video: [tcp/554, tcp/443]\n"
		"\n# Who may open what: first match wins, everything else is dropped.  For example:\n"
		"# hosts:\n"
		"#   vms: { networks: [10.1.5.10] }\n"
		"# rules:\n"
		"#   - { id: vms-pulls, from: vms, to: ZONE, services: [video], action: allow }\n"
		"rules: []\n"
		"default: drop\n");
}

/* A test that holds from the first day: a restricted device that was seen does not get out. */
static void write_tests(const struct init *in, struct buf *out)
{
	char mac[ADDR_MAC_TEXT], addr[ADDR_TEXT];

	for (size_t i = 0; i < in->n_devices; i++) {
		const struct init_device *d = &in->devices[i];

		if (!cmd_init_is_restricted(in, d) || !d->n_addrs || !in->zones[d->zone].guarded)
			continue;
		buf_printf(out, "\ntests:\n  - { name: %s stays inside, from: { mac: \"%s\", address: \"%s\", zone: ",
			   in->shipped->makers[d->maker].name, addr_mac_text(&d->mac, mac, sizeof(mac)),
			   addr_text(&d->addrs[0], addr, sizeof(addr)));
		zone_name(&in->zones[d->zone], out);
		buf_printf(out, " },\n      to: \"%s\", service: tcp/443, expect: drop, rule: restricted-isolated }\n",
			   d->addrs[0].family == 4 ? "203.0.113.1" : "2001:db8::1");
		return;
	}
}

void cmd_init_write(const struct init *in, struct buf *out)
{
	write_head(in, out);
	write_zones(in, out);
	write_devices(in, out);
	write_rules(out);
	write_tests(in, out);
}
