/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table: our nf_tables table, as a model in memory and in the kernel.
 *
 * table_input is plain data that says what the kernel has to know; table_build turns it into a model (sets, maps, chains,
 * rules, counters) without asking anybody; table_print writes that as nft text, table_send makes the kernel's table equal
 * to it in one transaction, table_verify reads the kernel's back and lists how it differs.
 * The shape, and what each chain is for: src/README.md "The table".
 *
 * Ledger.  What the kernel drops by itself is counted per key in sets of two pages, a and b.  One page is live: chains write
 * to it.  table_turn makes the other one live (one small transaction, which also forgets what was denied); a moment later
 * table_read_ledger and table_clear_page take the old one's contents: nothing is written there any more, so no count is
 * lost or taken twice, and nothing expires by itself.
 *
 * Models own an arena and are frozen once built; any thread may print one.  What takes a struct nl belongs to that thread. */
#ifndef KERN_TABLE_H
#define KERN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "net/addr.h"

struct arena;
struct buf;
struct nl;
struct plan;
struct plan_class;
struct plan_fails;
struct plan_macs;
struct plan_what;
struct plan_where;
struct policy;
struct prog;
struct table;
struct who;

/* LAYOUT changes when a table of another layout cannot be updated element by element. */
enum { TABLE_LAYOUT = 4, TABLE_LAYOUT_LEDGER = 2 /* the oldest with our ledger */, TABLE_IFNAME = 16, TABLE_NAME = 64 };
/* A multiple of 3 (table_mark_bulk); _EVER: of older layouts, which are only read. */
enum { TABLE_GENERATIONS = 60, TABLE_GENERATIONS_EVER = 62 };
#define TABLE_TABLE "ringfence"

/* The mark: 8 contiguous bits at shift: generation 1..60 in the upper six, kind in the lower two.  Generation 63 is the
 * gate's own.  Kind 0 in a ct mark: seen by the observer in this generation. */
enum table_kind {
	TABLE_DENY_ONCE, TABLE_ALLOW, TABLE_DENY, TABLE_REJECT,
	TABLE_BULK = TABLE_REJECT,      /* in a ct mark: allowed (bit 0 says that), and may be offloaded */
};
enum table_note {
	TABLE_NOTE_REJECTED = 0xfc,     /* in the ct mark: we are about to send a reset or ICMP error about it */
	TABLE_NOTE_OPEN = 0xfc,         /* in the packet's: queued, as the flow's opener sent it; passes when nobody listens */
	TABLE_NOTE_DECIDED = 0xfd,      /* the gate let it pass */
	TABLE_NOTE_ASKED = 0xfe,        /* queued, as the flow's opener sent it */
	TABLE_NOTE_REPLY = 0xff,        /* queued, a reply: judge it turned round */
};
static inline uint32_t table_mark_mask(unsigned shift) { return UINT32_C(0xff) << shift; }
/* The bits that tell an allowed flow of a generation, offloaded or not. */
static inline uint32_t table_mark_allowed(unsigned shift) { return UINT32_C(0xfd) << shift; }
/* What userspace answers with: all packets are ACCEPTed with this in our bits, and the post chain acts on it. */
static inline uint32_t table_mark(unsigned shift, unsigned generation, enum table_kind kind)
{
	return (uint32_t)(generation << 2 | kind) << shift;
}
/* The answer "allow, and it may be offloaded": the kinds are all taken, so it is three values of no generation, in turn: of
 * three generations in a row no two have the same. */
static inline uint32_t table_mark_bulk(unsigned shift, unsigned generation)
{
	return (uint32_t)(1 + generation % 3) << shift;
}
static inline uint32_t table_mark_note(unsigned shift, enum table_note note) { return (uint32_t)note << shift; }
static inline uint16_t table_discovery_group(uint16_t nflog_group) { return (uint16_t)(nflog_group + 1); }
static inline unsigned table_next_generation(unsigned g) { return g % TABLE_GENERATIONS + 1; }

/* ---- what the model is built from ---- */

enum table_role {
	TABLE_OPEN,             /* no guarded zone on it */
	TABLE_GUARDED,          /* carries a guarded zone that enforces */
	TABLE_OBSERVED,         /* carries guarded zones, none of which enforces: never queued, never dropped */
};

/* Inclusive. */
struct table_range { struct addr lo, hi; };

