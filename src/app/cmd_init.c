/* SPDX-License-Identifier: GPL-2.0-or-later */
/* init: a first policy from what this machine has (interfaces, addresses) and sees (neighbours, a capture), commented and in
 * observe, so that nothing is dropped by it.  An interface becomes a guarded zone when a known camera maker's device stands on it.
 * Writes a new file; never over one that is there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/cmd.h"
#include "app/cmd_init.h"
#include "kern/link.h"

static const struct init_zone *zone_of(const struct init *in, const struct addr *a)
{
	for (size_t z = 0; z < in->n_zones; z++)
		for (size_t i = 0; i < in->zones[z].n_nets; i++)
			if (addr_prefix_contains(&in->zones[z].nets[i], a))
				return &in->zones[z];
	return NULL;
}

static int add_interfaces(struct init *in, const struct link_map *links)
{
	for (size_t i = 0; i < link_count(links); i++) {
		const struct link_iface *l = link_at(links, i);

		if (l->loopback || in->n_zones == INIT_ZONES)
			continue;
		in->zones[in->n_zones] = (struct init_zone){ .ifindex = l->index };
		snprintf(in->zones[in->n_zones].iface, sizeof(in->zones[0].iface), "%s", l->name);
		in->n_zones++;
	}
	for (size_t i = 0; i < link_addr_count(links); i++) {
		const struct link_addr *a = link_addr_at(links, i);

		for (size_t z = 0; z < in->n_zones; z++) {
			struct init_zone *zone = &in->zones[z];
			char text[ADDR_TEXT + 4], addr[ADDR_TEXT];
			bool host_bits;

			if (zone->ifindex != a->index || addr_is_of_link(&a->addr) || zone->n_nets == INIT_NETS)
				continue;
			snprintf(text, sizeof(text), "%s/%u", addr_text(&a->addr, addr, sizeof(addr)), a->len);
			if (addr_prefix_parse(text, &zone->nets[zone->n_nets], &host_bits))
				zone->n_nets++;
		}
	}
	return 0;
}

/* A device that was seen: kept once per MAC, with its addresses. */
void cmd_init_seen(struct init *in, const struct mac *mac, const struct addr *addr, uint32_t ifindex)
{
	const struct init_zone *zone = NULL;
	struct init_device *d = NULL;

	if (addr_is_of_link(addr) || addr_mac_is_group(mac))
		return;
	for (size_t z = 0; z < in->n_zones && !zone; z++)
		if (ifindex ? in->zones[z].ifindex == ifindex : zone_of(in, addr) == &in->zones[z])
			zone = &in->zones[z];
	if (!zone)
		return;
	for (size_t i = 0; i < in->n_devices && !d; i++)
		if (addr_mac_equal(&in->devices[i].mac, mac))
			d = &in->devices[i];
	if (!d) {
		if (in->n_devices == INIT_DEVICES) {
			in->beyond++;
			return;
		}
		d = &in->devices[in->n_devices++];
		*d = (struct init_device){ .mac = *mac, .zone = (size_t)(zone - in->zones) };
		d->maker = policy_maker_of_mac(in->shipped, mac, &d->registrant);
	}
	for (size_t i = 0; i < d->n_addrs; i++)
		if (addr_equal(&d->addrs[i], addr))
			return;
	if (d->n_addrs < INIT_ADDRS)
		d->addrs[d->n_addrs++] = *addr;
}

static int on_neigh(void *arg, const struct neigh *n)
{
	cmd_init_seen(arg, &n->mac, &n->addr, n->ifindex);
	return 0;
}

static void on_frame(void *arg, const struct pcap_packet *frame, const struct pkt *p)
{
	(void)frame;
	if (p && p->has_smac && !p->shape)
		cmd_init_seen(arg, &p->smac, &p->src, 0);
}

