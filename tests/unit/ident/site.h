/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A site for ident's tests: two camera interfaces, a core, a routed zone, listed devices of each kind; and short words. */
#ifndef IDENT_SITE_H
#define IDENT_SITE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/now.h"
#include "policy/policy.h"

#define HIK "44:19:b6:00:00:"
#define AXIS "00:40:8c:00:00:"
#define STRANGER "00:00:5e:00:00:"     /* IANA's: no maker of ours */

static const char site_text[] =
	"version: 1\n"
	"revision: test\n"
	"site: { name: t, timezone: UTC }\n"
	"mode: enforce\n"
	"packs: [uk-nil]\n"
	"zones:\n"
	"  cctv: { interfaces: [cam0, cam1], networks: [10.20.0.0/16, \"fd00:20::/64\"], guarded: true }\n"
	"  far: { interfaces: [cam0], networks: [10.30.0.0/16], guarded: true, routed: true }\n"
	"  core: { interfaces: [core0], networks: [10.1.0.0/16] }\n"
	"devices:\n"
	"  - { name: pinned, macs: [\"" AXIS "01\"], addresses: [10.20.1.1, \"fd00:20::1:1\"], maker: axis }\n"
	"  - { name: by-mac, macs: [\"" AXIS "02\", \"" AXIS "03\"], maker: axis }\n"
	"  - { name: by-address, addresses: [10.20.1.4], maker: axis }\n"
	"  - { name: remote, addresses: [10.30.0.5], maker: axis }\n"
	"  - { name: typed, macs: [\"" STRANGER "06\"], addresses: [10.20.1.6], maker: hikvision }\n"
	"groups:\n"
	"  restricted: { packs: [uk-nil] }\n"
	"restrict:\n"
	"  - { id: r, group: restricted, reason: none }\n"
	"default: drop\n";

static inline struct policy *site_policy(const char *text)
{
	const struct policy_paths paths = {
		.registry = "rules/registry/ieee-prefixes.tsv", .makers = { "rules/makers", NULL }, .packs = { "rules/packs", NULL },
	};
	struct diag *d = diag_new();
	struct policy *p = policy_load_text("site.yaml", text, strlen(text), NULL, &paths, 0, d);
	struct buf b;

	buf_init(&b);
	diag_text(d, false, &b);
	ck_assert_msg(p != NULL, "%s", buf_cstr(&b));
	buf_fini(&b);
	diag_free(d);
	return p;
}

static inline struct mac site_mac(const char *s)
{
	struct mac m;

	ck_assert(addr_mac_parse(s, &m));
	return m;
}

static inline struct addr site_addr(const char *s)
{
	struct addr a;

	ck_assert(addr_parse(s, &a));
	return a;
}

#endif
