/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The types of values: for each how it is read, printed, described in JSON Schema and named in messages.
 * The schema says of text what a YAML 1.2 reader makes of it: a plain 12 is a number and still a fine name. */
#include "policy/policy_print.h"

#define TEXT_SCHEMA "\"type\": [\"string\", \"number\"], \"minLength\": 1, \"maxLength\": 2000"
#define NAME_SCHEMA "\"type\": [\"string\", \"number\"], \"pattern\": \"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$\""
#define LIST_SCHEMA(item) "\"anyOf\": [" item ", { \"type\": \"array\", \"items\": " item " }]"
#define FILLED_SCHEMA(item) "\"anyOf\": [" item ", { \"type\": \"array\", \"minItems\": 1, \"items\": " item " }]"
#define NAME_ITEM "{ " NAME_SCHEMA " }"
#define ADDR_ITEM "{ \"type\": \"string\", \"pattern\": \"^[0-9A-Fa-f:.]+$\" }"
#define NET_ITEM "{ \"type\": \"string\", \"pattern\": \"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$\" }"
#define MAC_PATTERN "\"pattern\": \"^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$\""
#define MAC_ITEM "{ \"type\": \"string\", " MAC_PATTERN " }"
#define IFACE_ITEM "{ \"type\": [\"string\", \"number\"], \"pattern\": \"^[!-~]{1,15}$\" }"
#define PORT_PATTERN "^(any|(tcp|udp|sctp)(/[0-9]+(-[0-9]+)?)?|icmp(v6)?(/[a-z0-9-]+)?|proto/[0-9]+)$"
#define PORT_ITEM "{ \"type\": \"string\", \"pattern\": \"" PORT_PATTERN "\" }"
#define TIME_SCHEMA "\"type\": \"string\", \"pattern\": \"^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].*)?$\""
#define NOT_ITEM "{ \"type\": \"object\", \"properties\": { \"not\": { " FILLED_SCHEMA(NAME_ITEM) " } }, " \
	"\"required\": [\"not\"], \"additionalProperties\": false }"
#define SEL_SCHEMA "\"anyOf\": [" NAME_ITEM ", { \"type\": \"array\", \"minItems\": 1, \"items\": " NAME_ITEM " }, " \
	NOT_ITEM "]"
#define SERVICE_ITEM "{ \"type\": [\"string\", \"number\"], \"pattern\": \"^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$\" }"
#define FILE_ITEM "{ \"type\": \"string\", \"minLength\": 1 }"

