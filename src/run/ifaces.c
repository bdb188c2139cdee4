/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An interface that no zone names is open unless it stands on a guarded one: a VLAN, macvlan or bridge made on the cameras' port
 * must not become a way around its gate.  Nor must another name: what was guarded under its old one stays shut, and while a
 * guarded interface is missing every piece of hardware that no zone names may be it. */
#include "run/ifaces.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/if_ether.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/own.h"
#include "base/vec.h"
#include "ident/who.h"
#include "kern/link.h"
#include "policy/policy.h"

enum { BOOT_BYTES = 64, KEPT_MAX = 1 << 20 };

uint32_t ifaces_find(const struct policy *p, const char *name)
{
	for (uint32_t i = 0; i < p->n_ifaces; i++) {
		if (strcmp(p->ifaces[i].name, name) == 0)
			return i;
	}
	return WHO_NONE;
}

static bool is_guarded(const struct link_iface *l, void *arg)
{
	const struct policy *p = arg;
	const uint32_t i = ifaces_find(p, l->name);

	return i != WHO_NONE && p->ifaces[i].guarded;
}

static bool was_guarded(const struct ifaces_memory *mem, uint32_t ifindex)
{
	for (size_t i = 0; mem && i < mem->n; i++) {
		if (mem->at[i].ifindex == ifindex)
			return true;
	}
	return false;
}

static void remember(struct ifaces_memory *mem, uint32_t ifindex, const char *name)
{
	if (mem->n == mem->cap && !vec_grow((void **)&mem->at, &mem->cap, mem->n, sizeof(*mem->at)))
		return;
	mem->changed = true;
	mem->at[mem->n].ifindex = ifindex;
	snprintf(mem->at[mem->n++].name, sizeof(mem->at->name), "%s", name);
}

void ifaces_remember(struct ifaces_memory *mem, const struct policy *p, const struct ifaces *now)
{
	for (size_t i = 0; i < now->n_pairs; i++) {
		const struct flow_ifpair *pair = &now->pairs[i];

		if (!p->ifaces[pair->iface].guarded || was_guarded(mem, pair->ifindex))
			continue;
		remember(mem, pair->ifindex, p->ifaces[pair->iface].name);
	}
}

void ifaces_release(struct ifaces_memory *mem, const struct policy *old, const struct link_map *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < mem->n; i++) {
		const struct link_iface *l = link_by_index(m, mem->at[i].ifindex);

		if (l && ifaces_find(old, l->name) == WHO_NONE)
			mem->at[kept++] = mem->at[i];
	}
	mem->changed |= mem->n != kept;
	mem->n = kept;
}

void ifaces_forget(struct ifaces_memory *mem)
{
	free(mem->at);
	*mem = (struct ifaces_memory){ 0 };
}

/* Kernel indexes mean something until the next boot, in one namespace. */
static int where_and_when(char *ret, size_t size, struct err *e)
{
	AUTO_MEM char *boot = NULL;
	struct stat ns;
	size_t len;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	boot = calloc(1, BOOT_BYTES);
	len = fd >= 0 && boot && read(fd, boot, BOOT_BYTES - 1) > 0 ? strcspn(boot, "\n") : 0;
	if (fd >= 0)
		close(fd);
	if (!len || stat("/proc/thread-self/ns/net", &ns) < 0)
		return err_sys(e, errno, "neither boot nor namespace can be told");
	snprintf(ret, size, "%.*s %llu", (int)len, boot, (unsigned long long)ns.st_ino);
	return 0;
}

int ifaces_keep(struct ifaces_memory *mem, const char *path, struct err *e)
{
	char here[BOOT_BYTES + 32];
	struct buf b;
	int rc = -1;

	if (where_and_when(here, sizeof(here), e) < 0)
		return -1;
	buf_init(&b);
	buf_printf(&b, "%s\n", here);
	for (size_t i = 0; i < mem->n; i++)
		buf_printf(&b, "%u %s\n", mem->at[i].ifindex, mem->at[i].name);
	if (b.failed)
		err_plain(e, ENOMEM, "out of memory");
	else
		rc = file_replace(path, buf_cstr(&b), b.len, 0600, e);
	mem->changed = rc < 0;
	buf_fini(&b);
	return rc;
}

