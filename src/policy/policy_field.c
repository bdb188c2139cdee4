/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The language, as tables: one row per key.  Reader, printer, JSON Schema and "unknown key" all go by them, so
 * a key that is read is printed and described too. */
#include "policy/policy_read.h"

#include <assert.h>

#include "base/word.h"

#define MEMBER(type, member) .off = offsetof(struct type, member)
#define LIST(type, member, count) .off = offsetof(struct type, member), .n_off = offsetof(struct type, count)
#define LOCS(type, member) .loc_off = offsetof(struct type, member)
#define OWN_FLAG(type, member) .own = offsetof(struct type, member) + 1
#define REQUIRED .flags = POLICY_F_REQUIRED
#define FILLED .flags = POLICY_F_REQUIRED | POLICY_F_FILLED

const struct word policy_action_words[] = {
	{ "allow", POLICY_ALLOW }, { "drop", POLICY_DROP }, { "reject", POLICY_REJECT }, { NULL, 0 }
};
const struct word policy_default_words[] = { { "drop", POLICY_DROP }, { "reject", POLICY_REJECT }, { NULL, 0 } };
const struct word policy_mode_words[] = { { "enforce", POLICY_ENFORCE }, { "observe", POLICY_OBSERVE }, { NULL, 0 } };
const struct word policy_severity_words[] = {
	{ "info", POLICY_SEV_INFO }, { "low", POLICY_SEV_LOW }, { "medium", POLICY_SEV_MEDIUM },
	{ "high", POLICY_SEV_HIGH }, { "critical", POLICY_SEV_CRITICAL }, { NULL, 0 }
};
const struct word policy_section_words[] = {
	{ "exceptions", POLICY_EXCEPTION }, { "restrict", POLICY_RESTRICT }, { "rules", POLICY_RULE }, { NULL, 0 }
};
const struct word policy_guard_words[] = {
	{ "true", POLICY_GUARDED }, { "false", POLICY_OPEN }, { "restricted", POLICY_GUARDED_RESTRICTED }, { NULL, 0 }
};
const struct word policy_unknown_words[] = {
	{ "restrict", POLICY_UNKNOWN_RESTRICT }, { "rules", POLICY_UNKNOWN_RULES }, { NULL, 0 }
};
const struct word policy_fail_words[] = { { "closed", POLICY_FAIL_CLOSED }, { "open", POLICY_FAIL_OPEN }, { NULL, 0 } };
const struct word policy_proto_words[] = {
	{ "tcp", 6 }, { "udp", 17 }, { "sctp", 132 }, { "icmp", 1 }, { "icmpv6", 58 }, { NULL, 0 }
};
const struct word policy_icmp_words[] = {
	{ "echo-reply", 0 }, { "destination-unreachable", 3 }, { "redirect", 5 }, { "echo-request", 8 },
	{ "router-advertisement", 9 }, { "router-solicitation", 10 }, { "time-exceeded", 11 }, { "parameter-problem", 12 },
	{ "timestamp-request", 13 }, { "timestamp-reply", 14 }, { NULL, 0 }
};
const struct word policy_icmp6_words[] = {
	{ "destination-unreachable", 1 }, { "packet-too-big", 2 }, { "time-exceeded", 3 }, { "parameter-problem", 4 },
	{ "echo-request", 128 }, { "echo-reply", 129 }, { "mld-query", 130 }, { "mld-report", 131 }, { "mld-done", 132 },
	{ "router-solicitation", 133 }, { "router-advertisement", 134 }, { "neighbour-solicitation", 135 },
	{ "neighbour-advertisement", 136 }, { "redirect", 137 }, { "mld2-report", 143 }, { NULL, 0 }
};
static_assert(sizeof(policy_action_words) / sizeof(struct word) == POLICY_REJECT + 2, "one word for each action");
static_assert(sizeof(policy_severity_words) / sizeof(struct word) == POLICY_SEV_CRITICAL + 2, "one word for each");

