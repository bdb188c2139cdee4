/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An end gets its address first (its own, its device's or host's, or "some address of this link"), then its interface: the
 * first of the zone it names or whose networks hold the address.  A test with at: is judged by a program of that moment. */
#include "run/trial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/word.h"
#include "ident/who.h"
#include "run/judge.h"

uint32_t trial_zone_of(const struct policy *p, const struct addr *a)
{
	uint32_t best = POLICY_NONE;
	int best_len = -1;

	for (uint32_t z = 0; z < p->n_zones; z++) {
		for (uint32_t i = 0; i < p->zones[z].n_nets; i++) {
			const struct prefix *net = &p->zones[z].nets[i];

			if ((int)net->len > best_len && addr_prefix_contains(net, a)) {
				best = z;
				best_len = net->len;
			}
		}
	}
	return best;
}

/* The address of the wanted family among n, the first one where none is, family 0 where there is none at all. */
static struct addr pick(const struct addr *addrs, uint32_t n, uint8_t family)
{
	for (uint32_t i = 0; i < n; i++) {
		if (addrs[i].family == family)
			return addrs[i];
	}
	return n ? addrs[0] : (struct addr){ 0 };
}

static struct addr end_address(const struct policy *p, const struct policy_test_end *end, uint8_t family)
{
	struct addr none = { .family = family ? family : 4 };

	if (end->addr.family)
		return end->addr;
	if (end->device != POLICY_NONE && p->devices[end->device].n_addrs)
		return pick(p->devices[end->device].addrs, p->devices[end->device].n_addrs, family);
	if (end->host != POLICY_NONE) {
		const struct policy_host *h = &p->hosts[end->host];

		for (uint32_t i = 0; i < h->n_nets; i++) {
			if (h->nets[i].addr.family == family)
				return h->nets[i].addr;
		}
		return h->n_nets ? h->nets[0].addr : none;
	}
	return none;            /* the unspecified address is of the link: it belongs to the interface's zone */
}

/* Which family the two ends have in common, as far as their words fix it. */
static uint8_t end_family(const struct policy *p, const struct policy_test_end *end)
{
	if (end->addr.family)
		return end->addr.family;
	if (end->device != POLICY_NONE && p->devices[end->device].n_addrs == 1)
		return p->devices[end->device].addrs[0].family;
	if (end->host != POLICY_NONE && p->hosts[end->host].n_nets == 1)
		return p->hosts[end->host].nets[0].addr.family;
	return 0;
}

static void end_interface(const struct policy *p, const struct policy_test_end *end, struct flow_end *ret)
{
	const uint32_t zone = end->zone != POLICY_NONE ? end->zone : trial_zone_of(p, &ret->addr);

	ret->iface = WHO_NONE;
	if (ret->firewall || zone == POLICY_NONE || p->zones[zone].n_ifaces == 0)
		return;
	ret->iface = p->zones[zone].ifaces[0];
	ret->iface_known = true;
}

static void end_identity(const struct judge *j, bool source, struct flow_end *ret)
{
	if (ret->firewall)
		ret->id = (struct who_id){ .listed = WHO_NONE, .maker = WHO_NONE };
	else if (source || ret->has_mac)
		ret->id = who_source(j->who, ret->iface, ret->has_mac ? &ret->mac : NULL, &ret->addr);
	else
		ret->id = who_address(j->who, ret->iface, &ret->addr);
	if (ret->has_mac && ret->id.proof < WHO_VERIFIED)
		ret->id.proof = WHO_VERIFIED;           /* the words are the fact */
}

static int end_of(const struct judge *j, const struct policy_test_end *end, uint8_t family, bool source,
		  struct flow_end *ret, struct err *e)
{
	const struct policy *p = j->policy;