/* What may leave by an interface: IP to a MAC that has proved the address (see table_fences.h). */
enum table_fence {
	TABLE_FENCE_NONE,       /* anything: nothing on it but routers that no zone's networks name */
	TABLE_FENCE_PROVED,
	TABLE_FENCE_RESTRICTED, /* the same for MACs of restricted devices, others anything */
};

struct table_iface {
	const char *name;
	enum table_role role;
	bool dhcp;                              /* 68->67 to the firewall passes */
	bool denies;                            /* the class restricted may be denied without asking */
	bool l3;                                /* no Ethernet addresses (WireGuard, tun): bindings are by address alone */
	bool observes;                          /* carries a zone that only observes, whatever its role */
	bool port;                              /* of a bridge or the like that is not guarded: nothing is to go around the table */
	bool trunk;                             /* VLAN devices stand on it: tagged frames are theirs */
	bool stacked;                           /* frames may go on from it otherwise than by IP */
	enum table_fence fence;
	const struct table_range *routed;       /* sources behind a router: judged by address, no MAC is asked for */
	size_t n_routed;
	struct loc loc;
};

enum table_class { TABLE_KNOWN, TABLE_RESTRICTED };     /* restricted: nothing could ever be allowed to it */

/* A verified (interface, MAC, address). */
struct table_binding {
	uint32_t iface;                         /* into input->ifaces */
	struct mac mac;
	struct addr addr;
	enum table_class cls;
	uint32_t plan;                          /* its class in input->plan; TABLE_NO_PLAN: none, its flows are asked about */
	bool sole;                              /* nobody else on the interface has the address: it alone tells the class */
	bool restricted;                        /* by its maker */
	bool confined;                          /* a member of a restrict entry: what it says of others' flows is asked about */
	bool spared;                            /* fail: open covers it */
};
#define TABLE_NO_PLAN UINT32_MAX
/* By interface, MAC and address, whatever the class: for qsort and bsearch. */
int table_binding_compare(const void *a, const void *b);

/* Devices of a class stand on an interface. */
struct table_members { uint32_t iface, cls; };

/* What the kernel decides by itself, borrowed from the plan (engine/plan.h) in its numbering.  table_plan_name fills the names:
 * each ends in a digest of all that can be reached from there, so that equal names mean equal decisions in every generation. */
struct table_plan {
	const struct plan_class *classes;       size_t n_classes;
	const struct plan_where *wheres;        size_t n_wheres;
	const struct plan_what *whats;          size_t n_whats;
	const struct plan_macs *macs;           size_t n_macs;          /* senders on open interfaces that are asked about */
	size_t n_from;                          /* from4 and from6 of a class: of the first so many ifaces */
	const char *const *rules;               size_t n_rules;         /* ids; also those whose counters are to stay */
	const bool *offload;                    /* by rule: its flows may be offloaded; NULL: none */
	const char *const *class_names, *const *where_names, *const *what_names, *macs_name;
	const uint32_t *class_as, *where_as, *what_as;          /* the first that is the same for the kernel: it stands for all */
	size_t left_out;                        /* parts that are more than what is below, or than a plan holds: asked about */
	const struct plan_fails *fails;         /* NULL: no zone fails open */
	const struct table_members *members;    size_t n_members;       /* sorted; at most TABLE_MAX_MEMBERS of an interface */
};
/* Beyond these the kernel asks: classes on an interface, different services of a class, rules of a service. */
enum { TABLE_MAX_MEMBERS = 64, TABLE_MAX_WHATS = 64, TABLE_MAX_RULES = 256 };

/* Questions a second: ask of a known device (and of the firewall itself, by interface), new of an unknown triple and of all of an
 * interface, observe copies, again for flows that were permitted before, deny of what the kernel knows to be denied, others of all
 * together who come in by one interface and have neither proved an address nor a MAC that the policy lists.  A burst of
 * questions is what others wait behind (about 3 ms for 1,000), and several of them must fit into a queue (NFQ_MAXLEN). */
struct table_rates {
	uint32_t ask_per_s, ask_burst, new_per_s, new_burst, new_iface_per_s, new_iface_burst, observe_per_s;
	uint32_t again_per_s, again_burst, deny_per_s, deny_burst, others_per_s, others_burst;
};
#define TABLE_RATES ((struct table_rates){ 5000, 1000, 20, 50, 2000, 500, 5000, 20000, 100000, 1, 16, 10000, 2000 })

