/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_rows: the words and numbers of keys, types, and of the sets, chains and counters that are always there. */
#include "kern/table_model.h"

#include <assert.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#define META(words, key, len, host) { words, TABLE_LOAD_META, key, 0, len, host }
#define CT(words, key, len) { words, TABLE_LOAD_CT, key, 0, len, (len) == 4 }
#define PAYLOAD(words, base, offset, len) { words, TABLE_LOAD_PAYLOAD, base, offset, len, false }

const struct table_key_row table_key_rows[TABLE_KEYS] = {
	[TABLE_K_IIFNAME] = META("iifname", NFT_META_IIFNAME, 16, false),
	[TABLE_K_OIFNAME] = META("oifname", NFT_META_OIFNAME, 16, false),
	[TABLE_K_IIF] = META("iif", NFT_META_IIF, 4, true),
	[TABLE_K_OIF] = META("oif", NFT_META_OIF, 4, true),
	[TABLE_K_IIFTYPE] = META("meta iiftype", NFT_META_IIFTYPE, 2, true),
	[TABLE_K_NFPROTO] = META("meta nfproto", NFT_META_NFPROTO, 1, false),
	[TABLE_K_PROTOCOL] = META("meta protocol", NFT_META_PROTOCOL, 2, false),
	[TABLE_K_L4PROTO] = META("meta l4proto", NFT_META_L4PROTO, 1, false),
	[TABLE_K_META_MARK] = META("meta mark", NFT_META_MARK, 4, true),
	[TABLE_K_ETHER_DADDR] = PAYLOAD("ether daddr", NFT_PAYLOAD_LL_HEADER, 0, 6),
	[TABLE_K_ETHER_SADDR] = PAYLOAD("ether saddr", NFT_PAYLOAD_LL_HEADER, 6, 6),
	[TABLE_K_ETHER_TYPE] = PAYLOAD("ether type", NFT_PAYLOAD_LL_HEADER, 12, 2),
	[TABLE_K_LL_FIRST4] = PAYLOAD("@ll,0,32", NFT_PAYLOAD_LL_HEADER, 0, 4),
	[TABLE_K_LL_NEXT2] = PAYLOAD("@ll,32,16", NFT_PAYLOAD_LL_HEADER, 4, 2),
	[TABLE_K_IP_SADDR] = PAYLOAD("ip saddr", NFT_PAYLOAD_NETWORK_HEADER, 12, 4),
	[TABLE_K_IP_DADDR] = PAYLOAD("ip daddr", NFT_PAYLOAD_NETWORK_HEADER, 16, 4),
	[TABLE_K_IP6_SADDR] = PAYLOAD("ip6 saddr", NFT_PAYLOAD_NETWORK_HEADER, 8, 16),
	[TABLE_K_IP6_DADDR] = PAYLOAD("ip6 daddr", NFT_PAYLOAD_NETWORK_HEADER, 24, 16),
	[TABLE_K_NH_FIRST] = PAYLOAD("@nh,0,8", NFT_PAYLOAD_NETWORK_HEADER, 0, 1),
	[TABLE_K_IP_DADDR_FIRST] = PAYLOAD("@nh,128,8", NFT_PAYLOAD_NETWORK_HEADER, 16, 1),
	[TABLE_K_IP6_DADDR_FIRST] = PAYLOAD("@nh,192,8", NFT_PAYLOAD_NETWORK_HEADER, 24, 1),
	[TABLE_K_IP6_SADDR_FIRST2] = PAYLOAD("@nh,64,16", NFT_PAYLOAD_NETWORK_HEADER, 8, 2),
	[TABLE_K_IP6_DADDR_FIRST2] = PAYLOAD("@nh,192,16", NFT_PAYLOAD_NETWORK_HEADER, 24, 2),
	[TABLE_K_IP6_NEXTHDR] = PAYLOAD("ip6 nexthdr", NFT_PAYLOAD_NETWORK_HEADER, 6, 1),
	[TABLE_K_IP6_HOPLIMIT] = PAYLOAD("ip6 hoplimit", NFT_PAYLOAD_NETWORK_HEADER, 7, 1),
	[TABLE_K_SPORT] = PAYLOAD("th sport", NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2),
	[TABLE_K_DPORT] = PAYLOAD("th dport", NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2),
	[TABLE_K_ICMP_TYPE] = PAYLOAD("icmp type", NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1),
	[TABLE_K_ICMP6_TYPE] = PAYLOAD("icmpv6 type", NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1),
	[TABLE_K_TCP_FLAGS] = PAYLOAD("tcp flags", NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1),
	[TABLE_K_CT_STATE] = CT("ct state", NFT_CT_STATE, 4),
	[TABLE_K_CT_DIRECTION] = CT("ct direction", NFT_CT_DIRECTION, 1),
	[TABLE_K_CT_MARK] = CT("ct mark", NFT_CT_MARK, 4),
};

