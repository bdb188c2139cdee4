/* SPDX-License-Identifier: GPL-2.0-or-later */
/* br_netfilter's setting is the namespace's, or the bridge's own; either one sends bridged frames through forward, where cameras
 * and recorders on one bridge are cut off from each other (their frames come and go by the same interface, and are no flow that a
 * rule means). */
#include "run/bypass.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/own.h"
#include "engine/prog.h"
#include "ident/who.h"
#include "kern/link.h"
#include "policy/policy.h"
#include "run/ifaces.h"

static void add(struct bypass *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct bypass *b, const char *fmt, ...)
{
	va_list ap;

	if (b->n == BYPASS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(b->at[b->n++], BYPASS_WORDS, fmt, ap);
	va_end(ap);
}

static bool is_on(const char *dir, const char *name)
{
	char path[256];
	AUTO_MEM char *text = NULL;
	struct err e;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return file_read(path, 64, &text, &len, &e) == 0 && *text == '1';       /* no such file: no br_netfilter */
}

static void bridges(const struct policy *p, const struct link_map *m, const char *sysctl, struct bypass *b)
{
	const bool everywhere = is_on(sysctl, "bridge-nf-call-iptables") || is_on(sysctl, "bridge-nf-call-ip6tables");

	for (uint32_t i = 0; i < p->n_ifaces; i++) {
		const struct link_iface *l = p->ifaces[i].guarded ? link_by_name(m, p->ifaces[i].name) : NULL;

		if (!l || strcmp(l->kind, "bridge") != 0)
			continue;
		if (everywhere)
			add(b, "bridge %s is guarded and its own frames pass the table: sysctl -w "
			    "net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0", l->name);
		else if (l->nf_call)
			add(b, "bridge %s is guarded and its own frames pass the table: ip link set %s type bridge "
			    "nf_call_iptables 0 nf_call_ip6tables 0", l->name, l->name);
	}
	b->bridged = b->n > 0;
}

struct ingress { const struct policy *p; const struct link_map *m; struct bypass *b; };

static void on_ingress(uint32_t index, void *arg)
{
	const struct ingress *x = arg;
	const struct link_iface *l = link_by_index(x->m, index);
	const uint32_t i = l ? ifaces_find(x->p, l->name) : WHO_NONE;

	if (i != WHO_NONE && x->p->ifaces[i].guarded)
		add(x->b, "interface %s has tc ingress filters: they may lead packets around the table", l->name);
}

int bypass_find(const struct policy *p, struct link_map *m, const char *sysctl, struct bypass *ret, struct err *e)
{
	struct ingress x = { p, m, ret };

	ret->n = 0;
	bridges(p, m, sysctl, ret);
	for (uint32_t i = 0; i < p->n_ifaces; i++) {
		const struct link_iface *l = p->ifaces[i].guarded ? link_by_name(m, p->ifaces[i].name) : NULL;

		if (l && l->xdp)
			add(ret, "interface %s has an XDP program: it may lead packets around the table", l->name);
	}
	return link_ingress(m, on_ingress, &x, e);
}

bool bypass_has(const struct bypass *b, const char *words)
{
	for (size_t i = 0; i < b->n; i++) {
		if (strcmp(b->at[i], words) == 0)
			return true;
	}
	return false;
}
