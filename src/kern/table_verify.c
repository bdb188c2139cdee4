/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_verify: the kernel's table against the model.  Rules are compared as the text of their expressions, one chain at a
 * time and in order; static elements as sorted keys.  What the packets themselves write (ledger, meters, denials) is not
 * compared. */
#include "kern/table_model.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/arena.h"
#include "base/buf.h"
#include "kern/nl.h"
#include "kern/nl_attr.h"
#include "kern/table_flow.h"
#include "kern/table_live.h"
#include "kern/table_wire.h"

enum { EXPR_TEXT = 4096, VERDICT_TEXT = 64, FEW = 64 };

struct live_rule { const char *chain, *text; size_t at; };
/* An element as sorted: key, where it jumps to ("" for none), and whether it ends an interval. */
struct live_element { uint8_t key[TABLE_KEY_BYTES]; size_t len; bool end; char jump[VERDICT_TEXT]; };

struct verify {
	struct arena *arena;
	uint8_t family;
	VEC(struct live_rule) rules;
	VEC(struct live_element) elements;
	struct buf *out;
	size_t differences;
	bool bad_verdict;
};

static void differ(struct verify *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void differ(struct verify *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(v->out, fmt, ap);
	va_end(ap);
	buf_char(v->out, '\n');
	v->differences++;
}

/* ---- rules ---- */

static const char no_timeout[] = "timeout 0ms ";

static int expr_text(struct nftnl_expr *x, void *arg)
{
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_NAME);
	struct buf *out = arg;
	char text[EXPR_TEXT], *timeout;
	uint32_t len = 0;

	if (nftnl_expr_snprintf(text, sizeof(text), x, NFTNL_OUTPUT_DEFAULT, 0) < 0)
		return -1;
	timeout = strstr(text, no_timeout);     /* the kernel says so of every dynset, and does not want to be told */
	if (timeout)
		memmove(timeout, timeout + strlen(no_timeout), strlen(timeout + strlen(no_timeout)) + 1);
	buf_printf(out, "[%s %s", name, text);
	if (!strcmp(name, "target")) {
		const uint8_t *info = nftnl_expr_get(x, NFTNL_EXPR_TG_INFO, &len);

		for (uint32_t i = 0; i < len; i++)
			buf_printf(out, " %02x", info[i]);
	}
	buf_char(out, ']');
	return 0;
}

static const char *rule_text(struct arena *a, struct nftnl_rule *r)
{
	uint32_t len = 0;
	const uint8_t *note = nftnl_rule_get_data(r, NFTNL_RULE_USERDATA, &len);
	const char *text = NULL;
	struct buf out;

	buf_init(&out);
	if (nftnl_expr_foreach(r, expr_text, &out) >= 0) {
		if (note && len > 2)
			buf_printf(&out, " # %.*s", (int)len - 3, (const char *)note + 2);
		text = out.failed ? NULL : arena_strdup(a, buf_cstr(&out));
	}
	buf_fini(&out);
	return text;
}

static int one_rule(const struct nlmsghdr *nlh, void *arg)
{
	struct verify *v = arg;
	struct nftnl_rule *r;
	struct live_rule live;
	bool ok;

	if (!table_live_is(nlh, NFTA_RULE_TABLE, TABLE_TABLE))
		return 0;
	r = nftnl_rule_alloc();
	if (!r)
		return ENOMEM;
	ok = nftnl_rule_nlmsg_parse(nlh, r) >= 0;
	if (ok) {
		live.at = v->rules.n;
		live.chain = arena_strdup(v->arena, nftnl_rule_get_str(r, NFTNL_RULE_CHAIN));
		live.text = rule_text(v->arena, r);
		ok = live.chain && live.text && VEC_PUSH(&v->rules, live);
	}
	nftnl_rule_free(r);
	return ok ? 0 : ENOMEM;
}

static void again_rules(void *arg)
{
	((struct verify *)arg)->rules.n = 0;
}

/* By chain, each in its order. */
static int compare_rules(const void *pa, const void *pb)
{
	const struct live_rule *a = pa, *b = pb;
	const int c = strcmp(a->chain, b->chain);

	return c ? c : (a->at > b->at) - (a->at < b->at);
}