	*ret = (struct flow_end){ .iface = WHO_NONE, .firewall = end->firewall, .has_mac = end->has_mac, .mac = end->mac };
	if (end->device != POLICY_NONE && !end->has_mac && p->devices[end->device].n_macs) {
		ret->has_mac = true;
		ret->mac = p->devices[end->device].macs[0];
	}
	ret->addr = end_address(p, end, family);
	if (addr_is_unspecified(&ret->addr) && !end->firewall && end->zone == POLICY_NONE)
		return err_set(e, EINVAL, end->loc, "name an address, or the zone that it stands in");
	end_interface(p, end, ret);
	end_identity(j, source, ret);
	return 0;
}

int trial_flow(const struct judge *j, const struct policy_test_end *from, const struct policy_test_end *to,
	       const struct policy_port *service, struct flow *ret, struct err *e)
{
	uint8_t family = end_family(j->policy, from);

	if (!family)
		family = end_family(j->policy, to);
	*ret = (struct flow){ .proto = service->any_proto ? 6 : service->proto };
	if (end_of(j, from, family, true, &ret->from, e) < 0)
		return -1;
	if (end_of(j, to, family ? family : ret->from.addr.family, false, &ret->to, e) < 0)
		return -1;
	if (!from->firewall && !to->firewall && ret->from.addr.family != ret->to.addr.family)
		return err_set(e, EINVAL, to->loc, "one end is IPv%u, the other IPv%u", ret->from.addr.family,
			       ret->to.addr.family);
	if (service->has_ports) {
		ret->has_ports = true;
		ret->dport = service->lo;
		ret->sport = 40000;
	}
	if (service->has_icmp)
		ret->icmp_type = service->icmp_type;
	return 0;
}

static void judge_test(const struct judge *j, const struct prog *prog, struct trial_result *r)
{
	const struct policy_test *t = r->test;
	struct flow f;

	if (trial_flow(j, &t->from, &t->to, &t->service, &f, &r->error) < 0)
		return;
	r->judged = true;
	r->verdict = prog_eval(prog, &f, NULL);
	r->passed = r->verdict.action == t->expect &&
		    (!t->rule || (r->verdict.rule != POLICY_NONE && strcmp(j->policy->rules[r->verdict.rule].id, t->rule) == 0));
}

uint32_t trial_run(const struct judge *j, struct trial_result *results)
{
	const struct policy *p = j->policy;
	struct prog *other = NULL;
	int64_t other_ns = 0;
	uint32_t bad = 0;

	for (uint32_t i = 0; i < p->n_tests; i++) {
		const struct policy_test *t = &p->tests[i];
		struct trial_result *r = &results[i];

		*r = (struct trial_result){ .test = t };
		if (t->at.set && (!other || other_ns != t->at.ns)) {
			prog_free(other);
			other = NULL;
			if (prog_build(p, t->at.ns, &other, &r->error) < 0)
				other = NULL;
			other_ns = t->at.ns;
		}
		if (!t->at.set || other)
			judge_test(j, t->at.set ? other : j->prog, r);
		bad += !r->passed;
	}
	prog_free(other);
	return bad;
}

void trial_text(const struct judge *j, const struct trial_result *r, struct buf *out)
{
	const struct policy_test *t = r->test;
	const struct policy_rule *rule = r->judged && r->verdict.rule != POLICY_NONE ? &j->policy->rules[r->verdict.rule] : NULL;
	char text[sizeof(r->error.msg) + 128];

	buf_printf(out, "%s: ", t->name ? t->name : "test");
	if (!r->judged) {
		buf_printf(out, "cannot be judged: %s", err_text(&r->error, text, sizeof(text)));
		return;
	}
	if (!r->passed)
		buf_printf(out, "expected %s%s%s, got ", word_name(policy_action_words, t->expect), t->rule ? " by " : "",
			   t->rule ? t->rule : "");
	buf_str(out, word_name(policy_action_words, r->verdict.action));
	if (rule)
		buf_printf(out, " by %s (%s:%u)", rule->id, rule->loc.file, rule->loc.line);
	else
		buf_str(out, r->verdict.why == VERDICT_DEFAULT ? " by default" : " before any rule");
}
