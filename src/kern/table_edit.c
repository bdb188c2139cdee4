/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_edit: small transactions on a table that is there: bindings, open interfaces, the ledger's page. */
#include "kern/table_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "kern/nl.h"
#include "kern/table_diff.h"
#include "kern/table_fences.h"
#include "kern/table_live.h"
#include "kern/table_wire.h"

static struct nl_batch *batch(struct nl *n, struct err *e)
{
	struct nl_batch *b = nl_batch_new(n, 0);

	if (!b)
		err_plain(e, ENOMEM, "out of memory");
	return b;
}

static void put_member(struct table *t, const struct table_input *in, uint32_t *members, const struct table_binding *d)
{
	const size_t place = table_plan_find(&in->plan, d->iface, d->plan);

	if (place == SIZE_MAX)
		return;
	if (!members[place])
		members[place] = table_build_members(t, in, &in->plan.members[place]);
	table_build_member(t, members[place], &in->ifaces[d->iface], d);
}

/* Bindings as elements of their sets, in a model without anything else. */
static int make_elements(const struct table_input *in, const struct table_binding *d, size_t n, struct table **ret, struct err *e)
{
	AUTO(table) t = NULL;
	AUTO_MEM uint32_t *sets = calloc(in->n_ifaces + 1, sizeof(*sets));
	AUTO_MEM uint32_t *members = calloc(in->plan.n_members + 1, sizeof(*members));
	uint32_t spared = 0;

	if (!sets || !members)
		return err_plain(e, ENOMEM, "out of memory");
	if (table_model_new(&t, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (d[i].iface >= in->n_ifaces || in->ifaces[d[i].iface].role == TABLE_OPEN)
			return err_plain(e, EINVAL, "binding %zu is on no guarded interface", i);
		if (!sets[d[i].iface])
			sets[d[i].iface] = table_build_who(t, &in->ifaces[d[i].iface]);
		table_build_binding(t, sets[d[i].iface], &in->ifaces[d[i].iface], &d[i]);
		put_member(t, in, members, &d[i]);
		table_build_spared(t, in, &spared, &d[i]);
	}
	if (in->fences && table_fences_pairs(in, d, n, &t->fences, e) < 0)
		return -1;
	table_model_freeze(t);
	if (t->failed)
		return err_plain(e, ENOMEM, "out of memory");
	*ret = TAKE(t);
	return 0;
}

static void wire_all(struct nl_batch *b, uint8_t msg, const struct table *t)
{
	for (size_t i = 0; i < t->sets.n; i++)
		table_wire_elements(b, msg, t, &t->sets.at[i]);
	if (t->fences)
		wire_all(b, msg, t->fences);
}

int table_bind(struct nl *n, const struct table_input *in, const struct table_binding *add, size_t n_add,
	       const struct table_binding *del, size_t n_del, struct err *e)
{
	AUTO(table) more = NULL;
	AUTO(table) less = NULL;
	AUTO(table) was = NULL;
	AUTO(table) is = NULL;
	AUTO(nl_batch) b = batch(n, e);

	if (!b || make_elements(in, add, n_add, &more, e) < 0 || make_elements(in, del, n_del, &less, e) < 0)
		return -1;
	if (in->fences && table_fences_macs(in, add, n_add, del, n_del, &was, &is, e) < 0)
		return -1;
	wire_all(b, NFT_MSG_DELSETELEM, less);
	wire_all(b, NFT_MSG_NEWSETELEM, more);
	for (size_t i = 0; is && i < is->sets.n; i++)
		if (!table_diff_wire(b, is, &was->sets.at[i], &is->sets.at[i]))
			return err_plain(e, ENOMEM, "out of memory");
	return nl_batch_commit(b, e) < 0 ? err_wrap(e, "bindings") : 0;
}

static int change_open(struct nl *n, uint8_t msg, const char *ifname, struct err *e)
{
	AUTO(table) t = NULL;
	AUTO(nl_batch) b = batch(n, e);

	if (!b)
		return -1;
	if (!*ifname || strlen(ifname) >= TABLE_IFNAME)
		return err_plain(e, EINVAL, "'%s' is no interface's name", ifname);
	if (table_model_new(&t, e) < 0)
		return -1;
	table_build_open(t, ifname);
	if (t->failed)
		return err_plain(e, ENOMEM, "out of memory");
	wire_all(b, msg, t);
	return nl_batch_commit(b, e) < 0 ? err_wrap(e, "interface '%s'", ifname) : 0;
}

int table_open_add(struct nl *n, const char *ifname, struct err *e)
{
	return change_open(n, NFT_MSG_NEWSETELEM, ifname, e);
}

int table_open_remove(struct nl *n, const char *ifname, struct err *e)
{
	return change_open(n, NFT_MSG_DELSETELEM, ifname, e);
}

static void forget(struct nl_batch *b)
{
	for (unsigned v = 0; v < TABLE_VARIANTS; v++)
		table_wire_delete(b, NFPROTO_INET, TABLE_WIRE_ELEMENTS, table_set_rows[TABLE_SET_DENIED + v].name);
	table_wire_delete(b, NFPROTO_INET, TABLE_WIRE_ELEMENTS, table_set_rows[TABLE_SET_SCANS4].name);
	table_wire_delete(b, NFPROTO_INET, TABLE_WIRE_ELEMENTS, table_set_rows[TABLE_SET_SCANS6].name);
}

int table_forget(struct nl *n, struct err *e)
{
	AUTO(nl_batch) b = batch(n, e);

	if (!b)
		return -1;
	forget(b);
	return nl_batch_commit(b, e) < 0 ? err_wrap(e, "forgetting denials") : 0;
}

int table_early(struct nl *n, const struct table *t, struct err *e)
{
	AUTO(nl_batch) b = batch(n, e);
	bool ok = true;

	if (!b)
		return -1;
	for (size_t i = TABLE_CH_FIXED; i < t->chains.n; i++) {
		if (strcmp(t->chains.at[i].name, TABLE_EARLY))
			continue;
		table_wire_chain(b, t, i);
		ok = table_wire_rules(b, t, i) && ok;
	}
	if (!ok)
		return err_plain(e, ENOMEM, "out of memory");
	return nl_batch_commit(b, e) < 0 ? err_wrap(e, "the chain before the route") : 0;
}

int table_turn(struct nl *n, struct table_input *in, struct err *e)
{
	char page = in->page == 'b' ? 'a' : 'b';
	AUTO(table) t = NULL;
	AUTO(nl_batch) b = batch(n, e);
	bool ok = true;

	if (!b || table_build_turned(in, page, &t, e) < 0)
		return -1;
	for (size_t i = 0; i < table_n_page_chains; i++) {
		table_wire_delete(b, NFPROTO_INET, TABLE_WIRE_RULES, table_chain_rows[table_page_chains[i]]);
		ok = table_wire_rules(b, t, table_page_chains[i]) && ok;
	}
	for (size_t i = 0; t->fences && i < TABLE_FENCES_CHAINS; i++) {
		table_wire_delete(b, NFPROTO_NETDEV, TABLE_WIRE_RULES, table_fences_chains[i]);
		ok = table_wire_rules(b, t->fences, i) && ok;
	}
	if (!ok)
		return err_plain(e, ENOMEM, "out of memory");
	forget(b);
	if (nl_batch_commit(b, e) < 0)
		return err_wrap(e, "turning the ledger's page");
	in->page = page;
	return 0;
}

/* The layout that a set came with. */
static unsigned since(unsigned set)
{
	if (set == TABLE_SET_OTHERS_FLOODS_A || set == TABLE_SET_OTHERS_FLOODS_B)
		return 4;
	return set == TABLE_SET_FAILED_OPEN_A || set == TABLE_SET_FAILED_OPEN_B ? 3 : TABLE_LAYOUT_LEDGER;
}

int table_clear_page(struct nl *n, char page, struct err *e)
{
	AUTO(nl_batch) b = NULL;
	AUTO(table_live) fences = NULL;
	struct table_about about;

	/* Asked first: a batch counts its sequence numbers from its beginning. */
	if (table_read_about(n, &about, e) < 0 || table_live_read(n, NFPROTO_NETDEV, &fences, e) < 0)
		return -1;
	b = batch(n, e);
	if (!b)
		return -1;
	if ((page != 'a' && page != 'b') || !about.ours || about.page == page)
		return err_plain(e, EBUSY, "page '%c' of the ledger is being written", page);
	for (unsigned i = TABLE_SET_HITS_A; i < TABLE_SET_FIXED; i++) {
		const char *name = table_set_rows[i].name;

		if (about.layout < since(i))
			continue;
		if (name[strlen(name) - 1] == page)
			table_wire_delete(b, NFPROTO_INET, TABLE_WIRE_ELEMENTS, name);
	}
	for (unsigned i = TABLE_FENCES_DROPS4_A; i < TABLE_FENCES_SETS; i++) {
		const char *name = table_fences_sets[i].name;

		if (name[strlen(name) - 1] == page && table_live_find_set(fences, name))
			table_wire_delete(b, NFPROTO_NETDEV, TABLE_WIRE_ELEMENTS, name);
	}
	return nl_batch_commit(b, e) < 0 ? err_wrap(e, "clearing the ledger's page") : 0;
}
