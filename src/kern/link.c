/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link: see link.h.  Two sockets: one listens, the other asks.  Listening begins before the first reading, so nothing that
 * changes meanwhile is missed; what cannot be taken in (notifications lost, memory short) is made good by reading all anew.
 * Interfaces and addresses stand in sorted arrays: there are few, and readers get stable pointers until the next link_read. */
#include "kern/link.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "kern/link_set.h"
#include "kern/nl.h"

/* ---- messages ---- */

static uint32_t number_of(const struct nlattr *a)
{
	return mnl_attr_validate(a, MNL_TYPE_U32) < 0 ? 0 : mnl_attr_get_u32(a);
}

static void copy_name(char to[static 16], const struct nlattr *a)
{
	const size_t len = strnlen(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));

	memset(to, 0, 16);
	memcpy(to, mnl_attr_get_payload(a), len < 15 ? len : 15);
}

static void read_bridge(const struct nlattr *nest, struct link_iface *l)
{
	struct nlattr *a;

	if (strcmp(l->kind, "bridge"))
		return;
	mnl_attr_for_each_nested(a, nest)
		if ((mnl_attr_get_type(a) == IFLA_BR_NF_CALL_IPTABLES || mnl_attr_get_type(a) == IFLA_BR_NF_CALL_IP6TABLES) &&
		    mnl_attr_get_payload_len(a) >= 1)
			l->nf_call |= mnl_attr_get_u8(a) != 0;
}

static void read_kind(const struct nlattr *nest, struct link_iface *l)
{
	struct nlattr *a;

	mnl_attr_for_each_nested(a, nest)
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
			copy_name(l->kind, a);
		else if (mnl_attr_get_type(a) == IFLA_INFO_DATA)        /* the kind comes first */
			read_bridge(a, l);
}

static void read_xdp(const struct nlattr *nest, struct link_iface *l)
{
	struct nlattr *a;

	mnl_attr_for_each_nested(a, nest)
		if (mnl_attr_get_type(a) == IFLA_XDP_ATTACHED && mnl_attr_get_payload_len(a) >= 1)
			l->xdp = mnl_attr_get_u8(a) != XDP_ATTACHED_NONE;
}

static void read_link_attr(const struct nlattr *a, struct link_iface *l, bool *ret_elsewhere)
{
	switch (mnl_attr_get_type(a)) {
	case IFLA_IFNAME:
		copy_name(l->name, a);
		break;
	case IFLA_ADDRESS:
		l->ether = l->type == ARPHRD_ETHER && mnl_attr_get_payload_len(a) == sizeof(l->mac.b);
		if (l->ether)
			memcpy(l->mac.b, mnl_attr_get_payload(a), sizeof(l->mac.b));
		break;
	case IFLA_LINK:
		l->lower = number_of(a);
		break;
	case IFLA_LINK_NETNSID:
		*ret_elsewhere = true;
		break;
	case IFLA_MASTER:
		l->master = number_of(a);
		break;
	case IFLA_LINKINFO:
		read_kind(a, l);
		break;
	case IFLA_XDP:
		read_xdp(a, l);
		break;
	default:
		break;
	}
}

/* false: not about an interface as such (a bridge tells of its ports by the same messages). */
static bool read_link(const struct nlmsghdr *nlh, struct link_iface *ret)
{
	const struct ifinfomsg *i = mnl_nlmsg_get_payload(nlh);
	bool elsewhere = false;
	struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*i) || i->ifi_family != AF_UNSPEC || i->ifi_index <= 0)
		return false;
	*ret = (struct link_iface){
		.index = (uint32_t)i->ifi_index, .type = i->ifi_type, .up = i->ifi_flags & IFF_UP,
		.running = i->ifi_flags & IFF_RUNNING, .loopback = i->ifi_flags & IFF_LOOPBACK,
	};
	mnl_attr_for_each(a, nlh, sizeof(*i))
		read_link_attr(a, ret, &elsewhere);
	if (elsewhere || ret->lower == ret->index)
		ret->lower = 0;
	return true;
}

static void take_address(const struct nlattr *a, uint8_t family, struct addr *ret)
{
	const uint16_t len = mnl_attr_get_payload_len(a);

	if (family == AF_INET && len == 4)
		*ret = addr_v4_net(mnl_attr_get_payload(a));
	else if (family == AF_INET6 && len == 16)
		*ret = addr_v6_net(mnl_attr_get_payload(a));
}

