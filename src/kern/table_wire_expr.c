/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_wire_expr: see table_wire_expr.h.  Registers are numbered as the kernel shows them (a 16-byte name where one begins),
 * so that what is read back compares equal. */
#include "kern/table_wire_expr.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "kern/table_model.h"

/* struct xt_NFQ_info_v3, padded as the kernel's: numbers in host order. */
struct xt_queue { uint16_t num, total, flags, pad; };
enum { BYPASS = 1, FANOUT = 2 };        /* of nft's queue and of xt's alike: passes when nobody listens; by processor */

static struct nftnl_expr *add(struct nftnl_rule *r, const char *name)
{
	struct nftnl_expr *x = nftnl_expr_alloc(name);

	if (x)
		nftnl_rule_add_expr(r, x);
	return x;
}

static uint32_t reg(unsigned word)
{
	return word % 4 ? NFT_REG32_00 + word : NFT_REG_1 + word / 4;
}

static bool load(struct nftnl_rule *r, enum table_key key, unsigned word)
{
	static const char *const names[] = {
		[TABLE_LOAD_META] = "meta", [TABLE_LOAD_PAYLOAD] = "payload", [TABLE_LOAD_CT] = "ct",
	};
	const struct table_key_row *k = &table_key_rows[key];
	struct nftnl_expr *x = add(r, names[k->load]);

	if (!x)
		return false;
	switch (k->load) {
	case TABLE_LOAD_META:
		nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, k->what);
		nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, reg(word));
		break;
	case TABLE_LOAD_CT:
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, k->what);
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_DREG, reg(word));
		break;
	case TABLE_LOAD_PAYLOAD:
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, k->what);
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, k->offset);
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, k->len);
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, reg(word));
	}
	return true;
}

/* A look at a set, or a change of one, leaves its keys where they were loaded. */
static bool is_loaded(const struct table_stmt *s, const struct table_stmt *last)
{
	return last && (last->op == TABLE_S_IN || last->op == TABLE_S_ADD || last->op == TABLE_S_UPDATE) &&
	       !memcmp(last->keys, s->keys, sizeof(s->keys));
}

static bool load_all(struct nftnl_rule *r, const struct table_stmt *s, const struct table_stmt *last)
{
	unsigned word = 0;

	if (is_loaded(s, last))
		return true;
	for (unsigned i = 0; i < TABLE_KEYS_MAX && s->keys[i]; i++) {
		if (!load(r, s->keys[i], word))
			return false;
		word += (table_key_rows[s->keys[i]].len + 3U) / 4;
	}
	return true;
}

/* A number as the register holds it. */
static uint32_t number(enum table_key key, uint32_t value, uint8_t ret[static 4])
{
	const struct table_key_row *k = &table_key_rows[key];
	uint16_t u16 = (uint16_t)(k->host_order ? value : htons((uint16_t)value));
	uint32_t u32 = k->host_order ? value : htonl(value);

	memset(ret, 0, 4);
	if (k->len == 1)
		ret[0] = (uint8_t)value;
	else
		memcpy(ret, k->len == 2 ? (const void *)&u16 : (const void *)&u32, k->len == 2 ? 2 : 4);
	return k->len;
}

static bool bitwise(struct nftnl_rule *r, const void *mask, const void *xor, uint32_t len)
{
	struct nftnl_expr *x = add(r, "bitwise");

	if (!x)
		return false;
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_MASK, mask, len);
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_XOR, xor, len);
	return true;
}

static bool match(struct nftnl_rule *r, const struct table_stmt *s)
{
	static const uint8_t zero[4];
	bool bits = s->op == TABLE_S_BITS;
	uint8_t value[4], mask[4];
	uint32_t len = number(s->keys[0], s->value, value);
	struct nftnl_expr *x;

	number(s->keys[0], s->mask, mask);
	if (!load(r, s->keys[0], 0) || ((bits || s->mask) && !bitwise(r, bits ? value : mask, zero, len)))
		return false;
	x = add(r, "cmp");
	if (!x)
		return false;
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_OP, bits || s->negate ? NFT_CMP_NEQ : NFT_CMP_EQ);
	nftnl_expr_set(x, NFTNL_EXPR_CMP_DATA, bits ? zero : value, len);
	return true;
}

static bool is_ifname(struct nftnl_rule *r, const struct table_stmt *s)
{
	uint8_t name[TABLE_IFNAME];
	struct nftnl_expr *x = load(r, s->keys[0], 0) ? add(r, "cmp") : NULL;

	if (!x)
		return false;
	table_model_ifname_key(s->name, name);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(x, NFTNL_EXPR_CMP_DATA, name, sizeof(name));
	return true;
}

