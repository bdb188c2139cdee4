/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_model: making and freezing the model. */
#include "kern/table_model.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "base/arena.h"
#include "base/buf.h"

enum { GATE = TABLE_PRIORITY_GATE, POST = TABLE_PRIORITY_POST };

static const struct { enum table_fixed_chain chain; int hook, priority; } base_chains[] = {
	{ TABLE_CH_FORWARD, NF_INET_FORWARD, GATE }, { TABLE_CH_FORWARD_POST, NF_INET_FORWARD, POST },
	{ TABLE_CH_INPUT, NF_INET_LOCAL_IN, GATE }, { TABLE_CH_INPUT_POST, NF_INET_LOCAL_IN, POST },
	{ TABLE_CH_OUTPUT, NF_INET_LOCAL_OUT, GATE }, { TABLE_CH_OUTPUT_POST, NF_INET_LOCAL_OUT, POST },
};

static uint32_t add_chain(struct table *t, const char *name, struct loc loc)
{
	if (!name || !VEC_PUSH(&t->chains, (struct table_chain){ .name = name, .hook = -1, .loc = loc })) {
		t->failed = true;
		return 0;
	}
	return (uint32_t)t->chains.n - 1;
}

static uint32_t add_set(struct table *t, const char *name, const struct table_set_row *row, struct loc loc)
{
	struct table_set s = {
		.name = name, .map = row->map, .interval = row->interval, .dynamic = row->dynamic, .counter = row->counter,
		.keep = row->keep, .size = row->size, .timeout_ms = row->timeout_ms, .loc = loc,
	};

	for (unsigned i = 0; i < TABLE_KEYS_MAX; i++)
		s.types[i] = (uint8_t)row->types[i];
	s.stride = table_model_key_bytes(&s) * (s.interval ? 2 : 1);
	if (!name || !VEC_PUSH(&t->sets, s)) {
		t->failed = true;
		return 0;
	}
	return (uint32_t)t->sets.n - 1;
}

int table_model_empty(uint8_t family, struct table **ret, struct err *e)
{
	AUTO(table) t = calloc(1, sizeof(*t));

	if (!t)
		return err_plain(e, ENOMEM, "out of memory");
	t->family = family;
	t->arena = arena_new();
	if (!t->arena)
		return err_plain(e, ENOMEM, "out of memory");
	*ret = TAKE(t);
	return 0;
}

void table_model_base(struct table *t, uint32_t chain, int hook, int priority, const char *device)
{
	struct table_chain *c = &t->chains.at[chain];

	c->hook = hook;
	c->priority = priority;
	c->device = device ? arena_strdup(t->arena, device) : NULL;
	c->accept = device != NULL;
	if (device && !c->device)
		t->failed = true;
}

int table_model_new(struct table **ret, struct err *e)
{
	AUTO(table) t = NULL;

	if (table_model_empty(NFPROTO_INET, &t, e) < 0)
		return -1;
	for (unsigned i = 0; i < TABLE_CH_FIXED; i++)
		add_chain(t, table_chain_rows[i], LOC_NONE);
	for (unsigned i = 0; i < TABLE_SET_FIXED; i++)
		add_set(t, table_set_rows[i].name, &table_set_rows[i], LOC_NONE);
	if (t->failed)
		return err_plain(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < sizeof(base_chains) / sizeof(*base_chains); i++)
		table_model_base(t, base_chains[i].chain, base_chains[i].hook, base_chains[i].priority, NULL);
	*ret = TAKE(t);
	return 0;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	table_free(t->fences);
	for (size_t i = 0; i < t->chains.n; i++)
		VEC_FREE(&t->chains.at[i].rules);
	for (size_t i = 0; i < t->sets.n; i++) {
		free(t->sets.at[i].keys);
		free(t->sets.at[i].chains);
	}
	VEC_FREE(&t->chains);
	VEC_FREE(&t->sets);
	VEC_FREE(&t->counters);
	arena_free(t->arena);
	free(t);
}