const char *const policy_kind_nouns[POLICY_NAME_KINDS] = {
	[POLICY_NAME_BUILTIN] = "built-in name", [POLICY_NAME_ZONE] = "zone", [POLICY_NAME_GROUP] = "group",
	[POLICY_NAME_DEVICE] = "device", [POLICY_NAME_HOST] = "host", [POLICY_NAME_SERVICE] = "service",
	[POLICY_NAME_PACK] = "pack", [POLICY_NAME_MAKER] = "maker", [POLICY_NAME_RULE] = "entry",
	[POLICY_NAME_TEST] = "test",
};

static const struct policy_field site_fields[] = {
	{ "name", POLICY_T_STR, REQUIRED, MEMBER(policy_site, name), .about = "The site, as every event names it." },
	{ "sensitivity", POLICY_T_NAME, MEMBER(policy_site, sensitivity),
	  .about = "A word that entries with sensitivity: are compared with." },
	{ "timezone", POLICY_T_TIMEZONE, MEMBER(policy_site, timezone),
	  .about = "IANA zone in which dates are meant." },
	{ "baseline", POLICY_T_START, MEMBER(policy_site, baseline),
	  .about = "A restricted device first seen after this day was installed against the rules." },
	{ "remove_by", POLICY_T_STOP, MEMBER(policy_site, remove_by),
	  .about = "The day by which they are to be gone." },
	{ 0 }
};

static const struct policy_field zone_fields[] = {
	{ "interfaces", POLICY_T_IFACES, LIST(policy_zone, ifaces, n_ifaces), .about = "Its network interfaces." },
	{ "networks", POLICY_T_NETS, LIST(policy_zone, nets, n_nets), LOCS(policy_zone, net_locs),
	  .about = "Its addresses; over all zones the longest prefix wins." },
	{ "guarded", POLICY_T_WORD, MEMBER(policy_zone, guard), .more = policy_guard_words,
	  .about = "Whether traffic from and to it is decided here; restricted: of restricted makers alone." },
	{ "unknown", POLICY_T_WORD, MEMBER(policy_zone, unknown), OWN_FLAG(policy_zone, unknown_own),
	  .more = policy_unknown_words,
	  .about = "What a device without evidence is: restricted (default), or left to the rules." },
	{ "routed", POLICY_T_BOOL, MEMBER(policy_zone, routed),
	  .about = "Behind a router, where MACs are not seen." },
	{ "dhcp", POLICY_T_BOOL, MEMBER(policy_zone, dhcp), .about = "The firewall answers DHCP here." },
	{ "mode", POLICY_T_WORD, MEMBER(policy_zone, mode), OWN_FLAG(policy_zone, mode_own), .more = policy_mode_words,
	  .about = "The zone's own mode." },
	{ 0 }
};

static const struct policy_field cleared_fields[] = {
	{ "by", POLICY_T_STR, REQUIRED, MEMBER(policy_cleared, by), .about = "Who decided." },
	{ "date", POLICY_T_START, REQUIRED, MEMBER(policy_cleared, date), .about = "From this day." },
	{ "until", POLICY_T_STOP, REQUIRED, MEMBER(policy_cleared, until), .about = "Through this day." },
	{ "ticket", POLICY_T_STR, REQUIRED, MEMBER(policy_cleared, ticket), .about = "Where that is written." },
	{ "reason", POLICY_T_STR, REQUIRED, MEMBER(policy_cleared, reason),
	  .about = "Why it is no restricted device." },
	{ 0 }
};

