/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ident: what has been learnt of the devices on the wire: which MAC answered for which address on which interface, and what
 * evidence says whose make it is.  Deterministic: no clock, no I/O, no randomness; time comes as data (wall clock, ns; a clock
 * that jumps only makes a probe early or late).  One owner, one thread (main); workers and the kernel's table get the frozen
 * view that who_build makes of it.
 *
 * A packet teaches only the wish to verify.  The caller tells what it saw (ident_claim), sends the probes that are due
 * (ident_next_probe: a unicast ARP request or neighbour solicitation), tells who answered (ident_answered), and turns the facts
 * that come of it (ident_next_fact) into events, and into a new view when ident_version has changed.
 *
 * The rules:
 *   - a claim becomes a binding when (interface, MAC, address) answered a probe of ours, or by DHCP, or at once when the policy
 *     lists MAC and address together (a pin);
 *   - the incumbent keeps its address as long as it answers: who claims it has to wait until the incumbent was asked and was
 *     silent.  A pin never gives way.  The same goes for a MAC that turns up on a second interface;
 *   - an address that leaves a restricted device takes the restriction along, unless the policy lists the new one;
 *   - restricted evidence stronger than a hint makes a device sticky: it stays restricted, whatever is seen later;
 *   - caps bound what one MAC can bind and how many MACs an interface can bring in a minute; at its cap a MAC's addresses that were
 *     silent for an hour are asked, and those that do not answer make room. */
#ifndef IDENT_IDENT_H
#define IDENT_IDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "ident/proof.h"
#include "net/addr.h"

struct ident;
struct policy;

enum { IDENT_TEXT = 160, IDENT_NAME = 96, IDENT_IFACE = 16, IDENT_EVIDENCE = 16 };

struct ident_limits {
	uint32_t v4_per_mac, v6_per_mac;        /* addresses that one MAC may hold on one interface: 4, 100 */
	uint32_t macs_per_minute;               /* new MACs per interface: 600 */
	uint32_t macs, bindings;                /* in all: 262144, 1048576 */
	uint32_t foreign;                       /* addresses of other networks that make a MAC a router: 3 */
	int64_t forget_claim_ns, forget_ns;     /* unseen for so long: claims 1 h, bindings 30 days */
};

extern const struct ident_limits ident_defaults;

enum ident_strength { IDENT_HINT, IDENT_REGISTRY, IDENT_PROTOCOL, IDENT_PINNED };

/* What came of it. */
enum ident_fact_kind {
	IDENT_DEVICE_NEW,       /* a MAC never seen */
	IDENT_RESTRICTED_NEW,   /* the device has its first restricted evidence (text says which) */
	IDENT_BOUND,            /* (iface, mac, addr) holds from now on */
	IDENT_UNBOUND,          /* it does not any more */
	IDENT_ADDRESS_MOVED,    /* addr went from device other to device: identity_changed */
	IDENT_MAC_MOVED,        /* the MAC went to iface, from the interface in text: identity_changed */
	IDENT_ADDRESS_CONTESTED,        /* device claims addr, which other holds and answers for: spoof_suspected */
	IDENT_MAC_CONTESTED,    /* the MAC is claimed on iface while it answers on another: spoof_suspected */
	IDENT_CONTRADICTION,    /* evidence of equal strength for two makers: spoof_suspected */
	IDENT_ROUTER,           /* the MAC brings addresses of other networks */
	IDENT_CAPPED,           /* a limit was hit (text says which); told once a minute per MAC or interface */
};

struct ident_fact {
	enum ident_fact_kind kind;
	int64_t when_ns;
	uint64_t device, other;                 /* 0: none */
	char iface[IDENT_IFACE];
	struct mac mac;
	struct addr addr;                       /* family 0: none */
	bool restricted;                        /* the device is sticky */
	char text[IDENT_TEXT];
};

/* What to do about a claim. */
enum ident_claim { IDENT_HOLDS, IDENT_ASKED, IDENT_REFUSED };

struct ident_probe {
	char iface[IDENT_IFACE];
	struct mac mac;
	struct addr addr;
};

/* For the store; also how what is stored comes back. */
struct ident_device {
	uint64_t id;
	char name[IDENT_NAME];                  /* the policy's, or "" */
	char maker[64];                         /* by the strongest evidence, or "" */
	char iface[IDENT_IFACE];                /* where it was seen last, or "" */
	struct mac mac;                         /* its first */
	bool has_mac, sticky, router, listed;
	int64_t first_ns, last_ns;
};

struct ident_evidence {
	uint64_t device;
	char source[24], value[IDENT_TEXT], maker[64];  /* "registry", "Hangzhou Hikvision … (MA-L 44:19:b6)", "hikvision" */
	enum ident_strength strength;
	int64_t first_ns, last_ns;
};