struct table_input {
	unsigned generation;                    /* 1..60; closed: the last that lived, or 0 */
	char page;                              /* 'a' or 'b': the live page of the ledger; 0 means a */
	unsigned mark_shift;                    /* 24 */
	uint16_t queue;                         /* the asks' first; behind the asks': unknown triples */
	uint16_t queues;                        /* for asks, each with its processors' packets; 0: 1 */
	uint16_t nflog_group;                   /* copies from observed zones; the next one's: neighbour discovery */
	bool native_queue;                      /* else xt NFQUEUE rev 3 through nft_compat */
	bool fences;                            /* with table netdev ringfence */
	bool owner;                             /* create it as OWNER|PERSIST: nobody else may change it while we live; one that
						 * was made so and whose owner is gone is taken over, one made without stays so */
	bool early;                             /* there was a flood: denials that are remembered are met before the route */
	bool closed;                            /* what guarded zones that enforce would ask is dropped: lock, boot */
	struct table_rates rates;               /* zero fields: the defaults */
	uint8_t digest[32];                     /* of the policy */
	const struct table_iface *ifaces;       size_t n_ifaces;
	const struct table_range *guarded;      size_t n_guarded;       /* networks of enforcing guarded zones with interfaces */
	const struct table_range *remote;       size_t n_remote;        /* of those without */
	const struct table_range *observed;     size_t n_observed;      /* of guarded zones that only observe */
	const struct table_binding *bindings;   size_t n_bindings;      /* any order; twice with two classes: restricted wins */
	const struct mac *listed;               size_t n_listed;        /* of the policy's devices, but for those that are at
						 * home on guarded interfaces */
	struct table_plan plan;                                         /* zero: every new flow is asked about */
	bool offload;                           /* some rule's flows may go through our flowtable, and the kernel has such */
	const char *const *offload_ifaces;      size_t n_offload_ifaces;        /* whose packets look into it: between
						 * them alone are flows offloaded */
	const char *const *bridged;             size_t n_bridged;               /* have no part in it in any case */
};

/* What the daemon adds to the policy. */
struct table_setup {
	unsigned generation;
	char page;
	uint16_t queue, queues, nflog_group;
	bool native_queue, owner, closed, fences, early;
	struct table_rates rates;
	const char *const *open;                size_t n_open;          /* further interfaces, not standing on a guarded one */
	const char *const *l3;                  size_t n_l3;            /* names of interfaces without Ethernet addresses */
	const struct plan *plan;                /* of prog; NULL: nothing is decided in the kernel; outlives the input */
	const struct table_input *like;         /* of the live table: its members, no others (bindings for table_bind) */
	const char *const *trunks;              size_t n_trunks;        /* … that VLAN devices stand on */
	const char *const *ports;               size_t n_ports;         /* … that are ports of what is not guarded */
	const char *const *stacked;             size_t n_stacked;       /* … whose frames may go on otherwise than by IP */
	const char *const *bridged;             size_t n_bridged;       /* anybody's: a bridge, a part of one, or on one */
	bool flowtables;                        /* the kernel has them */
	struct arena *bindings_in;              /* the input's bindings are allocated in this one; NULL: with the rest */
};

/* The input from the policy (frozen), its program and who is where; w NULL: no bindings; prog NULL: every binding is known.
 * ifaces[i] is policy->ifaces[i], then setup->open.  Everything is allocated in a. */
int table_input_from(const struct policy *p, const struct prog *prog, const struct who *w, const struct table_setup *setup,
		     struct arena *a, struct table_input *ret, struct err *e);

/* The names in p; ifaces are the input's. */
int table_plan_name(struct table_plan *p, const struct table_iface *ifaces, struct arena *a, struct err *e);
/* The pair's place among p's members, or SIZE_MAX. */
size_t table_plan_find(const struct table_plan *p, uint32_t iface, uint32_t cls);

/* ---- the model ---- */

int table_build(const struct table_input *in, struct table **ret, struct err *e);
void table_free(struct table *t);
OWN(table)
/* Stable nft text; "nft -c -f" takes it (the queue statement where the kernel has it; compat prints as a comment). */
void table_print(const struct table *t, struct buf *out);

/* ---- the kernel's ---- */

/* Make the kernel's table equal to the model, in one transaction: created when there is none; else base chains stay, every
 * rule, static element and chain is replaced, ledger and meters keep their contents, what was denied is forgotten.
 * A table named so that is not ours in shape (wrong base chains) is refused with EEXIST. */