static const struct policy_field device_fields[] = {
	{ "name", POLICY_T_NAME, REQUIRED, MEMBER(policy_device, name), .about = "Its name, as events and groups say it." },
	{ "macs", POLICY_T_MACS, LIST(policy_device, macs, n_macs), LOCS(policy_device, mac_locs),
	  .about = "Its MACs." },
	{ "addresses", POLICY_T_ADDRS, LIST(policy_device, addrs, n_addrs), LOCS(policy_device, addr_locs),
	  .about = "Its addresses." },
	{ "maker", POLICY_T_ONE, MEMBER(policy_device, maker), .kind = POLICY_NAME_MAKER,
	  .about = "Who made it, whatever its MAC says; the stricter of the two counts." },
	{ "model", POLICY_T_STR, MEMBER(policy_device, model), .about = "For the record." },
	{ "serial", POLICY_T_STR, MEMBER(policy_device, serial), .about = "For the record." },
	{ "owner", POLICY_T_STR, MEMBER(policy_device, owner), .about = "For the record." },
	{ "location", POLICY_T_STR, MEMBER(policy_device, location), .about = "Where it hangs; events say so." },
	{ "tags", POLICY_T_STRS, LIST(policy_device, tags, n_tags), .about = "Words that groups choose by." },
	{ "cleared", POLICY_T_MAP, POLICY_F_APART, MEMBER(policy_device, cleared), .n_off = sizeof(struct policy_cleared),
	  LOCS(policy_cleared, loc), .more = cleared_fields,
	  .about = "A decision that it is not restricted, though the evidence says so; it ends." },
	{ 0 }
};

static const struct policy_field group_fields[] = {
	{ "packs", POLICY_T_MANY, LIST(policy_group, packs, n_packs), .kind = POLICY_NAME_PACK,
	  .about = "Devices of makers that these authorities restrict." },
	{ "makers", POLICY_T_MANY, LIST(policy_group, makers, n_makers), .kind = POLICY_NAME_MAKER,
	  .about = "Devices of these makers." },
	{ "tags", POLICY_T_STRS, LIST(policy_group, tags, n_tags), .about = "Devices with one of these tags." },
	{ "devices", POLICY_T_MANY, LIST(policy_group, devices, n_devices), .kind = POLICY_NAME_DEVICE,
	  .about = "These devices." },
	{ "zones", POLICY_T_MANY, LIST(policy_group, zones, n_zones), .kind = POLICY_NAME_ZONE,
	  .about = "Devices in these zones." },
	{ "unknown", POLICY_T_TRISTATE, MEMBER(policy_group, unknown),
	  .about = "Devices without any evidence (true) or with." },
	{ "enrolled", POLICY_T_TRISTATE, MEMBER(policy_group, enrolled),
	  .about = "Devices that the policy lists (true) or not." },
	{ "except", POLICY_T_EXCEPT, LIST(policy_group, except, n_except),
	  .about = "Devices and groups that are no members." },
	{ 0 }
};

static const struct policy_field host_fields[] = {
	{ "networks", POLICY_T_NETS, FILLED, LIST(policy_host, nets, n_nets), LOCS(policy_host, net_locs),
	  .about = "Its addresses and prefixes." },
	{ "names", POLICY_T_REFUSED, .more = "'names' in hosts comes with a later version; give its networks" },
	{ 0 }
};

static const struct policy_field service_fields[] = {
	{ "service", POLICY_T_PORTS, FILLED, LIST(policy_service, ports, n),
	  .about = "Its pieces: tcp/554, udp/50000-59999." },
	{ 0 }
};

#define RULE_ID { "id", POLICY_T_NAME, REQUIRED, MEMBER(policy_rule, id), \
	  .about = "Its name in events and counters." }
#define RULE_REASON { "reason", POLICY_T_STR, MEMBER(policy_rule, reason), .about = "Why; events carry it." }
#define RULE_SEVERITY { "severity", POLICY_T_WORD, MEMBER(policy_rule, severity), OWN_FLAG(policy_rule, severity_own), \
	.more = policy_severity_words, .about = "How bad a hit is." }
#define RULE_TAIL \
	{ "sensitivity", POLICY_T_STRS, LIST(policy_rule, sensitivity, n_sensitivity), \
	  .about = "It applies where the site's is listed." }, \
	{ "starts", POLICY_T_START, MEMBER(policy_rule, starts), .about = "From this day or moment." }