/* The ids are nft's own, kept by the kernel for whoever lists the set. */
const struct table_type_row table_type_rows[TABLE_TYPES] = {
	[TABLE_T_IFNAME] = { "ifname", 41, 16 },
	[TABLE_T_IFINDEX] = { "iface_index", 20, 4 },
	[TABLE_T_ETHER] = { "ether_addr", 9, 6 },
	[TABLE_T_IP4] = { "ipv4_addr", 7, 4 },
	[TABLE_T_IP6] = { "ipv6_addr", 8, 16 },
	[TABLE_T_PROTO] = { "inet_proto", 12, 1 },
	[TABLE_T_PORT] = { "inet_service", 13, 2 },
	[TABLE_T_ICMP] = { "icmp_type", 14, 1 },
	[TABLE_T_ICMP6] = { "icmpv6_type", 29, 1 },
	[TABLE_T_ETHERTYPE] = { "ether_type", 10, 2 },
};

#define NAMES(n, id) [TABLE_SET_##id] = { n, { TABLE_T_IFNAME }, .map = false }
#define NETS(n, id) \
	[TABLE_SET_##id##4] = { n "-4", { TABLE_T_IP4 }, .interval = true }, \
	[TABLE_SET_##id##6] = { n "-6", { TABLE_T_IP6 }, .interval = true }
#define NUMBERS(n, id, type, ...) [TABLE_SET_##id] = { n, { type }, .map = false, ##__VA_ARGS__ }
#define WAYS(n, id) [TABLE_SET_##id] = { n, { TABLE_T_IFNAME }, .map = true }
#define FLOW(ip) { TABLE_T_IFINDEX, TABLE_T_ETHER, ip, ip, TABLE_T_PORT }
#define PAIR(ip) { TABLE_T_IFINDEX, TABLE_T_ETHER, ip, ip }
#define METER(n, id, max, ...) [TABLE_SET_##id] = { n, { __VA_ARGS__ }, .dynamic = true, .keep = TABLE_KEPT, \
	.size = max, .timeout_ms = 10000 }
/* By MAC; where there are none by address. */
#define BY_SENDER(n, id, max, max_l3) \
	METER(n, id, max, TABLE_T_IFINDEX, TABLE_T_ETHER), METER(n "-4", id##_4, max_l3, TABLE_T_IFINDEX, TABLE_T_IP4), \
	METER(n "-6", id##_6, max_l3, TABLE_T_IFINDEX, TABLE_T_IP6)
#define FLOWS(n, at, ...) \
	[(at) + 0] = { n(tcp4, ""), FLOW(TABLE_T_IP4), __VA_ARGS__ }, \
	[(at) + 1] = { n(udp4, ""), FLOW(TABLE_T_IP4), __VA_ARGS__ }, \
	[(at) + 2] = { n(tcp6, ""), FLOW(TABLE_T_IP6), __VA_ARGS__ }, \
	[(at) + 3] = { n(udp6, ""), FLOW(TABLE_T_IP6), __VA_ARGS__ }, \
	[(at) + 4] = { n(tcp4, "-reply"), FLOW(TABLE_T_IP4), __VA_ARGS__ }, \
	[(at) + 5] = { n(udp4, "-reply"), FLOW(TABLE_T_IP4), __VA_ARGS__ }, \
	[(at) + 6] = { n(tcp6, "-reply"), FLOW(TABLE_T_IP6), __VA_ARGS__ }, \
	[(at) + 7] = { n(udp6, "-reply"), FLOW(TABLE_T_IP6), __VA_ARGS__ }
#define DENIED(p, r) "denied-" #p r
#define HITS_A(p, r) "hits-" #p r "-a"
#define HITS_B(p, r) "hits-" #p r "-b"
#define PAGES(n, id, max, ...) \
	[TABLE_SET_##id##_A] = { n "-a", { __VA_ARGS__ }, LEDGER, .size = max }, \
	[TABLE_SET_##id##_B] = { n "-b", { __VA_ARGS__ }, LEDGER, .size = max }
#define MEMORY .dynamic = true, .keep = TABLE_FORGET, .size = 65536
#define LEDGER .dynamic = true, .counter = true, .keep = TABLE_KEPT

const struct table_set_row table_set_rows[TABLE_SET_FIXED] = {
	NAMES("open", OPEN), NAMES("guarded", GUARDED), NAMES("observed", OBSERVED), NAMES("offloaded", OFFLOADED),
	NETS("guarded", GUARDED), NETS("remote", REMOTE), NETS("observed", OBSERVED),
	NUMBERS("shape-6", SHAPE6, TABLE_T_PROTO), NUMBERS("ported", PORTED, TABLE_T_PROTO),
	NUMBERS("errors-4", ERRORS4, TABLE_T_ICMP),
	NUMBERS("errors-6", ERRORS6, TABLE_T_ICMP6),
	NUMBERS("nd-in", ND_IN, TABLE_T_ICMP6), NUMBERS("nd-out", ND_OUT, TABLE_T_ICMP6),
	WAYS("from", FROM), WAYS("in", IN), WAYS("to", TO), WAYS("towards", TOWARDS),
	NUMBERS("judged-4", JUDGED4, TABLE_T_PROTO),
	NAMES("proved", PROVED), NUMBERS("listed", LISTED, TABLE_T_ETHER),
	/* Of the proved as many as ident knows MACs: nobody takes a place there with a MAC that has proved nothing. */
	BY_SENDER("asks-proved", ASKS_PROVED, 262144, 65536), BY_SENDER("again-proved", AGAIN_PROVED, 65536, 16384),
	METER("asks-listed", ASKS_LISTED, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER),
	METER("again-listed", AGAIN_LISTED, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER),
	BY_SENDER("asks-others", ASKS_OTHERS, 65536, 16384), BY_SENDER("again-others", AGAIN_OTHERS, 65536, 16384),
	METER("asks-iface", ASKS_IFACE, 4096, TABLE_T_IFINDEX),
	METER("asks-out", ASKS_OUT, 4096, TABLE_T_IFNAME), METER("again-out", AGAIN_OUT, 4096, TABLE_T_IFNAME),
	METER("errors-out", ERRORS_OUT, 4096, TABLE_T_IFNAME),
	BY_SENDER("news", NEWS, 4096, 4096), METER("news-iface", NEWS_IFACE, 4096, TABLE_T_IFINDEX),
	METER("samples", SAMPLES, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER),
	METER("keys", KEYS, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER),
	METER("more", MORE, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER),
	METER("shares-4", SHARES4, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER, TABLE_T_IP4),
	METER("shares-6", SHARES6, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER, TABLE_T_IP6),
	METER("pings", PINGS, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER),
	METER("pings-4", PINGS4, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER, TABLE_T_IP4, TABLE_T_IP4),
	METER("pings-6", PINGS6, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER, TABLE_T_IP6, TABLE_T_IP6),
	METER("heard", HEARD, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER, TABLE_T_IP6),
	[TABLE_SET_CONFINED4] = { "confined-4", { TABLE_T_IFNAME, TABLE_T_ETHER, TABLE_T_IP4 }, .map = false },
	[TABLE_SET_CONFINED6] = { "confined-6", { TABLE_T_IFNAME, TABLE_T_ETHER, TABLE_T_IP6 }, .map = false },
	[TABLE_SET_CONFINED_L3_4] = { "confined-l3-4", { TABLE_T_IFNAME, TABLE_T_IP4 }, .map = false },
	[TABLE_SET_CONFINED_L3_6] = { "confined-l3-6", { TABLE_T_IFNAME, TABLE_T_IP6 }, .map = false },
	NUMBERS("unserved-tcp", UNSERVED_TCP, TABLE_T_PORT, .interval = true),
	NUMBERS("unserved-udp", UNSERVED_UDP, TABLE_T_PORT, .interval = true),
	[TABLE_SET_SCANS4] = { "scans-4", PAIR(TABLE_T_IP4), MEMORY },
	[TABLE_SET_SCANS6] = { "scans-6", PAIR(TABLE_T_IP6), MEMORY },
	FLOWS(DENIED, TABLE_SET_DENIED, MEMORY),
	FLOWS(HITS_A, TABLE_SET_HITS_A, LEDGER, .size = 65536),
	FLOWS(HITS_B, TABLE_SET_HITS_B, LEDGER, .size = 65536),
	PAGES("floods", FLOODS, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER),
	PAGES("others-floods", OTHERS_FLOODS, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER),
	PAGES("unknown-floods", UNKNOWN_FLOODS, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER),
	PAGES("denied-more", DENIED_MORE, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER),
	PAGES("out-floods", OUT_FLOODS, 4096, TABLE_T_IFNAME, TABLE_T_IFNAME),
	PAGES("invalids", INVALIDS, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER),
	PAGES("strangers", STRANGERS, 4096, TABLE_T_IFNAME, TABLE_T_IFNAME),
	PAGES("closed", CLOSED, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER),
	PAGES("failed-open", FAILED_OPEN, 65536, TABLE_T_IFINDEX, TABLE_T_ETHER),
};

const char *const table_chain_rows[TABLE_CH_FIXED] = {
	[TABLE_CH_FORWARD] = "forward", [TABLE_CH_FORWARD_POST] = "forward-post",
	[TABLE_CH_INPUT] = "input", [TABLE_CH_INPUT_POST] = "input-post",
	[TABLE_CH_OUTPUT] = "output", [TABLE_CH_OUTPUT_POST] = "output-post",
	[TABLE_CH_ABOUT] = "about", [TABLE_CH_PASS] = "pass", [TABLE_CH_STRANGE] = "strange",
	[TABLE_CH_FROM_OPEN] = "from-open", [TABLE_CH_OPEN_OPEN] = "open-open", [TABLE_CH_TO_GUARDED] = "to-guarded",
	[TABLE_CH_TO_OBSERVED] = "to-observed", [TABLE_CH_IN_OPEN] = "in-open",
	[TABLE_CH_OUT_OPEN] = "out-open", [TABLE_CH_OUT_LINK] = "out-link", [TABLE_CH_OUT_GUARDED] = "out-guarded",
	[TABLE_CH_OUT_OBSERVED] = "out-observed", [TABLE_CH_OUT_JUDGE] = "out-judge",
	[TABLE_CH_KNOWN] = "class-known", [TABLE_CH_RESTRICTED] = "class-restricted",
	[TABLE_CH_NEVER] = "class-never",
	[TABLE_CH_SLOW] = "slow", [TABLE_CH_SLOW_RELATED] = "slow-related",
	[TABLE_CH_ASK] = "ask", [TABLE_CH_ASK_REPLY] = "ask-reply", [TABLE_CH_ASK_METER] = "ask-meter",
	[TABLE_CH_ASK_PROVED] = "ask-proved", [TABLE_CH_ASK_LISTED] = "ask-listed", [TABLE_CH_ASK_OTHERS] = "ask-others",
	[TABLE_CH_ASK_OUT] = "ask-out", [TABLE_CH_ASK_OUT_REPLY] = "ask-out-reply",
	[TABLE_CH_OUT_METER] = "ask-out-meter",
	[TABLE_CH_DENY] = "deny", [TABLE_CH_DENY_COUNT] = "deny-count",
	[TABLE_CH_UNKNOWN] = "unknown", [TABLE_CH_UNKNOWN_REPLY] = "unknown-reply", [TABLE_CH_UNKNOWN_METER] = "unknown-meter",
	[TABLE_CH_ASK_Q] = "ask-q", [TABLE_CH_UNKNOWN_Q] = "unknown-q",
	[TABLE_CH_DENIED] = "denied", [TABLE_CH_DENIED_REPLY] = "denied-reply",
	[TABLE_CH_DENIED_MORE] = "denied-by-device",
	[TABLE_CH_FLOODED + 0] = "flooded-tcp4", [TABLE_CH_FLOODED + 1] = "flooded-udp4",
	[TABLE_CH_FLOODED + 2] = "flooded-tcp6", [TABLE_CH_FLOODED + 3] = "flooded-udp6",
	[TABLE_CH_OUT_FLOOD] = "out-flood",
	[TABLE_CH_FLOOD] = "flood", [TABLE_CH_OTHERS_FLOOD] = "others-flood",
	[TABLE_CH_UNKNOWN_FLOOD] = "unknown-flood", [TABLE_CH_INVALID] = "invalid-drop",
	[TABLE_CH_CLOSED] = "closed-drop", [TABLE_CH_FAILED_OPEN] = "failed-open", [TABLE_CH_OBSERVE] = "observe",
	[TABLE_CH_AFTER] = "after", [TABLE_CH_ALLOWED] = "allowed", [TABLE_CH_ALLOWED_BULK] = "allowed-bulk",
	[TABLE_CH_REMEMBER] = "remember",
	[TABLE_CH_REMEMBER_REPLY] = "remember-reply", [TABLE_CH_REJECTED] = "rejected",
};

const char *const table_counter_names[TABLE_COUNTERS] = {
	[TABLE_C_DENIED] = "denied", [TABLE_C_DENIED_MORE] = "denied-more",
	[TABLE_C_FLOOD] = "flood", [TABLE_C_FLOOD_UNKEYED] = "flood-unkeyed",
	[TABLE_C_UNKNOWN_FLOOD] = "unknown-flood", [TABLE_C_UNKNOWN_FLOOD_UNKEYED] = "unknown-flood-unkeyed",
	[TABLE_C_INVALID] = "invalid-drop", [TABLE_C_INVALID_UNKEYED] = "invalid-drop-unkeyed",
	[TABLE_C_STRANGE] = "strange-interface", [TABLE_C_STRANGE_UNKEYED] = "strange-interface-unkeyed",
	[TABLE_C_CLOSED] = "closed", [TABLE_C_CLOSED_UNKEYED] = "closed-unkeyed",
	[TABLE_C_FENCE] = "fence-to", [TABLE_C_FENCE_UNKEYED] = "fence-to-unkeyed",
	[TABLE_C_FENCE_ODD] = "fence-odd", [TABLE_C_FENCE_ODD_UNKEYED] = "fence-odd-unkeyed",
	[TABLE_C_OUT_FLOOD] = "out-flood", [TABLE_C_OUT_FLOOD_UNKEYED] = "out-flood-unkeyed",
	[TABLE_C_FELL_THROUGH] = "fell-through",
	[TABLE_C_POST_DENIED] = "post-denied", [TABLE_C_POST_DENIED_ONCE] = "post-denied-once",
	[TABLE_C_POST_REJECTED] = "post-rejected",
	[TABLE_C_NO_VERDICT] = "no-verdict", [TABLE_C_STALE_VERDICT] = "stale-verdict",
	[TABLE_C_POST_ALLOWED] = "post-allowed", [TABLE_C_POST_UNSTAMPED] = "post-unstamped",
	[TABLE_C_FAILED_OPEN] = "failed-open",
	[TABLE_C_RELATED] = "related-passed", [TABLE_C_OBSERVE_SKIPPED] = "observe-skipped",
	[TABLE_C_ASKED] = "asked",
};

uint8_t table_counter_family(enum table_counter c)
{
	return c >= TABLE_C_FENCE && c <= TABLE_C_FENCE_ODD_UNKEYED ? NFPROTO_NETDEV : NFPROTO_INET;
}

bool table_counter_is_drop(enum table_counter c)
{
	return c < TABLE_C_POST_ALLOWED;
}
