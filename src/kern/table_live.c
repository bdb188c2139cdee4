/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_live: see table_live.h. */
#include "kern/table_live.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/arena.h"
#include "kern/nl.h"
#include "kern/nl_attr.h"
#include "kern/table_model.h"
#include "kern/table_wire.h"

static uint32_t number(const struct nlmsghdr *nlh, unsigned type)
{
	return nl_attr_u32(nl_attr_find(nl_attr_all(nlh), type));
}

bool table_live_is(const struct nlmsghdr *nlh, uint16_t type, const char *s)
{
	return !strcmp(nl_attr_str(nl_attr_find(nl_attr_all(nlh), type)), s);
}

static const char *name_of(struct table_live *l, const struct nlmsghdr *nlh, unsigned type)
{
	return arena_strdup(l->arena, nl_attr_str(nl_attr_find(nl_attr_all(nlh), type)));
}

static int one_table(const struct nlmsghdr *nlh, void *arg)
{
	struct table_live *l = arg;

	if (table_live_is(nlh, NFTA_TABLE_NAME, TABLE_TABLE)) {
		l->present = true;
		l->flags = number(nlh, NFTA_TABLE_FLAGS);
	}
	return 0;
}

static int one_chain(const struct nlmsghdr *nlh, void *arg)
{
	struct table_live *l = arg;
	struct table_live_chain c = { .hook = -1, .policy = number(nlh, NFTA_CHAIN_POLICY) };
	const struct nlattr *nest = nl_attr_find(nl_attr_all(nlh), NFTA_CHAIN_HOOK);

	if (!table_live_is(nlh, NFTA_CHAIN_TABLE, TABLE_TABLE))
		return 0;
	c.name = name_of(l, nlh, NFTA_CHAIN_NAME);
	if (nest) {
		c.hook = (int)nl_attr_u32(nl_attr_find(nl_attr_in(nest), NFTA_HOOK_HOOKNUM));
		c.priority = (int)nl_attr_u32(nl_attr_find(nl_attr_in(nest), NFTA_HOOK_PRIORITY));
		c.device = arena_strdup(l->arena, nl_attr_str(nl_attr_find(nl_attr_in(nest), NFTA_HOOK_DEV)));
	}
	return c.name && (!nest || c.device) && VEC_PUSH(&l->chains, c) ? 0 : ENOMEM;
}

static int one_set(const struct nlmsghdr *nlh, void *arg)
{
	struct table_live *l = arg;
	struct nl_attrs all = nl_attr_all(nlh);
	struct table_live_set s = {
		.flags = number(nlh, NFTA_SET_FLAGS), .key_type = number(nlh, NFTA_SET_KEY_TYPE),
		.key_len = number(nlh, NFTA_SET_KEY_LEN),
		.size = nl_attr_u32(nl_attr_find(nl_attr_in(nl_attr_find(all, NFTA_SET_DESC)), NFTA_SET_DESC_SIZE)),
		.timeout_ms = nl_attr_u64(nl_attr_find(all, NFTA_SET_TIMEOUT)),
		.counter = nl_attr_find(all, NFTA_SET_EXPR) || nl_attr_find(all, NFTA_SET_EXPRESSIONS),
	};

	if (!table_live_is(nlh, NFTA_SET_TABLE, TABLE_TABLE))
		return 0;
	s.name = name_of(l, nlh, NFTA_SET_NAME);
	return s.name && VEC_PUSH(&l->sets, s) ? 0 : ENOMEM;
}

static int take_object(struct table_live *l, const char *name, uint32_t type)
{
	return name && VEC_PUSH(&l->objects, ((struct table_live_object){ name, type })) ? 0 : ENOMEM;
}

static int one_counter(const struct nlmsghdr *nlh, void *arg)
{
	struct table_live *l = arg;
	const char *name;

	if (!table_live_is(nlh, NFTA_OBJ_TABLE, TABLE_TABLE))
		return 0;
	name = name_of(l, nlh, NFTA_OBJ_NAME);
	if (name && number(nlh, NFTA_OBJ_TYPE) != NFT_OBJECT_COUNTER)
		return take_object(l, name, number(nlh, NFTA_OBJ_TYPE));
	return name && VEC_PUSH(&l->counters, name) ? 0 : ENOMEM;
}