static int read_capture(struct init *in, const char *path, struct err *e)
{
	struct pkt pkts[SOURCE_BATCH];
	struct source *s = source_pcap_new(path, on_frame, in, e);
	int n;

	if (!s)
		return -1;
	while ((n = s->ops->next(s, pkts, e)) > 0)
		;
	source_free(s);
	return n;
}

/* Guarded is where a camera maker's device stands; the shipped makers are all makers of cameras and their like. */
static void guard(struct init *in)
{
	for (size_t i = 0; i < in->n_devices; i++) {
		if (in->devices[i].maker == POLICY_NONE)
			continue;
		in->zones[in->devices[i].zone].guarded = true;
		in->guarded = true;
	}
}

static int look(struct init *in, const char *capture, struct err *e)
{
	struct link_map *links = NULL;
	int rc = link_open(&links, e);

	if (rc == 0)
		rc = add_interfaces(in, links);
	link_free(links);
	if (rc == 0)
		rc = neigh_each(on_neigh, in, e);
	if (rc == 0 && capture)
		rc = read_capture(in, capture, e);
	guard(in);
	return rc;
}

static int write_new(const char *path, const struct buf *text, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	ssize_t n;

	if (fd < 0 && errno == EEXIST)
		return err_plain(e, EEXIST, "%s is there already; name another file with -p, or edit it", path);
	if (fd < 0)
		return err_sys(e, errno, "cannot create %s", path);
	n = write(fd, text->data, text->len);
	if (n != (ssize_t)text->len || fsync(fd) < 0) {
		err_sys(e, n < 0 ? errno : ENOSPC, "cannot write %s", path);
		close(fd);
		unlink(path);
		return -1;
	}
	close(fd);
	return 0;
}

static void report(const struct cmd *c, const struct init *in)
{
	size_t restricted = 0;

	for (size_t i = 0; i < in->n_devices; i++)
		restricted += cmd_init_is_restricted(in, &in->devices[i]);
	printf("wrote %s: %zu interfaces, %zu devices seen, %zu of them restricted by uk-nil; mode: observe, nothing is dropped\n",
	       c->policy, in->n_zones, in->n_devices, restricted);
	if (!in->guarded)
		printf("No camera maker's device was seen: no zone is guarded yet.  Say `guarded: true` where the cameras are.\n");
	printf("Next: read it, then `ringfence check -p %s` and `ringfence test -p %s`.\n", c->policy, c->policy);
}

int cmd_init(struct cmd *c, int argc, char **argv)
{
	static const char empty[] = "version: 1\n";
	struct init *in;
	struct policy *written;
	struct buf text;
	struct err e = { 0 };
	int rc = cmd_options(c, argc, argv, NULL, 0, 1);

	if (rc >= 0)
		return rc;
	if (access(c->policy, F_OK) == 0) {
		err_plain(&e, EEXIST, "%s is there already; name another file with -p, or edit it", c->policy);
		return cmd_fail(&e);
	}
	in = calloc(1, sizeof(*in));
	if (!in)
		return cmd_misuse(c, "out of memory");
	buf_init(&text);
	in->shipped = cmd_load_text(c, "init", empty, sizeof(empty) - 1);
	rc = in->shipped ? look(in, c->n_args ? c->args[0] : NULL, &e) : -1;
	if (rc == 0) {
		cmd_init_write(in, &text);
		/* What init writes, check accepts. */
		written = cmd_load_text(c, c->policy, buf_cstr(&text), text.len);
		policy_free(written);
		if (!written)
			rc = err_plain(&e, EINVAL, "what was found makes no policy that loads (above); please report it");
	}
	if (rc == 0)
		rc = write_new(c->policy, &text, &e);
	if (rc == 0)
		report(c, in);
	else if (in->shipped)
		cmd_fail(&e);
	buf_fini(&text);
	policy_free(in->shipped);
	free(in);
	return rc == 0 ? CTL_YES : CTL_UNSURE;
}
