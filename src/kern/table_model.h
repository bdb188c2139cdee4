/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_model: the inside of struct table: sets with their elements, chains with their rules, rules as statements that are
 * high enough to print as nft text and low enough to become the kernel's expressions one by one.
 * Dependencies are explicit: nothing is added when a statement is lowered (nft adds its own when it reads the text). */
#ifndef KERN_TABLE_MODEL_H
#define KERN_TABLE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "kern/table.h"

enum { TABLE_KEYS_MAX = 5, TABLE_KEY_BYTES = 64 };      /* nft can name five fields of a key */

/* What a packet is asked. */
enum table_key {
	TABLE_K_NONE,
	TABLE_K_IIFNAME, TABLE_K_OIFNAME, TABLE_K_IIF, TABLE_K_OIF, TABLE_K_IIFTYPE, TABLE_K_NFPROTO, TABLE_K_PROTOCOL,
	TABLE_K_L4PROTO, TABLE_K_META_MARK,
	TABLE_K_ETHER_DADDR, TABLE_K_ETHER_SADDR, TABLE_K_ETHER_TYPE, TABLE_K_LL_FIRST4, TABLE_K_LL_NEXT2,
	TABLE_K_IP_SADDR, TABLE_K_IP_DADDR, TABLE_K_IP6_SADDR, TABLE_K_IP6_DADDR,
	TABLE_K_NH_FIRST, TABLE_K_IP_DADDR_FIRST, TABLE_K_IP6_DADDR_FIRST, TABLE_K_IP6_SADDR_FIRST2, TABLE_K_IP6_DADDR_FIRST2,
	TABLE_K_IP6_NEXTHDR, TABLE_K_IP6_HOPLIMIT, TABLE_K_SPORT, TABLE_K_DPORT,
	TABLE_K_ICMP_TYPE, TABLE_K_ICMP6_TYPE, TABLE_K_TCP_FLAGS,
	TABLE_K_CT_STATE, TABLE_K_CT_DIRECTION, TABLE_K_CT_MARK,
	TABLE_KEYS
};

/* What an element's field is. */
enum table_type {
	TABLE_T_NONE, TABLE_T_IFNAME, TABLE_T_IFINDEX, TABLE_T_ETHER, TABLE_T_IP4, TABLE_T_IP6, TABLE_T_PROTO, TABLE_T_PORT,
	TABLE_T_ICMP, TABLE_T_ICMP6, TABLE_T_ETHERTYPE,
	TABLE_TYPES
};

enum table_load { TABLE_LOAD_META, TABLE_LOAD_PAYLOAD, TABLE_LOAD_CT };

struct table_key_row {
	const char *words;              /* nft's */
	enum table_load load;
	uint32_t what;                  /* NFT_META_…, NFT_CT_…, or the payload's base */
	uint32_t offset;                /* payload */
	uint8_t len;
	bool host_order;                /* a number in the host's byte order */
};
extern const struct table_key_row table_key_rows[TABLE_KEYS];

struct table_type_row { const char *name; uint32_t id; uint8_t len; };
extern const struct table_type_row table_type_rows[TABLE_TYPES];

enum table_op {
	TABLE_S_END,
	TABLE_S_MATCH,          /* keys[0] & mask (0: no mask) ==, or != when negate, value */
	TABLE_S_BITS,           /* keys[0] & value is not 0 */
	TABLE_S_IFNAME,         /* keys[0], an interface's name, is name */
	TABLE_S_BEFORE,         /* the clock stands before until_s */
	TABLE_S_RANGE,          /* keys[0] lies between range's two ends, which may be equal */
	TABLE_S_IN,             /* keys in set (not in, when negate) */
	TABLE_S_VMAP,           /* keys looked up in a verdict map */
	TABLE_S_ADD,            /* dynamic: add keys to set */
	TABLE_S_UPDATE,         /* dynamic: add or refresh; with rate: only within the limit */
	TABLE_S_LIMIT,
	TABLE_S_SET_META_MARK, TABLE_S_SET_CT_MARK,     /* mark = mark & ~mask | value */
	TABLE_S_COUNTER,
	TABLE_S_FLOW,           /* into our flowtable; where that cannot be, the rule ends here */
	TABLE_S_LOG, TABLE_S_QUEUE, TABLE_S_REJECT_RST, TABLE_S_REJECT_ADMIN,
	TABLE_S_ACCEPT, TABLE_S_DROP, TABLE_S_RETURN, TABLE_S_JUMP, TABLE_S_GOTO,
};