static size_t first_rule(const struct verify *v, const char *chain)
{
	size_t lo = 0, hi = v->rules.n;

	while (lo < hi) {
		const size_t mid = (lo + hi) / 2;

		if (strcmp(v->rules.at[mid].chain, chain) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool compare_chain(struct verify *v, const struct table *t, size_t chain)
{
	const struct table_chain *c = &t->chains.at[chain];
	size_t n = 0;

	for (size_t i = first_rule(v, c->name); i < v->rules.n && !strcmp(v->rules.at[i].chain, c->name); i++) {
		struct nftnl_rule *r;
		const char *text;

		if (n++ >= c->rules.n)
			continue;
		r = table_wire_make_rule(t, chain, &c->rules.at[n - 1]);
		text = r ? rule_text(v->arena, r) : NULL;
		if (r)
			nftnl_rule_free(r);
		if (!text)
			return false;
		if (strcmp(text, v->rules.at[i].text))
			differ(v, "chain %s: rule %zu is another: %s", c->name, n, v->rules.at[i].text);
	}
	if (n != c->rules.n)
		differ(v, "chain %s: %zu rules instead of %zu", c->name, n, c->rules.n);
	return true;
}

/* ---- elements ---- */

static void take_verdict(struct verify *v, const struct nlattr *data, struct live_element *l)
{
	struct nl_attrs verdict = nl_attr_in(nl_attr_find(nl_attr_in(data), NFTA_DATA_VERDICT));

	if (nl_attr_u32(nl_attr_find(verdict, NFTA_VERDICT_CODE)) != (uint32_t)NFT_JUMP)
		v->bad_verdict = true;
	snprintf(l->jump, sizeof(l->jump), "%s", nl_attr_str(nl_attr_find(verdict, NFTA_VERDICT_CHAIN)));
}

static int take_element(struct verify *v, struct nl_attrs elem)
{
	const struct nlattr *value = nl_attr_find(nl_attr_in(nl_attr_find(elem, NFTA_SET_ELEM_KEY)), NFTA_DATA_VALUE);
	const struct nlattr *data = nl_attr_find(elem, NFTA_SET_ELEM_DATA);
	struct live_element l = { .end = nl_attr_u32(nl_attr_find(elem, NFTA_SET_ELEM_FLAGS)) & NFT_SET_ELEM_INTERVAL_END };
	const uint8_t *key = value ? nl_attr_data(value, &l.len) : NULL;

	if (!key || l.len > sizeof(l.key))
		return EBADMSG;
	memcpy(l.key, key, l.len);
	if (data)
		take_verdict(v, data, &l);
	return VEC_PUSH(&v->elements, l) ? 0 : ENOMEM;
}

static int one_message(const struct nlmsghdr *nlh, void *arg)
{
	struct nl_attrs c = nl_attr_in(nl_attr_find(nl_attr_all(nlh), NFTA_SET_ELEM_LIST_ELEMENTS));
	const struct nlattr *elem;
	int code = 0;

	while (!code && (elem = nl_attr_next(&c)))
		code = take_element(arg, nl_attr_in(elem));
	return code;
}

static void again_elements(void *arg)
{
	((struct verify *)arg)->elements.n = 0;
}

static int compare_elements(const void *a, const void *b)
{
	const struct live_element *x = a, *y = b;
	int c = memcmp(x->key, y->key, sizeof(x->key));

	return c ? c : (int)x->end - (int)y->end;
}

/* The model's element in the kernel's terms. */
static struct live_element want(const struct table *t, const struct table_set *s, size_t i, bool end)
{
	uint32_t len = s->interval ? s->stride / 2 : s->stride;
	struct live_element l = { .len = len, .end = end };
	unsigned carry = 1;

	memcpy(l.key, s->keys + i * s->stride + (end ? len : 0), len);
	for (uint32_t k = len; end && k-- > 0; carry >>= 8) {
		carry += l.key[k];
		l.key[k] = (uint8_t)carry;
	}
	if (s->map)
		snprintf(l.jump, sizeof(l.jump), "%s", t->chains.at[s->chains[i]].name);
	return l;
}

static bool is_last_key(const struct table_set *s, size_t i)
{
	const uint8_t *hi = s->keys + i * s->stride + s->stride / 2;

	for (uint32_t k = 0; k < s->stride / 2; k++)
		if (hi[k] != 0xff)
			return false;
	return true;
}

static void tell_element(struct verify *v, const struct table_set *s, const struct live_element *l, const char *what)
{
	struct buf key;

	buf_init(&key);
	if (l->len == table_model_key_bytes(s))
		table_model_key_text(s, l->key, &key);
	differ(v, "%s %s: element %s%s%s is %s", s->map ? "map" : "set", s->name, buf_cstr(&key), *l->jump ? " : jump " : "",
	       l->jump, what);
	buf_fini(&key);
}

/* Both sorted; merge them and tell what stands on one side only. */
static void compare_set(struct verify *v, const struct table_set *s, const struct live_element *wanted, size_t n)
{
	size_t i = 0, j = 0;

	while (i < n || j < v->elements.n) {
		int c = i == n ? 1 : j == v->elements.n ? -1 : compare_elements(&wanted[i], &v->elements.at[j]);

		if (c < 0)
			tell_element(v, s, &wanted[i++], "missing");
		else if (c > 0)
			tell_element(v, s, &v->elements.at[j++], "not ours");
		else if (strcmp(wanted[i++].jump, v->elements.at[j++].jump))
			tell_element(v, s, &v->elements.at[j - 1], "changed");
	}
	if (v->bad_verdict)
		differ(v, "map %s: an element does something else than jump", s->name);
	v->bad_verdict = false;
}

static bool same(const struct live_element *wanted, size_t n, const struct verify *v)
{
	bool yes = n == v->elements.n;

	for (size_t i = 0; yes && i < n; i++)
		yes = !compare_elements(&wanted[i], &v->elements.at[i]) && !strcmp(wanted[i].jump, v->elements.at[i].jump);
	return yes;
}

/* A big set that was filled a moment ago is still being rehashed: then a dump misses some elements and shows others twice. */
static int read_elements(struct verify *v, struct nl *n, const struct table_set *s, const struct live_element *wanted,
			 size_t n_wanted, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 50000000 };

	for (unsigned i = 0; i < 10; i++) {
		struct nlmsghdr *nlh = nl_netfilter(n, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETSETELEM, 0, v->family, 0);

		if (i)
			nanosleep(&pause, NULL);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, TABLE_TABLE);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, s->name);
		if (nl_dump(n, nlh, again_elements, one_message, v, e) < 0)
			return err_wrap(e, "set '%s'", s->name);
		if (v->elements.n)
			qsort(v->elements.at, v->elements.n, sizeof(*v->elements.at), compare_elements);
		if (same(wanted, n_wanted, v) || v->elements.n + n_wanted < FEW)
			break;
	}
	return 0;
}