#define RULE_EXPIRES { "expires", POLICY_T_STOP, MEMBER(policy_rule, expires), \
	  .about = "Through this day, or to this moment." }
#define RULE_OBSERVE { "observe", POLICY_T_BOOL, MEMBER(policy_rule, observe), \
	  .about = "Its hits are told; it decides nothing." }
#define RULE_OWNER { "owner", POLICY_T_STR, MEMBER(policy_rule, owner), .about = "Who answers for it." }
#define RULE_TICKET { "ticket", POLICY_T_STR, MEMBER(policy_rule, ticket), .about = "Where it was decided." }
#define RULE_FROM .key = "from", .type = POLICY_T_SEL, MEMBER(policy_rule, from), .about = "Who opens."
#define RULE_TO .key = "to", .type = POLICY_T_SEL, MEMBER(policy_rule, to), .about = "Who is opened to."
#define RULE_SERVICES .key = "services", .type = POLICY_T_SERVICES, MEMBER(policy_rule, services), \
	.about = "Names of services, or tcp/554 and the like."

static const struct policy_field exception_fields[] = {
	RULE_ID,
	{ RULE_FROM, REQUIRED },
	{ RULE_TO, REQUIRED },
	{ RULE_SERVICES, REQUIRED },
	{ "expires", POLICY_T_STOP, REQUIRED, MEMBER(policy_rule, expires),
	  .about = "Through this day, or to this moment." },
	{ "owner", POLICY_T_STR, REQUIRED, MEMBER(policy_rule, owner), .about = "Who answers for it." },
	{ "ticket", POLICY_T_STR, REQUIRED, MEMBER(policy_rule, ticket), .about = "Where it was decided." },
	{ "reason", POLICY_T_STR, REQUIRED, MEMBER(policy_rule, reason), .about = "Why; events carry it." },
	RULE_SEVERITY,
	RULE_TAIL,
	{ "action", POLICY_T_REFUSED, .more = "exceptions always allow: leave 'action' out" },
	{ "observe", POLICY_T_REFUSED, .more = "an exception cannot be observed: leave 'observe' out" },
	{ "offload", POLICY_T_REFUSED, .more = "an exception ends, and what is offloaded is not looked at: leave 'offload' out" },
	{ 0 }
};

static const struct policy_field restrict_fields[] = {
	RULE_ID,
	{ "group", POLICY_T_ONE, REQUIRED, MEMBER(policy_rule, group), .kind = POLICY_NAME_GROUP,
	  .about = "Whose traffic out of its own zone is cut, whoever opens it." },
	{ "action", POLICY_T_WORD, MEMBER(policy_rule, action), .more = policy_default_words,
	  .about = "How it is cut." },
	RULE_SEVERITY,
	RULE_OBSERVE,
	RULE_REASON,
	RULE_OWNER,
	RULE_TICKET,
	RULE_TAIL,
	RULE_EXPIRES,
	{ "from", POLICY_T_REFUSED, .more = "restrict cuts both directions of a group: write 'group', or a rule under rules" },
	{ "to", POLICY_T_REFUSED, .more = "restrict cuts both directions of a group: write 'group', or a rule under rules" },
	{ "services", POLICY_T_REFUSED, .more = "restrict cuts every service: a way past it is an entry of exceptions" },
	{ "offload", POLICY_T_REFUSED, .more = "only what a rule allows can be offloaded: leave 'offload' out" },
	{ 0 }
};