struct table_stmt {
	enum table_op op;
	bool negate, native, bypass;    /* of QUEUE: without compat; passes when nobody listens */
	uint8_t keys[TABLE_KEYS_MAX];   /* enum table_key, ended by 0 */
	uint32_t value, mask;           /* value of QUEUE: of how many, by processor; 0: 1 */
	uint32_t index;                 /* of the set, chain or counter; queue or group number */
	int64_t until_s;                /* BEFORE */
	const char *name;               /* IFNAME: outlives the model */
	const uint8_t *range;           /* RANGE: the model's, from and to as the packet has them */
	uint32_t rate, burst;           /* a second */
};

struct table_rule {
	const struct table_stmt *stmts; /* ended by TABLE_S_END */
	size_t n;
	const char *comment;            /* NULL: none */
};

struct table_chain {
	const char *name;
	int hook;                       /* NF_INET_… or NF_NETDEV_…; -1: no base chain */
	const char *device;             /* of a base chain of family netdev, else NULL */
	int priority;
	bool accept;                    /* the base chain's policy */
	VEC(struct table_rule) rules;
	struct loc loc;
};

/* What happens to a set's elements when the table is replaced. */
enum table_keep { TABLE_STATIC, TABLE_FORGET, TABLE_KEPT };

struct table_set {
	const char *name;
	uint8_t types[TABLE_KEYS_MAX];  /* enum table_type, ended by 0 */
	bool map, interval, dynamic, counter;
	enum table_keep keep;
	uint32_t size, timeout_ms;      /* 0: none */
	uint32_t stride;                /* of keys: the key, and its end when interval */
	uint8_t *keys;                  /* n of them, sorted */
	uint32_t *chains;               /* map: where element i jumps to */
	size_t n, cap;
	struct loc loc;
};

/* A counter that is not one of enum table_counter's: index TABLE_COUNTERS + its place.  One that nothing counts by is not
 * made, but stays where it is in the kernel already: a count is never lost to a reload. */
struct table_more_counter { const char *name; bool used; };

struct table {
	struct arena *arena;
	uint8_t family;                 /* NFPROTO_… */
	struct table *fences;           /* the netdev table that goes with it, NULL: none */
	const char *about;              /* the comment in chain about */
	bool owner;
	bool flow;                      /* with our flowtable; without, one that is there stays: its devices' hooks would go */
	const char *const *flow_devices;
	size_t n_flow_devices;
	const char *const *flow_never;  /* what is no device of it in any case */
	size_t n_flow_never;
	VEC(struct table_set) sets;
	VEC(struct table_chain) chains;
	VEC(struct table_more_counter) counters;
	uint32_t *sets_by_name, *chains_by_name;        /* once frozen */
	bool failed;                    /* out of memory while building */
};

/* Adjacent and odd: nothing of others is likely between them.  The flowtable looks at what the ingress fence let in. */
enum { TABLE_PRIORITY_GATE = -12, TABLE_PRIORITY_POST = -11, TABLE_PRIORITY_FLOW = 0 };
#define TABLE_FLOWTABLE "bulk"
/* Behind conntrack and behind whoever changes the destination (-100). */
enum { TABLE_PRIORITY_EARLY = -95 };
#define TABLE_EARLY "early"

/* ---- rows of what is always there: index in struct table = enum ---- */

