/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_ledger: named counters and the ledger's pages, read from the kernel.  Elements are read attribute by attribute: a
 * page may have some hundred thousand. */
#include "kern/table_model.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <netinet/in.h>

#include <libmnl/libmnl.h>
#include <linux/membarrier.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "kern/table_fences.h"
#include "kern/nl.h"
#include "kern/nl_attr.h"
#include "kern/table_live.h"

enum { READINGS = 50 };

static void read_counter(const struct nlattr *nest, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	*ret_packets = nl_attr_u64(nl_attr_find(nl_attr_in(nest), NFTA_COUNTER_PACKETS));
	*ret_bytes = nl_attr_u64(nl_attr_find(nl_attr_in(nest), NFTA_COUNTER_BYTES));
}

static int one_counter(const struct nlmsghdr *nlh, void *arg)
{
	struct table_counts *c = arg;

	if (!table_live_is(nlh, NFTA_OBJ_TABLE, TABLE_TABLE))
		return 0;
	for (unsigned i = 0; i < TABLE_COUNTERS; i++)
		if (table_live_is(nlh, NFTA_OBJ_NAME, table_counter_names[i]))
			read_counter(nl_attr_find(nl_attr_all(nlh), NFTA_OBJ_DATA), &c->at[i].packets, &c->at[i].bytes);
	return 0;
}

static void again_counters(void *arg)
{
	memset(arg, 0, sizeof(struct table_counts));
}

int table_read_counters(struct nl *n, struct table_counts *ret, struct err *e)
{
	struct nlmsghdr *nlh = nl_netfilter(n, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETOBJ, 0, NFPROTO_UNSPEC, 0);

	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, TABLE_TABLE);
	mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	return nl_dump(n, nlh, again_counters, one_counter, ret, e) < 0 ? err_wrap(e, "the table's counters") : 0;
}

/* A set's elements on their way into a ledger. */
struct reading {
	struct table_ledger *ledger;
	size_t cap, begin;              /* begin: where this set's lines start */
	uint8_t family;
	enum table_line_kind kind;
	unsigned variant;
	bool named;                     /* keys are interface names */
};

static size_t key_len(enum table_line_kind kind, size_t ip)
{
	switch (kind) {
	case TABLE_L_DENIED: return 12 + 2 * ip + 4;
	case TABLE_L_FENCE: return 12 + ip;
	case TABLE_L_FENCE_ODD: return 12 + 4;
	default: return 12;
	}
}

static bool key_to_line(const struct reading *r, const uint8_t *key, size_t len, struct table_line *l)
{
	bool six = r->variant & TABLE_V_SIX;
	size_t ip = six ? 16 : 4;
	uint16_t port;

	if (r->named) {
		memcpy(l->iifname, key, len == 2 * TABLE_IFNAME ? TABLE_IFNAME - 1 : 0);
		memcpy(l->oifname, key + TABLE_IFNAME, len == 2 * TABLE_IFNAME ? TABLE_IFNAME - 1 : 0);
		return len == 2 * TABLE_IFNAME;
	}
	if (len != key_len(r->kind, ip))
		return false;
	memcpy(&l->iif, key, sizeof(l->iif));
	memcpy(l->mac.b, key + 4, sizeof(l->mac.b));
	if (r->kind == TABLE_L_FENCE)
		l->dst = six ? addr_v6_net(key + 12) : addr_v4_net(key + 12);
	if (r->kind == TABLE_L_FENCE_ODD)
		l->port = (uint16_t)(key[12] << 8 | key[13]);
	if (r->kind != TABLE_L_DENIED)
		return true;
	l->src = six ? addr_v6_net(key + 12) : addr_v4_net(key + 12);
	l->dst = six ? addr_v6_net(key + 12 + ip) : addr_v4_net(key + 12 + ip);
	memcpy(&port, key + 12 + 2 * ip, sizeof(port));
	l->port = ntohs(port);
	l->proto = r->variant & TABLE_V_UDP ? IPPROTO_UDP : IPPROTO_TCP;
	l->reply = r->variant & TABLE_V_REPLY;
	return true;
}

static int one_element(struct reading *r, const struct nlattr *elem)
{
	const struct nlattr *key = nl_attr_find(nl_attr_in(elem), NFTA_SET_ELEM_KEY);
	const struct nlattr *expr = nl_attr_find(nl_attr_in(elem), NFTA_SET_ELEM_EXPR);
	const struct nlattr *value = nl_attr_find(nl_attr_in(key), NFTA_DATA_VALUE);
	struct table_line l;
	const uint8_t *data;
	size_t len;

	memset(&l, 0, sizeof(l));               /* its padding too: lines are compared whole */
	l.kind = r->kind;
	data = value ? nl_attr_data(value, &len) : NULL;
	if (!data || !key_to_line(r, data, len, &l))
		return EBADMSG;
	if (!strcmp(nl_attr_str(nl_attr_find(nl_attr_in(expr), NFTA_EXPR_NAME)), "counter"))
		read_counter(nl_attr_find(nl_attr_in(expr), NFTA_EXPR_DATA), &l.packets, &l.bytes);
	if (r->ledger->n == r->cap && !vec_grow((void **)&r->ledger->lines, &r->cap, r->ledger->n, sizeof(l)))
		return ENOMEM;
	r->ledger->lines[r->ledger->n++] = l;
	return 0;
}

static int one_message(const struct nlmsghdr *nlh, void *arg)
{
	struct nl_attrs c = nl_attr_in(nl_attr_find(nl_attr_all(nlh), NFTA_SET_ELEM_LIST_ELEMENTS));
	const struct nlattr *elem;
	int code = 0;

	while (!code && (elem = nl_attr_next(&c)))
		code = one_element(arg, elem);
	return code;
}