int table_send(struct nl *n, const struct table *t, struct err *e);
/* The same where what the kernel's table holds is known: was->table, since the transaction was->genid of nf_tables; of plain sets
 * only what differs is told.  Ignored when there was another transaction since. */
struct table_was { const struct table *table; uint32_t genid; };
int table_send_after(struct nl *n, const struct table *t, const struct table_was *was, struct err *e);
/* The same while watch (of table_watch_groups) does not listen, if the table is big: a notification of each element takes the
 * kernel longer than all the rest.  *ret_missed is set when others may have changed something then: it is to be looked for. */
int table_send_deaf(struct nl *n, struct nl *watch, const struct table *t, const struct table_was *was, bool *ret_missed,
		    struct err *e);
/* Only what the model would do (validated by the kernel, nothing done). */
int table_try(struct nl *n, const struct table *t, struct err *e);
int table_delete(struct nl *n, struct err *e);          /* tests and purge only: flushes every queue of the namespace */

/* What a live table says of itself. */
struct table_about {
	bool present, ours, closed;             /* ours: it has our note; else the rest is zero */
	bool owned;                             /* a process that lives owns it: nobody else may change it */
	unsigned layout, generation;
	char page;
	uint8_t digest[32];
};
int table_read_about(struct nl *n, struct table_about *ret, struct err *e);

/* How the kernel's table differs from the model: one line per object into out; *ret_n: how many (0: none). */
int table_verify(struct nl *n, const struct table *t, struct buf *out, size_t *ret_n, struct err *e);

/* Bindings, one transaction.  Removing one that is not there (in the class given) fails with ENOENT and changes nothing;
 * adding one that is there is fine; del is done before add: a class is changed by removing the old and adding the new. */
int table_bind(struct nl *n, const struct table_input *in, const struct table_binding *add, size_t n_add,
	       const struct table_binding *del, size_t n_del, struct err *e);
/* A new interface that stands on no guarded one: open from now on (and the other way). */
int table_open_add(struct nl *n, const char *ifname, struct err *e);
int table_open_remove(struct nl *n, const char *ifname, struct err *e);
/* Forget denials: all, without turning the page (a device was verified). */
int table_forget(struct nl *n, struct err *e);
/* The chain that in.early asks for, into the live table; t: made with it. */
int table_early(struct nl *n, const struct table *t, struct err *e);
/* Make in->page's other page live and forget denials; in->page is changed on success. */
int table_turn(struct nl *n, struct table_input *in, struct err *e);
int table_clear_page(struct nl *n, char page, struct err *e);           /* only one that is not live, after reading it */

/* Named counters: cumulative while the table lives, never reset by us.  Besides these, each rule that opened a flow in the
 * kernel has one: allow-ID. */
enum table_counter {
	TABLE_C_DENIED,                 /* remembered, or known beforehand: sum of TABLE_L_DENIED over all pages ever */
	TABLE_C_DENIED_MORE,                    /* the same without ports, or when the page is full: by device */
	TABLE_C_FLOOD, TABLE_C_FLOOD_UNKEYED,           /* over the limit of questions, known devices and others */
	TABLE_C_UNKNOWN_FLOOD, TABLE_C_UNKNOWN_FLOOD_UNKEYED,   /* over the limit of questions, unknown triples */
	TABLE_C_INVALID, TABLE_C_INVALID_UNKEYED,       /* conntrack calls it invalid */
	TABLE_C_STRANGE, TABLE_C_STRANGE_UNKEYED,       /* in or out by an interface that stands in no map */
	TABLE_C_CLOSED, TABLE_C_CLOSED_UNKEYED,         /* the closed table's drops */
	TABLE_C_FENCE, TABLE_C_FENCE_UNKEYED,           /* to a MAC that did not prove the address (the fences) */
	TABLE_C_FENCE_ODD, TABLE_C_FENCE_ODD_UNKEYED,   /* frames that are neither IP nor ARP */
	TABLE_C_OUT_FLOOD, TABLE_C_OUT_FLOOD_UNKEYED,   /* over the limit of the firewall's own questions */
	TABLE_C_FELL_THROUGH,           /* end of a base chain: must stay 0 */
	TABLE_C_POST_DENIED,            /* userspace's denials, remembered */
	TABLE_C_POST_DENIED_ONCE,       /* not to be remembered (kind 0), or could not be: no ports, set full, no MAC */
	TABLE_C_POST_REJECTED,
	TABLE_C_NO_VERDICT,             /* queued, came back without an answer */
	TABLE_C_STALE_VERDICT,          /* answered by a generation that is gone */
	TABLE_C_POST_ALLOWED,           /* userspace's allows, stamped */
	TABLE_C_POST_UNSTAMPED,         /* allowed, not stamped (next generation, related) */
	TABLE_C_FAILED_OPEN,            /* flows that passed unjudged: fail: open, nobody listened */
	TABLE_C_RELATED,                /* ICMP errors of stamped flows */
	TABLE_C_OBSERVE_SKIPPED,        /* passed in an observed zone, over the limit of copies */
	TABLE_C_ASKED,                  /* sent to a queue: what never comes back to be counted after it died there */
	TABLE_COUNTERS
};
extern const char *const table_counter_names[TABLE_COUNTERS];
struct table_counts { struct { uint64_t packets, bytes; } at[TABLE_COUNTERS]; };
int table_read_counters(struct nl *n, struct table_counts *ret, struct err *e);
/* What each rule opened in the kernel alone (packets: first packets of flows): its counter allow-ID.  One may be told twice. */
typedef void (*table_rule_fn)(void *arg, const char *id, uint64_t packets, uint64_t bytes);
int table_read_rules(struct nl *n, table_rule_fn fn, void *arg, struct err *e);
bool table_counter_is_drop(enum table_counter c);       /* its packets died */
uint8_t table_counter_family(enum table_counter c);     /* of the table it stands in */