static int verify_elements(struct verify *v, struct nl *n, const struct table *t, const struct table_set *s, struct err *e)
{
	VEC(struct live_element) wanted = { 0 };
	bool ok = true;
	int rc;

	for (size_t i = 0; i < s->n; i++) {
		ok = VEC_PUSH(&wanted, want(t, s, i, false)) && ok;
		if (s->interval && !is_last_key(s, i))
			ok = VEC_PUSH(&wanted, want(t, s, i, true)) && ok;
	}
	if (wanted.n)
		qsort(wanted.at, wanted.n, sizeof(*wanted.at), compare_elements);
	rc = ok ? read_elements(v, n, s, wanted.at, wanted.n, e) : err_plain(e, ENOMEM, "out of memory");
	if (!rc)
		compare_set(v, s, wanted.at, wanted.n);
	VEC_FREE(&wanted);
	return rc;
}

/* ---- the whole ---- */

/* A base chain that another version left behind accepts everything and has no rules, until the next boot. */
static void verify_stranger(struct verify *v, const struct table_live_chain *c)
{
	size_t n = 0;

	for (size_t i = 0; i < v->rules.n; i++)
		n += !strcmp(v->rules.at[i].chain, c->name);
	if (n || c->policy != NF_ACCEPT)
		differ(v, "base chain %s is not ours and has %zu rules and policy %s", c->name, n,
		       c->policy == NF_ACCEPT ? "accept" : "drop");
}

static void verify_chains(struct verify *v, const struct table *t, const struct table_live *l)
{
	for (size_t i = 0; i < t->chains.n; i++) {
		const struct table_chain *c = &t->chains.at[i];
		const struct table_live_chain *live = table_live_find_chain(l, c->name);

		if (!table_live_can_be(l, c))
			continue;
		if (!live)
			differ(v, "chain %s is missing", c->name);
		else if (live->hook != c->hook || (c->hook >= 0 && live->priority != c->priority) || table_live_moved(live, c))
			differ(v, "chain %s hangs on another hook or priority", c->name);
		else if (c->hook >= 0 && live->policy != (c->accept ? NF_ACCEPT : NF_DROP))
			differ(v, "chain %s has policy %s", c->name, c->accept ? "drop" : "accept");
	}
	for (size_t i = 0; i < l->chains.n; i++) {
		const bool ours = table_model_find_chain(t, l->chains.at[i].name);

		if (!ours && l->chains.at[i].hook < 0)
			differ(v, "chain %s is not ours", l->chains.at[i].name);
		else if (!ours)
			verify_stranger(v, &l->chains.at[i]);
	}
}

static void verify_sets(struct verify *v, const struct table *t, const struct table_live *l)
{
	for (size_t i = 0; i < t->sets.n; i++) {
		const struct table_live_set *live = table_live_find_set(l, t->sets.at[i].name);

		if (!live)
			differ(v, "set %s is missing", t->sets.at[i].name);
		else if (!table_live_same_set(live, &t->sets.at[i]))
			differ(v, "set %s is defined otherwise", t->sets.at[i].name);
	}
	for (size_t i = 0; i < l->sets.n; i++)
		if (!table_model_find_set(t, l->sets.at[i].name))
			differ(v, "set %s is not ours", l->sets.at[i].name);
}

