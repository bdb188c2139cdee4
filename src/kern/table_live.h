/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_live: what table the kernel has now: names and definitions, without rules and elements. */
#ifndef KERN_TABLE_LIVE_H
#define KERN_TABLE_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "base/vec.h"

struct nl;
struct table_set;

struct table_live_chain { const char *name, *device; int hook, priority; uint32_t policy; };    /* hook -1: no base chain */
struct table_live_set {
	const char *name;
	uint32_t flags, key_type, key_len, size;
	uint64_t timeout_ms;
	bool counter;
};

/* Our flowtable. */
struct table_live_flow {
	bool present;
	uint32_t hook, flags;
	int priority;
	VEC(const char *) devices;
};

enum { TABLE_LIVE_FLOWTABLE = 0 };
struct table_live_object { const char *name; uint32_t type; };          /* NFT_OBJECT_… or TABLE_LIVE_FLOWTABLE */

struct table_live {
	struct arena *arena;
	uint8_t family;
	bool present;
	uint32_t flags;                 /* the table's */
	VEC(struct table_live_chain) chains;
	VEC(struct table_live_set) sets;
	VEC(const char *) counters;
	struct table_live_flow flow;
	VEC(struct table_live_object) objects;  /* others than these, also flowtables: none is ours */
};

int table_live_read(struct nl *n, uint8_t family, struct table_live **ret, struct err *e);
void table_live_free(struct table_live *l);
OWN(table_live)
const struct table_live_chain *table_live_find_chain(const struct table_live *l, const char *name);
const struct table_live_set *table_live_find_set(const struct table_live *l, const char *name);
bool table_live_has_counter(const struct table_live *l, const char *name);
struct table_chain;
/* Can the chain be in the kernel: is its device there (or is it in the kernel already)? */
bool table_live_can_be(const struct table_live *l, const struct table_chain *c);
/* It hangs on another device than the model's. */
bool table_live_moved(const struct table_live_chain *l, const struct table_chain *c);
bool table_live_has_device(const struct table_live *l, const char *name);        /* does our flowtable hang on it? */
/* Our flowtable is as the model's, but for its devices. */
bool table_live_same_flow(const struct table_live *l);
/* The same definition, so that only elements need to change? */
bool table_live_same_set(const struct table_live_set *l, const struct table_set *s);
/* A dump message's string attribute type equals s. */
struct nlmsghdr;
bool table_live_is(const struct nlmsghdr *nlh, uint16_t type, const char *s);
/* Does a chain's message tell of a base chain that runs between our gates and posts? */
bool table_live_is_among(const struct nlmsghdr *nlh);

#endif