const struct policy_type_row policy_types[POLICY_TYPES] = {
	[POLICY_T_VERSION] = { policy_scalar_version, policy_print_version, "\"enum\": [1, \"1\"]", "1" },
	[POLICY_T_STR] = { policy_scalar_str, policy_print_str, TEXT_SCHEMA, "text" },
	[POLICY_T_NAME] = { policy_scalar_name, policy_print_str, NAME_SCHEMA, "a name" },
	[POLICY_T_TIMEZONE] = { policy_scalar_timezone, policy_print_str, "\"type\": \"string\", \"minLength\": 1",
				"a time zone such as Europe/London" },
	[POLICY_T_WORD] = { policy_scalar_word, policy_print_word, NULL, "one of its words" },
	[POLICY_T_BOOL] = { policy_scalar_bool, policy_print_bool, "\"type\": \"boolean\"", "true or false" },
	[POLICY_T_TRISTATE] = { policy_scalar_tristate, policy_print_tristate, "\"type\": \"boolean\"", "true or false" },
	[POLICY_T_DAYS] = { policy_scalar_days, policy_print_days,
			    "\"type\": \"integer\", \"minimum\": 1, \"maximum\": 36500", "a number of days" },
	[POLICY_T_MASK] = { policy_scalar_mask, policy_print_mask,
			    "\"type\": [\"string\", \"integer\"]", "8 neighbouring bits such as 0xff000000" },
	[POLICY_T_START] = { policy_scalar_start, policy_print_time, TIME_SCHEMA, "a day such as 2027-03-31" },
	[POLICY_T_STOP] = { policy_scalar_stop, policy_print_time, TIME_SCHEMA, "a day such as 2027-03-31" },
	[POLICY_T_STRS] = { policy_scalar_strs, policy_print_strs, LIST_SCHEMA(NAME_ITEM), "a list of words" },
	[POLICY_T_ADDR] = { policy_scalar_addr, policy_print_addr, "\"type\": \"string\"", "an address such as 10.20.1.10" },
	[POLICY_T_ADDRS] = { policy_scalar_addrs, policy_print_addrs, LIST_SCHEMA(ADDR_ITEM),
			     "a list of addresses such as [10.20.1.10]" },
	[POLICY_T_MAC] = { policy_scalar_mac, policy_print_mac, "\"type\": \"string\", " MAC_PATTERN,
			   "a MAC such as \"44:19:b6:00:10:01\"" },
	[POLICY_T_MACS] = { policy_scalar_macs, policy_print_macs, LIST_SCHEMA(MAC_ITEM),
			    "a list of MACs such as [\"44:19:b6:00:10:01\"]" },
	[POLICY_T_NETS] = { policy_scalar_nets, policy_print_nets, LIST_SCHEMA(NET_ITEM),
			    "a list of prefixes such as [10.20.0.0/16]" },
	[POLICY_T_IFACES] = { policy_scalar_ifaces, policy_print_ifaces, LIST_SCHEMA(IFACE_ITEM),
			      "a list of interfaces such as [eth1.20]" },
	[POLICY_T_ONE] = { policy_read_one, policy_print_one, NAME_SCHEMA, "a name" },
	[POLICY_T_MANY] = { policy_read_many, policy_print_many, LIST_SCHEMA(NAME_ITEM), "a list of names" },
	[POLICY_T_PACKS] = { policy_read_packs, policy_print_packs, LIST_SCHEMA(NAME_ITEM), "a list of packs such as [uk-nil]" },
	[POLICY_T_EXCEPT] = { policy_read_except, policy_print_except, LIST_SCHEMA(NAME_ITEM),
			      "a list of devices and groups" },
	[POLICY_T_SEL] = { policy_read_sel, policy_print_sel, SEL_SCHEMA, "a name, a list of names, or { not: [names] }" },
	[POLICY_T_SERVICES] = { policy_read_services, policy_print_services, FILLED_SCHEMA(SERVICE_ITEM),
				"a list of services such as [video, tcp/554], or any" },
	[POLICY_T_PORTS] = { policy_read_ports, policy_print_ports, FILLED_SCHEMA(PORT_ITEM),
			     "a list such as [tcp/554, udp/50000-59999]" },
	[POLICY_T_PORT] = { policy_read_port, policy_print_port, "\"type\": \"string\", \"pattern\": \"" PORT_PATTERN "\"",
			    "one port such as tcp/445" },
	[POLICY_T_FLOW_END] = { policy_read_flow_end, policy_print_end_word, NULL,
				"an address, a name, or { mac: …, address: …, zone: … }" },
	[POLICY_T_RULE_ID] = { policy_read_rule_id, policy_print_str, NAME_SCHEMA, "the id of an entry" },
	[POLICY_T_FAIL] = { policy_read_fail, NULL, NULL, "zones with closed or open, such as { cctv: closed }" },
	[POLICY_T_FILES] = { policy_read_inventory, NULL, LIST_SCHEMA(FILE_ITEM), "a list of file names" },
	[POLICY_T_MAP] = { NULL, NULL, NULL, "keys with values" },
	[POLICY_T_LIST] = { policy_read_section, NULL, NULL, "a list, each entry begun with '- '" },
	[POLICY_T_NAMED] = { policy_read_section, NULL, NULL, "names with their keys behind (name: { key: value })" },
};