static void again_set(void *arg)
{
	struct reading *r = arg;

	r->ledger->n = r->begin;
}

static int dump_set(struct nl *n, struct reading *r, const char *set, struct err *e)
{
	struct nlmsghdr *nlh = nl_netfilter(n, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETSETELEM, 0, r->family, 0);

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, TABLE_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	return nl_dump(n, nlh, again_set, one_message, r, e) < 0 ? err_wrap(e, "set '%s'", set) : 0;
}

static int compare_lines(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct table_line));
}

/* A key twice?  Sorted lines of one set differ at least in their counts, which come last. */
static bool has_twins(const struct table_line *l, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (!memcmp(&l[i - 1], &l[i], offsetof(struct table_line, packets)))
			return true;
	return false;
}

/* While a set is being rehashed a dump misses some elements and shows others twice.  The page is not written any more, so
 * two equal readings without twins are the truth. */
static int read_set(struct nl *n, struct reading *r, const char *set, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	AUTO_MEM struct table_line *before = NULL;
	size_t n_before = 0;

	r->begin = r->ledger->n;
	for (unsigned i = 0; i < READINGS; i++) {
		struct table_line *lines;
		size_t got;

		if (i)
			nanosleep(&pause, NULL);
		if (dump_set(n, r, set, e) < 0)
			return -1;
		got = r->ledger->n - r->begin;
		if (!got && !n_before)
			return 0;
		lines = r->ledger->lines + r->begin;
		qsort(lines, got, sizeof(*lines), compare_lines);
		if (i && got == n_before && !memcmp(before, lines, got * sizeof(*lines)) && !has_twins(lines, got))
			return 0;
		free(before);
		before = malloc((got + 1) * sizeof(*lines));
		if (!before)
			return err_plain(e, ENOMEM, "out of memory");
		memcpy(before, lines, got * sizeof(*lines));
		n_before = got;
	}
	return err_plain(e, EAGAIN, "set '%s' did not hold still for reading", set);
}

/* A table from before there were any is no error. */
static int read_fences(struct nl *n, struct reading *r, unsigned b, struct err *e)
{
	static const struct { enum table_fences_set set_a; enum table_line_kind kind; unsigned variant; } sets[] = {
		{ TABLE_FENCES_DROPS4_A, TABLE_L_FENCE, 0 }, { TABLE_FENCES_DROPS6_A, TABLE_L_FENCE, TABLE_V_SIX },
		{ TABLE_FENCES_ODD_A, TABLE_L_FENCE_ODD, 0 },
	};
	int rc = 0;

	r->family = NFPROTO_NETDEV;
	r->named = false;
	for (size_t i = 0; !rc && i < sizeof(sets) / sizeof(*sets); i++) {
		r->kind = sets[i].kind;
		r->variant = sets[i].variant;
		rc = read_set(n, r, table_fences_sets[sets[i].set_a + b].name, e);
		rc = rc && e->code == ENOENT ? 0 : rc;
	}
	return rc;
}

int table_read_ledger(struct nl *n, char page, struct table_ledger *ret, struct err *e)
{
	static const struct { enum table_fixed_set set_a; enum table_line_kind kind; } senders[] = {
		{ TABLE_SET_FLOODS_A, TABLE_L_FLOOD }, { TABLE_SET_OTHERS_FLOODS_A, TABLE_L_FLOOD },
		{ TABLE_SET_UNKNOWN_FLOODS_A, TABLE_L_UNKNOWN_FLOOD },
		{ TABLE_SET_INVALIDS_A, TABLE_L_INVALID }, { TABLE_SET_STRANGERS_A, TABLE_L_STRANGE },
		{ TABLE_SET_CLOSED_A, TABLE_L_CLOSED }, { TABLE_SET_DENIED_MORE_A, TABLE_L_DENIED_MORE },
		{ TABLE_SET_OUT_FLOODS_A, TABLE_L_OUT_FLOOD }, { TABLE_SET_FAILED_OPEN_A, TABLE_L_FAILED_OPEN },
	};
	struct table_ledger all = { 0 };
	struct reading r = { .ledger = &all, .family = NFPROTO_INET };
	unsigned b = page == 'b';
	int rc = 0;

	/* The kernel's synchronize_rcu in other words: no packet is still under way on rules that wrote to this page.
	 * Where there is no such call (nohz_full) the caller's pause after table_turn has to do. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	for (r.variant = 0; !rc && r.variant < TABLE_VARIANTS; r.variant++) {
		r.kind = TABLE_L_DENIED;
		rc = read_set(n, &r, table_set_rows[(b ? TABLE_SET_HITS_B : TABLE_SET_HITS_A) + r.variant].name, e);
	}
	r.variant = 0;
	for (size_t i = 0; !rc && i < sizeof(senders) / sizeof(*senders); i++) {
		r.kind = senders[i].kind;
		r.named = table_line_is_named(r.kind);
		rc = read_set(n, &r, table_set_rows[senders[i].set_a + b].name, e);
		rc = rc && e->code == ENOENT ? 0 : rc;  /* an older table's, which has less */
	}
	rc = rc ? rc : read_fences(n, &r, b, e);
	if (rc) {
		table_ledger_free(&all);
		return -1;
	}
	*ret = all;
	return 0;
}

void table_ledger_free(struct table_ledger *l)
{
	free(l->lines);
	l->lines = NULL;
	l->n = 0;
}