enum table_fixed_chain {
	TABLE_CH_FORWARD, TABLE_CH_FORWARD_POST, TABLE_CH_INPUT, TABLE_CH_INPUT_POST, TABLE_CH_OUTPUT, TABLE_CH_OUTPUT_POST,
	TABLE_CH_ABOUT, TABLE_CH_PASS, TABLE_CH_STRANGE,
	TABLE_CH_FROM_OPEN, TABLE_CH_OPEN_OPEN, TABLE_CH_TO_GUARDED, TABLE_CH_TO_OBSERVED, TABLE_CH_IN_OPEN,
	TABLE_CH_OUT_OPEN, TABLE_CH_OUT_LINK, TABLE_CH_OUT_GUARDED, TABLE_CH_OUT_OBSERVED, TABLE_CH_OUT_JUDGE,
	TABLE_CH_KNOWN, TABLE_CH_RESTRICTED, TABLE_CH_NEVER, TABLE_CH_SLOW, TABLE_CH_SLOW_RELATED,
	TABLE_CH_ASK, TABLE_CH_ASK_REPLY, TABLE_CH_ASK_METER, TABLE_CH_ASK_OUT, TABLE_CH_ASK_OUT_REPLY,
	TABLE_CH_ASK_PROVED, TABLE_CH_ASK_LISTED, TABLE_CH_ASK_OTHERS,
	TABLE_CH_OUT_METER, TABLE_CH_DENY, TABLE_CH_DENY_COUNT,
	TABLE_CH_UNKNOWN, TABLE_CH_UNKNOWN_REPLY, TABLE_CH_UNKNOWN_METER, TABLE_CH_ASK_Q, TABLE_CH_UNKNOWN_Q,
	TABLE_CH_DENIED, TABLE_CH_DENIED_REPLY, TABLE_CH_DENIED_MORE,
	TABLE_CH_FLOODED,               /* four, as TABLE_SET_DENIED */
	TABLE_CH_FLOOD = TABLE_CH_FLOODED + 4, TABLE_CH_OTHERS_FLOOD,
	TABLE_CH_UNKNOWN_FLOOD, TABLE_CH_OUT_FLOOD, TABLE_CH_INVALID, TABLE_CH_CLOSED,
	TABLE_CH_FAILED_OPEN,
	TABLE_CH_OBSERVE,
	TABLE_CH_AFTER, TABLE_CH_ALLOWED, TABLE_CH_ALLOWED_BULK, TABLE_CH_REMEMBER, TABLE_CH_REMEMBER_REPLY, TABLE_CH_REJECTED,
	TABLE_CH_FIXED
};

enum table_fixed_set {
	TABLE_SET_OPEN, TABLE_SET_GUARDED, TABLE_SET_OBSERVED, TABLE_SET_OFFLOADED,
	TABLE_SET_GUARDED4, TABLE_SET_GUARDED6, TABLE_SET_REMOTE4, TABLE_SET_REMOTE6, TABLE_SET_OBSERVED4, TABLE_SET_OBSERVED6,
	TABLE_SET_SHAPE6, TABLE_SET_PORTED, TABLE_SET_ERRORS4, TABLE_SET_ERRORS6, TABLE_SET_ND_IN, TABLE_SET_ND_OUT,
	TABLE_SET_FROM, TABLE_SET_IN, TABLE_SET_TO, TABLE_SET_TOWARDS, TABLE_SET_JUDGED4,
	TABLE_SET_PROVED, TABLE_SET_LISTED,
	TABLE_SET_ASKS_PROVED, TABLE_SET_ASKS_PROVED_4, TABLE_SET_ASKS_PROVED_6,
	TABLE_SET_AGAIN_PROVED, TABLE_SET_AGAIN_PROVED_4, TABLE_SET_AGAIN_PROVED_6, TABLE_SET_ASKS_LISTED, TABLE_SET_AGAIN_LISTED,
	TABLE_SET_ASKS_OTHERS, TABLE_SET_ASKS_OTHERS_4, TABLE_SET_ASKS_OTHERS_6,
	TABLE_SET_AGAIN_OTHERS, TABLE_SET_AGAIN_OTHERS_4, TABLE_SET_AGAIN_OTHERS_6, TABLE_SET_ASKS_IFACE,
	TABLE_SET_ASKS_OUT, TABLE_SET_AGAIN_OUT, TABLE_SET_ERRORS_OUT,
	TABLE_SET_NEWS, TABLE_SET_NEWS_4, TABLE_SET_NEWS_6, TABLE_SET_NEWS_IFACE, TABLE_SET_SAMPLES, TABLE_SET_KEYS,
	TABLE_SET_MORE, TABLE_SET_SHARES4, TABLE_SET_SHARES6, TABLE_SET_PINGS, TABLE_SET_PINGS4, TABLE_SET_PINGS6, TABLE_SET_HEARD,
	TABLE_SET_CONFINED4, TABLE_SET_CONFINED6, TABLE_SET_CONFINED_L3_4, TABLE_SET_CONFINED_L3_6,
	TABLE_SET_UNSERVED_TCP, TABLE_SET_UNSERVED_UDP, TABLE_SET_SCANS4, TABLE_SET_SCANS6,
	/* eight each, in the order tcp4 udp4 tcp6 udp6, then the same for replies */
	TABLE_SET_DENIED,
	TABLE_SET_HITS_A = TABLE_SET_DENIED + 8,
	TABLE_SET_HITS_B = TABLE_SET_HITS_A + 8,
	TABLE_SET_FLOODS_A = TABLE_SET_HITS_B + 8, TABLE_SET_FLOODS_B,
	TABLE_SET_OTHERS_FLOODS_A, TABLE_SET_OTHERS_FLOODS_B,
	TABLE_SET_UNKNOWN_FLOODS_A, TABLE_SET_UNKNOWN_FLOODS_B,
	TABLE_SET_DENIED_MORE_A, TABLE_SET_DENIED_MORE_B,
	TABLE_SET_OUT_FLOODS_A, TABLE_SET_OUT_FLOODS_B,
	TABLE_SET_INVALIDS_A, TABLE_SET_INVALIDS_B,
	TABLE_SET_STRANGERS_A, TABLE_SET_STRANGERS_B,
	TABLE_SET_CLOSED_A, TABLE_SET_CLOSED_B,
	TABLE_SET_FAILED_OPEN_A, TABLE_SET_FAILED_OPEN_B,
	TABLE_SET_FIXED
};
/* Variants of denied and hits: bits. */
enum { TABLE_V_UDP = 1, TABLE_V_SIX = 2, TABLE_V_REPLY = 4, TABLE_VARIANTS = 8 };

