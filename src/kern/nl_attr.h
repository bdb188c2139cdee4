/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nl_attr: walking netlink attributes, bounds checked.  Values are in network byte order, as nf_tables has them.
 *	for (struct nl_attrs c = nl_attr_all(nlh); (a = nl_attr_next(&c));) … */
#ifndef KERN_NL_ATTR_H
#define KERN_NL_ATTR_H

#include <stddef.h>
#include <stdint.h>

struct nlattr;
struct nlmsghdr;

/* What is left to walk. */
struct nl_attrs { const uint8_t *at; size_t left; };

struct nl_attrs nl_attr_all(const struct nlmsghdr *nlh);        /* behind the struct nfgenmsg */
struct nl_attrs nl_attr_from(const struct nlmsghdr *nlh, size_t payload_offset);
struct nl_attrs nl_attr_in(const struct nlattr *nest);          /* NULL: none */
const struct nlattr *nl_attr_next(struct nl_attrs *c);          /* NULL: no more */
const struct nlattr *nl_attr_find(struct nl_attrs c, unsigned type);
unsigned nl_attr_type(const struct nlattr *a);
const uint8_t *nl_attr_data(const struct nlattr *a, size_t *ret_len);
/* 0, 0 and "" when a is NULL or not of that form. */
uint32_t nl_attr_u32(const struct nlattr *a);
uint64_t nl_attr_u64(const struct nlattr *a);
const char *nl_attr_str(const struct nlattr *a);

#endif