uint32_t table_model_chain(struct table *t, struct loc loc, const char *fmt, ...)
{
	va_list ap;
	char *name;

	va_start(ap, fmt);
	name = arena_vprintf(t->arena, fmt, ap);
	va_end(ap);
	return add_chain(t, name, loc);
}

uint32_t table_model_set(struct table *t, struct loc loc, const struct table_set_row *row, const char *fmt, ...)
{
	va_list ap;
	char *name;

	va_start(ap, fmt);
	name = arena_vprintf(t->arena, fmt, ap);
	va_end(ap);
	return add_set(t, name, row, loc);
}

struct table_stmt table_range_of(struct table *t, enum table_key k, const void *lo, const void *hi)
{
	const size_t len = table_key_rows[k].len;
	uint8_t *range = arena_array(t->arena, 2 * len, uint8_t);

	if (range) {
		memcpy(range, lo, len);
		memcpy(range + len, hi, len);
	}
	return (struct table_stmt){ .op = TABLE_S_RANGE, .keys = { (uint8_t)k }, .range = range };
}

void table_model_rule(struct table *t, uint32_t chain, const char *comment, const struct table_stmt *stmts)
{
	struct table_rule r = { 0 };

	while (stmts[r.n].op != TABLE_S_END)
		r.n++;
	r.stmts = arena_memdup(t->arena, stmts, (r.n + 1) * sizeof(*stmts));
	r.comment = comment ? arena_strdup(t->arena, comment) : NULL;
	if (!r.stmts || (comment && !r.comment) || !VEC_PUSH(&t->chains.at[chain].rules, r))
		t->failed = true;
}

uint32_t table_model_counter(struct table *t, const char *name, bool used)
{
	const char *copy = arena_strdup(t->arena, name);

	if (!copy || !VEC_PUSH(&t->counters, (struct table_more_counter){ copy, used }))
		t->failed = true;
	return TABLE_COUNTERS + (uint32_t)t->counters.n - 1;
}

bool table_model_has_counter(const struct table *t, uint32_t index)
{
	return index >= TABLE_COUNTERS || table_counter_family(index) == t->family;
}

const char *table_model_counter_name(const struct table *t, uint32_t index)
{
	return index < TABLE_COUNTERS ? table_counter_names[index] : t->counters.at[index - TABLE_COUNTERS].name;
}

static bool grow_set(struct table_set *s)
{
	size_t cap = s->cap ? s->cap * 2 : 16;
	uint8_t *keys = realloc(s->keys, cap * s->stride);
	uint32_t *chains;

	if (!keys)
		return false;
	s->keys = keys;
	if (s->map) {
		chains = realloc(s->chains, cap * sizeof(*chains));
		if (!chains)
			return false;
		s->chains = chains;
	}
	s->cap = cap;
	return true;
}

void table_model_element(struct table *t, uint32_t set, const void *key, uint32_t chain)
{
	struct table_set *s = &t->sets.at[set];

	if (s->n == s->cap && !grow_set(s)) {
		t->failed = true;
		return;
	}
	memcpy(s->keys + s->n * s->stride, key, s->stride);
	if (s->map)
		s->chains[s->n] = chain;
	s->n++;
}

/* For sorting: indexes into one set. */
struct order { const struct table_set *set; uint32_t index; };

static int compare_order(const void *a, const void *b)
{
	const struct order *x = a, *y = b;
	int c = memcmp(x->set->keys + (size_t)x->index * x->set->stride, y->set->keys + (size_t)y->index * y->set->stride,
		       x->set->stride);

	return c ? c : (x->index > y->index) - (x->index < y->index);
}

/* Elements in key order into fresh arrays; of equal keys the last. */
static void take_ordered(struct table_set *s, const struct order *order, uint8_t *keys, uint32_t *chains)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const uint8_t *key = s->keys + (size_t)order[i].index * s->stride;

		if (n && !memcmp(keys + (n - 1) * s->stride, key, s->stride))
			n--;
		memcpy(keys + n * s->stride, key, s->stride);
		if (s->map)
			chains[n] = s->chains[order[i].index];
		n++;
	}
	free(s->keys);
	free(s->chains);
	s->keys = keys;
	s->chains = chains;
	s->cap = s->n;
	s->n = n;
}