static int take_flow(struct table_live *l, const struct nlmsghdr *nlh)
{
	const struct nlattr *hook = nl_attr_find(nl_attr_all(nlh), NFTA_FLOWTABLE_HOOK), *a;
	struct nl_attrs devices = nl_attr_in(nl_attr_find(nl_attr_in(hook), NFTA_FLOWTABLE_HOOK_DEVS));

	l->flow.present = true;
	l->flow.flags = number(nlh, NFTA_FLOWTABLE_FLAGS);
	l->flow.hook = nl_attr_u32(nl_attr_find(nl_attr_in(hook), NFTA_FLOWTABLE_HOOK_NUM));
	l->flow.priority = (int)nl_attr_u32(nl_attr_find(nl_attr_in(hook), NFTA_FLOWTABLE_HOOK_PRIORITY));
	while ((a = nl_attr_next(&devices))) {
		const char *name = arena_strdup(l->arena, nl_attr_str(a));

		if (!name || !VEC_PUSH(&l->flow.devices, name))
			return ENOMEM;
	}
	return 0;
}

static int one_flowtable(const struct nlmsghdr *nlh, void *arg)
{
	struct table_live *l = arg;

	if (!table_live_is(nlh, NFTA_FLOWTABLE_TABLE, TABLE_TABLE))
		return 0;
	if (table_live_is(nlh, NFTA_FLOWTABLE_NAME, TABLE_FLOWTABLE))
		return take_flow(l, nlh);
	return take_object(l, name_of(l, nlh, NFTA_FLOWTABLE_NAME), TABLE_LIVE_FLOWTABLE);
}

static void again_table(void *arg) { ((struct table_live *)arg)->present = false; }
static void again_chains(void *arg) { ((struct table_live *)arg)->chains.n = 0; }
static void again_sets(void *arg) { ((struct table_live *)arg)->sets.n = 0; }
static void again_objects(void *arg)
{
	struct table_live *l = arg;

	l->counters.n = l->objects.n = 0;
}

static void again_flowtables(void *arg)
{
	struct table_live *l = arg;

	l->flow.present = false;
	l->flow.devices.n = 0;
	while (l->objects.n && l->objects.at[l->objects.n - 1].type == TABLE_LIVE_FLOWTABLE)
		l->objects.n--;
}

static int dump(struct nl *n, uint8_t msg, uint16_t table, void (*again)(void *), nl_message_fn fn, struct table_live *l,
		struct err *e)
{
	struct nlmsghdr *nlh = nl_netfilter(n, NFNL_SUBSYS_NFTABLES, msg, 0, l->family, 0);

	if (table)
		mnl_attr_put_strz(nlh, table, TABLE_TABLE);
	return nl_dump(n, nlh, again, fn, l, e);
}

static int compare_chains(const void *a, const void *b)
{
	return strcmp(((const struct table_live_chain *)a)->name, ((const struct table_live_chain *)b)->name);
}

static int compare_sets(const void *a, const void *b)
{
	return strcmp(((const struct table_live_set *)a)->name, ((const struct table_live_set *)b)->name);
}

/* By name, so that they are found quickly. */
static void sort(struct table_live *l)
{
	if (l->chains.n)
		qsort(l->chains.at, l->chains.n, sizeof(*l->chains.at), compare_chains);
	if (l->sets.n)
		qsort(l->sets.at, l->sets.n, sizeof(*l->sets.at), compare_sets);
}