struct ident_binding {
	uint64_t device;
	char iface[IDENT_IFACE];
	struct mac mac;
	struct addr addr;
	enum who_proof proof;
	int64_t first_ns, last_ns;
	bool gone;                              /* ident_flush: delete it */
};

/* limits NULL: ident_defaults.  seed: of the hash tables; random, so that nobody can choose what collides. */
struct ident *ident_new(const struct ident_limits *limits, uint64_t seed);
void ident_free(struct ident *id);
OWN(ident)

/* The policy in force from now on (at the start and after each reload; p must outlive it): its listed devices get records, its
 * pins hold, and every device is classed again.  What was learnt stays. */
int ident_set_policy(struct ident *id, const struct policy *p, int64_t now_ns, struct err *e);

/* mac was seen with addr as its source on iface (a packet, ARP or ND). */
enum ident_claim ident_claim(struct ident *id, const char *iface, const struct mac *mac, const struct addr *addr,
			     int64_t now_ns);
/* (iface, mac) answered our probe for addr.  An answer that nobody asked for is a claim. */
void ident_answered(struct ident *id, const char *iface, const struct mac *mac, const struct addr *addr, int64_t now_ns);
/* The device sent something that was not shown to us packet by packet. */
void ident_seen(struct ident *id, uint64_t device, int64_t when_ns);
/* A DHCP server that the policy trusts gave addr to mac. */
void ident_leased(struct ident *id, const char *iface, const struct mac *mac, const struct addr *addr, int64_t now_ns);
/* The next probe that is due; false: none.  It counts as sent. */
bool ident_next_probe(struct ident *id, int64_t now_ns, struct ident_probe *ret);
int64_t ident_next_due(const struct ident *id);         /* when the next one is; INT64_MAX: none */
/* Forget what was unseen for too long; a slice of the tables per call. */
void ident_tick(struct ident *id, int64_t now_ns);

/* Evidence about the device of a MAC (maker: a name of the policy's makers or ""); returns the device, 0: no such MAC. */
uint64_t ident_add_evidence(struct ident *id, const struct mac *mac, const char *source, const char *value,
			    enum ident_strength strength, const char *maker, int64_t now_ns);

/* The oldest fact not yet taken; false: none.  At most 4096 wait; what is more is counted. */
bool ident_next_fact(struct ident *id, struct ident_fact *ret);
uint64_t ident_facts_lost(const struct ident *id);
/* Changes whenever a view made earlier would answer differently. */
uint64_t ident_version(const struct ident *id);

/* What came from the store, before the first ident_set_policy: devices first.  Verified bindings hold at once and are asked
 * again one after the other.  -1: full, or nonsense (told in *e). */
int ident_restore_device(struct ident *id, const struct ident_device *d, struct err *e);
int ident_restore_evidence(struct ident *id, const struct ident_evidence *v, struct err *e);
int ident_restore_binding(struct ident *id, const struct ident_binding *b, int64_t now_ns, struct err *e);

/* Everything that changed since the last flush. */
struct ident_sink {
	void (*device)(void *ctx, const struct ident_device *d);
	void (*device_gone)(void *ctx, uint64_t device);
	void (*evidence)(void *ctx, const struct ident_evidence *v);
	void (*binding)(void *ctx, const struct ident_binding *b);
	void *ctx;
};
/* What changed, devices ahead of their evidence and bindings: some `most` records besides what is gone.  True: more waits. */
bool ident_flush(struct ident *id, const struct ident_sink *sink, size_t most);
/* The store was made anew: all is to be told again. */
void ident_flush_again(struct ident *id);

/* Reading.  By place: 0 .. n-1, false: the place is free. */
size_t ident_device_places(const struct ident *id);
bool ident_device_at(const struct ident *id, size_t place, struct ident_device *ret);
size_t ident_binding_places(const struct ident *id);
bool ident_binding_at(const struct ident *id, size_t place, struct ident_binding *ret);
size_t ident_mac_places(const struct ident *id);
/* Its device, and whether that is sticky and the MAC a router. */
bool ident_mac_at(const struct ident *id, size_t place, struct mac *ret, uint64_t *ret_device, bool *ret_sticky,
		  bool *ret_router);
bool ident_find_device(const struct ident *id, uint64_t device, struct ident_device *ret);
uint64_t ident_device_of_mac(const struct ident *id, const struct mac *mac);    /* 0: none */
uint64_t ident_device_named(const struct ident *id, const char *name);          /* of a listed one; 0: none */
unsigned ident_evidence_of(const struct ident *id, uint64_t device, struct ident_evidence ret[static IDENT_EVIDENCE]);
uint64_t ident_last_id(const struct ident *id);         /* the highest device id given out */
uint64_t ident_seed(const struct ident *id);

#endif