static const struct policy_field rule_fields[] = {
	RULE_ID,
	{ RULE_FROM },
	{ RULE_TO },
	{ RULE_SERVICES },
	{ "action", POLICY_T_WORD, REQUIRED, MEMBER(policy_rule, action), .more = policy_action_words,
	  .about = "What happens to it." },
	RULE_SEVERITY,
	RULE_OBSERVE,
	RULE_REASON,
	RULE_OWNER,
	RULE_TICKET,
	RULE_TAIL,
	RULE_EXPIRES,
	{ "offload", POLICY_T_BOOL, MEMBER(policy_rule, offload), LOCS(policy_rule, offload_loc),
	  .about = "Its established flows may take the kernel's flowtable, unseen until something changes." },
	{ "priority", POLICY_T_REFUSED, .more = "rules have no priority: the first that matches wins; move the rule" },
	{ 0 }
};

static const struct policy_field assessed_fields[] = {
	{ "maker", POLICY_T_ONE, REQUIRED, MEMBER(policy_assessed, maker), .kind = POLICY_NAME_MAKER,
	  .about = "Who was assessed." },
	{ "under", POLICY_T_ONE, REQUIRED, MEMBER(policy_assessed, pack), .kind = POLICY_NAME_PACK,
	  .about = "The pack that only describes." },
	{ "restricted", POLICY_T_BOOL, REQUIRED, MEMBER(policy_assessed, restricted), .about = "The decision." },
	{ "by", POLICY_T_STR, REQUIRED, MEMBER(policy_assessed, by), .about = "Who decided." },
	{ "date", POLICY_T_START, REQUIRED, MEMBER(policy_assessed, date), .about = "When." },
	{ "ticket", POLICY_T_STR, REQUIRED, MEMBER(policy_assessed, ticket), .about = "Where that is written." },
	{ 0 }
};

static const struct policy_field end_fields[] = {
	{ "mac", POLICY_T_MAC, MEMBER(policy_test_end, mac), OWN_FLAG(policy_test_end, has_mac),
	  .about = "Its MAC." },
	{ "address", POLICY_T_ADDR, MEMBER(policy_test_end, addr), .about = "Its address." },
	{ "zone", POLICY_T_ONE, MEMBER(policy_test_end, zone), .kind = POLICY_NAME_ZONE,
	  .about = "Where it stands." },
	{ "device", POLICY_T_ONE, MEMBER(policy_test_end, device), .kind = POLICY_NAME_DEVICE,
	  .about = "A listed device." },
	{ "host", POLICY_T_ONE, MEMBER(policy_test_end, host), .kind = POLICY_NAME_HOST, .about = "A host." },
	{ 0 }
};

static const struct policy_field test_fields[] = {
	{ "name", POLICY_T_STR, REQUIRED, MEMBER(policy_test, name), .about = "What is tested, in words." },
	{ "at", POLICY_T_START, MEMBER(policy_test, at),
	  .about = "At the start of this day, or at this moment; else now." },
	{ "from", POLICY_T_FLOW_END, REQUIRED, MEMBER(policy_test, from), .more = end_fields, .about = "Who opens." },
	{ "to", POLICY_T_FLOW_END, REQUIRED, MEMBER(policy_test, to), .more = end_fields,
	  .about = "Who is opened to." },
	{ "service", POLICY_T_PORT, REQUIRED, MEMBER(policy_test, service), .about = "One port: tcp/445." },
	{ "expect", POLICY_T_WORD, REQUIRED, MEMBER(policy_test, expect), LOCS(policy_test, expect_loc),
	  .more = policy_action_words, .about = "What must come of it." },
	{ "rule", POLICY_T_RULE_ID, MEMBER(policy_test, rule), .about = "The id that must decide; or default." },
	{ 0 }
};

static const struct policy_field limit_fields[] = {
	{ "exception_days", POLICY_T_DAYS, MEMBER(policy, exception_days),
	  .about = "How long an exception may last." },
	{ 0 }
};

static void init_zone(struct policy_read *r, void *entry)
{
	struct policy_zone *z = entry;

	(void)r;
	z->guard = POLICY_OPEN;
}

static void init_device(struct policy_read *r, void *entry)
{
	struct policy_device *d = entry;

	d->maker = d->registry_maker = POLICY_NONE;
	d->inventory = r->src && r->src->reading_csv;
}

