/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_print: the model as nft text, in the order of the model.  "table; delete table; table {" first, so that it can be
 * loaded by hand.  The compat queue has no words in nft: it is a comment. */
#include "kern/table_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>

#include "base/buf.h"
#include "base/word.h"

static const char *const hook_words[] = { "prerouting", "input", "forward", "output", "postrouting" };
static const char *const device_hook_words[] = { "ingress", "egress" };

static const struct word proto_words[] = {
	{ "icmp", IPPROTO_ICMP }, { "igmp", IPPROTO_IGMP }, { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP },
	{ "ipv6-icmp", IPPROTO_ICMPV6 }, { NULL, 0 },
};
static const struct word family_words[] = { { "ipv4", NFPROTO_IPV4 }, { "ipv6", NFPROTO_IPV6 }, { NULL, 0 } };
static const struct word direction_words[] = { { "original", 0 }, { "reply", 1 }, { NULL, 0 } };
static const struct word ether_words[] = { { "ip", ETH_P_IP }, { "ip6", ETH_P_IPV6 }, { "arp", ETH_P_ARP }, { NULL, 0 } };
static const struct word type_words[] = { { "ether", ARPHRD_ETHER }, { NULL, 0 } };
static const struct word state_words[] = {
	{ "invalid", 1 }, { "new", 8 }, { "established", 2 }, { "related", 4 }, { "untracked", 64 }, { NULL, 0 },
};

static const struct word *const value_words[TABLE_KEYS] = {
	[TABLE_K_L4PROTO] = proto_words, [TABLE_K_NFPROTO] = family_words, [TABLE_K_CT_DIRECTION] = direction_words,
	[TABLE_K_IIFTYPE] = type_words, [TABLE_K_PROTOCOL] = ether_words,
};

static void print_keys(const struct table_stmt *s, struct buf *out)
{
	for (unsigned i = 0; i < TABLE_KEYS_MAX && s->keys[i]; i++)
		buf_printf(out, "%s%s", i ? " . " : "", table_key_rows[s->keys[i]].words);
}

static void print_value(const struct table_stmt *s, struct buf *out)
{
	const struct word *words = value_words[s->keys[0]];
	const char *w = words ? word_name(words, (int)s->value) : NULL;

	if (w)
		buf_str(out, w);
	else if (s->mask || s->keys[0] == TABLE_K_NH_FIRST || s->keys[0] == TABLE_K_LL_FIRST4 ||
		 s->keys[0] == TABLE_K_IP6_DADDR_FIRST || s->keys[0] == TABLE_K_IP6_DADDR_FIRST2)
		buf_printf(out, "0x%0*x", 2 * table_key_rows[s->keys[0]].len, s->value);
	else
		buf_printf(out, "%u", s->value);
}

static void print_match(const struct table_stmt *s, struct buf *out)
{
	print_keys(s, out);
	if (s->mask)
		buf_printf(out, " & 0x%0*x", 2 * table_key_rows[s->keys[0]].len, s->mask);
	buf_str(out, s->negate ? " != " : s->mask ? " == " : " ");
	print_value(s, out);
}

static void print_end(enum table_key k, const uint8_t *p, struct buf *out)
{
	char text[ADDR_TEXT];
	struct addr a;

	if (table_key_rows[k].len <= 2) {
		buf_printf(out, "%u", table_key_rows[k].len == 1 ? p[0] : (unsigned)(p[0] << 8 | p[1]));
		return;
	}
	a = table_key_rows[k].len == 4 ? addr_v4_net(p) : addr_v6_net(p);
	buf_str(out, addr_text(&a, text, sizeof(text)));
}

static void print_range(const struct table_stmt *s, struct buf *out)
{
	const uint32_t len = table_key_rows[s->keys[0]].len;

	print_keys(s, out);
	buf_char(out, ' ');
	print_end(s->keys[0], s->range, out);
	if (memcmp(s->range, s->range + len, len) != 0) {
		buf_char(out, '-');
		print_end(s->keys[0], s->range + len, out);
	}
}

static void print_bits(const struct table_stmt *s, struct buf *out)
{
	const char *sep = " ";

	print_keys(s, out);
	for (const struct word *w = state_words; w->name; w++)
		if (s->value & (uint32_t)w->value) {
			buf_printf(out, "%s%s", sep, w->name);
			sep = ",";
		}
}

