/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of the policy's tests: what is asked can be answered, and the entry named could give that answer. */
#include "policy/policy_check.h"

#include <string.h>

#include "base/diag.h"

/* The families that an end can have; both where it gives none. */
static void families(const struct policy_check *c, const struct policy_test_end *e, bool *v4, bool *v6)
{
	*v4 = *v6 = true;
	if (e->addr.family) {
		*v4 = e->addr.family == 4;
		*v6 = e->addr.family == 6;
		return;
	}
	if (e->host == POLICY_NONE)
		return;
	*v4 = *v6 = false;
	for (uint32_t i = 0; i < c->p->hosts[e->host].n_nets; i++) {
		*v4 |= c->p->hosts[e->host].nets[i].addr.family == 4;
		*v6 |= c->p->hosts[e->host].nets[i].addr.family == 6;
	}
}

static void check_rule(struct policy_check *c, const struct policy_test *t)
{
	const struct policy_name *n = t->rule ? policy_names_find(&c->r->rules, t->rule) : NULL;
	const struct policy_rule *r = n ? &c->p->rules[n->index] : NULL;
	enum policy_action action = r ? r->action : c->p->fallback;

	if (!t->rule || (!r && strcmp(t->rule, "default") != 0))
		return;
	if (r && r->observe)
		diag_add2(c->d, DIAG_ERROR, t->expect_loc, r->loc, "it", "'%s' is observed and decides nothing: name "
			  "the entry that does",
			  t->rule);
	else if (action != t->expect && r)
		diag_add2(c->d, DIAG_ERROR, t->expect_loc, r->loc, "it", "'%s' never gives this: it says %s", t->rule,
			  word_name(policy_action_words, (int)action));
	else if (action != t->expect)
		diag_add(c->d, DIAG_ERROR, t->expect_loc, "the default never gives this: it says %s",
			 word_name(policy_action_words, (int)action));
}

void policy_check_tests(struct policy_check *c)
{
	for (uint32_t i = 0; i < c->p->n_tests; i++) {
		const struct policy_test *t = &c->p->tests[i];
		bool from4, from6, to4, to6;

		families(c, &t->from, &from4, &from6);
		families(c, &t->to, &to4, &to6);
		if (!(from4 && to4) && !(from6 && to6))
			diag_add2(c->d, DIAG_ERROR, t->to.loc, t->from.loc, "the other end", "one end is IPv4 and the "
				  "other IPv6: no packet is both");
		check_rule(c, t);
	}
}