static bool sort_set(struct table_set *s)
{
	struct order *order = calloc(s->n, sizeof(*order));
	uint8_t *keys = calloc(s->n, s->stride);
	uint32_t *chains = s->map ? calloc(s->n, sizeof(*chains)) : NULL;

	if (!order || !keys || (s->map && !chains)) {
		free(order);
		free(keys);
		free(chains);
		return false;
	}
	for (size_t i = 0; i < s->n; i++)
		order[i] = (struct order){ s, (uint32_t)i };
	qsort(order, s->n, sizeof(*order), compare_order);
	take_ordered(s, order, keys, chains);
	free(order);
	return true;
}

/* key + 1 == next, as big-endian numbers. */
static bool follows(const uint8_t *key, const uint8_t *next, uint32_t len)
{
	uint8_t k[TABLE_KEY_BYTES];
	unsigned carry = 1;

	memcpy(k, key, len);
	for (uint32_t i = len; i-- > 0;) {
		carry += k[i];
		k[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return !carry && !memcmp(k, next, len);
}

/* Sorted intervals that overlap or touch become one: the kernel takes neither. */
static void merge_intervals(struct table_set *s)
{
	uint32_t len = s->stride / 2;
	size_t n = 0;

	for (size_t i = 1; i < s->n; i++) {
		uint8_t *last = s->keys + n * s->stride;
		const uint8_t *next = s->keys + i * s->stride;

		if (memcmp(next, last + len, len) > 0 && !follows(last + len, next, len))
			memmove(s->keys + ++n * s->stride, next, s->stride);
		else if (memcmp(next + len, last + len, len) > 0)
			memcpy(last + len, next + len, len);
	}
	s->n = n + 1;
}

void table_model_prune(struct table *t, uint32_t set, uint32_t stronger)
{
	struct table_set *s = &t->sets.at[set], *k = &t->sets.at[stronger];
	size_t n = 0;

	if (!s->n || !k->n)
		return;
	if (!sort_set(s) || !sort_set(k)) {
		t->failed = true;
		return;
	}
	for (size_t i = 0, j = 0; i < s->n; i++) {
		const uint8_t *key = s->keys + i * s->stride;

		while (j < k->n && memcmp(k->keys + j * k->stride, key, s->stride) < 0)
			j++;
		if (j == k->n || memcmp(k->keys + j * k->stride, key, s->stride))
			memmove(s->keys + n++ * s->stride, key, s->stride);
	}
	s->n = n;
}

void table_model_freeze(struct table *t)
{
	for (size_t i = 0; i < t->sets.n; i++) {
		struct table_set *s = &t->sets.at[i];

		if (s->n && !sort_set(s))
			t->failed = true;
		else if (s->n && s->interval)
			merge_intervals(s);
	}
	table_model_index(t);
	if (arena_failed(t->arena))
		t->failed = true;
	if (t->fences) {
		table_model_freeze(t->fences);
		t->failed = t->failed || t->fences->failed;
	}
}

unsigned table_model_fields(const struct table_set *s)
{
	unsigned n = 0;

	while (n < TABLE_KEYS_MAX && s->types[n])
		n++;
	return n;
}

uint32_t table_model_key_bytes(const struct table_set *s)
{
	unsigned n = table_model_fields(s);
	uint32_t bytes = 0;

	if (n == 1)
		return table_type_rows[s->types[0]].len;
	for (unsigned i = 0; i < n; i++)
		bytes += (table_type_rows[s->types[i]].len + 3U) & ~3U;
	return bytes;
}

static const struct { uint8_t type, number; const char *word; } number_words[] = {
	{ TABLE_T_PROTO, 6, "tcp" }, { TABLE_T_PROTO, 17, "udp" }, { TABLE_T_PROTO, 1, "icmp" }, { TABLE_T_PROTO, 58, "ipv6-icmp" },
	{ TABLE_T_ICMP, 3, "destination-unreachable" }, { TABLE_T_ICMP, 11, "time-exceeded" },
	{ TABLE_T_ICMP, 12, "parameter-problem" },
	{ TABLE_T_ICMP6, 1, "destination-unreachable" }, { TABLE_T_ICMP6, 2, "packet-too-big" },
	{ TABLE_T_ICMP6, 3, "time-exceeded" }, { TABLE_T_ICMP6, 4, "parameter-problem" },
	{ TABLE_T_ICMP6, 131, "mld-listener-report" }, { TABLE_T_ICMP6, 132, "mld-listener-done" },
	{ TABLE_T_ICMP6, 133, "nd-router-solicit" }, { TABLE_T_ICMP6, 134, "nd-router-advert" },
	{ TABLE_T_ICMP6, 135, "nd-neighbor-solicit" }, { TABLE_T_ICMP6, 136, "nd-neighbor-advert" },
	{ TABLE_T_ICMP6, 143, "mld2-listener-report" },
};

static void number_text(uint8_t type, uint8_t number, struct buf *out)
{
	for (size_t i = 0; i < sizeof(number_words) / sizeof(*number_words); i++)
		if (number_words[i].type == type && number_words[i].number == number) {
			buf_str(out, number_words[i].word);
			return;
		}
	buf_printf(out, "%u", number);
}

static void field_text(uint8_t type, const uint8_t *p, struct buf *out)
{
	char text[ADDR_TEXT];
	struct addr a;
	struct mac m;

	switch (type) {
	case TABLE_T_IFNAME:
		buf_printf(out, "\"%.16s\"", (const char *)p);
		break;
	case TABLE_T_ETHER:
		memcpy(m.b, p, sizeof(m.b));
		buf_str(out, addr_mac_text(&m, text, sizeof(text)));
		break;
	case TABLE_T_IP4:
	case TABLE_T_IP6:
		a = type == TABLE_T_IP4 ? addr_v4_net(p) : addr_v6_net(p);
		buf_str(out, addr_text(&a, text, sizeof(text)));
		break;
	case TABLE_T_PORT:
		buf_printf(out, "%u", p[0] << 8 | p[1]);
		break;
	case TABLE_T_ETHERTYPE:
		buf_printf(out, "0x%02x%02x", p[0], p[1]);
		break;
	default:
		number_text(type, p[0], out);
	}
}

void table_model_key_text(const struct table_set *s, const uint8_t *key, struct buf *out)
{
	unsigned n = table_model_fields(s);
	const char *sep = "";

	for (unsigned i = 0; i < n; i++) {
		buf_str(out, sep);
		field_text(s->types[i], key, out);
		key += n == 1 ? table_type_rows[s->types[i]].len : (table_type_rows[s->types[i]].len + 3U) & ~3U;
		sep = " . ";
	}
}

/* nft's names are letters, digits and "/-_."; the rest is written as two hex digits behind a slash, which no interface has. */
const char *table_model_ifname(const char *ifname, char buf[static TABLE_NAME])
{
	size_t n = 0;

	for (const unsigned char *c = (const unsigned char *)ifname; *c && n + 4 < TABLE_NAME; c++)
		if (isalnum(*c) || *c == '-' || *c == '_' || *c == '.')
			buf[n++] = (char)*c;
		else
			n += (size_t)snprintf(buf + n, TABLE_NAME - n, "/%02x", *c);
	buf[n] = '\0';
	return buf;
}

void table_model_ifname_key(const char *name, uint8_t ret[static TABLE_IFNAME])
{
	memset(ret, 0, TABLE_IFNAME);
	memcpy(ret, name, strnlen(name, TABLE_IFNAME - 1));
}

size_t table_model_binding_key(const struct table_binding *b, bool l3, uint8_t ret[static TABLE_KEY_BYTES])
{
	size_t n = 0, bytes = b->addr.family == 4 ? 4 : 16;

	memset(ret, 0, TABLE_KEY_BYTES);
	if (!l3) {
		memcpy(ret, b->mac.b, sizeof(b->mac.b));
		n = 8;
	}
	memcpy(ret + n, b->addr.b, bytes);
	return n + bytes;
}