static void print_dynset(const struct table *t, const struct table_stmt *s, struct buf *out)
{
	buf_printf(out, "%s @%s { ", s->op == TABLE_S_ADD ? "add" : "update", t->sets.at[s->index].name);
	print_keys(s, out);
	if (s->rate)
		buf_printf(out, " limit rate %u/second burst %u packets", s->rate, s->burst);
	buf_str(out, " }");
}

static void print_set_mark(const struct table_stmt *s, const char *mark, struct buf *out)
{
	buf_printf(out, "%s set %s & 0x%08x", mark, mark, ~s->mask);
	if (s->value)
		buf_printf(out, " | 0x%08x", s->value);
}

static void print_stmt(const struct table *t, const struct table_stmt *s, struct buf *out)
{
	switch (s->op) {
	case TABLE_S_MATCH:
		print_match(s, out);
		break;
	case TABLE_S_BITS:
		print_bits(s, out);
		break;
	case TABLE_S_IFNAME:
		print_keys(s, out);
		buf_printf(out, " \"%s\"", s->name);
		break;
	case TABLE_S_RANGE:
		print_range(s, out);
		break;
	case TABLE_S_BEFORE:
		buf_printf(out, "meta time < %" PRId64, s->until_s);
		break;
	case TABLE_S_IN:
	case TABLE_S_VMAP:
		print_keys(s, out);
		buf_printf(out, "%s @%s", s->op == TABLE_S_VMAP ? " vmap" : s->negate ? " !=" : "", t->sets.at[s->index].name);
		break;
	case TABLE_S_ADD:
	case TABLE_S_UPDATE:
		print_dynset(t, s, out);
		break;
	case TABLE_S_SET_META_MARK:
	case TABLE_S_SET_CT_MARK:
		print_set_mark(s, s->op == TABLE_S_SET_CT_MARK ? "ct mark" : "meta mark", out);
		break;
	case TABLE_S_LIMIT:
		buf_printf(out, "limit rate %u/second burst %u packets", s->rate, s->burst);
		break;
	case TABLE_S_COUNTER:
		buf_printf(out, "counter name %s", table_model_counter_name(t, s->index));
		break;
	case TABLE_S_FLOW:
		buf_str(out, "flow add @" TABLE_FLOWTABLE);
		break;
	case TABLE_S_LOG:
		buf_printf(out, "log group %u", s->index);
		break;
	case TABLE_S_JUMP:
	case TABLE_S_GOTO:
		buf_printf(out, "%s %s", s->op == TABLE_S_JUMP ? "jump" : "goto", t->chains.at[s->index].name);
		break;
	default:
		buf_str(out, s->op == TABLE_S_ACCEPT ? "accept" : s->op == TABLE_S_DROP ? "drop" :
			s->op == TABLE_S_RETURN ? "return" : s->op == TABLE_S_REJECT_RST ? "reject with tcp reset" :
			"reject with icmpx admin-prohibited");
	}
}

static void print_queue(const struct table_stmt *s, struct buf *out)
{
	buf_printf(out, s->native ? "queue num %u" : "# xt target NFQUEUE queue %u", s->index);
	if (s->value > 1)
		buf_printf(out, "-%u", s->index + s->value - 1);
	if (s->bypass || s->value > 1)
		buf_printf(out, " %s%s%s", s->bypass ? "bypass" : "", s->bypass && s->value > 1 ? "," : "",
			   s->value > 1 ? "fanout" : "");
	buf_char(out, '\n');
}

static void print_rule(const struct table *t, const struct table_rule *r, struct buf *out)
{
	buf_str(out, "\t\t");
	if (r->n == 1 && r->stmts[0].op == TABLE_S_QUEUE) {
		print_queue(&r->stmts[0], out);
		return;
	}
	for (size_t i = 0; i < r->n; i++) {
		buf_str(out, i ? " " : "");
		print_stmt(t, &r->stmts[i], out);
	}
	if (r->comment)
		buf_printf(out, " comment \"%s\"", r->comment);
	buf_char(out, '\n');
}