static void init_rule(struct policy_read *r, void *entry, enum policy_section section, enum policy_action action,
		      enum policy_severity severity)
{
	struct policy_rule *rule = entry;

	rule->section = section;
	rule->action = action;
	rule->severity = severity;
	rule->group = POLICY_NONE;
	rule->services.any = section != POLICY_EXCEPTION;
	rule->from_include = r->src->include;
}

static void init_exception(struct policy_read *r, void *entry)
{
	init_rule(r, entry, POLICY_EXCEPTION, POLICY_ALLOW, POLICY_SEV_INFO);
}

static void init_restrict(struct policy_read *r, void *entry)
{
	init_rule(r, entry, POLICY_RESTRICT, POLICY_DROP, POLICY_SEV_HIGH);
}

static void init_plain_rule(struct policy_read *r, void *entry)
{
	init_rule(r, entry, POLICY_RULE, POLICY_DROP, POLICY_SEV_MEDIUM);
}

static void init_assessed(struct policy_read *r, void *entry)
{
	struct policy_assessed *a = entry;

	(void)r;
	a->maker = a->pack = POLICY_NONE;
}

static void init_test(struct policy_read *r, void *entry)
{
	struct policy_test *t = entry;

	(void)r;
	t->from.zone = t->from.device = t->from.host = POLICY_NONE;
	t->to = t->from;
}

static bool is_exception(const void *entry)
{
	return ((const struct policy_rule *)entry)->section == POLICY_EXCEPTION;
}

static bool is_restrict(const void *entry)
{
	return ((const struct policy_rule *)entry)->section == POLICY_RESTRICT;
}

static bool is_plain_rule(const void *entry)
{
	return ((const struct policy_rule *)entry)->section == POLICY_RULE;
}