static bool in_range(struct nftnl_rule *r, const struct table_stmt *s)
{
	const uint32_t len = table_key_rows[s->keys[0]].len;
	const bool one = s->range && !memcmp(s->range, s->range + len, len);
	struct nftnl_expr *x = s->range && load(r, s->keys[0], 0) ? add(r, one ? "cmp" : "range") : NULL;

	if (!x)
		return false;
	nftnl_expr_set_u32(x, one ? NFTNL_EXPR_CMP_SREG : NFTNL_EXPR_RANGE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, one ? NFTNL_EXPR_CMP_OP : NFTNL_EXPR_RANGE_OP, one ? NFT_CMP_EQ : NFT_RANGE_EQ);
	nftnl_expr_set(x, one ? NFTNL_EXPR_CMP_DATA : NFTNL_EXPR_RANGE_FROM_DATA, s->range, len);
	if (!one)
		nftnl_expr_set(x, NFTNL_EXPR_RANGE_TO_DATA, s->range + len, len);
	return true;
}

/* Nanoseconds since 1970, compared in network order. */
static bool before(struct nftnl_rule *r, const struct table_stmt *s)
{
	const uint64_t ns = htobe64((uint64_t)s->until_s * UINT64_C(1000000000));
	struct nftnl_expr *x = add(r, "meta");

	if (!x)
		return false;
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, NFT_META_TIME_NS);
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, NFT_REG_1);
	x = add(r, "byteorder");
	if (!x)
		return false;
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_LEN, sizeof(ns));
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_SIZE, sizeof(ns));
	x = add(r, "cmp");
	if (!x)
		return false;
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_OP, NFT_CMP_LT);
	nftnl_expr_set(x, NFTNL_EXPR_CMP_DATA, &ns, sizeof(ns));
	return true;
}

static bool lookup(struct nftnl_rule *r, const struct table *t, const struct table_stmt *s, const struct table_stmt *last)
{
	struct nftnl_expr *x = load_all(r, s, last) ? add(r, "lookup") : NULL;

	if (!x)
		return false;
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	if (s->op == TABLE_S_VMAP)
		nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_FLAGS, s->negate ? NFT_LOOKUP_F_INV : 0);
	return nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, t->sets.at[s->index].name) >= 0;
}

static void limit(struct nftnl_expr *x, const struct table_stmt *s)
{
	nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_RATE, s->rate);
	nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_UNIT, 1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_BURST, s->burst);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_FLAGS, 0);
}

static bool dynset(struct nftnl_rule *r, const struct table *t, const struct table_stmt *s, const struct table_stmt *last)
{
	struct nftnl_expr *x = load_all(r, s, last) ? add(r, "dynset") : NULL, *inner;

	if (!x)
		return false;
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_OP, s->op == TABLE_S_ADD ? NFT_DYNSET_OP_ADD : NFT_DYNSET_OP_UPDATE);
	if (s->rate) {
		inner = nftnl_expr_alloc("limit");
		if (!inner)
			return false;
		limit(inner, s);
		nftnl_expr_add_expr(x, NFTNL_EXPR_DYNSET_EXPRESSIONS, inner);
	}
	return nftnl_expr_set_str(x, NFTNL_EXPR_DYNSET_SET_NAME, t->sets.at[s->index].name) >= 0;
}

static bool set_mark(struct nftnl_rule *r, const struct table_stmt *s)
{
	bool ct = s->op == TABLE_S_SET_CT_MARK;
	uint32_t keep = ~s->mask;
	struct nftnl_expr *x;

	if (!load(r, ct ? TABLE_K_CT_MARK : TABLE_K_META_MARK, 0) || !bitwise(r, &keep, &s->value, sizeof(keep)))
		return false;
	x = add(r, ct ? "ct" : "meta");
	if (!x)
		return false;
	nftnl_expr_set_u32(x, ct ? NFTNL_EXPR_CT_KEY : NFTNL_EXPR_META_KEY, ct ? NFT_CT_MARK : NFT_META_MARK);
	nftnl_expr_set_u32(x, ct ? NFTNL_EXPR_CT_SREG : NFTNL_EXPR_META_SREG, NFT_REG_1);
	return true;
}

