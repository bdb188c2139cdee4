/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Written out by hand, not from the field tables: a row that is missing there shows as a difference here. */
#include "golden/dump.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "policy/policy.h"

static void str(struct buf *out, const char *key, const char *s)
{
	buf_printf(out, " %s=%s%s", key, s ? s : "", s ? "." : "-");
}

static void num(struct buf *out, const char *key, uint64_t n)
{
	buf_printf(out, " %s=%" PRIu64, key, n);
}

static void moment(struct buf *out, const char *key, const struct policy_time *t)
{
	buf_printf(out, " %s=%d/%d/%" PRId64 "/%s", key, t->set, t->is_date, t->set ? t->ns : 0, t->set ? t->text : "");
}

static void indexes(struct buf *out, const char *key, const uint32_t *at, uint32_t n)
{
	buf_printf(out, " %s=%u:", key, n);
	for (uint32_t i = 0; i < n; i++)
		buf_printf(out, "%u,", at[i]);
}

static void strs(struct buf *out, const char *key, const char *const *at, uint32_t n)
{
	buf_printf(out, " %s=%u:", key, n);
	for (uint32_t i = 0; i < n; i++)
		buf_printf(out, "%s,", at[i]);
}

static void addr(struct buf *out, const struct addr *a)
{
	char text[ADDR_TEXT];

	buf_printf(out, "%s,", a->family ? addr_text(a, text, sizeof(text)) : "-");
}

static void nets(struct buf *out, const struct prefix *at, uint32_t n)
{
	char text[ADDR_PREFIX_TEXT];

	buf_printf(out, " nets=%u:", n);
	for (uint32_t i = 0; i < n; i++)
		buf_printf(out, "%s/%u,", addr_prefix_text(&at[i], text, sizeof(text)), at[i].len);
}

static void macs(struct buf *out, const struct mac *at, uint32_t n)
{
	char text[ADDR_MAC_TEXT];

	buf_printf(out, " macs=%u:", n);
	for (uint32_t i = 0; i < n; i++)
		buf_printf(out, "%s,", addr_mac_text(&at[i], text, sizeof(text)));
}

static void port(struct buf *out, const struct policy_port *p)
{
	buf_printf(out, "%u/%d%d%d/%u-%u/%u(%s),", p->proto, p->any_proto, p->has_ports, p->has_icmp, p->lo, p->hi, p->icmp_type,
		   p->text);
}

static void refs(struct buf *out, const char *key, const struct policy_ref *at, uint32_t n)
{
	buf_printf(out, " %s=%u:", key, n);
	for (uint32_t i = 0; i < n; i++)
		buf_printf(out, "%d/%u/%s,", at[i].kind, at[i].index, at[i].name);
}

static void zone(struct buf *out, const struct policy_zone *z)
{
	str(out, "zone", z->name);
	indexes(out, "ifaces", z->ifaces, z->n_ifaces);
	nets(out, z->nets, z->n_nets);
	buf_printf(out, " %d %d %d %d %d%d%d%d\n", z->guard, z->unknown, z->fail, z->mode, z->mode_own, z->unknown_own, z->routed,
		   z->dhcp);
}

static void device(struct buf *out, const struct policy_device *d)
{
	str(out, "device", d->name);
	macs(out, d->macs, d->n_macs);
	num(out, "addrs", d->n_addrs);
	for (uint32_t i = 0; i < d->n_addrs; i++)
		addr(out, &d->addrs[i]);
	num(out, "maker", d->maker);
	num(out, "registry", d->registry_maker);
	str(out, "location", d->location);
	str(out, "owner", d->owner);
	str(out, "serial", d->serial);
	str(out, "model", d->model);
	strs(out, "tags", d->tags, d->n_tags);
	if (d->cleared) {
		str(out, "by", d->cleared->by);
		str(out, "ticket", d->cleared->ticket);
		str(out, "reason", d->cleared->reason);
		moment(out, "date", &d->cleared->date);
		moment(out, "until", &d->cleared->until);
	}
	buf_char(out, '\n');
}

static void group(struct buf *out, const struct policy_group *g)
{
	str(out, "group", g->name);
	indexes(out, "packs", g->packs, g->n_packs);
	indexes(out, "makers", g->makers, g->n_makers);
	strs(out, "tags", g->tags, g->n_tags);
	indexes(out, "devices", g->devices, g->n_devices);
	indexes(out, "zones", g->zones, g->n_zones);
	num(out, "unknown", g->unknown);
	num(out, "enrolled", g->enrolled);
	refs(out, "except", g->except, g->n_except);
	buf_char(out, '\n');
}