int table_live_read(struct nl *n, uint8_t family, struct table_live **ret, struct err *e)
{
	AUTO(table_live) l = calloc(1, sizeof(*l));

	if (!l)
		return err_plain(e, ENOMEM, "out of memory");
	l->family = family;
	l->arena = arena_new();
	if (!l->arena)
		return err_plain(e, ENOMEM, "out of memory");
	if (dump(n, NFT_MSG_GETTABLE, 0, again_table, one_table, l, e) < 0)
		return err_wrap(e, "tables");
	if (l->present && (dump(n, NFT_MSG_GETCHAIN, 0, again_chains, one_chain, l, e) < 0 ||
			   dump(n, NFT_MSG_GETSET, NFTA_SET_TABLE, again_sets, one_set, l, e) < 0 ||
			   dump(n, NFT_MSG_GETOBJ, NFTA_OBJ_TABLE, again_objects, one_counter, l, e) < 0 ||
			   (dump(n, NFT_MSG_GETFLOWTABLE, 0, again_flowtables, one_flowtable, l, e) < 0 &&
			    e->code != EOPNOTSUPP && e->code != EINVAL)))
		return err_wrap(e, "table '%s'", TABLE_TABLE);
	sort(l);
	*ret = TAKE(l);
	return 0;
}

void table_live_free(struct table_live *l)
{
	if (!l)
		return;
	VEC_FREE(&l->chains);
	VEC_FREE(&l->sets);
	VEC_FREE(&l->counters);
	VEC_FREE(&l->objects);
	VEC_FREE(&l->flow.devices);
	arena_free(l->arena);
	free(l);
}

const struct table_live_chain *table_live_find_chain(const struct table_live *l, const char *name)
{
	const struct table_live_chain key = { .name = name };

	return l->chains.n ? bsearch(&key, l->chains.at, l->chains.n, sizeof(key), compare_chains) : NULL;
}

const struct table_live_set *table_live_find_set(const struct table_live *l, const char *name)
{
	const struct table_live_set key = { .name = name };

	return l->sets.n ? bsearch(&key, l->sets.at, l->sets.n, sizeof(key), compare_sets) : NULL;
}

bool table_live_has_counter(const struct table_live *l, const char *name)
{
	for (size_t i = 0; i < l->counters.n; i++)
		if (!strcmp(l->counters.at[i], name))
			return true;
	return false;
}

bool table_live_has_device(const struct table_live *l, const char *name)
{
	for (size_t i = 0; i < l->flow.devices.n; i++)
		if (!strcmp(l->flow.devices.at[i], name))
			return true;
	return false;
}

bool table_live_same_flow(const struct table_live *l)
{
	return l->flow.present && l->flow.hook == NF_NETDEV_INGRESS && l->flow.priority == TABLE_PRIORITY_FLOW &&
	       l->flow.flags == NFT_FLOWTABLE_COUNTER;
}

bool table_live_moved(const struct table_live_chain *l, const struct table_chain *c)
{
	return c->device && strcmp(l->device, c->device) != 0;
}

bool table_live_can_be(const struct table_live *l, const struct table_chain *c)
{
	const struct table_live_chain *live = c->device ? table_live_find_chain(l, c->name) : NULL;

	return !c->device || (live && !table_live_moved(live, c)) || if_nametoindex(c->device);
}

bool table_live_same_set(const struct table_live_set *l, const struct table_set *s)
{
	return l->flags == table_wire_set_flags(s) && l->key_type == table_wire_key_type(s) &&
	       l->key_len == table_model_key_bytes(s) && l->size == s->size && l->timeout_ms == s->timeout_ms &&
	       l->counter == s->counter;
}

bool table_live_is_among(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *nest = nl_attr_find(nl_attr_all(nlh), NFTA_CHAIN_HOOK);
	const uint32_t hook = nl_attr_u32(nl_attr_find(nl_attr_in(nest), NFTA_HOOK_HOOKNUM));
	const int priority = (int)nl_attr_u32(nl_attr_find(nl_attr_in(nest), NFTA_HOOK_PRIORITY));

	if (!nest || (nfg->nfgen_family == NFPROTO_INET && table_live_is(nlh, NFTA_CHAIN_TABLE, TABLE_TABLE)) ||
	    (nfg->nfgen_family != NFPROTO_INET && nfg->nfgen_family != NFPROTO_IPV4 && nfg->nfgen_family != NFPROTO_IPV6))
		return false;
	return (hook == NF_INET_FORWARD || hook == NF_INET_LOCAL_IN || hook == NF_INET_LOCAL_OUT) &&
	       priority >= TABLE_PRIORITY_GATE && priority <= TABLE_PRIORITY_POST;
}
