/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy: what the YAML says, as plain structs, every one with the place it came from.
 * policy_load reads the file, its includes, inventories, makers and packs, and checks everything; what it returns is
 * frozen: any number of threads may read it.  All of it lives in one arena.
 * Names are resolved: references are indexes into the arrays of struct policy. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "base/word.h"
#include "net/addr.h"
#include "policy/datafile.h"
#include "policy/maker.h"
#include "policy/pack.h"
#include "policy/when.h"

struct arena;
struct buf;
struct diag;
struct registry;

#define POLICY_NONE UINT32_MAX

enum policy_mode { POLICY_ENFORCE, POLICY_OBSERVE };
enum policy_action { POLICY_ALLOW, POLICY_DROP, POLICY_REJECT };
enum policy_guard { POLICY_OPEN, POLICY_GUARDED, POLICY_GUARDED_RESTRICTED };
enum policy_unknown { POLICY_UNKNOWN_RESTRICT, POLICY_UNKNOWN_RULES };
enum policy_fail { POLICY_FAIL_CLOSED, POLICY_FAIL_OPEN };
enum policy_section { POLICY_EXCEPTION, POLICY_RESTRICT, POLICY_RULE };
enum policy_severity { POLICY_SEV_INFO, POLICY_SEV_LOW, POLICY_SEV_MEDIUM, POLICY_SEV_HIGH, POLICY_SEV_CRITICAL };
enum policy_tristate { POLICY_UNSET, POLICY_NO, POLICY_YES };
/* What a name in from:/to: stands for. */
enum policy_ref_kind {
	POLICY_REF_ANY, POLICY_REF_FIREWALL, POLICY_REF_EXTERNAL,       /* built in */
	POLICY_REF_ZONE, POLICY_REF_GROUP, POLICY_REF_DEVICE, POLICY_REF_HOST,
};

struct policy_ref {
	enum policy_ref_kind kind;
	uint32_t index;         /* into the array of that kind */
	const char *name;
	struct loc loc;
};

/* from: or to: -- an end matches when (it is in any of refs) != negate. */
struct policy_sel {
	struct policy_ref *refs;
	uint32_t n;
	bool negate;
	struct loc loc;         /* line 0: the key was absent, which matches any */
};

/* One piece of a service: for tcp, udp, sctp a range of destination ports; for ICMP a type; else the protocol alone. */
struct policy_port {
	uint8_t proto;          /* IANA number */
	bool any_proto, has_ports, has_icmp;
	uint16_t lo, hi;        /* destination ports, inclusive, when has_ports */
	uint8_t icmp_type;      /* when has_icmp */
	struct loc loc;
	const char *text;
};

struct policy_service {
	const char *name;
	struct policy_port *ports;
	uint32_t n;
	struct loc loc;
};

/* services: of a rule, flattened: names replaced by their pieces; names keeps the words for printing. */
struct policy_services {
	struct policy_port *ports;
	uint32_t n;
	const char **names;
	uint32_t n_names;
	bool any;               /* "any", or absent where that is allowed */
	struct loc loc;
};

struct policy_zone {
	const char *name;
	uint32_t *ifaces;               /* into policy->ifaces */
	uint32_t n_ifaces;
	struct prefix *nets;
	struct loc *net_locs;           /* while it is loaded, as all arrays of places */
	uint32_t n_nets;
	enum policy_guard guard;
	enum policy_unknown unknown;
	enum policy_fail fail;          /* from the fail: section, … */
	struct loc fail_loc;            /* … there */
	enum policy_mode mode;          /* effective: the zone's own, or the site's */
	bool mode_own, unknown_own;     /* written in the zone, for the printer */
	bool routed, dhcp;              /* dhcp: 68->67 to the firewall passes */
	struct loc loc;
};

/* An interface name that some zone mentions. */
struct policy_iface {
	const char *name;
	uint32_t *zones;                /* zones on it, in file order */
	uint32_t n_zones;
	bool guarded;                   /* carries a zone that is guarded: true or restricted */
	struct loc loc;
};

struct policy_cleared {
	const char *by, *ticket, *reason;
	struct policy_time date, until;
	struct loc loc;
};

/* A device that the site lists (devices: or an inventory file). */
struct policy_device {
	const char *name;
	struct mac *macs;
	struct addr *addrs;
	uint32_t n_macs, n_addrs, n_tags;
	uint32_t maker;                 /* as typed: into policy->makers, or POLICY_NONE */
	uint32_t registry_maker;        /* by its MACs' registrant, or POLICY_NONE; both count, the stricter wins */
	bool inventory;                 /* from a CSV */
	const char *location, *owner, *serial, *model;          /* NULL: not given */
	const char **tags;
	const struct policy_cleared *cleared;   /* NULL: it never was */
	struct loc loc, *mac_locs, *addr_locs;
};

struct policy_group {
	const char *name;
	uint32_t *packs, n_packs;
	uint32_t *makers, n_makers;
	const char **tags;
	uint32_t n_tags;
	uint32_t *devices, n_devices;
	uint32_t *zones, n_zones;
	enum policy_tristate unknown, enrolled;
	struct policy_ref *except;      /* devices and groups that are no members */
	uint32_t n_except;
	struct loc loc;
};

struct policy_host {
	const char *name;
	struct prefix *nets;
	uint32_t n_nets;
	struct loc loc, *net_locs;
};