int ifaces_recall(struct ifaces_memory *mem, const char *path, const struct link_map *m, struct err *e)
{
	char here[BOOT_BYTES + 32], name[16], *line, *save = NULL;
	AUTO_MEM char *text = NULL;
	unsigned ifindex;
	size_t len;

	if (file_read(path, KEPT_MAX, &text, &len, e) < 0)
		return e->code == ENOENT ? 0 : -1;
	if (where_and_when(here, sizeof(here), e) < 0)
		return -1;
	line = strtok_r(text, "\n", &save);
	if (!line || strcmp(line, here) != 0)
		return 0;
	while ((line = strtok_r(NULL, "\n", &save))) {
		const struct link_iface *l;

		if (sscanf(line, "%u %15s", &ifindex, name) != 2)
			continue;
		l = link_by_index(m, ifindex);
		if (l && strcmp(l->name, name) != 0 && !was_guarded(mem, ifindex))
			remember(mem, ifindex, name);
	}
	return 0;
}

static bool may_be_missing(const struct link_iface *l, const struct ifaces *r)
{
	return r->n_missing && l->ether && !l->loopback && !*l->kind;
}

static bool carries_vlans(const struct link_map *m, const struct link_iface *l)
{
	for (size_t i = 0; i < link_count(m); i++) {
		const struct link_iface *on = link_at(m, i);

		if (on->lower == l->index && strcmp(on->kind, "vlan") == 0)
			return true;
	}
	return false;
}

/* Of a bridge, a VRF or a bond that the policy does not guard itself. */
static bool is_port(const struct policy *p, const struct link_map *m, const struct link_iface *l)
{
	const struct link_iface *master = l->master ? link_by_index(m, l->master) : NULL;
	const uint32_t i = master ? ifaces_find(p, master->name) : WHO_NONE;

	return l->master && (i == WHO_NONE || !p->ifaces[i].guarded);
}

/* What ends in a program's packet socket does not go on, nor what VLAN devices tell each other (MVRP: there is always somebody for
 * that where 8021q is). */
bool ifaces_further(const char *ptype)
{
	AUTO_MEM char *text = NULL;
	char *line, *save = NULL;
	struct err e;
	size_t len;

	if (file_read(ptype ? ptype : "/proc/thread-self/net/ptype", KEPT_MAX, &text, &len, &e) < 0)
		return true;
	strtok_r(text, "\n", &save);
	while ((line = strtok_r(NULL, "\n", &save))) {
		const unsigned long type = strtoul(line, NULL, 16);

		if (type > ETH_P_802_2 && type != ETH_P_IP && type != ETH_P_IPV6 && type != ETH_P_ARP && type != ETH_P_MVRP &&
		    !strstr(line, "packet_rcv"))
			return true;
	}
	return false;
}

/* Something has it as a part, or stands on it; the other end of a wire (veth) does neither. */
static bool is_stacked(const struct link_map *m, const struct link_iface *l)
{
	bool yes = l->master;

	for (size_t i = 0; !yes && i < link_count(m); i++)
		yes = link_at(m, i)->lower == l->index && strcmp(link_at(m, i)->kind, "veth") != 0;
	return yes;
}

static bool is_bridge(const struct link_iface *l, void *arg)
{
	(void)arg;
	return strcmp(l->kind, "bridge") == 0;
}

/* Where ifaces_read writes what struct ifaces shows. */
struct lists {
	struct flow_ifpair *pairs;
	const char **open, **closed, **l3, **missing, **down, **trunks, **ports, **stacked, **bridged;
};