struct table_set_row {
	const char *name;
	enum table_type types[TABLE_KEYS_MAX];
	bool map, interval, dynamic, counter;
	enum table_keep keep;
	uint32_t size, timeout_ms;
};
extern const struct table_set_row table_set_rows[TABLE_SET_FIXED];
extern const char *const table_chain_rows[TABLE_CH_FIXED];

/* ---- building ---- */

int table_model_new(struct table **ret, struct err *e);         /* with every fixed set and chain, without elements and rules */
int table_model_empty(uint8_t family, struct table **ret, struct err *e);
uint32_t table_model_chain(struct table *t, struct loc loc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
uint32_t table_model_set(struct table *t, struct loc loc, const struct table_set_row *row, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void table_model_rule(struct table *t, uint32_t chain, const char *comment, const struct table_stmt *stmts);
/* Makes it a base chain of the family: on device (family netdev) or everywhere (NULL). */
void table_model_base(struct table *t, uint32_t chain, int hook, int priority, const char *device);
#define TABLE_RULE(t, chain, ...) \
	table_model_rule((t), (chain), NULL, (const struct table_stmt[]){ __VA_ARGS__, { .op = TABLE_S_END } })
/* Further counters; used: something counts by it.  Returns its index for TABLE_S_COUNTER. */
uint32_t table_model_counter(struct table *t, const char *name, bool used);
const char *table_model_counter_name(const struct table *t, uint32_t index);
bool table_model_has_counter(const struct table *t, uint32_t index);             /* is that one of its family? */
/* key: stride bytes; chain: maps only. */
void table_model_element(struct table *t, uint32_t set, const void *key, uint32_t chain);
/* Take from a set (no map) what another of the same key holds. */
void table_model_prune(struct table *t, uint32_t set, uint32_t stronger);
/* Sort elements; of equal keys the last added stays. */
void table_model_freeze(struct table *t);

void table_model_index(struct table *t);         /* part of freezing */
/* Of a frozen model: NULL for none. */
const struct table_set *table_model_find_set(const struct table *t, const char *name);
const struct table_chain *table_model_find_chain(const struct table *t, const char *name);
uint32_t table_model_key_bytes(const struct table_set *s);
unsigned table_model_fields(const struct table_set *s);
/* Text fields of a key: "\"eth0\" . 02:…" into out. */
void table_model_key_text(const struct table_set *s, const uint8_t *key, struct buf *out);
/* A name fit for nft from an interface's; two different ones never become equal. */
const char *table_model_ifname(const char *ifname, char buf[static TABLE_NAME]);
/* Keys of the sets as the kernel holds them. */
size_t table_model_binding_key(const struct table_binding *b, bool l3, uint8_t ret[static TABLE_KEY_BYTES]);
void table_model_ifname_key(const char *name, uint8_t ret[static TABLE_IFNAME]);

static inline struct table_stmt table_is(enum table_key k, uint32_t value)
{
	return (struct table_stmt){ .op = TABLE_S_MATCH, .keys = { k }, .value = value };
}
static inline struct table_stmt table_isnt(enum table_key k, uint32_t value)
{
	return (struct table_stmt){ .op = TABLE_S_MATCH, .keys = { k }, .value = value, .negate = true };
}
static inline struct table_stmt table_masked(enum table_key k, uint32_t mask, uint32_t value)
{
	return (struct table_stmt){ .op = TABLE_S_MATCH, .keys = { k }, .mask = mask, .value = value };
}
struct table_stmt table_range_of(struct table *t, enum table_key k, const void *lo, const void *hi);
static inline struct table_stmt table_bits(enum table_key k, uint32_t value)
{
	return (struct table_stmt){ .op = TABLE_S_BITS, .keys = { k }, .value = value };
}
static inline struct table_stmt table_in(enum table_key k, uint32_t set)
{
	return (struct table_stmt){ .op = TABLE_S_IN, .keys = { k }, .index = set };
}
static inline struct table_stmt table_notin(enum table_key k, uint32_t set)
{
	return (struct table_stmt){ .op = TABLE_S_IN, .keys = { k }, .index = set, .negate = true };
}
static inline struct table_stmt table_masked_not(enum table_key k, uint32_t mask, uint32_t value)
{
	return (struct table_stmt){ .op = TABLE_S_MATCH, .keys = { k }, .mask = mask, .value = value, .negate = true };
}
struct table_stmt table_family(bool six);
struct table_stmt table_own_flow(void);                 /* of a flow of its own, not of what refers to another */
/* Within so many a second of each pair of keys. */
static inline struct table_stmt table_meter(enum table_key k1, enum table_key k2, uint32_t set, uint32_t rate, uint32_t burst)
{
	return (struct table_stmt){ .op = TABLE_S_UPDATE, .keys = { k1, k2 }, .index = set, .rate = rate, .burst = burst };
}
static inline struct table_stmt table_named(enum table_key k, const char *iface)
{
	return (struct table_stmt){ .op = TABLE_S_IFNAME, .keys = { k }, .name = iface };
}
/* Before the link header is read: it is there, and nft shows the key in words. */
#define TABLE_ETHER table_is(TABLE_K_IIFTYPE, 1)
static inline struct table_stmt table_do(enum table_op op, uint32_t index)
{
	return (struct table_stmt){ .op = op, .index = index };
}
static inline struct table_stmt table_jump(uint32_t chain) { return table_do(TABLE_S_JUMP, chain); }
static inline struct table_stmt table_goto(uint32_t chain) { return table_do(TABLE_S_GOTO, chain); }
static inline struct table_stmt table_count(enum table_counter c) { return table_do(TABLE_S_COUNTER, c); }
static inline struct table_stmt table_limit(uint32_t rate, uint32_t burst)
{
	return (struct table_stmt){ .op = TABLE_S_LIMIT, .rate = rate, .burst = burst };
}

/* ---- parts of table_build, by file; b is what they share ---- */

struct table_build {
	struct table *t;
	const struct table_input *in;
	struct table_rates rates;
	uint32_t mask;
	bool enforcing;                 /* some zone enforces */
	char page;
	struct table_decide *decide;    /* table_build_decide.c's */
	uint32_t anybody;               /* the set of MACs that tell nothing, plus 1; 0: not made yet */
	uint32_t ask;                   /* the chain for what only userspace can decide: ask, or what fail: open makes of it */
};
void table_build_gate(struct table_build *b);           /* chains every packet may pass */
void table_build_base(struct table_build *b);
bool table_build_few_guarded(const struct table_build *b);      /* so that names are compared, ahead of maps and sets of all */
void table_build_asks(struct table_build *b);           /* to the queues, denials, drops by the kernel itself */
void table_build_meters(struct table_build *b);         /* who may ask how much: */
/* … on f, who are not behind a router, are proved (routed4: the ranges behind it, next to them IPv6's); then the rest. */
void table_build_proved_meter(struct table_build *b, const struct table_iface *f, uint32_t routed4);
void table_build_other_meters(struct table_build *b);
void table_build_post(struct table_build *b);
/* A verified device's packets; next: a chain that may decide about what is left, 0: none. */
void table_build_known(struct table_build *b, uint32_t chain, uint32_t next);
void table_build_restricted(struct table_build *b, uint32_t chain, uint32_t next);
/* The middle of a TCP flow that conntrack takes for a new one may be a reply: it is asked about. */
void table_build_middles(struct table_build *b, uint32_t chain);
void table_build_fast_path(struct table_build *b, uint32_t chain);
void table_build_fast_members(struct table_build *b, uint32_t chain, bool ether, bool six, enum table_kind kind,
			      struct table_stmt in);
/* Where, what and the rules of all classes with members; then an interface's: what its devices open (0: nothing is decided),
 * and what is opened to them. */
void table_build_decide(struct table_build *b);
void table_build_decided(struct table_build *b);        /* the rest is built: free what was shared */
uint32_t table_build_opens(struct table_build *b, uint32_t iface);
void table_build_new(struct table_build *b, uint32_t chain, uint32_t iface);    /* new flows of its devices leave chain */
void table_build_to_members(struct table_build *b, uint32_t chain);
void table_build_towards(struct table_build *b, uint32_t iface);
/* to, for a new flow whose sender's MAC tells nothing. */
void table_build_from_anybody(struct table_build *b, uint32_t chain, struct table_stmt to);
/* fail: open (table_build_fails.c): b->ask and its sets; then its rules in others' chains: asked in ask-q, after in after. */
void table_build_fails(struct table_build *b);
void table_build_fails_asked(struct table_build *b);
void table_build_fails_after(struct table_build *b);
void table_build_fails_page(struct table_build *b);
/* A spared binding in its sets; *first: 0, or what was returned here for this model before. */
void table_build_spared(struct table *t, const struct table_input *in, uint32_t *first, const struct table_binding *d);
void table_build_ifaces(struct table_build *b);         /* per interface: chains, maps, bindings */
/* The chains whose rules name a page: also refilled by table_turn. */
extern const enum table_fixed_chain table_page_chains[];
extern const size_t table_n_page_chains;
void table_build_page(struct table_build *b);
void table_build_flooded(struct table_build *b);        /* what early leads to: names a page too */
void table_build_early(struct table_build *b);
/* A set of two ends and the sender's MAC; set: the IPv4 one, the other is next to it. */
struct table_stmt table_build_pair(enum table_op op, uint32_t set, bool six);
/* Of a variant (proto: the protocol is still to be looked at): remembered (IN) or to be remembered (ADD), counted, dropped; what
 * the page has no room for goes on behind. */
void table_build_keyed(struct table_build *b, uint32_t chain, enum table_op op, unsigned v, bool proto);
/* Pieces for small changes: an interface's four sets (returns the first), one binding in them, an open interface. */
uint32_t table_build_who(struct table *t, const struct table_iface *f);
const struct table_set_row *table_build_who_row(const struct table_iface *f, bool six);
/* The four sets of a class on an interface: members4, members6 (as the interface's own), at4, at6 (addresses alone). */
uint32_t table_build_members(struct table *t, const struct table_input *in, const struct table_members *m);
void table_build_member(struct table *t, uint32_t first, const struct table_iface *f, const struct table_binding *d);
void table_build_binding(struct table *t, uint32_t first, const struct table_iface *f, const struct table_binding *d);
void table_build_open(struct table *t, const char *name);
/* Flows that may be offloaded: their fast path in the gate, and where they enter the flowtable (forward) or just pass. */
void table_build_flow_add(struct table_build *b, uint32_t post);
void table_build_flow_verdicts(struct table_build *b);  /* of userspace, behind all others */
void table_build_flow(struct table_build *b);           /* the flowtable itself */
/* A model with the page chains alone, for the page given. */
int table_build_turned(const struct table_input *in, char page, struct table **ret, struct err *e);
struct table_stmt table_set_mark(const struct table_build *b, enum table_op op, uint32_t bits);

#endif