/* An entry of exceptions:, restrict: or rules:. */
struct policy_rule {
	enum policy_section section;
	const char *id;
	struct policy_sel from, to;             /* restrict: unused */
	uint32_t group;                         /* restrict: the group; else POLICY_NONE */
	struct policy_services services;
	enum policy_action action;              /* exceptions: allow; restrict: drop or reject */
	enum policy_severity severity;
	bool severity_own, observe, disabled;   /* disabled: its sensitivity: does not list the site's */
	bool offload;                           /* rules: its flows may go through the kernel's flowtable */
	struct policy_time starts, expires;
	const char *reason, *owner, *ticket;
	const char **sensitivity;
	uint32_t n_sensitivity;
	bool from_include;                      /* the estate's, not the site's */
	struct loc loc, offload_loc;
};

/* assessed: the operator's decision on a maker that an authority only describes. */
struct policy_assessed {
	uint32_t maker, pack;
	bool restricted;
	const char *by, *ticket;
	struct policy_time date;
	struct loc loc;
};

/* One end in tests: and explain: what is given of it. */
struct policy_test_end {
	bool has_mac, firewall;
	struct mac mac;
	struct addr addr;                       /* family 0: not given */
	uint32_t zone;                          /* POLICY_NONE: not given */
	uint32_t device, host;                  /* a name instead of an address: POLICY_NONE or index */
	struct loc loc;
};

struct policy_test {
	const char *name;
	struct policy_test_end from, to;
	struct policy_port service;             /* one protocol and, where it has them, one port */
	struct policy_time at;
	enum policy_action expect;
	const char *rule;                       /* NULL: any */
	struct loc loc, expect_loc;
};

struct policy_site {
	const char *name, *timezone;            /* "" and "UTC" when not given */
	const char *sensitivity;                /* NULL: not given */
	struct policy_time baseline, remove_by;
	struct loc loc;
};

struct policy {
	struct arena *arena;
	const char *path, *revision;            /* revision: "" when not given */
	uint8_t digest[32];                     /* over all files, in reading order */
	struct policy_site site;
	enum policy_mode mode;
	enum policy_action fallback;            /* default: drop or reject */
	uint32_t mark_mask;                     /* 8 contiguous bits; 0xff000000 */
	uint32_t exception_days;                /* limits; 0: none */
	struct policy_file *files;      uint32_t n_files;
	struct policy_iface *ifaces;    uint32_t n_ifaces;
	struct policy_zone *zones;      uint32_t n_zones;
	struct policy_device *devices;  uint32_t n_devices;
	struct policy_group *groups;    uint32_t n_groups;
	struct policy_host *hosts;      uint32_t n_hosts;
	struct policy_service *services; uint32_t n_services;
	struct policy_rule *rules;      uint32_t n_rules;       /* exceptions, then restrict, then rules, each in order */
	uint32_t n_exceptions, n_restrict;                      /* rules[0 .. n_exceptions), then n_restrict of restrict */
	struct policy_maker *makers;    uint32_t n_makers;
	struct policy_pack *packs;      uint32_t n_packs;
	struct policy_assessed *assessed; uint32_t n_assessed;
	struct policy_test *tests;      uint32_t n_tests;
	struct addr *resolvers;         uint32_t n_resolvers;
	uint32_t *maker_of_registrant;          /* by registry_hit.registrant: maker or POLICY_NONE */
	struct registry *registry;              /* owned; NULL only where paths->registry is "" */
};

/* Where the shipped data is; NULL fields take the built-in defaults (below the install prefix, or RINGFENCE_DATA). */
struct policy_paths {
	const char *registry;                   /* file */
	const char *makers[2], *packs[2];       /* directories: the package's, then the site's; in name order, later wins */
};

/* Load and check.  Findings go to d (errors and warnings); returns the policy, or NULL when there was an error.
 * now_ns: the wall clock, for warnings ("has ended", "restricts nobody today") and for limits.exception_days where an
 * exception gives no start; nothing that is loaded depends on it. */
struct policy *policy_load(const char *path, const struct policy_paths *paths, int64_t now_ns, struct diag *d);
/* The same from memory (tests, fuzzing, init): includes and inventories are refused when dir is NULL. */
struct policy *policy_load_text(const char *name, const char *text, size_t len, const char *dir,
				const struct policy_paths *paths, int64_t now_ns, struct diag *d);
void policy_free(struct policy *p);             /* NULL is fine */
OWN(policy)

/* Canonical YAML of everything the policy says itself (includes merged in); loads back equal. */
void policy_print(const struct policy *p, struct buf *out);
/* JSON Schema draft-07 of the language, made from the field tables. */
void policy_schema(struct buf *out);

/* Whether a maker is restricted at a moment by the packs given (by index; NULL: all that are used), what an authority only
 * describes decided by assessed:.  The strictest entry is returned. */
struct policy_basis_hit { uint32_t pack, entry; bool restricted, described_only; };
bool policy_maker_restricted(const struct policy *p, uint32_t maker, const uint32_t *packs, uint32_t n_packs,
			     int64_t now_ns, struct policy_basis_hit *ret /* or NULL */);
/* The maker of a MAC by the registry, POLICY_NONE when unknown; *ret_registrant (or NULL) its registrant's name. */
uint32_t policy_maker_of_mac(const struct policy *p, const struct mac *m, const char **ret_registrant);
bool policy_rule_live(const struct policy_rule *r, int64_t now_ns);     /* not disabled, started, not ended */
/* The next moment after now_ns at which any rule, clearing or authority begins or ends; INT64_MAX: never. */
int64_t policy_next_change(const struct policy *p, int64_t now_ns);
int64_t policy_next_authority(const struct policy *p, int64_t now_ns);  /* of these, authorities and their makers alone */
int64_t policy_next_clearing(const struct policy_cleared *c /* or NULL */, int64_t now_ns);   /* that one begins or ends */

extern const struct word policy_action_words[], policy_mode_words[], policy_severity_words[], policy_section_words[];

#endif