static void sort_in(const struct policy *p, const struct link_map *m, const struct ifaces_memory *mem,
		    const struct link_iface *l, struct arena *a, struct ifaces *r, const struct lists *to)
{
	const uint32_t i = ifaces_find(p, l->name);
	union { const struct policy *in; void *out; } u = { .in = p };

	if (link_stands_on(m, l->index, is_bridge, NULL))
		to->bridged[r->n_bridged++] = arena_strdup(a, l->name);
	if (i != WHO_NONE) {
		to->pairs[r->n_pairs++] = (struct flow_ifpair){ .ifindex = l->index, .iface = i };
		if (!l->up)
			to->down[r->n_down++] = arena_strdup(a, l->name);
		if (!l->ether)
			to->l3[r->n_l3++] = arena_strdup(a, l->name);
		if (carries_vlans(m, l))
			to->trunks[r->n_trunks++] = arena_strdup(a, l->name);
		if (is_port(p, m, l))
			to->ports[r->n_ports++] = arena_strdup(a, l->name);
		if (r->further || is_stacked(m, l))
			to->stacked[r->n_stacked++] = arena_strdup(a, l->name);
	} else if (!link_stands_on(m, l->index, is_guarded, u.out) && !was_guarded(mem, l->index) &&
		   !may_be_missing(l, r)) {
		to->open[r->n_open++] = arena_strdup(a, l->name);
	} else {
		to->closed[r->n_closed++] = arena_strdup(a, l->name);
	}
}

int ifaces_read(const struct policy *p, const struct link_map *m, const struct ifaces_memory *mem, struct arena *a,
		struct ifaces *ret, struct err *e)
{
	const size_t n = link_count(m);
	const struct lists to = {
		.pairs = arena_array(a, n + 1, struct flow_ifpair),
		.open = arena_array(a, n + 1, const char *), .closed = arena_array(a, n + 1, const char *),
		.l3 = arena_array(a, n + 1, const char *), .missing = arena_array(a, (size_t)p->n_ifaces + 1, const char *),
		.down = arena_array(a, n + 1, const char *),
		.trunks = arena_array(a, n + 1, const char *), .ports = arena_array(a, n + 1, const char *),
		.stacked = arena_array(a, n + 1, const char *), .bridged = arena_array(a, n + 1, const char *),
	};
	struct ifaces r = {
		.pairs = to.pairs, .open = to.open, .closed = to.closed, .l3 = to.l3, .missing = to.missing, .down = to.down,
		.trunks = to.trunks, .ports = to.ports, .stacked = to.stacked, .bridged = to.bridged,
		.further = ifaces_further(NULL),
	};

	if (arena_failed(a))
		return err_plain(e, ENOMEM, "out of memory");
	for (uint32_t i = 0; i < p->n_ifaces; i++) {
		if (p->ifaces[i].guarded && !link_by_name(m, p->ifaces[i].name))
			to.missing[r.n_missing++] = arena_strdup(a, p->ifaces[i].name);
	}
	for (size_t i = 0; i < n; i++)
		sort_in(p, m, mem, link_at(m, i), a, &r, &to);
	if (arena_failed(a))
		return err_plain(e, ENOMEM, "out of memory");
	*ret = r;
	return 0;
}

static bool same_names(const char *const *a, size_t n, const char *const *b, size_t m)
{
	for (size_t i = 0; n == m && i < n; i++) {
		if (strcmp(a[i], b[i]) != 0)
			return false;
	}
	return n == m;
}

bool ifaces_lead_alike(const struct ifaces *a, const struct ifaces *b)
{
	for (size_t i = 0; a->n_pairs == b->n_pairs && i < a->n_pairs; i++) {
		if (a->pairs[i].ifindex != b->pairs[i].ifindex || a->pairs[i].iface != b->pairs[i].iface)
			return false;
	}
	return a->n_pairs == b->n_pairs && same_names(a->down, a->n_down, b->down, b->n_down);
}

bool ifaces_equal(const struct ifaces *a, const struct ifaces *b)
{
	return ifaces_lead_alike(a, b) && a->further == b->further && same_names(a->open, a->n_open, b->open, b->n_open) &&
	       same_names(a->closed, a->n_closed, b->closed, b->n_closed) && same_names(a->l3, a->n_l3, b->l3, b->n_l3) &&
	       same_names(a->missing, a->n_missing, b->missing, b->n_missing) &&
	       same_names(a->trunks, a->n_trunks, b->trunks, b->n_trunks) &&
	       same_names(a->ports, a->n_ports, b->ports, b->n_ports) &&
	       same_names(a->stacked, a->n_stacked, b->stacked, b->n_stacked) &&
	       same_names(a->bridged, a->n_bridged, b->bridged, b->n_bridged);
}