static void print_chain(const struct table *t, const struct table_chain *c, struct buf *out)
{
	buf_printf(out, "\n\tchain %s {\n", c->name);
	if (c->device)
		buf_printf(out, "\t\ttype filter hook %s device \"%s\" priority %d; policy %s;\n", device_hook_words[c->hook],
			   c->device, c->priority, c->accept ? "accept" : "drop");
	else if (c->hook >= 0)
		buf_printf(out, "\t\ttype filter hook %s priority %d; policy %s;\n", hook_words[c->hook], c->priority,
			   c->accept ? "accept" : "drop");
	for (size_t i = 0; i < c->rules.n; i++)
		print_rule(t, &c->rules.at[i], out);
	buf_str(out, "\t}\n");
}

/* A range of types has no words: "a-b-c-d" would not tell where the one ends. */
static void print_element(const struct table_set *s, const uint8_t *key, struct buf *out)
{
	if (s->interval && (s->types[0] == TABLE_T_ICMP || s->types[0] == TABLE_T_ICMP6)) {
		buf_printf(out, "%u-%u", key[0], key[1]);
		return;
	}
	table_model_key_text(s, key, out);
	if (s->interval) {
		buf_char(out, '-');
		table_model_key_text(s, key + s->stride / 2, out);
	}
}

static void print_elements(const struct table *t, const struct table_set *s, struct buf *out)
{
	if (!s->n)
		return;
	buf_str(out, "\t\telements = {");
	for (size_t i = 0; i < s->n; i++) {
		const uint8_t *key = s->keys + i * s->stride;

		buf_str(out, i ? ",\n\t\t\t" : " ");
		print_element(s, key, out);
		if (s->map)
			buf_printf(out, " : jump %s", t->chains.at[s->chains[i]].name);
	}
	buf_str(out, " }\n");
}

static void print_set(const struct table *t, const struct table_set *s, struct buf *out)
{
	buf_printf(out, "\n\t%s %s {\n\t\ttype ", s->map ? "map" : "set", s->name);
	for (unsigned i = 0; i < table_model_fields(s); i++)
		buf_printf(out, "%s%s", i ? " . " : "", table_type_rows[s->types[i]].name);
	buf_str(out, s->map ? " : verdict\n" : "\n");
	if (s->size)
		buf_printf(out, "\t\tsize %u\n", s->size);
	if (s->interval || s->dynamic)
		buf_printf(out, "\t\tflags %s\n", s->interval ? "interval" : s->timeout_ms ? "dynamic,timeout" : "dynamic");
	if (s->counter)
		buf_str(out, "\t\tcounter\n");
	if (s->timeout_ms)
		buf_printf(out, "\t\ttimeout %us\n", s->timeout_ms / 1000);
	print_elements(t, s, out);
	buf_str(out, "\t}\n");
}

static void print_flowtable(const struct table *t, struct buf *out)
{
	buf_printf(out, "\n\tflowtable %s {\n\t\thook ingress priority %d\n", TABLE_FLOWTABLE, TABLE_PRIORITY_FLOW);
	for (size_t i = 0; i < t->n_flow_devices; i++)
		buf_printf(out, "%s\"%s\"", i ? ", " : "\t\tdevices = { ", t->flow_devices[i]);
	buf_printf(out, "%s\t\tcounter\n\t}\n", t->n_flow_devices ? " }\n" : "");
}

void table_print(const struct table *t, struct buf *out)
{
	const char *f = t->family == NFPROTO_NETDEV ? "netdev" : "inet";

	buf_printf(out, "table %s %s\ndelete table %s %s\ntable %s %s {\n", f, TABLE_TABLE, f, TABLE_TABLE, f, TABLE_TABLE);
	if (t->owner)
		buf_str(out, "\t# flags owner, persist: set by netlink only\n");
	for (unsigned i = 0; i < TABLE_COUNTERS; i++)
		if (table_counter_family(i) == t->family)
			buf_printf(out, "\tcounter %s { }\n", table_counter_names[i]);
	for (size_t i = 0; i < t->counters.n; i++)
		if (t->counters.at[i].used)
			buf_printf(out, "\tcounter %s { }\n", t->counters.at[i].name);
	if (t->flow)
		print_flowtable(t, out);
	for (size_t i = 0; i < t->sets.n; i++)
		print_set(t, &t->sets.at[i], out);
	for (size_t i = 0; i < t->chains.n; i++)
		print_chain(t, &t->chains.at[i], out);
	buf_str(out, "}\n");
	if (t->fences) {
		buf_char(out, '\n');
		table_print(t->fences, out);
	}
}
