/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agree/kernel/seen.h"

#include <inttypes.h>
#include <stdio.h>

#include "agree/kernel/lab.h"
#include "agree/kernel/pair.h"
#include "engine/plan.h"
#include "policy/policy.h"

static const char *const ways[SEEN_WAYS] = {
	"device to open", "open to device", "device to device", "device to the firewall", "the firewall to a device", "neither guarded",
};
static const char *const fates[SEEN_FATES] = {
	"opened by the kernel", "allowed when asked", "denied by the kernel", "denied when asked", "would block",
};
static const char *const senders[SEEN_SENDERS] = { "restricted", "unknown", "unverified", "verified" };
static const char *const protos[] = { "TCP", "UDP", "ICMP" };

static bool is_guarded(const struct policy *p, const struct flow_end *end, uint32_t zone)
{
	if (end->firewall)
		return false;
	return (zone != POLICY_NONE && p->zones[zone].guard != POLICY_OPEN) || (end->iface != WHO_NONE && p->ifaces[end->iface].guarded);
}

static enum seen_way way_of(const struct policy *p, const struct pair *x)
{
	const bool from = is_guarded(p, &x->flow.from, x->want.from_zone), to = is_guarded(p, &x->flow.to, x->want.to_zone);

	if (x->in == LAB_HERE)
		return to ? SEEN_OWN : SEEN_OTHER;
	if (x->out == LAB_HERE)
		return from ? SEEN_HERE : SEEN_OTHER;
	if (from && to)
		return SEEN_BETWEEN;
	return from ? SEEN_OUT : to ? SEEN_IN : SEEN_OTHER;
}

static enum seen_fate fate_of(const struct pair *x)
{
	if (x->want.action == POLICY_ALLOW)
		return x->planned ? SEEN_OPENED : SEEN_ALLOWED;
	if (!x->want.enforced)
		return SEEN_PASSED;
	return x->shut && !x->told ? SEEN_SHUT : SEEN_DENIED;
}

static enum seen_sender sender_of(const struct pair *x)
{
	const struct who_id *id = &x->flow.from.id;

	if (x->want.why == VERDICT_RESTRICT && !x->want.unknown)
		return SEEN_RESTRICTED;
	if (x->want.unknown || (id->listed == WHO_NONE && id->maker == WHO_NONE))
		return SEEN_UNKNOWN;
	return id->proof < WHO_VERIFIED ? SEEN_UNVERIFIED : SEEN_VERIFIED;
}

void seen_pair(struct seen *s, const struct policy *p, const struct pair *x, bool again)
{
	const unsigned six = x->pkt.src.family == 6;
	const enum seen_way way = way_of(p, x);

	s->compared++;
	*(x->passes ? &s->arrived : &s->dropped) += 1;
	s->why[x->want.why]++;
	s->flows[way][fate_of(x)][six]++;
	if (way != SEEN_OTHER && way != SEEN_IN && way != SEEN_OWN)
		s->senders[sender_of(x)][six]++;
	s->protos[x->pkt.proto == 6 ? 0 : x->pkt.proto == 17 ? 1 : 2][six]++;
	s->again += again;
	s->told += x->told > 0;
	s->answers[way][six] += x->passes && x->must;
	s->refused_answers += x->passes && x->never;
	s->riding += x->passes && !x->must && !x->never;
}

static void print_row(const char *name, const uint64_t n[2])
{
	printf(" %s %" PRIu64 " + %" PRIu64, name, n[0], n[1]);
}

void seen_print(const struct seen *s, uint64_t seed)
{
	printf("# seed %" PRIu64 ": %" PRIu64 " policies (%" PRIu64 " refused), %" PRIu64 " pairs, each sent twice: %" PRIu64 " arrive, %" PRIu64
	       " are dropped; none left out\n#", seed, s->policies, s->refused, s->compared, s->arrived, s->dropped);
	for (unsigned i = 0; i <= VERDICT_DEFAULT; i++)
		printf(" %s %" PRIu64, pair_why(i), s->why[i]);
	printf("\n# again after a reload %" PRIu64 "; %" PRIu64 " with %" PRIu64 " records; opened for a time %" PRIu64 "\n# IPv4 + IPv6:",
	       s->again, s->told, s->hits, s->until);
	for (unsigned i = 0; i < 3; i++)
		print_row(protos[i], s->protos[i]);
	printf("; senders:");
	for (unsigned i = 0; i < SEEN_SENDERS; i++)
		print_row(senders[i], s->senders[i]);
	for (unsigned w = 0; w < SEEN_WAYS; w++) {
		printf("\n# %s:", ways[w]);
		for (unsigned f = 0; f < SEEN_FATES; f++)
			print_row(fates[f], s->flows[w][f]);
		print_row("answers", s->answers[w]);
	}
	printf("\n# %" PRIu64 " answers must not arrive; %" PRIu64 " more ride on the flow and are not compared\n", s->refused_answers, s->riding);
}

static const char *lacks(const char *a, const char *b, unsigned six)
{
	static char text[96];

	snprintf(text, sizeof(text), "%s, %s, IPv%u", a, b, six ? 6 : 4);
	return text;
}

/* What the kernel decides by itself leads to or from an open side, or to the firewall. */
static bool is_wanted(unsigned way, unsigned fate)
{
	const bool plans = way == SEEN_OUT || way == SEEN_IN || way == SEEN_HERE;

	return plans || (fate != SEEN_OPENED && fate != SEEN_SHUT);
}

static const char *lacks_way(const struct seen *s, unsigned w, unsigned six)
{
	for (unsigned f = 0; f < SEEN_FATES; f++)
		if (is_wanted(w, f) && !s->flows[w][f][six])
			return lacks(ways[w], fates[f], six);
	return s->answers[w][six] ? NULL : lacks(ways[w], "answers", six);
}

static const char *lacks_family(const struct seen *s, unsigned six)
{
	const char *what = NULL;

	for (unsigned i = 0; i < SEEN_SENDERS; i++)
		if (!s->senders[i][six])
			return lacks("senders", senders[i], six);
	for (unsigned i = 0; i < 3; i++)
		if (!s->protos[i][six])
			return lacks("protocols", protos[i], six);
	for (unsigned w = 0; !what && w < SEEN_OTHER; w++)
		what = lacks_way(s, w, six);
	return what;
}

const char *seen_missing(const struct seen *s, uint64_t policies)
{
	const char *what;

	if (s->policies < policies)
		return "too few policies were good";
	if (!s->until || !s->again || !s->refused_answers)
		return "nothing for a time, nothing again, or no answer that must not arrive";
	for (unsigned i = 0; i <= VERDICT_DEFAULT; i++)
		if (!s->why[i])
			return pair_why(i);
	what = lacks_family(s, 0);
	return what ? what : lacks_family(s, 1);
}
