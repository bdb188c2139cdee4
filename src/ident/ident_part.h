/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ident_part: the tables behind ident.h, for ident*.c alone.  Records stand in arrays and refer to each other by index; a
 * free one has used false and is on its table's free list.  Lookups go through chains whose links are in the records. */
#ifndef IDENT_IDENT_PART_H
#define IDENT_IDENT_PART_H

#include "base/vec.h"
#include "ident/ident.h"
#include "ident/zones.h"

#define IDENT_NONE UINT32_MAX

struct ident_link {
	uint32_t next, hash;
};

struct ident_chain {
	uint32_t *heads;
	uint32_t n_heads, n;
};

struct ident_if {
	char name[IDENT_IFACE];
	uint32_t policy;                /* into policy->ifaces, or IDENT_NONE */
	int64_t window_ns, told_ns;     /* of new MACs, this minute */
	uint32_t window_n;
};

struct ident_mac {
	struct ident_link link;
	struct mac mac;
	bool used, router;
	uint32_t device, bindings;      /* head of its bindings */
	uint32_t n4, n6, n_foreign;
	int64_t first_ns, last_ns, told_ns;
};

struct ident_dev {
	struct ident_link by_id, by_name;
	bool used, dirty, stored, sticky, listed, proved;       /* proved: has had a binding */
	uint64_t id;
	char *name;
	uint32_t evidence, n_evidence, n_macs, iface;
	struct mac mac;
	int64_t first_ns, last_ns, written_ns;
};

struct ident_evid {
	bool used, dirty;
	uint32_t next, device;
	char *source, *value, *maker;   /* one block: free source */
	enum ident_strength strength;
	int64_t first_ns, last_ns;
};

struct ident_bind {
	struct ident_link by_pair, by_addr;
	bool used, dirty, stored, foreign;
	bool probing, waiting, silent;  /* waiting: its rival is asked first; silent: did not answer the last series */
	uint8_t proof, tries;
	uint32_t iface, mac, next_of_mac, serial;
	uint32_t rival, rival_serial;
	struct addr addr;
	int64_t first_ns, last_ns, written_ns;
	int64_t due_ns, sent_ns, quiet_ns, silent_ns, told_ns;
};

struct ident_due {
	int64_t when_ns;
	uint32_t bind, serial;
};

struct ident_listed_mac {
	struct mac mac;
	uint32_t listed;                /* into policy->devices */
};

struct ident_listed_addr {
	struct addr addr;
	uint32_t listed;
};

enum { IDENT_FACTS = 4096 };

struct ident {
	struct ident_limits limits;
	uint64_t seed, last_id, version, facts_lost;
	const struct policy *policy;
	struct zones *zones;
	VEC(struct ident_if) ifaces;
	VEC(struct ident_mac) macs;
	VEC(struct ident_dev) devices;
	VEC(struct ident_evid) evidence;
	VEC(struct ident_bind) binds;
	uint32_t free_mac, free_device, free_evidence, free_bind;       /* heads of free lists */
	uint32_t used_macs, used_binds;
	struct ident_chain mac_chain, device_chain, name_chain, pair_chain, addr_chain;
	/* The policy's listings, by MAC and by address: sorted. */
	VEC(struct ident_listed_mac) listed_macs;
	VEC(struct ident_listed_addr) listed_addrs;
	VEC(struct ident_due) due;              /* a heap */
	VEC(uint32_t) dirty_devices, dirty_binds, dirty_evidence;
	VEC(uint64_t) gone_devices;
	VEC(struct ident_binding) gone_binds;
	struct ident_fact *facts;               /* a ring */
	uint32_t facts_head, facts_n;
	uint32_t sweep_mac, sweep_bind;         /* where ident_tick goes on */
};

