/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_wire: the model's objects as nf_tables messages of a batch. */
#ifndef KERN_TABLE_WIRE_H
#define KERN_TABLE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nftnl_rule;
struct nftnl_set;
struct nl_batch;
struct nlmsghdr;
struct table;
struct table_rule;
struct table_set;

/* Whether a table can have an owner is settled when it is made.  One whose owner is gone keeps PERSIST alone, and is taken up by
 * asking for both; an owner cannot let go of it.  live: the flags that it has, 0: it is to be made. */
enum { TABLE_WIRE_PERSIST = 4 };        /* NFT_TABLE_F_PERSIST, not in Debian 12's headers */
uint32_t table_wire_flags(bool owner, uint32_t live);
struct nlmsghdr *table_wire_any(struct nl_batch *b, uint8_t family);    /* the table, whatever its flags */
void table_wire_table(struct nl_batch *b, uint8_t family, uint32_t flags);
void table_wire_chain(struct nl_batch *b, const struct table *t, size_t chain);
void table_wire_counter(struct nl_batch *b, uint8_t family, const char *name);
/* Our flowtable, its flows counted: made, or given these devices too. */
void table_wire_flowtable(struct nl_batch *b, const char *table, const char *const *devices, size_t n);
/* false: out of memory (the batch then lacks it and must not be sent). */
bool table_wire_set(struct nl_batch *b, const struct table *t, size_t set);
bool table_wire_rules(struct nl_batch *b, const struct table *t, size_t chain);
/* All of a set's elements (msg: NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM), in messages of at most 60 KB. */
void table_wire_elements(struct nl_batch *b, uint8_t msg, const struct table *t, const struct table_set *s);
/* Delete by name: kind one of the below; NULL name with TABLE_WIRE_RULES: every rule of the table. */
enum table_wire_kind {
	TABLE_WIRE_TABLE, TABLE_WIRE_CHAIN, TABLE_WIRE_RULES, TABLE_WIRE_SET, TABLE_WIRE_ELEMENTS, TABLE_WIRE_COUNTER,
	TABLE_WIRE_FLOWTABLE,
};
void table_wire_delete(struct nl_batch *b, uint8_t family, enum table_wire_kind kind, const char *name);
void table_wire_delete_object(struct nl_batch *b, uint8_t family, const char *name, uint32_t type);
/* A base chain that is not of the model accepts from now on. */
void table_wire_neutral(struct nl_batch *b, uint8_t family, const char *chain);

uint32_t table_wire_set_flags(const struct table_set *s);
uint32_t table_wire_key_type(const struct table_set *s);
/* What the kernel would be told of one object, for comparing: the caller frees; NULL: out of memory. */
struct nftnl_rule *table_wire_make_rule(const struct table *t, size_t chain, const struct table_rule *r);
struct nftnl_set *table_wire_make_set(const struct table *t, size_t set);

#endif