static void rule(struct buf *out, const struct policy_rule *r)
{
	num(out, "section", r->section);
	str(out, "id", r->id);
	refs(out, r->from.negate ? "not from" : "from", r->from.refs, r->from.n);
	refs(out, r->to.negate ? "not to" : "to", r->to.refs, r->to.n);
	num(out, "group", r->group);
	buf_printf(out, " services=%d:", r->services.any);
	for (uint32_t i = 0; i < r->services.n; i++)
		port(out, &r->services.ports[i]);
	strs(out, "names", r->services.names, r->services.n_names);
	buf_printf(out, " %d %d %d%d%d%d", r->action, r->severity, r->severity_own, r->observe, r->disabled, r->offload);
	moment(out, "starts", &r->starts);
	moment(out, "expires", &r->expires);
	str(out, "reason", r->reason);
	str(out, "owner", r->owner);
	str(out, "ticket", r->ticket);
	strs(out, "sensitivity", r->sensitivity, r->n_sensitivity);
	buf_char(out, '\n');
}

static void end(struct buf *out, const struct policy_test_end *e)
{
	buf_printf(out, " end=%d%d %u %u %u ", e->has_mac, e->firewall, e->zone, e->device, e->host);
	addr(out, &e->addr);
	macs(out, &e->mac, e->has_mac);
}

static void test(struct buf *out, const struct policy_test *t)
{
	str(out, "test", t->name);
	end(out, &t->from);
	end(out, &t->to);
	port(out, &t->service);
	moment(out, "at", &t->at);
	num(out, "expect", t->expect);
	str(out, "rule", t->rule);
	buf_char(out, '\n');
}

static void head(struct buf *out, const struct policy *p)
{
	str(out, "revision", p->revision);
	str(out, "site", p->site.name);
	str(out, "sensitivity", p->site.sensitivity);
	str(out, "timezone", p->site.timezone);
	moment(out, "baseline", &p->site.baseline);
	moment(out, "remove_by", &p->site.remove_by);
	buf_printf(out, " %d %d %08x %u %u %u\nresolvers ", p->mode, p->fallback, p->mark_mask, p->exception_days, p->n_exceptions,
		   p->n_restrict);
	for (uint32_t i = 0; i < p->n_resolvers; i++)
		addr(out, &p->resolvers[i]);
	for (uint32_t i = 0; i < p->n_packs; i++)
		buf_printf(out, " %s=%d", p->packs[i].name, p->packs[i].used);
	buf_char(out, '\n');
	for (uint32_t i = 0; i < p->n_ifaces; i++) {
		buf_printf(out, "iface %s %d", p->ifaces[i].name, p->ifaces[i].guarded);
		indexes(out, "zones", p->ifaces[i].zones, p->ifaces[i].n_zones);
		buf_char(out, '\n');
	}
}

void dump_policy(const struct policy *p, struct buf *out)
{
	head(out, p);
	for (uint32_t i = 0; i < p->n_zones; i++)
		zone(out, &p->zones[i]);
	for (uint32_t i = 0; i < p->n_devices; i++)
		device(out, &p->devices[i]);
	for (uint32_t i = 0; i < p->n_groups; i++)
		group(out, &p->groups[i]);
	for (uint32_t i = 0; i < p->n_hosts; i++) {
		str(out, "host", p->hosts[i].name);
		nets(out, p->hosts[i].nets, p->hosts[i].n_nets);
		buf_char(out, '\n');
	}
	for (uint32_t i = 0; i < p->n_services; i++) {
		str(out, "service", p->services[i].name);
		for (uint32_t k = 0; k < p->services[i].n; k++)
			port(out, &p->services[i].ports[k]);
		buf_char(out, '\n');
	}
	for (uint32_t i = 0; i < p->n_rules; i++)
		rule(out, &p->rules[i]);
	for (uint32_t i = 0; i < p->n_assessed; i++) {
		const struct policy_assessed *a = &p->assessed[i];

		buf_printf(out, "assessed %u %u %d", a->maker, a->pack, a->restricted);
		str(out, "by", a->by);
		str(out, "ticket", a->ticket);
		moment(out, "date", &a->date);
		buf_char(out, '\n');
	}
	for (uint32_t i = 0; i < p->n_tests; i++)
		test(out, &p->tests[i]);
}