/* A line of the ledger: packets that the kernel dropped by itself, by key. */
enum table_line_kind {
	TABLE_L_DENIED, TABLE_L_DENIED_MORE, TABLE_L_FLOOD, TABLE_L_UNKNOWN_FLOOD, TABLE_L_INVALID, TABLE_L_STRANGE,
	TABLE_L_OUT_FLOOD, TABLE_L_CLOSED, TABLE_L_FENCE, TABLE_L_FENCE_ODD,
	TABLE_L_FAILED_OPEN,            /* not dropped: passed unjudged, one for each flow */
	TABLE_LINES
};
static inline bool table_line_is_named(enum table_line_kind k) { return k == TABLE_L_STRANGE || k == TABLE_L_OUT_FLOOD; }
struct table_line {
	enum table_line_kind kind;
	uint32_t iif;                   /* all but the named; FENCE: the interface it was to leave by */
	struct mac mac;                 /* all but the named: the source's; FENCE: the destination's */
	/* DENIED: src and dst as in the packet; reply: it was one, and port is its source port (the service's); else the
	 * destination port.  FENCE: dst alone.  FENCE_ODD: port is the frame's type. */
	struct addr src, dst;
	uint8_t proto;                  /* TCP or UDP */
	bool reply;
	uint16_t port;
	char iifname[TABLE_IFNAME], oifname[TABLE_IFNAME];      /* the named; "" at input and output */
	uint64_t packets, bytes;
};
struct table_ledger { struct table_line *lines; size_t n; };    /* heap; table_ledger_free */
int table_read_ledger(struct nl *n, char page, struct table_ledger *ret, struct err *e);
void table_ledger_free(struct table_ledger *l);

/* Somebody changed nf_tables.  n must be a socket of its own, opened with table_watch_groups. */
extern const unsigned table_watch_groups[];
struct table_change {
	bool ours;                      /* our table (either family) was touched */
	bool foreign_risk;              /* another table's flowtable, queue, notrack or ct mark rule came, … */
	bool among;                     /* … or its base chain, which runs between ours (table_verify tells of it, too) */
	uint32_t portid;                /* who */
	uint32_t genid;                 /* nf_tables' generation since then; 0: it was there before we looked */
	char what[256];                 /* "inet ringfence: rule in chain ask added, element in from added by nft" */
};
typedef void (*table_change_fn)(const struct table_change *c, void *arg);
/* What table_watch knows of a transaction whose end has not come yet; zeroed before the first call. */
struct table_watch { struct table_change change; bool pending; };
/* self: port ids whose changes are our own (the sockets that table_send & co. use).  fn is called once per transaction. */
int table_watch(struct nl *n, struct table_watch *w, const uint32_t *self, size_t n_self, table_change_fn fn, void *arg,
		bool *ret_lost, struct err *e);
/* Others' flowtables, base chains among ours, queue, notrack and ct mark rules that are there already: fn once for each chain. */
int table_risks(struct nl *n, table_change_fn fn, void *arg, struct err *e);

#endif
