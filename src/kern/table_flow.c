/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_flow: see table_flow.h. */
#include "kern/table_flow.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/buf.h"
#include "kern/nl.h"
#include "kern/nl_attr.h"
#include "kern/table_input.h"
#include "kern/table_live.h"
#include "kern/table_model.h"
#include "kern/table_wire.h"

enum { OURS_NOT, OURS_OPEN, OURS_GUARDED };

/* What the model takes the interface for. */
static int is_ours(const struct table *t, const char *device)
{
	const struct table_set *from = &t->sets.at[TABLE_SET_FROM];
	uint8_t key[TABLE_IFNAME];

	table_model_ifname_key(device, key);
	for (size_t i = 0; i < from->n; i++)
		if (!memcmp(from->keys + i * from->stride, key, sizeof(key)))
			return from->chains[i] == TABLE_CH_FROM_OPEN ? OURS_OPEN : OURS_GUARDED;
	return OURS_NOT;
}

/* In a flowtable that no rule leads to, any interface of ours may have stayed. */
static bool may_have(const struct table *t, const char *device)
{
	return t->flow ? table_input_lists(t->flow_devices, t->n_flow_devices, device) :
			 is_ours(t, device) && !table_input_lists(t->flow_never, t->n_flow_never, device);
}

static bool fits(const struct table *t, const struct table_live *l)
{
	bool yes = table_live_same_flow(l);

	for (size_t i = 0; i < l->flow.devices.n; i++)
		yes = yes && may_have(t, l->flow.devices.at[i]);
	return yes;
}

static bool lacks(const struct table_live *l, const char *device)
{
	return !table_live_has_device(l, device) && if_nametoindex(device);
}

bool table_flow_put(struct nl_batch *b, const struct table *t, const struct table_live *l)
{
	const bool stays = fits(t, l);
	const char **devices;
	bool wanted = !stays;
	size_t n = 0;

	if (l->flow.present && !stays)
		table_wire_delete(b, t->family, TABLE_WIRE_FLOWTABLE, TABLE_FLOWTABLE);
	if (!t->flow)
		return true;
	devices = calloc(t->n_flow_devices + 1, sizeof(*devices));
	if (!devices)
		return false;
	for (size_t i = 0; i < t->n_flow_devices; i++) {
		wanted = wanted || lacks(l, t->flow_devices[i]);
		if (if_nametoindex(t->flow_devices[i]))
			devices[n++] = t->flow_devices[i];
	}
	if (wanted)
		table_wire_flowtable(b, TABLE_TABLE, devices, n);
	free(devices);
	return true;
}

static int one_flowtable(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	*(bool *)arg = true;
	return 0;
}

int table_flow_present(struct nl *n, bool *ret, struct err *e)
{
	struct nlmsghdr *nlh = nl_netfilter(n, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETFLOWTABLE, 0, NFPROTO_UNSPEC, 0);
	bool present = false;

	if (nl_dump(n, nlh, NULL, one_flowtable, &present, e) < 0 && e->code != EOPNOTSUPP && e->code != EINVAL)
		return err_wrap(e, "flowtables");
	*ret = present;
	return 0;
}

size_t table_flow_differences(const struct table *t, const struct table_live *l, struct buf *out)
{
	size_t n = 0;

	if (!l->flow.present && t->flow) {
		buf_str(out, "flowtable " TABLE_FLOWTABLE " is missing\n");
		return 1;
	}
	if (l->flow.present && !table_live_same_flow(l)) {
		buf_str(out, "flowtable " TABLE_FLOWTABLE " is defined otherwise\n");
		n++;
	}
	for (size_t i = 0; i < t->n_flow_devices; i++)
		if (lacks(l, t->flow_devices[i])) {
			buf_printf(out, "flowtable " TABLE_FLOWTABLE " lacks device %s\n", t->flow_devices[i]);
			n++;
		}
	for (size_t i = 0; i < l->flow.devices.n; i++)
		if (!may_have(t, l->flow.devices.at[i])) {
			buf_printf(out, "flowtable " TABLE_FLOWTABLE ": device %s is not ours\n", l->flow.devices.at[i]);
			n++;
		}
	return n;
}

struct others { const struct table *t; struct buf *out; size_t n; };

static int one_other(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *hook = nl_attr_find(nl_attr_all(nlh), NFTA_FLOWTABLE_HOOK), *a;
	struct nl_attrs devices = nl_attr_in(nl_attr_find(nl_attr_in(hook), NFTA_FLOWTABLE_HOOK_DEVS));
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct others *o = arg;

	if (nfg->nfgen_family == NFPROTO_INET && table_live_is(nlh, NFTA_FLOWTABLE_TABLE, TABLE_TABLE))
		return 0;
	while ((a = nl_attr_next(&devices))) {
		if (is_ours(o->t, nl_attr_str(a)) != OURS_GUARDED)
			continue;
		buf_printf(o->out, "flowtable %s of table %s hangs on %s: its flows pass by our hooks\n",
			   nl_attr_str(nl_attr_find(nl_attr_all(nlh), NFTA_FLOWTABLE_NAME)),
			   nl_attr_str(nl_attr_find(nl_attr_all(nlh), NFTA_FLOWTABLE_TABLE)), nl_attr_str(a));
		o->n++;
	}
	return 0;
}

int table_flow_others(struct nl *n, const struct table *t, struct buf *out, size_t *ret_n, struct err *e)
{
	struct nlmsghdr *nlh = nl_netfilter(n, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETFLOWTABLE, 0, NFPROTO_UNSPEC, 0);
	struct others o = { .t = t, .out = out };

	if (nl_dump(n, nlh, NULL, one_other, &o, e) < 0 && e->code != EOPNOTSUPP && e->code != EINVAL)
		return err_wrap(e, "flowtables");
	*ret_n = o.n;
	return 0;
}