#define TABLE(type, array) .size = sizeof(struct type), .off = offsetof(struct policy, array), \
	.n_off = offsetof(struct policy, n_##array), .loc_off = offsetof(struct type, loc)
#define TABLE_NAMED(type, array, member) TABLE(type, array), .name_off = offsetof(struct type, member)

static const struct policy_table zone_table = {
	TABLE_NAMED(policy_zone, zones, name), .fields = zone_fields, .kind = POLICY_NAME_ZONE, .init = init_zone,
	.noun = "zone", .max = POLICY_MAX_IFACES,
};
const struct policy_table policy_device_table = {
	TABLE_NAMED(policy_device, devices, name), .fields = device_fields, .kind = POLICY_NAME_DEVICE,
	.list = true, .name_key = "name", .init = init_device, .noun = "device", .max = POLICY_MAX_DEVICES,
};
static const struct policy_table group_table = {
	TABLE_NAMED(policy_group, groups, name), .fields = group_fields, .kind = POLICY_NAME_GROUP, .noun = "group",
	.max = POLICY_MAX_ENTRIES,
};
static const struct policy_table host_table = {
	TABLE_NAMED(policy_host, hosts, name), .fields = host_fields, .kind = POLICY_NAME_HOST, .noun = "host",
	.max = POLICY_MAX_ENTRIES,
};
static const struct policy_table service_table = {
	TABLE_NAMED(policy_service, services, name), .fields = service_fields, .kind = POLICY_NAME_SERVICE, .value = true,
	.noun = "service", .max = POLICY_MAX_ENTRIES,
};
static const struct policy_table exception_table = {
	TABLE_NAMED(policy_rule, rules, id), .fields = exception_fields, .kind = POLICY_NAME_RULE, .list = true, .name_key = "id",
	.init = init_exception, .mine = is_exception, .noun = "exception", .max = POLICY_MAX_RULES,
};
static const struct policy_table restrict_table = {
	TABLE_NAMED(policy_rule, rules, id), .fields = restrict_fields, .kind = POLICY_NAME_RULE, .list = true, .name_key = "id",
	.init = init_restrict, .mine = is_restrict, .noun = "restrict entry", .max = POLICY_MAX_RULES,
};
static const struct policy_table rule_table = {
	TABLE_NAMED(policy_rule, rules, id), .fields = rule_fields, .kind = POLICY_NAME_RULE, .list = true, .name_key = "id",
	.init = init_plain_rule, .mine = is_plain_rule, .noun = "rule", .max = POLICY_MAX_RULES,
};
static const struct policy_table assessed_table = {
	TABLE(policy_assessed, assessed), .list = true, .fields = assessed_fields, .init = init_assessed, .noun = "assessment",
	.max = POLICY_MAX_ENTRIES,
};
static const struct policy_table test_table = {
	TABLE_NAMED(policy_test, tests, name), .fields = test_fields, .kind = POLICY_NAME_TEST, .list = true, .name_key = "name",
	.init = init_test, .noun = "test", .max = POLICY_MAX_RULES,
};

const struct policy_field policy_top_fields[] = {
	{ "version", POLICY_T_VERSION, REQUIRED, .about = "The language's version." },
	{ "revision", POLICY_T_STR, POLICY_F_MAIN, MEMBER(policy, revision), .about = "Yours; events carry it." },
	{ "site", POLICY_T_MAP, POLICY_F_MAIN, MEMBER(policy, site), LOCS(policy, site.loc), .more = site_fields,
	  .about = "What this place is." },
	{ "mode", POLICY_T_WORD, POLICY_F_MAIN, MEMBER(policy, mode), .more = policy_mode_words,
	  .about = "observe: nothing is dropped, everything is told." },
	{ "include", POLICY_T_FILES, POLICY_F_QUIET,
	  .about = "Files below this one's directory, read before its own entries." },
	{ "packs", POLICY_T_PACKS, .kind = POLICY_NAME_PACK, .about = "The authorities that say who is restricted." },
	{ "resolvers", POLICY_T_ADDRS, LIST(policy, resolvers, n_resolvers),
	  .about = "Whose DNS answers name addresses." },
	{ "zones", POLICY_T_NAMED, .more = &zone_table, .about = "Parts of the network." },
	{ "devices", POLICY_T_LIST, .more = &policy_device_table, .about = "Devices that the site lists." },
	{ "inventory", POLICY_T_FILES, POLICY_F_QUIET, .more = &policy_device_table,
	  .about = "CSV files with devices; the header has the keys of devices." },
	{ "groups", POLICY_T_NAMED, .more = &group_table, .about = "Sets of devices; keys narrow, values widen." },
	{ "hosts", POLICY_T_NAMED, .more = &host_table, .about = "Addresses with a name." },
	{ "services", POLICY_T_NAMED, .more = &service_table, .about = "Ports with a name." },
	{ "exceptions", POLICY_T_LIST, .more = &exception_table, .about = "The only way past restrict; each ends." },
	{ "restrict", POLICY_T_LIST, .more = &restrict_table,
	  .about = "Groups that are cut off, before every rule." },
	{ "rules", POLICY_T_LIST, .more = &rule_table, .about = "The first that matches wins." },
	{ "default", POLICY_T_WORD, POLICY_F_MAIN, MEMBER(policy, fallback), .more = policy_default_words,
	  .about = "What no rule matches." },
	{ "fail", POLICY_T_FAIL, .more = policy_fail_words,
	  .about = "Per zone: what only userspace can decide, while it is away." },
	{ "tests", POLICY_T_LIST, .more = &test_table,
	  .about = "Flows and what must come of them; a reload runs them." },
	{ "assessed", POLICY_T_LIST, .more = &assessed_table,
	  .about = "Decisions on makers that an authority only describes." },
	{ "limits", POLICY_T_MAP, .more = limit_fields, .about = "Bounds for this policy." },
	{ "mark_mask", POLICY_T_MASK, POLICY_F_MAIN, MEMBER(policy, mark_mask),
	  .about = "The 8 bits of the packet mark that are ours." },
	{ 0 }
};
