/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nl_attr: see nl_attr.h. */
#include "kern/nl_attr.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

struct nl_attrs nl_attr_from(const struct nlmsghdr *nlh, size_t payload_offset)
{
	size_t skip = MNL_NLMSG_HDRLEN + MNL_ALIGN(payload_offset);

	if (nlh->nlmsg_len <= skip)
		return (struct nl_attrs){ NULL, 0 };
	return (struct nl_attrs){ (const uint8_t *)nlh + skip, nlh->nlmsg_len - skip };
}

struct nl_attrs nl_attr_all(const struct nlmsghdr *nlh)
{
	return nl_attr_from(nlh, sizeof(struct nfgenmsg));
}

struct nl_attrs nl_attr_in(const struct nlattr *nest)
{
	struct nl_attrs c = { NULL, 0 };

	if (nest)
		c.at = nl_attr_data(nest, &c.left);
	return c;
}

const struct nlattr *nl_attr_next(struct nl_attrs *c)
{
	const struct nlattr *a = (const struct nlattr *)(const void *)c->at;
	size_t step;

	if (c->left < MNL_ATTR_HDRLEN || a->nla_len < MNL_ATTR_HDRLEN || a->nla_len > c->left)
		return NULL;
	step = ((size_t)a->nla_len + MNL_ALIGNTO - 1) & ~(size_t)(MNL_ALIGNTO - 1);
	step = step < c->left ? step : c->left;
	c->at += step;
	c->left -= step;
	return a;
}

const struct nlattr *nl_attr_find(struct nl_attrs c, unsigned type)
{
	const struct nlattr *a;

	while ((a = nl_attr_next(&c)))
		if (nl_attr_type(a) == type)
			return a;
	return NULL;
}

unsigned nl_attr_type(const struct nlattr *a)
{
	return a->nla_type & NLA_TYPE_MASK;
}

const uint8_t *nl_attr_data(const struct nlattr *a, size_t *ret_len)
{
	*ret_len = a->nla_len - MNL_ATTR_HDRLEN;
	return (const uint8_t *)a + MNL_ATTR_HDRLEN;
}

uint32_t nl_attr_u32(const struct nlattr *a)
{
	uint32_t v = 0;
	size_t len;

	if (a && nl_attr_data(a, &len) && len == sizeof(v))
		memcpy(&v, nl_attr_data(a, &len), sizeof(v));
	return ntohl(v);
}

uint64_t nl_attr_u64(const struct nlattr *a)
{
	uint64_t v = 0;
	size_t len;

	if (a && nl_attr_data(a, &len) && len == sizeof(v))
		memcpy(&v, nl_attr_data(a, &len), sizeof(v));
	return be64toh(v);
}

const char *nl_attr_str(const struct nlattr *a)
{
	const uint8_t *s;
	size_t len;

	if (!a)
		return "";
	s = nl_attr_data(a, &len);
	return len && !s[len - 1] ? (const char *)s : "";
}