static void verify_objects(struct verify *v, const struct table *t, const struct table_live *l)
{
	for (unsigned i = 0; i < TABLE_COUNTERS; i++)
		if (table_counter_family(i) == v->family && !table_live_has_counter(l, table_counter_names[i]))
			differ(v, "counter %s is missing", table_counter_names[i]);
	for (size_t i = 0; i < t->counters.n; i++)
		if (t->counters.at[i].used && !table_live_has_counter(l, t->counters.at[i].name))
			differ(v, "counter %s is missing", t->counters.at[i].name);
	for (size_t i = 0; i < l->counters.n; i++) {
		bool ours = false;

		for (uint32_t k = 0; k < TABLE_COUNTERS + t->counters.n; k++)
			ours = ours || (table_model_has_counter(t, k) &&
					!strcmp(table_model_counter_name(t, k), l->counters.at[i]));
		if (!ours)
			differ(v, "counter %s is not ours", l->counters.at[i]);
	}
	v->differences += table_flow_differences(t, l, v->out);
	for (size_t i = 0; i < l->objects.n; i++)
		differ(v, "%s %s is not ours", l->objects.at[i].type == TABLE_LIVE_FLOWTABLE ? "flowtable" : "object",
		       l->objects.at[i].name);
}

/* Somebody else's base chain between our gates and posts sees, and may change, what a gate noted in the mark. */
static int one_chain(const struct nlmsghdr *nlh, void *arg)
{
	if (table_live_is_among(nlh))
		differ(arg, "chain %s of table %s runs among ours: it could change what they note in the mark",
		       nl_attr_str(nl_attr_find(nl_attr_all(nlh), NFTA_CHAIN_NAME)),
		       nl_attr_str(nl_attr_find(nl_attr_all(nlh), NFTA_CHAIN_TABLE)));
	return 0;
}

static int verify_others(struct verify *v, struct nl *n, const struct table *t, struct err *e)
{
	size_t flowtables;

	if (nl_dump(n, nl_netfilter(n, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETCHAIN, 0, NFPROTO_UNSPEC, 0), NULL, one_chain, v, e) < 0 ||
	    table_flow_others(n, t, v->out, &flowtables, e) < 0)
		return -1;
	v->differences += flowtables;
	return 0;
}

static int verify(struct verify *v, struct nl *n, const struct table *t, struct err *e)
{
	AUTO(table_live) l = NULL;
	struct nlmsghdr *nlh;

	v->family = t->family;
	if (table_live_read(n, t->family, &l, e) < 0)
		return -1;
	if (!l->present) {
		differ(v, "table %s%s is missing", t->family == NFPROTO_NETDEV ? "netdev " : "", TABLE_TABLE);
		return 0;
	}
	if (l->flags & NFT_TABLE_F_DORMANT)
		differ(v, "table %s is dormant", TABLE_TABLE);
	verify_sets(v, t, l);
	verify_objects(v, t, l);
	nlh = nl_netfilter(n, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETRULE, 0, v->family, 0);
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, TABLE_TABLE);
	if (nl_dump(n, nlh, again_rules, one_rule, v, e) < 0)
		return -1;
	if (v->rules.n)
		qsort(v->rules.at, v->rules.n, sizeof(*v->rules.at), compare_rules);
	verify_chains(v, t, l);
	for (size_t i = 0; i < t->chains.n; i++)
		if (table_live_can_be(l, &t->chains.at[i]) && !compare_chain(v, t, i))
			return err_plain(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < t->sets.n; i++)
		if (t->sets.at[i].keep == TABLE_STATIC && table_live_find_set(l, t->sets.at[i].name) &&
		    verify_elements(v, n, t, &t->sets.at[i], e) < 0)
			return -1;
	return 0;
}

int table_verify(struct nl *n, const struct table *t, struct buf *out, size_t *ret_n, struct err *e)
{
	struct verify v = { .arena = arena_new(), .out = out };
	int rc;

	if (!v.arena)
		return err_plain(e, ENOMEM, "out of memory");
	rc = verify(&v, n, t, e) < 0 || verify_others(&v, n, t, e) < 0 ? -1 : 0;
	if (!rc && t->fences)
		rc = verify(&v, n, t->fences, e);
	VEC_FREE(&v.rules);
	VEC_FREE(&v.elements);
	arena_free(v.arena);
	if (rc < 0)
		return err_wrap(e, "verifying the table");
	*ret_n = v.differences;
	return 0;
}