/* IFA_LOCAL is ours; where it is missing, IFA_ADDRESS is (else that is the peer). */
static bool read_addr(const struct nlmsghdr *nlh, struct link_addr *ret)
{
	const struct ifaddrmsg *i = mnl_nlmsg_get_payload(nlh);
	struct addr local = { 0 }, address = { 0 };
	uint32_t flags;
	struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*i))
		return false;
	flags = i->ifa_flags;
	mnl_attr_for_each(a, nlh, sizeof(*i)) {
		if (mnl_attr_get_type(a) == IFA_LOCAL)
			take_address(a, i->ifa_family, &local);
		else if (mnl_attr_get_type(a) == IFA_ADDRESS)
			take_address(a, i->ifa_family, &address);
		else if (mnl_attr_get_type(a) == IFA_FLAGS)
			flags = number_of(a);
	}
	*ret = (struct link_addr){ .index = i->ifa_index, .addr = local.family ? local : address, .len = i->ifa_prefixlen };
	ret->usable = !(flags & IFA_F_DADFAILED) && (!(flags & IFA_F_TENTATIVE) || flags & IFA_F_OPTIMISTIC);
	return ret->addr.family && ret->len <= addr_bits(&ret->addr);
}

/* ---- reading everything ---- */

static void begin_ifaces(void *arg)
{
	((struct link_set *)arg)->ifaces.n = 0;
}

static int dump_iface(const struct nlmsghdr *nlh, void *arg)
{
	struct link_set *s = arg;
	struct link_iface l;

	if (nlh->nlmsg_type != RTM_NEWLINK || !read_link(nlh, &l) || link_set_iface(s, l.index))
		return 0;
	return link_set_insert(s, &l) ? 0 : ENOMEM;
}

static void begin_addrs(void *arg)
{
	((struct link_set *)arg)->addrs.n = 0;
}

static int dump_addr(const struct nlmsghdr *nlh, void *arg)
{
	struct link_set *s = arg;
	struct link_addr a;

	if (nlh->nlmsg_type != RTM_NEWADDR || !read_addr(nlh, &a) || link_set_addr(s, &a))
		return 0;
	return link_set_insert_addr(s, &a) ? 0 : ENOMEM;
}

static int read_all(struct link_map *m, struct link_set *s, struct err *e)
{
	struct nlmsghdr *nlh = nl_message(m->ask, RTM_GETLINK, 0);

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (nl_dump(m->ask, nlh, begin_ifaces, dump_iface, s, e) < 0)
		return err_wrap(e, "interfaces");
	nlh = nl_message(m->ask, RTM_GETADDR, 0);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifaddrmsg));
	if (nl_dump(m->ask, nlh, begin_addrs, dump_addr, s, e) < 0)
		return err_wrap(e, "addresses");
	return 0;
}

static bool walk_room(struct link_walk *w, size_t n)
{
	uint32_t *list;
	uint8_t *met;

	if (n <= w->cap)
		return true;
	list = calloc(n * 2, sizeof(*list));
	met = calloc(n * 2, sizeof(*met));
	if (!list || !met) {
		free(list);
		free(met);
		return false;
	}
	free(w->list);
	free(w->met);
	*w = (struct link_walk){ .list = list, .met = met, .cap = n * 2 };
	return true;
}

static int resync(struct link_map *m, struct err *e)
{
	struct link_set fresh = { 0 };

	if (read_all(m, &fresh, e) < 0) {
		link_set_free(&fresh);
		return -1;
	}
	if (!walk_room(&m->walk, fresh.ifaces.n)) {
		link_set_free(&fresh);
		return err_plain(e, ENOMEM, "out of memory for the interfaces");
	}
	link_set_free(&m->set);
	m->set = fresh;
	m->stale = false;
	return 0;
}

int link_open(struct link_map **ret, struct err *e)
{
	static const unsigned groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, 0 };
	AUTO(link_map) m = calloc(1, sizeof(*m));

	if (!m)
		return err_plain(e, ENOMEM, "out of memory");
	if (nl_open(NL_ROUTE, groups, &m->listen, e) < 0 || nl_open(NL_ROUTE, NULL, &m->ask, e) < 0 || resync(m, e) < 0)
		return -1;
	*ret = TAKE(m);
	return 0;
}

void link_free(struct link_map *m)
{
	if (!m)
		return;
	nl_free(m->listen);
	nl_free(m->ask);
	link_set_free(&m->set);
	free(m->walk.list);
	free(m->walk.met);
	free(m);
}

int link_fd(const struct link_map *m)
{
	return nl_fd(m->listen);
}

/* ---- notifications ---- */

struct news {
	struct link_map *m;
	link_change_fn fn;
	void *arg;
};

static void tell(const struct news *w, enum link_change c, const struct link_iface *old, const struct link_iface *now)
{
	if (w->fn)
		w->fn(c, old, now, w->arg);
}