/* ident_table.c: records and chains. */
uint32_t ident_table_iface(struct ident *id, const char *name);         /* made when new; IDENT_NONE: no room */
uint32_t ident_table_find_iface(const struct ident *id, const char *name);
uint32_t ident_table_find_mac(const struct ident *id, const struct mac *m);
uint32_t ident_table_find_device(const struct ident *id, uint64_t device);
uint32_t ident_table_find_name(const struct ident *id, const char *name);
uint32_t ident_table_find_bind(const struct ident *id, uint32_t iface, uint32_t mac, const struct addr *a);
uint32_t ident_table_first_at(const struct ident *id, uint32_t iface, const struct addr *a);    /* then by_addr.next */
bool ident_table_is_at(const struct ident *id, uint32_t bind, uint32_t iface, const struct addr *a);
uint32_t ident_table_new_device(struct ident *id, uint64_t wanted /* 0: the next */, int64_t now_ns);
uint32_t ident_table_new_mac(struct ident *id, const struct mac *m, uint32_t device, int64_t now_ns);
uint32_t ident_table_new_bind(struct ident *id, uint32_t iface, uint32_t mac, const struct addr *a, int64_t now_ns);
bool ident_table_name_device(struct ident *id, uint32_t device, const char *name);
void ident_table_drop_bind(struct ident *id, uint32_t bind);
/* With its bindings, and its device when that was its last. */
void ident_table_drop_mac(struct ident *id, uint32_t mac);
void ident_table_drop_device(struct ident *id, uint32_t device);       /* must have no MAC left */
void ident_table_touch_device(struct ident *id, uint32_t device);      /* dirty */
void ident_table_touch_bind(struct ident *id, uint32_t bind);
void ident_table_touch_evidence(struct ident *id, uint32_t at);
void ident_table_fini(struct ident *id);

/* ident_evidence.c */
bool ident_evidence_put(struct ident *id, uint32_t device, const char *source, const char *value, enum ident_strength strength,
			const char *maker, int64_t now_ns);
void ident_evidence_drop(struct ident *id, uint32_t device);
void ident_evidence_move(struct ident *id, uint32_t from, uint32_t to);
void ident_evidence_expire(struct ident *id, uint32_t device, const char *source, int64_t now_ns);      /* not put at now_ns */
void ident_evidence_registry(struct ident *id, uint32_t mac, int64_t now_ns);   /* what the registry says of a MAC */
void ident_evidence_class(struct ident *id, uint32_t device, int64_t now_ns);   /* sticky, contradictions */
/* Tell that it is restricted; text NULL: by its best evidence. */
void ident_evidence_seen(struct ident *id, uint32_t device, const char *text, int64_t now_ns);
void ident_evidence_stick(struct ident *id, uint32_t device, const char *text, int64_t now_ns);
const struct ident_evid *ident_evidence_best(const struct ident *id, uint32_t device);

/* ident_pin.c: the policy's listings. */
uint32_t ident_pin_of_mac(const struct ident *id, const struct mac *m);         /* into policy->devices, or IDENT_NONE */
bool ident_pin_lists(const struct ident *id, const struct addr *a);             /* as some device's, with MACs or without */
bool ident_pin_holds(const struct ident *id, uint32_t iface, const struct mac *m, const struct addr *a);
/* Does a pin of somebody else forbid (iface, mac, addr)?  *ret_elsewhere: it is the MAC that is pinned on other interfaces. */
bool ident_pin_forbids(const struct ident *id, uint32_t iface, const struct mac *m, const struct addr *a, bool *ret_elsewhere);

/* ident_probe.c */
void ident_probe_start(struct ident *id, uint32_t bind, int64_t delay_ns, int64_t now_ns);
/* ident.c */
void ident_silent(struct ident *id, uint32_t bind, int64_t now_ns);     /* a series of probes went unanswered */
struct ident_fact *ident_tell(struct ident *id, enum ident_fact_kind kind, uint32_t mac, int64_t now_ns);
void ident_tell_bind(struct ident *id, enum ident_fact_kind kind, uint32_t bind, uint32_t other, const char *text,
		     int64_t now_ns);
bool ident_is_past(int64_t then_ns, int64_t span_ns, int64_t now_ns);  /* so long ago at least, or the clock jumped back */

/* ident_claim.c */
void ident_unbind(struct ident *id, uint32_t bind, int64_t now_ns);     /* with its fact */
uint32_t ident_claim_record(struct ident *id, const char *iface, const struct mac *m, const struct addr *a, int64_t now_ns);
void ident_drop(struct ident *id, uint32_t bind);                       /* without a fact */

#endif