static bool verdict(struct nftnl_rule *r, const struct table *t, const struct table_stmt *s)
{
	static const int codes[] = {
		[TABLE_S_ACCEPT] = NF_ACCEPT, [TABLE_S_DROP] = NF_DROP, [TABLE_S_RETURN] = NFT_RETURN, [TABLE_S_JUMP] = NFT_JUMP,
		[TABLE_S_GOTO] = NFT_GOTO,
	};
	struct nftnl_expr *x = add(r, "immediate");

	if (!x)
		return false;
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_VERDICT, (uint32_t)codes[s->op]);
	return (s->op != TABLE_S_JUMP && s->op != TABLE_S_GOTO) ||
	       nftnl_expr_set_str(x, NFTNL_EXPR_IMM_CHAIN, t->chains.at[s->index].name) >= 0;
}

static bool queue(struct nftnl_rule *r, const struct table_stmt *s)
{
	struct nftnl_expr *x = add(r, s->native ? "queue" : "target");
	const uint16_t total = (uint16_t)(s->value ? s->value : 1);
	const uint16_t flags = (uint16_t)((total > 1 ? FANOUT : 0) | (s->bypass ? BYPASS : 0));
	struct xt_queue *info;

	if (!x)
		return false;
	if (s->native) {
		nftnl_expr_set_u16(x, NFTNL_EXPR_QUEUE_NUM, (uint16_t)s->index);
		nftnl_expr_set_u16(x, NFTNL_EXPR_QUEUE_TOTAL, total);
		nftnl_expr_set_u16(x, NFTNL_EXPR_QUEUE_FLAGS, flags);
		return true;
	}
	info = calloc(1, sizeof(*info));
	if (!info)
		return false;
	info->num = (uint16_t)s->index;
	info->total = total;
	info->flags = flags;
	nftnl_expr_set_u32(x, NFTNL_EXPR_TG_REV, 3);
	nftnl_expr_set(x, NFTNL_EXPR_TG_INFO, info, sizeof(*info));     /* owns info now */
	return nftnl_expr_set_str(x, NFTNL_EXPR_TG_NAME, "NFQUEUE") >= 0;
}

static bool other(struct nftnl_rule *r, const struct table *t, const struct table_stmt *s)
{
	static const char *const names[] = {
		[TABLE_S_LIMIT] = "limit", [TABLE_S_COUNTER] = "objref", [TABLE_S_LOG] = "log", [TABLE_S_REJECT_RST] = "reject",
		[TABLE_S_REJECT_ADMIN] = "reject", [TABLE_S_FLOW] = "flow_offload",
	};
	struct nftnl_expr *x = add(r, names[s->op]);

	if (!x)
		return false;
	switch (s->op) {
	case TABLE_S_LIMIT:
		limit(x, s);
		return true;
	case TABLE_S_COUNTER:
		nftnl_expr_set_u32(x, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
		return nftnl_expr_set_str(x, NFTNL_EXPR_OBJREF_IMM_NAME, table_model_counter_name(t, s->index)) >= 0;
	case TABLE_S_FLOW:
		return nftnl_expr_set_str(x, NFTNL_EXPR_FLOW_TABLE_NAME, TABLE_FLOWTABLE) >= 0;
	case TABLE_S_LOG:
		nftnl_expr_set_u16(x, NFTNL_EXPR_LOG_GROUP, (uint16_t)s->index);
		return true;
	case TABLE_S_REJECT_RST:
		nftnl_expr_set_u32(x, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_TCP_RST);
		return true;
	default:
		nftnl_expr_set_u32(x, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
		nftnl_expr_set_u8(x, NFTNL_EXPR_REJECT_CODE, NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
		return true;
	}
}

bool table_wire_stmt(struct nftnl_rule *r, const struct table *t, const struct table_stmt *s, const struct table_stmt *last)
{
	switch (s->op) {
	case TABLE_S_MATCH:
	case TABLE_S_BITS:
		return match(r, s);
	case TABLE_S_IFNAME:
		return is_ifname(r, s);
	case TABLE_S_BEFORE:
		return before(r, s);
	case TABLE_S_RANGE:
		return in_range(r, s);
	case TABLE_S_IN:
	case TABLE_S_VMAP:
		return lookup(r, t, s, last);
	case TABLE_S_ADD:
	case TABLE_S_UPDATE:
		return dynset(r, t, s, last);
	case TABLE_S_SET_META_MARK:
	case TABLE_S_SET_CT_MARK:
		return set_mark(r, s);
	case TABLE_S_QUEUE:
		return queue(r, s);
	case TABLE_S_ACCEPT:
	case TABLE_S_DROP:
	case TABLE_S_RETURN:
	case TABLE_S_JUMP:
	case TABLE_S_GOTO:
		return verdict(r, t, s);
	default:
		return other(r, t, s);
	}
}