static bool is_same(const struct link_iface *a, const struct link_iface *b)
{
	return a->lower == b->lower && a->master == b->master && a->type == b->type && a->up == b->up &&
	       a->running == b->running && a->ether == b->ether && a->loopback == b->loopback && a->xdp == b->xdp &&
	       a->nf_call == b->nf_call &&
	       addr_mac_equal(&a->mac, &b->mac) && !strcmp(a->name, b->name) && !strcmp(a->kind, b->kind);
}

static void on_link(const struct news *w, const struct link_iface *l)
{
	struct link_set *s = &w->m->set;
	struct link_iface *known = link_set_iface(s, l->index), old;

	if (!known) {
		if (walk_room(&w->m->walk, s->ifaces.n + 1) && link_set_insert(s, l))
			tell(w, LINK_ADDED, NULL, link_set_iface(s, l->index));
		else
			w->m->stale = true;
		return;
	}
	old = *known;
	*known = *l;
	if (!is_same(&old, l))
		tell(w, LINK_CHANGED, &old, known);
}

static void on_link_gone(const struct news *w, uint32_t index)
{
	struct link_set *s = &w->m->set;
	const struct link_iface *known = link_set_iface(s, index);
	struct link_iface old;

	link_set_remove_addrs(s, index);
	if (!known)
		return;
	old = *known;
	link_set_remove(s, index);
	tell(w, LINK_REMOVED, &old, NULL);
}

static void on_addr(const struct news *w, const struct link_addr *a, bool gone)
{
	struct link_set *s = &w->m->set;
	struct link_addr *known = link_set_addr(s, a);
	const struct link_iface *l = link_set_iface(s, a->index);

	if (gone && known) {
		link_set_remove_addr(s, a);
	} else if (known && known->usable != a->usable) {
		known->usable = a->usable;
	} else if (known || gone || !l) {
		return;                 /* nothing new, or an address of an interface that is gone already */
	} else if (!link_set_insert_addr(s, a)) {
		w->m->stale = true;
		return;
	}
	if (l)
		tell(w, LINK_ADDRESS, l, l);
}

static int on_message(const struct nlmsghdr *nlh, void *arg)
{
	const struct news *w = arg;
	struct link_iface l;
	struct link_addr a;

	if (nlh->nlmsg_type == RTM_NEWLINK && read_link(nlh, &l))
		on_link(w, &l);
	else if (nlh->nlmsg_type == RTM_DELLINK && read_link(nlh, &l))
		on_link_gone(w, l.index);
	else if ((nlh->nlmsg_type == RTM_NEWADDR || nlh->nlmsg_type == RTM_DELADDR) && read_addr(nlh, &a))
		on_addr(w, &a, nlh->nlmsg_type == RTM_DELADDR);
	return 0;
}

int link_read(struct link_map *m, link_change_fn fn, void *arg, struct err *e)
{
	struct news w = { m, fn, arg };
	bool lost = false;

	if (nl_listen(m->listen, on_message, &w, &lost, e) < 0)
		return err_wrap(e, "interfaces");
	m->stale = m->stale || lost;
	if (!m->stale)
		return 0;
	if (resync(m, e) < 0)
		return -1;
	tell(&w, LINK_RESYNC, NULL, NULL);
	return 0;
}

size_t link_addr_count(const struct link_map *m)
{
	return m->set.addrs.n;
}

const struct link_addr *link_addr_at(const struct link_map *m, size_t i)
{
	return i < m->set.addrs.n ? &m->set.addrs.at[i] : NULL;
}

struct ingress { void (*fn)(uint32_t index, void *arg); void *arg; };

static int one_qdisc(const struct nlmsghdr *nlh, void *arg)
{
	const struct ingress *x = arg;
	const struct tcmsg *t = mnl_nlmsg_get_payload(nlh);
	struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*t) || t->tcm_ifindex <= 0)
		return 0;
	mnl_attr_for_each(a, nlh, sizeof(*t)) {
		char kind[16];

		if (mnl_attr_get_type(a) != TCA_KIND)
			continue;
		copy_name(kind, a);
		if (!strcmp(kind, "ingress") || !strcmp(kind, "clsact"))
			x->fn((uint32_t)t->tcm_ifindex, x->arg);
	}
	return 0;
}

int link_ingress(struct link_map *m, void (*fn)(uint32_t index, void *arg), void *arg, struct err *e)
{
	struct nlmsghdr *nlh = nl_message(m->ask, RTM_GETQDISC, 0);
	struct tcmsg *t = mnl_nlmsg_put_extra_header(nlh, sizeof(*t));
	struct ingress x = { fn, arg };

	t->tcm_family = AF_UNSPEC;
	return nl_dump(m->ask, nlh, NULL, one_qdisc, &x, e) < 0 ? err_wrap(e, "queueing disciplines") : 0;
}
