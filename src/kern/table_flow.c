/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_flow: see table_flow.h. */
#include "kern/table_flow.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/buf.h"
#include "kern/nl.h"
#include "kern/table_live.h"
#include "kern/table_model.h"
#include "kern/table_wire.h"

/* An interface of the model, whatever its flows. */
static bool is_known(const struct table *t, const char *device)
{
	const struct table_set *from = &t->sets.at[TABLE_SET_FROM];
	uint8_t key[TABLE_IFNAME];

	table_model_ifname_key(device, key);
	for (size_t i = 0; i < from->n; i++)
		if (!memcmp(from->keys + i * from->stride, key, sizeof(key)))
			return true;
	return false;
}

static bool lacks(const struct table_live *l, const char *device)
{
	return !table_live_has_device(l, device) && if_nametoindex(device);
}

bool table_flow_put(struct nl_batch *b, const struct table *t, const struct table_live *l)
{
	const char **devices;
	bool wanted = !l->present || !table_live_same_flow(l);
	size_t n = 0;

	if (!t->flow)
		return true;
	devices = calloc(t->n_flow_devices + l->flow.devices.n + 1, sizeof(*devices));
	if (!devices)
		return false;
	for (size_t i = 0; i < l->flow.devices.n; i++)
		if (!is_known(t, l->flow.devices.at[i]))
			devices[n++] = l->flow.devices.at[i];
	if (l->flow.present && !table_live_same_flow(l))
		table_wire_delete(b, t->family, TABLE_WIRE_FLOWTABLE, TABLE_FLOWTABLE);
	else if (n)
		table_wire_flowtable(b, NFT_MSG_DELFLOWTABLE, TABLE_TABLE, devices, n);
	n = 0;
	for (size_t i = 0; i < t->n_flow_devices; i++) {
		wanted = wanted || lacks(l, t->flow_devices[i]);
		if (if_nametoindex(t->flow_devices[i]))
			devices[n++] = t->flow_devices[i];
	}
	if (wanted)
		table_wire_flowtable(b, NFT_MSG_NEWFLOWTABLE, TABLE_TABLE, devices, n);
	free(devices);
	return true;
}

static int one_flowtable(const struct nlmsghdr *nlh, void *arg)
{
	if (table_live_is(nlh, NFTA_FLOWTABLE_TABLE, TABLE_TABLE))
		*(bool *)arg = true;
	return 0;
}

int table_flow_present(struct nl *n, bool *ret, struct err *e)
{
	struct nlmsghdr *nlh = nl_netfilter(n, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETFLOWTABLE, 0, NFPROTO_INET, 0);
	bool present = false;

	if (nl_dump(n, nlh, NULL, one_flowtable, &present, e) < 0 && e->code != EOPNOTSUPP && e->code != EINVAL)
		return err_wrap(e, "flowtables");
	*ret = present;
	return 0;
}

size_t table_flow_differences(const struct table *t, const struct table_live *l, struct buf *out)
{
	size_t n = 0;

	if (!t->flow)
		return 0;
	if (!l->flow.present) {
		buf_str(out, "flowtable " TABLE_FLOWTABLE " is missing\n");
		return 1;
	}
	if (!table_live_same_flow(l)) {
		buf_str(out, "flowtable " TABLE_FLOWTABLE " is defined otherwise\n");
		n++;
	}
	for (size_t i = 0; i < t->n_flow_devices; i++)
		if (lacks(l, t->flow_devices[i])) {
			buf_printf(out, "flowtable " TABLE_FLOWTABLE " lacks device %s\n", t->flow_devices[i]);
			n++;
		}
	for (size_t i = 0; i < l->flow.devices.n; i++)
		if (!is_known(t, l->flow.devices.at[i])) {
			buf_printf(out, "flowtable " TABLE_FLOWTABLE ": device %s is not ours\n", l->flow.devices.at[i]);
			n++;
		}
	return n;
}
